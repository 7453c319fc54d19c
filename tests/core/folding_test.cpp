#include "sync/folding.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "tables.h"

using namespace holdfast;
using namespace std::chrono_literals;
using test::Tables;

namespace {

constexpr Time kNoon{std::chrono::hours(12)};
using Reason = Departure::Reason;

struct FoldingTest : Tables {
  // A record that the server has, with two updates of it on top.
  FoldingTest() {
    store.counters = load_counters(db);
    Record record{.body = R"({"n":3,"k":2})", .base = R"({"n":1,"k":1})", .confirmed = 4};
    record.head = add("m1", 0, R"({"set":{"n":2}})");
    record.tail = add("m2", record.head, R"({"set":{"n":3,"k":2}})");
    store.records.save(a, record);
  }

  Seq add(const MutationId& id, Seq prev, const Json& change, Kind kind = Kind::update) {
    Mutation m;
    m.id = id;
    m.kind = kind;
    m.key = a;
    m.change = change;
    m.prev = prev;
    Waits waits;
    if (prev) waits.on[prev] = Why::record;
    Seq seq = store.outbox.add(m, waits).value();
    store.references.add(seq, {{"task", "t"}});
    return seq;
  }
  Mutation mutation(const MutationId& id) { return store.outbox.find(id).value(); }
  std::string body() { return store.records.find(a).body.value_or("none"); }
  std::string left(const MutationId& id) {
    auto departure = store.history.find(id);
    return departure ? name_of(departure->reason) + (" " + departure->successor) : "nothing";
  }

  Store store{db};
  const Key a{"order", "a"};
};

}  // namespace

TEST_SUITE("folding") {
  TEST_CASE_FIXTURE(FoldingTest, "what is dropped leaves the record as if it had never been") {
    SUBCASE("the first") {
      drop(store, mutation("m1"), Reason::discarded, kNoon);
      CHECK(body() == R"({"n":3,"k":2})");
      CHECK(store.records.find(a).head == 2);
      CHECK(mutation("m2").waits == 0);
    }
    SUBCASE("the last") {
      drop(store, mutation("m2"), Reason::cancelled, kNoon);
      CHECK(body() == R"({"n":2,"k":1})");
      CHECK(store.records.find(a).tail == 1);
      CHECK(left("m2") == "cancelled ");
    }
    SUBCASE("one between") {
      Record record = store.records.find(a);
      record.tail = add("m3", record.tail, R"({"remove":["k"]})");
      store.records.save(a, record);
      drop(store, mutation("m2"), Reason::discarded, kNoon);
      CHECK(body() == R"({"n":2})");
      CHECK(mutation("m3").prev == 1);
    }
    SUBCASE("all, and the base is the body again") {
      drop(store, mutation("m2"), Reason::discarded, kNoon);
      drop(store, mutation("m1"), Reason::discarded, kNoon);
      Record record = store.records.find(a);
      CHECK(record.body == R"({"n":1,"k":1})");
      CHECK(record.base == record.body);
      CHECK(record.head == 0);
      CHECK(record.tail == 0);
      CHECK(record.confirmed == 4);
    }
    CHECK(number("SELECT count(*) FROM hf_reference") == store.counters.unsettled);
    CHECK(number("SELECT count(*) FROM hf_outbox") == store.counters.unsettled);
  }

  TEST_CASE_FIXTURE(FoldingTest, "what left is in the history, with what took its place") {
    drop(store, mutation("m2"), Reason::folded, kNoon + 1s, "m9");
    CHECK(left("m2") == "folded m9");
    CHECK(store.history.find("m2")->at == kNoon + 1s);
    CHECK(left("m1") == "nothing");
    CHECK_FALSE(store.outbox.find("m2"));
    CHECK(store.references.of({"task", "t"}, 9) == std::vector<Seq>{1});
  }

  TEST_CASE_FIXTURE(FoldingTest,
                    "settling answers the record without it, which is still to be saved") {
    Record record = settle(store, mutation("m1"), Reason::accepted, kNoon);
    CHECK(record.head == 2);
    CHECK(record.tail == 2);
    CHECK(record.body == R"({"n":3,"k":2})");
    CHECK(record.base == R"({"n":1,"k":1})");
    CHECK(store.records.find(a).head == 1);
  }

  TEST_CASE_FIXTURE(FoldingTest, "a record that is gone there goes here with its last mutation") {
    Record record = store.records.find(a);
    record.gone = true;
    store.records.save(a, record);
    drop(store, mutation("m1"), Reason::discarded, kNoon);
    CHECK(body() == R"({"n":3,"k":2})");
    CHECK(store.records.find(a).gone);
    drop(store, mutation("m2"), Reason::discarded, kNoon);
    CHECK(body() == "none");
    CHECK(number("SELECT count(*) FROM hf_record") == 0);
  }

  TEST_CASE_FIXTURE(FoldingTest, "refolding takes up what a mutation has become") {
    store.outbox.fold(mutation("m1"), Kind::update, R"({"set":{"x":1}})", 1, {});
    CHECK(body() == R"({"n":3,"k":2})");
    refold(store, a);
    CHECK(body() == R"({"n":3,"k":2,"x":1})");
    store.outbox.fold(mutation("m2"), Kind::remove, "", 1, {});
    refold(store, a);
    CHECK(body() == "none");
    store.outbox.bury(mutation("m2"), false, "{}");
    refold(store, a);
    CHECK(body() == R"({"n":1,"k":1,"x":1})");
  }
}
