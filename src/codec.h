// JSON on the boundary ⇄ Event, Config, Step and the reads. With json the only
// place that knows nlohmann/json. The names are those of web/protocol.ts.

#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol.h"
#include "store/sqlite.h"

namespace holdfast::codec {

// A text that no host of ours would send: a bug, or a page of another version.
// Nothing was done.
class Malformed : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws Malformed; also for names of collections and fields that are no
// identifiers.
Config config(const std::string& text);
std::vector<Event> events(const std::string& text);

Json step(const Step& step);

// {"error": {"code": …, "message": …}}
Json error(const std::string& code, const std::string& message);

// Answers one of web/protocol.ts's Read, or an error(): "unknown-collection",
// "bad-query" or "too-slow", says the host's clock. Throws StorageError.
Json read(Database& db, const Config& config, const std::string& text,
          const std::function<Time()>& clock);

}  // namespace holdfast::codec
