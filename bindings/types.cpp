// Embind's own start, in libembind, registers every type that C++ has, and brings sprintf along.
// Nothing is taken from there once it is defined here, with the types that pass.

#include <emscripten/bind.h>
#include <emscripten/val.h>

#include <cstring>
#include <limits>
#include <string>

using namespace emscripten::internal;

extern "C" {

// Embind calls what it is given here again in every further thread, and there is none.
void _embind_register_bindings(InitFunc*) {}

// For the message that a type is none of these. It is freed.
const char* __getTypeName(const std::type_info*) { return strdup("a type unknown"); }
}

EMSCRIPTEN_BINDINGS(types) {
  using Int = std::numeric_limits<int>;
  _embind_register_void(TypeID<void>::get(), "void");
  _embind_register_integer(TypeID<int>::get(), "int", sizeof(int), Int::min(), Int::max());
  _embind_register_float(TypeID<double>::get(), "double", sizeof(double));
  _embind_register_std_string(TypeID<std::string>::get(), "std::string");
  _embind_register_emval(TypeID<emscripten::val>::get());
}
