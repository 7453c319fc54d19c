#include "verdict.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace holdfast;
using namespace std::chrono_literals;

namespace {

constexpr Time kNoon{std::chrono::hours(12)};
constexpr const char* kJson = "application/json";
constexpr const char* kHtml = "text/html; charset=utf-8";
constexpr const char* kProblem = "application/problem+json";

const std::vector<Kind> kAll = {Kind::create, Kind::update, Kind::remove};
const std::vector<Kind> kWrites = {Kind::create, Kind::update};
const std::vector<Kind> kDelete = {Kind::remove};

Response answer(int status, const std::string& type = kJson, const std::string& body = "") {
  return {.status = status, .content_type = type, .body = body};
}

Response cut(int status) {
  Response response = answer(status);
  response.complete = false;
  return response;
}

Response redirect(int status) {
  Response response = answer(status, "");
  response.redirect = true;
  return response;
}

struct Row {
  std::string answer;
  std::vector<Kind> kinds;
  std::vector<Response> responses;
  Verdict verdict;
  bool unknown;  // It may have been applied all the same.
};

std::vector<Response> statuses(int first, int last, const std::string& type = kJson) {
  std::vector<Response> responses;
  for (int status = first; status <= last; ++status) responses.push_back(answer(status, type));
  return responses;
}

std::vector<Response> each(std::initializer_list<int> list, const std::string& type = kJson) {
  std::vector<Response> responses;
  for (int status : list) responses.push_back(answer(status, type));
  return responses;
}

// Not the API, found first and by content: DECISIONS 5.
const std::vector<Row> kElsewhere = {
    {"an opaque redirect", kAll, {redirect(0)}, Verdict::unreachable, true},
    {"a redirect that was seen", kAll, statuses(300, 399), Verdict::unreachable, true},
    {"a network that wants to be signed in to", kAll, each({511}), Verdict::unreachable, true},
    {"HTML where JSON is due", kAll,
     {answer(200, kHtml, "<p>"), answer(201, "Text/HTML", "<p>"), answer(299, kHtml, "<p>"),
      answer(200, "application/xhtml+xml", "<p>")},
     Verdict::unreachable, true},
    {"no status that ends a request", kAll, each({0, 100, 103, 199}), Verdict::unreachable, true},
};

// Then by status, whatever the content type: the lines of DESIGN §4 with DECISIONS 6.
const std::vector<Row> kByStatus = {
    {"2xx", kAll, statuses(200, 299), Verdict::accepted, true},
    {"2xx of no type or another", kAll,
     {answer(200, ""), answer(201, "text/plain"), answer(200, "image/png")}, Verdict::accepted,
     true},
    {"2xx cut short", kAll, {cut(200), cut(201), cut(204)}, Verdict::retry, true},
    {"404, 410 to a delete", kDelete, each({404, 410}), Verdict::accepted, false},
    {"404, 410 to a delete, in HTML", kDelete, each({404, 410}, kHtml), Verdict::accepted, false},
    {"404, 410 to anything else", kWrites, each({404, 410}), Verdict::rejected, false},
    {"408", kAll, each({408}), Verdict::retry, true},
    {"425", kAll, each({425}), Verdict::retry, false},
    {"429", kAll, each({429}), Verdict::overloaded, false},
    {"502, 504", kAll, each({502, 504}), Verdict::overloaded, true},
    {"502, 504 in HTML", kAll, each({502, 504}, kHtml), Verdict::overloaded, true},
    {"503", kAll, each({503}), Verdict::overloaded, false},
    {"503 in HTML", kAll, each({503}, kHtml), Verdict::overloaded, false},
    {"any other 5xx", kAll, each({500, 506, 507, 508, 509, 510}), Verdict::retry, true},
    {"any other 5xx, unheard of", kAll, statuses(512, 599), Verdict::retry, true},
    {"501, 505", kAll, each({501, 505}), Verdict::rejected, false},
    {"401", kAll, each({401}), Verdict::sign_in, false},
    {"401 in HTML", kAll, each({401}, kHtml), Verdict::sign_in, false},
    {"409", kAll, each({409}), Verdict::conflict, true},
    {"412, 428", kAll, each({412, 428}), Verdict::conflict, false},
    {"other 4xx", kAll, each({400, 402, 403, 405, 406, 407, 411}), Verdict::rejected, false},
    {"other 4xx", kAll, statuses(413, 424), Verdict::rejected, false},
    {"other 4xx", kAll, each({426, 427}), Verdict::rejected, false},
    {"other 4xx, unheard of", kAll, statuses(430, 499), Verdict::rejected, false},
    {"other 4xx in HTML", kAll, each({400, 403, 422}, kHtml), Verdict::rejected, false},
    {"other 4xx cut short", kAll, {cut(422)}, Verdict::rejected, false},
};

// A 409 is a conflict unless its problem's type says that the key is in progress.
const std::vector<Row> kInProgress = {
    {"409, in progress", kAll,
     {answer(409, kProblem, R"({"type":"https://example.com/errors/in-progress"})"),
      answer(409, kProblem, R"({"type":"/problems/request_in_progress","title":"Wait"})"),
      answer(409, "", R"({"type":"urn:progress"})")},
     Verdict::retry, true},
    {"409, of another type", kAll,
     {answer(409, kProblem, R"({"type":"https://example.com/errors/version"})"),
      answer(409, kProblem, R"({"title":"in progress"})"),
      answer(409, kProblem, R"({"type":null})"), answer(409, kJson, "in progress"),
      answer(409, kJson, "[\"progress\"]"), answer(409, kHtml, "<p>in progress")},
     Verdict::conflict, true},
};

// What the app says of statuses holds before the table: of each that an API may answer with.
struct Override {
  std::string word;
  std::vector<int> Overrides::*statuses;
  Verdict verdict;
};

const std::vector<Override> kOverrides = {
    {"signIn", &Overrides::sign_in, Verdict::sign_in},
    {"conflict", &Overrides::conflict, Verdict::conflict},
    {"reject", &Overrides::reject, Verdict::rejected},
    {"retry", &Overrides::retry, Verdict::retry},
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows)
    for (Kind kind : row.kinds)
      for (const Response& response : row.responses) {
        CAPTURE(row.answer);
        CAPTURE(response.status);
        CAPTURE(response.body);
        CAPTURE(static_cast<int>(kind));
        CHECK(judge(kind, response, {}) == row.verdict);
        CHECK(outcome_unknown(response) == row.unknown);
      }
}

}  // namespace

TEST_SUITE("verdict") {
  TEST_CASE("what is not the API is unreachable, whatever its status says") { check(kElsewhere); }

  TEST_CASE("then the status decides, whatever the content type") { check(kByStatus); }

  TEST_CASE("a 409 is a conflict, unless the key is in progress") { check(kInProgress); }

  TEST_CASE("each status has its line in the tables") {
    for (Kind kind : kAll) {
      std::set<int> covered;
      for (const auto& rows : {kElsewhere, kByStatus})
        for (const Row& row : rows)
          if (std::ranges::find(row.kinds, kind) != row.kinds.end())
            for (const Response& response : row.responses) covered.insert(response.status);
      for (int status = 200; status < 600; ++status) {
        CAPTURE(status);
        CHECK(covered.contains(status));
      }
    }
  }

  TEST_CASE("what the app says of a status holds before the table, and only of that status") {
    for (const Override& o : kOverrides)
      for (const Row& row : kByStatus)
        for (Kind kind : row.kinds)
          for (const Response& response : row.responses) {
            if (response.status < 300) continue;
            CAPTURE(o.word);
            CAPTURE(response.status);
            Overrides overrides;
            (overrides.*o.statuses) = {response.status};
            CHECK(judge(kind, response, overrides) == o.verdict);
            (overrides.*o.statuses) = {response.status - 1, response.status + 1};
            CHECK(judge(kind, response, overrides) == row.verdict);
          }
  }

  TEST_CASE("and where it says two things of one, the more careful is done") {
    for (std::size_t first = 0; first < kOverrides.size(); ++first)
      for (std::size_t second = first; second < kOverrides.size(); ++second) {
        Overrides overrides;
        for (std::size_t i : {first, second}) (overrides.*kOverrides[i].statuses) = {403};
        CHECK(judge(Kind::update, answer(403), overrides) == kOverrides[first].verdict);
      }
  }

  TEST_CASE("but a success stays one, and a captive portal none of the API's") {
    Overrides all;
    for (int status = 0; status < 600; ++status)
      for (const Override& o : kOverrides) (all.*o.statuses).push_back(status);
    for (const auto& rows : {kElsewhere, kByStatus})
      for (const Row& row : rows)
        for (Kind kind : row.kinds)
          for (const Response& response : row.responses) {
            if (row.verdict != Verdict::unreachable && response.status >= 300) continue;
            CAPTURE(row.answer);
            CAPTURE(response.status);
            CHECK(judge(kind, response, all) == row.verdict);
          }
  }

  TEST_CASE("what happened is told to a person") {
    CHECK(told(Silence::network) == "No answer came: the network failed.");
    CHECK(told(Silence::timeout) == "No answer came in time.");
    CHECK(told(Silence::not_sent) == "It was not sent: the app's headers did not come.");
    CHECK(told(Silence::unbuildable) == "No such request can be made.");
    CHECK(told(redirect(0)) == "The answer was a redirect to elsewhere.");
    CHECK(told(answer(200, kHtml)) == "The answer was not the API's: a captive portal, perhaps.");
    CHECK(told(answer(503)) == "The server answered 503.");
  }

  TEST_CASE("a probe is answered well, badly, or not by the API at all") {
    struct Case {
      std::string answer;
      Response response;
      Verdict verdict;
    };
    const std::vector<Case> cases = {
        {"200", answer(200), Verdict::accepted},
        {"204 of no type", answer(204, ""), Verdict::accepted},
        {"200 in plain text", answer(200, "text/plain", "ok"), Verdict::accepted},
        {"200 whose body was cut short", cut(200), Verdict::accepted},
        {"a captive portal's page", answer(200, kHtml, "<p>"), Verdict::unreachable},
        {"a redirect", redirect(0), Verdict::unreachable},
        {"a redirect that was seen", answer(302, ""), Verdict::unreachable},
        {"511", answer(511), Verdict::unreachable},
        {"401", answer(401), Verdict::sign_in},
        {"429", answer(429), Verdict::overloaded},
        {"502", answer(502), Verdict::overloaded},
        {"503 in HTML", answer(503, kHtml, "<p>"), Verdict::overloaded},
        {"504", answer(504), Verdict::overloaded},
        {"500", answer(500), Verdict::unreachable},
        {"403", answer(403), Verdict::unreachable},
        {"404", answer(404), Verdict::unreachable},
    };
    for (const Case& c : cases) {
      CAPTURE(c.answer);
      CHECK(judge_probe(c.response, true) == c.verdict);
      // The app's own check can only refuse what would have passed.
      CHECK(judge_probe(c.response, false) ==
            (c.verdict == Verdict::accepted ? Verdict::unreachable : c.verdict));
    }
  }

  TEST_CASE("Retry-After is a floor, in both its forms") {
    struct Case {
      std::string text;
      std::string date;  // The answer's own.
      std::optional<Time> until;
    };
    const char* noon = "Thu, 01 Jan 1970 12:00:00 GMT";
    const char* slow = "Thu, 01 Jan 1970 11:00:00 GMT";
    const std::vector<Case> cases = {
        {"", "", std::nullopt},
        {"0", "", kNoon},
        {"120", "", kNoon + 120s},
        {"120", slow, kNoon + 120s},
        {"00120", "", kNoon + 120s},
        {"86400", "", kNoon + 24h},
        {"86401", "", kNoon + 24h},
        {"99999999999999999999999999", "", kNoon + 24h},
        {"Thu, 01 Jan 1970 12:02:00 GMT", "", kNoon + 2min},
        {"Thu, 01 Jan 1970 12:02:00 GMT", noon, kNoon + 2min},
        // Two minutes by the server's own clock, though it is an hour behind ours.
        {"Thu, 01 Jan 1970 11:02:00 GMT", slow, kNoon + 2min},
        {"Thu, 01 Jan 1970 11:02:00 GMT", "yesterday", kNoon},
        {"Thu, 01 Jan 1970 11:59:00 GMT", noon, kNoon},
        {"Sat, 03 Jan 1970 12:00:00 GMT", noon, kNoon + 24h},
        {"soon", "", std::nullopt},
        {"-5", "", std::nullopt},
        {"1.5", "", std::nullopt},
        {"120s", "", std::nullopt},
        {" 120", "", std::nullopt},
        {"Thursday, 01-Jan-70 12:02:00 GMT", noon, std::nullopt},
    };
    for (const Case& c : cases) {
      CAPTURE(c.text);
      CAPTURE(c.date);
      CHECK(retry_after({.status = 503, .retry_after = c.text, .date = c.date}, kNoon) == c.until);
    }
  }
}
