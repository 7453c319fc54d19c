#include "sim/device.h"

#include <utility>

#include "store/schema.h"
#include "store/sessions.h"

namespace holdfast::sim {
namespace {

constexpr std::int64_t kBallast = 128 << 10;

Device& device(void* self) { return *static_cast<Device*>(self); }

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

// The disk's backend, with a look at its answers.
Backend Device::watched() {
  backend_ = disk_.backend();
  return {
      .self = this,
      .read = [](void* self, File file, std::span<std::byte> to, double offset) {
        double count = device(self).backend_.read(device(self).backend_.self, file, to, offset);
        if (!(count >= 0 && count <= static_cast<double>(to.size())))
          device(self).saw_failure(Fault::read_failed, count);
        return count;
      },
      .write = [](void* self, File file, std::span<const std::byte> from, double offset) {
        double count = device(self).backend_.write(device(self).backend_.self, file, from, offset);
        if (count != static_cast<double>(from.size()))
          device(self).saw_failure(count == Backend::kFailed || count != count
                                       ? Fault::write_failed : Fault::write_full, count);
        return count;
      },
      .truncate = [](void* self, File file, double size) {
        double answer = device(self).backend_.truncate(device(self).backend_.self, file, size);
        if (answer != 0) device(self).saw_failure(Fault::truncate_failed, answer);
        return answer;
      },
      .flush = [](void* self, File file) {
        double answer = device(self).backend_.flush(device(self).backend_.self, file);
        if (answer != 0) device(self).saw_failure(Fault::flush_failed, answer);
        return answer;
      },
      .size = [](void* self, File file) {
        double bytes = device(self).backend_.size(device(self).backend_.self, file);
        if (!(bytes >= 0 && bytes < 1e15)) device(self).saw_failure(Fault::size_failed, bytes);
        return bytes;
      },
      .seed = backend_.seed,
  };
}

void Device::saw_failure(Fault fault, double) {
  if (disk_.dead()) return;
  coverage_.saw(fault);
  ++failures_;
  if (fault == Fault::flush_failed) flush_failed_ = true;
}

template <typename Work>
Device::Outcome Device::attempt(Work work) {
  failures_ = 0;
  flush_failed_ = false;
  Outcome outcome;
  try {
    work(outcome);
  } catch (const StorageError& error) {
    outcome.error = error;
    outcome.in_doubt = failures_ > 1;
    outcome.flush_failed = flush_failed_;
  }
  outcome.died = disk_.dead();
  return outcome;
}

Device::Outcome Device::open(Time now) {
  close();
  Outcome outcome = attempt([&](Outcome& opened) {
    vfs_ = std::make_unique<Vfs>(watched());
    db_ = std::make_unique<Database>(*vfs_);
    schema::prepare(*db_);
    schema::declare(*db_, config_.collections);
    engine_ = std::make_unique<Engine>(*db_, config_);
    Event event = Open{};
    opened.step = engine_->handle({&event, 1}, now);
  });
  if (!outcome.step || outcome.died) close();
  return outcome;
}

Device::Outcome Device::handle(std::span<const Event> events, Time now) {
  return attempt([&](Outcome& outcome) { outcome.step = engine_->handle(events, now); });
}

// As bindings/embind.cpp: a checkpoint that fails has lost nothing.
Device::Outcome Device::tidy() {
  return attempt([&](Outcome& outcome) {
    try {
      db_->checkpoint();
    } catch (const StorageError& error) {
      outcome.error = error;
    }
    ballast_ = vfs_->hold_ballast(kBallast);
  });
}

void Device::kill() {
  close();
  disk_.kill();
}

void Device::cut_power() {
  close();
  disk_.power_cut();
  ballast_ = false;
}

void Device::close() {
  engine_.reset();
  db_.reset();
  vfs_.reset();
}

void Device::fill(std::int64_t room) { disk_.capacity = disk_.used() + room; }

bool Device::must_drain() const {
  const Disk::Faults& faults = disk_.faults;
  return ballast_ && faults.read + faults.write + faults.truncate + faults.flush + faults.size == 0;
}

void Device::mend() {
  disk_.faults = {};
  make_room();
}

}  // namespace holdfast::sim
