// An ONNX file as it stands, and what the importer finds in it; for tools that show, compare and
// cut models (`ingot inspect`, `compare`, `reduce`). Compiling needs only ReadOnnx.h.
#pragma once
#include "frontends/onnx/ReadOnnx.h"
#include "onnx.pb.h"

namespace ingot {

/// Reads the file and checks that its versions are known. What is wrong goes to the context's
/// diagnostic handlers.
mlir::FailureOr<::onnx::ModelProto> readOnnxFile(const std::string &path,
                                                 mlir::MLIRContext *context);

/// One operator that is not supported for one reason, with all nodes that this is about.
struct OnnxUnsupported {
  std::string op, domain; ///< domain "" is ai.onnx
  int64_t version = 0;
  std::string reason, workaround; ///< the latter may be empty
  std::vector<std::string> nodes;
};
/// "`Foo` (ai.onnx 17) is not supported: <reason>; <workaround> (2 nodes: `a`, `b`)"
std::string describe(const OnnxUnsupported &unsupported);

struct OnnxFindings {
  std::vector<OnnxUnsupported> unsupported;
  /// Of inputs, initializers and what the main graph's nodes make, as far as it could be walked.
  std::map<std::string, mlir::RankedTensorType> types;
};

/// Walks the model as readOnnx does, but past what is not supported, which it returns; other
/// mistakes go to the diagnostic handlers. `directory` is where external data lies.
OnnxFindings examineOnnx(const ::onnx::ModelProto &model, const std::string &directory,
                         mlir::MLIRContext *context, const OnnxOptions &options = {});

} // namespace ingot
