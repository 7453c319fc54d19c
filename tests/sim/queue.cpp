#include "sim/queue.h"

#include <algorithm>

namespace holdfast::sim {

Entry& Queue::add(Entry entry) { return entries_.emplace_back(std::move(entry)); }

void Queue::remove(Place place) {
  auto gone = std::ranges::find(entries_, place, &Entry::place);
  for (auto& entry : entries_) {
    auto waits = entry.waits.find(place);
    if (waits == entry.waits.end()) continue;
    Why why = waits->second;
    entry.waits.erase(waits);
    for (auto [before, its_why] : gone->waits) {
      bool is_chain = its_why == Why::record && why == Why::record;
      auto at = entry.waits.emplace(before, Why::order).first;
      if (is_chain) at->second = Why::record;
    }
    if (gone->barrier) entry.barrier = true;
  }
  entries_.erase(gone);
  if (!entries_.empty()) entries_.front().barrier = false;
}

Entry* Queue::find(const MutationId& id) {
  auto at = std::ranges::find(entries_, id, &Entry::id);
  return at == entries_.end() ? nullptr : &*at;
}

const Entry* Queue::find(const MutationId& id) const {
  auto at = std::ranges::find(entries_, id, &Entry::id);
  return at == entries_.end() ? nullptr : &*at;
}

Entry* Queue::at(Place place) {
  auto at = std::ranges::find(entries_, place, &Entry::place);
  return at == entries_.end() ? nullptr : &*at;
}

const Entry* Queue::at(Place place) const {
  auto at = std::ranges::find(entries_, place, &Entry::place);
  return at == entries_.end() ? nullptr : &*at;
}

std::vector<const Entry*> Queue::chain(const Name& record) const {
  std::vector<const Entry*> chain;
  for (const auto& entry : entries_)
    if (entry.record == record) chain.push_back(&entry);
  return chain;
}

bool Queue::is_held_back(const Entry& entry) const {
  std::set<Place> held;
  for (const auto& each : entries_) {
    bool holds = each.barrier && std::ranges::any_of(entries_, [&](const Entry& other) {
                   return other.place < each.place && (other.dead || held.contains(other.place));
                 });
    for (auto [on, why] : each.waits) holds = holds || held.contains(on) || at(on)->dead;
    if (holds) held.insert(each.place);
  }
  return held.contains(entry.place);
}

std::vector<Place> Queue::with_dependants(Place place) const {
  std::set<Place> found = {place};
  std::set<Place> creates;  // And what was done to their records after them.
  if (at(place)->kind == Kind::create) creates.insert(place);
  for (const auto& entry : entries_)  // What waits comes later than what it waits for.
    for (auto [on, why] : entry.waits) {
      if (!creates.contains(on) || why == Why::order) continue;
      found.insert(entry.place);
      if (entry.kind == Kind::create || why == Why::record) creates.insert(entry.place);
    }
  return {found.begin(), found.end()};
}

}  // namespace holdfast::sim
