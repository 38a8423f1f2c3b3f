// What the page for people is made of.
#include "runtime/serve/server/StatusPage.h"

#include "tests/unit/runtime/serve/repository/RepositoryFixture.h"

#include <gmock/gmock.h>

namespace ingot::serve {

namespace {

using testing::HasSubstr;

class StatusPageTest : public RepositoryFixture {};

TEST_F(StatusPageTest, ModelsThatCannotBeServedAreThereWithTheReason) {
  configure("broken", "{");
  publish("m", 1, FIXTURESERVED);
  open();
  const std::string json = statusJson(*repository, "0", true, 0, std::chrono::seconds(1));
  EXPECT_THAT(json, HasSubstr(R"({"name":"broken","error":"')"));
  EXPECT_THAT(json, HasSubstr("the config is not JSON"));
  EXPECT_THAT(json, HasSubstr(R"({"name":"m","error":"","versions":[{"version":1,)"));
}

} // namespace

} // namespace ingot::serve
