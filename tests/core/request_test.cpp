#include "sync/request.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace holdfast;

namespace {

const Collection kOrders{.path = "/v1/orders", .indexes = {}};

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

Record record(std::optional<Json> base, std::optional<Json> body = std::nullopt) {
  return {.body = std::move(body), .base = std::move(base), .head = 1, .tail = 1, .confirmed = 0};
}

}  // namespace

TEST_SUITE("request") {
  TEST_CASE("a create is a POST of the record to its collection") {
    CHECK(request_of(mutation(Kind::create, R"({"n":1,"id":"a:1@x~y"})"), record(std::nullopt),
                     kOrders) == Request{"POST", "/v1/orders", R"({"n":1,"id":"a:1@x~y"})"});
  }

  TEST_CASE("an update is a PUT of the whole record, as the base and the change make it") {
    CHECK(request_of(mutation(Kind::update, R"({"set":{"n":2,"z":null},"remove":["k"]})"),
                     record(R"({"n":1,"k":1,"by":"server"})", R"({"n":9,"later":true})"),
                     kOrders) ==
          Request{"PUT", "/v1/orders/a:1@x~y", R"({"n":2,"by":"server","z":null})"});

    SUBCASE("and as the change alone makes it, where the server has the record no longer") {
      CHECK(request_of(mutation(Kind::update, R"({"set":{"n":2}})"),
                       record(std::nullopt, R"({"n":9,"later":true})"), kOrders) ==
            Request{"PUT", "/v1/orders/a:1@x~y", R"({"n":2})"});
    }
  }

  TEST_CASE("a delete is a DELETE of the record, with no body") {
    CHECK(request_of(mutation(Kind::remove, ""), record(R"({"n":1})"), kOrders) ==
          Request{"DELETE", "/v1/orders/a:1@x~y", ""});
  }

  TEST_CASE("the record in the answer becomes the base, under the id that it has here") {
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
              R"({"n":2})");
      }
    }
    SUBCASE("and after a delete there is none, whatever the answer holds") {
      CHECK(accepted_base(sent(Kind::remove, ""), {.status = 200, .body = R"({"n":2})"}) ==
            std::nullopt);
    }
  }

  TEST_CASE("the body is the base with the mutations folded over it, in their order") {
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
      CHECK(fold(std::nullopt, {mutation(Kind::update, R"({"set":{"n":2}})")}) == R"({"n":2})");
    }
  }
}
