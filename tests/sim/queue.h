// The Queue is the outbox by the plainest reading of DESIGN §3: a list, in
// which everything is found by looking through it. A mutation goes when nothing
// is left that it waits for.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol.h"
#include "sim/body.h"
#include "store/outbox.h"

namespace holdfast::sim {

using Name = std::pair<std::string, std::string>;  // Collection and id of a record.
using Place = std::int64_t;                        // In the order of recording.

// An unsettled mutation.
struct Entry {
  Place place = 0;
  MutationId id;
  Kind kind = Kind::create;
  Name record;
  Change change;                 // A create's body is what it sets.
  Time written{};                // By the wall clock; the latest of what is folded in.
  std::map<Place, Why> waits = {};
  bool barrier = false;          // It waits for all earlier ones besides.
  Place bundle = 0;              // The first of its transaction, 0: it is in none.
  bool named = false;            // Another was to go after it.
  std::set<Name> refers = {};    // To these its record refers, before it or after.
  bool dead = false;
  bool unknown = false;          // It may have been applied.
  int attempts = 0;
  int counted = 0;               // Answers that said retry.
  std::optional<int> in_flight = {};     // The attempt that is.
  std::int64_t request = 0;              // Numbers the request that it is in flight in.
  bool asking = false;                   // That request asks what became of it.
  std::optional<Send> first = {};        // What was sent first: all attempts are like it.
  std::optional<Time> first_at = {};     // When, if that is known.
};

class Queue {
 public:
  Place next_place() { return ++last_; }
  Entry& add(Entry entry);  // At the end.

  // What waited for it will wait for what it waited for.
  void remove(Place place);

  const std::vector<Entry>& entries() const { return entries_; }
  std::vector<Entry>& entries() { return entries_; }

  // Nothing, or null, if it is not unsettled.
  Entry* find(const MutationId& id);
  const Entry* find(const MutationId& id) const;
  Entry* at(Place place);
  const Entry* at(Place place) const;

  // Those of a record, in order.
  std::vector<const Entry*> chain(const Name& record) const;

  // Whether nothing is left that it waits for.
  bool is_head(const Entry& entry) const { return entry.waits.empty() && !entry.barrier; }

  // Whether it waits for a dead letter, by whatever is between.
  bool is_held_back(const Entry& entry) const;

  // It and, of a create, all that means nothing without it: what is done to its record, and in
  // turn what refers to it. In order.
  std::vector<Place> with_dependants(Place place) const;

 private:
  std::vector<Entry> entries_;
  Place last_ = 0;
};

}  // namespace holdfast::sim
