// A Disk is a simulated one: the backend of a Vfs, over a model of what an
// operating system and a drive may do. A write is at once visible, and pending
// until its file is flushed. A power cut leaves of what is pending what the
// tape says; killing the process leaves all of it, and still pending.
//
// Every choice is drawn from the tape, and a tape of zeros is a disk on which
// nothing ever goes wrong:
//
//    Disk disk([&](std::uint64_t bound) { return tape.draw(bound); });
//    disk.faults.flush = 50;              // One flush in 50 fails.
//    disk.capacity = 1 << 20;             // For all files together.
//    disk.die_after(tape.draw(100));      // Amid whatever it is doing then,
//    { Vfs vfs(disk.backend()); ... }     // every call fails from there on.
//    disk.power_cut();                    // Then open it anew.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "store/vfs.h"

namespace holdfast::sim {

// Answers a number below "bound", which is at least 1.
using Draw = std::function<std::uint64_t(std::uint64_t bound)>;

class Disk {
 public:
  explicit Disk(Draw draw) : draw_(std::move(draw)) {}

  // Opens the handles; the Disk must outlive what uses them.
  Backend backend();

  // One call in so many fails; 0 is none. A write fails by a throw, by a full
  // disk in any of its shapes or by an answer without sense, each after a part
  // of it was written; a truncation fails or silently does nothing; a failed
  // flush may have written, kept or forgotten any part of what is pending,
  // though a reader of the same run still sees it.
  struct Faults {
    std::uint64_t read = 0;
    std::uint64_t write = 0;
    std::uint64_t truncate = 0;
    std::uint64_t flush = 0;
    std::uint64_t size = 0;
    // One failure in so many stays: every later call on that file fails until
    // it is opened anew.
    std::uint64_t stays = 0;
  };
  Faults faults;

  // How often each of them struck so far; "full" counts what "capacity" refused.
  struct Struck {
    std::uint64_t read = 0;
    std::uint64_t write = 0;
    std::uint64_t write_full = 0;
    std::uint64_t truncate = 0;
    std::uint64_t flush = 0;
    std::uint64_t size = 0;
    std::uint64_t full = 0;
  };
  const Struck& struck() const { return struck_; }

  // Bytes that fit, over all files; beyond it a write is cut short.
  std::optional<std::int64_t> capacity;

  // The process ends: what was written stays, and stays pending.
  void kill();

  // The power ends: each sector of 512 bytes that was written since the last
  // flush is as it was after any one of those writes or before them, and the
  // size is any of those that the file had.
  void power_cut();

  // After so many more calls the process is dying: the next call, if it is a
  // write, does a part of its work, and every call fails, until kill() or
  // power_cut().
  void die_after(std::uint64_t calls) { calls_left_ = calls; }
  bool dead() const { return dead_; }

  std::uint64_t calls() const { return calls_; }  // Since the Disk was made.
  std::int64_t used() const;                      // Bytes in all files.

  // What is on it, pending changes included, without switches and tape.
  struct Snapshot;
  Snapshot snapshot() const;
  void restore(const Snapshot& snapshot);

  using Bytes = std::vector<std::byte>;

  // A write, or with no bytes a change of size to "at".
  struct Change {
    std::size_t at = 0;
    std::optional<Bytes> bytes;
  };

 private:
  struct Contents {
    Bytes now;      // What a reader sees.
    Bytes durable;  // What a power cut cannot take.
    std::vector<Change> pending;
    bool failed = false;  // Until it is opened anew.
  };

  double read(File file, std::span<std::byte> to, double offset);
  double write(File file, std::span<const std::byte> from, double offset);
  double truncate(File file, double size);
  double flush(File file);
  double size(File file);

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(draw_(bound)); }
  Contents& contents(File file) { return files_[static_cast<std::size_t>(file)]; }
  bool strikes(std::uint64_t one_in, std::uint64_t& count, Contents& contents);
  bool answers(Contents& contents);
  double shape_of_full(std::size_t written);
  std::size_t put(Contents& contents, std::span<const std::byte> from, std::size_t at);
  void settle(Contents& contents);

  Draw draw_;
  Struck struck_;
  std::array<Contents, kFiles> files_;
  std::optional<std::uint64_t> calls_left_;
  bool dead_ = false;
  std::uint64_t calls_ = 0;
  std::uint64_t opened_ = 0;
};

struct Disk::Snapshot {
  std::array<Contents, kFiles> files;
  std::uint64_t opened = 0;
};

}  // namespace holdfast::sim
