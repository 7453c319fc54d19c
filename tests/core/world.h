// What the tests of the engine share: an engine over real SQLite over files in
// memory, a noon, and the words to say what happened.

#pragma once

#include <string>
#include <vector>

#include "store/outbox.h"
#include "store/query.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/vfs.h"
#include "sync/engine.h"

namespace holdfast::test {

inline constexpr Time kNoon{std::chrono::hours(12)};

inline Config orders() {
  Config config;
  Collection& order = config.collections["order"];
  order.path = "/orders";
  order.indexes = {{"done", "-createdAt"}};
  order.coalesce = false;  // What each write becomes is seen one by one.
  return config;
}

struct World {
  explicit World(Config c = orders()) : config(std::move(c)) {
    schema::prepare(db);
    schema::declare(db, config.collections);
  }

  Step tell(const Event& event, Time now = kNoon) { return engine.handle({&event, 1}, now); }
  Step tell(const std::vector<Event>& events, Time now = kNoon) {
    return engine.handle(events, now);
  }

  // The session is opened and the API has answered its probe.
  void reach(Time now = kNoon) {
    tell(Open{}, now);
    tell(good_probe(), now);
  }

  Event good_probe() { return probed(Response{.status = 200, .content_type = "application/json"}); }
  Event probed(std::variant<Silence, Response> outcome) {
    Reachability way = load_reachability(db);
    return Probed{epoch(), way.probe, std::move(outcome)};
  }

  Write write(Kind kind, const std::string& record, const std::string& change, Time at = kNoon) {
    ++written;
    return {.client = "c", .number = written, .acknowledged = written - 1, .at = at,
            .id = "m" + std::to_string(written), .kind = kind, .key = {"order", record},
            .change = change};
  }
  Write create(const std::string& record, const std::string& body = R"({"n":1})") {
    return write(Kind::create, record, body);
  }
  Write update(const std::string& record, const std::string& set) {
    return write(Kind::update, record, R"({"set":)" + set + "}");
  }
  Write remove(const std::string& record) { return write(Kind::remove, record, ""); }

  Event answered(const MutationId& id, Response response, int attempt = 1) {
    if (response.content_type.empty()) response.content_type = "application/json";
    return Answered{epoch(), id, attempt, std::move(response)};
  }
  Event silent(const MutationId& id, Silence silence = Silence::network, int attempt = 1) {
    return Answered{epoch(), id, attempt, silence};
  }

  Epoch epoch() { return load_counters(db).epoch; }
  std::string row(const std::string& record) { return query::row(db, Key{"order", record}); }

  Config config;
  MemoryFiles files;
  Vfs vfs{files.backend()};
  Database db{vfs};
  Engine engine{db, config};
  std::int64_t written = 0;
};

template <typename Wanted>
std::vector<Wanted> only(const Step& step) {
  std::vector<Wanted> found;
  for (const auto& effect : step.effects)
    if (auto* wanted = std::get_if<Wanted>(&effect)) found.push_back(*wanted);
  return found;
}

// The ids of the mutations that a step sends, in order.
inline std::vector<MutationId> sent(const Step& step) {
  std::vector<MutationId> ids;
  for (const auto& send : only<Send>(step)) ids.push_back(send.id);
  return ids;
}

inline std::string refusal(const Step& step) {
  auto* refusal = std::get_if<Refusal>(&step.results.at(0));
  return refusal ? refusal->code : "";
}

}  // namespace holdfast::test
