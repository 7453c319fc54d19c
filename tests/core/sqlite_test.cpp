#include "store/sqlite.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <optional>
#include <span>
#include <string>

#include "store/vfs.h"

using namespace holdfast;

namespace {

struct Fixture {
  Fixture() { db.exec("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT, ratio REAL) STRICT"); }

  void add(int n) { Statement(db, "INSERT INTO t (n) VALUES (?)", n).run(); }

  std::string rows() {
    Statement row(db, "SELECT coalesce(group_concat(n), '') FROM t");
    row.next();
    return row.text(0);
  }

  std::string answer(const std::string& sql) {
    Statement row(db, sql);
    return row.next() ? row.text(0) : "nothing";
  }

  MemoryFiles files;
  Vfs vfs{files.backend()};
  Database db{vfs};
};

const char kInsert[] = "INSERT INTO t (n) VALUES (?)";

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a statement binds and answers every type") {
  std::optional<std::string> nothing;
  Statement(db, "INSERT INTO t VALUES (?, ?, ?)", std::int64_t{1} << 60, std::string_view(), 0.5)
      .run();
  Statement(db, "INSERT INTO t VALUES (?, ?, ?)", 2, nothing, std::nullopt).run();
  CHECK(db.changes() == 1);

  Statement row(db, "SELECT n, text, ratio FROM t ORDER BY n DESC");
  REQUIRE(row.next());
  CHECK(row.integer(0) == std::int64_t{1} << 60);
  CHECK_FALSE(row.null(1));
  CHECK(row.optional_text(1) == "");
  CHECK(row.text(2) == "0.5");
  REQUIRE(row.next());
  CHECK(row.null(1));
  CHECK(row.text(1) == "");
  CHECK(row.view(1) == "");
  CHECK(row.optional_text(1) == std::nullopt);
  CHECK(row.optional_integer(2) == std::nullopt);
  CHECK_FALSE(row.next());
}

TEST_CASE_FIXTURE(Fixture, "text is kept as it is, zeros and all") {
  std::string text("a\0b \xF0\x9F\x94\xA7", 8);
  Statement(db, "INSERT INTO t (text) VALUES (?)", text).run();
  Statement row(db, "SELECT text FROM t");
  REQUIRE(row.next());
  CHECK(row.text(0) == text);
}

TEST_CASE_FIXTURE(Fixture, "a kept statement") {
  SUBCASE("forgets what was bound") {
    Statement(db, "INSERT INTO t (n, text) VALUES (?, ?)", 1, "one").run();
    const char* sql = "SELECT ?1 IS NULL";
    Statement(db, sql, 5).run();
    Statement again(db, sql);
    REQUIRE(again.next());
    CHECK(again.integer(0) == 1);
  }
  SUBCASE("is reset after an exception") {
    Statement(db, kInsert, 1).run();
    CHECK_THROWS_AS(Statement(db, kInsert, 1).run(), StorageError);
    Statement(db, kInsert, 2).run();
    CHECK(rows() == "1,2");
  }
  SUBCASE("that was left amid its rows holds nothing back") {
    for (int n = 1; n <= 3; ++n) add(n);
    for (int i = 0; i < 2; ++i) {
      Statement row(db, "SELECT n FROM t ORDER BY n");
      REQUIRE(row.next());
      CHECK(row.integer(0) == 1);
    }
    db.checkpoint();
    CHECK(db.wal_pages() == 0);
  }
  SUBCASE("can run within itself") {
    for (int n = 1; n <= 3; ++n) add(n);
    const char* sql = "SELECT n FROM t WHERE n > ? ORDER BY n";
    std::string order;
    Statement outer(db, sql, 1);
    while (outer.next()) {
      order += outer.text(0) + ":";
      Statement inner(db, sql, outer.integer(0));
      while (inner.next()) order += inner.text(0);
      order += " ";
    }
    CHECK(order == "2:3 3: ");
  }
  SUBCASE("outlives a change of the schema") {
    add(1);
    db.exec("CREATE INDEX t_text ON t (text)");
    add(2);
    CHECK(rows() == "1,2");
  }
}

TEST_CASE_FIXTURE(Fixture, "a transaction") {
  SUBCASE("is there once committed") {
    Transaction transaction(db);
    add(1);
    transaction.commit();
    CHECK(rows() == "1");
  }
  SUBCASE("is rolled back when it is left") {
    {
      Transaction transaction(db);
      add(1);
    }
    CHECK(rows() == "");
  }
  SUBCASE("is rolled back by an exception, whatever it did before") {
    auto work = [&] {
      Transaction transaction(db);
      add(1);
      add(1);
      transaction.commit();
    };
    CHECK_THROWS_AS(work(), StorageError);
    CHECK(rows() == "");
    Transaction(db).commit();
  }
  SUBCASE("within another is refused, and the other one is rolled back with it") {
    auto work = [&] {
      Transaction outer(db);
      add(1);
      Transaction inner(db);
      outer.commit();
    };
    CHECK_THROWS_AS(work(), StorageError);
    CHECK(rows() == "");
  }
  SUBCASE("keeps what a savepoint within it does not take back") {
    Transaction transaction(db);
    add(1);
    db.exec("SAVEPOINT s");
    add(2);
    db.exec("ROLLBACK TO s; RELEASE s");
    add(3);
    transaction.commit();
    CHECK(rows() == "1,3");
  }
  SUBCASE("larger than the page cache is one all the same") {
    Transaction transaction(db);
    for (int n = 0; n < 2000; ++n)
      Statement(db, "INSERT INTO t (n, text) VALUES (?, ?)", n, std::string(8000, 'x')).run();
    CHECK(vfs.traffic().bytes_written < 100'000);  // Nothing is spilled before the commit.
    transaction.commit();
    CHECK(answer("SELECT count(*) FROM t") == "2000");
  }
}

TEST_CASE_FIXTURE(Fixture, "a savepoint") {
  {
    Transaction transaction(db);
    add(1);
    SUBCASE("undoes its own part, and the transaction goes on") {
      {
        Savepoint savepoint(db);
        add(2);
        savepoint.roll_back();
        CHECK(rows() == "1");
        add(3);  // As if it had just begun.
      }
      add(4);
      CHECK(rows() == "1,3,4");
    }
    SUBCASE("keeps what was done when it ends") {
      {
        Savepoint savepoint(db);
        add(3);
      }
      add(4);
      CHECK(rows() == "1,3,4");
    }
    SUBCASE("undoes only what came after it, one after the other") {
      for (int n = 3; n <= 5; ++n) {
        Savepoint savepoint(db);
        add(n);
        if (n == 5) savepoint.roll_back();
      }
      CHECK(rows() == "1,3,4");
    }
    transaction.commit();
  }
  CHECK(rows() == "1,3,4");
}

TEST_CASE_FIXTURE(Fixture, "what only a savepoint did is gone with its transaction") {
  {
    Transaction transaction(db);
    Savepoint savepoint(db);
    add(1);
  }
  CHECK(rows() == "");
}

TEST_CASE_FIXTURE(Fixture, "a checkpoint starts the WAL anew") {
  add(1);
  int pages = db.wal_pages();
  CHECK(pages > 0);
  add(2);
  CHECK(db.wal_pages() == pages + 1);
  db.checkpoint();
  CHECK(db.wal_pages() == 0);
  std::int64_t flushes = vfs.traffic().flushes;
  db.checkpoint();
  CHECK(vfs.traffic().flushes == flushes);  // Nothing to do.
  add(3);
  CHECK(db.wal_pages() == 1);
  CHECK(rows() == "1,2,3");
}

TEST_CASE("the WAL of a session before counts") {
  MemoryFiles files;
  Vfs vfs(files.backend());
  int pages = 0;
  {
    Database db(vfs);
    db.exec("CREATE TABLE t (n)");
    pages = db.wal_pages();
  }
  Database db(vfs);
  CHECK(pages > 0);
  CHECK(db.wal_pages() == pages);
}

TEST_CASE_FIXTURE(Fixture, "the WAL keeps 4.5 MB of room and gives back what is above it") {
  Backend backend = files.backend();
  auto wal_size = [&] { return backend.size(backend.self, File::wal); };
  Statement(db, "INSERT INTO t (n, text) VALUES (1, ?)", std::string(5 << 20, 'x')).run();
  CHECK(wal_size() > 5e6);
  db.checkpoint();
  add(2);
  CHECK(wal_size() == 4'500'000);
}

TEST_CASE_FIXTURE(Fixture, "SQL has no clock and no file but its own") {
  CHECK_THROWS_AS(db.exec("SELECT datetime('now')"), StorageError);
  CHECK_THROWS_AS(db.exec("ATTACH 'other.db' AS other"), StorageError);
  CHECK_THROWS_AS(db.exec("ATTACH 'main.db' AS again"), StorageError);
  CHECK_THROWS_AS(db.exec("SELECT CURRENT_TIMESTAMP"), StorageError);
  db.exec("CREATE TEMP TABLE scratch AS SELECT * FROM t");
}

// tools/sqlite.cmake
TEST_CASE_FIXTURE(Fixture, "SQL has no statement that nothing here asks for") {
  auto refused = [&](const std::string& sql, const std::string& word) {
    CAPTURE(sql);
    std::string message = "near \"" + word + "\": syntax error";
    CHECK_THROWS_WITH_AS(db.exec(sql), message.c_str(), StorageError);
  };
  refused("ALTER TABLE t ADD COLUMN more TEXT", "ALTER");
  refused("ANALYZE t", "ANALYZE");
  refused("ATTACH 'main.db' AS again", "ATTACH");
  refused("CREATE TRIGGER e AFTER DELETE ON t BEGIN DELETE FROM t; END", "TRIGGER");
  refused("CREATE VIRTUAL TABLE v USING json_each", "VIRTUAL");
  refused("DETACH again", "DETACH");
  refused("DROP TRIGGER e", "TRIGGER");
  refused("REINDEX t", "REINDEX");
  refused("SELECT sum(n) OVER () FROM t", "(");
  refused("SELECT sum(n) FILTER (WHERE n > 1) FROM t", "(");
  refused("SELECT n FROM t WINDOW w AS (ORDER BY n)", "w");
  refused("VACUUM", "VACUUM");
}

TEST_CASE_FIXTURE(Fixture, "SQL has all that comes close to it") {
  const char upsert[] = "INSERT INTO t (n) VALUES (1) ON CONFLICT (n) DO UPDATE SET n = n + 1";
  CHECK(answer(upsert + std::string(" RETURNING n")) == "1");
  CHECK(answer(upsert + std::string(" RETURNING n")) == "2");
  CHECK(answer("UPDATE t SET n = 5 RETURNING n") == "5");
  CHECK(answer("DELETE FROM t RETURNING n") == "5");
  db.exec("CREATE VIEW filter (over) AS SELECT n FROM t");
  add(7);
  CHECK(answer("SELECT over FROM filter") == "7");
}

TEST_CASE("a file that is no database is called corrupt") {
  MemoryFiles files;
  Backend backend = files.backend();
  std::string text;
  SUBCASE("of any text") { text = std::string(10'000, 'x'); }
  SUBCASE("of a few bytes") { text = "x"; }
  SUBCASE("whose first page is damaged") {
    {
      Vfs vfs(backend);
      Database db(vfs);
      db.exec("CREATE TABLE t (n)");
      db.checkpoint();
    }
    backend.truncate(backend.self, File::wal, 0);
    text = std::string(16, '\0');
  }
  backend.write(backend.self, File::main, std::as_bytes(std::span(text)), 0);
  Vfs vfs(backend);
  for (int i = 0; i < 2; ++i) {  // What failed left nothing open.
    try {
      Database db(vfs);
      FAIL("It was opened.");
    } catch (const StorageError& error) {
      CHECK(error.corrupt());
      CHECK_FALSE(error.full());
    }
  }
}

TEST_CASE("a database with another page size is refused") {
  MemoryFiles files;
  Vfs vfs(files.backend());
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open_v2("main.db", &other, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                          vfs.name().c_str()) == SQLITE_OK);
  sqlite3_exec(other, "PRAGMA page_size = 512; CREATE TABLE t (n)", nullptr, nullptr, nullptr);
  sqlite3_close(other);
  CHECK_THROWS_WITH_AS(Database{vfs}, "PRAGMA page_size: 512, not 4096", StorageError);
}
