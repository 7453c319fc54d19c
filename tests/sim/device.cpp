#include "sim/device.h"

#include <utility>

#include "store/schema.h"
#include "store/sessions.h"

namespace holdfast::sim {
namespace {

constexpr std::int64_t kBallast = 128 << 10;

// A disk that holds an empty database, made once: every schedule begins with it.
const Disk::Snapshot& fresh(const Config& config) {
  static const Disk::Snapshot snapshot = [&] {
    Disk disk([](std::uint64_t) { return std::uint64_t{0}; });
    Vfs vfs(disk.backend());
    Database db(vfs);
    schema::prepare(db);
    schema::declare(db, config.collections);
    db.checkpoint();
    return disk.snapshot();
  }();
  return snapshot;
}

}  // namespace

Device::Device(Tape& tape, Coverage& coverage, Config config)
    : tape_(tape),
      coverage_(coverage),
      config_(std::move(config)),
      disk_([this](std::uint64_t bound) { return tape_.draw(bound); }) {
  disk_.restore(fresh(config_));
}

template <typename Work>
Device::Outcome Device::attempt(Work work) {
  Disk::Struck before = disk_.struck();
  Outcome outcome;
  try {
    work(outcome);
  } catch (const StorageError& error) {
    outcome.error = error;
  }
  outcome.died = disk_.dead();
  count_faults(before, outcome);
  return outcome;
}

// What struck meanwhile. A file that stays failed cannot be mended, so that counts as another.
void Device::count_faults(const Disk::Struck& before, Outcome& outcome) {
  const Disk::Struck& now = disk_.struck();
  std::uint64_t fulls = (now.write_full - before.write_full) + (now.full - before.full);
  std::uint64_t failures = 0;
  auto count = [&](Fault fault, std::uint64_t more) {
    for (std::uint64_t i = 0; i < more; ++i) coverage_.saw(fault);
    return more;
  };
  failures += count(Fault::read_failed, now.read - before.read);
  count(Fault::write_full, now.write_full - before.write_full);
  failures += count(Fault::write_failed,
                    (now.write - now.write_full) - (before.write - before.write_full));
  failures += count(Fault::truncate_failed, now.truncate - before.truncate);
  failures += count(Fault::flush_failed, now.flush - before.flush);
  failures += count(Fault::size_failed, now.size - before.size);
  outcome.was_full = fulls > 0;
  if (!outcome.error) return;
  outcome.in_doubt = failures + fulls > 1 && failures > 0;
  if (failures > 0 && disk_.faults.stays > 0) outcome.in_doubt = true;
  outcome.flush_failed = now.flush > before.flush;
}

Device::Outcome Device::open(Time now) {
  close();
  Outcome outcome = attempt([&](Outcome& opened) {
    vfs_ = std::make_unique<Vfs>(disk_.backend());
    db_ = std::make_unique<Database>(*vfs_);
    schema::prepare(*db_);
    schema::declare(*db_, config_.collections);
    engine_ = std::make_unique<Engine>(*db_, config_);
    hold_ballast();
    Event event = Open{};
    opened.step = engine_->handle({&event, 1}, now);
  });
  if (!outcome.step || outcome.died) close();
  return outcome;
}

Device::Outcome Device::handle(std::span<const Event> events, Time now) {
  return attempt([&](Outcome& outcome) {
    if (vfs_->low()) hold_ballast();
    outcome.step = engine_->handle(events, now);
  });
}

// As bindings/embind.cpp: a checkpoint that fails has lost nothing.
Device::Outcome Device::tidy() {
  return attempt([&](Outcome& outcome) {
    try {
      db_->checkpoint();
    } catch (const StorageError& error) {
      outcome.error = error;
    }
    if (vfs_->low()) hold_ballast();
  });
}

void Device::hold_ballast() { holds_ballast_ = vfs_->hold_ballast(kBallast); }

void Device::kill() {
  close();
  disk_.kill();
}

void Device::cut_power() {
  close();
  disk_.power_cut();
  holds_ballast_ = false;
}

void Device::close() {
  engine_.reset();
  db_.reset();
  vfs_.reset();
}

void Device::fill(std::int64_t room) { disk_.capacity = disk_.used() + room; }

bool Device::must_drain() const {
  const Disk::Faults& faults = disk_.faults;
  return holds_ballast_ && is_open() && !vfs_->low() &&
         faults.read + faults.write + faults.truncate + faults.flush + faults.size == 0;
}

void Device::mend() {
  disk_.faults = {};
  make_room();
}

}  // namespace holdfast::sim
