// The Views are what an app's own SQL sees: one a collection, of its name, with
// id, the fields that the app declares for it, and the whole record as body.
// They live in the TEMP schema and are made when they are first asked for.

#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "../protocol.h"
#include "filter.h"
#include "sqlite.h"

namespace holdfast::views {

inline constexpr Duration kPatience = std::chrono::seconds(1);
inline constexpr std::size_t kMaxRows = 100'000;
inline constexpr std::size_t kMaxBytes = 32 << 20;

// Answers a SELECT over the views: {"reads": […], "rows": […]}, the collections that it reads and
// its rows, each an object by the names of its columns. A column that is called like a field of a
// view it reads is converted back by the type that is declared for it.
//
// "clock" is the host's, asked now and then while the statement runs. Past kPatience it is ended,
// "too-slow"; whatever is no such SELECT, or answers too much, is refused as "bad-query".
std::variant<Json, Refusal> select(Database& db, const Config& config, const std::string& sql,
                                   const std::vector<Scalar>& parameters,
                                   const std::function<Time()>& clock);

}  // namespace holdfast::views
