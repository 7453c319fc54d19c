#include "sim/gate.h"

#include <algorithm>

#include "sim/violation.h"

namespace holdfast::sim {
namespace {

constexpr Duration kLongest = std::chrono::hours(24);
constexpr Duration kSoon = std::chrono::seconds(10);
constexpr int kStrays = 3;
constexpr std::size_t kCircuit = 3;

}  // namespace

void Gate::begin() {
  open_ = false;
  paused_ = false;
  probing_.reset();
  asked_ = Asked::no;
  must_ask_ = may_ask_ = 0;
  notes_.clear();
}

// A time further away than it can have been set came from another clock.
void Gate::mend(Time now) {
  must_ask_ = may_ask_ = 0;
  if (floor_ > now + kLongest) floor_ = now;
  if (fresh_until_ > now + fresh_) open_ = false;
}

void Gate::take(const Happening& happening, Time now, const Ledger& ledger) {
  const Event& event = happening.event;
  if (std::holds_alternative<Online>(event) || std::holds_alternative<Sync>(event) ||
      std::holds_alternative<SignedIn>(event)) {
    open_ = false;
    probing_.reset();
  }
  if (std::holds_alternative<SignedIn>(event)) asked_ = Asked::no;
  if (std::holds_alternative<Offline>(event)) {
    open_ = false;
    forget_asking();
  }
  if (std::holds_alternative<Pause>(event)) paused_ = true;
  if (std::holds_alternative<Resume>(event)) paused_ = false;
  if (auto* e = std::get_if<Answered>(&event))
    if (ledger.is_current(e->epoch, e->id, e->attempt)) take_outcome(e->id, happening.outcome, now);
  if (auto* e = std::get_if<BatchAnswered>(&event))
    for (std::size_t i = 0; i < e->members.size(); ++i)
      if (ledger.is_current(e->epoch, e->members[i].id, e->members[i].attempt))
        take_outcome(e->members[i].id, happening.members.at(i), now);
  if (auto* e = std::get_if<Pulled>(&event))
    if (ledger.is_current(*e)) take_page(happening, now, ledger);
  if (auto* probed = std::get_if<Probed>(&event)) {
    if (probed->epoch != ledger.epoch() || probed->probe != probing_) return;
    probing_.reset();
    if (happening.outcome.meaning != Meaning::accepted) {
      if (!happening.outcome.sign_in) alone_ = true;
      return close(happening.outcome, now);
    }
    open_ = true;
    fresh_until_ = now + fresh_;
  }
}

void Gate::take_outcome(const MutationId& id, const Outcome& outcome, Time now) {
  int& strays = strays_[id];
  bool soon = open_ && now <= fresh_until_ - fresh_ + kSoon;
  bool stray = outcome.meaning == Meaning::waits && outcome.strays && soon;
  strays = stray ? strays + 1 : 0;
  switch (outcome.meaning) {
    case Meaning::accepted:
    case Meaning::absent: failed_.clear(); [[fallthrough]];
    case Meaning::refused:
      alone_ = false;
      asked_ = Asked::no;
      return;
    case Meaning::counted:
      failed_.insert(id);
      if (failed_.size() < kCircuit) return;
      notes_.push_back(Fault::circuit);
      open_ = false;
      return forget_asking();
    case Meaning::waits:
      // The API answers probes and not this: it is left aside, and the others go on.
      if (strays < kStrays) close(outcome, now);
      else if (outcome.floor) floor_ = std::max(floor_, now + *outcome.floor);
      return;
    default: return;
  }
}

void Gate::take_page(const Happening& happening, Time now, const Ledger& ledger) {
  const Outcome& outcome = happening.outcome;
  if (outcome.meaning == Meaning::accepted) {
    asked_ = Asked::no;
    if (ledger.pending() > 0) return;
    alone_ = false;
    failed_.clear();
  }
  // A pull whose own fault it may be is left aside, and the others go on.
  bool soon = open_ && now <= fresh_until_ - fresh_ + kSoon;
  if (outcome.meaning == Meaning::waits && !(outcome.strays && soon)) close(outcome, now);
}

void Gate::close(const Outcome& outcome, Time now) {
  open_ = false;
  if (outcome.floor) floor_ = std::max(floor_, now + *outcome.floor);
  if (!outcome.sign_in) return forget_asking();
  if (asked_ == Asked::no) ++must_ask_;
  if (asked_ == Asked::perhaps) ++may_ask_;
  asked_ = Asked::yes;
}

void Gate::check(const std::vector<Effect>& effects, Time now, int in_flight) {
  int asks = 0;
  for (const auto& effect : effects) {
    if (std::holds_alternative<SignIn>(effect)) ++asks;
    bool sends = std::holds_alternative<Send>(effect) || std::holds_alternative<SendBatch>(effect);
    bool fetches = std::holds_alternative<Fetch>(effect);
    auto* probe = std::get_if<Probe>(&effect);
    if (!sends && !fetches && !probe) continue;
    if (paused_) throw Violation("something is sent while the app wants silence");
    if (now < floor_) throw Violation("something is sent while the origin wants silence");
    if ((sends || fetches) && !(open_ && now < fresh_until_))
      throw Violation("a request is sent without a good probe");
    if (sends && alone_) {
      if (in_flight > 1) throw Violation("after an outage more than one is sent at once");
      notes_.push_back(Fault::alone);
    }
    if (!probe) continue;
    if (probing_) throw Violation("two probes are under way");
    probing_ = probe->probe;
  }
  if (asks < must_ask_) throw Violation("the app is not asked to sign in");
  if (asks > must_ask_ + may_ask_) throw Violation("the app is asked to sign in for no reason");
}

// It waits for something else now: when that is over, the app may be asked again.
void Gate::forget_asking() {
  if (asked_ == Asked::yes) asked_ = Asked::perhaps;
}

void Gate::join(const Gate& other) {
  floor_ = std::min(floor_, other.floor_);
  alone_ = alone_ && other.alone_;
  std::erase_if(failed_, [&](const auto& id) { return !other.failed_.contains(id); });
}

}  // namespace holdfast::sim
