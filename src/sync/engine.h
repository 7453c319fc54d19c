// The Engine decides what is recorded, what is sent, when it is sent again, and
// when to give up. Start here; then read protocol.h.
//
// It is a step function over the database: the host hands it the events that
// arrived together, it changes the tables in one transaction and answers with
// a result an event and with the effects that the host is to carry out. It
// opens no socket, reads no clock and draws no random number, so the same
// events always give the same effects, natively and in wasm.
//
//    write ----> pending ----[dispatch]----> in flight ----[accepted]----> (gone)
//                 ^   ^                        |    |
//                 |   +--[retry, no answer,----+    +--[refused, or answered
//                 |       overloaded, open]         |   retry too often]
//                 |                                 v
//                 +------------[retry(id)]-------- dead ----[discard]----> (gone)
//
// True after every step, and checked by tests/sim:
//
//  (1) What was acknowledged is in the outbox, or was accepted, or was
//      discarded by the app.
//  (2) Every attempt of a mutation carries the same key and the same bytes.
//  (3) A mutation is in flight only when nothing that it depends on is
//      unsettled; so the mutations of a record arrive in their order.
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

#include <set>
#include <span>
#include <string>

#include "../protocol.h"
#include "../store/counters.h"
#include "../store/cursors.h"
#include "../store/outbox.h"
#include "../store/records.h"
#include "../store/sessions.h"
#include "reachability.h"

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
  // What one step gathers while its transaction is open.
  struct Turn {
    Time now;
    Reachability way;
    std::set<std::string> changed;
    Step step;
  };

  Step run(std::span<const Event> events, Time now);
  Step drain(std::span<const Event> events, Time now);

  Result on(const Open&, Turn&);
  Result on(const Write&, Turn&);
  Result on(const Retry&, Turn&);
  Result on(const Discard&, Turn&);
  Result on(const Online&, Turn&);
  Result on(const Offline&, Turn&);
  Result on(const Visible&, Turn&);
  Result on(const Sync&, Turn&);
  Result on(const Pause&, Turn&);
  Result on(const Resume&, Turn&);
  Result on(const SignedIn&, Turn&);
  Result on(const Tick&, Turn&);
  Result on(const Pull&, Turn&);
  Result on(const Answered&, Turn&);
  Result on(const Probed&, Turn&);
  Result on(const Pulled&, Turn&);

  // Writing.
  std::optional<Refusal> flaw(const Write& write);
  Result apply(const Write& write);

  // Settling.
  void on_silence(const Mutation&, Silence, Turn&);
  void on_response(const Mutation&, const Response&, Turn&);
  void accept(const Mutation&, const Response&, Turn&);
  void bury(const Mutation&, bool unknown, const Json& problem, Turn&);
  void discard(const Mutation&, Turn&);
  void refold(const Key&);
  Record settle(const Mutation&);

  // Pulling.
  void fetch_page(const std::string& collection, Cursor cursor, Turn&);
  void end_pull(const std::string& collection, Cursor cursor, const Json& problem, Turn&);
  void take(const Key& key, const std::optional<Json>& version, std::int64_t since);

  // Sending.
  void dispatch(Turn&);
  void send(const Mutation&, Turn&);
  void set_alarm(std::optional<Time> next, Turn&);
  Duration delay(std::string_view id, int attempts) const;
  Reachability::Setback setback(Status::Wait, std::string reason, std::string_view id,
                                const Response*, const Turn&) const;

  Database& db_;
  Config config_;
  Counters counters_;  // Of the step under way.
  Records records_;
  Outbox outbox_;
  Sessions sessions_;
  Cursors cursors_;
};

// How things stand.
Status status(const Counters& counters, const Reachability& way);

}  // namespace holdfast
