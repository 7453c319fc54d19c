// The Replies are the answers that something between the device and the API,
// or the API in trouble, gives instead of the good one, each with what it must
// mean. Written down from DESIGN §4, not from src/verdict.

#pragma once

#include <optional>

#include "protocol.h"
#include "sim/coverage.h"
#include "sim/happening.h"
#include "sim/tape.h"

namespace holdfast::sim {

struct Reply {
  Response response;
  Meaning meaning = Meaning::nothing;
  std::optional<Duration> floor = std::nullopt;
  bool may_follow_effect = false;  // The server may have applied the request and answer so.
};

// Any of them, drawn from the tape and counted. "truth" goes into Date.
Reply bad_reply(Tape& tape, Coverage& coverage, Time truth);

}  // namespace holdfast::sim
