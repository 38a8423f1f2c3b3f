// InferenceService: what every protocol does with a request for inference once it is parsed: find
// the version, match inputs by name with the function, schedule, count, answer. Protocols know
// encodings; this knows none.
//
// All functions may be called from any thread.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_INFERENCESERVICE_H
#define INGOT_RUNTIME_SERVE_INFERENCE_INFERENCESERVICE_H

#include "ingot/serve/Scheduler.h"
#include "runtime/serve/repository/Repository.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve {

/// An input as a client gave it. Data stays the client's buffer where it can: no copy.
struct NamedInput {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;
  const void *data = nullptr; ///< lives as long as InferenceRequest::owner
};

/// "f32[2, 3]".
std::string describe(DType dtype, const Shape &shape);

/// Whether `function` takes an input of this name, type and shape, its data aside: asked before
/// memory for the data is. InvalidArgument names the input, what was expected and what was given.
Status checkInput(const ModelVersion &model, const ServedFunction &function,
                  const NamedInput &input);

/// The index of the output. InvalidArgument: there is none of that name; lists those there are.
Result<int64_t> findOutput(const ingot_function &function, std::string_view name);

struct InferenceRequest {
  /// Found before inputs are parsed, since their types follow from it (resolve below).
  std::shared_ptr<const ModelVersion> model;
  const ServedFunction *function = nullptr;
  std::vector<NamedInput> inputs;
  std::shared_ptr<const void> owner; ///< of the inputs' data
  int priority = 0;
  Clock::time_point deadline = Clock::time_point::max();
  std::shared_ptr<const Cancellation> cancellation;
  bool mayRunHere = false; ///< see Request
  /// Of a stream (a function that carries state): which one, and whether it begins or ends here.
  std::string sequence;
  bool sequenceStart = false, sequenceEnd = false;
  Clock::time_point received = Clock::now();
};

struct InferenceResponse {
  Status status;
  std::shared_ptr<const ModelVersion> model;
  const ServedFunction *function = nullptr;
  std::vector<Tensor> outputs; ///< in the order of function->function->outputs
  std::shared_ptr<const void> owner;
  Timing timing;
};

class InferenceService {
public:
  explicit InferenceService(const Repository &repository) : repository_(repository) {}

  struct Target {
    std::shared_ptr<const ModelVersion> model;
    const ServedFunction *function = nullptr;
  };
  /// NotFound, Unavailable: Repository::find; InvalidArgument: no such function (lists those there
  /// are).
  Result<Target> resolve(std::string_view model, const VersionChoice &choice,
                         std::string_view function = "") const;

  /// Checks the inputs (missing, unknown, twice, element type, rank, fixed extents, bools that are
  /// neither 0 nor 1: InvalidArgument that names the input, what was expected and what was given),
  /// and runs. `done` is called once,
  /// on any thread, perhaps inside this call.
  void infer(InferenceRequest request, std::function<void(InferenceResponse)> done) const;

  const Repository &repository() const { return repository_; }

private:
  const Repository &repository_;
};

} // namespace ingot::serve

#endif
