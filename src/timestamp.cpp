#include "timestamp.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace holdfast {
namespace {

// Reads a text from its beginning; once something does not fit, nothing does.
// (sscanf would do, and would bring 20 KB of floating point along.)
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  int number(size_t digits) {
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      char c = take();
      if (c < '0' || c > '9') fits_ = false;
      value = value * 10 + (c - '0');
    }
    return fits_ ? value : 0;
  }
  // One of these characters.
  char any(std::string_view characters) {
    char c = take();
    if (characters.find(c) == std::string_view::npos) fits_ = false;
    return c;
  }
  void literal(std::string_view expected) {
    for (char c : expected) any({&c, 1});
  }
  std::string_view word(size_t length) {
    if (text_.size() < length) fits_ = false;
    std::string_view word = text_.substr(0, length);
    text_.remove_prefix(word.size());
    return word;
  }
  bool next(char c) const { return text_.starts_with(c); }
  bool digit() const { return !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; }
  bool done() const { return fits_ && text_.empty(); }

 private:
  char take() {
    if (text_.empty()) {
      fits_ = false;
      return '\0';
    }
    char c = text_[0];
    text_.remove_prefix(1);
    return c;
  }

  std::string_view text_;
  bool fits_ = true;
};

std::optional<Time> time_of(int year, int month, int day, int hour, int minute, int second) {
  std::chrono::year_month_day date{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second);
}

std::string padded(std::int64_t value, size_t digits) {
  std::string text = std::to_string(value);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

}  // namespace

std::string rfc3339(Time time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  return padded(static_cast<int>(date.year()), 4) + "-" +
         padded(static_cast<unsigned>(date.month()), 2) + "-" +
         padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(clock.hours().count(), 2) +
         ":" + padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2) +
         "." + padded(clock.subseconds().count(), 3) + "Z";
}

std::optional<Time> parse_rfc3339(const std::string& text) {
  Reader r(text);
  int year = r.number(4);
  r.literal("-");
  int month = r.number(2);
  r.literal("-");
  int day = r.number(2);
  r.any("Tt ");
  int hour = r.number(2);
  r.literal(":");
  int minute = r.number(2);
  r.literal(":");
  int second = r.number(2);
  int milliseconds = 0;
  if (r.next('.')) {
    r.literal(".");
    if (!r.digit()) return std::nullopt;
    for (int scale = 100; r.digit(); scale /= 10) milliseconds += scale * r.number(1);
  }
  char zone = r.any("Zz+-");
  Duration offset(0);
  if (zone == '+' || zone == '-') {
    int hours = r.number(2);
    r.literal(":");
    int minutes = r.number(2);
    if (hours > 23 || minutes > 59) return std::nullopt;
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  }
  auto time = time_of(year, month, day, hour, minute, second);
  if (!r.done() || !time) return std::nullopt;
  *time += Duration(milliseconds);
  return zone == '-' ? *time + offset : *time - offset;
}

std::optional<Time> parse_http_date(const std::string& text) {
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Reader r(text);
  r.word(3);
  r.literal(", ");
  int day = r.number(2);
  r.literal(" ");
  auto month = std::ranges::find(months, r.word(3)) - months.begin() + 1;
  r.literal(" ");
  int year = r.number(4);
  r.literal(" ");
  int hour = r.number(2);
  r.literal(":");
  int minute = r.number(2);
  r.literal(":");
  int second = r.number(2);
  r.literal(" GMT");
  if (!r.done()) return std::nullopt;
  return time_of(year, static_cast<int>(month), day, hour, minute, second);
}

}  // namespace holdfast
