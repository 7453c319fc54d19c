// A million clients and a server that is down for an hour: how many requests a
// second arrive, with the core's own verdicts, backoff and reachability, beside
// clients that send all they have whenever a fixed timer fires. Prints one line
// of JSON a pattern; `npm run bench -- neighbour` draws them.
//
// The worst case: all clients meet the outage in its first second, with their
// outboxes full. Every answer takes as long; the healthy server never tires.

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backoff.h"
#include "sync/reachability.h"
#include "verdict.h"

namespace {

using namespace holdfast;
using namespace std::chrono_literals;

constexpr int kClients = 1'000'000;
constexpr int kMutations = 5;  // A client's outbox.
constexpr Time kStart{12h};    // Of the outage.
constexpr Time kEnd = kStart + 1h;
constexpr Time kHorizon = kEnd + 1h;  // Nothing is simulated past it.
constexpr Duration kAnswer = 50ms;
constexpr Duration kTimer = 1min;  // Of a naive client.

// What arrived at the server, by the second.
class Load {
 public:
  Load() : per_second_(static_cast<std::size_t>((kHorizon - kStart) / 1s)) {}

  void arrive(Time now, int requests) {
    per_second_.at(static_cast<std::size_t>((now - kStart) / 1s)) += requests;
  }
  void deliver(Time now, int mutations) {
    delivered_ += mutations;
    last_ = now;
    if (!half_delivered_ && delivered_ >= kMutations * std::int64_t{kClients} / 2)
      half_delivered_ = now;
  }

  // REQUIRES: everything was delivered.
  void print(const std::string& pattern) const {
    assert(delivered_ == kMutations * std::int64_t{kClients});
    std::printf("{\"pattern\":\"%s\",\"halfAfterMs\":%lld,\"allAfterMs\":%lld,\"perSecond\":[",
                pattern.c_str(), static_cast<long long>((*half_delivered_ - kEnd).count()),
                static_cast<long long>((last_ - kEnd).count()));
    for (std::size_t i = 0; i < per_second_.size(); ++i)
      std::printf("%s%lld", i ? "," : "", static_cast<long long>(per_second_[i]));
    std::printf("]}\n");
  }

 private:
  std::vector<std::int64_t> per_second_;
  std::int64_t delivered_ = 0;
  std::optional<Time> half_delivered_;
  Time last_;
};

// Who is to be woken when: a list a millisecond, linked through the clients,
// each of whom stands in one at most.
class Wheel {
 public:
  Wheel() : first_(static_cast<std::size_t>((kHorizon - kStart).count()), -1), next_(kClients) {}

  void wake(int client, Time at) {
    assert(at < kHorizon);
    int& first = first_[static_cast<std::size_t>((at - kStart).count())];
    next_[static_cast<std::size_t>(client)] = first;
    first = client;
  }

  // One who is to be woken now, or -1.
  int take(Time now) {
    int& first = first_[static_cast<std::size_t>((now - kStart).count())];
    int client = first;
    if (client >= 0) first = next_[static_cast<std::size_t>(client)];
    return client;
  }

 private:
  std::vector<int> first_;
  std::vector<int> next_;
};

std::string name(int client, int mutation) {
  return std::to_string(client) + '.' + std::to_string(mutation);
}

// When a client meets the outage.
Time met(int client, Duration within) {
  return kStart + backoff(name(client, 0), 1, within, within);
}

// What the engine does with its outbox and its Reachability, for clients whose
// mutations depend on nothing.
class Neighbours {
 public:
  // "retry_after": the header that the server sends while it is down.
  explicit Neighbours(const std::string& retry_after)
      : down_{.status = 503, .retry_after = retry_after}, clients_(kClients) {
    for (int i = 0; i < kClients; ++i) wheel_.wake(i, met(i, 1s - 1ms));
  }

  Load run() {
    for (Time now = kStart; now < kHorizon; now += 1ms)
      for (int i; (i = wheel_.take(now)) >= 0;) wake(i, now);
    return std::move(load_);
  }

 private:
  struct Client {
    Reachability way;
    int waiting = kMutations;
    int in_flight = 0;
  };

  void wake(int i, Time now) {
    Client& client = clients_[static_cast<std::size_t>(i)];
    // Until the outage all went well.
    if (client.way.probe == 0) {
      client.way.send_probe();
      client.way.probed(now, config_.probe_fresh);
    } else if (client.way.state == Reachability::State::probing) {
      probed(i, client, now);
    } else {
      for (; client.in_flight > 0; --client.in_flight) answered(i, client, now);
    }
    dispatch(i, client, now);
  }

  void probed(int i, Client& client, Time now) {
    const Response& response = now < kEnd ? down_ : well_;
    if (judge_probe(response, true) == Verdict::accepted)
      client.way.probed(now, config_.probe_fresh);
    else
      client.way.probe_failed(now, setback(name(i, client.waiting), client, response, now));
  }

  void answered(int i, Client& client, Time now) {
    const Response& response = now < kEnd ? down_ : well_;
    if (judge(Kind::create, response) == Verdict::accepted) {
      client.way.accepted();
      --client.waiting;
      load_.deliver(now, 1);
    } else {
      std::string id = name(i, client.waiting - client.in_flight + 1);
      client.way.attempt_failed(now, setback(id, client, response, now));
    }
  }

  Reachability::Setback setback(const std::string& id, const Client& client,
                                const Response& response, Time now) const {
    auto floor = retry_after(response, now);
    auto delay = client.way.delay(now, Status::Wait::origin, floor, id, config_);
    return {.wait = Status::Wait::origin, .reason = {}, .delay = delay, .floor = floor};
  }

  void dispatch(int i, Client& client, Time now) {
    bool waiting = client.waiting > 0;
    if (client.way.wants_probe(now, waiting)) {
      client.way.send_probe();
      load_.arrive(now, 1);
      wheel_.wake(i, now + kAnswer);
    } else if (waiting && client.way.may_send(now)) {
      client.in_flight = std::min(client.way.room(config_.concurrency), client.waiting);
      load_.arrive(now, client.in_flight);
      wheel_.wake(i, now + kAnswer);
    } else if (auto deadline = client.way.deadline(waiting)) {
      wheel_.wake(i, std::max(*deadline, now + 1ms));
    }
  }

  const Config config_;
  const Response down_;
  const Response well_{.status = 200, .content_type = "application/json"};
  std::vector<Client> clients_;
  Wheel wheel_;
  Load load_;
};

// Each sends all it has when it meets the outage and then whenever its timer fires.
Load naive(Duration within) {
  Load load;
  std::vector<int> delivering(static_cast<std::size_t>((kTimer + within) / 1ms) + 1);
  for (int i = 0; i < kClients; ++i) {
    Time now = met(i, within);
    for (; now < kEnd; now += kTimer) load.arrive(now, kMutations);
    load.arrive(now, kMutations);
    ++delivering[static_cast<std::size_t>((now - kEnd) / 1ms)];
  }
  for (std::size_t ms = 0; ms < delivering.size(); ++ms)
    if (delivering[ms]) load.deliver(kEnd + Duration(ms) + kAnswer, delivering[ms] * kMutations);
  return load;
}

}  // namespace

int main() {
  naive(1s - 1ms).print("naive");
  naive(kTimer - 1ms).print("naive, out of step");
  Neighbours("").run().print("Holdfast");
  Neighbours("600").run().print("Holdfast, Retry-After: 600");
  Neighbours("Thu, 01 Jan 1970 13:00:00 GMT").run().print("Holdfast, Retry-After: a date");
}
