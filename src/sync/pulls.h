// The Pulls bring what is new at the server, page by page. A pull changes bases; what is unsettled
// stays on top.

#pragma once

#include "../protocol.h"
#include "../store/store.h"
#include "turn.h"

namespace holdfast {

class Pulls {
 public:
  // Both must outlive the Pulls.
  Pulls(Store& store, const Config& config) : store_(store), config_(config) {}

  Result pull(const Pull&, Turn&);
  Result pulled(const Pulled&, Turn&);

 private:
  void fetch_page(const std::string& collection, Cursor cursor, Turn&);
  void end(const std::string& collection, Cursor cursor, const Json& problem, Turn&);
  void take(const Key& key, const std::optional<Json>& version, std::int64_t since);

  Store& store_;
  const Config& config_;
};

}  // namespace holdfast
