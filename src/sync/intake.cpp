#include "intake.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "../json.h"
#include "../store/query.h"
#include "../store/vfs.h"
#include "../timestamp.h"
#include "folding.h"
#include "lanes.h"
#include "letters.h"

namespace holdfast {
namespace {

// Not remembered: when the call is repeated, there may be room.
const Refusal kDiskFull{"disk-full", "The disk is full."};

// A transaction as the one call that it is.
Write call_of(const Transact& e) {
  Write call;
  call.client = e.client;
  call.number = e.number;
  call.acknowledged = e.acknowledged;
  call.at = e.at;
  return call;
}

std::string count_of(std::size_t n, const char* thing) {
  return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

}  // namespace

Result Intake::write(const Write& write, Turn& turn) {
  if (auto answer = known(write, {&write, 1})) return *answer;
  if (store_.db.vfs().low()) return kDiskFull;
  auto refusal = flaw(write);
  Result result = refusal ? Result(*refusal) : apply(write, nullptr, turn);
  auto* refused = std::get_if<Refusal>(&result);
  store_.sessions.answer(write, refused ? std::optional(*refused) : std::nullopt);
  return result;
}

Result Intake::transact(const Transact& e, Turn& turn) {
  const Write call = call_of(e);
  if (auto answer = known(call, e.writes)) return *answer;
  if (store_.db.vfs().low()) return kDiskFull;
  Savepoint savepoint(store_.db);
  const Counters before = store_.counters;
  const auto changed = turn.changed;
  Place place;
  std::optional<Refusal> refusal;
  for (std::size_t i = 0; i < e.writes.size() && !refusal; ++i) {
    refusal = flaw(e.writes[i]);
    Result result = refusal ? Result(*refusal) : apply(e.writes[i], &place, turn);
    if (auto* refused = std::get_if<Refusal>(&result))
      refusal = Refusal{refused->code, "Write " + std::to_string(i + 1) + " of the transaction: " +
                                           refused->message};
  }
  if (refusal) {
    savepoint.roll_back();
    store_.counters = before;
    turn.changed = changed;
  }
  store_.sessions.answer(call, refusal);
  if (refusal) return *refusal;
  return rows_of(e.writes);
}

std::optional<Result> Intake::answered(const Event& event) {
  std::optional<Result> answer;
  if (auto* write = std::get_if<Write>(&event)) answer = known(*write, {write, 1});
  if (auto* e = std::get_if<Transact>(&event)) answer = known(call_of(*e), e->writes);
  auto* refusal = answer ? std::get_if<Refusal>(&*answer) : nullptr;
  return refusal && refusal->code != Sessions::kGap ? std::nullopt : answer;
}

// What this call was answered before.
std::optional<Result> Intake::known(const Write& call, std::span<const Write> writes) {
  auto answer = store_.sessions.answered(call);
  if (!answer) return std::nullopt;
  if (answer->refusal) return *answer->refusal;
  if (&call == writes.data()) return Applied{.record = query::row(store_.db, call.key)};
  return rows_of(writes);
}

Applied Intake::rows_of(std::span<const Write> writes) {
  Applied applied;
  for (const auto& write : writes) applied.records.push_back(query::row(store_.db, write.key));
  return applied;
}

// What is wrong with a write, whatever its record is.
std::optional<Refusal> Intake::flaw(const Write& write) {
  if (!config_.collections.contains(write.key.collection))
    return Refusal{"unknown-collection", "There is no collection of this name."};
  if (!json::valid_id(write.key.id))
    return Refusal{"bad-id",
                   "An id is 1 to 128 characters of A-Z a-z 0-9 . _ ~ : @ - and not '.' or '..'."};
  if (!json::valid_id(write.id)) return Refusal{"bad-id", "The mutation's id is none."};
  if (!std::ranges::all_of(write.after, [](const auto& id) { return json::valid_id(id); }))
    return Refusal{"bad-id", "'after' holds what is no mutation's id."};
  if (static_cast<std::int64_t>(write.change.size()) > config_.max_body)
    return Refusal{"too-large", "The change is larger than " + std::to_string(config_.max_body) +
                                    " bytes of JSON."};
  return std::nullopt;
}

// Records a write, unless it is no change or does not fit its record.
Result Intake::apply(const Write& write, Place* place, Turn& turn) {
  Record record = store_.records.find(write.key);
  if (record.tail && store_.outbox.find(write.id))  // It is there already.
    return Applied{.record = query::row(store_.db, record)};
  Mutation mutation;
  mutation.id = write.id;
  mutation.kind = write.kind;
  mutation.key = write.key;
  mutation.written_at = write.at;
  mutation.prev = record.tail;
  auto tail = record.tail ? store_.outbox.at(record.tail) : std::nullopt;
  assert(tail.has_value() == (record.tail != 0));
  if (tail) mutation.written_at = std::max(write.at, tail->written_at + Duration(1));
  Time stamp = write.at;
  if (record.body)
    if (auto last = parse_rfc3339(json::member(*record.body, "updatedAt")))
      stamp = std::max(stamp, *last + Duration(1));
  std::string flaw;
  mutation.change = json::stamped(write.kind, write.change, write.key.id, rfc3339(stamp), flaw);
  if (!flaw.empty()) return Refusal{"bad-body", "The change " + flaw + "."};
  if (store_.counters.unsettled >= config_.max_outbox)
    return Refusal{"outbox-full", "The outbox holds " + std::to_string(config_.max_outbox) +
                                      " unsettled changes, its limit."};
  if (write.kind == Kind::create && record.body)
    return Refusal{"exists", "There is a record with this id."};
  if (write.kind != Kind::create && !record.body)
    return Refusal{"not-found", "There is no record with this id."};
  auto after = fold(record.body, {mutation});
  if (after && static_cast<std::int64_t>(after->size()) > config_.max_body)
    return Refusal{"too-large", "The record would be larger than " +
                                    std::to_string(config_.max_body) + " bytes of JSON."};

  if (record.head && !place) {
    auto head = store_.outbox.at(record.head);
    assert(head);
    if (head->state == State::dead && !head->unknown) {
      if (head->kind == Kind::create && write.kind == Kind::remove) {
        if (auto refusal = undo(*head, write, turn)) return *refusal;
        store_.history.add(mutation, Departure::Reason::undone, turn.now);
        return Applied{.record = query::row(store_.db, write.key)};
      }
      if (head->kind == Kind::remove && write.kind == Kind::update && record.tail == record.head) {
        // What could not be deleted is wanted after all.
        drop(store_, *head, Departure::Reason::discarded, turn.now);
        turn.step.effects.push_back(Settled{head->id, write.key, Settled::Reason::discarded});
        return apply(write, place, turn);
      }
      if (correct(*head, mutation, record, write, turn)) {
        turn.changed.merge(shown_with(store_, *head));
        return Applied{.record = query::row(store_.db, write.key)};
      }
    }
  }
  turn.changed.insert(name_of(write.key));
  Waits waits = lanes_.waits_of(mutation, record, write, place ? place->before : 0);
  if (tail && may_fold(*tail, waits, write, place) && fold_into(*tail, mutation, record, turn))
    return Applied{.record = query::row(store_.db, record)};
  mutation.bundle = place ? place->bundle : 0;
  for (const auto& id : write.after)
    if (auto before = lanes_.named(id)) store_.outbox.name(before->id);
  auto seq = store_.outbox.add(mutation, waits);
  if (!seq) return Applied{.record = query::row(store_.db, write.key)};  // It is there already.
  if (place) {
    if (!place->bundle) {
      place->bundle = *seq;
      store_.outbox.bundle(*seq);
    }
    place->before = *seq;
  }
  store_.references.add(*seq, lanes_.references_in(write.key, record.body));
  store_.references.add(*seq, lanes_.references_in(write.key, after));
  if (!record.head) record.head = *seq;
  record.tail = *seq;
  record.body = std::move(after);
  store_.records.save(write.key, record);
  return Applied{.record = query::row(store_.db, record)};
}

// Whether nobody can tell that the two were one: the earlier was never attempted, and the later
// waits for nothing that it does not wait for.
bool Intake::may_fold(const Mutation& tail, const Waits& waits, const Write& write,
                      const Place* place) {
  if (!config_.collections.at(write.key.collection).coalesce) return false;
  if (tail.state != State::pending || tail.attempts > 0 || tail.named) return false;
  if (tail.bundle != (place ? place->bundle : 0) || (place && !place->bundle)) return false;
  if (!write.after.empty() || waits.barrier) return false;
  if (waits.on.size() == 1) return true;  // For the tail itself.
  std::map<Seq, Why> before;
  for (const auto& dependency : store_.outbox.waits_of(tail.seq)) before[dependency.on];
  return std::ranges::all_of(
      waits.on, [&](const auto& on) { return on.first == tail.seq || before.contains(on.first); });
}

bool Intake::fold_into(const Mutation& tail, const Mutation& later, Record& record, Turn& turn) {
  Kind kind = tail.kind;
  Json change;
  if (tail.kind == Kind::create && later.kind == Kind::update) {
    change = json::fold(tail.change, later.change);
  } else if (tail.kind == Kind::update && later.kind == Kind::update) {
    change = json::merged(tail.change, later.change);
  } else if (tail.kind == Kind::update && later.kind == Kind::remove) {
    kind = Kind::remove;
  } else if (tail.kind == Kind::create && later.kind == Kind::remove && !tail.bundle &&
             store_.outbox.waiting_for(tail.seq).empty()) {
    drop(store_, tail, Departure::Reason::undone, turn.now);
    store_.history.add(later, Departure::Reason::undone, turn.now);
    record = store_.records.find(later.key);
    return true;
  } else {
    return false;
  }
  if (static_cast<std::int64_t>(change.size()) > config_.max_body) return false;
  store_.history.add(later, Departure::Reason::folded, turn.now, tail.id);
  store_.outbox.fold(tail, kind, change, 1, later.written_at);
  store_.references.add(tail.seq, lanes_.references_in(later.key, record.body));
  record.body = fold(record.body, {later});
  store_.references.add(tail.seq, lanes_.references_in(later.key, record.body));
  store_.records.save(later.key, record);
  return true;
}

// Puts a write in the place of the mutation that was refused, with all that came after it.
bool Intake::correct(const Mutation& dead, const Mutation& later, const Record& record,
                     const Write& write, Turn& turn) {
  auto chain = store_.outbox.chain(record.tail);
  Waits waits = lanes_.waits_of(later, record, write, 0);
  auto within = [&](Seq on) { return std::ranges::find(chain, on, &Mutation::seq) != chain.end(); };
  bool fits = write.after.empty() && !waits.barrier &&
              std::ranges::all_of(waits.on, [&](const auto& on) { return within(on.first); });
  Json change = dead.change;
  for (std::size_t i = 1; i < chain.size() && fits; ++i) {
    const Mutation& between = chain[i];
    fits = between.kind == Kind::update && !between.named && !between.bundle && !between.barrier &&
           std::ranges::all_of(store_.outbox.waits_of(between.seq),
                               [&](const auto& dependency) { return within(dependency.on); });
  }
  if (!fits) return false;
  chain.push_back(later);
  for (std::size_t i = 1; i < chain.size() && later.kind == Kind::update; ++i)
    change = dead.kind == Kind::create ? json::fold(change, chain[i].change)
                                       : json::merged(change, chain[i].change);
  if (static_cast<std::int64_t>(change.size()) > config_.max_body) return false;
  chain.pop_back();
  for (auto last = chain.rbegin(); last + 1 != chain.rend(); ++last)
    drop(store_, *last, Departure::Reason::folded, turn.now, later.id);
  store_.history.add(dead, Departure::Reason::replaced, turn.now, later.id);
  bool removes = later.kind == Kind::remove;
  store_.outbox.renew(dead, later.id, removes ? Kind::remove : dead.kind, removes ? "" : change,
                      later.written_at);
  refold(store_, later.key);
  auto body = store_.records.find(later.key).body;
  store_.references.add(dead.seq, lanes_.references_in(later.key, record.body));
  store_.references.add(dead.seq, lanes_.references_in(later.key, body));
  turn.way.nudge(turn.now, false);
  return true;
}

// Deletes a record that was never made.
std::optional<Refusal> Intake::undo(const Mutation& create, const Write& write, Turn& turn) {
  auto gone = lanes_.with_dependants(create);
  auto others = std::ranges::count_if(gone, [&](const auto& m) { return !(m.key == write.key); });
  if (others > 0 && !write.cascade)
    return Refusal{"has-dependants",
                   count_of(static_cast<std::size_t>(others), "change") +
                       " of other records refer to it, which was never accepted by the server."};
  Letters(store_, config_).give_up(gone, Settled::Reason::discarded, turn);
  return std::nullopt;
}

}  // namespace holdfast
