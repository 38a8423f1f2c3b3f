// See Predict.h.
#include "runtime/serve/grpc/Predict.h"

#include "runtime/serve/grpc/ModelSpecs.h"
#include "runtime/serve/grpc/TensorProtos.h"

#include <algorithm>
#include <utility>

namespace ingot::serve {

using tensorflow::serving::PredictRequest;
using tensorflow::serving::PredictResponse;

Result<std::vector<NamedInput>> parseInputs(const PredictRequest &request,
                                            const InferenceService::Target &target,
                                            InputStorage &storage) {
  std::vector<NamedInput> inputs;
  for (const auto &[name, tensor] : request.inputs()) {
    INGOT_ASSIGN_OR_RETURN(NamedInput input, parseHead(name, tensor));
    INGOT_RETURN_IF_ERROR(checkInput(*target.model, *target.function, input));
    INGOT_RETURN_IF_ERROR(parseValues(tensor, storage, input));
    inputs.push_back(std::move(input));
  }
  return inputs;
}

Result<std::vector<int64_t>> parseOutputs(const PredictRequest &request,
                                          const ingot_function &function) {
  std::vector<int64_t> wanted;
  if (request.output_filter().empty()) {
    for (int64_t i = 0; i < function.output_count; ++i)
      wanted.push_back(i);
    return wanted;
  }
  for (const std::string &name : request.output_filter()) {
    auto found = findOutput(function, name);
    if (!found.isOk())
      return found.status().withContext("output_filter");
    const int64_t index = *found;
    if (std::find(wanted.begin(), wanted.end(), index) != wanted.end())
      return Status(StatusCode::InvalidArgument,
                    "output_filter: output '" + name + "' is named twice");
    wanted.push_back(index);
  }
  return wanted;
}

void writeReply(const PredictRequest &request, const InferenceResponse &response,
                const std::vector<int64_t> &wanted, WireWriter &out) {
  const bool asBytes =
      std::any_of(request.inputs().begin(), request.inputs().end(),
                  [](const auto &input) { return !input.second.tensor_content().empty(); });
  for (int64_t index : wanted)
    writeTensorEntry(out, PredictResponse::kOutputsFieldNumber,
                     response.function->function->outputs[index].name,
                     response.outputs[static_cast<size_t>(index)], asBytes, response.owner);
  tensorflow::serving::ModelSpec spec;
  describe(*response.model, request.model_spec().signature_name(), spec);
  out.text(PredictResponse::kModelSpecFieldNumber, spec.SerializeAsString());
}

} // namespace ingot::serve
