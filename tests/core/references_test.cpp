#include "store/references.h"

#include <doctest/doctest.h>

#include <vector>

#include "tables.h"

using namespace holdfast;
using test::Tables;

namespace {

using Seqs = std::vector<Seq>;

struct ReferencesTest : Tables {
  References references{db};
  const Key a{"task", "a"};
  const Key b{"task", "b"};
};

}  // namespace

TEST_SUITE("references") {
  TEST_CASE_FIXTURE(ReferencesTest, "a record knows the mutations that refer to it, in order") {
    CHECK(references.of(a, 9).empty());
    references.add(7, {a, b});
    references.add(3, {a});
    references.add(5, {});
    CHECK(references.of(a, 9) == Seqs{3, 7});
    CHECK(references.of(b, 9) == Seqs{7});
    CHECK(references.of(a, 1) == Seqs{3});
    CHECK(references.of({"note", "a"}, 9).empty());
    CHECK(references.of({"task", "A"}, 9).empty());
  }

  TEST_CASE_FIXTURE(ReferencesTest, "once each, however often it is told") {
    references.add(1, {a, a});
    references.add(1, {a, b});
    CHECK(references.of(a, 9) == Seqs{1});
    CHECK(references.of(b, 9) == Seqs{1});
  }

  TEST_CASE_FIXTURE(ReferencesTest, "and no longer those that have left") {
    references.add(1, {a, b});
    references.add(2, {a});
    references.remove(1);
    CHECK(references.of(a, 9) == Seqs{2});
    CHECK(references.of(b, 9).empty());
    references.remove(1);
    CHECK(number("SELECT count(*) FROM hf_reference") == 1);
  }

  TEST_CASE_FIXTURE(ReferencesTest, "neither asking nor forgetting goes through all of them") {
    for (const char* sql : {"SELECT seq FROM hf_reference WHERE collection = 'task'"
                            " AND record = 'a' ORDER BY seq LIMIT 9",
                            "DELETE FROM hf_reference WHERE seq = 7"}) {
      Statement row(db, std::string("EXPLAIN QUERY PLAN ") + sql);
      while (row.next()) {
        CAPTURE(row.text(3));
        CHECK(row.text(3).starts_with("SEARCH"));
      }
    }
  }
}
