#include "records.h"

#include <cassert>

namespace holdfast {

Record Records::find(const Key& key) {
  Statement row(db_,
                "SELECT body, base, tail, confirmed, gone, head FROM hf_record"
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
  return record;
}

void Records::save(const Key& key, const Record& record, bool tombstone) {
  assert(record.tail || record.body == record.base);
  assert(record.tail || !record.gone);
  assert((record.head == 0) == (record.tail == 0));
  if (!record.tail && !record.body && !tombstone) {
    Statement(db_, "DELETE FROM hf_record WHERE collection = ? AND id = ?", key.collection, key.id)
        .run();
    return;
  }
  auto base = record.tail ? record.base : std::nullopt;
  auto head = record.head ? std::optional(record.head) : std::nullopt;
  auto tail = record.tail ? std::optional(record.tail) : std::nullopt;
  Statement(db_,
            "INSERT INTO hf_record (collection, id, body, base, head, tail, confirmed, gone)"
            " VALUES (?,?,?,?,?,?,?,?)"
            " ON CONFLICT (collection, id) DO UPDATE SET body = excluded.body,"
            " base = excluded.base, head = excluded.head, tail = excluded.tail,"
            " confirmed = excluded.confirmed,"
            " gone = excluded.gone",
            key.collection, key.id, record.body, base, head, tail, record.confirmed,
            record.gone ? 1 : 0)
      .run();
}

void Records::forget(const std::string& collection, std::int64_t confirmed) {
  Statement(db_,
            "DELETE FROM hf_record WHERE collection = ? AND body IS NULL AND tail IS NULL"
            " AND confirmed <= ?",
            collection, confirmed)
      .run();
}

}  // namespace holdfast
