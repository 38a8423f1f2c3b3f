// See AssignLayouts.h. One walk in program order: what a nest reads has its order by then.
#include "compiler/layout/AssignLayouts.h"
#include "compiler/fusion/Structure.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace ingot {
namespace {

/// Reads of a whole tensor in the nest's body.
llvm::SmallVector<exec::ReadOp> readsOf(exec::NestOp nest, unsigned input) {
  Block &body = nest.getBody().front();
  Value argument = body.getArgument(loopDims(nest).size() + input);
  llvm::SmallVector<exec::ReadOp> reads;
  for (Operation *user : argument.getUsers())
    if (auto read = llvm::dyn_cast<exec::ReadOp>(user))
      reads.push_back(read);
  return reads;
}

class LayoutAssigner {
public:
  void run(func::FuncOp function) {
    llvm::SmallVector<exec::NestOp> nests;
    function.walk<WalkOrder::PreOrder>([&](exec::NestOp nest) { nests.push_back(nest); });
    for (exec::NestOp nest : nests)
      visit(nest);
    eraseDead();
  }

private:
  void eraseDead() {
    for (bool changes = true; changes;) {
      changes = false;
      for (Operation *op : llvm::to_vector(dead))
        if (op->use_empty()) {
          dead.remove(op);
          op->erase();
          changes = true;
        }
    }
  }

  void visit(exec::NestOp nest) {
    if (isMovement(nest) && accessMap(nest, 0).isPermutation())
      return join(nest);
    if (isMap(nest)) {
      if (!sink(nest))
        readThrough(nest);
      return;
    }
    if (auto contraction = matchContraction(nest))
      return readThrough(nest, *contraction);
    for (unsigned i = 0; i < nest.getInputs().size(); ++i)
      if (accessMap(nest, i) && permutationOf(nest.getInputs()[i]) && keepsLanes(nest, i))
        readSource(nest, i);
  }

  static Value sourceOf(exec::NestOp nest, unsigned input) {
    return permutationOf(nest.getInputs()[input]).getInputs()[0];
  }
  /// The access to the source of the permutation that input `input` is.
  static AffineMap composed(exec::NestOp nest, unsigned input) {
    return accessMap(permutationOf(nest.getInputs()[input]), 0).compose(accessMap(nest, input));
  }
  void readSource(exec::NestOp nest, unsigned input) {
    exec::NestOp permutation = permutationOf(nest.getInputs()[input]);
    auto accesses = llvm::to_vector(nest.getAccesses());
    accesses[input] = AffineMapAttr::get(composed(nest, input));
    nest.setAccessesAttr(ArrayAttr::get(nest.getContext(), accesses));
    nest->setOperand(input, permutation.getInputs()[0]);
    dead.insert(permutation);
  }

  /// A permutation of a permutation is one of the source, or the source itself.
  void join(exec::NestOp nest) {
    if (!permutationOf(nest.getInputs()[0]))
      return;
    readSource(nest, 0);
    Value source = nest.getInputs()[0];
    if (!accessMap(nest, 0).isIdentity() || source.getType() != nest.getOutputs()[0].getType())
      return;
    nest.getOutputs()[0].replaceAllUsesWith(source);
    dead.insert(nest);
  }

  /// How a map's loops are ordered, and which inputs it then reads from behind their permutations.
  struct Order {
    AffineMap map; // of those permutations: loop of the new order -> loop of the old
    llvm::SmallVector<unsigned> inputs;
  };

  /// The order that most of the large inputs come from.
  std::optional<Order> orderOf(exec::NestOp nest) {
    Order order;
    int64_t others = 0;
    unsigned loops = loopDims(nest).size();
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      AffineMap access = accessMap(nest, i);
      exec::NestOp permutation = permutationOf(nest.getInputs()[i]);
      bool isWhole = !access;
      // What is read whole is reordered where it was computed; an input of the model is read as it
      // is, unless a contraction can read few channels as they lie.
      bool fits = permutation && permutation.getParallel() == loops &&
                  (isWhole ? permutation.getInputs()[0].getDefiningOp<exec::NestOp>() != nullptr ||
                                 hasFewChannels(permutation)
                           : access.isIdentity());
      AffineMap map = fits ? accessMap(permutation, 0) : AffineMap();
      // One that leaves the last dimension in place is read as well as what it permutes.
      fits = fits && map.getDimPosition(loops - 1) != loops - 1;
      if (fits && (!order.map || order.map == map)) {
        order.map = map;
        order.inputs.push_back(i);
      } else if (isWhole || !isRepeated(nest, access)) {
        ++others;
      }
    }
    if (!order.map || static_cast<int64_t>(order.inputs.size()) < others)
      return std::nullopt;
    return order;
  }
  /// Whether the permutation makes so few channels last that a vector of them is mostly empty: an
  /// image of three colours.
  static bool hasFewChannels(exec::NestOp permutation) {
    constexpr int64_t kFew = 4;
    Dim channels = loopDims(permutation).back();
    return channels.isStatic() && channels.value() <= kFew;
  }
  /// Whether the access leaves out a loop: a bias, a scalar.
  static bool isRepeated(exec::NestOp nest, AffineMap access) {
    for (auto [l, extent] : llvm::enumerate(loopDims(nest)))
      if (!isConstant(extent, 1) && !access.isFunctionOfDim(l))
        return true;
    return false;
  }

  /// Whether what the map makes comes to nests that may take a permutation in: another permutation,
  /// a reduction. On the way to a variable or out of the function it would only be made later, and
  /// perhaps more often.
  bool leadsOn(exec::NestOp nest) {
    auto [known, isNew] = leading.try_emplace(nest, false);
    if (!isNew)
      return known->second;
    bool leads = llvm::any_of(nest->getUsers(), [&](Operation *op) {
      auto user = llvm::dyn_cast<exec::NestOp>(op);
      if (!user)
        return false;
      return permutationOf(user->getResult(0)) || !isMap(user) || leadsOn(user);
    });
    return leading[nest] = leads;
  }

  /// Replaces the map by one over permuted loops, and a permutation behind it.
  bool sink(exec::NestOp nest) {
    if (nest->getNumResults() != 1 || hasChecks(nest) || !leadsOn(nest))
      return false;
    std::optional<Order> order = orderOf(nest);
    if (!order)
      return false;
    OpBuilder b(nest);
    MLIRContext *context = b.getContext();
    Dims loops = loopDims(nest);
    unsigned count = loops.size();
    Dims newLoops;
    llvm::SmallVector<AffineExpr> oldLoops(count); // by the new ones
    for (unsigned d = 0; d < count; ++d) {
      unsigned old = order->map.getDimPosition(d);
      newLoops.push_back(loops[old]);
      oldLoops[old] = b.getAffineDimExpr(d);
    }
    llvm::SmallVector<exec::Access> inputs;
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      bool isMoved = llvm::is_contained(order->inputs, i);
      AffineMap access = accessMap(nest, i);
      if (isMoved && access)
        access = AffineMap::getMultiDimIdentityMap(count, context);
      else if (access)
        access = access.replaceDimsAndSymbols(oldLoops, {}, count, 0);
      inputs.push_back({isMoved ? sourceOf(nest, i) : nest.getInputs()[i], access});
      if (isMoved)
        dead.insert(permutationOf(nest.getInputs()[i]));
    }
    Value old = nest.getOutputs()[0];
    Type element = getElementTypeOrSelf(old);
    Value result = exec::nest(
        b, nest.getLoc(), newLoops, count, inputs, exec::Combiner::None, element,
        [&](OpBuilder &inner, ValueRange at, ValueRange arguments) {
          IRMapping mapping;
          Block &body = nest.getBody().front();
          for (unsigned d = 0; d < count; ++d)
            mapping.map(body.getArgument(order->map.getDimPosition(d)), at[d]);
          for (auto [i, argument] : llvm::enumerate(arguments))
            mapping.map(body.getArgument(count + i), argument);
          for (Operation &op : body.without_terminator()) {
            Operation *made = inner.clone(op, mapping);
            if (auto read = llvm::dyn_cast<exec::ReadOp>(made))
              for (unsigned i : order->inputs)
                if (read.getTensor() == arguments[i])
                  permuteIndices(read, order->map);
          }
          return llvm::SmallVector<Value>{mapping.lookup(body.getTerminator()->getOperand(0))};
        })[0];
    Value back =
        exec::nest(b, nest.getLoc(), loops, count, {{result, order->map}}, exec::Combiner::None,
                   element, [](OpBuilder &, ValueRange, ValueRange arguments) {
                     return llvm::SmallVector<Value>{arguments[0]};
                   })[0];
    old.replaceAllUsesWith(back);
    dead.insert(nest);
    dead.insert(back.getDefiningOp());
    return true;
  }
  static void permuteIndices(exec::ReadOp read, AffineMap map) {
    llvm::SmallVector<Value> indices(read.getIndices()), permuted;
    for (unsigned d = 0; d < map.getNumResults(); ++d)
      permuted.push_back(indices[map.getDimPosition(d)]);
    read.getIndicesMutable().assign(permuted);
  }

  /// A map that stays as it is reads what it reads whole from behind the permutation.
  void readThrough(exec::NestOp nest) {
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      exec::NestOp permutation = permutationOf(nest.getInputs()[i]);
      if (accessMap(nest, i) || !permutation)
        continue;
      Block &body = nest.getBody().front();
      for (exec::ReadOp read : readsOf(nest, i))
        permuteIndices(read, accessMap(permutation, 0));
      Value source = permutation.getInputs()[0];
      nest->setOperand(i, source);
      body.getArgument(loopDims(nest).size() + i).setType(source.getType());
      dead.insert(permutation);
    }
  }

  /// The left operand may move along the innermost reduction in unit steps, the right one along the
  /// lanes; a permutation is read through where they do then. The left one also where it has few
  /// channels: neighbouring rows, then, are near together.
  void readThrough(exec::NestOp nest, const Contraction &contraction) {
    Dims loops = loopDims(nest);
    int64_t innermost = static_cast<int64_t>(loops.size()) - 1;
    while (innermost > static_cast<int64_t>(nest.getParallel()) && isConstant(loops[innermost], 1))
      --innermost;
    for (unsigned i : {contraction.a, contraction.b}) {
      if (!permutationOf(nest.getInputs()[i]))
        continue;
      auto strides = linearStrides(composed(nest, i), sourceOf(nest, i).getType(), loops.size());
      int64_t loop = i == contraction.b ? contraction.lane : innermost;
      bool isNear = i == contraction.a && hasFewChannels(permutationOf(nest.getInputs()[i]));
      if (strides && (isNear || isConstant((*strides)[loop], 1)))
        readSource(nest, i);
    }
  }

  /// Whether a reduction that reads the permutation's source still has a loop for its lanes: the
  /// last parallel one in unit steps, or, where that is not so either way, the last one.
  static bool keepsLanes(exec::NestOp nest, unsigned input) {
    Dims loops = loopDims(nest);
    auto before =
             linearStrides(accessMap(nest, input), nest.getInputs()[input].getType(), loops.size()),
         after =
             linearStrides(composed(nest, input), sourceOf(nest, input).getType(), loops.size());
    if (!before || !after)
      return false;
    auto isUnit = [&](llvm::ArrayRef<Dim> strides, int64_t from, int64_t end) {
      int64_t loop = end - 1;
      while (loop > from && isConstant(loops[loop], 1))
        --loop;
      return loop >= from && isConstant(strides[loop], 1);
    };
    int64_t parallel = nest.getParallel(), all = loops.size();
    return isUnit(*after, 0, parallel) ||
           (!isUnit(*before, 0, parallel) && isUnit(*after, parallel, all));
  }

  llvm::SetVector<Operation *> dead;         // once nothing uses it
  llvm::DenseMap<Operation *, bool> leading; // see leadsOn
};

} // namespace

void assignLayouts(func::FuncOp function) { LayoutAssigner().run(function); }

} // namespace ingot
