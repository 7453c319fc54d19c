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

// What an answer means: DESIGN §4 and DECISIONS 5 to 7 once more, as few
// words. What sign-in, overload and a captive portal have in common is that
// they are nobody's fault: nothing is counted, and a probe goes first.
enum class Meaning {
  nothing,      // It is not an answer.
  accepted,
  counted,      // To be sent again; the fifth buries it.
  waits,        // To be sent again after a good probe.
  unsent,       // To be sent again; it never left.
  unbuildable,  // A dead letter at once; what it was before is as unknown as it was.
  refused,      // A dead letter at once.
  absent,       // Asked for, the record is not there: to be sent as if it never had been.
  not_batched,  // Of a batch: its members go one by one.
};

// What comes of one attempt, or of one probe.
struct Outcome {
  Meaning meaning = Meaning::nothing;
  bool unknown = false;  // It may have been applied all the same.
  bool sign_in = false;  // New credentials are wanted.
  bool strays = false;   // Nobody answered, or somebody who is not the API.
  std::optional<Duration> floor = std::nullopt;  // How long the origin asks to be left alone.
  std::optional<Body> record = std::nullopt;  // Of an accepting answer: what is in it, if anything.
  std::string server_id = {};                    // What the server calls what it made, as JSON.
  Version version = 0;                           // The record's, when the server had applied.
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
  bool unchanged = false;  // 304
};

// What a write or an edit says.
struct Part {
  std::string flaw = {};  // The refusal that it must meet; empty: it is sound.
  Change change = {};     // A create sets its whole body.
};

struct Happening {
  Event event;
  std::vector<Part> parts = {};       // Of a write, an edit, or each write of a transaction.
  Outcome outcome = {};               // Of an answer.
  std::vector<Outcome> members = {};  // Of the answer to a batch: of each of its members.
  std::optional<Page> page = std::nullopt;  // Of a good answer to a pull.
};

}  // namespace holdfast::sim
