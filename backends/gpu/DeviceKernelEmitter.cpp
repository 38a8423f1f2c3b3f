// See DeviceKernelEmitter.h.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "backends/gpu/StreamedEmitter.h"
#include "backends/gpu/UnrollVectors.h"
#include "compiler/fusion/FormAttention.h"
#include "compiler/fusion/FormKernels.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

namespace {

constexpr int64_t mostThreads = 256;
/// What leaves most of a GPU idle.
constexpr int64_t fewThreads = 1 << 16;
/// A reduction of fewer points is a thread's alone.
constexpr int64_t leastShared = 32;
constexpr int64_t pieceBytes = 16, mostLanes = 8;
/// A thread takes one point where that alone is more work: operations, points of a reduction.
constexpr int64_t mostOperations = 128, longestWindow = 64;

} // namespace

int64_t estimatedPoints(llvm::ArrayRef<Dim> loops) {
  int64_t points = 1;
  for (Dim d : loops)
    points *= estimate(d);
  return points;
}

DeviceCode emitKernel(cpu::CodeContext &context, const cpu::Frame &frame, exec::KernelOp kernel,
                      const GpuTarget &target, llvm::StringRef symbol) {
  if (kernel->hasAttr(kStreamedAttr))
    return StreamedEmitter(context, frame, kernel, target).emit(symbol);
  auto emit = [&](bool takesPieces, bool &isUnrolled) {
    DeviceCode code = DeviceKernelEmitter(context, frame, kernel, target, takesPieces).emit(symbol);
    isUnrolled = succeeded(unrollVectors(code.function));
    return code;
  };
  bool isUnrolled = false;
  DeviceCode code = emit(/*takesPieces=*/true, isUnrolled);
  if (isUnrolled)
    return code;
  code.function.erase();
  return emit(/*takesPieces=*/false, isUnrolled);
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
    takesBlock |=
        !isMap(nest) && estimatedPoints(inner) >= leastShared &&
        estimatedPoints(domain) < std::max(estimatedPoints(inner) * mostThreads, fewThreads);
  }
  if (!emitTransposition(code) && !emitTiles(code)) {
    if (!takesBlock || canBeFlat())
      emitPoints(code);
    else if (!emitColumns(code))
      emitRows(code);
  }
  cpu::finishTask(cb, task);
  code.sharedBytes = dynamicBytes;
  return code;
}

void DeviceKernelEmitter::emitPoints(DeviceCode &code) {
  code.form = Form::Threads;
  code.threads = mostThreads;
  flat = canBeFlat();
  unsigned last = lastLoop();
  int64_t lanes = cb.lanes = lanesOfPoints();
  Dim count = numElements(builder.getContext(), domain);
  code.count = count.ceilDiv(lanes);
  Value first = cb.mul(taskIndex, cb.integer(lanes));
  if (!flat) {
    Indices point = delinearize(first, domain);
    if (lanes > 1)
      point[last].stride = 1;
    return emitPoint(point);
  }
  if (lanes == 1)
    return emitPoint({cb.uniform(taskIndex)});
  if (count.isStatic() && count.value() % lanes == 0)
    return emitPoint({{first, 1, {}}});
  Value end = dim(count), next = cb.add(first, cb.integer(lanes));
  Value isWhole = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::sle, next, end);
  cb.branch(
      isWhole, [&] { emitPoint({{first, 1, {}}}); },
      [&] {
        cb.lanes = 1;
        cb.loop(first, end, 1, [&](Value i) { emitPoint({cb.uniform(i)}); });
      });
}

unsigned DeviceKernelEmitter::lastLoop() {
  unsigned loop = domain.empty() ? 0 : domain.size() - 1;
  while (loop > 0 && isConstant(domain[loop], 1))
    --loop;
  return loop;
}

void DeviceKernelEmitter::emitPoint(const Indices &point) {
  emitVerticalNests(llvm::ArrayRef<Indices>(point));
}

int64_t DeviceKernelEmitter::lanesOfPoints() {
  if (!takesPieces || domain.empty())
    return 1;
  int64_t operations = 0, window = 1;
  for (auto nest : kernel.getBody().getOps<exec::NestOp>()) {
    operations += llvm::range_size(nest.getBody().front().getOperations());
    Dims loops = loopDims(nest);
    window = std::max(window,
                      estimatedPoints(llvm::ArrayRef<Dim>(loops).drop_front(nest.getParallel())));
  }
  if (operations > mostOperations || window > longestWindow)
    return 1;
  // Of a flat kernel the last thread takes what is left one by one.
  return lanesAlong(flat ? Dim::constant(builder.getContext(), mostLanes) : domain[lastLoop()]);
}

int64_t DeviceKernelEmitter::lanesAlong(Dim extent) {
  auto bytesOf = [](Type element) {
    return static_cast<int64_t>(cpu::memoryType(element).getIntOrFloatBitWidth() / 8);
  };
  int64_t widest = 1;
  for (Value output : kernel.getOutputs())
    widest = std::max(widest, bytesOf(getElementTypeOrSelf(output)));
  for (Value outside : llvm::concat<Value>(llvm::to_vector(kernel.getInputs()),
                                           llvm::to_vector(kernel.getOutputs()))) {
    // Slices follow each other.
    Dim bytes = tensorBytes(outside.getType());
    if (storageOf(outside).kind == Storage::Kind::Local &&
        !(bytes.isStatic() && bytes.value() % pieceBytes == 0))
      return 1;
  }
  int64_t lanes = std::clamp<int64_t>(pieceBytes / widest, 1, mostLanes);
  while (lanes > 1 && !(extent.isStatic() && extent.value() % lanes == 0))
    lanes /= 2;
  return lanes;
}

void DeviceKernelEmitter::beginBlocks(DeviceCode &code, Dim count) {
  code.form = Form::Blocks;
  code.threads = threads;
  code.count = count;
  thread =
      func::CallOp::create(builder, cb.loc, intrinsic::thread, TypeRange{cb.i64()}).getResult(0);
}

void DeviceKernelEmitter::barrier() {
  func::CallOp::create(builder, cb.loc, intrinsic::barrier, TypeRange{});
  unfinished.clear();
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
