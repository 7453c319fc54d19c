// Whether the API can be reached, and how much of it may be asked: the state
// machine that stands before the outbox. Only a good answer to a probe opens
// it; the browser's word that there is a network does not.
//
//   unknown --[send_probe]--> probing --[probed]--> open
//      ^                       ^   |                 | |
//      |          [send_probe] |   | [probe_failed]  | | [attempt_failed, offline,
//      |   due, something waits|   v                 | |  the third of retried]
//      |                      closed <---------------|-+
//      +--[nudge]--from anywhere                     |
//                              ^ [send_probe]: stale, something waits
//                              +---------------------+ (to probing)
//
// Everything is plain values: the time comes in, and what was decided is
// stored by the engine in the same transaction as what it decided about.
//
//  (1) Nothing is sent but in open, and while the latest good probe is fresh.
//  (2) One probe counts, the latest; an answer to an earlier one is ignored.
//  (3) While closed, probes are apart by backoff; what the origin asked for
//      (Retry-After) is a floor that nothing shortens. On top of the floor
//      stands a jitter, for it is the same for every client: only a nudge after
//      the floor, which is a person's, does without it.
//  (4) No time it waits for is further away than it can have been set: a clock
//      that was set back delays nothing for long.
//  (5) After an outage one attempt is under way at once, then twice as many
//      with each that the API decides on.
//  (6) Three different mutations answered by retry, none accepted between, are
//      an outage whatever the probes say: the circuit opens. Until one is
//      accepted each further retry opens it again.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../protocol.h"
#include "../store/sqlite.h"
#include "../types.h"

namespace holdfast {

struct Reachability {
  enum class State { unknown, probing, open, closed };
  using Wait = Status::Wait;

  State state = State::unknown;
  bool reachable = false;  // What the latest probe showed; stays while the next is under way.
  std::int64_t probe = 0;  // Numbers the latest probe.
  int setbacks = 0;        // In a row, since something was last accepted or refused.
  Time next_probe_at;      // While closed.
  Time fresh_until;        // While open.
  Time asked_until;        // The origin asked to be left alone until then,
  Time closed_until;       // and with its jitter it is left alone until then.
  int ramp = 0;            // Attempts at once after an outage; 0: as many as are configured.
  std::vector<MutationId> retried_in_a_row = {};  // Different ones, since one was accepted.
  Wait wait = Wait::nothing;  // Why it is closed; sign_in stays until the API takes an answer.
  bool paused = false;        // The app asked for silence.
  std::string reason = {};    // Of the latest setback, for a person.

  // A session begins: what was believed may be long past; the origin's wish
  // stands, and an outage is not over because the app was started anew.
  void open_session();

  // The network may be back. Unless "always", a good probe that is fresh is
  // believed, and one that is under way is waited for.
  void nudge(Time now, bool always);

  // The browser says that there is no network.
  void offline(Time now);

  // Whether a probe is owed now; "waiting": there is something to send.
  bool wants_probe(Time now, bool waiting) const;
  void send_probe();

  void probed(Time now, Duration fresh);

  // Why the way is closed, how long after now, or after what the origin asked
  // for, the next probe goes ("delay"), and until when it asked to be left alone.
  struct Setback {
    Wait wait;
    std::string reason;
    Duration delay;
    std::optional<Time> floor;
  };

  // What the delay of a setback is to be: drawn by backoff from "id", which is
  // of this client alone. What an origin asks for it asks of everybody: the
  // longer it is, the wider they spread over the time after it. A network that
  // fails for the first time is probed at once, which tells a lost answer from
  // a lost network.
  Duration delay(Time now, Wait why, std::optional<Time> floor, std::string_view id,
                 const Config& config) const;

  // The probe under way failed.
  void probe_failed(Time now, const Setback& setback);

  // An attempt failed in a way that is not the mutation's fault. Only the first
  // of a wave that fails together closes the way; the floor always counts.
  void attempt_failed(Time now, const Setback& setback);

  // A mutation was answered by retry, which may be its own fault: "setback" is
  // what becomes of the way if it is not.
  void retried(Time now, const MutationId& mutation, const Setback& setback);

  // The API took a mutation up and decided on it.
  void accepted();
  void refused();

  // The API answered a pull: it knows who asks.
  void read();

  bool may_send(Time now) const;

  // How many attempts may be under way at once: at least 1, at most "concurrency". While a sign-in
  // is awaited one a probe: health needs no credentials, so only an attempt shows that the app has
  // new ones.
  int room(int concurrency) const;

  // When a probe will be owed, or sending be allowed again, without an event;
  // nothing: never, or it is so already.
  std::optional<Time> deadline(bool waiting) const;

  // Brings times that another clock has set back into sense.
  void mend(Time now, Duration fresh, Duration cap);

  bool operator==(const Reachability&) const = default;
};

// The row of hf_reachability, read and written inside the caller's transaction.
Reachability load_reachability(Database& db);
void save_reachability(Database& db, const Reachability& reachability);

}  // namespace holdfast
