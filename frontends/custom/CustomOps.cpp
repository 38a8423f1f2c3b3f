// From descriptions to code. See CustomOps.h.
#include "frontends/custom/CustomOps.h"
#include "frontends/custom/ReadDescription.h"
#include "ir/ops/Custom.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace ingot {

Location custom::locationOf(const std::string &file, MLIRContext *context) {
  return FileLineColLoc::get(context, file, 0, 0);
}

CustomOps::CustomOps(MLIRContext *context) : module(ModuleOp::create(UnknownLoc::get(context))) {}

FailureOr<CustomOps> CustomOps::read(llvm::ArrayRef<std::string> files, MLIRContext *context) {
  CustomOps ops(context);
  bool isValid = true;
  for (const std::string &file : files)
    isValid &= succeeded(DescriptionReader(ops, file).read());
  // Gradients may stand in files that come later.
  if (!isValid || failed(verify(*ops.module)))
    return failure();
  return ops;
}

LogicalResult CustomOps::declareIn(ModuleOp model) const {
  SymbolTable known(*module), declared(model);
  bool isValid = true;
  for (auto op : model.getOps<graph::CustomOpOp>()) {
    auto ours = known.lookup<graph::CustomOpOp>(op.getSymName());
    if (ours &&
        OperationEquivalence::isEquivalentTo(op, ours, OperationEquivalence::IgnoreLocations))
      continue;
    op.emitError("the custom op `")
        << op.getSymName() << "` is declared "
        << (ours ? "otherwise than in its description" : "here, and its code is not known")
        << "; give its description with --custom-op";
    isValid = false;
  }
  OpBuilder b = OpBuilder::atBlockBegin(model.getBody());
  for (auto op : (*module).getOps<graph::CustomOpOp>())
    if (isValid && !declared.lookup(op.getSymName()))
      b.clone(*op);
  return success(isValid);
}

FailureOr<std::map<std::string, CustomCode>> CustomOps::code(const std::string &compiler) {
  std::map<std::string, CustomCode> result;
  std::map<std::pair<std::string, std::vector<std::string>>, std::string> objects;
  for (const auto &[name, code] : codes) {
    CustomCode &made = result[name] = code.compiled;
    auto report = [&](llvm::Error error) {
      return emitError(custom::locationOf(code.file, module->getContext()))
             << llvm::toString(std::move(error));
    };
    std::vector<std::string> files;
    for (const std::string &source : code.sources) {
      std::string &object = objects[{source, code.flags}];
      if (object.empty()) {
        if (llvm::Error error = directory.create())
          return report(std::move(error));
        std::string stem =
            std::to_string(objects.size()) + "-" + llvm::sys::path::stem(source).str();
        auto compiled = custom::compileSource(directory, compiler, source, code.flags, stem);
        if (!compiled)
          return report(compiled.takeError());
        object = *compiled;
      }
      files.push_back(object);
    }
    made.files.insert(made.files.begin(), files.begin(), files.end());
  }
  return result;
}

} // namespace ingot
