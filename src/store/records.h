// The Records are what the app sees and what the server confirmed: one table,
// read and written inside the caller's transaction.
//
// A record has a body (what the app sees), a base (what the server confirmed)
// and the head and tail of its unsettled mutations. Without them, body and base
// are the same and are stored once.

#pragma once

#include <optional>

#include "../types.h"
#include "sqlite.h"

namespace holdfast {

struct Record {
  std::optional<Json> body = {};  // Nothing: deleted, or not there yet.
  std::optional<Json> base = {};  // Nothing: never confirmed, or deleted there too.
  Seq head = 0;                // Its first unsettled mutation, 0: everything is settled.
  Seq tail = 0;                // Its last one.
  std::int64_t confirmed = 0;  // The count of confirmations when its base was confirmed.
  // A pull says that it was deleted there. While there is a tail the base stays, so that the
  // app goes on seeing a whole record; with the tail it goes.
  bool gone = false;
  Json server_id = {};  // What the server calls it; empty: as the device does.
};

class Records {
 public:
  explicit Records(Database& db) : db_(db) {}  // "db" must outlive the Records.

  // The record with this key; one that is not known has no body, no base and no tail.
  Record find(const Key& key);

  bool known(const Key& key);

  // Stores the record. One with no body, no base and no tail is forgotten,
  // unless "tombstone": then it is remembered as deleted until forget().
  void save(const Key& key, const Record& record, bool tombstone = false);

  // Remembers what the server calls a record, a JSON value, for called().
  void call(const Key& key, const Json& server_id);

  // Forgets what the server calls a record.
  void uncall(const Key& key, const Json& server_id);

  // The record that the server calls so; nothing if it calls none of this collection so.
  std::optional<std::string> called(const std::string& collection, const std::string& server_id);

  // Forgets the tombstones of a collection that were confirmed up to then.
  void forget(const std::string& collection, std::int64_t confirmed);

 private:
  Database& db_;
};

}  // namespace holdfast
