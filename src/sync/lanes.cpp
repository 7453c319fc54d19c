#include "lanes.h"

#include <algorithm>
#include <cassert>
#include <set>

#include "../json.h"

namespace holdfast {
namespace {

constexpr std::size_t kReferencesMax = 1000;  // To so many records a body may refer.

}  // namespace

Waits Lanes::waits_of(const Mutation& mutation, const Record& record, const Write& write,
                      Seq before) {
  Waits waits;
  auto wait = [&](Seq on, Why why) {
    if (!on) return;
    auto [it, added] = waits.on.emplace(on, why);
    if (!added) it->second = std::max(it->second, why);
  };
  if (mutation.kind == Kind::remove) {
    for (Seq seq : store_.references.of(mutation.key, config_.max_waits + 1)) wait(seq, Why::order);
  } else {
    Json body = mutation.kind == Kind::update ? json::fold("{}", mutation.change) : mutation.change;
    for (auto [on, why] : creates_referred_to(mutation.key, body)) wait(on, why);
  }
  wait(before, Why::order);
  for (const auto& id : write.after)
    if (auto before_it = named(id)) wait(before_it->seq, Why::order);
  // It is enough to wait for the one before: that waits for all others.
  if (config_.ordering == Ordering::strict) wait(store_.outbox.last(), Why::order);
  if (waits.on.size() > static_cast<std::size_t>(config_.max_waits)) {
    waits.on.clear();
    waits.barrier = true;
  }
  wait(record.tail, Why::record);
  return waits;
}

std::optional<Mutation> Lanes::named(MutationId id) {
  for (int hops = 0; hops < 100; ++hops) {
    if (auto mutation = store_.outbox.find(id)) return mutation;
    auto departure = store_.history.find(id);
    if (!departure || departure->successor.empty()) return std::nullopt;
    id = departure->successor;
  }
  return std::nullopt;
}

std::map<Seq, Why> Lanes::creates_referred_to(const Key& own, const Json& body) {
  std::map<Seq, Why> creates;
  for (const auto& target : references_in(own, body)) {
    // It may have been deleted and made anew: the last create counts.
    auto chain = store_.outbox.chain(store_.records.find(target).tail);
    auto create = std::find_if(chain.rbegin(), chain.rend(),
                               [](const Mutation& m) { return m.kind == Kind::create; });
    if (create != chain.rend()) creates[create->seq] = Why::reference;
  }
  return creates;
}

std::vector<Key> Lanes::references_in(const Key& own, const std::optional<Json>& body) {
  std::vector<Key> keys;
  if (!body) return keys;
  auto add = [&](const Key& key) {
    if (key == own || keys.size() > kReferencesMax) return;
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
  };
  for (const auto& [field, collection] : config_.collections.at(own.collection).references)
    for (const auto& id : json::references(*body, field)) add({collection, id});
  for (const auto& id : json::uuids(*body)) {
    if (id == own.id) continue;
    for (const auto& [collection, options] : config_.collections)
      if (Key key{collection, id}; store_.records.known(key)) add(key);
  }
  return keys;
}

std::vector<Mutation> Lanes::with_dependants(const Mutation& mutation) {
  std::map<Seq, Mutation> found{{mutation.seq, mutation}};
  std::vector<Seq> creates;
  if (mutation.kind == Kind::create) creates.push_back(mutation.seq);
  std::set<Seq> followed;
  while (!creates.empty()) {
    Seq create = creates.back();
    creates.pop_back();
    if (!followed.insert(create).second) continue;
    for (const auto& dependency : store_.outbox.waiting_for(create)) {
      if (dependency.why == Why::order || followed.contains(dependency.seq)) continue;
      auto waiting = store_.outbox.at(dependency.seq);
      assert(waiting && waiting->attempts == 0);
      found.emplace(waiting->seq, *waiting);
      // What is done to a record after its create goes with it, one after the other.
      bool same_record = dependency.why == Why::record;
      if (waiting->kind == Kind::create || same_record) creates.push_back(waiting->seq);
    }
  }
  std::vector<Mutation> mutations;
  for (auto& [seq, each] : found) mutations.push_back(std::move(each));
  return mutations;
}

}  // namespace holdfast
