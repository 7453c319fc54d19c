#include "reachability.h"

#include <algorithm>
#include <cassert>

#include "../backoff.h"

namespace holdfast {
namespace {

constexpr Duration kFloorMax = std::chrono::hours(24);
constexpr int kSpread = 10;          // What was asked for, divided by it, is the first jitter.
constexpr std::size_t kCircuit = 3;  // So many mutations open it.
constexpr int kRampMax = 1 << 10;    // Attempts at once; from there on the configuration rules.

std::int64_t to_sql(Time time) { return time.time_since_epoch().count(); }
Time time_of(std::int64_t ms) { return Time(Duration(ms)); }

// An answer that asks for a longer time comes with a jitter of its own.
void leave_alone(Reachability& r, const Reachability::Setback& setback) {
  if (!setback.floor || *setback.floor <= r.asked_until) return;
  r.asked_until = *setback.floor;
  r.closed_until = *setback.floor + setback.delay;
}

void close(Reachability& r, Time now, const Reachability::Setback& setback) {
  r.state = Reachability::State::closed;
  if (r.wait != Reachability::Wait::sign_in) r.wait = setback.wait;
  r.reason = setback.reason;
  r.next_probe_at = now + setback.delay;
  leave_alone(r, setback);
  ++r.setbacks;
  if (setback.wait != Reachability::Wait::sign_in) r.ramp = 1;
}

// The API decided on a mutation: it is there.
void decided(Reachability& r) {
  r.setbacks = 0;
  if (r.wait == Reachability::Wait::sign_in) r.wait = Reachability::Wait::nothing;
  r.ramp = r.ramp < kRampMax ? r.ramp * 2 : 0;
}

std::string joined(const std::vector<MutationId>& ids) {
  std::string text;
  for (const auto& id : ids) text += (text.empty() ? "" : " ") + id;
  return text;
}

std::vector<MutationId> split(const std::string& text) {
  std::vector<MutationId> ids;
  for (std::size_t from = 0; from < text.size() && ids.size() < kCircuit;) {
    std::size_t space = std::min(text.find(' ', from), text.size());
    ids.push_back(text.substr(from, space - from));
    from = space + 1;
  }
  return ids;
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
  if (now >= asked_until) closed_until = std::min(closed_until, now);
  if (always || !(state == State::probing || may_send(now))) state = State::unknown;
}

void Reachability::offline(Time now) {
  reachable = false;
  if (wait != Wait::sign_in) wait = Wait::network;  // The app was asked, and is not asked twice.
  reason = "The browser reports no network.";
  ramp = 1;
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

Duration Reachability::delay(Time now, Wait why, std::optional<Time> floor, std::string_view id,
                             const Config& config) const {
  if (setbacks == 0 && state == State::open && why == Wait::network && !floor) return Duration(0);
  Duration base = config.backoff_base;
  if (floor) base = std::max(base, (*floor - now) / kSpread);
  return backoff(id, setbacks + 1, base, config.backoff_cap);
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
  } else {
    leave_alone(*this, setback);
    if (setback.wait == Wait::sign_in) wait = Wait::sign_in;
  }
}

void Reachability::retried(Time now, const MutationId& mutation, const Setback& setback) {
  auto& ids = retried_in_a_row;
  if (ids.size() < kCircuit && std::ranges::find(ids, mutation) == ids.end())
    ids.push_back(mutation);
  if (ids.size() < kCircuit) return;
  Setback outage = setback;
  outage.wait = Wait::origin;
  outage.reason = "One change after another fails: " + setback.reason;
  attempt_failed(now, outage);
}

void Reachability::accepted() {
  decided(*this);
  retried_in_a_row.clear();
}

void Reachability::refused() { decided(*this); }

void Reachability::read() {
  if (wait == Wait::sign_in) wait = Wait::nothing;
}

bool Reachability::may_send(Time now) const {
  return !paused && state == State::open && now < fresh_until && now >= closed_until;
}

int Reachability::room(int concurrency) const {
  if (wait == Wait::sign_in) return 1;
  return ramp == 0 ? concurrency : std::min(ramp, concurrency);
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
  if (fresh_until > now + fresh) fresh_until = Time();
  if (next_probe_at > now + cap) next_probe_at = now;
  if (asked_until > now + kFloorMax) asked_until = now;
  if (closed_until > asked_until + cap) closed_until = asked_until;
}

Reachability load_reachability(Database& db) {
  Statement row(db,
                "SELECT state, reachable, probe, setbacks, next_probe_at, fresh_until, asked_until,"
                " closed_until, ramp, retried_in_a_row, waiting_for, paused, reason"
                " FROM hf_reachability");
  row.next();
  return {
      .state = static_cast<Reachability::State>(row.integer(0)),
      .reachable = row.integer(1) != 0,
      .probe = row.integer(2),
      .setbacks = static_cast<int>(row.integer(3)),
      .next_probe_at = time_of(row.integer(4)),
      .fresh_until = time_of(row.integer(5)),
      .asked_until = time_of(row.integer(6)),
      .closed_until = time_of(row.integer(7)),
      .ramp = static_cast<int>(row.integer(8)),
      .retried_in_a_row = split(row.text(9)),
      .wait = static_cast<Reachability::Wait>(row.integer(10)),
      .paused = row.integer(11) != 0,
      .reason = row.text(12),
  };
}

void save_reachability(Database& db, const Reachability& r) {
  Statement(db,
            "UPDATE hf_reachability SET state = ?, reachable = ?, probe = ?, setbacks = ?,"
            " next_probe_at = ?, fresh_until = ?, asked_until = ?, closed_until = ?, ramp = ?,"
            " retried_in_a_row = ?, waiting_for = ?, paused = ?, reason = ?",
            static_cast<int>(r.state), r.reachable ? 1 : 0, r.probe, r.setbacks,
            to_sql(r.next_probe_at), to_sql(r.fresh_until), to_sql(r.asked_until),
            to_sql(r.closed_until), r.ramp, joined(r.retried_in_a_row),
            static_cast<int>(r.wait), r.paused ? 1 : 0, r.reason)
      .run();
}

}  // namespace holdfast
