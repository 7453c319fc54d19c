#include "merge.h"

#include <algorithm>

#include "value.h"

namespace holdfast::merge {
namespace {

// What is merged was checked when it was written or taken in: a change has a level more than a
// body, and what wraps both another.
constexpr int kLevels = 70;

Value read(const Json& text) {
  std::string flaw;
  return holdfast::read(text, kLevels, Integers::any, flaw);
}

Value object(const Json& text) {
  Value value = read(text);
  return value.is_object() ? value : Value::object();
}

Json dump(const Value& value) {
  return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

const Value* at(const Value* object, const std::string& name) {
  if (!object) return nullptr;
  auto it = object->find(name);
  return it == object->end() ? nullptr : &*it;
}

// Nothing is equal to nothing only.
bool equal(const Value* a, const Value* b) {
  if (!a || !b) return a == b;
  if (a->is_object() && b->is_object())
    return a->size() == b->size() && std::ranges::all_of(a->items(), [&](const auto& member) {
             return equal(&member.value(), at(b, member.key()));
           });
  if (a->is_array() && b->is_array())
    return std::ranges::equal(*a, *b, [](const Value& x, const Value& y) { return equal(&x, &y); });
  return *a == *b;
}

bool is_object(const Value* value) { return value && value->is_object(); }

void patch_into(Value& target, const Value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = Value::object();
  for (const auto& [name, member] : patch.items()) {
    if (member.is_null()) target.erase(name);
    else patch_into(target[name], member);
  }
}

Value patch_between(const Value& base, const Value& x) {
  Value patch = Value::object();
  for (const auto& [name, member] : base.items())
    if (!x.contains(name)) patch[name] = nullptr;
  for (const auto& [name, member] : x.items()) {
    const Value* before = at(&base, name);
    if (equal(before, &member)) continue;
    patch[name] = is_object(before) && member.is_object() ? patch_between(*before, member) : member;
  }
  return patch;
}

// RFC 6901, 3.
std::string step(const std::string& name) {
  std::string out = "/";
  for (char c : name) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

// The elements of an array by their ids, in their order; nothing if they are not objects that
// each have one of their own.
struct Elements {
  std::vector<std::string> ids;
  std::map<std::string, const Value*> by_id;
};

std::optional<Elements> elements(const Value* array, const std::string& id) {
  Elements elements;
  if (!array) return elements;
  if (!array->is_array()) return std::nullopt;
  for (const auto& element : *array) {
    const Value* its = element.is_object() ? at(&element, id) : nullptr;
    if (!its || its->is_structured() || its->is_null()) return std::nullopt;
    elements.ids.push_back(its->is_string() ? its->get<std::string>() : its->dump());
    if (!elements.by_id.emplace(elements.ids.back(), &element).second) return std::nullopt;
  }
  return elements;
}

class Merger {
 public:
  Merger(Side prefer, const std::map<std::string, std::string>& arrays)
      : prefer_(prefer), arrays_(arrays) {}

  // One value; nothing: it is not there.
  std::optional<Value> merge(const Value* base, const Value* mine, const Value* theirs,
                             const std::string& path) {
    if (equal(mine, theirs) || equal(base, mine)) return copy(theirs);
    if (equal(base, theirs)) return copy(mine);
    if (is_object(mine) && is_object(theirs) && (!base || is_object(base)))
      return members(base, *mine, *theirs, path);
    if (auto name = arrays_.find(path.substr(path.empty() ? 0 : 1)); name != arrays_.end()) {
      auto before = elements(base, name->second);
      auto ours = elements(mine, name->second);
      auto others = elements(theirs, name->second);
      if (before && ours && others && mine && theirs) return array(*before, *ours, *others, path);
    }
    overlap.push_back(path);
    return copy(prefer_ == Side::mine ? mine : theirs);
  }

  std::vector<std::string> overlap;

 private:
  static std::optional<Value> copy(const Value* value) {
    return value ? std::optional(*value) : std::nullopt;
  }

  Value members(const Value* base, const Value& mine, const Value& theirs,
                const std::string& path) {
    Value all = Value::object();
    auto add = [&](const std::string& name) {
      const Value* ours = at(&mine, name);
      const Value* others = at(&theirs, name);
      bool times = path.empty() && name == "updatedAt" && ours && others && ours->is_string() &&
                   others->is_string();
      if (times) {
        all[name] = std::max(*ours, *others);
        return;
      }
      if (auto value = merge(at(base, name), ours, others, path + step(name)))
        all[name] = std::move(*value);
    };
    for (const auto& [name, member] : theirs.items()) add(name);
    for (const auto& [name, member] : mine.items())
      if (!theirs.contains(name)) add(name);
    return all;
  }

  Value array(const Elements& base, const Elements& mine, const Elements& theirs,
              const std::string& path) {
    std::map<std::string, Value> stay;
    auto find = [](const Elements& in, const std::string& id) -> const Value* {
      auto it = in.by_id.find(id);
      return it == in.by_id.end() ? nullptr : it->second;
    };
    for (const auto* side : {&theirs, &mine})
      for (const auto& id : side->ids) {
        if (stay.contains(id) || (side == &mine && find(theirs, id))) continue;
        if (auto value = merge(find(base, id), find(mine, id), find(theirs, id), path + step(id)))
          stay.emplace(id, std::move(*value));
      }
    // What both have stands in the order of the side that changed it; if both did, it overlaps.
    auto shared = [&](const Elements& side, bool old) {
      std::vector<std::string> ids;
      for (const auto& id : side.ids)
        if (find(mine, id) && find(theirs, id) && (!old || find(base, id))) ids.push_back(id);
      return ids;
    };
    auto ours = shared(mine, false);
    auto others = shared(theirs, false);
    bool moved_here = shared(mine, true) != shared(base, true);
    bool moved_there = shared(theirs, true) != shared(base, true);
    bool both = ours != others && moved_here == moved_there;
    if (both) overlap.push_back(path);
    bool lead_mine = both ? prefer_ == Side::mine : moved_here;
    std::vector<std::string> ids = lead_mine ? std::move(ours) : std::move(others);
    // What only one side has follows what it follows there; of two such runs the one whose first
    // id is lower comes first, so that both devices come to the same order.
    std::map<std::string, std::vector<std::vector<std::string>>> runs;
    for (const auto* side : {&mine, &theirs}) {
      std::string after;
      bool open = false;
      for (const auto& id : side->ids) {
        if (std::ranges::find(ids, id) != ids.end()) {
          after = id;
          open = false;
          continue;
        }
        if (!stay.contains(id)) continue;
        auto& here = runs[after];
        if (!open) here.emplace_back();
        open = true;
        here.back().push_back(id);
      }
    }
    Value all = Value::array();
    auto place = [&](const std::string& after) {
      auto it = runs.find(after);
      if (it == runs.end()) return;
      std::ranges::sort(it->second);
      for (const auto& run : it->second)
        for (const auto& id : run) all.push_back(stay.at(id));
    };
    place("");
    for (const auto& id : ids) {
      all.push_back(stay.at(id));
      place(id);
    }
    return all;
  }

  Side prefer_;
  const std::map<std::string, std::string>& arrays_;
};

}  // namespace

Json diff(const Json& base, const Json& x) {
  const Value before = object(base);
  const Value after = object(x);
  Value change = {{"set", Value::object()}};
  for (const auto& [name, member] : after.items())
    if (!equal(at(&before, name), &member)) change["set"][name] = member;
  for (const auto& [name, member] : before.items())
    if (!after.contains(name)) change["remove"].push_back(name);
  return dump(change);
}

Json patched(const Json& target, const Json& patch) {
  Value value = read(target);
  patch_into(value, read(patch));
  return dump(value);
}

std::optional<Json> patch(const Json& base, const Json& x) {
  Value value = object(base);
  const Value wanted = object(x);
  const Value patch = patch_between(value, wanted);
  patch_into(value, patch);
  if (!equal(&value, &wanted)) return std::nullopt;
  return dump(patch);
}

bool same(const Json& a, const Json& b) {
  Value first = read(a);
  Value second = read(b);
  for (auto* value : {&first, &second})
    if (value->is_object()) value->erase("updatedAt");
  return equal(&first, &second);
}

Merged three_ways(const Json& base, const Json& mine, const Json& theirs, Side prefer,
                  const std::map<std::string, std::string>& arrays) {
  const Value before = object(base);
  const Value ours = object(mine);
  const Value others = object(theirs);
  Merger merger(prefer, arrays);
  auto all = merger.merge(&before, &ours, &others, "");
  return {dump(*all), std::move(merger.overlap)};
}

}  // namespace holdfast::merge
