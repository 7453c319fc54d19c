// Times as text: RFC 3339 in records, HTTP dates in headers.

#pragma once

#include <optional>
#include <string>

#include "types.h"

namespace holdfast {

// "2026-11-22T17:00:00.000Z": always in UTC with milliseconds, so that the
// texts sort as the times do.
std::string rfc3339(Time time);

// The time of an RFC 3339 text with any offset and fraction, cut to
// milliseconds; nothing if it is none.
std::optional<Time> parse_rfc3339(const std::string& text);

// The time of an IMF-fixdate (RFC 9110, 5.6.7), the only form of an HTTP date
// that a server may send; nothing if it is none.
std::optional<Time> parse_http_date(const std::string& text);

}  // namespace holdfast
