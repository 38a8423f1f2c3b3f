// EinsumDense as one matrix product: dimensions that both operands and the result have are batches
// of it, those that the result lacks are summed over.
#include "frontends/keras/layers/EinsumDenseImpl.h"

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

namespace {

using Letters = std::vector<int>;

constexpr const char *kForms =
    "; equations have the form \"ab,bc->ac\", \"...b,bc->...c\" or \"ab...,bc->ac...\"";

struct Texts {
  std::string input, kernel, result;
};
/// Its three terms, the ellipsis as one '.'.
Texts split(const LayerImpl &layer, const std::string &equation) {
  std::string text;
  for (char c : equation)
    if (c != ' ')
      text += c;
  for (size_t at; (at = text.find("...")) != std::string::npos;)
    text.replace(at, 3, ".");
  size_t comma = text.find(','), arrow = text.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || comma > arrow)
    layer.fail("equation '" + equation + "' is none of two operands" + kForms);
  Texts terms{text.substr(0, comma), text.substr(comma + 1, arrow - comma - 1),
              text.substr(arrow + 2)};
  auto isTerm = [](llvm::StringRef term, bool mayElide) {
    if (mayElide && !term.consume_front("."))
      term.consume_back(".");
    std::set<char> seen;
    return !term.empty() &&
           llvm::all_of(term, [&](char c) { return llvm::isAlpha(c) && seen.insert(c).second; });
  };
  auto startsAlike = [&](char c) {
    return (terms.input.front() == c) == (terms.result.front() == c) &&
           (terms.input.back() == c) == (terms.result.back() == c);
  };
  if (!isTerm(terms.input, true) || !isTerm(terms.kernel, false) || !isTerm(terms.result, true) ||
      !startsAlike('.'))
    layer.fail("equation '" + equation + "' is not supported" + kForms +
               ", each letter once in a term");
  return terms;
}

bool has(const Letters &letters, int letter) { return llvm::is_contained(letters, letter); }
int64_t find(const Letters &letters, int letter) {
  return llvm::find(letters, letter) - letters.begin();
}

/// A tensor whose dimensions have letters.
struct Named {
  Expr tensor;
  Letters letters;
  Dim operator[](int letter) const { return tensor.dims()[find(letters, letter)]; }
};

/// x with its dimensions in the order of `first`, then `then`; others are summed over.
Named arranged(Emitter &e, Named x, const Letters &order) {
  llvm::SmallVector<int64_t> summed, permutation;
  Letters kept;
  for (auto [d, letter] : llvm::enumerate(x.letters))
    if (has(order, letter))
      kept.push_back(letter);
    else
      summed.push_back(static_cast<int64_t>(d));
  if (!summed.empty())
    x.tensor = sum(x.tensor, summed);
  for (int letter : order)
    permutation.push_back(find(kept, letter));
  if (!llvm::is_sorted(permutation))
    x.tensor = e.expr(graph::transpose(e.b, e.loc, x.tensor, permutation));
  return {x.tensor, order};
}

Letters joined(const Letters &a, const Letters &b, const Letters &c = {}) {
  Letters all = a;
  llvm::append_range(all, b);
  llvm::append_range(all, c);
  return all;
}

Value contract(Emitter &e, const Named &x, const Named &kernel, const Letters &result) {
  Letters batch, left, inner, right;
  for (int letter : x.letters)
    if (has(kernel.letters, letter))
      (has(result, letter) ? batch : inner).push_back(letter);
    else if (has(result, letter))
      left.push_back(letter);
  for (int letter : kernel.letters)
    if (!has(x.letters, letter))
      right.push_back(letter);
  Named l = arranged(e, x, joined(batch, left, inner)),
        r = arranged(e, kernel, joined(batch, inner, right));
  mlir::MLIRContext *context = e.b.getContext();
  auto sizes = [&](const Named &of, const Letters &letters) {
    Dims dims;
    for (int letter : letters)
      dims.push_back(of[letter]);
    return dims;
  };
  auto matrix = [&](const Named &of, const Letters &rows, const Letters &columns) {
    Dims dims = sizes(kernel, batch);
    dims.push_back(numElements(context, sizes(of, rows)));
    dims.push_back(numElements(context, sizes(of, columns)));
    return graph::reshape(e.b, e.loc, of.tensor, dims);
  };
  Value product = e.create<graph::MatMulOp>({matrix(l, left, inner), matrix(r, inner, right)});
  Dims dims = sizes(kernel, batch);
  dims.append(sizes(l, left));
  dims.append(sizes(r, right));
  Named made{e.expr(graph::reshape(e.b, e.loc, product, dims)), joined(batch, left, right)};
  return arranged(e, made, result).tensor;
}

} // namespace

void EinsumDenseImpl::check() const {
  Texts terms = split(*this, equation);
  checkSameShapeActivation(options.activation, *this);
  if (options.biasAxes && options.biasAxes->empty())
    fail("biasAxes are empty; leave them out for no bias");
  for (char c : options.biasAxes.value_or(""))
    if (c == '.' || terms.result.find(c) == std::string::npos)
      fail("biasAxes '" + *options.biasAxes + "' has '" + c + "', which the result '" +
           terms.result + "' of its equation has not");
}

EinsumDenseImpl::Terms EinsumDenseImpl::termsFor(const Shape &input) const {
  Texts texts = split(*this, equation);
  Terms terms;
  bool isElided = texts.input.find('.') != std::string::npos;
  int64_t letters = static_cast<int64_t>(texts.input.size()) - isElided;
  terms.hidden = static_cast<int64_t>(input.size()) - letters;
  if (terms.hidden < 0 || (terms.hidden > 0 && !isElided))
    fail("its equation '" + equation + "' names " + std::to_string(letters) +
         " dimensions of the input, which has shape " + toString(input));
  terms.isLeft = texts.input.front() == '.';
  auto lettersOf = [&](const std::string &text) {
    Letters all;
    for (char c : text)
      if (c != '.')
        all.push_back(c);
      else
        for (int64_t i = 0; i < terms.hidden; ++i)
          all.push_back(static_cast<int>(-1 - i));
    return all;
  };
  terms.input = lettersOf(texts.input);
  terms.kernel = lettersOf(texts.kernel);
  terms.result = lettersOf(texts.result);
  for (int letter : terms.result)
    if (!has(terms.input, letter) && !has(terms.kernel, letter))
      fail("its equation '" + equation + "' gives the result a dimension that no operand has");
  for (int letter : terms.kernel)
    if (!has(terms.input, letter) && !has(terms.result, letter))
      fail("its equation '" + equation +
           "' gives the kernel a dimension that neither the input "
           "nor the result has");
  return terms;
}

Shape EinsumDenseImpl::resultShape(const std::vector<Shape> &inputs) const {
  const Shape &x = inputs[0];
  Terms terms = termsFor(x);
  // The batch, what the ellipsis stands for, and the given extents, as Keras puts them together.
  Shape full = *outputShape;
  full.insert(full.begin(), x[0]);
  if (terms.isLeft && terms.hidden > 0)
    full.insert(full.begin() + 1, x.begin() + 1, x.begin() + terms.hidden);
  else
    full.insert(full.end(), x.end() - terms.hidden, x.end());
  // Extents that an ellipsis on the left leaves over are ignored, as in Keras.
  if (terms.isLeft && full.size() > terms.result.size())
    full.resize(terms.result.size());
  if (full.size() != terms.result.size())
    fail("outputShape " + toString(*outputShape) + " has " + std::to_string(outputShape->size()) +
         " extents; its equation '" + equation + "' wants " +
         std::to_string(static_cast<int64_t>(terms.result.size()) - 1 -
                        (terms.isLeft ? std::max<int64_t>(terms.hidden - 1, 0) : terms.hidden)) +
         ", without the batch and what the ellipsis stands for");
  for (auto [extent, letter] : llvm::zip(full, terms.result)) {
    bool isOfInput = has(terms.input, letter);
    int64_t given = isOfInput ? x[find(terms.input, letter)] : None;
    if (letter < 0)
      extent = given;
    if (isOfInput && extent != None && given != None && extent != given)
      fail("outputShape " + toString(*outputShape) + " has " + std::to_string(extent) +
           " where the input " + toString(x) + " has " + std::to_string(given) +
           "; write None there");
    if (isOfInput && extent == None)
      extent = given;
    if (!isOfInput && extent == None)
      fail("outputShape " + toString(*outputShape) +
           " leaves open an extent that its kernel needs; give a number");
  }
  return full;
}

std::vector<Weight> EinsumDenseImpl::makeWeights(const std::vector<Shape> &inputs) const {
  const Shape &x = inputs[0];
  Terms terms = termsFor(x);
  Shape result = resultShape(inputs), kernel;
  std::vector<int64_t> inputAxes, outputAxes;
  for (auto [i, letter] : llvm::enumerate(terms.kernel)) {
    bool isOutput = has(terms.result, letter);
    (isOutput ? outputAxes : inputAxes).push_back(static_cast<int64_t>(i));
    int64_t extent = isOutput ? result[find(terms.result, letter)] : x[find(terms.input, letter)];
    if (extent == None)
      fail("an extent of input " + toString(x) +
           " that its kernel needs is not known; give the "
           "Input a full shape");
    kernel.push_back(extent);
  }
  std::vector<Weight> weights = {kernelOf(options, kernel)};
  for (auto &[key, value] : weights[0].initializer.config)
    if (key == "input_axes" && value == Argument())
      value = inputAxes;
    else if (key == "output_axes" && value == Argument())
      value = outputAxes;
  if (!options.biasAxes)
    return weights;
  Shape bias;
  for (auto [letter, extent] : llvm::zip(terms.result, result)) {
    bool differs = letter > 0 && llvm::is_contained(*options.biasAxes, static_cast<char>(letter));
    if (differs || !bias.empty())
      bias.push_back(differs ? extent : 1);
  }
  if (llvm::is_contained(bias, None))
    fail("biasAxes '" + *options.biasAxes +
         "' name an extent that is not known; give the Input a "
         "full shape");
  weights.push_back(biasOf(options, bias));
  return weights;
}

Value EinsumDenseImpl::emit(Emitter &e, mlir::ValueRange inputs) const {
  Terms terms = termsFor(Shape(graph::rankOf(inputs[0]), None));
  Value y = contract(e, {e.expr(inputs[0]), terms.input},
                     {e.expr(e.read(*this, "kernel")), terms.kernel}, terms.result);
  return emitActivation(e, options.activation, addBias(e, *this, options.biasAxes.has_value(), y));
}

namespace {
constexpr LayerClass kClasses[] = {layerClass<EinsumDenseImpl>()};
} // namespace
llvm::ArrayRef<LayerClass> einsumLayers() { return kClasses; }

} // namespace detail

layers::EinsumDense::EinsumDense(const std::string &equation, Shape outputShape,
                                 EinsumDenseOptions options)
    : Layer(
          detail::construct<detail::EinsumDenseImpl>(options, [&](detail::EinsumDenseImpl &layer) {
            layer.equation = equation;
            layer.outputShape = outputShape;
          })) {}

} // namespace ingot::keras
