#include "store/outbox.h"

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "draw.h"
#include "tables.h"

using namespace holdfast;
using namespace std::chrono_literals;
using test::Draw;
using test::Tables;

namespace {

constexpr Time kNoon{std::chrono::hours(12)};
const Request kPost{"POST", "/orders", R"({"n":1})"};
const Json kProblem = R"({"title":"T"})";
using Seqs = std::vector<Seq>;

Seqs seqs(const std::vector<Mutation>& mutations) {
  Seqs seqs;
  for (const auto& m : mutations) seqs.push_back(m.seq);
  return seqs;
}

struct OutboxTest : Tables {
  // Adds a mutation behind "prev", and answers it as it is stored.
  Mutation add(Seq prev = 0, bool strict = false) {
    Mutation m;
    m.id = "m" + std::to_string(++added);
    m.kind = prev ? Kind::update : Kind::create;
    m.key = {"order", "r" + std::to_string(added)};
    m.change = R"({"n":1})";
    m.written_at = kNoon + Duration(added);
    m.prev = prev;
    return *outbox.at(outbox.add(m, strict).value());
  }
  Mutation at(Seq seq) { return outbox.at(seq).value(); }

  Mutation sent(Seq seq) {
    outbox.attempt(at(seq), kPost, kNoon);
    return at(seq);
  }
  void postpone(Seq seq, Time until, bool counts = false, bool unknown = true) {
    outbox.postpone(at(seq), until, counts, unknown, kProblem);
  }
  void bury(Seq seq) { outbox.bury(at(seq), false, kProblem); }
  void remove(Seq seq) { outbox.remove(at(seq)); }

  // What a mutation waits for.
  Seqs waits_for(Seq seq) {
    Seqs seqs;
    Statement row(db, "SELECT on_seq FROM hf_dependency WHERE seq = ? ORDER BY on_seq", seq);
    while (row.next()) seqs.push_back(row.integer(0));
    return seqs;
  }
  bool counters_agree() {
    return counters.unsettled == number("SELECT count(*) FROM hf_outbox") &&
           counters.dead == number("SELECT count(*) FROM hf_outbox WHERE state = 'dead'") &&
           number("SELECT count(*) FROM hf_outbox o WHERE waits <>"
                  " (SELECT count(*) FROM hf_dependency d WHERE d.seq = o.seq)") == 0 &&
           number("SELECT count(*) FROM hf_dependency d WHERE on_seq >= seq"
                  " OR NOT EXISTS (SELECT 1 FROM hf_outbox o WHERE o.seq = d.seq)"
                  " OR NOT EXISTS (SELECT 1 FROM hf_outbox o WHERE o.seq = d.on_seq)") == 0;
  }

  Counters counters = load_counters(db);
  Outbox outbox{db, counters};
  int added = 0;
};

// Gets hold of SQLite's own handle, to ask what its statements have cost.
struct Watch {
  Watch() { sqlite3_auto_extension(reinterpret_cast<void (*)()>(opened)); }
  static int opened(sqlite3* db, char**, const sqlite3_api_routines*) {
    handle = db;
    return SQLITE_OK;
  }
  static inline sqlite3* handle = nullptr;
};

struct CostTest : Watch, OutboxTest {
  CostTest() { sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(opened)); }

  int64_t status(int what) {
    int64_t sum = 0;
    for (auto* s = sqlite3_next_stmt(handle, nullptr); s; s = sqlite3_next_stmt(handle, s))
      sum += sqlite3_stmt_status(s, what, 0);
    return sum;
  }

  struct Cost {
    std::int64_t steps;    // Of SQLite's virtual machine.
    std::int64_t scanned;  // Rows that were come across in scans of whole tables.
    int pages;             // Written by the commit.
  };
  // Of all that happens to a mutation of a record that has one already.
  Cost cost() {
    Cost before{status(SQLITE_STMTSTATUS_VM_STEP), status(SQLITE_STMTSTATUS_FULLSCAN_STEP),
                db.wal_pages()};
    Transaction transaction(db);
    Seq first = add().seq;
    Seq second = add(first).seq;
    outbox.due(kNoon, 4);
    outbox.next_due();
    outbox.find("m7");
    outbox.chain(second);
    sent(first);
    postpone(first, kNoon);
    sent(first);
    bury(first);
    outbox.list_dead(10);
    outbox.revive(at(first));
    sent(first);
    remove(first);
    transaction.commit();
    return {status(SQLITE_STMTSTATUS_VM_STEP) - before.steps,
            status(SQLITE_STMTSTATUS_FULLSCAN_STEP) - before.scanned,
            db.wal_pages() - before.pages};
  }
};

// What the outbox should hold, kept the simple way.
struct Model {
  struct Entry {
    Seq prev = 0;
    std::set<Seq> waits_for;
    State state = State::pending;
    Time due_at;
    int attempts = 0;
    int counted = 0;
    bool unknown = false;
  };
  std::map<Seq, Entry> entries;

  void remove(Seq seq) {
    Entry gone = entries.at(seq);
    entries.erase(seq);
    for (auto& [other, entry] : entries) {
      if (entry.prev == seq) entry.prev = gone.prev;
      if (!entry.waits_for.erase(seq)) continue;
      entry.waits_for.insert(gone.waits_for.begin(), gone.waits_for.end());
    }
  }

  Seqs due(Time now) const {
    std::vector<std::pair<Time, Seq>> heads;
    for (const auto& [seq, entry] : entries)
      if (entry.state == State::pending && entry.waits_for.empty() && entry.due_at <= now)
        heads.emplace_back(entry.due_at, seq);
    std::ranges::sort(heads);
    Seqs seqs;
    for (const auto& [due_at, seq] : heads) seqs.push_back(seq);
    return seqs;
  }
};

void agrees(OutboxTest& t, const Model& model) {
  REQUIRE(t.counters_agree());
  REQUIRE(t.counters.unsettled == static_cast<std::int64_t>(model.entries.size()));
  for (const auto& [key, entry] : model.entries) {
    Seq seq = key;
    CAPTURE(seq);
    Mutation m = t.at(seq);
    REQUIRE((m.prev == entry.prev && m.state == entry.state && m.due_at == entry.due_at &&
             m.attempts == entry.attempts && m.counted == entry.counted &&
             m.unknown == entry.unknown));
    REQUIRE(t.waits_for(seq) == Seqs(entry.waits_for.begin(), entry.waits_for.end()));
  }
  for (Time now : {kNoon, kNoon + 5s}) REQUIRE(seqs(t.outbox.due(now, 1'000)) == model.due(now));
}

}  // namespace

TEST_SUITE("outbox") {
  TEST_CASE_FIXTURE(OutboxTest, "a mutation is found again as it was added") {
    CHECK(outbox.find("m1") == std::nullopt);
    CHECK(outbox.at(1) == std::nullopt);
    Mutation m;
    m.id = "m1";
    m.kind = Kind::remove;
    m.key = {"order", "a"};
    m.change = "";
    m.written_at = kNoon;
    CHECK(outbox.add(m, false) == 1);
    for (const auto& found : {outbox.find("m1"), outbox.at(1)}) {
      REQUIRE(found);
      CHECK(found->seq == 1);
      CHECK(found->id == "m1");
      CHECK(found->kind == Kind::remove);
      CHECK(found->key == Key{"order", "a"});
      CHECK(found->change == "");
      CHECK(found->written_at == kNoon);
      CHECK(found->prev == 0);
      CHECK(found->waits == 0);
      CHECK(found->state == State::pending);
      CHECK(found->due_at == Time());
      CHECK(found->attempts == 0);
      CHECK(found->counted == 0);
      CHECK_FALSE(found->unknown);
      CHECK(found->request == std::nullopt);
      CHECK(found->problem == "");
    }
  }

  TEST_CASE_FIXTURE(OutboxTest, "no seq is given twice, nor after its mutation has gone") {
    CHECK(add().seq == 1);
    CHECK(add().seq == 2);
    remove(2);
    remove(1);
    CHECK(add().seq == 3);
  }

  TEST_CASE_FIXTURE(OutboxTest, "a mutation waits for the one before it of its record, only") {
    add();
    add();
    add(1);
    add(3);
    CHECK(waits_for(2).empty());
    CHECK(waits_for(3) == Seqs{1});
    CHECK(waits_for(4) == Seqs{3});
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{1, 2});
    CHECK(seqs(outbox.chain(4)) == Seqs{1, 3, 4});
    CHECK(outbox.chain(0).empty());
    remove(1);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{2, 3});
    CHECK(seqs(outbox.chain(4)) == Seqs{3, 4});
  }

  TEST_CASE_FIXTURE(OutboxTest, "in strict order it waits for all earlier ones") {
    for (Seq prev : {0, 0, 1, 0, 3}) add(prev, true);
    for (Seq seq = 1; seq <= 5; ++seq) {
      CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{seq});
      remove(seq);
    }

    SUBCASE("also when one between them is given up") {
      for (int i = 0; i < 4; ++i) add(0, true);  // 6 to 9.
      remove(7);
      CHECK(waits_for(8) == Seqs{6});
      CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{6});
      remove(8);
      CHECK(waits_for(9) == Seqs{6});
    }
    SUBCASE("and stops at a dead one") {
      add(0, true);
      add(0, true);
      bury(6);
      CHECK(outbox.due(kNoon, 9).empty());
      CHECK(outbox.next_due() == std::nullopt);
    }
  }

  TEST_CASE_FIXTURE(OutboxTest, "who waited for one that goes waits for what that one waited for") {
    add();
    add(1);
    add(2);
    add(3);
    remove(2);
    CHECK(waits_for(3) == Seqs{1});
    CHECK(at(3).prev == 1);
    CHECK(at(3).waits == 1);
    CHECK(seqs(outbox.chain(4)) == Seqs{1, 3, 4});
    remove(3);
    CHECK(waits_for(4) == Seqs{1});
    CHECK(at(4).prev == 1);
    remove(1);
    CHECK(waits_for(4).empty());
    CHECK(at(4).prev == 0);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{4});
    CHECK(counters_agree());
  }

  TEST_CASE_FIXTURE(OutboxTest, "the first attempt freezes the request, and each is counted") {
    add();
    outbox.attempt(at(1), kPost, kNoon);
    CHECK(at(1).state == State::in_flight);
    CHECK(at(1).attempts == 1);
    CHECK(at(1).request == kPost);
    CHECK(counters.in_flight == 1);
    CHECK(outbox.due(kNoon, 9).empty());
    CHECK(outbox.next_due() == std::nullopt);
    postpone(1, kNoon + 5s);
    outbox.attempt(at(1), kPost, kNoon + 5s);
    CHECK(at(1).attempts == 2);
    CHECK(at(1).request == kPost);
    CHECK(number("SELECT first_attempt_at FROM hf_outbox") == kNoon.time_since_epoch().count());

    SUBCASE("a request without a body stays one") {
      add();
      outbox.attempt(at(2), {"DELETE", "/orders/a", ""}, kNoon);
      CHECK(at(2).request == Request{"DELETE", "/orders/a", ""});
    }
  }

  TEST_CASE_FIXTURE(OutboxTest, "a postponed one is due at its time, and says why it waits") {
    add();
    sent(1);
    outbox.postpone(at(1), kNoon + 5s, /*counts=*/true, /*unknown=*/true, kProblem);
    Mutation m = at(1);
    CHECK(m.state == State::pending);
    CHECK(m.due_at == kNoon + 5s);
    CHECK(m.counted == 1);
    CHECK(m.unknown);
    CHECK(m.problem == kProblem);
    CHECK(counters.in_flight == 0);
    CHECK(outbox.next_due() == kNoon + 5s);
    CHECK(outbox.due(kNoon + 5s - 1ms, 9).empty());
    CHECK(seqs(outbox.due(kNoon + 5s, 9)) == Seqs{1});
    sent(1);
    outbox.postpone(at(1), kNoon + 9s, /*counts=*/false, /*unknown=*/false, "");
    CHECK(at(1).counted == 1);
    CHECK_FALSE(at(1).unknown);
    CHECK(at(1).problem == "");
  }

  TEST_CASE_FIXTURE(OutboxTest, "those never delayed go first, each in the order of its seq") {
    for (int i = 0; i < 4; ++i) add();
    for (Seq seq : {2, 1}) {
      sent(seq);
      postpone(seq, kNoon + Duration(seq));
    }
    CHECK(seqs(outbox.due(kNoon + 1s, 9)) == Seqs{3, 4, 1, 2});
    CHECK(seqs(outbox.due(kNoon + 1s, 3)) == Seqs{3, 4, 1});
    CHECK(outbox.next_due() == Time());
  }

  TEST_CASE_FIXTURE(OutboxTest, "a dead one is kept whole, and what waits for it goes on waiting") {
    add();
    add(1);
    add();
    sent(1);
    outbox.bury(at(1), true, kProblem);
    CHECK(at(1).state == State::dead);
    CHECK(at(1).unknown);
    CHECK(at(1).problem == kProblem);
    CHECK(at(1).request == kPost);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{3});
    CHECK(seqs(outbox.list_dead(9)) == Seqs{1});
    CHECK(seqs(outbox.list(9)) == Seqs{1, 2, 3});
    CHECK(seqs(outbox.list(2)) == Seqs{1, 2});
    CHECK(counters.unsettled == 3);
    CHECK(counters.dead == 1);

    SUBCASE("and revived it is due at once, with its count begun anew") {
      outbox.revive(at(1));
      CHECK(at(1).state == State::pending);
      CHECK(at(1).counted == 0);
      CHECK(at(1).attempts == 1);
      CHECK(at(1).request == kPost);
      CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{1, 3});
      CHECK(counters.dead == 0);
    }
    SUBCASE("and removed it frees them") {
      remove(1);
      CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{2, 3});
      CHECK(counters.unsettled == 2);
      CHECK(counters.dead == 0);
    }
  }

  TEST_CASE_FIXTURE(OutboxTest, "hurrying lets those go that got no answer, or all of them") {
    for (int i = 0; i < 4; ++i) add();
    for (Seq seq : {1, 2, 3}) sent(seq);
    postpone(1, kNoon + 5s, /*counts=*/false, /*unknown=*/true);   // No answer.
    postpone(2, kNoon + 5s, /*counts=*/true, /*unknown=*/true);    // It said retry.
    postpone(3, kNoon + 5s, /*counts=*/false, /*unknown=*/false);  // It was not sent.
    outbox.hurry(false);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{1, 4});
    outbox.hurry(true);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{1, 2, 3, 4});
  }

  TEST_CASE_FIXTURE(OutboxTest, "what was in flight at a crash is due, and may have been applied") {
    for (int i = 0; i < 3; ++i) add();
    sent(1);
    sent(2);
    bury(2);
    outbox.recover();
    CHECK(at(1).state == State::pending);
    CHECK(at(1).due_at == Time());
    CHECK(at(1).unknown);
    CHECK(at(1).attempts == 1);
    CHECK(at(2).state == State::dead);
    CHECK_FALSE(at(3).unknown);
    CHECK(counters.in_flight == 0);
  }

  TEST_CASE("whatever happens, the rows are what a simple model says") {
    for (bool strict : {false, true}) {
      CAPTURE(strict);
      OutboxTest t;
      Model model;
      Draw draw(strict ? 8 : 9);
      for (int i = 0; i < 1'500; ++i) {
        CAPTURE(i);
        // A mutation, and what may be done to it.
        auto picked = model.entries.begin();
        if (!model.entries.empty())
          std::advance(picked, static_cast<std::ptrdiff_t>(draw(model.entries.size())));
        Seq seq = model.entries.empty() ? 0 : picked->first;
        bool full = model.entries.size() > 25;
        switch (seq ? draw(full ? 9 : 12) : 11) {
          case 0: case 1:
            t.remove(seq);
            model.remove(seq);
            break;
          case 2: case 3: case 4: {
            auto due = model.due(kNoon + 10s);
            if (due.empty()) break;
            t.sent(due[0]);
            ++model.entries[due[0]].attempts;
            model.entries[due[0]].state = State::in_flight;
            break;
          }
          case 5: case 6: {
            if (picked->second.state != State::in_flight) break;
            bool counts = draw(2) == 0;
            Time until = kNoon + Duration(draw(10'000));
            t.postpone(seq, until, counts, !counts);
            picked->second = {picked->second.prev, picked->second.waits_for, State::pending, until,
                              picked->second.attempts, picked->second.counted + counts, !counts};
            break;
          }
          case 7:
            if (picked->second.state == State::dead) {
              t.outbox.revive(t.at(seq));
              picked->second.state = State::pending;
              picked->second.due_at = Time();
              picked->second.counted = 0;
            } else {
              t.bury(seq);
              picked->second.state = State::dead;
              picked->second.unknown = false;
            }
            break;
          case 8:
            if (draw(10) != 0) break;
            t.outbox.recover();
            for (auto& [other, entry] : model.entries) {
              if (entry.state != State::in_flight) continue;
              entry.state = State::pending;
              entry.due_at = Time();
              entry.unknown = true;
            }
            break;
          default: {
            // Behind the last of a record, which nothing else is behind.
            Seq prev = draw(2) == 0 ? 0 : seq;
            for (const auto& [other, entry] : model.entries)
              if (entry.prev == prev) prev = 0;
            Seq last = strict && seq ? model.entries.rbegin()->first : 0;
            Seq added = t.add(prev, strict).seq;
            model.entries[added].prev = prev;
            for (Seq on : {prev, last})
              if (on) model.entries[added].waits_for.insert(on);
          }
        }
        agrees(t, model);
      }
    }
  }

  TEST_CASE("everything costs the same, whatever the length of the outbox") {
    auto cost = [](int length) {
      CostTest t;
      {
        Transaction transaction(t.db);
        for (int i = 0; i < length; ++i) t.add(i % 3 ? t.added : 0);
        transaction.commit();
      }
      t.cost();  // What is prepared only once.
      return t.cost();
    };
    auto few = cost(9);
    auto many = cost(6'000);
    CHECK(few.steps > 500);
    CHECK(many.steps == few.steps);
    CHECK(few.scanned == 0);
    CHECK(many.scanned == 0);
    // The trees are one or two levels higher.
    CHECK(many.pages <= few.pages + 2);
  }
}
