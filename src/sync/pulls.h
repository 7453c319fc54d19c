// The Pulls bring what is new at the server, page by page. A pull changes bases; what is unsettled
// stays on top.
//
//    due_at ---[go: a good probe, room]---> page under way ---[pulled]---> next page due, or ended
//                                                             [silence, refused]---> ended, due
//
//  (1) A page and its cursor are one transaction. One that is large comes in parts, each a
//      transaction of its own, and the last moves the cursor.
//  (2) What an answer has confirmed since a page was asked for is not changed by it. Where the page
//      has another version, which may be newer, the cursor stays and the page is asked for again.
//  (3) Of a full list nothing is deleted before all of it has arrived; then what was missing goes,
//      in pieces. What is unsettled goes with its last mutation.
//  (4) A pull that fails keeps what has arrived, and goes on from there: when the way is open
//      again, or after a backoff where it was the pull's own fault.

#pragma once

#include "../protocol.h"
#include "../store/store.h"
#include "attempts.h"
#include "turn.h"

namespace holdfast {

class Pulls {
 public:
  // All must outlive the Pulls.
  Pulls(Store& store, const Config& config, const Attempts& attempts)
      : store_(store), config_(config), attempts_(attempts) {}

  Result pull(const Pull&, Turn&);
  Result pulled(const Pulled&, Turn&);

  // Makes every pull that goes by itself due at once, or when its interval is over.
  void hurry();
  void watched(const Turn&);

  // After what was settled since, as the server may have made more of it.
  void follow(const Turn&);

  // When a page is due that the way has to be open for; nothing: none is.
  std::optional<Time> next_due(const Turn&);

  // Asks for the pages that are due, if the way is open, and ends what cannot go on for now.
  void go(Turn&);

  // Compares some more of a full list that has arrived; answers whether there is more to do.
  bool sweep(Turn&);

 private:
  void fetch_page(const std::string& name, Turn&);
  void take_part(const Pulled&, const Response&, Cursor&, Turn&);
  bool take(const std::string& name, const std::string& id, const std::optional<Json>& version,
            const Cursor&, Turn&);
  bool move_base(const Key&, const std::optional<Json>& version, std::int64_t since, Turn&);
  void fail(const std::string& name, Cursor&, const std::variant<Silence, Response>&, Turn&);
  void end(const std::string& name, Cursor&, const Json& problem, std::optional<Time> again,
           Turn&);
  Time after_backoff(const std::string& name, const Cursor&, const Turn&);

  Store& store_;
  const Config& config_;
  const Attempts& attempts_;
};

}  // namespace holdfast
