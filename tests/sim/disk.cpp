#include "sim/disk.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace holdfast::sim {
namespace {

constexpr std::size_t kSector = 512;

Disk& disk(void* self) { return *static_cast<Disk*>(self); }

using Change = Disk::Change;

std::size_t size_after(const Change& change, std::size_t size) {
  return change.bytes ? std::max(size, change.at + change.bytes->size()) : change.at;
}

template <typename Visit>
void visit_sectors(const Change& change, Visit visit) {
  if (!change.bytes) return;
  std::size_t end = change.at + change.bytes->size();
  for (std::size_t sector = change.at / kSector; sector * kSector < end; ++sector) visit(sector);
}

void perform(std::vector<std::byte>& file, const Change& change) {
  file.resize(size_after(change, file.size()));
  if (change.bytes)
    std::ranges::copy(*change.bytes, file.begin() + static_cast<std::ptrdiff_t>(change.at));
}

// The part of a write within one sector, of a file that is long enough.
void perform_within(std::vector<std::byte>& file, std::size_t sector, const Change& change) {
  std::size_t from = std::max(sector * kSector, change.at);
  std::size_t end = std::min((sector + 1) * kSector, change.at + change.bytes->size());
  std::copy_n(change.bytes->data() + (from - change.at), end - from, file.data() + from);
}

}  // namespace

Backend Disk::backend() {
  for (Contents& file : files_) file.failed = false;
  return {
      .self = this,
      .read = [](void* self, File file, std::span<std::byte> to,
                 double offset) { return disk(self).read(file, to, offset); },
      .write = [](void* self, File file, std::span<const std::byte> from,
                  double offset) { return disk(self).write(file, from, offset); },
      .truncate = [](void* self, File file,
                     double size) { return disk(self).truncate(file, size); },
      .flush = [](void* self, File file) { return disk(self).flush(file); },
      .size = [](void* self, File file) { return disk(self).size(file); },
      .seed = ++opened_,
  };
}

std::int64_t Disk::used() const {
  std::size_t bytes = 0;
  for (const Contents& file : files_) bytes += file.now.size();
  return static_cast<std::int64_t>(bytes);
}

double Disk::read(File file, std::span<std::byte> to, double offset) {
  Contents& at_file = contents(file);
  if (!answers(at_file)) return Backend::kFailed;
  const Bytes& bytes = at_file.now;
  std::size_t at = std::min(bytes.size(), static_cast<std::size_t>(offset));
  std::size_t count = std::min(bytes.size() - at, to.size());
  if (strikes(faults.read, struck_.read, at_file)) {
    // An error, or Chromium's FILE_ERROR_NOT_FOUND as unsigned, but never a
    // short read within the file: no operating system answers that.
    return draw_(2) == 0 ? Backend::kFailed : 4294967292;
  }
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, to.begin());
  return static_cast<double>(count);
}

double Disk::write(File file, std::span<const std::byte> from, double offset) {
  Contents& at_file = contents(file);
  auto at = static_cast<std::size_t>(offset);
  bool was_dead = dead_;
  if (!answers(at_file)) {
    // A process can be killed amid a write.
    if (dead_ && !was_dead) put(at_file, from.first(below(from.size() + 1)), at);
    return Backend::kFailed;
  }
  if (strikes(faults.write, struck_.write, at_file)) {
    std::size_t written = put(at_file, from.first(below(from.size())), at);
    if (draw_(2) == 0) {
      ++struck_.write_full;
      return shape_of_full(written);
    }
    return draw_(2) == 0 ? Backend::kFailed : std::numeric_limits<double>::quiet_NaN();
  }
  std::size_t written = put(at_file, from, at);
  if (written == from.size()) return static_cast<double>(written);
  ++struck_.full;
  return shape_of_full(written);
}

double Disk::truncate(File file, double size) {
  Contents& at_file = contents(file);
  if (!answers(at_file)) return Backend::kFailed;
  auto grows = static_cast<std::int64_t>(size) - static_cast<std::int64_t>(at_file.now.size());
  if (strikes(faults.truncate, struck_.truncate, at_file)) {
    if (grows <= 0) return Backend::kFailed;
    return draw_(2) == 0 ? Backend::kFull : 0;
  }
  if (grows > 0 && capacity && used() + grows > *capacity) {
    ++struck_.full;
    return 0;  // As Chromium: silently.
  }
  at_file.pending.push_back({static_cast<std::size_t>(size), std::nullopt});
  perform(at_file.now, at_file.pending.back());
  return 0;
}

double Disk::flush(File file) {
  Contents& at_file = contents(file);
  if (!answers(at_file)) return Backend::kFailed;
  if (strikes(faults.flush, struck_.flush, at_file)) {
    if (draw_(2) == 0) return Backend::kFailed;  // All of it stays pending.
    settle(at_file);                             // Some of it is durable, the rest forgotten.
    return Backend::kFailed;
  }
  for (const Change& change : at_file.pending) perform(at_file.durable, change);
  at_file.pending.clear();
  return 0;
}

double Disk::size(File file) {
  Contents& at_file = contents(file);
  if (!answers(at_file)) return Backend::kFailed;
  if (strikes(faults.size, struck_.size, at_file)) return draw_(2) == 0 ? Backend::kFailed : 1.8e19;
  return static_cast<double>(at_file.now.size());
}

// Counts the call; false when nothing answers.
bool Disk::answers(Contents& contents) {
  ++calls_;
  if (calls_left_ == 0) dead_ = true;
  if (calls_left_ && !dead_) --*calls_left_;
  return !dead_ && !contents.failed;
}

bool Disk::strikes(std::uint64_t one_in, std::uint64_t& count, Contents& contents) {
  if (one_in == 0 || draw_(one_in) + 1 != one_in) return false;
  if (faults.stays != 0 && draw_(faults.stays) + 1 == faults.stays) contents.failed = true;
  ++count;
  return true;
}

// A throw, a short count, or what Chromium answers after it wrote a part.
double Disk::shape_of_full(std::size_t written) {
  constexpr double kNoSpace = 4294967288;
  std::uint64_t shape = draw_(3);
  if (shape == 0) return Backend::kFull;
  return shape == 1 ? static_cast<double>(written) : kNoSpace;
}

// Writes what fits and answers how much that was.
std::size_t Disk::put(Contents& contents, std::span<const std::byte> from, std::size_t at) {
  if (capacity) {
    std::int64_t room = std::max(std::int64_t{0}, *capacity - used());
    std::size_t fits = contents.now.size() + static_cast<std::size_t>(room);
    from = from.first(std::min(from.size(), fits > at ? fits - at : 0));
  }
  if (from.empty()) return 0;
  contents.pending.push_back({at, Bytes(from.begin(), from.end())});
  perform(contents.now, contents.pending.back());
  return from.size();
}

void Disk::kill() {
  calls_left_.reset();
  dead_ = false;
}

void Disk::power_cut() {
  kill();
  for (Contents& file : files_) {
    settle(file);
    file.now = file.durable;
  }
}

// Makes durable what the tape says of the pending changes, and forgets the rest. All or none of
// them often enough; else as Disk::power_cut promises.
void Disk::settle(Contents& contents) {
  std::vector<Change> pending = std::exchange(contents.pending, {});
  if (pending.empty()) return;
  std::uint64_t how = draw_(4);
  if (how == 0)
    for (const Change& change : pending) perform(contents.durable, change);
  if (how <= 1) return;

  std::vector<std::size_t> sizes = {contents.durable.size()};
  for (const Change& change : pending) sizes.push_back(size_after(change, sizes.back()));
  std::size_t longest = std::ranges::max(sizes);
  contents.durable.resize(longest);

  // Sizes change in their order and up to some moment. Every sector takes the writes to it in
  // their order, and stops after as many as the tape says.
  std::size_t moment = below(sizes.size());
  std::map<std::size_t, std::uint64_t> writes;
  for (const Change& change : pending)
    visit_sectors(change, [&](std::size_t sector) { ++writes[sector]; });
  for (auto& [sector, count] : writes) count = draw_(count + 1);
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (!pending[i].bytes && i < moment) {
      contents.durable.resize(std::min(pending[i].at, longest));
      contents.durable.resize(longest);
    }
    visit_sectors(pending[i], [&](std::size_t sector) {
      if (writes[sector] == 0) return;
      --writes[sector];
      perform_within(contents.durable, sector, pending[i]);
    });
  }
  contents.durable.resize(sizes[moment]);
}

Disk::Snapshot Disk::snapshot() const { return {files_, opened_}; }

void Disk::restore(const Snapshot& snapshot) {
  files_ = snapshot.files;
  opened_ = snapshot.opened;
}

}  // namespace holdfast::sim
