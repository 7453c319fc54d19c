#include "backoff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <string>

using namespace holdfast;
using namespace std::chrono_literals;

namespace {

constexpr int kIds = 10'000;

// How many of 10,000 ids fall into each tenth of the range.
std::array<int, 10> tenths(const std::function<std::string(int)>& id, int attempts) {
  const Duration range = 1s * (1 << (attempts - 1));
  std::array<int, 10> counts{};
  for (int i = 0; i < kIds; ++i) {
    Duration wait = backoff(id(i), attempts, 1s, 1h);
    ++counts[static_cast<std::size_t>(wait * 10 / (range + 1ms))];
  }
  return counts;
}

std::string hex(unsigned number, int digits) {
  std::string text;
  for (; digits; --digits, number /= 16) text.insert(0, 1, "0123456789abcdef"[number % 16]);
  return text;
}

}  // namespace

TEST_SUITE("backoff") {
  TEST_CASE("waits at most base · 2^(attempts - 1), and never more than the cap") {
    Duration most = 100ms;
    for (int attempts = 1; attempts <= 40; ++attempts, most = std::min<Duration>(most * 2, 10s)) {
      Duration longest = 0ms;
      for (int i = 0; i < 500; ++i) {
        Duration wait = backoff("m" + std::to_string(i), attempts, 100ms, 10s);
        REQUIRE(wait >= 0ms);
        REQUIRE(wait <= most);
        longest = std::max(longest, wait);
      }
      CHECK(longest > most * 9 / 10);  // The range is used to its end, with every attempt.
    }
  }

  TEST_CASE("can be nothing at all, and can be the whole range") {
    std::set<Duration> seen;
    for (int i = 0; i < 100; ++i) seen.insert(backoff("m" + std::to_string(i), 1, 3ms, 1s));
    CHECK(seen == std::set<Duration>{0ms, 1ms, 2ms, 3ms});
  }

  TEST_CASE("spreads ids over the range without clumps") {
    auto number = [](int i) { return "m" + std::to_string(i); };
    // As a page makes them in one go: the same time, and a counter or randomness behind it.
    auto counted = [](int i) {
      return "0193a1f0-8c00-7000-8000-00000000" + hex(static_cast<unsigned>(i), 4);
    };
    auto front = [](int i) { return hex(static_cast<unsigned>(i), 4) + "a1f0-8c00-7000"; };
    for (const auto& id : {std::function<std::string(int)>(number),
                           std::function<std::string(int)>(counted),
                           std::function<std::string(int)>(front)})
      for (int attempts : {1, 2, 5}) {
        CAPTURE(id(7));
        CAPTURE(attempts);
        for (int count : tenths(id, attempts)) {
          CHECK(count >= kIds * 8 / 100);
          CHECK(count <= kIds * 12 / 100);
        }
      }
  }

  TEST_CASE("draws anew for each attempt of one id") {
    int same = 0;
    for (int i = 0; i < kIds; ++i) {
      std::string id = "m" + std::to_string(i);
      if (backoff(id, 5, 1s, 10s) * 10 / 10'001ms == backoff(id, 6, 1s, 10s) * 10 / 10'001ms)
        ++same;
    }
    CHECK(same >= kIds * 8 / 100);
    CHECK(same <= kIds * 12 / 100);
  }

  TEST_CASE("answers the same history with the same delay, in every build") {
    CHECK(backoff("m1", 1, 1s, 5min) == 359ms);
    CHECK(backoff("m1", 2, 1s, 5min) == 38ms);
    CHECK(backoff("m1", 9, 1s, 5min) == 166495ms);
    CHECK(backoff("0193a1f0-8c00-7000-8000-000000000001", 3, 1s, 5min) == 2334ms);
    CHECK(backoff("", 1, 1s, 5min) == 683ms);
  }

  TEST_CASE("has no trouble with extremes") {
    CHECK(backoff("m1", 1'000'000, 1s, 5min) <= 5min);
    CHECK(backoff("m1", 1'000'000, 0ms, 5min) == 0ms);
    CHECK(backoff("m1", 3, 1s, 0ms) == 0ms);
    CHECK(backoff("m1", 3, 1h, 1ms) <= 1ms);
    CHECK(backoff("m1", 60, 1ms, Duration(std::int64_t{1} << 53)) >= 0ms);
  }
}
