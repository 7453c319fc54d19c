// The Outbox is the durable queue of mutations that the server has not settled
// yet, read and written inside the caller's transaction.
//
// A mutation waits for the mutations it depends on, all of which have a lower
// seq: dependencies are rows, and how many a mutation still waits for is kept
// with it. One that waits for nothing is a head. Nothing here scans the
// outbox: adding, the next heads and settling cost the same whatever its
// length.
//
//                       attempt             remove
//    add ----> pending ---------> in flight -------> (gone)
//                 ^                   |  |
//                 +--postpone,recover-+  +--bury--> dead --revive--> pending
//
// Only remove() takes a row away, and with it frees what waited for it. The
// request of a mutation is frozen by its first attempt.

#pragma once

#include <optional>
#include <vector>

#include "../types.h"
#include "counters.h"
#include "sqlite.h"

namespace holdfast {

// "create", "update" or "delete".
const char* name(Kind kind);

enum class State { pending, in_flight, dead };

// A mutation as an HTTP request, below the base URL.
struct Request {
  std::string method;
  std::string path;
  Json body;  // Empty: none.

  bool operator==(const Request&) const = default;
};

struct Mutation {
  Seq seq = 0;
  MutationId id;
  Kind kind = Kind::create;
  Key key;
  Json change;
  Time written_at;
  Seq prev = 0;  // The one before it of its record, 0: none.
  int waits = 0;
  State state = State::pending;
  Time due_at;
  int attempts = 0;
  int counted = 0;       // Answers that said retry.
  bool unknown = false;  // It may have been applied.
  std::optional<Request> request;
  Json problem;          // Why the latest attempt failed; empty: it did not.
};

class Outbox {
 public:
  // Both must outlive the Outbox.
  Outbox(Database& db, Counters& counters) : db_(db), counters_(counters) {}

  // Adds a mutation at the end and answers its seq; nothing if one with its id is there. It
  // waits for "prev" (its record's tail, or 0), and in strict order for everything before it.
  std::optional<Seq> add(const Mutation& mutation, bool strict);

  std::optional<Mutation> find(const MutationId& id);  // Nothing: it is not unsettled.
  std::optional<Mutation> at(Seq seq);

  // The unsettled mutations of a record in their order, given its tail.
  std::vector<Mutation> chain(Seq tail);

  // The unsettled mutations in their order, or only the dead ones.
  std::vector<Mutation> list(std::int64_t limit);
  std::vector<Mutation> list_dead(std::int64_t limit);

  // The heads that may be sent now, at most "limit".
  std::vector<Mutation> due(Time now, int limit);

  // When the next head may be sent; nothing: there is none.
  std::optional<Time> next_due();

  // pending -> in flight, counting an attempt; the first freezes the request.
  void attempt(const Mutation& mutation, const Request& request, Time now);

  // in flight -> pending, not before "at".
  void postpone(const Mutation& mutation, Time at, bool counts, bool unknown, const Json& problem);

  // pending or in flight -> dead: kept whole, and not sent unless revived. What waits for
  // it goes on waiting.
  void bury(const Mutation& mutation, bool unknown, const Json& problem);

  // dead -> pending, at once, with its count of answers begun anew.
  void revive(const Mutation& mutation);

  // Takes a mutation away, and answers the next of its record, or 0. What waited for it waits
  // for what it waited for.
  Seq remove(const Mutation& mutation);

  // Lets delayed heads go at once: those that got no answer, or all of them.
  void hurry(bool all);

  // in flight -> pending: the last session ended before their answers came.
  void recover();

 private:
  Database& db_;
  Counters& counters_;
};

}  // namespace holdfast
