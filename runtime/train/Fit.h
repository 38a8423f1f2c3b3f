// Fit: one call of Trainer::fit, from its arguments to the History.
//
// Invariant: what a checkpoint holds is the training as it is between two batches or two epochs,
// and a fit that begins there does what this one does next. See TrainerImpl.h.
#ifndef INGOT_RUNTIME_TRAIN_FIT_H
#define INGOT_RUNTIME_TRAIN_FIT_H

#include "runtime/train/Checkpoint.h"
#include "runtime/train/NonFinite.h"
#include "runtime/train/TrainerImpl.h"

namespace ingot::train {

class Fit {
public:
  Fit(Trainer &trainer, Trainer::Impl &impl, const FitOptions &options)
      : trainer(trainer), impl(impl), options(options) {}

  /// Checks the arguments and opens the data.
  Status prepare(const DataArguments &arguments);
  Result<History> run();

private:
  Status checkOptions(const DataArguments &arguments) const;
  Status openTraining(const DataArguments &arguments);
  Status openValidation(const DataArguments &arguments);
  Status chooseSeed();
  Status resume();
  Status restoreCallbacks(const TrainingState &saved);
  void findPlace(int64_t epoch);

  Status begin();
  Status runEpoch(int64_t epoch);
  Result<Logs> trainEpoch(int64_t epoch);
  Status trainSteps(int64_t epoch, bool &over);
  Status step(int64_t epoch, int64_t index, const FedBatch &batch);
  Status endStep(int64_t epoch, const StepsUnderWay::Step &step);
  Status finish(int64_t epoch, size_t left);
  /// How many steps may be under way when the next begins.
  size_t mayStay() const;
  void leaveData(bool over);
  bool validates(int64_t epoch) const;
  void record(int64_t epoch, const Logs &logs);
  void reportNaN(int64_t epoch, int64_t batch);
  /// Writes the checkpoint that a hook asked for, if one did.
  Status keepCheckpoint(const Place &place);

  /// Batches of an epoch; none: as many as come.
  std::optional<int64_t> epochSteps() const;
  /// Whether an epoch goes on in the data where the last one ended.
  bool goesOn() const { return options.stepsPerEpoch && options.overfitBatches == 0; }
  template <typename H> Status each(H hook) { return notify(callbacks, hook); }
  template <typename H> Status eachWatching(H hook) { return notify(watching, hook); }

  Trainer &trainer;
  Trainer::Impl &impl;
  FitOptions options;
  std::vector<Callback *> callbacks, watching; // with hooks of batches
  Session *train = nullptr, *metrics = nullptr;
  std::optional<MetricTotals> totals;
  Data training;
  std::optional<Data> validation;
  std::optional<Progress> progress;
  std::optional<OutputScope> scope; // of its stream
  std::optional<NonFiniteFinder> finder;
  std::optional<StepsUnderWay> underWay;
  uint64_t seed = 0;
  Place place;
  Logs lastLogs;
  bool reportedNaN = false;
  History history;
};

} // namespace ingot::train

#endif
