#include "sim/app.h"

#include <algorithm>

namespace holdfast::sim {
namespace {

constexpr std::size_t kPages = 2;
constexpr std::size_t kRemembered = 3;
constexpr std::size_t kLarge = 3000;

// Some ids have the shape of generated ones, so that references to them are found by themselves.
const std::map<std::string, std::vector<std::string>> kIds = {
    {"order", {"a", "11111111-1111-7111-8111-111111111111", "b"}},
    {"note", {"c", "22222222-2222-7222-8222-222222222222", "d"}},
    {"photo", {"e", "33333333-3333-7333-8333-333333333333"}},
};
const std::vector<std::string> kCollections = {"order", "note", "photo"};

// The number of a call, and the acknowledgement that goes with it.
std::int64_t& acknowledged_in(Event& event) {
  auto* write = std::get_if<Write>(&event);
  return write ? write->acknowledged : std::get<Transact>(event).acknowledged;
}

std::pair<std::string, std::int64_t> call_of(const Event& event) {
  if (auto* write = std::get_if<Write>(&event)) return {write->client, write->number};
  if (auto* e = std::get_if<Transact>(&event)) return {e->client, e->number};
  return {"", 0};
}

}  // namespace

App::App(Tape& tape, Coverage& coverage, const Config& config)
    : tape_(tape), coverage_(coverage), config_(config) {
  while (pages_.size() < kPages) pages_.push_back({.client = "p" + std::to_string(++opened_)});
}

std::vector<Happening> App::write(const Ledger& ledger, Time at, bool overtakes) {
  Page& page = pages_[tape_.draw(pages_.size())];
  std::vector<Happening> calls;
  if (page.behind && overtakes && !page.unanswered.empty()) coverage_.saw(Fault::call_overtaken);
  else calls = catch_up(page);
  for (std::size_t more = 1 + tape_.choose({6, 2, 1}); more > 0; --more) {
    bool many = tape_.draw(6) == 5;
    Happening happening = many ? invent_transaction(ledger, at) : invent(ledger, at, nullptr);
    for (auto& made : call(page, std::move(happening))) calls.push_back(std::move(made));
  }
  return calls;
}

// Numbers a call.
std::vector<Happening> App::call(Page& page, Happening happening) {
  std::int64_t number = ++page.last;
  std::int64_t acknowledged = number - 1;
  if (!page.unanswered.empty())
    acknowledged = call_of(page.unanswered.front().event).second - 1;
  acknowledged_in(happening.event) = acknowledged;
  if (auto* write = std::get_if<Write>(&happening.event)) {
    write->client = page.client;
    write->number = number;
  } else {
    auto& e = std::get<Transact>(happening.event);
    e.client = page.client;
    e.number = number;
  }
  page.unanswered.push_back(happening);
  return {std::move(happening)};
}

Name App::choose_record(const Ledger& ledger) {
  std::string collection = tape_.pick(kCollections);
  Name name{collection, tape_.pick(kIds.at(collection))};
  if (tape_.draw(8) == 7) {  // One of another device, perhaps.
    std::vector<Name> theirs;
    // What the server calls one of its own that may still be a create of ours is left alone.
    for (const auto& record : ledger.records())
      if (record.second.starts_with("x")) theirs.push_back(record);
    if (!theirs.empty()) name = tape_.pick(theirs);
  }
  return name;
}

// Mostly something that fits what the app sees.
Happening App::invent(const Ledger& ledger, Time at, const Name* record) {
  Happening happening;
  Part part;
  Name name = record ? *record : choose_record(ledger);
  Write write = invent_write(ledger, at, name, part, ledger.view(name).has_value());
  if (!record && tape_.draw(40) == 39) spoil(write, part);
  happening.event = std::move(write);
  happening.parts = {std::move(part)};
  return happening;
}

Happening App::invent_transaction(const Ledger& ledger, Time at) {
  Happening happening;
  Transact e;
  e.at = at;
  std::map<Name, bool> there;
  for (std::size_t left = 2 + tape_.draw(3); left > 0; --left) {
    Part part;
    Name name = choose_record(ledger);
    auto [its, is_new] = there.try_emplace(name, ledger.view(name).has_value());
    Write write = invent_write(ledger, at, name, part, its->second);
    its->second = write.kind != Kind::remove;
    if (tape_.draw(80) == 79) spoil(write, part);
    e.writes.push_back(std::move(write));
    happening.parts.push_back(std::move(part));
  }
  happening.event = std::move(e);
  return happening;
}

Write App::invent_write(const Ledger& ledger, Time at, const Name& record, Part& part, bool there) {
  Write write;
  write.at = at;
  write.id = next_id();
  write.key = {record.first, record.second};
  bool fits = tape_.draw(20) != 19;
  if (there != fits) write.kind = Kind::create;
  else write.kind = tape_.choose({3, 1}) == 0 ? Kind::update : Kind::remove;
  part.change = invent_change(write.kind, record.first);
  if (write.kind == Kind::create) write.change = text_of(part.change.set);
  if (write.kind == Kind::update) write.change = text_of(part.change);
  if (write.kind == Kind::remove) write.cascade = tape_.draw(2) == 1;
  if (const auto& all = ledger.intentions().all(); !all.empty() && tape_.draw(12) == 11)
    write.after.push_back(
        all[all.size() - 1 - tape_.draw(std::min<std::size_t>(all.size(), 6))].id);
  return write;
}

Change App::invent_change(Kind kind, const std::string& collection) {
  Change change;
  if (kind == Kind::remove) return change;
  auto field = [&] { return "f" + std::to_string(tape_.draw(3)); };
  change.set["n"] = std::to_string(written_);
  if (tape_.draw(2) == 1)
    change.set[field()] = tape_.draw(5) == 4 ? "null" : std::to_string(written_);
  if (large && tape_.draw(3) == 2) change.set["text"] = quoted(std::string(kLarge, 'x'));
  for (const auto& [name, target] : config_.collections.at(collection).references) {
    if (tape_.draw(2) == 0) continue;
    const auto& ids = kIds.at(target);
    std::string id = quoted(tape_.pick(ids));
    if (name.ends_with("s")) id = "[" + id + (tape_.draw(3) == 2 ? "," + quoted(ids[0]) : "") + "]";
    change.set[name] = tape_.draw(8) == 7 ? "null" : id;
  }
  // Found by itself only where it is generated.
  if (tape_.draw(4) == 3)
    change.set["of"] = quoted(kIds.at(tape_.pick(kCollections))[tape_.draw(2)]);
  if (kind == Kind::update && tape_.draw(4) == 3) {
    change.remove.push_back(field());
    change.set.erase(change.remove.back());
  }
  return change;
}

void App::spoil(Write& write, Part& part) {
  coverage_.saw(Fault::bad_write);
  switch (tape_.draw(5)) {
    case 0:
      write.key.collection = "nothing";
      part.flaw = "unknown-collection";
      break;
    case 1:
      write.key.id = "..";
      part.flaw = "bad-id";
      break;
    case 2:
      write.after = {"no id"};
      part.flaw = "bad-id";
      break;
    case 3:
      write.change = write.kind == Kind::remove ? "{}" : "[7]";
      part.flaw = "bad-body";
      break;
    default:
      write.kind = Kind::create;
      write.change = R"({"n":1e400})";
      part.flaw = "bad-body";
  }
}

std::vector<Happening> App::care(const Ledger& ledger, Time at) {
  std::vector<const Entry*> dead, waiting;
  for (const auto& entry : ledger.unsettled()) {
    if (entry.dead) dead.push_back(&entry);
    else if (!entry.in_flight) waiting.push_back(&entry);
  }
  bool cancels = dead.empty() || tape_.draw(8) == 7;
  if (cancels) {
    if (waiting.empty() || tape_.draw(4) != 3) return {};
    return {remember({.event = Cancel{tape_.pick(waiting)->id}})};
  }
  const Entry& entry = *tape_.pick(dead);
  switch (tape_.choose({4, 3, 2, 4})) {
    case 0: {
      Retry retry{.id = entry.id, .as = next_id(), .may_duplicate = tape_.draw(4) == 3};
      return {remember({.event = std::move(retry)})};
    }
    case 1: {
      Happening happening;
      Part part{.change = invent_change(Kind::update, entry.record.first)};
      Edit edit{.id = entry.id, .as = next_id(), .change = text_of(part.change),
                .may_duplicate = tape_.draw(4) == 3};
      if (tape_.draw(20) == 19) {
        edit.change = "[7]";
        part.flaw = "bad-body";
      }
      happening.event = std::move(edit);
      happening.parts = {std::move(part)};
      return {remember(std::move(happening))};
    }
    case 2: return {remember({.event = Discard{entry.id}})};
    default: {
      Page& page = pages_[tape_.draw(pages_.size())];
      auto calls = catch_up(page);
      for (auto& made : call(page, invent(ledger, at, &entry.record)))
        calls.push_back(std::move(made));
      return calls;
    }
  }
}

Happening App::settle(const Entry& dead) {
  bool again = sent_once_more_.insert(dead.place).second;
  if (again) return {.event = Retry{.id = dead.id, .as = next_id()}};
  return {.event = Discard{dead.id}};
}

Happening App::remember(Happening letter) {
  letters_.push_back(letter);
  if (letters_.size() > kRemembered) letters_.erase(letters_.begin());
  return letter;
}

void App::lose_session() {
  for (auto& page : pages_) page.behind = true;
}

std::vector<Happening> App::catch_up() {
  std::vector<Happening> calls;
  for (auto& page : pages_)
    for (auto& call : catch_up(page)) calls.push_back(std::move(call));
  return calls;
}

std::vector<Happening> App::catch_up(Page& page) {
  if (!page.behind) return {};
  page.behind = false;
  for (std::size_t i = 0; i < page.unanswered.size(); ++i)
    coverage_.saw(Fault::call_repeated_after);
  return page.unanswered;
}

std::vector<Happening> App::repeat() {
  if (!letters_.empty() && tape_.draw(4) == 3) {
    coverage_.saw(Fault::letter_repeated);
    return {tape_.pick(letters_)};
  }
  Page& page = pages_[tape_.draw(pages_.size())];
  // In their order: what is behind an earlier one may not go before it.
  if (page.behind) return catch_up(page);
  const auto& calls = page.unanswered.empty() ? page.answered : page.unanswered;
  if (calls.empty()) return {};
  coverage_.saw(Fault::call_repeated);
  return {tape_.pick(calls)};
}

void App::hear(const Event& event) {
  for (auto& page : pages_) {
    auto heard = std::ranges::find_if(page.unanswered, [&](const Happening& happening) {
      return call_of(happening.event) == call_of(event);
    });
    if (heard == page.unanswered.end()) continue;
    page.answered.push_back(std::move(*heard));
    page.unanswered.erase(heard);
    if (page.answered.size() > kRemembered) page.answered.erase(page.answered.begin());
  }
}

void App::hear_gap(const Event& event) {
  for (auto& page : pages_)
    if (page.client == call_of(event).first) page.behind = true;
}

void App::close_page() {
  Page& page = pages_[tape_.draw(pages_.size())];
  if (!page.unanswered.empty()) coverage_.saw(Fault::page_gone);
  page = {.client = "p" + std::to_string(++opened_)};
}

}  // namespace holdfast::sim
