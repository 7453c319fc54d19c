// The Gate is when anything may be sent at all, by the plainest reading of
// sync/reachability.h: after a good probe of this session, while that is
// fresh, and not while the app or the origin wants silence; after an outage
// one by one, and not while one mutation after another fails. It may stand
// open longer than the engine's own; never shorter.

#pragma once

#include <map>
#include <optional>
#include <set>

#include "protocol.h"
#include "sim/coverage.h"
#include "sim/happening.h"
#include "sim/ledger.h"

namespace holdfast::sim {

class Gate {
 public:
  explicit Gate(const Config& config) : fresh_(config.probe_fresh) {}

  // A session begins. What the origin asked for stands.
  void begin();

  // A step is taken "now", perhaps by another clock than the last one.
  void mend(Time now);

  // Takes what happens in it, before the ledger does: that knows which answers are awaited.
  void take(const Happening& happening, Time now, const Ledger& ledger);

  // Throws Violation when an effect leaves that must not; "in_flight" attempts are then under way.
  void check(const std::vector<Effect>& effects, Time now, int in_flight);

  bool paused() const { return paused_; }
  bool probing() const { return probing_.has_value(); }

  // Another gate may be the true one: stands open whenever one of the two does.
  void join(const Gate& other);

  // What of interest has happened since the last call.
  std::vector<Fault> notes() { return std::exchange(notes_, {}); }

 private:
  void take_outcome(const MutationId& id, const Outcome& outcome, Time now);
  void take_page(const Happening& happening, Time now, const Ledger& ledger);
  void forget_asking();
  void close(const Outcome& outcome, Time now);

  enum class Asked { no, yes, perhaps };

  Duration fresh_;
  bool open_ = false;
  bool paused_ = false;
  std::optional<std::int64_t> probing_;
  Time fresh_until_{};
  Time floor_{};
  bool alone_ = false;                 // A probe failed, and nothing was decided since.
  std::set<MutationId> failed_;        // In a row, since one was accepted.
  std::map<MutationId, int> strays_;   // How often one got no answer soon after a good probe.
  Asked asked_ = Asked::no;            // To sign in, since one was decided on.
  int must_ask_ = 0;                   // So often in this step it must be asked to,
  int may_ask_ = 0;                    // and may be besides.
  std::vector<Fault> notes_;
};

}  // namespace holdfast::sim
