// The Intake takes writes into the outbox: it refuses what is wrong, finds what a mutation has to
// wait for, and folds it into the one before where nobody can tell the difference.
//
// A write of a record that is red corrects it: it takes the place of the mutation that the server
// refused, under the write's own id.

#pragma once

#include <optional>
#include <span>

#include "../protocol.h"
#include "../store/store.h"
#include "lanes.h"
#include "turn.h"

namespace holdfast {

class Intake {
 public:
  // Both must outlive the Intake.
  Intake(Store& store, const Config& config) : store_(store), config_(config) {}

  Result write(const Write&, Turn&);
  Result transact(const Transact&, Turn&);  // All of it, or nothing.

  // What a Write or a Transact was answered before, but a refusal, or that it comes too early;
  // nothing: it is new.
  std::optional<Result> answered(const Event& event);

 private:
  // A write's place in its transaction.
  struct Place {
    Seq bundle = 0;  // Its first mutation, once that is recorded.
    Seq before = 0;  // The mutation before.
  };

  std::optional<Result> known(const Write& call, std::span<const Write> writes);
  Applied rows_of(std::span<const Write> writes);
  std::optional<Refusal> flaw(const Write&);
  Result apply(const Write&, Place*, Turn&);

  // Folding.
  bool may_fold(const Mutation& tail, const Waits&, const Write&, const Place*);
  bool fold_into(const Mutation& tail, const Mutation&, Record&, Turn&);
  bool correct(const Mutation& dead, const Mutation&, const Record&, const Write&, Turn&);
  std::optional<Refusal> undo(const Mutation& create, const Write&, Turn&);

  Store& store_;
  const Config& config_;
  Lanes lanes_{store_, config_};
};

}  // namespace holdfast
