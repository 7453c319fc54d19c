// What the server's clock shows, told from the answers it dates, and the time that a change is
// stamped with. The device's clock may be wrong by any amount, and may be set at any moment.
//
// An answer is dated after its request has left and before it has arrived, and its Date is cut to
// the second: so the server's clock is ahead of the device's by Date - received at the least and
// by Date + 1 s - sent at the most. What several answers tell holds together, which makes it ever
// narrower. One that contradicts them is of a clock that was set meanwhile, and begins anew.

#pragma once

#include <optional>

#include "protocol.h"
#include "types.h"

namespace holdfast {

// By how much the server's clock is ahead of the device's; both 0: that is not known.
struct Ahead {
  Duration least{0};
  Duration most{0};

  bool operator==(const Ahead&) const = default;
};

// What is known after an answer. One without a Date, or without the times of its way, tells
// nothing, nor does one that arrived before it was asked for, for the clock was set between, or
// minutes after it, for the device slept.
Ahead heard(const Ahead& before, const Response& answer);

// The time that goes out with a change which the device's clock dates "written": the server's time
// then, but no more than a second after "now", and later than "last", that of the version below it.
Time stamp(Time written, Time now, const Ahead& ahead, std::optional<Time> last);

}  // namespace holdfast
