#include "store/cursors.h"

#include <doctest/doctest.h>

#include "store/records.h"
#include "tables.h"

using namespace holdfast;
using test::Tables;

namespace {

struct CursorsTest : Tables {
  Cursors cursors{db};
};

bool same(const Cursor& a, const Cursor& b) {
  return a.source == b.source && a.text == b.text && a.etag == b.etag && a.opened == b.opened &&
         a.pull == b.pull && a.part == b.part && a.since == b.since && a.began == b.began &&
         a.again == b.again && a.pulled == b.pulled && a.swept == b.swept && a.asked == b.asked &&
         a.due_at == b.due_at && a.ended_at == b.ended_at && a.setbacks == b.setbacks;
}

Cursor every_member_set() {
  return {.source = "/o?c={cursor}", .text = "é' \n", .etag = "\"e\"", .opened = 2, .pull = 3,
          .part = 4, .since = 17, .began = 16, .again = true, .pulled = 500, .swept = "a",
          .asked = true, .due_at = Time(Duration(7)), .ended_at = Time(Duration(8)), .setbacks = 9};
}

}  // namespace

TEST_SUITE("cursors") {
  TEST_CASE_FIXTURE(CursorsTest, "a collection that was never pulled begins at the beginning") {
    CHECK(same(cursors.find("order"), Cursor{}));
  }

  TEST_CASE_FIXTURE(CursorsTest, "each collection keeps its own") {
    Cursor order = every_member_set();
    Cursor note{.pulled = 1};
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
    cursors.save("order", every_member_set());
    cursors.recover();
    Cursor kept = every_member_set();
    kept.opened = kept.pull = 0;
    kept.asked = false;
    kept.swept.reset();
    kept.due_at.reset();
    CHECK(same(cursors.find("order"), kept));
  }

  TEST_CASE_FIXTURE(CursorsTest, "pages are due in turn, those of opened pulls first") {
    Time now(Duration(100));
    CHECK_FALSE(cursors.next_due());
    cursors.save("a", {.due_at = now});
    cursors.save("b", {.due_at = now - Duration(1)});
    cursors.save("c", {.opened = 1, .due_at = now});
    cursors.save("later", {.due_at = now + Duration(1)});
    cursors.save("under way", {.opened = 2, .pull = 3, .due_at = now});
    CHECK(cursors.due(now, 9) == std::vector<std::string>{"c", "b", "a"});
    CHECK(cursors.due(now, 2) == std::vector<std::string>{"c"});
    CHECK(cursors.due(now, 1).empty());
    CHECK(cursors.next_due() == now - Duration(1));
  }

  TEST_CASE_FIXTURE(CursorsTest, "what a list did not hold is found in pieces") {
    for (const char* id : {"a", "b", "c", "d"})
      Records(db).save({"order", id}, {.body = "{}", .base = "{}"});
    Records(db).save({"note", "b"}, {.body = "{}", .base = "{}"});
    cursors.see({"order", "b"});
    cursors.see({"order", "b"});
    cursors.see({"order", "elsewhere"});
    cursors.see({"note", "b"});
    std::string last;
    CHECK(cursors.unseen("order", "", 2, last) == std::vector<std::string>{"a"});
    CHECK(last == "b");
    CHECK(cursors.unseen("order", last, 3, last) == std::vector<std::string>{"c", "d"});
    CHECK(last.empty());
    CHECK(number("SELECT count(*) FROM hf_seen WHERE collection = 'order'") == 0);
    CHECK(number("SELECT count(*) FROM hf_seen") == 1);
  }
}
