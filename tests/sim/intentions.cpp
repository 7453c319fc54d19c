#include "sim/intentions.h"

#include <algorithm>

namespace holdfast::sim {

void History::add(const MutationId& id, const std::string& reason, const MutationId& successor,
                  bool twice) {
  latest_[id] = departures_.size();
  departures_.push_back({id, reason, successor, twice});
}

const History::Departure* History::find(const MutationId& id) const {
  auto at = latest_.find(id);
  return at == latest_.end() ? nullptr : &departures_[at->second];
}

MutationId History::present(MutationId id) const {
  for (const Departure* d = find(id); d && !d->successor.empty(); d = find(id)) id = d->successor;
  return id;
}

void Intentions::add(Intention intention, const Queue& queue, const History& history,
                     Ordering ordering) {
  std::erase_if(live_, [&](std::size_t i) { return !queue.find(history.present(all_[i].id)); });
  auto order = [&](const Intention& before, const char* why) {
    orders_.push_back({before.id, intention.id, why});
  };
  for (std::size_t i : live_) {
    const Intention& before = all_[i];
    if (before.kind == Kind::create && intention.needs.contains(before.record))
      order(before, "a create's dependants arrive after it");
    if (intention.edits) continue;  // It stays in its place.
    if (before.record == intention.record)
      order(before, "the changes of a record arrive in their order");
    if (intention.kind == Kind::remove && before.refers.contains(intention.record))
      order(before, "a delete arrives after everything about what refers to it");
    if (before.transaction && before.transaction == intention.transaction)
      order(before, "a transaction arrives in its order");
    if (intention.after.contains(before.id)) order(before, "what is to go after it, does");
    if (ordering == Ordering::strict) order(before, "all arrives in its order");
  }
  live_.push_back(all_.size());
  all_.push_back(std::move(intention));
}

std::optional<std::string> Intentions::broken(const std::vector<MutationId>& applied,
                                              const History& history) const {
  std::map<MutationId, std::size_t> arrival;
  for (const auto& id : applied) arrival.emplace(id, arrival.size());
  auto accepted = [&](const MutationId& id) {
    auto* departure = history.find(id);
    return departure && departure->reason == "accepted";
  };
  for (const auto& intention : all_) {
    MutationId last = history.present(intention.id);
    if (!history.find(last)) return intention.id + " is lost: it has not left, nor is it there";
    if (accepted(last) && !arrival.contains(last) && !history.is_there(last))
      return last + " was never applied";
  }
  for (const auto& departure : history.departures())
    if (departure.reason == "replaced" && !departure.twice && arrival.contains(departure.id) &&
        arrival.contains(history.present(departure.id)))
      return departure.id + " took effect again as " + departure.successor;
  for (const auto& [before, after, why] : orders_) {
    MutationId first = history.present(before);
    MutationId second = history.present(after);
    if (!accepted(first) || !accepted(second)) continue;  // Given up.
    if (!arrival.contains(first) || !arrival.contains(second)) continue;
    if (arrival.at(first) > arrival.at(second))
      return second + " was applied before " + first + ", and " + why;
  }
  return std::nullopt;
}

}  // namespace holdfast::sim
