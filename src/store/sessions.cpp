#include "sessions.h"

#include <algorithm>

namespace holdfast {
namespace {

const Refusal kSkipped{"storage",
                       "It was not recorded: a later change of the same page came before it."};

std::string client(const Write& write) { return "client/" + write.client; }

// The key of what a client's write of that number was answered; sorts by the number as text.
std::string past(const Write& write, std::int64_t number) {
  std::string digits = std::to_string(number);
  return "past/" + write.client + "/" + std::string(16 - digits.size(), '0') + digits;
}

}  // namespace

std::optional<Sessions::Answer> Sessions::answered(const Write& write) {
  Statement applied(db_, "SELECT number FROM hf_meta WHERE key = ?", client(write));
  if (!applied.next() || applied.integer(0) < write.number) return std::nullopt;
  Statement row(db_, "SELECT text FROM hf_meta WHERE key = ? AND text IS NOT NULL",
                past(write, write.number));
  if (!row.next()) return was_skipped(write) ? Answer{kSkipped} : Answer{};
  std::string text = row.text(0);
  auto end = text.find('\n');
  return Answer{Refusal{text.substr(0, end), text.substr(end + 1)}};
}

std::string Sessions::any() {
  Statement row(db_, "SELECT key FROM hf_meta WHERE key BETWEEN 'client/' AND 'client0' LIMIT 1");
  return row.next() ? row.text(0) : "";
}

// Whether a later write was taken before this one came.
bool Sessions::was_skipped(const Write& write) {
  Statement row(db_,
                "SELECT number FROM hf_meta WHERE key BETWEEN ? AND ? AND text IS NULL"
                " ORDER BY key DESC LIMIT 1",
                past(write, 0), past(write, write.number));
  return row.next() && row.integer(0) >= write.number;
}

// Remembers the writes that this one overtakes. Taken after it they would be out of order.
void Sessions::skip(const Write& write) {
  if (write.number == write.acknowledged + 1) return;
  Statement applied(db_, "SELECT number FROM hf_meta WHERE key = ?", client(write));
  std::int64_t before = applied.next() ? applied.integer(0) : 0;
  before = std::max(before, write.acknowledged);
  if (write.number <= before + 1) return;
  Statement(db_, "INSERT OR REPLACE INTO hf_meta (key, number) VALUES (?,?)",
            past(write, before + 1), write.number - 1)
      .run();
}

void Sessions::answer(const Write& write, const std::optional<Refusal>& refusal) {
  skip(write);
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
