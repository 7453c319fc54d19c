#include "sim/ledger.h"

#include <algorithm>
#include <utility>

#include "sim/batch.h"
#include "sim/violation.h"
#include "timestamp.h"

namespace holdfast::sim {
namespace {

// What an update stands on when the server no longer has its record.
Body only_id(const Name& record) { return {{"id", quoted(record.second)}}; }

}  // namespace

void Ledger::begin(Epoch epoch, Time now) {
  hear(now);
  if (epoch <= epoch_) throw Violation("the epoch " + std::to_string(epoch) + " is not new");
  epoch_ = epoch;
  for (auto& entry : queue_.entries())
    if (std::exchange(entry.in_flight, std::nullopt)) entry.unknown = true;
  pulls_.clear();
  std::vector<std::string> whole;
  for (const auto& [collection, list] : lists_)
    if (list.whole) whole.push_back(collection);
  for (const auto& collection : whole) sweep(collection);  // In the step that nobody saw.
  lists_.clear();
  asked_.clear();
  settled_now_.clear();
  buried_now_.clear();
  notes_.clear();
  batches_refused_ = false;
}

void Ledger::learn(Database& db) {
  // Whether a pull ended, which forgets what was deleted while it was under way.
  for (auto& [name, line] : lines_) {
    if (!line.buried) continue;
    Statement row(db, "SELECT 1 FROM hf_record WHERE collection = ? AND id = ?", name.first,
                  name.second);
    line.buried = row.next();
    tidy(name);
  }
  Statement row(db,
                "SELECT id, state, attempts, method, path, request, first_attempt_at"
                " FROM hf_outbox WHERE attempts > 0");
  while (row.next()) {
    Entry* entry = queue_.find(row.text(0));
    if (!entry || entry->dead || !queue_.is_head(*entry)) continue;
    if (row.integer(2) == entry->attempts + 1) {
      Send frozen{0, entry->id, 0, row.text(3), row.text(4), row.text(5)};
      Send wanted = entry->first ? *entry->first : request_of(*entry);
      if (frozen.method != wanted.method || frozen.path != wanted.path) continue;
      ++entry->attempts;
      entry->unknown = true;
      if (!entry->first) entry->first = frozen;
      entry->first_at = Time(Duration(row.integer(6)));
    }
    if (row.view(1) == "dead" && may_be_given_up(*entry, latest_)) entry->dead = true;
  }
}

Ledger::Expected Ledger::take(const Happening& happening, Treatment treatment, Time now) {
  const Event& event = happening.event;
  if (auto* e = std::get_if<Write>(&event))
    return take_writes(*e, {*e}, happening, treatment, now);
  if (auto* e = std::get_if<Transact>(&event)) {
    Write call;
    call.client = e->client;
    call.number = e->number;
    call.acknowledged = e->acknowledged;
    return take_writes(call, e->writes, happening, treatment, now);
  }
  if (auto* e = std::get_if<Retry>(&event)) return retry(*e);
  if (auto* e = std::get_if<Edit>(&event)) return edit(*e, happening.parts.at(0), now);
  if (auto* e = std::get_if<Discard>(&event)) return give_up(e->id, "discarded");
  if (auto* e = std::get_if<Cancel>(&event)) return give_up(e->id, "cancelled");
  if (auto* e = std::get_if<Answered>(&event))
    if (is_current(e->epoch, e->id, e->attempt)) take_outcome(e->id, happening.outcome);
  if (auto* e = std::get_if<BatchAnswered>(&event))
    for (std::size_t i = 0; i < e->members.size(); ++i)
      if (is_current(e->epoch, e->members[i].id, e->members[i].attempt))
        take_outcome(e->members[i].id, happening.members.at(i));
  if (auto* e = std::get_if<Pulled>(&event)) take_page(*e, happening);
  if (auto* e = std::get_if<holdfast::Pull>(&event)) asked_.insert(e->collection);
  return {};
}

// What becomes of attempts.

bool Ledger::is_current(Epoch epoch, const MutationId& id, int attempt) const {
  const Entry* entry = queue_.find(id);
  return entry && epoch == epoch_ && entry->in_flight == attempt;
}

void Ledger::take_outcome(const MutationId& id, const Outcome& outcome) {
  Entry& entry = *queue_.find(id);
  entry.in_flight.reset();
  bool was_unknown = entry.unknown;
  entry.unknown = was_unknown || outcome.unknown;
  switch (outcome.meaning) {
    case Meaning::accepted: return accept(entry, outcome);
    // To be refused an answer about it says nothing about it; nor does a conflict, which may be
    // with itself.
    case Meaning::refused:
      return bury(entry, entry.asking || (was_unknown && outcome.unknown));
    case Meaning::unbuildable: return bury(entry, was_unknown);
    case Meaning::counted:
      if (entry.counted + 1 >= config_->max_attempts) return bury(entry, entry.unknown);
      ++entry.counted;
      return;
    case Meaning::absent:
      notes_.push_back(Fault::found_absent);
      entry.unknown = false;
      entry.first_at.reset();
      return;
    case Meaning::not_batched: batches_refused_ = true; return;
    case Meaning::nothing:
    case Meaning::waits:
    case Meaning::unsent: return;
  }
}

void Ledger::accept(Entry& entry, const Outcome& outcome) {
  const Name record = entry.record;
  Line& line = lines_[record];
  if (entry.asking) {
    notes_.push_back(Fault::found_there);
    history_.find_there(entry.id);
  }
  if (entry.kind == Kind::create && collection_of(entry).server_ids && outcome.server_id.empty())
    return bury(entry, /*unknown=*/true);  // What it is called there nobody knows.
  if (entry.kind == Kind::create && !outcome.server_id.empty() &&
      unquoted(outcome.server_id) != record.second) {
    // What it was called before is another record.
    if (!line.server_id.empty()) aliases_.erase({record.first, unquoted(line.server_id)});
    line.server_id = outcome.server_id;
    Name its{record.first, unquoted(outcome.server_id)};
    aliases_[its] = record;
    // A pull has brought it before the answer came.
    if (lines_.contains(its) && view(its)) {
      notes_.push_back(Fault::twin_joined);
      lines_[its] = {};
    }
  }
  if (entry.kind == Kind::remove) {
    line.base.reset();
    if (!line.server_id.empty()) aliases_.erase({record.first, unquoted(line.server_id)});
    line.server_id.clear();
  } else {
    line.base = taken_in(record, outcome.record ? *outcome.record : *body_of(entry.first->body));
  }
  line.gone = false;
  line.accepted = std::max(line.accepted, outcome.version);
  auto pull = pulls_.find(record.first);
  if (pull != pulls_.end()) pull->second.confirmed.insert(record);
  if (auto list = lists_.find(record.first); list != lists_.end())
    list->second.confirmed.insert(record);
  line.buried = entry.kind == Kind::remove && pull != pulls_.end();
  settled_now_.push_back({entry.id, {record.first, record.second}, Settled::Reason::accepted});
  remove(entry.place, "accepted");
}

void Ledger::bury(Entry& entry, bool unknown) {
  entry.dead = true;
  entry.unknown = unknown;
  buried_now_.push_back(entry.id);
}

void Ledger::remove(Place place, const char* reason, const MutationId& successor) {
  const Entry& entry = *queue_.at(place);
  Name record = entry.record;
  history_.add(entry.id, reason, successor);
  queue_.remove(place);
  // Only a page that was asked for before it was deleted could bring it back.
  auto pull = pulls_.find(record.first);
  if (pull == pulls_.end() || !pull->second.confirmed.contains(record))
    lines_[record].buried = false;
  tidy(record);
}

// Of a record that was deleted elsewhere nothing is left when its changes are settled; and when
// nothing is left of a record, neither is what the server called it.
void Ledger::tidy(const Name& record) {
  if (!queue_.chain(record).empty()) return;
  Line& line = lines_[record];
  if (std::exchange(line.gone, false)) line.base.reset();
  if (line.base || line.buried || line.server_id.empty()) return;
  aliases_.erase({record.first, unquoted(line.server_id)});
  line.server_id.clear();
}

// Pages.

bool Ledger::is_current(const Pulled& pulled) const {
  auto pull = pulls_.find(pulled.collection);
  return pulled.epoch == epoch_ && pull != pulls_.end() && pull->second.number == pulled.pull &&
         pull->second.part == pulled.part;
}

void Ledger::take_page(const Pulled& pulled, const Happening& happening) {
  if (!is_current(pulled)) return;
  Pull& pull = pulls_.at(pulled.collection);
  const std::set<Name> confirmed = pull.confirmed;
  bool good = happening.page.has_value();
  if (pulled.last || !good) pulls_.erase(pulled.collection);
  else ++pull.part;
  if (!good || happening.page->unchanged) return;
  auto list = lists_.find(pulled.collection);
  for (const auto& entry : happening.page->entries) {
    Name name = called({pulled.collection, entry.id});
    Line& line = lines_[name];
    // Made anew under this id it is called otherwise: this is the one before.
    if (!is_called(name, {name.first, entry.id})) continue;
    if (list != lists_.end() && entry.body) list->second.seen.insert(name);
    if (confirmed.contains(name)) {
      notes_.push_back(Fault::page_overtaken);
      continue;
    }
    // Once what was made anew under this id is deleted too, nothing tells the two apart any more.
    bool both_deleted = !entry.body && !line.base;
    if (entry.version < line.accepted && !both_deleted)
      throw Violation("a pull undoes what was accepted of " + name.first + "/" + name.second);
    line.buried = false;
    line.gone = !entry.body && !queue_.chain(name).empty();
    if (line.gone) continue;
    if (entry.body) line.base = taken_in(name, *entry.body);
    else line.base.reset();
    tidy(name);
  }
  if (!pulled.last) return;
  forget(pulled.collection, confirmed);
  if (list != lists_.end()) list->second.whole = !happening.page->more;
}

// Of a list that has arrived what is missing goes, at the end of the step.
void Ledger::sweep(const std::string& collection) {
  List list = std::move(lists_.at(collection));
  lists_.erase(collection);
  for (auto& [name, line] : lines_) {
    if (name.first != collection || list.seen.contains(name) || list.confirmed.contains(name))
      continue;
    if (!line.base || line.gone) continue;
    notes_.push_back(Fault::swept);
    line.gone = !queue_.chain(name).empty();
    if (!line.gone) line.base.reset();
    tidy(name);
  }
}

void Ledger::end_pull(const PullEnded& ended) {
  asked_.erase(ended.collection);
  if (pulls_.contains(ended.collection))
    throw Violation("the pull of " + ended.collection + " ends with a page under way");
  if (auto list = lists_.find(ended.collection); list != lists_.end()) {
    if (list->second.whole) sweep(ended.collection);
    else lists_.erase(list);
  }
  forget(ended.collection, {});
}

void Ledger::fetch(const Fetch& fetch) {
  auto [pull, is_new] = pulls_.try_emplace(fetch.collection);
  if (!is_new) throw Violation("two pages of " + fetch.collection + " are under way");
  pull->second.number = fetch.pull;
  if (config_->collections.at(fetch.collection).pull.full) lists_.try_emplace(fetch.collection);
}

std::vector<std::string> Ledger::waited_for() const {
  std::vector<std::string> waited;
  for (const auto& collection : asked_)
    if (!pulls_.contains(collection)) waited.push_back(collection);
  return waited;
}

// What was deleted is remembered while a page may bring it back that was made before.
void Ledger::forget(const std::string& collection, const std::set<Name>& but) {
  for (auto& [name, line] : lines_)
    if (name.first == collection && line.buried && !but.contains(name)) {
      line.buried = false;
      tidy(name);
    }
}

// What was handed out.

void Ledger::carry_out(const std::vector<Effect>& effects, Time now) {
  std::vector<Settled> settled;
  std::vector<MutationId> buried;
  for (const auto& effect : effects) {
    if (auto* e = std::get_if<Settled>(&effect)) settled.push_back(*e);
    if (auto* e = std::get_if<Buried>(&effect)) buried.push_back(e->id);
    if (auto* e = std::get_if<Send>(&effect)) send(*e, ++requests_, now);
    if (auto* e = std::get_if<SendBatch>(&effect)) send(*e, now);
    if (auto* e = std::get_if<Fetch>(&effect)) fetch(*e);
    if (auto* e = std::get_if<PullEnded>(&effect)) end_pull(*e);
  }
  if (settled != settled_now_)
    throw Violation("what was settled is not what follows from the answers");
  for (std::size_t i = 0; i < std::max(buried.size(), buried_now_.size()); ++i) {
    if (i < buried_now_.size() && i < buried.size() && buried[i] == buried_now_[i]) continue;
    Entry* entry = i < buried.size() ? queue_.find(buried[i]) : nullptr;
    // It was to be sent again, and could take effect twice.
    if (i < buried_now_.size() || !entry || !may_be_given_up(*entry, now))
      throw Violation("what was buried is not what follows from the answers");
    notes_.push_back(Fault::given_up_unknown);
    entry->dead = true;
  }
  settled_now_.clear();
  buried_now_.clear();
}

void Ledger::send(const Send& send, std::int64_t request, Time now) {
  Entry* entry = queue_.find(send.id);
  if (!entry) throw Violation(send.id + " is sent, and is not unsettled");
  if (entry->dead) throw Violation(send.id + " is sent, and is a dead letter");
  if (entry->in_flight) throw Violation(send.id + " is sent while it is in flight");
  if (send.epoch != epoch_) throw Violation(send.id + " is sent under another epoch");
  if (send.attempt != entry->attempts + 1)
    throw Violation(send.id + " counts " + std::to_string(send.attempt) + " attempts");
  if (!queue_.is_head(*entry))
    throw Violation(send.id + " is sent before what it depends on is settled");
  const Collection& collection = collection_of(*entry);
  entry->asking = send.method == "GET";
  bool creates = entry->kind == Kind::create;
  std::string asks = creates && !entry->asking && collection.server_ids ? entry->record.first : "";
  if (send.asks != asks) throw Violation(send.id + " asks for the wrong id");
  if (entry->asking) {
    bool may_ask = creates && !collection.server_ids && may_have_expired(*entry, now) &&
                   collection.on_unknown == OnUnknown::safest;
    if (!may_ask) throw Violation(send.id + " asks what became of it, for no reason");
    if (send.path != collection.path + "/" + entry->record.second || !send.body.empty())
      throw Violation(send.id + " asks for " + send.path);
    notes_.push_back(Fault::asked_for);
  } else {
    check_is_first(*entry, send, now);
    if (!entry->first) entry->first = send;
  }
  if (!entry->first_at) entry->first_at = now;
  ++entry->attempts;
  entry->in_flight = send.attempt;
  entry->request = request;
}

// Every attempt is like the first, and the first is what follows from the base.
void Ledger::check_is_first(const Entry& entry, const Send& send, Time now) const {
  const Collection& collection = collection_of(entry);
  if (entry.kind == Kind::create && collection.on_unknown != OnUnknown::resend &&
      has_expired(entry, now))
    throw Violation(send.id + " is sent again though its key is past its lifetime");
  Send wanted = entry.first ? *entry.first : request_of(entry);
  bool alike = send.body == wanted.body;
  if (auto sent = body_of(send.body); !entry.first && sent) {
    check_stamp(entry, *sent, now);
    auto own = body_of(wanted.body).value();
    own["updatedAt"] = (*sent)["updatedAt"];
    alike = sent == own;
  }
  if (!alike)
    throw Violation("the body of " + send.id + " is " + send.body + ", not " + wanted.body);
  if (send.method != wanted.method || send.path != wanted.path)
    throw Violation(send.id + " is sent as " + send.method + " " + send.path);
}

// DECISIONS 15. The clock that is wrong, but was never set, is corrected to within the second that
// a Date tells and the longest way of an answer.
void Ledger::check_stamp(const Entry& entry, const Body& body, Time now) const {
  auto stamp_in = [](const Body& version) {
    auto member = version.find("updatedAt");
    return member == version.end() ? std::nullopt : parse_rfc3339(unquoted(member->second));
  };
  auto stamp = stamp_in(body);
  if (!stamp) throw Violation(entry.id + " is sent without a time");
  auto line = lines_.find(entry.record);
  auto base = line == lines_.end() ? std::nullopt : line->second.base;
  auto last = base ? stamp_in(*base) : std::nullopt;
  if (last && *stamp <= *last) throw Violation(entry.id + " is sent with a time before its base's");
  if (clock_->was_set || (last && *stamp == *last + Duration(1))) return;
  constexpr Duration off = std::chrono::minutes(2) + std::chrono::seconds(1);
  if (*stamp < entry.written - clock_->error - off || *stamp > now - clock_->error + off)
    throw Violation(entry.id + " is sent with a time that is off: " + rfc3339(*stamp));
}

void Ledger::send(const SendBatch& batch, Time now) {
  if (batches_refused_) throw Violation("a batch is sent, and the API takes none");
  if (batch.path != config_->batch_path || batch.members.size() < 2 ||
      batch.members.size() > static_cast<std::size_t>(config_->batch_max))
    throw Violation("a batch is sent as none should be");
  std::int64_t request = ++requests_;
  for (const auto& member : members_of(batch)) {
    const Entry* entry = queue_.find(member.id);
    if (entry && entry->kind == Kind::create && collection_of(*entry).server_ids)
      throw Violation(member.id + " is in a batch, whose answer cannot tell its id");
    send(member, request, now);
  }
  notes_.push_back(Fault::batch);
}

// Whether the server has surely forgotten its key, or may have, by the device's own clock.
bool Ledger::has_expired(const Entry& entry, Time now) const {
  return entry.unknown && entry.first_at &&
         (now < *entry.first_at || now - *entry.first_at >= config_->key_lifetime);
}

bool Ledger::may_have_expired(const Entry& entry, Time now) const {
  return entry.unknown && (!entry.first_at || now < *entry.first_at ||
                           latest_ - *entry.first_at >= config_->key_lifetime);
}

bool Ledger::may_be_given_up(const Entry& entry, Time now) const {
  const Collection& collection = collection_of(entry);
  bool asks_the_app = collection.on_unknown == OnUnknown::ask ||
                      (collection.on_unknown == OnUnknown::safest && collection.server_ids &&
                       entry.kind == Kind::create);
  return asks_the_app && !entry.dead && !entry.in_flight && queue_.is_head(entry) &&
         may_have_expired(entry, now);
}

// DESIGN §9. Members are in another order than the engine's.
Send Ledger::request_of(const Entry& entry) const {
  const Collection& collection = collection_of(entry);
  auto at = lines_.find(entry.record);
  std::string server_id = at == lines_.end() ? "" : at->second.server_id;
  std::string one =
      collection.path + "/" + (server_id.empty() ? entry.record.second : unquoted(server_id));
  if (entry.kind == Kind::remove) return {0, entry.id, 0, "DELETE", one, ""};
  if (entry.kind == Kind::create) {
    Body body = entry.change.set;
    if (collection.server_ids) body.erase("id");
    return {0, entry.id, 0, "POST", collection.path, text_of(handed_out(entry.record, body))};
  }
  Body body = changed(at->second.base.value_or(only_id(entry.record)), entry.change);
  if (!server_id.empty()) body["id"] = server_id;
  return {0, entry.id, 0, "PUT", one, text_of(handed_out(entry.record, body))};
}

// Reading.

// Here a record and what it refers to have the device's ids, there the server's.
Body Ledger::handed_out(const Name& record, Body body) const {
  for (const auto& [field, collection] : config_->collections.at(record.first).references)
    if (auto value = body.find(field); value != body.end())
      value->second = exchanged(value->second, [&, in = collection](const std::string& id) {
        auto at = lines_.find({in, id});
        return at == lines_.end() ? "" : at->second.server_id;
      });
  return body;
}

Body Ledger::taken_in(const Name& record, Body body) const {
  body["id"] = quoted(record.second);
  for (const auto& [field, collection] : config_->collections.at(record.first).references)
    if (auto value = body.find(field); value != body.end())
      value->second = exchanged(value->second, [&, in = collection](const std::string& id) {
        auto at = aliases_.find({in, id});
        return at == aliases_.end() ? "" : quoted(at->second.second);
      });
  return body;
}

Name Ledger::called(const Name& its) const {
  auto at = aliases_.find(its);
  return at == aliases_.end() ? its : at->second;
}

std::optional<Body> Ledger::fold(const Line& line, const Name& record) const {
  std::optional<Body> body = line.base;
  for (const Entry* entry : queue_.chain(record)) switch (entry->kind) {
      case Kind::create: body = entry->change.set; break;
      case Kind::update: body = changed(body.value_or(only_id(record)), entry->change); break;
      case Kind::remove:
        if (!entry->dead) body.reset();
        break;
    }
  return body;
}

std::optional<Body> Ledger::view(const Name& record) const {
  auto line = lines_.find(record);
  return line == lines_.end() ? std::nullopt : fold(line->second, record);
}

bool Ledger::is_called(const Name& own, const Name& its) const {
  auto line = lines_.find(own);
  return line == lines_.end() || line->second.server_id.empty() ||
         unquoted(line->second.server_id) == its.second;
}

bool Ledger::is_known(const Name& record) const {
  auto line = lines_.find(record);
  if (line == lines_.end()) return false;
  return line->second.base || line->second.buried || !queue_.chain(record).empty();
}

std::vector<Name> Ledger::records() const {
  std::vector<Name> names;
  for (const auto& [name, line] : lines_)
    if (fold(line, name)) names.push_back(name);
  return names;
}

std::int64_t Ledger::dead() const { return std::ranges::count(unsettled(), true, &Entry::dead); }

std::int64_t Ledger::pending() const {
  return static_cast<std::int64_t>(unsettled().size()) - dead();
}

int Ledger::in_flight() const {
  return static_cast<int>(
      std::ranges::count_if(unsettled(), [](const Entry& e) { return e.in_flight.has_value(); }));
}

int Ledger::requests_in_flight() const {
  std::set<std::int64_t> requests;
  for (const auto& entry : unsettled())
    if (entry.in_flight) requests.insert(entry.request);
  return static_cast<int>(requests.size());
}

}  // namespace holdfast::sim
