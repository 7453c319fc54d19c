// A mutation as an HTTP request, and what its acceptance makes of the base.

#pragma once

#include <optional>

#include "../protocol.h"
#include "../store/outbox.h"
#include "../store/records.h"

namespace holdfast {

// The request of a mutation's first attempt: POST {path}, PUT {path}/{id} with
// the whole record, or DELETE {path}/{id}.
//
// REQUIRES: the mutation is the first unsettled one of its record.
Request request_of(const Mutation& mutation, const Record& record, const Collection& collection);

// The base once the server has accepted: the record in its answer, or what was
// sent where the answer holds none; nothing after a delete.
std::optional<Json> accepted_base(const Mutation& mutation, const Response& response);

// The body: the base with these mutations folded over it, in their order.
std::optional<Json> fold(const std::optional<Json>& base, const std::vector<Mutation>& mutations);

}  // namespace holdfast
