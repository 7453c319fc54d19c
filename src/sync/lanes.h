// The Lanes say who waits for whom: for the mutations of its own record, for the create of what it
// refers to, for what refers to the record it deletes, and for what the app named.

#pragma once

#include <map>
#include <optional>
#include <vector>

#include "../protocol.h"
#include "../store/store.h"

namespace holdfast {

class Lanes {
 public:
  // Both must outlive the Lanes.
  Lanes(Store& store, const Config& config) : store_(store), config_(config) {}

  // What a new mutation has to wait for; "before" is the one before it in its transaction, or 0.
  Waits waits_of(const Mutation& mutation, const Record& record, const Write& write, Seq before);

  // The records that a body refers to: through declared fields, and through whatever has the
  // shape of a generated id and is the id of a record.
  std::vector<Key> references_in(const Key& own, const std::optional<Json>& body);

  // The unsettled creates of those.
  std::map<Seq, Why> creates_referred_to(const Key& own, const Json& body);

  // The unsettled mutation of this id, or that which took its place; nothing: it is settled.
  std::optional<Mutation> named(MutationId id);

  // A mutation and, of a create, all that means nothing without it: what was done to its record
  // and, in turn, the mutations that refer to it. In the order of their seq.
  std::vector<Mutation> with_dependants(const Mutation& mutation);

 private:
  Store& store_;
  const Config& config_;
};

}  // namespace holdfast
