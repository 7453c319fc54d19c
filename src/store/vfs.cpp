#include "vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <new>
#include <string_view>
#include <vector>

namespace holdfast {
namespace {

// Writes held back beyond this go out: a large commit is several writes.
constexpr std::size_t kHeldBytes = std::size_t{4} << 20;

// No file of ours comes near this size: one above it is a lie. (Chromium answers 1.8e19 once the
// site's data is cleared.)
constexpr double kLargestSize = 0x1p46;

// What Chromium's write() answers at the quota: FILE_ERROR_NO_SPACE, -8, read as unsigned.
constexpr double kNoSpace = 4294967288;

constexpr std::int64_t kClean = std::numeric_limits<std::int64_t>::max();

// True for a whole number from 0 to "most"; NaN is none.
bool is_count(double answer, double most) {
  return answer >= 0 && answer <= most && answer == std::floor(answer);
}

// One file of the backend: nothing that the backend answers gets past it unchecked.
//
// The WAL's writes are held back as one run of bytes and go out together. SQLite takes them for
// written, so one that fails later is a lie told to SQLite, which must not become a commit:
//
// (1) When a write or a flush of the WAL fails, the run is forgotten and the file is cut off where
//     the first change since the last good flush began. Those are frames of a commit that is
//     failing with it, or the header of a WAL whose frames are all in main.db, so nothing that
//     was committed is lost, and nothing that failed is found when the WAL is read anew. (Unless
//     the power is cut before the next flush: then a commit that failed is there whole or not.)
// (2) A write that would leave a hole in the WAL is refused: SQLite never leaves one by itself, so
//     it counts on frames that (1) cut off. Database turns cache spilling off, so that all frames
//     of a commit are written by the commit alone and this does not happen.
// (3) After a failed flush, or when (1) cannot cut, the file is broken for good.
class Stored {
 public:
  Stored(const Backend& backend, File file, Traffic& traffic)
      : backend_(backend), file_(file), joined_(file == File::wal), traffic_(traffic) {}

  // An answer is SQLITE_OK or the error that SQLite is to see.
  int open();  // SQLITE_CANTOPEN when it is open: two databases over one file destroy it.
  void close();
  int read(std::byte* to, std::int64_t length, std::int64_t at);
  int write(const std::byte* from, std::int64_t length, std::int64_t at);
  int truncate(std::int64_t size);
  int flush();
  int size(std::int64_t& bytes);
  int remove();

 private:
  int rewrite();
  std::int64_t held_end() const { return held_at_ + static_cast<std::int64_t>(held_.size()); }
  int hold(std::span<const std::byte> bytes, std::int64_t at);
  int put_held();
  int put(std::span<const std::byte> bytes, std::int64_t at);
  int resize(std::int64_t size);
  void cut();

  const Backend& backend_;
  const File file_;
  const bool joined_;
  Traffic& traffic_;

  bool open_ = false;
  bool broken_ = false;
  std::vector<std::byte> held_;  // The run that is held back,
  std::int64_t held_at_ = 0;     // and where it belongs.
  std::int64_t end_ = 0;         // Bytes in the backend's file. Only kept for a joined file.
  std::int64_t changed_from_ = kClean;  // The lowest change since the last good flush.
};

int Stored::open() {
  if (open_) return SQLITE_CANTOPEN;
  if (joined_) {
    if (int code = size(end_)) return code;
    if (int code = rewrite()) return code;
  }
  open_ = true;
  return SQLITE_OK;
}

// Writes the file over itself, so that what can be read is on disk before anyone acts on it. A
// flush alone does not do: when the flush of an earlier process failed, the kernel may show pages
// that it counts as written though they are not, and after a power cut the frames of later
// commits would stand behind a gap.
int Stored::rewrite() {
  constexpr std::int64_t kChunk = 1 << 20;
  if (end_ == 0) return SQLITE_OK;
  std::unique_ptr<std::byte[]> chunk(new (std::nothrow) std::byte[kChunk]);
  if (!chunk) return SQLITE_IOERR_NOMEM;
  // None of it is a change, so a failure cuts nothing off.
  for (std::int64_t at = 0; at < end_; at += kChunk) {
    std::int64_t length = std::min(kChunk, end_ - at);
    if (int code = read(chunk.get(), length, at)) return code;
    std::span<const std::byte> bytes(chunk.get(), static_cast<std::size_t>(length));
    if (int code = put(bytes, at)) return code;
  }
  return flush();
}

// What is still held back was never synced, so nobody was promised it.
void Stored::close() {
  held_.clear();
  open_ = false;
}

int Stored::read(std::byte* to, std::int64_t length, std::int64_t at) {
  if (broken_) return SQLITE_IOERR_READ;
  if (int code = put_held()) return code;
  ++traffic_.reads;
  std::span<std::byte> bytes(to, static_cast<std::size_t>(length));
  double count = backend_.read(backend_.self, file_, bytes, static_cast<double>(at));
  if (!is_count(count, static_cast<double>(length))) return SQLITE_IOERR_READ;
  if (count == static_cast<double>(length)) return SQLITE_OK;
  std::ranges::fill(bytes.subspan(static_cast<std::size_t>(count)), std::byte{0});
  return SQLITE_IOERR_SHORT_READ;
}

int Stored::write(const std::byte* from, std::int64_t length, std::int64_t at) {
  if (broken_) return SQLITE_IOERR_WRITE;
  std::span<const std::byte> bytes(from, static_cast<std::size_t>(length));
  return joined_ ? hold(bytes, at) : put(bytes, at);
}

// Adds to the run, or begins a new one when the bytes do not touch it or would make it too long.
int Stored::hold(std::span<const std::byte> bytes, std::int64_t at) {
  bool touches = !held_.empty() && at >= held_at_ && at <= held_end();
  if (!touches || static_cast<std::size_t>(at - held_at_) + bytes.size() > kHeldBytes) {
    if (int code = put_held()) return code;
    if (at > end_) return SQLITE_IOERR_WRITE;  // Rule (2).
    held_at_ = at;
  }
  auto offset = static_cast<std::size_t>(at - held_at_);
  std::size_t covered = std::min(held_.size() - offset, bytes.size());
  try {
    held_.insert(held_.end(), bytes.begin() + static_cast<std::ptrdiff_t>(covered), bytes.end());
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  std::ranges::copy(bytes.first(covered), held_.begin() + static_cast<std::ptrdiff_t>(offset));
  return SQLITE_OK;
}

int Stored::put_held() {
  if (held_.empty()) return SQLITE_OK;
  changed_from_ = std::min(changed_from_, held_at_);
  int code = put(held_, held_at_);
  if (code == SQLITE_OK) end_ = std::max(end_, held_end());
  held_.clear();
  if (code != SQLITE_OK) cut();
  return code;
}

// A write is good only if its count is exactly the length.
int Stored::put(std::span<const std::byte> bytes, std::int64_t at) {
  ++traffic_.writes;
  double count = backend_.write(backend_.self, file_, bytes, static_cast<double>(at));
  auto length = static_cast<double>(bytes.size());
  if (count == length) {
    traffic_.bytes_written += static_cast<std::int64_t>(bytes.size());
    return SQLITE_OK;
  }
  bool full = count == Backend::kFull || count == kNoSpace || is_count(count, length);
  return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int Stored::truncate(std::int64_t size) {
  if (broken_) return SQLITE_IOERR_TRUNCATE;
  if (int code = put_held()) return code;
  return resize(size);
}

// The size is asked for afterwards: at the quota Chromium does nothing, and says nothing.
int Stored::resize(std::int64_t size) {
  changed_from_ = std::min(changed_from_, size);
  double answer = backend_.truncate(backend_.self, file_, static_cast<double>(size));
  if (answer == Backend::kFull) return SQLITE_FULL;
  if (answer != 0) return SQLITE_IOERR_TRUNCATE;
  double now = backend_.size(backend_.self, file_);
  if (!is_count(now, kLargestSize)) return SQLITE_IOERR_FSTAT;
  if (now != static_cast<double>(size))
    return now < static_cast<double>(size) ? SQLITE_FULL : SQLITE_IOERR_TRUNCATE;
  end_ = size;
  return SQLITE_OK;
}

// Rule (1). The WAL only: a torn write to main.db is mended from the WAL.
void Stored::cut() {
  if (changed_from_ != kClean && resize(changed_from_) != SQLITE_OK) broken_ = true;
}

int Stored::flush() {
  if (broken_) return SQLITE_IOERR_FSYNC;
  if (int code = put_held()) return code;
  ++traffic_.flushes;
  if (backend_.flush(backend_.self, file_) != 0) {
    if (joined_) cut();
    broken_ = true;
    return SQLITE_IOERR_FSYNC;
  }
  changed_from_ = kClean;
  return SQLITE_OK;
}

// Durably, also when SQLite does not ask for it: a file system keeps the order of an unlink and of
// what follows it, but our files know nothing of each other.
int Stored::remove() {
  if (int code = truncate(0)) return code;
  return flush();
}

int Stored::size(std::int64_t& bytes) {
  if (broken_) return SQLITE_IOERR_FSTAT;
  if (int code = put_held()) return code;
  double answer = backend_.size(backend_.self, file_);
  if (!is_count(answer, kLargestSize)) return SQLITE_IOERR_FSTAT;
  bytes = static_cast<std::int64_t>(answer);
  return SQLITE_OK;
}

// What SQLite holds for an open file.
struct OpenFile {
  sqlite3_file base;  // First, for SQLite sees nothing else.
  Stored* stored;
};

Stored& stored(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file)->stored; }

// No locks: whoever has the handles is alone with them. No shared memory: in exclusive locking
// mode SQLite keeps the WAL's index in its own.
const sqlite3_io_methods kMethods = {
    .iVersion = 1,
    .xClose = [](sqlite3_file* file) { return stored(file).close(), SQLITE_OK; },
    .xRead = [](sqlite3_file* file, void* to, int length, sqlite3_int64 at) {
      return stored(file).read(static_cast<std::byte*>(to), length, at);
    },
    .xWrite = [](sqlite3_file* file, const void* from, int length, sqlite3_int64 at) {
      return stored(file).write(static_cast<const std::byte*>(from), length, at);
    },
    .xTruncate = [](sqlite3_file* file, sqlite3_int64 size) { return stored(file).truncate(size); },
    .xSync = [](sqlite3_file* file, int) { return stored(file).flush(); },
    .xFileSize = [](sqlite3_file* file, sqlite3_int64* size) {
      std::int64_t bytes = 0;
      int code = stored(file).size(bytes);
      *size = bytes;
      return code;
    },
    .xLock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; },
    .xCheckReservedLock = [](sqlite3_file*, int* reserved) { return *reserved = 0, SQLITE_OK; },
    .xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; },
    .xSectorSize = [](sqlite3_file*) { return 4096; },
    .xDeviceCharacteristics = [](sqlite3_file*) {
      return SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN | SQLITE_IOCAP_POWERSAFE_OVERWRITE |
             SQLITE_IOCAP_SUBPAGE_READ;
    },
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

// The seed of the latest Vfs. It is the process's, because SQLite's generator is.
std::uint64_t randomness = 0;

int draw(sqlite3_vfs*, int length, char* to) {
  for (int i = 0; i < length; ++i) {
    randomness += 0x9e3779b97f4a7c15;  // SplitMix64.
    std::uint64_t z = randomness;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    to[i] = static_cast<char>(z ^ (z >> 31));
  }
  return length;
}

// Paths are bare names already.
int full_path(sqlite3_vfs*, const char* name, int room, char* to) {
  if (std::strlen(name) >= static_cast<std::size_t>(room)) return SQLITE_CANTOPEN;
  std::strcpy(to, name);
  return SQLITE_OK;
}

// A VFS without files. There is no clock in the core, so SQL's 'now' is NULL.
sqlite3_vfs no_files() {
  sqlite3_vfs vfs{};
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(OpenFile);
  vfs.mxPathname = 64;
  vfs.xOpen = [](sqlite3_vfs*, const char*, sqlite3_file* file, int, int*) {
    return file->pMethods = nullptr, SQLITE_CANTOPEN;
  };
  vfs.xDelete = [](sqlite3_vfs*, const char*, int) { return SQLITE_IOERR_DELETE; };
  vfs.xAccess = [](sqlite3_vfs*, const char*, int, int* there) { return *there = 0, SQLITE_OK; };
  vfs.xFullPathname = full_path;
  vfs.xRandomness = draw;
  vfs.xSleep = [](sqlite3_vfs*, int) { return 0; };
  vfs.xCurrentTime = [](sqlite3_vfs*, double*) { return SQLITE_ERROR; };
  vfs.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
  return vfs;
}

}  // namespace

struct Vfs::State {
  explicit State(const Backend& host);

  int settle_journal();

  // The file of that name, or nullptr.
  Stored* find(const char* name);

  static State& of(sqlite3_vfs* vfs) { return *static_cast<State*>(vfs->pAppData); }
  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs*, const char* name, int);
  static int exists(sqlite3_vfs*, const char* name, int flags, int* there);

  Backend backend;
  Traffic traffic;
  bool low = false;
  std::array<Stored, kFiles> files;
  std::string name;
  sqlite3_vfs vfs = no_files();
};

Vfs::State::State(const Backend& host)
    : backend(host),
      files{Stored(backend, File::main, traffic), Stored(backend, File::wal, traffic),
            Stored(backend, File::journal, traffic), Stored(backend, File::ballast, traffic)} {
  static int made = 0;
  name = "holdfast-" + std::to_string(++made);
  vfs.zName = name.c_str();
  vfs.pAppData = this;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = exists;
}

Stored* Vfs::State::find(const char* wanted) {
  if (!wanted) return nullptr;
  auto found = std::ranges::find(kFileNames, std::string_view(wanted));
  if (found == kFileNames.end()) return nullptr;
  return &files[static_cast<std::size_t>(found - kFileNames.begin())];
}

int Vfs::State::open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                     int* out_flags) {
  file->pMethods = nullptr;  // So that SQLite closes only what was opened.
  Stored* stored = of(vfs).find(name);
  if (!stored) return SQLITE_CANTOPEN;
  if (stored == of(vfs).find(kFileNames[0])) {
    if (int code = of(vfs).settle_journal()) return code;
  }
  if (int code = stored->open()) return code;
  reinterpret_cast<OpenFile*>(file)->stored = stored;
  file->pMethods = &kMethods;
  if (out_flags) *out_flags = flags;
  return SQLITE_OK;
}

// A journal that came back after a power cut would roll main.db back to before its first page and
// take the WAL along. So one that is gone must be gone on disk, whatever an earlier process left.
int Vfs::State::settle_journal() {
  Stored& journal = files[static_cast<std::size_t>(File::journal)];
  std::int64_t bytes = 0;
  if (int code = journal.size(bytes)) return code;
  return bytes == 0 ? journal.remove() : SQLITE_OK;
}

int Vfs::State::remove(sqlite3_vfs* vfs, const char* name, int) {
  Stored* stored = of(vfs).find(name);
  return stored ? stored->remove() : SQLITE_OK;
}

int Vfs::State::exists(sqlite3_vfs* vfs, const char* name, int, int* there) {
  *there = 0;
  Stored* stored = of(vfs).find(name);
  if (!stored) return SQLITE_OK;
  std::int64_t bytes = 0;
  int code = stored->size(bytes);
  *there = bytes > 0;
  return code;
}

Vfs::Vfs(const Backend& backend) : state_(std::make_unique<State>(backend)) {
  int code = sqlite3_vfs_register(&state_->vfs, false);
  assert(code == SQLITE_OK);
  (void)code;
  randomness = backend.seed;
  sqlite3_randomness(0, nullptr);  // SQLite draws from the new seed from here on.
}

Vfs::~Vfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& Vfs::name() const { return state_->name; }
const Traffic& Vfs::traffic() const { return state_->traffic; }

// The bytes are written, and are not zeros: a size alone, or a hole, holds no room.
bool Vfs::hold_ballast(std::int64_t bytes) {
  Stored& ballast = state_->files[static_cast<std::size_t>(File::ballast)];
  std::int64_t there = 0;
  state_->low = true;
  if (ballast.size(there) != SQLITE_OK) return false;
  if (there == bytes) {
    state_->low = false;
    return true;
  }
  const std::vector<std::byte> chunk(std::size_t{256} << 10, std::byte{0xb5});
  int code = there ? ballast.truncate(0) : SQLITE_OK;
  for (std::int64_t at = 0; at < bytes && code == SQLITE_OK;) {
    std::int64_t length = std::min(bytes - at, static_cast<std::int64_t>(chunk.size()));
    code = ballast.write(chunk.data(), length, at);
    at += length;
  }
  if (code == SQLITE_OK && ballast.size(there) == SQLITE_OK && there == bytes) {
    state_->low = false;
    return true;
  }
  ballast.truncate(0);  // Part of a ballast only takes the last room away.
  return false;
}

bool Vfs::low() const { return state_->low; }

bool Vfs::release_ballast() {
  state_->low = true;
  Stored& ballast = state_->files[static_cast<std::size_t>(File::ballast)];
  std::int64_t there = 0;
  if (ballast.size(there) != SQLITE_OK || there == 0) return false;
  // Not looked at afterwards: OPFS closes this handle to get the room back.
  return state_->backend.truncate(state_->backend.self, File::ballast, 0) == 0;
}

Backend MemoryFiles::backend() {
  static constexpr auto file_of = [](void* self, File file) -> std::vector<std::byte>& {
    return static_cast<MemoryFiles*>(self)->files_[static_cast<std::size_t>(file)];
  };
  static constexpr auto resize = [](std::vector<std::byte>& bytes, std::size_t size) {
    try {
      bytes.resize(size);
      return true;
    } catch (const std::exception&) {  // No memory, or more than there can be.
      return false;
    }
  };
  return {
      .self = this,
      .read = [](void* self, File file, std::span<std::byte> to, double offset) -> double {
        const auto& bytes = file_of(self, file);
        std::size_t at = std::min(bytes.size(), static_cast<std::size_t>(offset));
        std::size_t count = std::min(bytes.size() - at, to.size());
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, to.begin());
        return static_cast<double>(count);
      },
      .write = [](void* self, File file, std::span<const std::byte> from, double offset) -> double {
        auto& bytes = file_of(self, file);
        auto at = static_cast<std::size_t>(offset);
        if (at + from.size() > bytes.size() && !resize(bytes, at + from.size()))
          return Backend::kFull;
        std::ranges::copy(from, bytes.begin() + static_cast<std::ptrdiff_t>(at));
        return static_cast<double>(from.size());
      },
      .truncate = [](void* self, File file, double size) -> double {
        return resize(file_of(self, file), static_cast<std::size_t>(size)) ? 0 : Backend::kFull;
      },
      .flush = [](void*, File) -> double { return 0; },
      .size = [](void* self, File file) { return static_cast<double>(file_of(self, file).size()); },
  };
}

}  // namespace holdfast

// SQLITE_OS_OTHER: what SQLite asks for instead of an operating system. It wants some VFS to be
// the default before there is one with files.
extern "C" int sqlite3_os_init() {
  static sqlite3_vfs none = holdfast::no_files();
  none.zName = "holdfast-none";
  return sqlite3_vfs_register(&none, true);
}

extern "C" int sqlite3_os_end() { return SQLITE_OK; }
