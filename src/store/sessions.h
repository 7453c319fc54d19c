// The Sessions are who speaks with the engine: how far each client's writes have been applied, so
// that a call can be repeated blindly.

#pragma once

#include <optional>
#include <string_view>

#include "../protocol.h"
#include "sqlite.h"

namespace holdfast {

class Sessions {
 public:
  explicit Sessions(Database& db) : db_(db) {}  // "db" must outlive the Sessions.

  // Whether this write was answered before; then with what refusal, or nothing
  // if it was applied. One that comes before an earlier one of its client is
  // refused with kGap, which is not remembered: taken now it would be out of order.
  struct Answer {
    std::optional<Refusal> refusal;
  };
  std::optional<Answer> answered(const Write& write);
  static constexpr std::string_view kGap = "take-journal-first";

  std::string any();  // The id of one client; empty: there was none yet.

  // Remembers the answer to a write, and forgets what the client acknowledged.
  void answer(const Write& write, const std::optional<Refusal>& refusal);

 private:
  Database& db_;
};

}  // namespace holdfast
