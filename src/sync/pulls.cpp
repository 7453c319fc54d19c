#include "pulls.h"

#include <algorithm>
#include <utility>

#include "../backoff.h"
#include "../json.h"
#include "../verdict.h"
#include "folding.h"
#include "request.h"

namespace holdfast {
namespace {

constexpr Time kAtOnce{};  // Due, whatever the clock says.
constexpr int kPages = 2;                               // Pages under way.
constexpr Duration kApart = std::chrono::seconds(10);   // Pulls after what was settled.
constexpr Duration kSoon = std::chrono::seconds(10);    // As of attempts.cpp: who answers probes
constexpr int kStrays = 3;                              // so soon before is there.
constexpr std::int64_t kSwept = 500;                    // Records compared at once.

// RFC 3986, 2.3: all but the unreserved characters.
std::string percent_encoded(const std::string& text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out += c;
    else out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
  }
  return out;
}

std::string source_of(const Collection& collection) {
  const Pulling& pull = collection.pull;
  if (!pull.path.empty()) return pull.path;
  return collection.path + (pull.full ? "" : "?limit={limit}&since={cursor}");
}

// The path with what stands for its {cursor} and {limit}.
std::string filled_in(std::string path, const std::string& cursor, int limit) {
  auto at = path.find("{cursor}");
  if (at != path.npos && cursor.empty()) {
    auto from = path.find_last_of("?&", at);
    if (from != path.npos) {
      auto to = std::min(path.find('&', at), path.size());
      // What comes after it takes its '?'.
      if (path[from] == '?' && to < path.size()) path.erase(from + 1, to - from);
      else path.erase(from, to - from);
      at = path.npos;
    }
  }
  if (at != path.npos) path.replace(at, 8, percent_encoded(cursor));
  at = path.find("{limit}");
  if (at != path.npos) path.replace(at, 7, std::to_string(limit));
  return path;
}

}  // namespace

// When.

Result Pulls::pull(const Pull& e, Turn& turn) {
  if (!config_.collections.contains(e.collection))
    return Refusal{"unknown-collection", "There is no collection of this name."};
  Cursor cursor = store_.cursors.find(e.collection);
  cursor.asked = true;
  if (!cursor.pull && !cursor.swept) cursor.due_at = kAtOnce;
  store_.cursors.save(e.collection, cursor);
  if (!turn.way.paused) turn.way.nudge(turn.now, false);
  return Applied{};
}

void Pulls::hurry() {
  for (const auto& [name, collection] : config_.collections) {
    if (!collection.pull.itself) continue;
    Cursor cursor = store_.cursors.find(name);
    if (cursor.opened) continue;
    cursor.due_at = kAtOnce;
    store_.cursors.save(name, cursor);
  }
}

void Pulls::watched(const Turn& turn) {
  for (const auto& [name, collection] : config_.collections) {
    const Pulling& pull = collection.pull;
    if (!pull.itself || pull.interval == Duration(0)) continue;
    Cursor cursor = store_.cursors.find(name);
    if (cursor.opened || cursor.due_at) continue;
    cursor.due_at = std::clamp(cursor.ended_at + pull.interval, turn.now, turn.now + pull.interval);
    store_.cursors.save(name, cursor);
  }
}

void Pulls::follow(const Turn& turn) {
  for (const auto& [name, collection] : config_.collections) {
    if (!collection.pull.itself) continue;
    Cursor cursor = store_.cursors.find(name);
    if (cursor.opened || cursor.began >= store_.counters.confirmations) continue;
    Time at = std::clamp(cursor.ended_at + kApart, turn.now, turn.now + kApart);
    if (cursor.due_at && *cursor.due_at <= at) continue;
    cursor.due_at = at;
    store_.cursors.save(name, cursor);
  }
}

std::optional<Time> Pulls::next_due(const Turn& turn) {
  auto next = store_.cursors.next_due();
  if (!next) return next;
  if (*next > turn.now) {
    // Set by a clock that was ahead: no pull waits as long as that.
    Duration longest = config_.backoff_cap;
    for (const auto& [name, collection] : config_.collections)
      longest = std::max(longest, collection.pull.interval);
    if (*next <= turn.now + longest) return next;
    store_.cursors.hurry();
    return turn.now;
  }
  // Without room for it the end of another is waited for.
  if (store_.cursors.due(turn.now, kPages).empty()) return std::nullopt;
  return next;
}

void Pulls::go(Turn& turn) {
  if (turn.way.may_send(turn.now)) {
    for (const auto& name : store_.cursors.due(turn.now, kPages)) fetch_page(name, turn);
    return;
  }
  if (turn.way.state == Reachability::State::probing && !turn.way.paused) return;
  Json problem = turn.way.paused ? json::problem("Paused", "The app has asked for silence.")
                 : turn.way.wait == Status::Wait::sign_in
                     ? json::problem("Signed out", "The API wants new credentials.")
                     : json::problem("Not reachable", turn.way.reason);
  for (const auto& name : store_.cursors.waited_for()) {
    Cursor cursor = store_.cursors.find(name);
    end(name, cursor, problem, kAtOnce, turn);
  }
}

// Pages.

void Pulls::fetch_page(const std::string& name, Turn& turn) {
  const Collection& collection = config_.collections.at(name);
  const Pulling& pull = collection.pull;
  Counters& counters = store_.counters;
  Cursor cursor = store_.cursors.find(name);
  cursor.pull = ++counters.pull;
  if (!cursor.opened) {
    cursor.opened = cursor.pull;
    std::string source = source_of(collection);
    // A list that has not changed says nothing of what was settled since.
    bool moved = std::exchange(cursor.source, source) != source;
    if (moved || (pull.full && cursor.began != counters.confirmations)) cursor.etag.clear();
    if (moved || pull.full) cursor.text.clear();
    if (pull.full) store_.cursors.forget_seen(name);
    cursor.began = counters.confirmations;
    cursor.pulled = 0;
    if (counters.pulling++ == 0) counters.pulled = 0;
  }
  cursor.part = 0;
  cursor.since = counters.confirmations;
  cursor.again = false;
  cursor.due_at.reset();
  store_.cursors.save(name, cursor);
  bool first = cursor.opened == cursor.pull;
  turn.step.effects.push_back(Fetch{counters.epoch, cursor.pull, name,
                                    filled_in(cursor.source, cursor.text, pull.limit),
                                    first ? cursor.etag : "", pull.maps});
}

Result Pulls::pulled(const Pulled& e, Turn& turn) {
  Cursor cursor = store_.cursors.find(e.collection);
  if (e.epoch != store_.counters.epoch || !cursor.pull || cursor.pull != e.pull ||
      cursor.part != e.part)
    return Applied{};
  const Collection& collection = config_.collections.at(e.collection);
  auto* response = std::get_if<Response>(&e.outcome);
  bool unchanged = response && response->status == 304 && cursor.opened == cursor.pull &&
                   !cursor.etag.empty();
  Overrides overrides{.sign_in = collection.overrides.sign_in};
  if (!unchanged &&
      (!response || judge(Kind::update, *response, overrides) != Verdict::accepted)) {
    fail(e.collection, cursor, e.outcome, turn);
    return Applied{};
  }
  bool idle = store_.counters.unsettled == store_.counters.dead;
  if (idle) turn.way.accepted();  // Nothing waits whose own backoff this would shorten.
  else turn.way.read();
  if (unchanged) end(e.collection, cursor, "", std::nullopt, turn);
  else take_part(e, *response, cursor, turn);
  return Applied{};
}

void Pulls::take_part(const Pulled& e, const Response& response, Cursor& cursor, Turn& turn) {
  auto broken = [&](const Json& problem) {
    end(e.collection, cursor, problem, after_backoff(e.collection, cursor, turn), turn);
  };
  const Collection& collection = config_.collections.at(e.collection);
  std::optional<json::Page> page;
  if (e.flaw.empty()) page = json::page(response.body);
  if (!page)
    return broken(json::problem("Not a page", !e.flaw.empty()
                                                  ? e.flaw
                                                  : "The answer is not { records, deleted, "
                                                    "cursor, more } with usable ids."));
  for (const auto& entry : page->records) {
    bool passed = take(e.collection, entry.id, entry.body, cursor, turn);
    cursor.again = cursor.again || passed;
  }
  for (const auto& id : page->deleted) {
    bool passed = take(e.collection, id, std::nullopt, cursor, turn);
    cursor.again = cursor.again || passed;
  }
  auto brought = static_cast<std::int64_t>(page->records.size() + page->deleted.size());
  cursor.pulled += brought;
  store_.counters.pulled += brought;
  if (!e.last) {
    ++cursor.part;
    return store_.cursors.save(e.collection, cursor);
  }
  store_.records.forget(e.collection, cursor.since);
  bool full = collection.pull.full;
  bool again = cursor.again && !full;  // The next list has it anyway.
  if (page->more && page->cursor == cursor.text)
    return broken(
        json::problem("No progress", "The page says more, but its cursor did not move."));
  bool moves = !page->cursor.empty() && page->cursor != cursor.text;
  bool whole = cursor.opened == cursor.pull && !page->more && !again && (full || !moves);
  cursor.etag = whole ? response.etag : "";
  if (moves && !again) cursor.text = page->cursor;
  if (page->more || again) {
    cursor.pull = 0;
    cursor.due_at = kAtOnce;
    return store_.cursors.save(e.collection, cursor);
  }
  if (!full) return end(e.collection, cursor, "", std::nullopt, turn);
  cursor.pull = 0;
  cursor.swept = "";
  store_.cursors.save(e.collection, cursor);
}

// One record of a page, or a deletion in it, by what the server calls it. Answers whether it was
// passed over and may be newer than what is here.
bool Pulls::take(const std::string& name, const std::string& id,
                 const std::optional<Json>& version, const Cursor& cursor, Turn& turn) {
  const Collection& collection = config_.collections.at(name);
  auto own = store_.records.called(name, id);
  Key key{name, own.value_or(id)};
  // Deleted and made anew under this id, it has another name there: that is another record.
  if (Json its = store_.records.find(key).server_id; !its.empty() && json::text(its) != id)
    return false;
  if (version && collection.pull.full) store_.cursors.see(key);
  if (!version) return move_base(key, std::nullopt, cursor.since, turn);
  Json body = own ? json::with_id(*version, '"' + *own + '"') : *version;
  return move_base(key, taken_in(body, store_.records, collection), cursor.since, turn);
}

// Makes a version that was pulled the base, unless an answer has confirmed one since the page was
// asked for. What is unsettled stays on top. Answers whether another version was passed over.
bool Pulls::move_base(const Key& key, const std::optional<Json>& version, std::int64_t since,
                      Turn& turn) {
  Record record = store_.records.find(key);
  if (record.confirmed > since) return record.base != version;
  if (record.head && !config_.collections.at(key.collection).pull.full &&
      store_.outbox.at(record.head)->attempts > 0)
    store_.cursors.doubt(key, store_.cursors.find(key.collection).text);
  // Of a record that was deleted there and changed here the app goes on seeing the whole, until
  // the changes are settled.
  bool gone = !version && record.tail;
  if (record.gone == gone && (gone || record.base == version)) {
    // A tombstone that is confirmed by the page.
    if (!version && !record.tail) store_.records.save(key, record);
    return false;
  }
  record.gone = gone;
  if (!gone) {
    record.base = version;
    record.body = fold(version, store_.outbox.chain(record.tail));
  }
  store_.records.save(key, record);
  turn.changed.insert(key.collection);
  return false;
}

bool Pulls::sweep(Turn& turn) {
  for (const auto& name : store_.cursors.sweeping()) {
    Cursor cursor = store_.cursors.find(name);
    std::string last;
    for (const auto& id : store_.cursors.unseen(name, *cursor.swept, kSwept, last)) {
      Record record = store_.records.find({name, id});
      if (!record.base || record.gone || record.confirmed > cursor.began) continue;
      move_base({name, id}, std::nullopt, cursor.began, turn);
      ++cursor.pulled;
      ++store_.counters.pulled;
    }
    cursor.swept = last;
    if (last.empty()) end(name, cursor, "", std::nullopt, turn);
    else store_.cursors.save(name, cursor);
  }
  return !store_.cursors.sweeping().empty();
}

// Ends.

void Pulls::fail(const std::string& name, Cursor& cursor,
                 const std::variant<Silence, Response>& outcome, Turn& turn) {
  auto* silence = std::get_if<Silence>(&outcome);
  auto* response = std::get_if<Response>(&outcome);
  std::string reason = silence ? told(*silence) : told(*response);
  Json problem = silence ? json::problem("No answer", reason) : json::problem(*response);
  auto why = Status::Wait::nothing;
  if (silence) {
    if (*silence == Silence::network || *silence == Silence::timeout) why = Status::Wait::network;
  } else {
    const auto& sign_in = config_.collections.at(name).overrides.sign_in;
    switch (judge(Kind::update, *response, {.sign_in = sign_in})) {
      case Verdict::unreachable: why = Status::Wait::network; break;
      case Verdict::overloaded: why = Status::Wait::origin; break;
      case Verdict::sign_in: why = Status::Wait::sign_in; break;
      default: break;
    }
    if (!response->complete)
      problem = json::problem("Cut short", "The answer broke off, or is larger than is read.");
    else if (response->status >= 200 && response->status < 300)
      problem = json::problem("Not a page", reason);
  }
  // The API answers probes and not this: others go on.
  bool stray = why == Status::Wait::network && cursor.setbacks + 1 >= kStrays &&
               turn.way.state == Reachability::State::open &&
               turn.now <= turn.way.fresh_until - config_.probe_fresh + kSoon;
  if (why == Status::Wait::nothing || stray)
    return end(name, cursor, problem, after_backoff(name, cursor, turn), turn);
  if (why == Status::Wait::sign_in &&
      std::exchange(turn.way.wait, Status::Wait::sign_in) != Status::Wait::sign_in)
    turn.step.effects.push_back(SignIn{});
  turn.way.attempt_failed(turn.now, attempts_.setback(why, "Pull: " + reason,
                                                      store_.sessions.any() + name, response,
                                                      turn));
  end(name, cursor, problem, kAtOnce, turn);
}

void Pulls::end(const std::string& name, Cursor& cursor, const Json& problem,
                std::optional<Time> again, Turn& turn) {
  if (std::exchange(cursor.opened, 0) != 0) {
    --store_.counters.pulling;
    if (problem.empty()) cursor.ended_at = turn.now;
    cursor.setbacks = problem.empty() ? 0 : cursor.setbacks + 1;
  }
  cursor.pull = 0;
  cursor.asked = false;
  cursor.swept.reset();
  cursor.due_at = config_.collections.at(name).pull.itself ? again : std::nullopt;
  store_.cursors.save(name, cursor);
  store_.records.forget(name, store_.counters.confirmations);
  turn.step.effects.push_back(PullEnded{name, std::exchange(cursor.pulled, 0), problem});
}

Time Pulls::after_backoff(const std::string& name, const Cursor& cursor, const Turn& turn) {
  return turn.now + backoff(store_.sessions.any() + name, cursor.setbacks + 1,
                            config_.backoff_base, config_.backoff_cap);
}

}  // namespace holdfast
