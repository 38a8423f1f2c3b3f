// Shapes and positions of sliding windows; see Windows.h.
#include "ir/ops/Windows.h"
#include "ir/ops/Emit.h"
#include "ir/reference/Tensor.h"

using namespace mlir;

namespace ingot::graph {

int64_t Windows::taps() const {
  int64_t n = 1;
  for (int64_t s : size)
    n *= s;
  return n;
}
bool Windows::padded() const {
  return llvm::any_of(low, [](int64_t p) { return p != 0; }) ||
         llvm::any_of(high, [](int64_t p) { return p != 0; });
}

llvm::SmallVector<NamedAttribute> Windows::attributes(Builder b, bool withSize) const {
  llvm::SmallVector<NamedAttribute> list;
  auto add = [&](llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
    list.push_back(b.getNamedAttr(name, b.getDenseI64ArrayAttr(values)));
  };
  if (withSize)
    add("window", size);
  add("strides", strides);
  add("dilations", dilations);
  add("paddingLow", low);
  add("paddingHigh", high);
  return list;
}

FailureOr<Dims> windowedDims(std::optional<Location> loc, llvm::ArrayRef<Dim> x, const Windows &w,
                             Dim channels) {
  if (x.size() < 2)
    return emitOptionalError(loc, "needs an input (batch, spatial…, channels), has ", str(x));
  size_t rank = x.size() - 2;
  auto check = [&](llvm::StringRef what, llvm::ArrayRef<int64_t> list,
                   int64_t least) -> LogicalResult {
    if (list.size() != rank)
      return emitOptionalError(loc, what, " has ", list.size(), " entries, the input ", str(x),
                               " has ", rank, " spatial dimensions");
    for (int64_t v : list)
      if (v < least)
        return emitOptionalError(loc, what, " has the entry ", v, ", the least allowed is ", least);
    return success();
  };
  if (failed(check("the window", w.size, 1)) || failed(check("strides", w.strides, 1)) ||
      failed(check("dilations", w.dilations, 1)) || failed(check("padding", w.low, 0)) ||
      failed(check("padding", w.high, 0)))
    return failure();
  Dims result{x[0]};
  for (size_t d = 0; d < rank; ++d) {
    Dim padded = x[d + 1] + (w.low[d] + w.high[d]);
    if (padded.isStatic() && x[d + 1].value() != 0 && padded.value() < w.span(d))
      return emitOptionalError(loc, "a window of ", w.span(d), " along spatial dimension ", d,
                               " does not fit into ", padded.value(), " (input ", str(x),
                               ", padding ", w.low[d], " + ", w.high[d],
                               "); use a smaller window or more padding");
    Dim out = (padded - w.span(d)).floorDiv(w.strides[d]) + 1;
    Dim zero = Dim::constant(out.context(), 0);
    result.push_back(Dim::max(out, zero));
  }
  result.push_back(channels);
  return result;
}

void forEachTap(llvm::ArrayRef<int64_t> input, llvm::ArrayRef<int64_t> output, const Windows &w,
                llvm::function_ref<void(llvm::ArrayRef<int64_t>, llvm::ArrayRef<int64_t>,
                                        llvm::ArrayRef<int64_t>, bool)>
                    visit) {
  llvm::SmallVector<int64_t> i(w.rank());
  reference::forEachIndex(output, [&](llvm::ArrayRef<int64_t> o) {
    reference::forEachIndex(w.size, [&](llvm::ArrayRef<int64_t> k) {
      bool inside = true;
      for (int64_t d = 0; d < w.rank(); ++d) {
        i[d] = o[d] * w.strides[d] + k[d] * w.dilations[d] - w.low[d];
        inside &= i[d] >= 0 && i[d] < input[d];
      }
      visit(o, k, i, inside);
    });
  });
}

Value emitWindowPadding(OpBuilder &b, Location loc, Value x, const Windows &w, TypedAttr value) {
  if (!w.padded())
    return x;
  Dims result = dimsOf(x);
  Dim zero = Dim::constant(b.getContext(), 0);
  Dims low(result.size(), zero);
  for (int64_t d = 0; d < w.rank(); ++d) {
    low[d + 1] = Dim::constant(b.getContext(), w.low[d]);
    result[d + 1] = result[d + 1] + (w.low[d] + w.high[d]);
  }
  return exec::emitPad(b, loc, x, result, low, llvm::SmallVector<int64_t>(result.size(), 0), value);
}

} // namespace ingot::graph
