// A dispatch that calls a user's C function: one task, which lays the call's description out on its
// stack, as custom_op.h has it, and looks at the status. See KernelEmitter.h.
#include "backends/cpu/CustomCode.h"
#include "backends/cpu/KernelEmitter.h"
#include "compiler/package/Describe.h"
#include "ingot/custom_op.h"
#include <cstddef>

using namespace mlir;

namespace ingot::cpu {
namespace {

constexpr int64_t wordBytes = sizeof(int64_t);
constexpr int64_t tensorWords = 3, parameterWords = 3, callWords = 11;
static_assert(sizeof(ingot_custom_tensor) == tensorWords * wordBytes);
static_assert(sizeof(ingot_custom_parameter) == parameterWords * wordBytes);
static_assert(sizeof(ingot_custom_call) == callWords * wordBytes);

class CustomCallEmitter {
public:
  CustomCallEmitter(CodeContext &context, const Frame &frame, exec::CustomCallOp op,
                    llvm::StringRef symbol)
      : context(context), frame(frame), op(op), symbol(symbol), b(context.module.getContext()),
        cb(b, op.getLoc(), 1), task(beginTask(context, cb, symbol)) {}

  KernelCode emit();

private:
  void store(Value v, int64_t word) { LLVM::StoreOp::create(b, cb.loc, v, at(word), wordBytes); }
  Value at(int64_t word) { return cb.address(block, cb.integer(word), cb.i64()); }
  Value null() { return LLVM::ZeroOp::create(b, cb.loc, cb.pointer()); }
  Value pointer(Value tensor) { return tensorPointer(cb, frame, task.frame, tensor); }
  Value evaluate(Dim d) {
    return cb.evaluate(
        d, [&](llvm::StringRef name) { return cb.loadI64(task.frame, frame.symbol(name)); });
  }
  /// The place of that many words of the block.
  int64_t take(int64_t words) { return std::exchange(used, used + words); }
  int64_t wordsNeeded();
  int64_t storeTensors(ValueRange tensors, size_t firstElement);
  int64_t storeParameters();
  Value constant(Attribute parameter, int64_t index);
  func::FuncOp callee();
  void reportFailure(Value status);

  CodeContext &context;
  const Frame &frame;
  exec::CustomCallOp op;
  llvm::StringRef symbol;
  OpBuilder b;
  CodeBuilder cb;
  TaskFunction task;
  Value block; // on the stack
  int64_t used = 0;
};

int64_t CustomCallEmitter::wordsNeeded() {
  int64_t words = callWords + parameterWords * op.getParameters().size();
  for (Value tensor :
       llvm::concat<Value>(llvm::to_vector(op.getInputs()), llvm::to_vector(op.getResults())))
    words += tensorWords + dimsOf(tensor).size();
  return words;
}

/// {dtype and rank, dims, data} of each.
int64_t CustomCallEmitter::storeTensors(ValueRange tensors, size_t firstElement) {
  int64_t first = take(tensorWords * tensors.size());
  for (auto [i, tensor] : llvm::enumerate(tensors)) {
    Type element = llvm::cast<TypeAttr>(op.getElements()[firstElement + i]).getValue();
    Dims dims = dimsOf(tensor);
    int64_t extents = take(dims.size()), word = first + tensorWords * i;
    for (auto [axis, d] : llvm::enumerate(dims))
      store(evaluate(d), extents + axis);
    int64_t rank = dims.size();
    store(cb.integer(rank << 32 | static_cast<int64_t>(dtypeOf(element))), word);
    store(at(extents), word + 1);
    store(pointer(tensor), word + 2);
  }
  return first;
}

/// Read-only data that the parameter's value is.
Value CustomCallEmitter::constant(Attribute parameter, int64_t index) {
  Type element;
  Attribute value;
  int64_t count = 0;
  auto array = [&](auto elements, Type type) {
    count = elements.size();
    element = type;
    value = DenseElementsAttr::get(RankedTensorType::get({count}, type), elements);
  };
  if (auto text = llvm::dyn_cast<StringAttr>(parameter)) {
    std::string terminated = text.getValue().str() + '\0';
    count = terminated.size();
    element = b.getI8Type();
    value = b.getStringAttr(terminated);
  } else if (auto integer = llvm::dyn_cast<IntegerAttr>(parameter)) {
    array(llvm::ArrayRef<int64_t>(integer.getInt()), b.getI64Type());
  } else if (auto real = llvm::dyn_cast<FloatAttr>(parameter)) {
    float number = real.getValue().convertToFloat();
    array(llvm::ArrayRef<float>(number), b.getF32Type());
  } else if (auto integers = llvm::dyn_cast<DenseI64ArrayAttr>(parameter)) {
    array(integers.asArrayRef(), b.getI64Type());
  } else {
    array(llvm::cast<DenseF32ArrayAttr>(parameter).asArrayRef(), b.getF32Type());
  }
  if (count == 0)
    return null();
  std::string name = (symbol + "_parameter_" + llvm::Twine(index)).str();
  OpBuilder atEnd = OpBuilder::atBlockEnd(context.module.getBody());
  LLVM::GlobalOp::create(atEnd, cb.loc, LLVM::LLVMArrayType::get(element, count), true,
                         LLVM::Linkage::Internal, name, value, wordBytes);
  return LLVM::AddressOfOp::create(b, cb.loc, cb.pointer(), name);
}

/// {kind, count, data} of each.
int64_t CustomCallEmitter::storeParameters() {
  int64_t first = take(parameterWords * op.getParameters().size());
  for (auto [i, entry] : llvm::enumerate(op.getParameters())) {
    Attribute value = llvm::cast<ArrayAttr>(entry)[1];
    int64_t kind = INGOT_PARAMETER_FLOATS, count = 1, word = first + parameterWords * i;
    if (auto text = llvm::dyn_cast<StringAttr>(value)) {
      kind = INGOT_PARAMETER_STRING;
      count = text.size();
    } else if (llvm::isa<IntegerAttr>(value)) {
      kind = INGOT_PARAMETER_INT;
    } else if (llvm::isa<FloatAttr>(value)) {
      kind = INGOT_PARAMETER_FLOAT;
    } else if (auto integers = llvm::dyn_cast<DenseI64ArrayAttr>(value)) {
      kind = INGOT_PARAMETER_INTS;
      count = integers.size();
    } else {
      count = llvm::cast<DenseF32ArrayAttr>(value).size();
    }
    store(cb.integer(kind), word);
    store(cb.integer(count), word + 1);
    store(constant(value, i), word + 2);
  }
  return first;
}

func::FuncOp CustomCallEmitter::callee() {
  std::string name = customSymbol(context.options, op.getCallee(), op.getFunction());
  if (auto existing = context.module.lookupSymbol<func::FuncOp>(name))
    return existing;
  OpBuilder atEnd = OpBuilder::atBlockEnd(context.module.getBody());
  auto made = func::FuncOp::create(atEnd, cb.loc, name,
                                   b.getFunctionType({cb.pointer()}, {b.getI32Type()}));
  made.setPrivate();
  return made;
}

void CustomCallEmitter::reportFailure(Value status) {
  Value failed =
      arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, status,
                            arith::ConstantOp::create(b, cb.loc, b.getI32IntegerAttr(0)));
  auto branch = scf::IfOp::create(b, cb.loc, failed, false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  Value wide = arith::ExtSIOp::create(b, cb.loc, cb.i64(), status);
  LLVM::StoreOp::create(
      b, cb.loc, wide, cb.address(task.frame, cb.integer(frame.customStatus), cb.i64()), wordBytes);
  reportNode(context, cb, frame, task.frame, op.getLoc());
}

KernelCode CustomCallEmitter::emit() {
  block = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), cb.i64(), cb.integer(wordsNeeded()),
                                 wordBytes);
  unsigned outputs = op.getNumOutputs();
  bool hasWorkspace = op.getResults().size() > outputs;
  int64_t inputTensors = storeTensors(op.getInputs(), 0);
  int64_t outputTensors = storeTensors(op.getResults().take_front(outputs), op.getInputs().size());
  int64_t parameters = storeParameters();
  Value run = cb.loadPointer(task.frame, frame.run);
  auto ofRun = [&](size_t offset) {
    return op.getParallel() ? cb.loadPointer(run, offset / wordBytes) : null();
  };
  // The fields of ingot_custom_call.
  Value fields[callWords] = {cb.integer(sizeof(ingot_custom_call)),
                             cb.integer(op.getInputs().size()),
                             at(inputTensors),
                             cb.integer(outputs),
                             at(outputTensors),
                             cb.integer(op.getParameters().size()),
                             at(parameters),
                             hasWorkspace ? pointer(op.getResults().back()) : null(),
                             hasWorkspace ? evaluate(dimsOf(op.getResults().back())[0])
                                          : cb.integer(0),
                             ofRun(offsetof(ingot_run, parallel_for)),
                             ofRun(offsetof(ingot_run, pool))};
  int64_t call = take(callWords);
  for (auto [i, field] : llvm::enumerate(fields))
    store(field, call + i);
  Value status = func::CallOp::create(b, cb.loc, callee(), at(call)).getResult(0);
  reportFailure(status);
  finishTask(cb, task);
  return {task.function, Dim::constant(b.getContext(), 1), true};
}

} // namespace

KernelCode emitCustomCall(CodeContext &context, const Frame &frame, exec::CustomCallOp op,
                          llvm::StringRef symbol) {
  return CustomCallEmitter(context, frame, op, symbol).emit();
}

} // namespace ingot::cpu
