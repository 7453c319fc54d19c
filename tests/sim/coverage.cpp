#include "sim/coverage.h"

namespace holdfast::sim {
namespace {

constexpr const char* kWords[] = {
#define HOLDFAST_FAULT(name, words) words,
    HOLDFAST_FAULTS(HOLDFAST_FAULT)
#undef HOLDFAST_FAULT
};

}  // namespace

std::string Coverage::table() const {
  std::string table;
  for (std::size_t kind = 0; kind < counts_.size(); ++kind) {
    std::string count = std::to_string(counts_[kind]);
    table += std::string(count.size() < 10 ? 10 - count.size() : 0, ' ') + count + "  " +
             kWords[kind] + "\n";
  }
  return table;
}

std::vector<std::string> Coverage::missing() const {
  std::vector<std::string> missing;
  for (std::size_t kind = 0; kind < counts_.size(); ++kind)
    if (counts_[kind] == 0) missing.emplace_back(kWords[kind]);
  return missing;
}

}  // namespace holdfast::sim
