// The three models of ../shared/refs_training (its make.py says what they are) as graph modules,
// with its initial weights, batches and recorded losses. Used by the tests of training curves, on
// the interpreter and compiled.
#pragma once
#include "compiler/autodiff/Differentiate.h"
#include "ingot/data/Npy.h"
#include "ir/Builder.h"
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace ingot::test {

/// One recorded run: `framework` is "keras" or "torch", `model` "mlp", "cnn" or "cnn_bn",
/// `optimizer` "sgd", "nesterov", "adam", "adamw" or "rmsprop".
struct CurveId {
  std::string framework, model, optimizer;
  std::string name() const { return framework + "_" + model + "_" + optimizer; }
};
std::vector<CurveId> allCurves();

/// What make.py passes to the optimizer, with the framework's defaults.
OptimizerSpec optimizerOf(const CurveId &curve);

/// A module with the variables of make.py ("d1/w" …) and the function `loss` of
/// x (batch, 28, 28, 1) f32 and y (batch) si64; batch norm in the framework's flavour.
mlir::OwningOpRef<mlir::ModuleOp> buildReferenceModel(mlir::MLIRContext &context,
                                                      const CurveId &curve);

/// The files' content; `error` is set, and everything else empty, when a file is absent.
struct CurveData {
  std::string error;
  std::map<std::string, std::vector<float>> initial, final;
  std::vector<double> losses;
  std::vector<std::vector<float>> images; // a batch each: 64 x 28 x 28
  std::vector<std::vector<int64_t>> labels;
};
CurveData readCurve(const CurveId &curve, int64_t steps);

} // namespace ingot::test
