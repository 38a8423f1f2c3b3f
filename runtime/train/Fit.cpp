// The loop of fit. The order of things is Keras's: hooks of the callbacks first, then the History,
// then the bar; data before an epoch's first batch, validation before the end of an epoch.
#include "runtime/train/Fit.h"

#include <algorithm>
#include <cmath>
#include <iostream>

namespace ingot::train {

//===----------------------------------------------------------------------===//
// Arguments

Status ValidationFreq::check() const {
  if (every && *every < 1)
    return invalid("validationFreq must be at least 1, got " + std::to_string(*every));
  for (const int64_t epoch : epochs)
    if (epoch < 1)
      return invalid("the epochs of validationFreq count from 1, got " + std::to_string(epoch));
  return Status();
}

bool ValidationFreq::includes(int64_t epoch) const {
  return every ? (epoch + 1) % *every == 0
               : std::find(epochs.begin(), epochs.end(), epoch + 1) != epochs.end();
}

Status Fit::checkOptions(const DataArguments &arguments) const {
  const auto atLeast = [](const char *name, const std::optional<int64_t> &value, int64_t least) {
    return value && *value < least
               ? invalid(std::string(name) + " must be at least " + std::to_string(least) +
                         ", got " + std::to_string(*value))
               : Status();
  };
  INGOT_RETURN_IF_ERROR(atLeast("the batch size", options.batchSize, 1));
  INGOT_RETURN_IF_ERROR(atLeast("the batch size of validation", options.validationBatchSize, 1));
  INGOT_RETURN_IF_ERROR(atLeast("stepsPerEpoch", options.stepsPerEpoch, 1));
  INGOT_RETURN_IF_ERROR(atLeast("validationSteps", options.validationSteps, 1));
  INGOT_RETURN_IF_ERROR(options.validationFreq.check());
  INGOT_RETURN_IF_ERROR(atLeast("workers", options.workers, 0));
  INGOT_RETURN_IF_ERROR(atLeast("maxQueueSize", options.maxQueueSize, 1));
  INGOT_RETURN_IF_ERROR(atLeast("fastDevRun", options.fastDevRun, 0));
  INGOT_RETURN_IF_ERROR(atLeast("overfitBatches", options.overfitBatches, 0));
  if (options.epochs < 0 || options.initialEpoch < 0)
    return invalid("epochs count from 0, got epochs = " + std::to_string(options.epochs) +
                   " and initialEpoch = " + std::to_string(options.initialEpoch));
  if (!(options.validationSplit >= 0 && options.validationSplit < 1))
    return invalid("validationSplit is a fraction from 0 to below 1, got " +
                   std::to_string(options.validationSplit));
  const ValidationData &given = options.validationData;
  if (!given.source && given.inputs.empty() != given.targets.empty())
    return invalid("validation needs both inputs and targets");
  if (arguments.source && options.validationSplit > 0 && !given.isGiven())
    return invalid("validationSplit splits arrays; give a source of its own as validationData");
  if (arguments.source && !options.sampleWeight.empty())
    return invalid("a source brings its sample weights itself, in Batch::sampleWeights");
  for (const Callback *callback : options.callbacks)
    if (!callback)
      return invalid("a callback is null");
  return Status();
}

Status Fit::prepare(const DataArguments &arguments) {
  INGOT_RETURN_IF_ERROR(checkOptions(arguments));
  if (options.fastDevRun > 0) {
    if (!options.batchSize && !options.stepsPerEpoch)
      options.batchSize = 32; // the steps below are not to make batches of all the data
    options.epochs = options.initialEpoch + 1;
    options.stepsPerEpoch = options.validationSteps = options.fastDevRun;
  }
  for (Callback *callback : options.callbacks)
    if (options.fastDevRun == 0 || !callback->keepsFiles())
      callbacks.push_back(callback);
  INGOT_ASSIGN_OR_RETURN(train, impl.training());
  INGOT_ASSIGN_OR_RETURN(metrics, impl.metrics());
  INGOT_ASSIGN_OR_RETURN(totals, impl.totals(*train));
  INGOT_RETURN_IF_ERROR(openTraining(arguments));
  INGOT_RETURN_IF_ERROR(chooseSeed());
  training.source->setOrder(options.shuffle && options.overfitBatches == 0, seed);
  INGOT_RETURN_IF_ERROR(openValidation(arguments));
  if (options.detectNaN) {
    INGOT_ASSIGN_OR_RETURN(finder, NonFiniteFinder::create(*impl.state, impl.pool));
  }
  return Status();
}

/// The first sample of validation, as Keras splits: training takes floor(n * (1 - split)).
static Result<int64_t> splitAt(int64_t samples, double split) {
  const auto first = int64_t(std::floor(double(samples) * (1 - split)));
  if (first == 0 || first == samples)
    return invalid("Training data contains " + std::to_string(samples) +
                   " samples, which is not sufficient to split it with validationSplit = " +
                   std::to_string(split) +
                   ": one part would be empty; give more samples or another fraction");
  return first;
}

Status Fit::openTraining(const DataArguments &given) {
  DataArguments arguments = given;
  arguments.sampleWeights = options.sampleWeight;
  arguments.batchSize = options.batchSize;
  arguments.steps = options.stepsPerEpoch;
  arguments.workers = options.workers;
  arguments.maxQueueSize = options.maxQueueSize;
  arguments.classWeights = options.classWeight;
  const bool split = options.validationSplit > 0 && !options.validationData.isGiven();
  if (!given.source && !given.inputs.empty() && given.inputs[0].rank > 0) {
    const int64_t samples = given.inputs[0].dims[0];
    if (samples == 0)
      return invalid("there are no training samples");
    if (split) {
      INGOT_ASSIGN_OR_RETURN(arguments.end, splitAt(samples, options.validationSplit));
    }
  }
  INGOT_ASSIGN_OR_RETURN(training, impl.open(*train, arguments));
  if (training.stream->batchCount() == 0)
    return invalid("the source has no batches");
  return Status();
}

Status Fit::openValidation(const DataArguments &given) {
  const ValidationData &own = options.validationData;
  const bool split = options.validationSplit > 0 && !own.isGiven();
  if (!own.isGiven() && !split)
    return Status();
  DataArguments arguments;
  if (split) {
    arguments = given;
    arguments.sampleWeights = options.sampleWeight;
    INGOT_ASSIGN_OR_RETURN(arguments.begin,
                           splitAt(given.inputs[0].dims[0], options.validationSplit));
  } else {
    arguments.inputs = own.inputs;
    arguments.targets = own.targets;
    arguments.sampleWeights = own.sampleWeights;
    arguments.source = own.source;
  }
  arguments.batchSize =
      options.validationBatchSize ? options.validationBatchSize : options.batchSize;
  arguments.steps = options.validationSteps;
  arguments.workers = options.workers;
  arguments.maxQueueSize = options.maxQueueSize;
  INGOT_ASSIGN_OR_RETURN(Session * session, impl.evaluation());
  Result<Data> data = impl.open(*session, arguments);
  if (!data.isOk())
    return data.status().withContext("validation data");
  validation.emplace(std::move(*data));
  if (validation->stream->batchCount() == 0)
    return invalid("there are no validation samples");
  return Status();
}

Status Fit::chooseSeed() {
  if (options.seed) {
    seed = *options.seed;
  } else if (impl.artifact->findVariable("seed")) {
    INGOT_ASSIGN_OR_RETURN(const int64_t own, impl.state->getScalar<int64_t>("seed"));
    seed = uint64_t(own);
  }
  return Status();
}

//===----------------------------------------------------------------------===//
// Where to begin

std::optional<int64_t> Fit::epochSteps() const {
  std::optional<int64_t> steps = stepsOf(options.stepsPerEpoch, training);
  if (options.overfitBatches > 0)
    steps = std::min(steps.value_or(options.overfitBatches), options.overfitBatches);
  return steps;
}

/// Where an epoch begins that was not reached from another.
void Fit::findPlace(int64_t epoch) {
  place = {epoch, 0, epoch, 0};
  if (!goesOn())
    return;
  const int64_t steps = *options.stepsPerEpoch;
  const std::optional<int64_t> batches = training.stream->batchCount();
  if (!batches) {
    place.pass = 0;
    place.batch = epoch * steps;
    return;
  }
  const int64_t epochsOfPass = (*batches + steps - 1) / steps;
  place.pass = epoch / epochsOfPass;
  place.batch = epoch % epochsOfPass * steps;
}

Status Fit::restoreCallbacks(const TrainingState &saved) {
  size_t next = 0;
  for (Callback *callback : callbacks) {
    const auto found = std::find_if(saved.callbacks.begin() + int64_t(next), saved.callbacks.end(),
                                    [&](auto &entry) { return entry.first == callback->name(); });
    if (found == saved.callbacks.end()) {
      std::cerr << "warning: the checkpoint has no state of a callback " << callback->name()
                << "; it starts afresh\n";
      continue;
    }
    next = size_t(found - saved.callbacks.begin()) + 1;
    INGOT_RETURN_IF_ERROR(callback->restoreState(found->second).withContext(callback->name()));
  }
  return Status();
}

Status Fit::resume() {
  std::string path = options.resumeFrom;
  for (Callback *callback : callbacks)
    if (path.empty()) {
      INGOT_ASSIGN_OR_RETURN(path, callback->checkpointToResume());
    }
  Logs none;
  impl.resuming = !path.empty();
  if (!impl.resuming)
    return each([&](Callback &c) { return c.onTrainBegin(none); });
  INGOT_ASSIGN_OR_RETURN(const TrainingState saved, readCheckpoint(*impl.state, path));
  const std::optional<int64_t> batches = training.stream->batchCount();
  if (saved.batches != batches && saved.batches && batches)
    return invalid("checkpoint '" + path + "' is of a training with " +
                   std::to_string(*saved.batches) + " batches a pass over the data, here are " +
                   std::to_string(*batches) + "; use the same data and batch size, or remove it");
  if (!totals->restore(saved.totals, saved.samples))
    return invalid("checkpoint '" + path + "' is of a model with other metrics");
  place = saved.place;
  seed = saved.seed;
  training.source->setOrder(options.shuffle && options.overfitBatches == 0, seed);
  INGOT_RETURN_IF_ERROR(each([&](Callback &c) { return c.onTrainBegin(none); }));
  return restoreCallbacks(saved);
}

Status Fit::keepCheckpoint(const Place &where) {
  if (!impl.checkpoint)
    return Status();
  const Trainer::Impl::CheckpointRequest request = *std::move(impl.checkpoint);
  impl.checkpoint.reset();
  TrainingState now;
  now.place = where;
  now.seed = seed;
  now.batches = training.stream->batchCount();
  now.totals = totals->values();
  now.samples = totals->sampleCount();
  for (Callback *callback : callbacks) {
    now.callbacks.emplace_back(callback->name(), CallbackState());
    INGOT_RETURN_IF_ERROR(callback->saveState(now.callbacks.back().second));
  }
  return writeCheckpoint(*impl.state, now, request.path, request.keepPrevious);
}

//===----------------------------------------------------------------------===//
// The loop

void Fit::reportNaN(int64_t epoch, int64_t batch) {
  const double loss = totals->loss();
  if (reportedNaN || std::isfinite(loss))
    return;
  reportedNaN = true;
  progress->interrupt();
  std::cerr << "warning: the loss is " << (std::isnan(loss) ? "nan" : "infinite") << " from epoch "
            << epoch + 1 << ", batch " << batch
            << " on; lower the learning rate or look for bad values in the data\n";
}

static std::string placeText(int64_t epoch, int64_t batch) {
  return "epoch " + std::to_string(epoch + 1) + ", batch " + std::to_string(batch);
}

Status Fit::step(int64_t epoch, int64_t index, const FedBatch &batch) {
  Logs none;
  INGOT_RETURN_IF_ERROR(
      eachWatching([&](Callback &c) { return c.onTrainBatchBegin(index, none); }));
  if (finder)
    if (Status found = finder->before(batch.views, train->function()); !found.isOk())
      return found.withContext(placeText(epoch, index));
  INGOT_RETURN_IF_ERROR(underWay->start(index, batch));
  return finish(epoch, mayStay());
}

Status Fit::finish(int64_t epoch, size_t left) {
  return underWay->finish(left,
                          [&](const StepsUnderWay::Step &step) { return endStep(epoch, step); });
}

/// One, but where the state is looked at behind the step. `metrics` runs on the state.
size_t Fit::mayStay() const {
  const bool isLookedAt =
      !watching.empty() || finder || impl.checkpoint || (metrics && progress->isDue());
  return isLookedAt ? 0 : impl.stepsAhead();
}

/// With the step's outputs.
Status Fit::endStep(int64_t epoch, const StepsUnderWay::Step &step) {
  if (finder)
    if (Status found = finder->after(*train); !found.isOk())
      return found.withContext(placeText(epoch, step.index));
  totals->add(*train, step.rows);
  reportNaN(epoch, step.index);
  const bool isShown = progress->isDue() && (!metrics || underWay->isEmpty());
  Logs logs;
  if (!watching.empty() || isShown) {
    INGOT_ASSIGN_OR_RETURN(logs, totals->logs(*impl.state, metrics));
  }
  INGOT_RETURN_IF_ERROR(
      eachWatching([&](Callback &c) { return c.onTrainBatchEnd(step.index, logs); }));
  if (isShown)
    progress->update(step.index, logs);
  else
    progress->pass(step.index);
  place.step = step.index + 1;
  ++place.batch;
  return keepCheckpoint(place);
}

/// `over`: the pass has no more batches.
void Fit::leaveData(bool over) {
  const std::optional<int64_t> batches = training.stream->batchCount();
  over |= !goesOn() || (batches && place.batch >= *batches);
  if (!over)
    return training.stream->leave();
  training.stream->endPass();
  ++place.pass;
  place.batch = 0;
}

Status Fit::trainSteps(int64_t epoch, bool &over) {
  const std::optional<int64_t> steps = epochSteps();
  training.stream->seek(place.pass, place.batch);
  for (int64_t index = place.step; !steps || index < *steps; ++index) {
    INGOT_ASSIGN_OR_RETURN(const FedBatch *batch, training.stream->next());
    if (!batch && index == 0 && place.batch > 0) { // the pass ended where the last epoch did
      leaveData(/*over=*/true);
      training.stream->seek(place.pass, place.batch);
      INGOT_ASSIGN_OR_RETURN(batch, training.stream->next());
    }
    impl.dataProfile = training.stream->profile();
    over = !batch;
    if (over && options.stepsPerEpoch && options.fastDevRun == 0)
      warnOutOfData();
    if (over)
      break;
    INGOT_RETURN_IF_ERROR(step(epoch, index, *batch));
    if (impl.stopping)
      break;
  }
  return Status();
}

Result<Logs> Fit::trainEpoch(int64_t epoch) {
  if (place.step == 0)
    totals->reset();
  bool over = false;
  const Status trained = trainSteps(epoch, over);
  INGOT_RETURN_IF_ERROR(finish(epoch, 0));
  INGOT_RETURN_IF_ERROR(trained);
  leaveData(over);
  return totals->logs(*impl.state, metrics);
}

bool Fit::validates(int64_t epoch) const {
  return validation && options.validationFreq.includes(epoch);
}

void Fit::record(int64_t epoch, const Logs &logs) {
  history.epoch.push_back(epoch);
  for (const auto &[name, value] : logs)
    history.history[name].push_back(value);
}

Status Fit::runEpoch(int64_t epoch) {
  Logs none;
  if (place.step == 0) // else it was begun before the interruption
    INGOT_RETURN_IF_ERROR(each([&](Callback &c) { return c.onEpochBegin(epoch, none); }));
  progress->beginEpoch(epoch);
  INGOT_ASSIGN_OR_RETURN(Logs logs, trainEpoch(epoch));
  if (validates(epoch)) {
    INGOT_ASSIGN_OR_RETURN(const Logs measured,
                           impl.measure(*validation, stepsOf(options.validationSteps, *validation),
                                        callbacks, nullptr));
    for (const auto &[name, value] : measured)
      logs["val_" + name] = value;
    logs.sort();
  }
  lastLogs = logs;
  INGOT_RETURN_IF_ERROR(each([&](Callback &c) { return c.onEpochEnd(epoch, logs); }));
  record(epoch, logs);
  progress->finish(logs);
  place.epoch = epoch + 1;
  place.step = 0;
  totals->reset();
  return keepCheckpoint(place);
}

Status Fit::begin() {
  const std::optional<int64_t> steps = epochSteps();
  progress.emplace(options.verbose, options.output, options.epochs, steps);
  scope.emplace(impl.out, progress->stream());
  history.params = {progress->verbose(), options.epochs, steps};
  impl.stopping = false;
  impl.dataProfile = {};
  impl.checkpoint.reset();
  INGOT_RETURN_IF_ERROR(impl.attach(trainer, callbacks, history.params));
  watching = withBatchHooks(callbacks);
  underWay.emplace(*train, *impl.state);
  findPlace(options.initialEpoch);
  return resume();
}

Result<History> Fit::run() {
  INGOT_RETURN_IF_ERROR(begin());
  for (int64_t epoch = place.epoch; epoch < options.epochs; ++epoch) {
    if (Status status = runEpoch(epoch); !status.isOk()) {
      progress->interrupt();
      return status;
    }
    if (impl.stopping)
      break;
  }
  if (options.epochs > 0)
    INGOT_RETURN_IF_ERROR(impl.finalize());
  INGOT_RETURN_IF_ERROR(each([&](Callback &c) { return c.onTrainEnd(lastLogs); }));
  return std::move(history);
}

} // namespace ingot::train
