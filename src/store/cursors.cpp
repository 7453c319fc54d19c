#include "cursors.h"

namespace holdfast {
Cursor Cursors::find(const std::string& collection) {
  Statement row(db_, "SELECT cursor, pull, since, pulled FROM hf_cursor WHERE collection = ?",
                collection);
  if (!row.next()) return {};
  return {row.text(0), row.integer(1), row.integer(2), row.integer(3)};
}

void Cursors::save(const std::string& collection, const Cursor& cursor) {
  Statement(db_,
            "INSERT OR REPLACE INTO hf_cursor (collection, cursor, pull, since, pulled)"
            " VALUES (?,?,?,?,?)",
            collection, cursor.text, cursor.pull, cursor.since, cursor.pulled)
      .run();
}

std::int64_t Cursors::next_pull() {
  Statement(db_, "UPDATE hf_meta SET number = number + 1 WHERE key = 'pull'").run();
  Statement row(db_, "SELECT number FROM hf_meta WHERE key = 'pull'");
  row.next();
  return row.integer(0);
}

void Cursors::recover() {
  Statement(db_, "UPDATE hf_cursor SET pull = 0 WHERE pull <> 0").run();
}

std::int64_t Cursors::confirmations() {
  Statement row(db_, "SELECT number FROM hf_meta WHERE key = 'confirmations'");
  row.next();
  return row.integer(0);
}

std::int64_t Cursors::confirm() {
  Statement(db_, "UPDATE hf_meta SET number = number + 1 WHERE key = 'confirmations'").run();
  return confirmations();
}

}  // namespace holdfast
