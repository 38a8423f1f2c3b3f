// Dispatches that are no kernels: scatter, running sums, sorting. What is done in order is done by
// one task, so that results do not depend on threads; tasks are blocks of columns, or of rows to
// sort. See KernelEmitter.h; text is in TextEmitter.cpp.
#include "backends/cpu/AlgorithmTask.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

constexpr int64_t maxColumnsPerTask = 256;
constexpr int64_t maxSortedRowsPerTask = 8;
/// Of a scatter's rows, on devices, whose columns are not threads enough: the tasks of each range
/// look at all indices.
constexpr int64_t mostRanges = 128, enoughColumns = 1 << 13;

class Algorithm : AlgorithmTask {
public:
  using AlgorithmTask::AlgorithmTask;
  KernelCode scatter(exec::ScatterOp scatter);
  KernelCode cumulate(exec::CumulateOp cumulate);
  KernelCode sort(exec::SortOp sort);

private:
  /// The part [low, high) of all columns that the task takes. Numbers of tasks run through the
  /// parts, of which there are `tasks`, and then through what is outside of them.
  struct Columns {
    Dim tasks;
    Value outer, low, high;
  };
  Columns columnsOfTask(Dim width);
  Value combine(exec::Combiner combiner, Value x, Value y);
  void siftDown(Value keys, Value order, Value start, Value end, Type key);
};

Algorithm::Columns Algorithm::columnsOfTask(Dim width) {
  int64_t most = perTask(maxColumnsPerTask);
  Dim tasks = width.ceilDiv(most);
  Value count = cb.nonZero(dim(tasks)), outer = cb.floorDiv(task.index, count);
  auto [low, high] = part(cb.sub(task.index, cb.mul(outer, count)), most, dim(width));
  return {tasks, outer, low, high};
}

Value Algorithm::combine(exec::Combiner combiner, Value x, Value y) {
  Location loc = cb.loc;
  bool isFloat = llvm::isa<FloatType>(x.getType());
  switch (combiner) {
  case exec::Combiner::Add:
    return isFloat ? Value(arith::AddFOp::create(b, loc, x, y))
                   : Value(arith::AddIOp::create(b, loc, x, y));
  case exec::Combiner::Mul:
    return isFloat ? Value(arith::MulFOp::create(b, loc, x, y))
                   : Value(arith::MulIOp::create(b, loc, x, y));
  case exec::Combiner::Max:
    return isFloat ? Value(arith::MaximumFOp::create(b, loc, x, y))
                   : Value(arith::MaxSIOp::create(b, loc, x, y));
  case exec::Combiner::Min:
    return isFloat ? Value(arith::MinimumFOp::create(b, loc, x, y))
                   : Value(arith::MinSIOp::create(b, loc, x, y));
  case exec::Combiner::UMax:
    return arith::MaxUIOp::create(b, loc, x, y);
  case exec::Combiner::UMin:
    return arith::MinUIOp::create(b, loc, x, y);
  case exec::Combiner::None:
  case exec::Combiner::ArgMax:
  case exec::Combiner::ArgMin:
  case exec::Combiner::Moments:
    break;
  }
  return y;
}

/// Updates of a row in order; columns, and ranges of rows, in parallel.
KernelCode Algorithm::scatter(exec::ScatterOp scatter) {
  Type element = memoryType(getElementTypeOrSelf(scatter.getBase())),
       indexType = getElementTypeOrSelf(scatter.getIndices());
  Dims base = dimsOf(scatter.getBase());
  Value from = pointer(scatter.getBase()), to = pointer(scatter.getResult()),
        indices = pointer(scatter.getIndices()), updates = pointer(scatter.getUpdates());
  Value rows = dim(base[0]), width = dim(base[1]), count = dim(dimsOf(scatter.getIndices())[0]);
  auto [tasks, range, low, high] = columnsOfTask(base[1]);
  int64_t ranges = 1;
  if (context.isDevice && tasks.isStatic() && tasks.value() <= enoughColumns)
    ranges = base[0].isStatic() ? std::clamp<int64_t>(base[0].value(), 1, mostRanges) : mostRanges;
  Value most = cb.ceilDiv(rows, cb.integer(ranges));
  Value firstRow = cb.minimum(cb.mul(range, most), rows),
        endRow = cb.minimum(cb.add(firstRow, most), rows);
  auto at = [&](Value row, Value column) { return cb.add(cb.mul(row, width), column); };
  // A negative index is a large unsigned one.
  auto isBelow = [&](Value index, Value limit) {
    return compare(arith::CmpIPredicate::ult, index, limit);
  };
  cb.loop(firstRow, endRow, 1, [&, low = low, high = high](Value row) {
    cb.loop(low, high, 1, [&](Value column) {
      Value place = at(row, column);
      store(load(from, place, element), to, place);
    });
  });
  cb.loop(cb.integer(0), count, 1, [&, low = low, high = high](Value i) {
    Value index = load(indices, i, indexType);
    if (indexType.getIntOrFloatBitWidth() < 64)
      index = arith::ExtSIOp::create(b, cb.loc, cb.i64(), index);
    cb.branch(
        isBelow(cb.sub(index, firstRow), cb.sub(endRow, firstRow)),
        [&] {
          cb.loop(low, high, 1, [&](Value column) {
            Value place = at(index, column), update = load(updates, at(i, column), element);
            if (scatter.getCombiner() != exec::Combiner::None)
              update = combine(scatter.getCombiner(), load(to, place, element), update);
            store(update, to, place);
          });
        },
        [&] {
          cb.branch(
              isBelow(index, rows), [] {},
              [&] { reportNode(context, cb, frame, task.frame, op->getLoc()); });
        });
  });
  return finish(tasks * ranges, true);
}

/// Along the axis in order, the rest in parallel.
KernelCode Algorithm::cumulate(exec::CumulateOp cumulate) {
  Type element = getElementTypeOrSelf(cumulate.getX());
  Dims dims = dimsOf(cumulate.getX());
  exec::Combiner combiner = cumulate.getCombiner();
  Value from = pointer(cumulate.getX()), to = pointer(cumulate.getResult());
  Value length = dim(dims[1]), width = dim(dims[2]);
  auto [tasks, outer, low, high] = columnsOfTask(dims[2]);
  Value identity = arith::ConstantOp::create(b, cb.loc, exec::identityOf(combiner, element));
  Value last = cb.sub(length, cb.integer(1)), first = cb.mul(outer, length);
  auto at = [&](Value step, Value column) {
    Value row = cb.add(first, cumulate.getReverse() ? cb.sub(last, step) : step);
    return cb.add(cb.mul(row, width), column);
  };
  auto columns = [&, low = low, high = high](Value step, llvm::function_ref<Value(Value)> value) {
    cb.loop(low, high, 1, [&](Value column) { store(value(column), to, at(step, column)); });
  };
  bool exclusive = cumulate.getExclusive();
  cb.loop(cb.integer(0), cb.minimum(length, cb.integer(1)), 1, [&](Value step) {
    columns(step, [&](Value column) {
      return exclusive ? identity
                       : combine(combiner, identity, load(from, at(step, column), element));
    });
  });
  cb.loop(cb.integer(1), length, 1, [&](Value step) {
    Value before = cb.sub(step, cb.integer(1));
    columns(step, [&](Value column) {
      Value next = load(from, at(exclusive ? before : step, column), element);
      return combine(combiner, load(to, at(before, column), element), next);
    });
  });
  return finish(dims[0] * tasks, false);
}

/// Lets the entry at `start` sink in the heap of positions [0, end) whose parents come last.
void Algorithm::siftDown(Value keys, Value order, Value start, Value end, Type key) {
  Location loc = cb.loc;
  Type i64 = cb.i64();
  auto position = [&](Value place) { return load(order, place, i64); };
  auto comesBefore = [&](Value p, Value q) -> Value {
    Value x = load(keys, p, key), y = load(keys, q, key);
    Value equal = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, x, y);
    return arith::SelectOp::create(b, loc, equal, less(p, q), less(x, y));
  };
  Value held = position(start), none = arith::ConstantOp::create(b, loc, b.getBoolAttr(false));
  auto loop = scf::WhileOp::create(
      b, loc, TypeRange{i64, i64}, ValueRange{start},
      [&](OpBuilder &, Location, ValueRange carried) {
        Value left = cb.add(cb.mul(carried[0], cb.integer(2)), cb.integer(1));
        Value right = cb.add(left, cb.integer(1));
        Values sinks = choose(
            less(left, end),
            [&]() -> llvm::SmallVector<Value> {
              Values larger = choose(
                  less(right, end),
                  [&]() -> llvm::SmallVector<Value> {
                    Value isRight = comesBefore(position(left), position(right));
                    return {arith::SelectOp::create(b, loc, isRight, right, left)};
                  },
                  [&]() -> llvm::SmallVector<Value> { return {left}; });
              Value child = larger[0];
              return {comesBefore(held, position(child)), child};
            },
            [&]() -> llvm::SmallVector<Value> { return {none, left}; });
        scf::ConditionOp::create(b, loc, sinks[0], ValueRange{carried[0], sinks[1]});
      },
      [&](OpBuilder &, Location, ValueRange at) {
        store(position(at[1]), order, at[0]);
        scf::YieldOp::create(b, loc, ValueRange{at[1]});
      });
  store(held, order, loop.getResult(0));
}

/// Heapsort of each row's positions, in place: O(n log n) whatever the keys are, without workspace.
/// Positions break ties, so that the order is the stable one.
KernelCode Algorithm::sort(exec::SortOp sort) {
  Type key = getElementTypeOrSelf(sort.getKeys());
  Dims dims = dimsOf(sort.getKeys());
  int64_t rowsPerTask = perTask(maxSortedRowsPerTask);
  Value allKeys = pointer(sort.getKeys()), allPositions = pointer(sort.getResult());
  Value rows = dim(dims[0]), length = dim(dims[1]);
  auto [low, high] = part(task.index, rowsPerTask, rows);
  cb.loop(low, high, 1, [&](Value row) {
    Value offset = cb.mul(row, length);
    Value keys = cb.address(allKeys, offset, key),
          order = cb.address(allPositions, offset, cb.i64());
    cb.loop(cb.integer(0), length, 1, [&](Value i) { store(i, order, i); });
    Value half = cb.floorDiv(length, cb.integer(2)), one = cb.integer(1);
    cb.loop(cb.integer(0), half, 1,
            [&](Value i) { siftDown(keys, order, cb.sub(cb.sub(half, one), i), length, key); });
    cb.loop(one, length, 1, [&](Value i) {
      Value end = cb.sub(length, i), top = load(order, cb.integer(0), cb.i64());
      store(load(order, end, cb.i64()), order, cb.integer(0));
      store(top, order, end);
      siftDown(keys, order, cb.integer(0), end, key);
    });
  });
  return finish(dims[0].ceilDiv(rowsPerTask), false);
}

} // namespace

Value AlgorithmTask::dim(Dim d) {
  return cb.evaluate(
      d, [&](llvm::StringRef name) { return cb.loadI64(task.frame, frame.symbol(name)); });
}

Value AlgorithmTask::pointer(Value tensor) { return tensorPointer(cb, frame, task.frame, tensor); }

Value AlgorithmTask::load(Value base, Value at, Type element) {
  return LLVM::LoadOp::create(b, cb.loc, element, cb.address(base, at, element),
                              alignmentOf(element));
}

void AlgorithmTask::store(Value value, Value base, Value at) {
  LLVM::StoreOp::create(b, cb.loc, value, cb.address(base, at, value.getType()),
                        alignmentOf(value.getType()));
}

AlgorithmTask::Values AlgorithmTask::choose(Value condition, Make onTrue, Make onFalse) {
  auto branch = scf::IfOp::create(
      b, cb.loc, condition,
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, cb.loc, onTrue()); },
      [&](OpBuilder &, Location) { scf::YieldOp::create(b, cb.loc, onFalse()); });
  return llvm::to_vector(ValueRange(branch.getResults()));
}

AlgorithmTask::Values AlgorithmTask::repeatWhile(ValueRange init,
                                                 llvm::function_ref<Value(ValueRange)> condition,
                                                 llvm::function_ref<Values(ValueRange)> body) {
  auto loop = scf::WhileOp::create(
      b, cb.loc, init.getTypes(), init,
      [&](OpBuilder &, Location, ValueRange carried) {
        scf::ConditionOp::create(b, cb.loc, condition(carried), carried);
      },
      [&](OpBuilder &, Location, ValueRange carried) {
        scf::YieldOp::create(b, cb.loc, body(carried));
      });
  return llvm::to_vector(ValueRange(loop.getResults()));
}

KernelCode emitAlgorithm(CodeContext &context, const Frame &frame, Operation *op,
                         llvm::StringRef symbol) {
  if (!llvm::isa<exec::ScatterOp, exec::CumulateOp, exec::SortOp>(op))
    return emitText(context, frame, op, symbol);
  Algorithm algorithm(context, frame, op, symbol);
  if (auto scatter = llvm::dyn_cast<exec::ScatterOp>(op))
    return algorithm.scatter(scatter);
  if (auto cumulate = llvm::dyn_cast<exec::CumulateOp>(op))
    return algorithm.cumulate(cumulate);
  return algorithm.sort(llvm::cast<exec::SortOp>(op));
}

} // namespace ingot::cpu
