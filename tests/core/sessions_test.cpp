#include "store/sessions.h"

#include <doctest/doctest.h>

#include "tables.h"

using namespace holdfast;
using test::Tables;

namespace {

const Refusal kExists{"exists", "There is a record\nwith this id."};

struct SessionsTest : Tables {
  Write write(std::int64_t number, std::int64_t acknowledged = 0,
              const std::string& client = "page") {
    return {.client = client, .number = number, .acknowledged = acknowledged,
            .at = Time(Duration(number)), .id = "m", .kind = Kind::create, .key = {}, .change = ""};
  }
  // "new", "applied", or the refusal's code and message.
  std::string answer(const Write& write) {
    auto answer = sessions.answered(write);
    if (!answer) return "new";
    return answer->refusal ? answer->refusal->code + ": " + answer->refusal->message : "applied";
  }
  std::vector<std::string> rows() {
    return texts("SELECT key FROM hf_meta WHERE key GLOB 'client/*'"
                 " OR (key GLOB 'past/*' AND text IS NOT NULL) ORDER BY key");
  }

  Sessions sessions{db};
};

using Rows = std::vector<std::string>;

}  // namespace

TEST_SUITE("sessions") {
  TEST_CASE_FIXTURE(SessionsTest, "a write is new until it is answered") {
    CHECK(answer(write(1)) == "new");
    sessions.answer(write(1), std::nullopt);
    CHECK(answer(write(1)) == "applied");
    CHECK(answer(write(2)) == "new");
  }

  TEST_CASE_FIXTURE(SessionsTest, "one is not taken before those that its client still waits for") {
    CHECK(answer(write(2)) == "take-journal-first: An earlier change of the same page is missing.");
    CHECK(answer(write(3, 2)) == "new");
    sessions.answer(write(1), std::nullopt);
    CHECK(answer(write(2)) == "new");
    CHECK(answer(write(3)) == "take-journal-first: An earlier change of the same page is missing.");
    CHECK(answer(write(3, 2)) == "new");
  }

  TEST_CASE_FIXTURE(SessionsTest, "one that was refused is refused again, in the same words") {
    sessions.answer(write(1), std::nullopt);
    sessions.answer(write(2), kExists);
    sessions.answer(write(3), std::nullopt);
    CHECK(answer(write(1)) == "applied");
    CHECK(answer(write(2)) == "exists: There is a record\nwith this id.");
    CHECK(answer(write(3)) == "applied");
  }

  TEST_CASE_FIXTURE(SessionsTest, "clients count for themselves") {
    sessions.answer(write(5, 0, "one"), kExists);
    CHECK(answer(write(1, 0, "two")) == "new");
    CHECK(answer(write(5, 4, "two")) == "new");
    CHECK(answer(write(5, 4, "on")) == "new");
    sessions.answer(write(5, 0, "two"), std::nullopt);
    CHECK(answer(write(5, 0, "one")) == "exists: There is a record\nwith this id.");
    CHECK(answer(write(5, 0, "two")) == "applied");
  }

  TEST_CASE_FIXTURE(SessionsTest, "one of the clients can be named, once there was any") {
    CHECK(sessions.any() == "");
    sessions.answer(write(2, 0, "b"), kExists);  // And not what it was refused.
    CHECK(sessions.any() == "client/b");
    sessions.answer(write(1, 0, "c"), std::nullopt);
    CHECK(sessions.any() == "client/b");
  }

  TEST_CASE_FIXTURE(SessionsTest, "what a client has acknowledged is forgotten, and only that") {
    for (int number : {1, 2, 9, 10, 11}) sessions.answer(write(number), kExists);
    sessions.answer(write(2, 0, "other"), kExists);
    sessions.answer(write(12, 9), std::nullopt);
    CHECK(rows() == Rows{"client/other", "client/page", "past/other/0000000000000002",
                         "past/page/0000000000000010", "past/page/0000000000000011"});
    CHECK(answer(write(10)) == "exists: There is a record\nwith this id.");
    sessions.answer(write(13, 12), std::nullopt);
    CHECK(rows() == Rows{"client/other", "client/page", "past/other/0000000000000002"});
  }

  TEST_CASE_FIXTURE(SessionsTest, "a client takes one row, whatever the number of its writes") {
    for (int number = 1; number <= 1'000; ++number)
      sessions.answer(write(number, number - 1),
                      number % 3 ? std::nullopt : std::optional(kExists));
    CHECK(rows() == Rows{"client/page"});
    CHECK(number("SELECT number FROM hf_meta WHERE key = 'client/page'") == 1'000);
  }

  TEST_CASE_FIXTURE(SessionsTest, "the highest number that JavaScript counts to has room") {
    const std::int64_t most = (std::int64_t{1} << 53) - 1;
    sessions.answer(write(most, most - 1), kExists);
    CHECK(answer(write(most)) == "exists: There is a record\nwith this id.");
  }
}
