// Reading the file. See ReadOnnx.h.
#include "frontends/onnx/ReadOnnx.h"
#include "frontends/onnx/ImportGraph.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr int64_t kNewestOpset = 28, kNewestIrVersion = 14;

LogicalResult checkVersions(const ::onnx::ModelProto &model, Location loc) {
  if (model.ir_version() > kNewestIrVersion)
    return emitError(loc) << "the file has ONNX's IR version " << model.ir_version()
                          << "; versions up to " << kNewestIrVersion << " are read";
  for (const ::onnx::OperatorSetIdProto &set : model.opset_import())
    if ((set.domain().empty() || set.domain() == "ai.onnx") && set.version() > kNewestOpset)
      return emitError(loc) << "the file needs operator set " << set.version() << "; sets up to "
                            << kNewestOpset
                            << " are known; export it with opset_version=" << kNewestOpset;
  if (!model.has_graph())
    return emitError(loc) << "the file holds no graph; it is no ONNX model, or is cut short";
  return success();
}

} // namespace

OwningOpRef<ModuleOp> readOnnx(const std::string &path, MLIRContext *context,
                               const OnnxOptions &options) {
  Location loc = UnknownLoc::get(context);
  auto buffer = llvm::MemoryBuffer::getFile(path, false, /*RequiresNullTerminator=*/false);
  if (!buffer) {
    emitError(loc) << "cannot read `" << path << "`: " << buffer.getError().message();
    return nullptr;
  }
  ::onnx::ModelProto model;
  if ((*buffer)->getBufferSize() > INT32_MAX ||
      !model.ParseFromArray((*buffer)->getBufferStart(),
                            static_cast<int>((*buffer)->getBufferSize()))) {
    emitError(loc) << "`" << path << "` is no ONNX model, or is damaged"
                   << ((*buffer)->getBufferSize() > INT32_MAX
                           ? ": it has more than 2 GiB; store its weights as external data"
                           : "");
    return nullptr;
  }
  buffer->reset();
  if (failed(checkVersions(model, loc)))
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  std::string directory = llvm::sys::path::parent_path(path).str();
  onnx::GraphImporter importer(model, directory, options, *module);
  if (failed(importer.import()) || failed(verify(*module)))
    return nullptr;
  return module;
}

} // namespace ingot
