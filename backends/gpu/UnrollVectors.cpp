// See UnrollVectors.h.
#include "backends/gpu/UnrollVectors.h"
#include "backends/gpu/KernelText.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ingot::gpu {
namespace {

constexpr int64_t mostBytes = 16; // of an access
using Lanes = llvm::SmallVector<Value>;

bool isVector(Type type) { return llvm::isa<VectorType>(type); }

bool hasVectors(Operation *op) {
  return llvm::any_of(op->getOperandTypes(), isVector) ||
         llvm::any_of(op->getResultTypes(), isVector);
}

bool canUnroll(Operation *op) {
  if (llvm::isa<arith::ConstantOp, LLVM::LoadOp, LLVM::StoreOp, vector::ExtractOp, scf::IfOp,
                scf::ForOp, scf::YieldOp>(op))
    return true;
  if (auto broadcast = llvm::dyn_cast<vector::BroadcastOp>(op))
    return !isVector(broadcast.getSourceType());
  return OpTrait::hasElementwiseMappableTraits(op);
}

/// The largest power of two that is known to divide the integer, up to 64.
int64_t divisorOf(Value v) {
  constexpr int64_t most = 64;
  llvm::APInt constant;
  if (matchPattern(v, m_ConstantInt(&constant)))
    return constant.countr_zero() >= 6 ? most : int64_t(1) << constant.countr_zero();
  Operation *op = v.getDefiningOp();
  if (llvm::isa_and_nonnull<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(op))
    return divisorOf(op->getOperand(0));
  if (llvm::isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::RemSIOp>(op))
    return std::min(divisorOf(op->getOperand(0)), divisorOf(op->getOperand(1)));
  if (llvm::isa_and_nonnull<arith::MulIOp>(op))
    return std::min(most, divisorOf(op->getOperand(0)) * divisorOf(op->getOperand(1)));
  return 1;
}

/// Bytes that the address is known to be a multiple of.
int64_t alignmentOf(Value pointer) {
  if (auto gep = pointer.getDefiningOp<LLVM::GEPOp>()) {
    int64_t bytes = std::max(1u, gep.getElemType().getIntOrFloatBitWidth() / 8);
    auto indices = gep.getRawConstantIndices();
    int64_t steps = indices[0] == LLVM::GEPOp::kDynamicIndex
                        ? divisorOf(gep.getDynamicIndices()[0])
                        : std::max(1, indices[0] & -indices[0]);
    return std::min(alignmentOf(gep.getBase()), bytes * steps);
  }
  bool isPrivate =
      pointer.getDefiningOp<LLVM::AllocaOp>() &&
      llvm::cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace() != sharedSpace;
  return isPrivate ? 1 : mostBytes;
}

class Unroller {
public:
  explicit Unroller(func::FuncOp function) : function(function), b(function.getContext()) {}

  void run() {
    unroll(function.getBody().front());
    for (Operation *op : llvm::reverse(dead))
      op->erase();
    for (Block *block : blocks)
      block->eraseArguments([](BlockArgument a) { return isVector(a.getType()); });
  }

private:
  void unroll(Block &block) {
    blocks.push_back(&block);
    for (Operation &op : llvm::make_early_inc_range(block)) {
      b.setInsertionPoint(&op);
      unroll(op);
    }
  }

  void unroll(Operation &op) {
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      op.setOperands(flat(op.getOperands()));
      return;
    }
    if (auto branch = llvm::dyn_cast<scf::IfOp>(op))
      return unroll(branch);
    if (auto loop = llvm::dyn_cast<scf::ForOp>(op))
      return unroll(loop);
    for (Region &region : op.getRegions())
      for (Block &block : region)
        unroll(block);
    if (!hasVectors(&op))
      return;
    b.setInsertionPoint(&op);
    dead.push_back(&op);
    if (auto load = llvm::dyn_cast<LLVM::LoadOp>(op))
      return unroll(load);
    if (auto store = llvm::dyn_cast<LLVM::StoreOp>(op))
      return unroll(store);
    if (auto broadcast = llvm::dyn_cast<vector::BroadcastOp>(op)) {
      lanes[broadcast].assign(broadcast.getType().getNumElements(), broadcast.getSource());
      return;
    }
    if (auto extract = llvm::dyn_cast<vector::ExtractOp>(op)) {
      extract.getResult().replaceAllUsesWith(
          lanes.lookup(extract.getSource())[extract.getStaticPosition()[0]]);
      return;
    }
    if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op)) {
      for (Attribute value :
           llvm::cast<DenseElementsAttr>(constant.getValue()).getValues<Attribute>())
        lanes[constant].push_back(
            arith::ConstantOp::create(b, op.getLoc(), llvm::cast<TypedAttr>(value)));
      return;
    }
    int64_t count = llvm::cast<VectorType>(op.getResult(0).getType()).getNumElements();
    for (int64_t lane = 0; lane < count; ++lane) {
      Operation *copy = b.clone(op);
      for (OpOperand &operand : copy->getOpOperands())
        if (isVector(operand.get().getType()))
          operand.set(lanes.lookup(operand.get())[lane]);
      for (auto [whole, one] : llvm::zip(op.getResults(), copy->getResults())) {
        one.setType(getElementTypeOrSelf(whole.getType()));
        lanes[whole].push_back(one);
      }
    }
  }

  /// Each vector's lanes in its place.
  Lanes flat(ValueRange values) {
    Lanes result;
    for (Value v : values)
      if (isVector(v.getType()))
        llvm::append_range(result, lanes.lookup(v));
      else
        result.push_back(v);
    return result;
  }

  /// What the op's results are among those of the op that takes its place.
  void replaceResults(Operation *op, ValueRange made) {
    for (Value result : op->getResults()) {
      if (auto type = llvm::dyn_cast<VectorType>(result.getType())) {
        llvm::append_range(lanes[result], made.take_front(type.getNumElements()));
        made = made.drop_front(type.getNumElements());
      } else {
        result.replaceAllUsesWith(made.front());
        made = made.drop_front();
      }
    }
    dead.push_back(op);
  }

  void unroll(scf::IfOp op) {
    llvm::SmallVector<Type> types;
    for (Type type : op.getResultTypes()) {
      auto vector = llvm::dyn_cast<VectorType>(type);
      types.append(vector ? vector.getNumElements() : 1, vector ? vector.getElementType() : type);
    }
    auto made = scf::IfOp::create(b, op.getLoc(), types, op.getCondition(), false);
    made.getThenRegion().takeBody(op.getThenRegion());
    made.getElseRegion().takeBody(op.getElseRegion());
    for (Region &region : made->getRegions())
      for (Block &block : region)
        unroll(block);
    replaceResults(op, made.getResults());
  }

  void unroll(scf::ForOp op) {
    auto made = scf::ForOp::create(b, op.getLoc(), op.getLowerBound(), op.getUpperBound(),
                                   op.getStep(), flat(op.getInitArgs()));
    made->setDiscardableAttrs(op->getDiscardableAttrDictionary());
    made.getRegion().takeBody(op.getRegion());
    Block &body = made.getRegion().front();
    for (unsigned i = 0; i < body.getNumArguments(); ++i) {
      Value argument = body.getArgument(i);
      auto type = llvm::dyn_cast<VectorType>(argument.getType());
      for (int64_t lane = 0; type && lane < type.getNumElements(); ++lane)
        lanes[argument].push_back(
            body.insertArgument(++i, type.getElementType(), argument.getLoc()));
    }
    unroll(body);
    replaceResults(op, made.getResults());
  }

  /// body(pointer, first lane, count) for pieces of the vector in memory.
  void pieces(Value pointer, VectorType type,
              llvm::function_ref<void(Value, int64_t, int64_t)> body) {
    int64_t bytes = type.getElementTypeBitWidth() / 8, count = type.getNumElements();
    int64_t piece =
        std::min(count, std::max<int64_t>(1, std::min(alignmentOf(pointer), mostBytes) / bytes));
    for (int64_t lane = 0; lane < count; lane += piece) {
      Value place = pointer;
      if (lane > 0)
        place =
            LLVM::GEPOp::create(b, function.getLoc(), pointer.getType(), type.getElementType(),
                                pointer, llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(lane)});
      body(place, lane, piece);
    }
  }

  void unroll(LLVM::LoadOp op) {
    auto type = llvm::cast<VectorType>(op.getType());
    pieces(op.getAddr(), type, [&](Value place, int64_t, int64_t count) {
      Type element = type.getElementType();
      if (count == 1) {
        lanes[op].push_back(LLVM::LoadOp::create(b, op.getLoc(), element, place));
        return;
      }
      Value piece = LLVM::LoadOp::create(b, op.getLoc(), VectorType::get({count}, element), place);
      for (int64_t i = 0; i < count; ++i)
        lanes[op].push_back(vector::ExtractOp::create(b, op.getLoc(), piece, i));
    });
  }

  void unroll(LLVM::StoreOp op) {
    auto type = llvm::cast<VectorType>(op.getValue().getType());
    Lanes values = lanes.lookup(op.getValue());
    pieces(op.getAddr(), type, [&](Value place, int64_t first, int64_t count) {
      Value value = values[first];
      if (count > 1)
        value = vector::FromElementsOp::create(b, op.getLoc(),
                                               VectorType::get({count}, type.getElementType()),
                                               llvm::ArrayRef(values).slice(first, count));
      LLVM::StoreOp::create(b, op.getLoc(), value, place);
    });
  }

  func::FuncOp function;
  OpBuilder b;
  llvm::DenseMap<Value, Lanes> lanes;
  llvm::SmallVector<Operation *> dead;
  llvm::SmallVector<Block *> blocks;
};

} // namespace

LogicalResult unrollVectors(func::FuncOp function) {
  bool any = false, all = true;
  function.walk([&](Operation *op) {
    any |= hasVectors(op);
    all &= !hasVectors(op) || canUnroll(op);
  });
  if (any && all)
    Unroller(function).run();
  return success(all);
}

} // namespace ingot::gpu
