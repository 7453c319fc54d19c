#include "verdict.h"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <charconv>

#include "json.h"
#include "timestamp.h"

namespace holdfast {
namespace {

constexpr Duration kRetryAfterMax = std::chrono::hours(24);

bool success(const Response& response) { return response.status >= 200 && response.status < 300; }

bool html(const Response& response) {
  std::string type = response.content_type.substr(0, response.content_type.find(';'));
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
  return type.starts_with("text/html") || type.starts_with("application/xhtml");
}

// Not the API: an answer from elsewhere (a redirect that was not followed), a
// network that wants to be signed in to (RFC 6585), or a page where JSON is due.
bool elsewhere(const Response& response) {
  return response.redirect || response.status < 200 || response.status == 511 ||
         (response.status >= 300 && response.status < 400) ||
         (success(response) && html(response));
}

// The key's first request is still being worked on (Idempotency-Key draft, 2.6).
bool in_progress(const Response& response) {
  std::string type = json::member(json::problem(response), "type");
  return type.find("progress") != std::string::npos;
}

}  // namespace

Verdict judge(Kind kind, const Response& response, const Overrides& overrides) {
  if (elsewhere(response)) return Verdict::unreachable;
  if (success(response)) return response.complete ? Verdict::accepted : Verdict::retry;
  auto named_in = [&](const std::vector<int>& statuses) {
    return std::ranges::find(statuses, response.status) != statuses.end();
  };
  if (named_in(overrides.sign_in)) return Verdict::sign_in;
  if (named_in(overrides.conflict)) return Verdict::conflict;
  if (named_in(overrides.reject)) return Verdict::rejected;
  if (named_in(overrides.retry)) return Verdict::retry;
  switch (response.status) {
    case 404:
    case 410:
      return kind == Kind::remove ? Verdict::accepted : Verdict::rejected;
    case 401:
      return Verdict::sign_in;
    case 429:
    case 502:
    case 503:
    case 504:
      return Verdict::overloaded;
    case 409:
      return in_progress(response) ? Verdict::retry : Verdict::conflict;
    case 412:
    case 428:
      return Verdict::conflict;
    case 408:
    case 425:
      return Verdict::retry;
    case 501:
    case 505:
      return Verdict::rejected;
    default:
      return response.status >= 500 ? Verdict::retry : Verdict::rejected;
  }
}

bool outcome_unknown(const Response& response) {
  // 425 says that nothing was done, 429 and 503 that nothing was begun; of another 5xx,
  // a timeout, a cut answer or a stranger's page nobody can tell.
  switch (response.status) {
    case 401:
    case 425:
    case 429:
    case 501:
    case 503:
    case 505:
      return false;
    default:
      return !(response.status >= 400 && response.status < 500) || response.status == 408 ||
             response.status == 409;
  }
}

std::string told(Silence silence) {
  switch (silence) {
    case Silence::network: return "No answer came: the network failed.";
    case Silence::timeout: return "No answer came in time.";
    case Silence::not_sent: return "It was not sent: the app's headers did not come.";
    case Silence::unbuildable: return "No such request can be made.";
  }
  assert(false);
}

std::string told(const Response& response) {
  if (response.redirect) return "The answer was a redirect to elsewhere.";
  if (response.status >= 200 && response.status < 300)
    return "The answer was not the API's: a captive portal, perhaps.";
  return "The server answered " + std::to_string(response.status) + ".";
}

Verdict judge_probe(const Response& response, bool check) {
  if (elsewhere(response)) return Verdict::unreachable;
  if (success(response)) return check ? Verdict::accepted : Verdict::unreachable;
  switch (response.status) {
    case 401:
      return Verdict::sign_in;
    case 429:
    case 502:
    case 503:
    case 504:
      return Verdict::overloaded;
    default:
      return Verdict::unreachable;
  }
}

std::optional<Time> retry_after(const Response& response, Time now) {
  const std::string& text = response.retry_after;
  if (text.empty()) return std::nullopt;
  Duration wait;
  if (std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; })) {
    std::int64_t seconds = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || seconds > kRetryAfterMax / std::chrono::seconds(1))
      wait = kRetryAfterMax;
    else
      wait = std::chrono::seconds(seconds);
  } else {
    auto until = parse_http_date(text);
    if (!until) return std::nullopt;
    wait = *until - parse_http_date(response.date).value_or(now);
  }
  return now + std::clamp(wait, Duration(0), kRetryAfterMax);
}

}  // namespace holdfast
