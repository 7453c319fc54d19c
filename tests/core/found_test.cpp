// What the simulation has found, each as the shortest story that shows it.

#include <doctest/doctest.h>

#include "sync/engine.h"
#include "world.h"

using namespace holdfast;
using namespace holdfast::test;

namespace {

Response page(const std::string& deleted) {
  return {.status = 200,
          .content_type = "application/json",
          .body = R"({"records":[],"deleted":[")" + deleted + R"("],"cursor":"1"})"};
}

}  // namespace

TEST_SUITE("found by the simulation") {
  // A page numbers its calls in their order, but one can get lost while there is no leader, and be
  // sent again only after the next has arrived. By its number alone it then looked like one that
  // was recorded, and was answered so.
  TEST_CASE_FIXTURE(World, "a write is not taken before an earlier one of its page") {
    Write lost = create("a");
    Write next = create("b");
    next.acknowledged = 0;
    CHECK(refusal(tell(next)) == "take-journal-first");
    CHECK(row("b") == "null");

    SUBCASE("and is taken after it, however often it came too early") {
      CHECK(refusal(tell(next)) == "take-journal-first");
      CHECK(refusal(tell(lost)) == "");
      CHECK(refusal(tell(next)) == "");
      CHECK(row("a") != "null");
      CHECK(row("b") != "null");
    }
    SUBCASE("or when the page has heard what became of that") {
      next.acknowledged = 1;
      CHECK(refusal(tell(next)) == "");
      CHECK(row("b") != "null");
    }
    SUBCASE("and calls that the page knows to be refused leave no gap") {
      written = 7;  // 3 to 7 met a full disk, and the page was told.
      Write later = create("c");
      later.acknowledged = 7;
      CHECK(refusal(tell(later)) == "");
      CHECK(refusal(tell(later)) == "");
    }
  }

  // The change of the update was missing from its request, which was then empty, because the
  // record as the app saw it was gone: by the delete that was to follow.
  TEST_CASE("an update of what a retried delete has removed is sent as it is") {
    Config config = orders();
    config.max_attempts = 1;
    World w(config);
    w.reach();
    w.tell(w.create("a", R"({"n":1,"k":1})"));
    w.tell(w.answered("m1", {.status = 201}));
    w.tell(w.remove("a"));
    w.tell(w.answered("m2", {.status = 500}));  // It may have been applied.
    w.tell(w.update("a", R"({"n":2})"));
    w.tell(w.update("a", R"({"n":3})"));
    w.tell(w.remove("a"));
    w.tell(Retry{"m2", "again-m2"});
    Step step = w.tell(w.answered("m2", {.status = 204}, 2));
    REQUIRE(sent(step) == std::vector<MutationId>{"m3"});
    CHECK(only<Send>(step)[0].body == R"({"id":"a","n":2,"updatedAt":"1970-01-01T12:00:00.001Z"})");
  }

  // The server's refusal of the update folded it over nothing: all other fields were gone, the id
  // among them, and so were they from what a later update sent.
  TEST_CASE_FIXTURE(World, "a record that was deleted elsewhere stays whole until it is settled") {
    reach();
    tell(create("a", R"({"n":1,"k":1})"));
    tell(answered("m1", {.status = 201}));
    tell(update("a", R"({"n":2})"));
    tell(update("a", R"({"n":3})"));
    auto pull = only<Fetch>(tell(Pull{"order"})).at(0).pull;
    tell(Pulled{epoch(), pull, "order", page("a")});
    tell(answered("m2", {.status = 404}));
    CHECK(row("a").find(R"({"n":3,"k":1,"id":"a")") != std::string::npos);
    CHECK(row("a").find("failed") != std::string::npos);

    SUBCASE("and what follows is sent whole") {
      Step step = tell(Discard{"m2"});
      REQUIRE(sent(step) == std::vector<MutationId>{"m3"});
      CHECK(only<Send>(step)[0].body.find(R"({"n":3,"k":1,"id":"a")") != std::string::npos);
    }
    SUBCASE("and goes when nothing of it is unsettled") {
      tell(Discard{"m2"});
      tell(answered("m3", {.status = 404}));
      tell(Discard{"m3"});
      CHECK(row("a") == "null");
    }
    SUBCASE("and is there again when the server accepts it") {
      tell(Retry{"m2", "again-m2"});
      tell(answered("again-m2", {.status = 200}));
      tell(answered("m3", {.status = 200}));
      CHECK(row("a").find(R"({"body":{"n":3,"k":1,"id":"a")") != std::string::npos);
      CHECK(row("a").find("sync") == std::string::npos);
    }
  }
}
