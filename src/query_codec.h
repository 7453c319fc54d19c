// The part of codec that reads what an app asks for: web/protocol.ts's Query, and
// the parameters of SQL.

#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "store/filter.h"
#include "value.h"

namespace holdfast::codec {

// A query that cannot be answered as it was asked.
class BadQuery : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws BadQuery; also for what is no path where a field is named.
Query query(const Value& v);

// At most what a list answers at all. Throws BadQuery.
std::int64_t limit(const Value& v);

// An object or an array as its JSON text. Throws BadQuery.
std::vector<Scalar> parameters(const Value& v);

}  // namespace holdfast::codec
