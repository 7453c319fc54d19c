// The Store is all tables together, read and written inside the caller's transaction.

#pragma once

#include "counters.h"
#include "cursors.h"
#include "history.h"
#include "outbox.h"
#include "records.h"
#include "references.h"
#include "sessions.h"
#include "sqlite.h"

namespace holdfast {

struct Store {
  explicit Store(Database& database) : db(database) {}  // It must outlive the Store.
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Database& db;
  Counters counters;  // Of the step under way.
  Records records{db};
  Outbox outbox{db, counters};
  References references{db};
  History history{db};
  Sessions sessions{db};
  Cursors cursors{db};
};

}  // namespace holdfast
