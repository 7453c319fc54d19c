// A Draw is a fixed sequence of numbers that look random: the same in every
// run and in every build.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::test {

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : state_(seed) {}

  // The next number below "bound", which is at least 1.
  std::size_t operator()(std::size_t bound) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state_ >> 33) % bound;
  }

  // One of these.
  template <typename T>
  const T& of(const std::vector<T>& choices) {
    return choices[(*this)(choices.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace holdfast::test
