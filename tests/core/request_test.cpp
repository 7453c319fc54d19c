#include "sync/request.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "sync/folding.h"
#include "tables.h"

using namespace holdfast;

namespace {

const Collection kOrders{.path = "/v1/orders"};

Mutation mutation(Kind kind, const std::string& change, State state = State::pending) {
  Mutation m;
  m.id = "m1";
  m.kind = kind;
  m.key = {"order", "a:1@x~y"};
  m.change = change;
  m.state = state;
  return m;
}

Mutation sent(Kind kind, const std::string& body) {
  Mutation m = mutation(kind, "{}");
  m.request = Request{"PUT", "/v1/orders/a:1@x~y", body};
  return m;
}

struct RequestTest : test::Tables {
  Request request_of(const Mutation& m, std::optional<Json> base,
                     std::optional<Json> body = std::nullopt) {
    records.save(m.key, {.body = std::move(body), .base = std::move(base), .head = 1, .tail = 1});
    return holdfast::request_of(m, records, kOrders);
  }
  std::optional<Json> accepted_base(const Mutation& m, const Response& response) {
    return holdfast::accepted_base(m, response, records, kOrders);
  }

  Records records{db};
};

}  // namespace

TEST_SUITE("request") {
  TEST_CASE_FIXTURE(RequestTest, "a create is a POST of the record to its collection") {
    CHECK(request_of(mutation(Kind::create, R"({"n":1,"id":"a:1@x~y"})"), std::nullopt) ==
          Request{"POST", "/v1/orders", R"({"n":1,"id":"a:1@x~y"})"});
  }

  TEST_CASE_FIXTURE(RequestTest,
                    "an update is a PUT of the whole record, as the base and the change make it") {
    CHECK(request_of(mutation(Kind::update, R"({"set":{"n":2,"z":null},"remove":["k"]})"),
                     R"({"n":1,"k":1,"by":"server"})", R"({"n":9,"later":true})") ==
          Request{"PUT", "/v1/orders/a:1@x~y", R"({"n":2,"by":"server","z":null})"});

    SUBCASE("and as the change alone makes it, where the server has the record no longer") {
      CHECK(request_of(mutation(Kind::update, R"({"set":{"n":2}})"),
                       std::nullopt, R"({"n":9,"later":true})") ==
            Request{"PUT", "/v1/orders/a:1@x~y", R"({"id":"a:1@x~y","n":2})"});
    }
  }

  TEST_CASE_FIXTURE(RequestTest, "a delete is a DELETE of the record, with no body") {
    CHECK(request_of(mutation(Kind::remove, ""), R"({"n":1})") ==
          Request{"DELETE", "/v1/orders/a:1@x~y", ""});
  }

  TEST_CASE_FIXTURE(RequestTest, "a create goes without an id where the server chooses it") {
    CHECK(holdfast::request_of(mutation(Kind::create, R"({"id":"a:1@x~y","n":1})"), records,
                               {.path = "/orders", .server_ids = true}) ==
          Request{"POST", "/orders", R"({"n":1})"});
  }

  TEST_CASE_FIXTURE(RequestTest, "what the server calls a record stands in its path and its body") {
    const Mutation update = mutation(Kind::update, R"({"set":{"n":2}})");
    Record record{.base = R"({"id":"a:1@x~y","n":1})", .head = 1, .tail = 1, .server_id = "17"};
    records.save(update.key, record);
    CHECK(holdfast::request_of(update, records, kOrders) ==
          Request{"PUT", "/v1/orders/17", R"({"id":17,"n":2})"});
    CHECK(holdfast::request_of(mutation(Kind::remove, ""), records, kOrders) ==
          Request{"DELETE", "/v1/orders/17", ""});

    SUBCASE("as it calls it, be it a number or a text") {
      record.server_id = R"("s-17")";
      records.save(update.key, record);
      CHECK(holdfast::request_of(update, records, kOrders) ==
            Request{"PUT", "/v1/orders/s-17", R"({"id":"s-17","n":2})"});
    }
    SUBCASE("and the record in the answer, or what was sent, keeps its own id here") {
      Mutation m = update;
      m.request = Request{"PUT", "/v1/orders/17", R"({"id":17,"n":2})"};
      CHECK(accepted_base(m, {.status = 200, .body = R"({"id":17,"n":2,"by":"server"})"}) ==
            R"({"id":"a:1@x~y","n":2,"by":"server"})");
      CHECK(accepted_base(m, {.status = 204}) == R"({"id":"a:1@x~y","n":2})");
    }
  }

  TEST_CASE_FIXTURE(RequestTest,
                    "declared references go out as the server's ids, and come in as ours") {
    const Collection notes{.path = "/notes",
                           .references = {{"orderId", "order"}, {"by", "person"}}};
    for (auto [id, server_id] : std::map<std::string, Json>{{"a", "17"}, {"b", R"("s-18")"}}) {
      records.save({"order", id}, {.body = "{}", .base = "{}", .server_id = server_id});
      records.call({"order", id}, server_id);
    }
    records.save({"person", "c"}, {.body = "{}", .base = "{}"});
    Mutation m = mutation(Kind::create, R"({"orderId":"a","by":"c","text":"a","old":["a"]})");
    m.key = {"note", "n"};
    CHECK(holdfast::request_of(m, records, notes).body ==
          R"({"orderId":17,"by":"c","text":"a","old":["a"]})");
    CHECK(taken_in(R"({"orderId":17,"by":"17","text":"17"})", records, notes) ==
          R"({"orderId":"a","by":"17","text":"17"})");

    SUBCASE("also where a field holds several, and what has no other id is left as it is") {
      m.change = R"({"orderId":["a","b","elsewhere",7,null]})";
      CHECK(holdfast::request_of(m, records, notes).body ==
            R"({"orderId":[17,"s-18","elsewhere",7,null]})");
      CHECK(taken_in(R"({"orderId":[17,"s-18","17",19,null]})", records, notes) ==
            R"({"orderId":["a","b","a",19,null]})");
    }
    SUBCASE("also of the base beneath an update, and in what was sent") {
      records.save(m.key, {.base = R"({"id":"n","orderId":"b"})", .head = 1, .tail = 1});
      m.kind = Kind::update;
      m.change = R"({"set":{"text":"x"}})";
      m.request = holdfast::request_of(m, records, notes);
      CHECK(m.request == Request{"PUT", "/notes/n", R"({"id":"n","orderId":"s-18","text":"x"})"});
      CHECK(holdfast::accepted_base(m, {.status = 200}, records, notes) ==
            R"({"id":"n","orderId":"b","text":"x"})");
      CHECK(holdfast::accepted_base(m, {.status = 200, .body = R"({"orderId":17})"}, records,
                                    notes) == R"({"orderId":"a","id":"n"})");
    }
    SUBCASE("and what goes out comes in again as it was") {
      const Json own = R"({"orderId":["a","b","x"],"by":"c","n":1})";
      m.change = own;
      CHECK(taken_in(holdfast::request_of(m, records, notes).body, records, notes) == own);
    }
  }

  TEST_CASE_FIXTURE(RequestTest,
                    "the record in the answer becomes the base, under the id that it has here") {
    CHECK(accepted_base(sent(Kind::create, "{}"),
                        {.status = 201, .body = R"({"id":"17","n":1,"number":5})"}) ==
          R"({"id":"a:1@x~y","n":1,"number":5})");
    CHECK(accepted_base(sent(Kind::update, "{}"), {.status = 200, .body = R"({"n":2})"}) ==
          R"({"n":2,"id":"a:1@x~y"})");

    SUBCASE("and what was sent does, where the answer holds none that can be used") {
      for (const std::string body : {"", "null", "[]", "\"ok\"", "<p>", "{",
                                     R"({"n":9007199254740993})", R"({"__proto__":{}})"}) {
        CAPTURE(body);
        CHECK(accepted_base(sent(Kind::update, R"({"n":2})"), {.status = 200, .body = body}) ==
              R"({"n":2,"id":"a:1@x~y"})");
      }
    }
    SUBCASE("and after a delete there is none, whatever the answer holds") {
      CHECK(accepted_base(sent(Kind::remove, ""), {.status = 200, .body = R"({"n":2})"}) ==
            std::nullopt);
    }
  }

  TEST_CASE_FIXTURE(RequestTest,
                    "the body is the base with the mutations folded over it, in their order") {
    const Json base = R"({"n":1})";
    using Mutations = std::vector<Mutation>;
    CHECK(fold(base, Mutations{}) == base);
    CHECK(fold(std::nullopt, Mutations{}) == std::nullopt);
    CHECK(fold(std::nullopt, {mutation(Kind::create, R"({"k":1})")}) == R"({"k":1})");
    CHECK(fold(std::nullopt, {mutation(Kind::create, R"({"k":1})"),
                              mutation(Kind::update, R"({"set":{"n":2}})"),
                              mutation(Kind::update, R"({"set":{"n":3},"remove":["k"]})")}) ==
          R"({"n":3})");
    CHECK(fold(base, {mutation(Kind::remove, "")}) == std::nullopt);
    CHECK(fold(base, {mutation(Kind::remove, ""), mutation(Kind::create, R"({"new":1})")}) ==
          R"({"new":1})");

    SUBCASE("a dead update is still seen") {
      CHECK(fold(base, {mutation(Kind::update, R"({"set":{"n":2}})", State::dead)}) ==
            R"({"n":2})");
    }
    SUBCASE("but a dead delete has not happened") {
      CHECK(fold(base, {mutation(Kind::remove, "", State::dead)}) == base);
      CHECK(fold(base, {mutation(Kind::remove, "", State::in_flight)}) == std::nullopt);
    }
    SUBCASE("an update of what the server no longer has stands on nothing but itself") {
      CHECK(fold(std::nullopt, {mutation(Kind::update, R"({"set":{"n":2}})")}) ==
            R"({"id":"a:1@x~y","n":2})");
    }
  }
}
