// Who may call what, and files of tokens.
#include "runtime/serve/inference/AccessControl.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <filesystem>

namespace {

using namespace ingot::serve;
using Answer = AccessControl::Answer;

class AccessControlTest : public FileTest {
protected:
  std::string tokens(const std::string &text) {
    std::string file = write("tokens", text);
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    return file;
  }
};

TEST_F(AccessControlTest, EverythingIsOpenWithoutRules) {
  AccessControl open;
  EXPECT_EQ(open.check(ApiGroup::Inference, ""), Answer::Allowed);
  EXPECT_EQ(open.check(ApiGroup::Repository, "nonsense"), Answer::Allowed);
}

TEST_F(AccessControlTest, RestrictedGroupsWantAKnownTokenThatHasThem) {
  auto read = AccessControl::readTokens(tokens("# the ops team\n"
                                               "aaaaaaaaaaaaaaaa\n"
                                               "\n"
                                               "bbbbbbbbbbbbbbbb inference,metadata # a client\n"));
  ASSERT_OK(read.status());
  AccessControl::Rules rules;
  rules.tokens = *read;
  rules.restricted = *parseApiGroups("inference,repository");
  AccessControl access(rules);
  EXPECT_EQ(access.check(ApiGroup::Health, ""), Answer::Allowed);
  EXPECT_EQ(access.check(ApiGroup::Inference, ""), Answer::Unauthenticated);
  EXPECT_EQ(access.check(ApiGroup::Inference, "Bearer bbbbbbbbbbbbbbbb"), Answer::Allowed);
  EXPECT_EQ(access.check(ApiGroup::Inference, "bearer  bbbbbbbbbbbbbbbb"), Answer::Allowed);
  EXPECT_EQ(access.check(ApiGroup::Repository, "Bearer bbbbbbbbbbbbbbbb"), Answer::Forbidden);
  EXPECT_EQ(access.check(ApiGroup::Repository, "Bearer aaaaaaaaaaaaaaaa"), Answer::Allowed);
  for (const char *wrong : {"bbbbbbbbbbbbbbbb", "Basic bbbbbbbbbbbbbbbb", "Bearer ", "Bearer",
                            "Bearer bbbbbbbbbbbbbbb", "Bearer bbbbbbbbbbbbbbbbb", "Bearer b"})
    EXPECT_EQ(access.check(ApiGroup::Inference, wrong), Answer::Unauthenticated) << wrong;
}

TEST_F(AccessControlTest, WithoutTokensARestrictedGroupIsClosed) {
  AccessControl::Rules rules;
  rules.restricted = *parseApiGroups("repository");
  EXPECT_EQ(AccessControl(rules).check(ApiGroup::Repository, "Bearer aaaaaaaaaaaaaaaa"),
            Answer::Forbidden);
}

TEST_F(AccessControlTest, FilesOfTokensAreChecked) {
  EXPECT_STATUS(AccessControl::readTokens(tokens("short\n")).status(), InvalidArgument,
                "line 1: a token has at least 16 characters");
}

TEST_F(AccessControlTest, ATokenMayHaveTheSignOfComments) {
  auto read = AccessControl::readTokens(tokens("aaaaaaaaaaaaaaaa#secret inference # a client\n"
                                               "  # indented\n"));
  ASSERT_OK(read.status());
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ(read->front().secret, "aaaaaaaaaaaaaaaa#secret");
}

TEST_F(AccessControlTest, UnknownGroupsAreNamedWithThoseThereAre) {
  EXPECT_STATUS(AccessControl::readTokens(tokens("\naaaaaaaaaaaaaaaa infer\n")).status(),
                InvalidArgument, "line 2: there is no group of APIs 'infer'; there are health, ");
  EXPECT_STATUS(AccessControl::readTokens(tokens("aaaaaaaaaaaaaaaa inference metadata\n")).status(),
                InvalidArgument, "groups of APIs with commas");
}

TEST_F(AccessControlTest, EmptyAndAbsentFilesAreErrors) {
  EXPECT_STATUS(AccessControl::readTokens(tokens("# none\n")).status(), InvalidArgument,
                "no token");
  EXPECT_STATUS(AccessControl::readTokens(path("absent")).status(), NotFound, "absent");
}

TEST_F(AccessControlTest, SecretsThatEverybodyMayReadAreRefused) {
  std::string file = write("tokens", "aaaaaaaaaaaaaaaa\n");
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  EXPECT_STATUS(AccessControl::readTokens(file).status(), InvalidArgument, "chmod o-r");
}

} // namespace
