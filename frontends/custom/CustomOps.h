// Custom ops that a user describes in JSON files (docs/CustomOps.md): declarations for frontends,
// code for the compiler. Used by the command line and by tests.
//
// Nothing that a model says can name code: it comes from descriptions alone.
#pragma once
#include "compiler/Compile.h"
#include "frontends/custom/CompileSource.h"

namespace ingot {

namespace custom {
/// The whole of a file: line 0.
mlir::Location locationOf(const std::string &file, mlir::MLIRContext *context);
} // namespace custom

class CustomOps {
public:
  /// No ops.
  explicit CustomOps(mlir::MLIRContext *context);
  /// Reads descriptions. On failure every mistake, each with its file and field, went to the
  /// context's diagnostic handlers.
  static mlir::FailureOr<CustomOps> read(llvm::ArrayRef<std::string> files,
                                         mlir::MLIRContext *context);

  /// A graph.custom_op for each description. `graph.versions`, where it has them, are the first and
  /// the last version of its operator set that it is for.
  mlir::ModuleOp declarations() const { return *module; }
  /// Adds those that `model` lacks. Failure, with a message, where it has one that no description
  /// gives, or one that its description gives otherwise.
  mlir::LogicalResult declareIn(mlir::ModuleOp model) const;
  /// Compiles what is source with the command `compiler` ("cc"). The files live as long as this.
  mlir::FailureOr<std::map<std::string, CustomCode>> code(const std::string &compiler);

private:
  friend class DescriptionReader;
  /// Where an op's code is, beyond what the compiler is told.
  struct Code {
    CustomCode compiled; // objects and archives alone
    std::vector<std::string> sources, flags;
    std::string file; // of the description
  };

  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, Code> codes; // by the op's symbol
  custom::BuildDirectory directory;
};

} // namespace ingot
