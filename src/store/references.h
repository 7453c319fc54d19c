// The References say which unsettled mutations are of records that refer to a record, so that a
// delete of it can wait for them. They are read and written inside the caller's transaction.

#pragma once

#include <vector>

#include "../types.h"
#include "sqlite.h"

namespace holdfast {

class References {
 public:
  explicit References(Database& db) : db_(db) {}  // "db" must outlive the References.

  void add(Seq seq, const std::vector<Key>& records);
  void remove(Seq seq);

  // The mutations of records that refer to this one, at most "limit".
  std::vector<Seq> of(const Key& record, std::int64_t limit);

 private:
  Database& db_;
};

}  // namespace holdfast
