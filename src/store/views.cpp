#include "views.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "../json.h"
#include "../text.h"
#include "../value.h"
#include "schema.h"

namespace holdfast::views {
namespace {

using Type = Statement::Type;

// What only computes: no chance, nothing of the connection, nothing that makes much of little.
constexpr std::string_view kFunctions =
    " abs avg char coalesce count format glob group_concat ifnull iif instr json_array_length"
    " json_extract json_type json_valid -> ->> length like likelihood likely lower ltrim max min"
    " nullif octet_length printf replace round rtrim sign string_agg substr substring sum total"
    " trim typeof unicode unlikely upper if ";

bool may_call(std::string_view function) {
  return kFunctions.find(joined({" ", function, " "})) != std::string_view::npos;
}

// In letters of any size.
bool same(char a, char b) {
  auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  return lower(a) == lower(b);
}

bool contains(const std::string& sql, std::string_view part) {
  return std::search(sql.begin(), sql.end(), part.begin(), part.end(), same) != sql.end();
}

// A field of the type json is its JSON text, so that it can be told from a text like it.
std::string definition(const std::string& name, const Collection& collection) {
  std::string sql = joined({"CREATE TEMP VIEW \"", name, "\" AS SELECT id"});
  for (const auto& [field, type] : collection.fields)
    sql += joined({", ", type == FieldType::json ? "body -> '$." + field + "'"
                                                 : schema::column(field),
                   " AS \"", field, "\""});
  return sql + joined({", body FROM hf_record WHERE likely(collection = '", name,
                       "') AND body IS NOT NULL;"});
}

void prepare(Database& db, const Config& config) {
  if (Statement(db, "SELECT 1 FROM sqlite_temp_schema").next()) return;
  std::string sql;
  for (const auto& [name, collection] : config.collections) sql += definition(name, collection);
  db.exec(sql);
}

// What a statement reads, as SQLite tells it while it prepares the statement.
class Reads {
 public:
  explicit Reads(const Config& config) : config_(config) {}

  bool may_read(std::string_view table, std::string_view column, std::string_view within) {
    if (auto view = config_.collections.find(std::string(table));
        view != config_.collections.end()) {
      note(view->second, std::string(column));
      return true;
    }
    // Without a column it is a name that WITH has made: all others are refused by their names.
    if (column.empty()) return true;
    // A view is named here as the statement writes it.
    auto view = std::ranges::find_if(config_.collections, [&](const auto& view) {
      return std::ranges::equal(view.first, within, same);
    });
    if (table != "hf_record" || view == config_.collections.end()) return false;
    views_.insert(view->first);
    return true;
  }

  // The one type that all fields of this name have which are read; nothing, if there is none.
  std::optional<FieldType> type(std::string_view column) const {
    auto found = types_.find(std::string(column));
    return found == types_.end() ? std::nullopt : found->second;
  }

  Json json() const {
    std::string text;
    for (const auto& view : views_) text += joined({text.empty() ? "\"" : ",\"", view, "\""});
    return text;
  }

 private:
  void note(const Collection& view, const std::string& column) {
    auto field = view.fields.find(column);
    FieldType type = column == "body" ? FieldType::json
                     : field == view.fields.end() ? FieldType::text : field->second;
    auto [known, isNew] = types_.try_emplace(column, type);
    if (!isNew && known->second != type) known->second.reset();
  }

  const Config& config_;
  std::set<std::string> views_;
  std::map<std::string, std::optional<FieldType>> types_;
};

// The value as JSON; nothing for a blob, which JSON has no word for. What was given a name that is
// not its own may not be what is declared under it: then it stays as it is.
std::optional<Json> value(const Statement& row, int column, std::optional<FieldType> type) {
  switch (row.type(column)) {
    case Type::null: return "null";
    case Type::blob: return std::nullopt;
    case Type::real: return json::number(row.real(column));
    case Type::integer: {
      std::int64_t integer = row.integer(column);
      if (type == FieldType::boolean && (integer == 0 || integer == 1))
        return integer ? "true" : "false";
      return std::to_string(integer);
    }
    case Type::text: {
      std::string text = row.text(column);
      if (type == FieldType::json) {
        std::string flaw;
        read(text, json::kMaxDepth, Integers::any, flaw);
        if (flaw.empty()) return text;
      }
      return json::quoted(text);
    }
  }
  return std::nullopt;
}

Refusal refusal(std::string message) { return {"bad-query", std::move(message)}; }

std::variant<Json, Refusal> rows_of(Statement& row, const Reads& reads) {
  std::vector<std::string> names;
  std::vector<std::optional<FieldType>> types;
  for (int i = 0; i < row.columns(); ++i) {
    std::string name(row.name(i));
    std::string quoted = json::quoted(name) + ":";
    if (std::ranges::find(names, quoted) != names.end())
      return refusal("Two columns are called '" + name + "': give one another name with AS.");
    names.push_back(quoted);
    types.push_back(reads.type(name));
  }
  std::string rows;
  for (std::size_t count = 0; row.next(); ++count) {
    if (count == kMaxRows || rows.size() > kMaxBytes)
      return refusal("It answers more than 100,000 rows, or 32 MiB: use LIMIT.");
    rows += count ? ",{" : "{";
    for (std::size_t i = 0; i < names.size(); ++i) {
      auto text = value(row, static_cast<int>(i), types[i]);
      if (!text) return refusal("A column is a blob, which JSON does not carry.");
      rows += joined({i ? "," : "", names[i], *text});
    }
    rows += '}';
  }
  return joined({R"({"reads":[)", reads.json(), R"(],"rows":[)", rows, "]}"});
}

}  // namespace

std::variant<Json, Refusal> select(Database& db, const Config& config, const std::string& sql,
                                   const std::vector<Scalar>& parameters,
                                   const std::function<Time()>& clock) {
  prepare(db, config);
  // SQLite says within which name of FROM something is read, and WITH can call a SELECT of a
  // table of ours like a view. So that no such name is ever written, not even in a text.
  if (contains(sql, "hf_") || contains(sql, "sqlite_"))
    return refusal("Tables that begin with hf_ or sqlite_ are not the app's to read. Hand such a "
                   "text over as a parameter.");
  Reads reads(config);
  const Time until = clock() + kPatience;
  const Rules rules{
      .may_read = [&](auto... names) { return reads.may_read(names...); },
      .may_call = may_call,
      .may_go_on = [&] { return clock() < until; },
  };
  try {
    Guard guard(db, rules);
    Statement row(db, sql);
    if (!row.answers()) return refusal("It is no SELECT.");
    if (row.rest(sql).find_first_not_of(" \t\n\r\f;") != std::string_view::npos)
      return refusal("It is more than one statement.");
    if (row.parameters() != static_cast<int>(parameters.size()))
      return refusal(joined({"It takes ", std::to_string(row.parameters()), " parameters, and ",
                             std::to_string(parameters.size()), " were given."}));
    filter::bind(row, parameters);
    return rows_of(row, reads);
  } catch (const StorageError& error) {
    if (error.interrupted()) return Refusal{"too-slow", "The query took longer than 1 s."};
    if (error.faulty())
      return refusal(joined({error.what(), ". A query is a SELECT over the collections."}));
    throw;
  }
}

}  // namespace holdfast::views
