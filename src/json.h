// What the core reads from JSON texts and does to them. With codec the only
// place that knows nlohmann/json. Members keep their order.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol.h"
#include "types.h"

namespace holdfast::json {

inline constexpr int kMaxDepth = 64;

// The change of a mutation as it is stored: the app's, with the record's id and the time of it.
// Or nothing, and in "flaw" what is wrong with it, in words for whoever wrote it. Refused is what
// JSON does not carry from one machine to the next unbent: integers past 2^53, numbers past a
// double, text that is no UTF-8, a "__proto__" anywhere, more than kMaxDepth levels.
Json stamped(Kind kind, const std::string& change, const std::string& id,
             const std::string& updated_at, std::string& flaw);

// The body with an update's change {"set": {…}, "remove": […]} made to it.
Json fold(const Json& body, const Json& change);

// The JSON object in an answer with "id" set to the record's; nothing if the
// answer is no JSON object or one that stamped() would refuse.
std::optional<Json> object(const std::string& text, const std::string& id);

// The text of a member of a JSON object: a string's own text, another value's
// JSON; empty if it is not there.
std::string member(const Json& object, const char* name);

// The problem that an answer describes (RFC 9457), or as much of one as its
// status tells; always with "status".
Json problem(const Response& response);

// A problem of our own.
Json problem(std::string_view title, std::string_view detail);

// One page of a pull: {"records": […], "deleted": […], "cursor": …, "more": …}.
struct Page {
  struct Entry {
    std::string id;
    Json body;
  };
  std::vector<Entry> records;
  std::vector<std::string> deleted;
  std::string cursor;
  bool more = false;
};

// Nothing if the text is no such page, a record has no usable id, or there is
// more to come and the cursor does not say from where.
std::optional<Page> page(const std::string& text);

// Whether this can be the id of a record: 1 to 128 characters of
// [A-Za-z0-9._~:@-], and neither "." nor "..", which would climb the path.
bool valid_id(std::string_view id);

}  // namespace holdfast::json
