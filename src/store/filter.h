// A Query says which records are wanted and in what order; here it becomes SQL.
// Values are bound, and of names only those the app declared for an index ever
// stand in a statement, which is also what makes SQLite use it.
//
// What is absent is null, true and false are 1 and 0, an object or an array is
// its JSON text. null comes before numbers, numbers before text, and text is in
// the order of its code points. Of every record a condition holds or does not:
// one that compares with null by order does not.

#pragma once

#include <string>
#include <variant>
#include <vector>

#include "../protocol.h"
#include "sqlite.h"

namespace holdfast {

using Scalar = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string>;

struct Condition {
  enum class Op { eq, ne, lt, lte, gt, gte, in, like, prefix, is_null, all, any, none };

  Op op = Op::all;
  std::string field = {};               // A path as "address.city"; not of all, any and none.
  std::vector<Scalar> values = {};      // One, but for "in".
  std::vector<Condition> parts = {};    // Of all, any and none.
};

struct Query {
  Condition where = {};
  std::vector<std::string> order_by = {};  // "-" before a field: descending. By id in the end.
  // The row that the list goes on behind: its values of order_by, then its id. Empty: none.
  std::vector<Scalar> after = {};
  std::int64_t limit = 1000;
  std::int64_t offset = 0;
};

namespace filter {

// A SELECT of "what" of the records that match, sorted, or without "sorted" of
// all that match, in no order, whatever "after", "limit" and "offset" say.
struct Sql {
  std::string text;
  std::vector<Scalar> values;
};
Sql select(const char* what, const std::string& name, const Collection& collection,
           const Query& query, bool sorted);

void bind(Statement& statement, const std::vector<Scalar>& values);

}  // namespace filter
}  // namespace holdfast
