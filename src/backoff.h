// How long to wait before the next attempt.

#pragma once

#include <string_view>

#include "types.h"

namespace holdfast {

// Full jitter: a random part of base · 2^(attempts - 1), never more than cap.
// The randomness is drawn from the id, not from a random source: ids are
// random, so clients spread out, and the same history always gives the same
// delays.
//
// REQUIRES: attempts >= 1, base and cap >= 0.
Duration backoff(std::string_view id, int attempts, Duration base, Duration cap);

}  // namespace holdfast
