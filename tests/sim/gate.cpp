#include "sim/gate.h"

#include <algorithm>

#include "sim/violation.h"

namespace holdfast::sim {
namespace {

constexpr Duration kLongest = std::chrono::hours(24);

}  // namespace

void Gate::begin() {
  open_ = false;
  paused_ = false;
  probing_.reset();
}

// A time further away than it can have been set came from another clock.
void Gate::mend(Time now) {
  if (floor_ > now + kLongest) floor_ = now;
  if (fresh_until_ > now + fresh_) open_ = false;
}

void Gate::take(const Happening& happening, Time now, Epoch epoch, bool current) {
  const Event& event = happening.event;
  if (std::holds_alternative<Online>(event) || std::holds_alternative<Sync>(event) ||
      std::holds_alternative<SignedIn>(event)) {
    open_ = false;
    probing_.reset();
  }
  if (std::holds_alternative<Offline>(event)) open_ = false;
  if (std::holds_alternative<Pause>(event)) paused_ = true;
  if (std::holds_alternative<Resume>(event)) paused_ = false;
  if (std::holds_alternative<Answered>(event) && current && happening.meaning == Meaning::waits)
    close(happening, now);
  if (auto* probed = std::get_if<Probed>(&event)) {
    if (probed->epoch != epoch || probed->probe != probing_) return;
    probing_.reset();
    if (happening.meaning != Meaning::accepted) return close(happening, now);
    open_ = true;
    fresh_until_ = now + fresh_;
  }
}

void Gate::close(const Happening& happening, Time now) {
  open_ = false;
  if (happening.floor) floor_ = std::max(floor_, now + *happening.floor);
}

void Gate::check(const std::vector<Effect>& effects, Time now) {
  for (const auto& effect : effects) {
    bool sends = std::holds_alternative<Send>(effect);
    auto* probe = std::get_if<Probe>(&effect);
    if (!sends && !probe) continue;
    if (paused_) throw Violation("something is sent while the app wants silence");
    if (now < floor_) throw Violation("something is sent while the origin wants silence");
    if (sends && !(open_ && now < fresh_until_))
      throw Violation("a mutation is sent without a good probe");
    if (!probe) continue;
    if (probing_) throw Violation("two probes are under way");
    probing_ = probe->probe;
  }
}

}  // namespace holdfast::sim
