#include "opfs.h"

#include <emscripten/em_js.h>

// Names are quoted, so that Closure leaves them alone. HEAPU8 is read anew in every call: it is
// another one once memory has grown. A handle answers what it answers; the Vfs judges it.

// clang-format off
EM_JS_DEPS(holdfast_opfs, "$Emval");

EM_JS(double, opfs_read, (emscripten::EM_VAL handle, void* to, size_t length, double at), {
  try {
    return Emval.toValue(handle)["read"](HEAPU8.subarray(to, to + length), { "at": at });
  } catch (error) {
    return -2;
  }
});

EM_JS(double, opfs_write, (emscripten::EM_VAL handle, const void* from, size_t length, double at), {
  try {
    return Emval.toValue(handle)["write"](HEAPU8.subarray(from, from + length), { "at": at });
  } catch (error) {
    return error["name"] === "QuotaExceededError" ? -1 : -2;
  }
});

EM_JS(double, opfs_truncate, (emscripten::EM_VAL handle, double size), {
  try {
    Emval.toValue(handle)["truncate"](size);
    return 0;
  } catch (error) {
    return error["name"] === "QuotaExceededError" ? -1 : -2;
  }
});

EM_JS(double, opfs_flush, (emscripten::EM_VAL handle), {
  try {
    Emval.toValue(handle)["flush"]();
    return 0;
  } catch (error) {
    return error["name"] === "QuotaExceededError" ? -1 : -2;
  }
});

EM_JS(double, opfs_size, (emscripten::EM_VAL handle), {
  try {
    return Emval.toValue(handle)["getSize"]();
  } catch (error) {
    return -2;
  }
});

EM_JS(double, opfs_random, (), {
  return crypto["getRandomValues"](new Uint32Array(1))[0];
});
// clang-format on

namespace holdfast {
namespace {

emscripten::EM_VAL handle_of(void* self, File file) {
  auto& handles = *static_cast<std::vector<emscripten::val>*>(self);
  return handles[static_cast<size_t>(file)].as_handle();
}

}  // namespace

OpfsFiles::OpfsFiles(const emscripten::val& handles) {
  for (int i = 0; i < kFiles; ++i) handles_.push_back(handles[i]);
}

Backend OpfsFiles::backend() {
  Backend backend;
  backend.self = &handles_;
  backend.read = [](void* self, File file, std::span<std::byte> to, double at) {
    return opfs_read(handle_of(self, file), to.data(), to.size(), at);
  };
  backend.write = [](void* self, File file, std::span<const std::byte> from, double at) {
    return opfs_write(handle_of(self, file), from.data(), from.size(), at);
  };
  backend.truncate = [](void* self, File file, double size) {
    return opfs_truncate(handle_of(self, file), size);
  };
  backend.flush = [](void* self, File file) { return opfs_flush(handle_of(self, file)); };
  backend.size = [](void* self, File file) { return opfs_size(handle_of(self, file)); };
  backend.seed = (static_cast<std::uint64_t>(opfs_random()) << 32) |
                 static_cast<std::uint64_t>(opfs_random());
  return backend;
}

}  // namespace holdfast
