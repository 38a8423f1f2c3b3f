// See Spatial.h.
#include "frontends/keras/layers/Spatial.h"
#include "frontends/keras/Names.h"

#include <algorithm>

namespace ingot::keras::detail {

namespace {
std::string tuple(llvm::ArrayRef<int64_t> values) {
  return toString(Shape(values.begin(), values.end()));
}

/// Padding of one dimension: before, behind.
std::pair<Dim, Dim> samePadding(Dim in, int64_t span, int64_t stride) {
  mlir::MLIRContext *context = in.context();
  Dim total = Dim::constant(context, span - 1); // for stride 1, whatever the input
  if (stride > 1)
    total = Dim::max((in.ceilDiv(stride) - 1) * stride + span - in, Dim::constant(context, 0));
  Dim low = total.floorDiv(2); // TensorFlow: the odd one goes to the end
  return {low, total - low};
}
} // namespace

std::string dimensionNames(int64_t rank, bool channelsFirst) {
  const char *spatial = rank == 1 ? "steps" : rank == 2 ? "height, width" : "depth, height, width";
  return channelsFirst ? std::string("(batch, channels, ") + spatial + ")"
                       : std::string("(batch, ") + spatial + ", channels)";
}

const char *dimensionName(int64_t rank, int64_t dimension) {
  static const char *const names[] = {"planes", "rows", "columns"};
  return rank == 1 ? "steps" : names[3 - rank + dimension];
}

Shape channelsToEnd(const Shape &shape) {
  Shape result = shape;
  if (shape.size() > 2)
    std::rotate(result.begin() + 1, result.begin() + 2, result.end());
  return result;
}

Shape channelsToFront(const Shape &shape) {
  Shape result = shape;
  if (shape.size() > 2)
    std::rotate(result.begin() + 1, result.end() - 1, result.end());
  return result;
}

void checkDataFormat(const LayerImpl &layer, const std::string &dataFormat) {
  checkOneOf(layer, "data format", dataFormat, {"channels_last", "channels_first"});
}

void checkSpatialRank(const LayerImpl &layer, int64_t rank, bool channelsFirst,
                      const Shape &input) {
  int64_t wants = rank + 2, has = input.size();
  if (has == wants)
    return;
  std::string remedy = rank == 1   ? "; give the model sequences, or put a Reshape before it"
                       : rank == 2 ? "; give the model images, or put a Reshape before it"
                                   : "; give the model volumes, or put a Reshape before it";
  if (has + 1 == wants)
    remedy = rank == 2 ? "; add the channels: Reshape, or inputShape {h, w, 1}"
                       : "; add the channels: Reshape, or one more dimension of inputShape";
  if (has == 2)
    remedy = "; put it before Flatten, where the input still has that form";
  layer.fail("expected an input of " + std::to_string(wants) + " dimensions, " +
             dimensionNames(rank, channelsFirst) + ", got " + toString(input) + remedy);
}

Padding paddingOf(const LayerImpl &layer, const std::string &padding, bool allowsCausal) {
  std::string lowered = padding;
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lowered == "valid")
    return Padding::Valid;
  if (lowered == "same")
    return Padding::Same;
  if (lowered == "causal" && allowsCausal)
    return Padding::Causal;
  std::vector<std::string> known = {"valid", "same"};
  if (allowsCausal)
    known.push_back("causal");
  layer.fail(unknownName("padding", padding, known));
}

void Window::check(const LayerImpl &layer, const char *what) const {
  auto positive = [&](const char *name, llvm::ArrayRef<int64_t> values) {
    if (llvm::any_of(values, [](int64_t v) { return v <= 0; }))
      layer.fail(std::string(name) + " must be positive, got " + tuple(values));
    if (llvm::any_of(values, [](int64_t v) { return v > kMaxExtent; }))
      layer.fail(std::string(name) + " must be at most " + std::to_string(kMaxExtent) + ", got " +
                 tuple(values));
  };
  positive(what, size);
  positive("strides", strides);
  positive("dilationRate", dilations);
  if (elementCount(Shape(size.begin(), size.end())) > kMaxWindowElements)
    layer.fail(std::string(what) + " " + tuple(size) + " has more than " +
               std::to_string(kMaxWindowElements) + " elements; use a smaller window");
  for (int64_t d = 0; d < rank(); ++d)
    if (span(d) > kMaxExtent)
      layer.fail(std::string(what) + " " + tuple(size) + " with dilationRate " + tuple(dilations) +
                 " covers more than " + std::to_string(kMaxExtent) +
                 " elements of an axis; use smaller ones");
}

void Window::checkStrideOrDilation(const LayerImpl &layer) const {
  auto larger = [](int64_t v) { return v > 1; };
  if (llvm::any_of(strides, larger) && llvm::any_of(dilations, larger))
    layer.fail("strides " + tuple(strides) + " and dilationRate " + tuple(dilations) +
               " may not both be larger than 1; set one of them to 1");
}

Shape Window::resultShape(const LayerImpl &layer, const char *what, const Shape &input,
                          const std::string &shown) const {
  Shape result = input;
  for (int64_t d = 0; d < rank(); ++d) {
    int64_t in = input[1 + d];
    if (in == None)
      continue;
    int64_t &out = result[1 + d];
    if (padding != Padding::Valid) {
      out = (in + strides[d] - 1) / strides[d];
      continue;
    }
    if (span(d) > in)
      layer.fail(std::string(what) + " " + tuple(size) +
                 (dilations[d] > 1 ? " with dilationRate " + tuple(dilations) : "") + " covers " +
                 std::to_string(span(d)) + " " + dimensionName(rank(), d) + ", the input " + shown +
                 " has " + std::to_string(in) +
                 "; use a smaller one, .padding = \"same\", or fewer pooling layers before it");
    out = (in - span(d)) / strides[d] + 1;
  }
  return result;
}

bool Window::padsBySize(mlir::Value x) const {
  Dims dims = dimsOf(x);
  for (int64_t d = 0; d < rank(); ++d)
    if (padding == Padding::Same && strides[d] > 1 && !dims[1 + d].isStatic())
      return true;
  return false;
}

Window::Call Window::over(Emitter &e, mlir::Value x, double fill) const {
  Dims dims = dimsOf(x);
  Dim zero = Dim::constant(e.b.getContext(), 0);
  Dims low(rank() + 2, zero), high(rank() + 2, zero);
  for (int64_t d = 0; d < rank(); ++d) {
    if (padding == Padding::Same)
      std::tie(low[1 + d], high[1 + d]) = samePadding(dims[1 + d], span(d), strides[d]);
    if (padding == Padding::Causal)
      low[1 + d] = Dim::constant(e.b.getContext(), span(d) - 1);
  }
  llvm::SmallVector<int64_t> before(rank(), 0), after(rank(), 0);
  if (padsBySize(x)) {
    x = graph::pad(e.b, e.loc, x, low, high, {}, fill);
  } else {
    before = staticSizes(llvm::ArrayRef(low).slice(1, rank()));
    after = staticSizes(llvm::ArrayRef(high).slice(1, rank()));
  }
  return {x,
          {e.integers("strides", strides), e.integers("dilations", dilations),
           e.integers("paddingLow", before), e.integers("paddingHigh", after)}};
}

} // namespace ingot::keras::detail
