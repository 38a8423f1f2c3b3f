// tf.Example as TF Serving's classify and regress take it: features by name become the inputs of a
// function, its output becomes classes with scores, or values. Neither JSON nor protobuf.
//
// The function has one output that counts: rows of scores [batch, classes] to classify, one value a
// row ([batch] or [batch, 1]) to regress; a further output of strings names the classes, else
// ModelVersion::classNames do, else their indices.
#ifndef INGOT_RUNTIME_SERVE_INFERENCE_EXAMPLES_H
#define INGOT_RUNTIME_SERVE_INFERENCE_EXAMPLES_H

#include "runtime/serve/inference/InferenceService.h"

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace ingot::serve {

using Feature = std::variant<std::vector<std::string>, std::vector<float>, std::vector<int64_t>>;
using Example = std::map<std::string, Feature>;

/// Examples of a request at most: one takes many times more memory than an empty one takes on the
/// wire.
inline constexpr size_t mostExamples = 1000000;
/// InvalidArgument: more than that.
Status checkExampleCount(size_t count);

struct ExampleInputs {
  std::vector<NamedInput> inputs;
  std::shared_ptr<const void> owner;
};
/// The inputs of `function` for these examples, a row each; a feature that `context` has and an
/// example has not is taken from there. Integers become floats where the input is one, never the
/// other way. InvalidArgument names the example, the feature, and what was expected;
/// ResourceExhausted: the inputs would take more than `mostBytes` (a context stands for any number
/// of examples).
Result<ExampleInputs> toInputs(const ServedFunction &function, std::vector<Example> examples,
                               Example context, uint64_t mostBytes);

struct ScoredClass {
  std::string label;
  float score = 0;
};
/// The classes of each row, in the order of the output. InvalidArgument where the function has no
/// output to classify by.
Result<std::vector<std::vector<ScoredClass>>> toClasses(const InferenceResponse &response);
/// A value a row. InvalidArgument.
Result<std::vector<float>> toValues(const InferenceResponse &response);
/// Whether a function can be called so at all, and why not: asked before it is run.
Status checkClassifies(const ServedFunction &function);
Status checkRegresses(const ServedFunction &function);

} // namespace ingot::serve

#endif
