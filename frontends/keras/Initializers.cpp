// Keras's weight initializers by name and by function, as graph formulas over random numbers.
//
// Names, fans and scales are Keras's; the numbers are Philox's, keyed by the model's seed and the
// weight's name. Called by Layer.h's users and by GraphModule for `initialize`.
#include "frontends/keras/LayerImpl.h"
#include "frontends/keras/Names.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace ingot::keras {

using namespace detail;
using graph::Expr;
using mlir::Value;

namespace {

using Config = std::vector<std::pair<std::string, double>>;

/// What a formula is made of: the weight's name (for its numbers) and shape.
struct Target {
  Emitter &e;
  const std::string &name;
  const Shape &shape;

  Expr fill(double value) const {
    auto dims = constantDims(e.b.getContext(), shape);
    return e.expr(graph::splat(e.b, e.loc, e.b.getF32Type(), dims, value));
  }
  template <typename OpTy> Expr random() const {
    auto type = mlir::RankedTensorType::get(shape, e.b.getF32Type());
    auto scalar = mlir::RankedTensorType::get({}, e.b.getIntegerType(64, /*isSigned=*/true));
    Value step = graph::splat(e.b, e.loc, scalar.getElementType(), {}, 0);
    auto id = llvm::cast<mlir::IntegerAttr>(e.randomId(name).getValue());
    return e.expr(OpTy::create(e.b, e.loc, type, e.control("seed"), step, id));
  }
  Expr uniform(double low, double high) const {
    return random<graph::RandomUniformOp>() * (high - low) + low;
  }
  Expr truncated(double stddev) const;
  /// Keras's: of a kernel (…, in, out) each times the window's size; of a vector its length.
  std::pair<double, double> fans() const {
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
};

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

enum class Fan { In, Average };

Expr scaledUniform(const Target &t, double scale, Fan fan) {
  auto [in, out] = t.fans();
  double n = fan == Fan::In ? in : (in + out) / 2;
  double limit = std::sqrt(3 * scale / std::max(1.0, n));
  return t.uniform(-limit, limit);
}

/// The constant restores the standard deviation that truncation at two of them takes away.
Expr scaledNormal(const Target &t, double scale, Fan fan) {
  auto [in, out] = t.fans();
  double n = fan == Fan::In ? in : (in + out) / 2;
  return t.truncated(std::sqrt(scale / std::max(1.0, n)) / 0.87962566103423978);
}

using Formula = Expr (*)(const Target &target, const Initializer &self);

struct Kind {
  const char *className;
  Config defaults;
  Formula emit;
};

const std::vector<Kind> &kinds() {
  using I = Initializer;
  static const std::vector<Kind> table = {
      {"Zeros", {}, [](const Target &t, const I &) { return t.fill(0); }},
      {"Ones", {}, [](const Target &t, const I &) { return t.fill(1); }},
      {"Constant",
       {{"value", 0}},
       [](const Target &t, const I &i) { return t.fill(i.get("value")); }},
      {"RandomUniform",
       {{"minval", -0.05}, {"maxval", 0.05}},
       [](const Target &t, const I &i) { return t.uniform(i.get("minval"), i.get("maxval")); }},
      {"RandomNormal",
       {{"mean", 0}, {"stddev", 0.05}},
       [](const Target &t, const I &i) {
         return t.random<graph::RandomNormalOp>() * i.get("stddev") + i.get("mean");
       }},
      {"TruncatedNormal",
       {{"mean", 0}, {"stddev", 0.05}},
       [](const Target &t, const I &i) { return t.truncated(i.get("stddev")) + i.get("mean"); }},
      {"GlorotUniform",
       {},
       [](const Target &t, const I &) { return scaledUniform(t, 1, Fan::Average); }},
      {"GlorotNormal",
       {},
       [](const Target &t, const I &) { return scaledNormal(t, 1, Fan::Average); }},
      {"HeUniform", {}, [](const Target &t, const I &) { return scaledUniform(t, 2, Fan::In); }},
      {"HeNormal", {}, [](const Target &t, const I &) { return scaledNormal(t, 2, Fan::In); }},
      {"LecunUniform", {}, [](const Target &t, const I &) { return scaledUniform(t, 1, Fan::In); }},
      {"LecunNormal", {}, [](const Target &t, const I &) { return scaledNormal(t, 1, Fan::In); }},
  };
  return table;
}

/// By Keras's class or its function's name: "GlorotUniform", "glorot_uniform".
const Kind &findKind(const std::string &name) {
  std::vector<std::string> known;
  for (const Kind &kind : kinds()) {
    known.push_back(snakeCase(kind.className));
    if (known.back() == name || kind.className == name)
      return kind;
  }
  throw Error(unknownName("initializer", name, known));
}

} // namespace

Initializer::Initializer(const char *name) : Initializer(std::string(name)) {}
Initializer::Initializer(const std::string &name) : Initializer(name, Config{}) {}

Initializer::Initializer(std::string name, Config given) {
  const Kind &kind = findKind(name);
  className = kind.className;
  config = kind.defaults;
  for (const auto &[key, value] : given) {
    auto argument = std::find_if(config.begin(), config.end(),
                                 [&](const auto &entry) { return entry.first == key; });
    if (argument == config.end()) {
      std::vector<std::string> known;
      for (const auto &entry : config)
        known.push_back(entry.first);
      throw Error(unknownName(className + " option", key, known));
    }
    argument->second = value;
  }
}

double Initializer::get(const char *key) const {
  for (const auto &[name, value] : config)
    if (name == key)
      return value;
  throw Error("initializer " + className + " has no '" + key + "'", StatusCode::NotFound);
}

Initializer initializers::Zeros() { return {"Zeros", Config{}}; }
Initializer initializers::Ones() { return {"Ones", Config{}}; }
Initializer initializers::Constant(double value) { return {"Constant", {{"value", value}}}; }
Initializer initializers::RandomUniform(UniformOptions o) {
  return {"RandomUniform", {{"minval", o.minval}, {"maxval", o.maxval}}};
}
Initializer initializers::RandomNormal(NormalOptions o) {
  return {"RandomNormal", {{"mean", o.mean}, {"stddev", o.stddev}}};
}
Initializer initializers::TruncatedNormal(NormalOptions o) {
  return {"TruncatedNormal", {{"mean", o.mean}, {"stddev", o.stddev}}};
}
Initializer initializers::GlorotUniform() { return {"GlorotUniform", Config{}}; }
Initializer initializers::GlorotNormal() { return {"GlorotNormal", Config{}}; }
Initializer initializers::HeUniform() { return {"HeUniform", Config{}}; }
Initializer initializers::HeNormal() { return {"HeNormal", Config{}}; }
Initializer initializers::LecunUniform() { return {"LecunUniform", Config{}}; }
Initializer initializers::LecunNormal() { return {"LecunNormal", Config{}}; }

Value detail::emitInitializer(Emitter &emitter, const Initializer &initializer,
                              const std::string &name, const Shape &shape) {
  return findKind(initializer.className).emit({emitter, name, shape}, initializer);
}

Json detail::toJson(const Initializer &initializer) {
  Json config = Json::object();
  for (const auto &[key, value] : initializer.config)
    config[key] = value;
  return {{"class_name", initializer.className}, {"config", config}};
}

Initializer detail::initializerFromJson(const Json &json) {
  if (json.is_string())
    return json.get<std::string>();
  Initializer result = json.at("class_name").get<std::string>();
  for (auto &[key, value] : result.config)
    if (json.contains("config") && json["config"].contains(key))
      value = json["config"][key].get<double>();
  return result;
}

} // namespace ingot::keras
