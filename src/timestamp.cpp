#include "timestamp.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace holdfast {
namespace {

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

std::optional<Time> time_of(const Parts& p) {
  std::chrono::year_month_day date{std::chrono::year(p.year),
                                   std::chrono::month(static_cast<unsigned>(p.month)),
                                   std::chrono::day(static_cast<unsigned>(p.day))};
  if (!date.ok() || p.hour > 23 || p.minute > 59 || p.second > 60) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(p.hour) +
         std::chrono::minutes(p.minute) + std::chrono::seconds(p.second);
}

}  // namespace

std::string rfc3339(Time time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text.data();
}

std::optional<Time> parse_rfc3339(const std::string& text) {
  Parts p;
  int read = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &p.year, &p.month, &p.day,
                  &p.hour, &p.minute, &p.second, &read) != 6 ||
      read == 0)
    return std::nullopt;
  auto time = time_of(p);
  if (!time) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(static_cast<size_t>(read));
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    for (int scale = 100; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; scale /= 10) {
      *time += Duration(scale * (rest[0] - '0'));
      rest.remove_prefix(1);
    }
  }
  if (rest == "Z" || rest == "z") return time;
  std::array<char, 2> sign{};
  int hours = 0, minutes = 0;
  if (std::sscanf(std::string(rest).c_str(), "%1[+-]%2d:%2d", sign.data(), &hours, &minutes) != 3)
    return std::nullopt;
  Duration offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return sign[0] == '-' ? *time + offset : *time - offset;
}

std::optional<Time> parse_http_date(const std::string& text) {
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Parts p;
  std::array<char, 4> name{};
  if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3s %4d %2d:%2d:%2d GMT", &p.day, name.data(), &p.year,
                  &p.hour, &p.minute, &p.second) != 6)
    return std::nullopt;
  p.month = static_cast<int>(std::ranges::find(months, std::string_view(name.data())) -
                             months.begin()) + 1;
  return time_of(p);
}

}  // namespace holdfast
