#include "sync/engine.h"

#include <doctest/doctest.h>

#include "backoff.h"
#include "world.h"

using namespace holdfast;
using namespace holdfast::test;
using namespace std::chrono_literals;
using Ids = std::vector<MutationId>;

TEST_SUITE("engine") {
  TEST_CASE_FIXTURE(World, "a step names the records that changed, and of many only where") {
    using Names = std::vector<std::string>;
    reach();
    CHECK(tell({create("a"), create("b")}).changed == Names{"order/a", "order/b"});
    CHECK(tell(update("b", R"({"n":2})")).changed == Names{"order/b"});
    CHECK(tell(answered("m1", {.status = 201})).changed == Names{"order/a"});
    CHECK(tell(Tick{}).changed.empty());
    // What is held back shows by what.
    Write after = create("c");
    after.after = {"m2"};
    tell(after);
    CHECK(tell(answered("m2", {.status = 422})).changed == Names{"order/b", "order/c"});
    std::vector<Event> many;
    for (int i = 0; i < 100; ++i) many.push_back(create("d" + std::to_string(i)));
    CHECK(tell(many).changed.size() == 100);
    many = {create("e")};
    for (int i = 0; i < 100; ++i) many.push_back(update("d" + std::to_string(i), R"({"n":2})"));
    CHECK(tell(many).changed == Names{"order"});
  }

  TEST_CASE_FIXTURE(World, "sends nothing before a probe is answered well") {
    Step opened = tell(Open{});
    CHECK(only<Probe>(opened).size() == 1);
    Step written = tell(create("a"));
    CHECK(written.effects.empty());
    CHECK(written.status.pending == 1);
    CHECK_FALSE(written.status.reachable);

    SUBCASE("then sends what waits") {
      Step step = tell(good_probe());
      CHECK(step.status.reachable);
      REQUIRE(sent(step) == Ids{"m1"});
      CHECK(only<Send>(step)[0].method == "POST");
      CHECK(only<Send>(step)[0].path == "/orders");
      CHECK(only<Send>(step)[0].body ==
            R"({"n":1,"id":"a","updatedAt":"1970-01-01T12:00:00.000Z"})");
    }
    SUBCASE("and tries again by backoff while it is answered badly") {
      Step step = tell(probed(Response{.status = 503, .content_type = "application/json"}));
      CHECK(step.effects.empty());
      CHECK(step.status.waiting_for == Status::Wait::origin);
      REQUIRE(step.wake_at);
      Step again = tell(Tick{}, *step.wake_at);
      CHECK(only<Probe>(again).size() == 1);
      CHECK(sent(again).empty());
    }
    SUBCASE("nor after one that a captive portal answered") {
      Step step = tell(probed(Response{.status = 200, .content_type = "text/html"}));
      CHECK(sent(step).empty());
      CHECK(step.status.waiting_for == Status::Wait::network);
      CHECK(step.status.reason.find("captive portal") != std::string::npos);
    }
    SUBCASE("nor after one that the app's own check refuses") {
      Event event = good_probe();
      std::get<Probed>(event).check = false;
      CHECK(sent(tell(event)).empty());
    }
    SUBCASE("nor after the answer to an earlier probe") {
      Event event = good_probe();
      std::get<Probed>(event).probe -= 1;
      CHECK(sent(tell(event)).empty());
    }
  }

  TEST_CASE_FIXTURE(World, "probes again before it sends once the last good probe is old") {
    reach();
    Step step = tell(create("a"), kNoon + 31s);
    CHECK(sent(step).empty());
    CHECK(only<Probe>(step).size() == 1);
    CHECK(sent(tell(good_probe(), kNoon + 32s)) == Ids{"m1"});
  }

  TEST_CASE_FIXTURE(World, "sends a mutation in the step that records it") {
    reach();
    CHECK(sent(tell(create("a"))) == Ids{"m1"});
  }

  TEST_CASE_FIXTURE(World, "answers a write with the record as it is now") {
    Step step = tell(create("a", R"({"n":1,"b":null})"));
    CHECK(std::get<Applied>(step.results[0]).record ==
          R"({"body":{"n":1,"b":null,"id":"a","updatedAt":"1970-01-01T12:00:00.000Z"},)"
          R"("sync":{"status":"pending","attempts":0,"mutation":"m1"}})");
    step = tell(update("a", R"({"n":2,"c":"x"})"));
    CHECK(row("a") ==
          R"({"body":{"n":2,"b":null,"id":"a","updatedAt":"1970-01-01T12:00:00.001Z","c":"x"},)"
          R"("sync":{"status":"pending","attempts":0,"mutation":"m2"}})");
    step = tell(write(Kind::update, "a", R"({"remove":["b","c"]})"));
    CHECK(row("a").find("\"b\"") == std::string::npos);
    step = tell(remove("a"));
    CHECK(std::get<Applied>(step.results[0]).record == "null");
    CHECK(row("a") == "null");
  }

  TEST_CASE_FIXTURE(World, "sends the mutations of a record one after the other") {
    reach();
    CHECK(sent(tell(create("a"))) == Ids{"m1"});
    CHECK(sent(tell(update("a", R"({"n":2})"))).empty());
    CHECK(sent(tell(remove("a"))).empty());
    Step second = tell(answered("m1", {.status = 201, .body = R"({"n":1,"by":"server"})"}));
    REQUIRE(sent(second) == Ids{"m2"});
    CHECK(only<Send>(second)[0].method == "PUT");
    CHECK(only<Send>(second)[0].path == "/orders/a");
    // The whole record, on top of what the server answered.
    CHECK(only<Send>(second)[0].body ==
          R"({"n":2,"by":"server","id":"a","updatedAt":"1970-01-01T12:00:00.001Z"})");
    Step third = tell(answered("m2", {.status = 200}));
    REQUIRE(sent(third) == Ids{"m3"});
    CHECK(only<Send>(third)[0].method == "DELETE");
    CHECK(only<Send>(third)[0].body.empty());
    Step done = tell(answered("m3", {.status = 404}));
    CHECK(only<Settled>(done).size() == 1);
    CHECK(done.status.pending == 0);
    CHECK_FALSE(done.wake_at);
    CHECK(row("a") == "null");
  }

  TEST_CASE_FIXTURE(World, "sends the mutations of other records side by side, four at once") {
    reach();
    std::vector<Event> events;
    for (int i = 0; i < 6; ++i) events.push_back(create("r" + std::to_string(i)));
    CHECK(sent(tell(events)) == Ids{"m1", "m2", "m3", "m4"});
    CHECK(sent(tell(answered("m2", {.status = 201}))) == Ids{"m5"});
  }

  TEST_CASE("in strict order a mutation waits for all earlier ones") {
    Config config = orders();
    config.ordering = Ordering::strict;
    World w(config);
    w.reach();
    CHECK(sent(w.tell(w.create("a"))) == Ids{"m1"});
    CHECK(sent(w.tell(w.create("b"))).empty());
    CHECK(sent(w.tell(w.update("a", R"({"n":2})"))).empty());

    SUBCASE("and goes when they are settled") {
      CHECK(sent(w.tell(w.answered("m1", {.status = 201}))) == Ids{"m2"});
      CHECK(sent(w.tell(w.answered("m2", {.status = 201}))) == Ids{"m3"});
    }
    SUBCASE("and stops at one that was refused") {
      CHECK(sent(w.tell(w.answered("m1", {.status = 422}))).empty());
      CHECK(w.row("a").find("failed") != std::string::npos);
    }
    SUBCASE("and goes on in order when that one is given up with what follows from it") {
      w.tell(w.create("c"));
      w.tell(w.answered("m1", {.status = 422}));
      CHECK(sent(w.tell(Discard{"m1"})) == Ids{"m2"});
      CHECK(sent(w.tell(w.answered("m2", {.status = 201}))) == Ids{"m4"});
      CHECK(w.row("a") == "null");
    }
  }

  TEST_CASE_FIXTURE(World, "makes the server's record the base, with later changes on top") {
    reach();
    tell(create("a", R"({"n":1})"));
    tell(update("a", R"({"n":2})"));
    tell(answered("m1", {.status = 201, .body = R"({"n":1,"number":17})"}));
    CHECK(row("a").find(R"("n":2,"number":17)") != std::string::npos);
    tell(answered("m2", {.status = 200, .body = R"({"n":2,"number":17,"id":"a"})"}));
    CHECK(row("a") == R"({"body":{"n":2,"number":17,"id":"a"}})");
  }

  TEST_CASE_FIXTURE(World, "keeps a mutation the server may not have seen") {
    reach();
    Step first = tell(create("a"));
    Step lost = tell(silent("m1"), kNoon + 3s);
    CHECK(sent(lost).empty());
    CHECK(only<Probe>(lost).size() == 0);
    CHECK(lost.status.pending == 1);
    CHECK_FALSE(lost.status.reachable);
    REQUIRE(lost.wake_at);
    Time due = kNoon + 3s + backoff("m1", 1, 1s, 5min);
    CHECK(lost.wake_at == due);

    SUBCASE("and sends it again, under the same key, once a probe is answered") {
      Step tick = tell(Tick{}, due);
      CHECK(only<Probe>(tick).size() == 1);
      Step again = tell(good_probe(), due);
      auto sends = only<Send>(again);
      REQUIRE(sends.size() == 1);
      Send expected = only<Send>(first)[0];
      expected.attempt = 2;
      CHECK(sends[0] == expected);
    }
    SUBCASE("at once when the network comes back first") {
      Step online = tell(Online{}, kNoon + 3s);
      CHECK(only<Probe>(online).size() == 1);
      CHECK(sent(tell(good_probe(), kNoon + 3s)) == Ids{"m1"});
    }
    SUBCASE("or after a restart, though the answer was never recorded") {
      Engine restarted(db, config);
      Event open = Open{};
      restarted.handle({&open, 1}, kNoon + 1h);
      Event probe = good_probe();
      Step step = restarted.handle({&probe, 1}, kNoon + 1h);
      CHECK(sent(step) == Ids{"m1"});
      CHECK(only<Send>(step)[0].body == only<Send>(first)[0].body);
    }
    SUBCASE("however often there is no network") {
      Time now = kNoon + 3s;
      for (int attempt = 2; attempt < 50; ++attempt) {
        now += 10min;
        tell(Sync{}, now);
        REQUIRE(sent(tell(good_probe(), now)) == Ids{"m1"});
        Step step = tell(silent("m1", Silence::network, attempt), now);
        REQUIRE(step.status.failed == 0);
      }
    }
  }

  TEST_CASE_FIXTURE(World, "takes up again what was in flight when the session ended") {
    reach();
    Step first = tell(create("a"));
    tell(Open{}, kNoon + 1s);
    Step again = tell(good_probe(), kNoon + 1s);
    REQUIRE(sent(again) == Ids{"m1"});
    CHECK(only<Send>(again)[0].attempt == 2);
    CHECK(only<Send>(again)[0].body == only<Send>(first)[0].body);

    SUBCASE("and ignores the answer that the last session waited for") {
      Step late = tell(Answered{1, "m1", 1, Response{.status = 422}}, kNoon + 2s);
      CHECK(late.effects.empty());
      CHECK(late.status.failed == 0);
    }
  }

  TEST_CASE_FIXTURE(World, "ignores a late answer to an earlier attempt") {
    reach();
    tell(create("a"));
    tell(silent("m1"));
    tell(Sync{});
    CHECK(sent(tell(good_probe())) == Ids{"m1"});
    Step late = tell(silent("m1", Silence::network, 1));
    CHECK(late.effects.empty());
    CHECK(late.status.syncing);
    CHECK(only<Settled>(tell(answered("m1", {.status = 200}, 2))).size() == 1);
  }

  TEST_CASE_FIXTURE(World, "makes a refused mutation a dead letter and goes on with others") {
    reach();
    tell({create("a"), create("b")});
    Step step = tell(answered("m1", {.status = 422,
                                     .content_type = "application/problem+json",
                                     .body = R"({"title":"No title","detail":"Give one."})"}));
    REQUIRE(only<Buried>(step).size() == 1);
    CHECK(only<Buried>(step)[0].problem ==
          R"({"title":"No title","detail":"Give one.","status":422})");
    CHECK(step.status.failed == 1);
    CHECK(step.status.pending == 1);
    CHECK(row("a").ends_with(
        R"("sync":{"status":"failed","attempts":1,"mutation":"m1",)"
        R"("error":{"title":"No title","detail":"Give one.","status":422}}})"));
    CHECK(only<Settled>(tell(answered("m2", {.status = 201}))).size() == 1);

    SUBCASE("that goes again, under a new key, when the app asks") {
      Step again = tell(Retry{"m1", "again-m1"});
      CHECK(only<Send>(again) ==
            std::vector<Send>{{1, "again-m1", 1, "POST", "/orders",
                               R"({"n":1,"id":"a","updatedAt":"1970-01-01T12:00:00.000Z"})"}});
      CHECK(again.status.failed == 0);
      CHECK(only<Settled>(tell(answered("again-m1", {.status = 201}))) ==
            std::vector<Settled>{{"again-m1", {"order", "a"}, Settled::Reason::accepted}});
    }
    SUBCASE("that goes, with the record it would have made, when the app gives it up") {
      Step gone = tell(Discard{"m1"});
      CHECK(only<Settled>(gone) ==
            std::vector<Settled>{{"m1", {"order", "a"}, Settled::Reason::discarded}});
      CHECK(row("a") == "null");
      CHECK(gone.status.failed == 0);
      CHECK(gone.status.pending == 0);
    }
    SUBCASE("and with all that was done to it meanwhile") {
      tell({create("c"), update("c", R"({"n":9})")});
      tell(answered("m3", {.status = 422}));
      Step gone = tell(Discard{"m3"});
      CHECK(only<Settled>(gone) ==
            std::vector<Settled>{{"m3", {"order", "c"}, Settled::Reason::discarded},
                                 {"m4", {"order", "c"}, Settled::Reason::discarded}});
      CHECK(row("c") == "null");
      CHECK(gone.status.pending == 0);
    }
    SUBCASE("that is no longer there for a second retry or discard") {
      tell(Discard{"m1"});
      CHECK(refusal(tell(Discard{"m1"})) == "not-found");
      CHECK(refusal(tell(Retry{"m1", "again-m1"})) == "not-found");
    }
  }

  TEST_CASE_FIXTURE(World, "discards an update by folding the record again without it") {
    reach();
    tell(create("a", R"({"n":1,"k":1})"));
    tell(answered("m1", {.status = 201}));
    tell(update("a", R"({"n":2})"));
    tell(update("a", R"({"k":2})"));
    tell(answered("m2", {.status = 400}));
    CHECK(row("a").find(R"("n":2,"k":2)") != std::string::npos);
    Step step = tell(Discard{"m2"});
    CHECK(row("a").find(R"("n":1,"k":2)") != std::string::npos);
    CHECK(sent(step) == Ids{"m3"});
    CHECK(only<Send>(step)[0].body.find(R"("n":1,"k":2)") != std::string::npos);
  }

  TEST_CASE_FIXTURE(World, "shows a record again, as failed, whose delete was refused") {
    reach();
    tell(create("a"));
    tell(answered("m1", {.status = 201}));
    tell(remove("a"));
    CHECK(row("a") == "null");
    tell(answered("m2", {.status = 403}));
    CHECK(row("a").find("failed") != std::string::npos);

    SUBCASE("and as it was when the delete is given up") {
      tell(Discard{"m2"});
      CHECK(row("a").find("sync") == std::string::npos);
    }
    SUBCASE("and no longer while it is tried again") {
      tell(Retry{"m2", "again-m2"});
      CHECK(row("a") == "null");
    }
  }

  TEST_CASE_FIXTURE(World, "gives up after five answers that say retry") {
    reach();
    Time now = kNoon;
    tell(create("a"), now);
    for (int attempt = 1; attempt <= 5; ++attempt) {
      Step step = tell(answered("m1", {.status = 500}, attempt), now);
      if (attempt == 5) {
        CHECK(only<Buried>(step).size() == 1);
        CHECK(step.status.failed == 1);
        CHECK_FALSE(step.wake_at);
        break;
      }
      CHECK(step.status.failed == 0);
      REQUIRE(step.wake_at);
      CHECK(*step.wake_at <= now + 1s * (1 << (attempt - 1)));
      now = *step.wake_at;
      if (sent(tell(Tick{}, now)).empty()) REQUIRE(sent(tell(good_probe(), now)) == Ids{"m1"});
    }
  }

  TEST_CASE_FIXTURE(World, "waits as long as the server asks before it tries again") {
    reach();
    tell(create("a"));
    Step step = tell(answered("m1", {.status = 500, .retry_after = "20"}));
    // And longer than it asks: it asks the same of everybody.
    const Time due = kNoon + 20s + backoff("m1", 1, 1s, 5min);
    CHECK(due > kNoon + 20s);
    CHECK(step.wake_at == due);
    CHECK(sent(tell(Tick{}, due - 1ms)).empty());
    CHECK(sent(tell(Tick{}, due)) == Ids{"m1"});

    SUBCASE("but never longer than the backoff does at most") {
      tell(answered("m1", {.status = 500, .retry_after = "3600"}, 2), due);
      CHECK(query::outbox(db, 1).find("\"dueAt\":" + std::to_string(
                (due + 5min).time_since_epoch().count())) != std::string::npos);
    }
  }

  TEST_CASE_FIXTURE(World, "leaves an overloaded origin alone, and blames no mutation for it") {
    for (int status : {429, 502, 503, 504}) {
      CAPTURE(status);
      World w;
      w.reach();
      w.tell(w.create("a"));
      Step step = w.tell(w.answered("m1", {.status = status, .retry_after = "60"}));
      CHECK(step.status.waiting_for == Status::Wait::origin);
      CHECK(sent(w.tell(w.create("b"))).empty());
      const Time due = kNoon + 60s + backoff("m1", 1, 6s, 5min);
      CHECK(step.wake_at == due);
      CHECK(w.tell(Sync{}, kNoon + 59s).effects.empty());
      CHECK(w.tell(Tick{}, due - 1ms).effects.empty());
      CHECK(only<Probe>(w.tell(Tick{}, due)).size() == 1);
      CHECK(sent(w.tell(w.good_probe(), due)) == Ids{"m1"});  // And not all at once.
      CHECK(sent(w.tell(w.answered("m1", {.status = 201}, 2), due)) == Ids{"m2"});
      CHECK(w.engine.handle({}, due).status.failed == 0);
    }
  }

  TEST_CASE_FIXTURE(World, "pauses an origin that answers one change after another by retry") {
    reach();
    tell({create("a"), create("b"), create("c"), create("d")});
    tell(answered("m1", {.status = 500}));
    CHECK(tell(answered("m2", {.status = 500})).status.waiting_for == Status::Wait::nothing);
    Step third = tell(answered("m3", {.status = 500}));
    CHECK(third.status.waiting_for == Status::Wait::origin);
    CHECK(sent(tell(create("e"))).empty());
    tell(answered("m4", {.status = 500}));
    const Time later = kNoon + 1min;
    CHECK(only<Probe>(tell(Tick{}, later)).size() == 1);
    CHECK(sent(tell(good_probe(), later)) == Ids{"m5"});
    CHECK(sent(tell(answered("m5", {.status = 201}), later)).size() == 2);
  }

  TEST_CASE_FIXTURE(World, "one that is always overloaded never becomes a dead letter") {
    reach();
    tell(create("a"));
    Time now = kNoon;
    for (int attempt = 1; attempt <= 20; ++attempt) {
      Step step = tell(answered("m1", {.status = 503}, attempt), now);
      REQUIRE(step.status.failed == 0);
      if (only<Probe>(step).empty()) {
        REQUIRE(step.wake_at);
        CHECK(*step.wake_at <= now + 5min);
        now = *step.wake_at;
        REQUIRE(only<Probe>(tell(Tick{}, now)).size() == 1);
      }
      REQUIRE(sent(tell(good_probe(), now)) == Ids{"m1"});
    }
  }

  TEST_CASE_FIXTURE(World, "asks for a sign-in once, and counts no attempt") {
    reach();
    tell({create("a"), create("b")});
    Step step = tell(answered("m1", {.status = 401}));
    CHECK(only<SignIn>(step).size() == 1);
    CHECK(step.status.waiting_for == Status::Wait::sign_in);
    CHECK(only<SignIn>(tell(answered("m2", {.status = 401}))).empty());
    CHECK(sent(tell(create("c"))).empty());
    Step signed_in = tell(SignedIn{});
    CHECK(only<Probe>(signed_in).size() == 1);
    CHECK(sent(tell(good_probe())).size() == 3);
    Step accepted = tell(answered("m1", {.status = 201}, 2));
    CHECK(accepted.status.waiting_for == Status::Wait::nothing);
    CHECK(accepted.status.failed == 0);
  }

  TEST_CASE_FIXTURE(World, "a request that cannot be made is a dead letter at once") {
    reach();
    tell(create("a"));
    CHECK(only<Buried>(tell(silent("m1", Silence::unbuildable))).size() == 1);
  }

  TEST_CASE_FIXTURE(World, "sends nothing while paused, and everything after") {
    reach();
    tell(Pause{});
    Step step = tell(create("a"));
    CHECK(step.effects.empty());
    CHECK_FALSE(step.wake_at);
    CHECK(step.status.waiting_for == Status::Wait::paused);
    CHECK(sent(tell(Resume{})) == Ids{"m1"});
  }

  TEST_CASE_FIXTURE(World, "records a write once, however often the page repeats it") {
    Write write = create("a");
    tell(write);
    Step again = tell(write);
    CHECK(again.status.pending == 1);
    CHECK(std::get<Applied>(again.results[0]).record == row("a"));

    SUBCASE("and refuses it again as it did then") {
      Write refused = create("a");
      CHECK(refusal(tell(refused)) == "exists");
      Write later = remove("a");
      later.acknowledged = 1;  // The refusal has not arrived.
      tell(later);
      CHECK(refusal(tell(refused)) == "exists");
      CHECK(row("a") == "null");
    }
  }

  TEST_CASE_FIXTURE(World, "refuses bad input and records nothing") {
    tell(create("a"));
    auto refused = [&](Write write) {
      std::string before = query::outbox(db, 100) + row("a");
      std::string code = refusal(tell(write));
      CHECK(query::outbox(db, 100) + row("a") == before);
      return code;
    };
    CHECK(refused(create("a")) == "exists");
    CHECK(refused(update("b", "{}")) == "not-found");
    CHECK(refused(remove("b")) == "not-found");
    for (const char* id : {"", ".", "..", "a/b", "a b", "ä", "a%2e"})
      CHECK(refused(create(id)) == "bad-id");
    CHECK(refused(create(std::string(129, 'x'))) == "bad-id");
    for (const char* body :
         {"", "7", "[]", "null", "{", R"({"n":1e400})", R"({"n":9007199254740993})",
          R"({"__proto__":{}})", R"({"s":"\ud800"})", "{\"s\":\"\xff\"}"})
      CHECK(refused(create("c", body)) == "bad-body");
    std::string deep;
    for (int i = 0; i < 65; ++i) deep += R"({"a":)";
    CHECK(refused(create("c", deep + "1" + std::string(65, '}'))) == "bad-body");
    CHECK(refused(create("c", R"({"s":")" + std::string(1 << 20, 'x') + "\"}")) == "too-large");
    CHECK(refused(write(Kind::update, "a", R"({"other":1})")) == "bad-body");
    CHECK(refused(write(Kind::update, "a", R"({"remove":["id"]})")) == "bad-body");
    Write unknown = create("c");
    unknown.key.collection = "nothing";
    CHECK(refused(unknown) == "unknown-collection");
  }

  TEST_CASE("refuses a write that the outbox has no room for") {
    Config config = orders();
    config.max_outbox = 2;
    World w(config);
    w.tell({w.create("a"), w.create("b")});
    CHECK(refusal(w.tell(w.create("c"))) == "outbox-full");
    CHECK(w.row("c") == "null");
  }

  TEST_CASE_FIXTURE(World, "a record that grows past the limit is refused") {
    tell(create("a", R"({"s":")" + std::string(700'000, 'x') + "\"}"));
    CHECK(refusal(tell(update("a", R"({"t":")" + std::string(700'000, 'x') + "\"}"))) ==
          "too-large");
  }

  TEST_CASE_FIXTURE(World,
                    "one that is refused keeps none of those beside it from being recorded") {
    Step step = tell({create("a"), create("a"), create("b")});
    CHECK(std::holds_alternative<Applied>(step.results[0]));
    CHECK(std::get<Refusal>(step.results[1]).code == "exists");
    CHECK(std::holds_alternative<Applied>(step.results[2]));
    CHECK(step.status.pending == 2);
  }

  TEST_CASE_FIXTURE(World, "buries what an older version of the app left behind") {
    tell(create("a"));
    Config config = orders();
    config.collections.clear();
    Engine other(db, config);
    Event open = Open{};
    other.handle({&open, 1}, kNoon);
    Event probe = good_probe();
    Step step = other.handle({&probe, 1}, kNoon);
    CHECK(only<Buried>(step).size() == 1);
    CHECK(step.status.failed == 1);
  }

  TEST_CASE_FIXTURE(World, "a clock that was set back delays nothing for long") {
    reach(kNoon + 24h * 365);
    Time later = kNoon + 24h * 365;
    tell(create("a"), later);
    tell(answered("m1", {.status = 500}, 1), later);
    Step step = tell(Tick{}, kNoon);
    CHECK(only<Probe>(step).size() == 1);
    CHECK(sent(tell(good_probe(), kNoon)) == Ids{"m1"});
  }

  TEST_CASE_FIXTURE(World, "a step is one flush, whatever the number of its events") {
    tell(Open{});
    tell(create("first"));
    auto before = vfs.traffic();
    std::vector<Event> events;
    for (int i = 0; i < 100; ++i) events.push_back(create("r" + std::to_string(i)));
    tell(events);
    CHECK(vfs.traffic().flushes - before.flushes == 1);
    CHECK(vfs.traffic().writes - before.writes == 1);
    before = vfs.traffic();
    tell(Tick{});
    CHECK(vfs.traffic().flushes == before.flushes);
  }

  TEST_CASE("a create without references dirties at most five pages") {
    Config config;
    config.collections["order"] = {.path = "/orders", .indexes = {}};
    World w(config);
    w.tell(Open{});
    for (int i = 0; i < 3; ++i) w.tell(w.create("r" + std::to_string(i)));
    int before = w.db.wal_pages();
    w.tell(w.create("s"));
    CHECK(w.db.wal_pages() - before <= 5);
  }
}
