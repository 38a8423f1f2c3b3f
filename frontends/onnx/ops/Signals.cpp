// Fourier transforms, windows, and the mel scale.
//
// A transform is a product with a matrix of cosines and sines over tensors (…, length, parts), the
// parts being real and imaginary: real tensors have one. Where the length is known and has factors,
// it is taken apart (Cooley and Tukey, 1965) into short products with twiddle factors between them.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Classical.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"
#include "frontends/onnx/ops/RuntimeAxes.h"
#include <numbers>

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

constexpr double kPi = std::numbers::pi;
/// A length up to this is one product.
constexpr int64_t kDirectLength = 64;
/// A matrix of more elements is computed while running.
constexpr int64_t kMaxConstant = 1 << 20;

/// One transform of signals (rows, length, parts) to (rows, bins, result parts).
struct Transform {
  Dim length;             ///< N of the formula
  Dim bins;               ///< of the result
  bool isInverse = false; ///< angles turn the other way, and the result is over N
  bool isFolded = false;  ///< inverse of the first half of a real signal's spectrum
  int64_t resultParts = 2;
};

class FourierRule {
public:
  explicit FourierRule(Node &node, Type element) : node(node), element(element) {}

  Expr apply(Expr x, const Transform &t) {
    Dims dims = x.dims();
    bool isWhole = dims[1] == t.length && t.bins == t.length && t.resultParts == 2;
    if (isWhole && !t.isFolded && t.length.isStatic())
      if (int64_t factor = factorOf(t.length.value()))
        return scaled(byFactors(x, t, factor), t);
    return scaled(direct(x, t), t);
  }

private:
  Node &node;
  Type element;

  /// A divisor of a long length to take out, or 0.
  static int64_t factorOf(int64_t length) {
    if (length > kDirectLength)
      for (int64_t factor = kDirectLength; factor > 1; --factor)
        if (length % factor == 0)
          return factor;
    return 0;
  }

  Expr scaled(Expr y, const Transform &t) {
    if (!t.isInverse)
      return y;
    Expr length = node.extent(t.length, element);
    return y / node.broadcastTo(length, y.dims());
  }

  /// Cosines, or sines, of 2 pi (i * k mod N) / N, where i and k run along two axes of `dims`.
  Expr turned(Expr i, Expr k, Dim length, bool sine) {
    Expr n = i.with(node.broadcastTo(node.extent(length, node.integerType()), i.dims()));
    Type wide = node.builder().getF64Type();
    Expr part = node.cast(node.binary<graph::FloorModOp>(i * k, n), wide);
    Expr angle = part / node.cast(n, wide) * (2 * kPi);
    return node.cast(sine ? angle.unary<graph::SinOp>() : angle.unary<graph::CosOp>(), element);
  }
  /// A 4-D tensor that is `on` where two axes' indices are equal, else `off`.
  Expr whereEqual(llvm::ArrayRef<Dim> dims, int64_t axis, int64_t other, Expr on, Expr off) {
    Expr same = graph::compare(Predicate::EQ, node.iota(dims, axis, node.integerType()),
                               node.iota(dims, other, node.integerType()));
    return graph::select(same, on, off);
  }

  /// The matrix as a constant where its size is known and moderate.
  std::optional<Expr> constantMatrix(llvm::ArrayRef<Dim> dims, const Transform &t) {
    for (Dim d : dims) // each by itself: a product of damaged sizes may wrap around
      if (!d.isStatic() || d.value() > kMaxConstant)
        return std::nullopt;
    Dim count = numElements(node.context(), dims);
    if (!t.length.isStatic() || count.value() > kMaxConstant || t.length.value() < 1)
      return std::nullopt;
    llvm::SmallVector<int64_t> sizes = staticSizes(dims);
    int64_t length = t.length.value();
    std::vector<double> values;
    for (int64_t n = 0; n < sizes[0]; ++n)
      for (int64_t part = 0; part < sizes[1]; ++part)
        for (int64_t k = 0; k < sizes[2]; ++k)
          for (int64_t to = 0; to < sizes[3]; ++to) {
            double angle =
                2 * kPi * static_cast<double>(n * k % length) / static_cast<double>(length);
            double sign = (part == 0) == t.isInverse ? 1 : -1;
            double value = part == to ? std::cos(angle) : sign * std::sin(angle);
            bool isTwice = t.isFolded && n != 0 && 2 * n != length;
            values.push_back(isTwice ? 2 * value : value);
          }
    return node.cast(floatsOf(node, values, sizes, element), element);
  }

  /// exp(-2 pi i n k / N), or its conjugate, as a real matrix (n, part, k, result part): a real
  /// part gives (cos, -sin), an imaginary one (sin, cos).
  Expr matrix(Dim samples, int64_t parts, const Transform &t) {
    Dims dims = {samples, node.dim(parts), t.bins, node.dim(t.resultParts)};
    if (auto known = constantMatrix(dims, t))
      return *known;
    Type integer = node.integerType();
    Expr n = node.iota(dims, 0, integer), k = node.iota(dims, 2, integer);
    Expr cosine = turned(n, k, t.length, false), sine = turned(n, k, t.length, true);
    Expr part = node.iota(dims, 1, integer);
    // The sign of the sine is that of the part it comes from: forward + from the imaginary one.
    double fromReal = t.isInverse ? 1 : -1;
    Expr isReal = graph::compare(Predicate::EQ, part, part.number(0));
    Expr crossed = graph::select(isReal, sine * fromReal, sine * -fromReal);
    Expr result = whereEqual(dims, 1, 3, cosine, crossed);
    if (!t.isFolded)
      return result;
    // Bins between the first and the middle stand for their conjugates too.
    Expr twice = n * 2.0, whole = node.broadcastTo(node.extent(t.length, integer), dims);
    Expr isSingle = node.binary<graph::OrOp>(graph::compare(Predicate::EQ, n, n.number(0)),
                                             graph::compare(Predicate::EQ, twice, whole));
    return graph::select(isSingle, result, result * 2.0);
  }

  Expr direct(Expr x, const Transform &t) {
    Dims dims = x.dims();
    int64_t parts = dims[2].value();
    Dim rows = dims[1] * parts, columns = t.bins * t.resultParts;
    Expr m = node.reshape(matrix(dims[1], parts, t), {rows, columns});
    Expr y = node.expr(node.make<graph::MatMulOp>({node.reshape(x, {dims[0], rows}).v, m.v}));
    return node.reshape(y, {dims[0], t.bins, node.dim(t.resultParts)});
  }

  /// N = N1 N2, sample n = N2 n1 + n2, bin k = k1 + N1 k2: transforms of length N1, a turn by
  /// n2 k1 / N, transforms of length N2.
  Expr byFactors(Expr x, const Transform &t, int64_t factor) {
    Dims dims = x.dims();
    int64_t rest = t.length.value() / factor;
    Dim n1 = node.dim(factor), n2 = node.dim(rest), parts = dims[2], two = node.dim(2);
    Expr apart = node.transpose(node.reshape(x, {dims[0], n1, n2, parts}), {0, 2, 1, 3});
    Transform first{n1, n1, t.isInverse}, second{n2, n2, t.isInverse};
    Expr y = node.reshape(direct(node.reshape(apart, {dims[0] * rest, n1, parts}), first),
                          {dims[0], n2, n1, two});
    y = twiddled(y, t);
    y = node.reshape(node.transpose(y, {0, 2, 1, 3}), {dims[0] * factor, n2, two});
    int64_t again = factorOf(rest);
    y = again ? byFactors(y, second, again) : direct(y, second);
    y = node.transpose(node.reshape(y, {dims[0], n1, n2, two}), {0, 2, 1, 3});
    return node.reshape(y, {dims[0], t.length, two});
  }

  /// y (rows, n2, k1, 2) turned by n2 k1 / N.
  Expr twiddled(Expr y, const Transform &t) {
    Dims dims = y.dims(), plane(dims.begin() + 1, dims.end());
    Type integer = node.integerType();
    Expr n = node.iota(plane, 0, integer), k = node.iota(plane, 1, integer);
    Expr cosine = turned(n, k, t.length, false), sine = turned(n, k, t.length, true);
    Expr part = node.iota(plane, 2, integer);
    double sign = t.isInverse ? -1 : 1;
    Expr isReal = graph::compare(Predicate::EQ, part, part.number(0));
    Expr crossed = graph::select(isReal, sine * sign, sine * -sign);
    OpBuilder &b = node.builder();
    Expr swapped = y.with(
        graph::ReverseOp::create(b, node.loc, y.v.getType(), y.v, b.getDenseI64ArrayAttr({3})));
    return y * node.broadcastTo(cosine, dims) + swapped * node.broadcastTo(crossed, dims);
  }
};

/// The first `length` elements along an axis, zeros after the last.
Expr resized(Node &node, Expr x, int64_t axis, Dim length) {
  Dims dims = x.dims();
  if (dims[axis] == length)
    return x;
  Dims zero(dims.size(), node.dim(0)), high = zero;
  high[axis] = node.importer.let(Dim::max(length - dims[axis], node.dim(0)));
  dims[axis] = node.importer.let(Dim::min(dims[axis], length));
  OpBuilder &b = node.builder();
  Value cut = graph::slice(b, node.loc, x, zero, dims);
  Value padded = graph::pad(b, node.loc, cut, zero, high);
  Dims result = dims;
  result[axis] = length;
  if (dimsOf(padded) == result)
    return x.with(padded);
  // min(a, b) + max(b - a, 0) is b.
  return x.with(graph::ReshapeOp::create(b, node.loc, tensorType(result, graph::elementType(x)),
                                         padded, graph::CountCheck::Never));
}

/// The transform of x (…, signal, …, parts) along one axis.
Expr transformed(Node &node, Expr x, int64_t axis, const Transform &t) {
  Type element = graph::elementType(x);
  auto last = static_cast<int64_t>(x.dims().size()) - 1;
  Dim samples = t.isFolded ? t.length.floorDiv(2) + 1 : t.length;
  x = resized(node, x, axis, samples);
  llvm::SmallVector<int64_t> there, back(last + 1);
  for (int64_t d = 0; d < last; ++d)
    if (d != axis)
      there.push_back(d);
  there.append({axis, last});
  for (auto [to, from] : llvm::enumerate(there))
    back[from] = static_cast<int64_t>(to);
  bool isInPlace = axis == last - 1;
  Expr rows = isInPlace ? x : node.transpose(x, there);
  Dims dims = rows.dims();
  Dim count = numElements(node.context(), llvm::ArrayRef<Dim>(dims).drop_back(2));
  Expr y = FourierRule(node, element).apply(node.reshape(rows, {count, samples, dims[last]}), t);
  dims[last - 1] = t.bins;
  dims[last] = node.dim(t.resultParts);
  y = node.reshape(y, dims);
  return isInPlace ? y : node.transpose(y, back);
}

/// The signal. Where it is not known whether it is real or complex it is made complex: an
/// imaginary part of zeros is added to one part, and the plan refuses another number than 1 or 2.
Expr signalOf(Node &node) {
  Expr x = node.expr(0);
  Dims dims = x.dims();
  bool isKnown = !dims.empty() && dims.back().isStatic();
  if (dims.size() < 2 || (isKnown && (dims.back().value() < 1 || dims.back().value() > 2)))
    node.invalid("its signal has shape " + str(dims) +
                 "; a last dimension of 1 (real) or 2 (complex) is expected");
  if (isKnown)
    return x;
  Dim parts = dims.back(), zero = node.dim(0), one = node.dim(1), two = node.dim(2);
  Dim above = node.importer.let(Dim::max(parts - two, zero)),
      below = node.importer.let(Dim::max(one - parts, zero));
  x = node.expr(refusedUnlessZero(node, x, above + below));
  return resized(node, x, static_cast<int64_t>(dims.size()) - 1, two);
}

/// The first element of an integer input that is a scalar.
Dim scalarInput(Node &node, size_t i) {
  Dims value = node.ints(i);
  if (value.size() != 1)
    node.invalid("its input " + llvm::Twine(i) + " has " + llvm::Twine(value.size()) +
                 " elements; one is expected");
  return value[0];
}

} // namespace

void dft(Node &node) {
  Expr x = signalOf(node);
  Dims dims = x.dims();
  auto rank = static_cast<int64_t>(dims.size());
  bool isInverse = node.attr("inverse", int64_t(0)) != 0,
       isOneSided = node.attr("onesided", int64_t(0)) != 0;
  Dim axis = node.version < 20 ? node.dim(node.attr("axis", int64_t(1)))
             : node.has(2)     ? scalarInput(node, 2)
                               : node.dim(-2);
  axis = axis + isNegative(node, axis) * rank; // the last dimension, the parts, is none of them
  std::optional<Dim> given;
  if (node.has(1))
    given = scalarInput(node, 1);
  bool isFolded = isInverse && isOneSided;
  auto along = [&](int64_t d) {
    Dim length = given ? *given : isFolded ? (dims[d] - 1) * 2 : dims[d];
    Dim bins = isOneSided && !isInverse ? length.floorDiv(2) + 1 : length;
    return Transform{length, bins, isInverse, isFolded, isFolded ? 1 : 2};
  };
  AxisSet axes = axisSet(node, {axis}, rank - 1);
  llvm::ArrayRef<Dim> mask(axes.mask);
  Dims result;
  for (int64_t d = 0; d + 1 < rank; ++d)
    result.push_back(axis.isStatic()
                         ? (mask[d] == node.dim(1) ? along(d).bins : dims[d])
                         : node.importer.let(Dim::max(dims[d] + mask[d] * (along(d).bins - dims[d]),
                                                      node.dim(0))));
  result.push_back(node.dim(isFolded ? 1 : 2));
  node.set(0, forAxes(node, axes, result, [&](llvm::ArrayRef<int64_t> at) -> Value {
             return transformed(node, x, at[0], along(at[0]));
           }));
}

/// Frames of the signal, `frame_step` apart, times the window, transformed.
void stft(Node &node) {
  Expr signal = signalOf(node);
  Dims dims = signal.dims();
  if (dims.size() != 3)
    node.invalid("its signal has shape " + str(dims) + "; (batch, length, 1 or 2) is expected");
  if (node.has(2) && node.inputRank(2) != 1)
    node.invalid("its window has shape " + str(dimsOf(node.in(2))) + "; (length) is expected");
  Dim step = scalarInput(node, 1);
  if (step.isStatic() && step.value() < 1)
    node.invalid("its frame step is " + step.str());
  Dim length = node.has(2) ? dimsOf(node.in(2))[0] : node.has(3) ? scalarInput(node, 3) : dims[1];
  Dim frames = node.importer.let(Dim::max((dims[1] - length).floorDiv(step) + 1, node.dim(0)));
  Type integer = node.integerType();
  Dims plane = {frames, length};
  Expr at = node.iota(plane, 0, integer) * node.broadcastTo(node.extent(step, integer), plane) +
            node.iota(plane, 1, integer);
  Expr x =
      node.expr(node.make<graph::GatherOp>({signal.v, at.v}, {node.named("axis", int64_t(1))}));
  if (node.has(2)) {
    Expr window = node.cast(node.reshape(node.in(2), {length, node.dim(1)}), node.inputElement(0));
    x = x * node.broadcastTo(window, x.dims());
  }
  Dim bins = node.attr("onesided", int64_t(1)) ? length.floorDiv(2) + 1 : length;
  node.set(0, transformed(node, x, 2, Transform{length, bins}));
}

namespace {

/// sum over i of coefficients[i] cos(2 pi i n / N), for n below the size; N is that, or less 1
/// where the window is not periodic.
void cosineWindow(Node &node, llvm::ArrayRef<double> coefficients) {
  Dim size = scalarInput(node, 0);
  Type wide = node.builder().getF64Type();
  Dims dims = {size};
  bool isPeriodic = node.attr("periodic", int64_t(1)) != 0;
  // A symmetric window of one element is 1 at its middle, n / N being 0 / 0.
  Dim period = isPeriodic ? size : Dim::max(size - 1, node.dim(1));
  Expr turn = node.iota(dims, 0, wide) / node.broadcastTo(node.extent(period, wide), dims);
  Expr y = turn.number(coefficients[0]);
  for (size_t i = 1; i < coefficients.size(); ++i)
    y = y + (turn * (2 * kPi * static_cast<double>(i))).unary<graph::CosOp>() * coefficients[i];
  node.set(0, node.cast(y, node.typeAttr("output_datatype", node.builder().getF32Type())));
}

} // namespace

void hannWindow(Node &node) { cosineWindow(node, {0.5, -0.5}); }
void hammingWindow(Node &node) { cosineWindow(node, {25.0 / 46, -21.0 / 46}); }
void blackmanWindow(Node &node) { cosineWindow(node, {0.42, -0.5, 0.08}); }

/// Triangles over a spectrum's bins, their corners at equal steps of mel = 2595 log10(1 + hertz /
/// 700), rounded down to bins.
void melWeightMatrix(Node &node) {
  Dim bands = scalarInput(node, 0), length = scalarInput(node, 1);
  Type wide = node.builder().getF64Type();
  Dims dims = {length.floorDiv(2) + 1, bands}, row = {bands};
  double perDecade = 2595 / std::log(10.0);
  auto number = [&](size_t i) { return node.reshape(node.cast(node.in(i), wide), {}); };
  auto mel = [&](Expr hertz) { return (hertz / 700).unary<graph::Log1pOp>() * perDecade; };
  Expr low = mel(number(3)), step = (mel(number(4)) - low) / node.extent(bands + 2, wide);
  Expr binsPerHertz = node.extent(length + 1, wide) / number(2);
  auto corner = [&](double i) { // the bin of band's corner i
    Expr at = (node.iota(row, 0, wide) + i) * step + low;
    Expr hertz = (at / perDecade).unary<graph::Expm1Op>() * 700;
    return node.broadcastTo((hertz * binsPerHertz).unary<graph::FloorOp>(), dims);
  };
  Expr left = corner(0), middle = corner(1), right = corner(2), bin = node.iota(dims, 0, wide);
  auto holds = [&](Predicate predicate, Expr x, Expr y) { return graph::compare(predicate, x, y); };
  auto both = [&](Expr x, Expr y) { return node.binary<graph::AndOp>(x, y); };
  Expr zero = bin.number(0), rising = (bin - left) / (middle - left),
       falling = (right - bin) / (right - middle);
  Expr isPeak = holds(Predicate::EQ, bin, middle);
  Expr result = graph::select(
      both(holds(Predicate::GE, bin, left), holds(Predicate::LT, bin, middle)), rising, zero);
  result = graph::select(both(holds(Predicate::GT, bin, middle), holds(Predicate::LT, bin, right)),
                         falling, result);
  result = graph::select(isPeak, bin.number(1), result);
  node.set(0, node.cast(result, node.typeAttr("output_datatype", node.builder().getF32Type())));
}

} // namespace ingot::onnx
