// The simulation: runs the engine through many schedules, each from a seed, and
// checks the invariants of sync/engine.h. See world.h.
//
//    simulation [--seeds 20000] [--from 1]   Runs so many schedules.
//    simulation --seed N                     Runs one and tells what happens.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/coverage.h"
#include "sim/story.h"
#include "sim/tape.h"
#include "sim/violation.h"
#include "sim/world.h"

using namespace holdfast::sim;

namespace {

constexpr int kTold = 10;         // Failures that are printed.
constexpr int kEnoughToSee = 1000;  // Schedules in which every kind of fault must happen.

struct Options {
  std::uint64_t seeds = 20'000;
  std::uint64_t from = 1;
  bool one = false;
};

struct Tally {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::int64_t steps = 0;
};

volatile std::uint64_t running = 0;

void print_replay(std::uint64_t seed) {
  std::printf("  replay it: npm run simulate -- --seed %llu\n",
              static_cast<unsigned long long>(seed));
}

void print_counts(const Tally& tally) {
  std::printf("%llu passed | %llu failed | 0 skipped\n",
              static_cast<unsigned long long>(tally.passed),
              static_cast<unsigned long long>(tally.failed));
}

// An assert of the engine's, or worse: the process cannot go on.
void crashed(int signal) {
  std::printf("seed %llu: the engine stopped by signal %d\n",
              static_cast<unsigned long long>(running), signal);
  print_replay(running);
  print_counts({running - 1, 1, 0});
  std::fflush(stdout);
  std::_Exit(1);
}

bool read_options(int count, char** words, Options& options) {
  for (int i = 1; i < count; ++i) {
    bool is_number = words[i][0] >= '0' && words[i][0] <= '9';
    if (!is_number && i + 1 == count) return false;
    std::uint64_t number = std::strtoull(words[is_number ? i : i + 1], nullptr, 10);
    if (is_number || std::strcmp(words[i], "--seeds") == 0) options.seeds = number;
    else if (std::strcmp(words[i], "--from") == 0) options.from = number;
    else if (std::strcmp(words[i], "--seed") == 0) options = {1, number, true};
    else return false;
    if (!is_number) ++i;
  }
  return true;
}

void run(std::uint64_t seed, bool is_told, Coverage& coverage, Tally& tally) {
  running = seed;
  Tape tape(seed);
  World world(tape, coverage, Story(is_told));
  try {
    world.run();
    ++tally.passed;
  } catch (const Violation& violation) {
    if (++tally.failed <= kTold) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), violation.what());
      print_replay(seed);
      std::fflush(stdout);
    }
  }
  tally.steps += world.steps();
}

}  // namespace

int main(int count, char** words) {
  Options options;
  if (!read_options(count, words, options)) {
    std::printf("simulation [--seeds N] [--from N], or simulation --seed N\n");
    return 2;
  }
  std::signal(SIGABRT, crashed);
  std::signal(SIGSEGV, crashed);
  Coverage coverage;
  Tally tally;
  auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < options.seeds; ++i)
    run(options.from + i, options.one, coverage, tally);
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  if (!options.one) std::printf("%s", coverage.table().c_str());
  if (options.seeds >= kEnoughToSee)
    for (const auto& words : coverage.missing()) {
      std::printf("never happened: %s\n", words.c_str());
      ++tally.failed;
    }
  std::printf("%llu schedules, %lld steps in %.1f s, %.0f schedules/s\n",
              static_cast<unsigned long long>(options.seeds), static_cast<long long>(tally.steps),
              time.count(), static_cast<double>(options.seeds) / time.count());
  print_counts(tally);
  return tally.failed ? 1 : 0;
}
