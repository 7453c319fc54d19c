#include "sessions.h"

#include <algorithm>

namespace holdfast {
namespace {

const Refusal kTooEarly{std::string(Sessions::kGap),
                        "An earlier change of the same page is missing."};

std::string client(const Write& write) { return "client/" + write.client; }

// The key of what a client's write of that number was answered; sorts by the number as text.
std::string past(const Write& write, std::int64_t number) {
  std::string digits = std::to_string(number);
  return "past/" + write.client + "/" + std::string(16 - digits.size(), '0') + digits;
}

}  // namespace

std::optional<Sessions::Answer> Sessions::answered(const Write& write) {
  Statement row_of_client(db_, "SELECT number FROM hf_meta WHERE key = ?", client(write));
  const std::int64_t applied = row_of_client.next() ? row_of_client.integer(0) : 0;
  if (write.number > std::max(applied, write.acknowledged) + 1) return Answer{kTooEarly};
  if (write.number > applied) return std::nullopt;
  Statement row(db_, "SELECT text FROM hf_meta WHERE key = ? AND text IS NOT NULL",
                past(write, write.number));
  if (!row.next()) return Answer{};
  std::string text = row.text(0);
  auto end = text.find('\n');
  return Answer{Refusal{text.substr(0, end), text.substr(end + 1)}};
}

std::string Sessions::any() {
  Statement row(db_, "SELECT key FROM hf_meta WHERE key BETWEEN 'client/' AND 'client0' LIMIT 1");
  return row.next() ? row.text(0) : "";
}

void Sessions::answer(const Write& write, const std::optional<Refusal>& refusal) {
  Statement(db_,
            "INSERT INTO hf_meta (key, number, text) VALUES (?,?,?)"
            " ON CONFLICT (key) DO UPDATE SET number = max(number, excluded.number),"
            " text = excluded.text",
            client(write), write.number, std::to_string(write.at.time_since_epoch().count()))
      .run();
  if (refusal)
    Statement(db_, "INSERT OR REPLACE INTO hf_meta (key, number, text) VALUES (?,?,?)",
              past(write, write.number), write.number, refusal->code + "\n" + refusal->message)
        .run();
  Statement(db_, "DELETE FROM hf_meta WHERE key BETWEEN ? AND ? AND number <= ?", past(write, 0),
            past(write, write.acknowledged), write.acknowledged)
      .run();
}

}  // namespace holdfast
