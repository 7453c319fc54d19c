// A thin RAII layer over SQLite, and with vfs the only place that includes
// <sqlite3.h>. Every failure is thrown as StorageError: one statement failing
// means the whole step is rolled back, so nothing in between can do anything
// useful about it. Whoever called Engine::handle catches it, once.

#pragma once

#include <cstdint>
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

 private:
  int code_;
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
  friend class Statement;
  friend class Savepoint;
  friend class Transaction;

  Vfs& vfs_;
  sqlite3* db_ = nullptr;
  int wal_pages_ = 0;
  // Prepared once and kept, by the address of the literal it was made from.
  std::map<const char*, sqlite3_stmt*> statements_;
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

  bool null(int column) const;
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
