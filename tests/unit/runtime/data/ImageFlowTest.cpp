// Flows of arrays and of directories: what they list and give equals Keras's
// (tests/fixtures/keras/data), in any order and on any number of threads the same.
#include "Helpers.h"
#include "ingot/data/ImageDataGenerator.h"
#include "ingot/data/ImageDataset.h"
#include "ingot/data/ImageDirectory.h"
#include "ingot/data/Npy.h"
#include "ingot/data/Picture.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

using namespace ingot;
using namespace ingot::data;
using namespace ingot::test;

namespace {

const NamedTensors &fixtures() {
  static const NamedTensors arrays = readNpz(INGOT_FIXTURES "/directory.npz").value();
  return arrays;
}

const Tensor &fixture(const std::string &name) {
  const Tensor *tensor = findTensor(fixtures(), name);
  EXPECT_NE(tensor, nullptr) << name;
  return *tensor;
}

std::vector<std::string> texts(const std::string &name) {
  const Tensor &tensor = fixture(name);
  std::vector<std::string> result;
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    result.emplace_back(textAt(tensor, i));
  return result;
}

/// The fixtures' tree of pictures.
class Tree {
public:
  Tree() {
    for (const auto &[key, bytes] : fixtures()) {
      if (key.compare(0, 5, "file/") != 0)
        continue;
      const std::string path = directory.path(key.substr(5));
      std::filesystem::create_directories(std::filesystem::path(path).parent_path());
      writeFile(path, {static_cast<const char *>(bytes.rawData()), bytes.byteSize()});
    }
  }
  std::string root() const { return directory.path(""); }
  std::string path(const std::string &name) const { return directory.path(name); }

private:
  TemporaryDirectory directory;
};

double difference(const Tensor &a, const Tensor &b) {
  EXPECT_EQ(a.shape(), b.shape());
  const Tensor x = toFloat(a).value(), y = toFloat(b).value();
  double largest = 0;
  for (int64_t i = 0; i < std::min(x.elementCount(), y.elementCount()); ++i)
    largest = std::max(largest, std::abs(double(x.data<float>()[i]) - y.data<float>()[i]));
  return largest;
}

Batch batchOf(DataSource &source, int64_t epoch = 0, int64_t index = 0) {
  Batch batch;
  const Result<bool> filled = source.fill(epoch, index, batch);
  EXPECT_TRUE(filled.isOk() && *filled) << filled.status().message();
  EXPECT_EQ(batch.inputs.size(), 1u);
  return batch;
}

void compareBatch(DataSource &source, const std::string &name, double tolerance) {
  const Batch batch = batchOf(source);
  EXPECT_LE(difference(batch.inputs[0], fixture(name + "/x")), tolerance) << name;
  EXPECT_EQ(batch.targets.size(), findTensor(fixtures(), name + "/y") != nullptr) << name;
  if (!batch.targets.empty()) {
    EXPECT_EQ(difference(batch.targets[0], fixture(name + "/y")), 0) << name;
    const bool isIndex = name == "flow_validation"; // where Keras has f32
    EXPECT_EQ(batch.targets[0].dtype(), isIndex ? DType::I64 : fixture(name + "/y").dtype())
        << name;
  }
}

void compareDirectory(const Tree &tree, const std::string &name, ImageDirectoryOptions options) {
  options.batchSize = 16, options.imageSize = {6, 8};
  Result<ImageDirectory> set = imageDatasetFromDirectory(tree.root(), options);
  ASSERT_TRUE(set.isOk()) << set.status().message();
  std::vector<std::string> files;
  for (const std::string &path : set->filePaths())
    files.push_back(std::filesystem::relative(path, tree.root()).string());
  EXPECT_EQ(files, texts(name + "/files"));
  if (findTensor(fixtures(), name + "/x") == nullptr)
    return;
  if (!set->classNames().empty())
    EXPECT_EQ(set->classNames(), texts(name + "/classes"));
  compareBatch(*set, name, 1e-3);
}

TEST(ImageDirectoryTest, EqualsKerasImageDatasetFromDirectory) {
  const Tree tree;
  compareDirectory(tree, "int", {.shuffle = false});
  compareDirectory(tree, "categorical",
                   {.labelMode = "categorical",
                    .classNames = {"cats", "eels"},
                    .colorMode = "grayscale",
                    .shuffle = false,
                    .interpolation = "area"});
  compareDirectory(tree, "binary",
                   {.labelMode = "binary",
                    .classNames = {"eels", "cats"},
                    .shuffle = false,
                    .cropToAspectRatio = true});
  compareDirectory(
      tree, "none",
      {.labels = "none", .shuffle = false, .interpolation = "bicubic", .padToAspectRatio = true});
}

TEST(ImageDirectoryTest, ASplitHasTheFilesThatKerasHasForTheSeed) {
  const Tree tree;
  for (const char *subset : {"training", "validation"})
    compareDirectory(tree, subset, {.seed = 123, .validationSplit = 0.3, .subset = subset});
}

TEST(ImageDirectoryTest, MistakesAndBrokenPicturesAreNamed) {
  const Tree tree;
  const auto message = [&](const ImageDirectoryOptions &options) {
    return imageDatasetFromDirectory(tree.root(), options).status().message();
  };
  EXPECT_NE(message({.validationSplit = 0.2, .subset = "training"}).find("give a seed"),
            std::string::npos);
  EXPECT_NE(message({.validationSplit = 0.2}).find("belong together"), std::string::npos);
  EXPECT_NE(message({.labelMode = "binary"}).find("has 3: 'cats', 'dogs', 'eels'"),
            std::string::npos);
  EXPECT_NE(message({.classNames = {"cows"}}).find("'cows'"), std::string::npos);
  EXPECT_NE(message({.interpolation = "cubic"}).find("\"bicubic\""), std::string::npos);
  EXPECT_NE(message({.labels = "given", .givenLabels = {1, 2}}).find("2 labels are given"),
            std::string::npos);
  EXPECT_EQ(imageDatasetFromDirectory(tree.path("none")).status().code(), StatusCode::NotFound);
  writeFile(tree.path("eels/one.png"), "\x89PNG\r\n\x1a\nbroken");
  ImageDirectory set = imageDatasetFromDirectory(tree.root(), {.shuffle = false}).value();
  Batch batch;
  const Status status = set.fill(0, 0, batch).status();
  EXPECT_EQ(status.code(), StatusCode::DataLoss);
  EXPECT_NE(status.message().find("/eels/one.png'"), std::string::npos) << status.message();
  EXPECT_EQ(set.fill(0, 1, batch).status().code(), StatusCode::OutOfRange);
}

TEST(ImageDirectoryTest, LinksToDirectoriesAreFollowedOnlyWhereAskedAndNeverInCircles) {
  const Tree tree;
  std::filesystem::create_directory_symlink("../dogs", tree.path("cats/more"));
  std::filesystem::create_directory_symlink("..", tree.path("cats/circle"));
  const auto count = [&](bool follow) {
    return imageDatasetFromDirectory(tree.root(), {.classNames = {"cats"}, .followLinks = follow})
        .value()
        .sampleCount();
  };
  EXPECT_EQ(count(false), 3);
  // cats, dogs through `more`, and through `circle` dogs, eels and the hidden one.
  EXPECT_EQ(count(true), 3 + 3 + 3 + 3 + 1);
}

void compareFlow(const Tree &tree, const std::string &name, ImageDataGeneratorOptions how,
                 FlowFromDirectoryOptions options) {
  options.targetSize = {6, 8}, options.batchSize = 16, options.shuffle = false;
  Result<DirectoryFlow> flow =
      ImageDataGenerator::create(std::move(how)).value().flowFromDirectory(tree.root(), options);
  ASSERT_TRUE(flow.isOk()) << flow.status().message();
  EXPECT_EQ(flow->filenames(), texts(name + "/files"));
  EXPECT_EQ(flow->classNames(), texts(name + "/classes"));
  compareBatch(*flow, name, 1e-6);
}

TEST(ImageFlowTest, FlowFromDirectoryEqualsKeras) {
  const Tree tree;
  compareFlow(tree, "flow", {.rescale = 1 / 255.0}, {});
  compareFlow(tree, "flow_binary", {},
              {.colorMode = "grayscale",
               .classes = {"dogs", "cats"},
               .classMode = "binary",
               .interpolation = "bilinear",
               .keepAspectRatio = true});
  compareFlow(tree, "flow_validation", {.validationSplit = 0.4},
              {.classMode = "sparse", .subset = "validation"});
  compareFlow(tree, "flow_training", {.validationSplit = 0.4},
              {.classMode = "none", .subset = "training", .interpolation = "lanczos"});
}

/// Twenty pictures of 6 x 5, u8, with labels.
struct Samples {
  Tensor x = Tensor::zeros(DType::U8, {20, 6, 5, 1}).value();
  Tensor y = Tensor::zeros(DType::I64, {20}).value();
  Samples() {
    for (int64_t i = 0; i < x.elementCount(); ++i)
      x.data<uint8_t>()[i] = uint8_t(i * 7 % 251);
    for (int64_t i = 0; i < 20; ++i)
      y.data<int64_t>()[i] = i % 4;
  }
};

TEST(ImageFlowTest, BatchesAreTheSameOnAnyThreadsInAnyOrder) {
  const Samples samples;
  const ImageDataGenerator generator =
      ImageDataGenerator::create({.rotationRange = 30, .zoomRange = 0.2, .horizontalFlip = true})
          .value();
  const auto makeFlow = [&] {
    return generator.flow(samples.x, samples.y, {.batchSize = 3, .seed = 5}).value();
  };
  ImageFlow flow = makeFlow(), other = makeFlow();
  ASSERT_EQ(flow.batchCount(), 7);
  std::vector<Batch> found(21);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (size_t k = t; k < 21; k += 3) // epochs mixed, from the last to the first
        found[20 - k] = batchOf(flow, int64_t(20 - k) / 7, int64_t(20 - k) % 7);
    });
  for (std::thread &thread : threads)
    thread.join();
  std::set<int64_t> labels;
  for (size_t k = 0; k < 21; ++k) {
    const Batch again = batchOf(other, int64_t(k) / 7, int64_t(k) % 7);
    EXPECT_EQ(difference(found[k].inputs[0], again.inputs[0]), 0);
    EXPECT_EQ(valuesOf<int64_t>(found[k].targets[0]), valuesOf<int64_t>(again.targets[0]));
  }
  EXPECT_EQ(found[6].inputs[0].dim(0), 2);
  EXPECT_GT(difference(found[0].inputs[0], found[7].inputs[0]), 1); // another epoch
}

TEST(ImageFlowTest, ASampleIsAugmentedAlikeInAnyBatchSize) {
  const Samples samples;
  const ImageDataGenerator generator = ImageDataGenerator::create({.rotationRange = 30}).value();
  ImageFlow single = generator.flow(samples.x, {}, {.batchSize = 1, .shuffle = false}).value();
  ImageFlow all = generator.flow(samples.x, {}, {.batchSize = 20, .shuffle = false}).value();
  const Batch whole = batchOf(all, 3);
  ASSERT_TRUE(whole.targets.empty());
  for (int64_t i = 0; i < 20; ++i) {
    const Batch one = batchOf(single, 3, i);
    EXPECT_TRUE(std::equal(one.inputs[0].data<float>(), one.inputs[0].data<float>() + 30,
                           whole.inputs[0].data<float>() + i * 30));
  }
}

TEST(ImageFlowTest, SubsetsAreTheFirstAndTheRestAndNeedTheSameClasses) {
  const Samples samples;
  const ImageDataGenerator generator =
      ImageDataGenerator::create({.validationSplit = 0.25}).value();
  ImageFlow validation =
      generator.flow(samples.x, samples.y, {.shuffle = false, .subset = "validation"}).value();
  ImageFlow training =
      generator.flow(samples.x, samples.y, {.shuffle = false, .subset = "training"}).value();
  EXPECT_EQ(validation.sampleCount(), 5);
  EXPECT_EQ(training.sampleCount(), 15);
  EXPECT_EQ(valuesOf<int64_t>(batchOf(validation).targets[0]),
            (std::vector<int64_t>{0, 1, 2, 3, 0}));
  EXPECT_EQ(batchOf(training).inputs[0].data<float>()[0], float(5 * 30 * 7 % 251));
  Tensor sorted = samples.y.clone().value();
  std::sort(sorted.data<int64_t>(), sorted.data<int64_t>() + 20);
  const Status status = generator.flow(samples.x, sorted, {.subset = "training"}).status();
  EXPECT_NE(status.message().find("different classes"), std::string::npos) << status.message();
  EXPECT_TRUE(
      generator.flow(samples.x, sorted, {.subset = "training", .ignoreClassSplit = true}).isOk());
}

TEST(ImageFlowTest, WeightsComeLastAndPicturesAreSaved) {
  const Samples samples;
  const TemporaryDirectory directory;
  const Tensor weights = toFloat(samples.y, 0.5).value();
  const ImageDataGenerator generator = ImageDataGenerator::create({.horizontalFlip = true}).value();
  ImageFlow flow = generator
                       .flow(samples.x, samples.y,
                             {.batchSize = 4,
                              .sampleWeight = weights,
                              .saveToDir = directory.path(""),
                              .savePrefix = "look"})
                       .value();
  const Batch batch = batchOf(flow);
  ASSERT_EQ(batch.sampleWeights.size(), 1u);
  for (int64_t i = 0; i < 4; ++i)
    EXPECT_EQ(batch.sampleWeights[0].data<float>()[i],
              float(batch.targets[0].data<int64_t>()[i]) * 0.5f);
  int saved = 0;
  for (const auto &entry : std::filesystem::directory_iterator(directory.path(""))) {
    EXPECT_EQ(readPicture(entry.path().string())->shape(), (Shape{6, 5, 1}));
    ++saved;
  }
  EXPECT_EQ(saved, 4);
}

TEST(ImageFlowTest, MistakesAreNamed) {
  const Samples samples;
  const ImageDataGenerator generator = ImageDataGenerator::create({}).value();
  EXPECT_NE(generator.flow(samples.y, {}).status().message().find("i64[20]"), std::string::npos);
  EXPECT_NE(generator.flow(samples.x, Tensor::zeros(DType::F32, {3}).value())
                .status()
                .message()
                .find("x has 20 samples, y is f32[3]"),
            std::string::npos);
  EXPECT_NE(generator.flow(samples.x, samples.y, {.subset = "validation"})
                .status()
                .message()
                .find("validationSplit"),
            std::string::npos);
  const TemporaryDirectory empty;
  EXPECT_NE(generator.flowFromDirectory(empty.path("")).status().message().find("has no pictures"),
            std::string::npos);
  EXPECT_NE(generator.flowFromDirectory(empty.path(""), {.classMode = "multi"})
                .status()
                .message()
                .find("class_mode 'multi'"),
            std::string::npos);
}

} // namespace
