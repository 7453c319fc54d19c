#include "sim/network.h"

#include <algorithm>
#include <utility>

#include "sim/batch.h"
#include "sim/replies.h"

namespace holdfast::sim {
namespace {

bool is_good(const Response& response) { return response.status >= 200 && response.status < 300; }

// The response that an event brings, if it brings one.
Response* response_in(Event& event) {
  return std::visit(
      [](auto& e) -> Response* {
        if constexpr (requires { e.outcome; }) return std::get_if<Response>(&e.outcome);
        else return nullptr;
      },
      event);
}

Happening knowing(Outcome outcome) { return {.event = {}, .outcome = std::move(outcome)}; }

}  // namespace

void Network::add(Asked asked) {
  UnderWay thing;
  thing.asked = std::move(asked);
  thing.number = ++sent_;
  thing.since = clock_.elapsed;
  thing.left = clock_.wall();
  under_way_.push_back(std::move(thing));
}

void Network::end_session() {
  std::vector<UnderWay> rest;
  for (auto& thing : under_way_) {
    bool arrives = faults > 0 && tape_.draw(3) == 2;
    if (!arrives && thing.stage != Stage::worked_on) continue;
    thing.of_old = true;
    // An answer that is ready may reach the next session; one that is not has nobody to go to.
    if (thing.stage != Stage::to_host) thing.wanted = tape_.draw(2) == 1;
    rest.push_back(std::move(thing));
  }
  under_way_ = std::move(rest);
}

std::optional<Happening> Network::move(std::size_t index) {
  auto at = under_way_.begin() + static_cast<std::ptrdiff_t>(index);
  UnderWay thing = std::move(*at);
  under_way_.erase(at);
  if (thing.stage == Stage::to_host) {
    if (thing.of_old) coverage_.saw(Fault::answer_stale);
    if (thing.twice) {
      UnderWay again = thing;
      again.twice = false;
      under_way_.push_back(std::move(again));
    }
    if (thing.rest && !thing.of_old) {
      UnderWay rest = thing;
      rest.answer = std::move(*thing.rest);
      rest.rest.reset();
      under_way_.push_back(std::move(rest));
    }
    if (Response* response = response_in(thing.answer.event)) response->received_at = clock_.wall();
    return std::move(thing.answer);
  }
  if (thing.stage == Stage::to_server && clock_.elapsed - thing.since > kLongest) {
    coverage_.saw(Fault::request_stuck);
    fall_silent(thing);
    return std::nullopt;
  }
  Asked asked = thing.asked;
  std::visit([&](const auto& request) { arrive(std::move(thing), request); }, asked);
  return std::nullopt;
}

// What becomes of a request at the server, or on the way to it.
void Network::arrive(UnderWay thing, const Send& send) {
  if (thing.of_old) coverage_.saw(Fault::request_outlives);
  if (thing.stage == Stage::to_server && tape_.strikes(faults) && meets_fault(thing, send)) return;
  if (thing.stage == Stage::worked_on) server_.end(send);
  Server::Answer answer = take(send, thing.number);
  if (thing.wanted) reply(std::move(thing), answer.response, knowing(answer.outcome));
}

// True when the request is done with.
bool Network::meets_fault(UnderWay& thing, const Send& send) {
  std::size_t fault = tape_.choose({3, 8, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1});
  switch (fault) {
    case 1: return answer_badly(thing, send), true;
    case 5: {
      coverage_.saw(Fault::answer_cut);
      Server::Answer answer = take(send, thing.number);
      if (is_good(answer.response)) {
        answer.response.complete = false;
        answer.response.body.resize(answer.response.body.size() / 2);
        answer.outcome = {.meaning = Meaning::counted, .unknown = true};
      }
      if (thing.wanted) reply(thing, answer.response, knowing(answer.outcome));
      return true;
    }
    case 8: {
      coverage_.saw(Fault::in_progress);
      if (server_.has_applied(send.id) || send.method == "GET") return false;
      server_.begin(send);
      UnderWay slow = thing;
      slow.stage = Stage::worked_on;
      under_way_.push_back(std::move(slow));
      return true;
    }
    case 11:
      // What it added, and what it calls what it made, could be known from its answer only.
      if (server_.traits().adds || !server_.signed_in) return false;
      return answer_unusably(thing, send), true;
    default: return meets_any_fault(thing, fault);
  }
}

void Network::arrive(UnderWay thing, const SendBatch& batch) {
  if (thing.of_old) coverage_.saw(Fault::request_outlives);
  if (tape_.strikes(faults) && meets_fault(thing, batch)) return;
  Happening known;
  Server::Answer answer = take(batch, thing.number, known.members);
  if (thing.wanted) reply(std::move(thing), answer.response, std::move(known));
}

bool Network::meets_fault(UnderWay& thing, const SendBatch& batch) {
  std::size_t fault = tape_.choose({3, 5, 3, 2, 2, 2, 2, 2, 0, 1, 1, 2});
  if (fault == 1) return answer_badly(thing, batch), true;
  if (fault != 5 && fault != 11) return meets_any_fault(thing, fault);
  Happening known;
  Server::Answer answer = take(batch, thing.number, known.members);
  if (is_good(answer.response)) {
    Outcome lost{.meaning = Meaning::counted, .unknown = true};
    if (fault == 5) {
      coverage_.saw(Fault::answer_cut);
      answer.response.complete = false;
      answer.response.body.resize(answer.response.body.size() / 2);
    } else {
      coverage_.saw(Fault::batch_malformed);
      answer.response.body = tape_.draw(2) == 0 ? R"({"responses":[{"status":200}]})" : "[]";
      if (batch.members.size() == 1) answer.response.body = "{}";
      lost.meaning = Meaning::not_batched;
    }
    known.members.assign(batch.members.size(), lost);
  }
  if (thing.wanted) reply(thing, answer.response, std::move(known));
  return true;
}

// What may befall any change.
bool Network::meets_any_fault(UnderWay& thing, std::size_t fault) {
  auto fail = [&](Silence silence, Meaning meaning) {
    Happening known = knowing({.meaning = meaning});
    if (auto* batch = std::get_if<SendBatch>(&thing.asked))
      known.members.assign(batch->members.size(), known.outcome);
    if (thing.wanted) reply(thing, silence, std::move(known));
    return true;
  };
  switch (fault) {
    case 0:
      coverage_.saw(Fault::request_lost);
      return fall_silent(thing), true;
    case 2:
      coverage_.saw(Fault::answer_lost);
      take_unseen(thing);
      return fall_silent(thing), true;
    case 3:  // The transport has given up before the answer comes.
      coverage_.saw(Fault::answer_late);
      fall_silent(thing);
      return false;
    case 4:
      coverage_.saw(Fault::answer_twice);
      thing.twice = true;
      return false;
    case 6: {  // The browser itself sends it again over another connection.
      coverage_.saw(Fault::request_twice);
      UnderWay copy = thing;
      copy.wanted = false;
      under_way_.push_back(std::move(copy));
      return false;
    }
    case 7: {  // It lingers on the way, and nobody waits for it any more.
      coverage_.saw(Fault::request_late);
      fall_silent(thing);
      UnderWay late = thing;
      late.wanted = false;
      under_way_.push_back(std::move(late));
      return true;
    }
    case 9:
      coverage_.saw(Fault::not_sent);
      return fail(Silence::not_sent, Meaning::unsent);
    default:
      coverage_.saw(Fault::unbuildable);
      return fail(Silence::unbuildable, Meaning::unbuildable);
  }
}

void Network::answer_badly(const UnderWay& thing, const Send& send) {
  Reply bad = bad_reply(tape_, coverage_, clock_.truth());
  Outcome outcome = meaning_of(bad, send);
  bool asks = send.method == "GET";
  if (asks && bad.response.status == 404) return fall_silent(thing);  // Nobody lies.
  if (outcome.meaning == Meaning::refused && !asks) {
    // A server that keeps keys does not refuse what it has applied, nor find missing what it has.
    if (server_.has_applied(send.id) || send.method == "DELETE") return fall_silent(thing);
    server_.refuse(send, thing.number);
  }
  if (bad.may_follow_effect && tape_.draw(2) == 1) {
    take_unseen(thing);
    coverage_.saw(Fault::applied_and_failed);
  }
  if (thing.wanted) reply(thing, bad.response, knowing(outcome));
}

// Something answers for the batch as a whole.
void Network::answer_badly(const UnderWay& thing, const SendBatch& batch) {
  Reply bad = bad_reply(tape_, coverage_, clock_.truth());
  bool refused = bad.outcome.meaning == Meaning::refused || bad.response.status == 500;
  Happening known;
  for (const auto& member : members_of(batch)) {
    Outcome outcome = refused ? bad.outcome : meaning_of(bad, member);
    if (refused) outcome.meaning = Meaning::not_batched;
    if (outcome.meaning == Meaning::refused) {
      if (server_.has_applied(member.id) || member.method == "DELETE") return fall_silent(thing);
      server_.refuse(member, thing.number);
    }
    known.members.push_back(std::move(outcome));
  }
  if (refused) coverage_.saw(Fault::batch_refused);
  if (bad.may_follow_effect && tape_.draw(2) == 1) {
    take_unseen(thing);
    coverage_.saw(Fault::applied_and_failed);
  }
  if (thing.wanted) reply(thing, bad.response, std::move(known));
}

// It is done, and the answer does not say what.
void Network::answer_unusably(const UnderWay& thing, const Send& send) {
  coverage_.saw(Fault::unusable_body);
  Server::Answer answer = take(send, thing.number);
  Outcome& outcome = answer.outcome;
  if (outcome.meaning == Meaning::accepted && is_good(answer.response)) {
    bool chooses = send.method == "POST" &&
                   std::ranges::any_of(server_.traits().chooses, [&](const auto& name) {
                     return send.path == server_.traits().paths.at(name);
                   });
    // Without the app's word for it only the answer tells what a record is called.
    if (chooses && send.asks.empty()) {
      if (thing.wanted) reply(thing, answer.response, knowing(outcome));
      return;
    }
    answer.response.body = "[\"it is done\"]";
    outcome.record.reset();
    if (send.asks.empty() || tape_.draw(2) == 0) outcome.server_id.clear();
    else coverage_.saw(Fault::id_told_by_app);
  }
  if (thing.wanted) reply(thing, answer.response, knowing(outcome));
}

Server::Answer Network::take(const Send& send, std::int64_t number) {
  if (!server_.signed_in) {
    coverage_.saw(Fault::signed_out);
    return {Response{.status = 401, .content_type = "application/problem+json", .body = "{}"},
            Outcome{.meaning = Meaning::waits, .sign_in = true}};
  }
  if (send.method == "GET") return server_.find(send);
  bool silent = !server_.traits().adds && faults > 0 && tape_.draw(4) == 3;
  return server_.take(send, number, silent);
}

Server::Answer Network::take(const SendBatch& batch, std::int64_t number,
                             std::vector<Outcome>& members) {
  auto sends = members_of(batch);
  Server::Answer answer;
  answer.response = {.status = 200, .content_type = "application/json"};
  bool refused = server_.traits().no_batches != 0;
  if (refused || !server_.signed_in) {
    coverage_.saw(refused ? Fault::batch_refused : Fault::signed_out);
    answer.response.status = server_.signed_in ? server_.traits().no_batches : 401;
    answer.outcome.meaning = server_.signed_in ? Meaning::not_batched : Meaning::waits;
    answer.outcome.sign_in = !server_.signed_in;
    members.assign(sends.size(), answer.outcome);
    return answer;
  }
  std::vector<Response> responses;
  std::size_t failed = 0;
  for (const auto& send : sends) {
    Server::Answer one = take_member(send, number);
    if (one.outcome.meaning != Meaning::accepted) ++failed;
    responses.push_back(one.response);
    members.push_back(one.outcome);
  }
  if (failed > 0 && failed < sends.size()) coverage_.saw(Fault::batch_partial);
  answer.response.body = text_of(responses);
  return answer;
}

// A member of a batch may fail by itself.
Server::Answer Network::take_member(const Send& send, std::int64_t number) {
  if (!tape_.strikes(faults)) return take(send, number);
  Reply bad = bad_reply(tape_, coverage_, clock_.truth());
  Outcome outcome = meaning_of(bad, send);
  if (outcome.strays) return take(send, number);  // Nobody stands between.
  if (bad.response.content_type != "application/problem+json") bad.response.body.clear();
  if (!bad.response.retry_after.empty() && !bad.response.date.empty())
    return take(send, number);  // A member has no date of its own.
  if (outcome.meaning == Meaning::refused) {
    if (server_.has_applied(send.id) || send.method == "DELETE") return take(send, number);
    server_.refuse(send, number);
  }
  if (bad.may_follow_effect && tape_.draw(2) == 1) {
    take(send, number);
    coverage_.saw(Fault::applied_and_failed);
  }
  return {bad.response, outcome};
}

void Network::take_unseen(const UnderWay& thing) {
  std::vector<Outcome> members;
  if (auto* send = std::get_if<Send>(&thing.asked)) take(*send, thing.number);
  if (auto* batch = std::get_if<SendBatch>(&thing.asked)) take(*batch, thing.number, members);
}

// The app's own words about a status hold for changes; about a question what became of one only
// where the answer is none.
Outcome Network::meaning_of(const Reply& reply, const Send& send) const {
  if (send.method == "GET" && reply.outcome.meaning == Meaning::refused) return reply.outcome;
  const Collection* collection = collection_of(send.path);
  return collection ? overridden(reply, collection->overrides) : reply.outcome;
}

const Collection* Network::collection_of(const std::string& path) const {
  for (const auto& [name, collection] : config_.collections)
    if (path.starts_with(collection.path)) return &collection;
  return nullptr;
}

void Network::arrive(UnderWay thing, const Probe&) {
  if (!thing.wanted) return;
  Response well{.status = 200, .content_type = "application/json"};
  if (!server_.signed_in && tape_.draw(2) == 0)
    return reply(std::move(thing), Response{.status = 401},
                 knowing({.meaning = Meaning::waits, .sign_in = true}));
  if (!tape_.strikes(faults))
    return reply(std::move(thing), well, knowing({.meaning = Meaning::accepted}));
  switch (tape_.choose({3, 4, 1, 1})) {
    case 0:
      coverage_.saw(Fault::probe_silent);
      return fall_silent(thing);
    case 1: {
      coverage_.saw(Fault::probe_refused);
      Reply bad = bad_reply(tape_, coverage_, clock_.truth());
      bad.outcome.meaning = Meaning::waits;
      return reply(std::move(thing), bad.response, knowing(bad.outcome));
    }
    case 2:
      coverage_.saw(Fault::probe_unchecked);
      return reply(std::move(thing), well, knowing({.meaning = Meaning::waits}));
    default:
      coverage_.saw(Fault::probe_twice);
      thing.twice = true;
      return reply(std::move(thing), Response{.status = 204},
                   knowing({.meaning = Meaning::accepted}));
  }
}

void Network::arrive(UnderWay thing, const Fetch& fetch) {
  if (!thing.wanted) return;
  std::size_t fault = tape_.strikes(faults) ? 1 + tape_.choose({2, 3, 1, 1}) : 0;
  if (fault == 1) {
    coverage_.saw(Fault::page_silent);
    return fall_silent(thing);
  }
  if (fault == 2 || !server_.signed_in) {
    coverage_.saw(Fault::page_refused);
    Reply bad = bad_reply(tape_, coverage_, clock_.truth());
    if (!server_.signed_in)
      bad = {Response{.status = 401}, {.meaning = Meaning::waits, .sign_in = true}};
    Overrides overrides{.sign_in = collection_of(fetch.path)->overrides.sign_in};
    return reply(std::move(thing), bad.response, knowing(overridden(bad, overrides)));
  }
  Happening known = knowing({.meaning = Meaning::accepted});
  std::size_t most = 1 + tape_.draw(4);
  Server::Answer answer = server_.page(fetch.path, most, fetch.etag, known.page.emplace());
  if (known.page->unchanged) coverage_.saw(Fault::page_unchanged);
  if (fault == 3) {
    coverage_.saw(Fault::page_malformed);
    answer.response.status = 200;
    answer.response.body = tape_.draw(2) == 0 ? R"({"records":[{"no":"id"}]})" : "[]";
    known.page.reset();
  } else if (fault == 4) {
    coverage_.saw(Fault::page_twice);
    thing.twice = true;
  } else if (known.page->entries.size() > 1 && tape_.draw(3) == 0) {
    return reply_in_parts(std::move(thing), fetch, answer.response, *known.page);
  }
  reply(std::move(thing), std::move(answer.response), std::move(known));
}

// The first record comes alone, and then the page, or not.
void Network::reply_in_parts(UnderWay thing, const Fetch& fetch, const Response& whole,
                             const Page& page) {
  coverage_.saw(Fault::page_in_parts);
  Happening first = knowing({.meaning = Meaning::accepted});
  Happening rest = first;
  Response one = whole, other = whole;
  std::string body;
  first.page.emplace();
  if (page.entries[0].body) {
    body = text_of(*page.entries[0].body);
    first.page->entries.push_back(page.entries[0]);
  }
  one.body = "{\"records\":[" + body + "]}";
  rest.page = page;
  if (tape_.strikes(faults)) {
    coverage_.saw(Fault::page_cut);
    other.complete = false;
    other.body.clear();
    rest.page.reset();
    rest.outcome.meaning = Meaning::counted;
  }
  first.event = Pulled{fetch.epoch, fetch.pull, fetch.collection, one, 0, false};
  rest.event = Pulled{fetch.epoch, fetch.pull, fetch.collection, other, 1, true};
  thing.stage = Stage::to_host;
  thing.answer = std::move(first);
  thing.rest = std::move(rest);
  under_way_.push_back(std::move(thing));
}

void Network::fall_silent(const UnderWay& thing) {
  if (!thing.wanted) return;
  Silence silence = tape_.draw(2) == 0 ? Silence::network : Silence::timeout;
  Happening known = knowing({.meaning = Meaning::waits, .unknown = true, .strays = true});
  if (auto* batch = std::get_if<SendBatch>(&thing.asked))
    known.members.assign(batch->members.size(), known.outcome);
  reply(thing, silence, std::move(known));
}

// Puts the answer on its way to the host, as the event that it will be.
void Network::reply(UnderWay thing, std::variant<Silence, Response> outcome, Happening known) {
  if (auto* send = std::get_if<Send>(&thing.asked)) {
    // The app's function knows what the answer does not tell.
    Json id = send->asks.empty() || known.outcome.record ? "" : known.outcome.server_id;
    known.event = Answered{send->epoch, send->id, send->attempt, std::move(outcome), id};
  } else if (auto* batch = std::get_if<SendBatch>(&thing.asked)) {
    known.event = BatchAnswered{batch->epoch, batch->members, std::move(outcome)};
  } else if (auto* probe = std::get_if<Probe>(&thing.asked)) {
    bool is_response = std::holds_alternative<Response>(outcome);
    bool is_good = is_response && std::get<Response>(outcome).status < 300;
    bool check = !is_good || known.outcome.meaning == Meaning::accepted;
    known.event = Probed{probe->epoch, probe->probe, std::move(outcome), check};
  } else {
    const auto& fetch = std::get<Fetch>(thing.asked);
    known.event = Pulled{fetch.epoch, fetch.pull, fetch.collection, std::move(outcome)};
  }
  if (Response* response = response_in(known.event)) {
    response->date = http_date(clock_.truth());
    response->sent_at = thing.left;
  }
  thing.stage = Stage::to_host;
  thing.answer = std::move(known);
  under_way_.push_back(std::move(thing));
}

}  // namespace holdfast::sim
