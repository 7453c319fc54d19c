// The Ledger is what the app is entitled to: every mutation that was recorded,
// what has become of it, and what each record must look like. It hears the same
// happenings as the engine and draws its own conclusions, by the plainest
// reading of DESIGN; then the tables must agree with it.
//
// It does not know when the engine sends, only what it sent: carry_out() tells
// it. A step whose outcome nobody knows, because the process died in it, leaves
// Ledgers that are possible; learn() tells the true one what was sent in it.
//
// ledger.cpp is what becomes of attempts and pages, writes.cpp what the app
// does, tables.cpp what the tables must hold.

#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol.h"
#include "sim/body.h"
#include "sim/clock.h"
#include "sim/coverage.h"
#include "sim/happening.h"
#include "sim/intentions.h"
#include "sim/queue.h"
#include "store/sqlite.h"

namespace holdfast::sim {

class Ledger {
 public:
  // Both must outlive the Ledger and its copies.
  Ledger(const Config& config, const Clock& clock) : config_(&config), clock_(&clock) {}

  // How the step treats its writes, which only its results tell.
  struct Treatment {
    bool drained = false;  // The disk was full: nothing new is recorded.
  };

  // A record as a result shows it.
  struct Seen {
    std::optional<Body> body;
    std::string status;  // "pending", "failed" or, when settled, nothing.
  };

  // What the result of an event must be.
  struct Expected {
    enum { applied, refused, either } what = applied;
    std::string code = {};                     // Of the refusal.
    std::optional<std::vector<Seen>> seen = {};  // The records of the writes, when they are known.
    std::vector<MutationId> gone = {};         // What a discard or a cancel took along.
  };

  // A session begins: what was in flight is not any more.
  void begin(Epoch epoch, Time now);

  // What was sent, and given up, in a step that nobody saw.
  void learn(Database& db);

  // A step is taken "now".
  void hear(Time now) { latest_ = std::max(latest_, now); }

  Expected take(const Happening& happening, Treatment treatment, Time now);

  // What the engine handed out after the happenings that were taken since the
  // last call. Throws Violation when that does not follow from them.
  void carry_out(const std::vector<Effect>& effects, Time now);

  // Why the tables are not as they must be; nothing when they are.
  std::optional<std::string> mismatch(Database& db) const;
  // The same of what is remembered of the calls of each page, and of the whole history.
  std::optional<std::string> memory_mismatch(Database& db) const;

  std::optional<Body> view(const Name& record) const;
  std::vector<Name> records() const;  // Those that the app sees.
  const Queue& queue() const { return queue_; }
  const std::vector<Entry>& unsettled() const { return queue_.entries(); }
  std::int64_t pending() const;
  std::int64_t dead() const;
  int requests_in_flight() const;
  int in_flight() const;

  // Whether this answers the attempt that is in flight.
  bool is_current(Epoch epoch, const MutationId& id, int attempt) const;
  bool is_current(const Pulled& pulled) const;

  // What the app waits for and no page is under way of.
  std::vector<std::string> waited_for() const;
  std::size_t pages_under_way() const { return pulls_.size(); }
  Epoch epoch() const { return epoch_; }

  const Intentions& intentions() const { return intentions_; }
  const History& history() const { return history_; }

  // What the device calls a record of the server's, and how it sees what stands in it.
  Name called(const Name& its) const;
  Body taken_in(const Name& record, Body body) const;

  // Whether the server's name for a record is this one.
  bool is_called(const Name& own, const Name& its) const;

  // What of interest has happened since the last call.
  std::vector<Fault> notes() { return std::exchange(notes_, {}); }

 private:
  struct Line {
    std::optional<Body> base;  // What the server confirmed.
    // A pull says that it was deleted. The app goes on seeing it until its changes are settled.
    bool gone = false;
    bool buried = false;      // Deleted, and remembered for the pull that is under way.
    std::string server_id;    // As JSON; empty: the server calls it as the device does.
    Version accepted = 0;     // The version that an accepted change made.
  };
  struct Client {
    std::int64_t highest = 0;
    std::int64_t acknowledged = 0;
    std::map<std::int64_t, std::string> refusals;  // By number; empty: it was applied.
  };
  // A page under way.
  struct Pull {
    std::int64_t number = 0;
    int part = 0;              // How many parts of it are taken.
    std::set<Name> confirmed;  // Records whose base an answer confirmed since it was asked for.
  };
  // A pull of a full list.
  struct List {
    std::set<Name> seen;
    std::set<Name> confirmed;  // Records whose base an answer confirmed since it began.
    bool whole = false;
  };

  // What the app does.
  Expected take_writes(const Write& call, const std::vector<Write>& writes,
                       const Happening& happening, Treatment treatment, Time now);
  struct Bundle {
    std::int64_t number = 0;  // Of the transaction.
    Place first = 0;          // Its first mutation, once that is recorded.
    Place before = 0;         // The one before.
  };
  std::string write(const Write& write, const Part& part, Bundle* bundle, Time now);
  bool correct(Entry& dead, const Entry& later, const Write& write);
  bool may_fold(const Entry& tail, const Entry& later, const Write& write) const;
  bool fold(Entry& tail, const Entry& later);
  void wait(Entry& entry, const Intentions::Intention& intention, const Bundle* bundle) const;
  std::set<Name> referred_to(const Name& own, const std::optional<Body>& body) const;
  std::map<Place, Why> creates_of(const std::set<Name>& records) const;
  Expected seen(const std::vector<Write>& writes) const;
  Expected retry(const Retry& e);
  Expected edit(const Edit& e, const Part& part, Time now);
  Expected give_up(const MutationId& id, const char* reason);
  std::vector<MutationId> drop_all(const std::vector<Place>& places, const char* reason);
  void renew(Entry& dead, const MutationId& as, Kind kind, Change change);

  // What becomes of attempts and pages.
  void take_outcome(const MutationId& id, const Outcome& outcome);
  void take_page(const Pulled& pulled, const Happening& happening);
  void accept(Entry& entry, const Outcome& outcome);
  void bury(Entry& entry, bool unknown);
  void remove(Place place, const char* reason, const MutationId& successor = "");
  void forget(const std::string& collection, const std::set<Name>& but);
  void sweep(const std::string& collection);
  void end_pull(const PullEnded& ended);
  void fetch(const Fetch& fetch);
  void tidy(const Name& record);
  void send(const Send& send, std::int64_t request, Time now);
  void send(const SendBatch& batch, Time now);
  void check_is_first(const Entry& entry, const Send& send, Time now) const;
  bool may_be_given_up(const Entry& entry, Time now) const;
  bool has_expired(const Entry& entry, Time now) const;
  bool may_have_expired(const Entry& entry, Time now) const;
  void check_stamp(const Entry& entry, const Body& body, Time now) const;
  Send request_of(const Entry& entry) const;

  const Collection& collection_of(const Entry& entry) const {
    return config_->collections.at(entry.record.first);
  }
  std::optional<Body> fold(const Line& line, const Name& record) const;
  bool is_known(const Name& record) const;
  Body handed_out(const Name& record, Body body) const;

  using Ends = std::map<Name, std::pair<Seq, Seq>>;  // The first and last mutation of each record.
  std::optional<std::string> outbox_mismatch(Database& db, Ends& ends) const;
  std::optional<std::string> row_mismatch(const Entry& entry, const Statement& row) const;
  std::optional<std::string> record_mismatch(Database& db, const Ends& ends) const;
  std::optional<std::string> history_mismatch(Database& db, std::size_t most) const;

  const Config* config_;
  const Clock* clock_;
  Epoch epoch_ = 0;
  Queue queue_;
  std::map<Name, Line> lines_;
  std::map<Name, Name> aliases_;  // By what the server calls it.
  std::map<std::string, Client> clients_;
  std::map<std::string, Pull> pulls_;
  std::map<std::string, List> lists_;
  std::set<std::string> asked_;  // The app waits for these to be pulled.
  Intentions intentions_;
  History history_;
  std::vector<Settled> settled_now_;
  std::vector<MutationId> buried_now_;
  std::vector<Fault> notes_;
  std::int64_t requests_ = 0;
  Time latest_{};            // That the engine was told.
  bool batches_refused_ = false;
};

}  // namespace holdfast::sim
