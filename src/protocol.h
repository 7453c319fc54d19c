// What the host and the engine say to each other. web/protocol.ts is the same
// file in TypeScript; codec.cpp turns one into the other.
//
// Every event may be repeated: adding what is known does nothing, an answer
// names its attempt and epoch, a spurious tick does nothing.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "types.h"

namespace holdfast {

// Configuration: the app's own words, handed in anew at every start.

struct Collection {
  std::string path;                               // "/orders", below the base URL.
  std::vector<std::vector<std::string>> indexes;  // {{"done", "-createdAt"}, …}
};

enum class Ordering {
  lanes,   // A mutation waits for what it depends on.
  strict,  // A mutation waits for all earlier ones.
};

struct Config {
  std::map<std::string, Collection> collections;
  Ordering ordering = Ordering::lanes;
  int concurrency = 4;   // Attempts under way at once.
  int max_attempts = 5;  // Counted answers after which a mutation is a dead letter.
  Duration backoff_base = std::chrono::seconds(1);
  Duration backoff_cap = std::chrono::minutes(5);
  Duration probe_fresh = std::chrono::seconds(30);  // How long a good probe is believed.
  std::int64_t max_outbox = 1'000'000;              // Unsettled mutations.
  std::int64_t max_body = 1 << 20;                  // Bytes of one mutation's JSON.
};

// Events: everything the host can tell the engine.

// The first event of a session: raises the epoch and takes up again what was
// in flight when the last session ended.
struct Open {};

// One create, update or delete. Clients number their writes from 1 without
// gaps; a number that was applied before answers as it did then.
struct Write {
  std::string client;
  std::int64_t number = 0;
  std::int64_t acknowledged = 0;  // The client has the answers to its writes up to this one.
  Time at;                        // When the app called.
  MutationId id;
  Kind kind = Kind::create;
  Key key;
  // Of a create the body; of an update {"set": {…}, "remove": […]}; of a
  // delete nothing. Not checked yet.
  std::string change;
};

struct Retry {  // Sends a dead letter again.
  MutationId id;
};
struct Discard {  // Gives a dead letter up; a create's dependants go along.
  MutationId id;
};

struct Online {};    // The browser says that there is a network again.
struct Offline {};   // The browser says that there is none.
struct Visible {};   // A page has become visible.
struct Sync {};      // The app asks to probe and replay now, whatever the backoff says.
struct Pause {};     // Nothing is sent until Resume, or the next session.
struct Resume {};
struct SignedIn {};  // There are new credentials.
struct Tick {};      // Step::wake_at has been reached.

// What came back over HTTP, as the transport saw it.
struct Response {
  int status = 0;
  bool redirect = false;  // An opaque redirect: the answer is from elsewhere.
  bool complete = true;   // False: the body was cut short or is too long.
  std::string content_type = {};
  std::string etag = {};
  std::string retry_after = {};
  std::string date = {};
  std::string body = {};

  bool operator==(const Response&) const = default;
};

// Why there is no response. Except after unbuildable, the server may have
// seen the request.
enum class Silence {
  network,      // fetch failed.
  timeout,      // No answer in time.
  not_sent,     // It was never handed to the network: the app's headers did not come.
  unbuildable,  // No such request can be made.
};

struct Answered {
  Epoch epoch = 0;
  MutationId id;
  int attempt = 0;
  std::variant<Silence, Response> outcome;
};

struct Probed {
  Epoch epoch = 0;
  std::int64_t probe = 0;
  std::variant<Silence, Response> outcome;
  bool check = true;  // What the app's own check says of a response.
};

// Asks for what is new in a collection; while one is under way it is joined.
struct Pull {
  std::string collection;
};

// The answer to one page of a pull.
struct Pulled {
  Epoch epoch = 0;
  std::int64_t pull = 0;
  std::string collection;
  std::variant<Silence, Response> outcome;
};

using Event = std::variant<Open, Write, Retry, Discard, Online, Offline, Visible, Sync, Pause,
                           Resume, SignedIn, Tick, Pull, Answered, Probed, Pulled>;

// Results: one an event, in order.

// The event was refused; nothing was recorded.
struct Refusal {
  std::string code;  // One of web/errors.ts.
  std::string message;

  bool operator==(const Refusal&) const = default;
};

struct Applied {
  Json record;  // A write's record as it is now, {"body": …, "sync": …}; otherwise empty.

  bool operator==(const Applied&) const = default;
};

using Result = std::variant<Applied, Refusal>;

// Effects: everything the engine can ask of the host.

struct Send {
  Epoch epoch = 0;
  MutationId id;
  int attempt = 0;  // To be repeated in the answer, which may come late.
  std::string method;
  std::string path;
  Json body;  // Empty: none.

  bool operator==(const Send&) const = default;
};

struct Probe {
  Epoch epoch = 0;
  std::int64_t probe = 0;

  bool operator==(const Probe&) const = default;
};

// One page of a collection is to be fetched: GET path.
struct Fetch {
  Epoch epoch = 0;
  std::int64_t pull = 0;
  std::string collection;
  std::string path;

  bool operator==(const Fetch&) const = default;
};

// A collection's pull is over; what arrived is kept.
struct PullEnded {
  std::string collection;
  std::int64_t pulled = 0;  // Records and deletions that arrived in it.
  Json problem;             // Why it ended early; empty: it did not.

  bool operator==(const PullEnded&) const = default;
};

// A mutation has left the outbox.
struct Settled {
  MutationId id;
  Key key;
  enum class Reason { accepted, discarded } reason = Reason::accepted;

  bool operator==(const Settled&) const = default;
};

// A mutation will not be sent again unless the app asks.
struct Buried {
  MutationId id;
  Key key;
  Json problem;  // The server's, RFC 9457, or one made of its status.

  bool operator==(const Buried&) const = default;
};

// The API wants new credentials; told once.
struct SignIn {
  bool operator==(const SignIn&) const = default;
};

using Effect = std::variant<Send, Probe, Fetch, PullEnded, Settled, Buried, SignIn>;

// How things stand: what the badge shows.
struct Status {
  std::int64_t pending = 0;
  std::int64_t failed = 0;
  bool reachable = false;
  bool syncing = false;  // A probe or an attempt is under way.
  enum class Wait { nothing, network, origin, sign_in, paused } waiting_for = Wait::nothing;
  std::string reason;  // Of the latest setback, for a person; empty: there is none.

  bool operator==(const Status&) const = default;
};

// The answer to the events that came together.
struct Step {
  std::vector<Result> results = {};       // One an event, in their order.
  std::vector<Effect> effects = {};       // To be carried out in this order.
  std::vector<std::string> changed = {};  // Collections that may look different.
  Status status = {};                     // As it is after the step.
  std::optional<Time> wake_at = {};       // When to send Tick; nothing: no alarm is needed.
};

}  // namespace holdfast
