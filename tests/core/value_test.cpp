#include "value.h"

#include <doctest/doctest.h>

#include <string>

using namespace holdfast;

namespace {

struct Read {
  Value value;
  std::string flaw;
};

Read read(const std::string& text) {
  Read result;
  result.value = holdfast::read(text, 2, Integers::any, result.flaw);
  return result;
}

}  // namespace

TEST_SUITE("value: a text is read as RFC 8259 has it") {
  TEST_CASE("values, with space around them") {
    CHECK(read(" null\n").value == Value(nullptr));
    CHECK(read("\t[ true , false ]\r").value == Value({true, false}));
    CHECK(read(R"({ "b" : [ ] , "a" : { } })").value.dump() == R"({"b":[],"a":{}})");
    CHECK(read(R"({"a":1,"b":2,"a":3})").value.dump() == R"({"a":3,"b":2})");
  }

  TEST_CASE("integers that fit stay integers") {
    CHECK(read("0").value.is_number_unsigned());
    CHECK(read("-1").value.is_number_integer());
    CHECK(read("18446744073709551615").value == Value(UINT64_MAX));
    CHECK(read("-9223372036854775808").value == Value(INT64_MIN));
    CHECK(read("18446744073709551616").value == Value(18446744073709551616.0));
    CHECK(read("10E-1").value.is_number_float());
    CHECK(read("-0.5e+1").value == Value(-5.0));
  }

  TEST_CASE("letters, escaped or not") {
    CHECK(read(R"("\"\\\/\b\f\n\r\t")").value == Value("\"\\/\b\f\n\r\t"));
    CHECK(read(R"("\u0041\u00e9\u20AC\ud83d\ude00")").value == Value("Aé€😀"));
    CHECK(read("\"Aé€😀\x7f\"").value == Value("Aé€😀\x7f"));
    CHECK(read(R"("\u0000")").value == Value(std::string(1, '\0')));
  }

  TEST_CASE("all else is refused") {
    for (const std::string text : {
             "", " ", "nul", "nulll", "True", "1 2", "[1,]", "[,1]", "[1", "{\"a\":1,}", "{\"a\"}",
             "{a:1}", "{1:1}", "\"a", "'a'", "\v1", "\xef\xbb\xbf" "1",  // No byte order mark.
             "+1", "-", "01", "1.", ".5", "1e", "1e+", "0x1", "1e400", "-1e400",
             "\"\t\"", "\"\\x\"", "\"\\u12\"", "\"\\u-001\"", "\"\\u 123\"", "\"\\ud800\"",
             "\"\\ude00\\ud83d\"", "\"\\ud83d\\u0041\"",
             "\"\x80\"", "\"\xc0\x80\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"",
             "\"\xf4\x90\x80\x80\"", "\"\xc3\"", "\"\xff\""}) {
      CAPTURE(text);
      CHECK(read(text).flaw == "is not JSON");
      CHECK(read(text).value == Value(nullptr));
    }
    CHECK(read(std::string("1\0", 2)).flaw == "is not JSON");
    CHECK(read(std::string("\"\0\"", 3)).flaw == "is not JSON");
    CHECK(read("[[[]]]").flaw == "is nested deeper than 64 levels");
    CHECK(read(R"({"__proto__":1})").flaw == "has a member called __proto__");
  }
}

TEST_SUITE("value: a text is written") {
  TEST_CASE("as it was read, without the space") {
    for (const std::string text :
         {"null", "[true,false]", R"({"b":[],"a":{},"":[[]]})", R"([0,-1,18446744073709551615])",
          "[0.1,-0.0,1e+100,5e-324,100.0]", R"(["\"\\/\b\f\n\r\t\u0001\u001f","Aé€😀"])"}) {
      std::string flaw;
      CHECK(written(holdfast::read(text, 3, Integers::any, flaw)) == text);
    }
    CHECK(written(std::string("a\"\n")) == R"("a\"\n")");
  }

  TEST_CASE("what is no UTF-8 is replaced") {
    CHECK(written(std::string("a\xff" "b\xe2\x82")) == "\"a\ufffd" "b\ufffd\ufffd\"");
    CHECK(written(std::string("\xed\xa0\x80")) == "\"\ufffd\ufffd\ufffd\"");
  }
}
