#include "backoff.h"

#include <algorithm>
#include <cassert>
#include <cstdint>

namespace holdfast {
namespace {

// FNV-1a, then the finalizer of SplitMix64: ids that differ in their last
// character alone must land far apart. Not secret, only spread out.
std::uint64_t hash(std::string_view id, int attempts) {
  std::uint64_t h = 14695981039346656037u;
  for (char c : id) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  h += static_cast<std::uint64_t>(attempts) * 0x9e3779b97f4a7c15u;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

}  // namespace

Duration backoff(std::string_view id, int attempts, Duration base, Duration cap) {
  assert(attempts >= 1);
  Duration ceiling = std::min(base, cap);
  for (int n = 1; n < attempts && ceiling < cap; ++n) ceiling = std::min(ceiling * 2, cap);
  auto spread = static_cast<std::uint64_t>(ceiling.count()) + 1;
  return Duration(static_cast<Duration::rep>(hash(id, attempts) % spread));
}

}  // namespace holdfast
