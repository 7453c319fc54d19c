#include "sync/pulls.h"

#include <doctest/doctest.h>

#include "world.h"

using namespace holdfast;
using namespace holdfast::test;
using namespace std::chrono_literals;

namespace {

struct PullsTest : World {
  explicit PullsTest(Pulling pull = {}) : World(pulling(pull)) {}

  static Config pulling(Pulling pull) {
    Config config = orders();
    config.collections["order"].pull = pull;
    config.backoff_base = 1s;
    return config;
  }

  // The answer to the page under way.
  Event page(Response response, int part = 0, bool last = true, const char* of = "order") {
    return Pulled{epoch(), Cursors(db).find(of).pull, of, std::move(response), part, last};
  }
  Event page(const std::string& body) { return page(Response{.status = 200, .body = body}); }
  Event silence(Silence silence) {
    return Pulled{epoch(), Cursors(db).find("order").pull, "order", silence};
  }
  std::vector<std::string> rows() {
    std::vector<std::string> ids;
    Statement row(db, "SELECT id FROM hf_record WHERE body IS NOT NULL ORDER BY id");
    while (row.next()) ids.push_back(row.text(0));
    return ids;
  }
};

struct ByItself : PullsTest {
  ByItself() : PullsTest({.itself = true}) {}
};
struct FullList : PullsTest {
  FullList() : PullsTest({.full = true}) {}
};

using Texts = std::vector<std::string>;

// Where a step fetches from.
Texts fetched(const Step& step) {
  Texts paths;
  for (const auto& fetch : only<Fetch>(step)) paths.push_back(fetch.path);
  return paths;
}

std::string problem(const Step& step) {
  auto ends = only<PullEnded>(step);
  return ends.empty() ? "no end" : ends.at(0).problem;
}

}  // namespace

TEST_SUITE("pulls") {
  TEST_CASE_FIXTURE(PullsTest, "a pull brings pages until there is no more, each with its cursor") {
    reach();
    CHECK(fetched(tell(Pull{"order"})) == Texts{"/orders?limit=500"});
    Step second = tell(page(R"({"records":[{"id":"a","n":1},{"id":"b"}],"deleted":["z"],)"
                            R"("cursor":"a b&","more":true})"));
    CHECK(fetched(second) == Texts{"/orders?limit=500&since=a%20b%26"});
    CHECK(second.status.pulled == 3);
    CHECK(second.status.more);
    CHECK(row("a") == R"({"body":{"id":"a","n":1}})");
    Step done = tell(page(R"({"records":[],"deleted":["a"],"cursor":7})"));
    CHECK(only<PullEnded>(done) == std::vector<PullEnded>{{"order", 4, ""}});
    CHECK(done.status.pulled == 4);
    CHECK_FALSE(done.status.more);
    CHECK(row("a") == "null");
    CHECK(fetched(tell(Pull{"order"})) == Texts{"/orders?limit=500&since=7"});
  }

  TEST_CASE("the app's own path says where the cursor and the limit go") {
    PullsTest w({.path = "/changes?after={cursor}&kind=o&n={limit}", .limit = 20});
    w.reach();
    CHECK(fetched(w.tell(Pull{"order"})) == Texts{"/changes?kind=o&n=20"});
    CHECK(fetched(w.tell(w.page(R"({"records":[],"cursor":"c","more":true})"))) ==
          Texts{"/changes?after=c&kind=o&n=20"});
    SUBCASE("and another path begins at the beginning") {
      w.tell(w.page(R"({"records":[],"cursor":"d"})"));
      Config config = w.config;
      config.collections["order"].pull.path = "/others?c={cursor}";
      Engine engine(w.db, config);
      auto say = [&](const Event& event) { return engine.handle({&event, 1}, kNoon); };
      say(Open{});
      say(w.good_probe());
      CHECK(fetched(say(Pull{"order"})) == Texts{"/others"});
    }
  }

  TEST_CASE_FIXTURE(World, "a pull never overwrites what is unsettled") {
    reach();
    tell(create("a", R"({"n":1,"k":1})"));
    tell(answered("m1", {.status = 201}));
    tell(update("a", R"({"n":2})"));
    tell(Pull{"order"});
    auto page = [&](const char* body) {
      return tell(Pulled{epoch(), Cursors(db).find("order").pull, "order",
                         Response{.status = 200, .body = body}});
    };
    SUBCASE("but moves the base beneath it") {
      page(R"({"records":[{"id":"a","n":5,"k":5}],"cursor":"1"})");
      CHECK(row("a").find(R"("n":2,"k":5)") != std::string::npos);
    }
    SUBCASE("nor what was confirmed since the page was asked for") {
      tell(answered("m2", {.status = 200, .body = R"({"n":2,"k":1})"}));
      // The page may be newer than the answer: its cursor stays, and it is asked for again.
      CHECK(fetched(page(R"({"records":[{"id":"a","n":1,"k":1}],"cursor":"1"})")) ==
            Texts{"/orders?limit=500"});
      CHECK(row("a").find(R"("n":2)") != std::string::npos);
      CHECK(problem(page(R"({"records":[{"id":"a","n":3,"k":1}],"cursor":"2"})")).empty());
      CHECK(row("a").find(R"("n":3)") != std::string::npos);
    }
    SUBCASE("and is asked again for what it brought while the answer was on its way") {
      // Another device changed it after this one: what is answered is older.
      page(R"({"records":[{"id":"a","n":9,"k":1}],"cursor":"1"})");
      tell(answered("m2", {.status = 200, .body = R"({"n":2,"k":1})"}));
      CHECK(fetched(tell(Pull{"order"})) == Texts{"/orders?limit=500"});
      page(R"({"records":[{"id":"a","n":9,"k":1}],"cursor":"1"})");
      CHECK(row("a").find(R"("n":9)") != std::string::npos);
      CHECK(fetched(tell(Pull{"order"})) == Texts{"/orders?limit=500&since=1"});
    }
    SUBCASE("also when the next page is under way by then") {
      page(R"({"records":[{"id":"a","n":9,"k":1}],"cursor":"1","more":true})");
      tell(answered("m2", {.status = 200, .body = R"({"n":2,"k":1})"}));
      CHECK(fetched(page(R"({"records":[{"id":"b"}],"cursor":"2"})")) ==
            Texts{"/orders?limit=500"});
    }
    SUBCASE("and goes on where the page has what was confirmed") {
      tell(answered("m2", {.status = 200, .body = R"({"id":"a","n":2,"k":1})"}));
      CHECK(problem(page(R"({"records":[{"id":"a","n":2,"k":1}],"cursor":"1"})")).empty());
    }
    SUBCASE("and does not bring back what was deleted since") {
      tell(answered("m2", {.status = 200}));
      tell(remove("a"));
      tell(answered("m3", {.status = 204}));
      page(R"({"records":[{"id":"a","n":1}],"cursor":"1"})");
      CHECK(row("a") == "null");
      page(R"({"records":[],"deleted":["a"],"cursor":"1"})");
      CHECK(row("a") == "null");
      Statement rows(db, "SELECT count(*) FROM hf_record");
      rows.next();
      CHECK(rows.integer(0) == 0);
    }
    SUBCASE("and does not bring back what was given up since") {
      tell(answered("m2", {.status = 200}));
      tell(remove("a"));
      tell(answered("m3", {.status = 204}));
      tell(create("a"));
      tell(answered("m4", {.status = 422}));
      tell(Discard{"m4"});
      page(R"({"records":[{"id":"a","n":1}],"cursor":"1"})");
      CHECK(row("a") == "null");
    }
    SUBCASE("and keeps what the server has deleted and taken again") {
      page(R"({"records":[],"deleted":["a"],"cursor":"1"})");
      tell(update("a", R"({"n":3})"));
      tell(answered("m2", {.status = 200}));
      tell(answered("m3", {.status = 422}));
      tell(Discard{"m3"});
      CHECK(row("a").find(R"("n":2,"k":1)") != std::string::npos);
    }
    SUBCASE("and leaves it whole when the server has deleted it") {
      page(R"({"records":[],"deleted":["a"],"cursor":"1"})");
      CHECK(row("a").find(R"("n":2,"k":1)") != std::string::npos);
      tell(answered("m2", {.status = 404}));
      tell(Discard{"m2"});
      CHECK(row("a") == "null");
    }
  }

  TEST_CASE_FIXTURE(PullsTest, "a pull that fails says why, and the next goes on from there") {
    auto failed = [&](const Response& response) {
      tell(Open{});
      tell(good_probe());
      REQUIRE(fetched(tell(Pull{"order"})) == Texts{"/orders?limit=500"});
      return problem(tell(page(response)));
    };
    CHECK(failed({.status = 500}).find("answered 500") != std::string::npos);
    CHECK(failed({.status = 404, .body = R"({"title":"No orders"})"}).find("No orders") !=
          std::string::npos);
    CHECK(failed({.status = 200, .complete = false}).find("Cut short") != std::string::npos);
    CHECK(failed({.status = 200, .content_type = "text/html", .body = "<p>"}).find("portal") !=
          std::string::npos);
    for (const char* body : {"", "[]", "{}", R"({"records":[7]})", R"({"records":[{"id":".."}]})",
                             R"({"records":[],"more":true})"})
      CHECK(failed({.status = 200, .body = body}).find("Not a page") != std::string::npos);
    tell(Pull{"order"});
    Event flawed = page(Response{.status = 200});
    std::get<Pulled>(flawed).flaw = "map threw: no";
    CHECK(problem(tell(flawed)).find("map threw: no") != std::string::npos);
    CHECK(failed({.status = 200, .body = R"({"records":[]})"}).empty());
  }

  TEST_CASE_FIXTURE(PullsTest, "a pull goes behind the same probe as everything") {
    tell(Open{});
    CHECK(fetched(tell(Pull{"order"})).empty());  // The probe is under way.
    SUBCASE("once it is answered well") {
      CHECK(fetched(tell(good_probe())) == Texts{"/orders?limit=500"});
    }
    SUBCASE("and ends with its reason where it is not") {
      CHECK(problem(tell(probed(Silence::network))).find("network failed") != std::string::npos);
      Step again = tell(Pull{"order"});  // A person asks: whatever the backoff says.
      CHECK(only<Probe>(again).size() == 1);
      CHECK(fetched(tell(good_probe())).size() == 1);
    }
    SUBCASE("and not while the app wants silence") {
      CHECK(problem(tell(Pause{})).find("Paused") != std::string::npos);
      CHECK(problem(tell(Pull{"order"})).find("Paused") != std::string::npos);
    }
  }

  TEST_CASE_FIXTURE(PullsTest, "a 401 asks to sign in, and nothing is pulled before") {
    reach();
    tell(Pull{"order"});
    Step refused = tell(page(Response{.status = 401}));
    CHECK(only<SignIn>(refused).size() == 1);
    CHECK(refused.status.waiting_for == Status::Wait::sign_in);
    Step signed_in = tell({SignedIn{}, Pull{"order"}});
    CHECK(fetched(signed_in).empty());
    CHECK(fetched(tell(good_probe())).size() == 1);
    CHECK(tell(page(R"({"records":[]})")).status.waiting_for == Status::Wait::nothing);
  }

  TEST_CASE_FIXTURE(ByItself, "a stuck outbox does not stop pulls") {
    reach();
    tell(page(R"({"records":[]})"));
    tell(create("a"));
    tell(answered("m1", {.status = 422}));
    tell(update("a", R"({"n":2})"));
    Step step = tell(Watched{}, kNoon + 1min);
    CHECK(only<Probe>(step).size() == 1);
    CHECK(fetched(tell(good_probe(), kNoon + 1min)) == Texts{"/orders?limit=500"});
  }

  TEST_CASE_FIXTURE(ByItself, "a collection that pulls by itself does so") {
    tell(Open{});
    CHECK(fetched(tell(good_probe())).size() == 1);
    tell(page(R"({"records":[{"id":"a"}],"cursor":"1"})"));
    SUBCASE("at its interval while a page is visible") {
      CHECK_FALSE(tell(Tick{}, kNoon + 1h).wake_at);
      CHECK(tell(Visible{}, kNoon + 20s).wake_at == kNoon + 1min);
      CHECK(only<Probe>(tell(Tick{}, kNoon + 1min)).size() == 1);
      CHECK(fetched(tell(good_probe(), kNoon + 1min)).size() == 1);
    }
    SUBCASE("when the network is back") {
      tell(Online{}, kNoon + 5s);
      CHECK(fetched(tell(good_probe(), kNoon + 5s)) == Texts{"/orders?limit=500&since=1"});
    }
    SUBCASE("after new credentials") {
      tell(SignedIn{}, kNoon + 5s);
      CHECK(fetched(tell(good_probe(), kNoon + 5s)).size() == 1);
    }
    SUBCASE("after the outbox has drained, and not at once after the last time") {
      tell({create("b"), create("c")}, kNoon + 2s);
      CHECK_FALSE(tell(answered("m1", {.status = 201}), kNoon + 3s).wake_at);
      CHECK(tell(answered("m2", {.status = 201}), kNoon + 4s).wake_at == kNoon + 10s);
      CHECK(fetched(tell(Tick{}, kNoon + 10s)).size() == 1);
      CHECK_FALSE(tell(page(R"({"records":[]})"), kNoon + 10s).wake_at);
    }
    SUBCASE("after a backoff when it failed, and at once when the way is open again") {
      tell(Pull{"order"});
      Step failed = tell(page(Response{.status = 500}));
      REQUIRE(failed.wake_at);
      CHECK(*failed.wake_at <= kNoon + 1s);
      CHECK(fetched(tell(Tick{}, *failed.wake_at)).size() == 1);
      tell(page(Response{.status = 503, .retry_after = "60"}));
      CHECK(fetched(tell(good_probe(), kNoon + 2min)).size() == 0);
      tell(Online{}, kNoon + 3min);
      CHECK(fetched(tell(good_probe(), kNoon + 3min)).size() == 1);
    }
  }

  TEST_CASE("one that does not waits to be asked") {
    PullsTest w;
    w.reach();
    CHECK_FALSE(w.tell(Watched{}).wake_at);
    CHECK(w.tell({Online{}, Visible{}}).effects.size() == 1);
    CHECK(fetched(w.tell(w.good_probe())).empty());
  }

  TEST_CASE("no more than two pages are under way at once") {
    Config config = orders();
    for (const char* name : {"order", "note", "part"})
      config.collections[name] = {.path = "/" + std::string(name), .pull = {.itself = true}};
    World w(config);
    w.tell(Open{});
    CHECK(fetched(w.tell(w.good_probe())).size() == 2);
    Step next = w.tell(Pulled{w.epoch(), 1, "note", Response{.status = 500}});
    CHECK(fetched(next) == Texts{"/part?limit=500"});
  }

  TEST_CASE_FIXTURE(PullsTest, "a page in parts moves its cursor with the last") {
    reach();
    tell(Pull{"order"});
    auto part = [&](int n, const char* body, bool last) {
      return tell(page(Response{.status = 200, .etag = "\"e\"", .body = body}, n, last));
    };
    part(0, R"({"records":[{"id":"a"}]})", false);
    CHECK(rows() == Texts{"a"});
    CHECK(Cursors(db).find("order").text.empty());
    part(0, R"({"records":[{"id":"again"}]})", false);  // It came twice.
    part(2, R"({"records":[{"id":"ahead"}]})", false);
    CHECK(tell(create("own")).results.size() == 1);  // Writes go between.
    Step last = part(1, R"({"records":[{"id":"b"}],"cursor":"9"})", true);
    CHECK(only<PullEnded>(last) == std::vector<PullEnded>{{"order", 2, ""}});
    CHECK(rows() == Texts{"a", "b", "own"});
    CHECK(Cursors(db).find("order").text == "9");
    SUBCASE("and keeps it where the rest does not come") {
      tell(Pull{"order"});
      part(0, R"({"records":[{"id":"c"}]})", false);
      tell(page(Response{.status = 200, .complete = false}, 1));
      CHECK(rows() == Texts{"a", "b", "c", "own"});
      CHECK(Cursors(db).find("order").text == "9");
    }
  }

  TEST_CASE_FIXTURE(PullsTest, "what has not changed since is said in a 304") {
    reach();
    auto etag = [&] { return only<Fetch>(tell(Pull{"order"})).at(0).etag; };
    auto answer = [&](const char* body) {
      return tell(page(Response{.status = 200, .etag = "\"e\"", .body = body}));
    };
    CHECK(etag().empty());
    answer(R"({"records":[{"id":"a"}],"cursor":"1"})");
    CHECK(etag().empty());  // It was the answer to another cursor.
    answer(R"({"records":[],"cursor":"1"})");
    CHECK(etag() == "\"e\"");
    Step step = tell(page(Response{.status = 304}));
    CHECK(only<PullEnded>(step) == std::vector<PullEnded>{{"order", 0, ""}});
    CHECK(step.changed.empty());
    CHECK(etag() == "\"e\"");
    answer(R"({"records":[{"id":"b"}],"cursor":"2","more":true})");
    tell(page(R"({"records":[]})"));
    CHECK(etag().empty());
    CHECK(problem(tell(page(Response{.status = 304}))) != "");  // Nobody asked for that.
  }

  TEST_CASE_FIXTURE(FullList, "of a full list what is missing goes, when all of it has arrived") {
    reach();
    CHECK(fetched(tell(Pull{"order"})) == Texts{"/orders"});
    auto list = [&](const char* body) { return page(Response{.status = 200, .body = body}); };
    tell(list(R"({"records":[{"id":"a"},{"id":"b"},{"id":"c"}]})"));
    tell(Pull{"order"});
    SUBCASE("in one answer") {
      Step step = tell(list(R"({"records":[{"id":"b"}]})"));
      CHECK(only<PullEnded>(step) == std::vector<PullEnded>{{"order", 3, ""}});
      CHECK(rows() == Texts{"b"});
    }
    SUBCASE("in several") {
      tell(list(R"({"records":[{"id":"b"}],"cursor":"1","more":true})"));
      CHECK(rows() == Texts{"a", "b", "c"});
      tell(list(R"({"records":[{"id":"c"}]})"));
      CHECK(rows() == Texts{"b", "c"});
    }
    SUBCASE("never after a failure half way") {
      tell(list(R"({"records":[{"id":"b"}],"cursor":"1","more":true})"));
      tell(page(Response{.status = 500}));
      CHECK(rows() == Texts{"a", "b", "c"});
      tell(Pull{"order"});
      tell(list(R"({"records":[{"id":"c"}]})"));
      CHECK(rows() == Texts{"c"});  // What was seen before counts no more.
    }
    SUBCASE("but what is unsettled") {
      tell({create("new"), update("a", R"({"n":1})")});
      tell(list(R"({"records":[{"id":"b"}]})"));
      CHECK(rows() == Texts{"a", "b", "new"});
      tell(answered("m2", {.status = 404}));
      tell(Discard{"m2"});
      CHECK(rows() == Texts{"b", "new"});
    }
    SUBCASE("nor what was confirmed since the list was asked for") {
      tell(create("new"));
      tell(answered("m1", {.status = 201}));
      tell(list(R"({"records":[{"id":"b"}]})"));
      CHECK(rows() == Texts{"b", "new"});
    }
    SUBCASE("in pieces, when it is long, and others go between") {
      std::string body;
      for (int i = 0; i < 1200; ++i)
        body += (i ? ",{\"id\":\"x" : "{\"id\":\"x") + std::to_string(i) + "\"}";
      tell(page("{\"records\":[" + body + "]}"));
      while (Cursors(db).find("order").swept) tell(Tick{});
      tell(Pull{"order"});
      Step step = tell(list(R"({"records":[{"id":"x7"}]})"));
      CHECK(step.wake_at == kNoon);
      CHECK(rows().size() > 600);
      CHECK(tell(create("own")).wake_at == kNoon);
      while (problem(step) == "no end") step = tell(Tick{});
      CHECK(rows() == Texts{"own", "x7"});
    }
  }

  TEST_CASE_FIXTURE(FullList, "an unchanged list says nothing of what was settled since") {
    reach();
    tell(Pull{"order"});
    tell(page(Response{.status = 200, .etag = "\"e\"", .body = R"({"records":[]})"}));
    CHECK(only<Fetch>(tell(Pull{"order"})).at(0).etag == "\"e\"");
    tell(page(Response{.status = 304}));
    tell(create("a"));
    tell(answered("m1", {.status = 201}));
    CHECK(only<Fetch>(tell(Pull{"order"})).at(0).etag.empty());
  }
}
