#include "sim/story.h"

#include <cstdio>
#include <string_view>
#include <variant>

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
            const char* kinds[] = {"create", "update", "delete"};
            return "write " + e.id + ": " + kinds[static_cast<int>(e.kind)] + " " +
                   e.key.collection + "/" + e.key.id + " " + e.change + " (" + e.client + " #" +
                   std::to_string(e.number) + ", heard " + std::to_string(e.acknowledged) + ")";
          },
          [](const Retry& e) { return named("retry", e.id); },
          [](const Discard& e) { return named("discard", e.id); },
          [](const Online&) -> std::string { return "online"; },
          [](const Offline&) -> std::string { return "offline"; },
          [](const Visible&) -> std::string { return "visible"; },
          [](const Sync&) -> std::string { return "sync"; },
          [](const Pause&) -> std::string { return "pause"; },
          [](const Resume&) -> std::string { return "resume"; },
          [](const SignedIn&) -> std::string { return "signed in"; },
          [](const Tick&) -> std::string { return "tick"; },
          [](const Pull& e) { return named("pull", e.collection); },
          [](const Answered& e) {
            return "answered " + e.id + ", attempt " + std::to_string(e.attempt) + " of epoch " +
                   std::to_string(e.epoch) + ": " + words(e.outcome);
          },
          [](const Probed& e) {
            return "probed " + std::to_string(e.probe) + " of epoch " + std::to_string(e.epoch) +
                   ": " + words(e.outcome) + (e.check ? "" : ", checked: no");
          },
          [](const Pulled& e) {
            return "pulled " + e.collection + ", page " + std::to_string(e.pull) + " of epoch " +
                   std::to_string(e.epoch) + ": " + words(e.outcome);
          },
      },
      event);
}

std::string words(const Result& result) {
  if (auto* refusal = std::get_if<Refusal>(&result)) return "refused, " + refusal->code;
  const auto& record = std::get<Applied>(result).record;
  return record.empty() ? "done" : "done: " + record;
}

std::string words(const Effect& effect) {
  return std::visit(
      Match{
          [](const Send& e) {
            return "send " + e.id + ", attempt " + std::to_string(e.attempt) + ": " + e.method +
                   " " + e.path + " " + e.body;
          },
          [](const Probe& e) { return named("probe", std::to_string(e.probe)); },
          [](const Fetch& e) {
            return "fetch page " + std::to_string(e.pull) + ": GET " + e.path;
          },
          [](const PullEnded& e) {
            return "pull of " + e.collection + " ended, " + std::to_string(e.pulled) + " arrived " +
                   e.problem;
          },
          [](const Settled& e) {
            return named("settled", e.id) +
                   (e.reason == Settled::Reason::accepted ? ": accepted" : ": discarded");
          },
          [](const Buried& e) { return named("buried", e.id) + " " + e.problem; },
          [](const SignIn&) -> std::string { return "asks to sign in"; },
      },
      effect);
}

}  // namespace holdfast::sim
