// A Vfs gives SQLite a fixed set of files that the host opened beforehand:
// OPFS handles in wasm, memory in Node, POSIX files and a fault simulator in
// tests. There are no directories and nothing is created or deleted: a file
// that SQLite deletes is truncated to nothing, and one of no bytes does not
// exist.
//
// A count says how many bytes were really read or written, exactly as the
// backend says it: the Vfs, not the backend, tells success from a full disk
// or a lie. Every count and size is checked for exactness and sense.
//
// Adjacent writes to the WAL are joined: they are held back until the next
// sync, read, truncation or size of that file, so the frames of a commit reach
// the backend as one write. When that write fails, the WAL is cut off where it
// began: nothing of a commit that failed is found there later.
//
// After a flush has failed nobody knows what is on disk (the kernel may have
// dropped the pages): the file is broken from then on, every call fails, and
// the host opens everything anew.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace holdfast {

enum class File { main, wal, journal, ballast };
inline constexpr int kFiles = 4;
// The names in the database's directory.
inline constexpr std::array<const char*, kFiles> kFileNames = {"main.db", "main.db-wal",
                                                               "main.db-journal", "ballast"};

// The host's side: what SyncAccessHandle offers, a function each. "self" is
// the host's own. Functions do not throw.
//
// read and write answer the count that the handle answered, which may be short
// or nonsense (Chromium at quota answers 4294967288), or kFull when the host
// threw QuotaExceededError, or kFailed when it threw anything else; truncate
// and flush answer 0, kFull or kFailed; size answers bytes or kFailed.
struct Backend {
  static constexpr double kFull = -1;
  static constexpr double kFailed = -2;

  void* self = nullptr;
  double (*read)(void* self, File, std::span<std::byte>, double offset) = nullptr;
  double (*write)(void* self, File, std::span<const std::byte>, double offset) = nullptr;
  double (*truncate)(void* self, File, double size) = nullptr;
  double (*flush)(void* self, File) = nullptr;
  double (*size)(void* self, File) = nullptr;

  // Another one at every opening: the WAL's salts come from it. With the same
  // salts twice, frames left over from an earlier WAL could pass for this one's.
  std::uint64_t seed = 0;
};

// How often the backend was called since the Vfs was made: what tests and the
// bench count.
struct Traffic {
  std::int64_t reads = 0;
  std::int64_t writes = 0;
  std::int64_t flushes = 0;
  std::int64_t bytes_written = 0;
};

class Vfs {
 public:
  // Registers a VFS with SQLite under a name of its own. "backend" is copied;
  // its self must outlive the Vfs, and the Vfs every database opened over it.
  explicit Vfs(const Backend& backend);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  const std::string& name() const;
  const Traffic& traffic() const;

  // Holds back a file of "bytes", so that a full disk has room to drain; true
  // if it is there in full afterwards. Does nothing when it already is.
  bool hold_ballast(std::int64_t bytes);

  // Gives the ballast's room back; true if there was any.
  bool release_ballast();

  // Whether the ballast was released, or could not be held, since it was last
  // held: what room there is belongs to what frees room.
  bool low() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Files in memory, for Node and for tests: nothing outlives it.
class MemoryFiles {
 public:
  Backend backend();

 private:
  std::array<std::vector<std::byte>, kFiles> files_;
};

}  // namespace holdfast
