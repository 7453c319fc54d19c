#include "query.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "../text.h"
#include "counters.h"
#include "history.h"
#include "outbox.h"
#include "schema.h"

namespace holdfast::query {
namespace {

// Only for what needs no escaping: ids, names and words of our own.
std::string quoted(std::string_view text) { return joined({"\"", text, "\""}); }

Json reference_to(const Mutation& m) {
  return joined({R"({"id":")", m.id, R"(","kind":")", name_of(m.kind), R"(","collection":")",
                 m.key.collection, R"(","record":")", m.key.id, "\"}"});
}

// web/protocol.ts's RecordSync. Of a record's mutations only the first is ever sent, so only it
// can be dead.
Json sync_of(Database& db, const Record& record) {
  Statement row(db,
                "SELECT state = 'dead', attempts, problem, waits,"
                " (SELECT id FROM hf_outbox WHERE seq = ?) FROM hf_outbox WHERE seq = ?",
                record.tail, record.head);
  if (!row.next()) assert(false);
  std::string sync = joined({R"({"status":)", row.integer(0) ? "\"failed\"" : "\"pending\"",
                             R"(,"attempts":)", std::to_string(row.integer(1)),
                             R"(,"mutation":")", row.view(4), "\""});
  if (auto problem = row.view(2); !problem.empty()) sync += joined({",\"error\":", problem});
  if (row.integer(3) > 0) {
    Counters counters;
    if (auto dead = Outbox(db, counters).blocked_by(record.head))
      sync += joined({",\"blockedBy\":", reference_to(*dead)});
  }
  return sync += '}';
}

Json row_of(Database& db, std::string_view body, const Record& record) {
  std::string row = "{\"body\":";
  row += body;
  if (record.head) row += ",\"sync\":" + sync_of(db, record);
  return row + "}";
}

const char* state_of(const Mutation& m) {
  switch (m.state) {
    case State::dead: return "failed";
    case State::in_flight: return "in flight";
    case State::pending:
      if (m.waits) return "waiting";
      if (m.strays >= 3) return "blocked";
      return m.unknown ? "outcome unknown" : "pending";
  }
  assert(false);
}

template <typename Items, typename Write>
Json array(const Items& items, Write write) {
  std::string text = "[";
  for (const auto& item : items) text += (text.size() > 1 ? "," : "") + write(item);
  return text + "]";
}

// A list as SQL, and what is to be bound to it in order.
class Sql {
 public:
  Sql(const Collection& collection, const std::string& name, const Query& query) {
    for (const auto& index : collection.indexes)
      for (const auto& field : index)
        declared_.push_back(field.starts_with('-') ? field.substr(1) : field);
    // likely(): else SQLite takes the collection for few records, and goes through
    // all of them by the primary key rather than use an index.
    text_ = "SELECT body, head, tail FROM hf_record WHERE likely(collection = '" + name +
            "') AND body IS NOT NULL";
    for (const auto& condition : query.where) {
      text_ += " AND ";
      add(condition);
    }
    text_ += " ORDER BY ";
    for (const auto& field : query.order_by) {
      bool descending = field.starts_with('-');
      add_field(descending ? field.substr(1) : field);
      text_ += descending ? " DESC, " : ", ";
    }
    text_ += "id LIMIT ?";
    values_.emplace_back(static_cast<double>(query.limit));
  }

  const std::string& text() const { return text_; }

  void bind(Statement& statement) const {
    for (const auto& value : values_) {
      if (auto* text = std::get_if<std::string>(&value)) statement.bind(*text);
      else if (auto* number = std::get_if<double>(&value)) bind_number(statement, *number);
      else if (auto* boolean = std::get_if<bool>(&value)) statement.bind(*boolean ? 1 : 0);
      else statement.bind(std::nullopt);
    }
  }

 private:
  // LIMIT takes no 50.0, and SQLite compares the two alike.
  static void bind_number(Statement& statement, double number) {
    auto whole = static_cast<std::int64_t>(std::clamp(number, -9e15, 9e15));
    if (static_cast<double>(whole) == number) statement.bind(whole);
    else statement.bind(number);
  }

  void add_field(const std::string& field) {
    assert(schema::identifier(field));
    if (field == "id") {
      text_ += "id";
    } else if (std::ranges::find(declared_, field) != declared_.end()) {
      text_ += schema::column(field);
    } else {
      text_ += "json_extract(body, ?)";
      values_.emplace_back("$." + field);
    }
  }

  // IN finds no NULL.
  void add_in(const Condition& condition) {
    bool null = false;
    text_ += "(";
    add_field(condition.field);
    text_ += " IN (";
    for (const char* comma = ""; const auto& value : condition.values) {
      if (std::holds_alternative<std::nullptr_t>(value)) {
        null = true;
        continue;
      }
      text_ += std::exchange(comma, ", ") + std::string("?");
      values_.push_back(value);
    }
    text_ += ")";
    if (null) {
      text_ += " OR ";
      add_field(condition.field);
      text_ += " IS NULL";
    }
    text_ += ")";
  }

  void add(const Condition& condition) {
    using Op = Condition::Op;
    if (condition.op == Op::in) return add_in(condition);
    assert(condition.values.size() == 1);
    const Scalar& value = condition.values.front();
    add_field(condition.field);
    bool null = std::holds_alternative<std::nullptr_t>(value);
    switch (condition.op) {
      case Op::eq: text_ += null ? " IS NULL" : " = ?"; break;
      case Op::ne: text_ += null ? " IS NOT NULL" : " IS NOT ?"; break;
      case Op::lt: text_ += " < ?"; break;
      case Op::lte: text_ += " <= ?"; break;
      case Op::gt: text_ += " > ?"; break;
      case Op::gte: text_ += " >= ?"; break;
      case Op::in: assert(false);
    }
    if (!null || (condition.op != Op::eq && condition.op != Op::ne)) values_.push_back(value);
  }

  std::vector<std::string> declared_;
  std::string text_;
  std::vector<Scalar> values_;
};

}  // namespace

Json row(Database& db, const Key& key) { return row(db, Records(db).find(key)); }

Json row(Database& db, const Record& record) {
  return record.body ? row_of(db, *record.body, record) : "null";
}

Json list(Database& db, const Config& config, const std::string& collection, const Query& query) {
  Sql sql(config.collections.at(collection), collection, query);
  Statement row(db, sql.text());
  sql.bind(row);
  std::string rows = "[";
  while (row.next()) {
    Record record;
    record.head = row.integer(1);
    record.tail = row.integer(2);
    rows += (rows.size() > 1 ? "," : "") + row_of(db, row.view(0), record);
  }
  return rows + "]";
}

Json plan(Database& db, const Config& config, const std::string& collection, const Query& query) {
  Sql sql(config.collections.at(collection), collection, query);
  Statement row(db, "EXPLAIN QUERY PLAN " + sql.text());
  sql.bind(row);
  std::string lines = "[";
  // A plan names tables and indexes, and no values: nothing in it needs escaping.
  while (row.next()) lines += (lines.size() > 1 ? "," : "") + quoted(row.view(3));
  return lines + "]";
}

Json entry(Database& db, const Mutation& m) {
  constexpr std::int64_t most = 100;
  Counters counters;
  Outbox outbox(db, counters);
  std::string entry = joined({R"({"id":")", m.id, R"(","kind":")", name_of(m.kind),
                              R"(","collection":")", m.key.collection, R"(","record":")", m.key.id,
                              R"(","state":")", state_of(m), R"(","attempts":)",
                              std::to_string(m.attempts), R"(,"writtenAt":)",
                              std::to_string(m.written_at.time_since_epoch().count())});
  auto add = [&](std::string_view name, std::string_view json) {
    entry += joined({",\"", name, "\":", json});
  };
  if (m.state == State::pending && !m.waits && m.due_at > Time{})
    add("dueAt", std::to_string(m.due_at.time_since_epoch().count()));
  if (m.folded) add("folded", std::to_string(m.folded));
  if (m.waits) {
    add("waitsFor", array(outbox.waits_of(m.seq), [&](const Dependency& dependency) {
          auto on = outbox.at(dependency.on);
          return quoted(on ? on->id : "");
        }));
    if (auto dead = outbox.blocked_by(m.seq)) add("blockedBy", reference_to(*dead));
  }
  if (m.state == State::dead) {
    add("unknown", m.unknown ? "true" : "false");
    add("holds", array(outbox.held_back_by(m.seq, most), reference_to));
  }
  if (!m.change.empty()) add("change", m.change);
  if (!m.problem.empty()) add("error", m.problem);
  return entry += '}';
}

Json outbox(Database& db, std::int64_t limit) {
  Counters counters;
  return array(Outbox(db, counters).list(limit), [&](const auto& m) { return entry(db, m); });
}

Json dead_letters(Database& db, std::int64_t limit) {
  Counters counters;
  return array(Outbox(db, counters).list_dead(limit), [&](const auto& m) { return entry(db, m); });
}

Json history(Database& db, std::int64_t limit) {
  return array(History(db).list(limit), [](const Departure& d) {
    return joined({R"({"id":")", d.id, R"(","kind":")", name_of(d.kind), R"(","collection":")",
                   d.key.collection, R"(","record":")", d.key.id, R"(","reason":")",
                   name_of(d.reason), R"(","at":)", std::to_string(d.at.time_since_epoch().count()),
                   d.successor.empty() ? "" : ",\"successor\":\"", d.successor,
                   d.successor.empty() ? "}" : "\"}"});
  });
}

}  // namespace holdfast::query
