// A JSON text as a value to walk and to change, its members in their order.
// json and codec share it, so that nlohmann/json's parser is compiled once.

#pragma once

// Its asserts would weigh 2 KB after gzip and check only itself; its streams, a third of it.
#define JSON_ASSERT(condition) static_cast<void>(0)
#define JSON_NO_IO 1
#include <nlohmann/json.hpp>
#include <string>

namespace holdfast {

using Value = nlohmann::ordered_json;

// Whether integers past 2^53 may be read, which JSON does not carry exactly.
enum class Integers { exact, any };

// Reads a text, or says in "flaw" what is wrong with it and answers null. Wrong
// is also a member called "__proto__" and more than "levels" levels: what is
// too deep is never built, for copying and writing it down are recursive.
Value read(const std::string& text, int levels, Integers integers, std::string& flaw);

}  // namespace holdfast
