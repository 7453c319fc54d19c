#include "references.h"

namespace holdfast {

void References::add(Seq seq, const std::vector<Key>& records) {
  for (const auto& record : records)
    Statement(db_, "INSERT OR IGNORE INTO hf_reference (collection, record, seq) VALUES (?,?,?)",
              record.collection, record.id, seq)
        .run();
}

void References::remove(Seq seq) {
  Statement(db_, "DELETE FROM hf_reference WHERE seq = ?", seq).run();
}

std::vector<Seq> References::of(const Key& record, std::int64_t limit) {
  Statement rows(db_,
                 "SELECT seq FROM hf_reference WHERE collection = ? AND record = ?"
                 " ORDER BY seq LIMIT ?",
                 record.collection, record.id, limit);
  std::vector<Seq> seqs;
  while (rows.next()) seqs.push_back(rows.integer(0));
  return seqs;
}

}  // namespace holdfast
