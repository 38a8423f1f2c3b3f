// A model as a graph module, from whatever the user names: a model directory, a file of Keras's, an
// ONNX or a `.mlir` file.
// Used by compile, dump and inspect. MLIR starts here, not before: `ingot --version` is quick.
#pragma once
#include "compiler/Compile.h"
#include "frontends/custom/CustomOps.h"
#include "frontends/keras/TrainModule.h"
#include "tools/ingot/Cli.h"
#include <map>
#include <memory>

namespace ingot::cli {

/// Turns MLIR's diagnostics into messages in the user's terms while it lives.
class DiagnosticCollector {
public:
  /// `source` stands in for locations that name no file.
  DiagnosticCollector(mlir::MLIRContext *context, std::string source);
  void setSource(std::string place) { source = std::move(place); }
  const std::vector<Message> &errors() const { return messages; }
  /// Throws the errors, if there are any. They count as internal when one says that it is.
  void throwErrors() const;

private:
  mlir::LogicalResult collect(mlir::Diagnostic &diagnostic);
  std::string source;
  std::vector<Message> messages;
  mlir::ScopedDiagnosticHandler handler;
};

struct LoadedModel {
  std::unique_ptr<mlir::MLIRContext> context;
  std::optional<CustomOps> customOps; ///< of the descriptions that were given
  mlir::OwningOpRef<mlir::ModuleOp> module;
  bool isSaved = false;                             ///< a model directory, or a file of Keras's
  std::optional<keras::TrainModuleReport> training; ///< where LoadOptions::train asked for it

  std::vector<std::string> functionNames() const;
};

/// A context with every dialect; diagnostics without the op that they are about.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Throws Failure where there is no such file or directory.
void checkExists(const std::string &path);
bool hasExtension(const std::string &path, const char *extension);
/// The values of --shape NAME=SIZES by name.
std::map<std::string, std::string> parseShapes(const std::vector<std::string> &options);

struct LoadOptions {
  bool withTraining = false; ///< of a saved model: train_step and evaluate too
  bool recompute = false;    ///< a train_step that keeps less and computes more
  /// Of an ONNX model: sizes of named dimensions, whole shapes of inputs (OnnxOptions).
  std::map<std::string, std::string> shapes = {};
  /// Training to add to an ONNX or .mlir model.
  std::optional<keras::TrainModuleOptions> train = {};
  /// Outputs of `predict` and the inputs that take their values at the next run.
  std::vector<std::pair<std::string, std::string>> carries = {};
  bool intermediates = false; ///< of an ONNX model: also what is between nodes (OnnxOptions)
  /// Files that describe custom ops.
  std::vector<std::string> customOps = {};
};
/// Reads and verifies. Throws Failure with every error of the model, each at its layer.
LoadedModel loadModel(const std::string &path, const LoadOptions &options = {});

/// The module as text; long constants are cut to `elideAbove` elements where that is >= 0.
std::string moduleText(mlir::ModuleOp module, int64_t elideAbove = -1);

} // namespace ingot::cli
