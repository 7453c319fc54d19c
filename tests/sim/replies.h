// The Replies are the answers that something between the device and the API,
// or the API in trouble, gives instead of the good one, each with what it must
// mean. Written down from DESIGN §4, not from src/verdict.

#pragma once

#include "protocol.h"
#include "sim/coverage.h"
#include "sim/happening.h"
#include "sim/tape.h"

namespace holdfast::sim {

struct Reply {
  Response response;
  Outcome outcome;
  bool may_follow_effect = false;  // The server may have applied the request and answer so.
};

// Any of them, drawn from the tape and counted. "truth" goes into Date.
Reply bad_reply(Tape& tape, Coverage& coverage, Time truth);

// As a Date says it: RFC 9110, 5.6.7.
std::string http_date(Time time);

// What it means where the app has its own words for some statuses.
Outcome overridden(const Reply& reply, const Overrides& overrides);

}  // namespace holdfast::sim
