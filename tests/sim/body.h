// A Body is what a record holds, as the models know it: the members of a flat
// JSON object, each with its value's text. It shares no code with src/json, so
// that the models do not repeat the engine's mistakes.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::sim {

using Body = std::map<std::string, std::string>;

// What an update does: members that are set, and members that are taken away.
struct Change {
  Body set;
  std::vector<std::string> remove;
};

Body changed(Body body, const Change& change);

// As JSON. A change is {"set": {…}, "remove": […]}.
std::string text_of(const Body& body);
std::string text_of(const Change& change);
std::string quoted(std::string_view text);

// The text of a JSON string, or another value as it stands.
std::string unquoted(std::string_view value);

// The change that does what both do, one after the other.
Change merged(Change first, const Change& second);

// The members of a JSON object; nothing when the text is none.
std::optional<Body> body_of(std::string_view text);

// The elements of a JSON array; nothing when the text is none.
std::optional<std::vector<std::string>> list_of(std::string_view text);

// The ids in the value of a field that refers to records: one, or an array of them.
std::vector<std::string> ids_in(std::string_view value);

// The value with each id in the place of which "other" answers a value exchanged for it.
std::string exchanged(const std::string& value,
                      const std::function<std::string(const std::string& id)>& other);

}  // namespace holdfast::sim
