// The App writes, by two pages that may be open at once. A page numbers its
// calls, keeps each until it is answered, and sends what is unanswered again
// when a session begins: as web/client.ts and web/rpc.ts do.

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
  App(Tape& tape, Coverage& coverage);

  bool large = false;  // Some of what it writes takes most of a page.

  // One to three new calls of one page, which chooses by what it sees. A page
  // that is behind sends what is unanswered first, unless "overtakes".
  std::vector<Happening> write(const Ledger& ledger, Time at, bool overtakes);

  // A session has begun: every page is behind, until it sends its unanswered calls again.
  void lose_session();
  std::vector<Happening> catch_up();

  // A call that was made before, answered or not; nothing when there is none.
  std::vector<Happening> repeat();

  // The answer to a call has reached its page.
  void hear(const Write& write);

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

  Happening invent(const Ledger& ledger, Time at);
  void spoil(Happening& happening);
  Change invent_change(Kind kind);
  std::vector<Happening> catch_up(Page& page);

  Tape& tape_;
  Coverage& coverage_;
  std::vector<Page> pages_;
  int opened_ = 0;
  int written_ = 0;
};

}  // namespace holdfast::sim
