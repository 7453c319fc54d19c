#include "timestamp.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "draw.h"

using namespace holdfast;
using namespace std::chrono_literals;

namespace {

constexpr Time kNoon{std::chrono::hours(12)};

constexpr Time day(int year, unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(year) / std::chrono::month(month) /
                               std::chrono::day(day));
}

}  // namespace

TEST_SUITE("timestamp") {
  TEST_CASE("a time is written in UTC with milliseconds") {
    CHECK(rfc3339(kNoon) == "1970-01-01T12:00:00.000Z");
    CHECK(rfc3339(kNoon + 7ms) == "1970-01-01T12:00:00.007Z");
    CHECK(rfc3339(kNoon - 1ms) == "1970-01-01T11:59:59.999Z");
    CHECK(rfc3339(Time(-1ms)) == "1969-12-31T23:59:59.999Z");
    CHECK(rfc3339(day(2024, 2, 29) + 23h) == "2024-02-29T23:00:00.000Z");
    CHECK(rfc3339(day(2026, 11, 22) + 17h + 5min + 9s + 40ms) == "2026-11-22T17:05:09.040Z");
    CHECK(rfc3339(day(9999, 12, 31)) == "9999-12-31T00:00:00.000Z");
  }

  TEST_CASE("what was written is read back, and sorts as the times do") {
    test::Draw draw(1);
    Time last = kNoon;
    for (int i = 0; i < 1'000; ++i) {
      Time time = day(2000, 1, 1) + std::chrono::days(draw(36'500)) +
                  Duration(static_cast<Duration::rep>(draw(86'400'000)));
      REQUIRE(parse_rfc3339(rfc3339(time)) == time);
      REQUIRE((rfc3339(last) < rfc3339(time)) == (last < time));
      last = time;
    }
  }

  TEST_CASE("reads any offset, and cuts a fraction to milliseconds") {
    const Time five = day(2026, 11, 22) + 17h;
    struct Case {
      std::string text;
      Time time;
    };
    const std::vector<Case> cases = {
        {"2026-11-22T17:00:00Z", five},
        {"2026-11-22t17:00:00z", five},
        {"2026-11-22 17:00:00Z", five},
        {"2026-11-22T17:00:00.5Z", five + 500ms},
        {"2026-11-22T17:00:00.25Z", five + 250ms},
        {"2026-11-22T17:00:00.123456789Z", five + 123ms},
        {"2026-11-22T17:00:00.9999Z", five + 999ms},
        {"2026-11-22T17:00:00+00:00", five},
        {"2026-11-22T17:00:00-00:00", five},
        {"2026-11-22T18:30:00+01:30", five},
        {"2026-11-22T09:00:00.007-08:00", five + 7ms},
        {"2026-11-23T02:00:00+09:00", five},
        {"2016-12-31T23:59:60Z", day(2017, 1, 1)},  // A leap second.
        {"1969-12-31T23:59:59.999Z", Time(-1ms)},
    };
    for (const Case& c : cases) {
      CAPTURE(c.text);
      CHECK(parse_rfc3339(c.text) == c.time);
    }
  }

  TEST_CASE("what is no time is none") {
    for (const std::string text : {
             "", "Z", "yesterday", "2026", "2026-11-22", "17:00:00Z", "2026-11-22T17:00Z",
             "2026-11-22T17:00:00", "2026-11-22T17:00:00+01", "2026-11-22T17:00:00 Z",
             "2026-11-22T17:00:00.Z", "2026-11-22T17:00:00.5", "2026-13-01T00:00:00Z",
             "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
             "2026-11-00T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T17:60:00Z",
             "2026-11-22T17:00:61Z", "2026-11-22T-1:00:00Z", "2026-11-22T+1:00:00Z",
             "2026-1-2T3:4:5Z", " 2026-11-22T17:00:00Z", "2026-11-22T17:00:00Zulu",
             "2026-11-22T17:00:00+01:00x", "2026-11-22T17:00:00+1:00", "2026-11-22T17:00:00+24:00",
             "2026-11-22T17:00:00+01:60", "2026-11-22T17:00:00+-1:00", "20261122T170000Z",
             "+2026-11-22T17:00:00Z", "12026-11-22T17:00:00Z", "2026-11-22_17:00:00Z",
         }) {
      CAPTURE(text);
      CHECK_FALSE(parse_rfc3339(text));
    }
  }

  TEST_CASE("reads an HTTP date") {
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") ==
          day(1994, 11, 6) + 8h + 49min + 37s);  // RFC 9110's own.
    CHECK(parse_http_date("Thu, 01 Jan 1970 12:00:00 GMT") == kNoon);
    CHECK(parse_http_date("Thu, 29 Feb 2024 23:59:60 GMT") == day(2024, 3, 1));
    for (const char* month : {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
                              "Oct", "Nov", "Dec"})
      CHECK(parse_http_date("Mon, 01 " + std::string(month) + " 2026 00:00:00 GMT"));
  }

  TEST_CASE("what is no HTTP date is none") {
    for (const std::string text : {
             "", "0", "120", "2026-11-22T17:00:00Z", "Sunday, 06-Nov-94 08:49:37 GMT",
             "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37",
             "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 06 Nov 1994 08:49:37 +0100",
             "Sun, 06 Nov 94 08:49:37 GMT",
             "Sun, 31 Feb 2026 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
             "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 -1:49:37 GMT",
             "06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMTX",
         }) {
      CAPTURE(text);
      CHECK_FALSE(parse_http_date(text));
    }
  }
}
