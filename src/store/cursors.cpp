#include "cursors.h"

namespace holdfast {

Cursor Cursors::find(const std::string& collection) {
  Statement row(db_, "SELECT cursor, pull, since, pulled FROM hf_cursor WHERE collection = ?",
                collection);
  if (!row.next()) return {};
  return {row.text(0), row.integer(1), row.integer(2), row.integer(3)};
}

void Cursors::save(const std::string& collection, const Cursor& cursor) {
  Statement(db_,
            "INSERT OR REPLACE INTO hf_cursor (collection, cursor, pull, since, pulled)"
            " VALUES (?,?,?,?,?)",
            collection, cursor.text, cursor.pull, cursor.since, cursor.pulled)
      .run();
}

void Cursors::recover() {
  Statement(db_, "UPDATE hf_cursor SET pull = 0 WHERE pull <> 0").run();
}

}  // namespace holdfast
