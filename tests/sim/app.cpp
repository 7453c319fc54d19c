#include "sim/app.h"

#include <algorithm>

namespace holdfast::sim {
namespace {

constexpr std::size_t kPages = 2;
constexpr std::size_t kRemembered = 3;
constexpr std::size_t kLarge = 3000;
const std::vector<std::string> kCollections = {"order", "note"};
const std::vector<std::string> kIds = {"a", "b", "c"};

}  // namespace

App::App(Tape& tape, Coverage& coverage) : tape_(tape), coverage_(coverage) {
  while (pages_.size() < kPages) pages_.push_back({.client = "p" + std::to_string(++opened_)});
}

std::vector<Happening> App::write(const Ledger& ledger, Time at, bool overtakes) {
  Page& page = pages_[tape_.draw(pages_.size())];
  std::vector<Happening> calls;
  if (page.behind && overtakes && !page.unanswered.empty()) coverage_.saw(Fault::call_overtaken);
  else calls = catch_up(page);
  for (std::size_t more = 1 + tape_.choose({6, 2, 1}); more > 0; --more) {
    Happening happening = invent(ledger, at);
    auto& write = std::get<Write>(happening.event);
    write.client = page.client;
    write.number = ++page.last;
    write.acknowledged = page.last - 1;
    if (!page.unanswered.empty())
      write.acknowledged = std::get<Write>(page.unanswered.front().event).number - 1;
    page.unanswered.push_back(happening);
    calls.push_back(std::move(happening));
  }
  return calls;
}

// Mostly something that fits what the app sees.
Happening App::invent(const Ledger& ledger, Time at) {
  Happening happening;
  Write write;
  write.at = at;
  write.id = "m" + std::to_string(++written_);
  write.key = {tape_.pick(kCollections), tape_.pick(kIds)};
  if (tape_.draw(8) == 7)  // One of another device, perhaps.
    if (auto records = ledger.records(); !records.empty()) {
      const auto& name = tape_.pick(records);
      write.key = {name.first, name.second};
    }
  bool there = ledger.view({write.key.collection, write.key.id}).has_value();
  bool fits = tape_.draw(20) != 19;
  if (there != fits) write.kind = Kind::create;
  else write.kind = tape_.choose({3, 1}) == 0 ? Kind::update : Kind::remove;
  happening.change = invent_change(write.kind);
  if (write.kind == Kind::create) write.change = text_of(happening.change.set);
  if (write.kind == Kind::update) write.change = text_of(happening.change);
  happening.event = std::move(write);
  if (tape_.draw(40) == 39) spoil(happening);
  return happening;
}

Change App::invent_change(Kind kind) {
  Change change;
  if (kind == Kind::remove) return change;
  auto field = [&] { return "f" + std::to_string(tape_.draw(3)); };
  change.set["n"] = std::to_string(written_);
  if (tape_.draw(2) == 1)
    change.set[field()] = tape_.draw(5) == 4 ? "null" : std::to_string(written_);
  if (large && tape_.draw(3) == 2) change.set["text"] = quoted(std::string(kLarge, 'x'));
  if (kind == Kind::update && tape_.draw(4) == 3) {
    change.remove.push_back(field());
    change.set.erase(change.remove.back());
  }
  return change;
}

void App::spoil(Happening& happening) {
  coverage_.saw(Fault::bad_write);
  auto& write = std::get<Write>(happening.event);
  switch (tape_.draw(4)) {
    case 0:
      write.key.collection = "nothing";
      happening.flaw = "unknown-collection";
      break;
    case 1:
      write.key.id = "..";
      happening.flaw = "bad-id";
      break;
    case 2:
      write.change = write.kind == Kind::remove ? "{}" : "[7]";
      happening.flaw = "bad-body";
      break;
    default:
      write.kind = Kind::create;
      write.change = R"({"n":1e400})";
      happening.flaw = "bad-body";
  }
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
  Page& page = pages_[tape_.draw(pages_.size())];
  // In their order: what is behind an earlier one may not go before it.
  if (page.behind) return catch_up(page);
  const auto& calls = page.unanswered.empty() ? page.answered : page.unanswered;
  if (calls.empty()) return {};
  coverage_.saw(Fault::call_repeated);
  return {tape_.pick(calls)};
}

void App::hear(const Write& write) {
  for (auto& page : pages_) {
    auto call = std::ranges::find_if(page.unanswered, [&](const Happening& happening) {
      return std::get<Write>(happening.event).id == write.id;
    });
    if (call == page.unanswered.end()) continue;
    page.answered.push_back(std::move(*call));
    page.unanswered.erase(call);
    if (page.answered.size() > kRemembered) page.answered.erase(page.answered.begin());
  }
}

void App::close_page() {
  Page& page = pages_[tape_.draw(pages_.size())];
  if (!page.unanswered.empty()) coverage_.saw(Fault::page_gone);
  page = {.client = "p" + std::to_string(++opened_)};
}

}  // namespace holdfast::sim
