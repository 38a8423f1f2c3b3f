// Reading the file. See ReadOnnx.h.
#include "frontends/onnx/ReadOnnx.h"
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/OnnxFile.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace ingot {
namespace {

constexpr int64_t kNewestOpset = 28, kNewestIrVersion = 14;

LogicalResult checkVersions(const ::onnx::ModelProto &model, Location loc) {
  if (model.ir_version() > kNewestIrVersion)
    return emitError(loc) << "the file has ONNX's IR version " << model.ir_version()
                          << "; versions up to " << kNewestIrVersion
                          << " are read; set model.ir_version = " << kNewestIrVersion
                          << " where it is exported, or update Ingot";
  for (const ::onnx::OperatorSetIdProto &set : model.opset_import())
    if ((set.domain().empty() || set.domain() == "ai.onnx") && set.version() > kNewestOpset)
      return emitError(loc) << "the file needs operator set " << set.version() << "; sets up to "
                            << kNewestOpset
                            << " are known; export it with opset_version=" << kNewestOpset;
  if (!model.has_graph())
    return emitError(loc)
           << "the file holds no graph; it is no ONNX model, or is cut short: export "
              "it again, or download it again if it came over a network";
  return success();
}

/// What --shape may name: inputs, and their dimensions that are no numbers.
void collectNames(const std::string &name, const ::onnx::TypeProto &type,
                  std::set<std::string> &names) {
  names.insert(name);
  if (type.has_optional_type())
    return collectNames(name, type.optional_type().elem_type(), names);
  if (type.has_sequence_type()) {
    names.insert(name + "[]");
    return collectNames(name + "[0]", type.sequence_type().elem_type(), names);
  }
  for (auto [axis, dim] : llvm::enumerate(type.tensor_type().shape().dim()))
    if (!dim.dim_param().empty())
      names.insert(dim.dim_param());
    else if (!dim.has_dim_value())
      names.insert(name + "_dim" + std::to_string(axis));
}

/// The name without the number in it: `x[3]` is as good as `x[0]`.
std::string firstOfSequence(llvm::StringRef name) {
  size_t open = name.rfind('[');
  int64_t index = 0;
  bool isElement = open != llvm::StringRef::npos && name.ends_with("]") &&
                   !name.slice(open + 1, name.size() - 1).getAsInteger(10, index);
  return isElement ? name.take_front(open).str() + "[0]" : name.str();
}

LogicalResult checkShapeNames(const ::onnx::ModelProto &model, const OnnxOptions &options,
                              Location loc) {
  std::set<std::string> names;
  for (const ::onnx::ValueInfoProto &input : model.graph().input())
    collectNames(input.name(), input.type(), names);
  for (const auto &[name, sizes] :
       options.shapes) { // a shape may name dimensions, others bound them
    llvm::SmallVector<llvm::StringRef> parts;
    llvm::StringRef(sizes).split(parts, ',');
    for (llvm::StringRef part : parts)
      if (names.contains(name) && !part.trim().empty() && !llvm::isDigit(part.trim()[0]))
        names.insert(part.trim().str());
  }
  LogicalResult result = success();
  for (const auto &[name, sizes] : options.shapes)
    if (!names.contains(name) && !names.contains(firstOfSequence(name)))
      result = emitError(loc) << "--shape " << name << "=" << sizes
                              << ": the model has no input or dynamic dimension of that name; "
                                 "there are: "
                              << llvm::join(names, ", ");
  return result;
}

/// What a file is that begins like this, where that is known and no model.
const char *otherKind(llvm::StringRef start) {
  if (start.starts_with("version https://git-lfs"))
    return "it is a pointer of Git LFS; fetch what it stands for with `git lfs pull`";
  if (start.starts_with("PK"))
    return "it is a zip archive, as PyTorch saves; write the model with torch.onnx.export";
  if (start.starts_with("<") || start.starts_with("{"))
    return "it is text, perhaps a page that a failed download left";
  return "export it again, or download it again if it came over a network";
}

} // namespace

/// Parses a file by `parse`, and checks that its versions are known.
static FailureOr<::onnx::ModelProto>
parseFile(const std::string &path, MLIRContext *context, onnx::MappedFile &mapped,
          llvm::function_ref<bool(::onnx::ModelProto &)> parse) {
  Location loc = UnknownLoc::get(context);
  auto buffer = llvm::MemoryBuffer::getFile(path, false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return emitError(loc) << "cannot read `" << path << "`: " << buffer.getError().message();
  mapped.file = std::move(*buffer);
  llvm::StringRef file = mapped.file->getBuffer();
  ::onnx::ModelProto model;
  if (file.size() > INT32_MAX || !parse(model))
    return emitError(loc) << "`" << path << "` is no ONNX model, or is damaged: "
                          << (file.size() > INT32_MAX
                                  ? "it has more than 2 GiB; store its weights as external data"
                                  : otherKind(file.take_front(64)));
  if (failed(checkVersions(model, loc)))
    return failure();
  return model;
}

FailureOr<::onnx::ModelProto> readOnnxFile(const std::string &path, MLIRContext *context) {
  onnx::MappedFile mapped;
  return parseFile(path, context, mapped, [&](::onnx::ModelProto &model) {
    return model.ParseFromArray(mapped.file->getBufferStart(),
                                static_cast<int>(mapped.file->getBufferSize()));
  });
}

OwningOpRef<ModuleOp> readOnnx(const std::string &path, MLIRContext *context,
                               const OnnxOptions &options) {
  onnx::MappedFile mapped;
  FailureOr<::onnx::ModelProto> model =
      parseFile(path, context, mapped,
                [&](::onnx::ModelProto &parsed) { return parseMapped(parsed, mapped); });
  if (failed(model))
    return nullptr;
  if (failed(checkShapeNames(*model, options, UnknownLoc::get(context))))
    return nullptr;
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  std::string directory = llvm::sys::path::parent_path(path).str();
  onnx::GraphImporter importer(*model, directory, options, *module);
  importer.takeFrom(std::move(mapped));
  if (failed(importer.import()) || failed(verify(*module)))
    return nullptr;
  return module;
}

OnnxFindings examineOnnx(const ::onnx::ModelProto &model, const std::string &directory,
                         MLIRContext *context, const OnnxOptions &options) {
  (void)checkShapeNames(model, options, UnknownLoc::get(context));
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context));
  onnx::GraphImporter importer(model, directory, options, *module);
  bool isWhole = succeeded(importer.import(/*reportsUnsupported=*/false));
  OnnxFindings findings{importer.unsupported(), importer.tensorTypes()};
  if (isWhole)
    (void)verify(*module);
  return findings;
}

} // namespace ingot
