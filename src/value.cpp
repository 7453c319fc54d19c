#include "value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string_view>
#include <utility>

namespace holdfast {
namespace {

constexpr double kMaxInteger = 9007199254740991;  // 2^53 - 1

// How many bytes the letter at the front of "text" has in its one form (RFC 3629, 4); 0 if it is no
// UTF-8.
size_t letter(std::string_view text) {
  auto byte = [text](size_t i) { return i < text.size() ? text[i] & 0xff : 0; };
  const int first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  int low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  int high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) < low || byte(i) > high) return 0;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

// Whether it stands for itself inside a string, and for a letter alone.
bool plain(char c) { return static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\'; }

// Reads a text as RFC 8259 has it, and nothing else. Each function reads what it is named after
// from where the one before it ended; false: there is a flaw, and the reading is over. A look past
// the end finds the NUL that ends every std::string, which fits nowhere.
class Reader {
 public:
  Reader(const std::string& text, int levels, Integers integers, std::string& flaw)
      : at_(text.c_str()), end_(at_ + text.size()), levels_(levels), integers_(integers),
        flaw_(flaw) {}

  bool text(Value& to) {
    space();
    if (!value(to)) return false;
    space();
    return at_ == end_ || fail();
  }

 private:
  bool fail(const char* flaw = "is not JSON") {
    flaw_ = flaw;
    return false;
  }

  bool skip(char c) {
    if (*at_ != c) return false;
    ++at_;
    return true;
  }
  void space() {
    while (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t') ++at_;
  }

  bool value(Value& to) {
    switch (*at_) {
      case '{': return object(to);
      case '[': return array(to);
      case '"': return string((to = Value::string_t()).get_ref<std::string&>());
      case 't': return word("true", to, true);
      case 'f': return word("false", to, false);
      case 'n': return word("null", to, nullptr);
      default: return number(to);
    }
  }

  bool word(std::string_view word, Value& to, Value value) {
    for (char c : word)
      if (!skip(c)) return fail();
    to = std::move(value);
    return true;
  }

  bool open() {
    ++at_;
    space();
    return levels_-- > 0 || fail("is nested deeper than 64 levels");
  }
  bool close() {
    ++at_;
    ++levels_;
    return true;
  }

  bool object(Value& to) {
    to = Value::object();
    if (!open()) return false;
    if (*at_ == '}') return close();
    for (;;) {
      std::string name;
      if (*at_ != '"') return fail();
      if (!string(name)) return false;
      if (name == "__proto__") return fail("has a member called __proto__");
      space();
      if (!skip(':')) return fail();
      space();
      if (!value(to[std::move(name)])) return false;
      space();
      if (*at_ == '}') return close();
      if (!skip(',')) return fail();
      space();
    }
  }

  bool array(Value& to) {
    to = Value::array();
    if (!open()) return false;
    if (*at_ == ']') return close();
    for (;;) {
      if (!value(to.emplace_back())) return false;
      space();
      if (*at_ == ']') return close();
      if (!skip(',')) return fail();
      space();
    }
  }

  bool number(Value& to) {
    const char* begin = at_;
    skip('-');
    if (!skip('0') && !digits()) return fail();
    bool whole = true;
    if (skip('.')) {
      whole = false;
      if (!digits()) return fail();
    }
    if (skip('e') || skip('E')) {
      whole = false;
      if (!skip('+')) skip('-');
      if (!digits()) return fail();
    }
    // A double past 2^53 is an integer too, and so is a literal that no integer holds.
    if (!whole || !(*begin == '-' ? integer<std::int64_t>(begin, to)
                                  : integer<std::uint64_t>(begin, to)))
      to = real(std::string(begin, at_));
    const double size = to.get<double>();
    if (std::isinf(size)) return fail();
    if (integers_ == Integers::exact && size > kMaxInteger)
      return fail("has an integer past 2^53, which JSON does not carry exactly");
    if (integers_ == Integers::exact && size < -kMaxInteger)
      return fail("has an integer past -2^53, which JSON does not carry exactly");
    return true;
  }
  // The text is the number's alone: bindings/libc.cpp asks for that.
  static double real(const std::string& text) {
    char* end = nullptr;
    return std::strtod(text.c_str(), &end);
  }
  bool digits() {
    const char* begin = at_;
    while (*at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > begin;
  }
  template <typename Integer>
  bool integer(const char* begin, Value& to) {
    Integer value;
    if (std::from_chars(begin, at_, value).ec != std::errc()) return false;
    to = value;
    return true;
  }

  bool string(std::string& to) {
    ++at_;
    for (;;) {
      const char* begin = at_;
      while (plain(*at_)) ++at_;
      to.append(begin, at_);
      if (skip('"')) return true;
      if (!(skip('\\') ? escape(to) : letters(to))) return fail();
    }
  }

  bool letters(std::string& to) {
    const size_t length = letter({at_, static_cast<size_t>(end_ - at_)});
    if (length < 2) return false;  // A control character has to be escaped.
    to.append(at_, length);
    at_ += length;
    return true;
  }

  bool escape(std::string& to) {
    const char c = *at_++;
    switch (c) {
      case '"': case '\\': case '/': to += c; return true;
      case 'b': to += '\b'; return true;
      case 'f': to += '\f'; return true;
      case 'n': to += '\n'; return true;
      case 'r': to += '\r'; return true;
      case 't': to += '\t'; return true;
      case 'u': return code(to);
      default: return false;
    }
  }

  // Half of a surrogate pair is no letter.
  bool code(std::string& to) {
    int code = 0;
    if (!hex(code)) return false;
    if (code >= 0xd800 && code < 0xe000) {
      int low = 0;
      if (code >= 0xdc00 || !skip('\\') || !skip('u') || !hex(low)) return false;
      if (low < 0xdc00 || low >= 0xe000) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    auto add = [&to](int byte) { to += static_cast<char>(byte); };
    auto rest = [&](int shift) { add(0x80 | (code >> shift & 0x3f)); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xc0 | code >> 6);
    } else if (code < 0x10000) {
      add(0xe0 | code >> 12);
      rest(6);
    } else {
      add(0xf0 | code >> 18);
      rest(12);
      rest(6);
    }
    if (code >= 0x80) rest(0);
    return true;
  }
  bool hex(int& to) {
    if (end_ - at_ < 4 || *at_ == '-') return false;
    const char* begin = at_;
    at_ += 4;
    return std::from_chars(begin, at_, to, 16).ptr == at_;
  }

  const char* at_;
  const char* end_;
  int levels_;
  Integers integers_;
  std::string& flaw_;
};

void write(std::string_view text, std::string& to) {
  to += '"';
  while (!text.empty()) {
    size_t length = 0;
    while (length < text.size() && plain(text[length])) ++length;
    to += text.substr(0, length);
    text.remove_prefix(length);
    if (text.empty()) break;
    const char c = text.front();
    length = letter(text);
    if (length == 0) to += "\xef\xbf\xbd";
    else if (length > 1) to += text.substr(0, length);
    else if (c == '"' || c == '\\') (to += '\\') += c;
    else if (c == '\b') to += "\\b";
    else if (c == '\f') to += "\\f";
    else if (c == '\n') to += "\\n";
    else if (c == '\r') to += "\\r";
    else if (c == '\t') to += "\\t";
    else (to += c < 16 ? "\\u000" : "\\u001") += "0123456789abcdef"[c & 15];
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  to += '"';
}

void write(const Value& value, std::string& to) {
  switch (value.type()) {
    case Value::value_t::object:
      to += '{';
      for (const auto& [name, member] : value.get_ref<const Value::object_t&>()) {
        if (to.back() != '{') to += ',';
        write(std::string_view(name), to);
        to += ':';
        write(member, to);
      }
      to += '}';
      return;
    case Value::value_t::array:
      to += '[';
      for (const auto& item : value) {
        if (to.back() != '[') to += ',';
        write(item, to);
      }
      to += ']';
      return;
    case Value::value_t::string:
      return write(std::string_view(value.get_ref<const std::string&>()), to);
    case Value::value_t::boolean: to += value.get<bool>() ? "true" : "false"; return;
    case Value::value_t::number_integer: to += std::to_string(value.get<std::int64_t>()); return;
    case Value::value_t::number_unsigned: to += std::to_string(value.get<std::uint64_t>()); return;
    case Value::value_t::number_float: {
      // The fewest digits that are read as the same double.
      char digits[64];
      to.append(digits, nlohmann::detail::to_chars(digits, std::end(digits), value.get<double>()));
      return;
    }
    default: to += "null"; return;
  }
}

}  // namespace

Value read(const std::string& text, int levels, Integers integers, std::string& flaw) {
  Value value;
  if (!Reader(text, levels, integers, flaw).text(value)) value = nullptr;
  return value;
}

std::string written(const Value& value) {
  std::string to;
  write(value, to);
  return to;
}

std::string written(const std::string& text) {
  std::string to;
  write(std::string_view(text), to);
  return to;
}

}  // namespace holdfast
