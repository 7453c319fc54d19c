#include "sim/ledger.h"

#include <algorithm>
#include <utility>

#include "sim/violation.h"
#include "timestamp.h"

namespace holdfast::sim {
namespace {

std::string show(const std::optional<Body>& body) { return body ? text_of(*body) : "nothing"; }

std::string show(const Ledger::Name& name) { return name.first + "/" + name.second; }

Ledger::Expected refused(std::string code) {
  return {.what = Ledger::Expected::refused, .code = std::move(code)};
}

Ledger::Name name_of(const Key& key) { return {key.collection, key.id}; }

}  // namespace

void Ledger::begin(Epoch epoch) {
  if (epoch <= epoch_) throw Violation("the epoch " + std::to_string(epoch) + " is not new");
  epoch_ = epoch;
  for (auto& entry : unsettled_) entry.in_flight.reset();
  pulls_.clear();
  settled_now_.clear();
  buried_now_.clear();
}

// Writing.

Ledger::Expected Ledger::take(const Happening& happening, Treatment treatment) {
  const Event& event = happening.event;
  if (auto* write = std::get_if<Write>(&event)) return take_write(*write, happening, treatment);
  if (auto* e = std::get_if<Retry>(&event)) return retry(e->id);
  if (auto* e = std::get_if<Discard>(&event)) return discard(e->id);
  if (auto* e = std::get_if<Answered>(&event)) take_answer(*e, happening);
  if (auto* e = std::get_if<Pulled>(&event)) take_page(*e, happening);
  if (auto* e = std::get_if<holdfast::Pull>(&event)) pulls_.try_emplace(e->collection);
  return {};
}

Ledger::Expected Ledger::take_write(const Write& write, const Happening& happening,
                                    Treatment treatment) {
  Client& client = clients_[write.client];
  Name name = name_of(write.key);
  // The page has its answer, whatever it is told now.
  if (write.number <= client.acknowledged) return {.what = Expected::either};
  if (auto before = client.refusals.find(write.number); before != client.refusals.end()) {
    if (before->second.empty()) return treatment.drained ? Expected{} : seen(name);
    return treatment.drained ? Expected{.what = Expected::either} : refused(before->second);
  }
  bool overtaken = write.number < client.highest;
  if (overtaken && !treatment.overtaken_too) return {.what = Expected::either};
  if (treatment.drained) return refused("disk-full");

  std::string code = happening.flaw;
  bool there = code.empty() && view(name).has_value();
  if (!code.empty()) {
  } else if (static_cast<std::int64_t>(unsettled_.size()) >= config_->max_outbox) {
    code = "outbox-full";
  } else if (write.kind == Kind::create ? there : !there) {
    code = there ? "exists" : "not-found";
  }
  client.highest = std::max(client.highest, write.number);
  client.acknowledged = std::max(client.acknowledged, write.acknowledged);
  client.refusals[write.number] = code;
  if (!code.empty()) return refused(code);
  record(write, happening.change);
  return seen(name);
}

void Ledger::record(const Write& write, const Change& change) {
  Entry entry;
  entry.id = write.id;
  entry.kind = write.kind;
  entry.record = name_of(write.key);
  entry.change = change;
  if (write.kind != Kind::remove) {
    // At least a millisecond above the last one that the app saw: DECISIONS 15.
    Time stamp = write.at;
    if (auto body = view(entry.record); body && body->contains("updatedAt")) {
      const std::string& last = body->at("updatedAt");
      stamp = std::max(stamp, parse_rfc3339(last.substr(1, last.size() - 2)).value() + Duration(1));
    }
    entry.change.set["updatedAt"] = quoted(rfc3339(stamp));
    if (write.kind == Kind::create) entry.change.set["id"] = quoted(write.key.id);
  }
  entry.place = static_cast<std::int64_t>(recorded_.size()) + 1;
  recorded_.emplace_back(entry.id, entry.record);
  lines_[entry.record];
  unsettled_.push_back(std::move(entry));
}

Ledger::Expected Ledger::seen(const Name& record) const {
  Expected expected{.view = view(record), .is_view_known = true};
  auto entries = chain(record);
  if (expected.view && !entries.empty())
    expected.status = std::ranges::any_of(entries, &Entry::dead) ? "failed" : "pending";
  return expected;
}

// Settling.

Ledger::Expected Ledger::retry(const MutationId& id) {
  auto index = find(id);
  if (!index || !unsettled_[*index].dead) return refused("not-found");
  unsettled_[*index].dead = false;
  unsettled_[*index].counted = 0;
  return {};
}

// Without its create a record never was: what was done to it goes along.
Ledger::Expected Ledger::discard(const MutationId& id) {
  auto index = find(id);
  if (!index || !unsettled_[*index].dead) return refused("not-found");
  std::vector<MutationId> gone = {id};
  if (unsettled_[*index].kind == Kind::create) {
    gone.clear();
    for (const Entry* entry : chain(unsettled_[*index].record)) gone.push_back(entry->id);
  }
  for (const auto& each : gone) {
    discarded_.insert(each);
    remove(*find(each), Settled::Reason::discarded);
  }
  return {};
}

bool Ledger::is_current(const Answered& answered) const {
  auto index = find(answered.id);
  return index && answered.epoch == epoch_ && unsettled_[*index].in_flight == answered.attempt;
}

void Ledger::take_answer(const Answered& answered, const Happening& happening) {
  if (!is_current(answered)) return;
  std::size_t index = *find(answered.id);
  Entry& entry = unsettled_[index];
  entry.in_flight.reset();
  switch (happening.meaning) {
    case Meaning::accepted: return accept(index, happening);
    case Meaning::refused: return bury(entry);
    case Meaning::counted:
      if (entry.counted + 1 >= config_->max_attempts) return bury(entry);
      ++entry.counted;
      return;
    default: return;
  }
}

void Ledger::accept(std::size_t index, const Happening& happening) {
  const Entry& entry = unsettled_[index];
  Line& line = lines_[entry.record];
  if (entry.kind == Kind::remove) line.base.reset();
  else line.base = happening.record ? happening.record : body_of(entry.first->body);
  line.gone = false;
  line.accepted = std::max(line.accepted, happening.version);
  if (auto pull = pulls_.find(entry.record.first); pull != pulls_.end())
    pull->second.confirmed.insert(entry.record.second);
  remove(index, Settled::Reason::accepted);
}

void Ledger::bury(Entry& entry) {
  entry.dead = true;
  buried_now_.push_back(entry.id);
}

void Ledger::remove(std::size_t index, Settled::Reason reason) {
  Entry entry = unsettled_[index];
  unsettled_.erase(unsettled_.begin() + static_cast<std::ptrdiff_t>(index));
  settled_now_.push_back({entry.id, {entry.record.first, entry.record.second}, reason});
  if (!chain(entry.record).empty()) return;
  Line& line = lines_[entry.record];
  if (std::exchange(line.gone, false)) line.base.reset();
}

void Ledger::take_page(const Pulled& pulled, const Happening& happening) {
  auto pull = pulls_.find(pulled.collection);
  if (pulled.epoch != epoch_ || pull == pulls_.end() || pull->second.number != pulled.pull) return;
  std::set<std::string> confirmed = std::move(pull->second.confirmed);
  pulls_.erase(pull);
  if (!happening.page) return;
  if (happening.page->more) pulls_[pulled.collection];
  for (const auto& entry : happening.page->entries) {
    if (confirmed.contains(entry.id)) continue;
    Name name{pulled.collection, entry.id};
    Line& line = lines_[name];
    if (entry.version < line.accepted)
      throw Violation("a pull undoes what was accepted of " + show(name));
    line.gone = !entry.body && !chain(name).empty();
    if (!line.gone) line.base = entry.body;
  }
}

// What was handed out.

void Ledger::carry_out(const std::vector<Effect>& effects) {
  std::vector<Settled> settled;
  std::vector<MutationId> buried;
  for (const auto& effect : effects) {
    if (auto* e = std::get_if<Settled>(&effect)) settled.push_back(*e);
    if (auto* e = std::get_if<Buried>(&effect)) buried.push_back(e->id);
    if (auto* e = std::get_if<Send>(&effect)) send(*e);
    if (auto* e = std::get_if<Fetch>(&effect)) {
      auto pull = pulls_.find(e->collection);
      if (pull == pulls_.end() || pull->second.number != 0)
        throw Violation("a page of " + e->collection + " is fetched for no reason");
      pull->second.number = e->pull;
    }
  }
  for (const auto& [collection, pull] : pulls_)
    if (pull.number == 0) throw Violation("no page of " + collection + " is fetched");
  if (settled != settled_now_)
    throw Violation("what was settled is not what follows from the answers");
  if (buried != buried_now_)
    throw Violation("what was buried is not what follows from the answers");
  settled_now_.clear();
  buried_now_.clear();
}

void Ledger::send(const Send& send) {
  auto index = find(send.id);
  if (!index) throw Violation(send.id + " is sent, and is not unsettled");
  Entry& entry = unsettled_[*index];
  if (entry.dead) throw Violation(send.id + " is sent, and is a dead letter");
  if (entry.in_flight) throw Violation(send.id + " is sent while it is in flight");
  if (send.epoch != epoch_) throw Violation(send.id + " is sent under another epoch");
  if (!is_head(entry)) throw Violation(send.id + " is sent before what it depends on is settled");
  Send wanted = entry.first ? *entry.first : request_of(entry);
  // The first attempt may have been part of a step that nobody saw, over another base.
  bool fixed_unseen = !entry.first && send.attempt > 1;
  bool alike = entry.first ? send.body == wanted.body : body_of(send.body) == body_of(wanted.body);
  if (!alike && !fixed_unseen)
    throw Violation("the body of " + send.id + " is " + send.body + ", not " + wanted.body);
  if (send.method != wanted.method || send.path != wanted.path)
    throw Violation(send.id + " is sent as " + send.method + " " + send.path);
  entry.in_flight = send.attempt;
  if (!entry.first) entry.first = send;
}

// DESIGN §9. Members are in another order than the engine's.
Send Ledger::request_of(const Entry& entry) const {
  const auto& [collection, id] = entry.record;
  const std::string& path = config_->collections.at(collection).path;
  if (entry.kind == Kind::create) return {0, entry.id, 0, "POST", path, text_of(entry.change.set)};
  std::string one = path + "/" + id;
  if (entry.kind == Kind::remove) return {0, entry.id, 0, "DELETE", one, ""};
  Body body = changed(base(entry.record).value_or(Body{}), entry.change);
  return {0, entry.id, 0, "PUT", one, text_of(body)};
}

// Reading.

std::optional<Body> Ledger::fold(const Line& line, const Name& record) const {
  std::optional<Body> body = line.base;
  for (const Entry* entry : chain(record)) switch (entry->kind) {
      case Kind::create: body = entry->change.set; break;
      case Kind::update: body = changed(body.value_or(Body{}), entry->change); break;
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

std::optional<Body> Ledger::base(const Name& record) const {
  auto line = lines_.find(record);
  return line == lines_.end() ? std::nullopt : line->second.base;
}

std::vector<Ledger::Name> Ledger::records() const {
  std::vector<Name> names;
  for (const auto& [name, line] : lines_)
    if (fold(line, name)) names.push_back(name);
  return names;
}

std::int64_t Ledger::pending() const { return std::ranges::count(unsettled_, false, &Entry::dead); }

int Ledger::in_flight() const {
  return static_cast<int>(
      std::ranges::count_if(unsettled_, [](const Entry& e) { return e.in_flight.has_value(); }));
}

std::vector<const Ledger::Entry*> Ledger::chain(const Name& record) const {
  std::vector<const Entry*> chain;
  for (const auto& entry : unsettled_)
    if (entry.record == record) chain.push_back(&entry);
  return chain;
}

bool Ledger::is_head(const Entry& entry) const {
  if (config_->ordering == Ordering::strict) return &entry == &unsettled_.front();
  return std::ranges::find(unsettled_, entry.record, &Entry::record)->id == entry.id;
}

std::optional<std::size_t> Ledger::find(const MutationId& id) const {
  auto at = std::ranges::find(unsettled_, id, &Entry::id);
  if (at == unsettled_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - unsettled_.begin());
}

// Comparing.

std::optional<std::string> Ledger::mismatch(Database& db) const {
  std::map<Name, Seq> tails;
  if (auto why = outbox_mismatch(db, tails)) return why;
  return record_mismatch(db, tails);
}

std::optional<std::string> Ledger::memory_mismatch(Database& db) const {
  for (const auto& [name, client] : clients_) {
    Statement row(db, "SELECT number FROM hf_meta WHERE key = ?", "client/" + name);
    std::int64_t highest = row.next() ? row.integer(0) : 0;
    if (highest != client.highest)
      return "call " + std::to_string(highest) + " of " + name +
             " is the last that was taken, not " + std::to_string(client.highest);
  }
  return std::nullopt;
}

// What was acknowledged is in the outbox, or was accepted, or was discarded: row by row.
std::optional<std::string> Ledger::outbox_mismatch(Database& db,
                                                   std::map<Name, Seq>& tails) const {
  Statement row(db,
                "SELECT seq, id, kind, collection, record, state, counted FROM hf_outbox"
                " ORDER BY seq");
  for (const auto& entry : unsettled_) {
    if (!row.next()) return entry.id + " is not in the outbox";
    if (row.view(1) != entry.id)
      return "the outbox holds " + row.text(1) + " where " + entry.id + " belongs";
    const char* kinds[] = {"create", "update", "delete"};
    if (row.view(2) != kinds[static_cast<int>(entry.kind)] || row.view(3) != entry.record.first ||
        row.view(4) != entry.record.second)
      return entry.id + " is another than was recorded";
    const char* state = entry.dead ? "dead" : entry.in_flight ? "in flight" : "pending";
    if (row.view(5) != state) return entry.id + " is " + row.text(5) + ", not " + state;
    if (!entry.dead && row.integer(6) != entry.counted)
      return entry.id + " counts " + row.text(6) + ", not " + std::to_string(entry.counted);
    tails[entry.record] = row.integer(0);
  }
  if (row.next()) return "the outbox holds " + row.text(1) + ", which does not belong there";
  return std::nullopt;
}

// A record's body is its base with its unsettled mutations folded over it.
std::optional<std::string> Ledger::record_mismatch(Database& db,
                                                   const std::map<Name, Seq>& tails) const {
  std::set<Name> found;
  Statement row(db, "SELECT collection, id, body, base, tail, gone FROM hf_record");
  while (row.next()) {
    Name name{row.text(0), row.text(1)};
    auto body = row.null(2) ? std::nullopt : body_of(row.view(2));
    auto at = lines_.find(name);
    Line line = at == lines_.end() ? Line{} : at->second;
    if (auto seen = fold(line, name); body != seen)
      return show(name) + " reads " + show(body) + ", and should " + show(seen);
    auto tail = tails.find(name);
    if (row.integer(4) != (tail == tails.end() ? 0 : tail->second))
      return show(name) + " has another tail than its last mutation";
    // Without a tail the body is the base, and stored once.
    auto base = row.integer(4) && !row.null(3) ? body_of(row.view(3)) : std::nullopt;
    if (row.integer(4) ? base != line.base : body != line.base)
      return show(name) + " has the base " + show(base) + ", not " + show(line.base);
    if (row.integer(5) != (line.gone ? 1 : 0))
      return show(name) + " is wrong on whether it was deleted elsewhere";
    if (body) found.insert(std::move(name));
  }
  for (const auto& [name, line] : lines_)
    if (!found.contains(name) && fold(line, name)) return show(name) + " is gone";
  return std::nullopt;
}

}  // namespace holdfast::sim
