#include "store/vfs.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "sim/disk.h"
#include "store/sqlite.h"

using namespace holdfast;
using holdfast::sim::Disk;

namespace {

std::uint64_t no_fault(std::uint64_t) { return 0; }

// A database over a disk, that can be opened anew.
struct Opened {
  explicit Opened(Disk& disk) : vfs(disk.backend()), db(vfs) {
    db.exec("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, text TEXT) STRICT");
  }

  void add(int n, std::size_t bytes = 10) {
    Transaction transaction(db);
    Statement(db, "INSERT INTO t VALUES (?, ?)", n, std::string(bytes, 'x')).run();
    transaction.commit();
  }

  std::vector<int> rows() {
    std::vector<int> rows;
    Statement row(db, "SELECT n FROM t ORDER BY n");
    while (row.next()) rows.push_back(static_cast<int>(row.integer(0)));
    return rows;
  }

  std::string integrity() {
    Statement check(db, "PRAGMA integrity_check");
    return check.next() ? check.text(0) : "";
  }

  Vfs vfs;
  Database db;
};

// How often the backend is called by what "work" does.
template <typename Work>
Traffic traffic_of(const Vfs& vfs, Work work) {
  Traffic before = vfs.traffic();
  work();
  Traffic after = vfs.traffic();
  return {after.reads - before.reads, after.writes - before.writes, after.flushes - before.flushes,
          after.bytes_written - before.bytes_written};
}

// The error that "work" ends with, SQLITE_OK if none.
template <typename Work>
int error_of(Work work) {
  try {
    work();
    return SQLITE_OK;
  } catch (const StorageError& error) {
    return error.code();
  }
}

// Memory files whose next answer can be made up, after a part of the work was done.
struct Liar {
  Backend backend() {
    Backend lying = files.backend();
    honest = lying;
    lying.self = this;
    lying.read = [](void* self, File file, std::span<std::byte> to, double at) {
      Liar& liar = *static_cast<Liar*>(self);
      double count = liar.honest.read(liar.honest.self, file, to, at);
      return liar.answer(liar.reads, file, count);
    };
    lying.write = [](void* self, File file, std::span<const std::byte> from, double at) {
      Liar& liar = *static_cast<Liar*>(self);
      if (liar.writes && liar.about == file) from = from.first(from.size() / 2);
      double count = liar.honest.write(liar.honest.self, file, from, at);
      return liar.answer(liar.writes, file, count);
    };
    lying.truncate = [](void* self, File file, double size) {
      Liar& liar = *static_cast<Liar*>(self);
      if (liar.truncates && liar.about == file) return liar.answer(liar.truncates, file, 0);
      return liar.honest.truncate(liar.honest.self, file, size);
    };
    lying.flush = [](void* self, File file) {
      return static_cast<Liar*>(self)->answer(static_cast<Liar*>(self)->flushes, file, 0);
    };
    lying.size = [](void* self, File file) {
      Liar& liar = *static_cast<Liar*>(self);
      return liar.answer(liar.sizes, file, liar.honest.size(liar.honest.self, file));
    };
    return lying;
  }

  double answer(std::optional<double>& lie, File file, double truth) const {
    return file == about && lie ? *std::exchange(lie, std::nullopt) : truth;
  }

  MemoryFiles files;
  Backend honest;
  File about = File::wal;
  std::optional<double> reads, writes, truncates, flushes, sizes;
};

// A file as SQLite has it open.
class OpenFile {
 public:
  OpenFile(const Vfs& vfs, const char* name) {
    sqlite3_vfs* found = sqlite3_vfs_find(vfs.name().c_str());
    REQUIRE(found);
    space_.resize(static_cast<std::size_t>(found->szOsFile));
    code = found->xOpen(found, name, file(), SQLITE_OPEN_CREATE, nullptr);
  }
  ~OpenFile() {
    if (code == SQLITE_OK) methods().xClose(file());
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int write(const std::string& text, int at) {
    return methods().xWrite(file(), text.data(), static_cast<int>(text.size()), at);
  }
  int read(std::string& text, int at) {
    return methods().xRead(file(), text.data(), static_cast<int>(text.size()), at);
  }
  int truncate(int size) { return methods().xTruncate(file(), size); }
  int sync() { return methods().xSync(file(), SQLITE_SYNC_NORMAL); }
  int size(sqlite3_int64& bytes) { return methods().xFileSize(file(), &bytes); }

  int code;

 private:
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(space_.data()); }
  const sqlite3_io_methods& methods() { return *file()->pMethods; }

  std::vector<std::max_align_t> space_;
};

std::string contents(MemoryFiles& files, File file) {
  Backend backend = files.backend();
  std::string text(static_cast<std::size_t>(backend.size(backend.self, file)), '\0');
  backend.read(backend.self, file, std::as_writable_bytes(std::span(text)), 0);
  return text;
}

}  // namespace

TEST_CASE("a commit is one write and one flush") {
  Disk disk(no_fault);
  Opened opened(disk);
  opened.add(1);
  Traffic traffic = traffic_of(opened.vfs, [&] { opened.add(2); });
  CHECK(traffic.writes == 1);
  CHECK(traffic.flushes == 1);
  CHECK(traffic.reads == 0);
  CHECK(traffic.bytes_written == 4096 + 24);

  SUBCASE("and two each when it is the first after the WAL restarts: header, then frames") {
    opened.db.checkpoint();
    traffic = traffic_of(opened.vfs, [&] { opened.add(3); });
    CHECK(traffic.writes == 2);
    CHECK(traffic.flushes == 2);
    traffic = traffic_of(opened.vfs, [&] { opened.add(4); });
    CHECK(traffic.writes == 1);
    CHECK(traffic.flushes == 1);
  }
  SUBCASE("and nothing when nothing was changed") {
    traffic = traffic_of(opened.vfs, [&] { Transaction(opened.db).commit(); });
    CHECK(traffic.writes + traffic.flushes + traffic.reads == 0);
  }
  SUBCASE("and nothing when it is rolled back") {
    traffic = traffic_of(opened.vfs, [&] {
      Transaction transaction(opened.db);
      Statement(opened.db, "INSERT INTO t VALUES (3, '')").run();
    });
    CHECK(traffic.writes + traffic.flushes + traffic.reads == 0);
  }
  SUBCASE("and a write for every 4 MiB when it is large") {
    traffic = traffic_of(opened.vfs, [&] { opened.add(3, 10 << 20); });
    CHECK(traffic.writes == 3);
    CHECK(traffic.flushes == 1);
  }
}

TEST_CASE("adjacent writes to the WAL are held back") {
  MemoryFiles files;
  Vfs vfs(files.backend());
  OpenFile wal(vfs, "main.db-wal");
  REQUIRE(wal.code == SQLITE_OK);
  CHECK(wal.write("one ", 0) == SQLITE_OK);
  CHECK(wal.write("two ", 4) == SQLITE_OK);
  CHECK(wal.write("three", 8) == SQLITE_OK);
  CHECK(vfs.traffic().writes == 0);

  SUBCASE("until the file is read, which sees them") {
    std::string text(7, ' ');
    CHECK(wal.read(text, 2) == SQLITE_OK);
    CHECK(text == "e two t");
  }
  SUBCASE("until it is asked for its size") {
    sqlite3_int64 bytes = 0;
    CHECK(wal.size(bytes) == SQLITE_OK);
    CHECK(bytes == 13);
  }
  SUBCASE("until it is cut off") {
    CHECK(wal.truncate(5) == SQLITE_OK);
    CHECK(contents(files, File::wal) == "one t");
  }
  SUBCASE("until it is flushed, and what lies over the others counts") {
    CHECK(wal.write("TWO-", 4) == SQLITE_OK);
    CHECK(wal.write("-ee, four", 11) == SQLITE_OK);
    CHECK(wal.sync() == SQLITE_OK);
    CHECK(contents(files, File::wal) == "one TWO-thr-ee, four");
  }
  SUBCASE("until another comes that does not touch them") {
    CHECK(wal.sync() == SQLITE_OK);
    CHECK(wal.write("!", 13) == SQLITE_OK);
    CHECK(wal.write("X", 0) == SQLITE_OK);
    CHECK(contents(files, File::wal) == "one two three!");
    CHECK(wal.sync() == SQLITE_OK);
    CHECK(contents(files, File::wal) == "Xne two three!");
  }
  CHECK(vfs.traffic().writes <= 3);
}

TEST_CASE("a write that would leave a hole in the WAL is refused") {
  MemoryFiles files;
  Vfs vfs(files.backend());
  OpenFile wal(vfs, "main.db-wal");
  CHECK(wal.write("frame", 1) == SQLITE_IOERR_WRITE);
  CHECK(wal.write("frame", 0) == SQLITE_OK);
  CHECK(wal.write("frame", 6) == SQLITE_IOERR_WRITE);
  CHECK(wal.sync() == SQLITE_OK);
  CHECK(contents(files, File::wal) == "frame");
}

TEST_CASE("a file is opened once, and no other than the four") {
  MemoryFiles files;
  Vfs vfs(files.backend());
  OpenFile first(vfs, "main.db");
  CHECK(first.code == SQLITE_OK);
  CHECK(OpenFile(vfs, "main.db").code == SQLITE_CANTOPEN);
  CHECK(OpenFile(vfs, "other.db").code == SQLITE_CANTOPEN);
  CHECK(OpenFile(vfs, nullptr).code == SQLITE_CANTOPEN);
  CHECK_THROWS_AS(Database{vfs}, StorageError);
}

TEST_CASE("a full disk is told from success in each of its shapes") {
  Liar liar;
  liar.backend();
  double shape = 0;
  SUBCASE("a throw") { shape = Backend::kFull; }
  SUBCASE("a short count") { shape = 100; }
  SUBCASE("a count of nothing") { shape = 0; }
  SUBCASE("Chromium's 4294967288") { shape = 4294967288; }
  CAPTURE(shape);
  Vfs vfs(liar.backend());
  auto db = std::make_unique<Database>(vfs);
  db->exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  db->exec("INSERT INTO t VALUES (1)");

  liar.writes = shape;
  CHECK(error_of([&] { db->exec("INSERT INTO t VALUES (2)"); }) == SQLITE_FULL);
  std::string after_failure = contents(liar.files, File::wal);
  CHECK((after_failure.size() - 32) % (4096 + 24) == 0);  // Nothing torn stays behind.
  db->exec("INSERT INTO t VALUES (3)");

  db.reset();
  db = std::make_unique<Database>(vfs);
  Statement sum(*db, "SELECT group_concat(n) FROM t");
  CHECK(sum.next());
  CHECK(sum.text(0) == "1,3");

  SUBCASE("of main.db, and the checkpoint is done again") {
    liar.about = File::main;
    liar.writes = shape;
    CHECK(error_of([&] { db->checkpoint(); }) == SQLITE_LOCKED);
  }
}

TEST_CASE("counts that make no sense are refused") {
  Liar liar;
  Vfs vfs(liar.backend());
  Database db(vfs);
  db.exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  db.exec("INSERT INTO t VALUES (1)");
  const double nonsense[] = {-1.5,
                             0.5,
                             -3,
                             Backend::kFailed,
                             4294967292,
                             1.8e19,
                             5000,
                             std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()};
  for (double count : nonsense) {
    CAPTURE(count);
    liar.about = File::wal;
    liar.writes = count;
    CHECK(error_of([&] { db.exec("INSERT INTO t VALUES (2)"); }) == SQLITE_IOERR_WRITE);
    liar.about = File::main;
    liar.reads = count;
    std::string text(100, ' ');
    CHECK(error_of([&] { Database second(vfs); }) == SQLITE_CANTOPEN);
    liar.reads.reset();
  }
  db.exec("INSERT INTO t VALUES (2)");
}

TEST_CASE("reads, sizes and truncations are believed only when they make sense") {
  Liar liar;
  Vfs vfs(liar.backend());
  liar.about = File::main;
  OpenFile file(vfs, "main.db");
  CHECK(file.write("0123456789", 0) == SQLITE_OK);
  std::string text(4, ' ');
  sqlite3_int64 bytes = 0;

  SUBCASE("a read beyond the end is filled with zeros") {
    CHECK(file.read(text, 8) == SQLITE_IOERR_SHORT_READ);
    CHECK(text == std::string("89\0\0", 4));
  }
  SUBCASE("a read's count") {
    for (double count : {4294967292.0, 5.0, 0.5, -1.0, -2.0}) {
      liar.reads = count;
      CHECK(file.read(text, 0) == SQLITE_IOERR_READ);
    }
  }
  SUBCASE("a size") {
    for (double size : {1.8e19, 0x1p47, 0.5, -1.0, -2.0}) {
      liar.sizes = size;
      CHECK(file.size(bytes) == SQLITE_IOERR_FSTAT);
    }
    CHECK(file.size(bytes) == SQLITE_OK);
    CHECK(bytes == 10);
  }
  SUBCASE("a truncation that made the file no larger, and said nothing") {
    liar.truncates = 0;
    CHECK(file.truncate(20) == SQLITE_FULL);
  }
  SUBCASE("a truncation that made the file no smaller, and said nothing") {
    liar.truncates = 0;
    CHECK(file.truncate(5) == SQLITE_IOERR_TRUNCATE);
  }
  SUBCASE("a truncation that throws") {
    liar.truncates = Backend::kFull;
    CHECK(file.truncate(20) == SQLITE_FULL);
    liar.truncates = Backend::kFailed;
    CHECK(file.truncate(20) == SQLITE_IOERR_TRUNCATE);
  }
}

TEST_CASE("a disk that is full leaves the database usable once there is room") {
  for (std::uint64_t shape = 0; shape < 3; ++shape) {
    for (std::int64_t room : {0, 10, 40, 5'000, 50'000, 150'000}) {
      CAPTURE(shape);
      CAPTURE(room);
      Disk disk([shape](std::uint64_t bound) { return bound == 3 ? shape : 0; });
      auto opened = std::make_unique<Opened>(disk);
      opened->add(1);
      if (room % 20 == 0) opened->db.checkpoint();  // The next commit restarts the WAL.

      disk.capacity = disk.used() + room;
      CHECK(error_of([&] { opened->add(2, 200'000); }) == SQLITE_FULL);
      CHECK(opened->rows() == std::vector{1});
      CHECK(error_of([&] { opened->add(2, 200'000); }) == SQLITE_FULL);

      // What did not fit gave its room back.
      CHECK(disk.used() <= *disk.capacity);
      disk.capacity = *disk.capacity + 50'000;
      opened->add(3);
      CHECK(opened->rows() == std::vector{1, 3});
      disk.capacity.reset();
      opened->add(2, 200'000);

      opened.reset();
      disk.power_cut();
      opened = std::make_unique<Opened>(disk);
      CHECK(opened->rows() == std::vector{1, 2, 3});
      CHECK(opened->integrity() == "ok");
    }
  }
}

TEST_CASE("a failed flush breaks the file until all is opened anew") {
  Liar liar;
  Vfs vfs(liar.backend());
  auto db = std::make_unique<Database>(vfs);
  db->exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
  db->exec("INSERT INTO t VALUES (1)");

  SUBCASE("the WAL's, and the commit that failed does not come back") {
    liar.flushes = Backend::kFailed;
    CHECK(error_of([&] { db->exec("INSERT INTO t VALUES (2)"); }) == SQLITE_IOERR_FSYNC);
  }
  SUBCASE("also when it fails as a full disk") {
    liar.flushes = Backend::kFull;
    CHECK(error_of([&] { db->exec("INSERT INTO t VALUES (2)"); }) == SQLITE_IOERR_FSYNC);
  }
  SUBCASE("main.db's, and what the checkpoint wrote is written again") {
    liar.about = File::main;
    liar.flushes = Backend::kFailed;
    CHECK(error_of([&] { db->checkpoint(); }) == SQLITE_IOERR_FSYNC);
    CHECK(db->wal_pages() > 0);
    CHECK((error_of([&] { db->checkpoint(); }) & 0xff) == SQLITE_IOERR);
    CHECK(vfs.traffic().flushes > 0);
    db.reset();
    Vfs anew(liar.backend());
    Database reopened(anew);
    reopened.checkpoint();
    CHECK(reopened.wal_pages() == 0);
    reopened.exec("INSERT INTO t VALUES (3)");
    return;
  }
  Traffic traffic = traffic_of(vfs, [&] {
    for (int i = 0; i < 3; ++i)
      CHECK(error_of([&] { db->exec("INSERT INTO t VALUES (3)"); }) != SQLITE_OK);
  });
  CHECK(traffic.flushes == 0);  // It is never tried again on the same handle.

  db.reset();
  Vfs anew(liar.backend());
  Database reopened(anew);
  reopened.exec("INSERT INTO t VALUES (3)");
  Statement sum(reopened, "SELECT group_concat(n) FROM t");
  CHECK(sum.next());
  CHECK(sum.text(0) == "1,3");
}

TEST_CASE("a WAL that cannot be cut off after a failed write is broken") {
  Liar liar;
  {
    Vfs vfs(liar.backend());
    Database db(vfs);
    db.exec("CREATE TABLE t (n INTEGER PRIMARY KEY)");
    liar.writes = Backend::kFull;
    liar.truncates = Backend::kFailed;
    CHECK(error_of([&] { db.exec("INSERT INTO t VALUES (1)"); }) == SQLITE_FULL);
    CHECK((error_of([&] { db.exec("INSERT INTO t VALUES (2)"); }) & 0xff) == SQLITE_IOERR);
  }
  Vfs vfs(liar.backend());
  Database db(vfs);
  db.exec("INSERT INTO t VALUES (3)");
  Statement sum(db, "SELECT group_concat(n) FROM t");
  CHECK(sum.next());
  CHECK(sum.text(0) == "3");
}

TEST_CASE("the ballast holds room and gives it back") {
  Disk disk(no_fault);
  Opened opened(disk);
  std::int64_t before = disk.used();
  CHECK_FALSE(opened.vfs.release_ballast());
  CHECK(opened.vfs.hold_ballast(1'000'000));
  CHECK(disk.used() == before + 1'000'000);
  Traffic traffic = traffic_of(opened.vfs, [&] { CHECK(opened.vfs.hold_ballast(1'000'000)); });
  CHECK(traffic.writes == 0);

  SUBCASE("so that a full disk can drain") {
    opened.add(1);
    disk.capacity = disk.used();
    CHECK(error_of([&] { opened.add(2, 100'000); }) == SQLITE_FULL);
    CHECK(opened.vfs.release_ballast());
    opened.add(2, 100'000);
    CHECK_FALSE(opened.vfs.release_ballast());
  }
  SUBCASE("and is all there or not at all") {
    disk.capacity = disk.used() + 500'000;
    CHECK_FALSE(opened.vfs.hold_ballast(2'000'000));
    CHECK(disk.used() == before);
  }
}

TEST_CASE("every WAL has salts of its own, whatever became of the one before it") {
  auto salts = [](std::uint64_t seed) {
    MemoryFiles files;
    Backend backend = files.backend();
    backend.seed = seed;
    Vfs vfs(backend);
    Database db(vfs);
    db.exec("CREATE TABLE t (n)");
    return contents(files, File::wal).substr(16, 8);
  };
  CHECK(salts(1) != salts(2));
  CHECK(salts(1) == salts(1));  // Nothing else is random.
}

// What the rounds at random below found.
TEST_CASE("a power cut that loses all that is not flushed") {
  // Draws of 1: a failed flush forgets what it should have written, a power cut drops the rest.
  Disk disk([](std::uint64_t bound) { return bound == 1 ? 0 : 1; });

  SUBCASE("does not bring back the journal of the database's creation") { Opened(disk).add(1); }
  SUBCASE("does not bring it back either when the process was killed amid that") {
    Disk::Snapshot blank = disk.snapshot();
    for (std::uint64_t calls = 1; calls < 60; ++calls) {
      disk.restore(blank);
      disk.die_after(calls);
      error_of([&] { Opened opened(disk); });
      disk.kill();
      Opened(disk).add(1);
      disk.power_cut();
      CHECK(Opened(disk).rows() == std::vector{1});
    }
  }
  SUBCASE("does not lose a commit behind one whose flush failed") {
    {
      Opened opened(disk);
      disk.faults = {.flush = 1, .stays = 1};
      CHECK(error_of([&] { opened.add(1); }) == SQLITE_IOERR_FSYNC);
      disk.faults = {};
    }
    disk.kill();
    Opened opened(disk);
    CHECK(opened.rows() == std::vector{1});  // It could not be cut off, so it counts.
  }
  disk.power_cut();
  Opened opened(disk);
  CHECK(opened.rows() == std::vector{1});
  CHECK(opened.integrity() == "ok");
}

TEST_CASE("a database that could not be made a WAL database is not opened") {
  Liar liar;
  liar.about = File::main;
  liar.writes = Backend::kFailed;
  {
    Vfs vfs(liar.backend());
    CHECK(error_of([&] { Database db(vfs); }) == SQLITE_IOERR_WRITE);
  }
  Vfs vfs(liar.backend());
  Database db(vfs);
}

namespace {

// Commits, checkpoints and crashes at random, over a disk with faults. Every commit adds one row.
class Crashes {
 public:
  explicit Crashes(std::uint64_t seed)
      : random_(seed), disk_([this](std::uint64_t bound) { return tape(bound); }) {}

  void run() {
    for (int session = 0; session < 12; ++session) {
      disk_.die_after(5 + tape(60));
      if (tape(2) == 0)
        disk_.faults = {
            .read = 200, .write = 30, .truncate = 20, .flush = 40, .size = 200, .stays = 3};
      if (tape(3) == 0) disk_.capacity = disk_.used() + static_cast<std::int64_t>(tape(100'000));
      live();
      tape(3) == 0 ? disk_.kill() : disk_.power_cut();
      disk_.faults = {};
      disk_.capacity.reset();
      look();
    }
  }

 private:
  std::uint64_t tape(std::uint64_t bound) { return random_() % bound; }

  // Until too much has failed. After a failed commit the database goes on as if it had not been.
  void live() try {
    Opened opened(disk_);
    for (int failures = 0; failures < 3;) {
      try {
        opened.add(++tried_, tape(3) == 0 ? 20'000 : 10);
        settle(opened.rows());
        if (tape(10) == 0) opened.db.checkpoint();
        if (tape(10) == 0) opened.vfs.hold_ballast(10'000);
      } catch (const StorageError& error) {
        ++failures;
        if (error.full() && tape(2) == 0) disk_.capacity.reset();
      }
    }
  } catch (const StorageError&) {
  }

  // The latest row is in, and is durable; of those before it that failed since the latest that
  // was, the first may have come back with the crash that followed it.
  void settle(std::vector<int> rows) {
    check(rows);
    REQUIRE(rows.back() == tried_);
    told_ = rows;
  }

  // Opens the disk as it is, and leaves it so.
  void look() {
    Disk::Snapshot snapshot = disk_.snapshot();
    {
      Opened opened(disk_);
      check(opened.rows());
      REQUIRE(opened.integrity() == "ok");
    }
    disk_.restore(snapshot);
  }

  // All that was told is there, whole, and nothing else but what was tried after it.
  void check(const std::vector<int>& rows) {
    CAPTURE(tried_);
    REQUIRE(rows.size() >= told_.size());
    REQUIRE(std::equal(told_.begin(), told_.end(), rows.begin()));
    for (std::size_t i = told_.size(); i < rows.size(); ++i)
      REQUIRE(rows[i] > (told_.empty() ? 0 : told_.back()));
  }

  std::mt19937_64 random_;
  Disk disk_;
  std::vector<int> told_;
  int tried_ = 0;
};

}  // namespace

TEST_CASE("what was committed is there after a crash, and nothing is half there") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Crashes(seed).run();
  }
}
