#include "sim/story.h"

#include <cstdio>
#include <string_view>
#include <variant>

#include "sim/batch.h"
#include "timestamp.h"

namespace holdfast::sim {
namespace {

template <typename... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Match(Cases...) -> Match<Cases...>;

std::string words(const std::variant<Silence, Response>& outcome) {
  if (auto* silence = std::get_if<Silence>(&outcome)) {
    switch (*silence) {
      case Silence::network: return "silence, the network failed";
      case Silence::timeout: return "silence, no answer in time";
      case Silence::not_sent: return "not sent";
      case Silence::unbuildable: return "unbuildable";
    }
  }
  const auto& response = std::get<Response>(outcome);
  std::string text = std::to_string(response.status);
  if (response.redirect) text += " redirect";
  if (!response.complete) text += " cut";
  if (!response.content_type.empty()) text += " " + response.content_type;
  if (!response.retry_after.empty()) text += " Retry-After: " + response.retry_after;
  return text + " " + response.body;
}

const std::string indent(28, ' ');

std::string words(const Write& e) {
  const char* kinds[] = {"create", "update", "delete"};
  std::string text = e.id + ": " + kinds[static_cast<int>(e.kind)] + " " + e.key.collection + "/" +
                     e.key.id + " " + e.change + (e.cascade ? ", cascading" : "");
  for (const auto& id : e.after) text += ", after " + id;
  return text;
}

std::string call(const std::string& client, std::int64_t number, std::int64_t acknowledged) {
  return " (" + client + " #" + std::to_string(number) + ", heard " +
         std::to_string(acknowledged) + ")";
}

std::string named(const char* word, const std::string& id) { return std::string(word) + " " + id; }

}  // namespace

void Story::tell(const Clock& clock, const std::string& line) const {
  std::printf("%s  %s\n", rfc3339(clock.wall()).c_str(), line.c_str());
}

std::string words(const Event& event) {
  return std::visit(
      Match{
          [](const Open&) -> std::string { return "open"; },
          [](const Write& e) {
            return "write " + words(e) + call(e.client, e.number, e.acknowledged);
          },
          [](const Transact& e) {
            std::string text = "transaction" + call(e.client, e.number, e.acknowledged);
            for (const auto& write : e.writes) text += "\n" + indent + words(write);
            return text;
          },
          [](const Retry& e) {
            return named("retry", e.id) + " as " + e.as + (e.may_duplicate ? ", or again" : "");
          },
          [](const Edit& e) {
            return named("edit", e.id) + " as " + e.as + ": " + e.change +
                   (e.may_duplicate ? ", or again" : "");
          },
          [](const Cancel& e) { return named("cancel", e.id); },
          [](const Discard& e) { return named("discard", e.id); },
          [](const Online&) -> std::string { return "online"; },
          [](const Offline&) -> std::string { return "offline"; },
          [](const Visible&) -> std::string { return "visible"; },
          [](const Watched&) -> std::string { return "watched"; },
          [](const Sync&) -> std::string { return "sync"; },
          [](const Pause&) -> std::string { return "pause"; },
          [](const Resume&) -> std::string { return "resume"; },
          [](const SignedIn&) -> std::string { return "signed in"; },
          [](const Tick&) -> std::string { return "tick"; },
          [](const Pull& e) { return named("pull", e.collection); },
          [](const Answered& e) {
            return "answered " + e.id + ", attempt " + std::to_string(e.attempt) + " of epoch " +
                   std::to_string(e.epoch) + ": " + words(e.outcome) +
                   (e.server_id.empty() ? "" : ", the app says it is " + e.server_id);
          },
          [](const BatchAnswered& e) {
            std::string text = "answered a batch of epoch " + std::to_string(e.epoch) + ",";
            for (const auto& member : e.members)
              text += " " + member.id + " attempt " + std::to_string(member.attempt);
            return text + ": " + words(e.outcome);
          },
          [](const Probed& e) {
            return "probed " + std::to_string(e.probe) + " of epoch " + std::to_string(e.epoch) +
                   ": " + words(e.outcome) + (e.check ? "" : ", checked: no");
          },
          [](const Pulled& e) {
            return "pulled " + e.collection + ", page " + std::to_string(e.pull) + " of epoch " +
                   std::to_string(e.epoch) + ", part " + std::to_string(e.part) +
                   (e.last ? ", the last: " : ": ") + words(e.outcome);
          },
      },
      event);
}

std::string words(const Result& result) {
  if (auto* refusal = std::get_if<Refusal>(&result)) return "refused, " + refusal->code;
  const auto& applied = std::get<Applied>(result);
  std::string text = "done";
  if (!applied.record.empty()) text += ": " + applied.record;
  for (const auto& record : applied.records) text += "\n" + indent + record;
  for (const auto& id : applied.gone) text += ", gone is " + id;
  return text;
}

std::string words(const Effect& effect) {
  return std::visit(
      Match{
          [](const Send& e) {
            return "send " + e.id + ", attempt " + std::to_string(e.attempt) + ": " + e.method +
                   " " + e.path + " " + e.body;
          },
          [](const SendBatch& e) {
            std::string text = "send a batch";
            for (const auto& send : members_of(e)) text += "\n" + indent + words(Effect(send));
            return text;
          },
          [](const Probe& e) { return named("probe", std::to_string(e.probe)); },
          [](const Fetch& e) {
            return "fetch page " + std::to_string(e.pull) + ": GET " + e.path + " " + e.etag;
          },
          [](const PullEnded& e) {
            return "pull of " + e.collection + " ended, " + std::to_string(e.pulled) + " arrived " +
                   e.problem;
          },
          [](const Settled& e) {
            const char* reasons[] = {"accepted", "discarded", "cancelled"};
            return named("settled", e.id) + ": " + reasons[static_cast<int>(e.reason)];
          },
          [](const Buried& e) { return named("buried", e.id) + " " + e.problem; },
          [](const SignIn&) -> std::string { return "asks to sign in"; },
      },
      effect);
}

}  // namespace holdfast::sim
