#include "filter.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "schema.h"

namespace holdfast::filter {
namespace {

bool null(const Scalar& value) { return std::holds_alternative<std::nullptr_t>(value); }

// A field of orderBy without its sign.
std::string bare(const std::string& field) {
  return field.starts_with('-') ? field.substr(1) : field;
}

class Writer {
 public:
  Writer(const char* what, const std::string& name, const Collection& collection) {
    for (const auto& index : collection.indexes)
      for (const auto& field : index) declared_.push_back(bare(field));
    // likely(): else SQLite takes the collection for few records, and goes through
    // all of them by the primary key rather than use an index.
    add("SELECT ").add(what).add(" FROM hf_record WHERE likely(collection = '").add(name);
    add("') AND body IS NOT NULL");
  }

  void where(const Condition& condition) {
    if (condition.parts.empty() && condition.op == Condition::Op::all) return;
    add(" AND ").write(condition);
  }

  // Those that are sorted behind this row. Of rows that share the first fields, those whose next
  // field is behind; so one condition is nested in the other.
  void after(const std::vector<std::string>& order_by, const std::vector<Scalar>& row) {
    // Else no index would begin where the page does.
    if (!order_by.empty() && !order_by[0].starts_with('-') && !null(row[0]))
      add(" AND ").field(order_by[0]).add(" >= ").value(row[0]);
    add(" AND ");
    for (std::size_t i = 0; i < order_by.size(); ++i) {
      add("(");
      behind(order_by[i], row[i]);
      add(" OR ").field(bare(order_by[i])).add(" IS ").value(row[i]).add(" AND ");
    }
    add("id > ").value(row.back()).add(std::string(order_by.size(), ')'));
  }

  void sorted(const std::vector<std::string>& order_by) {
    add(" ORDER BY ");
    for (const auto& name : order_by)
      field(bare(name)).add(name.starts_with('-') ? " DESC, " : ", ");
    add("id");
  }

  Writer& add(std::string_view text) {
    sql_.text += text;
    return *this;
  }

  Writer& value(Scalar value) {
    sql_.values.push_back(std::move(value));
    return add("?");
  }

  Sql done() { return std::move(sql_); }

 private:
  Writer& field(const std::string& name) {
    assert(schema::path(name));
    if (name == "id") return add("id");
    if (std::ranges::find(declared_, name) != declared_.end()) return add(schema::column(name));
    return add("json_extract(body, ").value("$." + name).add(")");
  }

  // null is in front of everything.
  void behind(const std::string& name, const Scalar& than) {
    bool descending = name.starts_with('-');
    if (null(than)) {
      if (descending) add("0");
      else field(name).add(" IS NOT NULL");
    } else {
      field(bare(name)).add(descending ? " < " : " > ").value(than);
      if (descending) add(" OR ").field(bare(name)).add(" IS NULL");
    }
  }

  // Between parentheses, with this word between each two.
  void joined(const std::vector<Condition>& parts, const char* word, const char* nothing) {
    add("(");
    if (parts.empty()) add(nothing);
    for (const char* between = ""; const auto& part : parts) {
      add(std::exchange(between, word));
      write(part);
    }
    add(")");
  }

  // IN finds no NULL.
  void in(const Condition& condition) {
    bool with_null = false;
    add("(").field(condition.field).add(" IN (");
    for (const char* comma = ""; const auto& each : condition.values) {
      if (null(each)) with_null = true;
      else add(std::exchange(comma, ", ")).value(each);
    }
    add(")");
    if (with_null) add(" OR ").field(condition.field).add(" IS NULL");
    add(")");
  }

  // As a range, which an index can serve: up to the first text that is behind all with this prefix.
  void prefix(const Condition& condition) {
    const auto& from = std::get<std::string>(condition.values.front());
    add("(").field(condition.field).add(" >= ").value(from);
    if (!from.empty()) {
      std::string to = from;
      ++to.back();  // The last byte of UTF-8 is never the highest.
      add(" AND ").field(condition.field).add(" < ").value(std::move(to));
    }
    add(")");
  }

  void compare(const Condition& condition, const char* sign) {
    field(condition.field).add(sign).value(condition.values.front());
  }

  void write(const Condition& condition) {
    using Op = Condition::Op;
    const auto& values = condition.values;
    switch (condition.op) {
      case Op::all: return joined(condition.parts, " AND ", "1");
      case Op::any: return joined(condition.parts, " OR ", "0");
      case Op::none:
        // What SQL does not know does not hold.
        joined(condition.parts, " OR ", "0");
        add(" IS NOT TRUE");
        return;
      case Op::eq:
        if (!null(values.front())) return compare(condition, " = ");
        field(condition.field).add(" IS NULL");
        return;
      case Op::ne:
        if (!null(values.front())) return compare(condition, " IS NOT ");
        field(condition.field).add(" IS NOT NULL");
        return;
      case Op::lt: return compare(condition, " < ");
      case Op::lte: return compare(condition, " <= ");
      case Op::gt: return compare(condition, " > ");
      case Op::gte: return compare(condition, " >= ");
      case Op::in: return in(condition);
      case Op::prefix: return prefix(condition);
      case Op::like:
        add("(typeof(").field(condition.field).add(") = 'text' AND ");
        compare(condition, " LIKE ");
        add(" ESCAPE '\\')");
        return;
      case Op::is_null:
        field(condition.field).add(std::get<bool>(values.front()) ? " IS NULL" : " IS NOT NULL");
        return;
    }
    assert(false);
  }

  std::vector<std::string> declared_;
  Sql sql_;
};

struct Bind {
  Statement& statement;
  void operator()(std::nullptr_t) const { statement.bind(std::nullopt); }
  void operator()(bool value) const { statement.bind(value ? 1 : 0); }
  void operator()(std::int64_t value) const { statement.bind(value); }
  void operator()(double value) const { statement.bind(value); }
  void operator()(const std::string& value) const { statement.bind(value); }
};

}  // namespace

Sql select(const char* what, const std::string& name, const Collection& collection,
           const Query& query, bool sorted) {
  Writer sql(what, name, collection);
  sql.where(query.where);
  if (!sorted) return sql.done();
  if (!query.after.empty()) sql.after(query.order_by, query.after);
  sql.sorted(query.order_by);
  sql.add(" LIMIT ").value(query.limit);
  if (query.offset) sql.add(" OFFSET ").value(query.offset);
  return sql.done();
}

void bind(Statement& statement, const std::vector<Scalar>& values) {
  for (const auto& value : values) std::visit(Bind{statement}, value);
}

}  // namespace holdfast::filter
