#include "pulls.h"

#include "../json.h"
#include "../verdict.h"
#include "folding.h"
#include "request.h"

namespace holdfast {
namespace {

constexpr std::int64_t kPageSize = 500;

// RFC 3986, 2.3: all but the unreserved characters.
std::string percent_encoded(const std::string& text) {
  std::string out;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out += c;
    else out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
  }
  return out;
}

}  // namespace

Result Pulls::pull(const Pull& e, Turn& turn) {
  if (!config_.collections.contains(e.collection))
    return Refusal{"unknown-collection", "There is no collection of this name."};
  Cursor cursor = store_.cursors.find(e.collection);
  if (cursor.pull) return Applied{};
  cursor.pulled = 0;
  fetch_page(e.collection, cursor, turn);
  return Applied{};
}

Result Pulls::pulled(const Pulled& e, Turn& turn) {
  Cursor cursor = store_.cursors.find(e.collection);
  if (e.epoch != store_.counters.epoch || !cursor.pull || cursor.pull != e.pull) return Applied{};
  if (auto* silence = std::get_if<Silence>(&e.outcome)) {
    end(e.collection, cursor, json::problem("No answer", told(*silence)), turn);
    return Applied{};
  }
  const auto& response = std::get<Response>(e.outcome);
  std::optional<json::Page> page;
  if (judge(Kind::update, response, {}) == Verdict::accepted) page = json::page(response.body);
  if (!page) {
    Json problem = response.status >= 200 && response.status < 300
                       ? json::problem("Not a page", "The answer is not { records, deleted, "
                                                     "cursor, more } with usable ids.")
                       : json::problem(response);
    end(e.collection, cursor, problem, turn);
    return Applied{};
  }
  const Collection& collection = config_.collections.at(e.collection);
  for (const auto& entry : page->records) {
    auto own = store_.records.called(e.collection, entry.id);
    Json body = own ? json::with_id(entry.body, '"' + *own + '"') : entry.body;
    take({e.collection, own.value_or(entry.id)}, taken_in(body, store_.records, collection),
         cursor.since);
  }
  for (const auto& id : page->deleted)
    take({e.collection, store_.records.called(e.collection, id).value_or(id)}, std::nullopt,
         cursor.since);
  turn.changed.insert(e.collection);
  cursor.pulled += static_cast<std::int64_t>(page->records.size() + page->deleted.size());
  store_.records.forget(e.collection, cursor.since);
  bool stuck = page->more && page->cursor == cursor.text;
  if (!page->cursor.empty()) cursor.text = page->cursor;
  if (stuck)
    end(e.collection, cursor,
        json::problem("No progress", "The page says more, but its cursor did not move."), turn);
  else if (page->more) fetch_page(e.collection, cursor, turn);
  else end(e.collection, cursor, "", turn);
  return Applied{};
}

void Pulls::fetch_page(const std::string& collection, Cursor cursor, Turn& turn) {
  cursor.pull = ++store_.counters.pull;
  cursor.since = store_.counters.confirmations;
  store_.cursors.save(collection, cursor);
  std::string path = config_.collections.at(collection).path +
                     "?limit=" + std::to_string(kPageSize);
  if (!cursor.text.empty()) path += "&since=" + percent_encoded(cursor.text);
  turn.step.effects.push_back(Fetch{store_.counters.epoch, cursor.pull, collection, path});
}

void Pulls::end(const std::string& collection, Cursor cursor, const Json& problem, Turn& turn) {
  cursor.pull = 0;
  store_.cursors.save(collection, cursor);
  store_.records.forget(collection, store_.counters.confirmations);
  turn.step.effects.push_back(PullEnded{collection, cursor.pulled, problem});
}

// Makes a version that was pulled the base, unless an answer has confirmed a
// later one since the page was asked for. What is unsettled stays on top.
void Pulls::take(const Key& key, const std::optional<Json>& version, std::int64_t since) {
  Record record = store_.records.find(key);
  if (record.confirmed > since) return;
  // Of a record that was deleted there and changed here the app goes on seeing the whole, until
  // the changes are settled.
  record.gone = !version && record.tail;
  if (!record.gone) {
    record.base = version;
    record.body = fold(version, store_.outbox.chain(record.tail));
  }
  store_.records.save(key, record);
}

}  // namespace holdfast
