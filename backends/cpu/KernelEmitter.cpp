// Loop structure of kernels of maps and reductions. See KernelEmitter.h.
//
// Three layouts: flat (maps whose accesses are all identity run over one linear index), vertical
// (lanes along the last shared loop, reductions inside) and rows (for each outer point the nests
// run one after another, each with lanes along a loop of its own).
#include "backends/cpu/KernelEmitter.h"
#include "backends/cpu/ContractionEmitter.h"
#include "backends/cpu/GroupContractionEmitter.h"
#include "backends/cpu/SeededBug.h"
#include "backends/cpu/TransposeEmitter.h"
#include "backends/cpu/WinogradEmitter.h"
#include "compiler/fusion/FormKernels.h"
#include "compiler/fusion/Structure.h"

using namespace mlir;

namespace ingot::cpu {

namespace {
constexpr int64_t elementsPerTask = 8192;
constexpr int64_t kChains = 4; // of a sum along a row: what hides an addition's latency
bool isOne(Dim d) { return isConstant(d, 1); }

/// Round to nearest, denormals kept, exceptions masked: what every task computes under, whatever
/// the thread that runs it had. Returns where the caller's mode is kept.
Value enterFloatMode(CodeBuilder &cb) {
  auto word = [&] {
    return LLVM::AllocaOp::create(cb.b, cb.loc, cb.pointer(), cb.b.getI32Type(), cb.integer(1), 4);
  };
  Value saved = word(), ours = word();
  auto call = [&](llvm::StringRef name, Value p) {
    LLVM::CallIntrinsicOp::create(cb.b, cb.loc, cb.b.getStringAttr(name), ValueRange{p});
  };
  call("llvm.x86.sse.stmxcsr", saved);
  Value mode = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getI32IntegerAttr(0x1f80));
  LLVM::StoreOp::create(cb.b, cb.loc, mode, ours, 4);
  call("llvm.x86.sse.ldmxcsr", ours);
  return saved;
}
} // namespace

func::FuncOp privateFunction(CodeContext &context, CodeBuilder &cb, llvm::StringRef name,
                             llvm::ArrayRef<Type> arguments) {
  cb.b.setInsertionPointToEnd(context.module.getBody());
  auto type = cb.b.getFunctionType(arguments, {});
  auto function = func::FuncOp::create(cb.b, cb.loc, name, type);
  function.setPrivate();
  cb.b.setInsertionPointToStart(function.addEntryBlock());
  Operation *end = func::ReturnOp::create(cb.b, cb.loc);
  cb.b.setInsertionPoint(end);
  return function;
}

TaskFunction beginTask(CodeContext &context, CodeBuilder &cb, llvm::StringRef symbol) {
  TaskFunction task;
  task.function = privateFunction(context, cb, symbol, {cb.pointer(), cb.i64()});
  task.frame = task.function.getArgument(0);
  task.index = task.function.getArgument(1);
  task.anchor = arith::ConstantOp::create(cb.b, cb.loc, cb.b.getI64IntegerAttr(0));
  if (!context.isDevice)
    task.callersMode = enterFloatMode(cb);
  return task;
}

void finishTask(CodeBuilder &cb, const TaskFunction &task) {
  if (!task.callersMode)
    return;
  LLVM::CallIntrinsicOp::create(cb.b, cb.loc, cb.b.getStringAttr("llvm.x86.sse.ldmxcsr"),
                                ValueRange{task.callersMode});
}

Value constantPointer(CodeBuilder &cb, const Frame &layout, Value frame, Value constant) {
  auto symbol = storageRoot(constant).getDefiningOp()->getAttrOfType<StringAttr>("exec.global");
  if (auto word = layout.constants.find(symbol.str()); word != layout.constants.end())
    return cb.loadPointer(frame, word->second);
  return LLVM::AddressOfOp::create(cb.b, cb.loc, cb.pointer(), symbol.getValue());
}

Value tensorPointer(CodeBuilder &cb, const Frame &layout, Value frame, Value tensor) {
  Storage storage = storageOf(tensor);
  if (storage.kind != Storage::Kind::Constant)
    return cb.loadPointer(frame, layout.storage(storage));
  return constantPointer(cb, layout, frame, tensor);
}

void reportNode(CodeContext &context, CodeBuilder &cb, const Frame &layout, Value frame,
                Location node) {
  int64_t number = context.nodes.indexOf(graph::layerName(node));
  Value word =
      context.isDevice
          ? cb.loadPointer(frame, layout.error)
          : LLVM::GEPOp::create(cb.b, cb.loc, cb.pointer(), cb.i64(), frame,
                                llvm::ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(layout.error)});
  LLVM::AtomicRMWOp::create(cb.b, cb.loc, LLVM::AtomicBinOp::umin, word, cb.integer(number),
                            LLVM::AtomicOrdering::monotonic);
}

unsigned alignmentOf(Type memoryType) {
  return std::clamp(memoryType.getIntOrFloatBitWidth() / 8, 1u, 8u);
}

int64_t NodeTable::indexOf(const std::string &name) {
  auto it = llvm::find(names, name);
  if (it == names.end()) {
    names.push_back(name);
    return names.size() - 1;
  }
  return it - names.begin();
}

KernelEmitter::KernelEmitter(CodeContext &context, const Frame &frame, exec::KernelOp kernel)
    : context(context), frameLayout(frame), kernel(kernel), builder(context.module.getContext()),
      cb(builder, kernel.getLoc(), context.target.lanes()) {
  for (Attribute d : kernel.getDomain().getExprs())
    domain.push_back(Dim(d));
  for (auto [i, v] : llvm::enumerate(kernel.getBody().front().getTerminator()->getOperands()))
    resultNumber.try_emplace(v, i);
}

llvm::SmallVector<exec::NestOp> KernelEmitter::madeNests() {
  llvm::SmallVector<exec::NestOp> nests;
  for (auto nest : kernel.getBody().getOps<exec::NestOp>())
    if (llvm::any_of(nest.getOutputs(), [&](Value v) { return isMade(v); }))
      nests.push_back(nest);
  return nests;
}

bool KernelEmitter::isKept(Value result) {
  Operation *maker = result.getDefiningOp();
  return maker && maker->hasAttr(kKeptAttr) && !isStored(result);
}

llvm::SmallVector<exec::NestOp> KernelEmitter::nestsOfPoint() {
  llvm::SmallVector<exec::NestOp> nests;
  for (auto nest : kernel.getBody().getOps<exec::NestOp>())
    if (llvm::any_of(nest.getOutputs(), [&](Value v) { return isMade(v); }) ||
        isShared(nest, domain))
      nests.push_back(nest);
  return nests;
}

TaskFunction KernelEmitter::begin(llvm::StringRef symbol) {
  TaskFunction task = beginTask(context, cb, symbol);
  frame = task.frame;
  taskIndex = task.index;
  anchor = task.anchor;
  chooseLanes();
  return task;
}

void KernelEmitter::findPaddings() {
  // What isInterior() does not ask about keeps its guard.
  auto isAskedAbout = [&](OpOperand &use) {
    auto user = llvm::dyn_cast<exec::NestOp>(use.getOwner());
    return user && accessMap(user, use.getOperandNumber()) &&
           llvm::any_of(user.getOutputs(), [&](Value v) { return isMade(v); });
  };
  for (auto nest : kernel.getBody().getOps<exec::NestOp>())
    if (auto padding = isMade(nest->getResult(0)) ? std::nullopt : paddingOf(nest);
        padding && llvm::all_of(nest->getUses(), isAskedAbout))
      paddings.try_emplace(nest, *padding);
}

KernelCode KernelEmitter::emit(llvm::StringRef symbol) {
  TaskFunction task = begin(symbol);
  KernelCode code;
  code.task = task.function;
  kernel.walk([&](exec::CheckOp) { code.mayFail = true; });
  findPaddings();
  exec::NestOp root;
  std::optional<Contraction> contraction;
  for (auto nest : kernel.getBody().getOps<exec::NestOp>())
    if (auto match = matchContraction(nest); match && !root) {
      root = nest;
      contraction = match;
    }
  auto winograds = kernel.getBody().getOps<exec::WinogradOp>();
  if (!winograds.empty())
    code.tasks = WinogradEmitter(*this, *winograds.begin()).emit();
  else if (root && contraction->unitLane && ContractionEmitter::supports(root, *contraction))
    code.tasks = ContractionEmitter(*this, root, *contraction).emit();
  else if (root && GroupContractionEmitter::supports(root, *contraction))
    code.tasks = GroupContractionEmitter(*this, root, *contraction).emit();
  else if (auto transpose = TransposeEmitter::of(*this))
    code.tasks = transpose->emit();
  else if (canBeFlat())
    code.tasks = emitFlat();
  else if (canBeVertical())
    code.tasks = emitVertical();
  else
    code.tasks = emitRows();
  finishTask(cb, task);
  return code;
}

void KernelEmitter::chooseLanes() {
  bool wide = false, any = false, text = false;
  kernel.walk([&](exec::NestOp nest) {
    any |= !loopDims(nest).empty();
    for (Value v : llvm::concat<Value>(llvm::to_vector(nest.getInputs()),
                                       llvm::to_vector(nest.getOutputs()))) {
      wide |= getElementTypeOrSelf(v).isF64();
      text |= getElementTypeOrSelf(v).isInteger(128); // moved one by one
    }
  });
  cb.narrowDivision = context.isDevice;
  bool scalar = !any || text || context.isDevice;
  cb.lanes = scalar ? 1 : context.target.vectorBytes / (wide ? 8 : 4);
}

/// Whether point i of the domain, counted in row-major order, reads element i: a slice from the
/// start has an identity map too, but its tensor is wider than the domain.
bool KernelEmitter::readsWhole(AffineMap map, Value tensor) {
  return map.isIdentity() && llvm::ArrayRef<Dim>(dimsOf(tensor)).drop_front() ==
                                 llvm::ArrayRef<Dim>(domain).drop_front();
}

/// Whether functions are computed by formulas, chains of operations that each wait for the one
/// before. Two vectors of elements at a time keep the units busy meanwhile.
bool KernelEmitter::hasFormulas() {
  auto isFormula = [](Operation &op) {
    return op.getDialect()->getNamespace() == math::MathDialect::getDialectNamespace() &&
           !llvm::isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::FloorOp,
                      math::FmaOp, math::RoundEvenOp, math::SqrtOp, math::TruncOp>(op);
  };
  return llvm::any_of(kernel.getBody().getOps<exec::NestOp>(), [&](exec::NestOp nest) {
    return llvm::any_of(nest.getBody().front(), isFormula);
  });
}

/// Elements that a row's nest takes at a time along its loop of lanes: several vectors where one
/// chain of sums, or of a formula, would leave the units waiting.
int64_t KernelEmitter::lanesOfRow(exec::NestOp nest, int64_t loop) {
  int64_t vectors = loop >= static_cast<int64_t>(nest.getParallel()) ? kChains
                    : hasFormulas()                                  ? kVectorsOfFormulas
                                                                     : 1;
  Dim extent = loopDims(nest)[loop];
  while (extent.isStatic() && vectors > 1 && extent.value() < vectors * cb.lanes)
    vectors /= 2;
  return vectors * cb.lanes;
}

bool KernelEmitter::canBeFlat() {
  if (domain.empty())
    return false;
  for (auto nest : kernel.getBody().getOps<exec::NestOp>()) {
    if (!isMap(nest) || loopDims(nest) != domain)
      return false;
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      AffineMap map = accessMap(nest, i);
      if (!map || !(map.getNumResults() == 0 || readsWhole(map, nest.getInputs()[i])))
        return false;
    }
    if (usesIndices(nest))
      return false;
  }
  return true;
}

Dim KernelEmitter::emitFlat() {
  flat = true;
  Dim count = numElements(builder.getContext(), domain);
  int64_t chunk = elementsPerTask / context.taskDivisor;
  if (hasFormulas())
    cb.lanes *= kVectorsOfFormulas;
  chunkLoop(taskIndex, chunk, count, [&](Value low, Value high) {
    laneLoop(low, high, [&](Index i) { emitVerticalNests(Indices{i}); });
  });
  return count.ceilDiv(chunk);
}

/// Whether every affine access of the nest, through what is computed inside it, moves by at most
/// one element when `loop` advances.
bool KernelEmitter::lanesAreContiguous(exec::NestOp nest, int64_t loop) {
  Dims loops = loopDims(nest);
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    AffineMap map = accessMap(nest, i);
    if (!map)
      continue;
    auto strides = linearStrides(map, nest.getInputs()[i].getType(), loops.size());
    if (!strides)
      return false;
    Dim stride = (*strides)[loop];
    if (!stride.isStatic() || stride.value() < 0 || stride.value() > 1)
      return false;
  }
  return true;
}

bool KernelEmitter::canBeVertical() {
  if (llvm::all_of(domain, isOne))
    return false;
  int64_t lane = domain.size() - 1;
  while (isOne(domain[lane]))
    --lane;
  for (exec::NestOp nest : madeNests()) {
    if (nest.getParallel() != domain.size())
      return false;
    if (!isMap(nest) && !lanesAreContiguous(nest, lane))
      return false;
  }
  return true;
}

Dim KernelEmitter::emitVertical() {
  int64_t lane = domain.size() - 1;
  while (isOne(domain[lane]))
    --lane;
  Dims outer = domain;
  outer[lane] = Dim::constant(builder.getContext(), 1);
  Dim points = numElements(builder.getContext(), outer);
  // Work of one point: the lane loop times the longest reduction.
  int64_t work = estimate(domain[lane]);
  int64_t longest = 1;
  for (exec::NestOp nest : madeNests()) {
    int64_t reduction = 1;
    Dims loops = loopDims(nest);
    for (Dim d : llvm::ArrayRef<Dim>(loops).drop_front(domain.size()))
      reduction *= estimate(d);
    longest = std::max(longest, reduction);
  }
  if (points.isStatic() && points.value() == 1 && longest > 1) {
    // One row with long reductions: tasks are vectors of it.
    Dim vectors = domain[lane].ceilDiv(cb.lanes);
    Value low = cb.mul(taskIndex, cb.integer(cb.lanes));
    Value high = cb.minimum(cb.add(low, cb.integer(cb.lanes)), dim(domain[lane]));
    Indices loops(domain.size(), cb.constant(0));
    laneLoop(low, high, [&](Index i) {
      loops[lane] = i;
      emitVerticalNests(loops);
    });
    return vectors;
  }
  // Windows that overlap are computed several at a time: what they share is read once.
  constexpr int64_t kColumns = 4;
  int64_t column = columnLoop(lane), extent = column < 0 ? 1 : domain[column].value();
  int64_t step = column < 0 ? 1 : std::min(kColumns, extent);
  if (column >= 0) {
    outer[column] = outer[column].ceilDiv(step);
    points = numElements(builder.getContext(), outer);
  }
  int64_t chunk = std::max<int64_t>(1, elementsPerTask / context.taskDivisor /
                                           std::max<int64_t>(1, work * longest * step));
  /// The points of `count` columns from `loops` on.
  auto emitLanes = [&](const Indices &loops, int64_t count) {
    laneLoop(cb.integer(0), dim(domain[lane]), [&](Index i) {
      llvm::SmallVector<Indices> list(count, loops);
      for (auto [c, at] : llvm::enumerate(list)) {
        at[lane] = i;
        if (c > 0)
          at[column] = cb.add(loops[column], cb.constant(static_cast<int64_t>(c)));
      }
      emitVerticalNests(list);
    });
  };
  auto emitInterior = [&](const Indices &loops, int64_t count) {
    interior = true;
    emitLanes(loops, count);
    interior = false;
  };
  auto emitColumn = [&](const Indices &loops) {
    if (Value inside = isInterior(loops, lane, column, 1))
      cb.branch(inside, [&] { emitInterior(loops, 1); }, [&] { emitLanes(loops, 1); });
    else
      emitLanes(loops, 1);
  };
  chunkLoop(taskIndex, chunk, points, [&](Value first, Value last) {
    cb.loop(first, last, 1, [&](Value point) {
      Indices loops = delinearize(point, outer);
      if (step == 1)
        return emitColumn(loops);
      Value begin = cb.mul(loops[column].base, cb.integer(step)),
            end = cb.minimum(cb.add(begin, cb.integer(step)), cb.integer(extent));
      loops[column] = cb.uniform(begin);
      Value together = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::eq,
                                             cb.sub(end, begin), cb.integer(step));
      if (Value inside = isInterior(loops, lane, column, step))
        together = arith::AndIOp::create(builder, cb.loc, together, inside);
      cb.branch(
          together, [&] { emitInterior(loops, step); },
          [&] {
            cb.loop(begin, end, 1, [&](Value at) {
              loops[column] = cb.uniform(at);
              emitColumn(loops);
            });
          });
    });
  });
  return points.ceilDiv(chunk);
}

/// The loop before the lanes, of known extent, along which windows overlap; -1: there is none.
int64_t KernelEmitter::columnLoop(int64_t lane) {
  int64_t column = lane - 1;
  while (column >= 0 && isOne(domain[column]))
    --column;
  if (column < 0 || !domain[column].isStatic() || domain[column].value() < 2)
    return -1;
  for (exec::NestOp nest : madeNests()) {
    Dims loops = loopDims(nest);
    auto window = llvm::ArrayRef<Dim>(loops).drop_front(nest.getParallel());
    if (!isMap(nest) && isSmallWindow(window) && !llvm::all_of(window, isOne))
      return column;
  }
  return -1;
}

static bool growsWithAllLoops(AffineExpr expr) {
  if (llvm::isa<AffineDimExpr, AffineConstantExpr>(expr))
    return true;
  auto binary = llvm::cast<AffineBinaryOpExpr>(expr);
  auto factor = llvm::dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul)
    return factor && factor.getValue() >= 0 && growsWithAllLoops(binary.getLHS());
  return binary.getKind() == AffineExprKind::Add && growsWithAllLoops(binary.getLHS()) &&
         growsWithAllLoops(binary.getRHS());
}

/// Whether the windows at all lanes and at `count` columns from `first` on are inside all tensors
/// that zeros are put around; null where that cannot be said, or there are none.
Value KernelEmitter::isInterior(llvm::ArrayRef<Index> first, int64_t lane, int64_t column,
                                int64_t count) {
  Value all;
  for (exec::NestOp nest : madeNests()) {
    Dims bounds = loopDims(nest);
    for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
      auto it = paddings.find(nest.getInputs()[i].getDefiningOp());
      AffineMap map = accessMap(nest, i);
      if (it == paddings.end() || !map)
        continue;
      const Padding &padding = it->second;
      Dims source = dimsOf(padding.source);
      for (unsigned d = 0; d < source.size(); ++d) {
        if (!padding.isChecked[d])
          continue;
        if (!growsWithAllLoops(map.getResult(d)))
          return {};
        // So the first and the last point bound the others.
        Indices low(first), high(first);
        for (unsigned l = nest.getParallel(); l < bounds.size(); ++l) {
          low.push_back(cb.constant(0));
          high.push_back(cb.uniform(cb.sub(dim(bounds[l]), cb.integer(1))));
        }
        if (column >= 0)
          high[column] = cb.add(high[column], cb.constant(count - 1));
        high[lane] = cb.uniform(cb.sub(dim(bounds[lane]), cb.integer(1)));
        auto at = [&](const Indices &loops) {
          return cb.sub(evaluate(map.getResult(d), loops).base, cb.integer(padding.low[d]));
        };
        auto holds = [&](arith::CmpIPredicate predicate, Value x, Value y) {
          Value one = arith::CmpIOp::create(builder, cb.loc, predicate, x, y);
          all = all ? Value(arith::AndIOp::create(builder, cb.loc, all, one)) : one;
        };
        holds(arith::CmpIPredicate::sge, at(low), cb.integer(0));
        holds(arith::CmpIPredicate::slt, at(high), dim(source[d]));
      }
    }
  }
  return all;
}

/// All nests at vectors of the shared domain; a nest's results are at hand for those after it.
/// Several points are computed before any is stored.
void KernelEmitter::emitVerticalNests(llvm::ArrayRef<Indices> points) {
  using Providers = decltype(providers);
  std::vector<Providers> known(points.size(), providers);
  for (exec::NestOp nest : nestsOfPoint()) {
    llvm::SmallVector<Values> values;
    for (auto [point, own] : llvm::zip(points, known)) {
      std::swap(providers, own);
      values.push_back(isMap(nest) ? emitBody(nest, point) : reduce(nest, point, false));
      for (auto [output, value] : llvm::zip(nest.getOutputs(), values.back()))
        providers[output] = [value = value](llvm::ArrayRef<Index>) { return value; };
      std::swap(providers, own);
    }
    for (auto [point, list] : llvm::zip(points, values))
      store(nest.getOutputs(), list, point);
  }
}

Dim KernelEmitter::emitRows() {
  rows = true;
  Dim points = numElements(builder.getContext(), domain);
  int64_t work = 1;
  for (exec::NestOp nest : madeNests()) {
    int64_t size = 1;
    Dims loops = loopDims(nest);
    for (Dim d : llvm::ArrayRef<Dim>(loops).drop_front(domain.size()))
      size *= estimate(d);
    work += size;
  }
  bool onlyMaps = llvm::all_of(
      madeNests(), [&](exec::NestOp nest) { return isMap(nest) && loopDims(nest) == domain; });
  int64_t chunk = std::max<int64_t>(1, elementsPerTask / context.taskDivisor / work);
  chunkLoop(taskIndex, chunk, points, [&](Value first, Value last) {
    cb.loop(first, last, 1, [&](Value point) {
      Indices outer = delinearize(point, domain);
      if (onlyMaps) { // over scalars, or dimensions of size one
        cb.lanes = 1;
        return emitVerticalNests(llvm::ArrayRef<Indices>(outer));
      }
      for (exec::NestOp nest : madeNests())
        emitRowNest(nest, outer);
    });
  });
  return points.ceilDiv(chunk);
}

void KernelEmitter::emitRowNest(exec::NestOp nest, llvm::ArrayRef<Index> outer) {
  Dims loops = loopDims(nest);
  int64_t parallel = nest.getParallel(), shared = outer.size();
  int64_t lane = parallel - 1;
  while (lane >= shared && isOne(loops[lane]))
    --lane;
  bool lanesOnParallel = lane >= shared && (isMap(nest) || lanesAreContiguous(nest, lane));
  int64_t native = cb.lanes;
  if (isMap(nest) && !lanesOnParallel)
    cb.lanes = 1;
  else if (native > 1)
    cb.lanes = lanesOfRow(nest, lanesOnParallel ? lane : static_cast<int64_t>(loops.size()) - 1);
  int64_t width = cb.lanes;
  Indices point(outer.begin(), outer.end());
  point.resize(parallel, cb.constant(0));
  auto finish = [&] {
    Values values = isMap(nest) ? emitBody(nest, point) : reduce(nest, point, !lanesOnParallel);
    if (!lanesOnParallel)
      cb.lanes = 1;
    store(nest.getOutputs(), values, point);
    cb.lanes = width;
  };
  std::function<void(int64_t)> walk = [&](int64_t loop) {
    if (loop == parallel)
      return finish();
    if (lanesOnParallel && loop == lane)
      return laneLoop(cb.integer(0), dim(loops[loop]), [&](Index i) {
        point[loop] = i;
        walk(loop + 1);
      });
    cb.loop(cb.integer(0), dim(loops[loop]), 1, [&](Value i) {
      point[loop] = cb.uniform(i);
      walk(loop + 1);
    });
  };
  walk(shared);
  cb.lanes = native;
}

void KernelEmitter::chunkLoop(Value task, int64_t chunk, Dim count,
                              llvm::function_ref<void(Value, Value)> body) {
  Value low = cb.mul(task, cb.integer(chunk));
  int64_t overlap = seededBug == SeededBug::NeighbourChunk ? cb.lanes : 0;
  Value high = cb.minimum(cb.add(low, cb.integer(chunk + overlap)), dim(count));
  if (count.isStatic() && count.value() <= chunk) {
    low = cb.integer(0);
    high = cb.integer(count.value());
  }
  body(low, high);
}

void KernelEmitter::laneLoop(Value low, Value high, llvm::function_ref<void(Index)> body) {
  if (cb.lanes == 1) {
    cb.loop(low, high, 1, [&](Value i) { body({i, 1, {}}); });
    return;
  }
  int64_t lanes = cb.lanes;
  auto cl = cb.constantOf(low), ch = cb.constantOf(high);
  Value full; // end of the full vectors
  if (cl && ch)
    full = cb.integer(*cl + (*ch - *cl) / lanes * lanes);
  else
    full = cb.sub(high, cb.remainder(cb.sub(high, low), cb.integer(lanes)));

  assert(!mask && "lane loops do not nest");
  cb.loop(low, full, lanes, [&](Value i) { body({i, 1, {}}); });
  if (cl && ch && (*ch - *cl) % lanes == 0)
    return;
  auto tail = [&] {
    if (seededBug != SeededBug::NoTailMask)
      mask = cb.firstLanes(cb.sub(high, full));
    body({full, 1, {}});
    mask = {};
  };
  if (cl && ch)
    return tail();
  Value some = arith::CmpIOp::create(builder, cb.loc, arith::CmpIPredicate::slt, full, high);
  cb.branch(some, tail);
}

KernelEmitter::Indices KernelEmitter::delinearize(Value linear, llvm::ArrayRef<Dim> dims) {
  Indices result(dims.size(), cb.constant(0));
  int64_t first = 0;
  while (first < static_cast<int64_t>(dims.size()) && isOne(dims[first]))
    ++first;
  for (int64_t d = static_cast<int64_t>(dims.size()) - 1; d >= first; --d) {
    if (isOne(dims[d]))
      continue;
    if (d == first) {
      result[d] = cb.uniform(linear);
      break;
    }
    Value extent = dim(dims[d]);
    result[d] = cb.uniform(cb.remainder(linear, extent));
    linear = cb.floorDiv(linear, extent);
  }
  return result;
}

Value KernelEmitter::hoist(llvm::function_ref<Value()> make) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(anchor);
  return make();
}

Value KernelEmitter::dim(Dim d) {
  if (d.isStatic())
    return cb.integer(d.value());
  Value &cached = dimCache[d.asAttribute()];
  if (cached)
    return cached;
  Value made = hoist([&] {
    return cb.evaluate(
        d, [&](llvm::StringRef name) { return cb.loadI64(frame, frameLayout.symbol(name)); });
  });
  return dimCache[d.asAttribute()] = made;
}

} // namespace ingot::cpu
