// TensorBoard: the callback that writes what TensorBoard shows of a training, with Keras's tags in
// Keras's directories: `<log_dir>/train` and `<log_dir>/validation`.
#ifndef INGOT_TRAIN_TENSORBOARD_H
#define INGOT_TRAIN_TENSORBOARD_H

#include "ingot/train/Callback.h"
#include "ingot/train/SummaryWriter.h"

#include <chrono>

namespace ingot::train {

/// Scalars `epoch_<metric>` of each epoch (with `epoch_learning_rate`) and
/// `evaluation_<metric>_vs_iterations` of each evaluation; as `updateFreq` says `batch_<metric>`;
/// histograms of all weights; the model's graph, where whoever built the model tells it
/// (Trainer::setModelGraph).
class TensorBoard : public Callback {
public:
  struct Options {
    std::string logDir = "logs";
    int64_t histogramFreq = 0; ///< epochs from one histogram of the weights to the next; 0: none
    bool writeGraph = true;
    bool writeImages = false; ///< with the histograms, the weights as pictures
    bool writeStepsPerSecond = false;
    std::optional<int64_t> updateFreq = {}; ///< in batches; none: at the end of each epoch
  };
  TensorBoard() : TensorBoard(Options()) {}
  explicit TensorBoard(Options options) : options(std::move(options)) {}

  Status onTrainBegin(Logs &logs) override;
  Status onTrainEnd(Logs &logs) override;
  Status onEpochBegin(int64_t epoch, Logs &logs) override;
  Status onEpochEnd(int64_t epoch, Logs &logs) override;
  Status onTrainBatchBegin(int64_t batch, Logs &logs) override;
  Status onTrainBatchEnd(int64_t batch, Logs &logs) override;
  Status onTestEnd(Logs &logs) override;
  bool hasBatchHooks() const override { return options.updateFreq || options.writeStepsPerSecond; }
  std::string name() const override { return "TensorBoard"; }
  Status saveState(CallbackState &state) const override;
  Status restoreState(const CallbackState &state) override;
  bool keepsFiles() const override { return true; }

private:
  using Clock = std::chrono::steady_clock;

  Result<SummaryWriter *> writer(std::optional<SummaryWriter> &slot, const char *directory);
  Result<SummaryWriter *> trainWriter() { return writer(trainFile, "train"); }
  Result<SummaryWriter *> validationWriter() { return writer(validationFile, "validation"); }
  bool isDue() const;
  Status writeGraph();
  Status writeWeights(int64_t epoch);

  Options options;
  std::optional<SummaryWriter> trainFile, validationFile;
  int64_t trainBatches = 0, stepsAtEpochBegin = 0;
  Clock::time_point epochBegin, batchBegin;
};

} // namespace ingot::train

#endif
