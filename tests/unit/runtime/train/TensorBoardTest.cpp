// Event files and the TensorBoard callback, read back by the format. That TensorBoard's own reader
// reads the same is TensorBoardReaderTest.
#include "ingot/train/TensorBoard.h"
#include "EventFile.h"
#include "Fixture.h"
#include "runtime/train/WeightImages.h"

#include <cmath>
#include <unistd.h>

using namespace ingot;
using namespace ingot::test;
using namespace ingot::train;

namespace fs = std::filesystem;

namespace {

class TensorBoardTest : public TrainFixture {
protected:
  std::string directory;
  void SetUp() override {
    TrainFixture::SetUp();
    directory = (fs::temp_directory_path() / ("ingot-events-" + std::to_string(getpid()))).string();
    fs::remove_all(directory);
  }
  void TearDown() override { fs::remove_all(directory); }

  /// tag -> step -> value of the scalars in a directory.
  std::map<std::string, std::map<int64_t, float>> scalars(const std::string &name) {
    std::map<std::string, std::map<int64_t, float>> result;
    for (const Message &event : readDirectory(directory + "/" + name))
      if (const Message value = event.message(5).message(1); value.numbers.count(2))
        result[value.text(1)][event.number(2)] = value.real<float>(2);
    return result;
  }
};

TEST_F(TensorBoardTest, ChecksumsAreCrc32cMasked) {
  // The check value of CRC-32C, 0xE3069283, rotated by 15 bits and shifted.
  EXPECT_EQ(maskedCrc32c("123456789"), ((0xE3069283u >> 15) | (0xE3069283u << 17)) + 0xA282EAD8u);
}

TEST_F(TensorBoardTest, ScalarsHistogramsTextAndPicturesReadBack) {
  {
    SummaryWriter writer = std::move(*SummaryWriter::create(directory));
    ASSERT_TRUE(writer.addScalar("loss", 0.25, 7).isOk());
    Tensor values = *Tensor::of<float>({6}, {-1, 0, NAN, 0.5, 2, 2});
    ASSERT_TRUE(writer.addHistogram("kernel", values, 3).isOk());
    ASSERT_TRUE(writer.addText("note", "**bold**", 1).isOk());
    ASSERT_TRUE(writer.addImage("dot", encodePng({255, 0, 0, 0, 255, 0}, 1, 2, 3), 2).isOk());
    ASSERT_TRUE(writer.addGraph("bytes").isOk());
    EXPECT_FALSE(writer.addImage("none", "JPEG", 2).isOk());
    EXPECT_FALSE(writer.addHistogram("labels", label, 2).isOk());
  }
  const std::vector<Message> events = readDirectory(directory);
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[0].text(3), "brain.Event:2");
  EXPECT_GT(events[0].real<double>(1), 1.7e9) << "seconds since 1970";

  const Message scalar = events[1].message(5).message(1);
  EXPECT_EQ(events[1].number(2), 7);
  EXPECT_EQ(scalar.text(1), "loss");
  EXPECT_EQ(scalar.real<float>(2), 0.25f);

  const Message histogram = events[2].message(5).message(1).message(5);
  EXPECT_EQ(histogram.real<double>(1), -1);
  EXPECT_EQ(histogram.real<double>(2), 2);
  EXPECT_EQ(histogram.real<double>(3), 5) << "NaN has no place";
  EXPECT_EQ(histogram.real<double>(4), 3.5);
  EXPECT_EQ(histogram.real<double>(5), 9.25);
  const std::vector<double> limits = histogram.doubles(6), counts = histogram.doubles(7);
  ASSERT_EQ(limits.size(), 30u);
  EXPECT_NEAR(limits[0], -0.9, 1e-12);
  EXPECT_EQ(limits[29], 2);
  EXPECT_EQ(counts[0], 1);
  EXPECT_EQ(counts[10], 1);
  EXPECT_EQ(counts[15], 1);
  EXPECT_EQ(counts[29], 2);

  const Message text = events[3].message(5).message(1);
  EXPECT_EQ(text.message(8).text(8), "**bold**");
  EXPECT_EQ(text.message(9).message(1).text(1), "text");

  const Message image = events[4].message(5).message(1).message(4);
  EXPECT_EQ(image.number(1), 1);
  EXPECT_EQ(image.number(2), 2);
  EXPECT_EQ(image.number(3), 3);
  EXPECT_EQ(image.text(4).substr(1, 3), "PNG");
  EXPECT_EQ(events[5].text(4), "bytes");
}

TEST_F(TensorBoardTest, AConstantHasOneBucketAndNothingHasNone) {
  {
    SummaryWriter writer = std::move(*SummaryWriter::create(directory));
    Tensor same = *Tensor::of<double>({2}, {3, 3}), none = *Tensor::of<float>({1}, {INFINITY});
    ASSERT_TRUE(writer.addHistogram("same", same, 0).isOk());
    ASSERT_TRUE(writer.addHistogram("none", none, 0).isOk());
  }
  const std::vector<Message> events = readDirectory(directory);
  const Message same = events[1].message(5).message(1).message(5);
  EXPECT_EQ(same.doubles(6), (std::vector<double>{3}));
  EXPECT_EQ(same.doubles(7), (std::vector<double>{2}));
  EXPECT_TRUE(events[2].message(5).message(1).message(5).numbers.empty());
}

TEST_F(TensorBoardTest, AFitWritesKerassTags) {
  TensorBoard::Options logging;
  logging.logDir = directory;
  logging.histogramFreq = 2;
  logging.updateFreq = 3;
  logging.writeImages = true;
  TensorBoard board(logging);
  trainer->setModelGraph([] { return Trainer::ModelGraph{"graph", "{}"}; });
  FitOptions options = quiet();
  options.epochs = 3;
  options.batchSize = 10; // 4 batches of training
  options.validationSplit = 0.2;
  options.callbacks = {&board};
  const History history = fit(options);

  const auto train = scalars("train"), validation = scalars("validation");
  std::vector<std::string> tags;
  for (const auto &[tag, values] : train)
    tags.push_back(tag);
  EXPECT_EQ(tags, (std::vector<std::string>{"batch_accuracy", "batch_loss", "epoch_accuracy",
                                            "epoch_learning_rate", "epoch_loss"}));
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    EXPECT_EQ(train.at("epoch_loss").at(epoch), float(history.history.at("loss")[size_t(epoch)]));
    EXPECT_EQ(validation.at("epoch_loss").at(epoch),
              float(history.history.at("val_loss")[size_t(epoch)]));
    EXPECT_EQ(validation.at("evaluation_accuracy_vs_iterations").at(4 * (epoch + 1)),
              float(history.history.at("val_accuracy")[size_t(epoch)]));
  }
  EXPECT_EQ(train.at("epoch_learning_rate").at(2), 0.5f);
  std::vector<int64_t> steps;
  for (const auto &[step, value] : train.at("batch_loss"))
    steps.push_back(step);
  EXPECT_EQ(steps, (std::vector<int64_t>{3, 6, 9, 12}));

  std::map<std::string, std::vector<int64_t>> others;
  bool graph = false;
  for (const Message &event : readDirectory(directory + "/train")) {
    const Message value = event.message(5).message(1);
    if (value.bytes.count(5) || value.bytes.count(4))
      others[value.text(1)].push_back(event.number(2));
    graph |= event.text(4) == "graph";
    if (value.text(1) == "keras")
      EXPECT_EQ(value.message(9).message(1).text(1), "graph_keras_model");
  }
  EXPECT_TRUE(graph);
  const std::vector<int64_t> epochs = {0, 2};
  EXPECT_EQ(others, (std::map<std::string, std::vector<int64_t>>{{"dense/bias/histogram", epochs},
                                                                 {"dense/kernel/histogram", epochs},
                                                                 {"dense/kernel/image", epochs}}));
}

TEST_F(TensorBoardTest, WeightsArePicturesAsKerasDrawsThem) {
  const auto sizes = [](const Shape &shape) {
    std::string text;
    Tensor zeros = *Tensor::zeros(DType::F32, shape);
    for (const std::string &png : weightImages(zeros))
      text += (text.empty() ? "" : " ") + std::to_string(int(uint8_t(png[19]))) + "x" +
              std::to_string(int(uint8_t(png[23])));
    return text;
  };
  EXPECT_EQ(sizes({5}), "1x5");
  EXPECT_EQ(sizes({7, 3}), "7x3"); // wider than high
  EXPECT_EQ(sizes({3, 7}), "7x3");
  EXPECT_EQ(sizes({3, 2, 1, 9}), "2x3 2x3 2x3");
  EXPECT_EQ(sizes({4, 3, 2, 5}), "");
}

} // namespace
