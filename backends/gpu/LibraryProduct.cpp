// See LibraryProduct.h.
#include "backends/gpu/LibraryProduct.h"
#include "backends/gpu/DeviceKernelEmitter.h"
#include "backends/gpu/StridedOperand.h"
#include "compiler/package/Describe.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ingot::gpu {

namespace {

using Strides = llvm::SmallVector<Dim>;

class Matcher {
public:
  explicit Matcher(exec::KernelOp kernel) : kernel(kernel), context(kernel.getContext()) {}
  std::optional<LibraryProduct> match();

private:
  bool matchEpilogue();
  struct Scalar {
    exec::NestOp nest;
    Value value;
  };
  Scalar followed(Scalar scalar);
  bool isSum(Scalar scalar) { return scalar.nest == product.nest; }
  bool readsSamePoint(exec::NestOp nest, unsigned input);
  bool mayRound(Type from, Type to);

  exec::KernelOp kernel;
  MLIRContext *context;
  Product product;
  Dims bounds; // of the product's loops
  Type resultType;
  int64_t epilogue = 0;
  std::optional<StridedOperand> bias;
};

bool Matcher::readsSamePoint(exec::NestOp nest, unsigned input) {
  AffineMap map = accessMap(nest, input);
  Type tensor = nest.getInputs()[input].getType();
  Dims dims = loopDims(nest);
  auto strides = map ? linearStrides(map, tensor, dims.size()) : std::nullopt;
  Strides own = rowMajorStrides(tensor);
  if (!strides || own.size() != dims.size() || !isConstant(offsetOf(map, tensor), 0))
    return false;
  for (auto [dim, stride, expected] : llvm::zip(dims, *strides, own))
    if (!isConstant(dim, 1) && stride != expected)
      return false;
  return true;
}

/// A library rounds once, to the result's type.
bool Matcher::mayRound(Type from, Type to) {
  return (from.isF32() && to == resultType) || (from == resultType && to.isF32());
}

/// Back to where the scalar is computed, through nests that hand it on and roundings.
Matcher::Scalar Matcher::followed(Scalar scalar) {
  while (!isSum(scalar)) {
    Operation *op = scalar.value.getDefiningOp();
    if (llvm::isa_and_nonnull<arith::TruncFOp, arith::ExtFOp>(op) &&
        mayRound(op->getOperand(0).getType(), op->getResult(0).getType())) {
      scalar.value = op->getOperand(0);
      continue;
    }
    auto argument = llvm::dyn_cast<BlockArgument>(scalar.value);
    unsigned loops = loopDims(scalar.nest).size();
    if (!argument || argument.getArgNumber() < loops)
      break;
    unsigned input = argument.getArgNumber() - loops;
    auto producer = scalar.nest.getInputs()[input].getDefiningOp<exec::NestOp>();
    if (!producer || producer->getNumResults() != 1 || !readsSamePoint(scalar.nest, input) ||
        (producer != product.nest && !isMap(producer)))
      break;
    scalar = {producer, producer.getBody().front().getTerminator()->getOperand(0)};
  }
  return scalar;
}

/// Whether what the kernel stores is the sum, with a bias added, and the larger of that and zero.
bool Matcher::matchEpilogue() {
  auto stored =
      kernel.getBody().front().getTerminator()->getOperand(0).getDefiningOp<exec::NestOp>();
  if (!stored || stored->getNumResults() != 1 ||
      stored.getParallel() != bounds.size() - product.reduced.size())
    return false;
  Scalar scalar{stored, stored.getBody().front().getTerminator()->getOperand(0)};
  scalar = followed(scalar);
  if (auto relu = scalar.value.getDefiningOp<arith::MaximumFOp>(); relu && !isSum(scalar)) {
    Value x = relu.getLhs(), zero = relu.getRhs();
    if (matchPattern(x, m_AnyZeroFloat()))
      std::swap(x, zero);
    if (!matchPattern(zero, m_AnyZeroFloat()))
      return false;
    epilogue |= INGOT_EPILOGUE_RELU;
    scalar = followed({scalar.nest, x});
  }
  if (auto add = scalar.value.getDefiningOp<arith::AddFOp>(); add && !isSum(scalar)) {
    Scalar sum = followed({scalar.nest, add.getLhs()}),
           other = followed({scalar.nest, add.getRhs()});
    if (!isSum(sum))
      std::swap(sum, other);
    bias = stridedOperand(kernel, other.nest, other.value);
    scalar = sum;
    if (!bias || bias->element != resultType)
      return false;
    epilogue |= INGOT_EPILOGUE_BIAS;
  }
  return isSum(scalar);
}

std::optional<LibraryProduct> Matcher::match() {
  auto nests = kernel.getBody().getOps<exec::NestOp>();
  if (kernel->getNumResults() != 1 || nests.empty())
    return std::nullopt;
  auto found = matchProduct(*nests.begin());
  if (!found || found->rows.empty())
    return std::nullopt;
  product = *found;
  bounds = loopDims(product.nest);
  resultType = getElementTypeOrSelf(kernel.getResult(0).getType());
  auto a = stridedOperand(kernel, product.nest, product.a),
       b = stridedOperand(kernel, product.nest, product.b);
  if (!a || !b || a->element != b->element || !matchEpilogue())
    return std::nullopt;
  Type sum = getElementTypeOrSelf(product.nest.getOutputs()[0]), type = a->element;
  bool isHalf = type.isF16() || type.isBF16();
  if (!(isHalf && sum.isF32()) && !(type == sum && (type.isF32() || type.isF64())))
    return std::nullopt;
  if (resultType != sum && resultType != type)
    return std::nullopt;

  Strides d = rowMajorStrides(product.nest.getOutputs()[0].getType());
  d.resize(bounds.size(), Dim::constant(context, 0));
  auto rows = joinedLoops(product.rows, bounds, {a->strides, d}, context);
  auto columns = joinedLoops(product.lanes, bounds, {b->strides, d}, context);
  auto batch = joinedLoops(product.batch, bounds, {a->strides, b->strides, d}, context);
  auto depth = joinedLoops(product.reduced, bounds, {a->strides, b->strides}, context);
  if (!rows || !columns || !batch || !depth || !isConstant(columns->steps[1], 1))
    return std::nullopt;
  LibraryProduct made;
  auto constant = [&](int64_t value) { return Dim::constant(context, value); };
  made.words = {constant(dtypeOf(type)),
                constant(dtypeOf(resultType)),
                constant(epilogue),
                batch->extent,
                rows->extent,
                columns->extent,
                depth->extent,
                batch->steps[0],
                rows->steps[0],
                depth->steps[0],
                batch->steps[1],
                depth->steps[1],
                columns->steps[0],
                batch->steps[2],
                rows->steps[1]};
  made.a = {a->tensor, a->offset};
  made.b = {b->tensor, b->offset};
  made.d = {kernel.getResult(0), constant(0)};
  if (bias) {
    bias->strides.resize(bounds.size(), constant(0));
    for (unsigned loop = 0; loop < bounds.size(); ++loop)
      if (!llvm::is_contained(product.lanes, loop) && !isConstant(bounds[loop], 1) &&
          !isConstant(bias->strides[loop], 0))
        return std::nullopt;
    auto along = joinedLoops(product.lanes, bounds, {llvm::ArrayRef<Dim>(bias->strides)}, context);
    if (!along || !isConstant(along->steps[0], 1))
      return std::nullopt;
    made.bias = {bias->tensor, bias->offset};
  }
  return made;
}

} // namespace

bool LibraryProduct::mayBe(const ingot_product &product) const {
  for (auto [word, value] : llvm::zip(words, wordsOf(product)))
    if (word.isStatic() && word.value() != value)
      return false;
  return true;
}

std::optional<LibraryProduct> matchLibraryProduct(exec::KernelOp kernel) {
  return Matcher(kernel).match();
}

} // namespace ingot::gpu
