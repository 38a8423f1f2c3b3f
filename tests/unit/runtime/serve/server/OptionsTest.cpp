// The command line: mistakes are told before anything is begun.
#include "runtime/serve/server/Options.h"

#include <gmock/gmock.h>

namespace ingot::serve {

namespace {

using testing::HasSubstr;

class OptionsTest : public testing::Test {
protected:
  /// The exit code, -1 to go on; what was told is in `told`.
  int parse(std::vector<std::string> arguments) {
    std::vector<char *> argv = {const_cast<char *>("ingot-serve")};
    for (std::string &argument : arguments)
      argv.push_back(argument.data());
    options = ServerOptions();
    testing::internal::CaptureStderr();
    int code = parseOptions(static_cast<int>(argv.size()), argv.data(), "0", options);
    told = testing::internal::GetCapturedStderr();
    return code;
  }
  ServerOptions options;
  std::string told;
};

TEST_F(OptionsTest, ValuesThatCannotBeAreRefusedByTheirFlag) {
  for (auto [flag, value] : {std::pair{"--max-queued", "-1"},
                             {"--max-queued", "0"},
                             {"--priority-levels", "0"},
                             {"--priority-levels", "1001"},
                             {"--max-batch-rows", "-5"},
                             {"--workers", "-1"},
                             {"--rest-threads", "-1"},
                             {"--max-requests", "0"},
                             {"--max-connections", "-1"},
                             {"--max-load-retries", "-1"},
                             {"--timeout", "-1"},
                             {"--drain-delay", "9223372036854775807"}}) {
    EXPECT_EQ(parse({"--model-repository", "models", flag, value}), 1) << flag;
    EXPECT_THAT(told, HasSubstr(flag)) << value;
  }
  EXPECT_EQ(parse({"--model-repository", "models", "--max-queued", "1", "--priority-levels", "1000",
                   "--max-batch-rows", "0"}),
            -1);
  EXPECT_EQ(options.repository.defaults.queue.priorityLevels, 1000);
}

TEST_F(OptionsTest, AModelConfigFileNamesAllModels) {
  EXPECT_EQ(parse({"--model-config-file", "models.config"}), -1);
  EXPECT_EQ(parse({"--model-config-file", "models.config", "--model-repository", "models"}), 1);
  EXPECT_THAT(told, HasSubstr("it goes without --model-repository"));
  EXPECT_EQ(parse({"--model-config-file", "models.config", "--model", "m=models/m"}), 1);
  EXPECT_EQ(parse({"--model-config-file", "models.config", "--model-control-mode", "explicit"}), 1);
  EXPECT_EQ(parse({"--model-config-file", "models.config", "--model-control-mode", "none"}), -1);
}

} // namespace

} // namespace ingot::serve
