// The Gate is when anything may be sent at all, by the plainest reading of
// sync/reachability.h: after a good probe of this session, while that is
// fresh, and not while the app or the origin wants silence. It may stand open
// longer than the engine's own; never shorter.

#pragma once

#include <optional>

#include "protocol.h"
#include "sim/happening.h"

namespace holdfast::sim {

class Gate {
 public:
  explicit Gate(const Config& config) : fresh_(config.probe_fresh) {}

  // A session begins. What the origin asked for stands.
  void begin();

  // A step is taken "now", perhaps by another clock than the last one.
  void mend(Time now);

  // Takes what happens in it; "current": it is an answer to what is under way.
  void take(const Happening& happening, Time now, Epoch epoch, bool current);

  // Throws Violation when an effect leaves that must not.
  void check(const std::vector<Effect>& effects, Time now);

  bool paused() const { return paused_; }
  bool probing() const { return probing_.has_value(); }
  Time floor() const { return floor_; }
  void lower_floor(Time floor) { floor_ = std::min(floor_, floor); }

 private:
  void close(const Happening& happening, Time now);

  Duration fresh_;
  bool open_ = false;
  bool paused_ = false;
  std::optional<std::int64_t> probing_;
  Time fresh_until_{};
  Time floor_{};
};

}  // namespace holdfast::sim
