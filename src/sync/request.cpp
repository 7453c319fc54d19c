#include "request.h"

#include <cassert>

#include "../json.h"

namespace holdfast {

Request request_of(const Mutation& mutation, const Record& record, const Collection& collection) {
  // The characters of an id stand for themselves in a path (RFC 3986, 3.3).
  std::string one = collection.path + "/" + mutation.key.id;
  switch (mutation.kind) {
    case Kind::create: return {"POST", collection.path, mutation.change};
    case Kind::update:
      // Not the body, which later changes have made; they go when it is their turn.
      return {"PUT", one, *fold(record.base, {mutation})};
    case Kind::remove: return {"DELETE", one, ""};
  }
  assert(false);
}

std::optional<Json> accepted_base(const Mutation& mutation, const Response& response) {
  if (mutation.kind == Kind::remove) return std::nullopt;
  assert(mutation.request);
  if (auto answer = json::object(response.body, mutation.key.id)) return answer;
  return mutation.request->body;
}

std::optional<Json> fold(const std::optional<Json>& base, const std::vector<Mutation>& mutations) {
  std::optional<Json> body = base;
  for (const auto& mutation : mutations) switch (mutation.kind) {
      case Kind::create: body = mutation.change; break;
      // An update of what the server no longer has stands on nothing but itself.
      case Kind::update: body = json::fold(body.value_or("{}"), mutation.change); break;
      // A delete that was refused has not happened: the record is seen again, as failed.
      case Kind::remove:
        if (mutation.state != State::dead) body.reset();
        break;
    }
  return body;
}

}  // namespace holdfast
