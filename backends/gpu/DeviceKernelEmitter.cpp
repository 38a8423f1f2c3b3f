// See DeviceKernelEmitter.h.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "compiler/fusion/FormKernels.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

namespace {

constexpr int64_t mostThreads = 256;
/// A reduction of fewer points is a thread's alone.
constexpr int64_t leastShared = 32;

int64_t product(llvm::ArrayRef<Dim> dims) {
  int64_t result = 1;
  for (Dim d : dims)
    result *= estimate(d);
  return result;
}

bool isOne(Dim d) { return isConstant(d, 1); }

} // namespace

bool DeviceKernelEmitter::hasOnePoint(exec::NestOp nest) {
  Dims loops = loopDims(nest);
  return llvm::all_of(
      llvm::ArrayRef<Dim>(loops).slice(domain.size(), nest.getParallel() - domain.size()), isOne);
}

DeviceCode DeviceKernelEmitter::emit(llvm::StringRef symbol) {
  cpu::TaskFunction task = begin(symbol);
  DeviceCode code;
  code.function = task.function;
  // Points are threads unless what one computes is worth several.
  bool takesBlock = false;
  for (exec::NestOp nest : madeNests()) {
    Dims loops = loopDims(nest);
    llvm::ArrayRef<Dim> inner = llvm::ArrayRef<Dim>(loops).drop_front(domain.size());
    takesBlock |= nest.getParallel() != domain.size();
    takesBlock |= !isMap(nest) && product(inner) >= leastShared &&
                  product(domain) < product(inner) * mostThreads;
  }
  if (!emitTiles(code)) {
    if (takesBlock && !canBeFlat())
      emitRows(code);
    else
      emitPoints(code);
  }
  cpu::finishTask(cb, task);
  code.sharedBytes = dynamicBytes;
  return code;
}

void DeviceKernelEmitter::emitPoints(DeviceCode &code) {
  code.form = Form::Threads;
  code.threads = mostThreads;
  code.count = numElements(builder.getContext(), domain);
  flat = canBeFlat();
  Indices point = flat ? Indices{cb.uniform(taskIndex)} : delinearize(taskIndex, domain);
  emitVerticalNests(llvm::ArrayRef<Indices>(point));
}

void DeviceKernelEmitter::emitRows(DeviceCode &code) {
  rows = true;
  int64_t longest = 1;
  for (exec::NestOp nest : madeNests()) {
    Dims loops = loopDims(nest);
    longest = std::max(longest, product(llvm::ArrayRef<Dim>(loops).drop_front(domain.size())));
  }
  threads = 32;
  while (threads < mostThreads && threads * 4 <= longest)
    threads *= 2;
  code.form = Form::Blocks;
  code.threads = threads;
  code.count = numElements(builder.getContext(), domain);
  thread =
      func::CallOp::create(builder, cb.loc, intrinsic::thread, TypeRange{cb.i64()}).getResult(0);
  Indices outer = delinearize(taskIndex, domain);
  for (auto [i, nest] : llvm::enumerate(madeNests())) {
    if (i > 0)
      barrier(); // what the nests before made is there
    emitRowNest(nest, outer);
  }
}

void DeviceKernelEmitter::shareOut(Dim count, llvm::function_ref<void(Value)> body) {
  if (isOne(count)) {
    Value first =
        arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::eq, thread, cb.integer(0));
    return cb.branch(first, [&] { body(cb.integer(0)); });
  }
  auto loop = scf::ForOp::create(builder, cb.loc, thread, dim(count), cb.integer(threads));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

void DeviceKernelEmitter::emitRowNest(exec::NestOp nest, llvm::ArrayRef<Index> outer) {
  Dims loops = loopDims(nest);
  int64_t parallel = nest.getParallel();
  llvm::ArrayRef<Dim> inner =
      llvm::ArrayRef<Dim>(loops).slice(outer.size(), parallel - outer.size());
  if (!isMap(nest) && hasOnePoint(nest)) {
    Indices point(outer);
    point.resize(parallel, cb.constant(0));
    Values values = reduceTogether(nest, point);
    return shareOut(Dim::constant(builder.getContext(), 1),
                    [&](Value) { store(nest.getOutputs(), values, point); });
  }
  shareOut(numElements(builder.getContext(), inner), [&](Value i) {
    Indices point(outer);
    llvm::append_range(point, delinearize(i, inner));
    Values values = isMap(nest) ? emitBody(nest, point) : reduce(nest, point, false);
    store(nest.getOutputs(), values, point);
  });
}

DeviceKernelEmitter::Values DeviceKernelEmitter::reduceTogether(exec::NestOp nest,
                                                                llvm::ArrayRef<Index> point) {
  Dims loops = loopDims(nest);
  llvm::ArrayRef<Dim> reduced = llvm::ArrayRef<Dim>(loops).drop_front(nest.getParallel());
  Values init = identities(nest, false);
  auto loop =
      scf::ForOp::create(builder, cb.loc, thread, dim(numElements(builder.getContext(), reduced)),
                         cb.integer(threads), init);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(loop.getBody());
    Indices at(point);
    llvm::append_range(at, delinearize(loop.getInductionVar(), reduced));
    scf::YieldOp::create(builder, cb.loc,
                         combine(nest, loop.getRegionIterArgs(), emitBody(nest, at)));
  }
  // Halves onto halves: the order is fixed by the number of threads.
  Values parts(loop.getResults());
  Values buffers;
  for (auto [i, part] : llvm::enumerate(parts)) {
    Value &buffer = exchanges[{part.getType(), static_cast<int64_t>(i)}];
    if (!buffer)
      buffer = shared(cpu::memoryType(part.getType()), threads);
    buffers.push_back(buffer);
  }
  auto put = [&](ValueRange values) {
    for (auto [value, buffer] : llvm::zip(values, buffers))
      storeTo(buffer, value.getType(), cb.uniform(thread), value);
  };
  auto get = [&](Value at) {
    Values values;
    for (auto [part, buffer] : llvm::zip(parts, buffers))
      values.push_back(load(buffer, part.getType(), cb.uniform(at)));
    return values;
  };
  put(parts);
  barrier();
  for (int64_t width = threads / 2; width >= 1; width /= 2) {
    Value isLower = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, thread,
                                          cb.integer(width));
    cb.branch(isLower,
              [&] { put(combine(nest, get(thread), get(cb.add(thread, cb.integer(width))))); });
    barrier();
  }
  Values result = get(cb.integer(0));
  barrier(); // the buffers are free again
  settleIndex(result);
  return result;
}

void DeviceKernelEmitter::barrier() {
  func::CallOp::create(builder, cb.loc, intrinsic::barrier, TypeRange{});
}

Value DeviceKernelEmitter::shared(Type element, int64_t count) {
  return hoist([&] {
    auto type = LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace);
    return Value(LLVM::AllocaOp::create(builder, cb.loc, type, element, cb.integer(count)));
  });
}

Value DeviceKernelEmitter::dynamicShared(int64_t bytes) {
  int64_t offset = dynamicBytes;
  dynamicBytes += llvm::alignTo(bytes, 128);
  return hoist([&] {
    auto type = LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace);
    Value base = func::CallOp::create(builder, cb.loc, intrinsic::dynamicShared, TypeRange{type})
                     .getResult(0);
    return cb.address(base, cb.integer(offset), builder.getI8Type());
  });
}

Value DeviceKernelEmitter::keptBuffer(Type element, int64_t count) {
  return shared(element, count);
}

} // namespace ingot::gpu
