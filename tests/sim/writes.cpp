// What the app does, as the Ledger takes it: DESIGN §3 and DECISIONS 1 to 3.

#include <algorithm>
#include <utility>

#include "sim/ledger.h"
#include "timestamp.h"

namespace holdfast::sim {
namespace {

Ledger::Expected refused(std::string code) {
  return {.what = Ledger::Expected::refused, .code = std::move(code)};
}

Name name_of(const Key& key) { return {key.collection, key.id}; }

// What an entry makes of a body.
std::optional<Body> made_of(const std::optional<Body>& body, const Entry& entry) {
  if (entry.kind == Kind::remove) return std::nullopt;
  return changed(entry.kind == Kind::create ? Body{} : *body, entry.change);
}

}  // namespace

Ledger::Expected Ledger::take_writes(const Write& call, const std::vector<Write>& writes,
                                     const Happening& happening, Treatment treatment, Time now) {
  {
    Client& client = clients_[call.client];
    // The page has its answer, whatever it is told now.
    if (call.number <= client.acknowledged) return {.what = Expected::either};
    if (auto before = client.refusals.find(call.number); before != client.refusals.end()) {
      if (before->second.empty()) return treatment.drained ? Expected{} : seen(writes);
      return treatment.drained ? Expected{.what = Expected::either} : refused(before->second);
    }
    if (call.number > std::max(client.highest, call.acknowledged) + 1) {
      notes_.push_back(Fault::call_overtakes);
      return refused("take-journal-first");
    }
    if (treatment.drained) return refused("disk-full");
  }
  std::string code;
  bool is_transaction = std::holds_alternative<Transact>(happening.event);
  if (is_transaction) {
    Ledger before = *this;
    Bundle bundle{.number = static_cast<std::int64_t>(intentions_.all().size()) + 1};
    for (std::size_t i = 0; i < writes.size() && code.empty(); ++i)
      code = write(writes[i], happening.parts.at(i), &bundle, now);
    if (!code.empty()) *this = std::move(before);  // All of it or nothing.
    notes_.push_back(code.empty() ? Fault::transaction : Fault::transaction_refused);
  } else {
    code = write(writes.front(), happening.parts.at(0), nullptr, now);
  }
  Client& client = clients_[call.client];
  client.highest = std::max(client.highest, call.number);
  client.acknowledged = std::max(client.acknowledged, call.acknowledged);
  client.refusals[call.number] = code;
  return code.empty() ? seen(writes) : refused(code);
}

Ledger::Expected Ledger::seen(const std::vector<Write>& writes) const {
  std::vector<Seen> all;
  for (const auto& write : writes) {
    Name name = name_of(write.key);
    Seen seen{view(name), ""};
    auto chain = queue_.chain(name);
    if (seen.body && !chain.empty())
      seen.status = std::ranges::any_of(chain, &Entry::dead) ? "failed" : "pending";
    all.push_back(std::move(seen));
  }
  return {.seen = std::move(all)};
}

// Records a write; answers with what it is refused, or nothing.
std::string Ledger::write(const Write& write, const Part& part, Bundle* bundle, Time now) {
  if (!part.flaw.empty()) return part.flaw;
  Entry entry;
  entry.id = write.id;
  entry.kind = write.kind;
  entry.record = name_of(write.key);
  entry.change = part.change;
  entry.written = write.at;
  auto before = view(entry.record);
  if (static_cast<std::int64_t>(unsettled().size()) >= config_->max_outbox) return "outbox-full";
  if (entry.kind == Kind::create && before) return "exists";
  if (entry.kind != Kind::create && !before) return "not-found";
  if (entry.kind != Kind::remove) {
    // At least a millisecond above the last one that the app saw: DECISIONS 15.
    Time stamp = write.at;
    if (before && before->contains("updatedAt"))
      stamp = std::max(stamp,
                       parse_rfc3339(unquoted(before->at("updatedAt"))).value() + Duration(1));
    entry.change.set["updatedAt"] = quoted(rfc3339(stamp));
    if (entry.kind == Kind::create) entry.change.set["id"] = quoted(write.key.id);
  }
  auto after = made_of(before, entry);
  Intentions::Intention intention{.id = entry.id, .record = entry.record, .kind = entry.kind};
  if (entry.kind != Kind::remove)
    intention.needs = referred_to(entry.record, entry.change.set);
  intention.refers = referred_to(entry.record, before);
  intention.refers.merge(referred_to(entry.record, after));
  intention.after = {write.after.begin(), write.after.end()};
  intention.transaction = bundle ? bundle->number : 0;
  entry.refers = intention.refers;

  auto chain = queue_.chain(entry.record);
  Entry* head = chain.empty() ? nullptr : queue_.at(chain.front()->place);
  if (head && head->dead && !head->unknown && !bundle) {
    if (head->kind == Kind::create && entry.kind == Kind::remove) {
      auto places = queue_.with_dependants(head->place);
      bool others = std::ranges::any_of(
          places, [&](Place place) { return queue_.at(place)->record != entry.record; });
      if (others && !write.cascade) {
        notes_.push_back(Fault::has_dependants);
        return "has-dependants";
      }
      notes_.push_back(others ? Fault::cascaded : Fault::create_undone);
      drop_all(places, "discarded");
      history_.add(entry.id, "undone");
      intentions_.add(std::move(intention), queue_, history_, config_->ordering);
      return "";
    }
    if (head->kind == Kind::remove && entry.kind == Kind::update && chain.size() == 1) {
      notes_.push_back(Fault::delete_undone);
      drop_all({head->place}, "discarded");
      return this->write(write, part, bundle, now);
    }
    wait(entry, intention, bundle);
    if (correct(*head, entry, write)) {
      intentions_.add(std::move(intention), queue_, history_, config_->ordering);
      return "";
    }
  }
  wait(entry, intention, bundle);
  entry.bundle = bundle ? bundle->first : 0;
  if (!chain.empty()) {
    Entry& tail = *queue_.at(chain.back()->place);
    if (may_fold(tail, entry, write) && (!bundle || bundle->first) && fold(tail, entry)) {
      intentions_.add(std::move(intention), queue_, history_, config_->ordering);
      return "";
    }
  }
  for (const auto& id : write.after)
    if (Entry* named = queue_.find(history_.present(id))) {
      notes_.push_back(Fault::after);
      named->named = true;
    }
  for (const auto& [on, why] : entry.waits)
    if (why == Why::reference) notes_.push_back(Fault::referred);
  if (entry.barrier) notes_.push_back(Fault::barrier);
  entry.place = queue_.next_place();
  if (bundle) {
    if (!bundle->first) bundle->first = entry.bundle = entry.place;
    bundle->before = entry.place;
  }
  lines_[entry.record];
  queue_.add(std::move(entry));
  intentions_.add(std::move(intention), queue_, history_, config_->ordering);
  return "";
}

// What a new mutation waits for, each for one reason: the one nearest to its record.
void Ledger::wait(Entry& entry, const Intentions::Intention& intention,
                  const Bundle* bundle) const {
  auto& waits = entry.waits = {};
  auto wait = [&](Place on, Why why) { waits[on] = std::max(waits[on], why); };
  if (entry.kind == Kind::remove) {
    for (const auto& other : unsettled())
      if (other.refers.contains(entry.record)) wait(other.place, Why::order);
  } else {
    waits = creates_of(intention.needs);
  }
  if (bundle && bundle->before && queue_.at(bundle->before)) wait(bundle->before, Why::order);
  for (const auto& id : intention.after)
    if (const Entry* other = queue_.find(history_.present(id))) wait(other->place, Why::order);
  if (config_->ordering == Ordering::strict && !unsettled().empty())
    wait(unsettled().back().place, Why::order);
  entry.barrier = waits.size() > static_cast<std::size_t>(config_->max_waits);
  if (entry.barrier) waits.clear();
  if (auto chain = queue_.chain(entry.record); !chain.empty())
    wait(chain.back()->place, Why::record);
}

std::map<Place, Why> Ledger::creates_of(const std::set<Name>& records) const {
  std::map<Place, Why> creates;
  for (const auto& record : records) {
    Place last = 0;
    for (const Entry* entry : queue_.chain(record))
      if (entry->kind == Kind::create) last = entry->place;
    if (last) creates[last] = Why::reference;
  }
  return creates;
}

// Through declared fields, and through whatever has the shape of a generated id and is the id of
// a record that is known.
std::set<Name> Ledger::referred_to(const Name& own, const std::optional<Body>& body) const {
  std::set<Name> names;
  if (!body) return names;
  for (const auto& [field, collection] : config_->collections.at(own.first).references)
    if (auto value = body->find(field); value != body->end())
      for (const auto& id : ids_in(value->second)) names.insert({collection, id});
  constexpr std::size_t uuid = 36;
  for (const auto& [name, line] : lines_) {
    if (name.second.size() != uuid || name.second == own.second || !is_known(name)) continue;
    for (const auto& [field, value] : *body)
      if (value.find(quoted(name.second)) != value.npos) names.insert(name);
  }
  names.erase(own);
  return names;
}

// Folding.

bool Ledger::may_fold(const Entry& tail, const Entry& later, const Write& write) const {
  if (!collection_of(later).coalesce || tail.dead || tail.attempts > 0 || tail.named) return false;
  if (tail.bundle != later.bundle || !write.after.empty() || later.barrier) return false;
  return std::ranges::all_of(later.waits, [&](const auto& wait) {
    return wait.first == tail.place || tail.waits.contains(wait.first);
  });
}

bool Ledger::fold(Entry& tail, const Entry& later) {
  bool creates = tail.kind == Kind::create;
  bool removes = later.kind == Kind::remove;
  if (later.kind == Kind::create || tail.kind == Kind::remove) return false;
  if (creates && removes) {
    bool awaited = std::ranges::any_of(
        unsettled(), [&](const Entry& other) { return other.waits.contains(tail.place); });
    if (awaited || tail.bundle) return false;
    notes_.push_back(Fault::undone);
    remove(tail.place, "undone");
    history_.add(later.id, "undone");
    return true;
  }
  notes_.push_back(creates ? Fault::folded_create : removes ? Fault::folded_delete
                                                            : Fault::folded_update);
  history_.add(later.id, "folded", tail.id);
  tail.written = later.written;
  if (creates) tail.change.set = changed(tail.change.set, later.change);
  else tail.change = removes ? Change{} : merged(tail.change, later.change);
  if (removes) tail.kind = Kind::remove;
  tail.refers.insert(later.refers.begin(), later.refers.end());
  return true;
}

// A person who corrects a red record has retried it.
bool Ledger::correct(Entry& dead, const Entry& later, const Write& write) {
  auto chain = queue_.chain(dead.record);
  auto within = [&](const auto& wait) {
    return std::ranges::find(chain, wait.first, &Entry::place) != chain.end();
  };
  bool fits = write.after.empty() && !later.barrier && std::ranges::all_of(later.waits, within);
  for (std::size_t i = 1; i < chain.size(); ++i)
    fits = fits && chain[i]->kind == Kind::update && !chain[i]->named && !chain[i]->bundle &&
           !chain[i]->barrier && std::ranges::all_of(chain[i]->waits, within);
  if (!fits) return false;
  std::vector<Place> between;
  Change change = dead.change;
  auto add = [&](const Change& more) {
    if (dead.kind == Kind::create) change.set = changed(change.set, more);
    else change = merged(change, more);
  };
  for (std::size_t i = 1; i < chain.size(); ++i) {
    between.push_back(chain[i]->place);
    add(chain[i]->change);
  }
  add(later.change);
  Place place = dead.place;
  Kind kind = later.kind == Kind::remove ? Kind::remove : dead.kind;
  for (auto last = between.rbegin(); last != between.rend(); ++last)
    remove(*last, "folded", later.id);
  notes_.push_back(Fault::corrected);
  Entry& renewed = *queue_.at(place);
  history_.add(renewed.id, "replaced", later.id);
  renew(renewed, later.id, kind, kind == Kind::remove ? Change{} : change);
  renewed.written = later.written;
  renewed.refers.insert(later.refers.begin(), later.refers.end());
  return true;
}

// Dead letters, and what was never sent.

void Ledger::renew(Entry& dead, const MutationId& as, Kind kind, Change change) {
  dead.id = as;
  dead.kind = kind;
  dead.change = std::move(change);
  dead.dead = dead.unknown = dead.asking = false;
  dead.attempts = dead.counted = 0;
  dead.first.reset();
  dead.first_at.reset();
}

Ledger::Expected Ledger::retry(const Retry& e) {
  Entry* entry = queue_.find(e.id);
  if (!entry || !entry->dead) {
    auto* departure = history_.find(e.id);
    return departure && departure->successor == e.as ? Expected{} : refused("not-found");
  }
  if (entry->unknown && !e.may_duplicate) {
    notes_.push_back(Fault::resent);
    entry->dead = false;
    entry->counted = 0;
    return {};
  }
  if (queue_.find(e.as)) return refused("bad-id");
  notes_.push_back(entry->unknown ? Fault::duplicated : Fault::retried);
  history_.add(e.id, "replaced", e.as, entry->unknown);
  renew(*entry, e.as, entry->kind, entry->change);
  return {};
}

Ledger::Expected Ledger::edit(const Edit& e, const Part& part, Time now) {
  Entry* entry = queue_.find(e.id);
  if (!entry || !entry->dead) {
    auto* departure = history_.find(e.id);
    return departure && departure->successor == e.as ? Expected{} : refused("not-found");
  }
  if (entry->kind == Kind::remove) return refused("bad-body");
  if (entry->unknown && !e.may_duplicate) {
    notes_.push_back(Fault::edit_refused);
    return refused("outcome-unknown");
  }
  if (queue_.find(e.as)) return refused("bad-id");
  if (!part.flaw.empty()) return refused(part.flaw);
  Change change = part.change;
  change.set["updatedAt"] = quoted(rfc3339(now));
  Intentions::Intention intention{.id = e.as, .record = entry->record, .kind = Kind::update};
  intention.needs = referred_to(entry->record, change.set);
  intention.edits = true;
  auto creates = creates_of(intention.needs);
  if (!creates.empty() && creates.rbegin()->first > entry->place) {
    notes_.push_back(Fault::edit_refused);
    return refused("not-sent-yet");
  }
  notes_.push_back(Fault::edited);
  entry->waits.insert(creates.begin(), creates.end());
  Change whole = entry->change;
  if (entry->kind == Kind::create) whole.set = changed(whole.set, change);
  else whole = merged(whole, change);
  history_.add(e.id, "replaced", e.as, entry->unknown);
  renew(*entry, e.as, entry->kind, whole);
  entry->written = now;
  intention.refers = referred_to(entry->record, view(entry->record));
  for (const auto& name : intention.refers) entry->refers.insert(name);
  intentions_.add(std::move(intention), queue_, history_, config_->ordering);
  return {};
}

Ledger::Expected Ledger::give_up(const MutationId& id, const char* reason) {
  const Entry* entry = queue_.find(id);
  bool cancels = reason == std::string_view("cancelled");
  if (!entry || (!cancels && !entry->dead)) return refused("not-found");
  if (cancels && entry->attempts > 0) {
    notes_.push_back(Fault::cancel_refused);
    return refused("attempted");
  }
  auto places = queue_.with_dependants(entry->place);
  notes_.push_back(cancels ? Fault::cancelled : Fault::discarded);
  if (places.size() > 1) notes_.push_back(Fault::dependants_gone);
  return {.gone = drop_all(places, reason)};
}

std::vector<MutationId> Ledger::drop_all(const std::vector<Place>& places, const char* reason) {
  auto why = reason == std::string_view("cancelled") ? Settled::Reason::cancelled
                                                     : Settled::Reason::discarded;
  std::vector<MutationId> ids;
  for (Place place : places) {
    const Entry& entry = *queue_.at(place);
    ids.push_back(entry.id);
    settled_now_.push_back({entry.id, {entry.record.first, entry.record.second}, why});
  }
  for (auto last = places.rbegin(); last != places.rend(); ++last) remove(*last, reason);
  return ids;
}

}  // namespace holdfast::sim
