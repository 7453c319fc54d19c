#include "explain.h"

#include <algorithm>
#include <string>

#include "../json.h"
#include "../store/query.h"
#include "../text.h"
#include "../timestamp.h"
#include "reachability.h"

namespace holdfast {
namespace {

std::string named(const char* verb, const Mutation& m) {
  return joined({verb, name_of(m.kind), " of ", m.key.collection, " ", m.key.id});
}

// "in 20 s", "in 3 min".
std::string in(Duration wait) {
  auto n = (wait.count() + 999) / 1000;
  const char* unit = " s";
  if (n >= 7200) n = (n + 3599) / 3600, unit = " h";
  else if (n >= 120) n = (n + 59) / 60, unit = " min";
  return joined({"in ", std::to_string(n), unit});
}

std::string because(const Json& problem) {
  std::string detail = json::member(problem, "detail");
  if (detail.empty()) detail = json::member(problem, "title");
  if (detail.empty()) return ".";
  return joined({": ", detail, detail.ends_with('.') ? "" : "."});
}

struct Explanation {
  std::string text;
  std::string can = {};  // Names in JSON, a comma between.
  std::optional<Time> due_at = {};
};

Explanation of_waiting(Store& store, const Mutation& m) {
  auto waits = store.outbox.waits_of(m.seq);
  std::string text = "It waits for ";
  if (waits.empty()) {
    text += "all changes before it";
  } else {
    auto first = store.outbox.at(waits.front().on);
    text += named("the ", *first);
    if (first->state == State::dead) text += ", which failed";
    if (waits.size() > 1) text += joined({" and ", std::to_string(waits.size() - 1), " more"});
    switch (waits.front().why) {
      case Why::record: text += ": both change the same record"; break;
      case Why::reference: text += ": it refers to that record"; break;
      case Why::order: text += ": their order matters"; break;
    }
  }
  Explanation explanation{text + ". "};
  if (auto dead = store.outbox.blocked_by(m.seq)) {
    explanation.text += joined({"Nothing happens before ", named("the failed ", *dead),
                                " is retried, edited or discarded."});
  } else {
    explanation.text += "It goes by itself when that has been accepted.";
  }
  if (m.attempts == 0) explanation.can = "\"cancel\"";
  return explanation;
}

Explanation of_dead(const Mutation& m) {
  Explanation explanation{joined({"It failed", because(m.problem),
                                  " It is kept, and not sent again unless the app retries it."})};
  bool editable = !m.unknown && m.kind != Kind::remove;
  explanation.can = editable ? R"("retry","edit","discard")" : R"("retry","discard")";
  if (m.unknown)
    explanation.text += " The server may have applied it: retried it goes unchanged, under the "
                        "same key.";
  return explanation;
}

std::string way_of(const Reachability& way, Time now) {
  if (way.paused) return "The app has paused sending: it goes after resume().";
  switch (way.wait) {
    case Status::Wait::sign_in:
      return "The API wants a new sign-in: all go after signedIn(), one is tried now and then.";
    case Status::Wait::origin:
    case Status::Wait::network: {
      Time at = std::max(way.next_probe_at, way.closed_until);
      if (way.state != Reachability::State::closed) break;
      return joined({way.wait == Status::Wait::origin ? "The API asks for time. "
                                                      : "The API cannot be reached. ",
                     way.reason, " It is asked again ", at > now ? in(at - now) : "now",
                     ", or at once by sync()."});
    }
    default: break;
  }
  if (way.state != Reachability::State::open) return "The API is being asked whether it is there.";
  return "";
}

Explanation of_head(Store& store, const Config& config, const Mutation& m, Time now) {
  Explanation explanation;
  if (m.strays >= 3) explanation.text = joined({"It was sent", because(m.problem), " "});
  else if (m.unknown)
    explanation.text = "It was sent and no answer came: the server may have applied it, so it goes "
                       "again unchanged, under the same key. ";
  else if (m.attempts > 0)
    explanation.text = joined({"It was sent ", std::to_string(m.attempts),
                               m.attempts == 1 ? " time" : " times", because(m.problem), " "});
  if (m.attempts == 0) explanation.can = "\"cancel\"";
  explanation.due_at = std::max(m.due_at, now);
  std::string way = way_of(load_reachability(store.db), now);
  if (!way.empty()) explanation.text += way;
  else if (m.due_at > now) explanation.text += joined({"It goes ", in(m.due_at - now), "."});
  else if (store.counters.in_flight > 0)
    explanation.text += joined({"It is next: ", std::to_string(store.counters.in_flight),
                                " of at most ", std::to_string(config.concurrency),
                                " are under way."});
  else explanation.text += "It goes now.";
  return explanation;
}

std::string gone(const Departure& d) {
  std::string at = joined({"At ", rfc3339(d.at), " "});
  switch (d.reason) {
    case Departure::Reason::accepted: return at + "the server accepted it.";
    case Departure::Reason::folded:
      return joined({at, "it was folded into the mutation ", d.successor,
                     ", which had not been sent and does both."});
    case Departure::Reason::undone: return at + "its record was deleted, and it was never sent.";
    case Departure::Reason::replaced:
      return joined({at, "the mutation ", d.successor, " took its place: it had been refused."});
    case Departure::Reason::discarded: return at + "the app discarded it.";
    case Departure::Reason::cancelled: return at + "the app cancelled it.";
  }
  return "";
}

}  // namespace

Json explain(Database& db, const Config& config, const MutationId& id, Time now) {
  Store store(db);
  store.counters = load_counters(db);
  auto mutation = store.outbox.find(id);
  if (!mutation) {
    auto departure = store.history.find(id);
    if (!departure) return "null";
    const auto& successor = departure->successor;
    return joined({R"({"text":")", gone(*departure), R"(","state":"gone","reason":")",
                   name_of(departure->reason), successor.empty() ? "" : R"(","successor":")",
                   successor, R"(","can":[]})"});
  }
  Explanation explanation;
  if (mutation->state == State::dead) explanation = of_dead(*mutation);
  else if (mutation->state == State::in_flight) explanation = {"It is under way."};
  else if (mutation->waits > 0) explanation = of_waiting(store, *mutation);
  else explanation = of_head(store, config, *mutation, now);
  if (mutation->folded > 0)
    explanation.text += joined({" ", std::to_string(mutation->folded),
                                mutation->folded == 1 ? " later change is" : " later changes are",
                                " folded into it."});
  std::string due = explanation.due_at
                        ? std::to_string(explanation.due_at->time_since_epoch().count()) : "";
  return joined({"{\"text\":", json::quoted(explanation.text),
                 due.empty() ? "" : ",\"dueAt\":", due,
                 ",\"can\":[", explanation.can, "],\"mutation\":", query::entry(db, *mutation),
                 "}"});
}

}  // namespace holdfast
