// What the outbox costs when it is long: the time of each verb with 1,000 and with 1,000,000
// mutations waiting, natively, over files on disk, and the memory that the process holds.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/query.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/vfs.h"
#include "sync/engine.h"

using namespace holdfast;

namespace {

// Files of the operating system, not flushed: what is measured is ours.
class DiskFiles {
 public:
  explicit DiskFiles(const std::string& folder) {
    for (std::size_t i = 0; i < files_.size(); ++i)
      files_[i] = open((folder + "/" + kFileNames[i]).c_str(), O_RDWR | O_CREAT, 0600);
  }
  ~DiskFiles() {
    for (int file : files_) close(file);
  }
  DiskFiles(const DiskFiles&) = delete;
  DiskFiles& operator=(const DiskFiles&) = delete;

  Backend backend() {
    return {
        .self = this,
        .read = [](void* self, File file, std::span<std::byte> to, double at) -> double {
          return static_cast<double>(
              pread(of(self, file), to.data(), to.size(), static_cast<off_t>(at)));
        },
        .write = [](void* self, File file, std::span<const std::byte> from, double at) -> double {
          return static_cast<double>(
              pwrite(of(self, file), from.data(), from.size(), static_cast<off_t>(at)));
        },
        .truncate = [](void* self, File file, double size) -> double {
          return ftruncate(of(self, file), static_cast<off_t>(size));
        },
        .flush = [](void*, File) -> double { return 0; },
        .size = [](void* self, File file) -> double {
          return static_cast<double>(lseek(of(self, file), 0, SEEK_END));
        },
        .seed = 1,
    };
  }

 private:
  static int of(void* self, File file) {
    return static_cast<DiskFiles*>(self)->files_[static_cast<std::size_t>(file)];
  }
  std::array<int, kFiles> files_{};
};

struct Device {
  explicit Device(const std::string& folder) : files(folder), vfs(files.backend()), db(vfs) {
    schema::prepare(db);
    Config config;
    config.max_outbox = 2'000'000;
    config.collections["order"].path = "/orders";
    config.collections["note"].path = "/notes";
    config.collections["note"].references = {{"orderId", "order"}};
    engine = std::make_unique<Engine>(db, config);
    tell({Open{}});
  }

  Step tell(const std::vector<Event>& events) {
    if (db.wal_pages() >= 1000) db.checkpoint();
    now += Duration(1);
    return engine->handle(events, now);
  }

  Write create(const std::string& collection) {
    ++written;
    char id[40];
    std::snprintf(id, sizeof id, "0192f0aa-%04x-7%03x-8000-%012lx",
                  static_cast<unsigned>(written >> 12) & 0xffff,
                  static_cast<unsigned>(written) & 0xfff, static_cast<unsigned long>(written));
    Write write;
    write.client = "c";
    write.number = written;
    write.acknowledged = written - 1;
    write.at = now;
    write.id = std::string("m") + id;
    write.key = {collection, id};
    write.change = R"({"title":"Replace the valve","customer":"Hotel Krone","priority":2})";
    return write;
  }

  void wait_for(std::int64_t mutations) {
    std::vector<Event> events;
    while (written < mutations) {
      events.clear();
      for (int i = 0; i < 500 && written < mutations; ++i) events.push_back(create("order"));
      tell(events);
    }
  }

  Event good_probe() {
    Reachability way = load_reachability(db);
    return Probed{load_counters(db).epoch, way.probe,
                  Response{.status = 200, .content_type = "application/json"}};
  }

  DiskFiles files;
  Vfs vfs;
  Database db;
  std::unique_ptr<Engine> engine;
  Time now{std::chrono::hours(24 * 365 * 50)};
  std::int64_t written = 0;
};

// The median of so many runs, in microseconds.
double median(int runs, const std::function<void()>& run) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    auto start = std::chrono::steady_clock::now();
    run();
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::ranges::nth_element(times, times.begin() + runs / 2);
  return times[static_cast<std::size_t>(runs / 2)];
}

struct Costs {
  double create, update, reference, settle, read, explain, status;
  double megabytes;
};

Costs measure(std::int64_t waiting) {
  std::string folder = std::filesystem::temp_directory_path() / "holdfast-outbox-XXXXXX";
  if (!mkdtemp(folder.data())) std::abort();
  Costs costs{};
  {
    Device device(folder);
    device.wait_for(waiting);
    constexpr int runs = 2001;
    Write last;
    costs.create = median(runs, [&] {
      Step step = device.tell({last = device.create("order")});
      if (std::holds_alternative<Refusal>(step.results[0])) std::abort();
    });
    costs.update = median(runs, [&] {
      Write write = device.create("order");
      write.kind = Kind::update;
      write.key = last.key;
      write.change = R"({"set":{"done":true}})";
      device.tell({write});
    });
    costs.reference = median(runs, [&] {
      Write write = device.create("note");
      write.change = R"({"orderId":")" + last.key.id + "\"}";
      device.tell({write});
    });
    costs.status = median(runs, [&] { device.tell({Tick{}}); });
    costs.read = median(runs, [&] { query::row(device.db, last.key); });
    // Each step settles one and sends the next.
    Step step = device.tell({device.good_probe()});
    std::vector<Send> under_way;
    auto gather = [&] {
      for (const auto& effect : step.effects)
        if (auto* send = std::get_if<Send>(&effect)) under_way.push_back(*send);
    };
    gather();
    costs.settle = median(runs, [&] {
      if (under_way.empty()) std::abort();
      Send send = under_way.back();
      under_way.pop_back();
      step = device.tell({Answered{send.epoch, send.id, send.attempt,
                                   Response{.status = 201, .content_type = "application/json"}}});
      gather();
      if (under_way.empty()) {
        step = device.tell({Sync{}});
        step = device.tell({device.good_probe()});
        gather();
      }
    });
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    costs.megabytes = static_cast<double>(usage.ru_maxrss) / 1024;
  }
  std::filesystem::remove_all(folder);
  return costs;
}

}  // namespace

int main() {
  constexpr std::int64_t few = 1'000;
  constexpr std::int64_t many = 1'000'000;
  Costs a = measure(few);
  Costs b = measure(many);
  std::printf("microseconds a step, median of 2,001    1,000 waiting   1,000,000   ratio\n");
  auto line = [](const char* what, double x, double y) {
    std::printf("%-38s %14.1f %11.1f %7.2f\n", what, x, y, y / x);
  };
  line("create", a.create, b.create);
  line("update, folded into it", a.update, b.update);
  line("create that refers to one that waits", a.reference, b.reference);
  line("counts and next heads (tick)", a.status, b.status);
  line("read of one record", a.read, b.read);
  line("settle one, and send the next", a.settle, b.settle);
  std::printf("memory of the process, at most, MB     %14.1f %11.1f %7.2f\n", a.megabytes,
              b.megabytes, b.megabytes / a.megabytes);
}
