#include "sim/server.h"

#include <algorithm>

#include "sim/violation.h"
#include "timestamp.h"

namespace holdfast::sim {
namespace {

Server::Answer refusal(int status) {
  return {Response{.status = status,
                   .content_type = "application/problem+json",
                   .body = R"({"title":"No."})"},
          Meaning::refused};
}

Server::Answer in_progress() {
  return {Response{.status = 409,
                   .content_type = "application/problem+json",
                   .body = R"({"type":"https://example.org/request-in-progress"})"},
          Meaning::counted};
}

bool alike(const Send& a, const Send& b) {
  return a.method == b.method && a.path == b.path && a.body == b.body;
}

std::string unquoted(const std::string& text) {
  return text.size() < 2 ? text : text.substr(1, text.size() - 2);
}

}  // namespace

Server::Answer Server::take(const Send& send, std::int64_t number, bool silent) {
  auto [at, is_new] = keys_.try_emplace(send.id, Known{send, -1, std::nullopt});
  Known& known = at->second;
  if (!is_new && !alike(known.first, send))
    throw Violation("an attempt of " + send.id + " is not like the first: " + send.method + " " +
                    send.path + " " + send.body + ", first " + known.first.method + " " +
                    known.first.path + " " + known.first.body);
  if (known.answer) return *known.answer;
  if (running_.contains(send.id)) return in_progress();
  if (number <= known.refused_to) return refusal(422);
  Answer answer = apply(send, silent);
  if (answer.meaning == Meaning::accepted) {
    known.answer = answer;
    applied_.push_back(send.id);
  } else {
    known.refused_to = number;
  }
  return answer;
}

void Server::refuse(const Send& send, std::int64_t number) {
  Known& known = keys_.try_emplace(send.id, Known{send, -1, std::nullopt}).first->second;
  known.refused_to = std::max(known.refused_to, number);
}

bool Server::has_applied(const MutationId& id) const {
  auto known = keys_.find(id);
  return known != keys_.end() && known->second.answer;
}

Server::Answer Server::apply(const Send& send, bool silent) {
  auto body = body_of(send.body);
  for (const auto& [collection, path] : paths_) {
    if (!send.path.starts_with(path)) continue;
    std::string rest = send.path.substr(path.size());
    bool creates = send.method == "POST" && rest.empty() && body && body->contains("id");
    bool names_one = rest.size() > 1 && rest[0] == '/' && (send.method == "DELETE" || body);
    if (!creates && !names_one) break;
    Name name{collection, creates ? unquoted(body->at("id")) : rest.substr(1)};
    auto found = records_.find(name);
    bool there = found != records_.end() && found->second.body;
    if (creates && there) return refusal(409);
    if (!creates && !there) {
      Answer missing = refusal(404);
      if (send.method == "DELETE") missing.meaning = Meaning::accepted;
      return missing;
    }
    Stored& stored = put(name, send.method == "DELETE" ? std::nullopt : body);
    Answer answer{Response{.status = creates ? 201 : 200}, Meaning::accepted, std::nullopt,
                  stored.version};
    if (stored.body && !silent) {
      answer.record = stored.body;
      answer.response.content_type = "application/json";
      answer.response.body = text_of(*stored.body);
    } else {
      answer.response.status = 204;
    }
    return answer;
  }
  throw Violation("no such request: " + send.method + " " + send.path + " " + send.body);
}

Server::Stored& Server::put(const Name& name, std::optional<Body> body) {
  Stored& stored = records_[name];
  stored.version = ++version_;
  if (body && adds_) (*body)["rev"] = std::to_string(version_);
  stored.body = std::move(body);
  return stored;
}

Server::Answer Server::page(const std::string& path, std::size_t most, Page& page) const {
  std::string collection;
  for (const auto& [name, base] : paths_)
    if (path.starts_with(base + "?")) collection = name;
  if (collection.empty()) throw Violation("no such pull: " + path);
  auto at = path.find("&since=");
  Version since = at == path.npos ? 0 : std::stoll(path.substr(at + 7));
  std::vector<PageEntry> news;
  for (const auto& [name, stored] : records_)
    if (name.first == collection && stored.version > since)
      news.push_back({name.second, stored.body, stored.version});
  std::ranges::sort(news, {}, &PageEntry::version);
  page.more = news.size() > most;
  if (page.more) news.resize(most);
  std::string records, deleted;
  for (const auto& entry : news)
    if (entry.body) records += (records.empty() ? "" : ",") + text_of(*entry.body);
    else deleted += (deleted.empty() ? "" : ",") + quoted(entry.id);
  Version cursor = news.empty() ? since : news.back().version;
  page.entries = std::move(news);
  return {Response{.status = 200,
                   .content_type = "application/json",
                   .body = "{\"records\":[" + records + "],\"deleted\":[" + deleted +
                           "],\"cursor\":\"" + std::to_string(cursor) +
                           "\",\"more\":" + (page.more ? "true" : "false") + "}"},
          Meaning::accepted};
}

void Server::change_elsewhere(Tape& tape, Time truth) {
  std::vector<Name> there;
  for (const auto& [name, stored] : records_)
    if (stored.body) there.push_back(name);
  Name name;
  Body body;
  if (there.empty() || tape.draw(3) == 0) {
    auto path = paths_.begin();
    std::advance(path, static_cast<std::ptrdiff_t>(tape.draw(paths_.size())));
    name = {path->first, "x" + std::to_string(++made_elsewhere_)};
    body["id"] = quoted(name.second);
  } else {
    name = tape.pick(there);
    body = *records_.at(name).body;
  }
  body["other"] = std::to_string(version_);
  body["updatedAt"] = quoted(rfc3339(truth));
  put(name, std::move(body)).elsewhere = true;
}

bool Server::delete_elsewhere(Tape& tape) {
  std::vector<Name> there;
  for (const auto& [name, stored] : records_)
    if (stored.body) there.push_back(name);
  if (there.empty()) return false;
  put(tape.pick(there), std::nullopt).elsewhere = true;
  return true;
}

void Server::touch() {
  for (auto& [name, stored] : records_)
    if (stored.elsewhere) stored.version = ++version_;
}

}  // namespace holdfast::sim
