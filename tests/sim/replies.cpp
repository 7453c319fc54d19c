#include "sim/replies.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace holdfast::sim {
namespace {

struct Kind {
  Fault fault;
  int status;
  Meaning meaning;
  bool unknown;            // Nobody can tell whether the request was applied.
  bool may_follow_effect;  // Of those only what a server says of itself.
  bool may_ask_for_time;   // By Retry-After.
};

constexpr Kind kKinds[] = {
    {Fault::portal_page, 200, Meaning::waits, true, false, false},
    {Fault::redirect, 0, Meaning::waits, true, false, false},
    {Fault::status_302, 302, Meaning::waits, true, false, false},
    {Fault::status_511, 511, Meaning::waits, true, false, false},
    {Fault::status_401, 401, Meaning::waits, false, false, false},
    {Fault::status_403, 403, Meaning::refused, false, false, false},
    {Fault::status_404, 404, Meaning::refused, false, false, false},
    {Fault::status_408, 408, Meaning::counted, true, true, false},
    {Fault::status_409, 409, Meaning::refused, true, false, false},
    {Fault::status_412, 412, Meaning::refused, false, false, false},
    {Fault::status_422, 422, Meaning::refused, false, false, false},
    {Fault::status_425, 425, Meaning::counted, false, false, false},
    {Fault::status_429, 429, Meaning::waits, false, false, true},
    {Fault::status_500, 500, Meaning::counted, true, true, true},
    {Fault::status_501, 501, Meaning::refused, false, false, false},
    {Fault::status_502, 502, Meaning::waits, true, true, false},
    {Fault::status_503, 503, Meaning::waits, false, false, true},
    {Fault::status_504, 504, Meaning::waits, true, true, true},
};

void ask_for_time(Reply& reply, Tape& tape, Coverage& coverage, Time truth) {
  std::chrono::seconds wait{tape.pick(std::array{1, 0, 20, 300, 7200})};
  reply.outcome.floor = wait;
  if (tape.draw(2) == 0) {
    reply.response.retry_after = std::to_string(wait.count());
    coverage.saw(Fault::retry_after_seconds);
  } else {
    reply.response.date = http_date(truth);
    reply.response.retry_after = http_date(truth + wait);
    coverage.saw(Fault::retry_after_date);
  }
}

}  // namespace

std::string http_date(Time time) {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                days[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

Reply bad_reply(Tape& tape, Coverage& coverage, Time truth) {
  const Kind& kind = tape.pick(kKinds);
  coverage.saw(kind.fault);
  Reply reply;
  reply.outcome.meaning = kind.meaning;
  reply.outcome.unknown = kind.unknown;
  reply.outcome.sign_in = kind.status == 401;
  reply.outcome.strays = kind.meaning == Meaning::waits && kind.status < 400;
  reply.outcome.strays |= kind.status == 511;
  reply.may_follow_effect = kind.may_follow_effect;
  reply.response.status = kind.status;
  reply.response.redirect = kind.fault == Fault::redirect;
  bool page = kind.fault == Fault::portal_page || kind.status == 502 || kind.status == 511;
  reply.response.content_type = page ? "text/html; charset=utf-8" : "application/problem+json";
  reply.response.body = page ? "<!doctype html><title>Wi-Fi</title>" : R"({"title":"No."})";
  if (kind.may_ask_for_time && tape.draw(2) == 1) ask_for_time(reply, tape, coverage, truth);
  return reply;
}

Outcome overridden(const Reply& reply, const Overrides& overrides) {
  Outcome outcome = reply.outcome;
  auto is_in = [&](const std::vector<int>& statuses) {
    return std::ranges::find(statuses, reply.response.status) != statuses.end();
  };
  auto means = [&](Meaning meaning) {
    outcome.meaning = meaning;
    outcome.sign_in = outcome.strays = false;
  };
  if (is_in(overrides.retry)) means(Meaning::counted);
  if (is_in(overrides.reject) || is_in(overrides.conflict)) means(Meaning::refused);
  if (is_in(overrides.sign_in)) {
    means(Meaning::waits);
    outcome.sign_in = true;
  }
  return outcome;
}

}  // namespace holdfast::sim
