// examples/embed_c/classify, built with `cc` as its README says, on the fixture artifact.
#include "Shell.h"

#include <cstdint>

namespace {

class EmbedClassifyTest : public ShellTest {
protected:
  void build(const std::string &flags = "", const std::string &model = "") {
    Outcome built = shell("cd " EMBED_DIRECTORY " && cc -O2 -Wall -Wextra -Werror " + flags +
                          " -I" INCLUDE_DIRECTORY " classify.c npy.c thread_pool.c " + model +
                          " -o " + path("classify") + " -lpthread -ldl");
    ASSERT_EQ(built.code, 0) << built.err;
  }

  template <typename T>
  std::string npy(const std::string &name, const std::string &type, const std::string &shape,
                  const std::vector<T> &values) {
    std::string header =
        "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
    header.resize(117, ' ');
    header += '\n';
    std::string bytes("\x93NUMPY\x01\x00\x76\x00", 10);
    bytes += header;
    bytes.append(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
    return write(name, bytes);
  }

  /// y0 = x0 + 3 x1 + 5 x2 + 0.5, y1 = 2 x0 + 4 x1 + 6 x2 - 0.5: class 1 where the sum exceeds 1.
  std::string images() {
    return npy<float>("x.npy", "<f4", "5, 3", {0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, -1, 9, 9, 9});
  }
  const std::string classes = "image 0: class 0\nimage 1: class 1\nimage 2: class 1\n"
                              "image 3: class 0\nimage 4: class 1\n";
};

TEST_F(EmbedClassifyTest, ClassifiesAndCountsCorrectLabels) {
  build();
  std::string labels = npy<uint8_t>("y.npy", "|u1", "5,", {0, 1, 1, 1, 1});
  for (const char *how : {"", " --batch 2", " --batch 2 --threads 3", " --threads 2"}) {
    Outcome ran =
        shell(path("classify") + " " FIXTUREWEIGHTS " " + images() + " --labels " + labels + how);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out, classes + "accuracy 0.8000 (4 of 5)\n") << how;
  }
  std::string wide = npy<int64_t>("y8.npy", "<i8", "5,", {0, 1, 1, 0, 1});
  Outcome ran =
      shell(path("classify") + " " FIXTUREWEIGHTS " " + images() + " --print 0 --labels " + wide);
  EXPECT_EQ(ran.out, "accuracy 1.0000 (5 of 5)\n");
}

TEST_F(EmbedClassifyTest, TakesALinkedModel) {
  build("-DLINKED_MODEL -DFIXTURE_WEIGHTS", FIXTURE_SOURCE);
  Outcome ran = shell(path("classify") + " " + images());
  EXPECT_EQ(ran.out, classes) << ran.err;
}

TEST_F(EmbedClassifyTest, SaysWhatIsWrong) {
  build();
  std::string x = images(), run = path("classify") + " ";
  struct Case {
    std::string arguments, fragment;
    int code;
  };
  const Case cases[] = {
      {"", "usage:", 1},
      {FIXTUREWEIGHTS, "usage:", 1},
      {FIXTUREWEIGHTS " " + x + " --threads 0", "--threads wants a number", 1},
      {FIXTUREWEIGHTS " " + x + " --batch", "--batch wants a number", 1},
      {FIXTUREWEIGHTS " " + x + " --what", "usage:", 1},
      {"/absent.so " + x, "cannot load the model", 2},
      {FIXTURELINEAR " " + x, "carries no weights", 2},
      {FIXTUREABI2 " " + x, "another version of the interface", 2},
      {FIXTURENOVARIANT " " + x, "no code for this CPU", 2},
      {FIXTUREWEIGHTS " /absent.npy", "cannot open '/absent.npy'", 2},
      {FIXTUREWEIGHTS " " + write("text", "hello, this is no array"), "not a .npy file", 2},
      {FIXTUREWEIGHTS " " + npy<double>("d", "<f8", "1, 3", {1, 2, 3}), "must be float32", 2},
      {FIXTUREWEIGHTS " " + npy<float>("w", "<f4", "1, 4", {1, 2, 3, 4}),
       "has 4 values, 'predict' wants 3", 2},
      {FIXTUREWEIGHTS " " + npy<float>("s", "<f4", "9, 3", {1}), "shorter than its header says", 2},
      {FIXTUREWEIGHTS " " + npy<float>("n", "<f4", "-1, 3", {1}), "does not understand", 2},
      {FIXTUREWEIGHTS " " + npy<float>("h", "<f4", "9999999999, 9999999999", {1}),
       "does not understand", 2},
      {FIXTUREWEIGHTS " " + x + " --labels " + npy<uint8_t>("l", "|u1", "4,", {0, 0, 0, 0}),
       "not as many labels", 2},
  };
  for (const Case &oneCase : cases) {
    Outcome ran = shell(run + oneCase.arguments);
    EXPECT_EQ(ran.code, oneCase.code) << oneCase.arguments;
    EXPECT_NE(ran.err.find(oneCase.fragment), std::string::npos)
        << oneCase.arguments << ": " << ran.err;
  }
}

} // namespace
