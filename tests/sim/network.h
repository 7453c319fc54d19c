// The Network carries the engine's requests to the Server and what comes of
// them back to the host, as badly as the tape says: each request, answer and
// silence is one thing under way, and things under way are moved on in any
// order.
//
//    request ──to server──▶ (applied) ──to host──▶ Happening
//               │  └─ being worked on ─┘
//               └──lost, or answered by somebody else──▶ Happening
//
// Whatever happens, the host hears of each request of its session at least
// once: the transport has a timeout.

#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "protocol.h"
#include "sim/clock.h"
#include "sim/coverage.h"
#include "sim/happening.h"
#include "sim/replies.h"
#include "sim/server.h"
#include "sim/tape.h"

namespace holdfast::sim {

class Network {
 public:
  // All must outlive the Network.
  Network(Tape& tape, Coverage& coverage, Server& server, const Clock& clock, const Config& config)
      : tape_(tape), coverage_(coverage), server_(server), clock_(clock), config_(config) {}

  // A request that takes longer is lost: a server that keeps a key so much
  // longer than it says sees no copy of it afterwards.
  static constexpr Duration kLongest = std::chrono::minutes(2);

  int faults = 0;  // Of 1000 requests, how many meet one.

  void carry(const Send& send) { add(send); }
  void carry(const SendBatch& batch) { add(batch); }
  void carry(const Probe& probe) { add(probe); }
  void carry(const Fetch& fetch) { add(fetch); }

  bool idle() const { return under_way_.empty(); }

  // Moves the oldest thing on, or any; what reaches the host, if something does.
  std::optional<Happening> move_oldest() { return move(0); }
  std::optional<Happening> move_any() { return move(tape_.draw(under_way_.size())); }

  // The host has gone: nobody waits for what is under way, yet some of it arrives.
  void end_session();

 private:
  using Asked = std::variant<Send, SendBatch, Probe, Fetch>;
  enum class Stage { to_server, worked_on, to_host };

  struct UnderWay {
    Stage stage = Stage::to_server;
    Asked asked;
    std::int64_t number = 0;
    Duration since{0};     // In elapsed time.
    Time left = {};        // By the wall clock.
    bool wanted = true;    // The host waits for the answer.
    bool of_old = false;   // Of a session that is over.
    bool twice = false;    // The answer comes twice.
    Happening answer = {};  // Once on its way to the host.
    std::optional<Happening> rest = {};  // What comes after it: of a page its second part.
  };

  void add(Asked asked);
  std::optional<Happening> move(std::size_t index);
  void arrive(UnderWay thing, const Send& send);
  void arrive(UnderWay thing, const SendBatch& batch);
  void arrive(UnderWay thing, const Probe& probe);
  void arrive(UnderWay thing, const Fetch& fetch);
  bool meets_fault(UnderWay& thing, const Send& send);
  bool meets_fault(UnderWay& thing, const SendBatch& batch);
  bool meets_any_fault(UnderWay& thing, std::size_t fault);
  void answer_badly(const UnderWay& thing, const Send& send);
  void answer_badly(const UnderWay& thing, const SendBatch& batch);
  void answer_unusably(const UnderWay& thing, const Send& send);
  void reply(UnderWay thing, std::variant<Silence, Response> outcome, Happening known = {});
  void reply_in_parts(UnderWay thing, const Fetch& fetch, const Response& whole, const Page& page);
  void fall_silent(const UnderWay& thing);

  // What the server makes of it.
  Server::Answer take(const Send& send, std::int64_t number);
  Server::Answer take(const SendBatch& batch, std::int64_t number, std::vector<Outcome>& members);
  Server::Answer take_member(const Send& send, std::int64_t number);
  void take_unseen(const UnderWay& thing);
  Outcome meaning_of(const Reply& reply, const Send& send) const;
  const Collection* collection_of(const std::string& path) const;

  Tape& tape_;
  Coverage& coverage_;
  Server& server_;
  const Clock& clock_;
  const Config& config_;
  std::vector<UnderWay> under_way_;
  std::int64_t sent_ = 0;
};

}  // namespace holdfast::sim
