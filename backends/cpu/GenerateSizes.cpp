// Sizes that the program computes: their symbols are words of the frame that hold the bound until
// an exec.bind stores the count. Memory is planned by the bounds. See FunctionGenerator.h.
#include "backends/cpu/FunctionGenerator.h"
#include "ir/Substitute.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

/// What is known about an expression for all values of its symbols.
struct Range {
  bool isRuntime = false;     // depends on a size that the program computes
  bool grows = true;          // never falls when such a size grows
  std::optional<int64_t> low; // it is at least this
};

Range combine(Dim::Op op, const Range &l, const Range &r) {
  Range result;
  result.isRuntime = l.isRuntime || r.isRuntime;
  bool bothGrow = l.grows && r.grows, bothKnown = l.low && r.low;
  bool areNonNegative = bothKnown && *l.low >= 0 && *r.low >= 0;
  switch (op) {
  case Dim::Op::Add:
    result.grows = bothGrow;
    if (bothKnown)
      result.low = *l.low + *r.low;
    break;
  case Dim::Op::Mul:
    result.grows = !result.isRuntime || (bothGrow && areNonNegative);
    if (areNonNegative)
      result.low = *l.low * *r.low;
    break;
  case Dim::Op::FloorDiv:
  case Dim::Op::CeilDiv:
    result.grows = !result.isRuntime || (l.grows && !r.isRuntime && r.low && *r.low >= 0);
    if (areNonNegative)
      result.low = 0;
    break;
  case Dim::Op::Min:
    result.grows = bothGrow;
    if (bothKnown)
      result.low = std::min(*l.low, *r.low);
    break;
  case Dim::Op::Max:
    result.grows = bothGrow;
    result.low = bothKnown ? std::max(*l.low, *r.low) : l.low ? l.low : r.low;
    break;
  }
  return result;
}

} // namespace

std::map<std::string, Dim> FunctionGenerator::runtimeSymbols() {
  std::map<std::string, Dim> bounds;
  for (auto bind : function.getBody().front().getOps<exec::BindOp>()) {
    llvm::StringSet<> symbols = exec::symbolsBoundBy(bind);
    for (const auto &[name, value] : lets())
      if (symbols.contains(name))
        bounds[name] = value;
  }
  return bounds;
}

bool FunctionGenerator::isRuntime(Dim d) {
  auto bounds = runtimeSymbols();
  bool found = false;
  d.collectSymbols([&](llvm::StringRef name) { found |= bounds.count(name.str()) != 0; });
  return found;
}

LogicalResult FunctionGenerator::checkRuntimeSizes() {
  std::map<std::string, Dim> bounds = runtimeSymbols();
  if (bounds.empty())
    return success();
  std::map<std::string, Range> ranges;
  for (auto [name, source] : llvm::zip(description.symbols, description.sources))
    ranges[name] = {false, true,
                    isNeverNegative(source.kind) ? std::optional<int64_t>(0) : std::nullopt};
  auto rangeOf = [&](Dim d) {
    return d.fold<Range>([](int64_t v) { return Range{false, true, v}; },
                         [&](llvm::StringRef name) { return ranges[name.str()]; }, combine);
  };
  for (auto bind : function.getBody().front().getOps<exec::BindOp>())
    ranges[bind.getSymbol().str()] = {true, true, 0};
  for (const auto &[name, value] : lets())
    if (!ranges.count(name))
      ranges[name] = rangeOf(value);
  LogicalResult result = success();
  function.walk([&](Operation *op) {
    for (Type type : op->getResultTypes()) {
      if (failed(result) || !llvm::isa<RankedTensorType>(type))
        continue;
      for (Dim d : dimsOf(type))
        if (Range range = rangeOf(d);
            range.isRuntime && !(range.grows && range.low && *range.low >= 0))
          result = op->emitError("its size `")
                   << d.str() << "` depends on one that is known only while the model runs, and "
                   << (range.grows ? "may be negative" : "may be larger where that one is smaller");
    }
  });
  for (exec::ViewOp view : checkedViews())
    for (Value v : {view.getX(), view.getResult()})
      if (succeeded(result) && isRuntime(numElements(b.getContext(), dimsOf(v))))
        result = view.emitError("a tensor of shape ")
                 << str(dimsOf(view.getX())) << " is seen as one of shape "
                 << str(dimsOf(view.getResult()))
                 << "; whether these have as many elements is known only while the model runs";
  return result;
}

Dim FunctionGenerator::bounded(Dim d) {
  std::map<std::string, Dim> bounds = runtimeSymbols();
  if (bounds.empty())
    return d;
  std::function<Dim(llvm::StringRef)> boundOf = [&](llvm::StringRef name) {
    auto it = bounds.find(name.str());
    return it == bounds.end() ? Dim::symbol(b.getContext(), name) : substitute(it->second, boundOf);
  };
  return substitute(d, boundOf);
}

void FunctionGenerator::emitBind(exec::BindOp op) {
  Value count = loadScalar(op.getCount(), cb.i64());
  Value bound = evaluate(dimsOf(op.getX())[0]);
  // One comparison: a negative count is large without a sign.
  Value outside = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ugt, count, bound);
  returnIf(made, outside, [&] {
    storeWord(run, FailedNode, nodeNumber(op));
    return status(INGOT_INDEX_OUT_OF_RANGE);
  });
  storeWord(words, frame.symbol(op.getSymbol()), count);
  std::map<std::string, Dim> runtime = runtimeSymbols();
  llvm::StringSet<> counted;
  for (auto bind : function.getBody().front().getOps<exec::BindOp>())
    counted.insert(bind.getSymbol());
  for (const auto &[name, value] : lets())
    if (runtime.count(name) && !counted.contains(name))
      storeWord(words, frame.symbol(name), evaluate(value));
}

void FunctionGenerator::reportExtents() {
  if (function.getBody().front().getOps<exec::BindOp>().empty())
    return;
  whereRunHas(Extents, [&] {
    Value extents = cb.loadPointer(run, Extents);
    auto given = scf::IfOp::create(b, cb.loc, isSet(extents), false);
    b.setInsertionPoint(given.thenBlock()->getTerminator());
    int64_t word = 0;
    for (Value result : function.getBody().front().getTerminator()->getOperands())
      for (Dim d : dimsOf(result))
        storeWord(extents, word++, evaluate(d));
  });
}

} // namespace ingot::cpu
