// Trains the fixture with the TensorBoard callback and says what TensorBoard's reader must find:
//   write_events DIRECTORY      lines "DIRECTORY KIND TAG STEP VALUES…"
// Run by TensorBoardReaderTest.py.
#include "Fixture.h"
#include "ingot/train/TensorBoard.h"
#include "runtime/core/ProtoWriter.h"
#include "runtime/train/WeightImages.h"

#include <cstdio>

using namespace ingot;
using namespace ingot::train;

namespace {

/// Two nodes, one fed by the other.
std::string smallGraph() {
  std::string graph, input, dense;
  proto::putBytes(input, 1, "pair");
  proto::putBytes(input, 2, "InputLayer");
  proto::putBytes(dense, 1, "dense");
  proto::putBytes(dense, 2, "Dense");
  proto::putBytes(dense, 3, "pair");
  proto::putBytes(graph, 1, input);
  proto::putBytes(graph, 1, dense);
  return graph;
}

class Writer : public test::TrainFixture {
public:
  void TestBody() override {}
  void write(const std::string &directory) {
    SetUp();
    TensorBoard::Options logging;
    logging.logDir = directory;
    logging.histogramFreq = 1;
    logging.updateFreq = 1;
    logging.writeImages = true;
    TensorBoard board(logging);
    LambdaCallback weightsAfter;
    weightsAfter.hooks.onEpochEnd = [&](int64_t epoch, Logs &) {
      std::printf("train histogram dense/kernel/histogram %ld", long(epoch));
      for (int i = 0; i < 3; ++i)
        std::printf(" %.9g", double(weights()[size_t(i)]));
      std::printf("\n");
    };
    trainer->setModelGraph([] { return Trainer::ModelGraph{smallGraph(), "{\"config\": 1}"}; });
    FitOptions options = quiet();
    options.epochs = 3;
    options.batchSize = 10;
    options.validationSplit = 0.2;
    options.callbacks = {&board, &weightsAfter};
    const History history = fit(options);
    for (const auto &[name, values] : history.history)
      for (size_t epoch = 0; epoch < values.size(); ++epoch) {
        const bool validation = name.rfind("val_", 0) == 0;
        std::printf("%s scalar epoch_%s %zu %.9g\n", validation ? "validation" : "train",
                    name.c_str() + (validation ? 4 : 0), epoch, values[epoch]);
      }
    SummaryWriter writer = std::move(*SummaryWriter::create(directory + "/other"));
    EXPECT_TRUE(writer.addText("note", "**bold**", 4).isOk());
    EXPECT_TRUE(writer.addImage("picture", encodePng({255, 0, 0, 0, 255, 0}, 1, 2, 3), 2).isOk());
    EXPECT_TRUE(writer.addScalar("large step", -1.5, int64_t(1) << 40).isOk());
  }
};

} // namespace

int main(int, char **arguments) {
  Writer().write(arguments[1]);
  return testing::Test::HasFailure();
}
