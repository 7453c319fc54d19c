#include "request.h"

#include <cassert>

#include "../json.h"
#include "folding.h"

namespace holdfast {
namespace {

Json quoted(const std::string& id) { return '"' + id + '"'; }  // No id needs escaping.

// A record as the server is to read it, with its own ids in its references.
Json handed_out(Json record, Records& records, const Collection& collection) {
  for (const auto& reference : collection.references)
    record = json::translated(record, reference.first, [&](const std::string& id) {
      return records.find({reference.second, id}).server_id;
    });
  return record;
}

}  // namespace

Request request_of(const Mutation& mutation, Records& records, const Collection& collection) {
  Record record = records.find(mutation.key);
  bool renamed = !record.server_id.empty();
  // The characters of an id stand for themselves in a path (RFC 3986, 3.3).
  std::string one =
      collection.path + "/" + (renamed ? json::text(record.server_id) : mutation.key.id);
  switch (mutation.kind) {
    case Kind::create: {
      Json body = collection.server_ids ? json::with_id(mutation.change, "") : mutation.change;
      return {"POST", collection.path, handed_out(std::move(body), records, collection)};
    }
    case Kind::update: {
      // Not the body, which later changes have made; they go when it is their turn.
      Json body = *fold(record.base, {mutation});
      if (renamed) body = json::with_id(body, record.server_id);
      return {"PUT", one, handed_out(std::move(body), records, collection)};
    }
    case Kind::remove: return {"DELETE", one, ""};
  }
  assert(false);
}

std::optional<Json> accepted_base(const Mutation& mutation, const Response& response,
                                  Records& records, const Collection& collection) {
  if (mutation.kind == Kind::remove) return std::nullopt;
  assert(mutation.request);
  auto answer = json::object(response.body, mutation.key.id);
  if (!answer) answer = json::with_id(mutation.request->body, quoted(mutation.key.id));
  return taken_in(*answer, records, collection);
}

Json taken_in(const Json& record, Records& records, const Collection& collection) {
  Json own = record;
  for (const auto& reference : collection.references)
    own = json::translated(own, reference.first, [&](const std::string& id) -> Json {
      auto called = records.called(reference.second, id);
      return called ? quoted(*called) : "";
    });
  return own;
}

}  // namespace holdfast
