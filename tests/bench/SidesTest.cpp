// What tests/bench/peers calls: our side runs and says its mistakes; of the peers, which the gate
// does not install, that their absence is a message.
#include "tests/bench/Side.h"
#include <gmock/gmock.h>

using namespace ingot::bench;
using ::testing::HasSubstr;

namespace {

class SidesTest : public ::testing::Test {
protected:
  Side *open(const char *kind, Request request) {
    return ingot_bench_open(kind, &request, message);
  }

  const int64_t shape[2] = {2, 3};
  const float x[6] = {1, 10, 100, 1, 0, 0};
  const ingot_tensor input = {INGOT_F32, 2, shape, x};
  const Request linear = {"", FIXTUREWEIGHTS, "predict", 2, 1, &input};
  char message[kMessage] = "";
};

TEST_F(SidesTest, OursRunsFromC) {
  Side *side = open("ingot", linear);
  ASSERT_TRUE(side) << message;
  EXPECT_TRUE(ingot_bench_run(side, 3, message));
  EXPECT_GT(ingot_bench_time(side, 1e-4, message), 0);
  ingot_tensor output;
  ASSERT_TRUE(ingot_bench_output(side, &output, message));
  ASSERT_EQ(elementsOf(output), 4);
  EXPECT_EQ(static_cast<const float *>(output.data)[0], 531.5f);
  ingot_bench_close(side);
}

TEST_F(SidesTest, MistakesAreMessages) {
  EXPECT_FALSE(open("openvin", linear));
  EXPECT_THAT(std::string(message), HasSubstr("no side is called openvin"));
  Request absent = linear;
  absent.function = "absent";
  EXPECT_FALSE(open("ingot", absent));
  EXPECT_THAT(std::string(message), HasSubstr("absent"));
  absent.library = "/absent.so";
  for (const char *peer : {"onnxruntime", "openvino", "tf", "tf xla"}) {
    message[0] = 0;
    EXPECT_FALSE(open(peer, absent));
    EXPECT_THAT(std::string(message), HasSubstr("/absent.so")) << peer;
  }
}

TEST_F(SidesTest, AFailedRunIsAMessage) {
  Request request = linear;
  request.count = 0;
  Side *side = open("ingot", request);
  ASSERT_TRUE(side) << message;
  EXPECT_LT(ingot_bench_time(side, 1e-4, message), 0);
  EXPECT_THAT(std::string(message), HasSubstr("input"));
  EXPECT_FALSE(ingot_bench_run(side, 1, message));
  ingot_bench_close(side);
}

} // namespace
