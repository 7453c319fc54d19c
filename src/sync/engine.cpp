#include "engine.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "../backoff.h"
#include "../json.h"
#include "../store/query.h"
#include "../store/vfs.h"
#include "../timestamp.h"
#include "../verdict.h"
#include "request.h"

namespace holdfast {
namespace {

constexpr std::int64_t kPageSize = 500;

const Refusal kDiskFull{"disk-full", "The disk is full."};

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

std::string told(Silence silence) {
  switch (silence) {
    case Silence::network: return "No answer came: the network failed.";
    case Silence::timeout: return "No answer came in time.";
    case Silence::not_sent: return "It was not sent: the app's headers did not come.";
    case Silence::unbuildable: return "No such request can be made.";
  }
  assert(false);
}

std::string told(const Response& response) {
  if (response.redirect) return "The answer was a redirect to elsewhere.";
  if (response.status >= 200 && response.status < 300)
    return "The answer was not the API's: a captive portal, perhaps.";
  return "The server answered " + std::to_string(response.status) + ".";
}

}  // namespace

Engine::Engine(Database& db, Config config)
    : db_(db),
      config_(std::move(config)),
      records_(db),
      outbox_(db, counters_),
      sessions_(db),
      cursors_(db) {}

Step Engine::handle(std::span<const Event> events, Time now) {
  try {
    return run(events, now);
  } catch (const StorageError& error) {
    if (!error.full()) throw;
  }
  try {
    db_.checkpoint();
    return run(events, now);
  } catch (const StorageError& error) {
    if (!error.full()) throw;
  }
  return drain(events, now);
}

Step Engine::run(std::span<const Event> events, Time now) {
  Turn turn;
  Transaction transaction(db_);
  turn.now = now;
  turn.way = load_reachability(db_);
  counters_ = load_counters(db_);
  const Reachability way_before = turn.way;
  const Counters counters_before = counters_;
  turn.way.mend(now, config_.probe_fresh, config_.backoff_cap);
  for (const auto& event : events)
    turn.step.results.push_back(std::visit([&](const auto& e) { return on(e, turn); }, event));
  dispatch(turn);
  if (!(turn.way == way_before)) save_reachability(db_, turn.way);
  save_counters(db_, counters_before, counters_);
  turn.step.status = status(counters_, turn.way);
  transaction.commit();
  turn.step.changed.assign(turn.changed.begin(), turn.changed.end());
  return std::move(turn.step);
}

Step Engine::drain(std::span<const Event> events, Time now) {
  std::vector<Event> others;
  for (const auto& event : events)
    if (!std::holds_alternative<Write>(event)) others.push_back(event);
  Step step;
  try {
    step = run(others, now);
  } catch (const StorageError& error) {
    if (!error.full() || !db_.vfs().release_ballast()) throw;
    db_.checkpoint();
    step = run(others, now);
  }
  auto result = step.results.begin();
  std::vector<Result> results;
  for (const auto& event : events) {
    auto* write = std::get_if<Write>(&event);
    if (!write) {
      results.push_back(std::move(*result++));
    } else if (auto answer = sessions_.answered(*write); answer && !answer->refusal) {
      results.push_back(Applied{query::row(db_, write->key)});
    } else {
      results.push_back(kDiskFull);
    }
  }
  step.results = std::move(results);
  return step;
}

Result Engine::on(const Open&, Turn& turn) {
  ++counters_.epoch;
  outbox_.recover();
  cursors_.recover();
  turn.way.open_session();
  return Applied{};
}

Result Engine::on(const Write& write, Turn& turn) {
  if (auto answer = sessions_.answered(write)) {
    if (answer->refusal) return *answer->refusal;
    return Applied{query::row(db_, write.key)};
  }
  if (db_.vfs().low()) return kDiskFull;  // Not remembered: when repeated, there may be room.
  auto refusal = flaw(write);
  Result result = refusal ? *refusal : apply(write);
  auto* refused = std::get_if<Refusal>(&result);
  sessions_.answer(write, refused ? std::optional(*refused) : std::nullopt);
  if (!refused) turn.changed.insert(write.key.collection);
  return result;
}

// What is wrong with a write, whatever its record is.
std::optional<Refusal> Engine::flaw(const Write& write) {
  if (!config_.collections.contains(write.key.collection))
    return Refusal{"unknown-collection", "There is no collection of this name."};
  if (!json::valid_id(write.key.id))
    return Refusal{"bad-id",
                   "An id is 1 to 128 characters of A-Z a-z 0-9 . _ ~ : @ - and not '.' or '..'."};
  if (!json::valid_id(write.id)) return Refusal{"bad-id", "The mutation's id is none."};
  if (static_cast<std::int64_t>(write.change.size()) > config_.max_body)
    return Refusal{"too-large", "The change is larger than " + std::to_string(config_.max_body) +
                                    " bytes of JSON."};
  return std::nullopt;
}

// Records a write, unless it is no change or does not fit its record.
Result Engine::apply(const Write& write) {
  Record record = records_.find(write.key);
  Mutation mutation;
  mutation.id = write.id;
  mutation.kind = write.kind;
  mutation.key = write.key;
  mutation.written_at = write.at;
  mutation.prev = record.tail;
  Time stamp = write.at;
  if (record.body)
    if (auto last = parse_rfc3339(json::member(*record.body, "updatedAt")))
      stamp = std::max(stamp, *last + Duration(1));
  std::string flaw;
  mutation.change = json::stamped(write.kind, write.change, write.key.id, rfc3339(stamp), flaw);
  if (!flaw.empty()) return Refusal{"bad-body", "The change " + flaw + "."};
  if (counters_.unsettled >= config_.max_outbox)
    return Refusal{"outbox-full", "The outbox holds " + std::to_string(config_.max_outbox) +
                                      " unsettled changes, its limit."};
  if (write.kind == Kind::create && record.body)
    return Refusal{"exists", "There is a record with this id."};
  if (write.kind != Kind::create && !record.body)
    return Refusal{"not-found", "There is no record with this id."};

  record.body = fold(record.body, {mutation});
  if (record.body && static_cast<std::int64_t>(record.body->size()) > config_.max_body)
    return Refusal{"too-large", "The record would be larger than " +
                                    std::to_string(config_.max_body) + " bytes of JSON."};
  auto seq = outbox_.add(mutation, config_.ordering == Ordering::strict);
  if (!seq) return Applied{query::row(db_, write.key)};  // It is there already.
  if (!record.head) record.head = *seq;
  record.tail = *seq;
  records_.save(write.key, record);
  return Applied{query::row(db_, record)};
}

Result Engine::on(const Retry& e, Turn& turn) {
  auto mutation = outbox_.find(e.id);
  if (!mutation || mutation->state != State::dead)
    return Refusal{"not-found", "There is no dead letter with this id."};
  outbox_.revive(*mutation);
  refold(mutation->key);
  turn.changed.insert(mutation->key.collection);
  turn.way.nudge(turn.now, false);
  return Applied{};
}

Result Engine::on(const Discard& e, Turn& turn) {
  auto mutation = outbox_.find(e.id);
  if (!mutation || mutation->state != State::dead)
    return Refusal{"not-found", "There is no dead letter with this id."};
  discard(*mutation, turn);
  return Applied{};
}

Result Engine::on(const Online&, Turn& turn) {
  outbox_.hurry(false);
  turn.way.nudge(turn.now, true);
  return Applied{};
}

Result Engine::on(const Offline&, Turn& turn) {
  turn.way.offline(turn.now);
  return Applied{};
}

Result Engine::on(const Visible&, Turn& turn) {
  turn.way.nudge(turn.now, false);
  return Applied{};
}

Result Engine::on(const Sync&, Turn& turn) {
  outbox_.hurry(true);
  turn.way.nudge(turn.now, true);
  return Applied{};
}

Result Engine::on(const Pause&, Turn& turn) {
  turn.way.paused = true;
  return Applied{};
}

Result Engine::on(const Resume&, Turn& turn) {
  turn.way.paused = false;
  turn.way.nudge(turn.now, false);
  return Applied{};
}

Result Engine::on(const SignedIn&, Turn& turn) {
  turn.way.nudge(turn.now, true);
  return Applied{};
}

Result Engine::on(const Tick&, Turn&) { return Applied{}; }  // dispatch() sends what is due.

// Answers can come late or twice, from an attempt or a session that is over.
// Only the answer to the latest attempt counts.
Result Engine::on(const Answered& e, Turn& turn) {
  auto mutation = outbox_.find(e.id);
  if (e.epoch != counters_.epoch || !mutation || mutation->state != State::in_flight ||
      mutation->attempts != e.attempt)
    return Applied{};
  turn.changed.insert(mutation->key.collection);
  if (auto* silence = std::get_if<Silence>(&e.outcome)) on_silence(*mutation, *silence, turn);
  else on_response(*mutation, std::get<Response>(e.outcome), turn);
  return Applied{};
}

void Engine::on_silence(const Mutation& mutation, Silence silence, Turn& turn) {
  Json problem = json::problem("No answer", told(silence));
  if (silence == Silence::unbuildable) return bury(mutation, mutation.unknown, problem, turn);
  bool unknown = mutation.unknown || silence != Silence::not_sent;
  Time at = turn.now + delay(mutation.id, mutation.attempts);
  outbox_.postpone(mutation, at, /*counts=*/false, unknown, problem);
  if (silence != Silence::not_sent)
    turn.way.attempt_failed(turn.now, setback(Status::Wait::network, told(silence), mutation.id,
                                              nullptr, turn));
}

void Engine::on_response(const Mutation& mutation, const Response& response, Turn& turn) {
  Json problem = json::problem(response);
  bool unknown = mutation.unknown || outcome_unknown(response);
  auto wait = [&](Status::Wait why) {
    Time at = why == Status::Wait::network
                  ? turn.now + delay(mutation.id, mutation.attempts) : turn.now;
    outbox_.postpone(mutation, at, /*counts=*/false, unknown, problem);
    turn.way.attempt_failed(turn.now, setback(why, told(response), mutation.id, &response, turn));
  };
  switch (judge(mutation.kind, response)) {
    case Verdict::accepted:
      turn.way.accepted();
      return accept(mutation, response, turn);
    case Verdict::conflict:
    case Verdict::rejected:
      turn.way.refused();
      return bury(mutation, /*unknown=*/false, problem, turn);
    case Verdict::retry: {
      turn.way.retried(turn.now, mutation.id,
                       setback(Status::Wait::origin, told(response), mutation.id, &response, turn));
      int counted = mutation.counted + 1;
      if (counted >= config_.max_attempts) return bury(mutation, unknown, problem, turn);
      Time at = turn.now + delay(mutation.id, counted);
      if (auto floor = retry_after(response, turn.now))
        at = std::max(at, std::min(*floor, turn.now + config_.backoff_cap));
      return outbox_.postpone(mutation, at, /*counts=*/true, unknown, problem);
    }
    case Verdict::overloaded: return wait(Status::Wait::origin);
    case Verdict::unreachable: return wait(Status::Wait::network);
    case Verdict::sign_in:
      if (turn.way.wait != Status::Wait::sign_in) turn.step.effects.push_back(SignIn{});
      return wait(Status::Wait::sign_in);
  }
}

void Engine::accept(const Mutation& mutation, const Response& response, Turn& turn) {
  Record record = settle(mutation);
  record.base = accepted_base(mutation, response);
  record.gone = false;
  record.confirmed = ++counters_.confirmations;
  record.body = fold(record.base, outbox_.chain(record.tail));
  bool pulling = cursors_.find(mutation.key.collection).pull != 0;
  records_.save(mutation.key, record, /*tombstone=*/pulling);
  turn.step.effects.push_back(Settled{mutation.id, mutation.key, Settled::Reason::accepted});
}

void Engine::bury(const Mutation& mutation, bool unknown, const Json& problem, Turn& turn) {
  outbox_.bury(mutation, unknown, problem);
  refold(mutation.key);
  turn.changed.insert(mutation.key.collection);
  turn.step.effects.push_back(Buried{mutation.id, mutation.key, problem});
}

void Engine::discard(const Mutation& mutation, Turn& turn) {
  Key key = mutation.key;
  // Without its create a record never was: what was done to it goes along.
  auto gone = mutation.kind == Kind::create ? outbox_.chain(records_.find(key).tail)
                                            : std::vector<Mutation>{mutation};
  for (const auto& m : gone) {
    auto current = outbox_.at(m.seq);  // Removing the one before it has changed it.
    assert(current && current->state != State::in_flight && !current->prev);
    Record record = settle(*current);
    if (!record.tail && std::exchange(record.gone, false)) record.base.reset();
    record.body = fold(record.base, outbox_.chain(record.tail));
    records_.save(key, record);
    turn.step.effects.push_back(Settled{m.id, key, Settled::Reason::discarded});
  }
  turn.changed.insert(key.collection);
}

// Takes a mutation away, and answers its record without it; the body is still with it.
Record Engine::settle(const Mutation& mutation) {
  Seq next = outbox_.remove(mutation);
  Record record = records_.find(mutation.key);
  if (record.head == mutation.seq) record.head = next;
  if (record.tail == mutation.seq) record.tail = mutation.prev;
  return record;
}

// Makes the record's body anew out of what is unsettled.
void Engine::refold(const Key& key) {
  Record record = records_.find(key);
  record.body = fold(record.base, outbox_.chain(record.tail));
  records_.save(key, record);
}

Result Engine::on(const Probed& e, Turn& turn) {
  if (e.epoch != counters_.epoch || e.probe != turn.way.probe ||
      turn.way.state != Reachability::State::probing)
    return Applied{};
  auto heads = outbox_.due(turn.now, 1);
  std::string_view id = heads.empty() ? "" : std::string_view(heads[0].id);
  if (auto* silence = std::get_if<Silence>(&e.outcome)) {
    turn.way.probe_failed(turn.now, setback(Status::Wait::network, "Probe: " + told(*silence), id,
                                            nullptr, turn));
    return Applied{};
  }
  const auto& response = std::get<Response>(e.outcome);
  auto failed = [&](Status::Wait why) {
    turn.way.probe_failed(turn.now, setback(why, "Probe: " + told(response), id, &response, turn));
  };
  switch (judge_probe(response, e.check)) {
    case Verdict::accepted: turn.way.probed(turn.now, config_.probe_fresh); break;
    case Verdict::overloaded: failed(Status::Wait::origin); break;
    case Verdict::sign_in:
      if (turn.way.wait != Status::Wait::sign_in) turn.step.effects.push_back(SignIn{});
      failed(Status::Wait::sign_in);
      break;
    default: failed(Status::Wait::network);
  }
  return Applied{};
}

Result Engine::on(const Pull& e, Turn& turn) {
  if (!config_.collections.contains(e.collection))
    return Refusal{"unknown-collection", "There is no collection of this name."};
  Cursor cursor = cursors_.find(e.collection);
  if (cursor.pull) return Applied{};
  cursor.pulled = 0;
  fetch_page(e.collection, cursor, turn);
  return Applied{};
}

Result Engine::on(const Pulled& e, Turn& turn) {
  Cursor cursor = cursors_.find(e.collection);
  if (e.epoch != counters_.epoch || !cursor.pull || cursor.pull != e.pull) return Applied{};
  if (auto* silence = std::get_if<Silence>(&e.outcome)) {
    end_pull(e.collection, cursor, json::problem("No answer", told(*silence)), turn);
    return Applied{};
  }
  const auto& response = std::get<Response>(e.outcome);
  std::optional<json::Page> page;
  if (judge(Kind::update, response) == Verdict::accepted) page = json::page(response.body);
  if (!page) {
    Json problem = response.status >= 200 && response.status < 300
                       ? json::problem("Not a page", "The answer is not { records, deleted, "
                                                     "cursor, more } with usable ids.")
                       : json::problem(response);
    end_pull(e.collection, cursor, problem, turn);
    return Applied{};
  }
  for (const auto& entry : page->records)
    take({e.collection, entry.id}, entry.body, cursor.since);
  for (const auto& id : page->deleted) take({e.collection, id}, std::nullopt, cursor.since);
  turn.changed.insert(e.collection);
  cursor.pulled += static_cast<std::int64_t>(page->records.size() + page->deleted.size());
  records_.forget(e.collection, cursor.since);
  bool stuck = page->more && page->cursor == cursor.text;
  if (!page->cursor.empty()) cursor.text = page->cursor;
  if (stuck)
    end_pull(e.collection, cursor,
             json::problem("No progress", "The page says more, but its cursor did not move."),
             turn);
  else if (page->more) fetch_page(e.collection, cursor, turn);
  else end_pull(e.collection, cursor, "", turn);
  return Applied{};
}

void Engine::fetch_page(const std::string& collection, Cursor cursor, Turn& turn) {
  cursor.pull = ++counters_.pull;
  cursor.since = counters_.confirmations;
  cursors_.save(collection, cursor);
  std::string path = config_.collections.at(collection).path +
                     "?limit=" + std::to_string(kPageSize);
  if (!cursor.text.empty()) path += "&since=" + percent_encoded(cursor.text);
  turn.step.effects.push_back(Fetch{counters_.epoch, cursor.pull, collection, path});
}

void Engine::end_pull(const std::string& collection, Cursor cursor, const Json& problem,
                      Turn& turn) {
  cursor.pull = 0;
  cursors_.save(collection, cursor);
  records_.forget(collection, counters_.confirmations);
  turn.step.effects.push_back(PullEnded{collection, cursor.pulled, problem});
}

// Makes a version that was pulled the base, unless an answer has confirmed a
// later one since the page was asked for. What is unsettled stays on top.
void Engine::take(const Key& key, const std::optional<Json>& version, std::int64_t since) {
  Record record = records_.find(key);
  if (record.confirmed > since) return;
  // Of a record that was deleted there and changed here the app goes on seeing the whole, until
  // the changes are settled.
  record.gone = !version && record.tail;
  if (!record.gone) {
    record.base = version;
    record.body = fold(version, outbox_.chain(record.tail));
  }
  records_.save(key, record);
}

// Sends what is due, and sets the alarm for what will be.
void Engine::dispatch(Turn& turn) {
  if (turn.way.paused) return;
  auto next = outbox_.next_due();
  // Set by a clock that was ahead: no delay is as long as that.
  if (next && *next > turn.now + config_.backoff_cap) {
    outbox_.hurry(true);
    next = turn.now;
  }
  bool waiting = next && *next <= turn.now;
  if (turn.way.wants_probe(turn.now, waiting)) {
    turn.way.send_probe();
    turn.step.effects.push_back(Probe{counters_.epoch, turn.way.probe});
  }
  auto room = turn.way.room(config_.concurrency) - static_cast<int>(counters_.in_flight);
  if (waiting && room > 0 && turn.way.may_send(turn.now)) {
    for (const auto& mutation : outbox_.due(turn.now, room)) send(mutation, turn);
    next = outbox_.next_due();
  }
  set_alarm(next, turn);
}

void Engine::send(const Mutation& mutation, Turn& turn) {
  auto collection = config_.collections.find(mutation.key.collection);
  if (!mutation.request && collection == config_.collections.end())
    return bury(mutation, false,
                json::problem("Unknown collection", "This version of the app has no collection '" +
                                                        mutation.key.collection + "'."),
                turn);
  Request request = mutation.request
                        ? *mutation.request
                        : request_of(mutation, records_.find(mutation.key), collection->second);
  outbox_.attempt(mutation, request, turn.now);
  turn.step.effects.push_back(Send{counters_.epoch, mutation.id, mutation.attempts + 1,
                                   request.method, request.path, request.body});
}

// The earliest time at which there is something to do without an event.
void Engine::set_alarm(std::optional<Time> next, Turn& turn) {
  auto alarm = turn.way.deadline(next.has_value());
  if (turn.way.state == Reachability::State::closed && alarm && next)
    alarm = std::max(*alarm, *next);
  if (turn.way.state == Reachability::State::open && alarm && next) {
    alarm = std::max(*alarm, *next);
    // Due, and yet not sent: there is no room until an answer comes.
    if (*alarm <= turn.now) alarm.reset();
  }
  turn.step.wake_at = alarm;
}

Duration Engine::delay(std::string_view id, int attempts) const {
  return backoff(id, attempts, config_.backoff_base, config_.backoff_cap);
}

Reachability::Setback Engine::setback(Status::Wait wait, std::string reason, std::string_view id,
                                      const Response* response, const Turn& turn) const {
  auto floor = response ? retry_after(*response, turn.now) : std::nullopt;
  return {.wait = wait,
          .reason = std::move(reason),
          .delay = turn.way.delay(turn.now, wait, floor, id, config_),
          .floor = floor};
}

Status status(const Counters& counters, const Reachability& way) {
  Status status;
  status.failed = counters.dead;
  status.pending = counters.unsettled - counters.dead;
  status.reachable = way.reachable;
  status.syncing = way.state == Reachability::State::probing || counters.in_flight > 0;
  status.waiting_for = way.paused ? Status::Wait::paused : way.wait;
  status.reason = way.reason;
  return status;
}

}  // namespace holdfast
