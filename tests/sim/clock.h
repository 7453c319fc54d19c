// The Clock has true time, which only goes forward, and the device's wall
// clock, which may be set.

#pragma once

#include <chrono>

#include "types.h"

namespace holdfast::sim {

struct Clock {
  static constexpr Time kNoon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22} +
                              std::chrono::hours(12)};

  Duration elapsed{0};
  Duration error{0};    // Of the wall clock.
  bool was_set = false;  // Since the schedule began.

  Time truth() const { return kNoon + elapsed; }
  Time wall() const { return truth() + error; }
};

}  // namespace holdfast::sim
