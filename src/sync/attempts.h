// The Attempts are requests under way: which mutation goes, as what, and what its answer makes of
// it. A mutation is in flight from the commit that decided to send it to that of its answer.

#pragma once

#include <span>

#include "../protocol.h"
#include "../store/store.h"
#include "turn.h"

namespace holdfast {

class Attempts {
 public:
  // Both must outlive the Attempts.
  Attempts(Store& store, const Config& config) : store_(store), config_(config) {}

  // Sends the heads that are due, as many as there is room for.
  void send_due(Turn&);

  void answered(const Answered&, Turn&);
  void answered(const BatchAnswered&, Turn&);

  // What becomes of the way when the API, or what stands in its place, answered so or not at all.
  // "id" is one of this client's own.
  Reachability::Setback setback(Status::Wait wait, std::string reason, std::string_view id,
                                const Response* response, const Turn&) const;

 private:
  // Sending.
  void send(const Mutation&, Turn&);
  bool send_batch(std::span<const Mutation> heads, Turn&);
  std::optional<Request> begin(const Mutation&, bool asking, Turn&);
  std::string stamp_of(const Mutation&, Time now);
  bool key_expired(const Mutation&, Time now) const;

  // Answers.
  std::optional<Mutation> under_way(Epoch epoch, const MutationId& id, int attempt);
  void on_outcome(const Mutation&, const std::variant<Silence, Response>&, const Json& server_id,
                  Turn&);
  void on_silence(const Mutation&, Silence, Turn&);
  void on_response(const Mutation&, const Response&, const Json& server_id, Turn&);
  void on_news(const Mutation&, const Response&, Turn&);
  void wait(const Mutation&, Status::Wait why, const Response*, std::string reason, bool unknown,
            const Json& problem, Turn&);
  void accept(const Mutation&, const Response&, const Json& server_id, Turn&);
  void bury(const Mutation&, bool unknown, const Json& problem, Turn&);
  Duration delay(const Mutation&, int attempts) const;

  Store& store_;
  const Config& config_;
};

}  // namespace holdfast
