// Windows sliding over spatial dimensions: what convolution and pooling share. Tensors are (N,
// spatial…, C). One relation ties input, tap and output positions, and every meaning is told by it:
// input = output * stride + tap * dilation - low.
#pragma once
#include "ir/exec/Exec.h"

namespace ingot::graph {

/// One entry a spatial dimension.
struct Windows {
  llvm::SmallVector<int64_t> size, strides, dilations, low, high;

  /// `Op` has the attributes strides, dilations, paddingLow and paddingHigh.
  template <typename Op> static Windows of(Op op, llvm::ArrayRef<int64_t> size) {
    auto list = [](llvm::ArrayRef<int64_t> a) { return llvm::SmallVector<int64_t>(a); };
    return {list(size), list(op.getStrides()), list(op.getDilations()), list(op.getPaddingLow()),
            list(op.getPaddingHigh())};
  }
  int64_t rank() const { return size.size(); }
  /// Positions from a window's first tap to its last, both counted.
  int64_t span(int64_t d) const { return (size[d] - 1) * dilations[d] + 1; }
  int64_t taps() const;
  bool padded() const;
  /// Attributes of a windowed op; `window` itself is an attribute of pools alone.
  llvm::SmallVector<mlir::NamedAttribute> attributes(mlir::Builder b, bool withSize) const;
};

/// The dimensions (N, out…, channels) of a windowed op over x (N, spatial…, C). Reports attributes
/// of wrong length or value, and windows larger than a static dimension.
mlir::FailureOr<Dims> windowedDims(std::optional<mlir::Location> loc, llvm::ArrayRef<Dim> x,
                                   const Windows &windows, Dim channels);

/// Visits every pair of a window at output position `o` and a tap `k` of it, row-major in (o, k);
/// `i` is the input position, which may lie in the padding (`inside` false).
void forEachTap(llvm::ArrayRef<int64_t> input, llvm::ArrayRef<int64_t> output,
                const Windows &windows,
                llvm::function_ref<void(llvm::ArrayRef<int64_t> o, llvm::ArrayRef<int64_t> k,
                                        llvm::ArrayRef<int64_t> i, bool inside)>
                    visit);

/// x with `value` around its spatial dimensions as a nest; x itself without padding.
mlir::Value emitWindowPadding(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                              const Windows &windows, mlir::TypedAttr value);

} // namespace ingot::graph
