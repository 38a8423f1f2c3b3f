// The training loop. One pass over the data is `Impl::pass`; fit, evaluate and validation are made
// of it, so that all of them weigh batches alike.
#include "ingot/train/Trainer.h"
#include "runtime/train/Batches.h"
#include "runtime/train/Progress.h"
#include "runtime/train/Shuffle.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <iostream>
#include <numeric>
#include <optional>
#include <string_view>

namespace ingot::train {

namespace {

Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

/// Sums of metrics over samples.
class Means {
public:
  explicit Means(const ingot_function &function) : function(function) {
    sums.resize(size_t(function.output_count), 0);
  }

  void add(const Session &session, int64_t batch) {
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += double(*session.output(i).data<float>()) * double(batch);
    samples += batch;
  }

  Logs logs() const {
    Logs logs;
    if (samples == 0) // stopped before the first batch: there is nothing to tell
      return logs;
    for (size_t i = 0; i < sums.size(); ++i)
      logs[function.outputs[i].name] = sums[i] / double(samples);
    return logs;
  }

private:
  const ingot_function &function;
  std::vector<double> sums;
  int64_t samples = 0;
};

/// `train_step` and `evaluate` return nothing but f32 scalars, `loss` among them.
Status checkMetrics(const ingot_function &function) {
  bool loss = false;
  for (int64_t i = 0; i < function.output_count; ++i) {
    const ingot_tensor_info &output = function.outputs[i];
    loss |= std::string_view(output.name) == "loss";
    if (output.rank != 0 || output.dtype != INGOT_F32)
      return Status(StatusCode::Unsupported, "output '" + std::string(output.name) + "' of '" +
                                                 function.name + "' is " + describe(output) +
                                                 ", expected f32[] (a mean over the batch)");
  }
  if (!loss)
    return Status(StatusCode::Unsupported,
                  "function '" + std::string(function.name) + "' has no output 'loss'");
  return Status();
}

/// What fit needs besides the model: where samples come from and in which order.
struct FitPlan {
  Session *train = nullptr, *evaluate = nullptr; // evaluate NULL: no validation
  std::optional<Batches> training, validation;
  std::vector<int64_t> trainOrder, validationOrder;
  uint64_t seed = 0; // of the order
};

/// Copies the rows of one batch to row `begin` of `result`, which is made at the first batch.
Status appendRows(const Tensor &rows, const char *name, int64_t begin, int64_t count,
                  int64_t samples, Tensor &result) {
  if (rows.rank() < 1 || rows.dim(0) != count)
    return Status(StatusCode::Unsupported,
                  "output '" + std::string(name) + "' is " + describe(rows) + " for a batch of " +
                      std::to_string(count) + ": its first dimension is not the batch");
  if (elementsPerByte(rows.dtype()) > 1)
    return Status(StatusCode::Unsupported,
                  "output '" + std::string(name) + "' is of " + toString(rows.dtype()) +
                      ", whose samples need not begin at a byte; run it without batches");
  if (begin == 0) {
    Shape shape = rows.shape();
    shape[0] = samples;
    INGOT_RETURN_IF_ERROR(result.resize(rows.dtype(), shape));
  }
  if (!std::equal(rows.shape().begin() + 1, rows.shape().end(), result.shape().begin() + 1,
                  result.shape().end()))
    return Status(StatusCode::Unsupported,
                  "output '" + std::string(name) + "' changes its shape from batch to batch");
  if (count > 0 && rows.byteSize() > 0)
    std::memcpy(static_cast<char *>(result.rawData()) +
                    size_t(begin) * (rows.byteSize() / size_t(count)),
                rows.rawData(), rows.byteSize());
  return Status();
}

} // namespace

struct Trainer::Impl {
  State *state = nullptr;
  ThreadPool *pool = nullptr;
  std::shared_ptr<const Artifact> artifact;
  std::optional<Session> trainSession, evaluateSession, predictSession;
  std::ostream *out = &std::cout;
  bool stopping = false;
  bool reportedNaN = false;

  /// Called before and after each batch of a pass; `after` gets the means so far.
  struct Hooks {
    std::function<Status(int64_t batch)> before;
    std::function<Status(int64_t batch, const Means &means)> after;
    const bool *stop = nullptr; ///< ends the pass before the next batch
  };

  Result<Session *> session(std::optional<Session> &slot, const char *function, const char *remedy);
  Status checkFunctions() const;
  Result<Batches> batches(const Session &session, const Arrays &inputs, const Arrays &targets);
  Result<Logs> pass(Session &session, Batches &batches, const std::vector<int64_t> &order,
                    int64_t batchSize, const Hooks &hooks);
  Result<FitPlan> plan(const Arrays &inputs, const Arrays &targets, const FitOptions &options);
  Result<Logs> trainEpoch(FitPlan &plan, const FitOptions &options, int64_t epoch,
                          Progress &progress);
  Status runEpoch(FitPlan &plan, const FitOptions &options, int64_t epoch, Progress &progress,
                  History &history);
  Result<History> fit(const Arrays &inputs, const Arrays &targets, const FitOptions &options);
  Result<std::vector<Tensor>> predict(const Arrays &inputs, int64_t batchSize);
  void reportNaN(const Logs &logs, int64_t epoch, int64_t batch, Progress &progress);
};

Result<Session *> Trainer::Impl::session(std::optional<Session> &slot, const char *function,
                                         const char *remedy) {
  if (!slot) {
    if (!artifact->findFunction(function))
      return Status(StatusCode::NotFound, "artifact '" + std::string(artifact->name()) +
                                              "' has no function '" + function + "'; " + remedy);
    SessionOptions options;
    options.pool = pool;
    INGOT_ASSIGN_OR_RETURN(Session created, Session::create(artifact, function, options));
    slot.emplace(std::move(created));
  }
  return &*slot;
}

Status Trainer::Impl::checkFunctions() const {
  const ingot_function *predict = artifact->findFunction("predict");
  for (const char *name : {"train_step", "evaluate"}) {
    const ingot_function *function = artifact->findFunction(name);
    if (!function)
      continue;
    INGOT_RETURN_IF_ERROR(checkMetrics(*function));
    if (predict && function->input_count < predict->input_count)
      return Status(StatusCode::Unsupported,
                    "function '" + std::string(name) + "' has " +
                        std::to_string(function->input_count) + " inputs, 'predict' has " +
                        std::to_string(predict->input_count) +
                        "; expected the inputs of 'predict', then the targets");
  }
  return Status();
}

/// "'image', 'label'".
static std::string namesOf(const ingot_function &function, size_t begin, size_t end) {
  std::string names;
  for (size_t i = begin; i < end; ++i)
    names += (names.empty() ? "'" : ", '") + std::string(function.inputs[i].name) + "'";
  return names.empty() ? "none" : names;
}

Result<Batches> Trainer::Impl::batches(const Session &session, const Arrays &inputs,
                                       const Arrays &targets) {
  const ingot_function &function = session.function();
  const ingot_function *predict = artifact->findFunction("predict");
  const auto total = size_t(function.input_count);
  const size_t model = predict ? size_t(predict->input_count) : inputs.size();
  if (inputs.size() != model)
    return invalid("the model has " + std::to_string(model) + " inputs (" +
                   namesOf(function, 0, std::min(model, total)) + "), got " +
                   std::to_string(inputs.size()) + " arrays");
  if (inputs.size() + targets.size() != total)
    return invalid("'" + std::string(function.name) + "' needs " +
                   std::to_string(total - std::min(total, model)) + " targets (" +
                   namesOf(function, std::min(model, total), total) + "), got " +
                   std::to_string(targets.size()) + " arrays");
  Arrays all = inputs;
  all.insert(all.end(), targets.begin(), targets.end());
  return Batches::create(function, model, all);
}

Result<Logs> Trainer::Impl::pass(Session &session, Batches &batches,
                                 const std::vector<int64_t> &order, int64_t batchSize,
                                 const Hooks &hooks) {
  Means means(session.function());
  const auto samples = int64_t(order.size());
  for (int64_t begin = 0, batch = 0; begin < samples; begin += batchSize, ++batch) {
    if (hooks.stop && *hooks.stop)
      break;
    if (hooks.before)
      INGOT_RETURN_IF_ERROR(hooks.before(batch));
    const int64_t count = std::min(batchSize, samples - begin);
    INGOT_ASSIGN_OR_RETURN(const std::vector<TensorView> *views,
                           batches.gather(order.data() + begin, count));
    INGOT_RETURN_IF_ERROR(session.run(*state, *views)
                              .withContext("'" + std::string(session.function().name) +
                                           "', batch " + std::to_string(batch)));
    means.add(session, count);
    if (hooks.after)
      INGOT_RETURN_IF_ERROR(hooks.after(batch, means));
  }
  return means.logs();
}

static Status checkOptions(const FitOptions &options) {
  if (options.batchSize < 1 || options.validationBatchSize < 0)
    return invalid("the batch size must be at least 1, got " +
                   std::to_string(std::min(options.batchSize, options.validationBatchSize)));
  if (options.epochs < 0 || options.initialEpoch < 0)
    return invalid("epochs count from 0, got epochs = " + std::to_string(options.epochs) +
                   " and initialEpoch = " + std::to_string(options.initialEpoch));
  if (!(options.validationSplit >= 0 && options.validationSplit < 1))
    return invalid("validationSplit is a fraction from 0 to below 1, got " +
                   std::to_string(options.validationSplit));
  if (options.validationInputs.empty() != options.validationTargets.empty())
    return invalid("validation needs both inputs and targets");
  for (const Callback *callback : options.callbacks)
    if (!callback)
      return invalid("a callback is null");
  return Status();
}

static std::vector<int64_t> iotaFrom(int64_t begin, int64_t end) {
  std::vector<int64_t> order(size_t(end - begin));
  std::iota(order.begin(), order.end(), begin);
  return order;
}

/// Splits off the validation samples as Keras does: training takes floor(n * (1 - split)).
static Status splitSamples(FitPlan &plan, const FitOptions &options) {
  const int64_t samples = plan.training->sampleCount();
  if (samples == 0)
    return invalid("there are no training samples");
  const bool split = options.validationSplit > 0 && options.validationInputs.empty();
  const auto first =
      split ? int64_t(std::floor(double(samples) * (1 - options.validationSplit))) : samples;
  if (split && (first == 0 || first == samples))
    return invalid(std::to_string(samples) + " samples cannot be split with validationSplit = " +
                   std::to_string(options.validationSplit) +
                   ": one part would be empty; give more samples or another fraction");
  plan.trainOrder = iotaFrom(0, first);
  plan.validationOrder = iotaFrom(first, samples);
  return Status();
}

/// Calls `hook` with every callback, in order.
template <typename Hook> static Status notify(const FitOptions &options, Hook hook) {
  for (Callback *callback : options.callbacks)
    INGOT_RETURN_IF_ERROR(hook(*callback));
  return Status();
}

void Trainer::Impl::reportNaN(const Logs &logs, int64_t epoch, int64_t batch, Progress &progress) {
  const double loss = logs.at("loss");
  if (reportedNaN || std::isfinite(loss))
    return;
  reportedNaN = true;
  progress.interrupt();
  std::cerr << "warning: the loss is " << (std::isnan(loss) ? "nan" : "infinite") << " from epoch "
            << epoch + 1 << ", batch " << batch
            << " on; lower the learning rate or look for bad values in the data\n";
}

Result<FitPlan> Trainer::Impl::plan(const Arrays &inputs, const Arrays &targets,
                                    const FitOptions &options) {
  INGOT_RETURN_IF_ERROR(checkOptions(options));
  constexpr const char *remedy = "compile the model with a loss and an optimizer";
  FitPlan plan;
  INGOT_ASSIGN_OR_RETURN(plan.train, session(trainSession, "train_step", remedy));
  INGOT_ASSIGN_OR_RETURN(plan.training, batches(*plan.train, inputs, targets));
  INGOT_RETURN_IF_ERROR(splitSamples(plan, options));
  if (options.seed)
    plan.seed = *options.seed;
  else if (artifact->findVariable("seed")) {
    INGOT_ASSIGN_OR_RETURN(const int64_t seed, state->getScalar<int64_t>("seed"));
    plan.seed = uint64_t(seed);
  }
  const bool given = !options.validationInputs.empty();
  if (!given && plan.validationOrder.empty())
    return plan;
  INGOT_ASSIGN_OR_RETURN(plan.evaluate, session(evaluateSession, "evaluate", remedy));
  Result<Batches> validation = batches(*plan.evaluate, given ? options.validationInputs : inputs,
                                       given ? options.validationTargets : targets);
  if (!validation.isOk())
    return validation.status().withContext("validation data");
  plan.validation.emplace(std::move(*validation));
  if (given)
    plan.validationOrder = iotaFrom(0, plan.validation->sampleCount());
  if (plan.validationOrder.empty())
    return invalid("there are no validation samples");
  return plan;
}

Result<Logs> Trainer::Impl::trainEpoch(FitPlan &plan, const FitOptions &options, int64_t epoch,
                                       Progress &progress) {
  if (options.shuffle)
    shuffleOrder(plan.seed, epoch, plan.trainOrder);
  Hooks hooks;
  hooks.stop = &stopping;
  hooks.before = [&](int64_t batch) {
    Logs none;
    return notify(options, [&](Callback &callback) { return callback.onBatchBegin(batch, none); });
  };
  hooks.after = [&](int64_t batch, const Means &means) {
    Logs logs = means.logs();
    reportNaN(logs, epoch, batch, progress);
    progress.update(batch + 1, logs);
    return notify(options, [&](Callback &callback) { return callback.onBatchEnd(batch, logs); });
  };
  return pass(*plan.train, *plan.training, plan.trainOrder, options.batchSize, hooks);
}

Status Trainer::Impl::runEpoch(FitPlan &plan, const FitOptions &options, int64_t epoch,
                               Progress &progress, History &history) {
  const auto samples = int64_t(plan.trainOrder.size());
  progress.beginEpoch(epoch + 1, options.epochs,
                      (samples + options.batchSize - 1) / options.batchSize);
  Logs none;
  INGOT_RETURN_IF_ERROR(
      notify(options, [&](Callback &callback) { return callback.onEpochBegin(epoch, none); }));
  INGOT_ASSIGN_OR_RETURN(Logs logs, trainEpoch(plan, options, epoch, progress));
  progress.endSteps();
  if (plan.validation) {
    const int64_t batchSize =
        options.validationBatchSize ? options.validationBatchSize : options.batchSize;
    INGOT_ASSIGN_OR_RETURN(const Logs validation, pass(*plan.evaluate, *plan.validation,
                                                       plan.validationOrder, batchSize, Hooks()));
    for (const auto &[name, value] : validation)
      logs["val_" + name] = value;
  }
  // The line is printed before the callbacks run, so that what they print stands after it.
  progress.endEpoch(logs);
  INGOT_RETURN_IF_ERROR(
      notify(options, [&](Callback &callback) { return callback.onEpochEnd(epoch, logs); }));
  history.epochs.push_back(epoch);
  for (const auto &[name, value] : logs)
    history.metrics[name].push_back(value);
  return Status();
}

Result<History> Trainer::Impl::fit(const Arrays &inputs, const Arrays &targets,
                                   const FitOptions &options) {
  INGOT_ASSIGN_OR_RETURN(FitPlan plan, this->plan(inputs, targets, options));
  Progress progress(options.verbose, options.output);
  out = &progress.stream();
  stopping = reportedNaN = false;
  History history;
  Logs logs;
  INGOT_RETURN_IF_ERROR(
      notify(options, [&](Callback &callback) { return callback.onTrainBegin(logs); }));
  for (int64_t epoch = options.initialEpoch; epoch < options.epochs && !stopping; ++epoch)
    if (Status status = runEpoch(plan, options, epoch, progress, history); !status.isOk()) {
      progress.interrupt();
      return status;
    }
  for (const auto &[name, values] : history.metrics)
    logs[name] = values.back();
  INGOT_RETURN_IF_ERROR(
      notify(options, [&](Callback &callback) { return callback.onTrainEnd(logs); }));
  return history;
}

Result<std::vector<Tensor>> Trainer::Impl::predict(const Arrays &inputs, int64_t batchSize) {
  if (batchSize < 1)
    return invalid("the batch size must be at least 1, got " + std::to_string(batchSize));
  INGOT_ASSIGN_OR_RETURN(Session * session,
                         this->session(predictSession, "predict", "compile it with 'predict'"));
  INGOT_ASSIGN_OR_RETURN(Batches batches, this->batches(*session, inputs, {}));
  const int64_t samples = batches.sampleCount();
  const std::vector<int64_t> order = iotaFrom(0, samples);
  std::vector<Tensor> results(session->outputCount());
  // An empty batch still tells the shapes of the outputs.
  for (int64_t begin = 0; begin < std::max<int64_t>(samples, 1); begin += batchSize) {
    const int64_t count = std::min(batchSize, samples - begin);
    INGOT_ASSIGN_OR_RETURN(const std::vector<TensorView> *views,
                           batches.gather(order.data() + begin, count));
    INGOT_RETURN_IF_ERROR(session->run(*state, *views)
                              .withContext("'predict', samples from " + std::to_string(begin)));
    for (size_t i = 0; i < results.size(); ++i)
      INGOT_RETURN_IF_ERROR(appendRows(session->output(i), session->function().outputs[i].name,
                                       begin, count, samples, results[i]));
  }
  return results;
}

//===----------------------------------------------------------------------===//
// The public face

Trainer::Trainer(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
Trainer::Trainer(Trainer &&) noexcept = default;
Trainer &Trainer::operator=(Trainer &&) noexcept = default;
Trainer::~Trainer() = default;

Result<Trainer> Trainer::create(State &state, ThreadPool *pool) {
  auto impl = std::make_unique<Impl>();
  impl->state = &state;
  impl->pool = pool;
  impl->artifact = state.artifact();
  INGOT_RETURN_IF_ERROR(impl->checkFunctions());
  return Trainer(std::move(impl));
}

Status Trainer::initialize(int64_t seed) {
  INGOT_RETURN_IF_ERROR(impl->state->setScalar("seed", seed));
  std::optional<Session> slot;
  INGOT_ASSIGN_OR_RETURN(Session * session,
                         impl->session(slot, "initialize", "bind weights from a file instead"));
  return session->run(*impl->state, nullptr, 0);
}

Result<History> Trainer::fit(const Arrays &inputs, const Arrays &targets,
                             const FitOptions &options) {
  for (Callback *callback : options.callbacks)
    if (callback)
      callback->current = this;
  return impl->fit(inputs, targets, options);
}

Result<Logs> Trainer::evaluate(const Arrays &inputs, const Arrays &targets, int64_t batchSize) {
  if (batchSize < 1)
    return invalid("the batch size must be at least 1, got " + std::to_string(batchSize));
  INGOT_ASSIGN_OR_RETURN(Session * session, impl->session(impl->evaluateSession, "evaluate",
                                                          "compile the model with a loss"));
  INGOT_ASSIGN_OR_RETURN(Batches batches, impl->batches(*session, inputs, targets));
  if (batches.sampleCount() == 0)
    return invalid("there are no samples to evaluate");
  return impl->pass(*session, batches, iotaFrom(0, batches.sampleCount()), batchSize, {});
}

Result<std::vector<Tensor>> Trainer::predict(const Arrays &inputs, int64_t batchSize) {
  return impl->predict(inputs, batchSize);
}

void Trainer::stopTraining() { impl->stopping = true; }
bool Trainer::isStopping() const { return impl->stopping; }
std::ostream &Trainer::output() const { return *impl->out; }
State &Trainer::state() const { return *impl->state; }

Result<double> Trainer::learningRate() const {
  INGOT_ASSIGN_OR_RETURN(const float rate, impl->state->getScalar<float>("learning_rate"));
  return double(rate);
}

Status Trainer::setLearningRate(double rate) {
  return impl->state->setScalar("learning_rate", float(rate));
}

} // namespace ingot::train
