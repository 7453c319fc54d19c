// The Intentions are what the app meant by its writes, as far as their order
// matters, and the History is what became of each. Together they say, without
// knowing how the engine does it, what the server must have seen in the end:
// everything that was not given up, once, and what belongs before something
// else before it.

#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol.h"
#include "sim/queue.h"

namespace holdfast::sim {

// What left the outbox, in order.
class History {
 public:
  struct Departure {
    MutationId id;
    std::string reason;  // As src/store/history.h.
    MutationId successor;
    bool twice = false;  // The app accepts that both take effect.
  };

  void add(const MutationId& id, const std::string& reason, const MutationId& successor = "",
           bool twice = false);
  // Asked for, it was there: by its own doing, or by that of another which was given up.
  void find_there(const MutationId& id) { there_.insert(id); }
  bool is_there(const MutationId& id) const { return there_.contains(id); }

  const std::vector<Departure>& departures() const { return departures_; }

  // Nothing, when it has not left.
  const Departure* find(const MutationId& id) const;

  // The mutation that does what this one was to do: itself, or what took its place.
  MutationId present(MutationId id) const;

 private:
  std::vector<Departure> departures_;
  std::map<MutationId, std::size_t> latest_;
  std::set<MutationId> there_;
};

class Intentions {
 public:
  // A write, or the edit of a dead letter.
  struct Intention {
    MutationId id;
    Name record;
    Kind kind = Kind::create;
    std::set<Name> needs = {};   // The records that it starts to refer to.
    std::set<Name> refers = {};  // All that its record refers to, before it or after.
    std::set<MutationId> after = {};
    std::int64_t transaction = 0;  // 0: it is in none.
    bool edits = false;
  };

  // Takes it down with what has to come before it: of what is unsettled only, the rest has come.
  void add(Intention intention, const Queue& queue, const History& history, Ordering ordering);

  // All that the app was told is recorded, in order.
  const std::vector<Intention>& all() const { return all_; }

  // Why what was applied, in its order, is not what the app meant; nothing when it is.
  std::optional<std::string> broken(const std::vector<MutationId>& applied,
                                    const History& history) const;

 private:
  struct Order {
    MutationId before;
    MutationId after;
    const char* why;
  };

  std::vector<Intention> all_;
  std::vector<std::size_t> live_;
  std::vector<Order> orders_;
};

}  // namespace holdfast::sim
