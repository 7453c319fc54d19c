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
      outbox_(db),
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
  turn.epoch = sessions_.epoch();
  turn.way = load_reachability(db_);
  Reachability before = turn.way;
  turn.way.mend(now, config_.probe_fresh, config_.backoff_cap);
  for (const auto& event : events)
    turn.step.results.push_back(std::visit([&](const auto& e) { return on(e, turn); }, event));
  dispatch(turn);
  set_alarm(turn);
  if (!(turn.way == before)) save_reachability(db_, turn.way);
  turn.step.status = status(db_, turn.way);
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
  sessions_.open();
  turn.epoch = sessions_.epoch();
  outbox_.recover();
  cursors_.recover();
  turn.way.open_session();
  return Applied{};
}

Result Engine::on(const Write& write, Turn& turn) {
  std::optional<Refusal> refusal;
  if (auto answer = sessions_.answered(write)) {
    refusal = answer->refusal;
  } else if (db_.vfs().low()) {
    return kDiskFull;  // Not remembered: when it is repeated, there may be room.
  } else {
    refusal = flaw(write);
    if (!refusal) refusal = apply(write);
    sessions_.answer(write, refusal);
    if (!refusal) turn.changed.insert(write.key.collection);
  }
  if (refusal) return *refusal;
  return Applied{query::row(db_, write.key)};
}

// What is wrong with a write as such.
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
  if (auto flaw = json::flaw(write.kind, write.change))
    return Refusal{"bad-body", "The change " + *flaw + "."};
  if (outbox_.unsettled() >= config_.max_outbox)
    return Refusal{"outbox-full", "The outbox holds " + std::to_string(config_.max_outbox) +
                                      " unsettled changes, its limit."};
  return std::nullopt;
}

// Records a write, unless it does not fit its record.
std::optional<Refusal> Engine::apply(const Write& write) {
  if (outbox_.find(write.id)) return std::nullopt;
  Record record = records_.find(write.key);
  if (write.kind == Kind::create && record.body)
    return Refusal{"exists", "There is a record with this id."};
  if (write.kind != Kind::create && !record.body)
    return Refusal{"not-found", "There is no record with this id."};

  Mutation mutation;
  mutation.id = write.id;
  mutation.kind = write.kind;
  mutation.key = write.key;
  mutation.written_at = write.at;
  mutation.prev = record.tail;
  if (write.kind != Kind::remove) {
    Time stamp = write.at;
    if (record.body)
      if (auto last = parse_rfc3339(json::member(*record.body, "updatedAt")))
        stamp = std::max(stamp, *last + Duration(1));
    mutation.change = json::stamped(write.kind, write.change, write.key.id, rfc3339(stamp));
  }
  record.body = fold(record.body, {mutation});
  if (record.body && static_cast<std::int64_t>(record.body->size()) > config_.max_body)
    return Refusal{"too-large", "The record would be larger than " +
                                    std::to_string(config_.max_body) + " bytes of JSON."};
  record.tail = outbox_.add(mutation, config_.ordering == Ordering::strict);
  records_.save(write.key, record);
  return std::nullopt;
}

Result Engine::on(const Retry& e, Turn& turn) {
  auto mutation = outbox_.find(e.id);
  if (!mutation || mutation->state != State::dead)
    return Refusal{"not-found", "There is no dead letter with this id."};
  outbox_.revive(*mutation);
  refold(mutation->key, 0);
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
  if (e.epoch != turn.epoch || !mutation || mutation->state != State::in_flight ||
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
  outbox_.remove(mutation);
  Record record = records_.find(mutation.key);
  if (record.tail == mutation.seq) record.tail = mutation.prev;
  record.base = accepted_base(mutation, response);
  record.gone = false;
  record.confirmed = cursors_.confirm();
  record.body = fold(record.base, outbox_.chain(record.tail));
  bool pulling = cursors_.find(mutation.key.collection).pull != 0;
  records_.save(mutation.key, record, /*tombstone=*/pulling);
  turn.step.effects.push_back(Settled{mutation.id, mutation.key, Settled::Reason::accepted});
}

void Engine::bury(const Mutation& mutation, bool unknown, const Json& problem, Turn& turn) {
  outbox_.bury(mutation, unknown, problem);
  refold(mutation.key, 0);
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
    outbox_.remove(*current);
    refold(key, m.seq);
    turn.step.effects.push_back(Settled{m.id, key, Settled::Reason::discarded});
  }
  turn.changed.insert(key.collection);
}

// Makes the record's body anew out of what is unsettled, "gone" being no longer.
void Engine::refold(const Key& key, Seq gone) {
  Record record = records_.find(key);
  if (gone && record.tail == gone) record.tail = 0;
  if (!record.tail && std::exchange(record.gone, false)) record.base.reset();
  record.body = fold(record.base, outbox_.chain(record.tail));
  records_.save(key, record);
}

Result Engine::on(const Probed& e, Turn& turn) {
  if (e.epoch != turn.epoch || e.probe != turn.way.probe ||
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
  if (e.epoch != turn.epoch || !cursor.pull || cursor.pull != e.pull) return Applied{};
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
  cursor.pull = cursors_.next_pull();
  cursor.since = cursors_.confirmations();
  cursors_.save(collection, cursor);
  std::string path = config_.collections.at(collection).path +
                     "?limit=" + std::to_string(kPageSize);
  if (!cursor.text.empty()) path += "&since=" + percent_encoded(cursor.text);
  turn.step.effects.push_back(Fetch{turn.epoch, cursor.pull, collection, path});
}

void Engine::end_pull(const std::string& collection, Cursor cursor, const Json& problem,
                      Turn& turn) {
  cursor.pull = 0;
  cursors_.save(collection, cursor);
  records_.forget(collection, cursors_.confirmations());
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

void Engine::dispatch(Turn& turn) {
  auto next = outbox_.next_due();
  // Set by a clock that was ahead: no delay is as long as that.
  if (next && *next > turn.now + config_.backoff_cap) {
    outbox_.hurry(true);
    next = turn.now;
  }
  bool waiting = next && *next <= turn.now;
  if (turn.way.wants_probe(turn.now, waiting)) {
    turn.way.send_probe();
    turn.step.effects.push_back(Probe{turn.epoch, turn.way.probe});
  }
  if (!turn.way.may_send(turn.now)) return;
  int room = turn.way.room(config_.concurrency) - outbox_.in_flight();
  if (room <= 0) return;
  for (const auto& mutation : outbox_.due(turn.now, room)) send(mutation, turn);
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
  turn.step.effects.push_back(Send{turn.epoch, mutation.id, mutation.attempts + 1, request.method,
                                   request.path, request.body});
}

// The earliest time at which there is something to do without an event.
void Engine::set_alarm(Turn& turn) {
  auto next = outbox_.next_due();
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

Status status(Database& db, const Reachability& way) {
  auto [unsettled, dead, in_flight] = Outbox(db).counts();
  Status status;
  status.failed = dead;
  status.pending = unsettled - dead;
  status.reachable = way.reachable;
  status.syncing = way.state == Reachability::State::probing || in_flight > 0;
  status.waiting_for = way.paused ? Status::Wait::paused : way.wait;
  status.reason = way.reason;
  return status;
}

}  // namespace holdfast
