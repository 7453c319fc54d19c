#include "value.h"

#include <vector>

namespace holdfast {
namespace {

constexpr double kMaxInteger = 9007199254740991;  // 2^53 - 1

// Builds a value from what nlohmann/json's parser calls; "false" ends it.
class Builder {
 public:
  Builder(int levels, Integers integers, std::string& flaw)
      : levels_(static_cast<size_t>(levels)), integers_(integers), flaw_(flaw) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return number(value); }
  bool number_unsigned(std::uint64_t value) { return number(value); }
  bool number_float(double value, const std::string&) { return number(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Value::binary_t&) { return false; }

  bool start_object(size_t) { return open(Value::value_t::object); }
  bool end_object() { return close(); }
  bool start_array(size_t) { return open(Value::value_t::array); }
  bool end_array() { return close(); }
  bool key(const std::string& name) {
    if (name == "__proto__") return fail("has a member called __proto__");
    member_ = &(*open_.back())[name];
    return true;
  }

  bool parse_error(size_t, const std::string&, const Value::exception&) {
    return fail("is not JSON");
  }

  Value done() { return flaw_.empty() ? std::move(root_) : Value(); }

 private:
  bool fail(const char* flaw) {
    flaw_ = flaw;
    return false;
  }

  bool add(Value value) {
    place(std::move(value));
    return true;
  }

  // A double past 2^53 is an integer too, and so was a literal that no integer holds.
  template <typename Number>
  bool number(Number value) {
    if (integers_ == Integers::exact && static_cast<double>(value) > kMaxInteger)
      return fail("has an integer past 2^53, which JSON does not carry exactly");
    if (integers_ == Integers::exact && static_cast<double>(value) < -kMaxInteger)
      return fail("has an integer past -2^53, which JSON does not carry exactly");
    return add(value);
  }

  bool open(Value::value_t type) {
    if (open_.size() == levels_) return fail("is nested deeper than 64 levels");
    open_.push_back(place(type));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  // It stays where it is while it is open: what holds it grows only after it is closed.
  Value* place(Value value) {
    if (!open_.empty() && open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    Value* to = open_.empty() ? &root_ : member_;
    *to = std::move(value);
    return to;
  }

  size_t levels_;
  Integers integers_;
  std::string& flaw_;
  Value root_;
  std::vector<Value*> open_;  // From the root to the innermost.
  Value* member_ = nullptr;   // Of an object, the one whose name was read last.
};

}  // namespace

Value read(const std::string& text, int levels, Integers integers, std::string& flaw) {
  Builder builder(levels, integers, flaw);
  Value::sax_parse(text, &builder);
  return builder.done();
}

}  // namespace holdfast
