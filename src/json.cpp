#include "json.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <set>

#include "value.h"

namespace holdfast::json {
namespace {

// Reads a text that others wrote, or says in "flaw" what is wrong with it.
Value read(const std::string& text, std::string& flaw, int levels = kMaxDepth) {
  return holdfast::read(text, levels, Integers::exact, flaw);
}

// The object that a text is; an empty one if it is none or may not be built.
Value object_in(const std::string& text, int levels) {
  std::string flaw;
  Value value = holdfast::read(text, levels, Integers::any, flaw);
  if (!value.is_object()) value = Value::object();
  return value;
}

// A stored text was checked when it was written; one that cannot be read all
// the same reads as empty. A change has a level more than what it sets.
Value stored(const Json& text) { return object_in(text, kMaxDepth + 1); }

// What a server says of its own accord. Its numbers may be of any size, for
// nobody reckons with them.
Value told(const std::string& text) { return object_in(text, kMaxDepth); }

std::string text_of(const Value& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// Leaves out what would not survive a text: replaces what is no UTF-8.
Json dump(const Value& value) {
  return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

// Empty if it can be none.
std::string id_of(const Value& value) {
  return value.is_string() || value.is_number_integer() ? text_of(value) : "";
}

// Empty if there is nothing wrong with it.
std::string flaw_of_update(const Value& change) {
  for (const auto& [name, member] : change.items()) {
    if (name == "set" && member.is_object()) continue;
    if (name == "remove" && member.is_array() &&
        std::ranges::all_of(member, [](const Value& field) { return field.is_string(); }))
      continue;
    return "has a member that is neither an object 'set' nor an array of names 'remove'";
  }
  if (auto remove = change.find("remove"); remove != change.end())
    for (const auto& field : *remove)
      if (field.get_ref<const std::string&>() == "id") return "removes the id, which never changes";
  return "";
}

std::optional<std::string> string_at(const Value& object, const char* name) {
  auto it = object.find(name);
  if (it == object.end() || it->is_null()) return std::nullopt;
  return text_of(*it);
}

}  // namespace

Json stamped(Kind kind, const std::string& change, const std::string& id,
             const std::string& updated_at, std::string& flaw) {
  if (kind == Kind::remove) {
    if (!change.empty()) flaw = "must be empty";
    return "";
  }
  // A field may be set to what it may be created with, one level further down.
  Value value = read(change, flaw, kind == Kind::update ? kMaxDepth + 1 : kMaxDepth);
  if (flaw.empty() && !value.is_object()) flaw = "is not an object";
  if (flaw.empty() && kind == Kind::update) flaw = flaw_of_update(value);
  if (!flaw.empty()) return "";
  if (kind == Kind::update && !value.contains("set")) value["set"] = Value::object();
  Value& body = kind == Kind::create ? value : value["set"];
  if (kind == Kind::update && body.contains("id") && text_of(body["id"]) != id) {
    flaw = "sets another id than its record's, which never changes";
    return "";
  }
  if (kind == Kind::create) body["id"] = id;
  else body.erase("id");
  body["updatedAt"] = updated_at;
  return dump(value);
}

Json fold(const Json& body, const Json& change) {
  Value value = stored(body);
  Value changes = stored(change);
  if (changes.contains("remove"))
    for (const auto& field : changes["remove"]) value.erase(text_of(field));
  if (changes.contains("set"))
    for (const auto& [name, member] : changes["set"].items()) value[name] = member;
  return dump(value);
}

Json merged(const Json& first, const Json& second) {
  Value value = stored(first);
  Value later = stored(second);
  Value removed = value.value("remove", Value::array());
  Value set = value.value("set", Value::object());
  for (const auto& field : later.value("remove", Value::array())) {
    set.erase(text_of(field));
    removed.push_back(field);
  }
  const Value later_set = later.value("set", Value::object());
  for (const auto& [name, member] : later_set.items()) set[name] = member;
  Value both = {{"set", set}};
  if (!removed.empty()) both["remove"] = removed;
  return dump(both);
}

std::optional<Json> object(const std::string& text, const std::string& id) {
  std::string flaw;
  Value value = read(text, flaw);
  if (!flaw.empty() || !value.is_object()) return std::nullopt;
  value["id"] = id;
  return dump(value);
}

std::string member(const Json& object, const char* name) {
  return string_at(stored(object), name).value_or("");
}

std::string text(const Json& value) {
  std::string flaw;
  Value read = holdfast::read(value, kMaxDepth, Integers::any, flaw);
  return read.is_null() ? "" : text_of(read);
}

Json quoted(const std::string& text) { return dump(Value(text)); }

Json number(double number) { return dump(Value(number)); }

Json id(const std::string& object) {
  Value value = told(object);
  auto it = value.find("id");
  return it == value.end() || id_of(*it).empty() ? "" : dump(*it);
}

Json with_stamp(const Json& body, const std::string& updated_at) {
  Value value = stored(body);
  value["updatedAt"] = updated_at;
  return dump(value);
}

Json with_id(const Json& body, const Json& id) {
  Value value = stored(body);
  std::string flaw;
  if (id.empty()) value.erase("id");
  else value["id"] = holdfast::read(id, 1, Integers::any, flaw);
  return dump(value);
}

std::vector<std::string> references(const Json& object, const std::string& field) {
  std::vector<std::string> ids;
  auto add = [&](const Value& value) {
    if (std::string id = id_of(value); valid_id(id)) ids.push_back(id);
  };
  Value value = stored(object);
  auto it = value.find(field);
  if (it == value.end()) return ids;
  if (!it->is_array()) add(*it);
  else for (const auto& element : *it) add(element);
  return ids;
}

Json translated(const Json& body, const std::string& field,
                const std::function<Json(const std::string& id)>& other) {
  Value value = stored(body);
  auto it = value.find(field);
  if (it == value.end()) return body;
  auto translate = [&](Value& id) {
    std::string flaw;
    if (Json its = other(id_of(id)); !its.empty()) id = holdfast::read(its, 1, Integers::any, flaw);
  };
  if (!it->is_array()) translate(*it);
  else for (auto& element : *it) translate(element);
  return dump(value);
}

std::vector<std::string> uuids(std::string_view text) {
  constexpr std::string_view shape = "\"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\"";
  std::vector<std::string> found;
  std::set<std::string_view> known;  // A body can hold tens of thousands.
  auto fits = [](char c, char wanted) {
    return wanted == 'x' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c == wanted;
  };
  for (std::size_t at = text.find('"'); at < text.size(); at = text.find('"', at + 1)) {
    std::string_view here = text.substr(at, shape.size());
    if (here.size() < shape.size()) break;
    if (!std::ranges::equal(here, shape, fits)) continue;
    std::string_view id = here.substr(1, here.size() - 2);
    if (known.insert(id).second) found.emplace_back(id);
  }
  return found;
}

std::optional<std::vector<Response>> responses(const std::string& text, std::size_t count) {
  Value value = told(text);
  auto list = value.find("responses");
  if (list == value.end() || !list->is_array() || list->size() != count) return std::nullopt;
  std::vector<Response> responses;
  for (const auto& one : *list) {
    if (!one.is_object() || !one.value("status", Value()).is_number_unsigned()) return std::nullopt;
    Response response;
    auto status = one["status"].get<std::uint64_t>();
    response.status = static_cast<int>(std::min<std::uint64_t>(status, 999));
    response.content_type = "application/json";
    Value headers = one.value("headers", Value::object());
    if (!headers.is_object()) return std::nullopt;
    for (const auto& [spelt, header] : headers.items()) {
      std::string name = spelt;
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      if (name == "etag") response.etag = text_of(header);
      else if (name == "retry-after") response.retry_after = text_of(header);
      else if (name == "content-type") response.content_type = text_of(header);
    }
    if (one.contains("body") && !one["body"].is_null()) response.body = dump(one["body"]);
    responses.push_back(std::move(response));
  }
  return responses;
}

Json problem(const Response& response) {
  Value value = told(response.body.size() <= 64 * 1024 ? response.body : "");
  if (!value.contains("title") && !value.contains("detail"))
    value["title"] = "The server answered " + std::to_string(response.status) + ".";
  value["status"] = response.status;
  return dump(value);
}

Json problem(std::string_view title, std::string_view detail) {
  Value value;
  value["title"] = title;
  value["detail"] = detail;
  return dump(value);
}

std::optional<Page> page(const std::string& text) {
  std::string flaw;
  Value value = read(text, flaw);
  if (!flaw.empty() || !value.is_object() || !value.contains("records")) return std::nullopt;
  const Value& records = value["records"];
  const Value deleted = value.value("deleted", Value::array());
  if (!records.is_array() || !deleted.is_array()) return std::nullopt;
  Page page;
  for (const auto& record : records) {
    if (!record.is_object()) return std::nullopt;
    std::string id = record.contains("id") ? id_of(record["id"]) : "";
    if (!valid_id(id)) return std::nullopt;
    Value body = record;
    body["id"] = id;
    page.records.push_back({id, dump(body)});
  }
  for (const auto& id : deleted) {
    page.deleted.push_back(id_of(id));
    if (!valid_id(page.deleted.back())) return std::nullopt;
  }
  page.cursor = string_at(value, "cursor").value_or("");
  page.more = value.contains("more") && value["more"].is_boolean() && value["more"].get<bool>();
  if (page.more && page.cursor.empty()) return std::nullopt;
  return page;
}

bool valid_id(std::string_view id) {
  auto fits = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._~:@-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !id.empty() && id.size() <= 128 && id != "." && id != ".." &&
         std::ranges::all_of(id, fits);
}

}  // namespace holdfast::json
