// Weights that an ONNX model keeps in other files, taken into it. Used by tools that write a
// changed copy of a model elsewhere.
#pragma once
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "onnx.pb.h"

namespace ingot {

/// Fails, with a message, where the data cannot be read, lies outside `directory`, or makes the
/// model larger than a file may be (2 GiB).
mlir::LogicalResult inlineExternalData(::onnx::ModelProto &model, const std::string &directory,
                                       mlir::MLIRContext *context);

} // namespace ingot
