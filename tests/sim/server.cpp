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
          Outcome{.meaning = Meaning::refused, .unknown = status == 409}};
}

Server::Answer in_progress() {
  return {Response{.status = 409,
                   .content_type = "application/problem+json",
                   .body = R"({"type":"https://example.org/request-in-progress"})"},
          Outcome{.meaning = Meaning::counted, .unknown = true}};
}

Server::Answer showing(int status, const Body& body, Version version) {
  return {Response{.status = status, .content_type = "application/json", .body = text_of(body)},
          Outcome{.meaning = Meaning::accepted,
                  .record = body,
                  .server_id = body.at("id"),
                  .version = version}};
}

bool alike(const Send& a, const Send& b) {
  return a.method == b.method && a.path == b.path && a.body == b.body;
}

}  // namespace

Server::Answer Server::take(const Send& send, std::int64_t number, bool silent) {
  forget(send);
  auto [at, is_new] = keys_.try_emplace(send.id, Known{send});
  Known& known = at->second;
  if (!is_new && !alike(known.first, send))
    throw Violation("an attempt of " + send.id + " is not like the first: " + send.method + " " +
                    send.path + " " + send.body + ", first " + known.first.method + " " +
                    known.first.path + " " + known.first.body);
  if (known.answer) return *known.answer;
  if (running_.contains(send.id)) return in_progress();
  if (number <= known.refused_to) return refusal(422);
  Answer answer = apply(send, silent);
  if (answer.outcome.meaning == Meaning::accepted) {
    known.answer = answer;
    known.since = clock_.elapsed;
    told_absent_.erase(send.id);
    if (is_applied_.insert(send.id).second) applied_.push_back(send.id);
  } else {
    known.refused_to = number;
  }
  return answer;
}

// A key that is past its lifetime is as good as none: a create could take effect twice. To replace
// or delete a record twice is no more than once.
void Server::forget(const Send& send) {
  auto at = keys_.find(send.id);
  if (!traits_.key_lifetime || at == keys_.end() || running_.contains(send.id)) return;
  if (!at->second.answer || clock_.elapsed - at->second.since < *traits_.key_lifetime) return;
  ++forgotten_;
  bool repeats = std::ranges::any_of(
      traits_.repeats, [&](const auto& name) { return send.path == traits_.paths.at(name); });
  if (send.method == "POST" && !repeats && !told_absent_.contains(send.id))
    throw Violation(send.id + " was applied, and comes again when its key is forgotten");
  keys_.erase(at);
}

void Server::keep_keys_longer(Duration more) {
  if (traits_.key_lifetime) *traits_.key_lifetime += more;
}

Server::Answer Server::find(const Send& send) {
  for (const auto& [name, stored] : records_)
    if (stored.body && send.path == traits_.paths.at(name.first) + "/" + name.second)
      return showing(200, *stored.body, stored.version);
  told_absent_.insert(send.id);
  Answer answer = refusal(404);
  answer.outcome.meaning = Meaning::absent;
  return answer;
}

void Server::refuse(const Send& send, std::int64_t number) {
  Known& known = keys_.try_emplace(send.id, Known{send}).first->second;
  known.refused_to = std::max(known.refused_to, number);
}

Server::Answer Server::apply(const Send& send, bool silent) {
  auto body = body_of(send.body);
  for (const auto& [collection, path] : traits_.paths) {
    if (!send.path.starts_with(path)) continue;
    std::string rest = send.path.substr(path.size());
    bool creates = send.method == "POST" && rest.empty() && body;
    bool names_one = rest.size() > 1 && rest[0] == '/' && (send.method == "DELETE" || body);
    bool chooses = creates && traits_.chooses.contains(collection);
    if (chooses) {
      std::string id = std::to_string(100 + ++made_);
      (*body)["id"] = traits_.numbers ? id : quoted("s" + id);
    }
    if (!(creates && body->contains("id")) && !names_one) break;
    Name name{collection, creates ? unquoted(body->at("id")) : rest.substr(1)};
    auto found = records_.find(name);
    bool there = found != records_.end() && found->second.body;
    if (creates && there) return refusal(409);
    if (!creates && !there) {
      Answer missing = refusal(404);
      if (send.method == "DELETE") missing.outcome.meaning = Meaning::accepted;
      return missing;
    }
    Stored& stored = put(name, send.method == "DELETE" ? std::nullopt : body);
    if (stored.body && (!silent || chooses))
      return showing(creates ? 201 : 200, *stored.body, stored.version);
    return {Response{.status = 204},
            Outcome{.meaning = Meaning::accepted, .version = stored.version}};
  }
  throw Violation("no such request: " + send.method + " " + send.path + " " + send.body);
}

Server::Stored& Server::put(const Name& name, std::optional<Body> body) {
  Stored& stored = records_[name];
  stored.version = ++version_;
  if (body && traits_.adds) (*body)["rev"] = std::to_string(version_);
  stored.body = std::move(body);
  return stored;
}

Server::Answer Server::page(const std::string& path, std::size_t most, const std::string& etag,
                            Page& page) const {
  std::string collection;
  for (const auto& [name, base] : traits_.paths)
    if (path == base || path.starts_with(base + "?")) collection = name;
  if (collection.empty()) throw Violation("no such pull: " + path);
  bool full = path.find("limit=") == path.npos;
  bool paged = !full || path.find('?') != path.npos;
  auto at = path.find(full ? "after=" : "since=");
  std::string cursor = at == path.npos ? "" : path.substr(at + 6);
  Version since = full || cursor.empty() ? 0 : std::stoll(cursor);
  std::vector<PageEntry> news;
  for (const auto& [name, stored] : records_)
    if (name.first == collection && (full ? stored.body && name.second > cursor
                                          : stored.version > since))
      news.push_back({name.second, stored.body, stored.version});
  if (!full) std::ranges::sort(news, {}, &PageEntry::version);
  std::string tag = "\"" + std::to_string(news.size());
  for (const auto& entry : news) tag += "." + std::to_string(entry.version);
  tag += "\"";
  if (tag == etag) {
    page.unchanged = true;
    return {Response{.status = 304, .etag = tag}, Outcome{.meaning = Meaning::accepted}};
  }
  page.more = paged && news.size() > most;
  if (page.more) news.resize(most);
  std::string records, deleted;
  for (const auto& entry : news)
    if (entry.body) records += (records.empty() ? "" : ",") + text_of(*entry.body);
    else deleted += (deleted.empty() ? "" : ",") + quoted(entry.id);
  if (!news.empty()) cursor = full ? news.back().id : std::to_string(news.back().version);
  page.entries = std::move(news);
  return {Response{.status = 200,
                   .content_type = "application/json",
                   .etag = tag,
                   .body = "{\"records\":[" + records + "],\"deleted\":[" + deleted +
                           "],\"cursor\":\"" + cursor +
                           "\",\"more\":" + (page.more ? "true" : "false") + "}"},
          Outcome{.meaning = Meaning::accepted}};
}

void Server::change_elsewhere(Tape& tape, Time truth) {
  std::vector<Name> there;
  for (const auto& [name, stored] : records_)
    if (stored.body) there.push_back(name);
  Name name;
  Body body;
  if (there.empty() || tape.draw(3) == 0) {
    auto path = traits_.paths.begin();
    std::advance(path, static_cast<std::ptrdiff_t>(tape.draw(traits_.paths.size())));
    name = {path->first, "x" + std::to_string(++made_elsewhere_)};
    body["id"] = quoted(name.second);
  } else {
    name = tape.pick(there);
    body = *records_.at(name).body;
  }
  body["other"] = std::to_string(version_);
  body["updatedAt"] = quoted(rfc3339(truth));
  put(name, std::move(body));
}

bool Server::delete_elsewhere(Tape& tape) {
  std::vector<Name> there;
  for (const auto& [name, stored] : records_)
    if (stored.body) there.push_back(name);
  if (there.empty()) return false;
  put(tape.pick(there), std::nullopt);
  return true;
}

void Server::touch() {
  for (auto& [name, stored] : records_) stored.version = ++version_;
}

}  // namespace holdfast::sim
