#include "store/query.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backoff.h"
#include "codec.h"
#include "draw.h"
#include "store/records.h"
#include "tables.h"
#include "world.h"

using namespace holdfast;
using namespace holdfast::test;
using namespace std::chrono_literals;
using Value = nlohmann::ordered_json;
using Ids = std::vector<std::string>;

namespace {

Config listed() {
  Config config;
  config.collections["order"] = {.path = "/orders",
                                 .indexes = {{"done", "-createdAt"}, {"title"}, {"n", "title"},
                                             {"address.city", "-address.geo.n"}}};
  config.collections["note"] = {.path = "/notes", .indexes = {}};
  return config;
}

struct QueryTest : Tables {
  QueryTest() : Tables(listed().collections) {}

  void save(const std::string& id, Value body, const std::string& collection = "order") {
    body["id"] = id;
    Records(db).save({collection, id}, {.body = body.dump(), .base = body.dump(), .tail = 0,
                                        .confirmed = 0});
  }

  std::string answer(const Value& query, const std::string& type = "list",
                     const std::string& collection = "order") {
    Value read = {{"type", type}, {"collection", collection}, {"query", query}};
    return codec::read(db, config, read.dump(), still);
  }
  Ids list(const Value& query, const std::string& collection = "order") {
    Ids ids;
    for (const auto& row : Value::parse(answer(query, "list", collection)))
      ids.push_back(row["body"]["id"]);
    return ids;
  }
  Ids plan(const Value& query, const std::string& collection = "order") {
    return Value::parse(answer(query, "plan", collection));
  }
  bool refused(const Value& query) {
    return answer(query).starts_with(R"({"error":{"code":"bad-query")");
  }

  Config config = listed();
};

Value parsed(const std::string& text) { return Value::parse(text); }

// {name: value}
Value object(const std::string& name, const Value& value) {
  Value object;
  object[name] = value;
  return object;
}

// The query for records of which this holds.
Value where(const std::string& field, const Value& condition) {
  return object("where", object(field, condition));
}

// The naive way. What is absent is null, a boolean is 1 or 0, an object or an array its text; null
// comes before numbers, numbers before text, and text is in the order of its code points.
Value plain(const Value& v) { return v.is_structured() ? Value(v.dump()) : v; }

int class_of(const Value& v) { return v.is_null() ? 0 : v.is_string() ? 2 : 1; }

double number_in(const Value& v) {
  return v.is_boolean() ? (v.get<bool>() ? 1 : 0) : v.get<double>();
}

int compare(const Value& a, const Value& b) {
  if (class_of(a) != class_of(b)) return class_of(a) < class_of(b) ? -1 : 1;
  if (a.is_null()) return 0;
  if (a.is_string()) {
    int order = a.get<std::string>().compare(b.get<std::string>());
    return order < 0 ? -1 : order > 0;
  }
  return number_in(a) < number_in(b) ? -1 : number_in(a) > number_in(b);
}

Value field_of(const Value& body, const std::string& path) {
  auto dot = path.find('.');
  std::string name = path.substr(0, dot);
  if (!body.is_object() || !body.contains(name)) return Value();
  return dot == std::string::npos ? plain(body[name]) : field_of(body[name], path.substr(dot + 1));
}

// A text by its code points, up to the first that is 0; A to Z are a to z.
std::u32string folded(const std::string& text) {
  std::u32string points;
  for (std::size_t i = 0; i < text.size() && text[i];) {
    auto lead = static_cast<unsigned char>(text[i]);
    std::size_t bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    char32_t point = bytes == 1 ? lead : lead & (0x7f >> bytes);
    for (std::size_t k = 1; k < bytes; ++k)
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    points += point >= 'A' && point <= 'Z' ? point + 32 : point;
    i += bytes;
  }
  return points;
}

bool is_like(std::u32string_view text, std::u32string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%')
    return is_like(text, pattern.substr(1)) || (!text.empty() && is_like(text.substr(1), pattern));
  bool escaped = pattern[0] == '\\';
  if (escaped && pattern.size() == 1) return false;
  char32_t wanted = pattern[escaped ? 1 : 0];
  if (text.empty() || !((!escaped && wanted == '_') || text[0] == wanted)) return false;
  return is_like(text.substr(1), pattern.substr(escaped ? 2 : 1));
}

bool holds(const Value& value, const std::string& op, const Value& operand) {
  if (op == "in")
    return std::ranges::any_of(operand, [&](const Value& o) { return compare(value, o) == 0; });
  if (op == "isNull") return value.is_null() == operand.get<bool>();
  if (op == "prefix")
    return value.is_string() && value.get<std::string>().starts_with(operand.get<std::string>());
  if (op == "like")
    return value.is_string() &&
           is_like(folded(value.get<std::string>()), folded(operand.get<std::string>()));
  int order = compare(value, operand);
  if (op == "eq") return order == 0;
  if (op == "ne") return order != 0;
  if (value.is_null() || operand.is_null()) return false;
  if (op == "lt") return order < 0;
  if (op == "lte") return order <= 0;
  if (op == "gt") return order > 0;
  return order >= 0;
}

bool matches(const Value& body, const Value& where) {
  auto also = [&](const Value& other) { return matches(body, other); };
  for (const auto& [name, condition] : where.items()) {
    bool held = true;
    if (name == "and") held = std::ranges::all_of(condition, also);
    else if (name == "or") held = std::ranges::any_of(condition, also);
    else if (name == "not") held = !matches(body, condition);
    else if (!condition.is_object()) held = holds(field_of(body, name), "eq", condition);
    else
      for (const auto& [op, operand] : condition.items())
        held = held && holds(field_of(body, name), op, operand);
    if (!held) return false;
  }
  return true;
}

Ids naive(const std::map<std::string, Value>& records, const Value& query) {
  std::vector<Value> found;
  for (const auto& [id, body] : records)
    if (matches(body, query.value("where", Value::object()))) found.push_back(body);
  Value order = query.value("orderBy", Value::array());
  if (order.is_string()) order = Value::array({order});
  std::ranges::stable_sort(found, [&](const Value& a, const Value& b) {
    for (const std::string field : order) {
      bool descending = field[0] == '-';
      std::string name = field.substr(descending ? 1 : 0);
      int o = compare(field_of(a, name), field_of(b, name));
      if (o) return descending ? o > 0 : o < 0;
    }
    return false;  // By id, as they came.
  });
  found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(
                                 std::min(query.value("offset", std::size_t{0}), found.size())));
  if (query.contains("limit") && found.size() > query["limit"].get<std::size_t>())
    found.resize(query["limit"].get<std::size_t>());
  Ids ids;
  for (const auto& body : found) ids.push_back(body["id"]);
  return ids;
}

const std::vector<Value> kTexts = {
    "",     "a",          "A",    "b",    "Zürich", "zürich", "Ägypten",  "مضخة",
    "صمام", "पंप",         "वाल्व", "阀门", "水泵",   "🔧",      "🔧🚿",       "a b",
    "it's", "\"quoted\"", "100%", "a_b",  "1",      "10",     "9",        "null",
    "a\nb", "{\"x\":1}",  "\\",   "ß",    "ss",     "\u0000", "a\u0000b",
};
const std::vector<Value> kNumbers = {0,    1,   2,  10,   -1,   -2.5, 0.1, 1e-9,
                                     100, 1.5, 9, 9007199254740991, -9007199254740991};
const std::vector<std::string> kFields = {
    "title", "n", "done", "createdAt", "place", "size", "id", "address", "address.city",
    "address.geo.n", "tags",
};
const std::vector<std::string> kPatterns = {
    "%",   "",     "_",  "%a%", "A",    "z_rich", "ZÜRICH", "%\\%", "\\_", "a\\_b",
    "%b",  "_🔧%", "1%", "🔧%", "\\", "%'%",    "{%",     "[%]",  "صم%",
};

Value some_value(Draw& draw) {
  switch (draw(6)) {
    case 0: return nullptr;
    case 1: return draw(2) == 0;
    case 2: case 3: return draw.of(kNumbers);
    default: return draw.of(kTexts);
  }
}

Value some_record(Draw& draw) {
  Value body = Value::object();
  if (draw(8)) body["title"] = draw.of(kTexts);
  if (draw(8)) body["n"] = draw(12) ? draw.of(kNumbers) : Value();
  if (draw(8)) body["done"] = draw(12) ? Value(draw(2) == 0) : Value();
  if (draw(8)) body["createdAt"] = "2026-11-" + std::to_string(10 + draw(15));
  for (const char* mixed : {"place", "size"})
    if (draw(4)) body[mixed] = some_value(draw);
  if (draw(4) == 0) body["address"] = some_value(draw);
  else if (draw(4)) {
    body["address"]["city"] = some_value(draw);
    if (draw(2)) body["address"]["geo"]["n"] = some_value(draw);
  }
  if (draw(3) == 0) body["tags"] = Value::array({some_value(draw), some_value(draw)});
  return body;
}

Value some_condition(Draw& draw) {
  static const std::vector<std::string> ops = {"eq", "ne",     "lt",   "lte",    "gt",
                                               "gte", "in",    "like", "prefix", "isNull"};
  if (draw(3) == 0) return some_value(draw);
  Value condition = Value::object();
  for (std::size_t k = 1 + draw(2); k; --k) {
    const std::string& op = draw.of(ops);
    condition[op] = some_value(draw);
    if (op == "isNull") condition[op] = draw(2) == 0;
    if (op == "like") condition[op] = draw.of(kPatterns);
    if (op == "prefix") {
      std::string text = draw.of(kTexts).get<std::string>();
      condition[op] = draw(2) ? text : text.substr(0, text.find_first_of("üb%\"q"));
    }
    if (op != "in") continue;
    condition[op] = Value::array();
    for (std::size_t n = draw(5); n; --n) condition[op].push_back(some_value(draw));
  }
  return condition;
}

Value some_where(Draw& draw, std::size_t fields, int depth) {
  Value where = Value::object();
  for (std::size_t i = draw(fields); i; --i) where[draw.of(kFields)] = some_condition(draw);
  if (depth == 0) return where;
  for (const char* group : {"and", "or"}) {
    if (draw(4)) continue;
    where[group] = Value::array();
    for (std::size_t i = draw(4); i; --i)
      where[group].push_back(some_where(draw, 3, depth - 1));
  }
  if (draw(4) == 0) where["not"] = some_where(draw, 3, depth - 1);
  return where;
}

Value some_query(Draw& draw) {
  Value query = Value::object();
  if (draw(8)) query["where"] = some_where(draw, 4, draw(2) ? 2 : 0);
  Ids order;
  for (std::size_t i = draw(4); i; --i) order.push_back((draw(2) ? "-" : "") + draw.of(kFields));
  if (order.size() == 1 && draw(2)) query["orderBy"] = order[0];
  else if (!order.empty()) query["orderBy"] = order;
  if (draw(2)) query["limit"] = draw(40);
  if (draw(3) == 0) query["offset"] = draw(30);
  return query;
}

}  // namespace

TEST_SUITE("query") {
  struct Generated : QueryTest {
    Generated() {
      Draw draw(11);
      for (int i = 0; i < 300; ++i) {
        std::string id = "r" + std::to_string(i);
        Value body = some_record(draw);
        save(id, body);
        save("n" + std::to_string(i), some_record(draw), "note");  // Of no concern.
        body["id"] = id;
        records[id] = body;
      }
    }

    std::map<std::string, Value> records;
  };

  TEST_CASE_FIXTURE(Generated, "a list answers what a naive search does, and so does a count") {
    Draw draw(12);
    std::size_t found = 0;
    int empty = 0;
    for (int i = 0; i < 3'000; ++i) {
      Value query = some_query(draw);
      CAPTURE(query.dump());
      Ids expected = naive(records, query);
      REQUIRE(list(query) == expected);
      Value where = query.value("where", Value::object());
      std::size_t all = naive(records, object("where", where)).size();
      REQUIRE(answer(query, "count") == std::to_string(all));
      found += expected.size();
      empty += expected.empty();
    }
    CHECK(found > 60'000);  // Else the queries are too narrow to say anything,
    CHECK(empty < 1'800);
  }

  TEST_CASE_FIXTURE(Generated, "pages after the last row skip nothing and repeat nothing") {
    Draw draw(13);
    int pages = 0;
    for (int i = 0; i < 400; ++i) {
      Value query = some_query(draw);
      query.erase("offset");
      query.erase("limit");
      CAPTURE(query.dump());
      const Ids expected = naive(records, query);
      Value order = query.value("orderBy", Value::array());
      if (order.is_string()) order = Value::array({order});
      query["limit"] = 7 + draw(30);
      Ids all;
      for (Ids page = list(query); !page.empty(); page = list(query), ++pages) {
        all.insert(all.end(), page.begin(), page.end());
        REQUIRE(all.size() <= expected.size());
        // The row itself, or its values.
        Value last = records[page.back()];
        if (draw(2)) {
          Value values = Value::array();
          for (std::string field : order)
            values.push_back(field_of(last, field.substr(field[0] == '-' ? 1 : 0)));
          values.push_back(page.back());
          last = values;
        }
        query["after"] = last;
      }
      REQUIRE(all == expected);
    }
    CHECK(pages > 1'000);
  }

  TEST_CASE_FIXTURE(QueryTest, "what is absent is null, and null is compared with nothing") {
    save("absent", parsed(R"({})"));
    save("null", parsed(R"({"x":null})"));
    save("one", parsed(R"({"x":1})"));
    CHECK(list(parsed(R"({"where":{"x":null}})")) == Ids{"absent", "null"});
    CHECK(list(parsed(R"({"where":{"x":{"eq":null}}})")) == Ids{"absent", "null"});
    CHECK(list(parsed(R"({"where":{"x":{"ne":null}}})")) == Ids{"one"});
    CHECK(list(parsed(R"({"where":{"x":{"ne":1}}})")) == Ids{"absent", "null"});
    CHECK(list(parsed(R"({"where":{"x":{"ne":2}}})")) == Ids{"absent", "null", "one"});
    CHECK(list(parsed(R"({"where":{"x":{"in":[null,2]}}})")) == Ids{"absent", "null"});
    CHECK(list(parsed(R"({"where":{"x":{"in":[null,1]}}})")) == Ids{"absent", "null", "one"});
    CHECK(list(parsed(R"({"where":{"x":{"in":[]}}})")).empty());
    for (const std::string op : {"lt", "lte", "gt", "gte"})
      CHECK(list(where("x", object(op, nullptr))).empty());
    CHECK(list(parsed(R"({"orderBy":"x"})")) == Ids{"absent", "null", "one"});
    CHECK(list(parsed(R"({"orderBy":"-x"})")) == Ids{"one", "absent", "null"});
  }

  TEST_CASE_FIXTURE(QueryTest, "booleans are found as booleans") {
    save("open", parsed(R"({"done":false,"urgent":true})"));
    save("closed", parsed(R"({"done":true,"urgent":false})"));
    save("text", parsed(R"({"done":"true"})"));
    CHECK(list(parsed(R"({"where":{"done":true}})")) == Ids{"closed"});
    CHECK(list(parsed(R"({"where":{"done":false,"urgent":true}})")) == Ids{"open"});
    CHECK(list(parsed(R"({"where":{"urgent":{"in":[true]}}})")) == Ids{"open"});
    CHECK(list(parsed(R"({"where":{"done":"true"}})")) == Ids{"text"});
  }

  TEST_CASE_FIXTURE(QueryTest, "values are inert, whatever they say") {
    const std::vector<std::string> hostile = {"'",
                                              "''",
                                              "' OR '1'='1",
                                              "'); DROP TABLE hf_record; --",
                                              "\"",
                                              "\" OR 1=1 --",
                                              ";",
                                              "--",
                                              "/*",
                                              "%",
                                              "_",
                                              "\\",
                                              "?",
                                              "?1",
                                              ":x",
                                              "@x",
                                              "$x",
                                              "$.title",
                                              "NULL",
                                              "body",
                                              "[0]",
                                              std::string("a\0b", 3),
                                              std::string("\0", 1),
                                              "a\nb",
                                              "é'é",
                                              "🔧'",
                                              "x'00'",
                                              "1",
                                              "1.0"};
    // In a field with an index and in one without.
    for (const std::string field : {"title", "place"}) {
      for (std::size_t i = 0; i < hostile.size(); ++i)
        save("r" + std::to_string(100 + i), object(field, hostile[i]));
      for (std::size_t i = 0; i < hostile.size(); ++i) {
        CAPTURE(hostile[i]);
        const Ids itself = {"r" + std::to_string(100 + i)};
        CHECK(list(where(field, hostile[i])) == itself);
        CHECK(list(where(field, object("in", Value::array({hostile[i]})))) == itself);
        Value both = object("gte", hostile[i]);
        both["lte"] = hostile[i];
        CHECK(list(where(field, both)) == itself);
        CHECK(list(where(field, object("ne", hostile[i]))).size() ==
              hostile.size() - 1);
      }
      CHECK(number("SELECT count(*) FROM hf_record") ==
            static_cast<std::int64_t>(hostile.size()));
    }
  }

  TEST_CASE_FIXTURE(QueryTest, "a name that could be more than a name is refused") {
    save("a", parsed(R"({"n":1,"a'b":1,"a.b":1,"":1})"));
    for (const std::string name : {
             "", " ", "a'b", "a\"b", ".", "a.", ".a", "a..b", "a.b'", "a.0", "a.-b",
             "a.b.c.d.e.f.g.h.i", "a[0]", "a]", "$", "$.n", "a b", "ä", "1a", "-", "--n",
             "n;", "n)", "n --", "n DESC", "n, id", "*", "?", "json_extract(body, '$.n')",
         }) {
      CAPTURE(name);
      CHECK(refused(where(name, 1)));
      CHECK(refused(object("orderBy", name)));
      CHECK(refused(object("orderBy", Ids{"n", "-" + name})));
    }
    CHECK(refused(where(std::string(65, 'a'), 1)));
    CHECK(refused(where("-n", 1)));
    CHECK(list(where(std::string(64, 'a'), nullptr)) == Ids{"a"});
  }

  TEST_CASE_FIXTURE(QueryTest, "words of SQL and columns of our own are fields like any other") {
    for (const std::string name : {"select", "body", "base", "tail", "collection", "confirmed",
                                   "rowid", "hf_record", "null", "true", "_", "constructor"}) {
      CAPTURE(name);
      save("with", object(name, "x"));
      save("without", Value::object());
      CHECK(list(where(name, "x")) == Ids{"with"});
      CHECK(list(where(name, nullptr)) == Ids{"without"});
      CHECK(list(object("orderBy", "-" + name)) == Ids{"with", "without"});
    }
  }

  TEST_CASE_FIXTURE(QueryTest, "a declared index is used, and what it sorts is not sorted again") {
    // The name of the index whose first field this is.
    auto index = [&](const std::string& field) {
      return texts("SELECT name FROM sqlite_schema WHERE instr(sql, 'hf_record (json_extract(body,"
                   " ''$." + field + "'')')").at(0);
    };
    auto search = [&](const std::string& field, const std::string& by) {
      return "SEARCH hf_record USING INDEX " + index(field) + " (" + by + ")";
    };
    CHECK(plan(parsed(R"({"where":{"done":false}})")).at(0) == search("done", "<expr>=?"));
    CHECK(plan(parsed(R"({"where":{"done":false},"orderBy":"-createdAt"})")) ==
          Ids{search("done", "<expr>=?")});
    CHECK(plan(parsed(R"({"where":{"done":false},"orderBy":"-createdAt","limit":50})")) ==
          Ids{search("done", "<expr>=?")});
    CHECK(plan(parsed(R"({"where":{"done":false,"createdAt":{"gte":"2026"}},)"
                      R"("orderBy":"-createdAt"})")) ==
          Ids{search("done", "<expr>=? AND <expr>>?")});
    CHECK(plan(parsed(R"({"where":{"title":"a"}})")) == Ids{search("title", "<expr>=?")});
    CHECK(plan(parsed(R"({"where":{"title":null}})")) == Ids{search("title", "<expr>=?")});
    CHECK(plan(parsed(R"({"where":{"title":{"in":["a","b"]}}})")).at(0) ==
          search("title", "<expr>=?"));
    CHECK(plan(parsed(R"({"where":{"n":1},"orderBy":["title"]})")) == Ids{search("n", "<expr>=?")});
    CHECK(plan(parsed(R"({"where":{"n":{"gt":1}},"orderBy":["n","title"]})")) ==
          Ids{search("n", "<expr>>?")});
    CHECK(plan(parsed(R"({"where":{"title":{"prefix":"a"}},"orderBy":"title"})")) ==
          Ids{search("title", "<expr>>? AND <expr><?")});
    CHECK(plan(parsed(R"({"where":{"address.city":"Chur"},"orderBy":"-address.geo.n"})")) ==
          Ids{search("address.city", "<expr>=?")});
    CHECK(plan(parsed(R"({"where":{"and":[{"done":true},{"not":{"n":1}}]},)"
                      R"("orderBy":"-createdAt"})")) == Ids{search("done", "<expr>=?")});
    // A page begins where the one before ended.
    CHECK(plan(parsed(R"({"orderBy":["n","title"],"after":[1,"a","r1"],"limit":50})")) ==
          Ids{search("n", "<expr>>?")});
    CHECK(plan(parsed(R"({"after":["r1"],"limit":50})")) ==
          Ids{"SEARCH hf_record USING PRIMARY KEY (collection=? AND id>?)"});

    SUBCASE("and without one the records of the collection are gone through") {
      for (const std::string collection : {"order", "note"})
        CHECK(plan(parsed(R"({"where":{"place":"x"},"orderBy":"-size"})"), collection) ==
              Ids{"SEARCH hf_record USING PRIMARY KEY (collection=?)",
                  "USE TEMP B-TREE FOR ORDER BY"});
      CHECK(plan(parsed(R"({"where":{"id":"x"}})")) ==
            Ids{"SEARCH hf_record USING PRIMARY KEY (collection=? AND id=?)"});
    }
  }

  TEST_CASE_FIXTURE(QueryTest, "a list has its limits") {
    {
      Transaction transaction(db);
      for (int i = 0; i < 1'005; ++i) save("r" + std::to_string(10'000 + i), Value::object());
      transaction.commit();
    }
    CHECK(list(parsed(R"({})")).size() == 1'000);
    CHECK(list(parsed(R"({"limit":0})")).empty());
    CHECK(list(parsed(R"({"limit":1})")) == Ids{"r10000"});
    CHECK(list(parsed(R"({"limit":1004})")).size() == 1'004);
    CHECK(list(parsed(R"({"limit":5000})")).size() == 1'005);
    // Past what an integer of SQLite holds, where below 0 would mean no limit at all.
    for (const char* limit : {"9223372036854775807", "9223372036854775808", "18446744073709551615"})
      CHECK(list(parsed(R"({"limit":)" + std::string(limit) + "}")).size() == 1'005);

    auto conditions = [](int count) {
      Value where = Value::object();
      for (int i = 0; i < count; ++i) where["f" + std::to_string(i)] = nullptr;
      Value query = object("where", where);
      query["limit"] = 1;
      return query;
    };
    CHECK(list(conditions(50)) == Ids{"r10000"});
    CHECK(refused(conditions(51)));
    // Groups count too, so that nesting them reaches neither SQLite's limits nor the stack's.
    auto nested = [](int depth, const char* word) {
      Value where = object("n", nullptr);
      for (int i = 0; i < depth; ++i)
        where = object(word, std::string(word) == "not" ? where : Value::array({where}));
      Value query = object("where", where);
      query["limit"] = 1;
      query["orderBy"] = Ids(8, "-n");
      query["after"] = Value::array({1, 1, 1, 1, 1, 1, 1, 1, "r0"});
      return query;
    };
    CHECK(list(nested(24, "not")) == Ids{"r10000"});
    CHECK(list(nested(27, "or")) == Ids{"r10000"});
    CHECK(list(conditions(50)) == Ids{"r10000"});
    CHECK(refused(object("where", object("x", object("like", std::string(1'001, '%'))))));
    CHECK(list(object("where", object("x", object("like", std::string(1'000, '%'))))).empty());
    auto values = [](int count) {
      Value query;
      for (int i = 0; i < count; ++i) query["where"]["id"]["in"].push_back("r" + std::to_string(i));
      return query;
    };
    CHECK(list(values(500)).empty());
    CHECK(refused(values(501)));
    CHECK_FALSE(refused(object("orderBy", Ids(8, "n"))));
    CHECK(refused(object("orderBy", Ids(9, "n"))));
  }

  TEST_CASE_FIXTURE(QueryTest, "at most 100,000 records are listed, whatever is asked for") {
    db.exec("WITH RECURSIVE i (n) AS (SELECT 100001 UNION ALL SELECT n + 1 FROM i LIMIT 100001)"
            " INSERT INTO hf_record (collection, id, body, confirmed)"
            " SELECT 'note', 'r' || n, '{}', 0 FROM i");
    std::string rows = answer(parsed(R"({"limit":1000000})"), "list", "note");
    CHECK(std::ranges::count(rows, 'b') == query::kLimitMax);  // {"body":{}}
    CHECK(query::kLimitMax == 100'000);
  }

  TEST_CASE_FIXTURE(QueryTest, "only what the app sees is listed") {
    save("seen", parsed(R"({"n":1})"));
    Records(db).save({"order", "deleted"}, {.body = std::nullopt, .base = R"({"n":1})", .head = 7,
                                            .tail = 7, .confirmed = 0});
    save("elsewhere", parsed(R"({"n":1})"), "note");
    for (const char* text : {"{}", R"({"where":{"n":1}})", R"({"where":{"title":null}})"})
      CHECK(list(parsed(text)) == Ids{"seen"});
  }
}

TEST_SUITE("query: rows and entries") {
  TEST_CASE_FIXTURE(World, "a record tells how it stands, in lists as by itself") {
    reach();
    auto sync = [&](const std::string& id) {
      Value row = Value::parse(query::row(db, Key{"order", id}));
      Value list = Value::parse(query::list(db, config, "order",
                                            {.where = {Condition::Op::eq, "id", {id}},
                                             .limit = 1}));
      REQUIRE(list == Value::array({row}));
      return row.value("sync", Value("synced")).dump();
    };
    tell(create("a"));
    CHECK(sync("a") == R"({"status":"pending","attempts":1,"mutation":"m1"})");
    tell(answered("m1", {.status = 201}));
    CHECK(sync("a") == R"("synced")");
    tell({update("a", R"({"n":2})"), update("a", R"({"n":3})")});
    // The attempts are those of its first, the mutation is its last.
    CHECK(sync("a") == R"({"status":"pending","attempts":1,"mutation":"m3"})");
    tell(answered("m2", {.status = 500}));
    CHECK(sync("a") == R"({"status":"pending","attempts":1,"mutation":"m3",)"
                       R"("error":{"title":"The server answered 500.","status":500}})");
    Time later = kNoon + 5s;
    tell(Tick{}, later);
    tell(answered("m2", {.status = 422, .body = R"({"title":"No"})"}, 2), later);
    CHECK(sync("a") ==
          R"({"status":"failed","attempts":2,"mutation":"m3",)"
          R"("error":{"title":"No","status":422}})");

    SUBCASE("and which dead letter it waits for") {
      Write after = create("b");
      after.after = {"m3"};
      tell(after, later);
      CHECK(sync("b") == R"({"status":"pending","attempts":0,"mutation":"m4","blockedBy":)"
                         R"({"id":"m2","kind":"update","collection":"order","record":"a"}})");
      tell(Retry{"m2", "again"}, later);
      CHECK(sync("b") == R"({"status":"pending","attempts":0,"mutation":"m4"})");
    }
  }

  TEST_CASE_FIXTURE(World, "an entry of the outbox tells its state and when it is due") {
    reach();
    tell({create("a"), update("a", R"({"n":2})"), create("b"), create("c"), create("d"),
          create("e")});
    tell(answered("m3", {.status = 422, .body = R"({"title":"No"})"}));
    tell(answered("m4", {.status = 500, .retry_after = "60"}));
    tell(answered("m5", {.status = 425, .retry_after = "60"}));
    Ids states;
    for (const auto& entry : Value::parse(query::outbox(db, 10))) {
      std::string due = entry.contains("dueAt") ? " " + entry["dueAt"].dump() : "";
      states.push_back(entry["id"].get<std::string>() + " " + entry["state"].get<std::string>() +
                       due);
    }
    auto due = [](const MutationId& id) {  // What the server asked for, and the jitter.
      Time at = kNoon + 60s + backoff(id, 1, 1s, 5min);
      return std::to_string(at.time_since_epoch().count());
    };
    CHECK(states == Ids{"m1 in flight", "m2 waiting", "m3 failed",
                        "m4 outcome unknown " + due("m4"), "m5 pending " + due("m5"),
                        "m6 in flight"});
    CHECK(query::dead_letters(db, 10) ==
          R"([{"id":"m3","kind":"create","collection":"order","record":"b","state":"failed",)"
          R"("attempts":1,"writtenAt":43200000,"unknown":false,"holds":[],)"
          R"("change":{"n":1,"id":"b","updatedAt":"1970-01-01T12:00:00.000Z"},)"
          R"("error":{"title":"No","status":422}}])");
    CHECK(query::outbox(db, 0) == "[]");
    CHECK(query::dead_letters(db, 0) == "[]");
    // A delete has no change.
    tell(answered("m6", {.status = 201}));
    tell(remove("e"));
    CHECK(query::outbox(db, 10).find("\"change\"", query::outbox(db, 10).find("\"m7\"")) ==
          std::string::npos);
  }

  TEST_CASE("an entry says what was folded into it, what it waits for and what blocks it") {
    Config config = orders();
    config.collections["order"].coalesce = true;
    config.max_attempts = 1;
    World w(config);
    w.reach();
    auto entries = [&] {
      Ids entries;
      for (auto entry : Value::parse(query::outbox(w.db, 10))) {
        for (const char* other : {"collection", "writtenAt", "change", "error"}) entry.erase(other);
        entries.push_back(entry.dump());
      }
      return entries;
    };
    w.tell(w.create("a"));
    w.tell({w.update("a", R"({"n":2})"), w.update("a", R"({"n":3})")});
    Write after = w.create("b");
    after.after = {"m1", "m2"};
    w.tell(after);
    CHECK(entries() ==
          Ids{R"({"id":"m1","kind":"create","record":"a","state":"in flight","attempts":1})",
              R"({"id":"m2","kind":"update","record":"a","state":"waiting","attempts":0,)"
              R"("folded":1,"waitsFor":["m1"]})",
              R"({"id":"m4","kind":"create","record":"b","state":"waiting","attempts":0,)"
              R"("waitsFor":["m1","m2"]})"});
    w.tell(w.answered("m1", {.status = 500}));
    const std::string m1 = R"({"id":"m1","kind":"create","collection":"order","record":"a"})";
    CHECK(entries() ==
          Ids{R"({"id":"m1","kind":"create","record":"a","state":"failed","attempts":1,)"
              R"("unknown":true,"holds":[)"
              R"({"id":"m2","kind":"update","collection":"order","record":"a"},)"
              R"({"id":"m4","kind":"create","collection":"order","record":"b"}]})",
              R"({"id":"m2","kind":"update","record":"a","state":"waiting","attempts":0,)"
              R"("folded":1,"waitsFor":["m1"],"blockedBy":)" + m1 + "}",
              R"({"id":"m4","kind":"create","record":"b","state":"waiting","attempts":0,)"
              R"("waitsFor":["m1","m2"],"blockedBy":)" + m1 + "}"});
  }

  TEST_CASE_FIXTURE(World, "a dead letter names a hundred of those that it holds back") {
    reach();
    tell(create("a"));
    tell(answered("m1", {.status = 422}));
    std::vector<Event> events;
    for (int i = 0; i < 101; ++i) {
      Write write = create("r" + std::to_string(i));
      write.after = {"m1"};
      events.push_back(write);
    }
    tell(events);
    Value letter = Value::parse(query::dead_letters(db, 1))[0];
    REQUIRE(letter["holds"].size() == 100);
    CHECK(letter["holds"][0]["id"] == "m2");
  }

  TEST_CASE_FIXTURE(World, "attempts that stray, with the API there, are blocked") {
    reach();
    tell(create("a"));
    Time now = kNoon;
    auto state = [&] { return Value::parse(query::outbox(db, 1))[0]["state"].get<std::string>(); };
    for (int attempt = 1; attempt <= 3; ++attempt) {
      CHECK(state() == "in flight");
      tell(silent("m1", Silence::network, attempt), now);
      if (attempt == 3) break;
      CHECK(state() == "outcome unknown");
      now += 10min;
      tell(Sync{}, now);
      tell(good_probe(), now);
    }
    CHECK(state() == "blocked");
    CHECK(row("a").find(R"("error":{"title":"Blocked")") != std::string::npos);
  }

  TEST_CASE_FIXTURE(World, "the history says what left, the latest first") {
    reach();
    tell({create("a"), create("b")});
    tell(answered("m1", {.status = 201}), kNoon + 1s);
    tell(answered("m2", {.status = 422}), kNoon + 2s);
    tell(Retry{"m2", "again"}, kNoon + 3s);
    CHECK(query::history(db, 10) ==
          R"([{"id":"m2","kind":"create","collection":"order","record":"b","reason":"replaced",)"
          R"("at":43203000,"successor":"again"},)"
          R"({"id":"m1","kind":"create","collection":"order","record":"a","reason":"accepted",)"
          R"("at":43201000}])");
    CHECK(query::history(db, 1).find("m1") == std::string::npos);
    CHECK(query::history(db, 0) == "[]");
  }
}
