// The Letters are what the app can do about mutations that are not on their way: retry, change or
// give up a dead letter, and take back what was never sent.

#pragma once

#include <vector>

#include "../protocol.h"
#include "../store/store.h"
#include "turn.h"

namespace holdfast {

class Letters {
 public:
  // Both must outlive the Letters.
  Letters(Store& store, const Config& config) : store_(store), config_(config) {}

  Result retry(const Retry&, Turn&);
  Result edit(const Edit&, Turn&);
  Result discard(const Discard&, Turn&);
  Result cancel(const Cancel&, Turn&);

  // Gives them up, the last first; answers their ids, the first first.
  std::vector<MutationId> give_up(const std::vector<Mutation>& mutations, Settled::Reason reason,
                                  Turn& turn);

 private:
  bool repeated(const MutationId& id, const MutationId& as);
  void go_again(const Mutation& mutation, Turn& turn);

  Store& store_;
  const Config& config_;
};

}  // namespace holdfast
