// A Happening is an event together with what the models know of it and the
// engine has to find out: what an answer means, what is in it, and how a write
// is flawed.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol.h"
#include "sim/body.h"

namespace holdfast::sim {

// Counts the changes on the server: a later version of a record is higher.
using Version = std::int64_t;

// What an answer means: DESIGN §4 and DECISIONS 5 and 6 once more, as few
// words. What sign-in, overload and a captive portal have in common is that
// they are nobody's fault: nothing is counted, and a probe goes first.
enum class Meaning {
  nothing,   // It is not an answer.
  accepted,
  counted,   // To be sent again; the fifth buries it.
  waits,     // To be sent again after a good probe.
  unsent,    // To be sent again; it never left.
  refused,   // A dead letter at once.
};

// A record on a page of a pull; without a body it was deleted.
struct PageEntry {
  std::string id;
  std::optional<Body> body;
  Version version = 0;
};

struct Page {
  std::vector<PageEntry> entries;
  bool more = false;
};

struct Happening {
  Event event;
  std::string flaw = {};  // Of a write: the refusal that it must meet; empty: it is sound.
  Change change = {};     // Of a write: what its text says. A create sets its whole body.
  Meaning meaning = Meaning::nothing;
  std::optional<Duration> floor = std::nullopt;  // How long the origin asks to be left alone.
  std::optional<Body> record = std::nullopt;  // Of an accepting answer: what is in it, if anything.
  Version version = 0;                           // The record's, when the server had applied.
  std::optional<Page> page = std::nullopt;       // Of a good answer to a pull.
};

}  // namespace holdfast::sim
