#include "sessions.h"

namespace holdfast {
namespace {

std::string client(const Write& write) { return "client/" + write.client; }

// Sorts by number as text.
std::string refused(const Write& write, std::int64_t number) {
  std::string digits = std::to_string(number);
  return "refused/" + write.client + "/" + std::string(16 - digits.size(), '0') + digits;
}

}  // namespace

Epoch Sessions::epoch() {
  Statement row(db_, "SELECT number FROM hf_meta WHERE key = 'epoch'");
  row.next();
  return row.integer(0);
}

void Sessions::open() {
  Statement(db_, "UPDATE hf_meta SET number = number + 1 WHERE key = 'epoch'").run();
}

std::optional<Sessions::Answer> Sessions::answered(const Write& write) {
  Statement applied(db_, "SELECT number FROM hf_meta WHERE key = ?", client(write));
  if (!applied.next() || applied.integer(0) < write.number) return std::nullopt;
  Statement row(db_, "SELECT text FROM hf_meta WHERE key = ?", refused(write, write.number));
  if (!row.next()) return Answer{};
  std::string text = row.text(0);
  auto end = text.find('\n');
  return Answer{Refusal{text.substr(0, end), text.substr(end + 1)}};
}

void Sessions::answer(const Write& write, const std::optional<Refusal>& refusal) {
  Statement(db_,
            "INSERT INTO hf_meta (key, number, text) VALUES (?,?,?)"
            " ON CONFLICT (key) DO UPDATE SET number = max(number, excluded.number),"
            " text = excluded.text",
            client(write), write.number, std::to_string(write.at.time_since_epoch().count()))
      .run();
  if (refusal)
    Statement(db_, "INSERT OR REPLACE INTO hf_meta (key, text) VALUES (?,?)",
              refused(write, write.number), refusal->code + "\n" + refusal->message)
        .run();
  Statement(db_, "DELETE FROM hf_meta WHERE key BETWEEN ? AND ?", refused(write, 0),
            refused(write, write.acknowledged))
      .run();
}

}  // namespace holdfast
