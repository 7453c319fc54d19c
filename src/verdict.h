// What an answer means. Pure functions over what the transport saw, in the
// order of DECISIONS 5: what is not the API at all is found first, by content;
// then the status decides, whatever the content type, for proxies answer 502
// in HTML.

#pragma once

#include <optional>
#include <string>

#include "protocol.h"
#include "types.h"

namespace holdfast {

enum class Verdict {
  accepted,     // Done, once and for good.
  retry,        // To be sent again; counts.
  overloaded,   // The whole origin is to be left alone for a while; counts for no mutation.
  sign_in,      // New credentials first; counts for nothing.
  conflict,     // The server has another version.
  rejected,     // It will never be accepted as it is.
  unreachable,  // This was not the API: a captive portal, a proxy's page.
};

// The verdict on the answer to a mutation. What the app says of a status that is no success holds
// before the table.
Verdict judge(Kind kind, const Response& response, const Overrides& overrides);

// Whether a request that was answered so may have been applied all the same.
bool outcome_unknown(const Response& response);

// What happened, for a person.
std::string told(Silence silence);
std::string told(const Response& response);

// The verdict on the answer to a probe: accepted, overloaded, sign_in or
// unreachable. "check" is what the app's own check said.
Verdict judge_probe(const Response& response, bool check);

// Until when the server asks to be left alone: Retry-After in either form (RFC
// 9110, 10.2.3), a date measured against the answer's own Date, so that a wrong
// clock here does not matter. Nothing if it does not ask, or not legibly. At
// most a day: a slip in a proxy must not silence an app for ever.
std::optional<Time> retry_after(const Response& response, Time now);

}  // namespace holdfast
