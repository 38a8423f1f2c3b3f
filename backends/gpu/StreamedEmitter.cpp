// See StreamedEmitter.h.
#include "backends/gpu/StreamedEmitter.h"
#include "backends/gpu/StreamedTiles.h"
#include "compiler/fusion/FormAttention.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace ingot::gpu {

using cpu::Index;

StreamedEmitter::StreamedEmitter(cpu::CodeContext &context, const cpu::Frame &frame,
                                 exec::KernelOp kernel, const GpuTarget &target)
    : DeviceKernelEmitter(context, frame, kernel, target, /*takesPieces=*/false) {
  xLoop = kernel->getAttrOfType<IntegerAttr>(kStreamedAttr).getInt();
  sortNests();
  auto factors = llvm::map_to_vector(
      roots, [](const StreamedProduct &root) { return MadeFactor{root.nest, root.a}; });
  if (!roots.empty())
    softmax = matchOnlineSoftmax(sums, factors);
  if (softmax && levelOf(softmax->largest) != 0)
    softmax.reset();
}

StreamedEmitter::~StreamedEmitter() = default;

/// The extents of loops behind the domain tell what a nest is.
void StreamedEmitter::sortNests() {
  size_t shared = domain.size();
  for (auto nest : kernel.getBody().getOps<exec::NestOp>()) {
    auto factors = factorsOf(nest);
    Dims loops = loopDims(nest);
    if (isMap(nest))
      continue;
    if (nest.getParallel() == shared && !(factors && loops.size() > shared + 1)) {
      sums.push_back(nest);
      yExtent = loops[shared];
      continue;
    }
    StreamedProduct product{nest, {}, {}, 1, {}, {}};
    Block &body = nest.getBody().front();
    Operation *multiply = body.getTerminator()->getOperand(0).getDefiningOp();
    bool aIsA = accessMap(nest, factors->a).isFunctionOfDim(xLoop);
    product.a = multiply->getOperand(aIsA ? 0 : 1);
    product.b = multiply->getOperand(aIsA ? 1 : 0);
    unsigned made = aIsA ? factors->a : factors->b;
    // What is made of scores comes from within the kernel, along y as the last of its dimensions.
    bool isRoot = loops.size() == nest.getParallel() + 1 &&
                  nest.getInputs()[made].getDefiningOp() && levelOf(nest.getInputs()[made]) >= 0;
    if (isRoot) {
      yExtent = loops.back();
      for (Dim lanes : llvm::ArrayRef<Dim>(loops).slice(shared, nest.getParallel() - shared))
        product.size *= lanes.value();
      roots.push_back(product);
    } else {
      yExtent = loops[shared];
      for (Dim depth : llvm::ArrayRef<Dim>(loops).drop_front(nest.getParallel()))
        product.size *= depth.value();
      scores.insert({nest, product});
    }
  }
  xExtent = domain[xLoop];
  for (auto nest : kernel.getBody().getOps<exec::NestOp>())
    if (isMap(nest) && nest.getParallel() == shared + 1 && levelOf(nest) >= 0 &&
        !nest->hasOneUse() && loopDims(nest).back() == yExtent)
      madeMaps.insert(nest);
}

/// In which pass a value can be computed: behind those that complete the sums it is made of; -1: in
/// none, since no scores are in it.
int64_t StreamedEmitter::levelOf(Value value) {
  auto nest = value.getDefiningOp<exec::NestOp>();
  if (!nest)
    return -1;
  bool isSum = llvm::is_contained(sums, nest);
  return levelOf(nest) + (isSum ? 1 : 0);
}

int64_t StreamedEmitter::levelOf(exec::NestOp nest) {
  auto [known, isNew] = levels.try_emplace(nest, -1);
  if (!isNew)
    return known->second;
  int64_t level = scores.count(nest) ? 0 : -1;
  for (Value input : nest.getInputs())
    level = std::max(level, levelOf(input));
  return levels[nest] = level;
}

/// Sums are f32 while they are made.
Value StreamedEmitter::widened(Value value) {
  Type f32 = builder.getF32Type();
  return value.getType() == f32 ? value : Value(arith::ExtFOp::create(builder, cb.loc, f32, value));
}

/// A row's sum as its nest has it.
Value StreamedEmitter::sumOf(exec::NestOp nest, Value value) {
  Type type = getElementTypeOrSelf(nest.getOutputs()[0]);
  return value.getType() == type ? value
                                 : Value(arith::TruncFOp::create(builder, cb.loc, type, value));
}

Value StreamedEmitter::initial(exec::NestOp nest) {
  return arith::ConstantOp::create(builder, cb.loc,
                                   exec::identityOf(nest.getCombiner(), builder.getF32Type()));
}

/// A thread's part of a nest's sums, of nothing yet.
Value StreamedEmitter::sumsOfRows(exec::NestOp nest) {
  Value array = privateArray(builder.getF32Type(), math->rowsOfThread), none = initial(nest);
  unrolled(math->rowsOfThread,
           [&](Value r) { storeTo(array, builder.getF32Type(), cb.uniform(r), none); });
  return array;
}

Value StreamedEmitter::constant(double value) {
  return arith::ConstantOp::create(builder, cb.loc,
                                   builder.getF32FloatAttr(static_cast<float>(value)));
}

DeviceCode StreamedEmitter::emit(llvm::StringRef symbol) {
  cpu::TaskFunction task = begin(symbol);
  DeviceCode code;
  code.function = task.function;
  rows = true;
  chooseTiles();
  threads = math->threads();
  Dim tiles = xExtent.ceilDiv(math->tileX);
  Dims others = domain;
  others[xLoop] = Dim::constant(builder.getContext(), 1);
  beginBlocks(code, numElements(builder.getContext(), others) * tiles);
  math->begin();
  Value tileCount = dim(tiles);
  firstX = cb.mul(cb.remainder(taskIndex, tileCount), cb.integer(math->tileX));
  batch = delinearize(cb.floorDiv(taskIndex, tileCount), others);

  for (auto &[nest, product] : scores) {
    product.resident = math->residentMemory(product.size);
    fill(product, /*isA=*/true, product.resident, firstX);
  }
  math->waitForFill();
  if (!target.shuffles)
    exchange = shared(builder.getF32Type(), math->tileX * math->across);
  int64_t last = 0;
  for (exec::NestOp sum : sums)
    last = std::max(last, levelOf(sum));
  for (StreamedProduct &root : roots)
    last = std::max(last, levelOf(root.nest));
  if (softmax)
    pass(last);
  else
    for (int64_t level = 0; level <= last; ++level)
      pass(level);
  finish();
  cpu::finishTask(cb, task);
  code.sharedBytes = dynamicBytes;
  return code;
}

void StreamedEmitter::chooseTiles() {
  bool isMma = target.mma;
  Type half;
  auto take = [&](StreamedProduct &product) {
    for (Value factor : {product.a, product.b}) {
      Value of = halfOf(factor);
      isMma &= of && (!half || half == of.getType());
      half = of ? of.getType() : half;
    }
  };
  for (auto &[nest, product] : scores)
    take(product);
  for (StreamedProduct &root : roots)
    take(root);
  TileDemands demands;
  for (auto &[nest, product] : scores) {
    demands.depths.push_back(product.size);
    ++demands.scores;
  }
  for (StreamedProduct &root : roots)
    demands.lanes.push_back(root.size);
  demands.scores += static_cast<int64_t>(madeMaps.size());
  // Of other devices less is sure; and two blocks of CUDA's are to have room on one processor.
  const int64_t sharedBytes = target.api == "opencl" ? 32 << 10 : 48 << 10;
  math = isMma ? makeMmaScoreTiles(*this, demands, half)
               : makeRegisterTiles(*this, demands, sharedBytes);
}

Value StreamedEmitter::rowPosition(Value r) { return cb.add(firstX, math->rowOf(r)); }

DeviceKernelEmitter::Indices StreamedEmitter::pointOf(Value x) {
  Indices point = batch;
  point[xLoop] = cb.uniform(x);
  return point;
}

std::pair<DeviceKernelEmitter::Indices, Value> StreamedEmitter::elementAt(Value firstY, Value r,
                                                                          Value c) {
  Value x = rowPosition(r), y = cb.add(firstY, math->columnOf(c));
  Indices loops = pointOf(x);
  loops.push_back(cb.uniform(y));
  return {loops, both(isBelow(x, xExtent, math->tileX), isBelow(y, yExtent, math->tileY))};
}

void StreamedEmitter::forElements(int64_t width, llvm::function_ref<void(Value, Value)> body) {
  unrolled(math->rowsOfThread, [&](Value r) {
    row = r;
    unrolled(math->columnsOfThread(width), [&](Value c) {
      column = c;
      body(r, c);
    });
  });
}

/// What the pass computes: sums and products of the level, and what they are made of.
llvm::SetVector<Operation *> StreamedEmitter::neededFor(int64_t level) {
  llvm::SetVector<Operation *> needed;
  llvm::SmallVector<Operation *> work;
  auto want = [&](exec::NestOp nest) {
    if ((softmax || levelOf(nest) == level) && needed.insert(nest))
      work.push_back(nest);
  };
  for (exec::NestOp sum : sums)
    want(sum);
  for (StreamedProduct &root : roots)
    want(root.nest);
  while (!work.empty()) {
    auto nest = llvm::cast<exec::NestOp>(work.pop_back_val());
    for (Value input : nest.getInputs()) {
      Operation *maker = input.getDefiningOp();
      if (maker && !llvm::is_contained(sums, maker) && needed.insert(maker))
        work.push_back(maker);
    }
  }
  return needed;
}

void StreamedEmitter::pass(int64_t level) {
  llvm::SetVector<Operation *> needed = neededFor(level);
  for (exec::NestOp sum : sums)
    if (needed.contains(sum))
      arrays[sum.getOutputs()[0]] = sumsOfRows(sum);
  llvm::DenseMap<Operation *, StreamedProduct *> rootOf;
  for (StreamedProduct &root : roots)
    if (needed.contains(root.nest)) {
      int64_t count = math->rowsOfThread * math->columnsOfThread(math->padded(root.size));
      root.sums = privateArray(builder.getF32Type(), count);
      math->clear(root.sums, count);
      rootOf[root.nest] = &root;
    }
  cb.loop(cb.integer(0), dim(yExtent), math->tileY, [&](Value firstY) {
    for (exec::NestOp nest : kernel.getBody().getOps<exec::NestOp>()) {
      if (!needed.contains(nest))
        continue;
      if (auto it = scores.find(nest); it != scores.end())
        emitScores(it->second, firstY);
      else if (madeMaps.contains(nest))
        emitMap(nest, firstY);
      else if (softmax && nest == softmax->largest)
        emitLargest(firstY);
      else if (llvm::is_contained(sums, nest))
        emitSum(nest, arrays.lookup(nest.getOutputs()[0]), firstY);
      else if (auto root = rootOf.find(nest); root != rootOf.end())
        emitRoot(*root->second, firstY);
    }
  });
  for (exec::NestOp sum : sums)
    if (needed.contains(sum)) {
      Value array = arrays.lookup(sum.getOutputs()[0]);
      if (!softmax || sum != softmax->largest)
        unrolled(math->rowsOfThread, [&](Value r) {
          Value part = load(array, builder.getF32Type(), cb.uniform(r));
          storeTo(array, builder.getF32Type(), cb.uniform(r), combineRow(sum, part, r));
        });
      providers[sum.getOutputs()[0]] = [this, sum, array](llvm::ArrayRef<Index>) {
        return sumOf(sum, load(array, builder.getF32Type(), cb.uniform(row)));
      };
    }
}

/// A thread's own memory for a value's elements of a tile: the same in each pass.
Value StreamedEmitter::arrayOf(Value value, int64_t count) {
  Value &array = arrays[value];
  if (!array)
    array = privateArray(getElementTypeOrSelf(value), count);
  return array;
}

void StreamedEmitter::emitScores(StreamedProduct &product, Value firstY) {
  int64_t count = math->rowsOfThread * math->columnsOfThread(math->tileY);
  Value array = arrayOf(product.nest.getOutputs()[0], count);
  Value passing = math->passingMemory();
  fill(product, /*isA=*/false, passing, firstY);
  math->waitForFill();
  math->clear(array, count);
  math->multiplyScores(array, product.resident, passing, product.size);
  barrier(); // the memory is free again
  providers[product.nest.getOutputs()[0]] = [this, array](llvm::ArrayRef<Index>) {
    return load(array, builder.getF32Type(), cb.uniform(math->elementOf(row, column)));
  };
}

/// What several read at an element.
void StreamedEmitter::emitMap(exec::NestOp nest, Value firstY) {
  Value result = nest.getOutputs()[0];
  Type type = getElementTypeOrSelf(result);
  Value array = arrayOf(result, math->rowsOfThread * math->columnsOfThread(math->tileY));
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(type));
  forElements(math->tileY, [&](Value r, Value c) {
    auto [loops, inside] = elementAt(firstY, r, c);
    Value value = orElse(inside, zero, [&, &loops = loops] { return emitBody(nest, loops)[0]; });
    storeTo(array, type, cb.uniform(math->elementOf(r, c)), value);
  });
  providers[result] = [this, array, type](llvm::ArrayRef<Index>) {
    return load(array, type, cb.uniform(math->elementOf(row, column)));
  };
}

/// Adds what the thread has of the tile to its part of the sums, by row.
void StreamedEmitter::emitSum(exec::NestOp nest, Value array, Value firstY) {
  Type f32 = builder.getF32Type();
  Value none = initial(nest);
  forElements(math->tileY, [&](Value r, Value c) {
    auto [loops, inside] = elementAt(firstY, r, c);
    Value value =
        orElse(inside, none, [&, &loops = loops] { return widened(emitBody(nest, loops)[0]); });
    Value before = load(array, f32, cb.uniform(r));
    storeTo(array, f32, cb.uniform(r), combine(nest, before, value)[0]);
  });
}

/// The largest score so far: what was summed relative to the one before is scaled.
void StreamedEmitter::emitLargest(Value firstY) {
  Type f32 = builder.getF32Type();
  exec::NestOp largest = softmax->largest, total = softmax->total;
  Value array = arrays.lookup(largest.getOutputs()[0]);
  Value next = sumsOfRows(largest);
  emitSum(largest, next, firstY);
  unrolled(math->rowsOfThread, [&](Value r) {
    row = r;
    Value before = load(array, f32, cb.uniform(r));
    Value ofTile = combineRow(largest, load(next, f32, cb.uniform(r)), r);
    Value now = combine(largest, before, ofTile)[0];
    storeTo(array, f32, cb.uniform(r), now);
    // A row of -inf so far has nothing to be scaled, and -inf - -inf would be no number.
    Value same = arith::CmpFOp::create(builder, cb.loc, arith::CmpFPredicate::OEQ, before, now);
    Value shrunk =
        math::ExpOp::create(builder, cb.loc, arith::SubFOp::create(builder, cb.loc, before, now));
    Value scale = arith::SelectOp::create(builder, cb.loc, same, constant(1), shrunk);
    auto scaled = [&](Value of, Value at) {
      Value value = load(of, f32, cb.uniform(at));
      storeTo(of, f32, cb.uniform(at), arith::MulFOp::create(builder, cb.loc, value, scale));
    };
    scaled(arrays.lookup(total.getOutputs()[0]), r);
    for (StreamedProduct &root : roots)
      unrolled(math->columnsOfThread(math->padded(root.size)),
               [&](Value c) { scaled(root.sums, math->elementOf(r, c)); });
  });
  providers[largest.getOutputs()[0]] = [this, largest, array, f32](llvm::ArrayRef<Index>) mutable {
    Value now = load(array, f32, cb.uniform(row));
    Value isLeast =
        arith::CmpFOp::create(builder, cb.loc, arith::CmpFPredicate::OEQ, now, initial(largest));
    return sumOf(largest, arith::SelectOp::create(builder, cb.loc, isLeast, constant(0), now));
  };
  providers[total.getOutputs()[0]] = [this, total](llvm::ArrayRef<Index>) {
    return sumOf(total, constant(1));
  };
}

void StreamedEmitter::emitRoot(StreamedProduct &product, Value firstY) {
  size_t lanes = product.nest.getParallel() - domain.size();
  Value passing = math->passingMemory();
  fill(product, /*isA=*/false, passing, firstY);
  Value factor = math->factorOf(product.a);
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(factor.getType()));
  math->multiplyMade(product.sums, passing, product.size, [&](Value r, Value c) {
    row = r;
    column = c;
    auto [loops, inside] = elementAt(firstY, r, c);
    // The nest's lanes are before y, and do not matter to this factor.
    Indices at(llvm::ArrayRef<Index>(loops).drop_back());
    at.resize(at.size() + lanes, cb.constant(0));
    at.push_back(loops.back());
    return orElse(inside, zero, [&] { return operandOf(product.nest, factor, at); });
  });
  barrier(); // the memory is free again
}

Value StreamedEmitter::combineRow(exec::NestOp nest, Value part, Value r) {
  if (target.shuffles) {
    for (int64_t bit = 1; bit < math->across; bit *= 2)
      part = combineAcross(nest, part, bit)[0];
    return part;
  }
  Type f32 = builder.getF32Type();
  Value line = cb.mul(math->rowOf(r), cb.integer(math->across));
  storeTo(exchange, f32, cb.uniform(cb.add(line, math->laneOfRow())), part);
  barrier();
  Value all = load(exchange, f32, cb.uniform(line));
  for (int64_t i = 1; i < math->across; ++i)
    all = combine(nest, all, load(exchange, f32, cb.uniform(cb.add(line, cb.integer(i)))))[0];
  barrier();
  return all;
}

void StreamedEmitter::fill(const StreamedProduct &product, bool isA, Value memory, Value first) {
  exec::NestOp nest = product.nest;
  Dims loops = loopDims(nest);
  bool ofScores = scores.count(nest);
  // Which of the nest's loops count along a line.
  size_t from = ofScores ? nest.getParallel() : domain.size(),
         end = ofScores ? loops.size() : nest.getParallel();
  Dims along(llvm::ArrayRef<Dim>(loops).slice(from, end - from));
  size_t y = ofScores ? domain.size() : loops.size() - 1;
  Value operand = math->factorOf(isA ? product.a : product.b);
  Type type = operand.getType();
  Dim limit = isA ? xExtent : yExtent, size = Dim::constant(builder.getContext(), product.size);
  int64_t lines = isA ? math->tileX : math->tileY, padded = math->padded(product.size),
          pitch = math->pitch(product.size);
  int64_t piece = end > from ? math->pieceOf(nest, operand, end - 1) : 1, perLine = padded / piece;
  Value zero = arith::ConstantOp::create(builder, cb.loc, builder.getZeroAttr(type));
  auto copy = [&](Value number) {
    Value line = cb.floorDiv(number, cb.integer(perLine));
    Value inLine = cb.mul(cb.remainder(number, cb.integer(perLine)), cb.integer(piece));
    Value position = cb.add(first, line), to = cb.add(cb.mul(line, cb.integer(pitch)), inLine);
    Indices at = pointOf(isA ? position : cb.integer(0));
    at.resize(loops.size(), cb.constant(0));
    if (!isA)
      at[y] = cb.uniform(position);
    llvm::copy(delinearize(inLine, along), at.begin() + from);
    Value inside = both(isBelow(position, limit, lines), isBelow(inLine, size, padded));
    if (piece > 1)
      return math->copyPiece(cb.address(memory, to, type), at, inside);
    storeTo(memory, type, cb.uniform(to),
            orElse(inside, zero, [&] { return operandOf(nest, operand, at); }));
  };
  int64_t count = lines * perLine;
  if (count % threads == 0 && count / threads <= 16) {
    for (int64_t i = 0; i < count / threads; ++i)
      copy(cb.add(thread, cb.integer(i * threads)));
    return;
  }
  auto loop = scf::ForOp::create(builder, cb.loc, thread, cb.integer(count), cb.integer(threads));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  copy(loop.getInductionVar());
}

/// What leaves the kernel: sums, products, and maps of these.
void StreamedEmitter::finish() {
  Type f32 = builder.getF32Type();
  auto ifThereIs = [&](Value inside, llvm::function_ref<void()> body) {
    inside ? cb.branch(inside, body) : body();
  };
  for (exec::NestOp sum : sums) {
    if (!isStored(sum.getOutputs()[0]))
      continue;
    Value isFirst = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::eq,
                                          math->laneOfRow(), cb.integer(0));
    unrolled(math->rowsOfThread, [&](Value r) {
      Value x = rowPosition(r);
      row = r;
      ifThereIs(both(isFirst, isBelow(x, xExtent, math->tileX)), [&] {
        Value value = load(arrays.lookup(sum.getOutputs()[0]), f32, cb.uniform(r));
        store(sum.getOutputs(), sumOf(sum, value), pointOf(x));
      });
    });
  }
  for (StreamedProduct &root : roots) {
    Dims lanes(loopDims(root.nest));
    lanes = Dims(
        llvm::ArrayRef<Dim>(lanes).slice(domain.size(), root.nest.getParallel() - domain.size()));
    forElements(math->padded(root.size), [&](Value r, Value c) {
      Value x = rowPosition(r), lane = math->columnOf(c);
      Dim size = Dim::constant(builder.getContext(), root.size);
      Value inside =
          both(isBelow(x, xExtent, math->tileX), isBelow(lane, size, math->padded(root.size)));
      ifThereIs(inside, [&] {
        Indices point = pointOf(x);
        llvm::append_range(point, delinearize(lane, lanes));
        Value value = load(root.sums, f32, cb.uniform(math->elementOf(r, c)));
        if (softmax && softmax->overTotal.contains(root.nest))
          value = arith::DivFOp::create(
              builder, cb.loc, value,
              load(arrays.lookup(softmax->total.getOutputs()[0]), f32, cb.uniform(r)));
        store(root.nest.getOutputs(), value, point);
        // Maps behind it, one after the other.
        exec::NestOp last = root.nest;
        while (last->hasOneUse()) {
          auto next = llvm::dyn_cast<exec::NestOp>(*last->getUsers().begin());
          if (!next)
            break;
          providers[last.getOutputs()[0]] = [value](llvm::ArrayRef<Index>) { return value; };
          value = emitBody(next, point)[0];
          store(next.getOutputs(), value, point);
          last = next;
        }
      });
    });
  }
  providers.clear();
}

} // namespace ingot::gpu
