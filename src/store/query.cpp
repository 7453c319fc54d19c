#include "query.h"

#include <cassert>

#include "../text.h"
#include "counters.h"
#include "history.h"

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

}  // namespace

Json row(Database& db, const Key& key) { return row(db, Records(db).find(key)); }

Json row(Database& db, const Record& record) {
  return record.body ? row_of(db, *record.body, record) : "null";
}

Json list(Database& db, const Config& config, const std::string& collection, const Query& query) {
  auto [sql, values] = filter::select("body, head, tail", collection,
                                      config.collections.at(collection), query, true);
  Statement row(db, sql);
  filter::bind(row, values);
  std::string rows = "[";
  while (row.next()) {
    Record record;
    record.head = row.integer(1);
    record.tail = row.integer(2);
    rows += (rows.size() > 1 ? "," : "") + row_of(db, row.view(0), record);
  }
  return rows + "]";
}

Json count(Database& db, const Config& config, const std::string& collection, const Query& query) {
  auto [sql, values] =
      filter::select("count(*)", collection, config.collections.at(collection), query, false);
  Statement row(db, sql);
  filter::bind(row, values);
  if (!row.next()) assert(false);
  return std::to_string(row.integer(0));
}

Json plan(Database& db, const Config& config, const std::string& collection, const Query& query) {
  auto [sql, values] = filter::select("body, head, tail", collection,
                                      config.collections.at(collection), query, true);
  Statement row(db, "EXPLAIN QUERY PLAN " + sql);
  filter::bind(row, values);
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
