// What becomes of two versions of a JSON object: how one differs from the other,
// and what three of them make when two people have changed the same one.
//
// Pure functions over texts. A member that is absent and one that is null
// differ; the order of members does not matter, that of an array does.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "types.h"

namespace holdfast::merge {

// The change {"set": {…}, "remove": […]} that makes x of the base: fold(base, diff(base, x)) is x.
Json diff(const Json& base, const Json& x);

// RFC 7396, 2: the target with the merge patch applied.
Json patched(const Json& target, const Json& patch);

// The merge patch that makes x of the base, two objects; nothing if there is none, because x has
// a null where the base has not: in a merge patch null means "remove".
std::optional<Json> patch(const Json& base, const Json& x);

// Whether two records say the same, whenever they were changed: "updatedAt" is not looked at.
bool same(const Json& a, const Json& b);

enum class Side { mine, theirs };

struct Merged {
  Json body;
  // JSON Pointers (RFC 6901) to what both have changed, and not to the same, in their order.
  // An element of an array that is merged by id stands in it under its id.
  std::vector<std::string> overlap = {};
};

// Mine and theirs, both made of the base, as one: of nested objects each member by itself, what
// both have changed as "prefer" has it. An array counts as one value, unless "arrays" names the
// top-level field it stands in, and the member that is the id of its elements. "updatedAt" never
// overlaps: the later one stays.
Merged three_ways(const Json& base, const Json& mine, const Json& theirs, Side prefer,
                  const std::map<std::string, std::string>& arrays = {});

}  // namespace holdfast::merge
