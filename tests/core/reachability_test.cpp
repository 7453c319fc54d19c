#include "sync/reachability.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "backoff.h"
#include "draw.h"
#include "tables.h"

using namespace holdfast;
using namespace std::chrono_literals;
using State = Reachability::State;
using Wait = Status::Wait;

namespace {

constexpr Time kNoon{std::chrono::hours(12)};
constexpr Duration kFresh = 30s;
constexpr Duration kCap = 5min;

Reachability::Setback setback(Wait wait = Wait::network, Duration delay = 4s,
                              std::optional<Time> floor = std::nullopt) {
  return {.wait = wait, .reason = "why", .delay = delay, .floor = floor};
}

// A way in each state, its latest change at noon.
Reachability probing() {
  Reachability way;
  way.send_probe();
  return way;
}
Reachability open() {
  Reachability way = probing();
  way.probed(kNoon, kFresh);
  return way;
}
Reachability closed(const Reachability::Setback& why = setback()) {
  Reachability way = open();
  way.attempt_failed(kNoon, why);
  return way;
}

}  // namespace

TEST_SUITE("reachability") {
  TEST_CASE("an unknown way is probed at once, whether something waits or not") {
    Reachability way;
    CHECK(way.wants_probe(kNoon, false));
    CHECK(way.wants_probe(kNoon, true));
    CHECK_FALSE(way.may_send(kNoon));
    way.send_probe();
    CHECK(way.state == State::probing);
    CHECK(way.probe == 1);
  }

  TEST_CASE("while a probe is under way no other is sent, and nothing else either") {
    Reachability way = probing();
    CHECK_FALSE(way.wants_probe(kNoon + 24h, true));
    CHECK_FALSE(way.may_send(kNoon));
    CHECK(way.deadline(true) == std::nullopt);
    CHECK_FALSE(way.reachable);
  }

  TEST_CASE("a good probe opens the way for as long as it is fresh") {
    Reachability way = open();
    CHECK(way.state == State::open);
    CHECK(way.reachable);
    CHECK(way.wait == Wait::nothing);
    CHECK(way.may_send(kNoon));
    CHECK(way.may_send(kNoon + kFresh - 1ms));
    CHECK_FALSE(way.may_send(kNoon + kFresh));

    SUBCASE("and then another is sent, but only if something waits") {
      CHECK_FALSE(way.wants_probe(kNoon + kFresh - 1ms, true));
      CHECK_FALSE(way.wants_probe(kNoon + kFresh, false));
      CHECK(way.wants_probe(kNoon + kFresh, true));
      way.send_probe();
      CHECK(way.probe == 2);
      CHECK(way.reachable);  // Until the probe shows otherwise.
    }
  }

  TEST_CASE("a bad probe closes it, with the reason and the time of the next") {
    Reachability way = probing();
    way.probe_failed(kNoon, setback(Wait::origin, 4s));
    CHECK(way.state == State::closed);
    CHECK_FALSE(way.reachable);
    CHECK(way.wait == Wait::origin);
    CHECK(way.reason == "why");
    CHECK(way.setbacks == 1);
    CHECK_FALSE(way.may_send(kNoon));
    CHECK_FALSE(way.wants_probe(kNoon + 4s - 1ms, true));
    CHECK_FALSE(way.wants_probe(kNoon + 4s, false));
    CHECK(way.wants_probe(kNoon + 4s, true));
    CHECK(way.deadline(true) == kNoon + 4s);
    CHECK(way.deadline(false) == std::nullopt);

    SUBCASE("which a later good one forgets, but for how often it happened") {
      way.send_probe();
      way.probed(kNoon + 4s, kFresh);
      CHECK(way.reachable);
      CHECK(way.wait == Wait::nothing);
      CHECK(way.reason == "");
      CHECK(way.setbacks == 1);
      way.accepted();
      CHECK(way.setbacks == 0);
    }
  }

  TEST_CASE("an attempt that failed closes it") {
    SUBCASE("and says that the network is gone") {
      Reachability way = closed(setback(Wait::network));
      CHECK(way.state == State::closed);
      CHECK_FALSE(way.reachable);
      CHECK(way.wait == Wait::network);
      CHECK(way.deadline(true) == kNoon + 4s);
    }
    SUBCASE("and an overloaded origin is one that was reached") {
      Reachability way = closed(setback(Wait::origin));
      CHECK(way.reachable);
      CHECK(way.wait == Wait::origin);
    }
    SUBCASE("once, however many fail with it") {
      Reachability way = closed();
      way.attempt_failed(kNoon + 1s, setback(Wait::origin, 1h));
      CHECK(way.setbacks == 1);
      CHECK(way.wait == Wait::network);
      CHECK(way.deadline(true) == kNoon + 4s);
    }
    SUBCASE("but the longest wait that the origin asks for counts, with its own jitter") {
      Reachability way = closed(setback(Wait::origin, 9s, kNoon + 20s));
      way.attempt_failed(kNoon, setback(Wait::origin, 4s, kNoon + 60s));
      way.attempt_failed(kNoon, setback(Wait::origin, 8s, kNoon + 10s));
      way.attempt_failed(kNoon, setback(Wait::origin, 8s, kNoon + 60s));
      CHECK(way.deadline(true) == kNoon + 64s);
    }
    SUBCASE("and leaves a probe that is under way alone") {
      Reachability way = probing();
      way.attempt_failed(kNoon, setback(Wait::network, 1h, kNoon + 1h));
      CHECK(way.state == State::probing);
      CHECK(way.setbacks == 0);
      way.probed(kNoon + 1s, kFresh);
      CHECK_FALSE(way.may_send(kNoon + 1s));  // The origin asked for an hour.
    }
  }

  TEST_CASE("what the origin asked for is a floor that nothing shortens") {
    const Time floor = kNoon + 10min;
    const Time jittered = floor + 7s;
    for (State state : {State::unknown, State::open, State::closed}) {
      CAPTURE(static_cast<int>(state));
      Reachability way;
      way.state = state;
      way.fresh_until = kNoon + 1h;
      way.asked_until = floor;
      way.closed_until = jittered;
      for (Time time : {kNoon, floor - 1ms}) {
        way.nudge(time, false);
        CHECK_FALSE(way.wants_probe(time, true));
        CHECK_FALSE(way.may_send(time));
      }
      CHECK(way.deadline(true) == jittered);
      way.nudge(floor - 1ms, true);
      CHECK_FALSE(way.wants_probe(floor - 1ms, true));
      CHECK(way.deadline(true) == jittered);
      CHECK_FALSE(way.wants_probe(jittered - 1ms, true));
      CHECK(way.wants_probe(jittered, true));
    }
    Reachability way = closed(setback(Wait::origin, 7s, floor));
    way.open_session();
    CHECK_FALSE(way.wants_probe(jittered - 1ms, true));
    CHECK(way.wants_probe(jittered, true));
  }

  TEST_CASE("the probe after the floor is as much later as the delay says") {
    const Time floor = kNoon + 10min;
    Reachability way = closed(setback(Wait::origin, 7s, floor));
    CHECK(way.deadline(true) == floor + 7s);
    CHECK_FALSE(way.wants_probe(floor + 7s - 1ms, true));

    SUBCASE("whoever looked at the app before it") {
      way.offline(kNoon + 1min);
      way.nudge(kNoon + 2min, true);
      way.nudge(kNoon + 3min, false);
      CHECK(way.deadline(true) == floor + 7s);
      CHECK_FALSE(way.wants_probe(floor + 7s - 1ms, true));
      CHECK(way.wants_probe(floor + 7s, false));
    }
    SUBCASE("but for those who look after it: they get theirs at once") {
      way.nudge(floor, false);
      CHECK(way.wants_probe(floor, false));
      CHECK(way.deadline(true) == floor);
    }
    SUBCASE("and so are mutations, where a probe was on its way and came back good") {
      way = probing();
      way.attempt_failed(kNoon, setback(Wait::origin, 7s, kNoon + 10s));
      way.probed(kNoon + 1s, kFresh);
      CHECK_FALSE(way.may_send(kNoon + 17s - 1ms));
      CHECK(way.may_send(kNoon + 17s));
      CHECK(way.deadline(true) == kNoon + 17s);
    }
  }

  TEST_CASE("a delay is drawn by backoff") {
    const Config config;
    Reachability way = closed(setback(Wait::origin));
    way.setbacks = 3;
    CHECK(way.delay(kNoon, Wait::origin, std::nullopt, "m1", config) ==
          backoff("m1", 4, config.backoff_base, config.backoff_cap));
    CHECK(way.delay(kNoon, Wait::network, std::nullopt, "m1", config) ==
          backoff("m1", 4, config.backoff_base, config.backoff_cap));

    SUBCASE("but there is none for a network that fails for the first time") {
      CHECK(open().delay(kNoon, Wait::network, std::nullopt, "m1", config) == 0s);
      CHECK(open().delay(kNoon, Wait::origin, std::nullopt, "m1", config) > 0s);
      CHECK(open().delay(kNoon, Wait::network, kNoon + 1min, "m1", config) > 0s);
      CHECK(probing().delay(kNoon, Wait::network, std::nullopt, "m1", config) > 0s);
      way = open();
      way.setbacks = 1;
      CHECK(way.delay(kNoon, Wait::network, std::nullopt, "m1", config) > 0s);
    }
    SUBCASE("over a window that is the wider the longer the origin asks for") {
      auto widest = [&](Duration asked) {
        Duration most(0);
        for (int i = 0; i < 1'000; ++i)
          most = std::max(most, open().delay(kNoon, Wait::origin, kNoon + asked,
                                             "m" + std::to_string(i), config));
        return most;
      };
      auto about = [](Duration most, Duration window) {
        return most <= window && most > window - window / 20;
      };
      CHECK(about(widest(0s), 1s));
      CHECK(about(widest(10s), 1s));
      CHECK(about(widest(10min), 1min));
      CHECK(about(widest(1h), config.backoff_cap));
      CHECK(about(widest(24h), config.backoff_cap));
    }
  }

  TEST_CASE("after an outage attempts ramp up") {
    auto rooms = [](Reachability way) {
      std::vector<int> rooms{way.room(4)};
      for (int i = 0; i < 3; ++i) {
        i % 2 ? way.refused() : way.accepted();
        rooms.push_back(way.room(4));
      }
      return rooms;
    };
    const std::vector<int> ramp{1, 2, 4, 4};
    const std::vector<int> full{4, 4, 4, 4};
    CHECK(rooms(open()) == full);

    SUBCASE("after an attempt that failed") {
      Reachability way = closed();
      CHECK(rooms(way) == ramp);
      way.nudge(kNoon + 1s, true);
      way.send_probe();
      way.probed(kNoon + 1s, kFresh);
      CHECK(rooms(way) == ramp);
      way.open_session();
      CHECK(rooms(way) == ramp);
    }
    SUBCASE("after a probe that failed") {
      Reachability way = probing();
      CHECK(rooms(way) == full);
      way.probe_failed(kNoon, setback(Wait::origin));
      CHECK(rooms(way) == ramp);
    }
    SUBCASE("after a time without a network") {
      Reachability way = open();
      way.offline(kNoon);
      CHECK(rooms(way) == ramp);
    }
    SUBCASE("anew, when the next one comes before the top") {
      Reachability way = closed();
      way.accepted();
      CHECK(way.room(4) == 2);
      way.probed(kNoon, kFresh);
      way.attempt_failed(kNoon, setback());
      CHECK(way.room(4) == 1);
    }
    SUBCASE("and only after one: a sign-in and a new session are none") {
      CHECK(rooms(closed(setback(Wait::sign_in))) == std::vector{1, 4, 4, 4});
      Reachability way = open();
      way.open_session();
      CHECK(rooms(way) == full);
      way.accepted();
      CHECK(rooms(way) == full);
    }
    SUBCASE("to any height, never past what is configured") {
      Reachability way = closed();
      for (int i = 0; i < 100; ++i) {
        CHECK(way.room(1) == 1);
        CHECK(way.room(100) <= 100);
        way.accepted();
      }
      CHECK(way.room(1'000'000) == 1'000'000);
    }
  }

  TEST_CASE("three different mutations answered by retry open the circuit") {
    Reachability way = open();
    auto retried = [&](const MutationId& id) {
      way.retried(kNoon, id, setback(Wait::network, 4s, kNoon + 20s));
    };
    retried("m1");
    retried("m2");
    CHECK(way.may_send(kNoon));
    CHECK(way.setbacks == 0);
    retried("m2");
    retried("m1");
    CHECK(way.may_send(kNoon));  // They are two.

    SUBCASE("and a probe goes first, after the origin's wish") {
      retried("m3");
      CHECK(way.state == State::closed);
      CHECK(way.reachable);
      CHECK(way.wait == Wait::origin);
      CHECK(way.reason == "One change after another fails: why");
      CHECK(way.setbacks == 1);
      CHECK(way.room(4) == 1);
      CHECK(way.deadline(true) == kNoon + 24s);
    }
    SUBCASE("with none accepted between") {
      way.accepted();
      retried("m3");
      retried("m4");
      CHECK(way.may_send(kNoon));
      retried("m5");
      CHECK(way.state == State::closed);
    }
    SUBCASE("with some refused between: the API does decide, but that is no success") {
      way.refused();
      retried("m3");
      CHECK(way.state == State::closed);
    }
    SUBCASE("over several sessions") {
      way.open_session();
      way.send_probe();
      way.probed(kNoon, kFresh);
      retried("m3");
      CHECK(way.state == State::closed);
    }
    SUBCASE("again with every further one, until one is accepted") {
      retried("m3");
      for (const char* id : {"m1", "m4", "m4"}) {
        way.probed(kNoon + 1min, kFresh);
        CHECK(way.state == State::open);
        retried(id);
        CHECK(way.state == State::closed);
        CHECK(way.retried_in_a_row == std::vector<MutationId>{"m1", "m2", "m3"});
      }
      way.probed(kNoon + 2min, kFresh);
      way.accepted();
      CHECK(way.retried_in_a_row.empty());
      retried("m5");
      CHECK(way.state == State::open);
    }
    SUBCASE("once, for those that were under way together") {
      retried("m3");
      retried("m4");
      CHECK(way.setbacks == 1);
    }
  }

  TEST_CASE("a nudge asks for a probe, unless a fresh one is believed or awaited") {
    Reachability way = closed(setback(Wait::network, 1h));
    way.nudge(kNoon + 1s, false);
    CHECK(way.wants_probe(kNoon + 1s, false));
    CHECK(way.wait == Wait::network);  // Until a probe shows otherwise.

    way = open();
    way.nudge(kNoon + kFresh - 1ms, false);
    CHECK(way.state == State::open);
    way.nudge(kNoon + kFresh, false);
    CHECK(way.state == State::unknown);

    way = probing();
    way.nudge(kNoon, false);
    CHECK(way.state == State::probing);

    SUBCASE("and one that insists always does, with a number of its own") {
      way = open();
      way.nudge(kNoon, true);
      CHECK(way.wants_probe(kNoon, false));
      way = probing();
      way.nudge(kNoon, true);
      CHECK(way.wants_probe(kNoon, false));
      way.send_probe();
      CHECK(way.probe == 2);
    }
  }

  TEST_CASE("without a network the way is closed, and only the next probe opens it") {
    Reachability way = open();
    way.offline(kNoon + 1s);
    CHECK(way.state == State::closed);
    CHECK_FALSE(way.reachable);
    CHECK(way.wait == Wait::network);
    CHECK(way.reason == "The browser reports no network.");
    CHECK_FALSE(way.may_send(kNoon + 1s));
    // The browser may be wrong: what waits is probed for all the same.
    CHECK(way.wants_probe(kNoon + 1s, true));
    CHECK_FALSE(way.wants_probe(kNoon + 1s, false));

    way = closed(setback(Wait::origin, 4s));
    way.offline(kNoon + 1s);
    CHECK_FALSE(way.wants_probe(kNoon + 4s - 1ms, true));
    CHECK(way.wait == Wait::network);
  }

  TEST_CASE("a sign-in is waited for until the API takes an answer") {
    Reachability way = closed(setback(Wait::sign_in));
    way.nudge(kNoon, true);
    way.send_probe();
    way.probed(kNoon + 1s, kFresh);
    CHECK(way.wait == Wait::sign_in);
    CHECK(way.reason == "why");
    CHECK(way.may_send(kNoon + 1s));
    Reachability refused = way;
    way.accepted();
    CHECK(way.wait == Wait::nothing);
    CHECK(way.setbacks == 0);
    refused.refused();
    CHECK(refused == way);
  }

  TEST_CASE("while paused nothing goes and nothing is waited for") {
    for (Reachability way : {Reachability(), probing(), open(), closed()}) {
      way.paused = true;
      for (Time time : {kNoon, kNoon + 24h}) {
        CHECK_FALSE(way.wants_probe(time, true));
        CHECK_FALSE(way.may_send(time));
      }
      CHECK(way.deadline(true) == std::nullopt);
    }
  }

  TEST_CASE("a new session knows nothing but what the origin asked for and how it fared") {
    Reachability way = closed(setback(Wait::network, 4s, kNoon + 1h));
    way.retried(kNoon, "m1", setback());
    way.paused = true;
    way.open_session();
    Reachability expected;
    expected.probe = 1;  // So that answers to the last session's probes are told apart.
    expected.next_probe_at = kNoon + 4s;
    expected.fresh_until = kNoon + kFresh;
    expected.asked_until = kNoon + 1h;
    expected.closed_until = kNoon + 1h + 4s;
    expected.ramp = 1;
    expected.retried_in_a_row = {"m1"};
    CHECK(way == expected);
  }

  TEST_CASE("no time is further away than it can have been set") {
    const Time ahead = kNoon + 24h * 365;
    Reachability way = open();
    way.probed(ahead, kFresh);
    way.asked_until = ahead;
    way.closed_until = ahead + kCap;
    way.next_probe_at = ahead;
    way.mend(kNoon, kFresh, kCap);
    CHECK(way.fresh_until == Time());
    CHECK(way.next_probe_at == kNoon);
    CHECK(way.asked_until == kNoon);
    CHECK(way.closed_until == kNoon);
    CHECK(way.wants_probe(kNoon, true));

    SUBCASE("and one that can have been is left as it is") {
      way.fresh_until = kNoon + kFresh;
      way.next_probe_at = kNoon + kCap;
      way.asked_until = kNoon + 24h;
      way.closed_until = kNoon + 24h + kCap;
      Reachability before = way;
      way.mend(kNoon, kFresh, kCap);
      CHECK(way == before);
    }
  }

  TEST_CASE("at the deadline there is something to do, and before it there is not") {
    test::Draw draw(5);
    Reachability way;
    Time now = kNoon;
    int met = 0;
    for (int i = 0; i < 5'000; ++i) {
      now += Duration(draw(20'000));
      auto some = [&] { return Duration(draw(60'000)); };
      switch (draw(10)) {
        case 0: way.nudge(now, draw(2) == 0); break;
        case 1: way.offline(now); break;
        case 2: if (way.state != State::probing) way.send_probe(); break;
        case 3: if (way.state == State::probing) way.probed(now, kFresh); break;
        case 4:
          if (way.state == State::probing) way.probe_failed(now, setback(Wait::network, some()));
          break;
        case 5: way.attempt_failed(now, setback(Wait::origin, some(), now + some())); break;
        case 6: way.accepted(); break;
        case 7: way.refused(); break;
        case 8:
          way.retried(now, "m" + std::to_string(draw(5)), setback(Wait::origin, some()));
          break;
        default: way.paused = draw(4) == 0;
      }
      auto deadline = way.deadline(true);
      if (!deadline || *deadline <= now) continue;
      ++met;
      REQUIRE_FALSE(way.wants_probe(*deadline - 1ms, true));
      // When the way is closed, or the probe has grown old by then, a probe; else a mutation.
      REQUIRE((way.wants_probe(*deadline, true) || way.may_send(*deadline)));
    }
    CHECK(met > 500);
  }

  TEST_CASE_FIXTURE(test::Tables, "what is known of it survives a restart as it is") {
    CHECK(load_reachability(db) == Reachability());
    Reachability way = closed(setback(Wait::sign_in, 4s, kNoon + 1h));
    way.paused = true;
    way.reason = "The \"API\" – é";
    way.ramp = 4;
    for (const char* id : {"m1", "018f-.~:@_", "m3", "m4"}) {
      way.retried(kNoon, id, setback());
      save_reachability(db, way);
      CHECK(load_reachability(db) == way);
    }
    CHECK(way.retried_in_a_row.size() == 3);
    way.open_session();
    save_reachability(db, way);
    CHECK(load_reachability(db) == way);
    CHECK(number("SELECT count(*) FROM hf_reachability") == 1);
  }
}
