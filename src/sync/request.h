// A mutation as an HTTP request, and what its acceptance makes of the base. Here a record's own
// name meets the server's: ids are translated on the way out and on the way in.

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
Request request_of(const Mutation& mutation, Records& records, const Collection& collection);

// The base once the server has accepted: the record in its answer, or what was
// sent where the answer holds none; nothing after a delete.
std::optional<Json> accepted_base(const Mutation& mutation, const Response& response,
                                  Records& records, const Collection& collection);

// A record as the server tells it, with the ids of this device in its references.
Json taken_in(const Json& record, Records& records, const Collection& collection);

}  // namespace holdfast
