// A Violation says which invariant a schedule broke, and by what.

#pragma once

#include <stdexcept>
#include <string>

namespace holdfast::sim {

class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace holdfast::sim
