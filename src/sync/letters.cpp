#include "letters.h"

#include <algorithm>
#include <map>

#include "../json.h"
#include "../timestamp.h"
#include "folding.h"
#include "lanes.h"

namespace holdfast {
namespace {

const Refusal kNoLetter{"not-found", "There is no dead letter with this id."};
const Refusal kBadId{"bad-id", "The new id of the mutation is none, or is taken."};
const Refusal kUnknown{"outcome-unknown",
                       "The server may have applied it: changed or under another key it could "
                       "take effect twice."};

}  // namespace

Result Letters::retry(const Retry& e, Turn& turn) {
  auto mutation = store_.outbox.find(e.id);
  if (!mutation || mutation->state != State::dead)
    return repeated(e.id, e.as) ? Result(Applied{}) : kNoLetter;
  if (mutation->unknown && !e.may_duplicate) {
    store_.outbox.revive(*mutation);
  } else {
    if (!json::valid_id(e.as) || store_.outbox.find(e.as)) return kBadId;
    store_.history.add(*mutation, Departure::Reason::replaced, turn.now, e.as);
    store_.outbox.renew(*mutation, e.as, mutation->kind, mutation->change,
                        mutation->written_at);
  }
  go_again(*mutation, turn);
  return Applied{};
}

Result Letters::edit(const Edit& e, Turn& turn) {
  auto mutation = store_.outbox.find(e.id);
  if (!mutation || mutation->state != State::dead)
    return repeated(e.id, e.as) ? Result(Applied{}) : kNoLetter;
  if (mutation->kind == Kind::remove)
    return Refusal{"bad-body", "A delete has nothing that could be edited."};
  if (mutation->unknown && !e.may_duplicate) return kUnknown;
  if (!json::valid_id(e.as) || store_.outbox.find(e.as)) return kBadId;
  std::string flaw;
  Json change = json::stamped(Kind::update, e.change, mutation->key.id, rfc3339(turn.now), flaw);
  if (!flaw.empty()) return Refusal{"bad-body", "The change " + flaw + "."};
  bool create = mutation->kind == Kind::create;
  Json whole = create ? json::fold(mutation->change, change)
                      : json::merged(mutation->change, change);
  if (static_cast<std::int64_t>(whole.size()) > config_.max_body)
    return Refusal{"too-large", "The change would be larger than " +
                                    std::to_string(config_.max_body) + " bytes of JSON."};
  Lanes lanes(store_, config_);
  auto creates = lanes.creates_referred_to(mutation->key, json::fold("{}", change));
  if (!creates.empty() && creates.rbegin()->first > mutation->seq)
    return Refusal{"not-sent-yet",
                   "It would refer to a record that was created after it and is not sent yet."};
  for (auto [on, why] : creates) store_.outbox.wait(*mutation, on, why);
  store_.history.add(*mutation, Departure::Reason::replaced, turn.now, e.as);
  store_.outbox.renew(*mutation, e.as, mutation->kind, whole, turn.now);
  go_again(*mutation, turn);
  store_.references.add(mutation->seq, lanes.references_in(
                                           mutation->key, store_.records.find(mutation->key).body));
  return Applied{};
}

Result Letters::discard(const Discard& e, Turn& turn) {
  auto mutation = store_.outbox.find(e.id);
  if (!mutation || mutation->state != State::dead) return kNoLetter;
  auto all = Lanes(store_, config_).with_dependants(*mutation);
  return Applied{.gone = give_up(all, Settled::Reason::discarded, turn)};
}

Result Letters::cancel(const Cancel& e, Turn& turn) {
  auto mutation = store_.outbox.find(e.id);
  if (!mutation) return Refusal{"not-found", "There is no mutation with this id in the outbox."};
  if (mutation->attempts > 0 || mutation->state != State::pending)
    return Refusal{"attempted", "It was sent already: the server may have applied it."};
  auto all = Lanes(store_, config_).with_dependants(*mutation);
  return Applied{.gone = give_up(all, Settled::Reason::cancelled, turn)};
}

std::vector<MutationId> Letters::give_up(const std::vector<Mutation>& mutations,
                                         Settled::Reason reason, Turn& turn) {
  auto departure = reason == Settled::Reason::cancelled ? Departure::Reason::cancelled
                                                        : Departure::Reason::discarded;
  std::vector<MutationId> ids;
  for (const auto& mutation : mutations) ids.push_back(mutation.id);
  for (auto last = mutations.rbegin(); last != mutations.rend(); ++last) {
    drop(store_, *last, departure, turn.now);
    turn.changed.insert(name_of(last->key));
  }
  for (const auto& mutation : mutations)
    turn.step.effects.push_back(Settled{mutation.id, mutation.key, reason});
  return ids;
}

// Whether this was done before under that new id.
bool Letters::repeated(const MutationId& id, const MutationId& as) {
  auto departure = store_.history.find(id);
  return departure && !as.empty() && departure->successor == as;
}

void Letters::go_again(const Mutation& mutation, Turn& turn) {
  refold(store_, mutation.key);
  turn.changed.merge(shown_with(store_, mutation));
  turn.way.nudge(turn.now, false);
}

}  // namespace holdfast
