// The public face of Trainer, its sessions, and what turns arguments into streams of batches. The
// loops are in Fit.cpp and Evaluate.cpp.
#include "ingot/train/Trainer.h"
#include "runtime/train/Fit.h"

#include <algorithm>
#include <iostream>

namespace ingot::train {

//===----------------------------------------------------------------------===//
// Sessions

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

Result<Session *> Trainer::Impl::training() {
  return session(trainSession, "train_step", "compile the model with a loss and an optimizer");
}

Result<Session *> Trainer::Impl::evaluation() {
  return session(evaluateSession, "evaluate", "compile the model with a loss and an optimizer");
}

Result<Session *> Trainer::Impl::prediction() {
  return session(predictSession, "predict", "compile it with 'predict'");
}

Result<Session *> Trainer::Impl::metrics() {
  if (!artifact->findFunction("metrics"))
    return nullptr;
  return session(metricsSession, "metrics", "");
}

Result<MetricTotals> Trainer::Impl::totals(const Session &session) {
  return MetricTotals::create(session.function(), artifact->findFunction("metrics"));
}

Status Trainer::Impl::finalize() {
  if (!artifact->findFunction("finalize"))
    return Status();
  std::optional<Session> slot;
  INGOT_ASSIGN_OR_RETURN(Session * session, this->session(slot, "finalize", ""));
  return session->run(*state, nullptr, 0);
}

Status Trainer::Impl::checkFunctions() const {
  const ingot_function *predict = artifact->findFunction("predict");
  for (const char *name : {"train_step", "evaluate"}) {
    const ingot_function *function = artifact->findFunction(name);
    if (!function)
      continue;
    INGOT_RETURN_IF_ERROR(
        MetricTotals::create(*function, artifact->findFunction("metrics")).status());
    if (predict && function->input_count < predict->input_count)
      return Status(StatusCode::Unsupported,
                    "function '" + std::string(name) + "' has " +
                        std::to_string(function->input_count) + " inputs, 'predict' has " +
                        std::to_string(predict->input_count) +
                        "; expected the inputs of 'predict', then the targets");
  }
  return Status();
}

//===----------------------------------------------------------------------===//
// Data

Feed Trainer::Impl::feedOf(const Session &session, size_t modelInputs) const {
  return Feed(session.function(), artifact->findFunction("predict"), modelInputs);
}

/// As Keras: 32, or what makes so many steps of all samples.
static int64_t chooseBatchSize(const DataArguments &arguments, int64_t samples) {
  if (arguments.batchSize)
    return *arguments.batchSize;
  return arguments.steps ? std::max<int64_t>((samples + *arguments.steps - 1) / *arguments.steps, 1)
                         : 32;
}

Result<Data> Trainer::Impl::open(const Session &session, const DataArguments &arguments) const {
  if (arguments.batchSize && *arguments.batchSize < 1)
    return invalid("the batch size must be at least 1, got " +
                   std::to_string(*arguments.batchSize));
  if (arguments.steps && *arguments.steps < 1)
    return invalid("steps must be at least 1, got " + std::to_string(*arguments.steps));
  if (arguments.workers < 0 || arguments.maxQueueSize < 1)
    return invalid("workers must be at least 0 and maxQueueSize at least 1, got " +
                   std::to_string(arguments.workers) + " and " +
                   std::to_string(arguments.maxQueueSize));
  Data data;
  data.source = arguments.source;
  Feed feed = feedOf(session, arguments.inputs.size());
  INGOT_RETURN_IF_ERROR(feed.setClassWeights(arguments.classWeights));
  if (!data.source) {
    INGOT_RETURN_IF_ERROR(feed.check(arguments.inputs, arguments.targets, arguments.sampleWeights));
    const int64_t all = arguments.inputs.empty() ? 0 : arguments.inputs[0].dims[0];
    const int64_t end = arguments.end.value_or(all);
    const int64_t batchSize = chooseBatchSize(arguments, end - arguments.begin);
    data.arrays =
        std::make_unique<ArraySource>(arguments.inputs, arguments.targets, arguments.sampleWeights,
                                      arguments.begin, end, batchSize);
    data.source = data.arrays.get();
  }
  data.stream = std::make_unique<BatchStream>(*data.source, std::move(feed), arguments.workers,
                                              arguments.maxQueueSize);
  return data;
}

Status Trainer::Impl::attach(Trainer &trainer, const std::vector<Callback *> &callbacks,
                             const Params &params) const {
  for (Callback *callback : callbacks) {
    if (!callback)
      return invalid("a callback is null");
    callback->current = &trainer;
    callback->given = params;
  }
  return Status();
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
  impl->out = &std::cout;
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
  DataArguments arguments;
  arguments.inputs = inputs;
  arguments.targets = targets;
  Fit fit(*this, *impl, options);
  INGOT_RETURN_IF_ERROR(fit.prepare(arguments));
  return fit.run();
}

Result<History> Trainer::fit(DataSource &data, const FitOptions &options) {
  DataArguments arguments;
  arguments.source = &data;
  Fit fit(*this, *impl, options);
  INGOT_RETURN_IF_ERROR(fit.prepare(arguments));
  return fit.run();
}

template <typename Options> static DataArguments argumentsOf(const Options &options) {
  DataArguments arguments;
  arguments.batchSize = options.batchSize;
  arguments.steps = options.steps;
  arguments.workers = options.workers;
  arguments.maxQueueSize = options.maxQueueSize;
  return arguments;
}

Result<Logs> Trainer::evaluate(const Arrays &inputs, const Arrays &targets,
                               const EvaluateOptions &options) {
  DataArguments arguments = argumentsOf(options);
  arguments.inputs = inputs;
  arguments.targets = targets;
  arguments.sampleWeights = options.sampleWeight;
  return impl->evaluate(*this, arguments, options);
}

Result<Logs> Trainer::evaluate(DataSource &data, const EvaluateOptions &options) {
  if (!options.sampleWeight.empty())
    return invalid("a source brings its sample weights itself, in Batch::sampleWeights");
  DataArguments arguments = argumentsOf(options);
  arguments.source = &data;
  return impl->evaluate(*this, arguments, options);
}

Result<std::vector<Tensor>> Trainer::predict(const Arrays &inputs, const PredictOptions &options) {
  DataArguments arguments = argumentsOf(options);
  arguments.inputs = inputs;
  return impl->predict(*this, arguments, options);
}

Result<std::vector<Tensor>> Trainer::predict(DataSource &data, const PredictOptions &options) {
  DataArguments arguments = argumentsOf(options);
  arguments.source = &data;
  return impl->predict(*this, arguments, options);
}

Result<Logs> Trainer::trainOnBatch(const Arrays &inputs, const Arrays &targets,
                                   const TrainOnBatchOptions &options) {
  INGOT_ASSIGN_OR_RETURN(Session * session, impl->training());
  DataArguments arguments;
  arguments.inputs = inputs;
  arguments.targets = targets;
  arguments.sampleWeights = options.sampleWeight;
  arguments.classWeights = options.classWeight;
  return impl->onBatch(*session, arguments);
}

Result<Logs> Trainer::testOnBatch(const Arrays &inputs, const Arrays &targets,
                                  const Arrays &sampleWeight) {
  INGOT_ASSIGN_OR_RETURN(Session * session, impl->evaluation());
  DataArguments arguments;
  arguments.inputs = inputs;
  arguments.targets = targets;
  arguments.sampleWeights = sampleWeight;
  return impl->onBatch(*session, arguments);
}

Result<std::vector<Tensor>> Trainer::predictOnBatch(const Arrays &inputs) {
  PredictOptions options;
  options.verbose = Verbosity::Silent;
  options.workers = 0;
  if (!inputs.empty() && inputs[0].rank > 0)
    options.batchSize = std::max<int64_t>(inputs[0].dims[0], 1);
  return predict(inputs, options);
}

void Trainer::stopTraining() { impl->stopping = true; }
void Trainer::stopEvaluating() { impl->stoppingEvaluation = true; }
void Trainer::stopPredicting() { impl->stoppingPrediction = true; }
bool Trainer::isStopping() const { return impl->stopping; }
bool Trainer::isResuming() const { return impl->resuming; }
std::ostream &Trainer::output() const { return *impl->out; }
DataProfile Trainer::dataProfile() const { return impl->dataProfile; }
State &Trainer::state() const { return *impl->state; }

void Trainer::requestCheckpoint(std::string path, bool keepPrevious) {
  impl->checkpoint = Impl::CheckpointRequest{std::move(path), keepPrevious};
}

void Trainer::setModelSaver(ModelSaver saver) { impl->saver = std::move(saver); }

void Trainer::setModelGraph(std::function<ModelGraph()> graph) { impl->graph = std::move(graph); }
Trainer::ModelGraph Trainer::modelGraph() const {
  return impl->graph ? impl->graph() : ModelGraph();
}

Status Trainer::saveModel(const std::string &path, bool weightsOnly) {
  if (impl->saver)
    return impl->saver(path, weightsOnly);
  SaveOptions options;
  options.weightsOnly = weightsOnly;
  return impl->state->save(path, options);
}

Result<double> Trainer::learningRate() const {
  INGOT_ASSIGN_OR_RETURN(const float rate, impl->state->getScalar<float>("learning_rate"));
  return double(rate);
}

Status Trainer::setLearningRate(double rate) {
  const ingot_variable_info *variable = impl->artifact->findVariable("learning_rate");
  if (variable && !(variable->flags & INGOT_VARIABLE_CONTROL))
    return Status(StatusCode::FailedPrecondition,
                  "This optimizer was created with a `LearningRateSchedule` object as its "
                  "`learning_rate` constructor argument, hence its learning rate is not settable. "
                  "If you need the learning rate to be settable, you should instantiate the "
                  "optimizer with a float `learning_rate` argument.");
  return impl->state->setScalar("learning_rate", float(rate));
}

} // namespace ingot::train
