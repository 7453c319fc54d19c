// bindings/libc.cpp, which is in wasm only, against the C library itself.

#ifdef __EMSCRIPTEN__

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

extern "C" double __wrap_strtod(const char* text, char** end);
extern "C" int __wrap_snprintf(char* to, size_t room, const char* format, ...);

TEST_SUITE("libc") {
  TEST_CASE("a number is read as the nearest double") {
    auto same = [](const std::string& text) {
      CAPTURE(text);
      char* end = nullptr;
      double read = __wrap_strtod(text.c_str(), &end);
      double expected = std::strtod(text.c_str(), nullptr);
      CHECK(std::bit_cast<std::uint64_t>(read) == std::bit_cast<std::uint64_t>(expected));
      CHECK(end == text.c_str() + text.size());
    };
    for (const char* text :
         {"0.0", "-0.0", "0.1", "-1.5", "3.14159265358979", "52.520008", "1e3", "1E+22", "-2.5e-7",
          "9007199254740991.0", "9007199254740992.0", "9007199254740993.0", "900719925474099.35",
          "0.000000000000000001", "0.00000000000000001", "999999999999999999", "1e400", "-1e400",
          "18446744073709551616", "1234567890123456789", "0.30000000000000004", "5e-324", "2e-324",
          "1.7976931348623157e308", "2.2250738585072011e-308", "123456789012345678901234567890.5"})
      same(text);
    std::mt19937_64 random(1);
    for (int i = 0; i < 10'000; ++i) {
      std::string whole = std::to_string(random() >> (random() % 64));
      std::string decimals = std::to_string(random() >> (random() % 64));
      same(whole + "." + decimals);
      same("-" + whole + "." + decimals + "e-" + std::to_string(random() % 340));
    }
  }

  TEST_CASE("hexadecimal digits are written") {
    char wrapped[16];
    char expected[16];
    for (const char* format : {"<U+%.4X>", "\\u%04x", "%.2X"})
      for (unsigned value : {0x00u, 0x1fu, 0xc3u}) {
        int length = std::snprintf(expected, sizeof expected, format, value);
        CHECK(__wrap_snprintf(wrapped, static_cast<size_t>(length) + 1, format, value) == length);
        CHECK(std::string(wrapped) == expected);
      }
    __wrap_snprintf(wrapped, 13, "\\u%04x\\u%04x", 0xd83du, 0xde00u);
    CHECK(std::string(wrapped) == "\\ud83d\\ude00");
  }
}

#endif
