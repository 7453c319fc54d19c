// Our tables in a database over files in memory, and what is in them.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/schema.h"
#include "store/sqlite.h"
#include "store/vfs.h"

namespace holdfast::test {

// A clock that stands still.
inline Time still() { return Time{}; }

struct Tables {
  explicit Tables(const std::map<std::string, Collection>& collections = {}) {
    schema::prepare(db);
    schema::declare(db, collections);
  }

  // The first column of what a statement answers: all rows, or the first.
  std::vector<std::string> texts(const std::string& sql) {
    std::vector<std::string> texts;
    Statement row(db, sql);
    while (row.next()) texts.push_back(row.text(0));
    return texts;
  }
  std::int64_t number(const std::string& sql) {
    Statement row(db, sql);
    return row.next() ? row.integer(0) : -1;
  }

  MemoryFiles files;
  Vfs vfs{files.backend()};
  Database db{vfs};
};

}  // namespace holdfast::test
