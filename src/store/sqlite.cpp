#include "sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "vfs.h"

namespace holdfast {
namespace {

struct Pragma {
  const char* set;     // Empty: only ask.
  const char* ask;     // Answers one row.
  const char* answer;  // What it must be.
};

// The order matters: exclusive locking before WAL, or WAL would want shared memory, and the page
// size before the first page.
constexpr Pragma kPragmas[] = {
    {"", "PRAGMA locking_mode = EXCLUSIVE", "exclusive"},
    {"PRAGMA page_size = 4096", "PRAGMA page_size", "4096"},
    {"", "PRAGMA journal_mode = WAL", "wal"},
    {"PRAGMA synchronous = FULL", "PRAGMA synchronous", "2"},
    {"", "PRAGMA wal_autocheckpoint = 0", "0"},
    // 1,000 pages, at which the worker always writes it back, and some. A WAL that keeps its room
    // is flushed twice as fast as one that grows (bench), and takes none on a full disk.
    {"", "PRAGMA journal_size_limit = 4500000", "4500000"},
    {"PRAGMA temp_store = MEMORY", "PRAGMA temp_store", "2"},
    {"PRAGMA trusted_schema = OFF", "PRAGMA trusted_schema", "0"},
    {"PRAGMA cell_size_check = ON", "PRAGMA cell_size_check", "1"},
    // All frames of a commit are written by the commit: the Vfs counts on it.
    {"PRAGMA cache_spill = OFF", "PRAGMA cache_spill", "0"},
    {"PRAGMA cache_size = -8192", "PRAGMA cache_size", "-8192"},
};

struct Limit {
  int what;
  int most;
};

constexpr Limit kLimits[] = {
    {SQLITE_LIMIT_LENGTH, 64 << 20},
    {SQLITE_LIMIT_SQL_LENGTH, 100'000},
    {SQLITE_LIMIT_EXPR_DEPTH, 100},  // The stack in wasm is small.
    {SQLITE_LIMIT_COMPOUND_SELECT, 50},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1'000},
};

[[noreturn]] void fail(sqlite3* db) {
  throw StorageError(sqlite3_extended_errcode(db), sqlite3_errmsg(db));
}

void check(sqlite3* db, int code) {
  if (code != SQLITE_OK) fail(db);
}

std::string_view view_of(const char* text) { return text ? text : ""; }

int authorize(void* of, int action, const char* table, const char* name, const char*,
              const char* within) {
  const Rules* rules = *static_cast<const Rules**>(of);
  if (!rules) return SQLITE_OK;
  bool may = action == SQLITE_SELECT || action == SQLITE_RECURSIVE;
  if (action == SQLITE_READ) may = rules->may_read(view_of(table), view_of(name), view_of(within));
  if (action == SQLITE_FUNCTION) may = rules->may_call(view_of(name));
  return may ? SQLITE_OK : SQLITE_DENY;
}

void set_pragmas(Database& db) {
  for (const Pragma& pragma : kPragmas) {
    db.exec(pragma.set);
    Statement answer(db, std::string(pragma.ask));
    std::string text;
    while (answer.next()) text = answer.text(0);  // To the end, for there it can still fail.
    if (text != pragma.answer)
      throw StorageError(SQLITE_ERROR, pragma.ask + (": " + text) + ", not " + pragma.answer);
  }
}

}  // namespace

StorageError::StorageError(int code, const std::string& message)
    : std::runtime_error(message), code_(code) {}

bool StorageError::full() const { return (code_ & 0xff) == SQLITE_FULL; }

bool StorageError::corrupt() const {
  return (code_ & 0xff) == SQLITE_CORRUPT || (code_ & 0xff) == SQLITE_NOTADB;
}

bool StorageError::interrupted() const { return code_ == SQLITE_INTERRUPT; }

bool StorageError::faulty() const {
  switch (code_ & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_MISMATCH:
    case SQLITE_NOMEM:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG: return true;
    default: return false;
  }
}

Database::Database(Vfs& vfs) : vfs_(vfs) {
  try {
    int code = sqlite3_open_v2(kFileNames[0], &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                               vfs.name().c_str());
    if (!db_) throw StorageError(code, sqlite3_errstr(code));
    check(db_, code);
    sqlite3_extended_result_codes(db_, true);
    for (const Limit& limit : kLimits) sqlite3_limit(db_, limit.what, limit.most);
    check(db_, sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr));
    // Else SQLite looks at what is bound to a LIMIT, and prepares the statement anew each time.
    check(db_, sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_QPSG, 1, nullptr));
    // Closing is a crash: the one way to stop is the one that is tested most.
    check(db_, sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr));
    // Always there, for setting one makes every kept statement be prepared anew.
    check(db_, sqlite3_set_authorizer(db_, authorize, &rules_));
    set_pragmas(*this);
    check(db_,
          sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_NOOP, &wal_pages_, nullptr));
  } catch (...) {
    sqlite3_close(db_);
    throw;
  }
  sqlite3_wal_hook(
      db_,
      [](void* pages, sqlite3*, const char*, int in_wal) {
        *static_cast<int*>(pages) = in_wal;
        return SQLITE_OK;
      },
      &wal_pages_);
}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  int code = sqlite3_close(db_);
  assert(code == SQLITE_OK);  // Else a Statement outlives its Database.
  (void)code;
}

void Database::exec(const std::string& sql) {
  check(db_, sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr));
}

std::int64_t Database::changes() const { return sqlite3_changes64(db_); }

int Database::wal_pages() const { return wal_pages_; }

// RESTART, not TRUNCATE: the room stays the WAL's, so that a commit finds it on a full disk, and
// journal_size_limit gives back what is too much. Frames that stay behind carry older salts.
void Database::checkpoint() {
  if (wal_pages_ == 0) return;
  check(db_, sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr));
  wal_pages_ = 0;
}

Guard::Guard(Database& db, const Rules& rules) : db_(db) {
  assert(!db.rules_);
  db.rules_ = &rules;
  auto ends = [](void* rules) { return static_cast<const Rules*>(rules)->may_go_on() ? 0 : 1; };
  sqlite3_progress_handler(db.db_, 1'000, ends, const_cast<Rules*>(&rules));
}

Guard::~Guard() {
  sqlite3_progress_handler(db_.db_, 0, nullptr, nullptr);
  db_.rules_ = nullptr;
}

// A kept statement is taken out of its place while it runs, so that the same literal can run
// within itself: the inner run prepares another.
Statement::Statement(Database& db, const char* sql, Kept) : place_(&db.statements_[sql]) {
  stmt_ = std::exchange(*place_, nullptr);
  if (!stmt_)
    check(db.db_, sqlite3_prepare_v3(db.db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt_, nullptr));
  assert(std::strcmp(sqlite3_sql(stmt_), sql) == 0);  // Else the address was no literal's.
}

Statement::Statement(Database& db, const std::string& sql, Once) {
  check(db.db_,
        sqlite3_prepare_v2(db.db_, sql.c_str(), static_cast<int>(sql.size() + 1), &stmt_, nullptr));
}

Statement::~Statement() {
  if (!place_ || *place_) {
    sqlite3_finalize(stmt_);
    return;
  }
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
  *place_ = stmt_;
}

void Statement::bind(std::int64_t value) { bound(sqlite3_bind_int64(stmt_, ++bound_, value)); }
void Statement::bind(double value) { bound(sqlite3_bind_double(stmt_, ++bound_, value)); }
void Statement::bind(std::nullopt_t) { bound(sqlite3_bind_null(stmt_, ++bound_)); }

void Statement::bind(std::string_view value) {
  // A null pointer would bind NULL.
  const char* text = value.data() ? value.data() : "";
  bound(sqlite3_bind_text64(stmt_, ++bound_, text, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bound(int code) { check(sqlite3_db_handle(stmt_), code); }

bool Statement::next() {
  int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  fail(sqlite3_db_handle(stmt_));
}

bool Statement::answers() const { return stmt_ && sqlite3_column_count(stmt_) > 0; }

std::string_view Statement::rest(std::string_view sql) const {
  return sql.substr(std::min(view_of(sqlite3_sql(stmt_)).size(), sql.size()));
}

int Statement::parameters() const { return sqlite3_bind_parameter_count(stmt_); }

int Statement::columns() const { return sqlite3_column_count(stmt_); }

std::string_view Statement::name(int column) const {
  return view_of(sqlite3_column_name(stmt_, column));
}

Statement::Type Statement::type(int column) const {
  return static_cast<Type>(sqlite3_column_type(stmt_, column));
}

double Statement::real(int column) const { return sqlite3_column_double(stmt_, column); }

bool Statement::null(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_NULL; }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(stmt_, column); }

std::string Statement::text(int column) const { return std::string(view(column)); }

std::string_view Statement::view(int column) const {
  auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  if (!text) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column))};
}

std::optional<std::string> Statement::optional_text(int column) const {
  if (null(column)) return std::nullopt;
  return text(column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (null(column)) return std::nullopt;
  return integer(column);
}

Savepoint::Savepoint(Database& db) : db_(db) { Statement(db, "SAVEPOINT hf").run(); }

// After some errors SQLite has ended the whole transaction already.
Savepoint::~Savepoint() { sqlite3_exec(db_.db_, "RELEASE hf", nullptr, nullptr, nullptr); }

void Savepoint::roll_back() { Statement(db_, "ROLLBACK TO hf").run(); }

Transaction::Transaction(Database& db) : db_(db) { Statement(db, "BEGIN IMMEDIATE").run(); }

// SQLite has rolled back already after some errors. ROLLBACK itself ends the transaction even
// when it fails; what it could not undo makes later statements fail.
Transaction::~Transaction() {
  if (done_ || sqlite3_get_autocommit(db_.db_)) return;
  sqlite3_exec(db_.db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  Statement(db_, "COMMIT").run();
  done_ = true;
}

}  // namespace holdfast
