// What Trainer is made of: sessions, the data of a call, one pass of evaluate. Fit.h has the rest
// of fit. Included by the files that implement Trainer, and nobody else.
#ifndef INGOT_RUNTIME_TRAIN_TRAINERIMPL_H
#define INGOT_RUNTIME_TRAIN_TRAINERIMPL_H

#include "ingot/train/Sources.h"
#include "ingot/train/Trainer.h"
#include "runtime/train/BatchStream.h"
#include "runtime/train/MetricTotals.h"
#include "runtime/train/Progress.h"
#include "runtime/train/StepsUnderWay.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>

namespace ingot::train {

inline Status invalid(const std::string &what) { return Status(StatusCode::InvalidArgument, what); }

/// Where the batches of a call come from: arrays of the caller, of which rows begin … end are
/// meant, or a source.
struct DataArguments {
  Arrays inputs = {}, targets = {}, sampleWeights = {};
  DataSource *source = nullptr;
  std::optional<int64_t> batchSize = {}, steps = {};
  int workers = 1;
  int64_t maxQueueSize = 10;
  ClassWeights classWeights = {};
  int64_t begin = 0;
  std::optional<int64_t> end = {}; ///< none: all samples
};

/// What became of them.
struct Data {
  std::unique_ptr<ArraySource> arrays;
  std::unique_ptr<BatchStream> stream;
  DataSource *source = nullptr;
};

/// Calls `hook` with every callback, in order.
template <typename H> Status notify(const std::vector<Callback *> &callbacks, H hook) {
  for (Callback *callback : callbacks)
    INGOT_RETURN_IF_ERROR(hook(*callback));
  return Status();
}

inline std::vector<Callback *> withBatchHooks(const std::vector<Callback *> &callbacks) {
  std::vector<Callback *> watching;
  std::copy_if(callbacks.begin(), callbacks.end(), std::back_inserter(watching),
               [](const Callback *callback) { return callback->hasBatchHooks(); });
  return watching;
}

/// Steps of a pass: what was asked for, else what there is.
inline std::optional<int64_t> stepsOf(const std::optional<int64_t> &steps, const Data &data) {
  return steps ? steps : data.stream->batchCount();
}

/// Where callbacks print while a call runs: a call in a hook of another one gives the stream back.
class OutputScope {
public:
  OutputScope(std::ostream *&out, std::ostream &now) : out(out), before(out) { out = &now; }
  ~OutputScope() { out = before; }
  OutputScope(const OutputScope &) = delete;

private:
  std::ostream *&out;
  std::ostream *before;
};

/// Says on std::cerr, in Keras's words, that there were fewer batches than steps.
void warnOutOfData();

struct Trainer::Impl {
  struct CheckpointRequest {
    std::string path;
    bool keepPrevious = false;
  };

  State *state = nullptr;
  ThreadPool *pool = nullptr;
  std::shared_ptr<const Artifact> artifact;
  std::optional<Session> trainSession, evaluateSession, predictSession, metricsSession;
  std::ostream *out = nullptr;
  bool stopping = false, stoppingEvaluation = false, stoppingPrediction = false;
  bool resuming = false;
  DataProfile dataProfile;
  std::optional<CheckpointRequest> checkpoint; // asked for by the hooks that run
  ModelSaver saver;
  std::function<ModelGraph()> graph;

  Result<Session *> session(std::optional<Session> &slot, const char *function, const char *remedy);
  Result<Session *> training();
  Result<Session *> evaluation();
  Result<Session *> prediction();
  /// NULL: the artifact has no function `metrics`.
  Result<Session *> metrics();
  /// What the optimizer does to the weights when training ends: Keras's finalize_variable_values.
  Status finalize();
  Result<MetricTotals> totals(const Session &session);
  Status checkFunctions() const;
  /// How many steps may work while the next is prepared, where nobody looks between two.
  size_t stepsAhead() const { return artifact->device() ? 1 : 0; }

  Feed feedOf(const Session &session, size_t modelInputs) const;
  /// Checks arrays, chooses the batch size.
  Result<Data> open(const Session &session, const DataArguments &arguments) const;
  Status attach(Trainer &trainer, const std::vector<Callback *> &callbacks,
                const Params &params) const;

  /// evaluate, and the validation of fit: there without a bar.
  Result<Logs> measure(Data &data, const std::optional<int64_t> &steps,
                       const std::vector<Callback *> &callbacks, Progress *progress);
  Result<Logs> evaluate(Trainer &trainer, const DataArguments &arguments,
                        const EvaluateOptions &options);
  Result<std::vector<Tensor>> predict(Trainer &trainer, const DataArguments &arguments,
                                      const PredictOptions &options);
  Result<Logs> onBatch(Session &session, const DataArguments &arguments);
};

} // namespace ingot::train

#endif
