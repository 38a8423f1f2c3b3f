// Layers that change images at random: flips, crops, motions (rotation, translation, zoom, shear),
// contrast and brightness.
//
// A motion is an affine map from places in the result to places in the image, a sample each, as in
// Keras: x' = a0 x + a1 y + a2, y' = b0 x + b1 y + b2.
#include "frontends/keras/Names.h"
#include "frontends/keras/layers/Ops.h"
#include "frontends/keras/layers/Preprocessing.h"
#include "frontends/keras/layers/Resample.h"
#include "frontends/keras/layers/Spatial.h"

#include <algorithm>
#include <cmath>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using graph::Predicate;
using mlir::Value;

namespace {

void checkFactor(const LayerImpl &layer, const char *what, const layers::Factor &factor,
                 double least, double greatest) {
  double lower = factor.isRange ? factor.lower : factor.upper;
  if (!(lower >= least && factor.upper <= greatest && lower <= factor.upper))
    layer.fail(std::string(what) + " must be a number, or two in increasing order, from " +
               std::to_string(least) + " to " + std::to_string(greatest) + ", got " +
               std::to_string(lower) +
               (factor.isRange ? " and " + std::to_string(factor.upper) : std::string()));
}

/// x (batch) as (batch, 1, 1, 1).
Expr eachSample(Emitter &e, Expr x) {
  Dim one = Dim::constant(e.b.getContext(), 1);
  return e.expr(graph::reshape(e.b, e.loc, x, {x.dims()[0], one, one, one}));
}
Expr drawSamples(Emitter &e, Value x, Draws draws, double low, double high,
                 llvm::StringRef what = {}) {
  return draws.uniform({dimsOf(x)[0]}, low, high, what);
}

struct RandomFlipImpl : SpatialLayer<RandomFlipImpl, 2> {
  static constexpr const char *kName = "RandomFlip";
  static constexpr bool kInFloat32 = true;
  std::string mode = "horizontal_and_vertical";
  layers::RandomOptions options;

  static void fields(auto &self, auto &visit) {
    visit("seed", self.options.seed);
    visit("mode", self.mode);
    visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<RandomFlipImpl, 2>::check();
    checkOneOf(*this, "mode", mode, {"horizontal_and_vertical", "horizontal", "vertical"});
  }
  Shape resultOf(const Shape &x) const { return x; }
  /// One draw decides about both axes, as in Keras.
  Value emitLast(Emitter &e, Value x) const {
    if (!e.training)
      return x;
    llvm::SmallVector<int64_t> axes;
    if (mode != "horizontal")
      axes.push_back(1);
    if (mode != "vertical")
      axes.push_back(2);
    Expr draw = eachSample(e, drawSamples(e, x, Draws(e, options.seed), 0, 1));
    Expr flips = compare(Predicate::LE, draw, draw.number(0.5));
    Expr flipped = e.expr(
        graph::ReverseOp::create(e.b, e.loc, x.getType(), x, e.b.getDenseI64ArrayAttr(axes)));
    return select(flips, flipped, e.expr(x));
  }
};

struct RandomCropImpl : SpatialLayer<RandomCropImpl, 2> {
  static constexpr const char *kName = "RandomCrop";
  static constexpr bool kInFloat32 = true;
  int64_t height = 1, width = 1;
  layers::RandomOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("height", self.height);
    visit.required("width", self.width);
    visit("seed", self.options.seed);
    visit("data_format", self.options.dataFormat);
  }
  void check() const {
    SpatialLayer<RandomCropImpl, 2>::check();
    checkImageSize(*this, height, width);
  }
  Shape resultOf(const Shape &x) const {
    if (x[1] == None || x[2] == None)
      fail("height and width of input " + shown(x) +
           " must be known; give the Input its height and width");
    return {x[0], height, width, x[3]};
  }
  Value emitLast(Emitter &e, Value x) const {
    Dims dims = dimsOf(x);
    if (!e.training || dims[1].value() <= height || dims[2].value() <= width)
      return croppedToShape(e, *this, x, height, width, "bilinear");
    Draws draws(e, options.seed);
    x = cropped(e, x, 1, height, draws, "height");
    return cropped(e, x, 2, width, draws, "width");
  }
  static Value cropped(Emitter &e, Value x, int64_t axis, int64_t size, Draws &draws,
                       llvm::StringRef what) {
    mlir::Type integer = e.b.getIntegerType(64, /*isSigned=*/true);
    int64_t room = dimsOf(x)[axis].value() - size;
    Expr draw = draws.uniform({}, 0, static_cast<double>(room + 1), what);
    Expr start = e.expr(graph::cast(e.b, e.loc, draw, integer));
    start = min(start, start.number(static_cast<double>(room)));
    Dim count = Dim::constant(e.b.getContext(), size);
    return gather(e, x, iota(e, {count}, 0, integer) + start, axis);
  }
};

/// The map of each sample; every entry (batch) or a number for all.
struct Affine {
  Expr a0, a1, a2, b0, b1, b2;
};

/// A coordinate, which may lie anywhere, as TensorFlow brings it into an image of `length` pixels.
Expr inside(Emitter &e, Expr x, Expr length, const std::string &fillMode) {
  if (fillMode == "constant")
    return x;
  Expr last = length - 1.0, zero = x.number(0);
  auto limited = [&](Expr v) { return min(max(v, zero), v.number(0) + last); };
  auto whole = [](Expr v) { return v.unary<graph::FloorOp>(); }; // of what is not negative
  Expr isBefore = compare(Predicate::LT, x, zero);
  Expr isBehind = compare(Predicate::GT, x, zero + last);
  if (fillMode == "nearest")
    return limited(x);
  if (fillMode == "wrap") {
    // A period of `length`, counted by length - 1, which TensorFlow does.
    Expr steps = max(last, last.number(1));
    Expr before = x + length * (whole(max(-x, zero) / steps) + 1.0);
    Expr behind = x - length * whole(max(x, zero) / steps);
    return limited(select(isBefore, before, select(isBehind, behind, x)));
  }
  Expr twice = length * 2.0;
  Expr near = x + twice * whole(max(-x, zero) / twice);
  Expr before = select(compare(Predicate::LT, near, zero - length), near + twice, -near - 1.0);
  Expr far = x - twice * whole(max(x, zero) / twice);
  Expr behind = select(compare(Predicate::GE, far, zero + length), twice - far - 1.0, far);
  return limited(select(isBefore, before, select(isBehind, behind, x)));
}

struct MotionBase {
  layers::MotionOptions options;
  static void fields(auto &self, auto &visit) {
    visit("fill_mode", self.options.fillMode);
    visit("interpolation", self.options.interpolation);
    visit("seed", self.options.seed);
    visit("fill_value", self.options.fillValue);
    visit("data_format", self.options.dataFormat);
  }
};

/// Impl has `Affine mapOf(Emitter &e, Value x, Draws draws) const`.
template <typename Impl> struct MotionLayer : SpatialLayer<Impl, 2>, MotionBase {
  using MotionBase::options;
  void check() const {
    SpatialLayer<Impl, 2>::check();
    checkOneOf(*this, "fill mode", options.fillMode, {"reflect", "wrap", "constant", "nearest"});
    checkOneOf(*this, "interpolation", options.interpolation, {"nearest", "bilinear"});
  }
  Shape resultOf(const Shape &x) const { return x; }

  Value emitLast(Emitter &e, Value x) const {
    if (!e.training)
      return x;
    Affine map = this->impl().mapOf(e, x, Draws(e, options.seed));
    Dims dims = dimsOf(x);
    mlir::Type element = graph::elementType(x);
    Dim one = Dim::constant(e.b.getContext(), 1);
    Expr column = e.expr(iota(e, {one, one, dims[2]}, 2, element));
    Expr row = e.expr(iota(e, {one, dims[1], one}, 1, element));
    auto each = [&](Expr entry) {
      return e.expr(graph::reshape(e.b, e.loc, entry, {entry.dims()[0], one, one}));
    };
    Expr atX = each(map.a0) * column + each(map.a1) * row + each(map.a2);
    Expr atY = each(map.b0) * column + each(map.b1) * row + each(map.b2);
    atX = inside(e, atX, extent(e, dims[2], element), options.fillMode);
    atY = inside(e, atY, extent(e, dims[1], element), options.fillMode);
    return options.interpolation == "nearest" ? pixels(e, x, rounded(atY), rounded(atX))
                                              : between(e, x, atY, atX);
  }
  /// Halves go away from zero.
  static Expr rounded(Expr x) {
    return select(compare(Predicate::LT, x, x.number(0)), (x - 0.5).unary<graph::CeilOp>(),
                  (x + 0.5).unary<graph::FloorOp>());
  }
  /// Of the four pixels around each place.
  Expr between(Emitter &e, Value x, Expr atY, Expr atX) const {
    Expr top = atY.unary<graph::FloorOp>(), left = atX.unary<graph::FloorOp>();
    Expr down = channelwise(e, atY - top), right = channelwise(e, atX - left);
    auto line = [&](Expr row) {
      return pixels(e, x, row, left) * (1.0 - right) + pixels(e, x, row, left + 1.0) * right;
    };
    return line(top) * (1.0 - down) + line(top + 1.0) * down;
  }
  static Expr channelwise(Emitter &e, Expr x) {
    Dims dims = x.dims();
    dims.push_back(Dim::constant(e.b.getContext(), 1));
    return e.expr(graph::reshape(e.b, e.loc, x, dims));
  }
  /// The pixels at these rows and columns (batch, height, width), whole numbers; outside the image
  /// the fill value.
  Expr pixels(Emitter &e, Value x, Expr row, Expr column) const {
    Dims dims = dimsOf(x);
    mlir::Type integer = e.b.getIntegerType(64, /*isSigned=*/true);
    auto whole = [&](Expr v) { return e.expr(graph::cast(e.b, e.loc, v, integer)); };
    Expr r = whole(row), c = whole(column);
    Expr height = extent(e, dims[1], integer), width = extent(e, dims[2], integer);
    auto held = [](Expr v, Expr size) { return min(max(v, v.number(0)), size - 1.0); };
    Expr heldRow = held(r, height), heldColumn = held(c, width);
    Expr isInside = binary<graph::AndOp>(compare(Predicate::EQ, r, heldRow),
                                         compare(Predicate::EQ, c, heldColumn));
    Expr sample = iota(e, r.dims(), 0, integer);
    Expr place = (sample * height + heldRow) * width + heldColumn;
    Dim all = dims[0] * dims[1] * dims[2];
    Expr found = gather(e, graph::reshape(e.b, e.loc, x, {all, dims[3]}), place, 0);
    return select(channelwise(e, isInside), found, found.number(options.fillValue));
  }
};

struct RandomRotationImpl : MotionLayer<RandomRotationImpl> {
  static constexpr const char *kName = "RandomRotation";
  static constexpr bool kInFloat32 = true;
  layers::Factor factor = 0.0;

  static void fields(auto &self, auto &visit) {
    visit.required("factor", self.factor);
    MotionBase::fields(self, visit);
  }
  void check() const {
    MotionLayer<RandomRotationImpl>::check();
    checkFactor(*this, "factor", factor, -1, 1);
  }
  Affine mapOf(Emitter &e, Value x, Draws draws) const {
    Expr angle = drawSamples(e, x, draws, factor.lower * 360, factor.upper * 360) * (M_PI / 180);
    mlir::Type element = graph::elementType(x);
    Expr centerX = (extent(e, dimsOf(x)[2], element) - 1.0) * 0.5;
    Expr centerY = (extent(e, dimsOf(x)[1], element) - 1.0) * 0.5;
    Expr cos = angle.unary<graph::CosOp>(), sin = angle.unary<graph::SinOp>();
    return {cos, -sin, centerX - centerX * cos + centerY * sin,
            sin, cos,  centerY - centerX * sin - centerY * cos};
  }
};

struct RandomTranslationImpl : MotionLayer<RandomTranslationImpl> {
  static constexpr const char *kName = "RandomTranslation";
  static constexpr bool kInFloat32 = true;
  layers::Factor heightFactor = 0.0, widthFactor = 0.0;

  static void fields(auto &self, auto &visit) {
    visit.required("height_factor", self.heightFactor);
    visit.required("width_factor", self.widthFactor);
    MotionBase::fields(self, visit);
  }
  void check() const {
    MotionLayer<RandomTranslationImpl>::check();
    checkFactor(*this, "heightFactor", heightFactor, -1, 1);
    checkFactor(*this, "widthFactor", widthFactor, -1, 1);
  }
  Affine mapOf(Emitter &e, Value x, Draws draws) const {
    mlir::Type element = graph::elementType(x);
    auto shift = [&](const layers::Factor &factor, int64_t axis, const char *what) {
      return drawSamples(e, x, draws, factor.lower, factor.upper, what) *
             extent(e, dimsOf(x)[axis], element);
    };
    Expr down = shift(heightFactor, 1, "height"), right = shift(widthFactor, 2, "width");
    return {down.number(1), down.number(0), -right, down.number(0), down.number(1), -down};
  }
};

struct RandomZoomImpl : MotionLayer<RandomZoomImpl> {
  static constexpr const char *kName = "RandomZoom";
  static constexpr bool kInFloat32 = true;
  layers::Factor heightFactor = 0.0;
  std::optional<layers::Factor> widthFactor;

  static void fields(auto &self, auto &visit) {
    visit.required("height_factor", self.heightFactor);
    visit("width_factor", self.widthFactor);
    MotionBase::fields(self, visit);
  }
  void check() const {
    MotionLayer<RandomZoomImpl>::check();
    checkZoom("heightFactor", heightFactor);
    if (widthFactor)
      checkZoom("widthFactor", *widthFactor);
  }
  void checkZoom(const char *what, const layers::Factor &zoom) const {
    checkFactor(*this, what, zoom, -1, 1);
    if (zoom.lower <= -1 && zoom.isRange)
      fail(std::string(what) + " must be above -1, which leaves nothing of the image");
  }
  Affine mapOf(Emitter &e, Value x, Draws draws) const {
    auto draw = [&](const layers::Factor &factor, const char *what) {
      return drawSamples(e, x, draws, 1 + factor.lower, 1 + factor.upper, what);
    };
    Expr tall = draw(heightFactor, "height");
    Expr wide = widthFactor ? draw(*widthFactor, "width") : tall;
    auto center = [&](int64_t axis, Expr zoom) {
      return (extent(e, dimsOf(x)[axis], graph::elementType(x)) - 1.0) * 0.5 * (1.0 - zoom);
    };
    Expr zero = tall.number(0);
    return {wide, zero, center(2, wide), zero, tall, center(1, tall)};
  }
};

struct RandomShearImpl : MotionLayer<RandomShearImpl> {
  static constexpr const char *kName = "RandomShear";
  static constexpr bool kInFloat32 = true;
  layers::Factor xFactor = 0.0, yFactor = 0.0;

  static void fields(auto &self, auto &visit) {
    visit("x_factor", self.xFactor);
    visit("y_factor", self.yFactor);
    MotionBase::fields(self, visit);
  }
  void check() const {
    MotionLayer<RandomShearImpl>::check();
    checkFactor(*this, "xFactor", xFactor, -1, 1);
    checkFactor(*this, "yFactor", yFactor, -1, 1);
  }
  Affine mapOf(Emitter &e, Value x, Draws draws) const {
    Expr side = drawSamples(e, x, draws, 0, 1, "side");
    Expr sign =
        select(compare(Predicate::GT, side, side.number(0.5)), side.number(-1), side.number(1));
    Expr byY = drawSamples(e, x, draws, yFactor.lower, yFactor.upper, "y") * sign;
    Expr byX = drawSamples(e, x, draws, xFactor.lower, xFactor.upper, "x") * sign;
    Expr zero = sign.number(0), one = sign.number(1);
    return {one, byX, zero, byY, one, zero};
  }
};

/// Contrast and brightness.
template <typename Impl> struct ColorLayer : LayerWith<Impl> {
  layers::Factor factor = 0.0;
  layers::ColorOptions options;

  static void fields(auto &self, auto &visit) {
    visit.required("factor", self.factor);
    visit("value_range", self.options.valueRange);
    visit("seed", self.options.seed);
  }
  Shape resultShape(const std::vector<Shape> &inputs) const override {
    checkSpatialRank(*this, 2, false, inputs[0]);
    return inputs[0];
  }
  Value emit(Emitter &e, mlir::ValueRange inputs) const override {
    if (!e.training)
      return inputs[0];
    auto [low, high] = options.valueRange;
    Expr changed =
        static_cast<const Impl &>(*this).changed(e, e.expr(inputs[0]), Draws(e, options.seed));
    return clamp(e, changed, std::min(low, high), std::max(low, high));
  }
};

struct RandomContrastImpl : ColorLayer<RandomContrastImpl> {
  static constexpr const char *kName = "RandomContrast";
  static constexpr bool kInFloat32 = true;
  void check() const { checkFactor(*this, "factor", factor, 0, 1); }
  Expr changed(Emitter &e, Expr x, Draws draws) const {
    double less = factor.isRange ? factor.lower : 0;
    Expr contrast = eachSample(e, drawSamples(e, x, draws, 1 - less, 1 + factor.upper));
    Expr center = mean(x, {1, 2}, /*keep=*/true);
    return (x - center) * contrast + center;
  }
};

struct RandomBrightnessImpl : ColorLayer<RandomBrightnessImpl> {
  static constexpr const char *kName = "RandomBrightness";
  static constexpr bool kInFloat32 = true;
  void check() const { checkFactor(*this, "factor", factor, -1, 1); }
  Expr changed(Emitter &e, Expr x, Draws draws) const {
    double range = std::abs(options.valueRange[1] - options.valueRange[0]);
    return x + eachSample(e, drawSamples(e, x, draws, factor.lower, factor.upper)) * range;
  }
};

constexpr LayerClass kClasses[] = {
    layerClass<RandomFlipImpl>(),     layerClass<RandomCropImpl>(),
    layerClass<RandomRotationImpl>(), layerClass<RandomTranslationImpl>(),
    layerClass<RandomZoomImpl>(),     layerClass<RandomShearImpl>(),
    layerClass<RandomContrastImpl>(), layerClass<RandomBrightnessImpl>()};

} // namespace

llvm::ArrayRef<LayerClass> detail::augmentationLayers() { return kClasses; }

layers::RandomFlip::RandomFlip(const std::string &mode, RandomOptions options)
    : Layer(construct<RandomFlipImpl>(options, [&](auto &layer) { layer.mode = mode; })) {}
layers::RandomCrop::RandomCrop(int64_t height, int64_t width, RandomOptions options)
    : Layer(construct<RandomCropImpl>(options, [&](auto &layer) {
        layer.height = height;
        layer.width = width;
      })) {}
layers::RandomRotation::RandomRotation(Factor factor, MotionOptions options)
    : Layer(construct<RandomRotationImpl>(options, [&](auto &layer) { layer.factor = factor; })) {}
layers::RandomTranslation::RandomTranslation(Factor heightFactor, Factor widthFactor,
                                             MotionOptions options)
    : Layer(construct<RandomTranslationImpl>(options, [&](auto &layer) {
        layer.heightFactor = heightFactor;
        layer.widthFactor = widthFactor;
      })) {}
layers::RandomZoom::RandomZoom(Factor heightFactor, MotionOptions options)
    : Layer(construct<RandomZoomImpl>(options,
                                      [&](auto &layer) { layer.heightFactor = heightFactor; })) {}
layers::RandomZoom::RandomZoom(Factor heightFactor, Factor widthFactor, MotionOptions options)
    : Layer(construct<RandomZoomImpl>(options, [&](auto &layer) {
        layer.heightFactor = heightFactor;
        layer.widthFactor = widthFactor;
      })) {}
layers::RandomShear::RandomShear(Factor xFactor, Factor yFactor, MotionOptions options)
    : Layer(construct<RandomShearImpl>(options, [&](auto &layer) {
        layer.xFactor = xFactor;
        layer.yFactor = yFactor;
      })) {}
layers::RandomContrast::RandomContrast(Factor factor, ColorOptions options)
    : Layer(construct<RandomContrastImpl>(options, [&](auto &layer) { layer.factor = factor; })) {}
layers::RandomBrightness::RandomBrightness(Factor factor, ColorOptions options)
    : Layer(construct<RandomBrightnessImpl>(options, [&](auto &layer) { layer.factor = factor; })) {
}

} // namespace ingot::keras
