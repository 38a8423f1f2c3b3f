// See HoistSums.h.
#include "compiler/layout/HoistSums.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Control.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// A carried value that each iteration adds products to.
struct Sum {
  size_t carried; // its number
  llvm::SmallVector<exec::NestOp> products;
};

/// A map that adds two tensors element by element.
bool isAddition(exec::NestOp nest) {
  if (!isMap(nest) || nest.getInputs().size() != 2 || nest->getNumResults() != 1)
    return false;
  Block &body = nest.getBody().front();
  auto add = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  return add && llvm::hasSingleElement(body.without_terminator()) && add.getLhs() != add.getRhs() &&
         llvm::isa<BlockArgument>(add.getLhs()) && llvm::isa<BlockArgument>(add.getRhs()) &&
         !usesIndices(nest) && llvm::all_of(llvm::seq(2u), [&](unsigned i) {
           AffineMap map = accessMap(nest, i);
           return map && map.isIdentity();
         });
}

/// One scan with the products of its sums taken out.
class SumHoister {
public:
  explicit SumHoister(exec::ScanOp scan)
      : scan(scan), body(scan.getBody().front()), yield(body.getTerminator()) {}

  void run() {
    for (size_t i = 0; i < scan.getCarried().size(); ++i) {
      Value carried = body.getArgument(1 + i);
      Sum sum{i, {}};
      bool hasCarried = false;
      if (carried.hasOneUse() && collect(yield->getOperand(i), carried, sum.products, hasCarried) &&
          hasCarried && !sum.products.empty() && isWorthIt(sum))
        sums.push_back(sum);
    }
    if (!sums.empty())
      rewrite();
  }

private:
  /// Appends the products that the value is the sum of, beside what is carried.
  bool collect(Value value, Value carried, llvm::SmallVectorImpl<exec::NestOp> &products,
               bool &hasCarried) {
    if (value == carried)
      return hasCarried = true;
    auto nest = value.getDefiningOp<exec::NestOp>();
    if (!nest || nest->getBlock() != &body || !value.hasOneUse())
      return false;
    if (isAddition(nest))
      return collect(nest.getInputs()[0], carried, products, hasCarried) &&
             collect(nest.getInputs()[1], carried, products, hasCarried);
    auto product = matchContraction(nest);
    products.push_back(nest);
    return product && !product->isInteger &&
           llvm::any_of(nest.getInputs(), [&](Value input) { return isInside(input); });
  }
  bool isInside(Value value) { return scan.getBody().isAncestor(value.getParentRegion()); }
  /// What the value is a slice of; null where it is none.
  Value slicedFor(Value value) {
    auto argument = llvm::dyn_cast<BlockArgument>(value);
    size_t first = 1 + scan.getCarried().size();
    return argument && argument.getOwner() == &body && argument.getArgNumber() >= first
               ? scan.getInputs()[argument.getArgNumber() - first]
               : Value();
  }

  /// Only where an iteration stores much less than the matrix that it would have added to: the
  /// large product's operands have to be read again and packed.
  bool isWorthIt(const Sum &sum) {
    auto elements = [](Value tensor) {
      int64_t count = 1;
      for (Dim d : dimsOf(tensor))
        count *= estimate(d);
      return count;
    };
    int64_t stored = 0;
    for (exec::NestOp product : sum.products)
      for (Value input : product.getInputs())
        if (isInside(input) && !slicedFor(input))
          stored += elements(input);
    return 2 * stored <= elements(scan.getCarried()[sum.carried]);
  }

  /// A number for a factor among the further results, where it has to be one.
  void stack(Value factor) {
    if (!isInside(factor) || slicedFor(factor) || !stackedAt.try_emplace(factor, 0).second)
      return;
    stackedAt[factor] = types.size();
    Dims dims = dimsOf(factor);
    dims.insert(dims.begin(), scan.getTripCount());
    types.push_back(tensorType(dims, getElementTypeOrSelf(factor)));
    yields.push_back(factor);
  }

  void rewrite() {
    llvm::BitVector hoisted(scan.getCarried().size()), arguments(body.getNumArguments());
    for (const Sum &sum : sums) {
      hoisted.set(sum.carried);
      arguments.set(1 + sum.carried);
    }
    llvm::SmallVector<Value> carried, kept;
    for (size_t i = 0; i < scan.getNumResults(); ++i) {
      if (i < hoisted.size() && hoisted[i])
        continue;
      if (i < hoisted.size())
        carried.push_back(scan.getCarried()[i]);
      kept.push_back(scan.getResult(i));
      types.push_back(scan.getResult(i).getType());
      yields.push_back(yield->getOperand(i));
    }
    for (const Sum &sum : sums)
      for (exec::NestOp product : sum.products)
        for (Value input : product.getInputs())
          stack(input);
    OpBuilder b(scan);
    auto made = exec::ScanOp::create(b, scan.getLoc(), types, scan.getTripsAttr(), carried,
                                     scan.getInputs(), scan.getReverseAttr());
    for (auto [before, after] : llvm::zip(kept, made.getResults()))
      before.replaceAllUsesWith(after);
    for (const Sum &sum : sums)
      scan.getResult(sum.carried).replaceAllUsesWith(total(b, sum, made));
    yield->setOperands(yields);
    eraseUnused(body);
    body.eraseArguments(arguments);
    made.getBody().takeBody(scan.getBody());
    scan.erase();
  }

  /// The initial value and all iterations' products.
  Value total(OpBuilder &b, const Sum &sum, exec::ScanOp made) {
    Value result = scan.getCarried()[sum.carried];
    for (exec::NestOp product : sum.products) {
      Value all = productOfAll(b, product, made);
      Location loc = product.getLoc();
      result = exec::mapNest(b, loc, dimsOf(result), {result, all}, getElementTypeOrSelf(result),
                             [&](OpBuilder &inner, ValueRange at) -> Value {
                               return arith::AddFOp::create(inner, loc, at[0], at[1]);
                             });
    }
    return result;
  }

  /// The product with iterations as its first loop of the sum.
  Value productOfAll(OpBuilder &b, exec::NestOp product, exec::ScanOp made) {
    Dims loops = loopDims(product);
    unsigned parallel = product.getParallel(), count = loops.size() + 1;
    loops.insert(loops.begin() + parallel, scan.getTripCount());
    llvm::SmallVector<AffineExpr> moved;
    for (unsigned l = 0; l + 1 < count; ++l)
      moved.push_back(b.getAffineDimExpr(l < parallel ? l : l + 1));
    llvm::SmallVector<exec::Access> inputs;
    for (auto [i, input] : llvm::enumerate(product.getInputs())) {
      AffineMap map = accessMap(product, i).replaceDimsAndSymbols(moved, {}, count, 0);
      Value whole = input;
      if (isInside(input)) {
        map = map.insertResult(b.getAffineDimExpr(parallel), 0);
        Value sliced = slicedFor(input);
        whole = sliced ? sliced : Value(made.getResult(stackedAt.lookup(input)));
      }
      inputs.push_back({whole, map});
    }
    Block &from = product.getBody().front();
    return exec::nest(b, product.getLoc(), loops, parallel, inputs, exec::Combiner::Add,
                      getElementTypeOrSelf(product.getOutputs()[0]),
                      [&](OpBuilder &inner, ValueRange, ValueRange read) {
                        IRMapping mapping;
                        mapping.map(from.getArguments().drop_front(count - 1), read);
                        for (Operation &op : from.without_terminator())
                          inner.clone(op, mapping);
                        return llvm::SmallVector<Value>{
                            mapping.lookup(from.getTerminator()->getOperand(0))};
                      })[0];
  }

  exec::ScanOp scan;
  Block &body;
  Operation *yield;
  llvm::SmallVector<Sum> sums;
  llvm::SmallVector<Type> types; // of the new scan's results
  llvm::SmallVector<Value> yields;
  llvm::DenseMap<Value, size_t> stackedAt; // the result that is all of a factor
};

} // namespace

void hoistSums(func::FuncOp function) {
  llvm::SmallVector<exec::ScanOp> scans;
  function.walk([&](exec::ScanOp scan) { scans.push_back(scan); });
  for (exec::ScanOp scan : scans)
    SumHoister(scan).run();
}

} // namespace ingot
