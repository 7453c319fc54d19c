#include "sync/letters.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "world.h"

using namespace holdfast;
using namespace holdfast::test;

namespace {

using Ids = std::vector<MutationId>;

Config tasks_and_notes() {
  Config config;
  config.collections["order"].path = "/orders";
  config.collections["note"].path = "/notes";
  config.collections["note"].references = {{"orderId", "order"}};
  return config;
}

struct LettersTest : World {
  LettersTest() : World(tasks_and_notes()) { reach(); }

  Write note(const std::string& id, const std::string& order) {
    Write write = create(id, R"({"orderId":")" + order + "\"}");
    write.key.collection = "note";
    return write;
  }
  void refuse(const MutationId& id, int attempt = 1) {
    tell(answered(id, {.status = 422, .body = R"({"title":"No"})"}, attempt));
  }
  // Buries it after five answers that leave open whether it was applied.
  void exhaust(const MutationId& id) {
    Time now = kNoon;
    for (int attempt = 1; attempt <= 5; ++attempt) {
      tell(answered(id, {.status = 500}, attempt), now);
      now += std::chrono::minutes(10);
      tell(Sync{}, now);
      tell(good_probe(), now);
    }
    REQUIRE(mutation(id).state == State::dead);
    REQUIRE(mutation(id).unknown);
  }
  Mutation mutation(const MutationId& id) {
    Counters counters;
    return Outbox(db, counters).find(id).value();
  }
  Ids letters() {
    Ids ids;
    Counters counters;
    for (const auto& m : Outbox(db, counters).list_dead(10)) ids.push_back(m.id);
    return ids;
  }
  Ids gone(const Step& step) { return std::get<Applied>(step.results.at(0)).gone; }
};

}  // namespace

TEST_SUITE("letters") {
  TEST_CASE_FIXTURE(LettersTest, "one that was refused goes again under a new key") {
    tell(create("a", R"({"n":1})"));
    refuse("m1");
    Step step = tell(Retry{"m1", "x1"});
    REQUIRE(sent(step) == Ids{"x1"});
    CHECK(only<Send>(step)[0].attempt == 1);
    CHECK(letters().empty());
    CHECK(History(db).find("m1")->successor == "x1");

    SUBCASE("and told so again, nothing more happens") {
      Step again = tell(Retry{"m1", "x1"});
      CHECK(refusal(again) == "");
      CHECK(again.effects.empty());
      CHECK(refusal(tell(Retry{"m1", "x2"})) == "not-found");
    }
    SUBCASE("and a late answer to the old one is nobody's") {
      tell(answered("m1", {.status = 201}));
      CHECK(mutation("x1").state == State::in_flight);
    }
  }

  TEST_CASE_FIXTURE(LettersTest, "one that may have been applied goes again as it is") {
    tell(create("a", R"({"n":1})"));
    exhaust("m1");
    auto before = mutation("m1").request;
    tell(Retry{"m1", "x1"}, kNoon + std::chrono::hours(1));
    Step step = tell(good_probe(), kNoon + std::chrono::hours(1));
    REQUIRE(sent(step) == Ids{"m1"});
    CHECK(only<Send>(step)[0].body == before->body);
  }

  TEST_CASE_FIXTURE(LettersTest, "unless the app says that it may take effect twice") {
    tell(create("a", R"({"n":1})"));
    exhaust("m1");
    CHECK(refusal(tell(Edit{"m1", "x1", R"({"set":{"n":2}})"})) == "outcome-unknown");
    tell(Edit{"m1", "x1", R"({"set":{"n":2}})", true}, kNoon + std::chrono::hours(1));
    Step step = tell(good_probe(), kNoon + std::chrono::hours(1));
    CHECK(sent(step) == Ids{"x1"});
  }

  TEST_CASE_FIXTURE(LettersTest, "an edit is sent in its place, and seen at once") {
    tell(create("a", R"({"n":-1,"k":1})"));
    tell(note("n", "a"));
    refuse("m1");
    Step step = tell(Edit{"m1", "x1", R"({"set":{"n":1},"remove":["k"]})"});
    REQUIRE(sent(step) == Ids{"x1"});
    CHECK(only<Send>(step)[0].body.starts_with(R"({"n":1,"id":"a",)"));
    CHECK(row("a").starts_with(R"({"body":{"n":1,"id":"a",)"));
    CHECK(sent(tell(answered("x1", {.status = 201}))) == Ids{"m2"});

    SUBCASE("one of an update keeps what else it changed") {
      tell(update("a", R"({"n":-2,"x":1})"));
      refuse("m3");
      Step edited = tell(Edit{"m3", "x2", R"({"set":{"n":2}})"});
      CHECK(only<Send>(edited)[0].method == "PUT");
      CHECK(only<Send>(edited)[0].body.find(R"("n":2)") != std::string::npos);
      CHECK(only<Send>(edited)[0].body.find(R"("x":1)") != std::string::npos);
    }
    SUBCASE("and what is no change is refused, and nothing is done") {
      tell(update("a", R"({"n":-2})"));
      refuse("m3");
      CHECK(refusal(tell(Edit{"m3", "x2", "[]"})) == "bad-body");
      CHECK(refusal(tell(Edit{"m3", "../", R"({"set":{"n":2}})"})) == "bad-id");
      CHECK(refusal(tell(Edit{"m3", "m2", R"({"set":{"n":2}})"})) == "bad-id");
      CHECK(refusal(tell(Edit{"unheard-of", "x2", R"({"set":{"n":2}})"})) == "not-found");
      CHECK(letters() == Ids{"m3"});
    }
  }

  TEST_CASE_FIXTURE(LettersTest, "an edit may refer to what was made before, not since") {
    tell(Pause{});
    tell({create("first"), note("n", "elsewhere"), create("second")});
    tell(Resume{});
    refuse("m2");
    CHECK(refusal(tell(Edit{"m2", "x1", R"({"set":{"orderId":"second"}})"})) == "not-sent-yet");
    Step step = tell(Edit{"m2", "x1", R"({"set":{"orderId":"first"}})"});
    CHECK(sent(step).empty());
    CHECK(sent(tell(answered("m1", {.status = 201}))) == Ids{"x1"});
    CHECK(sent(tell(remove("first"))).empty());  // It waits for what refers to its record by now.
    CHECK(sent(tell(answered("x1", {.status = 201}))).size() == 1);
  }

  TEST_CASE_FIXTURE(LettersTest, "a create given up takes along what is nothing without it") {
    tell(create("a"));
    tell({note("n", "a"), update("a", R"({"n":2})"), create("b"), note("o", "b")});
    Write write = create("after-it");
    write.after = {"m1"};
    tell(write);
    refuse("m1");
    Step step = tell(Discard{"m1"});
    CHECK(gone(step) == Ids{"m1", "m2", "m3"});
    CHECK(row("a") == "null");
    CHECK(query::row(db, Key{"note", "n"}) == "null");
    CHECK(sent(step) == Ids{"m6"});  // It was only to come after it.
    CHECK(History(db).find("m2")->reason == Departure::Reason::discarded);
    for (const auto& settled : only<Settled>(step))
      CHECK(settled.reason == Settled::Reason::discarded);
  }

  TEST_CASE_FIXTURE(LettersTest, "and all that was done to its record, however much that is") {
    tell(create("a"));
    tell(update("a", R"({"n":2})"));
    Write write = create("after-it");
    write.after = {"m2"};  // So that nothing more folds into it.
    tell(write);
    tell(update("a", R"({"n":3})"));
    refuse("m1");
    Step step = tell(Discard{"m1"});
    CHECK(gone(step) == Ids{"m1", "m2", "m4"});
    CHECK(row("a") == "null");
    CHECK(sent(step) == Ids{"m3"});
  }

  TEST_CASE_FIXTURE(LettersTest, "an update that is given up goes alone") {
    tell(create("a", R"({"n":1})"));
    tell(answered("m1", {.status = 201}));
    tell(update("a", R"({"n":-1})"));
    tell(update("a", R"({"k":1})"));
    refuse("m2");
    Step step = tell(Discard{"m2"});
    CHECK(gone(step) == Ids{"m2"});
    CHECK(sent(step) == Ids{"m3"});
    CHECK(row("a").find(R"("n":1)") != std::string::npos);
    CHECK(row("a").find(R"("k":1)") != std::string::npos);
  }

  TEST_CASE_FIXTURE(LettersTest, "what was never sent can be taken back, with what depends on it") {
    tell(Pause{});
    tell({create("a"), note("n", "a"), create("b")});
    Step step = tell(Cancel{"m1"});
    CHECK(gone(step) == Ids{"m1", "m2"});
    CHECK(step.status.pending == 1);
    CHECK(only<Settled>(step)[0].reason == Settled::Reason::cancelled);
    CHECK(refusal(tell(Cancel{"m1"})) == "not-found");
    tell(Resume{});
    CHECK(refusal(tell(Cancel{"m3"})) == "attempted");
    tell(silent("m3"));
    CHECK(refusal(tell(Cancel{"m3"})) == "attempted");
  }
}
