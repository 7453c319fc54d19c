#include "sync/explain.h"

#include <doctest/doctest.h>

#include <string>

#include "json.h"
#include "world.h"

using namespace holdfast;
using namespace holdfast::test;
using namespace std::chrono_literals;

namespace {

struct ExplainTest : World {
  ExplainTest() : World(config()) {}
  static Config config() {
    Config config = orders();
    config.collections["order"].coalesce = true;
    config.collections["note"].path = "/notes";
    config.collections["note"].references = {{"orderId", "order"}};
    return config;
  }

  std::string text(const MutationId& id, Time now = kNoon) {
    return json::member(explain(db, World::config, id, now), "text");
  }
  std::string can(const MutationId& id) {
    return json::member(explain(db, World::config, id, kNoon), "can");
  }
  Write note(const std::string& id, const std::string& order) {
    Write write = create(id, R"({"orderId":")" + order + "\"}");
    write.key.collection = "note";
    return write;
  }
};

}  // namespace

TEST_SUITE("explain") {
  TEST_CASE_FIXTURE(ExplainTest, "nothing is said of what was never heard of") {
    CHECK(explain(db, World::config, "m1", kNoon) == "null");
  }

  TEST_CASE_FIXTURE(ExplainTest, "a head says what stands before it") {
    tell(Open{});
    tell(create("a"));
    CHECK(text("m1") == "The API is being asked whether it is there.");
    CHECK(can("m1") == R"(["cancel"])");
    tell(probed(Silence::network));
    CHECK(text("m1").starts_with("The API cannot be reached. Probe: No answer came: the network "
                                 "failed. It is asked again in "));
    tell(Pause{});
    CHECK(text("m1") == "The app has paused sending: it goes after resume().");
    tell(Resume{});
    tell(good_probe());
    CHECK(text("m1") == "It is under way.");
    CHECK(can("m1") == "[]");
    tell(answered("m1", {.status = 401}));
    CHECK(text("m1") == "It was sent 1 time: The server answered 401. The API wants a new sign-in: "
                        "all go after signedIn(), one is tried now and then.");
  }

  TEST_CASE_FIXTURE(ExplainTest, "an unknown outcome is called so") {
    reach();
    tell(create("a"));
    tell(silent("m1"));
    CHECK(text("m1").starts_with("It was sent and no answer came: the server may have applied it, "
                                 "so it goes again unchanged, under the same key."));
    CHECK(can("m1") == "[]");
  }

  TEST_CASE_FIXTURE(ExplainTest, "what waits says for what, and what holds it back") {
    reach();
    tell({create("a"), note("n", "a")});
    CHECK(text("m2") == "It waits for the create of order a: it refers to that record. It goes by "
                        "itself when that has been accepted.");
    CHECK(can("m2") == R"(["cancel"])");
    tell(answered("m1", {.status = 422, .body = R"({"title":"No","detail":"n is missing"})"}));
    CHECK(text("m1") == "It failed: n is missing. It is kept, and not sent again unless the app "
                        "retries it.");
    CHECK(can("m1") == R"(["retry","edit","discard"])");
    CHECK(text("m2") == "It waits for the create of order a, which failed: it refers to that "
                        "record. Nothing happens before the failed create of order a is retried, "
                        "edited or discarded.");
  }

  TEST_CASE_FIXTURE(ExplainTest, "what is gone says where") {
    tell({create("a"), update("a", R"({"n":2})")});
    CHECK(text("m2") == "At 1970-01-01T12:00:00.000Z it was folded into the mutation m1, which had "
                        "not been sent and does both.");
    CHECK(text("m1").ends_with(" 1 later change is folded into it."));
    reach();
    tell(answered("m1", {.status = 201}));
    CHECK(text("m1") == "At 1970-01-01T12:00:00.000Z the server accepted it.");
    tell(create("b"));
    tell(answered("m3", {.status = 422}));
    tell(Retry{"m3", "x3"});
    CHECK(text("m3") == "At 1970-01-01T12:00:00.000Z the mutation x3 took its place: it had been "
                        "refused.");
    tell(answered("x3", {.status = 422}));
    tell(Discard{"x3"});
    CHECK(text("x3") == "At 1970-01-01T12:00:00.000Z the app discarded it.");
  }
}
