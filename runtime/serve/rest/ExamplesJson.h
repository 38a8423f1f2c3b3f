// TF Serving's classify and regress: {"examples": [{feature: value}]}, and their results.
#ifndef INGOT_RUNTIME_SERVE_REST_EXAMPLESJSON_H
#define INGOT_RUNTIME_SERVE_REST_EXAMPLESJSON_H

#include "runtime/serve/inference/Examples.h"
#include "runtime/serve/rest/Bytes.h"

#include <string>
#include <string_view>
#include <vector>

namespace ingot::serve::rest {

struct ExamplesRequest {
  std::string signatureName;
  std::vector<Example> examples;
  Example context;
};

/// InvalidArgument names the example and the feature.
Result<ExamplesRequest> decodeExamples(std::string_view body, int maxDepth);

/// {"results": [[["cat", 0.9], …], …]}.
void encodeClasses(Bytes &out, const std::vector<std::vector<ScoredClass>> &classes);
/// {"results": [0.5, …]}.
void encodeValues(Bytes &out, const std::vector<float> &values);

} // namespace ingot::serve::rest

#endif
