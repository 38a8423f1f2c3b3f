// A model whose large tensors stay where its file is mapped, so that weights of gigabytes are not
// copied into the message and again out of it. Called by readOnnx.
#pragma once
#include "mlir/IR/BuiltinAttributes.h"
#include "onnx.pb.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <vector>

namespace ingot::onnx {

struct MappedFile {
  std::shared_ptr<llvm::MemoryBuffer> file;
  /// By initializer of the main graph: its raw_data in the file; null where the message has it.
  std::vector<llvm::StringRef> rawData;

  llvm::StringRef rawDataOf(int initializer) const {
    return static_cast<size_t>(initializer) < rawData.size() ? rawData[initializer]
                                                             : llvm::StringRef();
  }
};

/// Parses the file's bytes as protobuf does, but leaves out what it lists as rawData: that of at
/// least `large` bytes. False where they are no such message.
bool parseMapped(::onnx::ModelProto &model, MappedFile &mapped, size_t large = 1 << 20);

/// The elements as an attribute that refers to the file, which it keeps.
mlir::DenseResourceElementsAttr mappedElements(mlir::RankedTensorType type, llvm::StringRef bytes,
                                               const MappedFile &mapped, llvm::StringRef name);

} // namespace ingot::onnx
