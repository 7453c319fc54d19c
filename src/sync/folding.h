// What the app sees of a record: its base with its unsettled mutations folded over it.

#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../store/store.h"

namespace holdfast {

// The body: the base with these mutations folded over it, in their order.
std::optional<Json> fold(const std::optional<Json>& base, const std::vector<Mutation>& mutations);

// Takes a mutation out of the outbox into the history, and answers its record without it, whose
// body is still with it.
Record settle(Store& store, const Mutation& mutation, Departure::Reason reason, Time now,
              const MutationId& successor = "");

// The same, and makes the record's body anew.
void drop(Store& store, const Mutation& mutation, Departure::Reason reason, Time now,
          const MutationId& successor = "");

// Makes a record's body anew out of what is unsettled.
void refold(Store& store, const Key& key);

// The records of a mutation and of what it holds back, by name: what they show may have changed.
std::set<std::string> shown_with(Store& store, const Mutation& mutation);

}  // namespace holdfast
