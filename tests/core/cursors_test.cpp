#include "store/cursors.h"

#include <doctest/doctest.h>

#include "tables.h"

using namespace holdfast;
using test::Tables;

namespace {

struct CursorsTest : Tables {
  Cursors cursors{db};
};

bool same(const Cursor& one, const Cursor& other) {
  return one.text == other.text && one.pull == other.pull && one.since == other.since &&
         one.pulled == other.pulled;
}

}  // namespace

TEST_SUITE("cursors") {
  TEST_CASE_FIXTURE(CursorsTest, "a collection that was never pulled begins at the beginning") {
    CHECK(same(cursors.find("order"), Cursor{}));
  }

  TEST_CASE_FIXTURE(CursorsTest, "each collection keeps its own") {
    Cursor order{.text = "é' \n", .pull = 3, .since = 17, .pulled = 500};
    Cursor note{.text = "", .pull = 0, .since = 0, .pulled = 1};
    cursors.save("order", order);
    cursors.save("note", note);
    CHECK(same(cursors.find("order"), order));
    CHECK(same(cursors.find("note"), note));
    order.text = "next";
    cursors.save("order", order);
    CHECK(same(cursors.find("order"), order));
    CHECK(number("SELECT count(*) FROM hf_cursor") == 2);
  }

  TEST_CASE_FIXTURE(CursorsTest, "a restart ends the pulls, and keeps how far they came") {
    cursors.save("order", {.text = "c", .pull = 3, .since = 17, .pulled = 500});
    cursors.save("note", {.text = "d", .pull = 0, .since = 2, .pulled = 1});
    cursors.recover();
    CHECK(same(cursors.find("order"), {.text = "c", .pull = 0, .since = 17, .pulled = 500}));
    CHECK(same(cursors.find("note"), {.text = "d", .pull = 0, .since = 2, .pulled = 1}));
  }
}
