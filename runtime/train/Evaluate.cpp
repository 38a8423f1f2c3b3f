// evaluate, predict and the calls for one batch. See TrainerImpl.h.
#include "runtime/train/TrainerImpl.h"

#include <algorithm>
#include <cstring>
#include <iostream>

namespace ingot::train {

void warnOutOfData() {
  std::cerr << "warning: Your input ran out of data; interrupting training. Make sure that your "
               "dataset or generator can generate at least `steps_per_epoch * epochs` batches.\n";
}

//===----------------------------------------------------------------------===//
// evaluate

namespace {

/// What evaluate works with.
struct Evaluation {
  State &state;
  Session &session;
  Session *metrics;
  Progress *progress; ///< NULL: none is shown
  const bool &stop;
  std::vector<Callback *> watching;
  MetricTotals totals;
  StepsUnderWay underWay{session, state};

  /// `left`: how many steps may be under way when the next begins.
  Status walk(BatchStream &stream, const std::optional<int64_t> &steps, size_t left);
  Status endStep(const StepsUnderWay::Step &step);
  Status finish(size_t left) {
    return underWay.finish(left, [&](const StepsUnderWay::Step &step) { return endStep(step); });
  }
};

} // namespace

Status Evaluation::endStep(const StepsUnderWay::Step &step) {
  totals.add(session, step.rows);
  const bool isShown = progress && progress->isDue();
  Logs logs;
  if (!watching.empty() || isShown) {
    INGOT_ASSIGN_OR_RETURN(logs, totals.logs(state, metrics));
  }
  INGOT_RETURN_IF_ERROR(
      notify(watching, [&](Callback &c) { return c.onTestBatchEnd(step.index, logs); }));
  if (isShown)
    progress->update(step.index, logs);
  else if (progress)
    progress->pass(step.index);
  return Status();
}

Status Evaluation::walk(BatchStream &stream, const std::optional<int64_t> &steps, size_t left) {
  stream.seek(0, 0);
  for (int64_t step = 0; !steps || step < *steps; ++step) {
    INGOT_ASSIGN_OR_RETURN(const FedBatch *batch, stream.next());
    if (!batch && steps)
      warnOutOfData();
    if (!batch)
      break;
    Logs none;
    INGOT_RETURN_IF_ERROR(
        notify(watching, [&](Callback &c) { return c.onTestBatchBegin(step, none); }));
    INGOT_RETURN_IF_ERROR(underWay.start(step, *batch));
    INGOT_RETURN_IF_ERROR(finish(left));
    if (stop)
      break;
  }
  return Status();
}

Result<Logs> Trainer::Impl::measure(Data &data, const std::optional<int64_t> &steps,
                                    const std::vector<Callback *> &callbacks, Progress *progress) {
  INGOT_ASSIGN_OR_RETURN(Session * session, evaluation());
  INGOT_ASSIGN_OR_RETURN(Session * metrics, this->metrics());
  INGOT_ASSIGN_OR_RETURN(MetricTotals totals, this->totals(*session));
  stoppingEvaluation = false;
  Logs none;
  INGOT_RETURN_IF_ERROR(notify(callbacks, [&](Callback &c) { return c.onTestBegin(none); }));
  if (progress)
    progress->begin();
  Evaluation evaluation{*state,           *session,           metrics,
                        progress,         stoppingEvaluation, withBatchHooks(callbacks),
                        std::move(totals)};
  const Status walked =
      evaluation.walk(*data.stream, steps, evaluation.watching.empty() ? stepsAhead() : 0);
  INGOT_RETURN_IF_ERROR(evaluation.finish(0));
  INGOT_RETURN_IF_ERROR(walked);
  data.stream->endPass();
  INGOT_ASSIGN_OR_RETURN(const Logs result, evaluation.totals.logs(*state, metrics));
  Logs logs = result;
  INGOT_RETURN_IF_ERROR(notify(callbacks, [&](Callback &c) { return c.onTestEnd(logs); }));
  if (progress)
    progress->finish(logs);
  return result;
}

Result<Logs> Trainer::Impl::evaluate(Trainer &trainer, const DataArguments &arguments,
                                     const EvaluateOptions &options) {
  INGOT_ASSIGN_OR_RETURN(Session * session, evaluation());
  INGOT_ASSIGN_OR_RETURN(Data data, open(*session, arguments));
  if (data.stream->batchCount() == 0)
    return invalid("there are no samples to evaluate");
  const std::optional<int64_t> steps = stepsOf(options.steps, data);
  Progress progress(options.verbose, options.output, 1, steps);
  const OutputScope scope(out, progress.stream());
  INGOT_RETURN_IF_ERROR(attach(trainer, options.callbacks, {progress.verbose(), 1, steps}));
  Result<Logs> logs = measure(data, steps, options.callbacks, &progress);
  if (!logs.isOk())
    progress.interrupt();
  return logs;
}

//===----------------------------------------------------------------------===//
// predict

namespace {

/// Rows of one output, batch after batch. `expected`: how many there will be, where that is known.
class Rows {
public:
  Status append(const Tensor &rows, const char *name, int64_t count, int64_t expected);
  Result<Tensor> take();

private:
  Status grow(int64_t capacity);

  Shape shape;
  Tensor values;
  int64_t used = 0;
  bool begun = false;
};

} // namespace

Status Rows::grow(int64_t capacity) {
  Shape larger = shape;
  larger[0] = capacity;
  Tensor next;
  INGOT_RETURN_IF_ERROR(next.resize(values.dtype(), larger));
  const size_t bytes = values.dim(0) > 0 ? values.byteSize() / size_t(values.dim(0)) : 0;
  if (used > 0 && bytes > 0)
    std::memcpy(next.rawData(), values.rawData(), size_t(used) * bytes);
  values = std::move(next);
  return Status();
}

Status Rows::append(const Tensor &rows, const char *name, int64_t count, int64_t expected) {
  const auto refuse = [&](const std::string &what) {
    return Status(StatusCode::Unsupported, "output '" + std::string(name) + "' " + what);
  };
  if (rows.rank() < 1 || rows.dim(0) != count)
    return refuse("is " + describe(rows) + " for a batch of " + std::to_string(count) +
                  ": its first dimension is not the batch");
  if (elementsPerByte(rows.dtype()) > 1)
    return refuse(std::string("is of ") + toString(rows.dtype()) +
                  ", whose samples need not begin at a byte; run it without batches");
  if (!begun) {
    shape = rows.shape();
    shape[0] = 0;
    INGOT_RETURN_IF_ERROR(values.resize(rows.dtype(), shape));
    begun = true;
  }
  if (!std::equal(rows.shape().begin() + 1, rows.shape().end(), shape.begin() + 1, shape.end()))
    return refuse("changes its shape from batch to batch");
  if (used + count > values.dim(0))
    INGOT_RETURN_IF_ERROR(grow(std::max({expected, used + count, 2 * values.dim(0)})));
  if (count > 0 && rows.byteSize() > 0)
    std::memcpy(static_cast<char *>(values.rawData()) +
                    size_t(used) * (rows.byteSize() / size_t(count)),
                rows.rawData(), rows.byteSize());
  used += count;
  return Status();
}

Result<Tensor> Rows::take() {
  if (begun && values.dim(0) != used)
    INGOT_RETURN_IF_ERROR(grow(used));
  return std::move(values);
}

namespace {

/// What predict works with.
struct Prediction {
  State &state;
  Session &session;
  const std::vector<Callback *> watching;
  const bool &stop;
  Progress &progress;
  int64_t samples; ///< how many there will be; 0: not known
  std::vector<Rows> rows = {};
  StepsUnderWay underWay{session, state};

  /// The number of batches. `left`: how many steps may be under way when the next begins.
  Result<int64_t> walk(BatchStream &stream, const std::optional<int64_t> &steps, size_t left);
  Status append(int64_t count);
  Status endStep(const StepsUnderWay::Step &step);
  Status finish(size_t left) {
    return underWay.finish(left, [&](const StepsUnderWay::Step &step) { return endStep(step); });
  }
};

} // namespace

/// The outputs of a batch of so many samples.
Status Prediction::append(int64_t count) {
  rows.resize(session.outputCount());
  for (size_t i = 0; i < rows.size(); ++i)
    INGOT_RETURN_IF_ERROR(
        rows[i].append(session.output(i), session.function().outputs[i].name, count, samples));
  return Status();
}

Status Prediction::endStep(const StepsUnderWay::Step &step) {
  INGOT_RETURN_IF_ERROR(append(step.rows));
  std::vector<TensorView> outputs;
  for (size_t i = 0; i < rows.size() && !watching.empty(); ++i)
    outputs.push_back(session.output(i));
  INGOT_RETURN_IF_ERROR(
      notify(watching, [&](Callback &c) { return c.onPredictBatchEnd(step.index, outputs); }));
  progress.update(step.index, {});
  return Status();
}

Result<int64_t> Prediction::walk(BatchStream &stream, const std::optional<int64_t> &steps,
                                 size_t left) {
  stream.seek(0, 0);
  int64_t step = 0;
  for (; (!steps || step < *steps) && !stop; ++step) {
    INGOT_ASSIGN_OR_RETURN(const FedBatch *batch, stream.next());
    if (!batch)
      break;
    Logs none;
    INGOT_RETURN_IF_ERROR(
        notify(watching, [&](Callback &c) { return c.onPredictBatchBegin(step, none); }));
    INGOT_RETURN_IF_ERROR(underWay.start(step, *batch));
    INGOT_RETURN_IF_ERROR(finish(left));
  }
  return step;
}

Result<std::vector<Tensor>> Trainer::Impl::predict(Trainer &trainer, const DataArguments &arguments,
                                                   const PredictOptions &options) {
  INGOT_ASSIGN_OR_RETURN(Session * session, prediction());
  INGOT_ASSIGN_OR_RETURN(Data data, open(*session, arguments));
  const std::optional<int64_t> steps = stepsOf(options.steps, data);
  Progress progress(options.verbose, options.output, 1, steps);
  const OutputScope scope(out, progress.stream());
  stoppingPrediction = false;
  INGOT_RETURN_IF_ERROR(attach(trainer, options.callbacks, {progress.verbose(), 1, steps}));
  Logs none;
  INGOT_RETURN_IF_ERROR(
      notify(options.callbacks, [&](Callback &c) { return c.onPredictBegin(none); }));
  progress.begin();
  Prediction prediction{*state,
                        *session,
                        withBatchHooks(options.callbacks),
                        stoppingPrediction,
                        progress,
                        data.arrays && !options.steps ? arguments.inputs[0].dims[0] : 0};
  const Result<int64_t> walked =
      prediction.walk(*data.stream, steps, prediction.watching.empty() ? stepsAhead() : 0);
  INGOT_RETURN_IF_ERROR(prediction.finish(0));
  INGOT_RETURN_IF_ERROR(walked.status());
  data.stream->endPass();
  if (*walked == 0 && data.arrays) { // an empty batch still tells the shapes of the outputs
    FedBatch empty;
    INGOT_RETURN_IF_ERROR(data.arrays->fill(0, 0, empty.batch).status());
    INGOT_RETURN_IF_ERROR(feedOf(*session, arguments.inputs.size()).arrange(empty));
    INGOT_RETURN_IF_ERROR(session->run(*state, empty.views).withContext("'predict', batch 0"));
    INGOT_RETURN_IF_ERROR(prediction.append(0));
  }
  INGOT_RETURN_IF_ERROR(
      notify(options.callbacks, [&](Callback &c) { return c.onPredictEnd(none); }));
  progress.finish({});
  std::vector<Tensor> results;
  for (Rows &output : prediction.rows) {
    INGOT_ASSIGN_OR_RETURN(Tensor all, output.take());
    results.push_back(std::move(all));
  }
  return results;
}

//===----------------------------------------------------------------------===//
// One batch

Result<Logs> Trainer::Impl::onBatch(Session &session, const DataArguments &arguments) {
  INGOT_ASSIGN_OR_RETURN(Session * metrics, this->metrics());
  INGOT_ASSIGN_OR_RETURN(MetricTotals totals, this->totals(session));
  DataArguments whole = arguments;
  whole.workers = 0;
  if (!arguments.inputs.empty() && arguments.inputs[0].rank > 0)
    whole.batchSize = std::max<int64_t>(arguments.inputs[0].dims[0], 1);
  INGOT_ASSIGN_OR_RETURN(Data data, open(session, whole));
  data.stream->seek(0, 0);
  INGOT_ASSIGN_OR_RETURN(const FedBatch *batch, data.stream->next());
  if (!batch)
    return invalid("the batch has no samples");
  INGOT_RETURN_IF_ERROR(session.run(*state, batch->views));
  totals.add(session, batch->rows);
  return totals.logs(*state, metrics);
}

} // namespace ingot::train
