// What fit prints.
#include "runtime/train/Progress.h"
#include "Fixture.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace {

using ProgressTest = TrainFixture;

TEST_F(ProgressTest, OneLineAnEpochAndNoCarriageReturn) {
  FitOptions options = quiet();
  options.verbose = Verbosity::Auto; // a string is no terminal
  options.epochs = 2;
  options.validationSplit = 0.2;
  fit(options);
  const std::string text = printed.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.rfind("Epoch 1/2 - 2/2 - 0s - ", 0), 0u) << text;
  const size_t accuracy = text.find(" - accuracy: "), loss = text.find(" - loss: ");
  const size_t validation = text.find(" - val_accuracy: ");
  EXPECT_LT(accuracy, loss);
  EXPECT_LT(loss, validation);
  EXPECT_LT(validation, text.find(" - val_loss: "));
}

TEST_F(ProgressTest, TheBarIsDrawnInPlace) {
  FitOptions options = quiet();
  options.verbose = Verbosity::Bar;
  fit(options);
  const std::string text = printed.str();
  EXPECT_EQ(text.rfind("Epoch 1/1\n\r", 0), 0u) << text;
  EXPECT_NE(text.find("\r2/2 ━━━━━━━━━━━━━━━━━━━━ 0s "), std::string::npos) << text;
  EXPECT_EQ(text.back(), '\n');
}

/// What the bar prints on a terminal, with NO_COLOR as given (NULL: not set).
std::string printedOnTerminal(const char *noColor) {
  int screen = -1;
  const pid_t child = forkpty(&screen, nullptr, nullptr, nullptr);
  if (child == 0) {
    noColor ? setenv("NO_COLOR", noColor, 1) : unsetenv("NO_COLOR");
    Progress progress(Verbosity::Auto, nullptr);
    progress.beginEpoch(1, 1, 2);
    progress.update(1, {{"loss", 0.5}});
    progress.endSteps();
    progress.endEpoch({{"loss", 0.25}});
    std::cout.flush();
    _exit(0);
  }
  std::string text;
  char buffer[256];
  for (ssize_t count; (count = read(screen, buffer, sizeof buffer)) > 0;)
    text.append(buffer, size_t(count));
  close(screen);
  waitpid(child, nullptr, 0);
  return text;
}

TEST(ProgressColour, TerminalsGetItUnlessNoColorIsSet) {
  EXPECT_NE(printedOnTerminal(nullptr).find("\033["), std::string::npos);
  EXPECT_NE(printedOnTerminal("").find("\033["), std::string::npos); // empty counts as not set
  const std::string plain = printedOnTerminal("1");
  EXPECT_EQ(plain.find('\033'), std::string::npos) << plain;
  EXPECT_NE(plain.find("2/2 ━━━━━━━━━━━━━━━━━━━━ 0s "), std::string::npos) << plain;
}

TEST_F(ProgressTest, AFailureLeavesTheBarOnALineOfItsOwn) {
  label.data<int64_t>()[49] = 5;
  FitOptions options = quiet();
  options.verbose = Verbosity::Bar;
  options.shuffle = false;
  ASSERT_FALSE(trainer->fit({pair, extra}, {label}, options).isOk());
  const std::string text = printed.str();
  EXPECT_NE(text.find("\r1/2 ━━━━━━━━━━──────────"), std::string::npos) << text;
  EXPECT_EQ(text.back(), '\n');
}

TEST_F(ProgressTest, SilentPrintsNothing) {
  fit(quiet());
  EXPECT_EQ(printed.str(), "");
}

TEST(FormatTest, NumbersReadAsInKeras) {
  EXPECT_EQ(formatLogs({{"loss", 0.31234}, {"accuracy", 1}}), " - accuracy: 1.0000 - loss: 0.3123");
  EXPECT_EQ(formatLogs({{"loss", 3.1e-5}}), " - loss: 3.1000e-05");
  EXPECT_EQ(formatStepTime(0.0081), "8ms/step");
  EXPECT_EQ(formatStepTime(0.00012), "120us/step");
  EXPECT_EQ(formatStepTime(2), "2s/step");
}

} // namespace
