#include "sim/batch.h"

#include "sim/body.h"
#include "sim/violation.h"

namespace holdfast::sim {

std::vector<Send> members_of(const SendBatch& batch) {
  auto body = body_of(batch.body);
  auto list = body && body->contains("requests") ? list_of(body->at("requests")) : std::nullopt;
  if (!list || list->size() != batch.members.size())
    throw Violation("a batch is no such thing: " + batch.body);
  std::vector<Send> members;
  for (std::size_t i = 0; i < list->size(); ++i) {
    Body request = body_of((*list)[i]).value_or(Body{});
    Send send{batch.epoch, batch.members[i].id, batch.members[i].attempt,
              unquoted(request["method"]), unquoted(request["path"]), request["body"]};
    if (unquoted(request["key"]) != send.id)
      throw Violation("a batch has " + request["key"] + " in the place of " + send.id);
    members.push_back(std::move(send));
  }
  return members;
}

std::string text_of(const std::vector<Response>& responses) {
  std::string list;
  for (const auto& response : responses) {
    std::string headers = "\"content-type\":" + quoted(response.content_type);
    if (!response.retry_after.empty())
      headers += ",\"retry-after\":" + quoted(response.retry_after);
    list += std::string(list.empty() ? "" : ",") + "{\"status\":" +
            std::to_string(response.status) + ",\"headers\":{" + headers + "}";
    if (!response.body.empty()) list += ",\"body\":" + response.body;
    list += "}";
  }
  return "{\"responses\":[" + list + "]}";
}

}  // namespace holdfast::sim
