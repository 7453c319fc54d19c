// The Cursors say how far each collection has been pulled, what is under way, and when the next
// page is due. They are read and written inside the caller's transaction.
//
// A pull is opened by its first page and ends with its last; between two pages it may wait for the
// way to the API. Of a full list also what has been seen of it is kept, until it is whole.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "../types.h"
#include "sqlite.h"

namespace holdfast {

struct Cursor {
  std::string source = {};   // Where the text and the etag are from.
  std::string text = {};     // What the server gave last; empty: from the beginning.
  std::string etag = {};     // Of an answer that was a whole pull, from this cursor.
  std::int64_t opened = 0;   // The first page of the pull under way; 0: none is.
  std::int64_t pull = 0;     // Numbers the page under way; 0: none is.
  std::int64_t part = 0;     // How many parts of that page are taken.
  std::int64_t since = 0;    // The count of confirmations when that page was asked for,
  std::int64_t began = 0;    // and when the pull began.
  bool again = false;        // That page held what may be newer than what was confirmed since.
  std::int64_t pulled = 0;   // Records and deletions that this pull brought so far.
  std::optional<std::string> swept = {};  // The list is whole: up to this id it was compared.
  bool asked = false;        // The app waits for the end.
  std::optional<Time> due_at = {};        // When a page is to be asked for; nothing: none is.
  Time ended_at = {};        // When a pull last succeeded.
  int setbacks = 0;          // Pulls that have failed since.
};

class Cursors {
 public:
  explicit Cursors(Database& db) : db_(db) {}  // "db" must outlive the Cursors.

  Cursor find(const std::string& collection);
  void save(const std::string& collection, const Cursor& cursor);

  // The collections of which a page is due, those of opened pulls first, so many that no more
  // than "most" pages are under way.
  std::vector<std::string> due(Time now, int most);

  // When the next page is due; nothing: none is.
  std::optional<Time> next_due();

  // Makes all that is due later due now.
  void hurry();

  // The collections whose pull is opened, or waited for by the app, and has no page under way.
  std::vector<std::string> waited_for();

  // The collections whose list is whole and not compared to its end.
  std::vector<std::string> sweeping();

  // Remembers that the page after a cursor brought a record while an attempt of it was under way.
  void doubt(const Key& record, const std::string& text);

  // The record was confirmed. If it was in doubt what is newer, it is pulled once more from there.
  void confirmed(const Key& record);

  // Nothing of the record is under way any more: what was pulled is the newest.
  void believe(const Key& record);

  // Remembers that a record is in the list that is on its way.
  void see(const Key& record);

  // Goes through the next records of a collection after an id, at most "limit", and answers
  // those that were not seen; "last" becomes the last id, or empty at the end. What was seen of
  // them is forgotten.
  std::vector<std::string> unseen(const std::string& collection, const std::string& after,
                                  std::int64_t limit, std::string& last);

  // Forgets what was seen of a list.
  void forget_seen(const std::string& collection);

  // Ends all pulls: the last session ended before their answers came.
  void recover();

 private:
  Database& db_;
};

}  // namespace holdfast
