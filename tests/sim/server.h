// The Server is a small model of the app's API: records, and a store of
// idempotency keys as DESIGN §9 wants it. It applies a request the first time
// it sees its key, and from then on answers that key as it did then.
//
// What a refused request may not become afterwards: applied by a copy that was
// sent before the refusal. So requests are numbered in the order they leave.

#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol.h"
#include "sim/body.h"
#include "sim/happening.h"
#include "sim/tape.h"

namespace holdfast::sim {

class Server {
 public:
  // The path of each collection. "adds": it puts a member of its own into records.
  Server(std::map<std::string, std::string> paths, bool adds)
      : paths_(std::move(paths)), adds_(adds) {}

  struct Answer {
    Response response;
    Meaning meaning = Meaning::nothing;
    std::optional<Body> record = std::nullopt;
    Version version = 0;
  };

  // A request arrives, as the "number"-th that left the device. Throws
  // Violation when its key came before with another request, or when no
  // Holdfast would send it. "silent": an acceptance says nothing.
  Answer take(const Send& send, std::int64_t number, bool silent);

  // The request is being worked on: others under its key are told so.
  void begin(const Send& send) { running_.insert(send.id); }
  void end(const Send& send) { running_.erase(send.id); }

  // It was refused for good: so are the copies of it that are still under way.
  void refuse(const Send& send, std::int64_t number);

  bool has_applied(const MutationId& id) const;
  bool adds() const { return adds_; }

  // The page after a cursor, and what it holds.
  Answer page(const std::string& path, std::size_t most, Page& page) const;

  // Another device creates or changes a record, or deletes one; false if there is none to delete.
  void change_elsewhere(Tape& tape, Time truth);
  bool delete_elsewhere(Tape& tape);

  // What another device changed counts as changed once more, so that the next pull brings it.
  void touch();

  // What was applied, in order, each once.
  const std::vector<MutationId>& applied() const { return applied_; }

  using Name = std::pair<std::string, std::string>;  // Collection and id.
  struct Stored {
    std::optional<Body> body;  // Nothing: deleted.
    Version version = 0;
    bool elsewhere = false;  // Another device had a hand in it.
  };
  const std::map<Name, Stored>& records() const { return records_; }

 private:
  struct Known {
    Send first;                    // All others must be like it.
    std::int64_t refused_to = -1;  // Requests up to this number were refused.
    std::optional<Answer> answer;  // Of the one that was applied.
  };

  Answer apply(const Send& send, bool silent);
  Stored& put(const Name& name, std::optional<Body> body);

  std::map<std::string, std::string> paths_;
  bool adds_;
  std::map<Name, Stored> records_;
  std::map<MutationId, Known> keys_;
  std::set<MutationId> running_;
  std::vector<MutationId> applied_;
  Version version_ = 0;
  int made_elsewhere_ = 0;
};

}  // namespace holdfast::sim
