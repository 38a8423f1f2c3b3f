// What is installed serves a user who has nothing else of Ingot: examples/embed_cpp is built
// against it in both ways, with the system's compiler, and run; and what is packaged needs no LLVM.
#include "Shell.h"

#include <gmock/gmock.h>

#include <sstream>

using testing::HasSubstr;
using testing::Not;

namespace {

class EmbedInstallTest : public ShellTest {
protected:
  /// Installs, and moves what is installed: it must not know where it was.
  std::string install() {
    for (const char *component : {"library", "dev"}) {
      Outcome installed = shell(CMAKE " --install " BUILD_DIRECTORY " --prefix " + path("first") +
                                " --component " + component);
      EXPECT_EQ(installed.code, 0) << installed.err;
    }
    std::filesystem::rename(path("first"), path("prefix"));
    return path("prefix");
  }
  void expectScores(const std::string &program) {
    const std::string rows = "printf '1 0 0\\n0 1 1\\n' | ";
    for (const char *how : {"", " --pool 2"}) {
      Outcome ran = shell(rows + program + " " FIXTURESERVED + how);
      EXPECT_EQ(ran.code, 0) << ran.err;
      EXPECT_EQ(ran.out, "1.5 1.5\n8.5 9.5\n") << how;
      EXPECT_THAT(ran.err, HasSubstr("2 rows"));
    }
  }
};

TEST_F(EmbedInstallTest, CMakeFindsIt) {
  std::string prefix = install();
  Outcome built = shell(CMAKE " -S " EMBED_DIRECTORY " -B " + path("build") +
                        " -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=" + prefix +
                        " && " CMAKE " --build " + path("build"));
  ASSERT_EQ(built.code, 0) << built.out << built.err;
  expectScores(path("build/score"));
  EXPECT_THAT(shell("readelf -d " + path("build/score")).out, Not(HasSubstr("libingot")));
}

TEST_F(EmbedInstallTest, PkgConfigFindsIt) {
  std::string prefix = install(), libraries = prefix + "/" LIBRARY_DIRECTORY;
  std::string flags =
      " $(PKG_CONFIG_PATH=" + libraries + "/pkgconfig pkg-config --cflags --libs ingot)";
  Outcome built = shell("c++ -std=c++17 -Wall -Wextra -Werror -O2 " EMBED_DIRECTORY "/score.cpp" +
                        flags + " -o " + path("score"));
  ASSERT_EQ(built.code, 0) << built.err;
  expectScores("LD_LIBRARY_PATH=" + libraries + " " + path("score"));

  std::string source = write("open.c", R"(#include <ingot/ingot.h>
#include <stdio.h>
int main(int argc, char **argv) {
  ingot_error error;
  ingot_model *model;
  if (argc != 2 || ingot_model_open(argv[1], NULL, &model, &error) != INGOT_CODE_OK)
    return 1;
  puts(ingot_model_table(model)->name);
  ingot_model_close(model);
  return 0;
})");
  built = shell("cc -Wall -Wextra -Werror " + source + flags + " -o " + path("open"));
  ASSERT_EQ(built.code, 0) << built.err;
  EXPECT_EQ(shell("LD_LIBRARY_PATH=" + libraries + " " + path("open") + " " FIXTURESERVED).out,
            "served\n");
}

TEST_F(EmbedInstallTest, EachHeaderStandsForItself) {
  std::string include = install() + "/include";
  std::istringstream headers(shell("cd " + include + " && find ingot -name '*.h'").out);
  int count = 0;
  for (std::string header; std::getline(headers, header); ++count) {
    std::string source = write("header.cpp", "#include <" + header + ">\n");
    Outcome built =
        shell("c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only -I" + include + " " + source);
    EXPECT_EQ(built.code, 0) << header << ": " << built.err;
  }
  EXPECT_GE(count, 9);
}

TEST_F(EmbedInstallTest, TheSharedLibraryNeedsTheCppLibraryAlone) {
  std::string library = install() + "/" LIBRARY_DIRECTORY "/libingot.so";
  std::istringstream needed(
      shell("readelf -d " + library + " | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p'").out);
  const std::string known[] = {
      "libstdc++.so.6",       "libm.so.6",       "libgcc_s.so.1", "libc.so.6",
      "ld-linux-x86-64.so.2", "libpthread.so.0", "libdl.so.2",    "ld-linux-aarch64.so.1"};
  int count = 0;
  for (std::string name; std::getline(needed, name); ++count)
    EXPECT_THAT(known, testing::Contains(name));
  EXPECT_GE(count, 2);
}

TEST_F(EmbedInstallTest, PackagesHoldWhatTheyNeed) {
  if (shell("command -v dpkg-deb && command -v dpkg-shlibdeps").code != 0)
    GTEST_SKIP() << "no Debian tools here";
  Outcome packed =
      shell("cd " + directory.string() +
            " && " CPACK " -G DEB -D 'CPACK_COMPONENTS_ALL=library;dev' --config " BUILD_DIRECTORY
            "/CPackConfig.cmake -B packages");
  ASSERT_EQ(packed.code, 0) << packed.out << packed.err;
  std::string runtime = path("packages/ingot-runtime_" VERSION "_*.deb");
  std::string dev = path("packages/ingot-runtime-dev_" VERSION "_*.deb");
  std::string needs = shell("dpkg-deb -f " + runtime + " Depends").out;
  EXPECT_THAT(needs, HasSubstr("libstdc++6"));
  EXPECT_THAT(needs, Not(HasSubstr("llvm")));
  EXPECT_THAT(needs, Not(HasSubstr("mlir")));
  EXPECT_THAT(shell("dpkg-deb -c " + runtime).out, HasSubstr("libingot.so." VERSION));
  EXPECT_EQ(shell("dpkg-deb -f " + dev + " Depends").out, "ingot-runtime (= " VERSION ")\n");
  std::string files = shell("dpkg-deb -c " + dev).out;
  for (const char *file : {"include/ingot/serve/Scheduler.h", "libingot_scheduler.a",
                           "cmake/Ingot/IngotConfig.cmake", "pkgconfig/ingot.pc"})
    EXPECT_THAT(files, HasSubstr(file));
}

} // namespace
