// A Turn is what one step gathers while its transaction is open.

#pragma once

#include <set>
#include <string>

#include "../protocol.h"
#include "../text.h"
#include "reachability.h"

namespace holdfast {

struct Turn {
  Time now;
  Reachability way;
  std::set<std::string> changed;  // As Step::changed.
  Step step;
};

// What Step::changed calls a record.
inline std::string name_of(const Key& key) { return joined({key.collection, "/", key.id}); }

}  // namespace holdfast
