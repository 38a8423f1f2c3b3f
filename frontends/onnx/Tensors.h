// ONNX's element types and constant tensors as MLIR types and attributes.
//
// Invariant: what a file says about a tensor (dimensions, number of bytes, place of external data)
// is checked before memory is taken for it. Called by ImportGraph and by rules that read
// attributes.
#pragma once
#include "frontends/onnx/MappedFile.h"
#include "ir/Graph.h"
#include "onnx.pb.h"

namespace ingot::onnx {

/// The IR's element type for a TensorProto.DataType; null where there is none (string, complex).
mlir::Type elementType(mlir::MLIRContext *context, int32_t dataType);
/// "FLOAT16"; "type 99" for a number that is no DataType.
std::string typeName(int32_t dataType);

/// The tensor's value. External data is looked for in `directory`, which it may not leave. Reports
/// what is wrong at `loc`, naming the tensor.
mlir::FailureOr<mlir::DenseElementsAttr> readTensor(const ::onnx::TensorProto &tensor,
                                                    llvm::StringRef directory, mlir::Location loc);

/// The value of an initializer of the main graph, some of which are in the mapped file. Large
/// floats of 32 bits stay there (DenseResourceElementsAttr); all else is as readTensor has it.
mlir::FailureOr<mlir::ElementsAttr> readInitializer(const ::onnx::TensorProto &tensor, int number,
                                                    const MappedFile &mapped,
                                                    llvm::StringRef directory, mlir::Location loc);

} // namespace ingot::onnx
