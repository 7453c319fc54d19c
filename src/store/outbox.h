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
//     fold -----^ ^                   |  |
//                 +--postpone,recover-+  +--bury--> dead --revive, renew--> pending
//
// Only remove() takes a row away, and with it frees what waited for it. The
// request of a mutation is frozen by its first attempt; only fold() before it
// and renew() after a refusal change what a mutation does.

#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "../types.h"
#include "counters.h"
#include "sqlite.h"

namespace holdfast {

// "create", "update" or "delete".
const char* name_of(Kind kind);
Kind kind_of(std::string_view name);

enum class State { pending, in_flight, dead };

// A mutation as an HTTP request, below the base URL.
struct Request {
  std::string method;
  std::string path;
  Json body;  // Empty: none.

  bool operator==(const Request&) const = default;
};

// Why a mutation waits for another.
enum class Why {
  order,      // The app said so, or a delete waits for what refers to its record.
  reference,  // It refers to the record that the other creates.
  record,     // Both are of one record.
};

struct Dependency {
  Seq on = 0;
  Seq seq = 0;
  Why why = Why::order;

  bool operator==(const Dependency&) const = default;
};

// What a new mutation is to wait for.
struct Waits {
  std::map<Seq, Why> on = {};
  bool barrier = false;  // For all earlier ones besides: there are too many to name.
};

struct Mutation {
  Seq seq = 0;
  MutationId id;
  Kind kind = Kind::create;
  Key key;
  Json change;
  Time written_at;  // The latest of what is folded in.
  Seq prev = 0;  // The one before it of its record, 0: none.
  int waits = 0;
  bool barrier = false;
  Seq bundle = 0;     // The first of its transaction, 0: it is in none.
  bool named = false;  // Another was to go after it.
  int folded = 0;      // How many were folded into it.
  State state = State::pending;
  Time due_at;
  int attempts = 0;
  int counted = 0;       // Answers that said retry.
  bool unknown = false;  // It may have been applied.
  int strays = 0;        // Attempts without an answer, though the API was there.
  bool asking = false;   // Its latest attempt asks by GET what became of it.
  std::optional<Time> first_attempt_at = {};  // When the server may first have seen its key.
  std::optional<Request> request = {};
  Json problem;          // Why the latest attempt failed; empty: it did not.
};

class Outbox {
 public:
  // Both must outlive the Outbox.
  Outbox(Database& db, Counters& counters) : db_(db), counters_(counters) {}

  // Adds a mutation at the end and answers its seq; nothing if one with its id is there.
  std::optional<Seq> add(const Mutation& mutation, const Waits& waits);

  // Makes one that was never attempted do what a later one was to do besides.
  void fold(const Mutation& into, Kind kind, const Json& change, int folded, Time written_at);

  std::optional<Mutation> find(const MutationId& id);  // Nothing: it is not unsettled.
  std::optional<Mutation> at(Seq seq);

  // The unsettled mutations of a record in their order, given its tail.
  std::vector<Mutation> chain(Seq tail);

  // The unsettled mutations in their order, or only the dead ones.
  std::vector<Mutation> list(std::int64_t limit);
  std::vector<Mutation> list_dead(std::int64_t limit);

  // What a mutation waits for, and what waits for it, in their order.
  std::vector<Dependency> waits_of(Seq seq);
  std::vector<Dependency> waiting_for(Seq seq);

  // The dead letter that holds a mutation back, by whatever is between; nothing: none does.
  std::optional<Mutation> blocked_by(Seq seq);

  // What a dead letter holds back, by whatever is between, in its order, at most "limit".
  std::vector<Mutation> held_back_by(Seq seq, std::int64_t limit);

  Seq last();                      // 0: it is empty.
  void name(const MutationId& id);  // Another is to go after it.
  void bundle(Seq first);          // It is the first of a transaction.

  // The heads that may be sent now, at most "limit".
  std::vector<Mutation> due(Time now, int limit);

  // When the next head may be sent; nothing: there is none.
  std::optional<Time> next_due();

  // pending -> in flight, counting an attempt; the first freezes the request. "asking": the
  // attempt is not the request but a question what became of it.
  void attempt(const Mutation& mutation, const Request& request, Time now, bool asking = false);

  // in flight -> pending, not before "at".
  struct Setback {
    Time at;
    bool counts = false;   // The answer said retry.
    bool unknown = false;  // It may have been applied.
    bool stray = false;    // There was no answer, though the API was there.
    Json problem = {};
  };
  void postpone(const Mutation& mutation, const Setback& setback);

  // in flight -> pending, at once, and as if its key had never been sent.
  void begin_anew(const Mutation& mutation);

  // pending or in flight -> dead: kept whole, and not sent unless revived. What waits for
  // it goes on waiting.
  void bury(const Mutation& mutation, bool unknown, const Json& problem);

  // dead -> pending, at once, with its count of answers begun anew.
  void revive(const Mutation& mutation);

  // dead -> pending, at once, as another mutation with another id in its place: what waited for
  // the one waits for the other.
  void renew(const Mutation& mutation, const MutationId& as, Kind kind, const Json& change,
             Time written_at);

  // A mutation that is not under way waits for an earlier one besides.
  void wait(const Mutation& mutation, Seq on, Why why);

  // Takes a mutation away, and answers the next of its record, or 0. What waited for it waits
  // for what it waited for.
  Seq remove(const Mutation& mutation);

  // Lets delayed heads go at once: those that got no answer, or all of them.
  void hurry(bool all);

  // in flight -> pending: the last session ended before their answers came.
  void recover();

 private:
  void hand_down(const Mutation& mutation);
  void lift_barrier();

  Database& db_;
  Counters& counters_;
};

}  // namespace holdfast
