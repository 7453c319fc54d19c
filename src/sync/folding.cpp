#include "folding.h"

#include <utility>

#include "../json.h"
#include "../text.h"
#include "turn.h"

namespace holdfast {

std::optional<Json> fold(const std::optional<Json>& base, const std::vector<Mutation>& mutations) {
  std::optional<Json> body = base;
  for (const auto& mutation : mutations) switch (mutation.kind) {
      case Kind::create: body = mutation.change; break;
      // An update of what the server no longer has stands on nothing but itself and its id.
      case Kind::update:
        body = json::fold(body.value_or(joined({"{\"id\":\"", mutation.key.id, "\"}"})),
                          mutation.change);
        break;
      // A delete that was refused has not happened: the record is seen again, as failed.
      case Kind::remove:
        if (mutation.state != State::dead) body.reset();
        break;
    }
  return body;
}

Record settle(Store& store, const Mutation& mutation, Departure::Reason reason, Time now,
              const MutationId& successor) {
  Seq next = store.outbox.remove(mutation);
  store.references.remove(mutation.seq);
  store.history.add(mutation, reason, now, successor);
  Record record = store.records.find(mutation.key);
  if (record.head == mutation.seq) record.head = next;
  if (record.tail == mutation.seq) record.tail = mutation.prev;
  return record;
}

void drop(Store& store, const Mutation& mutation, Departure::Reason reason, Time now,
          const MutationId& successor) {
  Record record = settle(store, mutation, reason, now, successor);
  // Deleted there, and nothing is left of what was to be changed here.
  if (!record.tail && std::exchange(record.gone, false)) record.base.reset();
  if (!record.tail) store.cursors.believe(mutation.key);
  record.body = fold(record.base, store.outbox.chain(record.tail));
  // A page of a pull that was made before its delete may still bring it back.
  Cursor cursor = store.cursors.find(mutation.key.collection);
  store.records.save(mutation.key, record,
                     /*tombstone=*/cursor.pull != 0 && record.confirmed > cursor.since);
}

void refold(Store& store, const Key& key) {
  Record record = store.records.find(key);
  record.body = fold(record.base, store.outbox.chain(record.tail));
  store.records.save(key, record);
}

std::set<std::string> shown_with(Store& store, const Mutation& mutation) {
  constexpr std::int64_t most = 1000;
  std::set<std::string> records{name_of(mutation.key)};
  for (const auto& held : store.outbox.held_back_by(mutation.seq, most))
    records.insert(name_of(held.key));
  return records;
}

}  // namespace holdfast
