#include "cursors.h"

namespace holdfast {
namespace {

std::int64_t to_sql(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t ms) { return Time(Duration(ms)); }

std::vector<std::string> names(Statement& rows) {
  std::vector<std::string> found;
  while (rows.next()) found.push_back(rows.text(0));
  return found;
}

}  // namespace

Cursor Cursors::find(const std::string& collection) {
  Statement row(db_,
                "SELECT source, cursor, etag, opened, pull, part, since, began, again, pulled,"
                " swept, asked, due_at, ended_at, setbacks FROM hf_cursor WHERE collection = ?",
                collection);
  Cursor cursor;
  if (!row.next()) return cursor;
  cursor.source = row.text(0);
  cursor.text = row.text(1);
  cursor.etag = row.text(2);
  cursor.opened = row.integer(3);
  cursor.pull = row.integer(4);
  cursor.part = row.integer(5);
  cursor.since = row.integer(6);
  cursor.began = row.integer(7);
  cursor.again = row.integer(8) != 0;
  cursor.pulled = row.integer(9);
  cursor.swept = row.optional_text(10);
  cursor.asked = row.integer(11) != 0;
  if (!row.null(12)) cursor.due_at = time_of(row.integer(12));
  cursor.ended_at = time_of(row.integer(13));
  cursor.setbacks = static_cast<int>(row.integer(14));
  return cursor;
}

void Cursors::save(const std::string& collection, const Cursor& c) {
  Statement(db_,
            "INSERT OR REPLACE INTO hf_cursor (collection, source, cursor, etag, opened, pull,"
            " part, since, began, again, pulled, swept, asked, due_at, ended_at, setbacks)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            collection, c.source, c.text, c.etag, c.opened, c.pull, c.part, c.since, c.began,
            c.again ? 1 : 0, c.pulled, c.swept, c.asked ? 1 : 0,
            c.due_at ? std::optional(to_sql(*c.due_at)) : std::nullopt, to_sql(c.ended_at),
            c.setbacks)
      .run();
}

std::vector<std::string> Cursors::due(Time now, int most) {
  Statement rows(db_,
                 "SELECT collection FROM hf_cursor WHERE due_at <= ? AND pull = 0"
                 " ORDER BY opened = 0, due_at, collection"
                 " LIMIT max(0, ? - (SELECT count(*) FROM hf_cursor WHERE pull <> 0))",
                 to_sql(now), most);
  return names(rows);
}

std::optional<Time> Cursors::next_due() {
  Statement row(db_, "SELECT min(due_at) FROM hf_cursor WHERE pull = 0");
  if (!row.next() || row.null(0)) return std::nullopt;
  return time_of(row.integer(0));
}

void Cursors::hurry() {
  Statement(db_, "UPDATE hf_cursor SET due_at = 0 WHERE due_at > 0").run();
}

std::vector<std::string> Cursors::waited_for() {
  Statement rows(db_,
                 "SELECT collection FROM hf_cursor"
                 " WHERE (asked = 1 OR opened <> 0) AND pull = 0 AND swept IS NULL");
  return names(rows);
}

std::vector<std::string> Cursors::sweeping() {
  Statement rows(db_, "SELECT collection FROM hf_cursor WHERE swept IS NOT NULL");
  return names(rows);
}

void Cursors::doubt(const Key& record, const std::string& text) {
  Statement(db_, "INSERT OR IGNORE INTO hf_doubt (collection, id, cursor) VALUES (?,?,?)",
            record.collection, record.id, text)
      .run();
}

void Cursors::confirmed(const Key& record) {
  std::string text;
  {
    Statement row(db_, "DELETE FROM hf_doubt WHERE collection = ? AND id = ? RETURNING cursor",
                  record.collection, record.id);
    if (!row.next()) return;
    text = row.text(0);
    row.next();
  }
  // The page under way does not move it forward.
  Statement(db_, "UPDATE hf_cursor SET cursor = ?, etag = '', again = 1 WHERE collection = ?", text,
            record.collection)
      .run();
}

void Cursors::believe(const Key& record) {
  Statement(db_, "DELETE FROM hf_doubt WHERE collection = ? AND id = ?", record.collection,
            record.id)
      .run();
}

void Cursors::see(const Key& record) {
  Statement(db_, "INSERT OR IGNORE INTO hf_seen (collection, id) VALUES (?,?)", record.collection,
            record.id)
      .run();
}

std::vector<std::string> Cursors::unseen(const std::string& collection, const std::string& after,
                                         std::int64_t limit, std::string& last) {
  std::vector<std::string> ids;
  std::int64_t looked_at = 0;
  {
    Statement rows(db_,
                   "SELECT id, EXISTS (SELECT 1 FROM hf_seen s WHERE s.collection = ?1"
                   " AND s.id = r.id) FROM hf_record r WHERE collection = ?1 AND id > ?2"
                   " ORDER BY id LIMIT ?3",
                   collection, after, limit);
    for (last.clear(); rows.next(); ++looked_at) {
      last = rows.text(0);
      if (!rows.integer(1)) ids.push_back(last);
    }
  }
  if (looked_at < limit) last.clear();
  Statement(db_, "DELETE FROM hf_seen WHERE collection = ?1 AND id > ?2 AND (?3 = '' OR id <= ?3)",
            collection, after, last)
      .run();
  return ids;
}

void Cursors::forget_seen(const std::string& collection) {
  Statement(db_, "DELETE FROM hf_seen WHERE collection = ?", collection).run();
}

void Cursors::recover() {
  Statement(db_,
            "UPDATE hf_cursor SET opened = 0, pull = 0, swept = NULL, asked = 0, due_at = NULL")
      .run();
}

}  // namespace holdfast
