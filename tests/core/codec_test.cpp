#include "codec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "draw.h"
#include "tables.h"
#include "world.h"

using namespace holdfast;
using namespace holdfast::test;
using namespace std::chrono_literals;

namespace {

template <typename E>
E event(const std::string& text) {
  auto events = codec::events("[" + text + "]");
  REQUIRE(events.size() == 1);
  REQUIRE(std::holds_alternative<E>(events[0]));
  return std::get<E>(events[0]);
}

// A step of one effect, as it crosses.
std::string effect(const Effect& effect) {
  Step step;
  step.effects = {effect};
  std::string text = codec::step(step);
  auto from = text.find("\"effects\":[") + 11;
  return text.substr(from, text.find("],\"changed\"") - from);
}

std::string result(const Result& result) {
  Step step;
  step.results = {result};
  std::string text = codec::step(step);
  return text.substr(12, text.find("],\"effects\"") - 12);
}

// Why a text is refused; empty if it is not.
template <typename Decode>
std::string malformed(Decode decode) {
  try {
    decode();
    return "";
  } catch (const codec::Malformed& error) {
    return error.what();
  }
}

bool names(const std::string& reason, const std::string& what) {
  return reason.find(what) != std::string::npos;
}

std::string without(std::string text, const std::string& part) {
  text.erase(text.find(part), part.size());
  return text;
}

std::string with(std::string text, const std::string& part, const std::string& instead) {
  return text.replace(text.find(part), part.size(), instead);
}

const std::string kResponse =
    R"({"status":201,"redirect":false,"complete":true,"contentType":"application/json",)"
    R"("etag":"\"7\"","retryAfter":"3","date":"Thu, 01 Jan 1970 12:00:00 GMT","body":"{\"é\":1}",)"
    R"("sentAt":43199000,"receivedAt":43200500})";
const Response kSame{.status = 201,
                     .redirect = false,
                     .complete = true,
                     .content_type = "application/json",
                     .etag = "\"7\"",
                     .retry_after = "3",
                     .date = "Thu, 01 Jan 1970 12:00:00 GMT",
                     .body = R"({"é":1})",
                     .sent_at = Time(Duration(43'199'000)),
                     .received_at = Time(Duration(43'200'500))};

const std::string kWrite =
    R"({"type":"write","client":"page-1","number":7,"acknowledged":5,"at":43200001,"id":"m7",)"
    R"("kind":"update","collection":"order","record":"a","change":"{\"set\":{\"n\":1}}"})";

const std::string kTransact =
    R"({"type":"transact","client":"page-1","number":8,"acknowledged":7,"at":43200002,"writes":[)"
    R"({"id":"m8","kind":"create","collection":"order","record":"b","change":"{\"n\":1}"},)"
    R"({"id":"m9","kind":"delete","collection":"order","record":"b","change":"",)"
    R"("after":["m7"],"cascade":true}]})";

const std::string kBatchAnswered =
    R"({"type":"batchAnswered","epoch":3,"members":[{"id":"m1","attempt":2},)"
    R"({"id":"m2","attempt":1}],"outcome":)" + kResponse + "}";

const std::vector<std::string> kEvents = {
    R"({"type":"open"})",
    kWrite,
    kTransact,
    R"({"type":"retry","id":"m1","as":"x1"})",
    R"({"type":"edit","id":"m1","as":"x1","change":"{\"set\":{\"n\":1}}","mayDuplicate":true})",
    R"({"type":"discard","id":"m1"})",
    R"({"type":"cancel","id":"m1"})",
    R"({"type":"online"})",
    R"({"type":"offline"})",
    R"({"type":"visible"})",   R"({"type":"watched"})",
    R"({"type":"sync"})",
    R"({"type":"pause"})",
    R"({"type":"resume"})",
    R"({"type":"signedIn"})",
    R"({"type":"tick"})",
    R"({"type":"pull","collection":"order"})",
    R"({"type":"answered","epoch":3,"id":"m1","attempt":2,"outcome":"network"})",
    R"({"type":"answered","epoch":3,"id":"m1","attempt":2,"outcome":)" + kResponse + "}",
    kBatchAnswered,
    R"({"type":"probed","epoch":3,"probe":9,"outcome":)" + kResponse + R"(,"check":false})",
    R"({"type":"pulled","epoch":3,"pull":4,"collection":"order","outcome":)" + kResponse + "}",
};

const std::string kConfig =
    R"({"collections":{"order":{"path":"/orders","indexes":[["done","-createdAt"],["title"]]},)"
    R"("note":{"path":"/notes","indexes":[]}},"ordering":"strict","concurrency":3,"maxAttempts":7,)"
    R"("backoffBaseMs":500,"backoffCapMs":60000,"probeFreshMs":20000,"maxOutbox":1000,)"
    R"("maxBody":2048})";

const std::vector<std::string> kReads = {
    R"({"type":"get","collection":"order","id":"a"})",
    R"({"type":"list","collection":"order","query":{"where":{"done":false,"n":{"gte":1,)"
    R"("in":[1,2]}},"orderBy":["-createdAt","title"],"limit":10}})",
    R"({"type":"plan","collection":"order","query":{"where":{"done":true},)"
    R"("orderBy":"-createdAt"}})",
    R"({"type":"outbox","limit":10})",
    R"({"type":"deadLetters","limit":10})",
    R"({"type":"history","limit":10})",
    R"({"type":"explain","id":"m1","now":43200000})",
    R"({"type":"status"})",
};

// The text with one thing wrong with it, mostly.
std::string mutated(const std::string& text, Draw& draw) {
  static const std::vector<std::string> pieces = {
      "null",  "true",  "1",     "2",         "\"m1\"", "\"order\"",         "\"a\"", "\"\"",
      "-1",    "1e400", "1e300", "0.5",       "[]",     "{}",                "[[",    ",",
      "\xff", "9007199254740993", "18446744073709551616", "-9223372036854775808",
      "\"\\ud800\"", "{\"type\":", "\"__proto__\":1,", std::string(1, '\0')};
  if (text.empty()) return text;
  std::string copy = text;
  std::size_t at = draw(copy.size());
  switch (draw(10)) {
    case 0: return copy.substr(0, at);
    case 1: copy[at] = static_cast<char>(draw(256)); return copy;
    case 2: return copy.erase(at, 1 + draw(8));
    case 3: return copy.insert(at, draw.of(pieces));
    case 4: return copy.insert(at, copy.substr(draw(copy.size()), draw(30)));
    default: {
      // A value becomes another.
      auto colon = copy.find(':', at);
      if (colon == std::string::npos) return copy;
      auto end = copy.find_first_of(",}", colon);
      return copy.replace(colon + 1, end - colon - 1, draw.of(pieces));
    }
  }
}

}  // namespace

TEST_SUITE("codec: events") {
  TEST_CASE("each event is read from its JSON") {
    CHECK(codec::events("[]").empty());
    event<Open>(R"({"type":"open"})");
    event<Online>(R"({"type":"online"})");
    event<Offline>(R"({"type":"offline"})");
    event<Visible>(R"({"type":"visible"})");
    event<Sync>(R"({"type":"sync"})");
    event<Pause>(R"({"type":"pause"})");
    event<Resume>(R"({"type":"resume"})");
    event<SignedIn>(R"({"type":"signedIn"})");
    event<Tick>(R"({"type":"tick"})");
    CHECK(event<Discard>(R"({"id":"m2","type":"discard"})").id == "m2");
    CHECK(event<Cancel>(R"({"type":"cancel","id":"m3"})").id == "m3");
    CHECK(event<Pull>(R"({"type":"pull","collection":"order"})").collection == "order");
  }

  TEST_CASE("a write keeps its change as the text it came as") {
    auto write = event<Write>(kWrite);
    CHECK(write.client == "page-1");
    CHECK(write.number == 7);
    CHECK(write.acknowledged == 5);
    CHECK(write.at == Time(12h + 1ms));
    CHECK(write.id == "m7");
    CHECK(write.kind == Kind::update);
    CHECK(write.key == Key{"order", "a"});
    CHECK(write.change == R"({"set":{"n":1}})");
    CHECK(event<Write>(with(kWrite, "\"update\"", "\"create\"")).kind == Kind::create);
    CHECK(event<Write>(with(kWrite, "\"update\"", "\"delete\"")).kind == Kind::remove);
    CHECK(write.after.empty());
    CHECK_FALSE(write.cascade);
    write = event<Write>(with(kWrite, R"("id":"m7")",
                              R"("id":"m7","after":["m1","m2"],"cascade":true)"));
    CHECK(write.after == std::vector<MutationId>{"m1", "m2"});
    CHECK(write.cascade);
  }

  TEST_CASE("a transaction's writes are its own, of the time that it was called") {
    auto transact = event<Transact>(kTransact);
    CHECK(transact.client == "page-1");
    CHECK(transact.number == 8);
    CHECK(transact.acknowledged == 7);
    CHECK(transact.at == Time(12h + 2ms));
    REQUIRE(transact.writes.size() == 2);
    for (const auto& write : transact.writes) {
      CHECK(write.client == "");
      CHECK(write.number == 0);
      CHECK(write.at == transact.at);
      CHECK(write.key == Key{"order", "b"});
    }
    CHECK(transact.writes[0].id == "m8");
    CHECK(transact.writes[0].kind == Kind::create);
    CHECK(transact.writes[0].change == R"({"n":1})");
    CHECK(transact.writes[0].after.empty());
    CHECK(transact.writes[1].id == "m9");
    CHECK(transact.writes[1].kind == Kind::remove);
    CHECK(transact.writes[1].change == "");
    CHECK(transact.writes[1].after == std::vector<MutationId>{"m7"});
    CHECK(transact.writes[1].cascade);
    CHECK(event<Transact>(R"({"type":"transact","client":"c","number":1,"acknowledged":0,"at":0,)"
                          R"("writes":[]})").writes.empty());
  }

  TEST_CASE("a dead letter goes again as another, twice in effect only if the app says so") {
    auto retry = event<Retry>(R"({"type":"retry","id":"m1","as":"x1"})");
    CHECK(retry.id == "m1");
    CHECK(retry.as == "x1");
    CHECK_FALSE(retry.may_duplicate);
    auto may = [](const std::string& word) {
      return event<Retry>(R"({"type":"retry","id":"m1","as":"x1","mayDuplicate":)" + word + "}")
          .may_duplicate;
    };
    CHECK(may("true"));
    CHECK_FALSE(may("false"));
    auto edit = event<Edit>(R"({"type":"edit","id":"m1","as":"x1","change":"{\"set\":{}}"})");
    CHECK(edit.id == "m1");
    CHECK(edit.as == "x1");
    CHECK(edit.change == R"({"set":{}})");
    CHECK_FALSE(edit.may_duplicate);
    CHECK(event<Edit>(R"({"type":"edit","id":"m1","as":"x1","change":"","mayDuplicate":true})")
              .may_duplicate);
  }

  TEST_CASE("an answer is a silence or a response") {
    auto text = [](const std::string& outcome) {
      return R"({"type":"answered","epoch":3,"id":"m1","attempt":2,"outcome":)" + outcome + "}";
    };
    auto answered = event<Answered>(text(kResponse));
    CHECK(answered.epoch == 3);
    CHECK(answered.id == "m1");
    CHECK(answered.attempt == 2);
    CHECK(std::get<Response>(answered.outcome) == kSame);
    CHECK(answered.server_id == "");
    CHECK(event<Answered>(with(text(kResponse), R"("attempt":2)",
                               R"("attempt":2,"serverId":"\"s-17\"")")).server_id ==
          "\"s-17\"");
    auto silence = [&](const std::string& word) {
      return std::get<Silence>(event<Answered>(text("\"" + word + "\"")).outcome);
    };
    CHECK(silence("network") == Silence::network);
    CHECK(silence("timeout") == Silence::timeout);
    CHECK(silence("notSent") == Silence::not_sent);
    CHECK(silence("unbuildable") == Silence::unbuildable);
  }

  TEST_CASE("a batch's answer names all its members, in their order") {
    auto batch = event<BatchAnswered>(kBatchAnswered);
    CHECK(batch.epoch == 3);
    CHECK(batch.members == std::vector<BatchAnswered::Member>{{"m1", 2}, {"m2", 1}});
    CHECK(std::get<Response>(batch.outcome) == kSame);
    CHECK(std::get<Silence>(event<BatchAnswered>(with(kBatchAnswered, kResponse, "\"timeout\""))
                                .outcome) == Silence::timeout);
  }

  TEST_CASE("so is what a probe or a page of a pull brings") {
    auto probed = event<Probed>(R"({"type":"probed","epoch":3,"probe":9,"outcome":)" + kResponse +
                                R"(,"check":false})");
    CHECK(probed.epoch == 3);
    CHECK(probed.probe == 9);
    CHECK(std::get<Response>(probed.outcome) == kSame);
    CHECK_FALSE(probed.check);
    auto pulled = event<Pulled>(
        R"({"type":"pulled","epoch":3,"pull":4,"collection":"order","outcome":"timeout"})");
    CHECK(pulled.epoch == 3);
    CHECK(pulled.pull == 4);
    CHECK(pulled.collection == "order");
    CHECK(std::get<Silence>(pulled.outcome) == Silence::timeout);
  }

  TEST_CASE("many events keep their order") {
    std::string text = "[";
    for (const auto& one : kEvents) text += (text.size() > 1 ? "," : "") + one;
    auto events = codec::events(text + "]");
    REQUIRE(events.size() == kEvents.size());
    std::vector<std::size_t> types;
    for (const auto& one : events) types.push_back(one.index());
    CHECK(types == std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                            16, 17, 17, 18, 19, 20});
    CHECK(types.back() + 1 == std::variant_size_v<Event>);  // Each is among them.
  }

  TEST_CASE("a malformed event is refused by a reason that names what is wrong") {
    auto reason = [](const std::string& text) {
      return malformed([&] { codec::events("[" + text + "]"); });
    };
    CHECK(names(reason(R"({"type":"close"})"), "'close' is no event"));
    CHECK(names(reason(R"({"kind":"open"})"), "'type'"));
    CHECK(names(reason(R"({"type":7})"), "'type'"));
    CHECK(names(reason(with(kWrite, "\"update\"", "\"upsert\"")),
                "'upsert' is no kind of mutation"));
    for (const std::string member :
         {"client", "number", "acknowledged", "at", "id", "kind", "collection", "record",
          "change"}) {
      CAPTURE(member);
      auto from = kWrite.find("\"" + member + "\":");
      auto to = kWrite.find_first_of(",}", member == "change" ? kWrite.size() - 1 : from);
      std::string part = kWrite.substr(from, to - from);
      CHECK(names(reason(with(kWrite, part, R"("other":1)")), "'" + member + "'"));
      // Of the wrong type.
      CHECK(names(reason(with(kWrite, part, "\"" + member + "\":null")), "'" + member + "'"));
      CHECK(names(reason(with(kWrite, part, "\"" + member + "\":[]")), "'" + member + "'"));
    }
    for (const std::string number : {"1e300", "9007199254740993", "-1e300", "\"7\"", "true"}) {
      CAPTURE(number);
      CHECK(names(reason(with(kWrite, R"("number":7)", "\"number\":" + number)), "'number'"));
    }
    for (const std::string write : {R"("after":"m1")", R"("after":[7])", R"("after":null)",
                                    R"("cascade":1)", R"("cascade":"true")"}) {
      CAPTURE(write);
      CHECK(reason(with(kWrite, R"("id":"m7")", R"("id":"m7",)" + write)) != "");
    }
    CHECK(names(reason(with(kTransact, "\"writes\"", "\"other\"")), "'writes'"));
    CHECK(names(reason(with(kTransact, "\"delete\"", "\"upsert\"")), "'upsert'"));
    for (const std::string member : {"client", "number", "acknowledged", "at", "id", "record"}) {
      CAPTURE(member);
      CHECK(names(reason(with(kTransact, "\"" + member + "\"", "\"other\"")),
                  "'" + member + "'"));
    }
    for (const std::string member : {"id", "as", "change"}) {
      CAPTURE(member);
      const std::string edit = R"({"type":"edit","id":"m1","as":"x1","change":"{}"})";
      CHECK(names(reason(with(edit, "\"" + member + "\"", "\"other\"")), "'" + member + "'"));
    }
    CHECK(names(reason(R"({"type":"retry","id":"m1"})"), "'as'"));
    CHECK(names(reason(R"({"type":"retry","id":"m1","as":"x","mayDuplicate":1})"),
                "'mayDuplicate'"));
    CHECK(names(reason(R"({"type":"cancel"})"), "'id'"));
    CHECK(names(reason(with(kBatchAnswered, "\"members\"", "\"other\"")), "'members'"));
    CHECK(names(reason(with(kBatchAnswered, "\"attempt\"", "\"other\"")), "'attempt'"));
    CHECK(reason(with(kBatchAnswered, R"({"id":"m2","attempt":1})", "7")) != "");
    auto answered = [](const std::string& outcome) {
      return R"({"type":"answered","epoch":3,"id":"m1","attempt":2,"outcome":)" + outcome + "}";
    };
    CHECK(reason(with(answered("\"network\""), "\"id\"", "\"serverId\":17,\"id\"")) != "");
    CHECK(names(reason(answered("\"lost\"")), "'lost' is no silence"));
    CHECK(names(reason(answered("null")), "'outcome'"));
    CHECK(names(reason(answered("[]")), "'outcome'"));
    CHECK(names(reason(answered(without(kResponse, R"("etag":"\"7\"",)"))), "'etag'"));
    CHECK(names(reason(answered(with(kResponse, "201", "\"201\""))), "'status'"));
    CHECK(names(reason(answered(with(kResponse, "201", "1e300"))), "'status'"));
    CHECK(names(reason(answered(with(kResponse, "false", "0"))), "'redirect'"));
    CHECK(names(reason(R"({"type":"answered","epoch":3,"id":"m1","attempt":4294967298,)"
                       R"("outcome":"network"})"),
                "'attempt'"));
  }

  TEST_CASE("what is no array of events is refused") {
    for (const std::string text :
         {"", "[", "null", "7", "\"open\"", R"({"type":"open"})", "[null]", "[7]", "[[]]",
          R"(["open"])", R"([{"type":"open"}]x)", R"([{"type":"open"},])", "{}",
          "[{\"type\":\"\xff\"}]", R"([{"type":"retry","id":"\ud800"}])"}) {
      CAPTURE(text);
      CHECK(malformed([&] { codec::events(text); }) != "");
    }
  }

  TEST_CASE_FIXTURE(World, "a text of any depth ends in a reason") {
    const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    CHECK(names(malformed([&] { codec::events(deep); }), "nested"));
    CHECK(names(malformed([&] { codec::config(with(kConfig, "2048", deep)); }), "nested"));
    for (const std::string part : {R"({"where":{"n":)", R"({"where":)", R"({"orderBy":)"}) {
      std::string read = R"({"type":"list","collection":"order","query":)" + part + deep;
      read += std::string(static_cast<std::size_t>(std::ranges::count(part, '{')) + 1, '}');
      CHECK(names(malformed([&] { codec::read(db, config, read, still); }), "nested"));
    }
  }

  TEST_CASE("no text crashes the reader, and what is read the engine can take") {
    Draw draw(2026);
    World world;
    world.reach();
    int read = 0;
    for (int i = 0; i < 6'000; ++i) {
      std::string text = draw.of(kEvents);
      for (std::size_t changes = 1 + draw(2); changes; --changes) text = mutated(text, draw);
      text = "[" + text + "," + draw.of(kEvents) + "]";
      CAPTURE(text);
      std::vector<Event> events;
      if (!malformed([&] { events = codec::events(text); }).empty()) continue;
      ++read;
      Step step = world.tell(events);
      REQUIRE(step.results.size() == events.size());
      REQUIRE(codec::step(step).starts_with("{\"results\":["));
    }
    CHECK(read > 300);  // Else nothing was tried.
    CHECK(read < 5'000);
  }
}

TEST_SUITE("codec: steps") {
  TEST_CASE("each effect is written as its JSON") {
    CHECK(effect(Send{3, "m1", 2, "PUT", "/orders/a", R"({"s":"é\n\"🔧"})"}) ==
          R"({"type":"send","epoch":3,"id":"m1","attempt":2,"method":"PUT","path":"/orders/a",)"
          R"("body":"{\"s\":\"é\\n\\\"🔧\"}"})");
    CHECK(effect(Send{3, "m1", 1, "DELETE", "/orders/a", ""}) ==
          R"({"type":"send","epoch":3,"id":"m1","attempt":1,"method":"DELETE",)"
          R"("path":"/orders/a","body":""})");
    CHECK(effect(Send{3, "m1", 1, "POST", "/orders", "{}", "order"}) ==
          R"({"type":"send","epoch":3,"id":"m1","attempt":1,"method":"POST","path":"/orders",)"
          R"("body":"{}","asks":"order"})");
    CHECK(effect(SendBatch{3, {{"m1", 1}, {"m2", 2}}, "/batch", R"({"requests":[]})"}) ==
          R"({"type":"sendBatch","epoch":3,"members":[{"id":"m1","attempt":1},)"
          R"({"id":"m2","attempt":2}],"path":"/batch","body":"{\"requests\":[]}"})");
    CHECK(effect(Probe{3, 9}) == R"({"type":"probe","epoch":3,"probe":9})");
    CHECK(effect(Fetch{3, 4, "order", "/orders?limit=500&since=a%20b"}) ==
          R"({"type":"fetch","epoch":3,"pull":4,"collection":"order",)"
          R"("path":"/orders?limit=500&since=a%20b"})");
    CHECK(effect(PullEnded{"order", 17, ""}) ==
          R"({"type":"pullEnded","collection":"order","pulled":17})");
    CHECK(effect(PullEnded{"order", 0, R"({"title":"T"})"}) ==
          R"({"type":"pullEnded","collection":"order","pulled":0,"error":{"title":"T"}})");
    CHECK(effect(Settled{"m1", {"order", "a"}, Settled::Reason::accepted}) ==
          R"({"type":"settled","id":"m1","collection":"order","record":"a","reason":"accepted"})");
    CHECK(effect(Settled{"m1", {"order", "a"}, Settled::Reason::discarded}) ==
          R"({"type":"settled","id":"m1","collection":"order","record":"a","reason":"discarded"})");
    CHECK(effect(Settled{"m1", {"order", "a"}, Settled::Reason::cancelled}) ==
          R"({"type":"settled","id":"m1","collection":"order","record":"a","reason":"cancelled"})");
    CHECK(effect(Buried{"m1", {"order", "a"}, R"({"title":"T","status":422})"}) ==
          R"({"type":"buried","id":"m1","collection":"order","record":"a",)"
          R"("problem":{"title":"T","status":422}})");
    CHECK(effect(SignIn{}) == R"({"type":"signIn"})");
  }

  TEST_CASE("each result is written as its JSON") {
    CHECK(result(Applied{}) == "{}");
    CHECK(result(Applied{"null"}) == R"({"record":null})");
    CHECK(result(Applied{R"({"body":{"id":"a"}})"}) == R"({"record":{"body":{"id":"a"}}})");
    CHECK(result(Applied{.records = {"null", R"({"body":{"id":"a"}})"}}) ==
          R"({"records":[null,{"body":{"id":"a"}}]})");
    CHECK(result(Applied{.gone = {"m1", "m2"}}) == R"({"gone":["m1","m2"]})");
    CHECK(result(Refusal{"bad-id", "An \"id\" – é"}) ==
          R"({"error":{"code":"bad-id","message":"An \"id\" – é"}})");
    CHECK(codec::error("disk-full", "The disk\nis full.") ==
          R"({"error":{"code":"disk-full","message":"The disk\nis full."}})");
    // Text that is no UTF-8 would make the whole answer unreadable.
    CHECK(codec::error("storage", "bad \xff") ==
          "{\"error\":{\"code\":\"storage\",\"message\":\"bad \xef\xbf\xbd\"}}");
  }

  TEST_CASE("a step is written with its status, and an alarm only if it wants one") {
    Step step;
    CHECK(codec::step(step) ==
          R"({"results":[],"effects":[],"changed":[],"status":{"pending":0,"failed":0,)"
          R"("conflicts":0,"reachable":false,"syncing":false,"waitingFor":null,"reason":"",)"
          R"("pulled":0,"more":false}})");
    step.results = {Applied{}, Refusal{"exists", "E"}};
    step.effects = {Probe{1, 2}, SignIn{}};
    step.changed = {"note", "order"};
    step.status = {.pending = 3,
                   .failed = 2,
                   .reachable = true,
                   .syncing = true,
                   .waiting_for = Status::Wait::origin,
                   .reason = "The server answered 503."};
    step.wake_at = Time(1'795'000'000'123ms);
    CHECK(codec::step(step) ==
          R"({"results":[{},{"error":{"code":"exists","message":"E"}}],)"
          R"("effects":[{"type":"probe","epoch":1,"probe":2},{"type":"signIn"}],)"
          R"("changed":["note","order"],"status":{"pending":3,"failed":2,"conflicts":0,)"
          R"("reachable":true,"syncing":true,"waitingFor":"origin",)"
          R"("reason":"The server answered 503.","pulled":0,"more":false},)"
          R"("wakeAt":1795000000123})");
  }

  TEST_CASE("what the mutations wait for has a word each") {
    auto word = [](Status::Wait wait) {
      Step step;
      step.status.waiting_for = wait;
      std::string text = codec::step(step);
      auto from = text.find("\"waitingFor\":") + 13;
      return text.substr(from, text.find(',', from) - from);
    };
    CHECK(word(Status::Wait::nothing) == "null");
    CHECK(word(Status::Wait::network) == "\"network\"");
    CHECK(word(Status::Wait::origin) == "\"origin\"");
    CHECK(word(Status::Wait::sign_in) == "\"sign-in\"");
    CHECK(word(Status::Wait::paused) == "\"paused\"");
  }
}

TEST_SUITE("codec: configuration") {
  TEST_CASE("a configuration is read from its JSON") {
    Config config = codec::config(kConfig);
    CHECK(config.collections.size() == 2);
    CHECK(config.collections.at("order").path == "/orders");
    CHECK(config.collections.at("order").indexes ==
          std::vector<std::vector<std::string>>{{"done", "-createdAt"}, {"title"}});
    CHECK(config.collections.at("note").path == "/notes");
    CHECK(config.collections.at("note").indexes.empty());
    CHECK(config.ordering == Ordering::strict);
    CHECK(config.concurrency == 3);
    CHECK(config.max_attempts == 7);
    CHECK(config.backoff_base == 500ms);
    CHECK(config.backoff_cap == 60s);
    CHECK(config.probe_fresh == 20s);
    CHECK(config.max_outbox == 1'000);
    CHECK(config.max_body == 2'048);
    CHECK(codec::config(with(kConfig, "strict", "lanes")).ordering == Ordering::lanes);
    // What is left out is what is usual.
    CHECK(config.key_lifetime == 24h);
    CHECK(config.batch_path == "");
    const Collection& order = config.collections.at("order");
    CHECK(order.references.empty());
    CHECK(order.coalesce);
    CHECK_FALSE(order.server_ids);
    CHECK(order.on_unknown == OnUnknown::safest);
    for (const auto& statuses : {order.overrides.retry, order.overrides.reject,
                                 order.overrides.conflict, order.overrides.sign_in})
      CHECK(statuses.empty());
  }

  TEST_CASE("and what an app may say besides") {
    Config config = codec::config(
        with(with(kConfig, R"("path":"/notes",)",
                  R"("path":"/notes","references":{"orderId":"order","by":"person"},)"
                  R"("coalesce":false,"serverIds":true,"onUnknown":"ask","retry":[423,0],)"
                  R"("reject":[500],"conflict":[422,599],"signIn":[403],)"),
             R"("maxBody")",
             R"("keyLifetimeMs":60000,"batch":{"path":"/batch","max":20},"maxBody")"));
    CHECK(config.key_lifetime == 60s);
    CHECK(config.batch_path == "/batch");
    CHECK(config.batch_max == 20);
    const Collection& note = config.collections.at("note");
    CHECK(note.references ==
          std::map<std::string, std::string>{{"orderId", "order"}, {"by", "person"}});
    CHECK_FALSE(note.coalesce);
    CHECK(note.server_ids);
    CHECK(note.on_unknown == OnUnknown::ask);
    CHECK(note.overrides.retry == std::vector<int>{423, 0});
    CHECK(note.overrides.reject == std::vector<int>{500});
    CHECK(note.overrides.conflict == std::vector<int>{422, 599});
    CHECK(note.overrides.sign_in == std::vector<int>{403});
    auto on_unknown = [](const std::string& word) {
      return codec::config(with(kConfig, R"("path":"/notes")",
                                R"("path":"/notes","onUnknown":")" + word + "\""))
          .collections.at("note").on_unknown;
    };
    CHECK(on_unknown("safest") == OnUnknown::safest);
    CHECK(on_unknown("resend") == OnUnknown::resend);
  }

  TEST_CASE("names that are no identifiers never reach SQL") {
    auto reason = [](const std::string& part, const std::string& instead) {
      return malformed([&] { codec::config(with(kConfig, part, instead)); });
    };
    for (const std::string name : {"a'b", "a b", "", "1a", "a-b", "ä", "a)--", "a;"}) {
      CAPTURE(name);
      CHECK(reason("\"order\"", "\"" + name + "\"") == "'" + name + "' is no identifier");
      CHECK(reason("\"title\"", "\"" + name + "\"") == "'" + name + "' is no field");
      CHECK(reason("\"title\"", "\"-" + name + "\"") == "'" + name + "' is no field");
      CHECK(reason("\"title\"", "\"a." + name + "\"") == "'a." + name + "' is no field");
    }
    CHECK(reason("\"title\"", "\"--a\"") == "'-a' is no field");
    CHECK(reason("\"title\"", "\"-\"") == "'' is no field");
    CHECK(reason("\"order\"", "\"" + std::string(65, 'a') + "\"") ==
          "'" + std::string(65, 'a') + "' is no identifier");
    CHECK(reason("\"order\"", "\"" + std::string(64, 'a') + "\"") == "");
    CHECK(names(reason("[\"title\"]", "[]"), "index"));  // Of no fields at all.
  }

  TEST_CASE("a malformed one is refused by a reason that names what is wrong") {
    auto reason = [](const std::string& part, const std::string& instead) {
      return malformed([&] { codec::config(with(kConfig, part, instead)); });
    };
    CHECK(names(reason("\"maxBody\"", "\"other\""), "'maxBody'"));
    CHECK(names(reason("2048", "\"2048\""), "'maxBody'"));
    CHECK(names(reason("2048", "null"), "'maxBody'"));
    CHECK(names(reason("500", "1e300"), "'backoffBaseMs'"));
    CHECK(names(reason("\"strict\"", "\"random\""), "'random'"));
    CHECK(names(reason("\"strict\"", "1"), "'ordering'"));
    CHECK(names(reason("\"/orders\"", "1"), "'path'"));
    CHECK(names(reason("[[\"done\",\"-createdAt\"],[\"title\"]]", "\"title\""), "'indexes'"));
    CHECK(names(reason("[[\"done\",\"-createdAt\"],[\"title\"]]", "[[1]]"), "'indexes'"));
    CHECK(names(reason("\"collections\"", "\"other\""), "'collections'"));
    auto of_notes = [&](const std::string& member) {
      return reason(R"("path":"/notes")", R"("path":"/notes",)" + member);
    };
    CHECK(names(of_notes(R"("references":"order")"), "'references'"));
    CHECK(names(of_notes(R"("references":["order"])"), "'references'"));
    CHECK(of_notes(R"("references":{"a":7})") != "");
    CHECK(names(of_notes(R"("references":{"a b":"order"})"), "'a b' is no identifier"));
    CHECK(names(of_notes(R"("coalesce":1)"), "'coalesce'"));
    CHECK(names(of_notes(R"("serverIds":"yes")"), "'serverIds'"));
    CHECK(names(of_notes(R"("onUnknown":"hope")"), "'hope' is no policy"));
    CHECK(names(of_notes(R"("onUnknown":1)"), "'onUnknown'"));
    for (const std::string word : {"retry", "reject", "conflict", "signIn"})
      for (const std::string status : {"\"500\"", "[\"500\"]", "[4.5]", "[-1]", "[600]", "[null]",
                                       "[4294967696]", "403"}) {
        CAPTURE(status);
        CHECK(names(of_notes("\"" + word + "\":" + status), "'" + word + "'"));
      }
    CHECK(names(reason("\"maxBody\"", R"("keyLifetimeMs":"day","maxBody")"), "'keyLifetimeMs'"));
    CHECK(names(reason("\"maxBody\"", R"("batch":{"max":2},"maxBody")"), "'path'"));
    CHECK(names(reason("\"maxBody\"", R"("batch":{"path":"/b","max":-1},"maxBody")"), "'max'"));
    CHECK(reason("\"maxBody\"", R"("batch":"/b","maxBody")") != "");
    for (const std::string text : {"", "null", "[]", "7", "{", R"({"collections":7})"})
      CHECK(malformed([&] { codec::config(text); }) != "");
  }

  TEST_CASE("no text crashes the reader") {
    Draw draw(7);
    int read = 0;
    for (int i = 0; i < 2'000; ++i) {
      std::string text = mutated(kConfig, draw);
      CAPTURE(text);
      if (malformed([&] { codec::config(text); }).empty()) ++read;
    }
    CHECK(read > 50);
    CHECK(read < 1'900);
  }
}

TEST_SUITE("codec: reads") {
  TEST_CASE_FIXTURE(World, "each read is answered with its JSON") {
    auto read = [&](const std::string& text) { return codec::read(db, config, text, still); };
    tell({create("a", R"({"n":1})"), create("b", R"({"n":2})")});
    const std::string a = R"({"body":{"n":1,"id":"a","updatedAt":"1970-01-01T12:00:00.000Z"},)"
                          R"("sync":{"status":"pending","attempts":0,"mutation":"m1"}})";
    const std::string m2 =
        R"({"id":"m2","kind":"create","collection":"order","record":"b","state":"pending",)"
        R"("attempts":0,"writtenAt":43200000,)"
        R"("change":{"n":2,"id":"b","updatedAt":"1970-01-01T12:00:00.000Z"}})";
    CHECK(read(R"({"type":"get","collection":"order","id":"a"})") == a);
    CHECK(read(R"({"type":"get","collection":"order","id":"none"})") == "null");
    CHECK(read(R"({"type":"list","collection":"order","query":{"where":{"n":1}}})") ==
          "[" + a + "]");
    CHECK(read(R"({"type":"list","collection":"order","query":{"where":{"n":3}}})") == "[]");
    CHECK(read(R"({"type":"count","collection":"order",)"
               R"("query":{"where":{"n":{"gt":0}},"limit":1}})") == "2");
    CHECK(read(R"({"type":"status"})") ==
          R"({"pending":2,"failed":0,"conflicts":0,"reachable":false,"syncing":true,)"
          R"("waitingFor":null,"reason":"","pulled":0,"more":false})");
    CHECK(read(R"({"type":"outbox","limit":1})").starts_with(R"([{"id":"m1",)"));
    CHECK(read(R"({"type":"outbox","limit":5})").ends_with("," + m2 + "]"));
    CHECK(read(R"({"type":"deadLetters","limit":5})") == "[]");
    CHECK(read(R"({"type":"history","limit":5})") == "[]");
    tell(Cancel{"m2"}, kNoon + 1s);
    CHECK(read(R"({"type":"history","limit":5})") ==
          R"([{"id":"m2","kind":"create","collection":"order","record":"b",)"
          R"("reason":"cancelled","at":43201000}])");
  }

  TEST_CASE_FIXTURE(World, "an explanation is given of what waits, and of what has gone") {
    auto explain = [&](const MutationId& id) {
      return codec::read(db, config, R"({"type":"explain","now":43200000,"id":")" + id + "\"}",
                         still);
    };
    tell({create("a"), create("b")});
    std::string m1 = codec::read(db, config, R"({"type":"outbox","limit":1})", still);
    m1 = m1.substr(1, m1.size() - 2);
    CHECK(explain("m1") ==
          R"({"text":"The API is being asked whether it is there.","dueAt":43200000,)"
          R"("can":["cancel"],"mutation":)" + m1 + "}");
    tell(Cancel{"m1"}, kNoon + 1s);
    CHECK(explain("m1") ==
          R"({"text":"At 1970-01-01T12:00:01.000Z the app cancelled it.","state":"gone",)"
          R"("reason":"cancelled","can":[]})");
    CHECK(explain("unheard-of") == "null");
  }

  TEST_CASE_FIXTURE(World, "what cannot be answered is an error with its code") {
    auto code = [&](const std::string& text) {
      std::string answer = codec::read(db, config, text, still);
      REQUIRE(answer.starts_with(R"({"error":{"code":")"));
      return answer.substr(18, answer.find('"', 18) - 18);
    };
    for (const std::string type : {"get", "list", "count", "plan"})
      CHECK(code(R"({"type":")" + type + R"(","collection":"x' OR '1'='1","id":"a","query":{}})") ==
            "unknown-collection");
    for (const std::string query : {
             R"({"where":{"a'b":1}})", R"({"where":{"a..b":1}})", R"({"where":{"":1}})",
             R"({"where":{"n":[1]}})", R"({"where":{"n":{"near":"x"}}})",
             R"({"where":{"n":{"like":1}}})", R"({"where":{"n":{"like":"a\u0000"}}})",
             R"({"where":{"n":{"prefix":null}}})", R"({"where":{"n":{"isNull":1}}})",
             R"({"where":{"and":{"n":1}}})", R"({"where":{"or":[1]}})", R"({"where":{"or":1}})",
             R"({"where":{"not":[{"n":1}]}})", R"({"where":{"not":1}})",
             R"({"where":{"or":[{"n":{"eq":[1]}}]}})",
             R"({"offset":-1})", R"({"offset":"1"})", R"({"after":[]})", R"({"after":["a",1]})",
             R"({"after":{"n":1}})", R"({"after":{"id":1}})", R"({"after":"a"})",
             R"({"orderBy":"n","after":["a"]})",
             R"({"where":{"n":{"gt":[1]}}})", R"({"where":{"n":{"gt":{"x":1}}}})",
             R"({"where":{"n":{"in":1}}})", R"({"where":{"n":{"in":[[1]]}}})",
             R"({"where":[1]})", R"({"where":"n"})", R"({"orderBy":"a b"})", R"({"orderBy":""})",
             R"({"orderBy":"--n"})", R"({"orderBy":["n",""]})", R"({"orderBy":7})",
             R"({"orderBy":[7]})", R"({"orderBy":{"n":1}})", R"({"limit":-1})",
             R"({"limit":1.5})", R"({"limit":"5"})", R"({"limit":null})",
             R"({"limit":1e30})", R"(null)", R"([])", R"("n")",
         }) {
      CAPTURE(query);
      CHECK(code(R"({"type":"list","collection":"order","query":)" + query + "}") == "bad-query");
    }
    for (const std::string limit : {"-1", "1.5", "1e300", "\"1\"", "null", "[]"})
      for (const std::string type : {"outbox", "deadLetters", "history"})
        CHECK(code(R"({"type":")" + type + R"(","limit":)" + limit + "}") == "bad-query");
  }

  TEST_CASE_FIXTURE(World, "what is no read is malformed") {
    for (const std::string text :
         {"", "null", "[]", "{}", R"({"type":"drop","collection":"order"})", R"({"type":"drop"})",
          R"({"type":"get","collection":"order"})", R"({"type":"get","id":"a"})",
          R"({"type":"get","collection":7,"id":"a"})", R"({"type":"list","collection":"order"})",
          R"({"type":"outbox"})", R"({"type":"deadLetters"})", R"({"type":"history"})",
          R"({"type":"explain","id":"m1"})", R"({"type":"explain","now":0})",
          R"({"type":"explain","id":7,"now":0})", R"({"type":"explain","id":"m1","now":"0"})"}) {
      CAPTURE(text);
      CHECK(malformed([&] { codec::read(db, config, text, still); }) != "");
    }
  }

  TEST_CASE_FIXTURE(World, "no text crashes the reader, nor changes anything") {
    tell({create("a", R"({"n":1,"done":false})"), create("b", R"({"n":2,"done":true})")});
    const std::string before = query::outbox(db, 10) + row("a") + row("b");
    Draw draw(3);
    int read = 0;
    for (int i = 0; i < 6'000; ++i) {
      std::string text = mutated(draw.of(kReads), draw);
      CAPTURE(text);
      if (malformed([&] { codec::read(db, config, text, still); }).empty()) ++read;
    }
    CHECK(read > 500);
    CHECK(query::outbox(db, 10) + row("a") + row("b") == before);
  }
}
