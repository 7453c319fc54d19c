#include "engine.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "../store/vfs.h"
#include "../verdict.h"

namespace holdfast {
namespace {

const Refusal kDiskFull{"disk-full", "The disk is full."};

bool writes(const Event& event) {
  return std::holds_alternative<Write>(event) || std::holds_alternative<Transact>(event);
}

// What changed, for every tab: of many records only their collections.
std::vector<std::string> told(const std::set<std::string>& changed) {
  constexpr std::size_t most = 100;
  if (changed.size() <= most) return {changed.begin(), changed.end()};
  std::set<std::string> collections;
  for (const auto& name : changed) collections.insert(name.substr(0, name.find('/')));
  return {collections.begin(), collections.end()};
}

}  // namespace

Engine::Engine(Database& db, Config config) : db_(db), config_(std::move(config)) {}

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
  store_.counters = load_counters(db_);
  const Reachability way_before = turn.way;
  const Counters counters_before = store_.counters;
  if (now > Time(Duration(store_.counters.latest)) + std::chrono::minutes(1))
    store_.counters.latest = now.time_since_epoch().count();
  turn.way.mend(now, config_.probe_fresh, config_.backoff_cap);
  for (const auto& event : events)
    turn.step.results.push_back(std::visit([&](const auto& e) { return on(e, turn); }, event));
  dispatch(turn, counters_before);
  if (!(turn.way == way_before)) save_reachability(db_, turn.way);
  save_counters(db_, counters_before, store_.counters);
  turn.step.status = status(store_.counters, turn.way);
  transaction.commit();
  turn.step.changed = told(turn.changed);
  return std::move(turn.step);
}

Step Engine::drain(std::span<const Event> events, Time now) {
  std::vector<Event> others;
  for (const auto& event : events)
    if (!writes(event)) others.push_back(event);
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
    if (!writes(event)) results.push_back(std::move(*result++));
    else results.push_back(intake_.answered(event).value_or(kDiskFull));
  }
  step.results = std::move(results);
  return step;
}

Result Engine::on(const Open&, Turn& turn) {
  ++store_.counters.epoch;
  store_.outbox.recover();
  store_.cursors.recover();
  store_.counters.pulling = 0;
  turn.way.open_session();
  pulls_.hurry();
  return Applied{};
}

Result Engine::on(const Write& e, Turn& turn) { return intake_.write(e, turn); }
Result Engine::on(const Transact& e, Turn& turn) { return intake_.transact(e, turn); }
Result Engine::on(const Retry& e, Turn& turn) { return letters_.retry(e, turn); }
Result Engine::on(const Edit& e, Turn& turn) { return letters_.edit(e, turn); }
Result Engine::on(const Discard& e, Turn& turn) { return letters_.discard(e, turn); }
Result Engine::on(const Cancel& e, Turn& turn) { return letters_.cancel(e, turn); }
Result Engine::on(const Pull& e, Turn& turn) { return pulls_.pull(e, turn); }
Result Engine::on(const Pulled& e, Turn& turn) { return pulls_.pulled(e, turn); }

Result Engine::on(const Online&, Turn& turn) {
  store_.outbox.hurry(false);
  pulls_.hurry();
  turn.way.nudge(turn.now, true);
  return Applied{};
}

Result Engine::on(const Offline&, Turn& turn) {
  turn.way.offline(turn.now);
  return Applied{};
}

Result Engine::on(const Visible&, Turn& turn) {
  pulls_.watched(turn);
  turn.way.nudge(turn.now, false);
  return Applied{};
}

Result Engine::on(const Watched&, Turn& turn) {
  pulls_.watched(turn);
  return Applied{};
}

Result Engine::on(const Sync&, Turn& turn) {
  store_.outbox.hurry(true);
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
  // If these are refused too, the app is to hear of it.
  if (turn.way.wait == Status::Wait::sign_in) turn.way.wait = Status::Wait::nothing;
  pulls_.hurry();
  turn.way.nudge(turn.now, true);
  return Applied{};
}

Result Engine::on(const Tick&, Turn&) { return Applied{}; }  // dispatch() sends what is due.

Result Engine::on(const Answered& e, Turn& turn) {
  attempts_.answered(e, turn);
  return Applied{};
}

Result Engine::on(const BatchAnswered& e, Turn& turn) {
  attempts_.answered(e, turn);
  return Applied{};
}

Result Engine::on(const Probed& e, Turn& turn) {
  if (e.epoch != store_.counters.epoch || e.probe != turn.way.probe ||
      turn.way.state != Reachability::State::probing)
    return Applied{};
  const std::string id = store_.sessions.any();  // Nobody else's: delays are drawn from it.
  if (auto* silence = std::get_if<Silence>(&e.outcome)) {
    turn.way.probe_failed(turn.now, attempts_.setback(Status::Wait::network,
                                                      "Probe: " + told(*silence), id, nullptr,
                                                      turn));
    return Applied{};
  }
  const auto& response = std::get<Response>(e.outcome);
  auto failed = [&](Status::Wait why) {
    turn.way.probe_failed(turn.now, attempts_.setback(why, "Probe: " + told(response), id,
                                                      &response, turn));
  };
  switch (judge_probe(response, e.check)) {
    case Verdict::accepted:
      store_.counters.hear(response);
      turn.way.probed(turn.now, config_.probe_fresh);
      break;
    case Verdict::overloaded: failed(Status::Wait::origin); break;
    case Verdict::sign_in:
      if (turn.way.wait != Status::Wait::sign_in) turn.step.effects.push_back(SignIn{});
      failed(Status::Wait::sign_in);
      break;
    default: failed(Status::Wait::network);
  }
  return Applied{};
}

// Sends what is due, and sets the alarm for what will be.
void Engine::dispatch(Turn& turn, const Counters& before) {
  const Counters& counters = store_.counters;
  bool sweeping = counters.pulling > 0 && pulls_.sweep(turn);
  auto next = store_.outbox.next_due();
  // Set by a clock that was ahead: no delay is as long as that.
  if (next && *next > turn.now + config_.backoff_cap) {
    store_.outbox.hurry(true);
    next = turn.now;
  }
  bool waiting = next && *next <= turn.now;
  bool news = counters.confirmations != before.confirmations || counters.pulling < before.pulling;
  if (news && !waiting && counters.in_flight == 0) pulls_.follow(turn);
  auto next_pull = pulls_.next_due(turn);
  bool waiting_pull = next_pull && *next_pull <= turn.now;
  if (turn.way.wants_probe(turn.now, waiting || waiting_pull)) {
    turn.way.send_probe();
    turn.step.effects.push_back(Probe{counters.epoch, turn.way.probe});
  }
  if (waiting && !turn.way.paused) {
    attempts_.send_due(turn);
    next = store_.outbox.next_due();
  }
  pulls_.go(turn);
  if (sweeping) turn.step.wake_at = turn.now;
  if (turn.way.paused) return;
  if (next) next = std::min(*next, turn.now + config_.backoff_cap);  // Then it is seen to above.
  next_pull = pulls_.next_due(turn);
  for (auto at : {alarm(next, turn), alarm(next_pull, turn)})
    if (at) turn.step.wake_at = std::min(*at, turn.step.wake_at.value_or(*at));
}

// The earliest time at which there is something to do without an event, for what is due "next".
std::optional<Time> Engine::alarm(std::optional<Time> next, const Turn& turn) {
  auto alarm = turn.way.deadline(next.has_value());
  if (turn.way.state == Reachability::State::closed && alarm && next)
    alarm = std::max(*alarm, *next);
  if (turn.way.state == Reachability::State::open && alarm && next) {
    alarm = std::max(*alarm, *next);
    // Due, and yet not sent: there is no room until an answer comes.
    if (*alarm <= turn.now) alarm.reset();
  }
  return alarm;
}

Status status(const Counters& counters, const Reachability& way) {
  Status status;
  status.failed = counters.dead;
  status.pending = counters.unsettled - counters.dead;
  status.reachable = way.reachable;
  status.syncing = way.state == Reachability::State::probing || counters.in_flight > 0;
  status.waiting_for = way.paused ? Status::Wait::paused : way.wait;
  status.reason = way.reason;
  status.pulled = counters.pulled;
  status.more = counters.pulling > 0;
  return status;
}

}  // namespace holdfast
