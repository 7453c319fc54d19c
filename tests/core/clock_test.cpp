#include "clock.h"

#include <doctest/doctest.h>

#include <string>

#include "draw.h"
#include "json.h"
#include "timestamp.h"
#include "world.h"

using namespace holdfast;
using test::only;
using namespace std::chrono_literals;

namespace {

// 2026-01-01T12:00:00Z, a Thursday.
constexpr Time kServerNoon{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + 12h};

std::string date(Time time) {
  // Within that day, as these tests are.
  return "Thu, 01 Jan 2026 " + rfc3339(time).substr(11, 8) + " GMT";
}

Response answer(Time made, Time sent, Time received) {
  return {.status = 200, .content_type = "application/json", .date = date(made), .body = "{}",
          .sent_at = sent, .received_at = received};
}

// An answer on its way for "way" each way; the device's clock is "error" ahead of the server's.
Response answer(Time made, Duration error, Duration way) {
  return answer(made, made - way + error, made + way + error);
}

Duration estimate(const Ahead& ahead) {
  return stamp(kServerNoon, kServerNoon, ahead, {}) - kServerNoon;
}

// Devices whose clock shows noon, whatever the server's does.
struct Stamps : test::World {
  Stamps() { tell(Open{}, now); }

  void probe(Duration error) {
    tell(Online{}, now);
    tell(probed(answer(kServerNoon, error, 100ms)), now);
  }
  std::string updated_at(const Step& step) {
    auto sends = only<Send>(step);
    REQUIRE(sends.size() == 1);
    return json::member(sends[0].body, "updatedAt");
  }
  Write at(Write write, Time time) {
    write.at = time;
    return write;
  }

  Time now = kServerNoon;
};

}  // namespace

TEST_SUITE("clock") {
  TEST_CASE("an answer tells the server's clock to the second and its way") {
    Ahead ahead = heard({}, answer(kServerNoon, kServerNoon + 600s, kServerNoon + 602s));
    CHECK(ahead == Ahead{-602s, -599s});
    CHECK(estimate(ahead) == -600500ms);
  }

  TEST_CASE("more answers tell it better, whatever the clock is wrong by") {
    test::Draw draw(7);
    for (Duration error : {0min, 10min, -10min, 100000min}) {
      Ahead ahead;
      for (int i = 0; i < 50; ++i) {
        Duration way(static_cast<Duration::rep>(20 + draw(200)));
        ahead = heard(ahead, answer(kServerNoon + Duration(977 * i), error, way));
        REQUIRE(ahead.least <= -error);
        REQUIRE(-error <= ahead.most);
      }
      CHECK(ahead.most - ahead.least < 400ms);
    }
  }

  TEST_CASE("what an answer does not tell stays as it was") {
    const Ahead known{-5s, -4s};
    Response good = answer(kServerNoon, kServerNoon, kServerNoon);
    Response undated = good, unsent = good, unreceived = good, backwards = good, bad = good,
             slept = good;
    undated.date = "";
    bad.date = "yesterday";
    unsent.sent_at.reset();
    unreceived.received_at.reset();
    backwards.received_at = kServerNoon - 1ms;  // The clock was set back between.
    slept.received_at = kServerNoon + 3min;
    for (const Response& response : {undated, bad, unsent, unreceived, backwards, slept}) {
      CHECK(heard(known, response) == known);
      CHECK(heard({}, response) == Ahead{});
    }
    CHECK(heard(known, good) != known);
  }

  TEST_CASE("a clock that was set, or a Date that lies, is believed anew each time") {
    Ahead ahead = heard({}, answer(kServerNoon, 10min, 50ms));
    ahead = heard(ahead, answer(kServerNoon + 1min, -3h, 50ms));
    CHECK(estimate(ahead) > 3h - 1s);
    ahead = heard(ahead, answer(kServerNoon + 2min, 0h, 50ms));
    CHECK(estimate(ahead) < 1s);
    CHECK(estimate(ahead) > -1s);
  }

  TEST_CASE("a change is stamped") {
    const Time now = kServerNoon + 1h;
    SUBCASE("with the server's time when it was written") {
      CHECK(stamp(kServerNoon, now, {-11min, -9min}, {}) == kServerNoon - 10min);
      CHECK(stamp(kServerNoon, now, {}, {}) == kServerNoon);
    }
    SUBCASE("after the version below it") {
      CHECK(stamp(kServerNoon, now, {}, kServerNoon) == kServerNoon + 1ms);
      CHECK(stamp(kServerNoon, now, {-11min, -9min}, kServerNoon) == kServerNoon + 1ms);
      CHECK(stamp(kServerNoon, now, {}, kServerNoon - 1ms) == kServerNoon);
    }
    SUBCASE("not with a time to come, by a clock that was set back since") {
      CHECK(stamp(now + 5h, now, {}, {}) == now + 1s);
      CHECK(stamp(now + 5h, now, {9min, 11min}, {}) == now + 10min + 1s);
    }
    SUBCASE("with a time that can be written down, whatever clocks say") {
      auto text = [&](const Ahead& ahead, std::optional<Time> last) {
        return rfc3339(stamp(kServerNoon, now, ahead, last));
      };
      CHECK(text({Duration(400'000'000'000'000), Duration(400'000'000'000'000)}, {}) ==
            "9999-12-31T23:59:59.999Z");
      CHECK(text({Duration(-400'000'000'000'000), Duration(-400'000'000'000'000)}, {}) ==
            "0000-01-01T00:00:00.000Z");
      CHECK(text({}, parse_rfc3339("9999-12-31T23:59:59.999Z")) == "9999-12-31T23:59:59.999Z");
    }
  }

  TEST_CASE_FIXTURE(Stamps, "a change that waited goes out with the server's time of its writing") {
    tell(at(create("a"), now - 1h), now);
    tell(Online{}, now);
    Step step = tell(probed(answer(kServerNoon, 10min, 100ms)), now);
    CHECK(updated_at(step) == "2026-01-01T10:50:00.500Z");
    SUBCASE("for good") {
      tell(silent("m1"), now);
      tell(Online{}, now);
      step = tell(probed(answer(kServerNoon, -3h, 100ms)), now);
      CHECK(updated_at(step) == "2026-01-01T10:50:00.500Z");
    }
    SUBCASE("the next after it, though the clock was set back") {
      now -= 2h;
      tell(at(update("a", R"({"n":2})"), now), now);
      tell(answered("m1", {.status = 204}), now);
      tell(Online{}, now);
      step = tell(probed(answer(kServerNoon, 10min, 100ms)), now);
      CHECK(updated_at(step) == "2026-01-01T10:50:00.501Z");
    }
  }

  TEST_CASE_FIXTURE(Stamps, "answers of the API are heard, and nobody else's") {
    probe(0min);
    tell(at(create("a"), now), now);
    Response response = answer(kServerNoon, 10min, 100ms);
    SUBCASE("an acceptance") { tell(answered("m1", response), now); }
    SUBCASE("a refusal") {
      response.status = 422;
      tell(answered("m1", response), now);
    }
    SUBCASE("a captive portal") {
      response.content_type = "text/html";
      response.body = "<title>Hotel</title>";
      tell(answered("m1", response), now);
      CHECK(load_counters(db).ahead().most > -1s);
      return;
    }
    CHECK(load_counters(db).ahead().most < -9min);
  }

  TEST_CASE_FIXTURE(Stamps, "what was folded together has the time of the last of it") {
    config.collections["order"].coalesce = true;
    Engine engine(db, config);
    Write first = at(create("a"), now - 1h), second = at(update("a", R"({"n":2})"), now - 1min);
    engine.handle(std::vector<Event>{first, second}, now);
    Step step = tell(probed(answer(kServerNoon, 0min, 0ms)), now);
    CHECK(updated_at(step) == "2026-01-01T11:59:00.500Z");
  }
}
