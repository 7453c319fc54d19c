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
const Json kJson = R"({"n":1})";
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
    Waits waits;
    if (prev) waits.on[prev] = Why::record;
    if (Seq last = strict ? outbox.last() : 0) waits.on.emplace(last, Why::order);
    return *outbox.at(outbox.add(m, waits).value());
  }
  Mutation at(Seq seq) { return outbox.at(seq).value(); }

  Mutation sent(Seq seq) {
    outbox.attempt(at(seq), kPost, kNoon);
    return at(seq);
  }
  void postpone(Seq seq, Time until, bool counts = false, bool unknown = true) {
    outbox.postpone(at(seq), {.at = until, .counts = counts, .unknown = unknown,
                              .problem = kProblem});
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
  // A mutation that waits for these besides, or for all earlier ones.
  Mutation add_after(const std::map<Seq, Why>& on, bool barrier = false) {
    Mutation m;
    m.id = "m" + std::to_string(++added);
    m.key = {"order", "r" + std::to_string(added)};
    m.change = R"({"n":1})";
    m.written_at = kNoon + Duration(added);
    return *outbox.at(outbox.add(m, {.on = on, .barrier = barrier}).value());
  }
  std::vector<Dependency> waits(Seq seq) { return outbox.waits_of(seq); }

  bool counters_agree() {
    return counters.unsettled == number("SELECT count(*) FROM hf_outbox") &&
           counters.dead == number("SELECT count(*) FROM hf_outbox WHERE state = 'dead'") &&
           counters.in_flight ==
               number("SELECT count(*) FROM hf_outbox WHERE state = 'in flight'") &&
           number("SELECT count(*) FROM hf_outbox o WHERE waits <> barrier +"
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
    bury(first);
    outbox.renew(at(first), "again" + std::to_string(first), Kind::create, kJson, kNoon);
    outbox.fold(at(first), Kind::create, kJson, 1, kNoon);
    Seq third = add_after({{first, Why::reference}}).seq;
    outbox.wait(at(third), second, Why::order);
    outbox.waits_of(third);
    outbox.waiting_for(first);
    outbox.blocked_by(third);
    outbox.held_back_by(first, 100);
    outbox.last();
    outbox.name("m7");
    outbox.bundle(third);
    outbox.hurry(true);
    sent(first);
    outbox.begin_anew(at(first));
    sent(first);
    remove(first);
    remove(second);
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
    bool barrier = false;
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
      entry.barrier |= gone.barrier;
    }
    if (!entries.empty()) entries.begin()->second.barrier = false;
  }

  Seqs due(Time now) const {
    std::vector<std::pair<Time, Seq>> heads;
    for (const auto& [seq, entry] : entries)
      if (entry.state == State::pending && entry.waits_for.empty() && !entry.barrier &&
          entry.due_at <= now)
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
             m.unknown == entry.unknown && m.barrier == entry.barrier));
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
    CHECK(outbox.add(m, {}) == 1);
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
    outbox.postpone(at(1), {.at = kNoon + 5s, .counts = true, .unknown = true,
                            .problem = kProblem});
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
    outbox.postpone(at(1), {.at = kNoon + 9s});
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

  TEST_CASE_FIXTURE(OutboxTest, "one that was never sent takes in what a later one was to do") {
    add();
    outbox.fold(at(1), Kind::remove, "", 1, kNoon);
    outbox.fold(at(1), Kind::create, R"({"n":2})", 2, kNoon + 3ms);
    Mutation m = at(1);
    CHECK(m.id == "m1");
    CHECK(m.kind == Kind::create);
    CHECK(m.change == R"({"n":2})");
    CHECK(m.folded == 3);
    CHECK(m.written_at == kNoon + 3ms);
    CHECK(m.state == State::pending);
    CHECK(counters.unsettled == 1);
  }

  TEST_CASE_FIXTURE(OutboxTest, "what was refused makes room for another, in its place") {
    add();
    add(1);
    add_after({{1, Why::reference}});
    outbox.name("m1");
    sent(1);
    postpone(1, kNoon + 5s, /*counts=*/true);
    sent(1);
    outbox.bury(at(1), true, kProblem);
    outbox.renew(at(1), "again", Kind::remove, R"({"n":2})", kNoon + 5ms);
    CHECK(outbox.find("m1") == std::nullopt);
    Mutation m = outbox.find("again").value();
    CHECK(m.seq == 1);
    CHECK(m.kind == Kind::remove);
    CHECK(m.key == Key{"order", "r1"});
    CHECK(m.change == R"({"n":2})");
    CHECK(m.written_at == kNoon + 5ms);
    CHECK(m.named);
    // As if it had never been sent.
    CHECK(m.state == State::pending);
    CHECK(m.due_at == Time());
    CHECK(m.attempts == 0);
    CHECK(m.counted == 0);
    CHECK_FALSE(m.unknown);
    CHECK(m.strays == 0);
    CHECK_FALSE(m.asking);
    CHECK(m.first_attempt_at == std::nullopt);
    CHECK(m.request == std::nullopt);
    CHECK(m.problem == "");
    // Who waited for the one waits for the other.
    CHECK(waits_for(2) == Seqs{1});
    CHECK(waits_for(3) == Seqs{1});
    CHECK(seqs(outbox.chain(2)) == Seqs{1, 2});
    CHECK(counters.dead == 0);
    CHECK(counters_agree());
    remove(1);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{2, 3});
  }

  TEST_CASE_FIXTURE(OutboxTest, "one that is not under way can wait for another besides, once") {
    for (int i = 0; i < 3; ++i) add();
    outbox.wait(at(3), 1, Why::order);
    outbox.wait(at(3), 2, Why::reference);
    outbox.wait(at(3), 1, Why::order);
    CHECK(waits(3) == std::vector<Dependency>{{1, 3, Why::order}, {2, 3, Why::reference}});
    CHECK(outbox.waiting_for(1) == std::vector<Dependency>{{1, 3, Why::order}});
    CHECK(at(3).waits == 2);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{1, 2});
    remove(1);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{2});
    remove(2);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{3});
    CHECK(outbox.waiting_for(3).empty());
  }

  TEST_CASE_FIXTURE(OutboxTest, "what is handed down says the same record where both did") {
    SUBCASE("a record's change waits for its record's earlier one, whoever goes between") {
      add();
      add(1);
      add(2);
      remove(2);
      CHECK(waits(3) == std::vector<Dependency>{{1, 3, Why::record}});
    }
    SUBCASE("and what refered to one that has gone waits for the order only") {
      add();
      add_after({{1, Why::reference}});
      add(2);
      remove(2);
      CHECK(waits(3) == std::vector<Dependency>{{1, 3, Why::order}});
    }
    SUBCASE("and so it does also where it was to come after that one anyway") {
      add();
      add(1);
      add(2);
      outbox.wait(at(3), 1, Why::order);
      remove(2);
      CHECK(at(3).prev == 1);
      CHECK(waits(3) == std::vector<Dependency>{{1, 3, Why::record}});
    }
    SUBCASE("and what it waited for already it goes on waiting for, for the better reason") {
      add();
      add_after({{1, Why::order}});
      add_after({{1, Why::reference}, {2, Why::order}});
      remove(2);
      CHECK(waits(3) == std::vector<Dependency>{{1, 3, Why::reference}});
      CHECK(at(3).waits == 1);
    }
  }

  TEST_CASE_FIXTURE(OutboxTest, "a barrier waits for all earlier ones, and for no later one") {
    add();
    add();
    add_after({{2, Why::record}}, /*barrier=*/true);
    add();
    CHECK(at(3).barrier);
    CHECK(at(3).waits == 2);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{1, 2, 4});
    remove(2);
    CHECK(at(3).waits == 1);
    CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{1, 4});

    SUBCASE("and goes when they are gone") {
      remove(1);
      CHECK_FALSE(at(3).barrier);
      CHECK(at(3).waits == 0);
      CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{3, 4});
    }
    SUBCASE("and stands while a dead one is before it") {
      sent(1);
      bury(1);
      remove(4);
      CHECK(outbox.due(kNoon, 9).empty());
    }
    SUBCASE("another behind it stands until it has gone") {
      add_after({}, /*barrier=*/true);
      remove(1);
      CHECK_FALSE(at(3).barrier);
      CHECK(at(5).barrier);
      remove(3);
      remove(4);
      CHECK_FALSE(at(5).barrier);
      CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{5});
    }
    SUBCASE("and given up it leaves its wait to who waited for it") {
      add_after({{3, Why::order}});
      remove(3);
      CHECK(at(5).barrier);
      CHECK(at(5).waits == 1);
      remove(1);
      remove(4);
      CHECK(seqs(outbox.due(kNoon, 9)) == Seqs{5});
    }
    CHECK(counters_agree());
  }

  TEST_CASE_FIXTURE(OutboxTest, "what a dead letter holds back finds it, through all between") {
    add();                                // 1, a create,
    add(1);                               // 2, what was done to its record,
    add_after({{2, Why::order}});         // 3, what comes after that,
    add_after({{3, Why::reference}});     // 4, and refers to it.
    add();                                // 5, another one.
    CHECK(outbox.blocked_by(4) == std::nullopt);
    CHECK(seqs(outbox.held_back_by(1, 100)) == Seqs{2, 3, 4});
    sent(1);
    bury(1);
    for (Seq seq : {2, 3, 4}) CHECK(outbox.blocked_by(seq)->seq == 1);
    CHECK(outbox.blocked_by(1) == std::nullopt);
    CHECK(outbox.blocked_by(5) == std::nullopt);
    CHECK(seqs(outbox.held_back_by(1, 2)).size() == 2);
    CHECK(outbox.held_back_by(5, 100).empty());

    SUBCASE("the earliest, where there are several") {
      sent(5);
      bury(5);
      outbox.wait(at(4), 2, Why::order);
      add_after({{5, Why::order}, {4, Why::order}});
      CHECK(outbox.blocked_by(6)->seq == 1);
      outbox.revive(at(1));
      CHECK(outbox.blocked_by(6)->seq == 5);
    }
    SUBCASE("and also from behind a barrier") {
      add_after({}, /*barrier=*/true);
      REQUIRE(outbox.blocked_by(6));
      CHECK(outbox.blocked_by(6)->seq == 1);
      CHECK(seqs(outbox.held_back_by(1, 100)) == Seqs{2, 3, 4, 6});
    }
  }

  TEST_CASE_FIXTURE(OutboxTest, "the last one is known, and whether another is to go after one") {
    CHECK(outbox.last() == 0);
    add();
    add();
    CHECK(outbox.last() == 2);
    outbox.name("m1");
    outbox.name("unheard-of");
    CHECK(at(1).named);
    CHECK_FALSE(at(2).named);
    remove(2);
    CHECK(outbox.last() == 1);
  }

  TEST_CASE_FIXTURE(OutboxTest, "those of a transaction name its first") {
    add();
    outbox.bundle(1);
    Mutation m;
    m.id = "member";
    m.key = {"order", "a"};
    m.change = kJson;
    m.bundle = 1;
    outbox.add(m, {.on = {{1, Why::order}}});
    add();
    CHECK(at(1).bundle == 1);
    CHECK(at(2).bundle == 1);
    CHECK(at(3).bundle == 0);
  }

  TEST_CASE_FIXTURE(OutboxTest, "one that the server never had begins anew, with its bytes") {
    add();
    sent(1);
    postpone(1, kNoon + 5s, /*counts=*/true, /*unknown=*/true);
    outbox.attempt(at(1), kPost, kNoon + 5s, /*asking=*/true);
    CHECK(at(1).asking);
    CHECK(at(1).first_attempt_at == kNoon);
    outbox.begin_anew(at(1));
    Mutation m = at(1);
    CHECK(m.state == State::pending);
    CHECK(m.due_at == Time());
    CHECK_FALSE(m.unknown);
    CHECK_FALSE(m.asking);
    CHECK(m.first_attempt_at == std::nullopt);
    CHECK(m.request == kPost);
    CHECK(m.attempts == 2);
    CHECK(m.counted == 1);
    CHECK(counters.in_flight == 0);
    outbox.attempt(m, kPost, kNoon + 9s);
    CHECK(at(1).first_attempt_at == kNoon + 9s);
  }

  TEST_CASE_FIXTURE(OutboxTest, "strays are counted while they come in a row") {
    add();
    auto stray = [&](bool is) {
      sent(1);
      outbox.postpone(at(1), {.at = kNoon, .stray = is});
      return at(1).strays;
    };
    CHECK(stray(true) == 1);
    CHECK(stray(true) == 2);
    CHECK(stray(false) == 0);
    CHECK(stray(true) == 1);
    bury(1);
    CHECK(at(1).strays == 1);
    outbox.revive(at(1));
    CHECK(at(1).strays == 0);
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
        switch (seq ? draw(full ? 11 : 14) : 13) {
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
            picked->second.state = State::pending;
            picked->second.due_at = until;
            picked->second.counted += counts;
            picked->second.unknown = !counts;
            break;
          }
          case 7:
            if (picked->second.state == State::dead) {
              bool again = draw(2) == 0;
              if (again) t.outbox.revive(t.at(seq));
              else t.outbox.renew(t.at(seq), "x" + std::to_string(i), Kind::update, kJson, kNoon);
              picked->second.state = State::pending;
              picked->second.due_at = Time();
              picked->second.counted = 0;
              if (!again) picked->second.attempts = 0;
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
          case 9: {
            // It waits for an earlier one besides.
            Seq on = std::next(model.entries.begin(),
                               static_cast<std::ptrdiff_t>(draw(model.entries.size())))->first;
            if (on >= seq || picked->second.state == State::in_flight) break;
            t.outbox.wait(t.at(seq), on, Why::reference);
            picked->second.waits_for.insert(on);
            break;
          }
          case 10: {
            if (draw(4) != 0) break;
            Seq added = t.add_after({}, /*barrier=*/true).seq;
            model.entries[added].barrier = true;
            break;
          }
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

  TEST_CASE("what holds one back costs the same to find, whatever the length of the outbox") {
    // In strict order all are between: behind the first, which is dead, and with dead ones beside.
    auto cost = [](int length, int dead) {
      CostTest t;
      Transaction transaction(t.db);
      t.sent(t.add(0, true).seq);
      t.bury(1);
      for (int i = 0; i < length; ++i) t.add(0, true);
      Seq last = t.outbox.last();
      for (int i = 0; i < dead; ++i) {
        Seq seq = t.add().seq;
        t.sent(seq);
        t.bury(seq);
      }
      Seq apart = t.add_after({{t.add().seq, Why::order}}).seq;
      auto look = [&] {
        CHECK(t.outbox.blocked_by(last)->seq == 1);
        CHECK_FALSE(t.outbox.blocked_by(apart));
        t.outbox.held_back_by(1, 100);
      };
      look();  // What is prepared only once.
      auto before = t.status(SQLITE_STMTSTATUS_VM_STEP);
      look();
      return t.status(SQLITE_STMTSTATUS_VM_STEP) - before;
    };
    auto few = cost(2'000, 1);
    CHECK(few > 1'000);
    CHECK(cost(6'000, 1) == few);
    CHECK(cost(2'000, 1'000) <= few + few / 10);
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
    CHECK(few.scanned < 10);  // What a recursive query goes through is what it has found.
    CHECK(many.scanned == few.scanned);
    // The trees are one or two levels higher.
    CHECK(many.pages <= few.pages + 2);
  }
}
