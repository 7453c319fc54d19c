#include "clock.h"

#include <algorithm>

#include "timestamp.h"

namespace holdfast {
namespace {

// What RFC 3339 has room for.
constexpr Time kFirst{std::chrono::sys_days{std::chrono::year{0} / 1 / 1}};
// The changes of a record that were written in one moment are a millisecond apart.
constexpr Duration kApart = std::chrono::seconds(1);
// No answer is on its way for longer; the device slept meanwhile, and either end may be as far off.
constexpr Duration kLongestWay = std::chrono::minutes(2);
constexpr Time kLast{std::chrono::sys_days{std::chrono::year{10000} / 1 / 1} - Duration(1)};

}  // namespace

Ahead heard(const Ahead& before, const Response& answer) {
  auto date = parse_http_date(answer.date);
  if (!date || !answer.sent_at || !answer.received_at || *answer.received_at < *answer.sent_at ||
      *answer.received_at - *answer.sent_at > kLongestWay)
    return before;
  const Ahead told{*date - *answer.received_at, *date + std::chrono::seconds(1) - *answer.sent_at};
  const Ahead both{std::max(before.least, told.least), std::min(before.most, told.most)};
  return before == Ahead{} || both.least > both.most ? told : both;
}

Time stamp(Time written, Time now, const Ahead& ahead, std::optional<Time> last) {
  Time stamp = std::min(written, now + kApart) + (ahead.least + ahead.most) / 2;
  if (last) stamp = std::max(stamp, *last + Duration(1));
  return std::clamp(stamp, kFirst, kLast);
}

}  // namespace holdfast
