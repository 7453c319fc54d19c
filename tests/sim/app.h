// The App writes, by two pages that may be open at once, and cares for what
// was refused. A page numbers its calls, keeps each until it is answered, and
// sends what is unanswered again when a session begins: as web/client.ts and
// web/rpc.ts do.

#pragma once

#include <string>
#include <vector>

#include "sim/clock.h"
#include "sim/coverage.h"
#include "sim/happening.h"
#include "sim/ledger.h"
#include "sim/tape.h"

namespace holdfast::sim {

class App {
 public:
  // "config" must outlive the App.
  App(Tape& tape, Coverage& coverage, const Config& config);

  bool large = false;  // Some of what it writes takes most of a page.

  // One to three new calls of one page, which chooses by what it sees. A page
  // that is behind sends what is unanswered first, unless "overtakes".
  std::vector<Happening> write(const Ledger& ledger, Time at, bool overtakes);

  // What it does about a mutation that is dead, or one that waits; nothing if there is none.
  std::vector<Happening> care(const Ledger& ledger, Time at);

  // What it does in the end about a dead letter: sends it once more, and then gives it up.
  Happening settle(const Entry& dead);

  // A session has begun: every page is behind, until it sends its unanswered calls again.
  void lose_session();
  std::vector<Happening> catch_up();

  // A call that was made before, answered or not; nothing when there is none.
  std::vector<Happening> repeat();

  // The answer to a call has reached its page.
  void hear(const Event& event);

  // It came before an earlier one: its page sends all again that is unanswered.
  void hear_gap(const Event& event);

  // A page is closed, and another opened in its place.
  void close_page();

 private:
  struct Page {
    std::string client;
    std::int64_t last = 0;
    std::vector<Happening> unanswered = {};
    std::vector<Happening> answered = {};  // The last few.
    bool behind = false;
  };

  std::vector<Happening> call(Page& page, Happening happening);
  Happening invent(const Ledger& ledger, Time at, const Name* record);
  Happening invent_transaction(const Ledger& ledger, Time at);
  Write invent_write(const Ledger& ledger, Time at, const Name& record, Part& part, bool there);
  Change invent_change(Kind kind, const std::string& collection);
  void spoil(Write& write, Part& part);
  Name choose_record(const Ledger& ledger);
  std::string next_id() { return "m" + std::to_string(++written_); }
  Happening remember(Happening letter);
  std::vector<Happening> catch_up(Page& page);

  Tape& tape_;
  Coverage& coverage_;
  const Config& config_;
  std::vector<Page> pages_;
  std::vector<Happening> letters_;     // The last few.
  std::set<Place> sent_once_more_;
  int opened_ = 0;
  int written_ = 0;
};

}  // namespace holdfast::sim
