// Why a mutation has not been sent, for a person: what it waits for, when it goes, what the app
// can do about it.

#pragma once

#include "../protocol.h"
#include "../store/store.h"

namespace holdfast {

// web/protocol.ts's Explanation as JSON; "null" if nothing is known of such a mutation any more.
Json explain(Database& db, const Config& config, const MutationId& id, Time now);

}  // namespace holdfast
