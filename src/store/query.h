// A Query is what lists ask for, and how it becomes SQL: values are bound, and
// of names only those the app declared for an index ever stand in a statement,
// which is also what makes SQLite use it.

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "../protocol.h"
#include "outbox.h"
#include "records.h"
#include "sqlite.h"

namespace holdfast {

using Scalar = std::variant<std::nullptr_t, bool, double, std::string>;

struct Condition {
  std::string field;
  enum class Op { eq, ne, lt, lte, gt, gte, in } op = Op::eq;
  std::vector<Scalar> values;  // One, but for "in".
};

struct Query {
  std::vector<Condition> where;      // All of them hold.
  std::vector<std::string> order_by;  // "-" before a field: descending.
  std::int64_t limit = 1000;
};

namespace query {

inline constexpr std::int64_t kLimitMax = 100'000;

// A record as web/protocol.ts's Row: {"body": …, "sync": …}, or "null".
Json row(Database& db, const Key& key);
Json row(Database& db, const Record& record);

// The records that match, as a JSON array of rows. null equals what is absent.
//
// REQUIRES: fields are identifiers.
Json list(Database& db, const Config& config, const std::string& collection, const Query& query);

// How SQLite would answer a list: a JSON array of the lines of its plan.
Json plan(Database& db, const Config& config, const std::string& collection, const Query& query);

// The unsettled mutations in their order, as a JSON array of web/protocol.ts's
// OutboxEntry: all of them, or the dead letters.
Json outbox(Database& db, std::int64_t limit);
Json dead_letters(Database& db, std::int64_t limit);
Json entry(Database& db, const Mutation& mutation);

// What left the outbox last, the latest first, as web/protocol.ts's Departure.
Json history(Database& db, std::int64_t limit);

}  // namespace query
}  // namespace holdfast
