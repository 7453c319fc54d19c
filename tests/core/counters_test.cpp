#include "store/counters.h"

#include <doctest/doctest.h>

#include "tables.h"

using namespace holdfast;
using test::Tables;

TEST_SUITE("counters") {
  TEST_CASE_FIXTURE(Tables, "all begin at nothing, and come back as they were saved") {
    CHECK(load_counters(db) == Counters{});
    Counters counters{.epoch = 1, .seq = 2, .unsettled = 3, .dead = 4, .in_flight = 5,
                      .confirmations = 6, .pull = std::int64_t{1} << 52, .pulling = 12,
                      .pulled = 13, .single = 8, .latest = 9, .ahead_least = -10, .ahead_most = 11};
    save_counters(db, {}, counters);
    CHECK(load_counters(db) == counters);
  }

  TEST_CASE_FIXTURE(Tables, "saving writes those that changed, and only those") {
    Counters before{.epoch = 7, .seq = 7};
    Counters now = before;
    now.seq = 8;
    save_counters(db, before, now);
    CHECK(load_counters(db) == Counters{.seq = 8});
  }

  TEST_CASE_FIXTURE(Tables, "what else is in their table is none of theirs") {
    db.exec("INSERT INTO hf_meta (key, number) VALUES ('client/a', 9), ('!', 9)");
    CHECK(load_counters(db) == Counters{});
  }
}
