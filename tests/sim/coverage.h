// The Coverage counts what went wrong in the schedules, kind by kind: a fault
// that never happened was not tested.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::sim {

// Every kind of fault, and the words that say what happened.
#define HOLDFAST_FAULTS(FAULT)                                                  \
  FAULT(request_lost, "network: request lost")                                  \
  FAULT(answer_lost, "network: answer lost after the server applied")           \
  FAULT(answer_late, "network: answer after its timeout")                       \
  FAULT(answer_twice, "network: answer twice")                                  \
  FAULT(answer_cut, "network: answer cut short")                                \
  FAULT(answer_stale, "network: answer to a session that is over")              \
  FAULT(request_twice, "network: request twice")                                \
  FAULT(request_late, "network: request arrives after its timeout")             \
  FAULT(request_outlives, "network: request arrives after its session")         \
  FAULT(request_stuck, "network: request lost for it took too long")            \
  FAULT(not_sent, "network: not sent, no headers")                              \
  FAULT(unbuildable, "network: no such request can be made")                    \
  FAULT(portal_page, "answer: 200 with HTML, a captive portal")                 \
  FAULT(redirect, "answer: opaque redirect")                                    \
  FAULT(status_302, "answer: 302")                                              \
  FAULT(status_511, "answer: 511")                                              \
  FAULT(status_401, "answer: 401")                                              \
  FAULT(status_403, "answer: 403")                                              \
  FAULT(status_404, "answer: 404")                                              \
  FAULT(status_408, "answer: 408")                                              \
  FAULT(status_409, "answer: 409")                                              \
  FAULT(in_progress, "answer: 409, the key is in progress")                     \
  FAULT(status_412, "answer: 412")                                              \
  FAULT(status_422, "answer: 422")                                              \
  FAULT(status_425, "answer: 425")                                              \
  FAULT(status_429, "answer: 429")                                              \
  FAULT(status_500, "answer: 500")                                              \
  FAULT(status_501, "answer: 501")                                              \
  FAULT(status_502, "answer: 502, in HTML")                                     \
  FAULT(status_503, "answer: 503")                                              \
  FAULT(status_504, "answer: 504")                                              \
  FAULT(applied_and_failed, "answer: a failure after the server applied")       \
  FAULT(retry_after_seconds, "answer: Retry-After in seconds")                  \
  FAULT(retry_after_date, "answer: Retry-After as a date")                      \
  FAULT(unusable_body, "answer: 2xx with a body of no use")                     \
  FAULT(probe_silent, "probe: no answer")                                       \
  FAULT(probe_refused, "probe: a bad answer")                                   \
  FAULT(probe_unchecked, "probe: the app's check says no")                      \
  FAULT(probe_twice, "probe: answer twice")                                     \
  FAULT(page_silent, "pull: no answer")                                         \
  FAULT(page_refused, "pull: a bad answer")                                     \
  FAULT(page_malformed, "pull: no page")                                        \
  FAULT(page_twice, "pull: answer twice")                                       \
  FAULT(page_in_parts, "pull: a page in parts")                                 \
  FAULT(page_cut, "pull: a page cut")                                           \
  FAULT(page_unchanged, "pull: 304")                                            \
  FAULT(page_overtaken, "pull: a record was confirmed since")                   \
  FAULT(swept, "pull: a full list without a record")                            \
  FAULT(killed, "process: killed between steps")                                \
  FAULT(killed_in_step, "process: killed amid a step")                          \
  FAULT(killed_in_opening, "process: killed while opening")                     \
  FAULT(killed_in_checkpoint, "process: killed amid a checkpoint")              \
  FAULT(power_cut, "power cut: between steps")                                  \
  FAULT(power_cut_in_step, "power cut: amid a step")                            \
  FAULT(power_cut_in_opening, "power cut: while opening")                       \
  FAULT(power_cut_in_checkpoint, "power cut: amid a checkpoint")                \
  FAULT(power_cut_after_error, "power cut: after a failed step")                \
  FAULT(read_failed, "disk: read fails")                                        \
  FAULT(write_failed, "disk: write fails")                                      \
  FAULT(write_full, "disk: write finds it full")                                \
  FAULT(truncate_failed, "disk: truncation fails")                              \
  FAULT(flush_failed, "disk: flush fails")                                      \
  FAULT(size_failed, "disk: size fails")                                        \
  FAULT(disk_full, "disk: full until room is made")                             \
  FAULT(write_refused_full, "disk: full, a write refused")                      \
  FAULT(drained_full, "disk: full, an answer taken on the ballast")             \
  FAULT(step_failed, "disk: a step fails")                                      \
  FAULT(opening_failed, "disk: opening fails")                                  \
  FAULT(checkpoint_failed, "disk: a checkpoint fails")                          \
  FAULT(clock_forward, "clock: jumps forward")                                  \
  FAULT(clock_back, "clock: jumps back")                                        \
  FAULT(slept, "clock: the laptop slept")                                       \
  FAULT(tick_spurious, "host: spurious tick")                                   \
  FAULT(alarm_lost, "host: alarm rings late")                                   \
  FAULT(call_repeated, "page: call repeated")                                   \
  FAULT(call_repeated_after, "page: call repeated to the next session")         \
  FAULT(call_unanswered, "page: answer lost")                                   \
  FAULT(call_overtaken, "page: a later call arrives first")                     \
  FAULT(call_overtakes, "engine: a call is refused until the one before it came") \
  FAULT(page_gone, "page: closed with calls unanswered")                        \
  FAULT(bad_write, "app: writes what must be refused")                          \
  FAULT(transaction, "app: a transaction")                                      \
  FAULT(transaction_refused, "app: a transaction that is refused as a whole")   \
  FAULT(after, "app: a write goes after one that it names")                     \
  FAULT(referred, "lanes: a mutation waits for a create that it refers to")     \
  FAULT(barrier, "lanes: a mutation waits for all before it")                   \
  FAULT(folded_create, "folding: an update into a create")                      \
  FAULT(folded_update, "folding: an update into an update")                     \
  FAULT(folded_delete, "folding: a delete into an update")                      \
  FAULT(undone, "folding: a create and its delete vanish")                      \
  FAULT(corrected, "letters: a write corrects a red record")                    \
  FAULT(create_undone, "letters: a delete undoes a refused create")             \
  FAULT(cascaded, "letters: a delete undoes a refused create, cascading")       \
  FAULT(has_dependants, "letters: a delete of a refused create is refused")     \
  FAULT(delete_undone, "letters: an update undoes a refused delete")            \
  FAULT(retried, "letters: retried under a new key")                            \
  FAULT(resent, "letters: retried unchanged, outcome unknown")                  \
  FAULT(duplicated, "letters: retried under a new key, outcome unknown")        \
  FAULT(edited, "letters: edited")                                              \
  FAULT(edit_refused, "letters: an edit is refused")                            \
  FAULT(discarded, "letters: discarded")                                        \
  FAULT(cancelled, "letters: cancelled")                                        \
  FAULT(cancel_refused, "letters: too late to cancel")                          \
  FAULT(dependants_gone, "letters: dependants go along")                        \
  FAULT(letter_repeated, "letters: a call repeated")                            \
  FAULT(batch, "batch: sent")                                                   \
  FAULT(batch_partial, "batch: some of its members fail")                       \
  FAULT(batch_refused, "batch: refused as a whole")                             \
  FAULT(batch_malformed, "batch: an answer of no use")                          \
  FAULT(renamed, "ids: the server chooses one")                                 \
  FAULT(translated, "ids: a reference is translated")                           \
  FAULT(twin_joined, "ids: a pull knows a record before its create is answered")\
  FAULT(id_told_by_app, "ids: the app's function tells one")                    \
  FAULT(key_forgotten, "key: comes again past its lifetime")                    \
  FAULT(asked_for, "key: past its lifetime, the server is asked")               \
  FAULT(found_there, "key: asked for, the record is there")                     \
  FAULT(found_absent, "key: asked for, the record is not there")                \
  FAULT(given_up_unknown, "key: past its lifetime, the app is asked")           \
  FAULT(signed_out, "sign-in: a request without credentials")                   \
  FAULT(sign_in, "sign-in: the app is asked, and signs in")                     \
  FAULT(circuit, "way: three mutations in a row fail, a probe goes first")      \
  FAULT(alone, "way: after an outage one goes alone")                           \
  FAULT(held_back, "end: drained but for what is behind a dead letter")         \
  FAULT(changed_elsewhere, "another device: changes a record")                  \
  FAULT(deleted_elsewhere, "another device: deletes a record")

enum class Fault {
#define HOLDFAST_FAULT(name, words) name,
  HOLDFAST_FAULTS(HOLDFAST_FAULT)
#undef HOLDFAST_FAULT
};

class Coverage {
 public:
  void saw(Fault fault) { ++counts_[static_cast<std::size_t>(fault)]; }

  // A line a kind: how often it happened, and its words.
  std::string table() const;

  // The words of what never happened.
  std::vector<std::string> missing() const;

 private:
#define HOLDFAST_FAULT(name, words) +1
  static constexpr std::size_t kKinds = HOLDFAST_FAULTS(HOLDFAST_FAULT);
#undef HOLDFAST_FAULT
  std::array<std::int64_t, kKinds> counts_{};
};

}  // namespace holdfast::sim
