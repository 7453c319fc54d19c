// The Counters are what would otherwise have to be counted. They are read when a step begins and
// written when it ends, in its transaction, and stand on one page with the clients.

#pragma once

#include "../clock.h"
#include "../types.h"
#include "sqlite.h"

namespace holdfast {

struct Counters {
  Epoch epoch = 0;                 // Of the session.
  Seq seq = 0;                     // Of the mutation that was recorded last.
  std::int64_t unsettled = 0;      // Mutations pending, in flight and dead.
  std::int64_t dead = 0;
  std::int64_t in_flight = 0;
  std::int64_t confirmations = 0;  // How often a base was confirmed by an answer.
  std::int64_t pull = 0;           // Numbers the latest page of a pull.
  std::int64_t pulling = 0;        // Pulls under way,
  std::int64_t pulled = 0;         // and what they, or the last ones, have brought.
  Epoch single = 0;                // The session in which the API refused batches.
  std::int64_t latest = 0;         // The latest time that was seen, to the minute.
  std::int64_t ahead_least = 0;    // As in ahead().
  std::int64_t ahead_most = 0;

  // What is known of the server's clock, and what an answer of the API adds to it.
  Ahead ahead() const { return {Duration(ahead_least), Duration(ahead_most)}; }
  void hear(const Response& answer);

  bool operator==(const Counters&) const = default;
};

Counters load_counters(Database& db);

// Writes those that are others than "before".
void save_counters(Database& db, const Counters& before, const Counters& now);

}  // namespace holdfast
