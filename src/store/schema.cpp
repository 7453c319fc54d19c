#include "schema.h"

#include <algorithm>
#include <set>

namespace holdfast::schema {
namespace {

constexpr int kVersion = 1;

constexpr const char* kTables = R"sql(
  -- A record as the app sees it, and as the server last confirmed it.
  CREATE TABLE hf_record (
    collection TEXT NOT NULL,
    id         TEXT NOT NULL,
    body       TEXT,             -- NULL: deleted, or not there yet
    base       TEXT,             -- while there is a tail: NULL, if never confirmed;
                                 -- without one the body is the base and this is NULL
    head       INTEGER,          -- seq of its first unsettled mutation
    tail       INTEGER,          -- seq of its last one
    confirmed  INTEGER NOT NULL, -- the count of confirmations when the base was confirmed
    gone       INTEGER NOT NULL DEFAULT 0, -- 1: deleted there, says a pull; goes with the tail
    server_id  TEXT,             -- as JSON, where the server calls it otherwise
    PRIMARY KEY (collection, id)
  ) STRICT, WITHOUT ROWID;

  -- Deleted and settled: kept only while a pull is under way that may still
  -- bring the record back.
  CREATE INDEX hf_record_tombstone ON hf_record (collection)
    WHERE body IS NULL AND tail IS NULL;

  -- The unsettled mutations.
  CREATE TABLE hf_outbox (
    seq              INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    kind             TEXT    NOT NULL,           -- create, update or delete
    collection       TEXT    NOT NULL,
    record           TEXT    NOT NULL,
    change           TEXT    NOT NULL,           -- as protocol.h's Write::change
    written_at       INTEGER NOT NULL,
    prev             INTEGER,                    -- the one before it of its record
    waits            INTEGER NOT NULL,           -- how many rows of hf_dependency name it,
                                                 -- and one more while it is a barrier
    barrier          INTEGER NOT NULL DEFAULT 0, -- 1: it waits for all earlier ones
    bundle           INTEGER,                    -- seq of the first of its transaction
    named            INTEGER NOT NULL DEFAULT 0, -- 1: another was to go after it
    folded           INTEGER NOT NULL DEFAULT 0, -- how many were folded into it
    state            TEXT    NOT NULL DEFAULT 'pending',  -- or 'in flight', 'dead'
    due_at           INTEGER NOT NULL DEFAULT 0, -- not to be sent before
    attempts         INTEGER NOT NULL DEFAULT 0, -- how often it was sent
    counted          INTEGER NOT NULL DEFAULT 0, -- answers that said retry
    unknown          INTEGER NOT NULL DEFAULT 0, -- 1: it may have been applied
    strays           INTEGER NOT NULL DEFAULT 0, -- unanswered, though the API was there
    asking           INTEGER NOT NULL DEFAULT 0, -- 1: its latest attempt asks what became of it
    first_attempt_at INTEGER,                    -- when its key was first seen by the server
    method           TEXT,                       -- the request, frozen by the first attempt
    path             TEXT,
    request          TEXT,                       -- its body
    problem          TEXT                        -- why the latest attempt failed
  ) STRICT;

  -- Heads, those never delayed first.
  CREATE INDEX hf_outbox_head ON hf_outbox (due_at, seq) WHERE state = 'pending' AND waits = 0;
  CREATE INDEX hf_outbox_in_flight ON hf_outbox (seq) WHERE state = 'in flight';
  CREATE INDEX hf_outbox_dead ON hf_outbox (seq) WHERE state = 'dead';
  CREATE INDEX hf_outbox_barrier ON hf_outbox (seq) WHERE barrier = 1;

  -- "seq" waits until "on_seq" is settled.
  CREATE TABLE hf_dependency (
    on_seq INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    why    INTEGER NOT NULL,  -- 0: its order, 1: it refers to its record, 2: the same record
    PRIMARY KEY (on_seq, seq),
    UNIQUE (seq, on_seq)
  ) STRICT, WITHOUT ROWID;

  -- The record of the mutation "seq" refers to this one, before it or after.
  CREATE TABLE hf_reference (
    collection TEXT    NOT NULL,
    record     TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    PRIMARY KEY (collection, record, seq),
    UNIQUE (seq, collection, record)
  ) STRICT, WITHOUT ROWID;

  -- What a server calls the records that it calls otherwise.
  CREATE TABLE hf_alias (
    collection TEXT NOT NULL,
    server_id  TEXT NOT NULL,  -- as text
    record     TEXT NOT NULL,
    PRIMARY KEY (collection, server_id)
  ) STRICT, WITHOUT ROWID;

  -- What left the outbox last, and why.
  CREATE TABLE hf_history (
    n          INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    collection TEXT    NOT NULL,
    record     TEXT    NOT NULL,
    reason     TEXT    NOT NULL,  -- history.h
    at         INTEGER NOT NULL,
    successor  TEXT               -- the mutation that took its place
  ) STRICT;

  -- Small things that change with every write stand together, on one page:
  --   #<name>: counters.h
  --   client/<id>: the highest number applied
  --   past/<id>/<number>: what its write of that number was refused with; without a text: from
  --   it up to "number" they were overtaken by a later one
  CREATE TABLE hf_meta (
    key    TEXT PRIMARY KEY,
    number INTEGER NOT NULL DEFAULT 0,
    text   TEXT
  ) STRICT, WITHOUT ROWID;
  INSERT INTO hf_meta (key) VALUES
    ('#ahead least'), ('#ahead most'), ('#confirmations'), ('#dead'), ('#epoch'), ('#in flight'),
    ('#latest'), ('#pull'), ('#pulled'), ('#pulling'), ('#seq'), ('#single'), ('#unsettled');

  -- What is known of the way to the API: one row, as sync/reachability.h.
  CREATE TABLE hf_reachability (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    state            INTEGER NOT NULL DEFAULT 0,
    reachable        INTEGER NOT NULL DEFAULT 0,
    probe            INTEGER NOT NULL DEFAULT 0,
    setbacks         INTEGER NOT NULL DEFAULT 0,
    next_probe_at    INTEGER NOT NULL DEFAULT 0,
    fresh_until      INTEGER NOT NULL DEFAULT 0,
    asked_until      INTEGER NOT NULL DEFAULT 0,
    closed_until     INTEGER NOT NULL DEFAULT 0,
    ramp             INTEGER NOT NULL DEFAULT 0,
    retried_in_a_row TEXT    NOT NULL DEFAULT '',  -- mutation ids, a space between
    waiting_for      INTEGER NOT NULL DEFAULT 0,
    paused           INTEGER NOT NULL DEFAULT 0,
    reason           TEXT    NOT NULL DEFAULT ''
  ) STRICT;
  INSERT INTO hf_reachability (id) VALUES (1);

  -- How far a collection has been pulled, and the pull under way: store/cursors.h.
  CREATE TABLE hf_cursor (
    collection TEXT PRIMARY KEY,
    source     TEXT    NOT NULL DEFAULT '', -- where cursor and etag are from
    cursor     TEXT    NOT NULL DEFAULT '',
    etag       TEXT    NOT NULL DEFAULT '', -- of an answer that was a whole pull
    opened     INTEGER NOT NULL DEFAULT 0,  -- the first page of the pull under way, 0: none
    pull       INTEGER NOT NULL DEFAULT 0,  -- the page under way, 0: none
    part       INTEGER NOT NULL DEFAULT 0,  -- how many parts of it are taken
    since      INTEGER NOT NULL DEFAULT 0,  -- the count of confirmations when it was asked for
    began      INTEGER NOT NULL DEFAULT 0,  -- and that when the pull began
    again      INTEGER NOT NULL DEFAULT 0,  -- 1: it held what may be newer than what is confirmed
    pulled     INTEGER NOT NULL DEFAULT 0,  -- what this pull brought so far
    swept      TEXT,                        -- the list has arrived: up to this id what was
                                            -- missing in it is gone
    asked      INTEGER NOT NULL DEFAULT 0,  -- 1: the app waits for it to end
    due_at     INTEGER,                     -- when a page is to be asked for
    ended_at   INTEGER NOT NULL DEFAULT 0,  -- when a pull last succeeded
    setbacks   INTEGER NOT NULL DEFAULT 0   -- pulls that failed since
  ) STRICT, WITHOUT ROWID;

  -- A pull has brought these while an attempt of theirs was under way, from this cursor: its
  -- answer may be older, or newer.
  CREATE TABLE hf_doubt (
    collection TEXT NOT NULL,
    id         TEXT NOT NULL,
    cursor     TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  ) STRICT, WITHOUT ROWID;

  -- What has been seen of the full list that is on its way.
  CREATE TABLE hf_seen (
    collection TEXT NOT NULL,
    id         TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  ) STRICT, WITHOUT ROWID;
)sql";

// FNV-1a: an index is named by what it is made of, so a changed declaration is
// another index.
std::string fingerprint(const std::string& text) {
  std::uint64_t h = 14695981039346656037u;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::string hex;
  for (int i = 0; i < 16; ++i, h >>= 4) hex += "0123456789abcdef"[h & 15];
  return hex;
}

// The index's statement without its name: ON hf_record (…) WHERE ….
std::string definition(const std::string& collection, const std::vector<std::string>& fields) {
  std::string columns;
  for (const auto& field : fields) {
    bool descending = field.starts_with('-');
    columns += (columns.empty() ? "" : ", ") + column(descending ? field.substr(1) : field) +
               (descending ? " DESC" : "");
  }
  // Lists are sorted by id in the end, so that nothing is left to sort.
  return "ON hf_record (" + columns + ", id) WHERE collection = '" + collection +
         "' AND body IS NOT NULL";
}

}  // namespace

void prepare(Database& db) {
  std::int64_t version = 0;
  {
    Statement row(db, std::string("PRAGMA user_version"));
    if (row.next()) version = row.integer(0);
  }
  if (version > kVersion)
    throw Newer("version " + std::to_string(version) + ", known is " + std::to_string(kVersion));
  if (version == kVersion) return;
  Transaction transaction(db);
  db.exec(kTables);
  db.exec("PRAGMA user_version = " + std::to_string(kVersion));
  transaction.commit();
}

void declare(Database& db, const std::map<std::string, Collection>& collections) {
  std::map<std::string, std::string> missing;
  for (const auto& [name, collection] : collections)
    for (const auto& fields : collection.indexes) {
      std::string text = definition(name, fields);
      missing["hf_index_" + name + "_" + fingerprint(text)] = text;
    }
  std::vector<std::string> stale;
  Statement row(db, std::string("SELECT name FROM sqlite_schema"
                                " WHERE type = 'index' AND name GLOB 'hf_index_*'"));
  while (row.next())
    if (missing.erase(row.text(0)) == 0) stale.push_back(row.text(0));
  if (stale.empty() && missing.empty()) return;
  Transaction transaction(db);
  for (const auto& name : stale) db.exec("DROP INDEX " + name);
  for (const auto& [name, text] : missing) db.exec("CREATE INDEX " + name + " " + text);
  transaction.commit();
}

std::string column(const std::string& field) { return "json_extract(body, '$." + field + "')"; }

bool identifier(const std::string& name) {
  auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  auto fits = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 64 && letter(name[0]) && std::ranges::all_of(name, fits);
}

bool path(const std::string& field) {
  std::size_t from = 0;
  for (int parts = 1; parts <= 8; ++parts) {
    std::size_t dot = std::min(field.find('.', from), field.size());
    if (!identifier(field.substr(from, dot - from))) return false;
    if (dot == field.size()) return true;
    from = dot + 1;
  }
  return false;
}

}  // namespace holdfast::schema
