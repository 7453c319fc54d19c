#include "outbox.h"

#include <algorithm>
#include <cassert>
#include <set>

namespace holdfast {
namespace {

#define HF_COLUMNS                                                                             \
  "seq, id, kind, collection, record, change, written_at, prev, waits, state, due_at, attempts," \
  " counted, unknown, method, path, request, problem"

std::int64_t to_sql(Time time) { return time.time_since_epoch().count(); }

Kind kind_of(std::string_view text) {
  if (text == "create") return Kind::create;
  return text == "delete" ? Kind::remove : Kind::update;
}

State state_of(std::string_view text) {
  if (text == "in flight") return State::in_flight;
  return text == "dead" ? State::dead : State::pending;
}

Mutation mutation_in(const Statement& row) {
  Mutation m{
      .seq = row.integer(0),
      .id = row.text(1),
      .kind = kind_of(row.view(2)),
      .key = {row.text(3), row.text(4)},
      .change = row.text(5),
      .written_at = Time(Duration(row.integer(6))),
      .prev = row.integer(7),
      .waits = static_cast<int>(row.integer(8)),
      .state = state_of(row.view(9)),
      .due_at = Time(Duration(row.integer(10))),
      .attempts = static_cast<int>(row.integer(11)),
      .counted = static_cast<int>(row.integer(12)),
      .unknown = row.integer(13) != 0,
      .request = std::nullopt,
      .problem = row.text(17),
  };
  if (!row.null(14)) m.request = Request{row.text(14), row.text(15), row.text(16)};
  return m;
}

std::vector<Mutation> all(Statement& rows) {
  std::vector<Mutation> mutations;
  while (rows.next()) mutations.push_back(mutation_in(rows));
  return mutations;
}

std::optional<Mutation> one(Statement& rows) {
  if (!rows.next()) return std::nullopt;
  return mutation_in(rows);
}

}  // namespace

const char* name(Kind kind) {
  switch (kind) {
    case Kind::create: return "create";
    case Kind::update: return "update";
    case Kind::remove: return "delete";
  }
  assert(false);
}

std::optional<Seq> Outbox::add(const Mutation& m, bool strict) {
  assert(!m.id.empty());
  Seq seq = counters_.seq + 1;
  // In strict order it is enough to wait for the one before: that waits for all others.
  Seq before = 0;
  if (strict) {
    Statement row(db_, "SELECT max(seq) FROM hf_outbox");
    if (row.next()) before = row.integer(0);
  }
  std::set<Seq> waits_for = {m.prev, before};
  waits_for.erase(0);
  Statement(db_,
            "INSERT INTO hf_outbox (seq, id, kind, collection, record, change, written_at, prev,"
            " waits) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
            seq, m.id, name(m.kind), m.key.collection, m.key.id, m.change, to_sql(m.written_at),
            m.prev ? std::optional(m.prev) : std::nullopt, static_cast<int>(waits_for.size()))
      .run();
  if (db_.changes() == 0) return std::nullopt;
  counters_.seq = seq;
  ++counters_.unsettled;
  for (Seq on : waits_for) {
    assert(on < seq);
    Statement(db_, "INSERT INTO hf_dependency (on_seq, seq) VALUES (?,?)", on, seq).run();
  }
  return seq;
}

std::optional<Mutation> Outbox::find(const MutationId& id) {
  Statement row(db_, "SELECT " HF_COLUMNS " FROM hf_outbox WHERE id = ?", id);
  return one(row);
}

std::optional<Mutation> Outbox::at(Seq seq) {
  Statement row(db_, "SELECT " HF_COLUMNS " FROM hf_outbox WHERE seq = ?", seq);
  return one(row);
}

std::vector<Mutation> Outbox::chain(Seq tail) {
  std::vector<Mutation> chain;
  for (Seq seq = tail; seq;) {
    auto mutation = at(seq);
    assert(mutation);
    seq = mutation->prev;
    chain.push_back(std::move(*mutation));
  }
  std::ranges::reverse(chain);
  return chain;
}

std::vector<Mutation> Outbox::list(std::int64_t limit) {
  Statement rows(db_, "SELECT " HF_COLUMNS " FROM hf_outbox ORDER BY seq LIMIT ?", limit);
  return all(rows);
}

std::vector<Mutation> Outbox::list_dead(std::int64_t limit) {
  Statement rows(db_,
                 "SELECT " HF_COLUMNS
                 " FROM hf_outbox WHERE state = 'dead' ORDER BY seq LIMIT ?",
                 limit);
  return all(rows);
}

std::vector<Mutation> Outbox::due(Time now, int limit) {
  Statement rows(db_,
                 "SELECT " HF_COLUMNS
                 " FROM hf_outbox WHERE state = 'pending' AND waits = 0 AND due_at <= ?"
                 " ORDER BY due_at, seq LIMIT ?",
                 to_sql(now), limit);
  return all(rows);
}

std::optional<Time> Outbox::next_due() {
  Statement row(db_,
                "SELECT due_at FROM hf_outbox WHERE state = 'pending' AND waits = 0"
                " ORDER BY due_at LIMIT 1");
  if (!row.next()) return std::nullopt;
  return Time(Duration(row.integer(0)));
}

void Outbox::attempt(const Mutation& m, const Request& request, Time now) {
  assert(m.state == State::pending && m.waits == 0);
  assert(!m.request || *m.request == request);
  if (m.request)
    Statement(db_,
              "UPDATE hf_outbox SET state = 'in flight', attempts = attempts + 1 WHERE seq = ?",
              m.seq)
        .run();
  else
    Statement(db_,
              "UPDATE hf_outbox SET state = 'in flight', attempts = attempts + 1,"
              " first_attempt_at = ?, method = ?, path = ?, request = ? WHERE seq = ?",
              to_sql(now), request.method, request.path, request.body, m.seq)
        .run();
  ++counters_.in_flight;
}

void Outbox::postpone(const Mutation& m, Time at, bool counts, bool unknown, const Json& problem) {
  assert(m.state == State::in_flight);
  Statement(db_,
            "UPDATE hf_outbox SET state = 'pending', due_at = ?, counted = counted + ?,"
            " unknown = ?, problem = ? WHERE seq = ?",
            to_sql(at), counts ? 1 : 0, unknown ? 1 : 0, problem, m.seq)
      .run();
  --counters_.in_flight;
}

void Outbox::bury(const Mutation& m, bool unknown, const Json& problem) {
  assert(m.state != State::dead);
  Statement(db_, "UPDATE hf_outbox SET state = 'dead', unknown = ?, problem = ? WHERE seq = ?",
            unknown ? 1 : 0, problem, m.seq)
      .run();
  if (m.state == State::in_flight) --counters_.in_flight;
  ++counters_.dead;
}

void Outbox::revive(const Mutation& m) {
  assert(m.state == State::dead);
  Statement(db_, "UPDATE hf_outbox SET state = 'pending', due_at = 0, counted = 0 WHERE seq = ?",
            m.seq)
      .run();
  --counters_.dead;
}

Seq Outbox::remove(const Mutation& m) {
  --counters_.unsettled;
  if (m.state == State::dead) --counters_.dead;
  if (m.state == State::in_flight) --counters_.in_flight;
  Seq next = 0;
  {
    Statement row(db_,
                  "UPDATE hf_outbox SET prev = ? WHERE prev = ? AND seq IN"
                  " (SELECT seq FROM hf_dependency WHERE on_seq = ?) RETURNING seq",
                  m.prev ? std::optional(m.prev) : std::nullopt, m.seq, m.seq);
    while (row.next()) next = row.integer(0);
  }
  Statement(db_, "DELETE FROM hf_outbox WHERE seq = ?", m.seq).run();
  if (m.waits)
    Statement(db_,
              "INSERT OR IGNORE INTO hf_dependency (on_seq, seq)"
              " SELECT before.on_seq, after.seq FROM hf_dependency before, hf_dependency after"
              " WHERE before.seq = ? AND after.on_seq = ?",
              m.seq, m.seq)
        .run();
  Statement(db_,
            "UPDATE hf_outbox SET waits ="
            " (SELECT count(*) - 1 FROM hf_dependency d WHERE d.seq = hf_outbox.seq)"
            " WHERE seq IN (SELECT seq FROM hf_dependency WHERE on_seq = ?)",
            m.seq)
      .run();
  Statement(db_, "DELETE FROM hf_dependency WHERE on_seq = ?", m.seq).run();
  if (m.waits) Statement(db_, "DELETE FROM hf_dependency WHERE seq = ?", m.seq).run();
  return next;
}

void Outbox::hurry(bool all) {
  Statement(db_,
            "UPDATE hf_outbox SET due_at = 0 WHERE state = 'pending' AND waits = 0"
            " AND due_at > 0 AND (? OR (unknown = 1 AND counted = 0))",
            all ? 1 : 0)
      .run();
}

void Outbox::recover() {
  Statement(db_,
            "UPDATE hf_outbox SET state = 'pending', due_at = 0, unknown = 1"
            " WHERE state = 'in flight'")
      .run();
  counters_.in_flight = 0;
}

}  // namespace holdfast
