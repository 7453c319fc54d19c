// What is read, as the JSON that web/protocol.ts describes: records with how they
// stand, and the mutations that are unsettled or have left.

#pragma once

#include <string>

#include "../protocol.h"
#include "filter.h"
#include "outbox.h"
#include "records.h"
#include "sqlite.h"

namespace holdfast {

namespace query {

inline constexpr std::int64_t kLimitMax = 100'000;

// A record as web/protocol.ts's Row: {"body": …, "sync": …}, or "null".
Json row(Database& db, const Key& key);
Json row(Database& db, const Record& record);

// The records that match, as a JSON array of rows.
//
// REQUIRES: fields are paths.
Json list(Database& db, const Config& config, const std::string& collection, const Query& query);

// How many records match, whatever the query says but "where".
Json count(Database& db, const Config& config, const std::string& collection, const Query& query);

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
