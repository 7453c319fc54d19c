#include "attempts.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "../backoff.h"
#include "../clock.h"
#include "../json.h"
#include "../timestamp.h"
#include "../verdict.h"
#include "folding.h"
#include "request.h"

namespace holdfast {
namespace {

// So many attempts without an answer, each so soon after a good probe, are not the network's fault.
constexpr int kStrays = 3;
constexpr Duration kSoon = std::chrono::seconds(10);

}  // namespace

void Attempts::send_due(Turn& turn) {
  int room = turn.way.room(config_.concurrency) - static_cast<int>(store_.counters.in_flight);
  if (room <= 0 || !turn.way.may_send(turn.now)) return;
  bool batches = !config_.batch_path.empty() && store_.counters.single != store_.counters.epoch &&
                 store_.counters.in_flight == 0;
  // While the API is tried again after an outage, one by one.
  int most = turn.way.room(config_.batch_max);
  if (batches && send_batch(store_.outbox.due(turn.now, most), turn)) return;
  // What is given up in the place of being sent leaves its room to others.
  while (room > 0) {
    auto heads = store_.outbox.due(turn.now, room);
    if (heads.empty()) return;
    for (const auto& mutation : heads) send(mutation, turn);
    room = turn.way.room(config_.concurrency) - static_cast<int>(store_.counters.in_flight);
  }
}

void Attempts::send(const Mutation& mutation, Turn& turn) {
  auto collection = config_.collections.find(mutation.key.collection);
  bool asking = false;
  if (key_expired(mutation, turn.now)) {
    // Without its key it could take effect twice.
    bool safe = mutation.kind != Kind::create;
    auto policy = collection == config_.collections.end() ? OnUnknown::ask
                                                          : collection->second.on_unknown;
    asking = policy == OnUnknown::safest && !safe && !collection->second.server_ids;
    if (policy == OnUnknown::ask || (policy == OnUnknown::safest && !safe && !asking))
      return bury(mutation, /*unknown=*/true,
                  json::problem("Outcome unknown",
                                "No answer came within the time that the server keeps keys. It "
                                "may have been applied: sent again it could take effect twice."),
                  turn);
  }
  auto request = begin(mutation, asking, turn);
  if (!request) return;
  Send send{store_.counters.epoch, mutation.id, mutation.attempts + 1,
            request->method, request->path, request->body};
  if (asking) {
    send.method = "GET";
    send.path += "/" + mutation.key.id;
    send.body.clear();
  } else if (mutation.kind == Kind::create && collection != config_.collections.end() &&
             collection->second.server_ids) {
    send.asks = mutation.key.collection;
  }
  turn.step.effects.push_back(std::move(send));
}

// Sends several heads in one request; answers whether it did.
bool Attempts::send_batch(std::span<const Mutation> heads, Turn& turn) {
  SendBatch batch{.epoch = store_.counters.epoch, .members = {}, .path = config_.batch_path,
                  .body = "{\"requests\":["};
  std::vector<Mutation> members;
  for (const auto& head : heads) {
    auto collection = config_.collections.find(head.key.collection);
    if (collection == config_.collections.end() || key_expired(head, turn.now)) continue;
    if (collection->second.server_ids && head.kind == Kind::create) continue;
    members.push_back(head);
  }
  if (members.size() < 2) return false;
  for (const auto& member : members) {
    auto room = static_cast<std::int64_t>(batch.body.size() + member.change.size());
    if (batch.members.size() >= 2 && room > config_.max_body) break;
    auto request = begin(member, /*asking=*/false, turn);
    assert(request);
    if (!batch.members.empty()) batch.body += ',';
    batch.body += "{\"key\":\"" + member.id + "\",\"method\":\"" + request->method +
                  "\",\"path\":\"" + request->path + "\"";
    if (!request->body.empty()) batch.body += ",\"body\":" + request->body;
    batch.body += '}';
    batch.members.push_back({member.id, member.attempts + 1});
  }
  batch.body += "]}";
  turn.step.effects.push_back(std::move(batch));
  return true;
}

// Puts a mutation under way, and answers its request; nothing if there can be none.
std::optional<Request> Attempts::begin(const Mutation& mutation, bool asking, Turn& turn) {
  auto collection = config_.collections.find(mutation.key.collection);
  if (!mutation.request && collection == config_.collections.end()) {
    bury(mutation, false,
         json::problem("Unknown collection", "This version of the app has no collection '" +
                                                 mutation.key.collection + "'."),
         turn);
    return std::nullopt;
  }
  Request request = mutation.request ? *mutation.request
                                     : request_of(mutation, store_.records, collection->second);
  if (!mutation.request && !request.body.empty())
    request.body = json::with_stamp(request.body, stamp_of(mutation, turn.now));
  store_.outbox.attempt(mutation, request, turn.now, asking);
  return request;
}

// When it was written, by the server's clock as far as that is known.
std::string Attempts::stamp_of(const Mutation& mutation, Time now) {
  auto base = store_.records.find(mutation.key).base;
  auto last = base ? parse_rfc3339(json::member(*base, "updatedAt")) : std::nullopt;
  return rfc3339(stamp(mutation.written_at, now, store_.counters.ahead(), last));
}

// Whether the server may have forgotten the key of what it may have applied. A clock that was set
// back says nothing about how long ago that was.
bool Attempts::key_expired(const Mutation& mutation, Time now) const {
  if (!mutation.unknown || !mutation.first_attempt_at) return false;
  Time latest = std::max(now, Time(Duration(store_.counters.latest)));
  return now < *mutation.first_attempt_at ||
         latest - *mutation.first_attempt_at >= config_.key_lifetime;
}

// Answers can come late or twice, from an attempt or a session that is over. Only the answer to
// the latest attempt counts.
std::optional<Mutation> Attempts::under_way(Epoch epoch, const MutationId& id, int attempt) {
  if (epoch != store_.counters.epoch) return std::nullopt;
  auto mutation = store_.outbox.find(id);
  if (!mutation || mutation->state != State::in_flight || mutation->attempts != attempt)
    return std::nullopt;
  return mutation;
}

void Attempts::answered(const Answered& e, Turn& turn) {
  if (auto mutation = under_way(e.epoch, e.id, e.attempt))
    on_outcome(*mutation, e.outcome, e.server_id, turn);
}

void Attempts::answered(const BatchAnswered& e, Turn& turn) {
  auto* response = std::get_if<Response>(&e.outcome);
  std::optional<std::vector<Response>> each;
  bool refused = false;
  if (response) {
    Verdict verdict = judge(Kind::update, *response, {});
    if (verdict != Verdict::unreachable) store_.counters.hear(*response);
    if (verdict == Verdict::accepted) each = json::responses(response->body, e.members.size());
    // It does not take batches, or not this one: which member is at fault shows one by one.
    refused = !each && (verdict == Verdict::accepted || verdict == Verdict::rejected ||
                        verdict == Verdict::conflict || response->status == 500);
  }
  if (refused) store_.counters.single = store_.counters.epoch;
  for (std::size_t i = 0; i < e.members.size(); ++i) {
    auto mutation = under_way(e.epoch, e.members[i].id, e.members[i].attempt);
    if (!mutation) continue;
    if (each) on_outcome(*mutation, (*each)[i], "", turn);
    else if (!refused) on_outcome(*mutation, e.outcome, "", turn);
    else store_.outbox.postpone(*mutation, {.at = mutation->due_at,
                                            .unknown = mutation->unknown ||
                                                       outcome_unknown(*response),
                                            .problem = json::problem(*response)});
  }
}

void Attempts::on_outcome(const Mutation& mutation, const std::variant<Silence, Response>& outcome,
                          const Json& server_id, Turn& turn) {
  turn.changed.insert(name_of(mutation.key));
  if (auto* silence = std::get_if<Silence>(&outcome)) on_silence(mutation, *silence, turn);
  else if (mutation.asking) on_news(mutation, std::get<Response>(outcome), turn);
  else on_response(mutation, std::get<Response>(outcome), server_id, turn);
}

void Attempts::on_silence(const Mutation& mutation, Silence silence, Turn& turn) {
  Json problem = json::problem("No answer", told(silence));
  bool unknown = mutation.unknown || silence != Silence::not_sent;
  if (silence == Silence::unbuildable) return bury(mutation, mutation.unknown, problem, turn);
  if (silence == Silence::not_sent)
    return store_.outbox.postpone(mutation, {.at = turn.now + delay(mutation, mutation.attempts),
                                             .unknown = unknown,
                                             .problem = problem});
  wait(mutation, Status::Wait::network, nullptr, told(silence), unknown, problem, turn);
}

void Attempts::on_response(const Mutation& mutation, const Response& response,
                           const Json& server_id, Turn& turn) {
  auto collection = config_.collections.find(mutation.key.collection);
  Overrides overrides;
  if (collection != config_.collections.end()) overrides = collection->second.overrides;
  Json problem = json::problem(response);
  bool unknown = mutation.unknown || outcome_unknown(response);
  auto setback_for = [&](Status::Wait why) {
    wait(mutation, why, &response, told(response), unknown, problem, turn);
  };
  Verdict verdict = judge(mutation.kind, response, overrides);
  if (verdict != Verdict::unreachable) store_.counters.hear(response);
  switch (verdict) {
    case Verdict::accepted:
      turn.way.accepted();
      return accept(mutation, response, server_id, turn);
    case Verdict::conflict:
    case Verdict::rejected:
      turn.way.refused();
      // A question that is refused says nothing about what was asked after.
      return bury(mutation, mutation.unknown && (mutation.asking || outcome_unknown(response)),
                  problem, turn);
    case Verdict::retry: {
      turn.way.retried(turn.now, mutation.id,
                       setback(Status::Wait::origin, told(response), mutation.id, &response, turn));
      int counted = mutation.counted + 1;
      if (counted >= config_.max_attempts) return bury(mutation, unknown, problem, turn);
      Time at = turn.now + delay(mutation, counted);
      if (auto floor = retry_after(response, turn.now))
        at = std::min(std::max(*floor, turn.now) + delay(mutation, counted),
                      turn.now + config_.backoff_cap);
      return store_.outbox.postpone(
          mutation, {.at = at, .counts = true, .unknown = unknown, .problem = problem});
    }
    case Verdict::overloaded: return setback_for(Status::Wait::origin);
    case Verdict::unreachable: return setback_for(Status::Wait::network);
    case Verdict::sign_in:
      // Noted at once: others of a batch are answered so too.
      if (std::exchange(turn.way.wait, Status::Wait::sign_in) != Status::Wait::sign_in)
        turn.step.effects.push_back(SignIn{});
      return setback_for(Status::Wait::sign_in);
  }
}

// The answer to the question what became of a create whose key is past its lifetime.
void Attempts::on_news(const Mutation& mutation, const Response& response, Turn& turn) {
  Verdict verdict = judge(Kind::update, response, {});
  if (response.status == 404 || response.status == 410) {
    turn.way.accepted();
    return store_.outbox.begin_anew(mutation);
  }
  if (verdict == Verdict::rejected || verdict == Verdict::conflict) {
    turn.way.refused();
    return bury(mutation, /*unknown=*/true, json::problem(response), turn);
  }
  on_response(mutation, response, "", turn);
}

// It was not the mutation's fault: it goes again when the way is open.
void Attempts::wait(const Mutation& mutation, Status::Wait why, const Response* response,
                    std::string reason, bool unknown, const Json& problem, Turn& turn) {
  bool stray = why == Status::Wait::network && turn.way.state == Reachability::State::open &&
               turn.now <= turn.way.fresh_until - config_.probe_fresh + kSoon;
  if (stray && mutation.strays + 1 >= kStrays)
    // Others go on: this one is tried again now and then.
    return store_.outbox.postpone(
        mutation, {.at = turn.now + config_.backoff_cap,
                   .unknown = unknown,
                   .stray = true,
                   .problem = json::problem("Blocked",
                                            "The API answers probes and not this: " + reason +
                                                " CORS, a redirect or a sign-in page may stand "
                                                "before it.")});
  Time at = why == Status::Wait::network ? turn.now + delay(mutation, mutation.attempts)
                                         : mutation.due_at;
  store_.outbox.postpone(mutation,
                         {.at = at, .unknown = unknown, .stray = stray, .problem = problem});
  turn.way.attempt_failed(turn.now,
                          setback(why, std::move(reason), mutation.id, response, turn));
}

void Attempts::accept(const Mutation& mutation, const Response& response, const Json& server_id,
                      Turn& turn) {
  auto collection = config_.collections.find(mutation.key.collection);
  bool due = collection != config_.collections.end() && collection->second.server_ids;
  Json its_id = server_id;
  if (mutation.kind == Kind::create && its_id.empty()) its_id = json::id(response.body);
  bool usable = !its_id.empty() && json::valid_id(json::text(its_id));
  if (mutation.kind == Kind::create && due && !usable)
    return bury(mutation, /*unknown=*/true,
                json::problem("No id", "The server accepted it, but its answer holds no id."),
                turn);
  Record record = settle(store_, mutation, Departure::Reason::accepted, turn.now);
  if (mutation.kind == Kind::create && usable && json::text(its_id) != mutation.key.id) {
    // What it was called before is another record.
    if (!record.server_id.empty()) store_.records.uncall(mutation.key, record.server_id);
    record.server_id = its_id;
    // A pull may have brought it before the answer came.
    Key twin{mutation.key.collection, json::text(its_id)};
    if (Record known = store_.records.find(twin); known.body && !known.tail)
      store_.records.save(twin, {});
    store_.records.call(mutation.key, its_id);
  }
  if (mutation.kind == Kind::remove && !record.server_id.empty())
    // Made anew it is another record there.
    store_.records.uncall(mutation.key, std::exchange(record.server_id, ""));
  record.base = accepted_base(mutation, response, store_.records,
                              collection == config_.collections.end() ? Collection{}
                                                                      : collection->second);
  record.gone = false;
  record.confirmed = ++store_.counters.confirmations;
  store_.cursors.confirmed(mutation.key);
  record.body = fold(record.base, store_.outbox.chain(record.tail));
  bool pulling = store_.cursors.find(mutation.key.collection).pull != 0;
  store_.records.save(mutation.key, record, /*tombstone=*/pulling);
  turn.step.effects.push_back(Settled{mutation.id, mutation.key, Settled::Reason::accepted});
}

void Attempts::bury(const Mutation& mutation, bool unknown, const Json& problem, Turn& turn) {
  store_.outbox.bury(mutation, unknown, problem);
  refold(store_, mutation.key);
  turn.changed.merge(shown_with(store_, mutation));
  turn.step.effects.push_back(Buried{mutation.id, mutation.key, problem});
}

Duration Attempts::delay(const Mutation& mutation, int attempts) const {
  return backoff(mutation.id, attempts, config_.backoff_base, config_.backoff_cap);
}

Reachability::Setback Attempts::setback(Status::Wait wait, std::string reason, std::string_view id,
                                        const Response* response, const Turn& turn) const {
  auto floor = response ? retry_after(*response, turn.now) : std::nullopt;
  return {.wait = wait,
          .reason = std::move(reason),
          .delay = turn.way.delay(turn.now, wait, floor, id, config_),
          .floor = floor};
}

}  // namespace holdfast
