// The words every other file uses. No behaviour.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace holdfast {

// Wall-clock time, always handed in by the host: nothing in src/ reads a clock.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;
using Duration = std::chrono::milliseconds;

// A JSON value as text. What a field of this type holds has been checked.
using Json = std::string;

// A UUIDv7 that the page chose; the Idempotency-Key of every attempt.
using MutationId = std::string;

// A mutation's place in the outbox: a local sequence, never the clock. 0 is no mutation.
using Seq = std::int64_t;

// Names the session of one leader; one higher with every leader.
using Epoch = std::int64_t;

// Names one record: the id is unique within its collection.
struct Key {
  std::string collection;
  std::string id;

  bool operator==(const Key&) const = default;
};

enum class Kind { create, update, remove };

}  // namespace holdfast
