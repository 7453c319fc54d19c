// Replays tests/transcripts/*.json through the codec, exactly as
// bindings/embind.cpp does; tests/web/transcripts.test.mjs replays the same
// files through the real wasm and web/core.ts. A transcript is an array of lines:
//
//    {"story": …, "config": …}               the first; opens a database
//    {"say": …, "restart": true}             the worker dies, and another opens its files
//    {"say": …, "read": …, "expect": …}      a read and its answer
//    {"say": …, "now": …, "events": […], "expect": {"results": …, "effects": …,
//     "changed": …, "status": …, "wakeAt": …}}
//
// What a line leaves out is what is usual. Of a write: that the client "page"
// calls now and has all earlier answers. Of a response: that it is whole, JSON
// and says nothing else. Of what is expected: results {}, no effects, nothing
// changed, the status of the step before, no alarm. A body or a change may be
// written as the object of which it is the text.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "codec.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/vfs.h"
#include "sync/engine.h"
#include "tables.h"

using namespace holdfast;

namespace {

using Value = nlohmann::ordered_json;

void make_text(Value& object, const char* name) {
  if (object.contains(name) && object[name].is_object()) object[name] = object[name].dump();
}

Value with_defaults(Value value, Value defaults) {
  defaults.update(value);
  return defaults;
}

Value completed_event(Value event, const Value& now) {
  if (event["type"] == "write") {
    std::int64_t number = event["number"];
    event = with_defaults(event, {{"client", "page"}, {"acknowledged", number - 1}, {"at", now}});
    make_text(event, "change");
  }
  if (event["type"] == "probed") event = with_defaults(event, {{"check", true}});
  if (event.contains("outcome") && event["outcome"].is_object()) {
    event["outcome"] = with_defaults(
        event["outcome"], {{"redirect", false}, {"complete", true},
                           {"contentType", "application/json"}, {"etag", ""}, {"retryAfter", ""},
                           {"date", ""}, {"body", ""}});
    make_text(event["outcome"], "body");
  }
  return event;
}

Value completed_step(const Value& expected, std::size_t events, const Value& status) {
  Value step = with_defaults(expected, {{"results", Value::array()}, {"effects", Value::array()},
                                        {"changed", Value::array()}});
  if (step["results"].empty()) step["results"] = std::vector<Value>(events, Value::object());
  for (auto& effect : step["effects"]) make_text(effect, "body");
  step["status"] = with_defaults(expected.value("status", Value::object()), status);
  return step;
}

// A transcript says which collections changed, not which of their records.
Value collections(const Value& changed) {
  std::set<std::string> names;
  for (const std::string name : changed) names.insert(name.substr(0, name.find('/')));
  return names;
}

// Where two values differ, a line each; the order of members does not matter.
std::string difference(const Value& expected, const Value& found, const std::string& at = "") {
  if (expected.type() == found.type() && expected.is_structured()) {
    std::string lines;
    if (expected.is_array()) {
      auto item = [](const Value& of, std::size_t i) { return i < of.size() ? of[i] : Value(); };
      for (std::size_t i = 0; i < std::max(expected.size(), found.size()); ++i)
        lines += difference(item(expected, i), item(found, i), at + "/" + std::to_string(i));
      return lines;
    }
    for (const auto& [name, value] : expected.items())
      lines += difference(value, found.value(name, Value()), at + "/" + name);
    for (const auto& [name, value] : found.items())
      if (!expected.contains(name)) lines += difference(nullptr, value, at + "/" + name);
    return lines;
  }
  if (expected == found) return "";
  return "  at " + at + "\n    expected " + expected.dump() + "\n    found    " + found.dump() +
         "\n";
}

// A core as bindings/embind.cpp puts it together.
class Core {
 public:
  Core(const std::string& config, MemoryFiles& files) : vfs_(files.backend()), db_(vfs_) {
    Config read = codec::config(config);
    schema::prepare(db_);
    schema::declare(db_, read.collections);
    engine_ = std::make_unique<Engine>(db_, std::move(read));
  }
  std::string handle(const std::string& events, std::int64_t now) {
    return codec::step(engine_->handle(codec::events(events), Time(Duration(now))));
  }
  std::string read(const std::string& what) {
    return codec::read(db_, engine_->config(), what, test::still);
  }

 private:
  Vfs vfs_;
  Database db_;
  std::unique_ptr<Engine> engine_;
};

class Replay {
 public:
  explicit Replay(const Value& first) : config_(first["config"].dump()) { restart(); }

  // How the line went otherwise than it says; empty if it did not.
  std::string line(const Value& line) {
    if (line.contains("restart")) {
      restart();
      return "";
    }
    if (line.contains("read"))
      return difference(line["expect"], Value::parse(core_->read(line["read"].dump())));
    Value events = Value::array();
    for (const auto& event : line["events"])
      events.push_back(completed_event(event, line["now"]));
    Value step = Value::parse(core_->handle(events.dump(), line["now"]));
    Value expected = completed_step(line["expect"], events.size(), status_);
    status_ = step["status"];
    step["changed"] = collections(step["changed"]);
    return difference(expected, step);
  }

 private:
  void restart() {
    core_.reset();
    core_ = std::make_unique<Core>(config_, files_);
  }

  std::string config_;
  MemoryFiles files_;
  std::unique_ptr<Core> core_;
  Value status_ = {{"pending", 0},      {"failed", 0},           {"conflicts", 0},
                   {"reachable", false}, {"syncing", false}, {"waitingFor", nullptr},
                   {"reason", ""},       {"pulled", 0},     {"more", false}};
};

std::vector<std::filesystem::path> transcripts() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_TESTS "/transcripts"))
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

TEST_SUITE("transcripts") {
  TEST_CASE("each is there to be read") { CHECK(transcripts().size() >= 10); }

  TEST_CASE("a core does as they say, line by line") {
    for (const auto& path : transcripts()) {
      const std::string name = path.filename().string();
      SUBCASE(name.c_str()) {
        std::ifstream file(path);
        Value lines = Value::parse(file);
        Replay replay(lines.at(0));
        for (std::size_t i = 1; i < lines.size(); ++i) {
          std::string differs = replay.line(lines[i]);
          if (differs.empty()) continue;
          FAIL(name << ", line " << i << ": " << lines[i].value("say", "") << "\n" << differs);
        }
      }
    }
  }

  TEST_CASE("a line that goes otherwise is told by where it differs") {
    Value expected = {{"a", {1, 2}}, {"b", {{"c", "x"}}}, {"d", nullptr}};
    CHECK(difference(expected, expected) == "");
    CHECK(difference(expected, {{"d", nullptr}, {"b", {{"c", "x"}}}, {"a", {1, 2}}}) == "");
    CHECK(difference(expected, {{"a", {1, 3, 4}}, {"b", {{"c", "y"}, {"z", 1}}}, {"d", nullptr}}) ==
          "  at /a/1\n    expected 2\n    found    3\n"
          "  at /a/2\n    expected null\n    found    4\n"
          "  at /b/c\n    expected \"x\"\n    found    \"y\"\n"
          "  at /b/z\n    expected null\n    found    1\n");
    CHECK(difference(expected, {{"a", {1, 2}}, {"b", 7}, {"d", nullptr}}) ==
          "  at /b\n    expected {\"c\":\"x\"}\n    found    7\n");
  }
}
