#include "sim/world.h"

#include <algorithm>
#include <array>
#include <utility>

#include "sim/violation.h"
#include "store/sessions.h"

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHeldBack = 4;  // Events that may wait for a step together.

std::string words(const StorageError& error) {
  return std::string(error.what()) + " (" + std::to_string(error.code()) + ")";
}

}  // namespace

World::World(Tape& tape, Coverage& coverage, Story story)
    : tape_(tape),
      coverage_(coverage),
      story_(story),
      config_(draw_config(tape)),
      weather_(draw_weather(tape)),
      server_(draw_traits(tape, config_), clock_),
      network_(tape, coverage, server_, clock_, config_),
      device_(tape, coverage, config_),
      app_(tape, coverage, config_),
      model_{Ledger(config_, clock_), Gate(config_)} {
  clock_.error = tape.pick(std::array<Duration, 5>{0s, 0s, 10min, -10min, 30h});
  network_.faults = tape.pick(std::array{0, 100, 250, 500});
  app_.large = weather_.full > 0;
  set_faults();
}

Config World::draw_config(Tape& tape) {
  Config config;
  config.collections["order"] = {.path = "/orders", .indexes = {{"n"}}};
  config.collections["note"] = {.path = "/notes", .references = {{"orderId", "order"}}};
  config.collections["photo"] = {.path = "/photos", .references = {{"noteIds", "note"}}};
  const std::array<Overrides, 8> overrides = {
      Overrides{}, {}, {}, {}, {}, {.sign_in = {403}}, {.retry = {422}}, {.reject = {429}}};
  using enum OnUnknown;
  const std::array<OnUnknown, 8> unknowns = {safest, safest, safest, safest, safest, safest,
                                             ask, resend};
  for (auto& [name, collection] : config.collections) {
    collection.coalesce = tape.draw(3) != 2;
    collection.server_ids = tape.draw(4) == 3;
    collection.overrides = tape.pick(overrides);
    collection.on_unknown = tape.pick(unknowns);
    collection.pull.itself = tape.draw(2) == 1;
    collection.pull.interval = tape.pick(std::array<Duration, 3>{1min, 5s, 0s});
    collection.pull.full = tape.draw(4) == 3;
    if (collection.pull.full && tape.draw(2) == 1)
      collection.pull.path = collection.path + "?after={cursor}";
  }
  config.ordering = tape.draw(4) == 3 ? Ordering::strict : Ordering::lanes;
  config.concurrency = tape.pick(std::array{4, 1, 2});
  config.max_attempts = tape.pick(std::array{5, 2});
  config.max_outbox = tape.pick(std::array{1000, 1000, 8});
  config.max_waits = tape.pick(std::array{1000, 1000, 1});
  config.key_lifetime = tape.pick(std::array<Duration, 4>{24h, 24h, 1h, 5min});
  if (tape.draw(2) == 1) {
    config.batch_path = "/batch";
    config.batch_max = 2 + static_cast<int>(tape.draw(4));
  }
  return config;
}

Server::Traits World::draw_traits(Tape& tape, const Config& config) {
  Server::Traits traits;
  // It keeps a key for as long as a copy of the request may still be under way.
  traits.key_lifetime = config.key_lifetime + Network::kLongest;
  for (const auto& [name, collection] : config.collections) {
    traits.paths[name] = collection.path;
    if (collection.on_unknown == OnUnknown::resend) traits.repeats.insert(name);
    bool surprises = !collection.server_ids && tape.draw(12) == 11;
    if (collection.server_ids || surprises) traits.chooses.insert(name);
    // Of what is not to be expected nobody can ask what became.
    if (surprises) traits.key_lifetime.reset();
  }
  traits.numbers = tape.draw(2) == 1;
  traits.adds = tape.draw(3) == 2;
  traits.no_batches = tape.pick(std::array{0, 0, 0, 404, 405, 501});
  return traits;
}

World::Weather World::draw_weather(Tape& tape) {
  Weather weather;
  weather.process = tape.pick(std::array{0, 1, 3});
  weather.amid = tape.pick(std::array{0, 0, 10, 40});
  weather.calls = tape.pick(std::array{0, 0, 50, 300});
  weather.clock = tape.pick(std::array{0, 0, 2});
  weather.sign_in = tape.pick(std::array{0, 0, 0, 1});
  weather.full = tape.pick(std::array{0, 0, 4});
  weather.disk = tape.pick(std::array{0, 0, 0, 30, 150});
  return weather;
}

void World::set_faults() {
  Disk::Faults faults;
  if (weather_.disk) {
    auto rate = static_cast<std::uint64_t>(weather_.disk);
    // Some operations of a disk fail, seldom all of them.
    faults.read = tape_.draw(2) * rate;
    faults.write = tape_.draw(2) * rate;
    faults.truncate = tape_.draw(2) * rate;
    faults.flush = tape_.draw(2) * rate;
    faults.size = tape_.draw(2) * rate;
    faults.stays = tape_.draw(2) * 4;
  }
  device_.disk().faults = faults;
}

void World::run() {
  open();
  if (weather_.full && tape_.draw(2) == 1) change_room();
  for (auto left = 40 + tape_.draw(80); left > 0; --left) live();
  calm_down();
  drain();
  check_all_arrived();
  check_same_as_server();
}

// What happens next.

void World::live() {
  clock_.elapsed += Duration(tape_.draw(4) == 3 ? tape_.draw(4000) : tape_.draw(30));
  if (!device_.is_open() && tape_.draw(4) != 3) return open();
  bool many = model_.ledger.unsettled().size() > 8;
  int care = model_.ledger.dead() > 0 ? 14 : 4;
  switch (tape_.choose({30, many ? 4 : 18, 16, 4, care, 3, 3, weather_.calls ? 4 : 0,
                        weather_.clock,
                        weather_.full, 3, wants_sign_in_ ? 6 : weather_.sign_in,
                        weather_.process})) {
    case 0: progress(); break;
    case 1: write(); break;
    case 2:
      if (!network_.idle())
        if (auto happening = network_.move_any()) arrive(std::move(*happening));
      break;
    case 3: signal(); break;
    case 4: arrive(app_.care(model_.ledger, clock_.wall())); break;
    case 5: pull(); break;
    case 6: act_elsewhere(); break;
    case 7: arrive(app_.repeat()); break;
    case 8: change_clock(); break;
    case 9: change_room(); break;
    case 10: tidy(); break;
    case 11: change_credentials(); break;
    default: return end_process();
  }
  // Events that arrive together share a step.
  if (arrived_.size() >= kHeldBack || tape_.draw(4) != 3) step();
}

// What is under way arrives; if nothing is, time goes on to the alarm.
void World::progress() {
  if (!network_.idle()) {
    if (auto happening = network_.move_oldest()) arrive(std::move(*happening));
  } else if (alarm_) {
    clock_.elapsed = std::max(clock_.elapsed, *alarm_);
    if (!calm_ && tape_.draw(8) == 7) {
      coverage_.saw(Fault::alarm_lost);
      clock_.elapsed += Duration(tape_.draw(60'000));
    }
    ring();
  } else {
    write();
  }
}

void World::ring() {
  alarm_.reset();
  arrive(Happening{.event = Tick{}});
}

void World::write() {
  bool overtakes = tape_.strikes(weather_.calls);
  arrive(app_.write(model_.ledger, clock_.wall(), overtakes));
}

// They expire, or the person who is asked for them gives new ones.
void World::change_credentials() {
  if (server_.signed_in && !wants_sign_in_) {
    server_.signed_in = false;
    return;
  }
  coverage_.saw(Fault::sign_in);
  server_.signed_in = true;
  wants_sign_in_ = false;
  arrive(Happening{.event = SignedIn{}});
}

void World::signal() {
  const std::array<Event, 9> signals = {Visible{}, Watched{},  Sync{},   Online{}, Offline{},
                                        SignedIn{}, Resume{}, Pause{},  Tick{}};
  const Event& event = tape_.pick(signals);
  if (std::holds_alternative<Tick>(event)) coverage_.saw(Fault::tick_spurious);
  arrive(Happening{.event = event});
}

void World::pull() {
  auto collection = config_.collections.begin();
  std::advance(collection, static_cast<std::ptrdiff_t>(tape_.draw(config_.collections.size())));
  arrive(Happening{.event = Pull{collection->first}});
}

void World::act_elsewhere() {
  if (tape_.draw(4) != 3) {
    coverage_.saw(Fault::changed_elsewhere);
    server_.change_elsewhere(tape_, clock_.truth());
  } else if (server_.delete_elsewhere(tape_)) {
    coverage_.saw(Fault::deleted_elsewhere);
  }
}

void World::change_clock() {
  const std::array<Duration, 4> jumps = {1s, 1min, 1h, 50h};
  Duration jump = tape_.pick(jumps);
  switch (tape_.draw(3)) {
    case 0:
      coverage_.saw(Fault::slept);
      clock_.elapsed += jump;
      // What it slept through tells no time, so a clock that is wrong may stay uncorrected.
      clock_.was_set = clock_.was_set || clock_.error != Duration(0);
      break;
    case 1:
      coverage_.saw(Fault::clock_forward);
      clock_.error += jump;
      clock_.was_set = true;
      break;
    default:
      coverage_.saw(Fault::clock_back);
      clock_.error -= jump;
      clock_.was_set = true;
      server_.keep_keys_longer(jump);
  }
  if (story_.is_told()) tell("the clock is changed");
}

void World::change_room() {
  if (device_.is_full()) {
    device_.make_room();
    if (story_.is_told()) tell("there is room again");
    return;
  }
  coverage_.saw(Fault::disk_full);
  device_.fill(tape_.pick(std::array{0, 5'000, 20'000, 60'000}));
  if (story_.is_told()) tell("the disk is full");
}

void World::tidy() {
  if (!device_.is_open()) return;
  maybe_die_amid();
  Device::Outcome outcome = device_.tidy();
  if (story_.is_told()) tell(std::string("tidies") + (outcome.error ? ", in vain" : ""));
  if (outcome.died) return died(Fault::killed_in_checkpoint, Fault::power_cut_in_checkpoint);
  if (!outcome.error) return;
  if (outcome.error->corrupt()) throw Violation("the file is corrupt, says a checkpoint");
  coverage_.saw(Fault::checkpoint_failed);
}

void World::end_process() {
  if (device_.is_open() && tape_.draw(4) == 3) app_.close_page();
  if (tape_.draw(2) == 0) {
    coverage_.saw(Fault::killed);
    if (story_.is_told()) tell("the tab is killed");
    device_.kill();
  } else {
    coverage_.saw(revenants_.empty() ? Fault::power_cut : Fault::power_cut_after_error);
    if (story_.is_told()) tell("the power is cut");
    device_.cut_power();
    for (auto& model : revenants_) others_.push_back(std::move(model));
    revenants_.clear();
  }
  lose_session();
}

// What the host does.

void World::arrive(std::vector<Happening> happenings) {
  for (auto& happening : happenings) arrived_.push_back(std::move(happening));
}

void World::maybe_die_amid() {
  if (tape_.strikes(weather_.amid)) device_.disk().die_after(tape_.draw(12));
}

void World::open() {
  Time now = clock_.wall();
  maybe_die_amid();
  Device::Outcome outcome = device_.open(now);
  ++steps_;
  if (outcome.died) return died(Fault::killed_in_opening, Fault::power_cut_in_opening);
  if (outcome.error) {
    if (story_.is_told()) tell("cannot open: " + words(*outcome.error));
    if (outcome.error->corrupt()) throw Violation("the file is corrupt, says its opening");
    coverage_.saw(Fault::opening_failed);
    return;
  }
  recover_session(*outcome.step, now);
}

// The tables show which of the possible models is the true one.
void World::recover_session(const Step& step, Time now) {
  if (story_.is_told()) tell("opens");
  bool seen = look([&] {
    epoch_ = load_counters(device_.db()).epoch;
    others_.insert(others_.begin(), model_);
    std::optional<Model> found;
    std::string why;
    for (auto& model : others_) {
      begin(model, now);
      model.ledger.learn(device_.db());
      auto mismatch = model.ledger.mismatch(device_.db());
      if (!mismatch) mismatch = model.ledger.memory_mismatch(device_.db());
      if (mismatch) why += "\n  " + *mismatch;
      else if (found) found->gate.join(model.gate);
      else found = model;
    }
    if (!found) throw Violation("what was recorded is not there after opening:" + why);
    model_ = std::move(*found);
    if (tape_.draw(8) == 7) check_integrity();
  });
  if (!seen) return;
  others_.clear();
  revenants_.clear();
  model_.ledger.carry_out(step.effects, now);
  model_.gate.check(step.effects, now, model_.ledger.in_flight());
  check_status(step.status);
  carry_out(step);
  if (tape_.draw(3) != 2 && !tape_.strikes(weather_.calls)) arrive(app_.catch_up());
}

void World::step() {
  auto happenings = std::exchange(arrived_, {});
  if (happenings.empty()) return;
  if (!device_.is_open()) return;  // They are lost; unanswered calls come again.
  std::vector<Event> events;
  for (const auto& happening : happenings) events.push_back(happening.event);
  if (story_.is_told())
    for (const auto& event : events) tell("-> " + words(event));
  Time now = clock_.wall();
  bool must_drain = device_.must_drain();
  maybe_die_amid();
  Device::Outcome outcome = device_.handle(events, now);
  ++steps_;
  if (outcome.died) {
    others_ = futures(happenings, now);
    return died(Fault::killed_in_step, Fault::power_cut_in_step);
  }
  if (outcome.error) return failed(happenings, outcome, now, must_drain);
  if (must_drain && device_.is_low()) coverage_.saw(Fault::drained_full);
  taken(happenings, *outcome.step, now, outcome.was_full);
}

void World::taken(std::span<const Happening> happenings, const Step& step, Time now,
                  bool was_full) {
  if (story_.is_told()) {
    for (const auto& result : step.results) tell("   " + words(result));
    for (const auto& effect : step.effects) tell("<- " + words(effect));
  }
  auto expected = take(model_, happenings, now, &step);
  check_results(step, expected);
  count_refused(step, was_full);
  model_.ledger.carry_out(step.effects, now);
  model_.gate.check(step.effects, now, model_.ledger.in_flight());
  if (model_.ledger.requests_in_flight() > config_.concurrency)
    throw Violation("more requests are in flight than may be");
  count_notes();
  check_status(step.status);
  check_nothing_waits_for_ever(step, now);
  carry_out(step);
  answer_calls(happenings, &step);
  look([&] { check_tables(); });
}

// Only a disk that is full, or has no ballast to drain with, refuses a write.
void World::count_refused(const Step& step, bool was_full) {
  bool refused = std::ranges::any_of(step.results, [](const Result& result) {
    auto* refusal = std::get_if<Refusal>(&result);
    return refusal && refusal->code == "disk-full";
  });
  if (refused && !was_full && !device_.is_low())
    throw Violation("a write is refused for a full disk, and the disk is not full");
  if (refused) coverage_.saw(Fault::write_refused_full);
}

void World::carry_out(const Step& step) {
  for (const auto& effect : step.effects) {
    if (auto* send = std::get_if<Send>(&effect)) network_.carry(*send);
    if (auto* batch = std::get_if<SendBatch>(&effect)) network_.carry(*batch);
    if (std::holds_alternative<SignIn>(effect)) wants_sign_in_ = true;
    if (auto* probe = std::get_if<Probe>(&effect)) network_.carry(*probe);
    if (auto* fetch = std::get_if<Fetch>(&effect)) network_.carry(*fetch);
    if (auto* ended = std::get_if<PullEnded>(&effect))
      if (ended->problem.empty()) is_pulled_.insert(ended->collection);
  }
  alarm_.reset();
  if (step.wake_at)
    alarm_ = clock_.elapsed + std::max(Duration(0), *step.wake_at - clock_.wall());
}

void World::answer_calls(std::span<const Happening> happenings, const Step* step) {
  for (std::size_t i = 0; i < happenings.size(); ++i) {
    const Event& event = happenings[i].event;
    if (!std::holds_alternative<Write>(event) && !std::holds_alternative<Transact>(event)) continue;
    if (tape_.strikes(weather_.calls)) coverage_.saw(Fault::call_unanswered);
    else if (auto* refusal = step ? std::get_if<Refusal>(&step->results[i]) : nullptr;
             refusal && refusal->code == Sessions::kGap)
      app_.hear_gap(event);
    else app_.hear(event);
  }
}

// What the models noticed of what is to be seen in the schedules.
void World::count_notes() {
  for (Fault fault : model_.ledger.notes()) coverage_.saw(fault);
  for (Fault fault : model_.gate.notes()) coverage_.saw(fault);
}

// A step that could not be stored. It changed nothing, unless what undoes it failed as well.
void World::failed(std::span<const Happening> happenings, const Device::Outcome& outcome, Time now,
                   bool must_drain) {
  coverage_.saw(Fault::step_failed);
  if (story_.is_told()) tell("   failed: " + words(*outcome.error));
  if (outcome.error->corrupt()) throw Violation("the file is corrupt, says a step");
  if (must_drain) throw Violation("a full disk does not drain, though the ballast was held");
  if (outcome.in_doubt) others_ = futures(happenings, now);
  else if (outcome.flush_failed) revenants_ = futures(happenings, now);
  if (tape_.draw(2) == 0) answer_calls(happenings, nullptr);  // They are told that it failed.
  auto is_call = [](const Happening& h) {
    return std::holds_alternative<Write>(h.event) || std::holds_alternative<Transact>(h.event) ||
           std::holds_alternative<Retry>(h.event) || std::holds_alternative<Edit>(h.event) ||
           std::holds_alternative<Discard>(h.event) || std::holds_alternative<Cancel>(h.event) ||
           std::holds_alternative<Pull>(h.event);
  };
  // As web/driver.ts: who called can call again, but an answer comes only once.
  if (outcome.error->full() && !outcome.in_doubt && std::ranges::all_of(happenings, is_call)) {
    look([&] { check_tables(); });
    return;
  }
  // While a step that failed is not undone for good, a power cut matters most.
  if (outcome.flush_failed && tape_.draw(3) == 2) return end_process();
  device_.kill();
  lose_session();
}

void World::died(Fault killed, Fault cut) {
  if (tape_.draw(2) == 0) {
    coverage_.saw(killed);
    if (story_.is_told()) tell("   the tab is killed amid it");
    device_.kill();
  } else {
    coverage_.saw(cut);
    if (story_.is_told()) tell("   the power is cut amid it");
    device_.cut_power();
    for (auto& model : revenants_) others_.push_back(std::move(model));
    revenants_.clear();
  }
  if (tape_.draw(4) == 3) app_.close_page();
  lose_session();
}

void World::lose_session() {
  arrived_.clear();
  alarm_.reset();
  network_.end_session();
  app_.lose_session();
}

// Reads the database while no operation fails; false if it cannot be read nevertheless.
bool World::look(const std::function<void()>& at) {
  Disk::Faults faults = std::exchange(device_.disk().faults, {});
  bool seen = true;
  try {
    at();
  } catch (const StorageError& error) {
    constexpr int kMistake = 1;  // SQLITE_ERROR: the statement itself is wrong.
    if (error.corrupt() || error.code() == kMistake)
      throw Violation(std::string("a read fails: ") + error.what());
    seen = false;
  }
  device_.disk().faults = faults;
  if (seen) return true;
  device_.kill();
  lose_session();
  return false;
}

// The models.

void World::begin(Model& model, Time now) {
  model.gate.mend(now);
  model.ledger.begin(epoch_, now);
  model.gate.begin();
}

// Tells the model what has happened, and what the step made of it, when that is known.
std::vector<Ledger::Expected> World::take(Model& model, std::span<const Happening> happenings,
                                          Time now, const Step* step) {
  auto code = [&](std::size_t i) {
    auto* refusal = step ? std::get_if<Refusal>(&step->results.at(i)) : nullptr;
    return refusal ? refusal->code : "";
  };
  bool drained = false;
  for (std::size_t i = 0; step && i < happenings.size(); ++i)
    if (code(i) == "disk-full") drained = true;
  model.gate.mend(now);
  model.ledger.hear(now);
  std::vector<Ledger::Expected> expected;
  for (std::size_t i = 0; i < happenings.size(); ++i) {
    model.gate.take(happenings[i], now, model.ledger);
    expected.push_back(model.ledger.take(happenings[i], {.drained = drained}, now));
  }
  return expected;
}

// The models that are possible if the step is stored in the end.
std::vector<World::Model> World::futures(std::span<const Happening> happenings, Time now) const {
  std::vector<Model> futures;
  for (bool drained : {false, true}) {
    Model model = model_;
    model.gate.mend(now);
    model.ledger.hear(now);
    for (const auto& happening : happenings) {
      model.gate.take(happening, now, model.ledger);
      model.ledger.take(happening, {drained}, now);
    }
    futures.push_back(std::move(model));
  }
  return futures;
}

}  // namespace holdfast::sim
