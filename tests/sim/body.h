// A Body is what a record holds, as the models know it: the members of a flat
// JSON object, each with its value's text. It shares no code with src/json, so
// that the models do not repeat the engine's mistakes.

#pragma once

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

// The members of a JSON object; nothing when the text is none.
std::optional<Body> body_of(std::string_view text);

}  // namespace holdfast::sim
