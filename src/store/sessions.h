// The Sessions are who speaks with the engine: how far each client's writes have been applied, so
// that a call can be repeated blindly.

#pragma once

#include <optional>

#include "../protocol.h"
#include "sqlite.h"

namespace holdfast {

class Sessions {
 public:
  explicit Sessions(Database& db) : db_(db) {}  // "db" must outlive the Sessions.

  // Whether this write was answered before; then with what refusal, or nothing
  // if it was applied. One that a later write of its client overtook on the
  // way is refused: it was not recorded, and now it would be out of order.
  struct Answer {
    std::optional<Refusal> refusal;
  };
  std::optional<Answer> answered(const Write& write);

  std::string any();  // The id of one client; empty: there was none yet.

  // Remembers the answer to a write, and forgets what the client acknowledged.
  void answer(const Write& write, const std::optional<Refusal>& refusal);

 private:
  bool was_skipped(const Write& write);
  void skip(const Write& write);

  Database& db_;
};

}  // namespace holdfast
