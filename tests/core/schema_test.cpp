#include "store/schema.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tables.h"

using namespace holdfast;
using test::Tables;
using Texts = std::vector<std::string>;
using Collections = std::map<std::string, Collection>;

namespace {

struct SchemaTest : Tables {
  // The statements that made the declared indexes, without their names.
  Texts indexes() {
    return texts("SELECT substr(sql, instr(sql, ' ON hf_record')) FROM sqlite_schema"
                 " WHERE name GLOB 'hf_index_*' ORDER BY 1");
  }
  Texts names() {
    return texts("SELECT name FROM sqlite_schema WHERE name GLOB 'hf_index_*' ORDER BY 1");
  }
};

Collections with_indexes(const std::vector<std::vector<std::string>>& indexes) {
  return {{"order", {.path = "/orders", .indexes = indexes}}};
}

const std::string kOrders = " WHERE collection = 'order' AND body IS NOT NULL";

// All bytes of a database's files.
std::vector<std::vector<std::byte>> contents(MemoryFiles& files) {
  Backend backend = files.backend();
  std::vector<std::vector<std::byte>> contents;
  for (File file : {File::main, File::wal, File::journal}) {
    contents.emplace_back(static_cast<std::size_t>(backend.size(backend.self, file)));
    backend.read(backend.self, file, contents.back(), 0);
  }
  return contents;
}

}  // namespace

TEST_SUITE("schema") {
  TEST_CASE_FIXTURE(SchemaTest, "the tables begin empty, all of our own with hf_") {
    CHECK(texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") ==
          Texts{"hf_alias", "hf_cursor", "hf_dependency", "hf_doubt", "hf_history",
                "hf_meta", "hf_outbox", "hf_reachability", "hf_record", "hf_reference",
                "hf_seen"});
    CHECK(texts("SELECT key || ' ' || number FROM hf_meta ORDER BY key") ==
          Texts{"#ahead least 0", "#ahead most 0", "#confirmations 0", "#dead 0", "#epoch 0",
                "#in flight 0", "#latest 0", "#pull 0", "#pulled 0", "#pulling 0", "#seq 0",
                "#single 0", "#unsettled 0"});
    CHECK(number("SELECT count(*) FROM hf_reachability") == 1);
    CHECK(number("PRAGMA user_version") == 1);
    CHECK(texts("PRAGMA table_list").size() == 13);  // And SQLite's two.
    CHECK(number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                 " AND name GLOB 'hf_*' AND sql GLOB '*) STRICT*'") == 11);
  }

  TEST_CASE_FIXTURE(SchemaTest, "preparing again changes nothing, and writes nothing") {
    db.exec("UPDATE hf_meta SET number = 7 WHERE key = '#epoch'");
    std::int64_t writes = vfs.traffic().writes;
    schema::prepare(db);
    CHECK(number("SELECT number FROM hf_meta WHERE key = '#epoch'") == 7);
    CHECK(vfs.traffic().writes == writes);
  }

  TEST_CASE("a file of a newer version is refused, and not touched") {
    MemoryFiles files;
    {
      Vfs vfs(files.backend());
      Database db(vfs);
      schema::prepare(db);
      db.exec("PRAGMA user_version = 2");
      db.checkpoint();
    }
    auto before = contents(files);
    {
      Vfs vfs(files.backend());
      Database db(vfs);
      std::int64_t writes = vfs.traffic().writes;
      std::string reason;
      try {
        schema::prepare(db);
      } catch (const schema::Newer& newer) {
        reason = newer.what();
      }
      CHECK(reason == "version 2, known is 1");
      CHECK(vfs.traffic().writes == writes);
    }
    CHECK(contents(files) == before);
  }

  TEST_CASE_FIXTURE(SchemaTest, "the indexes are those that the app declares, spelt as in lists") {
    schema::declare(db, with_indexes({{"done", "-createdAt"}, {"title"}}));
    CHECK(indexes() ==
          Texts{" ON hf_record (" + schema::column("done") + ", " + schema::column("createdAt") +
                    " DESC, id)" + kOrders,
                " ON hf_record (" + schema::column("title") + ", id)" + kOrders});

    SUBCASE("and once declared, nothing is done about them again") {
      auto before = names();
      std::int64_t writes = vfs.traffic().writes;
      schema::declare(db, with_indexes({{"title"}, {"done", "-createdAt"}}));
      CHECK(names() == before);
      CHECK(vfs.traffic().writes == writes);
    }
    SUBCASE("those no longer declared are dropped, the others stay") {
      schema::declare(db, with_indexes({{"title"}, {"n"}}));
      CHECK(indexes() == Texts{" ON hf_record (" + schema::column("n") + ", id)" + kOrders,
                               " ON hf_record (" + schema::column("title") + ", id)" + kOrders});
    }
    SUBCASE("and of a collection that is no longer there none is left") {
      schema::declare(db, {});
      CHECK(indexes().empty());
    }
    SUBCASE("nor are our own touched") {
      CHECK(number("SELECT count(*) FROM sqlite_schema WHERE type = 'index'"
                   " AND name GLOB 'hf_outbox_*'") == 4);
    }
    SUBCASE("one that descends is another than one that does not") {
      auto before = names();
      schema::declare(db, with_indexes({{"done", "createdAt"}, {"title"}}));
      CHECK(indexes().size() == 2);
      CHECK(names() != before);
    }
  }

  TEST_CASE_FIXTURE(SchemaTest, "the same declared twice is one, and each collection has its own") {
    schema::declare(db, {{"order", {.path = "/o", .indexes = {{"n"}, {"n"}}}},
                         {"Order", {.path = "/O", .indexes = {{"n"}}}}});
    CHECK(indexes() ==
          Texts{" ON hf_record (" + schema::column("n") + ", id) WHERE collection = 'Order'"
                " AND body IS NOT NULL",
                " ON hf_record (" + schema::column("n") + ", id)" + kOrders});
  }

  TEST_CASE_FIXTURE(SchemaTest, "an index can be declared when there are records already") {
    for (int i = 0; i < 100; ++i)
      Statement(db, "INSERT INTO hf_record (collection, id, body, confirmed) VALUES (?,?,?,0)",
                "order", "r" + std::to_string(i), R"({"n":)" + std::to_string(i % 7) + "}")
          .run();
    schema::declare(db, with_indexes({{"n"}}));
    CHECK(number("SELECT count(*) FROM hf_record WHERE collection = 'order'"
                 " AND body IS NOT NULL AND " + schema::column("n") + " = 3") == 14);
    CHECK(texts("PRAGMA integrity_check") == Texts{"ok"});
  }

  TEST_CASE("an identifier is a letter or _, and up to 63 of these and digits") {
    for (const std::string name : {"a", "_", "Z9", "createdAt", "select", "hf_record", "__proto__"})
      CHECK(schema::identifier(name));
    CHECK(schema::identifier(std::string(64, 'x')));
    for (const std::string name : {"", "9", "9a", "a b", "a-b", "a.b", "a'b", "a\"b", "ä", "a\n",
                                   "-a", "$a", "a)", "a;"})
      CHECK_FALSE(schema::identifier(name));
    CHECK_FALSE(schema::identifier(std::string(65, 'x')));
    CHECK_FALSE(schema::identifier(std::string("a\0b", 3)));
  }
}
