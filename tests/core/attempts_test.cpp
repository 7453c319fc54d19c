#include "sync/attempts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "world.h"

using namespace holdfast;
using namespace holdfast::test;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<MutationId>;

Config with(void (*change)(Config&)) {
  Config config = orders();
  config.collections["note"].path = "/notes";
  config.collections["note"].references = {{"orderId", "order"}};
  change(config);
  return config;
}

Config plain() { return with([](Config&) {}); }
Config batches() {
  return with([](Config& config) {
    config.batch_path = "/batch";
    config.batch_max = 3;
  });
}

struct AttemptsTest : World {
  explicit AttemptsTest(Config config = plain()) : World(std::move(config)) { reach(); }

  Write note(const std::string& id, const std::string& order) {
    Write write = create(id, R"({"orderId":")" + order + "\"}");
    write.key.collection = "note";
    return write;
  }
  Mutation mutation(const MutationId& id) {
    Counters counters;
    return Outbox(db, counters).find(id).value();
  }
  bool settled(const MutationId& id) {
    Counters counters;
    return !Outbox(db, counters).find(id);
  }
  // Nobody answers, and a day later the API is there again.
  Step after_a_day(const MutationId& id, Duration day = 24h) {
    tell(silent(id));
    tell(Sync{}, kNoon + day);
    return tell(good_probe(), kNoon + day);
  }
};

struct BatchTest : AttemptsTest {
  BatchTest() : AttemptsTest(batches()) {}

  // What three creates and a note of the first make, once sending is allowed.
  SendBatch begin() {
    tell(Pause{});
    tell({create("a", R"({"n":1})"), create("b", R"({"n":2})"), create("c", R"({"n":3})"),
          create("d", R"({"n":4})"), note("n", "a")});
    Step step = tell(Resume{});
    auto sent = only<SendBatch>(step);
    REQUIRE(sent.size() == 1);
    CHECK(only<Send>(step).empty());
    return sent[0];
  }
  Step answer(const SendBatch& batch, std::variant<Silence, Response> outcome) {
    if (auto* response = std::get_if<Response>(&outcome))
      response->content_type = "application/json";
    return tell(BatchAnswered{epoch(), batch.members, std::move(outcome)});
  }
};

}  // namespace

TEST_SUITE("key lifetime") {
  TEST_CASE_FIXTURE(AttemptsTest, "within it what had no answer goes again under its key") {
    tell(create("a", R"({"n":1})"));
    Step step = after_a_day("m1", 23h);
    REQUIRE(sent(step) == Ids{"m1"});
    CHECK(only<Send>(step)[0].method == "POST");
  }

  TEST_CASE_FIXTURE(AttemptsTest, "past it a create asks what became of it") {
    tell(create("a", R"({"n":1})"));
    Step step = after_a_day("m1");
    REQUIRE(sent(step) == Ids{"m1"});
    CHECK(only<Send>(step)[0].method == "GET");
    CHECK(only<Send>(step)[0].path == "/orders/a");
    CHECK(only<Send>(step)[0].body == "");
    Time now = kNoon + 24h;

    SUBCASE("and is accepted where it is found, as it stands there") {
      tell(answered("m1", {.status = 200, .body = R"({"id":"a","n":1,"no":7})"}, 2), now);
      CHECK(settled("m1"));
      CHECK(row("a") == R"({"body":{"id":"a","n":1,"no":7}})");
    }
    SUBCASE("and is sent where it is not") {
      Step again = tell(answered("m1", {.status = 404}, 2), now);
      REQUIRE(sent(again) == Ids{"m1"});
      CHECK(only<Send>(again)[0].method == "POST");
      CHECK(mutation("m1").first_attempt_at == now);
    }
    SUBCASE("and asks again where no answer came") {
      tell(silent("m1", Silence::timeout, 2), now);
      tell(Sync{}, now + 1h);
      Step again = tell(good_probe(), now + 1h);
      CHECK(only<Send>(again)[0].method == "GET");
    }
    SUBCASE("and is a dead letter where it may not ask") {
      Step step_ = tell(answered("m1", {.status = 403}, 2), now);
      CHECK(step_.status.failed == 1);
      CHECK(mutation("m1").unknown);
    }
  }

  TEST_CASE_FIXTURE(AttemptsTest, "its time runs from the first attempt, however many follow") {
    tell(create("a", R"({"n":1})"));
    CHECK(only<Send>(after_a_day("m1", 23h))[0].method == "POST");
    tell(silent("m1", Silence::network, 2), kNoon + 23h);
    tell(Sync{}, kNoon + 24h);
    CHECK(only<Send>(tell(good_probe(), kNoon + 24h))[0].method == "GET");
  }

  TEST_CASE_FIXTURE(BatchTest, "past it none goes in a batch") {
    auto batch = begin();
    answer(batch, Silence::network);
    tell(Sync{}, kNoon + 24h);
    Step step = tell(good_probe(), kNoon + 24h);
    while (only<SendBatch>(step).empty() && !sent(step).empty()) {
      Send send = only<Send>(step)[0];
      CHECK(send.method == (send.id == "m4" ? "POST" : "GET"));
      step = tell(answered(send.id, {.status = 200, .body = "{}"}, send.attempt), kNoon + 24h);
    }
    CHECK(only<SendBatch>(step).empty());
  }

  TEST_CASE_FIXTURE(AttemptsTest, "past it an update or a delete is sent again: twice is as once") {
    tell(create("a", R"({"n":1})"));
    tell(answered("m1", {.status = 201}));
    tell(update("a", R"({"n":2})"));
    Step step = after_a_day("m2");
    REQUIRE(sent(step) == Ids{"m2"});
    CHECK(only<Send>(step)[0].method == "PUT");
  }

  TEST_CASE("past it a create whose id the server chooses is for the app to decide") {
    AttemptsTest world(with([](Config& config) {
      config.collections["order"].server_ids = true;
    }));
    world.tell(world.create("a", R"({"n":1})"));
    Step step = world.after_a_day("m1");
    CHECK(sent(step).empty());
    CHECK(step.status.failed == 1);
    CHECK(only<Buried>(step).size() == 1);
    CHECK(world.mutation("m1").unknown);
  }

  TEST_CASE("past it a collection can ask always, or never") {
    AttemptsTest asking(with([](Config& config) {
      config.collections["order"].on_unknown = OnUnknown::ask;
    }));
    asking.tell(asking.create("a", R"({"n":1})"));
    CHECK(asking.after_a_day("m1").status.failed == 1);

    AttemptsTest bold(with([](Config& config) {
      config.collections["order"].on_unknown = OnUnknown::resend;
    }));
    bold.tell(bold.create("a", R"({"n":1})"));
    CHECK(only<Send>(bold.after_a_day("m1")).at(0).method == "POST");
  }

  TEST_CASE_FIXTURE(AttemptsTest, "a clock that was set back counts as past it") {
    tell(create("a", R"({"n":1})"));
    tell(silent("m1"));
    tell(Sync{}, kNoon - 1h);
    Step step = tell(good_probe(), kNoon - 1h);
    CHECK(only<Send>(step).at(0).method == "GET");

    SUBCASE("and so does one that was set back after it had seen a later day") {
      AttemptsTest other;
      other.tell(other.create("a", R"({"n":1})"));
      other.tell(other.silent("m1"));
      other.tell(Offline{}, kNoon + 30h);
      other.tell(Sync{}, kNoon + 2h);
      Step later = other.tell(other.good_probe(), kNoon + 2h);
      CHECK(only<Send>(later).at(0).method == "GET");
    }
  }
}

TEST_SUITE("strays") {
  TEST_CASE_FIXTURE(AttemptsTest, "what alone gets no answer while others do lets those go") {
    tell({create("a", R"({"n":1})"), create("b", R"({"n":2})")});
    tell(answered("m2", {.status = 201}));
    Time now = kNoon;
    for (int attempt = 1; attempt <= 3; ++attempt) {
      tell(silent("m1", Silence::network, attempt), now);
      now += 10min;
      if (attempt == 3) break;
      tell(Sync{}, now);
      tell(good_probe(), now);
    }
    Mutation m = mutation("m1");
    CHECK(m.strays == 3);
    CHECK(m.problem.find("CORS") != std::string::npos);
    CHECK(m.due_at == now - 10min + 5min);
    CHECK(query::outbox(db, 9).find(R"("state":"blocked")") != std::string::npos);
    CHECK(load_reachability(db).state == Reachability::State::open);
  }
}

TEST_SUITE("server ids") {
  TEST_CASE_FIXTURE(AttemptsTest, "a record keeps its id, and the server is told its own") {
    tell({create("a", R"({"n":1})"), note("n", "a")});
    Step step = tell(answered("m1", {.status = 201, .body = R"({"id":17,"n":1})"}));
    CHECK(row("a") == R"({"body":{"id":"a","n":1}})");
    REQUIRE(sent(step) == Ids{"m2"});
    CHECK(only<Send>(step)[0].body.starts_with(R"({"orderId":17,"id":"n",)"));
    tell(answered("m2", {.status = 201, .body = R"({"id":"n","orderId":17,"by":"server"})"}));
    CHECK(query::row(db, Key{"note", "n"}) ==
          R"({"body":{"id":"n","orderId":"a","by":"server"}})");
    Step put = tell(update("a", R"({"n":2})"));
    CHECK(only<Send>(put).at(0).path == "/orders/17");
    CHECK(only<Send>(put).at(0).body.starts_with(R"({"id":17,"n":2,)"));

    SUBCASE("also after a restart") {
      World other;  // Only for its words.
      tell(Open{});
      Step again = tell(good_probe());
      CHECK(only<Send>(again).at(0).path == "/orders/17");
    }
    SUBCASE("and a pull that tells its own is understood") {
      tell(answered("m3", {.status = 200}));
      Step pull = tell(Pull{"order"});
      auto fetch = only<Fetch>(pull).at(0);
      tell(Pulled{epoch(), fetch.pull, "order",
                  Response{.status = 200, .content_type = "application/json",
                           .body = R"({"records":[{"id":17,"n":5}],"cursor":"1"})"}});
      CHECK(row("a") == R"({"body":{"id":"a","n":5}})");
      CHECK(query::row(db, Key{"order", "17"}) == "null");
    }
  }

  TEST_CASE_FIXTURE(AttemptsTest, "a pull that came before the answer is joined to it") {
    tell(create("a", R"({"n":1})"));
    Step pull = tell(Pull{"order"});
    auto fetch = only<Fetch>(pull).at(0);
    tell(Pulled{epoch(), fetch.pull, "order",
                Response{.status = 200, .content_type = "application/json",
                         .body = R"({"records":[{"id":17,"n":1}],"cursor":"1"})"}});
    tell(answered("m1", {.status = 201, .body = R"({"id":17,"n":1})"}));
    CHECK(query::row(db, Key{"order", "17"}) == "null");
    CHECK(row("a") == R"({"body":{"id":"a","n":1}})");
  }

  TEST_CASE("where the server chooses them the device's is not sent, and one is due") {
    AttemptsTest world(with([](Config& config) {
      config.collections["order"].server_ids = true;
    }));
    Step step = world.tell(world.create("a", R"({"n":1})"));
    CHECK(only<Send>(step).at(0).body.starts_with(R"({"n":1,"updatedAt")"));
    CHECK(only<Send>(step).at(0).asks == "order");

    SUBCASE("as the app's function tells it") {
      Answered answer{world.epoch(), "m1", 1,
                      Response{.status = 201, .content_type = "application/json",
                               .body = R"({"order":{"key":"x-1"}})"},
                      "\"x-1\""};
      world.tell(answer);
      CHECK(only<Send>(world.tell(world.remove("a"))).at(0).path == "/orders/x-1");
    }
    SUBCASE("and without it the letter is dead, its outcome unknown") {
      Step answered = world.tell(world.answered("m1", {.status = 201, .body = "{}"}));
      CHECK(answered.status.failed == 1);
      CHECK(world.mutation("m1").unknown);
    }
  }
}

TEST_SUITE("batches") {
  TEST_CASE_FIXTURE(BatchTest, "heads go in one request, each with its key") {
    SendBatch batch = begin();
    CHECK(batch.path == "/batch");
    CHECK(batch.members ==
          std::vector<BatchAnswered::Member>{{"m1", 1}, {"m2", 1}, {"m3", 1}});
    CHECK(batch.body.starts_with(
        R"({"requests":[{"key":"m1","method":"POST","path":"/orders","body":{"n":1,"id":"a",)"));

    SUBCASE("and each gets its own answer") {
      Step step = answer(batch, Response{.status = 200, .body = R"({"responses":[
          {"status":201,"body":{"id":"a","n":1,"no":1}},
          {"status":422,"body":{"title":"No"}},
          {"status":503}]})"});
      CHECK(settled("m1"));
      CHECK(row("a").find(R"("no":1)") != std::string::npos);
      CHECK(mutation("m2").state == State::dead);
      CHECK(mutation("m2").problem == R"({"title":"No","status":422})");
      CHECK(mutation("m3").state == State::pending);
      CHECK(step.status.failed == 1);
    }
    SUBCASE("and without an answer all go again under their keys, with the same bytes") {
      answer(batch, Silence::network);
      CHECK(mutation("m1").unknown);
      tell(Sync{}, kNoon + 1h);
      Step step = tell(good_probe(), kNoon + 1h);
      REQUIRE(sent(step) == Ids{"m1"});  // One by one after an outage.
      CHECK(batch.body.find(only<Send>(step)[0].body) != std::string::npos);
      CHECK(only<Send>(step)[0].attempt == 2);
    }
    SUBCASE("and an API that takes none is sent single requests, and none is blamed") {
      for (int status : {404, 405, 501}) {
        CAPTURE(status);
        BatchTest other;
        Step step = other.answer(other.begin(), Response{.status = status});
        CHECK(sent(step) == Ids{"m1", "m2", "m3", "m4"});
        CHECK(other.mutation("m1").counted == 0);
        CHECK(step.status.failed == 0);
      }
    }
    SUBCASE("nor when what it answers is no answer to a batch") {
      for (const char* body : {"{}", "[]", R"({"responses":[{"status":201}]})",
                               R"({"responses":[{},{},{}]})"}) {
        CAPTURE(body);
        BatchTest other;
        Step step = other.answer(other.begin(), Response{.status = 200, .body = body});
        CHECK(sent(step) == Ids{"m1", "m2", "m3", "m4"});
        CHECK(other.mutation("m1").unknown);
      }
    }
    SUBCASE("and a session later batches are tried again") {
      answer(batch, Response{.status = 404});
      tell(Open{});
      Step step = tell(good_probe());
      CHECK(only<SendBatch>(step).size() == 1);
    }
  }

  TEST_CASE_FIXTURE(BatchTest, "one alone is a request as any other") {
    Step step = tell(create("a"));
    CHECK(sent(step) == Ids{"m1"});
    CHECK(only<SendBatch>(step).empty());
  }
}

TEST_SUITE("an unknown outcome") {
  TEST_CASE_FIXTURE(AttemptsTest, "stays unknown where the next attempt was never sent") {
    tell(create("a", R"({"n":1})"));
    tell(silent("m1"));
    tell(Sync{});
    REQUIRE(sent(tell(good_probe())) == Ids{"m1"});
    tell(silent("m1", Silence::not_sent, 2));
    CHECK(mutation("m1").unknown);
  }

  TEST_CASE_FIXTURE(AttemptsTest, "is known once the API refuses the very same request") {
    tell(create("a", R"({"n":1})"));
    tell(silent("m1"));
    CHECK(mutation("m1").unknown);
    tell(Sync{});
    REQUIRE(sent(tell(good_probe())) == Ids{"m1"});
    tell(answered("m1", {.status = 422}, 2));
    CHECK(mutation("m1").state == State::dead);
    CHECK_FALSE(mutation("m1").unknown);
  }
}

TEST_SUITE("sign-in") {
  TEST_CASE_FIXTURE(AttemptsTest, "all wait, nothing is counted, and the app is told once") {
    tell({create("a"), create("b")});
    Step first = tell(answered("m1", {.status = 401}));
    Step second = tell(answered("m2", {.status = 401}));
    CHECK(only<SignIn>(first).size() + only<SignIn>(second).size() == 1);
    CHECK(second.status.waiting_for == Status::Wait::sign_in);
    CHECK(mutation("m1").counted == 0);
    CHECK_FALSE(mutation("m1").unknown);
    CHECK(sent(tell(create("c"))).empty());
    Step step = tell(SignedIn{});
    CHECK(only<Probe>(step).size() == 1);
    CHECK(sent(tell(good_probe())).size() == 3);
  }

  TEST_CASE_FIXTURE(AttemptsTest, "until then one is tried a backoff, and only one") {
    tell({create("a"), create("b"), create("c")});
    for (auto id : {"m1", "m2", "m3"}) tell(answered(id, {.status = 401}));
    Time now = kNoon;
    std::vector<Duration> between;
    for (int attempt = 2; attempt <= 40; ++attempt) {
      Time before = now;
      Step step = tell(Tick{}, now);
      while (only<Probe>(step).empty()) step = tell(Tick{}, now = step.wake_at.value());
      between.push_back(now - before);
      REQUIRE(sent(tell(good_probe(), now)) == Ids{"m1"});
      Step answer = tell(answered("m1", {.status = 401}, attempt), now);
      CHECK(only<SignIn>(answer).empty());
      CHECK(sent(answer).empty());
    }
    // Ever less often: it is drawn from up to five minutes in the end.
    CHECK(*std::ranges::max_element(between) > 4min);
    CHECK(now - kNoon > 39 * 90s);

    SUBCASE("and where that one is accepted, all go") {
      Step step = tell(Sync{}, now);
      CHECK(sent(tell(good_probe(), now)) == Ids{"m1"});
      CHECK(sent(tell(answered("m1", {.status = 201}, 41), now)) == Ids{"m2", "m3"});
    }
    SUBCASE("and a network that fails meanwhile does not ask the app anew") {
      tell(Sync{}, now);
      Step step = tell(probed(Silence::network), now);
      CHECK(step.status.waiting_for == Status::Wait::sign_in);
      tell(Sync{}, now);
      CHECK(sent(tell(good_probe(), now)) == Ids{"m1"});
      CHECK(only<SignIn>(tell(answered("m1", {.status = 401}, 41), now)).empty());
    }
  }

  TEST_CASE("a collection can say that 403 means the same") {
    AttemptsTest world(with([](Config& config) {
      config.collections["order"].overrides.sign_in = {403};
    }));
    world.tell(world.create("a"));
    CHECK(only<SignIn>(world.tell(world.answered("m1", {.status = 403}))).size() == 1);
    CHECK(world.mutation("m1").state == State::pending);
  }
}
