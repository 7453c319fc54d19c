// The Engine decides what is recorded, what is sent, when it is sent again, and
// when to give up. Start here; then read protocol.h.
//
// It is a step function over the database: the host hands it the events that
// arrived together, it changes the tables in one transaction and answers with
// a result an event and with the effects that the host is to carry out. It
// opens no socket, reads no clock and draws no random number, so the same
// events always give the same effects, natively and in wasm.
//
//    write ----> pending ----[send_due]----> in flight ----[accepted]----> (gone)
//     intake     ^   ^ |       attempts        |    |
//                |   | +--[folded, cancelled]--|----|---------------------> (gone)
//                |   +--[retry, no answer,-----+    +--[refused, or answered
//                |       overloaded, open]          |   retry too often]
//                |                                  v
//                +--[retry, edit, a correction]--- dead ----[discard]-----> (gone)
//                              letters
//
// Who waits for whom is said in lanes.h, what the app sees in folding.h.
//
// True after every step, and checked by tests/sim:
//
//  (1) What was acknowledged is in the outbox, or was accepted, or was
//      discarded by the app.
//  (2) Every attempt of a mutation carries the same key and the same bytes; what was attempted is
//      never folded, edited or cancelled. What goes again after a refusal is another mutation, in
//      the same place and under another key.
//  (3) A mutation is in flight only when nothing that it depends on is
//      unsettled; so the mutations of a record arrive in their order. It depends on earlier ones
//      only, so there are no cycles.
//  (4) An effect is handed out only after the transaction that decided on it
//      has committed.
//  (5) All state is in the database: destroying the Engine at any moment and
//      opening another loses nothing.
//  (6) A record's body is its base with its unsettled mutations folded over
//      it, and changes together with them.
//  (7) Nothing is sent but after a good probe, and at most Config::concurrency
//      at once.
//  (8) Unless paused, whatever can still be sent is in flight, or waits for a
//      probe that is under way, or has an alarm.

#pragma once

#include <optional>
#include <span>

#include "../protocol.h"
#include "../store/store.h"
#include "attempts.h"
#include "intake.h"
#include "letters.h"
#include "pulls.h"
#include "turn.h"

namespace holdfast {

class Engine {
 public:
  // "db" must outlive the Engine and hold the tables of store/schema. The
  // first event must be Open.
  Engine(Database& db, Config config);

  // Takes the events in their order, as one transaction with one flush. A
  // refused event changes nothing and does not keep the others from it.
  //
  // On a full disk the WAL is written back, which makes room for what comes
  // next. Where that is not enough, writes are refused with "disk-full", now
  // and until the ballast is held again, and the events that free room (all
  // but writes) are taken without them, with the ballast's room. Throws StorageError: then nothing
  // has changed, no effect is owed, and the host should open anew.
  Step handle(std::span<const Event> events, Time now);

  const Config& config() const { return config_; }

 private:
  Step run(std::span<const Event> events, Time now);
  Step drain(std::span<const Event> events, Time now);

  Result on(const Open&, Turn&);
  Result on(const Write&, Turn&);
  Result on(const Transact&, Turn&);
  Result on(const Retry&, Turn&);
  Result on(const Edit&, Turn&);
  Result on(const Discard&, Turn&);
  Result on(const Cancel&, Turn&);
  Result on(const Online&, Turn&);
  Result on(const Offline&, Turn&);
  Result on(const Visible&, Turn&);
  Result on(const Watched&, Turn&);
  Result on(const Sync&, Turn&);
  Result on(const Pause&, Turn&);
  Result on(const Resume&, Turn&);
  Result on(const SignedIn&, Turn&);
  Result on(const Tick&, Turn&);
  Result on(const Pull&, Turn&);
  Result on(const Answered&, Turn&);
  Result on(const BatchAnswered&, Turn&);
  Result on(const Probed&, Turn&);
  Result on(const Pulled&, Turn&);

  void dispatch(Turn&, const Counters& before);
  static std::optional<Time> alarm(std::optional<Time> next, const Turn&);

  Database& db_;
  Config config_;
  Store store_{db_};
  Intake intake_{store_, config_};
  Letters letters_{store_, config_};
  Attempts attempts_{store_, config_};
  Pulls pulls_{store_, config_, attempts_};
};

// How things stand.
Status status(const Counters& counters, const Reachability& way);

}  // namespace holdfast
