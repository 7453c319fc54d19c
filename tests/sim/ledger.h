// The Ledger is what the app is entitled to: every mutation that was recorded,
// what has become of it, and what each record must look like. It hears the same
// happenings as the engine and draws its own conclusions, by the plainest
// reading of DESIGN; then the tables must agree with it.
//
// It does not know when the engine sends, only what it sent: carry_out() tells
// it. A step whose outcome nobody knows, because the process died in it, leaves
// two Ledgers that are possible, the one before and the one after.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol.h"
#include "sim/body.h"
#include "sim/happening.h"
#include "store/sqlite.h"

namespace holdfast::sim {

class Ledger {
 public:
  // "config" must outlive the Ledger and its copies.
  explicit Ledger(const Config& config) : config_(&config) {}

  using Name = std::pair<std::string, std::string>;  // Collection and id of a record.

  // An unsettled mutation.
  struct Entry {
    MutationId id;
    Kind kind = Kind::create;
    Name record;
    Change change;           // A create's body is what it sets.
    std::int64_t place = 0;  // In the order of recording.
    bool dead = false;
    int counted = 0;               // Answers that said retry.
    std::optional<int> in_flight;  // The attempt that is.
    std::optional<Send> first;     // What was sent first: all attempts are like it.
  };

  // How the step treats its writes, which only its results tell.
  struct Treatment {
    bool drained = false;         // The disk was full: nothing new is recorded.
    bool overtaken_too = false;  // A call that a later one overtook is recorded nevertheless.
  };

  // What the result of an event must be.
  struct Expected {
    enum { applied, refused, either } what = applied;
    std::string code = {};                // Of the refusal.
    std::optional<Body> view = {};        // Of a write's record, when "is_view_known".
    std::string status = {};              // "pending", "failed" or, when settled, nothing.
    bool is_view_known = false;
  };

  // A session begins: what was in flight is not any more.
  void begin(Epoch epoch);

  Expected take(const Happening& happening, Treatment treatment);

  // What the engine handed out after the happenings that were taken since the
  // last call. Throws Violation when that does not follow from them.
  void carry_out(const std::vector<Effect>& effects);

  // Why the tables are not as they must be; nothing when they are.
  std::optional<std::string> mismatch(Database& db) const;
  // The same of what is remembered of the calls of each page.
  std::optional<std::string> memory_mismatch(Database& db) const;

  std::optional<Body> view(const Name& record) const;
  std::vector<Name> records() const;  // Those that the app sees.
  std::int64_t pending() const;
  std::int64_t dead() const { return static_cast<std::int64_t>(unsettled_.size()) - pending(); }
  int in_flight() const;
  const std::vector<Entry>& unsettled() const { return unsettled_; }

  // Whether it could be sent, as far as order is concerned.
  bool is_head(const Entry& entry) const;
  // Whether this answers the attempt that is in flight.
  bool is_current(const Answered& answered) const;
  bool is_pulling(const std::string& collection) const { return pulls_.contains(collection); }
  Epoch epoch() const { return epoch_; }

  // All mutations that were ever recorded, in order, and those of them that the app gave up.
  const std::vector<std::pair<MutationId, Name>>& recorded() const { return recorded_; }
  const std::set<MutationId>& discarded() const { return discarded_; }

  // The server's record, as the device knows it once all is settled.
  std::optional<Body> base(const Name& record) const;

 private:
  struct Line {
    std::optional<Body> base;  // What the server confirmed.
    // A pull says that it was deleted. The app goes on seeing it until its changes are settled.
    bool gone = false;
    Version accepted = 0;  // The version that an accepted change made.
  };
  struct Client {
    std::int64_t highest = 0;
    std::int64_t acknowledged = 0;
    std::map<std::int64_t, std::string> refusals;  // By number; empty: it was applied.
  };
  struct Pull {
    std::int64_t number = 0;          // Of the page under way; 0: it is asked for in this step.
    std::set<std::string> confirmed;  // Records whose base an answer confirmed since then.
  };

  Expected take_write(const Write& write, const Happening& happening, Treatment treatment);
  void record(const Write& write, const Change& change);
  Expected seen(const Name& record) const;
  Expected retry(const MutationId& id);
  Expected discard(const MutationId& id);
  void take_answer(const Answered& answered, const Happening& happening);
  void take_page(const Pulled& pulled, const Happening& happening);
  void accept(std::size_t index, const Happening& happening);
  void bury(Entry& entry);
  void remove(std::size_t index, Settled::Reason reason);
  void send(const Send& send);
  Send request_of(const Entry& entry) const;
  std::optional<Body> fold(const Line& line, const Name& record) const;
  std::vector<const Entry*> chain(const Name& record) const;
  std::optional<std::size_t> find(const MutationId& id) const;
  std::optional<std::string> outbox_mismatch(Database& db, std::map<Name, Seq>& tails) const;
  std::optional<std::string> record_mismatch(Database& db, const std::map<Name, Seq>& tails) const;

  const Config* config_;
  Epoch epoch_ = 0;
  std::vector<Entry> unsettled_;
  std::map<Name, Line> lines_;
  std::map<std::string, Client> clients_;
  std::map<std::string, Pull> pulls_;
  std::vector<std::pair<MutationId, Name>> recorded_;
  std::set<MutationId> discarded_;
  std::vector<Settled> settled_now_;
  std::vector<MutationId> buried_now_;
};

}  // namespace holdfast::sim
