// The World runs one schedule: an App over a Device, a Network and a Server,
// each failing as the Tape says, and after every step the invariants of
// sync/engine.h. It ends in calm: then everything must arrive, once and in
// order. Throws Violation.
//
//    Tape tape(seed);
//    World(tape, coverage, Story(false)).run();
//
// A step in which the process dies, or what undoes it fails, has an outcome
// that nobody knows: every Model that is possible is kept, and the next opening
// must show one of them.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/app.h"
#include "sim/clock.h"
#include "sim/coverage.h"
#include "sim/device.h"
#include "sim/gate.h"
#include "sim/ledger.h"
#include "sim/network.h"
#include "sim/server.h"
#include "sim/story.h"
#include "sim/tape.h"

namespace holdfast::sim {

class World {
 public:
  World(Tape& tape, Coverage& coverage, Story story);

  void run();
  std::int64_t steps() const { return steps_; }

 private:
  // What must be true of the engine, and when it may send.
  struct Model {
    Ledger ledger;
    Gate gate;
  };

  // How bad it is: drawn once, so that one schedule is all network and another all disk.
  struct Weather {
    int process = 0;  // Weight of kills and power cuts.
    int amid = 0;     // Of 1000 steps, in how many the process dies.
    int calls = 0;    // Of 1000 answers to a page, how many are lost.
    int clock = 0;
    int sign_in = 0;  // Weight of credentials that expire.
    int full = 0;
    int disk = 0;  // One disk operation in so many fails.
  };

  static Config draw_config(Tape& tape);
  static Server::Traits draw_traits(Tape& tape, const Config& config);
  static Weather draw_weather(Tape& tape);
  void set_faults();

  // What happens next.
  void live();
  void progress();
  void write();
  void signal();
  void pull();
  void act_elsewhere();
  void change_clock();
  void change_credentials();
  void change_room();
  void tidy();
  void end_process();
  void ring();

  // What the host does.
  void open();
  void arrive(Happening happening) { arrived_.push_back(std::move(happening)); }
  void arrive(std::vector<Happening> happenings);
  void step();
  void maybe_die_amid();
  void taken(std::span<const Happening> happenings, const Step& step, Time now, bool was_full);
  void count_refused(const Step& step, bool was_full);
  void carry_out(const Step& step);
  void count_notes();
  void answer_calls(std::span<const Happening> happenings, const Step* step);
  void failed(std::span<const Happening> happenings, const Device::Outcome& outcome, Time now,
              bool must_drain);
  void died(Fault killed, Fault cut);
  void lose_session();
  void recover_session(const Step& step, Time now);
  bool look(const std::function<void()>& at);

  // The models.
  void begin(Model& model, Time now);
  static std::vector<Ledger::Expected> take(Model& model, std::span<const Happening> happenings,
                                            Time now, const Step* step);
  std::vector<Model> futures(std::span<const Happening> happenings, Time now) const;

  // The invariants.
  void check_results(const Step& step, std::span<const Ledger::Expected> expected) const;
  void check_status(const Status& status) const;
  void check_nothing_waits_for_ever(const Step& step, Time now) const;
  void check_tables() const;
  void check_integrity() const;

  // The end.
  void calm_down();
  void drain();
  void check_all_arrived() const;
  void pull_everything();
  void check_same_as_server();

  void tell(const std::string& line) const { story_.tell(clock_, line); }

  Tape& tape_;
  Coverage& coverage_;
  Story story_;
  Config config_;
  Weather weather_;
  Clock clock_;
  Server server_;
  Network network_;
  Device device_;
  App app_;

  Model model_;                   // The one that is true, or one that may be.
  std::vector<Model> others_;     // Others that may be.
  std::vector<Model> revenants_;  // Others that a power cut would make possible.
  std::vector<Happening> arrived_;
  std::optional<Duration> alarm_;  // In elapsed time.
  std::set<std::string> is_pulled_;  // To its end, once.
  Epoch epoch_ = 0;
  std::int64_t steps_ = 0;
  bool calm_ = false;
  bool wants_sign_in_ = false;  // The app was asked for new credentials.
};

}  // namespace holdfast::sim
