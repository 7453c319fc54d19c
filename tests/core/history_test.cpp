#include "store/history.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tables.h"

using namespace holdfast;
using namespace std::chrono_literals;
using test::Tables;

namespace {

constexpr Time kNoon{std::chrono::hours(12)};
using Reason = Departure::Reason;
using Ids = std::vector<MutationId>;

struct HistoryTest : Tables {
  Mutation mutation(const MutationId& id, Kind kind = Kind::update) {
    Mutation m;
    m.id = id;
    m.kind = kind;
    m.key = {"order", "a"};
    return m;
  }
  Ids ids(std::int64_t limit) {
    Ids ids;
    for (const auto& departure : history.list(limit)) ids.push_back(departure.id);
    return ids;
  }

  History history{db};
};

}  // namespace

TEST_SUITE("history") {
  TEST_CASE_FIXTURE(HistoryTest, "what has left is found again with its reason and its time") {
    CHECK_FALSE(history.find("m1"));
    history.add(mutation("m1", Kind::remove), Reason::accepted, kNoon + 5ms);
    auto found = history.find("m1");
    REQUIRE(found);
    CHECK(found->id == "m1");
    CHECK(found->kind == Kind::remove);
    CHECK(found->key == Key{"order", "a"});
    CHECK(found->reason == Reason::accepted);
    CHECK(found->at == kNoon + 5ms);
    CHECK(found->successor == "");
    history.add(mutation("m2", Kind::create), Reason::replaced, kNoon, "m3");
    CHECK(history.find("m2")->kind == Kind::create);
    CHECK(history.find("m2")->successor == "m3");
  }

  TEST_CASE_FIXTURE(HistoryTest, "each reason has a word of its own, and comes back as it was") {
    std::string words;
    for (Reason reason : {Reason::accepted, Reason::folded, Reason::undone, Reason::replaced,
                          Reason::discarded, Reason::cancelled}) {
      history.add(mutation("m1"), reason, kNoon);
      CHECK(history.find("m1")->reason == reason);
      words += name_of(reason) + std::string(" ");
    }
    CHECK(words == "accepted folded undone replaced discarded cancelled ");
  }

  TEST_CASE_FIXTURE(HistoryTest, "of what left more than once the latest departure is found") {
    history.add(mutation("m1"), Reason::replaced, kNoon, "x1");
    history.add(mutation("m2"), Reason::accepted, kNoon);
    history.add(mutation("m1"), Reason::discarded, kNoon - 1h);  // The clock was set back.
    CHECK(history.find("m1")->reason == Reason::discarded);
    CHECK(history.find("m1")->successor == "");
    CHECK(ids(9) == Ids{"m1", "m2", "m1"});
  }

  TEST_CASE_FIXTURE(HistoryTest, "the list begins with what left last") {
    CHECK(ids(9).empty());
    for (int i = 1; i <= 4; ++i)
      history.add(mutation("m" + std::to_string(i)), Reason::accepted, kNoon);
    CHECK(ids(9) == Ids{"m4", "m3", "m2", "m1"});
    CHECK(ids(2) == Ids{"m4", "m3"});
    CHECK(ids(0).empty());
  }

  TEST_CASE_FIXTURE(HistoryTest, "a thousand are kept, and for each that comes the oldest goes") {
    for (int i = 1; i <= 1'003; ++i)
      history.add(mutation("m" + std::to_string(i)), Reason::accepted, kNoon);
    CHECK(number("SELECT count(*) FROM hf_history") == 1'000);
    CHECK_FALSE(history.find("m3"));
    CHECK(history.find("m4"));
    CHECK(ids(1) == Ids{"m1003"});
    CHECK(ids(5'000).size() == 1'000);
    CHECK(History::kKept == 1'000);
  }
}
