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

Change merged(Change first, const Change& second) {
  for (const auto& name : second.remove) {
    first.set.erase(name);
    first.remove.push_back(name);
  }
  for (const auto& [name, value] : second.set) first.set[name] = value;
  return first;
}

std::string unquoted(std::string_view value) {
  bool is_string = value.size() >= 2 && value.front() == '"';
  return std::string(is_string ? value.substr(1, value.size() - 2) : value);
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

std::optional<std::vector<std::string>> list_of(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  std::vector<std::string> list;
  for (std::size_t at = 1; at < text.size() - 1;) {
    std::size_t end = end_of_value(text, at);
    list.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return list;
}

std::vector<std::string> ids_in(std::string_view value) {
  std::vector<std::string> ids;
  if (auto list = list_of(value))
    for (const auto& id : *list) ids.push_back(unquoted(id));
  else if (value != "null") ids.push_back(unquoted(value));
  return ids;
}

std::string exchanged(const std::string& value,
                      const std::function<std::string(const std::string& id)>& other) {
  auto one = [&](const std::string& id) {
    std::string its = other(unquoted(id));
    return its.empty() ? id : its;
  };
  auto list = list_of(value);
  if (!list) return one(value);
  std::string text;
  for (const auto& id : *list) text += (text.empty() ? "" : ",") + one(id);
  return "[" + text + "]";
}

}  // namespace holdfast::sim
