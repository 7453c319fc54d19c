// The History says what left the outbox, when and why: the last 1,000 of it. It is written inside
// the caller's transaction.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../types.h"
#include "outbox.h"
#include "sqlite.h"

namespace holdfast {

struct Departure {
  MutationId id;
  Kind kind = Kind::create;
  Key key;
  enum class Reason {
    accepted,   // The server has taken it.
    folded,     // "successor" does what it was to do besides its own.
    undone,     // A delete came before it was ever sent: neither was needed.
    replaced,   // Refused, it was sent again as "successor".
    discarded,  // The app gave it up, or a create that it depended on.
    cancelled,  // The app took it back before it was sent.
  } reason = Reason::accepted;
  Time at;
  MutationId successor = {};  // Empty: there is none.
};

const char* name_of(Departure::Reason reason);

class History {
 public:
  static constexpr std::int64_t kKept = 1000;

  explicit History(Database& db) : db_(db) {}  // "db" must outlive the History.

  void add(const Mutation& mutation, Departure::Reason reason, Time at,
           const MutationId& successor = "");

  // The latest departure under this id; nothing if it is not known any more.
  std::optional<Departure> find(const MutationId& id);

  // The latest first.
  std::vector<Departure> list(std::int64_t limit);

 private:
  Database& db_;
};

}  // namespace holdfast
