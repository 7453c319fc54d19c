// What the core reads from JSON texts and does to them. With codec the only
// place that knows nlohmann/json. Members keep their order.

#pragma once

#include <functional>
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

// The one change that does what both do, one after the other.
Json merged(const Json& first, const Json& second);

// The JSON object in an answer with "id" set to the record's; nothing if the
// answer is no JSON object or one that stamped() would refuse.
std::optional<Json> object(const std::string& text, const std::string& id);

// The text of a member of a JSON object: a string's own text, another value's
// JSON; empty if it is not there.
std::string member(const Json& object, const char* name);

// The same for a JSON value by itself; empty also if it is none.
std::string text(const Json& value);

// A text as JSON; what of it is no UTF-8 is replaced.
Json quoted(const std::string& text);

// A number as JSON; null for one that JSON has no word for.
Json number(double number);

// The id of a JSON object as it stands there, a text or a whole number; empty if it has none.
Json id(const std::string& object);

// The body with this text as its "updatedAt".
Json with_stamp(const Json& body, const std::string& updated_at);

// The body with this id, a JSON value; without any where it is empty.
Json with_id(const Json& body, const Json& id);

// The ids that a field of a JSON object refers to: a text, a whole number, or an array of them.
std::vector<std::string> references(const Json& object, const std::string& field);

// The body with each of these ids that "other" answers a JSON value for in its place.
Json translated(const Json& body, const std::string& field,
                const std::function<Json(const std::string& id)>& other);

// Whatever in a JSON text is a string of the shape of a UUID, each once.
std::vector<std::string> uuids(std::string_view text);

// The answers in that to a batch, {"responses": [{"status", "headers", "body"}, …]}; nothing if
// it is no such thing or holds another number of them.
std::optional<std::vector<Response>> responses(const std::string& text, std::size_t count);

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
