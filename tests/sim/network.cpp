#include "sim/network.h"

#include <algorithm>
#include <utility>

#include "sim/replies.h"

namespace holdfast::sim {

void Network::add(Asked asked) {
  UnderWay thing;
  thing.asked = std::move(asked);
  thing.number = ++sent_;
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
    return std::move(thing.answer);
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
  Response response;
  Happening known = take(send, thing.number, response);
  if (thing.wanted) reply(std::move(thing), std::move(response), std::move(known));
}

// True when the request is done with.
bool Network::meets_fault(UnderWay& thing, const Send& send) {
  switch (tape_.choose({3, 8, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1})) {
    case 0:
      coverage_.saw(Fault::request_lost);
      return fall_silent(thing), true;
    case 1:
      return answer_badly(thing, send), true;
    case 2: {
      coverage_.saw(Fault::answer_lost);
      Response response;
      take(send, thing.number, response);
      return fall_silent(thing), true;
    }
    case 3: {  // The transport has given up before the answer comes.
      coverage_.saw(Fault::answer_late);
      fall_silent(thing);
      return false;
    }
    case 4:
      coverage_.saw(Fault::answer_twice);
      thing.twice = true;
      return false;
    case 5: {
      coverage_.saw(Fault::answer_cut);
      Response response;
      Happening known = take(send, thing.number, response);
      if (response.status < 200 || response.status >= 300) {
        if (thing.wanted) reply(thing, std::move(response), std::move(known));
        return true;
      }
      response.complete = false;
      response.body.resize(response.body.size() / 2);
      if (thing.wanted)
        reply(thing, std::move(response), {.event = {}, .meaning = Meaning::counted});
      return true;
    }
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
    case 8: {
      coverage_.saw(Fault::in_progress);
      if (server_.has_applied(send.id)) return false;
      server_.begin(send);
      UnderWay slow = thing;
      slow.stage = Stage::worked_on;
      under_way_.push_back(std::move(slow));
      return true;
    }
    case 9:
      coverage_.saw(Fault::not_sent);
      if (thing.wanted)
        reply(thing, Silence::not_sent, {.event = {}, .meaning = Meaning::unsent});
      return true;
    case 10:
      coverage_.saw(Fault::unbuildable);
      if (thing.wanted)
        reply(thing, Silence::unbuildable, {.event = {}, .meaning = Meaning::refused});
      return true;
    default: {
      if (server_.adds()) return false;  // What it added could be known from its answer only.
      coverage_.saw(Fault::unusable_body);
      Response response;
      Happening known = take(send, thing.number, response);
      if (known.meaning == Meaning::accepted && response.status != 404) {
        response.body = "[\"it is done\"]";
        known.record.reset();
      }
      if (thing.wanted) reply(thing, std::move(response), std::move(known));
      return true;
    }
  }
}

void Network::answer_badly(const UnderWay& thing, const Send& send) {
  Reply bad = bad_reply(tape_, coverage_, clock_.truth());
  if (bad.meaning == Meaning::refused) {
    // A server that keeps keys does not refuse what it has applied, nor find missing what it has.
    if (server_.has_applied(send.id) || send.method == "DELETE") return fall_silent(thing);
    server_.refuse(send, thing.number);
  }
  if (bad.may_follow_effect && tape_.draw(2) == 1) {
    Response unseen;
    take(send, thing.number, unseen);
    coverage_.saw(Fault::applied_and_failed);
  }
  if (thing.wanted)
    reply(thing, bad.response, {.event = {}, .meaning = bad.meaning, .floor = bad.floor});
}

Happening Network::take(const Send& send, std::int64_t number, Response& response) {
  bool silent = !server_.adds() && faults > 0 && tape_.draw(4) == 3;
  Server::Answer answer = server_.take(send, number, silent);
  response = std::move(answer.response);
  return {.event = {}, .meaning = answer.meaning, .record = std::move(answer.record),
          .version = answer.version};
}

void Network::arrive(UnderWay thing, const Probe&) {
  if (!thing.wanted) return;
  if (!tape_.strikes(faults)) {
    reply(std::move(thing), Response{.status = 200, .content_type = "application/json"},
          {.event = {}, .meaning = Meaning::accepted});
    return;
  }
  switch (tape_.choose({3, 4, 1, 1})) {
    case 0:
      coverage_.saw(Fault::probe_silent);
      return fall_silent(thing);
    case 1: {
      coverage_.saw(Fault::probe_refused);
      Reply bad = bad_reply(tape_, coverage_, clock_.truth());
      return reply(std::move(thing), bad.response,
                   {.event = {}, .meaning = Meaning::waits, .floor = bad.floor});
    }
    case 2:
      coverage_.saw(Fault::probe_unchecked);
      return reply(std::move(thing), Response{.status = 200, .content_type = "application/json"},
                   {.event = {}, .meaning = Meaning::waits});
    default:
      coverage_.saw(Fault::probe_twice);
      thing.twice = true;
      return reply(std::move(thing), Response{.status = 204},
                   {.event = {}, .meaning = Meaning::accepted});
  }
}

void Network::arrive(UnderWay thing, const Fetch& fetch) {
  if (!thing.wanted) return;
  std::size_t fault = tape_.strikes(faults) ? 1 + tape_.choose({2, 3, 1, 1}) : 0;
  if (fault == 1) {
    coverage_.saw(Fault::page_silent);
    return fall_silent(thing);
  }
  if (fault == 2) {
    coverage_.saw(Fault::page_refused);
    Reply bad = bad_reply(tape_, coverage_, clock_.truth());
    return reply(std::move(thing), bad.response, {.event = {}, .meaning = bad.meaning});
  }
  Page page;
  Server::Answer answer = server_.page(fetch.path, 1 + tape_.draw(4), page);
  Happening known{.event = {}, .meaning = Meaning::accepted, .page = std::move(page)};
  if (fault == 3) {
    coverage_.saw(Fault::page_malformed);
    answer.response.body = tape_.draw(2) == 0 ? R"({"records":[{"no":"id"}]})" : "[]";
    known.page.reset();
  } else if (fault == 4) {
    coverage_.saw(Fault::page_twice);
    thing.twice = true;
  }
  reply(std::move(thing), std::move(answer.response), std::move(known));
}

void Network::fall_silent(const UnderWay& thing) {
  if (!thing.wanted) return;
  Silence silence = tape_.draw(2) == 0 ? Silence::network : Silence::timeout;
  reply(thing, silence, {.event = {}, .meaning = Meaning::waits});
}

// Puts the answer on its way to the host, as the event that it will be.
void Network::reply(UnderWay thing, std::variant<Silence, Response> outcome, Happening known) {
  if (auto* send = std::get_if<Send>(&thing.asked)) {
    known.event = Answered{send->epoch, send->id, send->attempt, std::move(outcome)};
  } else if (auto* probe = std::get_if<Probe>(&thing.asked)) {
    bool is_response = std::holds_alternative<Response>(outcome);
    bool is_good = is_response && std::get<Response>(outcome).status < 300;
    bool check = !is_good || known.meaning == Meaning::accepted;
    known.event = Probed{probe->epoch, probe->probe, std::move(outcome), check};
  } else {
    const auto& fetch = std::get<Fetch>(thing.asked);
    known.event = Pulled{fetch.epoch, fetch.pull, fetch.collection, std::move(outcome)};
  }
  thing.stage = Stage::to_host;
  thing.answer = std::move(known);
  under_way_.push_back(std::move(thing));
}

}  // namespace holdfast::sim
