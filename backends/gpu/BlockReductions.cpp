// Reductions whose points the threads of a block share: rows of softmax and normalisations, sums
// over the rows of a matrix. Part of DeviceKernelEmitter.
//
// What all threads end up with stays in their registers: a nest of one point is computed by each of
// them. Maps of one point that no other kind of nest needs are made last, by one thread: what it
// stores in the place of a variable, no other reads then. What a nest makes of many points is in
// shared memory, and awaited by those that read it.
#include "backends/gpu/DeviceKernelEmitter.h"
#include "compiler/fusion/FormKernels.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

namespace {

constexpr int64_t warp = 32;

bool isOne(Dim d) { return isConstant(d, 1); }

} // namespace

void DeviceKernelEmitter::emitRows(DeviceCode &code) {
  constexpr int64_t mostThreads = 256;
  rows = true;
  int64_t longest = 1; // in points, or pieces of 16 bytes
  for (exec::NestOp nest : madeNests()) {
    Dims loops = loopDims(nest);
    int64_t points = estimatedPoints(llvm::ArrayRef<Dim>(loops).drop_front(domain.size()));
    longest = std::max(longest, points / lanesOfRow(nest));
  }
  threads = warp;
  while (threads < mostThreads && threads * 4 <= longest)
    threads *= 2;
  beginBlocks(code, numElements(builder.getContext(), domain));
  Indices outer = delinearize(taskIndex, domain);
  llvm::SmallVector<exec::NestOp> nests = madeNests(), lone = takeLoneMaps(nests);
  for (exec::NestOp nest : nests) {
    awaitInputs(nest);
    emitRowNest(nest, outer);
  }
  for (exec::NestOp nest : lone)
    awaitInputs(nest);
  emitLoneMaps(lone, outer, isFirstThread());
}

bool DeviceKernelEmitter::isOnePoint(exec::NestOp nest) {
  Dims loops = loopDims(nest);
  return llvm::all_of(
      llvm::ArrayRef<Dim>(loops).take_front(nest.getParallel()).drop_front(domain.size()), isOne);
}

llvm::SmallVector<exec::NestOp>
DeviceKernelEmitter::takeLoneMaps(llvm::SmallVectorImpl<exec::NestOp> &nests) {
  llvm::DenseSet<Operation *> needed;
  llvm::SmallVector<exec::NestOp> work;
  auto isLone = [&](exec::NestOp nest) { return isMap(nest) && isOnePoint(nest); };
  for (exec::NestOp nest : nests)
    if (!isLone(nest))
      work.push_back(nest);
  while (!work.empty())
    for (Value input : work.pop_back_val().getInputs())
      if (auto maker = input.getDefiningOp<exec::NestOp>(); maker && needed.insert(maker).second)
        work.push_back(maker);
  llvm::SmallVector<exec::NestOp> lone, others;
  for (exec::NestOp nest : nests)
    (isLone(nest) && !needed.contains(nest) ? lone : others).push_back(nest);
  nests = others;
  return lone;
}

void DeviceKernelEmitter::emitLoneMaps(llvm::ArrayRef<exec::NestOp> maps,
                                       llvm::ArrayRef<Index> point, Value isFirst) {
  if (maps.empty())
    return;
  cb.branch(isFirst, [&] {
    for (exec::NestOp nest : maps) {
      Indices at(point);
      at.resize(nest.getParallel(), cb.constant(0));
      finishTogether(nest, emitBody(nest, at), at, nullptr);
    }
  });
}

Value DeviceKernelEmitter::isFirstThread() {
  return arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::eq, thread, cb.integer(0));
}

void DeviceKernelEmitter::shareOut(Dim count, llvm::function_ref<void(Value)> body) {
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
  if (isOnePoint(nest)) {
    Indices point(outer);
    point.resize(parallel, cb.constant(0));
    Values values = isMap(nest) ? emitBody(nest, point) : reduceTogether(nest, point);
    return finishTogether(nest, values, point, isFirstThread());
  }
  const int64_t lanes = isMap(nest) ? lanesOfRow(nest) : 1;
  Dim count = numElements(builder.getContext(), inner).ceilDiv(lanes);
  shareOut(count, [&](Value i) {
    Indices point(outer);
    llvm::append_range(point, delinearize(cb.mul(i, cb.integer(lanes)), inner));
    point.back().stride = lanes > 1 ? 1 : 0;
    cb.lanes = lanes;
    Values values = isMap(nest) ? emitBody(nest, point) : reduce(nest, point, false);
    store(nest.getOutputs(), values, point);
    cb.lanes = 1;
  });
  unfinished.insert(nest.getOutputs().begin(), nest.getOutputs().end());
}

void DeviceKernelEmitter::finishTogether(exec::NestOp nest, ValueRange values,
                                         llvm::ArrayRef<Index> point, Value isFirst) {
  auto storeAll = [&] {
    for (auto [output, value] : llvm::zip(nest.getOutputs(), values))
      if (isStored(output))
        store(output, value, point);
  };
  isFirst ? cb.branch(isFirst, storeAll) : storeAll();
  for (auto [output, value] : llvm::zip(nest.getOutputs(), values))
    providers[output] = [value = value](llvm::ArrayRef<Index>) { return value; };
}

bool DeviceKernelEmitter::readsUnfinished(exec::NestOp nest) {
  return llvm::any_of(nest.getInputs(), [&](Value input) {
    auto producer = input.getDefiningOp<exec::NestOp>();
    return unfinished.contains(input) || (producer && !isMade(input) && readsUnfinished(producer));
  });
}

void DeviceKernelEmitter::awaitInputs(exec::NestOp nest) {
  if (readsUnfinished(nest))
    barrier();
}

/// Of the reduction's points every `step`-th from `first` on; in pieces of as many.
DeviceKernelEmitter::Values DeviceKernelEmitter::reducePart(exec::NestOp nest,
                                                            llvm::ArrayRef<Index> point,
                                                            Value first, int64_t step,
                                                            int64_t lanes) {
  Dims loops = loopDims(nest);
  llvm::ArrayRef<Dim> reduced = llvm::ArrayRef<Dim>(loops).drop_front(nest.getParallel());
  Value count = dim(numElements(builder.getContext(), reduced).ceilDiv(lanes));
  cb.lanes = lanes;
  auto loop = scf::ForOp::create(builder, cb.loc, first, count, cb.integer(step),
                                 identities(nest, lanes > 1));
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(loop.getBody());
    Indices at(point);
    llvm::append_range(at, delinearize(cb.mul(loop.getInductionVar(), cb.integer(lanes)), reduced));
    if (lanes > 1)
      at.back().stride = 1;
    Values values = emitBody(nest, at);
    for (Value &value : values)
      value = cb.widen(value);
    scf::YieldOp::create(builder, cb.loc, combine(nest, loop.getRegionIterArgs(), values));
  }
  cb.lanes = 1;
  return lanes > 1 ? reduceVectors(nest, loop.getResults(), lanes) : Values(loop.getResults());
}

/// Halves onto halves.
DeviceKernelEmitter::Values DeviceKernelEmitter::reduceVectors(exec::NestOp nest,
                                                               ValueRange vectors, int64_t lanes) {
  llvm::SmallVector<Values> parts;
  for (int64_t lane = 0; lane < lanes; ++lane)
    parts.push_back(llvm::map_to_vector(vectors, [&](Value v) -> Value {
      return vector::ExtractOp::create(builder, cb.loc, v, lane);
    }));
  for (; lanes > 1; lanes /= 2)
    for (int64_t lane = 0; lane < lanes / 2; ++lane)
      parts[lane] = combine(nest, parts[lane], parts[lane + lanes / 2]);
  return parts[0];
}

int64_t DeviceKernelEmitter::lanesOfLoop(exec::NestOp nest, unsigned loop) {
  return takesPieces && readsAlong(nest, loop) ? lanesAlong(loopDims(nest)[loop]) : 1;
}

int64_t DeviceKernelEmitter::lanesOfRow(exec::NestOp nest) {
  size_t loops = loopDims(nest).size();
  return loops > domain.size() ? lanesOfLoop(nest, loops - 1) : 1;
}

DeviceKernelEmitter::Values DeviceKernelEmitter::reduceTogether(exec::NestOp nest,
                                                                llvm::ArrayRef<Index> point) {
  Values parts = reducePart(nest, point, thread, threads, lanesOfRow(nest));
  Values result = target.shuffles ? combineByShuffles(nest, parts) : combineInMemory(nest, parts);
  settleIndex(result);
  return result;
}

DeviceKernelEmitter::Values DeviceKernelEmitter::combineAcross(exec::NestOp nest, ValueRange parts,
                                                               int64_t bit) {
  Value mask = arith::ConstantOp::create(builder, cb.loc, builder.getI32IntegerAttr(bit));
  Values others = llvm::map_to_vector(parts, [&](Value part) -> Value {
    Type type = part.getType();
    bool is64 = type.getIntOrFloatBitWidth() == 64;
    llvm::StringRef callee = type.isF32()   ? "k_shfl_xor_f32"
                             : type.isF64() ? "k_shfl_xor_f64"
                             : is64         ? "k_shfl_xor_u64"
                                            : "k_shfl_xor_u32";
    return func::CallOp::create(builder, cb.loc, callee, type, ValueRange{part, mask}).getResult(0);
  });
  return combine(nest, parts, others);
}

/// Neighbours first: of a warp by shuffles, then what the warps have.
DeviceKernelEmitter::Values DeviceKernelEmitter::combineByShuffles(exec::NestOp nest,
                                                                   Values parts) {
  for (int64_t bit = warp / 2; bit >= 1; bit /= 2)
    parts = combineAcross(nest, parts, bit);
  if (threads == warp)
    return parts;
  Value inWarp = cb.remainder(thread, cb.integer(warp));
  Value isWriter =
      arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::eq, inWarp, cb.integer(0));
  return combineGroups(nest, parts, threads / warp, 1, isWriter,
                       cb.floorDiv(thread, cb.integer(warp)), cb.integer(0));
}

DeviceKernelEmitter::Values DeviceKernelEmitter::combineGroups(exec::NestOp nest, ValueRange parts,
                                                               int64_t groups, int64_t size,
                                                               Value isWriter, Value group,
                                                               Value place) {
  Values buffers = exchangeBuffers(parts, groups * size);
  auto write = [&] { put(buffers, parts, cb.add(cb.mul(group, cb.integer(size)), place)); };
  isWriter ? cb.branch(isWriter, write) : write();
  barrier();
  Values result = get(buffers, parts, place);
  for (int64_t i = 1; i < groups; ++i)
    result = combine(nest, result, get(buffers, parts, cb.add(place, cb.integer(i * size))));
  return result;
}

/// Halves onto halves: the order is fixed by the number of threads.
DeviceKernelEmitter::Values DeviceKernelEmitter::combineInMemory(exec::NestOp nest,
                                                                 ValueRange parts) {
  Values buffers = exchangeBuffers(parts, threads);
  put(buffers, parts, thread);
  barrier();
  for (int64_t width = threads / 2; width >= 1; width /= 2) {
    Value isLower = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, thread,
                                          cb.integer(width));
    cb.branch(isLower, [&] {
      put(buffers,
          combine(nest, get(buffers, parts, thread),
                  get(buffers, parts, cb.add(thread, cb.integer(width)))),
          thread);
    });
    barrier();
  }
  return get(buffers, parts, cb.integer(0));
}

DeviceKernelEmitter::Values DeviceKernelEmitter::exchangeBuffers(ValueRange parts, int64_t count) {
  int64_t turn = exchangesMade++ % 2;
  Values buffers;
  for (auto [i, part] : llvm::enumerate(parts)) {
    Type element = cpu::memoryType(part.getType());
    Value &buffer =
        exchanges[{element.getAsOpaquePointer(), count, static_cast<int64_t>(i) * 2 + turn}];
    if (!buffer)
      buffer = shared(element, count);
    buffers.push_back(buffer);
  }
  return buffers;
}

void DeviceKernelEmitter::put(ValueRange buffers, ValueRange values, Value at) {
  for (auto [value, buffer] : llvm::zip(values, buffers))
    storeTo(buffer, value.getType(), cb.uniform(at), value);
}

DeviceKernelEmitter::Values DeviceKernelEmitter::get(ValueRange buffers, ValueRange like,
                                                     Value at) {
  Values values;
  for (auto [part, buffer] : llvm::zip(like, buffers))
    values.push_back(load(buffer, part.getType(), cb.uniform(at)));
  return values;
}

bool DeviceKernelEmitter::readsAlong(exec::NestOp nest, unsigned loop) {
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    AffineMap map = accessMap(nest, i);
    if (!map || !isReadAlong(nest.getInputs()[i], map, loop))
      return false;
  }
  return true;
}

bool DeviceKernelEmitter::isReadAlong(Value tensor, AffineMap map, unsigned loop) {
  auto producer = tensor.getDefiningOp<exec::NestOp>();
  if (!producer || isMade(tensor)) {
    auto strides = linearStrides(map, tensor.getType(), map.getNumDims());
    return strides && (isConstant((*strides)[loop], 0) || isConstant((*strides)[loop], 1));
  }
  if (auto padding = paddingOf(producer))
    return isReadAlong(padding->source, map, loop);
  for (unsigned i = 0; i < producer.getInputs().size(); ++i) {
    AffineMap inner = accessMap(producer, i);
    if (!inner || !isReadAlong(producer.getInputs()[i], inner.compose(map), loop))
      return false;
  }
  return true;
}

bool DeviceKernelEmitter::emitColumns(DeviceCode &code) {
  constexpr int64_t mostGroups = 16, leastColumns = 16, enoughBlocks = 128;
  const unsigned last = lastLoop();
  if (domain.empty() || estimate(domain[last]) < leastColumns)
    return false;
  int64_t longest = 1;
  for (exec::NestOp nest : madeNests()) {
    if (nest.getParallel() != domain.size())
      return false;
    if (isMap(nest))
      continue;
    if (!readsAlong(nest, last))
      return false;
    Dims loops = loopDims(nest);
    longest =
        std::max(longest, estimatedPoints(llvm::ArrayRef<Dim>(loops).drop_front(domain.size())));
  }
  Dims tiles = domain;
  tiles[last] = domain[last].ceilDiv(warp);
  int64_t groups = 4;
  while (groups < mostGroups && groups * 8 <= longest &&
         (groups < 8 || estimatedPoints(tiles) < enoughBlocks))
    groups *= 2;
  threads = groups * warp;
  beginBlocks(code, numElements(builder.getContext(), tiles));
  Value column = cb.remainder(thread, cb.integer(warp)),
        group = cb.floorDiv(thread, cb.integer(warp));
  Indices point = delinearize(taskIndex, tiles);
  Value place = cb.add(cb.mul(point[last].base, cb.integer(warp)), column);
  Value isWriter =
      arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::eq, group, cb.integer(0));
  if (Value inside = isBelow(place, domain[last], warp)) {
    // Columns behind the last do its work once more.
    isWriter = arith::AndIOp::create(builder, cb.loc, isWriter, inside);
    place = cb.minimum(place, cb.sub(dim(domain[last]), cb.integer(1)));
  }
  point[last] = cb.uniform(place);
  llvm::SmallVector<exec::NestOp> nests = nestsOfPoint(), lone = takeLoneMaps(nests);
  for (exec::NestOp nest : nests) {
    Values values;
    if (isMap(nest)) {
      values = emitBody(nest, point);
    } else {
      values = combineGroups(nest, reducePart(nest, point, group, groups, 1), groups, warp, {},
                             group, column);
      settleIndex(values);
    }
    finishTogether(nest, values, point, isWriter);
  }
  emitLoneMaps(lone, point, isWriter);
  return true;
}

} // namespace ingot::gpu
