// A batch is several attempts in one request. Here it is taken apart, and its
// answer put together, as the server does both.

#pragma once

#include <string>
#include <vector>

#include "protocol.h"

namespace holdfast::sim {

// Its members, each as the request that it would be by itself. Throws Violation when it is none.
std::vector<Send> members_of(const SendBatch& batch);

// The body of the answer that answers each of them.
std::string text_of(const std::vector<Response>& responses);

}  // namespace holdfast::sim
