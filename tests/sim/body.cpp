#include "sim/body.h"

namespace holdfast::sim {
namespace {

// The end of the JSON value that begins at "at": the comma or bracket after it.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  int depth = 0;
  bool in_string = false;
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']' || c == ',') {
      if (depth == 0) return at;
      if (c != ',') --depth;
    }
  }
  return text.size();
}

}  // namespace

Body changed(Body body, const Change& change) {
  for (const auto& name : change.remove) body.erase(name);
  for (const auto& [name, value] : change.set) body[name] = value;
  return body;
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string text_of(const Body& body) {
  std::string text = "{";
  for (const auto& [name, value] : body)
    text += (text.size() > 1 ? "," : "") + quoted(name) + ":" + value;
  return text + "}";
}

std::string text_of(const Change& change) {
  std::string names;
  for (const auto& name : change.remove) names += (names.empty() ? "" : ",") + quoted(name);
  std::string text = "{\"set\":" + text_of(change.set);
  return text + (names.empty() ? "}" : ",\"remove\":[" + names + "]}");
}

std::optional<Body> body_of(std::string_view text) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return std::nullopt;
  Body body;
  for (std::size_t at = 1; at < text.size() - 1;) {
    std::size_t name_end = text.find('"', at + 1);
    if (text[at] != '"' || name_end == text.npos || text[name_end + 1] != ':') return std::nullopt;
    std::size_t end = end_of_value(text, name_end + 2);
    body.emplace(text.substr(at + 1, name_end - at - 1),
                 text.substr(name_end + 2, end - name_end - 2));
    at = end + 1;
  }
  return body;
}

}  // namespace holdfast::sim
