// nlohmann/json reads numbers with strtod and writes a few hexadecimal digits with snprintf. Those
// of the C library reckon with 128 bits, in software, and format all there is: 11 KB after gzip.
// The linker calls these instead (CMakeLists.txt, --wrap).

#include <emscripten/em_js.h>

#include <cassert>
#include <cstdarg>
#include <cstdint>
#include <cstring>

// clang-format off
EM_JS_DEPS(holdfast_libc, "$UTF8ToString");

EM_JS(double, number_of, (const char* text), {
  return Number(UTF8ToString(text));
});
// clang-format on

extern "C" {

// Of a JSON number. A double is exact up to 2^53, and so are these powers: dividing the one by the
// other rounds but once. JavaScript reads what is longer.
double __wrap_strtod(const char* text, char** end) {
  constexpr double kPowers[] = {1,   1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
  size_t length = std::strlen(text);
  *end = const_cast<char*>(text + length);
  const char* at = text + (*text == '-');
  std::uint64_t digits = 0;
  int decimals = 0;
  for (bool point = false; *at == '.' || (*at >= '0' && *at <= '9'); ++at) {
    if (*at == '.') {
      point = true;
    } else {
      digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
      decimals += point;
    }
  }
  if (*at || length > 19 || digits > std::uint64_t{1} << 53) return number_of(text);
  double value = static_cast<double>(digits) / kPowers[decimals];
  return *text == '-' ? -value : value;
}

// Of numbers of that many digits, as "%04x" and "%.2X".
int __wrap_snprintf(char* to, size_t room, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char* at = to;
  for (; *format; ++format) {
    if (*format != '%') {
      *at++ = *format;
      continue;
    }
    while (*++format == '.' || *format == '0') {
    }
    int digits = *format++ - '0';
    assert(*format == 'x' || *format == 'X');
    unsigned value = va_arg(arguments, unsigned);
    for (int i = digits; i-- > 0; value >>= 4)
      at[i] = (*format == 'x' ? "0123456789abcdef" : "0123456789ABCDEF")[value & 15];
    at += digits;
  }
  va_end(arguments);
  *at = '\0';
  assert(static_cast<size_t>(at - to) < room);
  return static_cast<int>(at - to);
}
}
