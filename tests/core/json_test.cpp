#include "json.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "draw.h"

using namespace holdfast;
using test::Draw;

namespace {

Json stamped(Kind kind, const std::string& change, const std::string& id,
             const std::string& updated_at) {
  std::string flaw;
  Json text = json::stamped(kind, change, id, updated_at, flaw);
  CHECK(flaw == "");
  return text;
}

// Empty if there is none.
std::string flaw(Kind kind, const std::string& change) {
  std::string flaw;
  Json text = json::stamped(kind, change, "r1", "T", flaw);
  if (!flaw.empty()) CHECK(text == "");
  return flaw;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// Objects in one another, "levels" in all, around "core".
std::string nested(int levels, const std::string& core = "1") {
  return repeated(R"({"a":)", levels) + core + repeated("}", levels);
}

const char* const kPast = "has an integer past 2^53, which JSON does not carry exactly";
const char* const kPastMinus = "has an integer past -2^53, which JSON does not carry exactly";
const char* const kProto = "has a member called __proto__";
const char* const kDeep = "is nested deeper than 64 levels";
const char* const kMembers =
    "has a member that is neither an object 'set' nor an array of names 'remove'";

// Some of a few members, each with a value that tells where it is from.
std::string some_members(Draw& draw, const std::string& from) {
  std::string members;
  for (const char* name : {"a", "b", "c", "d"}) {
    if (draw(2)) continue;
    static const std::vector<std::string> values = {"null", "{}", R"([1,{"x":null}])", "0.5"};
    std::string value = draw(3) ? "\"" + from + "\"" : draw.of(values);
    members += (members.empty() ? "\"" : ",\"") + std::string(name) + "\":" + value;
  }
  return "{" + members + "}";
}

// An update: something set or not, something removed or not.
std::string some_change(Draw& draw, const std::string& from) {
  std::string names;
  for (const char* name : {"a", "b", "c", "d"})
    if (draw(3) == 0) names += (names.empty() ? "\"" : ",\"") + std::string(name) + "\"";
  std::string set = R"("set":)" + some_members(draw, from);
  if (draw(6) == 0) return "{\"remove\":[" + names + "]}";
  return names.empty() ? "{" + set + "}" : "{\"remove\":[" + names + "]," + set + "}";
}

struct Flawed {
  std::string text;
  std::string flaw;
};

}  // namespace

TEST_SUITE("json: what a change may hold") {
  TEST_CASE("a body that JSON carries faithfully has no flaw") {
    for (const std::string body : {
             R"({})", R"( { "a" : [ 1 , null ] } )",
             R"({"n":9007199254740991,"m":-9007199254740991})",
             R"({"n":0.1,"m":-0.0,"tiny":5e-324,"half":4503599627370495.5})",
             R"({"s":"","t":"Wasserhahn – مضخة – पंप – 阀门 – 🔧","n":"\u0000"})",
             R"({"s":"\ud83d\udd27"})",  // A whole pair.
             R"({"":1,"__proto":1,"proto__":1,"constructor":{"prototype":1}})",
             R"({"s":"__proto__","a":["__proto__"]})",
             R"({"a":1,"a":2})",  // The last one counts, as for JSON.parse.
         }) {
      CAPTURE(body);
      CHECK(flaw(Kind::create, body) == "");
      CHECK(flaw(Kind::update, R"({"set":)" + body + "}") == "");
    }
  }

  TEST_CASE("what JSON would drop or bend is refused, and the reason told") {
    for (const Flawed& f : std::vector<Flawed>{
             {"", "is not JSON"},
             {" ", "is not JSON"},
             {"{", "is not JSON"},
             {"{}{}", "is not JSON"},
             {"{} x", "is not JSON"},
             {R"({'a':1})", "is not JSON"},
             {R"({"a":1,})", "is not JSON"},
             {R"({"a":undefined})", "is not JSON"},
             {R"({"a":NaN})", "is not JSON"},
             {R"({"a":Infinity})", "is not JSON"},
             {R"({"a":1} // why)", "is not JSON"},
             {R"({"n":1e400})", "is not JSON"},
             {R"({"n":-1e400})", "is not JSON"},
             {R"({"n":01})", "is not JSON"},
             {R"({"s":"\ud800"})", "is not JSON"},
             {R"({"s":"\ud800x"})", "is not JSON"},
             {R"({"s":"\udc00"})", "is not JSON"},
             {R"({"s":"\udc00\ud800"})", "is not JSON"},
             {R"({"\ud800":1})", "is not JSON"},
             {"{\"s\":\"\xff\"}", "is not JSON"},
             {"{\"s\":\"\xc3\"}", "is not JSON"},          // Cut within a character.
             {"{\"s\":\"\xc0\xaf\"}", "is not JSON"},      // Longer than need be.
             {"{\"s\":\"\xed\xa0\x80\"}", "is not JSON"},  // Half a pair as UTF-8.
             {"{\"s\":\"\xf4\x90\x80\x80\"}", "is not JSON"},
             {"{\"s\":\"line\nline\"}", "is not JSON"},
             {"null", "is not an object"},
             {"7", "is not an object"},
             {"[]", "is not an object"},
             {R"("{}")", "is not an object"},
             {"true", "is not an object"},
             {R"({"n":9007199254740992})", kPast},
             {R"({"n":9007199254740993})", kPast},
             {R"({"n":18446744073709551615})", kPast},
             {R"({"n":18446744073709551616})", kPast},
             {R"({"n":100000000000000000000})", kPast},
             {R"({"n":1e300})", kPast},
             {R"({"n":-9007199254740992})", kPastMinus},
             {R"({"n":-9223372036854775809})", kPastMinus},
             {R"({"a":{"b":[{"n":9007199254740992}]}})", kPast},
             {R"({"__proto__":{}})", kProto},
             {R"({"__proto__":1,"a":2})", kProto},
             {R"({"a":{"b":[1,{"__proto__":null}]}})", kProto},
             {R"({"\u005f_proto__":{}})", kProto},
         }) {
      CAPTURE(f.text);
      CHECK(flaw(Kind::create, f.text) == f.flaw);
    }
  }

  TEST_CASE("64 levels pass and 65 do not, whatever stands innermost") {
    for (const std::string core : {"1", R"("s")", "null"}) {
      CHECK(flaw(Kind::create, nested(64, core)) == "");
      CHECK(flaw(Kind::create, nested(65, core)) == kDeep);
    }
    for (const std::string core : {"{}", "[]", R"({"b":1})", "[1]"}) {
      CHECK(flaw(Kind::create, nested(63, core)) == "");
      CHECK(flaw(Kind::create, nested(64, core)) == kDeep);
    }
    CHECK(flaw(Kind::create, R"({"a":)" + repeated("[", 63) + repeated("]", 63) + "}") == "");
    CHECK(flaw(Kind::create, R"({"a":)" + repeated("[", 64) + repeated("]", 64) + "}") == kDeep);
    CHECK(flaw(Kind::create, repeated(R"({"a":)", 500'000)) == kDeep);

    SUBCASE("and a field may be set to what it may be created with") {
      CHECK(flaw(Kind::update, R"({"set":)" + nested(64) + "}") == "");
      CHECK(flaw(Kind::update, R"({"set":)" + nested(65) + "}") == kDeep);
    }
  }

  TEST_CASE("an update says what to set and what to remove, and nothing else") {
    for (const std::string change :
         {R"({})", R"({"set":{}})", R"({"remove":[]})", R"({"set":{"a":null},"remove":["b"]})",
          R"({"set":{"id":"r1"}})", R"({"remove":["a","a"]})"}) {
      CAPTURE(change);
      CHECK(flaw(Kind::update, change) == "");
    }
    for (const Flawed& f : std::vector<Flawed>{
             {R"({"a":1})", kMembers},
             {R"({"set":{},"a":1})", kMembers},
             {R"({"set":[]})", kMembers},
             {R"({"set":null})", kMembers},
             {R"({"remove":{}})", kMembers},
             {R"({"remove":"a"})", kMembers},
             {R"({"remove":[1]})", kMembers},
             {R"({"remove":["a",null]})", kMembers},
             {R"({"set":{"id":"x"}})", "sets another id than its record's, which never changes"},
             {R"({"set":{"id":null}})", "sets another id than its record's, which never changes"},
             {R"({"remove":["id"]})", "removes the id, which never changes"},
             {R"({"remove":["a","id"],"set":{}})", "removes the id, which never changes"},
             {R"({"set":{"__proto__":1}})", kProto},
             {R"({"set":{"n":9007199254740992}})", kPast},
             {R"([])", "is not an object"},
             {R"(null)", "is not an object"},
             {R"()", "is not JSON"},
         }) {
      CAPTURE(f.text);
      CHECK(flaw(Kind::update, f.text) == f.flaw);
    }
  }

  TEST_CASE("a delete holds nothing") {
    CHECK(flaw(Kind::remove, "") == "");
    CHECK(flaw(Kind::remove, "{}") == "must be empty");
    CHECK(flaw(Kind::remove, " ") == "must be empty");
  }
}

TEST_SUITE("json: changes and bodies") {
  TEST_CASE("a create is stamped with its id and time, and keeps the order of its members") {
    CHECK(stamped(Kind::create, R"({ "b": 1, "a": [1, 2.50], "id": "x", "z": null })", "r1",
                        "T") == R"({"b":1,"a":[1,2.5],"id":"r1","z":null,"updatedAt":"T"})");
    CHECK(stamped(Kind::create, R"({"updatedAt":"mine","n":1})", "r1", "T") ==
          R"({"updatedAt":"T","n":1,"id":"r1"})");
    CHECK(stamped(Kind::create, R"({"a":1,"b":2,"a":3})", "r1", "T") ==
          R"({"a":3,"b":2,"id":"r1","updatedAt":"T"})");
    CHECK(stamped(Kind::create, R"({"s":"é\u00e9\u0000\n🔧"})", "r1", "T") ==
          R"({"s":"éé\u0000\n🔧","id":"r1","updatedAt":"T"})");
  }

  TEST_CASE("an update is stamped with its time, and never sets the id") {
    CHECK(stamped(Kind::update, R"({"set":{"b":1,"id":"r1","a":null}})", "r1", "T") ==
          R"({"set":{"b":1,"a":null,"updatedAt":"T"}})");
    CHECK(stamped(Kind::update, R"({"remove":["a"]})", "r1", "T") ==
          R"({"remove":["a"],"set":{"updatedAt":"T"}})");
    CHECK(stamped(Kind::update, R"({"remove":["a"],"set":{}})", "r1", "T") ==
          R"({"remove":["a"],"set":{"updatedAt":"T"}})");
    CHECK(stamped(Kind::update, "{}", "r1", "T") == R"({"set":{"updatedAt":"T"}})");
  }

  TEST_CASE("numbers keep their value to the last bit") {
    CHECK(json::fold(R"({"a":0.1,"b":9007199254740991,"c":5e-324,"e":-0.25})", "{}") ==
          R"({"a":0.1,"b":9007199254740991,"c":5e-324,"e":-0.25})");
    CHECK(json::fold("{}", R"({"set":{"n":0.30000000000000004,"i":-9007199254740991}})") ==
          R"({"n":0.30000000000000004,"i":-9007199254740991})");
  }

  TEST_CASE("folding sets and removes members, and keeps null and the order") {
    std::string body = R"({"a":1,"b":{"x":1,"y":2},"c":3})";
    CHECK(json::fold(body, "{}") == body);
    CHECK(json::fold(body, R"({"set":{}})") == body);
    CHECK(json::fold(body, R"({"set":{"a":null}})") == R"({"a":null,"b":{"x":1,"y":2},"c":3})");
    // A member is set as a whole: this is no merge patch.
    CHECK(json::fold(body, R"({"set":{"b":{"x":9}}})") == R"({"a":1,"b":{"x":9},"c":3})");
    CHECK(json::fold(body, R"({"set":{"z":1,"y":2}})") ==
          R"({"a":1,"b":{"x":1,"y":2},"c":3,"z":1,"y":2})");
    CHECK(json::fold(body, R"({"remove":["a","none"]})") == R"({"b":{"x":1,"y":2},"c":3})");
    // What is removed and set is set.
    CHECK(json::fold(body, R"({"set":{"a":7},"remove":["a","c"]})") ==
          R"({"b":{"x":1,"y":2},"a":7})");
    CHECK(json::fold("{}", R"({"set":{"a":[]}})") == R"({"a":[]})");
  }

  TEST_CASE("two changes become the one that does what both do, in their order") {
    CHECK(json::merged(R"({"set":{"a":1,"b":1}})", R"({"set":{"b":2,"c":null}})") ==
          R"({"set":{"a":1,"b":2,"c":null}})");
    CHECK(json::merged(R"({"set":{"a":1}})", R"({"remove":["a","b"]})") ==
          R"({"set":{},"remove":["a","b"]})");
    CHECK(json::merged(R"({"remove":["a"]})", R"({"set":{"a":1}})") ==
          R"({"set":{"a":1},"remove":["a"]})");
    CHECK(json::merged("{}", "{}") == R"({"set":{}})");
    // Whole members: this is no merge patch.
    CHECK(json::merged(R"({"set":{"a":{"x":1}}})", R"({"set":{"a":{"y":1}}})") ==
          R"({"set":{"a":{"y":1}}})");
    CHECK(json::merged("{", R"({"set":{"a":1}})") == R"({"set":{"a":1}})");
  }

  TEST_CASE("folding both at once is folding one after the other, whatever they are") {
    Draw draw(14);
    int same = 0;
    for (int i = 0; i < 5'000; ++i) {
      std::string body = some_members(draw, "body");
      std::string first = some_change(draw, "first");
      std::string second = some_change(draw, "second");
      CAPTURE(body);
      CAPTURE(first);
      CAPTURE(second);
      const Json one_by_one = json::fold(json::fold(body, first), second);
      REQUIRE(json::fold(body, json::merged(first, second)) == one_by_one);
      std::string third = some_change(draw, "third");
      CAPTURE(third);
      REQUIRE(json::merged(json::merged(first, second), third) ==
              json::merged(first, json::merged(second, third)));
      same += one_by_one == body;
    }
    CHECK(same < 1'000);  // Else too little was changed to say anything.
  }

  TEST_CASE("a stored text that cannot be read folds as an empty one") {
    CHECK(json::fold("{", R"({"set":{"a":1}})") == R"({"a":1})");
    CHECK(json::fold("7", R"({"set":{"a":1}})") == R"({"a":1})");
    CHECK(json::fold(R"({"a":1})", "]") == R"({"a":1})");
  }

  TEST_CASE("the record in an answer gets the id that it has here") {
    CHECK(json::object(R"({ "n" : 1, "id" : 17, "b" : null })", "r1") ==
          R"({"n":1,"id":"r1","b":null})");
    CHECK(json::object("{}", "r1") == R"({"id":"r1"})");
    for (const std::string text :
         {"", "null", "[]", "7", "<p>", R"({"a":)", R"({"n":9007199254740993})",
          R"({"__proto__":{}})", "{\"s\":\"\xff\"}"}) {
      CAPTURE(text);
      CHECK(json::object(text, "r1") == std::nullopt);
    }
    CHECK(json::object(nested(65), "r1") == std::nullopt);
  }

  TEST_CASE("a member is its own text, and empty where there is none") {
    const Json object = R"({"s":"a \"b\"","n":1.5,"t":true,"z":null,"a":[1],"o":{"x":1},"e":""})";
    CHECK(json::member(object, "s") == "a \"b\"");
    CHECK(json::member(object, "n") == "1.5");
    CHECK(json::member(object, "t") == "true");
    CHECK(json::member(object, "a") == "[1]");
    CHECK(json::member(object, "o") == R"({"x":1})");
    CHECK(json::member(object, "e") == "");
    CHECK(json::member(object, "z") == "");
    CHECK(json::member(object, "none") == "");
    CHECK(json::member("[1]", "s") == "");
    CHECK(json::member("", "s") == "");
  }
}

TEST_SUITE("json: ids and references") {
  TEST_CASE("the id in an answer is told as it stands there, a text or a whole number") {
    CHECK(json::id(R"({"id":"s-17"})") == R"("s-17")");
    CHECK(json::id(R"({"n":1,"id":17})") == "17");
    CHECK(json::id(R"({"id":-1})") == "-1");
    CHECK(json::id(R"({"id":9007199254740993})") == "9007199254740993");
    for (const std::string object :
         {"", "{}", "[]", "17", "<p>", R"({"id":null})", R"({"id":""})", R"({"id":1.5})",
          R"({"id":true})", R"({"id":["a"]})", R"({"id":{"a":1}})", R"({"ID":"a"})",
          R"({"a":{"id":"x"}})", R"({"id":"x")"}) {
      CAPTURE(object);
      CHECK(json::id(object) == "");
    }
  }

  TEST_CASE("a record takes on an id in its place, or goes without one") {
    CHECK(json::with_id(R"({"n":1,"id":"a","z":null})", "17") == R"({"n":1,"id":17,"z":null})");
    CHECK(json::with_id(R"({"id":"a","n":1})", R"("s-17")") == R"({"id":"s-17","n":1})");
    CHECK(json::with_id(R"({"n":1})", R"("a")") == R"({"n":1,"id":"a"})");
    CHECK(json::with_id(R"({"n":1,"id":"a","z":null})", "") == R"({"n":1,"z":null})");
    CHECK(json::with_id(R"({"n":1})", "") == R"({"n":1})");
  }

  TEST_CASE("the text of an id is its own, and a text becomes JSON") {
    CHECK(json::text(R"("s-17")") == "s-17");
    CHECK(json::text("17") == "17");
    CHECK(json::text("9007199254740993") == "9007199254740993");
    CHECK(json::text(R"("é \"q\"")") == "é \"q\"");
    for (const std::string none : {"", "null", "nonsense", "\"cut"}) {
      CAPTURE(none);
      CHECK(json::text(none) == "");
    }
    CHECK(json::quoted("é \"q\"\n") == R"("é \"q\"\n")");
    CHECK(json::quoted("cut \xc3") == "\"cut \xef\xbf\xbd\"");
    for (const std::string text : {"", "a", "\"", "\\", "🔧", "null", "17"})
      CHECK(json::text(json::quoted(text)) == text);
  }

  TEST_CASE("a field refers to what it holds that can be an id: one, or an array of them") {
    using Ids = std::vector<std::string>;
    const Json object = R"({"one":"a","number":17,"several":["a",18,"b"],"none":null,)"
                        R"("mixed":["a",null,true,1.5,{"id":"x"},["y"],"","a/b","..","a"],)"
                        R"("text":"two words","object":{"id":"a"},"empty":[]})";
    CHECK(json::references(object, "one") == Ids{"a"});
    CHECK(json::references(object, "number") == Ids{"17"});
    CHECK(json::references(object, "several") == Ids{"a", "18", "b"});
    CHECK(json::references(object, "mixed") == Ids{"a", "a"});
    for (const std::string field : {"none", "text", "object", "empty", "unheard-of"}) {
      CAPTURE(field);
      CHECK(json::references(object, field).empty());
    }
    CHECK(json::references("[]", "one").empty());
  }

  TEST_CASE("of a field those ids are translated that have another, each as it is") {
    const std::map<std::string, Json> others = {{"a", "17"}, {"b", R"("s-18")"}, {"19", R"("c")"}};
    auto translated = [&](const Json& body) {
      return json::translated(body, "of", [&](const std::string& id) {
        auto other = others.find(id);
        return other == others.end() ? Json() : other->second;
      });
    };
    CHECK(translated(R"({"n":1,"of":"a","z":"a"})") == R"({"n":1,"of":17,"z":"a"})");
    CHECK(translated(R"({"of":"b"})") == R"({"of":"s-18"})");
    CHECK(translated(R"({"of":19})") == R"({"of":"c"})");
    CHECK(translated(R"({"of":["a","x",19,null,{"of":"a"},"b"]})") ==
          R"({"of":[17,"x","c",null,{"of":"a"},"s-18"]})");
    for (const std::string body :
         {R"({"n":1})", R"({"of":null})", R"({"of":"x"})", R"({"of":{"of":"a"}})", R"({"of":[]})",
          R"({"of":1.5})", R"({"of":"two words"})"}) {
      CAPTURE(body);
      CHECK(translated(body) == body);
    }
  }

  TEST_CASE("what has the shape of a generated id is found wherever it stands, once") {
    using Ids = std::vector<std::string>;
    const std::string one = "0192f0aa-0001-7001-8000-00009e3779b1";
    const std::string other = "0192F0AA-0002-7001-8000-00009E3779B2";
    CHECK(json::uuids(R"({"a":")" + one + R"(","b":[{"c":")" + other + R"("},")" + one + "\"]}") ==
          Ids{one, other});
    CHECK(json::uuids("\"" + one + "\"") == Ids{one});
    CHECK(json::uuids(R"({")" + one + R"(":true})") == Ids{one});
    for (const std::string& text : std::vector<std::string>{
             one,                                          // No string.
             "\"" + one,                                   // Cut short.
             "\" " + one + "\"",                           // More than an id,
             "\"" + one + "x\"",
             "\"" + one.substr(1) + "\"",                  // or less.
             R"("0192f0aa-0001-7001-8000-00009e3779bg")",  // No hexadecimal.
             R"("0192f0aa00001-7001-8000-00009e3779b1")",  // A digit for a stroke,
             R"("0192f0aa-0001-7001-8000--0009e3779b1")",  // and the other way round.
             "\"",
             "",
             "{}",
         }) {
      CAPTURE(text);
      CHECK(json::uuids(text).empty());
    }
  }
}

TEST_SUITE("json: answers to a batch") {
  TEST_CASE("each answer is read with its headers, its body as it stands") {
    auto responses = json::responses(
        R"({"responses":[{"status":201,"headers":{"etag":"\"7\"","content-type":"a/b",)"
        R"("retry-after":20,"location":"/x"},"body":{"id":17,"z":null}},{"status":204},)"
        R"({"status":503,"headers":{"Retry-After":"30"},"body":null},{"status":200,"body":"é"}],)"
        R"("other":1})",
        4);
    REQUIRE(responses);
    CHECK(*responses ==
          std::vector<Response>{
              {.status = 201, .content_type = "a/b", .etag = "\"7\"", .retry_after = "20",
               .body = R"({"id":17,"z":null})"},
              {.status = 204, .content_type = "application/json"},
              {.status = 503, .content_type = "application/json", .retry_after = "30"},
              {.status = 200, .content_type = "application/json", .body = R"("é")"},
          });
    CHECK(json::responses(R"({"responses":[]})", 0)->empty());
  }

  TEST_CASE("what is no answer to so many is none") {
    for (const std::string text :
         {"", "null", "[]", "{}", "<p>", R"({"responses":{}})", R"({"responses":[]})",
          R"({"responses":[{"status":200},{"status":200}]})", R"({"responses":[7]})",
          R"({"responses":[{}]})", R"({"responses":[{"status":"200"}]})",
          R"({"responses":[{"status":-1}]})", R"({"responses":[{"status":200.5}]})",
          R"({"responses":[{"status":200,"headers":[]}]})",
          R"({"responses":[{"status":200,"headers":7}]})",
          R"({"responses":[{"status":200,"__proto__":{}}]})", R"({"responses":[{"status":200}])"}) {
      CAPTURE(text);
      CHECK_FALSE(json::responses(text, 1));
    }
    // No status at all, and none that means anything.
    CHECK(json::responses(R"({"responses":[{"status":18446744073709551615}]})", 1)->at(0).status ==
          999);
  }
}

TEST_SUITE("json: problems") {
  TEST_CASE("a problem is the server's own, with the status") {
    Response response{.status = 422,
                      .content_type = "application/problem+json",
                      .body = R"({"type":"/p/title","title":"No title","errors":[{"at":"/t"}]})"};
    CHECK(json::problem(response) ==
          R"({"type":"/p/title","title":"No title","errors":[{"at":"/t"}],"status":422})");
    response.body = R"({"detail":"Give one.","status":400})";
    CHECK(json::problem(response) == R"({"detail":"Give one.","status":422})");
  }

  TEST_CASE("or as much of one as the status tells") {
    for (const std::string body : {"", "<p>Oops</p>", "[]", "null", "{", "\"no\""}) {
      CAPTURE(body);
      CHECK(json::problem(Response{.status = 500, .body = body}) ==
            R"({"title":"The server answered 500.","status":500})");
    }
    CHECK(json::problem(Response{.status = 400, .body = R"({"code":"E7"})"}) ==
          R"({"code":"E7","title":"The server answered 400.","status":400})");
    std::string large = R"({"title":")" + std::string(65'536, 'x') + "\"}";
    CHECK(json::problem(Response{.status = 400, .body = large}) ==
          R"({"title":"The server answered 400.","status":400})");
  }

  TEST_CASE("one that is too deep, or holds what may not reach the app, is as good as none") {
    const Json bare = R"({"title":"The server answered 400.","status":400})";
    auto problem = [](const std::string& body) {
      return json::problem(Response{.status = 400, .body = body});
    };
    CHECK(problem(R"({"title":"T","__proto__":{"x":1}})") == bare);
    CHECK(problem(R"({"title":"T","a":[{"__proto__":1}]})") == bare);
    CHECK(problem(R"({"title":"T","a":)" + nested(64) + "}") == bare);
    // Were it built, copying it or writing it down would overflow the stack.
    CHECK(problem(R"({"title":"T","a":)" + repeated("[", 30'000) + repeated("]", 30'000) + "}") ==
          bare);
    CHECK(problem(R"({"title":"T","trace":12345678901234567890})") ==
          R"({"title":"T","trace":12345678901234567890,"status":400})");
  }

  TEST_CASE("a problem of our own is escaped like any other text") {
    CHECK(json::problem("No \"answer\"", "The\nnetwork é") ==
          R"({"title":"No \"answer\"","detail":"The\nnetwork é"})");
    CHECK(json::problem("cut \xc3", "") == "{\"title\":\"cut \xef\xbf\xbd\",\"detail\":\"\"}");
  }
}

TEST_SUITE("json: pages of a pull") {
  TEST_CASE("a page holds records, deletions and where to go on") {
    auto page = json::page(R"({"records":[{"n":1,"id":"a"},{"id":7,"z":null}],)"
                           R"("deleted":["b",8],"cursor":"c 1","more":true,"other":1})");
    REQUIRE(page);
    REQUIRE(page->records.size() == 2);
    CHECK(page->records[0].id == "a");
    CHECK(page->records[0].body == R"({"n":1,"id":"a"})");
    CHECK(page->records[1].id == "7");
    CHECK(page->records[1].body == R"({"id":"7","z":null})");
    CHECK(page->deleted == std::vector<std::string>{"b", "8"});
    CHECK(page->cursor == "c 1");
    CHECK(page->more);
  }

  TEST_CASE("only the records must be there") {
    auto page = json::page(R"({"records":[]})");
    REQUIRE(page);
    CHECK(page->records.empty());
    CHECK(page->deleted.empty());
    CHECK(page->cursor == "");
    CHECK_FALSE(page->more);
    CHECK(json::page(R"({"records":[],"cursor":null,"more":null})")->cursor == "");
    CHECK(json::page(R"({"records":[],"cursor":1700000000000})")->cursor == "1700000000000");
    CHECK_FALSE(json::page(R"({"records":[],"cursor":"c","more":1})")->more);
  }

  TEST_CASE("what is no page is none") {
    for (const std::string text : {
             "", "null", "[]", "{}", "<p>", R"([{"id":"a"}])", R"({"records":{}})",
             R"({"records":null})", R"({"records":[7]})", R"({"records":[null]})",
             R"({"records":[{}]})", R"({"records":[{"id":null}]})", R"({"records":[{"id":""}]})",
             R"({"records":[{"id":".."}]})", R"({"records":[{"id":"a/b"}]})",
             R"({"records":[{"id":["a"]}]})", R"({"records":[{"id":{"a":1}}]})",
             R"({"records":[{"id":true}]})", R"({"records":[{"id":"a"},{}]})",
             R"({"records":[],"deleted":{}})", R"({"records":[],"deleted":[".."]})",
             R"({"records":[],"deleted":[null]})", R"({"records":[],"deleted":[true]})",
             R"({"records":[],"deleted":[{"id":"a"}]})", R"({"records":[],"deleted":["a",""]})",
             R"({"records":[],"more":true})", R"({"records":[],"more":true,"cursor":""})",
             R"({"records":[{"id":"a","__proto__":1}]})",
             R"({"records":[{"id":"a","n":9007199254740993}]})", R"({"records":[)",
         }) {
      CAPTURE(text);
      CHECK_FALSE(json::page(text));
    }
  }
}

TEST_SUITE("json: ids") {
  TEST_CASE("an id is 1 to 128 characters that stand for themselves in a path") {
    for (const std::string id : {"a", "Z9", "0193a1f0-8c00-7000-8000-000000000001", "a.b_c~d:e@f-g",
                                 "...", ".a", "a..b", "-"})
      CHECK(json::valid_id(id));
    CHECK(json::valid_id(std::string(128, 'x')));
    for (const std::string id : {"", ".", "..", "a/b", "a b", "a%2e", "a?b", "a#b", "a\\b", "ä",
                                 "a\n", "a+b", "a\"b", "a'b", "*"})
      CHECK_FALSE(json::valid_id(id));
    CHECK_FALSE(json::valid_id(std::string(129, 'x')));
    CHECK_FALSE(json::valid_id(std::string_view("a\0b", 3)));
  }
}
