// The files of a database in OPFS: the Backend over the SyncAccessHandles that
// web/leader.ts opened and will close.

#pragma once

#include <emscripten/val.h>

#include <vector>

#include "store/vfs.h"

namespace holdfast {

class OpfsFiles {
 public:
  // "handles" is an array in the order of File.
  explicit OpfsFiles(const emscripten::val& handles);
  OpfsFiles(const OpfsFiles&) = delete;
  OpfsFiles& operator=(const OpfsFiles&) = delete;

  Backend backend();

 private:
  std::vector<emscripten::val> handles_;
};

}  // namespace holdfast
