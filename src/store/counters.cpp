#include "counters.h"

#include <cassert>
#include <string_view>
#include <utility>

namespace holdfast {
namespace {

// '#' sorts them before everything else in the table.
constexpr std::pair<const char*, std::int64_t Counters::*> kCounters[] = {
    {"#ahead least", &Counters::ahead_least},
    {"#ahead most", &Counters::ahead_most},
    {"#confirmations", &Counters::confirmations},
    {"#dead", &Counters::dead},
    {"#epoch", &Counters::epoch},
    {"#in flight", &Counters::in_flight},
    {"#latest", &Counters::latest},
    {"#pull", &Counters::pull},
    {"#pulled", &Counters::pulled},
    {"#pulling", &Counters::pulling},
    {"#seq", &Counters::seq},
    {"#single", &Counters::single},
    {"#unsettled", &Counters::unsettled},
};

}  // namespace

void Counters::hear(const Response& answer) {
  auto [least, most] = heard(ahead(), answer);
  ahead_least = least.count();
  ahead_most = most.count();
}

Counters load_counters(Database& db) {
  Counters counters;
  Statement row(db, "SELECT key, number FROM hf_meta WHERE key BETWEEN '#' AND '$' ORDER BY key");
  for (const auto& [name, counter] : kCounters)
    if (row.next() && row.view(0) == name) counters.*counter = row.integer(1);
    else assert(false);
  return counters;
}

void save_counters(Database& db, const Counters& before, const Counters& now) {
  for (const auto& [name, counter] : kCounters)
    if (now.*counter != before.*counter)
      Statement(db, "UPDATE hf_meta SET number = ? WHERE key = ?", now.*counter, name).run();
}

}  // namespace holdfast
