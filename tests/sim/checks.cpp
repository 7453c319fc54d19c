// The invariants of sync/engine.h that World checks after a step, and how a
// schedule ends.

#include <algorithm>
#include <set>

#include "sim/violation.h"
#include "sim/world.h"

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kOpenings = 3;
constexpr int kStepsToDrain = 3000;
constexpr Duration kTimeToDrain = 72h;

// The value of a member of the JSON object, as text.
std::string member(const Body& object, const char* name) {
  auto at = object.find(name);
  return at == object.end() ? "" : at->second;
}

}  // namespace

// A result says what was recorded, and the record as it is then.
void World::check_results(const Step& step, std::span<const Ledger::Expected> expected) const {
  if (step.results.size() != expected.size()) throw Violation("not one result an event");
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& want = expected[i];
    if (want.what == Ledger::Expected::either) continue;
    auto* refusal = std::get_if<Refusal>(&step.results[i]);
    std::string code = refusal ? refusal->code : "";
    if (code != want.code)
      throw Violation("result " + std::to_string(i + 1) + " is '" + code + "' and should be '" +
                      want.code + "'");
    if (refusal) continue;
    const auto& applied = std::get<Applied>(step.results[i]);
    if (applied.gone != want.gone)
      throw Violation("result " + std::to_string(i + 1) + " is wrong on what it took along");
    if (!want.seen) continue;
    std::vector<Json> rows = applied.records;
    if (rows.empty()) rows.push_back(applied.record);
    if (rows.size() != want.seen->size()) throw Violation("not one record a write");
    for (std::size_t j = 0; j < rows.size(); ++j) {
      const auto& seen = (*want.seen)[j];
      Body row = body_of(rows[j]).value_or(Body{});
      if (body_of(member(row, "body")) != seen.body)
        throw Violation("result " + std::to_string(i + 1) + " shows " + member(row, "body") +
                        ", and should show " + (seen.body ? text_of(*seen.body) : "nothing"));
      Body sync = body_of(member(row, "sync")).value_or(Body{});
      if (member(sync, "status") != (seen.status.empty() ? "" : quoted(seen.status)))
        throw Violation("a record is not marked as " + seen.status);
    }
  }
}

// The status is what the tables say.
void World::check_status(const Status& status) const {
  const Ledger& ledger = model_.ledger;
  if (status.pending != ledger.pending() || status.failed != ledger.dead())
    throw Violation("the status counts " + std::to_string(status.pending) + " pending and " +
                    std::to_string(status.failed) + " failed, and there are " +
                    std::to_string(ledger.pending()) + " and " + std::to_string(ledger.dead()));
  if (status.syncing != (model_.gate.probing() || ledger.in_flight() > 0))
    throw Violation("the status is wrong on whether something is under way");
  if ((status.waiting_for == Status::Wait::paused) != model_.gate.paused())
    throw Violation("the status is wrong on whether it is paused");
}

// Unless paused, what can still be sent is in flight, or waits for a probe that is under way, or
// has an alarm.
void World::check_nothing_waits_for_ever(const Step& step, Time now) const {
  const Ledger& ledger = model_.ledger;
  constexpr std::size_t most = 2;  // Pages under way.
  if (!model_.gate.probing() && ledger.pages_under_way() < most && !ledger.waited_for().empty())
    throw Violation("the app waits for a pull of " + ledger.waited_for()[0] + ", and none is made");
  if (model_.gate.paused() || model_.gate.probing() || ledger.in_flight() > 0) return;
  if (step.wake_at && *step.wake_at > now + 25h) throw Violation("the alarm is days away");
  if (step.wake_at) return;
  for (const auto& entry : ledger.unsettled())
    if (!entry.dead && ledger.queue().is_head(entry))
      throw Violation(entry.id + " waits for nothing, and nothing will send it");
}

void World::check_tables() const {
  if (auto why = model_.ledger.mismatch(device_.db())) throw Violation(*why);
}

void World::check_integrity() const {
  Statement check(device_.db(), "PRAGMA integrity_check");
  std::string answer = check.next() ? check.text(0) : "nothing";
  if (weather_.disk && answer.find("unable to get the page") != answer.npos) return;
  if (answer != "ok") throw Violation("the integrity check says: " + answer);
}

// From now on nothing goes wrong any more.
void World::calm_down() {
  if (story_.is_told()) tell("from here on all is calm");
  calm_ = true;
  weather_ = {};
  network_.faults = 0;
  // What failed for good is well only when it is opened anew.
  device_.kill();
  device_.mend();
  lose_session();
  for (int left = kOpenings; !device_.is_open(); --left) {
    if (left == 0) throw Violation("the database cannot be opened, and nothing is wrong any more");
    open();
  }
  arrive(app_.catch_up());
  server_.signed_in = true;
  arrive(Happening{.event = SignedIn{}});
  if (model_.gate.paused()) arrive(Happening{.event = Resume{}});
  step();
}

// With a good network and a good server the outbox drains, in so many steps: all of it that is
// neither dead nor behind a dead letter. Only then the app cares for the dead letters: it sends
// each once more, and then gives it up.
void World::drain() {
  Duration start = clock_.elapsed;
  for (int left = kStepsToDrain; left > 0; --left) {
    const auto& unsettled = model_.ledger.unsettled();
    bool can_go = std::ranges::any_of(unsettled, [&](const Entry& entry) {
      return !entry.dead && !model_.ledger.queue().is_held_back(entry);
    });
    auto dead = std::ranges::find(unsettled, true, &Entry::dead);
    if (!network_.idle()) {
      if (auto happening = network_.move_oldest()) arrive(std::move(*happening));
    } else if (unsettled.empty()) {
      return;
    } else if (!can_go) {
      if (unsettled.size() > 1) coverage_.saw(Fault::held_back);
      arrive(app_.settle(*dead));
    } else if (alarm_) {
      clock_.elapsed = std::max(clock_.elapsed, *alarm_);
      ring();
    } else {
      throw Violation("the outbox does not drain: nothing is under way, and no alarm is set");
    }
    step();
    if (clock_.elapsed - start > kTimeToDrain) throw Violation("the outbox does not drain in days");
  }
  throw Violation("the outbox does not drain in " + std::to_string(kStepsToDrain) + " steps");
}

// What was recorded and not given up was applied exactly once, and in its order.
void World::check_all_arrived() const {
  const Ledger& ledger = model_.ledger;
  if (auto why = ledger.intentions().broken(server_.applied(), ledger.history()))
    throw Violation(*why);
  std::set<MutationId> known;
  for (const auto& intention : ledger.intentions().all()) known.insert(intention.id);
  for (const auto& departure : ledger.history().departures()) known.insert(departure.successor);
  for (const auto& id : server_.applied())
    if (!known.contains(id)) throw Violation(id + " was applied and never recorded");
  for (std::int64_t i = 0; i < server_.forgotten(); ++i) coverage_.saw(Fault::key_forgotten);
}

void World::pull_everything() {
  for (const auto& [collection, options] : config_.collections) {
    is_pulled_.erase(collection);
    for (int left = 100; !is_pulled_.contains(collection); --left) {
      if (left == 0) throw Violation("a pull does not end");
      arrive(Happening{.event = Pull{collection}});
      step();
      while (!network_.idle()) {
        if (auto happening = network_.move_oldest()) arrive(std::move(*happening));
        step();
      }
      if (is_pulled_.contains(collection) || !alarm_) continue;
      clock_.elapsed = std::max(clock_.elapsed, *alarm_);
      ring();
      step();
    }
  }
}

// After a last pull the app sees what the server has.
void World::check_same_as_server() {
  pull_everything();
  if (!server_.traits().chooses.empty()) {
    // What a record is called that another refers to may have been forgotten in between, also by
    // what the first of these brings.
    for (int i = 0; i < 2; ++i) {
      server_.touch();
      pull_everything();
    }
  }
  std::size_t there = 0;
  for (const auto& [name, stored] : server_.records()) {
    if (stored.body) ++there;
    Name own = model_.ledger.called(name);
    // Made anew, it is another record there, which stands for it.
    if (!model_.ledger.is_called(own, name)) continue;
    if (own != name) coverage_.saw(Fault::renamed);
    auto wanted = stored.body;
    if (wanted) wanted = model_.ledger.taken_in(own, *wanted);
    if (wanted && stored.body->size() == wanted->size() && own == name && wanted != stored.body)
      coverage_.saw(Fault::translated);
    if (model_.ledger.view(own) != wanted)
      throw Violation(own.first + "/" + own.second + " is not as the server has it, but " +
                      (model_.ledger.view(own) ? text_of(*model_.ledger.view(own)) : "gone"));
  }
  if (model_.ledger.records().size() != there)
    throw Violation("the app sees records that the server does not have");
  look([&] { check_integrity(); });
}

}  // namespace holdfast::sim
