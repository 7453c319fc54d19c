#include "outbox.h"

#include <algorithm>
#include <cassert>

namespace holdfast {
namespace {

#define HF_COLUMNS                                                                             \
  "seq, id, kind, collection, record, change, written_at, prev, waits, state, due_at, attempts," \
  " counted, unknown, method, path, request, problem, barrier, bundle, named, folded, strays,"   \
  " asking, first_attempt_at"

std::int64_t to_sql(Time time) { return time.time_since_epoch().count(); }

State state_of(std::string_view text) {
  if (text == "in flight") return State::in_flight;
  return text == "dead" ? State::dead : State::pending;
}

Time time_of(std::int64_t ms) { return Time(Duration(ms)); }

Mutation mutation_in(const Statement& row) {
  Mutation m;
  m.seq = row.integer(0);
  m.id = row.text(1);
  m.kind = kind_of(row.view(2));
  m.key = {row.text(3), row.text(4)};
  m.change = row.text(5);
  m.written_at = time_of(row.integer(6));
  m.prev = row.integer(7);
  m.waits = static_cast<int>(row.integer(8));
  m.state = state_of(row.view(9));
  m.due_at = time_of(row.integer(10));
  m.attempts = static_cast<int>(row.integer(11));
  m.counted = static_cast<int>(row.integer(12));
  m.unknown = row.integer(13) != 0;
  if (!row.null(14)) m.request = Request{row.text(14), row.text(15), row.text(16)};
  m.problem = row.text(17);
  m.barrier = row.integer(18) != 0;
  m.bundle = row.integer(19);
  m.named = row.integer(20) != 0;
  m.folded = static_cast<int>(row.integer(21));
  m.strays = static_cast<int>(row.integer(22));
  m.asking = row.integer(23) != 0;
  if (!row.null(24)) m.first_attempt_at = time_of(row.integer(24));
  return m;
}

std::vector<Dependency> dependencies(Statement& rows) {
  std::vector<Dependency> found;
  while (rows.next())
    found.push_back({rows.integer(0), rows.integer(1), static_cast<Why>(rows.integer(2))});
  return found;
}

// 0 is stored as NULL.
std::optional<Seq> some(Seq seq) { return seq ? std::optional(seq) : std::nullopt; }

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

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::create: return "create";
    case Kind::update: return "update";
    case Kind::remove: return "delete";
  }
  assert(false);
}

Kind kind_of(std::string_view name) {
  if (name == "create") return Kind::create;
  return name == "delete" ? Kind::remove : Kind::update;
}

std::optional<Seq> Outbox::add(const Mutation& m, const Waits& waits) {
  assert(!m.id.empty());
  Seq seq = counters_.seq + 1;
  Statement(db_,
            "INSERT INTO hf_outbox (seq, id, kind, collection, record, change, written_at, prev,"
            " waits, barrier, bundle) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING",
            seq, m.id, name_of(m.kind), m.key.collection, m.key.id, m.change,
            to_sql(m.written_at), some(m.prev),
            static_cast<int>(waits.on.size()) + (waits.barrier ? 1 : 0), waits.barrier ? 1 : 0,
            some(m.bundle))
      .run();
  if (db_.changes() == 0) return std::nullopt;
  counters_.seq = seq;
  ++counters_.unsettled;
  for (auto [on, why] : waits.on) {
    assert(on < seq);  // So there are no cycles.
    Statement(db_, "INSERT INTO hf_dependency (on_seq, seq, why) VALUES (?,?,?)", on, seq,
              static_cast<int>(why))
        .run();
  }
  return seq;
}

void Outbox::fold(const Mutation& into, Kind kind, const Json& change, int folded,
                  Time written_at) {
  assert(into.state == State::pending && into.attempts == 0);
  Statement(db_,
            "UPDATE hf_outbox SET kind = ?, change = ?, folded = folded + ?, written_at = ?"
            " WHERE seq = ?",
            name_of(kind), change, folded, to_sql(written_at), into.seq)
      .run();
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

std::vector<Dependency> Outbox::waits_of(Seq seq) {
  Statement rows(db_, "SELECT on_seq, seq, why FROM hf_dependency WHERE seq = ? ORDER BY on_seq",
                 seq);
  return dependencies(rows);
}

std::vector<Dependency> Outbox::waiting_for(Seq seq) {
  Statement rows(db_, "SELECT on_seq, seq, why FROM hf_dependency WHERE on_seq = ? ORDER BY seq",
                 seq);
  return dependencies(rows);
}

std::optional<Mutation> Outbox::blocked_by(Seq seq) {
  constexpr int most = 1000;  // So far it is looked for; in strict order all would be between.
  Seq lowest = 0;
  {
    Statement row(db_,
                  "SELECT seq FROM hf_outbox WHERE state = 'dead' AND seq < ? ORDER BY seq LIMIT 1",
                  seq);
    if (!row.next()) return std::nullopt;
    lowest = row.integer(0);
  }
  Statement row(db_,
                "WITH RECURSIVE up (seq) AS (VALUES (?1) UNION SELECT on_seq FROM up"
                " JOIN hf_dependency d ON d.seq = up.seq LIMIT ?2)"
                " SELECT min(CASE WHEN o.state = 'dead' AND o.seq <> ?1 THEN o.seq END),"
                " max(CASE WHEN o.barrier = 1 THEN o.seq END), count(*)"
                " FROM up JOIN hf_outbox o ON o.seq = up.seq",
                seq, most);
  row.next();
  // A barrier waits for the lowest too, if that is before it.
  if (row.integer(1) > lowest || row.integer(2) >= most) return at(lowest);
  return row.null(0) ? std::nullopt : at(row.integer(0));
}

std::vector<Mutation> Outbox::held_back_by(Seq seq, std::int64_t limit) {
  Statement rows(db_,
                 "WITH RECURSIVE down (seq) AS (VALUES (?1)"
                 " UNION SELECT seq FROM hf_outbox WHERE barrier = 1 AND seq > ?1"
                 " UNION SELECT d.seq FROM down JOIN hf_dependency d ON d.on_seq = down.seq"
                 " LIMIT ?2)"
                 " SELECT " HF_COLUMNS " FROM hf_outbox"
                 " WHERE seq IN (SELECT seq FROM down) AND seq <> ?1 ORDER BY seq",
                 seq, limit + 1);
  return all(rows);
}

Seq Outbox::last() {
  Statement row(db_, "SELECT max(seq) FROM hf_outbox");
  return row.next() ? row.integer(0) : 0;
}

void Outbox::name(const MutationId& id) {
  Statement(db_, "UPDATE hf_outbox SET named = 1 WHERE id = ?", id).run();
}

void Outbox::bundle(Seq first) {
  Statement(db_, "UPDATE hf_outbox SET bundle = seq WHERE seq = ?", first).run();
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

void Outbox::attempt(const Mutation& m, const Request& request, Time now, bool asking) {
  assert(m.state == State::pending && m.waits == 0);
  assert(!m.request || *m.request == request);
  if (m.request)
    Statement(db_,
              "UPDATE hf_outbox SET state = 'in flight', attempts = attempts + 1, asking = ?,"
              " first_attempt_at = coalesce(first_attempt_at, ?) WHERE seq = ?",
              asking ? 1 : 0, to_sql(now), m.seq)
        .run();
  else
    Statement(db_,
              "UPDATE hf_outbox SET state = 'in flight', attempts = attempts + 1,"
              " first_attempt_at = ?, method = ?, path = ?, request = ? WHERE seq = ?",
              to_sql(now), request.method, request.path, request.body, m.seq)
        .run();
  ++counters_.in_flight;
}

void Outbox::postpone(const Mutation& m, const Setback& setback) {
  assert(m.state == State::in_flight);
  Statement(db_,
            "UPDATE hf_outbox SET state = 'pending', due_at = ?, counted = counted + ?,"
            " unknown = ?, strays = CASE WHEN ? THEN strays + 1 ELSE 0 END, problem = ?"
            " WHERE seq = ?",
            to_sql(setback.at), setback.counts ? 1 : 0, setback.unknown ? 1 : 0,
            setback.stray ? 1 : 0, setback.problem, m.seq)
      .run();
  --counters_.in_flight;
}

void Outbox::begin_anew(const Mutation& m) {
  assert(m.state == State::in_flight);
  Statement(db_,
            "UPDATE hf_outbox SET state = 'pending', due_at = 0, unknown = 0, asking = 0,"
            " first_attempt_at = NULL WHERE seq = ?",
            m.seq)
      .run();
  --counters_.in_flight;
}

void Outbox::bury(const Mutation& m, bool unknown, const Json& problem) {
  assert(m.state != State::dead);
  Statement(db_,
            "UPDATE hf_outbox SET state = 'dead', asking = 0, unknown = ?, problem = ?"
            " WHERE seq = ?",
            unknown ? 1 : 0, problem, m.seq)
      .run();
  if (m.state == State::in_flight) --counters_.in_flight;
  ++counters_.dead;
}

void Outbox::revive(const Mutation& m) {
  assert(m.state == State::dead);
  Statement(db_,
            "UPDATE hf_outbox SET state = 'pending', due_at = 0, counted = 0, strays = 0"
            " WHERE seq = ?",
            m.seq)
      .run();
  --counters_.dead;
}

void Outbox::renew(const Mutation& m, const MutationId& as, Kind kind, const Json& change,
                   Time written_at) {
  assert(m.state == State::dead && as != m.id);
  Statement(db_,
            "UPDATE hf_outbox SET id = ?, kind = ?, change = ?, written_at = ?,"
            " state = 'pending', due_at = 0, attempts = 0, counted = 0, unknown = 0, strays = 0,"
            " asking = 0, first_attempt_at = NULL, method = NULL, path = NULL, request = NULL,"
            " problem = NULL WHERE seq = ?",
            as, name_of(kind), change, to_sql(written_at), m.seq)
      .run();
  --counters_.dead;
}

void Outbox::wait(const Mutation& m, Seq on, Why why) {
  assert(m.state != State::in_flight && on < m.seq);
  Statement(db_, "INSERT OR IGNORE INTO hf_dependency (on_seq, seq, why) VALUES (?,?,?)", on,
            m.seq, static_cast<int>(why))
      .run();
  if (db_.changes() > 0)
    Statement(db_, "UPDATE hf_outbox SET waits = waits + 1 WHERE seq = ?", m.seq).run();
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
                  some(m.prev), m.seq, m.seq);
    while (row.next()) next = row.integer(0);
  }
  Statement(db_, "DELETE FROM hf_outbox WHERE seq = ?", m.seq).run();
  if (m.waits) hand_down(m);
  Statement(db_,
            "UPDATE hf_outbox SET waits = barrier - 1 +"
            " (SELECT count(*) FROM hf_dependency d WHERE d.seq = hf_outbox.seq)"
            " WHERE seq IN (SELECT seq FROM hf_dependency WHERE on_seq = ?)",
            m.seq)
      .run();
  Statement(db_, "DELETE FROM hf_dependency WHERE on_seq = ?", m.seq).run();
  if (m.waits) Statement(db_, "DELETE FROM hf_dependency WHERE seq = ?", m.seq).run();
  lift_barrier();
  return next;
}

// What waits for a mutation that leaves will wait for what that waits for.
void Outbox::hand_down(const Mutation& m) {
  Statement(db_,
            "INSERT INTO hf_dependency (on_seq, seq, why)"
            " SELECT before.on_seq, after.seq,"
            " CASE WHEN before.why = 2 AND after.why = 2 THEN 2 ELSE 0 END"
            " FROM hf_dependency before, hf_dependency after"
            " WHERE before.seq = ? AND after.on_seq = ?"
            " ON CONFLICT (on_seq, seq) DO UPDATE SET why = max(why, excluded.why)",
            m.seq, m.seq)
      .run();
  if (m.barrier)
    Statement(db_,
              "UPDATE hf_outbox SET barrier = 1 WHERE seq IN"
              " (SELECT seq FROM hf_dependency WHERE on_seq = ?)",
              m.seq)
        .run();
}

// A barrier with nothing before it is none. The next one has that before it.
void Outbox::lift_barrier() {
  Statement(db_,
            "UPDATE hf_outbox SET barrier = 0, waits = waits - 1 WHERE barrier = 1"
            " AND seq = (SELECT min(seq) FROM hf_outbox)")
      .run();
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
