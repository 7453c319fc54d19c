// A thin RAII layer over SQLite, and with vfs the only place that includes
// <sqlite3.h>. Every failure is thrown as StorageError: one statement failing
// means the whole step is rolled back, so nothing in between can do anything
// useful about it. Whoever called Engine::handle catches it, once.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace holdfast {

class Vfs;

class StorageError : public std::runtime_error {
 public:
  StorageError(int code, const std::string& message);

  int code() const { return code_; }  // SQLite's extended result code.
  bool full() const;                  // The disk is full; nothing was recorded.
  bool corrupt() const;               // The file is no database, or a damaged one.
  bool interrupted() const;           // A Guard did not let it go on.
  bool faulty() const;                // The statement itself is wrong, or asks for too much.

 private:
  int code_;
};

// What a statement may do that somebody else wrote.
struct Rules {
  // Whether it may read a column of a table or a view; empty: only how many rows there are.
  // "within" is the name in FROM whose definition reads it; empty: the statement itself.
  std::function<bool(std::string_view table, std::string_view column, std::string_view within)>
      may_read;
  std::function<bool(std::string_view function)> may_call;
  std::function<bool()> may_go_on;  // Asked every 1,000 steps of SQLite's machine.
};

class Database {
 public:
  // Opens main.db of "vfs", which must outlive the Database, sets the pragmas
  // of DESIGN §6 in their order and verifies each answer.
  explicit Database(Vfs& vfs);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Vfs& vfs() { return vfs_; }

  // Runs statements that answer nothing: schema and pragmas.
  void exec(const std::string& sql);

  std::int64_t changes() const;  // Rows that the latest statement changed.
  int wal_pages() const;         // Pages in the WAL since it was last restarted.

  // Writes the WAL back into the file; a commit after it starts the WAL anew.
  // Does nothing when the WAL is empty.
  void checkpoint();

 private:
  friend class Guard;
  friend class Statement;
  friend class Savepoint;
  friend class Transaction;

  Vfs& vfs_;
  sqlite3* db_ = nullptr;
  int wal_pages_ = 0;
  // Prepared once and kept, by the address of the literal it was made from.
  std::map<const char*, sqlite3_stmt*> statements_;
  const Rules* rules_ = nullptr;  // Of the Guard there is.
};

// While it lives, statements of the database are prepared and run by these
// rules: they SELECT, and nothing else. It must not outlive either.
class Guard {
 public:
  Guard(Database& db, const Rules& rules);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  Database& db_;
};

// One run of a statement. "sql" given as a literal is prepared once a
// database and kept; given as a string it is prepared for this run only.
//
//    Statement row(db, "SELECT body FROM hf_record WHERE id = ?", id);
//    while (row.next()) use(row.text(0));
class Statement {
 public:
  template <typename... Args>
  Statement(Database& db, const char* sql, const Args&... args) : Statement(db, sql, Kept{}) {
    (bind(args), ...);
  }
  template <typename... Args>
  Statement(Database& db, const std::string& sql, const Args&... args)
      : Statement(db, sql, Once{}) {
    (bind(args), ...);
  }
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds the next parameter, counted from 1. Text is copied.
  void bind(std::int64_t value);
  void bind(int value) { bind(static_cast<std::int64_t>(value)); }
  void bind(double value);
  void bind(std::string_view value);
  void bind(const char* value) { bind(std::string_view(value)); }
  void bind(std::nullopt_t);
  template <typename T>
  void bind(const std::optional<T>& value) {
    if (value) bind(*value);
    else bind(std::nullopt);
  }

  bool next();  // True while there is a row.
  void run() {
    while (next()) {
    }
  }

  // Of a statement whose text is not known: whether there is one and it answers rows, what of the
  // text is left behind it, how many parameters it takes, and its columns.
  bool answers() const;
  std::string_view rest(std::string_view sql) const;
  int parameters() const;
  int columns() const;
  std::string_view name(int column) const;
  enum class Type { integer = 1, real, text, blob, null };
  Type type(int column) const;

  bool null(int column) const;
  double real(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;       // Empty for NULL.
  std::string_view view(int column) const;  // Valid until next().
  std::optional<std::string> optional_text(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;

 private:
  struct Kept {};
  struct Once {};
  Statement(Database& db, const char* sql, Kept);
  Statement(Database& db, const std::string& sql, Once);

  void bound(int code);

  sqlite3_stmt* stmt_ = nullptr;
  sqlite3_stmt** place_ = nullptr;  // Where a kept one goes back to.
  int bound_ = 0;
};

// A part of a transaction that can be undone by itself. Its end keeps what was done.
class Savepoint {
 public:
  explicit Savepoint(Database& db);
  ~Savepoint();
  Savepoint(const Savepoint&) = delete;
  Savepoint& operator=(const Savepoint&) = delete;

  void roll_back();

 private:
  Database& db_;
};

// Rolls back unless committed. A commit that changed nothing writes nothing.
class Transaction {
 public:
  explicit Transaction(Database& db);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Database& db_;
  bool done_ = false;
};

}  // namespace holdfast
