#include "query_codec.h"

#include <algorithm>
#include <string>

#include "store/query.h"
#include "store/schema.h"

namespace holdfast::codec {
namespace {

using Op = Condition::Op;

constexpr std::size_t kMaxConditions = 50;
constexpr std::size_t kMaxValues = 500;
constexpr std::size_t kMaxSorts = 8;
constexpr std::size_t kMaxPattern = 1'000;  // Bytes; SQLite takes no longer ones.

struct Comparison {
  const char* name;
  Op op;
};

constexpr Comparison kComparisons[] = {
    {"eq", Op::eq},   {"ne", Op::ne},     {"lt", Op::lt},         {"lte", Op::lte},
    {"gt", Op::gt},   {"gte", Op::gte},   {"in", Op::in},         {"like", Op::like},
    {"prefix", Op::prefix}, {"isNull", Op::is_null},
};

std::string field_of(const std::string& name) {
  if (!schema::path(name))
    throw BadQuery("'" + name + "' cannot be queried: a field is [A-Za-z_][A-Za-z0-9_]{0,63}, "
                   "or a path of up to 8, with dots between.");
  return name;
}

// An object or an array is its text, as SQLite has it.
Scalar any_of(const Value& v) {
  if (v.is_null()) return nullptr;
  if (v.is_boolean()) return v.get<bool>();
  if (v.is_number_unsigned() && v.get<std::uint64_t>() > INT64_MAX) return v.get<double>();
  if (v.is_number_integer()) return v.get<std::int64_t>();
  if (v.is_number()) return v.get<double>();
  if (v.is_string()) return v.get<std::string>();
  return v.dump(-1, ' ', false, Value::error_handler_t::replace);
}

Scalar scalar_of(const Value& v) {
  if (v.is_structured())
    throw BadQuery("A field is compared with a string, a number, a boolean or null.");
  return any_of(v);
}

class Reader {
 public:
  // What holds where all members of a where do.
  Condition where(const Value& v) {
    if (!v.is_object()) throw BadQuery("where, and what stands in and, or and not, is an object.");
    Condition all;
    for (const auto& [name, operand] : v.items()) {
      if (name == "and") all.parts.push_back(group(Op::all, operand));
      else if (name == "or") all.parts.push_back(group(Op::any, operand));
      else if (name == "not") all.parts.push_back(counted({Op::none, "", {}, {where(operand)}}));
      else compare(field_of(name), operand, all.parts);
    }
    return all;
  }

 private:
  Condition counted(Condition condition) {
    if (++count_ > kMaxConditions) throw BadQuery("A query takes at most 50 conditions.");
    return condition;
  }

  Condition group(Op op, const Value& v) {
    if (!v.is_array()) throw BadQuery("and and or take an array of objects as where is one.");
    Condition group = counted({op});
    for (const auto& part : v) group.parts.push_back(where(part));
    return group;
  }

  void compare(const std::string& field, const Value& v, std::vector<Condition>& all) {
    if (!v.is_object()) {
      all.push_back(counted({Op::eq, field, {scalar_of(v)}}));
      return;
    }
    for (const auto& [name, operand] : v.items()) {
      auto found = std::ranges::find(kComparisons, name, &Comparison::name);
      if (found == std::end(kComparisons)) throw BadQuery("'" + name + "' is no comparison.");
      all.push_back(counted({found->op, field, values_of(found->op, operand)}));
    }
  }

  static std::vector<Scalar> values_of(Op op, const Value& v) {
    std::vector<Scalar> values;
    if (op == Op::in) {
      if (!v.is_array() || v.size() > kMaxValues)
        throw BadQuery("'in' takes an array of at most 500 values.");
      for (const auto& value : v) values.push_back(scalar_of(value));
      return values;
    }
    if (op == Op::is_null && !v.is_boolean()) throw BadQuery("'isNull' takes true or false.");
    if (op == Op::like || op == Op::prefix) {
      if (!v.is_string()) throw BadQuery("'like' and 'prefix' take text.");
      const auto& text = v.get_ref<const std::string&>();
      if (op == Op::like && (text.size() > kMaxPattern || text.find('\0') != std::string::npos))
        throw BadQuery("'like' takes at most 1,000 bytes, none of them 0.");
    }
    values.push_back(scalar_of(v));
    return values;
  }

  std::size_t count_ = 0;
};

std::vector<std::string> order_of(const Value& v) {
  std::vector<std::string> fields;
  auto add = [&](const Value& field) {
    if (!field.is_string()) throw BadQuery("orderBy takes a field or an array of fields.");
    fields.push_back(field.get<std::string>());
    field_of(fields.back().substr(fields.back().starts_with('-') ? 1 : 0));
  };
  if (!v.is_array()) add(v);
  else if (v.size() > kMaxSorts) throw BadQuery("A list is sorted by at most 8 fields.");
  else for (const auto& field : v) add(field);
  return fields;
}

// The field of a record; absent is null.
Scalar field_in(const Value& record, const std::string& path) {
  std::size_t dot = std::min(path.find('.'), path.size());
  auto member = record.is_object() ? record.find(path.substr(0, dot)) : record.end();
  if (member == record.end()) return nullptr;
  return dot == path.size() ? any_of(*member) : field_in(*member, path.substr(dot + 1));
}

// Of a row itself, or of an array of its values.
std::vector<Scalar> after_of(const Value& v, const std::vector<std::string>& order_by) {
  std::vector<Scalar> row;
  if (v.is_object()) {
    for (const auto& field : order_by)
      row.push_back(field_in(v, field.substr(field.starts_with('-') ? 1 : 0)));
    row.push_back(field_in(v, "id"));
  } else if (v.is_array()) {
    for (const auto& value : v) row.push_back(any_of(value));
  }
  if (row.size() != order_by.size() + 1 || !std::holds_alternative<std::string>(row.back()))
    throw BadQuery("after takes the last row, or an array of its values of orderBy and its id.");
  return row;
}

// A whole number from 0, or "most" where it is more.
std::int64_t whole(const Value& v, const char* what, std::int64_t most) {
  if (!v.is_number_unsigned()) throw BadQuery(std::string(what) + " is a whole number from 0.");
  return static_cast<std::int64_t>(
      std::min(v.get<std::uint64_t>(), static_cast<std::uint64_t>(most)));
}

}  // namespace

Query query(const Value& v) {
  if (!v.is_object()) throw BadQuery("A query is an object.");
  Query query;
  auto member = [&](const char* name) {
    auto it = v.find(name);
    return it == v.end() ? nullptr : &*it;
  };
  if (auto* where = member("where")) query.where = Reader().where(*where);
  if (auto* order = member("orderBy")) query.order_by = order_of(*order);
  if (auto* after = member("after")) query.after = after_of(*after, query.order_by);
  if (auto* most = member("limit")) query.limit = limit(*most);
  if (auto* from = member("offset")) query.offset = whole(*from, "offset", INT64_MAX);
  return query;
}

std::int64_t limit(const Value& v) { return whole(v, "limit", query::kLimitMax); }

std::vector<Scalar> parameters(const Value& v) {
  if (!v.is_array()) throw BadQuery("The parameters are an array.");
  std::vector<Scalar> values;
  for (const auto& value : v) values.push_back(any_of(value));
  return values;
}

}  // namespace holdfast::codec
