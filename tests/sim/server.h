// The Server is a small model of the app's API: records, and a store of
// idempotency keys as DESIGN §9 wants it. It applies a request the first time
// it sees its key, and from then on answers that key as it did then, until the
// key's lifetime is over.
//
// What a refused request may not become afterwards: applied by a copy that was
// sent before the refusal. So requests are numbered in the order they leave.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "protocol.h"
#include "sim/body.h"
#include "sim/clock.h"
#include "sim/happening.h"
#include "sim/queue.h"
#include "sim/tape.h"

namespace holdfast::sim {

class Server {
 public:
  struct Traits {
    std::map<std::string, std::string> paths = {};  // Of each collection.
    std::set<std::string> chooses = {};             // The ids in these it chooses itself,
    bool numbers = false;                           // and they are numbers.
    bool adds = false;                              // It puts a member of its own into records.
    int no_batches = 0;                             // The status of a batch, if it takes none.
    std::optional<Duration> key_lifetime = {};      // Nothing: it keeps them for ever.
    std::set<std::string> repeats = {};             // Here the app accepts that a create repeats.
  };

  // "clock" must outlive the Server.
  Server(Traits traits, const Clock& clock) : traits_(std::move(traits)), clock_(clock) {}

  struct Answer {
    Response response;
    Outcome outcome;
  };

  // A request arrives, as the "number"-th that left the device. Throws
  // Violation when its key came before with another request, when it may take
  // effect twice, or when no Holdfast would send it. "silent": an acceptance
  // says nothing.
  Answer take(const Send& send, std::int64_t number, bool silent);

  // Somebody asks what became of a create: GET.
  Answer find(const Send& send);

  // The request is being worked on: others under its key are told so.
  void begin(const Send& send) { running_.insert(send.id); }
  void end(const Send& send) { running_.erase(send.id); }

  // It was refused for good: so are the copies of it that are still under way.
  void refuse(const Send& send, std::int64_t number);

  bool has_applied(const MutationId& id) const { return is_applied_.contains(id); }
  const Traits& traits() const { return traits_; }

  // Whose clock was set back knows less of how old a key is.
  void keep_keys_longer(Duration more);

  bool signed_in = true;  // Until then all is answered 401.

  // The page after a cursor, and what it holds: of changes in their order, or of all that there
  // is, by id. "etag": what the client has of it.
  Answer page(const std::string& path, std::size_t most, const std::string& etag,
              Page& page) const;

  // Another device creates or changes a record, or deletes one; false if there is none to delete.
  void change_elsewhere(Tape& tape, Time truth);
  bool delete_elsewhere(Tape& tape);

  // Everything counts as changed once more, so that the next pull brings it.
  void touch();

  // What was applied, in order, each once.
  const std::vector<MutationId>& applied() const { return applied_; }

  struct Stored {
    std::optional<Body> body;  // Nothing: deleted.
    Version version = 0;
  };
  const std::map<Name, Stored>& records() const { return records_; }

  std::int64_t forgotten() const { return forgotten_; }  // Keys that were, and came again.

 private:
  struct Known {
    Send first;                    // All others must be like it.
    Duration since{0};             // It was applied, in elapsed time.
    std::int64_t refused_to = -1;  // Requests up to this number were refused.
    std::optional<Answer> answer = std::nullopt;  // Of the one that was applied.
  };

  Answer apply(const Send& send, bool silent);
  void forget(const Send& send);
  Stored& put(const Name& name, std::optional<Body> body);

  Traits traits_;
  const Clock& clock_;
  std::map<Name, Stored> records_;
  std::map<MutationId, Known> keys_;
  std::set<MutationId> running_;
  std::set<MutationId> told_absent_;  // Who asked was told that there is no such record.
  std::vector<MutationId> applied_;
  std::set<MutationId> is_applied_;
  Version version_ = 0;
  int made_ = 0;
  int made_elsewhere_ = 0;
  std::int64_t forgotten_ = 0;
};

}  // namespace holdfast::sim
