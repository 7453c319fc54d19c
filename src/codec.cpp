#include "codec.h"

#include <cassert>
#include <cmath>
#include <limits>

#include "json.h"
#include "query_codec.h"
#include "store/outbox.h"
#include "store/query.h"
#include "store/schema.h"
#include "store/views.h"
#include "sync/engine.h"
#include "sync/explain.h"
#include "value.h"

namespace holdfast::codec {
namespace {

// Runs "read" over a text that the host sent; whatever does not fit is Malformed.
template <typename Read>
auto decode(const std::string& text, Read read) {
  std::string flaw;
  Value value = holdfast::read(text, json::kMaxDepth, Integers::any, flaw);
  if (!flaw.empty()) throw Malformed("The text " + flaw);
  try {
    return read(value);
  } catch (const Value::exception& error) {
    throw Malformed(error.what());
  }
}

// A member that has to be there; "fits" is whether it is "what" it has to be.
const Value& member(const Value& v, const char* name, bool (*fits)(const Value&),
                    const char* what) {
  const Value& value = v.at(name);
  if (!fits(value)) throw Malformed("'" + std::string(name) + "' is no " + what);
  return value;
}

std::string text_at(const Value& v, const char* name) {
  auto fits = [](const Value& value) { return value.is_string(); };
  return member(v, name, fits, "text").get<std::string>();
}
bool boolean_at(const Value& v, const char* name) {
  auto fits = [](const Value& value) { return value.is_boolean(); };
  return member(v, name, fits, "boolean").get<bool>();
}
std::int64_t number_at(const Value& v, const char* name) {
  // What JavaScript counts with: the integers up to 2^53.
  auto fits = [](const Value& value) {
    return value.is_number_integer() && std::abs(value.get<double>()) < 9007199254740992;
  };
  return member(v, name, fits, "whole number").get<std::int64_t>();
}
int count_at(const Value& v, const char* name) {
  std::int64_t number = number_at(v, name);
  if (number < 0 || number > std::numeric_limits<int>::max())
    throw Malformed("'" + std::string(name) + "' is no count");
  return static_cast<int>(number);
}
Duration duration_at(const Value& v, const char* name) { return Duration(number_at(v, name)); }
const Value& array_at(const Value& v, const char* name) {
  return member(v, name, [](const Value& value) { return value.is_array(); }, "array");
}

const Value& object_at(const Value& v, const char* name) {
  return member(v, name, [](const Value& value) { return value.is_object(); }, "object");
}

void require_identifier(const std::string& name) {
  if (!schema::identifier(name)) throw Malformed("'" + name + "' is no identifier");
}

void require_path(const std::string& field) {
  if (!schema::path(field)) throw Malformed("'" + field + "' is no field");
}

std::vector<int> statuses_at(const Value& v, const char* name) {
  std::vector<int> statuses;
  for (const auto& status : array_at(v, name)) {
    if (!status.is_number_unsigned() || status.get<std::uint64_t>() > 599)
      throw Malformed("'" + std::string(name) + "' holds what is no status");
    statuses.push_back(status.get<int>());
  }
  return statuses;
}

OnUnknown on_unknown_of(const std::string& text) {
  if (text == "safest") return OnUnknown::safest;
  if (text == "ask") return OnUnknown::ask;
  if (text == "resend") return OnUnknown::resend;
  throw Malformed("'" + text + "' is no policy");
}

Pulling pulling_of(const Value& v) {
  Pulling pull;
  pull.itself = boolean_at(v, "itself");
  if (v.contains("path")) pull.path = text_at(v, "path");
  if (v.contains("limit")) pull.limit = count_at(v, "limit");
  if (v.contains("intervalMs")) pull.interval = duration_at(v, "intervalMs");
  if (v.contains("full")) pull.full = boolean_at(v, "full");
  if (v.contains("maps")) pull.maps = boolean_at(v, "maps");
  return pull;
}

FieldType field_type_of(const Value& v) {
  const auto& text = v.get_ref<const std::string&>();
  if (text == "boolean") return FieldType::boolean;
  if (text == "number") return FieldType::number;
  if (text == "text") return FieldType::text;
  if (text == "json") return FieldType::json;
  throw Malformed("'" + text + "' is no type of a field");
}

Collection collection_of(const Value& v) {
  Collection collection;
  collection.path = text_at(v, "path");
  for (const auto& index : array_at(v, "indexes")) {
    if (!index.is_array() || index.empty()) throw Malformed("'indexes' holds no array of fields");
    std::vector<std::string> fields;
    for (const auto& field : index) {
      if (!field.is_string()) throw Malformed("'indexes' holds a field that is no text");
      fields.push_back(field.get<std::string>());
      require_path(fields.back().substr(fields.back().starts_with('-') ? 1 : 0));
    }
    collection.indexes.push_back(std::move(fields));
  }
  // What else there is may be left out.
  if (v.contains("fields"))
    for (const auto& [field, type] : object_at(v, "fields").items()) {
      require_path(field);
      collection.fields[field] = field_type_of(type);
    }
  if (v.contains("references"))
    for (const auto& [field, target] : object_at(v, "references").items()) {
      require_identifier(field);
      collection.references[field] = target.get<std::string>();
    }
  if (v.contains("coalesce")) collection.coalesce = boolean_at(v, "coalesce");
  if (v.contains("serverIds")) collection.server_ids = boolean_at(v, "serverIds");
  if (v.contains("pull")) collection.pull = pulling_of(object_at(v, "pull"));
  if (v.contains("onUnknown")) collection.on_unknown = on_unknown_of(text_at(v, "onUnknown"));
  if (v.contains("retry")) collection.overrides.retry = statuses_at(v, "retry");
  if (v.contains("reject")) collection.overrides.reject = statuses_at(v, "reject");
  if (v.contains("conflict")) collection.overrides.conflict = statuses_at(v, "conflict");
  if (v.contains("signIn")) collection.overrides.sign_in = statuses_at(v, "signIn");
  return collection;
}

Ordering ordering_of(const std::string& text) {
  if (text == "lanes") return Ordering::lanes;
  if (text == "strict") return Ordering::strict;
  throw Malformed("'" + text + "' is no ordering");
}

Kind kind_of(const std::string& text) {
  if (text == "create") return Kind::create;
  if (text == "update") return Kind::update;
  if (text == "delete") return Kind::remove;
  throw Malformed("'" + text + "' is no kind of mutation");
}

// What a write is of; whose it is stands with it or with its transaction.
Write change_of(const Value& v) {
  Write write;
  write.id = text_at(v, "id");
  write.kind = kind_of(text_at(v, "kind"));
  write.key = {text_at(v, "collection"), text_at(v, "record")};
  write.change = text_at(v, "change");
  if (v.contains("after"))
    for (const auto& id : array_at(v, "after")) write.after.push_back(id.get<std::string>());
  if (v.contains("cascade")) write.cascade = boolean_at(v, "cascade");
  return write;
}

Write write_of(const Value& v) {
  Write write = change_of(v);
  write.client = text_at(v, "client");
  write.number = number_at(v, "number");
  write.acknowledged = number_at(v, "acknowledged");
  write.at = Time(duration_at(v, "at"));
  return write;
}

Transact transact_of(const Value& v) {
  Transact transact;
  transact.client = text_at(v, "client");
  transact.number = number_at(v, "number");
  transact.acknowledged = number_at(v, "acknowledged");
  transact.at = Time(duration_at(v, "at"));
  for (const auto& write : array_at(v, "writes")) {
    transact.writes.push_back(change_of(write));
    transact.writes.back().at = transact.at;
  }
  return transact;
}

bool may_duplicate_in(const Value& v) {
  return v.contains("mayDuplicate") && boolean_at(v, "mayDuplicate");
}

std::vector<BatchAnswered::Member> members_of(const Value& v) {
  std::vector<BatchAnswered::Member> members;
  for (const auto& member : array_at(v, "members"))
    members.push_back({text_at(member, "id"), count_at(member, "attempt")});
  return members;
}

Silence silence_of(const std::string& text) {
  if (text == "network") return Silence::network;
  if (text == "timeout") return Silence::timeout;
  if (text == "notSent") return Silence::not_sent;
  if (text == "unbuildable") return Silence::unbuildable;
  throw Malformed("'" + text + "' is no silence");
}

std::optional<Time> time_at(const Value& v, const char* name) {
  if (!v.contains(name)) return std::nullopt;
  return Time(duration_at(v, name));
}

std::variant<Silence, Response> outcome_of(const Value& v) {
  if (v.is_string()) return silence_of(v.get<std::string>());
  if (!v.is_object()) throw Malformed("'outcome' is neither a silence nor a response");
  return Response{
      .status = count_at(v, "status"),
      .redirect = boolean_at(v, "redirect"),
      .complete = boolean_at(v, "complete"),
      .content_type = text_at(v, "contentType"),
      .etag = text_at(v, "etag"),
      .retry_after = text_at(v, "retryAfter"),
      .date = text_at(v, "date"),
      .body = text_at(v, "body"),
      .sent_at = time_at(v, "sentAt"),
      .received_at = time_at(v, "receivedAt"),
  };
}

Event event_of(const Value& v) {
  const std::string type = text_at(v, "type");
  if (type == "open") return Open{};
  if (type == "write") return write_of(v);
  if (type == "transact") return transact_of(v);
  if (type == "retry") return Retry{text_at(v, "id"), text_at(v, "as"), may_duplicate_in(v)};
  if (type == "edit")
    return Edit{text_at(v, "id"), text_at(v, "as"), text_at(v, "change"), may_duplicate_in(v)};
  if (type == "cancel") return Cancel{text_at(v, "id")};
  if (type == "discard") return Discard{text_at(v, "id")};
  if (type == "online") return Online{};
  if (type == "offline") return Offline{};
  if (type == "visible") return Visible{};
  if (type == "watched") return Watched{};
  if (type == "sync") return Sync{};
  if (type == "pause") return Pause{};
  if (type == "resume") return Resume{};
  if (type == "signedIn") return SignedIn{};
  if (type == "tick") return Tick{};
  if (type == "pull") return Pull{text_at(v, "collection")};
  if (type == "answered")
    return Answered{number_at(v, "epoch"), text_at(v, "id"), count_at(v, "attempt"),
                    outcome_of(v.at("outcome")), v.value("serverId", "")};
  if (type == "batchAnswered")
    return BatchAnswered{number_at(v, "epoch"), members_of(v), outcome_of(v.at("outcome"))};
  if (type == "probed")
    return Probed{number_at(v, "epoch"), number_at(v, "probe"), outcome_of(v.at("outcome")),
                  boolean_at(v, "check")};
  if (type == "pulled")
    return Pulled{number_at(v, "epoch"), number_at(v, "pull"), text_at(v, "collection"),
                  outcome_of(v.at("outcome")), v.contains("part") ? count_at(v, "part") : 0,
                  v.value("last", true), v.value("flaw", "")};
  throw Malformed("'" + type + "' is no event");
}

// A JSON object, written down member by member: texts that are JSON already
// pass through as they are.
class Object {
 public:
  Object& json(const char* name, const Json& value) {
    text_ += (text_.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + value;
    return *this;
  }
  Object& text(const char* name, const std::string& value) {
    return json(name, json::quoted(value));
  }
  Object& number(const char* name, std::int64_t value) {
    return json(name, std::to_string(value));
  }
  Object& boolean(const char* name, bool value) { return json(name, value ? "true" : "false"); }
  Object& key(const Key& key) { return text("collection", key.collection).text("record", key.id); }
  Json done() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

template <typename Items, typename Write>
Json array(const Items& items, Write write) {
  std::string text = "[";
  for (const auto& item : items) text += (text.size() > 1 ? "," : "") + write(item);
  return text + "]";
}

Json result_of(const Applied& applied) {
  Object object;
  if (!applied.record.empty()) object.json("record", applied.record);
  if (!applied.records.empty())
    object.json("records", array(applied.records, [](const Json& record) { return record; }));
  if (!applied.gone.empty()) object.json("gone", array(applied.gone, json::quoted));
  return object.done();
}
Json result_of(const Refusal& refusal) { return error(refusal.code, refusal.message); }

Json effect_of(const Send& e) {
  Object object;
  object.text("type", "send").number("epoch", e.epoch).text("id", e.id)
      .number("attempt", e.attempt).text("method", e.method).text("path", e.path)
      .text("body", e.body);
  if (!e.asks.empty()) object.text("asks", e.asks);
  return object.done();
}
Json effect_of(const SendBatch& e) {
  return Object().text("type", "sendBatch").number("epoch", e.epoch)
      .json("members", array(e.members, [](const BatchAnswered::Member& member) {
        return Object().text("id", member.id).number("attempt", member.attempt).done();
      }))
      .text("path", e.path).text("body", e.body).done();
}
Json effect_of(const Probe& e) {
  return Object().text("type", "probe").number("epoch", e.epoch).number("probe", e.probe).done();
}
Json effect_of(const Fetch& e) {
  Object object;
  object.text("type", "fetch").number("epoch", e.epoch).number("pull", e.pull)
      .text("collection", e.collection).text("path", e.path);
  if (!e.etag.empty()) object.text("etag", e.etag);
  if (e.maps) object.boolean("maps", true);
  return object.done();
}
Json effect_of(const PullEnded& e) {
  Object object;
  object.text("type", "pullEnded").text("collection", e.collection).number("pulled", e.pulled);
  if (!e.problem.empty()) object.json("error", e.problem);
  return object.done();
}
Json effect_of(const Settled& e) {
  const char* reason = e.reason == Settled::Reason::accepted    ? "accepted"
                       : e.reason == Settled::Reason::discarded ? "discarded"
                                                                : "cancelled";
  return Object().text("type", "settled").text("id", e.id).key(e.key).text("reason", reason)
      .done();
}
Json effect_of(const Buried& e) {
  return Object().text("type", "buried").text("id", e.id).key(e.key)
      .json("problem", e.problem).done();
}
Json effect_of(const SignIn&) { return R"({"type":"signIn"})"; }

Json wait_of(Status::Wait wait) {
  switch (wait) {
    case Status::Wait::nothing: return "null";
    case Status::Wait::network: return R"("network")";
    case Status::Wait::origin: return R"("origin")";
    case Status::Wait::sign_in: return R"("sign-in")";
    case Status::Wait::paused: return R"("paused")";
  }
  assert(false);
}

Json status_of(const Status& status) {
  return Object().number("pending", status.pending).number("failed", status.failed)
      .number("conflicts", 0).boolean("reachable", status.reachable)
      .boolean("syncing", status.syncing).json("waitingFor", wait_of(status.waiting_for))
      .text("reason", status.reason).number("pulled", status.pulled)
      .boolean("more", status.more).done();
}

Json answer(Database& db, const Config& config, const Value& v,
            const std::function<Time()>& clock) {
  const std::string type = text_at(v, "type");
  if (type == "sql") {
    auto answer = views::select(db, config, text_at(v, "sql"), parameters(v.at("params")), clock);
    if (auto* refusal = std::get_if<Refusal>(&answer)) return result_of(*refusal);
    return std::get<Json>(std::move(answer));
  }
  if (type == "status") return status_of(status(load_counters(db), load_reachability(db)));
  if (type == "outbox") return query::outbox(db, limit(v.at("limit")));
  if (type == "deadLetters") return query::dead_letters(db, limit(v.at("limit")));
  if (type == "history") return query::history(db, limit(v.at("limit")));
  if (type == "explain")
    return explain(db, config, text_at(v, "id"), Time(duration_at(v, "now")));
  std::string collection = text_at(v, "collection");
  if (!config.collections.contains(collection))
    return error("unknown-collection", "There is no collection of this name.");
  if (type == "get") return query::row(db, Key{collection, text_at(v, "id")});
  if (type == "list") return query::list(db, config, collection, codec::query(v.at("query")));
  if (type == "count")
    return query::count(db, config, collection, codec::query(v.at("query")));
  if (type == "plan") return query::plan(db, config, collection, codec::query(v.at("query")));
  throw Malformed("'" + type + "' is no read");
}

}  // namespace

Config config(const std::string& text) {
  return decode(text, [](const Value& v) {
    Config config;
    for (const auto& [name, collection] : v.at("collections").items()) {
      require_identifier(name);
      config.collections[name] = collection_of(collection);
    }
    config.ordering = ordering_of(text_at(v, "ordering"));
    config.concurrency = count_at(v, "concurrency");
    config.max_attempts = count_at(v, "maxAttempts");
    config.backoff_base = duration_at(v, "backoffBaseMs");
    config.backoff_cap = duration_at(v, "backoffCapMs");
    config.probe_fresh = duration_at(v, "probeFreshMs");
    if (v.contains("keyLifetimeMs")) config.key_lifetime = duration_at(v, "keyLifetimeMs");
    if (v.contains("batch")) {
      config.batch_path = text_at(v["batch"], "path");
      config.batch_max = count_at(v["batch"], "max");
    }
    config.max_outbox = number_at(v, "maxOutbox");
    config.max_body = number_at(v, "maxBody");
    return config;
  });
}

std::vector<Event> events(const std::string& text) {
  return decode(text, [](const Value& v) {
    std::vector<Event> events;
    if (!v.is_array()) throw Malformed("The events are no array");
    for (const auto& event : v) events.push_back(event_of(event));
    return events;
  });
}

Json step(const Step& step) {
  Object object;
  object.json("results", array(step.results, [](const Result& result) {
    return std::visit([](const auto& r) { return result_of(r); }, result);
  }));
  object.json("effects", array(step.effects, [](const Effect& effect) {
    return std::visit([](const auto& e) { return effect_of(e); }, effect);
  }));
  object.json("changed", array(step.changed, json::quoted));
  object.json("status", status_of(step.status));
  if (step.wake_at) object.number("wakeAt", step.wake_at->time_since_epoch().count());
  return object.done();
}

Json error(const std::string& code, const std::string& message) {
  return Object().json("error", Object().text("code", code).text("message", message).done()).done();
}

Json read(Database& db, const Config& config, const std::string& text,
          const std::function<Time()>& clock) {
  try {
    return decode(text, [&](const Value& v) { return answer(db, config, v, clock); });
  } catch (const BadQuery& bad) {
    return error("bad-query", bad.what());
  }
}

}  // namespace holdfast::codec
