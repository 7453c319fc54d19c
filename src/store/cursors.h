// The Cursors say how far each collection has been pulled, and which page is
// under way. They are read and written inside the caller's transaction.

#pragma once

#include <optional>

#include "../types.h"
#include "sqlite.h"

namespace holdfast {

struct Cursor {
  std::string text;         // What the server gave last; empty: from the beginning.
  std::int64_t pull = 0;    // Numbers the page under way; 0: none.
  std::int64_t since = 0;   // The count of confirmations when that page was asked for.
  std::int64_t pulled = 0;  // Records and deletions that this pull brought so far.
};

class Cursors {
 public:
  explicit Cursors(Database& db) : db_(db) {}  // "db" must outlive the Cursors.

  Cursor find(const std::string& collection);
  void save(const std::string& collection, const Cursor& cursor);

  // Ends all pulls: the last session ended before their answers came.
  void recover();

 private:
  Database& db_;
};

}  // namespace holdfast
