// Models and preparations of tables: ai.onnx.ml's linear models, support vector machines, scalers.
// Trees are in Trees.cpp.
#include "frontends/onnx/ops/Classical.h"
#include "frontends/onnx/ops/Rules.h"
#include "frontends/onnx/ops/Text.h"
#include <numbers>

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;
using ingot::graph::ReduceKind;

namespace ingot::onnx {

std::vector<double> numbersAttr(Node &node, llvm::StringRef name) {
  std::vector<double> values;
  if (DenseElementsAttr tensor = node.tensorAttr((name + "_as_tensor").str())) {
    if (!llvm::isa<FloatType>(tensor.getElementType()))
      node.invalid("attribute `" + name + "_as_tensor` holds no floats");
    for (const llvm::APFloat &value : tensor.getValues<llvm::APFloat>()) {
      llvm::APFloat wide = value;
      bool isInexact = false;
      wide.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &isInexact);
      values.push_back(wide.convertToDouble());
    }
    return values;
  }
  for (float value : node.floatsAttr(name))
    values.push_back(value);
  return values;
}

Type computedType(Node &node, size_t input) {
  return node.inputElement(input).isF64() ? Type(node.builder().getF64Type())
                                          : Type(node.builder().getF32Type());
}

Expr floatsOf(Node &node, llvm::ArrayRef<double> values, llvm::ArrayRef<int64_t> shape,
              Type element) {
  auto type = RankedTensorType::get(shape, node.builder().getF64Type());
  if (element.isF64())
    return node.constantOf(DenseElementsAttr::get(type, values));
  std::vector<float> narrow(values.begin(), values.end());
  return node.constantOf(DenseElementsAttr::get(
      RankedTensorType::get(shape, node.builder().getF32Type()), llvm::ArrayRef<float>(narrow)));
}

Expr intsOf(Node &node, llvm::ArrayRef<int64_t> values) {
  return node.constantOf(DenseElementsAttr::getFromRawBuffer(
      RankedTensorType::get({static_cast<int64_t>(values.size())}, node.integerType()),
      {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(int64_t)}));
}

Expr rowsOf(Node &node, size_t input) {
  Dims dims = dimsOf(node.in(input));
  if (dims.size() == 1)
    dims.insert(dims.begin(), node.dim(1));
  if (dims.size() != 2)
    node.invalid("its input has shape " + str(dims) + "; (rows, features) is expected");
  return node.reshape(node.cast(node.in(input), computedType(node, input)), dims);
}

namespace {

Expr maxAlong(Node &node, Expr x) {
  return node.expr(graph::reduce(node.builder(), node.loc, x, ReduceKind::Max, {1}, /*keep=*/true));
}

/// softmax in which scores of (nearly) 0 stay 0; a row of zeros becomes 0.5.
Expr softmaxZero(Node &node, Expr x) {
  Expr isZero = graph::compare(Predicate::LE, graph::abs(x), x.number(1e-7));
  Expr most = maxAlong(node, x);
  Expr weight = graph::select(isZero, x * node.broadcastTo(graph::exp(-most), x.dims()),
                              graph::exp(x - most));
  Expr total = node.broadcastTo(graph::sum(weight, {1}, true), x.dims());
  return graph::select(graph::compare(Predicate::EQ, total, total.number(0)), x.number(0.5),
                       weight / total);
}

/// The normal distribution's inverse, by Winitzki's formula for that of erf.
Expr probit(Expr p) {
  constexpr double a = 0.147;
  Expr x = p * 2.0 - 1.0;
  Expr product = (1.0 - x) * (x + 1.0), logarithm = graph::log(product);
  Expr first = logarithm * 0.5 + 2 / (std::numbers::pi * a);
  Expr root = graph::sqrt(graph::sqrt(first * first - logarithm / a) - first);
  Expr inverse = graph::select(graph::compare(Predicate::EQ, product, product.number(0)),
                               x.number(0), x.unary<graph::SignOp>() * root);
  return inverse * std::numbers::sqrt2;
}

} // namespace

Expr postTransformed(Node &node, Expr scores) {
  static constexpr const char *kNames[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  std::string name = node.attr("post_transform", "NONE");
  if (const auto *attribute = node.attribute("post_transform");
      attribute && attribute->type() == ::onnx::AttributeProto::INT)
    name = attribute->i() >= 0 && attribute->i() < 5 ? kNames[attribute->i()]
                                                     : std::to_string(attribute->i());
  if (name == "NONE" || name.empty())
    return scores;
  if (name == "SOFTMAX")
    return node.expr(node.make<graph::SoftmaxOp>({scores.v}, {node.named("axis", int64_t(1))}));
  if (name == "LOGISTIC")
    return graph::sigmoid(scores);
  if (name == "SOFTMAX_ZERO")
    return softmaxZero(node, scores);
  if (name == "PROBIT")
    return probit(scores);
  node.invalid("attribute `post_transform` is `" + name + "`");
}

int64_t labelCount(Node &node, llvm::StringRef labels) {
  return static_cast<int64_t>(
      std::max(node.intsAttr(labels).size(), node.stringsAttr("classlabels_strings").size()));
}

void setLabels(Node &node, Expr classes, llvm::StringRef labels) {
  if (std::vector<std::string> texts = node.stringsAttr("classlabels_strings"); !texts.empty())
    return node.set(0, node.make<graph::GatherOp>({textsOf(node, texts).v, classes.v},
                                                  {node.named("axis", int64_t(0))}));
  llvm::SmallVector<int64_t> values = node.intsAttr(labels);
  node.set(0, values.empty() ? classes.v
                             : node.make<graph::GatherOp>({intsOf(node, values).v, classes.v},
                                                          {node.named("axis", int64_t(0))}));
}

namespace {

/// x (N, F) times coefficients (rows, F) transposed, plus one intercept a row.
Expr linear(Node &node, Expr x, llvm::ArrayRef<double> coefficients,
            llvm::ArrayRef<double> intercepts, int64_t rows) {
  Dim features = x.dims()[1];
  auto count = static_cast<int64_t>(coefficients.size());
  if (rows < 1 || count % rows != 0 || !(features == node.dim(count / rows)))
    node.invalid("it has " + llvm::Twine(count) + " coefficients for " + llvm::Twine(rows) +
                 " results of " + features.str() + " features");
  Type element = graph::elementType(x);
  Expr w = floatsOf(node, coefficients, {rows, count / rows}, element);
  Expr y = node.expr(node.make<graph::MatMulOp>(
      {x.v, w.v}, {node.named("transposeRhs", node.builder().getBoolAttr(true))}));
  if (intercepts.empty())
    return y;
  if (static_cast<int64_t>(intercepts.size()) != rows)
    node.invalid("it has " + llvm::Twine(intercepts.size()) + " intercepts for " +
                 llvm::Twine(rows) + " results");
  return y + floatsOf(node, intercepts, {rows}, element);
}

Expr argmax(Node &node, Expr scores) {
  return node.expr(node.make<graph::ArgMaxOp>({scores.v}, {node.named("axis", int64_t(1))}));
}

/// (N, 1) -> (N, 2): first - as `negated` makes it - then the score.
Expr asTwo(Node &node, Expr first, Expr score) {
  return node.expr(
      node.make<graph::ConcatOp>({first.v, score.v}, {node.named("axis", int64_t(1))}));
}

/// Kernels of each row of x with each support vector: (N, F), (V, F) -> (N, V).
Expr kernels(Node &node, Expr x, Expr vectors) {
  std::string kind = node.attr("kernel_type", "LINEAR");
  std::vector<double> parameters = numbersAttr(node, "kernel_params");
  parameters.resize(3);
  auto [gamma, coef0, degree] = std::tie(parameters[0], parameters[1], parameters[2]);
  Expr product = node.expr(node.make<graph::MatMulOp>(
      {x.v, vectors.v}, {node.named("transposeRhs", node.builder().getBoolAttr(true))}));
  if (kind == "LINEAR")
    return product;
  if (kind == "POLY") {
    Expr base = product * gamma + coef0;
    return node.binary<graph::PowOp>(base, base.number(std::trunc(degree)));
  }
  if (kind == "SIGMOID")
    return graph::tanh(product * gamma + coef0);
  if (kind != "RBF")
    node.invalid("attribute `kernel_type` is `" + kind + "`");
  Dims dims = x.dims(), wide = {dims[0], vectors.dims()[0], dims[1]};
  Expr row = node.broadcastTo(node.reshape(x, {dims[0], node.dim(1), dims[1]}), wide);
  Expr difference = row - vectors;
  return graph::exp(graph::sum(difference * difference, {2}) * -gamma);
}

Expr supportVectors(Node &node, Expr x, int64_t count) {
  std::vector<double> values = numbersAttr(node, "support_vectors");
  auto size = static_cast<int64_t>(values.size());
  if (count < 1 || size % count != 0 || !(x.dims()[1] == node.dim(size / count)))
    node.invalid("it has " + llvm::Twine(size) + " numbers for " + llvm::Twine(count) +
                 " support vectors of " + x.dims()[1].str() + " features");
  return floatsOf(node, values, {count, size / count}, graph::elementType(x));
}

} // namespace

/// (x - offset) * scale, one number or one a feature.
void scaler(Node &node) {
  Expr x = node.cast(node.in(0), node.builder().getF32Type());
  auto list = [&](llvm::StringRef name, double otherwise) {
    std::vector<double> values = numbersAttr(node, name);
    if (values.empty())
      values = {otherwise};
    return node.broadcastTo(
        floatsOf(node, values, {static_cast<int64_t>(values.size())}, node.builder().getF32Type()),
        x.dims());
  };
  node.set(0, (x - list("offset", 0)) * list("scale", 1));
}

/// Each row over its norm; a row whose norm is 0 stays.
void normalizer(Node &node) {
  std::string norm = node.attr("norm", "MAX");
  Type f32 = node.builder().getF32Type();
  Expr x = node.cast(node.in(0), f32);
  auto axis = static_cast<int64_t>(x.dims().size()) - 1;
  auto reduced = [&](Expr value, ReduceKind kind) {
    return node.expr(graph::reduce(node.builder(), node.loc, value, kind, {axis}, true));
  };
  if (norm != "MAX" && norm != "L1" && norm != "L2")
    node.invalid("attribute `norm` is `" + norm + "`; MAX, L1 or L2 is expected");
  Expr divisor = norm == "MAX"  ? reduced(graph::abs(x), ReduceKind::Max)
                 : norm == "L1" ? reduced(graph::abs(x), ReduceKind::Sum)
                                : graph::sqrt(reduced(x * x, ReduceKind::Sum));
  divisor = node.broadcastTo(divisor, x.dims());
  Expr isZero = graph::compare(Predicate::EQ, divisor, divisor.number(0));
  node.set(0, graph::select(isZero, x, x / divisor));
}

void imputer(Node &node) {
  Expr x = node.expr(0);
  Type element = node.inputElement(0);
  bool isFloat = llvm::isa<FloatType>(element);
  std::vector<double> floats = numbersAttr(node, "imputed_value_floats");
  llvm::SmallVector<int64_t> ints = node.intsAttr("imputed_value_int64s");
  if (isFloat ? floats.empty() : ints.empty())
    node.invalid("it has no values to put in of its input's kind");
  Expr values = isFloat ? floatsOf(node, floats, {static_cast<int64_t>(floats.size())},
                                   node.builder().getF32Type())
                        : intsOf(node, ints);
  double replaced = isFloat ? node.attr("replaced_value_float", 0.0)
                            : static_cast<double>(node.attr("replaced_value_int64", int64_t(0)));
  Expr isMissing = std::isnan(replaced) ? node.expr(node.make<graph::IsNanOp>({x.v}))
                                        : graph::compare(Predicate::EQ, x, x.number(replaced));
  node.set(0, graph::select(isMissing, node.broadcastTo(node.cast(values, element), x.dims()), x));
}

/// Inputs side by side, each cut or filled with 0 to its size.
void featureVectorizer(Node &node) {
  llvm::SmallVector<int64_t> sizes = node.intsAttr("inputdimensions");
  llvm::SmallVector<Value> parts;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    Expr x = node.cast(node.in(i), node.builder().getF32Type());
    Dims dims = x.dims();
    if (dims.size() == 1)
      dims.insert(dims.begin(), node.dim(1));
    if (dims.size() != 2)
      node.invalid("input " + llvm::Twine(i) + " has shape " + str(dims) +
                   "; at most 2 dimensions are expected");
    x = node.reshape(x, dims);
    if (i < sizes.size() && !(dims[1] == node.dim(sizes[i]))) {
      if (!dims[1].isStatic() || sizes[i] < 0)
        node.unsupported("the features of input " + llvm::Twine(i) +
                             " are not known when compiling",
                         "fix the dimension with --shape");
      int64_t kept = std::min(dims[1].value(), sizes[i]);
      Dim zero = node.dim(0);
      Value cut =
          graph::slice(node.builder(), node.loc, x, {zero, zero}, {dims[0], node.dim(kept)});
      x = node.expr(graph::pad(node.builder(), node.loc, cut, {zero, zero},
                               {zero, node.dim(sizes[i] - kept)}));
    }
    parts.push_back(x);
  }
  node.set(0, node.make<graph::ConcatOp>(parts, {node.named("axis", int64_t(1))}));
}

void linearRegressor(Node &node) {
  Expr y = linear(node, rowsOf(node, 0), numbersAttr(node, "coefficients"),
                  numbersAttr(node, "intercepts"), node.attr("targets", int64_t(1)));
  node.set(0, node.cast(postTransformed(node, y), node.builder().getF32Type()));
}

void linearClassifier(Node &node) {
  std::vector<double> coefficients = numbersAttr(node, "coefficients"),
                      intercepts = numbersAttr(node, "intercepts");
  Expr x = rowsOf(node, 0);
  Dim features = x.dims()[1];
  int64_t classes = labelCount(node, "classlabels_ints");
  if (!features.isStatic() || features.value() < 1)
    node.unsupported("how many features its input has is not known when compiling",
                     "fix the dimension `" + features.str() + "` with --shape");
  int64_t rows = static_cast<int64_t>(coefficients.size()) / features.value();
  Expr scores = linear(node, x, coefficients, intercepts, rows);
  if (rows == 1 && classes == 2)
    scores = asTwo(node, -scores, scores);
  bool isPlain = node.attr("post_transform", "NONE") == "NONE";
  bool isSingle = scores.dims()[1] == node.dim(1);
  scores = postTransformed(node, scores);
  if (!isSingle) {
    setLabels(node, argmax(node, scores), "classlabels_ints");
  } else {
    // One score: the one class, or 0.
    if (!node.stringsAttr("classlabels_strings").empty() && node.wants(0))
      node.unsupported("its one label is a string", "export the classifier with integer labels");
    llvm::SmallVector<int64_t> labels = node.intsAttr("classlabels_ints");
    Expr column = node.reshape(scores, {scores.dims()[0]});
    Expr holds = graph::compare(Predicate::GE, column, column.number(isPlain ? 0 : 0.5));
    double label = labels.empty() ? 1 : static_cast<double>(labels[0]);
    node.set(0, node.cast(holds, node.integerType()) *
                    node.splat(node.integerType(), {column.dims()[0]}, label));
  }
  node.set(1, node.cast(scores, node.builder().getF32Type()));
}

void svmRegressor(Node &node) {
  Expr x = rowsOf(node, 0);
  std::vector<double> coefficients = numbersAttr(node, "coefficients"),
                      rho = numbersAttr(node, "rho");
  int64_t supports = node.attr("n_supports", int64_t(0));
  if (rho.size() != 1)
    node.invalid("it has " + llvm::Twine(rho.size()) + " values of `rho`; one is expected");
  Expr values = supports > 0 ? kernels(node, x, supportVectors(node, x, supports)) : x;
  Expr y = linear(node, values, coefficients, rho, 1);
  if (node.attr("one_class", int64_t(0)))
    y = graph::select(graph::compare(Predicate::GT, y, y.number(0)), y.number(1), y.number(-1));
  node.set(0, node.cast(postTransformed(node, y), node.builder().getF32Type()));
}

namespace {

/// One decision for each pair of classes i < j: positive votes for i.
struct Machine {
  Expr decisions; ///< (N, pairs)
  Expr votes;     ///< (N, classes)
};

Machine pairwise(Node &node, Expr x, llvm::ArrayRef<int64_t> perClass) {
  auto classes = static_cast<int64_t>(perClass.size());
  int64_t vectors = 0;
  llvm::SmallVector<int64_t> first;
  for (int64_t count : perClass) {
    if (count < 0 || count > (1 << 24))
      node.invalid("attribute `vectors_per_class` has the count " + llvm::Twine(count));
    first.push_back(vectors);
    vectors += count;
  }
  int64_t pairs = classes * (classes - 1) / 2;
  std::vector<double> given = numbersAttr(node, "coefficients"), rho = numbersAttr(node, "rho");
  if (classes < 2 || static_cast<int64_t>(given.size()) != vectors * (classes - 1) ||
      static_cast<int64_t>(rho.size()) != pairs || pairs * vectors > (1 << 26))
    node.invalid("it has " + llvm::Twine(given.size()) + " coefficients and " +
                 llvm::Twine(rho.size()) + " values of `rho` for " + llvm::Twine(vectors) +
                 " support vectors of " + llvm::Twine(classes) + " classes");
  // Decision (i, j) weighs i's vectors by row j - 1 and j's by row i; wins: which class it is for.
  std::vector<double> weights(pairs * vectors), wins(pairs * classes), losses(pairs * classes);
  int64_t pair = 0;
  for (int64_t i = 0; i < classes; ++i)
    for (int64_t j = i + 1; j < classes; ++j, ++pair) {
      for (int64_t v = first[i]; v < first[i] + perClass[i]; ++v)
        weights[pair * vectors + v] = given[(j - 1) * vectors + v];
      for (int64_t v = first[j]; v < first[j] + perClass[j]; ++v)
        weights[pair * vectors + v] = given[i * vectors + v];
      wins[i * pairs + pair] = 1;
      losses[j * pairs + pair] = 1;
    }
  Expr values = kernels(node, x, supportVectors(node, x, vectors));
  Expr decisions = linear(node, values, weights, rho, pairs);
  Expr won = node.cast(graph::compare(Predicate::GT, decisions, decisions.number(0)),
                       graph::elementType(x));
  Expr votes = linear(node, won, wins, {}, classes) + linear(node, 1.0 - won, losses, {}, classes);
  return {decisions, votes};
}

} // namespace

/// By votes of pairwise decisions, or, without support vectors, by linear scores. Two classes with
/// probabilities give them; for more, coupling pairwise probabilities iterates.
void svmClassifier(Node &node) {
  Expr x = rowsOf(node, 0);
  llvm::SmallVector<int64_t> perClass = node.intsAttr("vectors_per_class");
  int64_t classes = std::max<int64_t>(labelCount(node, "classlabels_ints"), 1);
  std::vector<double> a = numbersAttr(node, "prob_a"), b = numbersAttr(node, "prob_b");
  Type f32 = node.builder().getF32Type();
  if (perClass.empty()) {
    std::vector<double> rho = numbersAttr(node, "rho");
    rho.resize(1);
    Expr scores = linear(node, x, numbersAttr(node, "coefficients"),
                         std::vector<double>(classes, rho[0]), classes);
    setLabels(node, argmax(node, scores), "classlabels_ints");
    node.set(1, node.cast(postTransformed(node, scores), f32));
    return;
  }
  auto [decisions, votes] = pairwise(node, x, perClass);
  setLabels(node, argmax(node, votes), "classlabels_ints");
  bool isBinary = perClass.size() == 2;
  if (a.empty())
    return node.set(1, node.cast(postTransformed(node, isBinary ? asTwo(node, -decisions, decisions)
                                                                : decisions),
                                 f32));
  if (!isBinary || a.size() != 1 || b.size() != 1)
    node.unsupported("it gives probabilities of more than two classes",
                     "export it without probabilities");
  Expr p = 1.0 - graph::sigmoid(decisions * a[0] + b[0]);
  p = graph::min(graph::max(p, p.number(1e-7)), p.number(1 - 1e-7));
  node.set(1, node.cast(postTransformed(node, asTwo(node, p, 1.0 - p)), f32));
}

} // namespace ingot::onnx
