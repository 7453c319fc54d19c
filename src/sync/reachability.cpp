#include "reachability.h"

#include <algorithm>
#include <cassert>

namespace holdfast {
namespace {

constexpr Duration kFloorMax = std::chrono::hours(24);

std::int64_t to_sql(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t ms) { return Time(Duration(ms)); }

void close(Reachability& r, Time now, const Reachability::Setback& setback) {
  r.state = Reachability::State::closed;
  r.wait = setback.wait;
  r.reason = setback.reason;
  r.next_probe_at = now + setback.delay;
  if (setback.floor) r.closed_until = std::max(r.closed_until, *setback.floor);
  ++r.setbacks;
}

}  // namespace

void Reachability::open_session() {
  state = State::unknown;
  reachable = false;
  setbacks = 0;
  wait = Wait::nothing;
  paused = false;
  reason.clear();
}

void Reachability::nudge(Time now, bool always) {
  if (always || !(state == State::probing || may_send(now))) state = State::unknown;
}

void Reachability::offline(Time now) {
  reachable = false;
  wait = Wait::network;
  reason = "The browser reports no network.";
  if (state == State::open) {
    state = State::closed;
    next_probe_at = now;
  }
}

bool Reachability::wants_probe(Time now, bool waiting) const {
  if (paused || now < closed_until) return false;
  switch (state) {
    case State::unknown: return true;
    case State::probing: return false;
    case State::open: return waiting && now >= fresh_until;
    case State::closed: return waiting && now >= next_probe_at;
  }
  assert(false);
}

void Reachability::send_probe() {
  assert(state != State::probing);
  state = State::probing;
  ++probe;
}

void Reachability::probed(Time now, Duration fresh) {
  state = State::open;
  reachable = true;
  fresh_until = now + fresh;
  if (wait != Wait::sign_in) {
    wait = Wait::nothing;
    reason.clear();
  }
}

void Reachability::probe_failed(Time now, const Setback& setback) {
  assert(state == State::probing);
  reachable = false;
  close(*this, now, setback);
}

void Reachability::attempt_failed(Time now, const Setback& setback) {
  if (state == State::open) {
    if (setback.wait == Wait::network) reachable = false;
    close(*this, now, setback);
  } else if (setback.floor) {
    closed_until = std::max(closed_until, *setback.floor);
  }
}

void Reachability::settled() {
  setbacks = 0;
  if (wait == Wait::sign_in) wait = Wait::nothing;
}

bool Reachability::may_send(Time now) const {
  return !paused && state == State::open && now < fresh_until && now >= closed_until;
}

std::optional<Time> Reachability::deadline(bool waiting) const {
  if (paused) return std::nullopt;
  switch (state) {
    case State::unknown: return closed_until;
    case State::probing: return std::nullopt;
    case State::open: return waiting ? std::optional(closed_until) : std::nullopt;
    case State::closed:
      return waiting ? std::optional(std::max(next_probe_at, closed_until)) : std::nullopt;
  }
  assert(false);
}

void Reachability::mend(Time now, Duration fresh, Duration cap) {
  if (fresh_until > now + fresh) fresh_until = now;
  if (next_probe_at > now + cap) next_probe_at = now;
  if (closed_until > now + kFloorMax) closed_until = now;
}

Reachability load_reachability(Database& db) {
  Statement row(db,
                "SELECT state, reachable, probe, setbacks, next_probe_at, fresh_until,"
                " closed_until, waiting_for, paused, reason FROM hf_reachability");
  row.next();
  return {
      .state = static_cast<Reachability::State>(row.integer(0)),
      .reachable = row.integer(1) != 0,
      .probe = row.integer(2),
      .setbacks = static_cast<int>(row.integer(3)),
      .next_probe_at = time_of(row.integer(4)),
      .fresh_until = time_of(row.integer(5)),
      .closed_until = time_of(row.integer(6)),
      .wait = static_cast<Reachability::Wait>(row.integer(7)),
      .paused = row.integer(8) != 0,
      .reason = row.text(9),
  };
}

void save_reachability(Database& db, const Reachability& r) {
  Statement(db,
            "UPDATE hf_reachability SET state = ?, reachable = ?, probe = ?, setbacks = ?,"
            " next_probe_at = ?, fresh_until = ?, closed_until = ?, waiting_for = ?, paused = ?,"
            " reason = ?",
            static_cast<int>(r.state), r.reachable ? 1 : 0, r.probe, r.setbacks,
            to_sql(r.next_probe_at), to_sql(r.fresh_until), to_sql(r.closed_until),
            static_cast<int>(r.wait), r.paused ? 1 : 0, r.reason)
      .run();
}

}  // namespace holdfast
