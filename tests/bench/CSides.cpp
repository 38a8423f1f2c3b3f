// The sides of libingot_peer_calls.so: those with a C interface that is loaded at run time.
#include "tests/bench/Side.h"

namespace ingot::bench {

std::unique_ptr<Side> openSide(const std::string &kind, const Request &request) {
  if (kind == "ingot")
    return openIngot(request);
  if (kind == "onnxruntime")
    return openOnnxRuntime(request);
  if (kind == "openvino")
    return openOpenVino(request);
  if (kind == "tf" || kind == "tf xla") // the graph says which
    return openTensorFlow(request);
  throw std::runtime_error("no side is called " + kind);
}

} // namespace ingot::bench
