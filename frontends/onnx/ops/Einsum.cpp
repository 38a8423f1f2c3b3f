// Einstein summation: an equation names the dimensions of every operand, and those of the result;
// names that the result lacks are summed over. Operands are contracted two at a time from the left,
// each pair as one batched matrix product.
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {
namespace {

/// Names of dimensions: letters, and `-1 - i` for the i-th from the end of what an ellipsis stands
/// for.
using Labels = llvm::SmallVector<int>;

/// A tensor with its dimensions' names, each once.
struct Named {
  Expr tensor;
  Labels labels;

  Dim sizeOf(int label) const { return tensor.dims()[llvm::find(labels, label) - labels.begin()]; }
};

/// The labels of one term; the ellipsis, "." here, stands for `hidden` dimensions.
Labels labelsOf(Node &node, llvm::StringRef term, int64_t hidden) {
  Labels labels;
  for (char c : term) {
    if (c == '.')
      for (int64_t i = hidden; i-- > 0;)
        labels.push_back(static_cast<int>(-1 - i));
    else if (llvm::isAlpha(c))
      labels.push_back(c);
    else
      node.invalid("the equation has the character `" + llvm::Twine(c) + "`");
  }
  return labels;
}

struct Equation {
  llvm::SmallVector<std::string> terms;
  std::optional<std::string> result;
};
/// Without blanks; the ellipsis as one ".".
Equation parse(Node &node) {
  std::string text;
  for (char c : node.attr("equation", ""))
    if (c != ' ')
      text += c;
  for (size_t at; (at = text.find("...")) != std::string::npos;)
    text.replace(at, 3, ".");
  Equation equation;
  auto [left, right] = llvm::StringRef(text).split("->");
  if (llvm::StringRef(text).contains("->"))
    equation.result = right.str();
  llvm::SmallVector<llvm::StringRef> terms;
  left.split(terms, ',');
  for (llvm::StringRef term : terms) {
    if (term.count('.') > 1)
      node.invalid("a term of the equation has two ellipses");
    equation.terms.push_back(term.str());
  }
  if (equation.terms.size() != node.numInputs())
    node.invalid("the equation has " + llvm::Twine(equation.terms.size()) + " terms and the node " +
                 llvm::Twine(node.numInputs()) + " inputs");
  return equation;
}

/// A repeated label takes the diagonal: elements elsewhere become 0, and the second of the two
/// dimensions is summed over.
Named withoutRepeats(Node &node, Expr tensor, llvm::ArrayRef<int> labels) {
  Named result{tensor, {}};
  for (int label : labels) {
    auto first = llvm::find(result.labels, label);
    if (first == result.labels.end()) {
      result.labels.push_back(label);
      continue;
    }
    auto at = static_cast<int64_t>(first - result.labels.begin()),
         second = static_cast<int64_t>(result.labels.size());
    Dims dims = result.tensor.dims();
    if (!(dims[at] == dims[second]))
      node.invalid("a label that is repeated has the sizes " + dims[at].str() + " and " +
                   dims[second].str());
    Expr same = graph::compare(graph::Predicate::EQ, node.iota(dims, at, node.integerType()),
                               node.iota(dims, second, node.integerType()));
    result.tensor =
        graph::sum(graph::select(same, result.tensor, result.tensor.number(0)), {second});
  }
  return result;
}

/// With these labels only, in this order; others are summed over, missing ones have size 1.
Expr arranged(Node &node, const Named &x, llvm::ArrayRef<int> labels) {
  llvm::SmallVector<int64_t> summed, permutation;
  Labels kept;
  for (auto [d, label] : llvm::enumerate(x.labels))
    if (llvm::is_contained(labels, label))
      kept.push_back(label);
    else
      summed.push_back(static_cast<int64_t>(d));
  Expr tensor = summed.empty() ? x.tensor : graph::sum(x.tensor, summed);
  Dims dims;
  for (int label : labels) {
    auto at = llvm::find(kept, label);
    if (at == kept.end()) {
      dims.push_back(node.dim(1));
      continue;
    }
    permutation.push_back(at - kept.begin());
    dims.push_back(x.sizeOf(label));
  }
  if (!llvm::is_sorted(permutation))
    tensor = node.transpose(tensor, permutation);
  return node.reshape(tensor, dims);
}

Labels joined(llvm::ArrayRef<int> x, llvm::ArrayRef<int> y) {
  Labels all(x);
  llvm::append_range(all, y);
  return all;
}

/// The product of two tensors with the labels that `needed` or the other tensor have; summed over
/// the others.
Named contract(Node &node, const Named &x, const Named &y, llvm::ArrayRef<int> needed) {
  Labels batch, left, right, inner;
  auto isOne = [&](const Named &t, int label) { return t.sizeOf(label) == node.dim(1); };
  for (int label : x.labels) {
    bool isKept = llvm::is_contained(needed, label);
    if (!llvm::is_contained(y.labels, label)) {
      if (isKept)
        left.push_back(label);
    } else if (isKept) {
      batch.push_back(label);
    } else {
      inner.push_back(label);
    }
  }
  for (int label : y.labels)
    if (!llvm::is_contained(x.labels, label) && llvm::is_contained(needed, label))
      right.push_back(label);
  Expr l = arranged(node, x, joined(joined(batch, left), inner)),
       r = arranged(node, y, joined(joined(batch, inner), right));
  // Sizes: those of the operand that has more than 1, where an ellipsis broadcasts.
  auto common = [&](int label) { return isOne(x, label) ? y.sizeOf(label) : x.sizeOf(label); };
  Dims batchDims, innerDims, leftDims, rightDims;
  for (int label : batch)
    batchDims.push_back(common(label));
  for (int label : inner)
    innerDims.push_back(common(label));
  for (int label : left)
    leftDims.push_back(x.sizeOf(label));
  for (int label : right)
    rightDims.push_back(y.sizeOf(label));
  auto all = [](llvm::ArrayRef<Dim> a, llvm::ArrayRef<Dim> b, llvm::ArrayRef<Dim> c) {
    Dims dims(a.begin(), a.end());
    dims.append(b.begin(), b.end());
    dims.append(c.begin(), c.end());
    return dims;
  };
  l = node.broadcastTo(l, all(batchDims, leftDims, innerDims));
  r = node.broadcastTo(r, all(batchDims, innerDims, rightDims));
  auto count = [&](llvm::ArrayRef<Dim> dims) { return numElements(node.context(), dims); };
  Dim rows = count(leftDims), depth = count(innerDims), columns = count(rightDims);
  Expr product = node.expr(
      node.make<graph::MatMulOp>({node.reshape(l, all(batchDims, {rows}, {depth})).v,
                                  node.reshape(r, all(batchDims, {depth}, {columns})).v}));
  return {node.reshape(product, all(batchDims, leftDims, rightDims)),
          joined(joined(batch, left), right)};
}

/// Without "->" the result has the ellipsis, then the letters that occur once, in order.
Labels implicitResult(llvm::ArrayRef<Labels> terms) {
  std::map<int, int> counts;
  for (const Labels &term : terms)
    for (int label : term)
      ++counts[label];
  Labels result;
  for (auto [label, count] : counts) // negative ones come first, the outermost before others
    if (label < 0 || count == 1)
      result.push_back(label);
  return result;
}

} // namespace

void einsum(Node &node) {
  Equation equation = parse(node);
  llvm::SmallVector<Labels> terms;
  int64_t mostHidden = 0;
  for (auto [i, term] : llvm::enumerate(equation.terms)) {
    int64_t letters = static_cast<int64_t>(term.size()) - llvm::StringRef(term).count('.'),
            hidden = node.inputRank(i) - letters;
    if (hidden < 0 || (hidden > 0 && !llvm::StringRef(term).contains('.')))
      node.invalid("the term " + llvm::Twine(i) + " of the equation names " + llvm::Twine(letters) +
                   " dimensions of a tensor of shape " + str(dimsOf(node.in(i))));
    terms.push_back(labelsOf(node, term, hidden));
    mostHidden = std::max(mostHidden, hidden);
  }
  Labels result =
      equation.result ? labelsOf(node, *equation.result, mostHidden) : implicitResult(terms);
  llvm::SmallVector<Named> operands;
  for (auto [i, labels] : llvm::enumerate(terms))
    operands.push_back(withoutRepeats(node, node.expr(i), labels));
  for (auto [i, label] : llvm::enumerate(result))
    if (llvm::is_contained(llvm::ArrayRef(result).drop_front(i + 1), label) ||
        llvm::none_of(operands, [&, l = label](const Named &operand) {
          return llvm::is_contained(operand.labels, l);
        }))
      node.invalid("the equation's result names a dimension twice, or one that no operand has");
  std::map<int, Dim> sizes;
  for (const Named &operand : operands)
    for (int label : operand.labels) {
      Dim size = operand.sizeOf(label), &known = sizes.try_emplace(label, size).first->second;
      if (label < 0 && known == node.dim(1))
        known = size;
      if (!(known == size) && !(label < 0 && size == node.dim(1)))
        node.invalid("the equation gives one name to the sizes " + known.str() + " and " +
                     size.str());
    }
  Named product = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    Labels needed = result;
    for (const Named &later : llvm::ArrayRef(operands).drop_front(i + 1))
      llvm::append_range(needed, later.labels);
    product = contract(node, product, operands[i], needed);
  }
  node.set(0, arranged(node, product, result));
}

} // namespace ingot::onnx
