#include "sim/tape.h"

#include <cassert>

namespace holdfast::sim {

std::uint64_t Tape::draw(std::uint64_t bound) {
  assert(bound > 0);
  if (bound == 1) return 0;
  if (recorded_) return played_ < draws_.size() ? draws_[played_++] % bound : 0;
  state_ += 0x9e3779b97f4a7c15;  // SplitMix64.
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  draws_.push_back((z ^ (z >> 31)) % bound);
  return draws_.back();
}

std::int64_t Tape::between(std::int64_t least, std::int64_t most) {
  return least + static_cast<std::int64_t>(draw(static_cast<std::uint64_t>(most - least) + 1));
}

bool Tape::strikes(int permille) {
  return permille > 0 && static_cast<int>(draw(1000)) >= 1000 - permille;
}

std::size_t Tape::choose(std::initializer_list<int> weights) {
  std::uint64_t sum = 0;
  for (int weight : weights) sum += static_cast<std::uint64_t>(weight);
  std::uint64_t drawn = draw(sum);
  std::size_t index = 0;
  for (int weight : weights) {
    if (drawn < static_cast<std::uint64_t>(weight)) return index;
    drawn -= static_cast<std::uint64_t>(weight);
    ++index;
  }
  assert(false);
  return 0;
}

}  // namespace holdfast::sim
