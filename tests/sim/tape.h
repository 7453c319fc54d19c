// A Tape is where every choice of a simulated schedule comes from: the same
// tape, the same schedule. Zero is always the calm choice, so a tape of zeros
// is a schedule in which nothing goes wrong, and a failing one can be made
// simpler by replacing draws with zeros.

#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace holdfast::sim {

class Tape {
 public:
  explicit Tape(std::uint64_t seed) : state_(seed) {}

  // Plays these draws, and zeros after them.
  explicit Tape(std::vector<std::uint64_t> draws) : draws_(std::move(draws)), recorded_(true) {}

  // A number below "bound", which is at least 1.
  std::uint64_t draw(std::uint64_t bound);

  // A number from "least" to "most".
  std::int64_t between(std::int64_t least, std::int64_t most);

  // Whether a fault strikes that strikes in so many cases of a thousand.
  bool strikes(int permille);

  // An index, each as likely as its weight; the first is the calm one.
  std::size_t choose(std::initializer_list<int> weights);

  template <typename Things>
  const auto& pick(const Things& things) {
    return things[draw(std::size(things))];
  }

  // All draws so far, for a replay.
  const std::vector<std::uint64_t>& draws() const { return draws_; }

 private:
  std::uint64_t state_ = 0;
  std::vector<std::uint64_t> draws_;
  bool recorded_ = false;
  std::size_t played_ = 0;
};

}  // namespace holdfast::sim
