// A Turn is what one step gathers while its transaction is open.

#pragma once

#include <set>
#include <string>

#include "../protocol.h"
#include "reachability.h"

namespace holdfast {

struct Turn {
  Time now;
  Reachability way;
  std::set<std::string> changed;  // Collections that may look different.
  Step step;
};

}  // namespace holdfast
