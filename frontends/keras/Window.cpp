// See Window.h.
#include "frontends/keras/Window.h"
#include "frontends/keras/Names.h"

namespace ingot::keras::detail {

namespace {
std::string pair(const std::array<int64_t, 2> &values) {
  return "(" + std::to_string(values[0]) + ", " + std::to_string(values[1]) + ")";
}
int64_t extent(int64_t size, int64_t dilation) { return (size - 1) * dilation + 1; }
} // namespace

void Window2D::check(const LayerImpl &layer, const char *what) const {
  auto positive = [&](const char *name, const std::array<int64_t, 2> &values) {
    if (values[0] <= 0 || values[1] <= 0)
      layer.fail(std::string(name) + " must be positive, got " + pair(values));
    if (values[0] > kMaxExtent || values[1] > kMaxExtent)
      layer.fail(std::string(name) + " must be at most " + std::to_string(kMaxExtent) + ", got " +
                 pair(values));
  };
  positive(what, size);
  positive("strides", strides);
  positive("dilationRate", dilations);
  if (size[0] * size[1] > kMaxWindowElements)
    layer.fail(std::string(what) + " " + pair(size) + " has more than " +
               std::to_string(kMaxWindowElements) + " elements; use a smaller window");
  for (int axis : {0, 1})
    if (extent(size[axis], dilations[axis]) > kMaxExtent)
      layer.fail(std::string(what) + " " + pair(size) + " with dilationRate " + pair(dilations) +
                 " covers more than " + std::to_string(kMaxExtent) +
                 " elements of an axis; use smaller ones");
  for (int axis : {0, 1})
    if (strides[axis] > 1 && dilations[axis] > 1)
      layer.fail("strides " + pair(strides) + " and dilationRate " + pair(dilations) +
                 " may not both be larger than 1; set one of them to 1");
}

Shape Window2D::resultShape(const LayerImpl &layer, const char *what, const Shape &input) const {
  if (input.size() != 4)
    layer.fail("expected an input of 4 dimensions, (batch, height, width, channels), got " +
               toString(input) +
               (input.size() == 3 ? "; add the channels: Reshape, or inputShape {h, w, 1}"
                                  : "; give the model images, or put a Reshape before it"));
  Shape result = input;
  for (int axis : {0, 1}) {
    int64_t in = input[1 + axis], covers = extent(size[axis], dilations[axis]);
    int64_t &out = result[1 + axis];
    if (in == None)
      continue;
    if (same) {
      out = (in + strides[axis] - 1) / strides[axis];
      continue;
    }
    if (covers > in)
      layer.fail(std::string(what) + " " + pair(size) +
                 (dilations[axis] > 1 ? " with dilationRate " + pair(dilations) : "") + " covers " +
                 std::to_string(covers) + (axis == 0 ? " rows" : " columns") + ", the input " +
                 toString(input) + " has " + std::to_string(in) +
                 "; use a smaller one, .padding = \"same\", or fewer pooling layers before it");
    out = (in - covers) / strides[axis] + 1;
  }
  return result;
}

llvm::SmallVector<mlir::NamedAttribute> Window2D::attributes(Emitter &e, const LayerImpl &layer,
                                                             mlir::Value x) const {
  std::array<int64_t, 2> low = {0, 0}, high = {0, 0};
  Dims dims = dimsOf(x);
  for (int axis : {0, 1}) {
    if (!same)
      continue;
    int64_t total = extent(size[axis], dilations[axis]) - 1; // for stride 1, whatever the input
    if (strides[axis] > 1) {
      if (!dims[1 + axis].isStatic())
        layer.fail("padding \"same\" with strides " + pair(strides) +
                   " needs a known input size, got " + ingot::str(dims) +
                   "; give the Input its height and width, or use .padding = \"valid\"");
      int64_t in = dims[1 + axis].value(), out = (in + strides[axis] - 1) / strides[axis];
      total = std::max<int64_t>(0, (out - 1) * strides[axis] + total + 1 - in);
    }
    low[axis] = total / 2; // TensorFlow: the odd one goes to the end
    high[axis] = total - low[axis];
  }
  return {e.integers("strides", strides), e.integers("dilations", dilations),
          e.integers("paddingLow", low), e.integers("paddingHigh", high)};
}

bool isSamePadding(const LayerImpl &layer, const std::string &padding) {
  if (padding == "valid" || padding == "same")
    return padding == "same";
  layer.fail(unknownName("padding", padding, {"valid", "same"}));
}

Json toJson(layers::Size2D size) { return Json::array({size.height, size.width}); }

layers::Size2D size2DFromJson(const Json &config, const std::string &key) {
  const Json &json = config.at(key);
  if (!json.is_array())
    return integerFromJson(json, key);
  if (json.size() != 2)
    throw Error(key + ": expected a number or [height, width], got a list of " +
                std::to_string(json.size()));
  return {integerFromJson(json[0], key), integerFromJson(json[1], key)};
}

} // namespace ingot::keras::detail
