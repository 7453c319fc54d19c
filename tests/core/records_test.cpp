#include "store/records.h"

#include <doctest/doctest.h>

#include "tables.h"

using namespace holdfast;
using test::Tables;

namespace {

struct RecordsTest : Tables {
  std::int64_t rows() { return number("SELECT count(*) FROM hf_record"); }

  Records records{db};
  const Key a{"order", "a"};
};

bool same(const Record& one, const Record& other) {
  return one.body == other.body && one.base == other.base && one.head == other.head &&
         one.tail == other.tail && one.confirmed == other.confirmed && one.gone == other.gone &&
         one.server_id == other.server_id;
}

}  // namespace

TEST_SUITE("records") {
  TEST_CASE_FIXTURE(RecordsTest, "a record that is not known has nothing") {
    CHECK(same(records.find(a), Record{}));
  }

  TEST_CASE_FIXTURE(RecordsTest, "what is saved is found again as it was") {
    for (const Record& record : std::vector<Record>{
             {.body = R"({"n":2})", .base = R"({"n":1})", .head = 7, .tail = 7, .confirmed = 3},
             {.body = R"({"n":2})", .base = std::nullopt, .head = 7, .tail = 7, .confirmed = 0},
             {.body = std::nullopt, .base = R"({"n":1})", .head = 9, .tail = 9, .confirmed = 3},
             {.body = std::nullopt, .base = std::nullopt, .head = 9, .tail = 9, .confirmed = 3},
             {.body = R"({"s":"é 🔧 ' \u0000"})",
             .base = R"({"s":"é 🔧 ' \u0000"})",
             .tail = 0,
             .confirmed = 4},
             {.body = "{}", .base = "{}", .confirmed = 5, .server_id = R"("é-17")"},
             {.body = "{}", .base = "{}", .head = 2, .tail = 3, .gone = true, .server_id = "17"},
         }) {
      records.save(a, record);
      CHECK(same(records.find(a), record));
      CHECK(rows() == 1);
    }
  }

  TEST_CASE_FIXTURE(RecordsTest, "without a tail the body is stored once, and is the base") {
    records.save(a, {.body = R"({"n":1})", .base = R"({"n":1})", .tail = 0, .confirmed = 1});
    CHECK(number("SELECT base IS NULL AND tail IS NULL FROM hf_record") == 1);
    CHECK(records.find(a).base == R"({"n":1})");
  }

  TEST_CASE_FIXTURE(RecordsTest, "an id is unique within its collection only") {
    records.save({"order", "a"}, {.body = "{}", .base = "{}", .tail = 0, .confirmed = 1});
    records.save({"note", "a"}, {.body = R"({"n":1})", .base = R"({"n":1})", .tail = 0,
                                 .confirmed = 2});
    CHECK(records.find({"order", "a"}).body == "{}");
    CHECK(records.find({"note", "a"}).body == R"({"n":1})");
    CHECK_FALSE(records.find({"note", "A"}).body);
    CHECK_FALSE(records.find({"Note", "a"}).body);
  }

  TEST_CASE_FIXTURE(RecordsTest, "a record with nothing left is forgotten") {
    records.save(a, {.body = "{}", .base = "{}", .tail = 0, .confirmed = 1});
    records.save(a, {.body = std::nullopt, .base = std::nullopt, .tail = 0, .confirmed = 2});
    CHECK(rows() == 0);

    SUBCASE("unless a pull that is under way could bring it back") {
      records.save(a, {.body = std::nullopt, .base = std::nullopt, .tail = 0, .confirmed = 2},
                   /*tombstone=*/true);
      CHECK(rows() == 1);
      CHECK_FALSE(records.find(a).body);
      CHECK(records.find(a).confirmed == 2);
      records.forget("order", 1);  // Up to before it was deleted.
      CHECK(rows() == 1);
      records.forget("note", 2);
      CHECK(rows() == 1);
      records.forget("order", 2);
      CHECK(rows() == 0);
    }
  }

  TEST_CASE_FIXTURE(RecordsTest, "a record is known while anything of it is left") {
    CHECK_FALSE(records.known(a));
    records.save(a, {.head = 1, .tail = 1});
    CHECK(records.known(a));
    CHECK_FALSE(records.known({"note", "a"}));
    records.save(a, {});
    CHECK_FALSE(records.known(a));
  }

  TEST_CASE_FIXTURE(RecordsTest, "a record is found by what the server calls it, as a text") {
    CHECK(records.called("order", "17") == std::nullopt);
    records.call(a, "17");
    records.call({"order", "b"}, R"("s-18")");
    records.call({"note", "n"}, R"("17")");
    CHECK(records.called("order", "17") == "a");
    CHECK(records.called("order", "s-18") == "b");
    CHECK(records.called("note", "17") == "n");
    CHECK(records.called("note", "s-18") == std::nullopt);
    CHECK(records.called("order", "a") == std::nullopt);
    records.call({"order", "c"}, "17");
    CHECK(records.called("order", "17") == "c");
  }

  TEST_CASE_FIXTURE(RecordsTest, "what the server calls a record is forgotten with it") {
    const Record record{.body = "{}", .base = "{}", .confirmed = 1, .server_id = "17"};
    records.save(a, record);
    records.call(a, "17");
    records.call({"order", "b"}, "18");

    SUBCASE("at once") { records.save(a, {.server_id = "17"}); }
    SUBCASE("or when a pull can no longer bring it back") {
      records.save(a, {.confirmed = 2, .server_id = "17"}, /*tombstone=*/true);
      CHECK(records.called("order", "17") == "a");
      records.forget("order", 2);
    }
    CHECK(rows() == 0);
    CHECK(records.called("order", "17") == std::nullopt);
    CHECK(records.called("order", "18") == "b");
  }

  TEST_CASE_FIXTURE(RecordsTest, "only tombstones are forgotten") {
    records.save({"order", "seen"}, {.body = "{}", .base = "{}", .tail = 0, .confirmed = 1});
    records.save({"order", "deleting"},
                 {.body = std::nullopt, .base = "{}", .head = 3, .tail = 3, .confirmed = 1});
    records.forget("order", 9);
    CHECK(rows() == 2);
  }
}
