// Keras's weight initializers by name and by function, as graph formulas over random numbers.
//
// Names, fans and scales are Keras's; the numbers are Philox's, keyed by the model's seed and the
// weight's name. Called by Layer.h's users and by GraphModule for `initialize`.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/WeightObjects.h"

#include <algorithm>
#include <cmath>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

/// What a formula is made of: the weight's name (for its numbers) and shape, and the arguments.
struct Target {
  Emitter &e;
  const std::string &name;
  const Shape &shape;
  const Arguments &arguments;

  double get(const char *key) const { return number(arguments, key); }
  Expr fill(double value) const {
    auto dims = constantDims(e.b.getContext(), shape);
    return e.expr(graph::splat(e.b, e.loc, e.b.getF32Type(), dims, value));
  }
  Expr iota(int64_t axis, mlir::Type element) const {
    auto dims = constantDims(e.b.getContext(), shape);
    return e.expr(graph::IotaOp::create(e.b, e.loc, tensorType(dims, element), axis));
  }
  template <typename OpTy> Expr random() const { return random<OpTy>(shape); }
  template <typename OpTy> Expr random(const Shape &of) const {
    auto type = mlir::RankedTensorType::get(of, e.b.getF32Type());
    mlir::Type integer = e.b.getIntegerType(64, /*isSigned=*/true);
    auto scalar = [&](double value) { return graph::splat(e.b, e.loc, integer, {}, value); };
    std::optional<int64_t> seed = optionalInteger(arguments, "seed");
    if (seed)
      return e.expr(OpTy::create(e.b, e.loc, type, scalar(static_cast<double>(*seed)), scalar(0),
                                 e.b.getI64IntegerAttr(0)));
    auto id = llvm::cast<mlir::IntegerAttr>(e.randomId(name).getValue());
    return e.expr(OpTy::create(e.b, e.loc, type, e.control("seed"), scalar(0), id));
  }
  Expr uniform(double low, double high) const {
    return random<graph::RandomUniformOp>() * (high - low) + low;
  }
  Expr truncated(double stddev) const;
  std::pair<double, double> fans() const;
};

/// Keras's: of a kernel (…, in, out) each times the window's size; of a vector its length; or the
/// products of the axes that are named.
std::pair<double, double> Target::fans() const {
  std::vector<int64_t> in = integers(arguments, "input_axes"),
                       out = integers(arguments, "output_axes");
  if (!in.empty() && !out.empty()) {
    auto product = [&](const std::vector<int64_t> &axes) {
      double result = 1;
      for (int64_t axis : axes)
        if (axis < static_cast<int64_t>(shape.size()))
          result *= static_cast<double>(shape[axis]);
      return result;
    };
    return {product(in), product(out)};
  }
  if (shape.size() < 2) {
    double length = shape.empty() ? 1 : static_cast<double>(shape[0]);
    return {length, length};
  }
  double window = 1;
  for (size_t i = 0; i + 2 < shape.size(); ++i)
    window *= static_cast<double>(shape[i]);
  return {window * static_cast<double>(shape[shape.size() - 2]),
          window * static_cast<double>(shape.back())};
}

/// erf's inverse for |x| < 0.97 (M. Giles, "Approximating the erfinv function", 2010): 3 ulp in
/// f32.
Expr inverseErf(Expr x) {
  const double coefficients[] = {3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                 -0.00125372503, -0.00417768164, 0.246640727,     1.50140941};
  Expr w = -log(1.0 - x * x) - 2.5;
  Expr p = w.number(2.81022636e-08);
  for (double c : coefficients)
    p = p * w + c;
  return p * x;
}

/// A normal distribution without what lies beyond two standard deviations: its quantile function at
/// uniform numbers between those of the two bounds.
Expr Target::truncated(double stddev) const {
  const double bound = std::erf(std::sqrt(2.0)); // P(|x| < 2 sigma)
  return inverseErf(uniform(-bound, bound)) * (std::sqrt(2.0) * stddev);
}

Expr scaled(const Target &t, double scale, const std::string &mode,
            const std::string &distribution) {
  auto [in, out] = t.fans();
  double n = mode == "fan_in" ? in : mode == "fan_out" ? out : (in + out) / 2;
  double variance = scale / std::max(1.0, n);
  if (distribution == "uniform") {
    double limit = std::sqrt(3 * variance);
    return t.uniform(-limit, limit);
  }
  if (distribution == "untruncated_normal")
    return t.random<graph::RandomNormalOp>() * std::sqrt(variance);
  // The constant restores the standard deviation that truncation at two of them takes away.
  return t.truncated(std::sqrt(variance) / 0.87962566103423978);
}

/// The rows of a random matrix made orthogonal one after another (Gram and Schmidt, each projection
/// taken away twice, which leaves rounding alone): the factor Q of its transposed's decomposition
/// QR whose R has a positive diagonal.
Expr orthogonal(const Target &t) {
  int64_t columns = t.shape.back(), rows = elementCount(t.shape) / std::max<int64_t>(columns, 1);
  int64_t longer = std::max(rows, columns), shorter = std::min(rows, columns);
  Emitter &e = t.e;
  mlir::MLIRContext *context = e.b.getContext();
  Expr random = t.random<graph::RandomNormalOp>({shorter, longer});
  Dim one = Dim::constant(context, 1), length = Dim::constant(context, longer);
  Expr start = random.number(0);
  auto position = [&](mlir::OpBuilder &b, Value at) {
    mlir::Type integer = graph::elementType(at);
    Expr rowsOf(b, e.loc,
                graph::IotaOp::create(b, e.loc,
                                      mlir::RankedTensorType::get({shorter, longer}, integer), 0));
    return compare(graph::Predicate::EQ, rowsOf, rowsOf.with(at));
  };
  graph::ScanOp scan = graph::makeScan(
      e.b, e.loc, Dim::constant(context, shorter), {start.v}, {random.v},
      [&](mlir::OpBuilder &b, Value at, mlir::ValueRange carried, mlir::ValueRange slices) {
        Expr known(b, e.loc, carried[0]);
        Expr row = known.with(graph::reshape(b, e.loc, slices[0], {one, length}));
        mlir::NamedAttribute transposed = e.named("transposeRhs", b.getBoolAttr(true));
        for (int i = 0; i < 2; ++i) {
          Expr along =
              known.with(graph::make<graph::MatMulOp>(b, e.loc, {row, known}, {transposed}));
          row = row - known.with(graph::make<graph::MatMulOp>(b, e.loc, {along, known}));
        }
        row = row * rsqrt(sum(row * row, {1}, /*keep=*/true));
        graph::ScanYield yield;
        yield.carried = {select(position(b, at), row, known).v};
        return yield;
      });
  Value q = scan.getCarriedResults()[0];
  if (rows >= columns)
    q = graph::transpose(e.b, e.loc, q, {1, 0});
  return e.expr(graph::reshape(e.b, e.loc, q, constantDims(context, t.shape))) * t.get("gain");
}

Expr cosine(Expr x) { return x.unary<graph::CosOp>(); }

/// Keras's: cos or sin of -2 pi t f / F, windowed, (T, 1, F / 2 + 1).
Expr stft(const Target &t) {
  mlir::Type f32 = t.e.b.getF32Type();
  double length = static_cast<double>(t.shape[0]),
         transformed = std::max<double>(1, (static_cast<double>(t.shape[2]) - 1) * 2);
  Expr time = t.iota(0, f32), angle = time * t.iota(2, f32) * (-2 * M_PI / transformed);
  Expr kernel = text(t.arguments, "side") == "real" ? cosine(angle) : angle.unary<graph::SinOp>();
  std::string name = text(t.arguments, "window"), scaling = text(t.arguments, "scaling");
  if (name.empty())
    return kernel;
  double last = length - (truth(t.arguments, "periodic") ? 0 : 1);
  double constant = name == "hann" ? 0.5 : 0.54, sum = 0, squares = 0;
  auto at = [&](double i) {
    return last <= 0 ? 1 : constant - (1 - constant) * std::cos(2 * M_PI * i / last);
  };
  for (int64_t i = 0; i < t.shape[0]; ++i) {
    double value = at(static_cast<double>(i));
    sum += std::abs(value), squares += value * value;
  }
  double divisor = scaling == "density" ? std::sqrt(squares) : scaling == "spectrum" ? sum : 1;
  Expr window =
      last <= 0 ? t.fill(1) : constant - cosine(time * (2 * M_PI / last)) * (1 - constant);
  return kernel * window / divisor;
}

using Class = ObjectClass<Expr (*)(const Target &)>;

Parameter numberOf(const char *name, double fallback) {
  return {name, Parameter::Number, fallback};
}
const Parameter kSeed = {"seed", Parameter::Integer};
const Parameter kInputAxes = {"input_axes", Parameter::Integers, {}, 0, kMaxRank};
const Parameter kOutputAxes = {"output_axes", Parameter::Integers, {}, 0, kMaxRank};

std::vector<Class> constantClasses() {
  Parameter side = {"side", Parameter::Text, "real"}, window = {"window", Parameter::Text},
            scaling = {"scaling", Parameter::Text};
  side.choices = {"real", "imag"};
  window.choices = {"hann", "hamming"};
  scaling.choices = {"density", "spectrum"};
  return {
      {"Zeros", {}, [](const Target &t) { return t.fill(0); }, {"zero"}},
      {"Ones", {}, [](const Target &t) { return t.fill(1); }, {"one"}},
      {"Constant", {numberOf("value", 0)}, [](const Target &t) { return t.fill(t.get("value")); }},
      {"Identity",
       {numberOf("gain", 1)},
       [](const Target &t) {
         mlir::Type integer = t.e.b.getIntegerType(64, /*isSigned=*/true);
         return select(compare(graph::Predicate::EQ, t.iota(0, integer), t.iota(1, integer)),
                       t.fill(t.get("gain")), t.fill(0));
       },
       {"IdentityInitializer"}},
      {"STFT",
       {side, window, {"periodic", Parameter::Truth, false}, scaling},
       stft,
       {"STFTInitializer"}},
  };
}

std::vector<Class> randomClasses() {
  Parameter mode = {"mode", Parameter::Text, "fan_in"},
            distribution = {"distribution", Parameter::Text, "truncated_normal"};
  mode.choices = {"fan_in", "fan_out", "fan_avg"};
  distribution.choices = {"truncated_normal", "untruncated_normal", "uniform", "normal"};
  return {
      {"RandomUniform",
       {kSeed, numberOf("minval", -0.05), numberOf("maxval", 0.05)},
       [](const Target &t) { return t.uniform(t.get("minval"), t.get("maxval")); },
       {"uniform"}},
      {"RandomNormal",
       {kSeed, numberOf("mean", 0), numberOf("stddev", 0.05)},
       [](const Target &t) {
         return t.random<graph::RandomNormalOp>() * t.get("stddev") + t.get("mean");
       },
       {"normal"}},
      {"TruncatedNormal",
       {kSeed, numberOf("mean", 0), numberOf("stddev", 0.05)},
       [](const Target &t) { return t.truncated(t.get("stddev")) + t.get("mean"); }},
      {"VarianceScaling",
       {kSeed,
        {"scale", Parameter::Number, 1.0, 1e-300},
        mode,
        distribution,
        kInputAxes,
        kOutputAxes},
       [](const Target &t) {
         return scaled(t, t.get("scale"), text(t.arguments, "mode"),
                       text(t.arguments, "distribution"));
       }},
      {"Orthogonal", {kSeed, numberOf("gain", 1)}, orthogonal, {"OrthogonalInitializer"}},
  };
}

/// VarianceScaling with its scale, mode and distribution given.
template <int Scale, bool Average, bool Uniform> Expr scaledBy(const Target &t) {
  return scaled(t, Scale, Average ? "fan_avg" : "fan_in", Uniform ? "uniform" : "truncated_normal");
}

const std::vector<Class> &classes() {
  static const std::vector<Class> table = [] {
    std::vector<Class> all = constantClasses();
    llvm::append_range(all, randomClasses());
    Parameters scaling = {kSeed, kInputAxes, kOutputAxes};
    all.push_back({"GlorotUniform", scaling, scaledBy<1, true, true>});
    all.push_back({"GlorotNormal", scaling, scaledBy<1, true, false>});
    all.push_back({"HeUniform", scaling, scaledBy<2, false, true>});
    all.push_back({"HeNormal", scaling, scaledBy<2, false, false>});
    all.push_back({"LecunUniform", scaling, scaledBy<1, false, true>});
    all.push_back({"LecunNormal", scaling, scaledBy<1, false, false>});
    return all;
  }();
  return table;
}

const Class &find(const std::string &name) { return findClass("initializer", classes(), name); }

Argument optional(std::optional<int64_t> seed) { return seed ? Argument(*seed) : Argument(); }
Argument optional(const std::string &text) { return text.empty() ? Argument() : Argument(text); }

} // namespace

Initializer::Initializer(const char *name) : Initializer(std::string(name)) {}
Initializer::Initializer(const std::string &name) : Initializer(name, Arguments{}) {
  // Named without arguments the window is Keras's default, which the table cannot have: it is an
  // argument that may be none.
  if (className == "STFT")
    *this = initializers::STFT();
}
Initializer::Initializer(const std::string &name, const Arguments &given) {
  const Class &kind = find(name);
  className = kind.className;
  config = complete("initializer " + className, kind.parameters, given);
}

namespace initializers {
Initializer Zeros() { return "Zeros"; }
Initializer Ones() { return "Ones"; }
Initializer Constant(double value) { return {"Constant", {{"value", value}}}; }
Initializer Identity(double gain) { return {"Identity", {{"gain", gain}}}; }
Initializer RandomUniform(const UniformOptions &o) {
  return {"RandomUniform",
          {{"seed", optional(o.seed)}, {"minval", o.minval}, {"maxval", o.maxval}}};
}
Initializer RandomNormal(const NormalOptions &o) {
  return {"RandomNormal", {{"seed", optional(o.seed)}, {"mean", o.mean}, {"stddev", o.stddev}}};
}
Initializer TruncatedNormal(const NormalOptions &o) {
  return {"TruncatedNormal", {{"seed", optional(o.seed)}, {"mean", o.mean}, {"stddev", o.stddev}}};
}
Initializer VarianceScaling(const VarianceScalingOptions &o) {
  return {"VarianceScaling",
          {{"seed", optional(o.seed)},
           {"scale", o.scale},
           {"mode", o.mode},
           {"distribution", o.distribution}}};
}
Initializer GlorotUniform(const SeedOptions &o) {
  return {"GlorotUniform", {{"seed", optional(o.seed)}}};
}
Initializer GlorotNormal(const SeedOptions &o) {
  return {"GlorotNormal", {{"seed", optional(o.seed)}}};
}
Initializer HeUniform(const SeedOptions &o) { return {"HeUniform", {{"seed", optional(o.seed)}}}; }
Initializer HeNormal(const SeedOptions &o) { return {"HeNormal", {{"seed", optional(o.seed)}}}; }
Initializer LecunUniform(const SeedOptions &o) {
  return {"LecunUniform", {{"seed", optional(o.seed)}}};
}
Initializer LecunNormal(const SeedOptions &o) {
  return {"LecunNormal", {{"seed", optional(o.seed)}}};
}
Initializer Orthogonal(const OrthogonalOptions &o) {
  return {"Orthogonal", {{"seed", optional(o.seed)}, {"gain", o.gain}}};
}
Initializer STFT(const STFTOptions &o) {
  return {"STFT",
          {{"side", o.side},
           {"window", optional(o.window)},
           {"periodic", o.periodic},
           {"scaling", optional(o.scaling)}}};
}
} // namespace initializers

Value detail::emitInitializer(Emitter &emitter, const Initializer &initializer,
                              const std::string &name, const Shape &shape) {
  return find(initializer.className).emit({emitter, name, shape, initializer.config});
}

void detail::checkInitializer(const LayerImpl &layer, const Weight &weight) {
  const std::string &kind = weight.initializer.className;
  size_t rank = weight.shape.size();
  std::string wanted = kind == "Orthogonal" && rank < 2  ? "two dimensions or more"
                       : kind == "Identity" && rank != 2 ? "two dimensions"
                       : kind == "STFT" && (rank != 3 || weight.shape[0] > kMaxWindowElements)
                           ? "the shape (window, 1, frequencies)"
                           : "";
  if (!wanted.empty())
    layer.fail("initializer " + kind + " is for weights of " + wanted + "; its weight '" +
               weight.name + "' has shape " + toString(weight.shape) + ", use another one");
}

Json detail::toJson(const Initializer &initializer) { return weightObjectToJson(initializer); }

Initializer detail::initializerFromJson(const Json &json) {
  if (json.is_string())
    return json.get<std::string>();
  const Class &kind = find(json.at("class_name").get<std::string>());
  auto [name, arguments] = weightObjectFromJson(json, kind.parameters);
  return {name, arguments};
}

} // namespace ingot::keras
