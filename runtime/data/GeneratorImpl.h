// What an ImageDataGenerator holds, and what its flows have in common. Private to runtime/data.
#ifndef INGOT_RUNTIME_DATA_GENERATORIMPL_H
#define INGOT_RUNTIME_DATA_GENERATORIMPL_H

#include "ingot/data/ImageDataGenerator.h"
#include "runtime/data/AffineTransform.h"

#include <memory>
#include <mutex>
#include <vector>

namespace ingot::data {

struct ImageDataGenerator::Impl {
  ImageDataGeneratorOptions options;
  FillMode fillMode = FillMode::Nearest;
  // What fit found; empty before. One value a channel, and pixels x pixels.
  std::vector<float> mean, deviation;
  std::vector<float> whitening;
};

/// The order of an epoch's samples, made when it is first asked for; the last few are kept.
/// Any number of threads may ask.
class EpochOrders {
public:
  EpochOrders(int64_t samples, bool shuffle, uint64_t seed)
      : samples(samples), shuffle(shuffle), seed(seed) {}

  std::shared_ptr<const std::vector<int64_t>> of(int64_t epoch) const;

private:
  int64_t samples;
  bool shuffle;
  uint64_t seed;
  mutable std::mutex mutex;
  mutable std::vector<std::pair<int64_t, std::shared_ptr<const std::vector<int64_t>>>> recent;
};

/// The samples order[begin, end) of a batch; OutOfRange for an index that is not there.
struct BatchRange {
  int64_t begin = 0, end = 0;
};
Result<BatchRange> batchRange(int64_t samples, int64_t batchSize, int64_t epoch, int64_t index);

int64_t countBatches(int64_t samples, int64_t batchSize);

/// "training" or "validation" of `samples`, where the validation's come first: [begin, end). Of an
/// empty name all. InvalidArgument for another name, or without a validation split.
Result<BatchRange> subsetRange(const std::string &subset, double validationSplit, int64_t samples);

/// Where a flow writes its pictures; none where the directory is empty.
struct SavedImages {
  std::string directory, prefix, format;
  uint64_t seed;
};
Status saveImage(const TensorView &image, const SavedImages &how, int64_t epoch, int64_t sample);

/// Transforms and standardises `image` as sample `sample` of `epoch`, and writes it at `to`.
Status augmentInto(const ImageDataGenerator &generator, const TensorView &image, uint64_t seed,
                   int64_t epoch, int64_t sample, float *to);

} // namespace ingot::data

#endif
