// Registration and verification of the exec dialect, and helpers that build nests.
#include "ir/Text.h"
#include "ir/exec/Control.h"
#include "ir/exec/Custom.h"
#include "ir/exec/Text.h"
#include "ir/exec/Winograd.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::exec;

#include "ir/exec/ExecDialect.cpp.inc"
#include "ir/exec/ExecEnums.cpp.inc"
#define GET_OP_CLASSES
#include "ir/exec/ExecOps.cpp.inc"
#define GET_OP_CLASSES
#include "ir/exec/TextOps.cpp.inc"
#define GET_OP_CLASSES
#include "ir/exec/CustomOps.cpp.inc"
#define GET_OP_CLASSES
#include "ir/exec/WinogradOps.cpp.inc"

void ExecDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ir/exec/ExecOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/exec/ControlOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/exec/TextOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/exec/CustomOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/exec/WinogradOps.cpp.inc"
      >();
}

LogicalResult NestOp::verify() {
  int64_t loops = getBounds().getExprs().size(), parallel = getParallel();
  if (parallel < 0 || parallel > loops)
    return emitOpError("has ") << loops << " loops but says that " << parallel << " are parallel";
  if (getCombiner() == Combiner::None && parallel != loops)
    return emitOpError("has reduction loops and no combiner");
  if (getCombiner() == Combiner::Moments &&
      (getNumResults() != 3 || !llvm::all_equal(getResultTypes()) ||
       !llvm::isa<FloatType>(getElementTypeOrSelf(getOutputs()[0]))))
    return emitOpError("needs three results of one float type for moments");
  if (getAccesses().size() != getInputs().size())
    return emitOpError("has ") << getInputs().size() << " inputs but " << getAccesses().size()
                               << " accesses";
  Block &block = getBody().front();
  if (block.getNumArguments() != loops + getInputs().size())
    return emitOpError("needs a block argument for each loop and input");
  for (auto [access, input, argument] :
       llvm::zip(getAccesses(), getInputs(), block.getArguments().drop_front(loops))) {
    auto tensor = llvm::cast<RankedTensorType>(input.getType());
    if (auto map = llvm::dyn_cast<AffineMapAttr>(access)) {
      if (map.getValue().getNumDims() != loops ||
          map.getValue().getNumResults() != tensor.getRank())
        return emitOpError("has an access that does not fit its input: ") << access;
      if (argument.getType() != tensor.getElementType())
        return emitOpError("has a block argument of another type than its input's elements");
    } else if (argument.getType() != tensor) {
      return emitOpError("reads an input whole through an argument of another type");
    }
  }
  Dims all = dimsOf(
      tensorType(llvm::map_to_vector(getBounds().getExprs(), [](Attribute a) { return Dim(a); }),
                 IndexType::get(getContext())));
  auto results = llvm::ArrayRef<Dim>(all).take_front(parallel);
  for (Value output : getOutputs())
    if (llvm::ArrayRef<Dim>(dimsOf(output)) != results)
      return emitOpError("has a result of shape ")
             << str(dimsOf(output)) << " over parallel loops " << str(results);
  return success();
}

LogicalResult KernelOp::verify() {
  if (getBody().front().getNumArguments() != getInputs().size())
    return emitOpError("needs one block argument an input");
  return success();
}

namespace ingot::exec {

Type signlessElement(Type element) {
  if (llvm::isa<text::StringType>(element))
    return IntegerType::get(element.getContext(), 128);
  if (!element.isIntOrFloat())
    return element;
  unsigned width = element.getIntOrFloatBitWidth();
  if (auto integer = llvm::dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), width == 1 ? 1 : std::max(8u, width));
  return width < 16 ? IntegerType::get(element.getContext(), 8) : element;
}

TypedAttr signlessValue(Attribute scalar) {
  if (auto real = llvm::dyn_cast<FloatAttr>(scalar)) {
    Type element = signlessElement(real.getType());
    if (element == real.getType())
      return real;
    return IntegerAttr::get(element, real.getValue().bitcastToAPInt().zextOrTrunc(8));
  }
  auto integer = llvm::cast<IntegerAttr>(scalar);
  Type element = signlessElement(integer.getType());
  unsigned width = element.getIntOrFloatBitWidth();
  llvm::APInt value = integer.getValue();
  return IntegerAttr::get(element, integer.getType().isSignedInteger() ? value.sextOrTrunc(width)
                                                                       : value.zextOrTrunc(width));
}

DenseElementsAttr signlessElements(DenseElementsAttr elements) {
  Type from = elements.getElementType(), to = signlessElement(from);
  if (llvm::isa<text::StringType>(from))
    return elements; // the texts; a back end puts them into memory
  if (from.getIntOrFloatBitWidth() == to.getIntOrFloatBitWidth() &&
      llvm::isa<FloatType>(from) == llvm::isa<FloatType>(to))
    return elements; // the same bytes
  auto type = RankedTensorType::get(elements.getType().getShape(), to);
  return DenseElementsAttr::get(
      type, llvm::map_to_vector(elements.getValues<Attribute>(),
                                [](Attribute a) -> Attribute { return signlessValue(a); }));
}

RankedTensorType signless(Type tensor) {
  auto type = llvm::cast<RankedTensorType>(tensor);
  return RankedTensorType::get(type.getShape(), signlessElement(type.getElementType()),
                               type.getEncoding());
}

llvm::SmallVector<Value>
nest(OpBuilder &b, Location loc, llvm::ArrayRef<Dim> loops, int64_t parallel,
     llvm::ArrayRef<Access> inputs, Combiner combiner, llvm::ArrayRef<Type> elements,
     llvm::function_ref<llvm::SmallVector<Value>(OpBuilder &, ValueRange, ValueRange)> body) {
  llvm::SmallVector<Type> types;
  for (Type element : elements)
    types.push_back(tensorType(loops.take_front(parallel), element));
  llvm::SmallVector<Attribute> bounds, accesses;
  for (Dim d : loops)
    bounds.push_back(d.asAttribute());
  llvm::SmallVector<Value> tensors;
  llvm::SmallVector<Type> argumentTypes(loops.size(), b.getIndexType());
  for (const Access &input : inputs) {
    tensors.push_back(input.tensor);
    accesses.push_back(input.map ? Attribute(AffineMapAttr::get(input.map)) : b.getUnitAttr());
    argumentTypes.push_back(input.map ? signlessElement(getElementTypeOrSelf(input.tensor))
                                      : input.tensor.getType());
  }
  auto op = NestOp::create(b, loc, types, tensors, graph::DimsAttr::get(b.getContext(), bounds),
                           parallel, b.getArrayAttr(accesses), combiner);
  OpBuilder::InsertionGuard guard(b);
  Block *block = b.createBlock(&op.getBody(), {}, argumentTypes,
                               llvm::SmallVector<Location>(argumentTypes.size(), loc));
  auto values = body(b, block->getArguments().take_front(loops.size()),
                     block->getArguments().drop_front(loops.size()));
  YieldOp::create(b, loc, values);
  return llvm::to_vector(llvm::map_range(op.getOutputs(), [](Value v) { return v; }));
}

Value mapNest(OpBuilder &b, Location loc, llvm::ArrayRef<Dim> dims, ValueRange inputs, Type element,
              llvm::function_ref<Value(OpBuilder &, ValueRange)> body) {
  auto identity = AffineMap::getMultiDimIdentityMap(dims.size(), b.getContext());
  llvm::SmallVector<Access> accesses;
  for (Value input : inputs)
    accesses.push_back({input, identity});
  return nest(b, loc, dims, dims.size(), accesses, Combiner::None, element,
              [&](OpBuilder &b, ValueRange, ValueRange args) {
                return llvm::SmallVector<Value>{body(b, args)};
              })[0];
}

Value scalarConstant(OpBuilder &b, Location loc, Type element, double value) {
  if (llvm::isa<FloatType>(element))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(element, value));
  if (element.isIndex())
    return indexConstant(b, loc, static_cast<int64_t>(value));
  return arith::ConstantOp::create(
      b, loc,
      IntegerAttr::get(element,
                       llvm::APInt(element.getIntOrFloatBitWidth(),
                                   static_cast<uint64_t>(static_cast<int64_t>(value)), false,
                                   /*implicitTrunc=*/true)));
}

Value indexConstant(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

bool isDispatch(Operation *op) {
  return llvm::isa_and_nonnull<KernelOp, ScatterOp, CumulateOp, SortOp, TextEqualOp, TextFindOp,
                               TextMatchOp, TextConcatOp, TextCaseOp, TextSplitOp, CustomCallOp>(
      op);
}

TypedAttr identityOf(Combiner combiner, Type element) {
  Builder b(element.getContext());
  if (auto floatType = llvm::dyn_cast<FloatType>(element)) {
    auto number = [&](double v) { return b.getFloatAttr(element, v); };
    double inf = std::numeric_limits<double>::infinity();
    switch (combiner) {
    case Combiner::Mul:
      return number(1);
    case Combiner::Max:
    case Combiner::ArgMax:
      return number(-inf);
    case Combiner::Min:
    case Combiner::ArgMin:
      return number(inf);
    default:
      return number(0);
    }
  }
  unsigned width = element.getIntOrFloatBitWidth();
  auto integer = [&](llvm::APInt v) { return IntegerAttr::get(element, v); };
  switch (combiner) {
  case Combiner::Mul:
    return integer(llvm::APInt(width, 1));
  case Combiner::Max:
  case Combiner::ArgMax:
    return integer(llvm::APInt::getSignedMinValue(width));
  case Combiner::Min:
  case Combiner::ArgMin:
    return integer(llvm::APInt::getSignedMaxValue(width));
  case Combiner::UMin:
    return integer(llvm::APInt::getAllOnes(width));
  default:
    return integer(llvm::APInt(width, 0));
  }
}

} // namespace ingot::exec
