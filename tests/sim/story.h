// The Story of a schedule, told line by line so that a person can follow it:
// every event, result, effect and fault.

#pragma once

#include <string>

#include "protocol.h"
#include "sim/clock.h"

namespace holdfast::sim {

class Story {
 public:
  explicit Story(bool is_told) : is_told_(is_told) {}

  // Ask first: the words are not worth making for nobody.
  bool is_told() const { return is_told_; }
  void tell(const Clock& clock, const std::string& line) const;

 private:
  bool is_told_;
};

std::string words(const Event& event);
std::string words(const Result& result);
std::string words(const Effect& effect);

}  // namespace holdfast::sim
