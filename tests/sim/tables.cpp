// What the tables must hold, row by row, if the Ledger is right.

#include <algorithm>

#include "sim/ledger.h"
#include "store/counters.h"

namespace holdfast::sim {
namespace {

std::string show(const std::optional<Body>& body) { return body ? text_of(*body) : "nothing"; }

std::string show(const Name& name) { return name.first + "/" + name.second; }

std::string show(const std::map<Seq, Why>& waits) {
  std::string text;
  for (auto [on, why] : waits)
    text += " " + std::to_string(on) + ":" + std::to_string(static_cast<int>(why));
  return text.empty() ? " nothing" : text;
}

}  // namespace

std::optional<std::string> Ledger::mismatch(Database& db) const {
  Ends ends;
  if (auto why = outbox_mismatch(db, ends)) return why;
  if (auto why = record_mismatch(db, ends)) return why;
  constexpr std::size_t latest = 4;
  return history_mismatch(db, latest);
}

std::optional<std::string> Ledger::memory_mismatch(Database& db) const {
  for (const auto& [name, client] : clients_) {
    Statement row(db, "SELECT number FROM hf_meta WHERE key = ?", "client/" + name);
    std::int64_t highest = row.next() ? row.integer(0) : 0;
    if (highest != client.highest)
      return "call " + std::to_string(highest) + " of " + name +
             " is the last that was taken, not " + std::to_string(client.highest);
  }
  Statement known(db, "SELECT key FROM hf_meta WHERE key GLOB 'client/*' AND number > 0");
  while (known.next())
    if (auto name = known.text(0).substr(7); !clients_.contains(name))
      return "calls of " + name + " were taken, and should not have been";
  return history_mismatch(db, history_.departures().size() + 1);
}

// What was acknowledged is in the outbox, or has left it: row by row.
std::optional<std::string> Ledger::outbox_mismatch(Database& db, Ends& ends) const {
  Statement row(db,
                "SELECT seq, id, kind, collection, record, state, attempts, counted, unknown,"
                " named,"
                " prev, waits, barrier, bundle, method, path, request FROM hf_outbox ORDER BY seq");
  std::map<Place, Seq> seqs;
  std::map<Seq, std::int64_t> waits;
  for (const auto& entry : unsettled()) {
    if (!row.next()) return entry.id + " is not in the outbox";
    if (auto why = row_mismatch(entry, row)) return why;
    Seq seq = row.integer(0);
    // The mutations of a record are a chain.
    auto& [head, tail] = ends[entry.record];
    if (row.integer(10) != tail)
      return entry.id + " does not come after the one before it of its record";
    if (!head) head = seq;
    tail = seqs[entry.place] = seq;
    auto first = seqs.find(entry.bundle);
    bool is_left = first != seqs.end();
    if (entry.bundle ? row.null(13) || (is_left && row.integer(13) != first->second)
                     : !row.null(13))
      return entry.id + " is in another transaction";
    waits[seq] = row.integer(11) - row.integer(12);
  }
  if (row.next()) return "the outbox holds " + row.text(1) + ", which does not belong there";

  // Each waits for what it has to, of a lower seq, and knows for how many.
  std::map<Seq, std::map<Seq, Why>> before;
  Statement dependency(db, "SELECT seq, on_seq, why FROM hf_dependency");
  while (dependency.next()) {
    if (dependency.integer(1) >= dependency.integer(0))
      return "a mutation waits for one that is not before it";
    before[dependency.integer(0)][dependency.integer(1)] = static_cast<Why>(dependency.integer(2));
  }
  std::set<std::pair<Seq, Name>> references;
  Statement reference(db, "SELECT seq, collection, record FROM hf_reference");
  while (reference.next())
    references.insert({reference.integer(0), {reference.text(1), reference.text(2)}});
  for (const auto& entry : unsettled()) {
    Seq seq = seqs.at(entry.place);
    std::map<Seq, Why> wanted;
    for (auto [place, why] : entry.waits) wanted[seqs.at(place)] = why;
    if (before[seq] != wanted)
      return entry.id + " waits for" + show(before[seq]) + ", not" + show(wanted);
    if (waits[seq] != static_cast<std::int64_t>(wanted.size()))
      return entry.id + " is wrong on how many it waits for";
    before.erase(seq);
    for (const auto& name : entry.refers)
      if (!references.erase({seq, name}))
        return entry.id + " is not known to refer to " + show(name);
  }
  if (!before.empty()) return "what has left the outbox still waits";
  if (!references.empty())
    return "a mutation is said to refer to " + show(references.begin()->second);
  Counters counters = load_counters(db);
  if (counters.unsettled != static_cast<std::int64_t>(unsettled().size()) ||
      counters.dead != dead() || counters.in_flight != in_flight())
    return "the counters are wrong";
  return std::nullopt;
}

std::optional<std::string> Ledger::row_mismatch(const Entry& entry, const Statement& row) const {
  if (row.view(1) != entry.id)
    return "the outbox holds " + row.text(1) + " where " + entry.id + " belongs";
  const char* kinds[] = {"create", "update", "delete"};
  if (row.view(2) != kinds[static_cast<int>(entry.kind)] || row.view(3) != entry.record.first ||
      row.view(4) != entry.record.second)
    return entry.id + " is another than was recorded";
  const char* state = entry.dead ? "dead" : entry.in_flight ? "in flight" : "pending";
  if (row.view(5) != state) return entry.id + " is " + row.text(5) + ", not " + state;
  if (row.integer(6) != entry.attempts)
    return entry.id + " was sent " + row.text(6) + " times, not " + std::to_string(entry.attempts);
  if (!entry.dead && row.integer(7) != entry.counted)
    return entry.id + " counts " + row.text(7) + ", not " + std::to_string(entry.counted);
  if (row.integer(8) != (entry.unknown ? 1 : 0))
    return entry.id + " is wrong on whether its outcome is unknown";
  if (row.integer(9) != (entry.named ? 1 : 0))
    return entry.id + " is wrong on whether another is to go after it";
  if (row.integer(12) != (entry.barrier ? 1 : 0))
    return entry.id + " is wrong on whether it waits for all before it";
  // Attempted means frozen.
  if (row.null(14) != !entry.first ||
      (entry.first && (row.view(14) != entry.first->method || row.view(15) != entry.first->path ||
                       row.view(16) != entry.first->body)))
    return entry.id + " is not kept as it was sent first";
  return std::nullopt;
}

// A record's body is its base with its unsettled mutations folded over it.
std::optional<std::string> Ledger::record_mismatch(Database& db, const Ends& ends) const {
  std::set<Name> found;
  Statement row(db,
                "SELECT collection, id, body, base, tail, gone, head, server_id FROM hf_record");
  while (row.next()) {
    Name name{row.text(0), row.text(1)};
    auto body = row.null(2) ? std::nullopt : body_of(row.view(2));
    auto at = lines_.find(name);
    Line line = at == lines_.end() ? Line{} : at->second;
    if (auto seen = fold(line, name); body != seen)
      return show(name) + " reads " + show(body) + ", and should " + show(seen);
    auto end = ends.find(name);
    if (std::pair(row.integer(6), row.integer(4)) !=
        (end == ends.end() ? std::pair<Seq, Seq>() : end->second))
      return show(name) + " has another head and tail than its first and last mutation";
    // Without a tail the body is the base, and stored once.
    auto base = row.integer(4) && !row.null(3) ? body_of(row.view(3)) : std::nullopt;
    if (row.integer(4) ? base != line.base : body != line.base)
      return show(name) + " has the base " + show(base) + ", not " + show(line.base);
    if (row.integer(5) != (line.gone ? 1 : 0))
      return show(name) + " is wrong on whether it was deleted elsewhere";
    if (row.text(7) != line.server_id)
      return show(name) + " is " + row.text(7) + " at the server, not " + line.server_id;
    if (!body && !row.integer(4) && !line.buried)
      return show(name) + " is remembered, and nothing is left of it";
    found.insert(std::move(name));
  }
  for (const auto& [name, line] : lines_)
    if (is_known(name) && !found.contains(name)) return show(name) + " is gone";
  std::size_t aliases = 0;
  Statement alias(db, "SELECT collection, server_id, record FROM hf_alias");
  for (; alias.next(); ++aliases) {
    auto at = aliases_.find({alias.text(0), alias.text(1)});
    if (at == aliases_.end() || at->second.second != alias.view(2))
      return alias.text(1) + " is not what the server calls " + alias.text(2);
  }
  if (aliases != aliases_.size()) return "what the server calls a record is forgotten";
  return std::nullopt;
}

// The history says of each that left why it did; of the last "most" it is looked at.
std::optional<std::string> Ledger::history_mismatch(Database& db, std::size_t most) const {
  const auto& departures = history_.departures();
  Statement row(db, "SELECT id, reason, successor, n FROM hf_history ORDER BY n DESC LIMIT ?",
                static_cast<std::int64_t>(most));
  for (std::size_t i = departures.size(); i > 0 && departures.size() - i < most; --i) {
    const auto& departure = departures[i - 1];
    if (!row.next()) return "the history does not know " + departure.id;
    if (row.view(0) != departure.id || row.view(1) != departure.reason ||
        row.text(2) != departure.successor || row.integer(3) != static_cast<std::int64_t>(i))
      return "the history says " + row.text(0) + " was " + row.text(1) + " " + row.text(2) +
             ", and " + departure.id + " was " + departure.reason + " " + departure.successor;
  }
  if (departures.size() < most && row.next())
    return "the history knows " + row.text(0) + ", which has not left";
  return std::nullopt;
}

}  // namespace holdfast::sim
