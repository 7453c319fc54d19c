// The door between JavaScript and the core: JSON texts in, JSON texts out, one
// crossing a step. Exceptions end here and become an answer {"error": …};
// asserts do not, they end the worker.

#include <emscripten/bind.h>
#include <emscripten/em_js.h>
#include <emscripten/val.h>

#include <memory>
#include <string>

#include "codec.h"
#include "opfs.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/vfs.h"
#include "sync/engine.h"

// clang-format off
EM_JS_DEPS(holdfast_embind, "$Emval");

EM_JS(double, time_of, (emscripten::EM_VAL clock), {
  return Emval.toValue(clock)();
});
// clang-format on

namespace {

using namespace holdfast;

// The WAL is written back when idle from the one, always from the other. The ballast has room for
// all that the longest WAL can add to main.db, and some: without it a full disk could neither
// write the WAL back nor let it grow.
constexpr int kIdleCheckpointPages = 500;
constexpr int kCheckpointPages = 1000;
constexpr std::int64_t kBallast = 6 << 20;

// Runs what answers with a text, and makes an answer of what it throws.
template <typename Work>
std::string answer(Work work) {
  try {
    return work();
  } catch (const StorageError& error) {
    const char* code = error.full() ? "disk-full" : error.corrupt() ? "corrupt" : "storage";
    return codec::error(code, error.what());
  } catch (const schema::Newer& error) {
    return codec::error("newer-version", error.what());
  } catch (const codec::Malformed& error) {
    return codec::error("malformed", error.what());
  }
}

// web/core.ts's Core.
class Core {
 public:
  // "handles" are the four of a database in the order of File, or null: then
  // all is kept in memory.
  // "clock" tells the time, and is asked only while a query of the app runs.
  std::string open(std::string config, emscripten::val handles, emscripten::val clock) {
    return answer([&] {
      clock_ = clock;
      Config read = codec::config(config);
      if (!handles.isNull()) opfs_ = std::make_unique<OpfsFiles>(handles);
      vfs_ = std::make_unique<Vfs>(opfs_ ? opfs_->backend() : memory_.backend());
      db_ = std::make_unique<Database>(*vfs_);
      schema::prepare(*db_);
      schema::declare(*db_, read.collections);
      engine_ = std::make_unique<Engine>(*db_, std::move(read));
      hold_ballast();
      return std::string("{}");
    });
  }

  std::string handle(std::string events, double now) {
    return answer([&] {
      if (vfs_->low()) hold_ballast();  // There may be room again.
      Step step = engine_->handle(codec::events(events), time(now));
      if (db_->wal_pages() >= kCheckpointPages) checkpoint();
      return codec::step(step);
    });
  }

  std::string read(std::string what) {
    return answer([&] {
      auto clock = [&] { return time(time_of(clock_.as_handle())); };
      return codec::read(*db_, engine_->config(), what, clock);
    });
  }

  // Does what can wait until there is nothing else to do.
  std::string idle() {
    return answer([&] {
      if (db_->wal_pages() >= kIdleCheckpointPages) checkpoint();
      if (vfs_->low()) hold_ballast();
      return std::string("{}");
    });
  }

  std::string traffic() const {
    const Traffic& t = vfs_->traffic();
    return R"({"reads":)" + std::to_string(t.reads) + R"(,"writes":)" + std::to_string(t.writes) +
           R"(,"flushes":)" + std::to_string(t.flushes) + R"(,"bytesWritten":)" +
           std::to_string(t.bytes_written) + "}";
  }

 private:
  static Time time(double milliseconds) {
    return Time{Duration(static_cast<std::int64_t>(milliseconds))};
  }

  // On a disk only: memory that is full has no use for it.
  void hold_ballast() {
    if (opfs_) vfs_->hold_ballast(kBallast);
  }

  // A checkpoint that fails has lost nothing: the WAL keeps what it should have written back. The
  // step before it is committed, so its answer must not be lost either.
  void checkpoint() {
    try {
      db_->checkpoint();
    } catch (const StorageError&) {
    }
  }

  // Destroyed from the last to the first.
  emscripten::val clock_;
  MemoryFiles memory_;
  std::unique_ptr<OpfsFiles> opfs_;
  std::unique_ptr<Vfs> vfs_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace

EMSCRIPTEN_BINDINGS(holdfast) {
  emscripten::class_<Core>("Core")
      .constructor<>()
      .function("open", &Core::open)
      .function("handle", &Core::handle)
      .function("read", &Core::read)
      .function("idle", &Core::idle)
      .function("traffic", &Core::traffic);
}
