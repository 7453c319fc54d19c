// The Device is the machine with the browser: a Disk, and over it, while a tab
// leads, the real Vfs, SQLite and Engine. It fails as the Disk's faults say and
// tells how; what to make of it is the World's business.

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "sim/coverage.h"
#include "sim/disk.h"
#include "sim/tape.h"
#include "store/sqlite.h"
#include "store/vfs.h"
#include "sync/engine.h"

namespace holdfast::sim {

class Device {
 public:
  // "config" is that of every session.
  Device(Tape& tape, Coverage& coverage, Config config);

  // How something over the disk ended.
  struct Outcome {
    std::optional<Step> step;           // It was done.
    std::optional<StorageError> error;  // It was not.
    bool died = false;  // The process died in it: nobody knows, and nobody was told.
    bool in_doubt = false;     // Failed, and what undoes it failed too.
    bool flush_failed = false;  // Failed, and a power cut could undo the undoing.
    bool was_full = false;      // An operation found the disk full.
  };

  // Opens the database and begins a session at "now".
  Outcome open(Time now);
  bool is_open() const { return engine_ != nullptr; }

  Outcome handle(std::span<const Event> events, Time now);

  // What a host does in an idle moment: writes the WAL back, holds the ballast.
  Outcome tidy();

  // The tab ends, by itself or with the power. What a dead one left stays dead until then.
  void kill();
  void cut_power();

  // Fails on a full disk, unless room is left.
  void fill(std::int64_t room);
  void make_room() { disk_.capacity.reset(); }
  bool is_full() const { return disk_.capacity.has_value(); }
  bool is_low() const { return vfs_ && vfs_->low(); }  // The engine must refuse writes.
  // The ballast is held, and nothing but the room can be wrong: whatever is no write must be taken.
  bool must_drain() const;

  Disk& disk() { return disk_; }
  Database& db() const { return *db_; }

  // Nothing is wrong any more.
  void mend();

 private:
  template <typename Work>
  Outcome attempt(Work work);
  void count_faults(const Disk::Struck& before, Outcome& outcome);
  void close();
  void hold_ballast();

  Tape& tape_;
  Coverage& coverage_;
  Config config_;
  Disk disk_;
  std::unique_ptr<Vfs> vfs_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<Engine> engine_;
  bool holds_ballast_ = false;
};

}  // namespace holdfast::sim
