#include "sync/intake.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "world.h"

using namespace holdfast;
using namespace holdfast::test;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<MutationId>;

Config tasks_and_notes() {
  Config config;
  config.collections["task"].path = "/tasks";
  config.collections["note"].path = "/notes";
  config.collections["note"].references = {{"taskId", "task"}};
  return config;
}

struct LanesTest : World {
  explicit LanesTest(Config config = tasks_and_notes()) : World(std::move(config)) {}

  Write at(Write write, const std::string& collection) {
    write.key.collection = collection;
    return write;
  }
  Write task(const std::string& id, const std::string& body = "{}") {
    return at(create(id, body), "task");
  }
  Write note(const std::string& id, const std::string& task) {
    return at(create(id, R"({"taskId":")" + task + "\"}"), "note");
  }
  Transact together(const std::vector<Write>& writes) {
    return {.client = "c", .number = ++written, .acknowledged = written - 1, .at = kNoon,
            .writes = writes};
  }

  // The ids of what is in the outbox, each with those that it waits for: "m2<m1".
  std::string outbox() {
    std::string text;
    Counters counters;
    Outbox outbox(db, counters);
    for (const auto& m : outbox.list(2000)) {
      text += (text.empty() ? "" : " ") + m.id;
      for (const auto& dependency : outbox.waits_of(m.seq))
        text += "<" + outbox.at(dependency.on)->id;
      if (m.barrier) text += "<all";
    }
    return text;
  }
  Mutation mutation(const MutationId& id) {
    Counters counters;
    return Outbox(db, counters).find(id).value();
  }
  std::string body(const std::string& collection, const std::string& id) {
    return Records(db).find({collection, id}).body.value_or("");
  }
  std::string reason(const MutationId& id) {
    auto departure = History(db).find(id);
    return departure ? name_of(departure->reason) + (" " + departure->successor) : "";
  }
  Step refuse(const MutationId& id, int attempt = 1) {
    return tell(answered(id, {.status = 422, .body = R"({"title":"No"})"}, attempt));
  }
  Step accept(const MutationId& id, int attempt = 1) {
    return tell(answered(id, {.status = 200}, attempt));
  }
};

const std::string kUuid = "0192f0aa-0001-7001-8000-00009e3779b1";

}  // namespace

TEST_SUITE("lanes") {
  TEST_CASE_FIXTURE(LanesTest, "a mutation waits for the create that a declared field refers to") {
    tell({task("t"), note("n", "t"), note("other", "elsewhere")});
    CHECK(outbox() == "m1 m2<m1 m3");

    SUBCASE("and for none once that is settled") {
      reach();
      accept("m1");
      tell(note("late", "t"));
      CHECK(outbox() == "m2 m3 m4");
    }
    SUBCASE("also when the field names several") {
      tell(task("u"));
      tell(at(create("both", R"({"taskId":["t","u",7]})"), "note"));
      CHECK(outbox() == "m1 m2<m1 m3 m4 m5<m1<m4");
    }
    SUBCASE("but an update of what is refered to holds nobody back") {
      reach();
      accept("m1");
      tell(at(update("t", R"({"n":2})"), "task"));
      tell(note("late", "t"));
      CHECK(outbox() == "m2 m3 m4 m5");
    }
  }

  TEST_CASE_FIXTURE(LanesTest, "an undeclared reference counts where it is a generated id") {
    tell({task(kUuid), task("plain")});
    tell(at(create("a", R"({"deep":[{"x":")" + kUuid + "\"}]}"), "note"));
    tell(at(create("b", R"({"x":"plain"})"), "note"));
    tell(at(create("c", R"({"x":"0192f0aa-0001-7001-8000-00009e3779b2"})"), "note"));
    CHECK(outbox() == "m1 m2 m3<m1 m4 m5");
  }

  TEST_CASE_FIXTURE(LanesTest, "a delete waits for everything about what refers to its record") {
    tell({task("t"), note("n", "t"), note("o", "elsewhere")});
    reach();
    accept("m1");
    accept("m2");
    accept("m3");
    tell(at(update("n", R"({"text":"hi"})"), "note"));
    tell(at(remove("n"), "note"));
    tell(at(update("o", R"({"taskId":"t"})"), "note"));
    tell(at(remove("t"), "task"));
    CHECK(outbox() == "m4 m5<m4 m6 m7<m4<m5<m6");
  }

  TEST_CASE_FIXTURE(LanesTest, "beyond a thousand of them it waits for all earlier ones") {
    std::vector<Event> events{task("t")};
    for (int i = 0; i < 1001; ++i) events.push_back(note("n" + std::to_string(i), "t"));
    events.push_back(task("last"));
    tell(events);
    tell(at(remove("t"), "task"));
    CHECK(outbox().ends_with("m1003 m1004<m1<all"));
    CHECK(mutation("m1004").waits == 2);
  }

  TEST_CASE_FIXTURE(LanesTest, "a failure holds back its descendants only") {
    reach();
    tell({task("t"), note("n", "t"), task("u"), note("o", "u")});
    Step step = refuse("m1");
    CHECK(sent(step).empty());
    CHECK(sent(accept("m3")) == Ids{"m4"});
    CHECK(row("n") == "null");
    CHECK(query::row(db, Key{"note", "n"}).find(R"("status":"pending")") != std::string::npos);
    const std::string by = R"("blockedBy":{"id":"m1","kind":"create","collection":"task",)";
    CHECK(query::row(db, Key{"note", "n"}).find(by + R"("record":"t"})") != std::string::npos);
    CHECK(query::row(db, Key{"note", "o"}).find("blockedBy") == std::string::npos);
  }

  TEST_CASE_FIXTURE(LanesTest, "what is held back looks different too, in its own collection") {
    using Names = std::vector<std::string>;
    const Names both = {"note/n", "task/t"};
    reach();
    tell({task("t"), note("n", "t"), task("u")});
    CHECK(accept("m3").changed == Names{"task/u"});
    CHECK(refuse("m1").changed == both);  // It is blocked,
    CHECK(tell(Retry{"m1", "x1"}).changed == both);  // and no longer,
    refuse("x1");
    CHECK(tell(Edit{"x1", "x2", R"({"set":{"n":2}})"}).changed == both);
    refuse("x2");
    CHECK(tell(at(update("t", R"({"n":3})"), "task")).changed == both);
    refuse("m4");
    CHECK(tell(Discard{"m4"}).changed == both);  // and gone.
  }

  TEST_CASE_FIXTURE(LanesTest, "what 'after' names goes first, and what is gone is no matter") {
    tell({task("a"), task("b")});
    Write write = task("c");
    write.after = {"m2", "unheard-of"};
    tell(write);
    CHECK(outbox() == "m1 m2 m3<m2");
    tell(at(update("b", R"({"n":2})"), "task"));
    CHECK(outbox() == "m1 m2 m3<m2 m4<m2");  // Named, it takes nothing in any more.

    SUBCASE("and the one it became, where it was folded or refused") {
      LanesTest other;
      other.tell(other.task("a"));
      other.tell(other.at(other.update("a", R"({"n":2})"), "task"));
      Write later = other.task("b");
      later.after = {"m2"};
      other.tell(later);
      CHECK(other.outbox() == "m1 m3<m1");
    }
    SUBCASE("and the one that took its place, however often that was taken") {
      reach();
      refuse("m1");
      tell(Retry{"m1", "x1"});
      refuse("x1");
      tell(Edit{"x1", "x2", R"({"set":{"n":2}})"});
      refuse("x2");
      tell(at(update("a", R"({"n":3})"), "task"));
      Write later = task("d");
      later.after = {"m1"};
      tell(later);
      CHECK(outbox() == "m5 m2 m3<m2 m4<m2 m6<m5");
      CHECK(mutation("m5").named);
      accept("m5");
      Write last = task("e");
      last.after = {"m1"};  // Its successor is gone too.
      tell(last);
      CHECK(outbox().ends_with(" m7"));
    }
    SUBCASE("and what can be no mutation's id is refused") {
      Write bad = task("d");
      bad.after = {"../x"};
      CHECK(refusal(tell(bad)) == "bad-id");
    }
  }

  TEST_CASE("in strict order each waits for the one before, whatever it is about") {
    Config config = tasks_and_notes();
    config.ordering = Ordering::strict;
    LanesTest world(config);
    world.tell({world.task("a"), world.task("b"), world.note("n", "a")});
    CHECK(world.outbox() == "m1 m2<m1 m3<m1<m2");
  }

  TEST_CASE_FIXTURE(LanesTest, "no way of writing makes a cycle") {
    // Two that refer to one another, deleted and made anew, in one transaction.
    tell(task("a", R"({"peer":")" + kUuid + "\"}"));
    tell(at(create(kUuid, R"({"taskId":"a"})"), "note"));
    tell(at(update("a", R"({"peer":")" + kUuid + "\"}"), "task"));
    tell(at(remove("a"), "task"));
    tell(at(remove(kUuid), "note"));
    tell(together({task("a", R"({"peer":")" + kUuid + "\"}"),
                   at(create(kUuid, R"({"taskId":"a"})"), "note")}));
    Statement row(db, "SELECT count(*) FROM hf_dependency WHERE on_seq >= seq");
    REQUIRE(row.next());
    CHECK(row.integer(0) == 0);
  }
}

TEST_SUITE("made anew") {
  TEST_CASE_FIXTURE(LanesTest, "also where its first create is unsettled still") {
    reach();
    tell(task("a"));
    tell({at(remove("a"), "task"), task("a"), note("n", "a")});
    CHECK(outbox() == "m1 m2<m1 m3<m2 m4<m3");
  }

  TEST_CASE_FIXTURE(LanesTest, "what refers to a record made anew waits for its last create") {
    reach();
    tell(task("a"));
    tell(answered("m1", {.status = 201}));
    tell(Pause{});
    tell(at(update("a", R"({"n":2})"), "task"));
    Write removal = at(remove("a"), "task");
    removal.after = {"m2"};  // So that it does not fold.
    tell(removal);
    tell(task("a"));
    tell(note("n", "a"));
    CHECK(outbox() == "m2 m3<m2 m4<m3 m5<m4");
  }
}

TEST_SUITE("transactions") {
  TEST_CASE_FIXTURE(LanesTest, "its writes are recorded together, and go in their order") {
    Step step = tell(together({task("a"), task("b"), note("n", "b")}));
    auto& applied = std::get<Applied>(step.results[0]);
    CHECK(applied.records.size() == 3);
    CHECK(outbox() == "m1 m2<m1 m3<m2");
    reach();
    CHECK(sent(accept("m1")) == Ids{"m2"});

    SUBCASE("and one that is told again answers as it did, and records nothing") {
      Transact again{.client = "c", .number = 4, .acknowledged = 3, .at = kNoon,
                     .writes = {task("a"), task("b"), note("n", "b")}};
      Step repeated = tell(again);
      CHECK(std::get<Applied>(repeated.results[0]).records.size() == 3);
      CHECK(outbox() == "m2 m3<m2");
    }
  }

  TEST_CASE_FIXTURE(LanesTest, "one write that is refused takes all others back") {
    tell(task("a"));
    Step step = tell(together({task("b"), at(update("a", R"({"n":2})"), "task"), task("a")}));
    CHECK(refusal(step) == "exists");
    CHECK(std::get<Refusal>(step.results[0]).message ==
          "Write 3 of the transaction: There is a record with this id.");
    CHECK(outbox() == "m1");
    CHECK(body("task", "b") == "");
    CHECK(body("task", "a").find("\"n\":2") == std::string::npos);
    CHECK(step.changed.empty());
    CHECK(step.status.pending == 1);

    SUBCASE("and the step it came in goes on") {
      Step others = tell({task("c"), together({task("c")}), task("d")});
      CHECK(outbox() == "m1 m6 m9");
      CHECK(others.status.pending == 3);
    }
  }

  TEST_CASE_FIXTURE(LanesTest, "what is in a transaction folds into nothing outside of it") {
    tell(task("a"));
    tell(together({at(update("a", R"({"n":2})"), "task"), task("b"),
                   at(update("b", R"({"n":3})"), "task")}));
    CHECK(outbox() == "m1 m2<m1 m3<m2");  // But within it, where the order allows.
    CHECK(reason("m4") == "folded m3");
    tell(at(update("b", R"({"n":4})"), "task"));
    CHECK(outbox() == "m1 m2<m1 m3<m2 m6<m3");
  }
}

TEST_SUITE("coalescing") {
  TEST_CASE_FIXTURE(LanesTest, "a create takes in what is done to its record before it is sent") {
    tell(task("a", R"({"n":1,"k":1})"));
    tell(at(update("a", R"({"n":2,"m":null})"), "task"));
    Write removal = at(update("a", "{}"), "task");
    removal.change = R"({"remove":["k"]})";
    tell(removal);
    CHECK(outbox() == "m1");
    CHECK(mutation("m1").folded == 2);
    CHECK(mutation("m1").kind == Kind::create);
    CHECK(mutation("m1").change == body("task", "a"));
    CHECK(reason("m2") == "folded m1");
    reach();
    Step step = tell(Sync{});
    CHECK(body("task", "a").find(R"("n":2)") != std::string::npos);
    CHECK(body("task", "a").find("\"k\"") == std::string::npos);

    SUBCASE("and a delete takes both away as if they never were") {
      LanesTest other;
      other.tell(other.task("a"));
      Step gone = other.tell(other.at(other.remove("a"), "task"));
      CHECK(other.outbox() == "");
      CHECK(gone.status.pending == 0);
      CHECK(other.reason("m1") == "undone ");
      CHECK(other.reason("m2") == "undone ");
      CHECK(other.body("task", "a") == "");
    }
    SUBCASE("but not while something waits for the create") {
      LanesTest other;
      other.tell({other.task("t"), other.note("n", "t")});
      other.tell(other.at(other.remove("t"), "task"));
      CHECK(other.outbox() == "m1 m2<m1 m3<m1<m2");
    }
  }

  TEST_CASE_FIXTURE(LanesTest, "updates become one, and a delete takes their place") {
    reach();
    tell(task("a", R"({"n":1})"));
    accept("m1");
    tell(Pause{});
    tell(at(update("a", R"({"n":2,"x":1})"), "task"));
    tell(at(update("a", R"({"n":3})"), "task"));
    CHECK(outbox() == "m2");
    CHECK(mutation("m2").folded == 1);
    tell(at(remove("a"), "task"));
    CHECK(outbox() == "m2");
    CHECK(mutation("m2").kind == Kind::remove);
    CHECK(mutation("m2").change == "");
    Step step = tell(Resume{});
    REQUIRE(sent(step) == Ids{"m2"});
    CHECK(only<Send>(step)[0].method == "DELETE");
  }

  TEST_CASE_FIXTURE(LanesTest, "what was attempted is never touched") {
    reach();
    tell(task("a", R"({"n":1})"));
    tell(at(update("a", R"({"n":2})"), "task"));
    CHECK(outbox() == "m1 m2<m1");
    tell(silent("m1"));
    tell(at(update("a", R"({"n":3})"), "task"));
    CHECK(outbox() == "m1 m2<m1");
    CHECK(mutation("m1").request->body.find(R"("n":1)") != std::string::npos);
    CHECK(mutation("m2").folded == 1);
  }

  TEST_CASE_FIXTURE(LanesTest, "an update that would wait for more stays by itself") {
    tell(task("a"));
    tell(at(create("n", "{}"), "note"));
    tell(task("b"));
    tell(at(update("n", R"({"taskId":"b"})"), "note"));
    CHECK(outbox() == "m1 m2 m3 m4<m2<m3");
  }

  TEST_CASE("a collection can do without") {
    Config config = tasks_and_notes();
    config.collections["task"].coalesce = false;
    LanesTest world(config);
    world.tell(world.task("a"));
    world.tell(world.at(world.update("a", R"({"n":2})"), "task"));
    CHECK(world.outbox() == "m1 m2<m1");
  }
}

TEST_SUITE("corrections") {
  TEST_CASE_FIXTURE(LanesTest, "an update of a red record goes in its place, under its own key") {
    reach();
    tell(task("a", R"({"n":-1,"k":1})"));
    tell(note("n", "a"));
    refuse("m1");
    Step step = tell(at(update("a", R"({"n":1})"), "task"));
    REQUIRE(sent(step) == Ids{"m3"});
    CHECK(only<Send>(step)[0].method == "POST");
    CHECK(only<Send>(step)[0].body.starts_with(R"({"n":1,"k":1,)"));
    CHECK(outbox() == "m3 m2<m3");
    CHECK(reason("m1") == "replaced m3");
    CHECK(step.status.failed == 0);
    CHECK(sent(accept("m3")) == Ids{"m2"});
  }

  TEST_CASE_FIXTURE(LanesTest, "what was written behind a refused one goes along, the last last") {
    reach();
    tell(task("a", R"({"n":-1})"));
    tell(at(update("a", R"({"n":-2,"k":1})"), "task"));
    refuse("m1");
    Step step = tell(at(update("a", R"({"n":1})"), "task"));
    CHECK(outbox() == "m3");
    CHECK(only<Send>(step)[0].body.starts_with(R"({"n":1,)"));
    CHECK(only<Send>(step)[0].body.find(R"("k":1)") != std::string::npos);
    CHECK(reason("m2") == "folded m3");
  }

  TEST_CASE_FIXTURE(LanesTest, "but nothing goes along that another is to come after") {
    reach();
    tell(task("a", R"({"n":-1})"));
    tell(at(update("a", R"({"k":1})"), "task"));
    Write other = task("b");
    other.after = {"m2"};
    tell(other);
    refuse("m1");
    tell(at(update("a", R"({"n":1})"), "task"));
    CHECK(outbox() == "m1 m2<m1 m3<m2 m4<m2");
    CHECK(mutation("m1").state == State::dead);
  }

  TEST_CASE_FIXTURE(LanesTest, "a delete of what was never made is no request") {
    reach();
    tell({task("t"), note("n", "t")});
    refuse("m1");

    SUBCASE("is refused while another record refers to it") {
      Step step = tell(at(remove("t"), "task"));
      CHECK(refusal(step) == "has-dependants");
      CHECK(outbox() == "m1 m2<m1");
    }
    SUBCASE("and takes that along when it is told to") {
      Write write = at(remove("t"), "task");
      write.cascade = true;
      Step step = tell(write);
      CHECK(outbox() == "");
      CHECK(step.status.pending + step.status.failed == 0);
      CHECK(body("note", "n") == "");
      CHECK(only<Settled>(step).size() == 2);
    }
  }

  TEST_CASE_FIXTURE(LanesTest, "a delete takes the place of an update that was refused") {
    reach();
    tell(task("a", R"({"n":1})"));
    accept("m1");
    tell(at(update("a", R"({"n":-1})"), "task"));
    refuse("m2");
    Step step = tell(at(remove("a"), "task"));
    REQUIRE(sent(step) == Ids{"m3"});
    CHECK(only<Send>(step)[0].method == "DELETE");
  }

  TEST_CASE_FIXTURE(LanesTest, "an update of what could not be deleted keeps it") {
    reach();
    tell(task("a", R"({"n":1})"));
    accept("m1");
    tell(at(remove("a"), "task"));
    refuse("m2");
    Step step = tell(at(update("a", R"({"n":2})"), "task"));
    REQUIRE(sent(step) == Ids{"m3"});
    CHECK(only<Send>(step)[0].method == "PUT");
    CHECK(reason("m2") == "discarded ");
  }

  TEST_CASE_FIXTURE(LanesTest, "while its outcome is unknown nothing takes its place") {
    reach();
    tell(task("a", R"({"n":1})"));
    int attempt = 1;
    Time now = kNoon;
    for (; attempt <= 5; ++attempt) {
      tell(answered("m1", {.status = 500}, attempt), now);
      now += 10min;
      tell(Sync{}, now);
      tell(good_probe(), now);
    }
    CHECK(mutation("m1").state == State::dead);
    CHECK(mutation("m1").unknown);
    tell(at(update("a", R"({"n":2})"), "task"), now);
    CHECK(outbox() == "m1 m2<m1");
  }
}
