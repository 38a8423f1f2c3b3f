// What fit prints.
#include "runtime/train/Progress.h"
#include "Fixture.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
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
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\033'), std::string::npos);
  EXPECT_EQ(text.rfind("Epoch 1/2\n2/2 - 0s - ", 0), 0u) << text;
  const size_t accuracy = text.find(" - accuracy: "), loss = text.find(" - loss: ");
  const size_t validation = text.find(" - val_accuracy: ");
  EXPECT_LT(accuracy, loss);
  EXPECT_LT(loss, validation);
  EXPECT_LT(validation, text.find(" - val_loss: "));
}

/// What the bar prints on a terminal, with NO_COLOR as given (NULL: not set).
std::string printedOnTerminal(const char *noColor) {
  int screen = -1;
  const pid_t child = forkpty(&screen, nullptr, nullptr, nullptr);
  if (child == 0) {
    noColor ? setenv("NO_COLOR", noColor, 1) : unsetenv("NO_COLOR");
    Progress progress(Verbosity::Auto, nullptr, 1, 2);
    progress.beginEpoch(0);
    progress.update(0, {{"loss", 0.5}});
    progress.finish({{"loss", 0.25}});
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
  EXPECT_NE(text.find("1/2"), std::string::npos) << text;
  EXPECT_EQ(text.back(), '\n');
}

TEST_F(ProgressTest, SilentPrintsNothing) {
  fit(quiet());
  EXPECT_EQ(printed.str(), "");
}

//===----------------------------------------------------------------------===//
// Keras's text: tests/fixtures/keras/training/progress.txt, made by progress.py beside it.

/// Bytes that are not plain ASCII as \xNN, so that differences can be read.
std::string escaped(const std::string &text) {
  std::string result;
  char code[8];
  for (const char c : text)
    if (c >= ' ' && c < 127 && c != '\\') {
      result += c;
    } else {
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(c));
      result += code;
    }
  return result;
}

/// Plays the events of one case and gives what was printed.
class Player {
public:
  explicit Player(std::istream &words) {
    std::string name, key;
    int verbose = 0;
    int64_t epochs = 0, steps = 0;
    words >> name >> key >> verbose >> key >> epochs >> key >> steps;
    progress.emplace(verbose == 0   ? Verbosity::Silent
                     : verbose == 1 ? Verbosity::Bar
                                    : Verbosity::Lines,
                     &out, epochs, steps < 0 ? std::nullopt : std::optional<int64_t>(steps),
                     [this] { return now; });
  }

  void play(std::istream &words) {
    std::string kind, word;
    double at = 0;
    int64_t number = 0;
    words >> at >> kind;
    now = 1000 + at;
    if (kind == "epoch" || kind == "batch")
      words >> number;
    Logs logs;
    while (words >> word)
      logs[word.substr(0, word.find('='))] =
          std::strtod(word.c_str() + word.find('=') + 1, nullptr);
    if (kind == "begin")
      progress->begin();
    else if (kind == "epoch")
      progress->beginEpoch(number);
    else if (kind == "batch")
      progress->update(number, logs);
    else
      progress->finish(logs);
  }

  std::string text() const { return escaped(out.str()); }

private:
  double now = 0;
  std::ostringstream out;
  std::optional<Progress> progress;
};

TEST(ProgressText, IsKerassToTheCharacter) {
  unsetenv("NO_COLOR");
  std::ifstream file(INGOT_SOURCE_DIR "/tests/fixtures/keras/training/progress.txt");
  std::optional<Player> player;
  std::string name;
  int cases = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    if (kind == "case") {
      name = line;
      player.emplace(words);
    } else if (kind == "at") {
      player->play(words);
    } else {
      EXPECT_EQ(player->text(), line.size() > 5 ? line.substr(5) : "") << name;
      ++cases;
    }
  }
  EXPECT_EQ(cases, 18);
}

} // namespace
