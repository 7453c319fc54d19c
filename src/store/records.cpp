#include "records.h"

#include <cassert>

#include "../json.h"

namespace holdfast {

Record Records::find(const Key& key) {
  Statement row(db_,
                "SELECT body, base, tail, confirmed, gone, head, server_id FROM hf_record"
                " WHERE collection = ? AND id = ?",
                key.collection, key.id);
  Record record;
  if (!row.next()) return record;
  record.body = row.optional_text(0);
  record.tail = row.integer(2);
  record.base = record.tail ? row.optional_text(1) : record.body;
  record.confirmed = row.integer(3);
  record.gone = row.integer(4) != 0;
  record.head = row.integer(5);
  record.server_id = row.text(6);
  return record;
}

bool Records::known(const Key& key) {
  Statement row(db_, "SELECT 1 FROM hf_record WHERE collection = ? AND id = ?", key.collection,
                key.id);
  return row.next();
}

void Records::save(const Key& key, const Record& record, bool tombstone) {
  assert(record.tail || record.body == record.base);
  assert(record.tail || !record.gone);
  assert((record.head == 0) == (record.tail == 0));
  if (!record.tail && !record.body && !tombstone) {
    Statement(db_, "DELETE FROM hf_record WHERE collection = ? AND id = ?", key.collection, key.id)
        .run();
    if (!record.server_id.empty()) uncall(key, record.server_id);
    return;
  }
  auto base = record.tail ? record.base : std::nullopt;
  auto head = record.head ? std::optional(record.head) : std::nullopt;
  auto tail = record.tail ? std::optional(record.tail) : std::nullopt;
  Statement(db_,
            "INSERT INTO hf_record (collection, id, body, base, head, tail, confirmed, gone,"
            " server_id) VALUES (?,?,?,?,?,?,?,?,?)"
            " ON CONFLICT (collection, id) DO UPDATE SET body = excluded.body,"
            " base = excluded.base, head = excluded.head, tail = excluded.tail,"
            " confirmed = excluded.confirmed,"
            " gone = excluded.gone, server_id = excluded.server_id",
            key.collection, key.id, record.body, base, head, tail, record.confirmed,
            record.gone ? 1 : 0,
            record.server_id.empty() ? std::nullopt : std::optional(record.server_id))
      .run();
}

void Records::call(const Key& key, const Json& server_id) {
  Statement(db_, "INSERT OR REPLACE INTO hf_alias (collection, server_id, record) VALUES (?,?,?)",
            key.collection, json::text(server_id), key.id)
      .run();
}

void Records::uncall(const Key& key, const Json& server_id) {
  Statement(db_, "DELETE FROM hf_alias WHERE collection = ? AND server_id = ?", key.collection,
            json::text(server_id))
      .run();
}

std::optional<std::string> Records::called(const std::string& collection,
                                           const std::string& server_id) {
  Statement row(db_, "SELECT record FROM hf_alias WHERE collection = ? AND server_id = ?",
                collection, server_id);
  if (!row.next()) return std::nullopt;
  return row.text(0);
}

void Records::forget(const std::string& collection, std::int64_t confirmed) {
  Statement(db_,
            "DELETE FROM hf_alias WHERE collection = ?1 AND server_id IN"
            " (SELECT CAST(json_extract(server_id, '$') AS TEXT) FROM hf_record"
            " WHERE collection = ?1 AND body IS NULL AND tail IS NULL AND confirmed <= ?2)",
            collection, confirmed)
      .run();
  Statement(db_,
            "DELETE FROM hf_record WHERE collection = ? AND body IS NULL AND tail IS NULL"
            " AND confirmed <= ?",
            collection, confirmed)
      .run();
}

}  // namespace holdfast
