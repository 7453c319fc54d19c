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

// What an app says of its API's statuses, before the table of verdict.h.
struct Overrides {
  std::vector<int> retry = {};
  std::vector<int> reject = {};
  std::vector<int> conflict = {};
  std::vector<int> sign_in = {};
};

// What becomes of a mutation whose outcome is still unknown when its key is past its lifetime.
enum class OnUnknown {
  safest,  // A create asks by GET where the device chose its id, a PUT or DELETE is sent again.
  ask,     // It is a dead letter: the app decides.
  resend,  // It is sent again, whatever it is.
};

// How a collection is pulled.
struct Pulling {
  bool itself = false;  // At opening, after replays, at intervals; otherwise only when asked.
  // Below the base URL, "?since={cursor}&limit={limit}": a query parameter whose cursor is still
  // empty is left out. Empty: the collection's path, with such a query unless "full".
  std::string path = {};
  int limit = 500;                              // Records of a page.
  Duration interval = std::chrono::minutes(1);  // While a page is visible; 0: not at intervals.
  bool full = false;  // A pull brings the whole collection: what is not in it is deleted.
  bool maps = false;  // The app's function makes the page out of the answer.
};

// As what a field comes back from SQL.
enum class FieldType { boolean, number, text, json };

struct Collection {
  std::string path;                                    // "/orders", below the base URL.
  std::vector<std::vector<std::string>> indexes = {};  // {{"done", "-createdAt"}, …}
  std::map<std::string, FieldType> fields = {};        // Columns of its view (store/views.h).
  std::map<std::string, std::string> references = {};  // A field, and the collection of its id.
  bool coalesce = true;
  bool server_ids = false;  // The server chooses ids: a create goes without the device's.
  Overrides overrides = {};
  OnUnknown on_unknown = OnUnknown::safest;
  Pulling pull = {};
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
  Duration key_lifetime = std::chrono::hours(24);   // How long the server keeps a key.
  std::string batch_path = {};                      // Where batches go; empty: there are none.
  int batch_max = 0;                                // Mutations in one.
  int max_waits = 1000;  // Dependencies of a mutation that are rows; with more it waits for all.
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
  std::vector<MutationId> after = {};  // It waits for these too.
  bool cascade = false;  // Of a delete: what refers to a record that was never made goes along.
};

// Writes that are recorded together or not at all, and sent in their order. They have one number.
struct Transact {
  std::string client;
  std::int64_t number = 0;
  std::int64_t acknowledged = 0;
  Time at;
  std::vector<Write> writes;
};

// Sends a dead letter again. Refused for good, it goes under a new id, and so a new key; while its
// outcome is unknown under its own, unchanged, unless "may_duplicate".
struct Retry {
  MutationId id;
  MutationId as;  // The new id.
  bool may_duplicate = false;
};

// Changes a dead letter and sends it under a new id.
struct Edit {
  MutationId id;
  MutationId as;
  std::string change;  // As an update's.
  bool may_duplicate = false;
};

struct Discard {  // Gives a dead letter up; a create's dependants go along.
  MutationId id;
};
struct Cancel {  // Takes back a mutation that was never sent; a create's dependants go along.
  MutationId id;
};

struct Online {};    // The browser says that there is a network again.
struct Offline {};   // The browser says that there is none.
struct Visible {};   // A page has become visible.
struct Watched {};   // A page is visible, and was before: told again and again.
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
  std::string date = {};  // Empty also when the answer came out of a cache.
  std::string body = {};
  std::optional<Time> sent_at = {};      // When its request left, and when it arrived, by the
  std::optional<Time> received_at = {};  // device's clock.

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
  // What the app's function says is the server's id of what was created, as JSON: a text or a
  // number. Empty: it has none, or was not asked.
  Json server_id = {};
};

// The answer to a batch.
struct BatchAnswered {
  Epoch epoch = 0;
  struct Member {
    MutationId id;
    int attempt = 0;

    bool operator==(const Member&) const = default;
  };
  std::vector<Member> members;
  std::variant<Silence, Response> outcome;
};

struct Probed {
  Epoch epoch = 0;
  std::int64_t probe = 0;
  std::variant<Silence, Response> outcome;
  bool check = true;  // What the app's own check says of a response.
};

// Asks for what is new in a collection; a pull that is under way is joined.
struct Pull {
  std::string collection;
};

// The answer to one page of a pull, or a part of it: then the body is a page with some of its
// records, and what else is in it comes with the last.
struct Pulled {
  Epoch epoch = 0;
  std::int64_t pull = 0;
  std::string collection;
  std::variant<Silence, Response> outcome;
  int part = 0;  // From 0.
  bool last = true;
  std::string flaw = {};  // Why the app's function made no page of it; empty: it did.
};

using Event = std::variant<Open, Write, Transact, Retry, Edit, Discard, Cancel, Online, Offline,
                           Visible, Watched, Sync, Pause, Resume, SignedIn, Tick, Pull, Answered,
                           BatchAnswered, Probed, Pulled>;

// Results: one an event, in order.

// The event was refused; nothing was recorded.
struct Refusal {
  std::string code;  // One of web/errors.ts.
  std::string message;

  bool operator==(const Refusal&) const = default;
};

struct Applied {
  Json record = {};  // A write's record as it is now, {"body": …, "sync": …}; otherwise empty.
  std::vector<Json> records = {};  // Those of a transaction's writes.
  std::vector<MutationId> gone = {};  // What a discard or a cancel took along, itself first.

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
  std::string asks = {};  // The collection whose function tells the server's id; empty: none.

  bool operator==(const Send&) const = default;
};

// Several attempts in one request: POST path.
struct SendBatch {
  Epoch epoch = 0;
  std::vector<BatchAnswered::Member> members;  // To be repeated in the answer.
  std::string path;
  Json body;

  bool operator==(const SendBatch&) const = default;
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
  std::string etag = {};  // If-None-Match; empty: none.
  bool maps = false;      // The app's function makes the page out of the answer.

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
  enum class Reason { accepted, discarded, cancelled } reason = Reason::accepted;

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

using Effect = std::variant<Send, SendBatch, Probe, Fetch, PullEnded, Settled, Buried, SignIn>;

// How things stand: what the badge shows.
struct Status {
  std::int64_t pending = 0;
  std::int64_t failed = 0;
  bool reachable = false;
  bool syncing = false;  // A probe or an attempt is under way.
  enum class Wait { nothing, network, origin, sign_in, paused } waiting_for = Wait::nothing;
  std::string reason;  // Of the latest setback, for a person; empty: there is none.
  std::int64_t pulled = 0;  // What the pulls under way have brought, or the last ones.
  bool more = false;        // A pull is under way.

  bool operator==(const Status&) const = default;
};

// The answer to the events that came together.
struct Step {
  std::vector<Result> results = {};       // One an event, in their order.
  std::vector<Effect> effects = {};       // To be carried out in this order.
  // What may look different: "order/a" a record, "order" any of its collection.
  std::vector<std::string> changed = {};
  Status status = {};                     // As it is after the step.
  std::optional<Time> wake_at = {};       // When to send Tick; nothing: no alarm is needed.
};

}  // namespace holdfast
