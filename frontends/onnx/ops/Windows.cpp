// What convolution and pooling share: geometry of windows, and the turn to channels-last.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {

bool Window::hasStaticPadding() const {
  return llvm::all_of(low, [](Dim d) { return d.isStatic(); }) &&
         llvm::all_of(high, [](Dim d) { return d.isStatic(); });
}

llvm::SmallVector<NamedAttribute> Window::attributes(Node &node, bool withSize) const {
  llvm::SmallVector<int64_t> before(size.size(), 0), after(size.size(), 0);
  if (hasStaticPadding())
    for (size_t d = 0; d < size.size(); ++d) {
      before[d] = low[d].value();
      after[d] = high[d].value();
    }
  llvm::SmallVector<NamedAttribute> all = {
      node.named("strides", strides), node.named("dilations", dilations),
      node.named("paddingLow", before), node.named("paddingHigh", after)};
  if (withSize)
    all.push_back(node.named("window", size));
  return all;
}

Value Window::pad(Node &node, Value x, double value) const {
  if (hasStaticPadding())
    return x;
  Dims before = {node.dim(0)}, after = {node.dim(0)};
  llvm::append_range(before, low);
  llvm::append_range(after, high);
  before.push_back(node.dim(0));
  after.push_back(node.dim(0));
  return graph::pad(node.builder(), node.loc, x, before, after, {}, value);
}

Window windowOf(Node &node, llvm::ArrayRef<int64_t> size, llvm::ArrayRef<Dim> spatial) {
  size_t rank = spatial.size();
  if (size.size() != rank)
    node.invalid("its window has " + llvm::Twine(size.size()) + " dimensions, its input " +
                 llvm::Twine(rank) + " spatial ones");
  Window w;
  w.size.assign(size.begin(), size.end());
  w.strides = node.geometryAttr("strides", rank, 1, 1);
  w.dilations = node.geometryAttr("dilations", rank, 1, 1);
  llvm::SmallVector<int64_t> pads = node.geometryAttr("pads", 2 * rank, 0, 0);
  std::string automatic = node.attr("auto_pad", "NOTSET");
  bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!same && automatic != "NOTSET" && automatic != "VALID" && !automatic.empty())
    node.invalid("attribute `auto_pad` is `" + automatic + "`");
  bool ceil = node.attr("ceil_mode", int64_t(0)) != 0;
  Dim zero = node.dim(0);
  for (size_t d = 0; d < rank; ++d) {
    if (size[d] < 1 || size[d] > INT32_MAX)
      node.invalid("its window has a dimension " + llvm::Twine(size[d]) +
                   "; numbers from 1 to 2^31 - 1 are expected");
    int64_t stride = w.strides[d], span = (size[d] - 1) * w.dilations[d] + 1;
    Dim in = spatial[d];
    if (same) {
      // With stride 1 the total is the same for every size.
      Dim total = stride == 1 ? node.dim(span - 1)
                              : Dim::max((in.ceilDiv(stride) - 1) * stride + span - in, zero);
      Dim less = total.floorDiv(2), more = total - less;
      w.low.push_back(automatic == "SAME_UPPER" ? less : more);
      w.high.push_back(automatic == "SAME_UPPER" ? more : less);
      continue;
    }
    bool valid = automatic == "VALID";
    int64_t low = valid ? 0 : pads[d], high = valid ? 0 : pads[rank + d];
    w.low.push_back(node.dim(low));
    Dim after = node.dim(high);
    if (ceil) {
      // As many windows as start inside the input or its padding before; the last may hang over.
      Dim out = (in + (low + high - span)).ceilDiv(stride) + 1;
      out = Dim::min(out, (in + (low - 1)).floorDiv(stride) + 1);
      after = Dim::max((out - 1) * stride + (span - low) - in, after);
    }
    w.high.push_back(after);
  }
  return w;
}

Expr channelsLast(Node &node, Value x) {
  llvm::SmallVector<int64_t> permutation = {0};
  for (int64_t d = 2; d < graph::rankOf(x); ++d)
    permutation.push_back(d);
  permutation.push_back(1);
  return node.transpose(x, permutation);
}

Expr channelsFirst(Node &node, Value x) {
  llvm::SmallVector<int64_t> permutation = {0, graph::rankOf(x) - 1};
  for (int64_t d = 1; d < graph::rankOf(x) - 1; ++d)
    permutation.push_back(d);
  return node.transpose(x, permutation);
}

} // namespace ingot::onnx
