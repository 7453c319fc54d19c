#include "merge.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "draw.h"
#include "json.h"

using namespace holdfast;
using merge::Side;
using merge::three_ways;
using test::Draw;

namespace {

using Pointers = std::vector<std::string>;

bool equal(const Json& a, const Json& b) { return merge::diff(a, b) == R"({"set":{}})"; }

const std::map<std::string, std::string> kSteps = {{"steps", "id"}};

// Values that differ in what tends to be forgotten: null, nothing, empty, nested.
Json some_value(Draw& draw, int levels) {
  static const std::vector<std::string> plain = {"null", "1", "0.5", "\"x\"", "[]", "[1,null]",
                                                 "{}", R"([{"a":null}])"};
  if (levels == 0 || draw(3) > 0) return draw.of(plain);
  std::string members;
  for (const char* name : {"a", "b~/c", ""})
    if (draw(2))
      members += (members.empty() ? "\"" : ",\"") + std::string(name) +
                 "\":" + some_value(draw, levels - 1);
  return "{" + members + "}";
}

Json some_object(Draw& draw) {
  std::string members;
  for (const char* name : {"a", "b", "c", "updatedAt"})
    if (draw(2))
      members +=
          (members.empty() ? "\"" : ",\"") + std::string(name) + "\":" + some_value(draw, 2);
  return "{" + members + "}";
}

}  // namespace

TEST_SUITE("merge: changes and patches") {
  TEST_CASE("RFC 7396, appendix A") {
    struct Example {
      const char *original, *patch, *result;
    };
    for (const Example& e : {
             Example{R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
             {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
             {R"({"a":"b"})", R"({"a":null})", R"({})"},
             {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
             {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
             {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
             {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
             {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
             {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
             {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
             {R"({"a":"foo"})", R"(null)", R"(null)"},
             {R"({"a":"foo"})", R"("bar")", R"("bar")"},
             {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
             {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
             {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
         }) {
      CAPTURE(e.original);
      CAPTURE(e.patch);
      CHECK(merge::patched(e.original, e.patch) == e.result);
    }
  }

  TEST_CASE("a merge patch makes one of the other, and is none where a null is to be stored") {
    const Json base = R"({"a":1,"o":{"x":1,"y":2},"gone":0})";
    CHECK(merge::patch(base, R"({"a":1,"o":{"x":1,"y":3}})") == R"({"gone":null,"o":{"y":3}})");
    CHECK(merge::patch(base, R"({"a":1,"o":{"x":1},"gone":0})") == R"({"o":{"y":null}})");
    CHECK(merge::patch(base, R"({"a":[null],"o":{"x":1,"y":2},"gone":0})") == R"({"a":[null]})");
    CHECK(merge::patch(base, base) == "{}");
    CHECK_FALSE(merge::patch(base, R"({"a":null,"o":{"x":1,"y":2},"gone":0})"));
    CHECK_FALSE(merge::patch(base, R"({"a":1,"o":{"x":null,"y":2},"gone":0})"));
    CHECK_FALSE(merge::patch(base, R"({"a":{"n":null},"o":{"x":1,"y":2},"gone":0})"));
    CHECK(merge::patch(R"({"n":null,"a":1})", R"({"n":null,"a":2})") == R"({"a":2})");
  }

  TEST_CASE("whatever two objects are: the change, or the patch, makes the one of the other") {
    Draw draw(1);
    int patched = 0;
    for (int i = 0; i < 5000; ++i) {
      Json base = some_object(draw);
      Json x = some_object(draw);
      CAPTURE(base);
      CAPTURE(x);
      CHECK(equal(json::fold(base, merge::diff(base, x)), x));
      if (auto patch = merge::patch(base, x)) {
        ++patched;
        CHECK(equal(merge::patched(base, *patch), x));
      }
    }
    CHECK(patched > 1000);
    CHECK(patched < 4500);
  }

  TEST_CASE("a change sets what differs and removes what is gone; null is a value") {
    CHECK(merge::diff(R"({"a":1,"b":2,"c":{"x":1,"y":2}})", R"({"c":{"y":2,"x":1},"a":null})") ==
          R"({"set":{"a":null},"remove":["b"]})");
    CHECK(merge::same(R"({"a":1,"updatedAt":"x"})", R"({"updatedAt":"y","a":1})"));
    CHECK_FALSE(merge::same(R"({"a":1})", R"({"a":1,"b":null})"));
  }
}

TEST_SUITE("merge: three ways") {
  TEST_CASE("what only one has changed is merged, member by member of nested objects") {
    auto merged = three_ways(R"({"id":"r","t":"a","at":{"city":"Lyon","zip":1},"n":1})",
                             R"({"id":"r","t":"b","at":{"city":"Lyon","zip":2},"n":1})",
                             R"({"id":"r","t":"a","at":{"city":"Pune","zip":1},"m":null})",
                             Side::mine);
    CHECK(merged.body == R"({"id":"r","t":"b","at":{"city":"Pune","zip":2},"m":null})");
    CHECK(merged.overlap == Pointers{});
  }

  TEST_CASE("what both have changed overlaps, unless they agree") {
    const Json base = R"({"t":"a","at":{"city":"Lyon"},"same":1,"a/b":1})";
    const Json mine = R"({"t":"b","at":{"city":"Pune"},"same":2,"a/b":2,"new":null})";
    const Json theirs = R"({"at":{"city":"Amman"},"same":2,"a/b":3,"new":1})";
    auto merged = three_ways(base, mine, theirs, Side::mine);
    CHECK(equal(merged.body, mine));
    CHECK(merged.overlap == Pointers{"/at/city", "/a~1b", "/new", "/t"});
    CHECK(equal(three_ways(base, mine, theirs, Side::theirs).body, theirs));
  }

  TEST_CASE("an array is one value, and an object that took the place of another value too") {
    CHECK(three_ways(R"({"l":[1]})", R"({"l":[1,2]})", R"({"l":[0,1]})", Side::mine).overlap ==
          Pointers{"/l"});
    CHECK(three_ways(R"({"l":1})", R"({"l":{"a":1}})", R"({"l":{"b":1}})", Side::mine).overlap ==
          Pointers{"/l"});
    CHECK(three_ways(R"({})", R"({"l":{"a":1}})", R"({"l":{"b":1}})", Side::mine).overlap ==
          Pointers{});
  }

  TEST_CASE("the time of a change never overlaps: the later one stays") {
    for (auto [mine, theirs] : {std::pair{"1", "2"}, {"2", "1"}}) {
      auto at = [](std::string time) { return R"({"updatedAt":"2026-01-0)" + time + "\"}"; };
      auto merged = three_ways(at("0"), at(mine), at(theirs), Side::mine);
      CHECK(merged.body == at("2"));
      CHECK(merged.overlap == Pointers{});
    }
  }

  TEST_CASE("a declared array is merged by the ids of its elements") {
    auto steps = [](const std::string& elements) { return "{\"steps\":[" + elements + "]}"; };
    auto step = [](const char* id, const char* rest = "") {
      return std::string("{\"id\":\"") + id + "\"" + rest + "}";
    };
    const std::string a = step("a"), b = step("b"), c = step("c"), x = step("x"), y = step("y");
    const std::string done = step("b", ",\"done\":true"), named = step("b", ",\"n\":1");
    auto merged = [&](const std::string& mine, const std::string& theirs) {
      return three_ways(steps(a + "," + b + "," + c), steps(mine), steps(theirs), Side::mine,
                        kSteps);
    };
    SUBCASE("each by itself") {
      auto both = step("b", ",\"n\":1,\"done\":true");
      CHECK(equal(merged(a + "," + done + "," + c, a + "," + named + "," + c).body,
                  steps(a + "," + both + "," + c)));
    }
    SUBCASE("what is added follows what it followed, and what is removed goes") {
      auto m = merged(b + "," + x + "," + c, a + "," + b + "," + y + "," + c);
      CHECK(m.body == steps(b + "," + x + "," + y + "," + c));
      CHECK(m.overlap == Pointers{});
    }
    SUBCASE("the order of the side that changed it holds") {
      CHECK(merged(c + "," + b + "," + a, a + "," + done + "," + c).body ==
            steps(c + "," + done + "," + a));
      CHECK(merged(c + "," + b + "," + a, b + "," + a + "," + c).overlap == Pointers{"/steps"});
    }
    SUBCASE("removed by the one and changed by the other overlaps") {
      auto m = merged(a + "," + c, a + "," + done + "," + c);
      CHECK(m.overlap == Pointers{"/steps/b"});
      CHECK(m.body == steps(a + "," + c));
    }
    SUBCASE("without ids of their own it is one value") {
      CHECK(merged(a + "," + a, a + "," + done + "," + c).overlap == Pointers{"/steps"});
      CHECK(merged(a + ",1", a + "," + done + "," + c).overlap == Pointers{"/steps"});
    }
  }

  TEST_CASE("merging with an unchanged side gives the other, whatever they are") {
    Draw draw(2);
    for (int i = 0; i < 5000; ++i) {
      Json base = some_object(draw);
      Json x = some_object(draw);
      CAPTURE(base);
      CAPTURE(x);
      for (auto side : {Side::mine, Side::theirs})
        for (const auto& merged :
             {three_ways(base, x, base, side), three_ways(base, base, x, side),
              three_ways(base, x, x, side)}) {
          CHECK(equal(merged.body, x));
          CHECK(merged.overlap == Pointers{});
        }
    }
  }

  TEST_CASE("whose is whose makes no difference to what does not overlap") {
    Draw draw(3);
    int disjoint = 0;
    for (int i = 0; i < 5000; ++i) {
      Json base = some_object(draw);
      // Two of each three are other in some members only, so that they are often disjoint.
      Json mine = some_object(draw);
      Json theirs = draw(3) ? json::fold(base, R"({"set":{"d":[1]}})") : some_object(draw);
      CAPTURE(base);
      CAPTURE(mine);
      CAPTURE(theirs);
      auto one = three_ways(base, mine, theirs, Side::mine);
      auto other = three_ways(base, theirs, mine, Side::theirs);
      CHECK(equal(one.body, other.body));  // Side and place are swapped: always the same.
      if (!one.overlap.empty()) continue;
      ++disjoint;
      CHECK(equal(one.body, three_ways(base, theirs, mine, Side::mine).body));
    }
    CHECK(disjoint > 1000);
  }

  TEST_CASE("elements of two devices come to the same order on both") {
    Draw draw(4);
    auto some_steps = [&] {
      std::string elements;
      std::vector<std::string> ids = {"a", "b", "c", "d", "x", "y"};
      while (!ids.empty()) {
        auto at = draw(3) ? 0 : draw(ids.size());
        if (draw(3))
          elements += (elements.empty() ? "{\"id\":\"" : ",{\"id\":\"") + ids[at] + "\",\"n\":" +
                      std::to_string(draw(2)) + "}";
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at));
      }
      return "{\"steps\":[" + elements + "]}";
    };
    int disjoint = 0;
    for (int i = 0; i < 5000; ++i) {
      Json base = some_steps(), mine = some_steps(), theirs = some_steps();
      CAPTURE(base);
      CAPTURE(mine);
      CAPTURE(theirs);
      auto one = three_ways(base, mine, theirs, Side::mine, kSteps);
      auto other = three_ways(base, theirs, mine, Side::theirs, kSteps);
      CHECK(one.body == other.body);
      CHECK(equal(three_ways(base, mine, base, Side::theirs, kSteps).body, mine));
      CHECK(equal(three_ways(base, base, theirs, Side::mine, kSteps).body, theirs));
      disjoint += one.overlap.empty() ? 1 : 0;
    }
    CHECK(disjoint > 100);
  }
}
