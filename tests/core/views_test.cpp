#include "store/views.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "codec.h"
#include "store/records.h"
#include "tables.h"

using namespace holdfast;
using namespace holdfast::test;
using Value = nlohmann::ordered_json;

namespace {

Config viewed() {
  Config config;
  config.collections["task"] = {.path = "/tasks",
                                .indexes = {{"done", "-n"}},
                                .fields = {{"done", FieldType::boolean},
                                           {"n", FieldType::number},
                                           {"title", FieldType::text},
                                           {"tags", FieldType::json},
                                           {"place.city", FieldType::text}}};
  config.collections["order"] = {.path = "/orders", .fields = {{"n", FieldType::boolean}}};
  return config;
}

struct ViewsTest : Tables {
  ViewsTest() : Tables(viewed().collections) {
    save("task", "a", R"({"id":"a","done":true,"n":1,"title":"Valve","tags":["x",1]})");
    save("task", "b", R"({"id":"b","done":false,"n":2.5,"title":"1","tags":"x",)"
                      R"("place":{"city":"Chur"}})");
    save("task", "c", R"({"id":"c","n":9007199254740991,"done":null,"tags":null})");
    save("order", "o", R"({"id":"o","n":true})");
    Records(db).save({"task", "deleted"}, {.base = R"({"n":1})", .head = 7, .tail = 7});
  }

  void save(const std::string& collection, const std::string& id, const Json& body) {
    Records(db).save({collection, id}, {.body = body, .base = body});
  }

  std::string answer(const std::string& sql, const Value& params = Value::array()) {
    Value read = {{"type", "sql"}, {"sql", sql}, {"params", params}};
    return codec::read(db, config, read.dump(), clock);
  }
  std::string rows(const std::string& sql, const Value& params = Value::array()) {
    std::string text = answer(sql, params);
    Value value = Value::parse(text);
    return value.contains("rows") ? value["rows"].dump() : text;
  }
  // What it is refused with; empty: it is not.
  std::string refusal(const std::string& sql, const Value& params = Value::array()) {
    Value value = Value::parse(answer(sql, params));
    if (!value.contains("error")) return "";
    CHECK(value["error"]["code"] == "bad-query");
    return value["error"]["message"];
  }

  Config config = viewed();
  std::function<Time()> clock = still;
};

}  // namespace

TEST_SUITE("views") {
  TEST_CASE_FIXTURE(ViewsTest, "a row has what the app declared, of the type that it declared") {
    CHECK(rows("SELECT * FROM task ORDER BY id LIMIT 2") ==
          R"([{"id":"a","done":true,"n":1,"place.city":null,"tags":["x",1],"title":"Valve",)"
          R"("body":{"id":"a","done":true,"n":1,"title":"Valve","tags":["x",1]}},)"
          R"({"id":"b","done":false,"n":2.5,"place.city":"Chur","tags":"x","title":"1",)"
          R"("body":{"id":"b","done":false,"n":2.5,"title":"1","tags":"x",)"
          R"("place":{"city":"Chur"}}}])");
    CHECK(rows("SELECT n, done, tags FROM task WHERE id = 'c'") ==
          R"([{"n":9007199254740991,"done":null,"tags":null}])");
    CHECK(rows("SELECT count(*) AS count, sum(n) AS sum FROM task WHERE id < 'c'") ==
          R"([{"count":2,"sum":3.5}])");
    CHECK(rows("SELECT body ->> 'title' AS t FROM TASK t WHERE \"place.city\" = 'Chur'") ==
          R"([{"t":"1"}])");
    CHECK(rows("SELECT n FROM \"order\"") == R"([{"n":true}])");
    // Two types under one name: as SQLite has it.
    CHECK(rows("SELECT \"order\".n FROM task, \"order\" WHERE task.n = 1") == R"([{"n":1}])");

    SUBCASE("what is called like a field and is none stays what it is") {
      CHECK(rows("SELECT count(*) + 1 AS done FROM task WHERE done") == R"([{"done":2}])");
      CHECK(rows("SELECT title AS tags FROM task WHERE tags IS NOT NULL AND id = 'a'") ==
            R"([{"tags":"Valve"}])");
    }
    SUBCASE("whatever SQL answers is JSON") {
      CHECK(rows("SELECT 1e999 AS i, -0.5 AS r, '\"\\' || char(10, 0, 128295) AS t") ==
            R"([{"i":null,"r":-0.5,"t":"\"\\\n\u0000🔧"}])");
      CHECK(refusal("SELECT x'00' AS b").find("blob") != std::string::npos);
      CHECK(refusal("SELECT id, id FROM task").find("Two columns") != std::string::npos);
    }
  }

  TEST_CASE_FIXTURE(ViewsTest, "it says which collections it reads") {
    auto reads = [&](const std::string& sql) { return Value::parse(answer(sql))["reads"].dump(); };
    CHECK(reads("SELECT 1 AS one") == "[]");
    CHECK(reads("SELECT count(*) AS n FROM task") == R"(["task"])");
    CHECK(reads("SELECT id FROM task WHERE id IN (SELECT id FROM \"order\")") ==
          R"(["order","task"])");
    CHECK(reads("WITH t AS (SELECT id FROM task) SELECT count(*) AS n FROM t") == R"(["task"])");
  }

  TEST_CASE_FIXTURE(ViewsTest, "parameters of every JSON type arrive as they are") {
    const Value given = Value::parse(
        R"([null,true,false,0,-1,9007199254740991,-9007199254740991,9007199254740992,0.1,1e300,)"
        R"("","it's 🔧; --",["a",{"b":null}],{"c":1.5}])");
    std::string sql = "SELECT ";
    for (std::size_t i = 0; i < given.size(); ++i)
      sql += (i ? ", ? AS p" : "? AS p") + std::to_string(i);
    CHECK(rows(sql, given) ==
          R"([{"p0":null,"p1":1,"p2":0,"p3":0,"p4":-1,"p5":9007199254740991,)"
          R"("p6":-9007199254740991,"p7":9007199254740992,"p8":0.1,"p9":1e+300,)"
          R"("p10":"","p11":"it's 🔧; --","p12":"[\"a\",{\"b\":null}]","p13":"{\"c\":1.5}"}])");
    CHECK(rows("SELECT id FROM task WHERE done = ? AND n = ?", Value::parse("[true,1]")) ==
          R"([{"id":"a"}])");
    CHECK(rows("SELECT ? ->> 'c' AS c", Value::parse(R"([{"c":1.5}])")) == R"([{"c":1.5}])");
    CHECK(rows("SELECT ?2 AS b, ?1 AS a", Value::parse("[1,2]")) == R"([{"b":2,"a":1}])");
    CHECK(refusal("SELECT ? AS a").find("takes 1 parameters, and 0") != std::string::npos);
    CHECK(refusal("SELECT 1 AS a", Value::parse("[1]")).find("takes 0") != std::string::npos);
  }

  TEST_CASE_FIXTURE(ViewsTest, "the indexes that the app declares serve SQL too") {
    std::string plan =
        rows("EXPLAIN QUERY PLAN SELECT id FROM task WHERE done = 1 ORDER BY n DESC");
    CHECK(plan.find("USING INDEX hf_index_task_") != std::string::npos);
    CHECK(plan.find("B-TREE") == std::string::npos);
  }

  TEST_CASE_FIXTURE(ViewsTest, "it reads the views, and nothing else") {
    CHECK(refusal("SELECT 1 AS a; ") == "");
    CHECK(refusal("WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT 3)"
                  " SELECT count(*) AS c FROM i") == "");
    CHECK(refusal("VALUES (1)") == "");
    const std::string before = rows("SELECT * FROM task");
    for (const std::string sql : {
             "", ";", "-- nothing", "SELEC", "SELECT 1 AS a; SELECT 2 AS b",
             "SELECT 1 AS a; DELETE FROM task",
             "SELECT * FROM hf_outbox", "SELECT count(*) FROM hf_record", "SELECT 1 FROM HF_Record",
             "SELECT * FROM \"hf_record\"", "SELECT * FROM main.hf_record",
             "SELECT * FROM [hf_meta]",
             "WITH task AS (SELECT base FROM hf_record) SELECT * FROM task",
             "SELECT * FROM (SELECT base FROM hf_record) AS task",
             "SELECT * FROM sqlite_schema", "SELECT count(*) FROM sqlite_temp_schema",
             "SELECT * FROM main.sqlite_master", "SELECT head FROM task", "SELECT base FROM task",
             "SELECT * FROM json_each('[1]')", "SELECT * FROM pragma_table_info('task')",
             "SELECT * FROM nowhere", "SELECT rowid FROM task",
             "INSERT INTO task (id) VALUES ('x')", "DELETE FROM task", "UPDATE task SET done = 1",
             "DELETE FROM hf_record", "DROP VIEW task", "DROP TABLE hf_record",
             "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)", "CREATE TEMP VIEW x AS SELECT 1",
             "CREATE INDEX x ON hf_record (id)", "PRAGMA user_version", "PRAGMA user_version = 7",
             "PRAGMA synchronous = OFF", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT x",
             "ATTACH 'x' AS x", "DETACH main", "VACUUM", "VACUUM INTO 'x'", "ANALYZE", "REINDEX",
             "EXPLAIN DELETE FROM task", "EXPLAIN QUERY PLAN DELETE FROM hf_record",
             "SELECT random() AS r", "SELECT randomblob(9) AS r", "SELECT zeroblob(9) AS z",
             "SELECT changes() AS c", "SELECT last_insert_rowid() AS c",
             "SELECT load_extension('x') AS c", "SELECT sqlite_version() AS v",
         }) {
      CAPTURE(sql);
      CHECK(refusal(sql) != "");
    }
    CHECK(refusal(std::string("SELECT 1 AS a\0; DELETE FROM task", 33)) != "");
    CHECK(rows("SELECT * FROM task") == before);
    // Nothing of it holds for statements of our own.
    CHECK(number("SELECT count(*) FROM hf_record") == 5);
    db.exec("PRAGMA user_version = 1");
  }

  TEST_CASE_FIXTURE(ViewsTest, "one that runs for longer than a second is ended") {
    Time now{};
    int asked = 0;
    clock = [&] {
      ++asked;
      return now += Duration(100);
    };
    const std::string endless = "WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i)"
                                " SELECT count(*) AS c FROM i";
    CHECK(answer(endless) == R"({"error":{"code":"too-slow",)"
                             R"("message":"The query took longer than 1 s."}})");
    CHECK(asked == 11);
    SUBCASE("and what comes after it runs") {
      CHECK(rows("SELECT count(*) AS c FROM task") == R"([{"c":3}])");
      CHECK(number("SELECT count(*) FROM hf_record") == 5);
    }
    SUBCASE("also where it answers rows all the while") {
      CHECK(answer("WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i)"
                   " SELECT n FROM i").find("too-slow") != std::string::npos);
    }
  }

  TEST_CASE_FIXTURE(ViewsTest, "what answers too much, or asks too much of SQLite, is refused") {
    const std::string many = "WITH RECURSIVE i (n) AS"
                             " (SELECT 1 UNION ALL SELECT n + 1 FROM i LIMIT ?) SELECT n FROM i";
    CHECK(refusal(many, Value::array({100'000})) == "");
    CHECK(refusal(many, Value::array({100'001})).find("use LIMIT") != std::string::npos);
    CHECK(refusal("SELECT printf('%99999999d', 1) AS p") != "");
    auto nested = [](int depth) {
      std::string sql;
      for (int i = 0; i < depth; ++i) sql += "SELECT * FROM (";
      return sql + "SELECT 1 AS a" + std::string(static_cast<std::size_t>(depth), ')');
    };
    CHECK(refusal(nested(10)) == "");
    CHECK(refusal(nested(5'000)) != "");
    CHECK(refusal("SELECT " + std::string(20'000, '(') + "1" + std::string(20'000, ')')) != "");
    CHECK(refusal("SELECT 1 AS a " + std::string(200'000, ' ')) != "");
  }
}
