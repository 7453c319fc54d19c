#include "history.h"

#include <algorithm>
#include <cassert>

namespace holdfast {
namespace {

using Reason = Departure::Reason;

constexpr Reason kReasons[] = {Reason::accepted, Reason::folded,    Reason::undone,
                               Reason::replaced, Reason::discarded, Reason::cancelled};

Departure departure_in(const Statement& row) {
  auto reason = std::ranges::find_if(kReasons, [&](Reason r) { return row.view(4) == name_of(r); });
  return {.id = row.text(0),
          .kind = kind_of(row.view(1)),
          .key = {row.text(2), row.text(3)},
          .reason = reason == std::end(kReasons) ? Reason::accepted : *reason,
          .at = Time(Duration(row.integer(5))),
          .successor = row.text(6)};
}

}  // namespace

const char* name_of(Reason reason) {
  switch (reason) {
    case Reason::accepted: return "accepted";
    case Reason::folded: return "folded";
    case Reason::undone: return "undone";
    case Reason::replaced: return "replaced";
    case Reason::discarded: return "discarded";
    case Reason::cancelled: return "cancelled";
  }
  assert(false);
}

void History::add(const Mutation& m, Reason reason, Time at, const MutationId& successor) {
  Statement(db_,
            "INSERT INTO hf_history (id, kind, collection, record, reason, at, successor)"
            " VALUES (?,?,?,?,?,?,?)",
            m.id, name_of(m.kind), m.key.collection, m.key.id, name_of(reason),
            at.time_since_epoch().count(),
            successor.empty() ? std::nullopt : std::optional(successor))
      .run();
  Statement(db_, "DELETE FROM hf_history WHERE n <= (SELECT max(n) FROM hf_history) - ?", kKept)
      .run();
}

std::optional<Departure> History::find(const MutationId& id) {
  Statement row(db_,
                "SELECT id, kind, collection, record, reason, at, successor FROM hf_history"
                " WHERE id = ? ORDER BY n DESC LIMIT 1",
                id);
  if (!row.next()) return std::nullopt;
  return departure_in(row);
}

std::vector<Departure> History::list(std::int64_t limit) {
  Statement rows(db_,
                 "SELECT id, kind, collection, record, reason, at, successor FROM hf_history"
                 " ORDER BY n DESC LIMIT ?",
                 limit);
  std::vector<Departure> departures;
  while (rows.next()) departures.push_back(departure_in(rows));
  return departures;
}

}  // namespace holdfast
