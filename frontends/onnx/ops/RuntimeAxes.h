// Operators whose axes are an input of the model: which axes they are is known when the sizes are,
// before anything runs.
//
// Invariant: every dimension of a result is an expression over the axes' symbols, so that `plan`
// knows it; the code is a choice among the operator's static forms, one for each set of axes.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::onnx {

/// 1 where the expression is negative, else 0.
Dim isNegative(Node &node, Dim d);
/// 1 where it is `value`, else 0.
Dim equals(Node &node, Dim d, int64_t value);

/// The entries of `values`, of which there is one an axis, at their dimensions; `otherwise`
/// elsewhere.
Dims spread(Node &node, llvm::ArrayRef<Dim> axes, llvm::ArrayRef<Dim> values,
            llvm::ArrayRef<Dim> otherwise);
/// The dimensions that the mask leaves (`count` of them).
Dims without(Node &node, llvm::ArrayRef<Dim> dims, llvm::ArrayRef<Dim> mask, int64_t count);
/// Dimensions with 1 put in where the mask, one entry a dimension of the result, says so.
Dims withOnes(Node &node, llvm::ArrayRef<Dim> dims, llvm::ArrayRef<Dim> mask);

/// The integers that an input lists, one for an axis.
struct NumberList {
  Dims elements;
  Dim length;          ///< how many there are
  bool isOpen = false; ///< elements beyond that length follow, which are no axis
};
/// Input i: known numbers, or up to `most` of an input of the model of unknown length.
NumberList numberList(Node &node, size_t i, int64_t most);
/// 0, 1, 2, …, as many as `like` has.
NumberList firstAxes(Node &node, const NumberList &like);

/// Some of a tensor's dimensions.
struct AxisSet {
  Dims mask;                    ///< for each dimension 1 where an axis names it, else 0
  std::optional<int64_t> count; ///< how many they are, where that is known
  Dim wrong;                    ///< 0 where each axis names a dimension of its own, else positive
};
/// Invalid where constant axes are outside or name a dimension twice.
AxisSet axisSet(Node &node, llvm::ArrayRef<Dim> axes, int64_t rank);
AxisSet axisSet(Node &node, const NumberList &axes, int64_t rank);
/// The axes that input i lists: as many as its output has lost where those count (`lost`), else, of
/// an input of the model of unknown length, any number. None mean all dimensions, or, with `noop`,
/// none; so does an input that is left out.
AxisSet listedAxes(Node &node, size_t i, int64_t rank, std::optional<int64_t> lost, bool noop);

/// `form` for the axes: called once where they are constant, else for every set that they may be,
/// the one that is meant being chosen while running. The result has the dimensions `result`, to
/// which the form's are equal in its case. The plan refuses wrong axes.
mlir::Value forAxes(Node &node, const AxisSet &axes, llvm::ArrayRef<Dim> result,
                    llvm::function_ref<mlir::Value(llvm::ArrayRef<int64_t>)> form);

} // namespace ingot::onnx
