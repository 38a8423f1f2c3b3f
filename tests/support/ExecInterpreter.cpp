// See ExecInterpreter.h.
#include "tests/support/ExecInterpreter.h"
#include "compiler/fusion/Structure.h"
#include "tests/support/ExecScalars.h"
#include "tests/support/OpCases.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace mlir;

namespace ingot::tests {

using reference::Number;
using reference::Tensor;

Tensor signlessTensor(const Tensor &tensor) {
  Type byte = IntegerType::get(tensor.element().getContext(), 8);
  if (int64_t share = reference::elementsPerByte(tensor.element()); share > 1) {
    Tensor packed(byte, {(tensor.numElements() + share - 1) / share});
    std::vector<char> bytes(packed.numElements());
    tensor.copyTo(bytes.data());
    packed.copyFrom(bytes.data());
    return packed;
  }
  if (tensor.isFloat() && tensor.element().getIntOrFloatBitWidth() == 8) {
    Tensor bits(byte, tensor.shape());
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      bits.set(i, reference::fromBits(byte, reference::toBits(tensor.element(), tensor.get(i))));
    return bits;
  }
  Tensor result(exec::signlessElement(tensor.element()), tensor.shape());
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    result.set(i, reference::roundTo(result.element(), tensor.get(i)));
  return result;
}

namespace {

/// Adds a point's values to what its nest has combined so far.
void combine(exec::Combiner combiner, llvm::SmallVector<Number> &sum,
             llvm::ArrayRef<Number> values) {
  Number &a = sum[0], v = values[0];
  auto better = [&](bool max) {
    if (a.isFloat)
      return std::isnan(v.f) ? !std::isnan(a.f) : max ? v.f > a.f : v.f < a.f;
    return max ? v.i > a.i : v.i < a.i;
  };
  auto isUnsignedLess = [](Number x, Number y) {
    return static_cast<uint64_t>(x.i) < static_cast<uint64_t>(y.i);
  };
  switch (combiner) {
  case exec::Combiner::None:
    sum.assign(values.begin(), values.end());
    return;
  case exec::Combiner::Add:
    a = a.isFloat ? Number::real(a.f + v.f)
                  : Number::integer(static_cast<int64_t>(static_cast<uint64_t>(a.i) + v.i));
    return;
  case exec::Combiner::Mul:
    a = a.isFloat ? Number::real(a.f * v.f)
                  : Number::integer(static_cast<int64_t>(static_cast<uint64_t>(a.i) * v.i));
    return;
  case exec::Combiner::Max:
  case exec::Combiner::Min:
    if (better(combiner == exec::Combiner::Max))
      a = v;
    return;
  case exec::Combiner::UMax: // sign-extended values keep the unsigned order
    if (isUnsignedLess(a, v))
      a = v;
    return;
  case exec::Combiner::UMin:
    if (isUnsignedLess(v, a))
      a = v;
    return;
  case exec::Combiner::ArgMax:
  case exec::Combiner::ArgMin:
    if (sum[1].i < 0 || better(combiner == exec::Combiner::ArgMax))
      sum.assign(values.begin(), values.end());
    return;
  case exec::Combiner::Moments: {
    double count = a.f + v.f, difference = values[1].f - sum[1].f;
    double share = count > 0 ? v.f / count : 0;
    sum[2] = Number::real(sum[2].f + values[2].f + difference * difference * a.f * share);
    sum[1] = Number::real(sum[1].f + difference * share);
    a = Number::real(count);
    return;
  }
  }
}

/// What combining starts from; an index of -1 says that nothing was seen.
llvm::SmallVector<Number> startOf(exec::NestOp nest) {
  llvm::SmallVector<Number> start;
  for (Value output : nest.getOutputs()) {
    Type element = getElementTypeOrSelf(output);
    if (!start.empty() && nest.getCombiner() != exec::Combiner::Moments) {
      start.push_back(Number::integer(-1));
      continue;
    }
    if (isMap(nest)) {
      start.push_back(Number());
      continue;
    }
    TypedAttr identity = exec::identityOf(nest.getCombiner(), element);
    if (auto real = llvm::dyn_cast<FloatAttr>(identity))
      start.push_back(Number::real(real.getValueAsDouble()));
    else
      start.push_back(reference::roundTo(
          element, Number::integer(llvm::cast<IntegerAttr>(identity).getValue().getSExtValue())));
  }
  return start;
}

} // namespace

LogicalResult ExecInterpreter::fail(Operation *op, const std::string &text) {
  std::string layer = graph::layerName(op->getLoc());
  message = (layer.empty() ? op->getName().getStringRef().str() : layer) + ": " + text;
  return failure();
}

int64_t ExecInterpreter::evaluate(Dim d) {
  return d.evaluate([&](llvm::StringRef name) {
    auto it = symbols.find(name);
    return it == symbols.end() ? int64_t(0) : it->second;
  });
}

void ExecInterpreter::evaluateLets() {
  for (Attribute entry : lets ? lets.getValue() : llvm::ArrayRef<Attribute>()) {
    auto let = llvm::cast<ArrayAttr>(entry);
    std::string name = llvm::cast<StringAttr>(let[0]).str();
    if (!bound.count(name))
      symbols[name] = evaluate(Dim(llvm::cast<graph::DimsAttr>(let[1]).getExprs()[0]));
  }
}

FailureOr<llvm::SmallVector<Tensor>> ExecInterpreter::run(llvm::StringRef name,
                                                          llvm::ArrayRef<Tensor> inputs) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  message.clear();
  values.clear();
  symbols.clear();
  for (auto [argument, input] : llvm::zip(function.getArguments(), inputs)) {
    for (auto [dim, size] : llvm::zip(dimsOf(argument), input.shape()))
      if (auto symbol = dim.asSymbol())
        symbols[symbol->str()] = size;
  }
  lets = function->getAttrOfType<ArrayAttr>("graph.lets");
  bound.clear();
  evaluateLets();
  return runRegion(function.getBody(), inputs);
}

FailureOr<llvm::SmallVector<Tensor>> ExecInterpreter::runRegion(Region &region,
                                                                llvm::ArrayRef<Tensor> arguments) {
  Block &body = region.front();
  for (auto [argument, value] : llvm::zip(body.getArguments(), arguments))
    values[argument] = value;
  for (Operation &op : body.without_terminator())
    if (failed(runOp(op)))
      return failure();
  return tensorsOf(body.getTerminator()->getOperands());
}

FailureOr<llvm::SmallVector<Tensor>> ExecInterpreter::tensorsOf(ValueRange list) {
  llvm::SmallVector<Tensor> tensors;
  for (Value value : list) {
    auto tensor = tensorOf(value);
    if (failed(tensor))
      return failure();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

llvm::SmallVector<int64_t> ExecInterpreter::shapeOf(Value value) {
  return llvm::map_to_vector(dimsOf(value), [&](Dim d) { return evaluate(d); });
}

/// What is in the tensor's memory now.
FailureOr<Tensor> ExecInterpreter::tensorOf(Value value) {
  if (auto view = value.getDefiningOp<exec::ViewOp>()) {
    auto viewed = tensorOf(view.getX());
    if (failed(viewed))
      return failure();
    return viewed->reshaped(shapeOf(value));
  }
  if (auto bind = value.getDefiningOp<exec::BindOp>()) {
    auto all = tensorOf(bind.getX());
    if (failed(all))
      return failure();
    Tensor rows(all->element(), shapeOf(value));
    for (int64_t i = 0, e = rows.numElements(); i < e; ++i)
      rows.set(i, all->get(i));
    return rows;
  }
  if (auto read = value.getDefiningOp<exec::ReadVariableOp>()) {
    auto it = variables.find(read.getVariable());
    if (it == variables.end())
      return fail(read, "variable `" + read.getVariable().str() + "` has no value");
    return it->second;
  }
  return values.at(value);
}

LogicalResult ExecInterpreter::runOp(Operation &op) {
  if (llvm::isa<exec::ViewOp, exec::ReadVariableOp>(op))
    return success();
  if (auto bind = llvm::dyn_cast<exec::BindOp>(op)) {
    auto count = tensorOf(bind.getCount());
    if (failed(count))
      return failure();
    int64_t rows = count->integer(0);
    if (rows < 0 || rows > evaluate(dimsOf(bind.getX())[0]))
      return fail(bind, "the size " + std::to_string(rows) + " is out of range");
    symbols[bind.getSymbol().str()] = rows;
    bound.insert(bind.getSymbol().str());
    evaluateLets();
    return success();
  }
  if (auto nest = llvm::dyn_cast<exec::NestOp>(op))
    return runNest(nest);
  if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op))
    return runKernel(kernel);
  if (auto winograd = llvm::dyn_cast<exec::WinogradOp>(op))
    return runWinograd(winograd);
  if (auto scatter = llvm::dyn_cast<exec::ScatterOp>(op))
    return runScatter(scatter);
  if (auto cumulate = llvm::dyn_cast<exec::CumulateOp>(op))
    return runCumulate(cumulate);
  if (auto sort = llvm::dyn_cast<exec::SortOp>(op))
    return runSort(sort);
  if (exec::isDispatch(&op))
    return runText(op);
  if (auto constant = llvm::dyn_cast<exec::ConstantOp>(op)) {
    values[constant.getResult()] = signlessTensor(tests::tensorOf(constant.getValue()));
    return success();
  }
  if (auto assign = llvm::dyn_cast<exec::AssignVariableOp>(op)) {
    auto tensor = tensorOf(assign.getX());
    if (succeeded(tensor))
      variables[assign.getVariable().str()] = std::move(*tensor);
    return failure(failed(tensor));
  }
  FailureOr<llvm::SmallVector<Tensor>> results = failure();
  if (auto choice = llvm::dyn_cast<exec::IfOp>(op)) {
    auto condition = tensorOf(choice.getCondition());
    if (succeeded(condition))
      results = runRegion(
          condition->get(0).truth() ? choice.getThenRegion() : choice.getElseRegion(), {});
  } else if (auto scan = llvm::dyn_cast<exec::ScanOp>(op)) {
    results = runScan(scan);
  } else if (auto loop = llvm::dyn_cast<exec::WhileOp>(op)) {
    results = runWhile(loop);
  } else {
    return fail(&op, "is not interpreted");
  }
  if (failed(results))
    return failure();
  for (auto [result, value] : llvm::zip(op.getResults(), *results))
    values[result] = value;
  return success();
}

FailureOr<llvm::SmallVector<Tensor>> ExecInterpreter::runScan(exec::ScanOp op) {
  auto carried = tensorsOf(op.getCarried()), inputs = tensorsOf(op.getInputs());
  if (failed(carried) || failed(inputs))
    return failure();
  llvm::SmallVector<Tensor> stacked;
  for (Value result : op.getResults().drop_front(carried->size()))
    stacked.emplace_back(getElementTypeOrSelf(result), shapeOf(result));
  int64_t trips = evaluate(op.getTripCount());
  for (int64_t trip = 0; trip < trips; ++trip) {
    int64_t position = op.getReverse() ? trips - 1 - trip : trip;
    llvm::SmallVector<Tensor> arguments{Tensor::scalar(
        getElementTypeOrSelf(op.getBody().getArgument(0)), Number::integer(position))};
    arguments.append(carried->begin(), carried->end());
    for (const Tensor &input : *inputs) {
      Tensor slice(input.element(), input.shape().drop_front());
      for (int64_t i = 0, size = slice.numElements(); i < size; ++i)
        slice.set(i, input.get(position * size + i));
      arguments.push_back(std::move(slice));
    }
    auto yielded = runRegion(op.getBody(), arguments);
    if (failed(yielded))
      return failure();
    for (auto [whole, slice] : llvm::zip(stacked, llvm::drop_begin(*yielded, carried->size())))
      for (int64_t i = 0, size = slice.numElements(); i < size; ++i)
        whole.set(position * size + i, slice.get(i));
    yielded->truncate(carried->size());
    carried = std::move(yielded);
  }
  carried->append(stacked.begin(), stacked.end());
  return carried;
}

FailureOr<llvm::SmallVector<Tensor>> ExecInterpreter::runWhile(exec::WhileOp op) {
  auto carried = tensorsOf(op.getCarried());
  while (succeeded(carried)) {
    auto more = runRegion(op.getCondition(), *carried);
    if (failed(more))
      return failure();
    if (!more->front().get(0).truth())
      break;
    carried = runRegion(op.getBody(), *carried);
  }
  return carried;
}

LogicalResult ExecInterpreter::runKernel(exec::KernelOp op) {
  Block &body = op.getBody().front();
  for (auto [argument, input] : llvm::zip(body.getArguments(), op.getInputs())) {
    auto tensor = tensorOf(input);
    if (failed(tensor))
      return failure();
    values[argument] = std::move(*tensor);
  }
  for (Operation &inner : body.without_terminator())
    if (failed(runOp(inner)))
      return failure();
  for (auto [result, yielded] : llvm::zip(op.getOutputs(), body.getTerminator()->getOperands()))
    values[result] = Tensor(values.at(yielded)); // a copy first: the map may grow
  return success();
}

/// As the definition has it, tile by tile.
LogicalResult ExecInterpreter::runWinograd(exec::WinogradOp op) {
  auto x = tensorOf(op.getX()), kernel = tensorOf(op.getKernel());
  if (failed(x) || failed(kernel))
    return failure();
  exec::WinogradMatrices m(op.getOutputs());
  Tensor y(getElementTypeOrSelf(op.getResult()), shapeOf(op.getResult()));
  int64_t channels = x->dim(3), side = m.outputs;
  auto input = [&](int64_t n, int64_t row, int64_t column, int64_t c) {
    bool inside = row >= 0 && row < x->dim(1) && column >= 0 && column < x->dim(2);
    return inside ? x->at({n, row, column, c}).f : 0.0;
  };
  auto tile = [&](int64_t n, int64_t top, int64_t left) {
    std::vector<double> transformed; // (points, points, channels)
    for (int64_t a = 0; a < m.points; ++a)
      for (int64_t b = 0; b < m.points; ++b)
        for (int64_t c = 0; c < channels; ++c) {
          double sum = 0;
          for (int64_t i = 0; i < m.points; ++i)
            for (int64_t j = 0; j < m.points; ++j)
              sum += m.input[a][i] * m.input[b][j] *
                     input(n, top + i - op.getLow()[0], left + j - op.getLow()[1], c);
          transformed.push_back(sum);
        }
    for (int64_t filter = 0; filter < y.dim(3); ++filter) {
      std::vector<double> products; // (points, points)
      for (int64_t a = 0; a < m.points; ++a)
        for (int64_t b = 0; b < m.points; ++b) {
          double sum = 0;
          for (int64_t c = 0; c < channels; ++c)
            sum += transformed[(a * m.points + b) * channels + c] *
                   kernel->at({filter / exec::panelLanes, a, b, c, filter % exec::panelLanes}).f;
          products.push_back(sum);
        }
      for (int64_t row = 0; row < side && top + row < y.dim(1); ++row)
        for (int64_t column = 0; column < side && left + column < y.dim(2); ++column) {
          double sum = 0;
          for (int64_t a = 0; a < m.points; ++a)
            for (int64_t b = 0; b < m.points; ++b)
              sum += m.output[row][a] * m.output[column][b] * products[a * m.points + b];
          y.set({n, top + row, left + column, filter}, Number::real(sum));
        }
    }
  };
  for (int64_t n = 0; n < y.dim(0); ++n)
    for (int64_t top = 0; top < y.dim(1); top += side)
      for (int64_t left = 0; left < y.dim(2); left += side)
        tile(n, top, left);
  values[op.getResult()] = std::move(y);
  values[op.getWorkspace()] =
      Tensor(getElementTypeOrSelf(op.getWorkspace()), shapeOf(op.getWorkspace()));
  return success();
}

LogicalResult ExecInterpreter::runScatter(exec::ScatterOp op) {
  auto base = tensorOf(op.getBase()), indices = tensorOf(op.getIndices()),
       updates = tensorOf(op.getUpdates());
  if (failed(base) || failed(indices) || failed(updates))
    return failure();
  int64_t width = base->dim(1);
  for (int64_t i = 0; i < indices->numElements(); ++i) {
    int64_t row = indices->integer(i);
    if (row < 0 || row >= base->dim(0))
      return fail(op, "index " + std::to_string(row) + " is out of range");
    for (int64_t c = 0; c < width; ++c) {
      llvm::SmallVector<Number> sum{base->get(row * width + c)};
      combine(op.getCombiner(), sum, updates->get(i * width + c));
      base->set(row * width + c, reference::roundTo(base->element(), sum[0]));
    }
  }
  values[op.getResult()] = std::move(*base);
  return success();
}

LogicalResult ExecInterpreter::runCumulate(exec::CumulateOp op) {
  auto x = tensorOf(op.getX());
  if (failed(x))
    return failure();
  Tensor result(x->element(), x->shape());
  int64_t length = x->dim(1), width = x->dim(2);
  bool isSum = op.getCombiner() == exec::Combiner::Add;
  for (int64_t o = 0; o < x->dim(0); ++o)
    for (int64_t c = 0; c < width; ++c) {
      double start = isSum ? 0 : 1;
      llvm::SmallVector<Number> sum{x->isFloat() ? Number::real(start)
                                                 : Number::integer(static_cast<int64_t>(start))};
      for (int64_t j = 0; j < length; ++j) {
        int64_t at = (o * length + (op.getReverse() ? length - 1 - j : j)) * width + c;
        if (op.getExclusive())
          result.set(at, sum[0]);
        combine(op.getCombiner(), sum, x->get(at));
        sum[0] = reference::roundTo(x->element(), sum[0]);
        if (!op.getExclusive())
          result.set(at, sum[0]);
      }
    }
  values[op.getResult()] = std::move(result);
  return success();
}

LogicalResult ExecInterpreter::runSort(exec::SortOp op) {
  auto keys = tensorOf(op.getKeys());
  if (failed(keys))
    return failure();
  Tensor result(getElementTypeOrSelf(op.getResult()), keys->shape());
  int64_t length = keys->dim(1);
  for (int64_t row = 0; row < keys->numElements(); row += length) {
    std::vector<int64_t> order(length);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
      return std::pair(keys->integer(row + i), i) < std::pair(keys->integer(row + j), j);
    });
    for (int64_t i = 0; i < length; ++i)
      result.set(row + i, Number::integer(order[i]));
  }
  values[op.getResult()] = std::move(result);
  return success();
}

LogicalResult ExecInterpreter::runNest(exec::NestOp op) {
  llvm::SmallVector<Tensor> inputs, outputs;
  for (Value input : op.getInputs()) {
    auto tensor = tensorOf(input);
    if (failed(tensor))
      return failure();
    inputs.push_back(std::move(*tensor));
  }
  auto extents = llvm::map_to_vector(loopDims(op), [&](Dim d) { return evaluate(d); });
  llvm::ArrayRef<int64_t> parallel = llvm::ArrayRef(extents).take_front(op.getParallel());
  llvm::ArrayRef<int64_t> reduced = llvm::ArrayRef(extents).drop_front(op.getParallel());
  for (Value output : op.getOutputs())
    outputs.emplace_back(getElementTypeOrSelf(output), parallel);
  LogicalResult ok = success();
  int64_t position = 0;
  reference::forEachIndex(parallel, [&](llvm::ArrayRef<int64_t> outer) {
    llvm::SmallVector<Number> sum = startOf(op), yielded;
    reference::forEachIndex(reduced, [&](llvm::ArrayRef<int64_t> inner) {
      if (failed(ok))
        return;
      llvm::SmallVector<int64_t> loops(outer);
      loops.append(inner.begin(), inner.end());
      ok = runPoint(op, loops, inputs, yielded);
      if (succeeded(ok))
        combine(op.getCombiner(), sum, yielded);
    });
    if (sum.size() == 2 && op.getCombiner() != exec::Combiner::None)
      sum[1].i = std::max<int64_t>(sum[1].i, 0); // an index over no element is 0
    for (auto [output, value] : llvm::zip(outputs, sum))
      output.set(position, reference::roundTo(output.element(), value));
    ++position;
  });
  for (auto [result, output] : llvm::zip(op.getOutputs(), outputs))
    values[result] = std::move(output);
  return ok;
}

LogicalResult ExecInterpreter::runPoint(exec::NestOp op, llvm::ArrayRef<int64_t> loops,
                                        llvm::ArrayRef<Tensor> inputs,
                                        llvm::SmallVector<Number> &yielded) {
  Block &body = op.getBody().front();
  Scalars scalars;
  llvm::DenseMap<Value, const Tensor *> whole;
  for (auto [argument, index] : llvm::zip(body.getArguments(), loops))
    scalars[argument] = Number::integer(index);
  for (auto [i, input] : llvm::enumerate(inputs)) {
    BlockArgument argument = body.getArgument(loops.size() + i);
    AffineMap map = accessMap(op, i);
    if (!map) {
      whole[argument] = &input;
      continue;
    }
    auto at = map.compose(loops);
    for (auto [index, size] : llvm::zip(at, input.shape()))
      if (index < 0 || index >= size)
        return fail(op, "input " + std::to_string(i) + " is read outside its " +
                            std::to_string(size) + " elements, at " + std::to_string(index));
    scalars[argument] = input.at(at);
  }
  for (Operation &inner : body.without_terminator())
    if (failed(runScalar(inner, scalars, whole)))
      return failure();
  yielded.clear();
  for (Value v : body.getTerminator()->getOperands())
    yielded.push_back(scalars.at(v));
  return success();
}

LogicalResult ExecInterpreter::runScalar(Operation &op, Scalars &scalars,
                                         const llvm::DenseMap<Value, const Tensor *> &whole) {
  if (auto check = llvm::dyn_cast<exec::CheckOp>(op))
    return scalars.at(check.getCondition()).truth() ? success() : fail(&op, "is out of range");
  if (auto extent = llvm::dyn_cast<exec::ExtentOp>(op)) {
    scalars[extent.getResult()] = Number::integer(evaluate(Dim(extent.getDim().getExprs()[0])));
    return success();
  }
  if (auto read = llvm::dyn_cast<exec::ReadOp>(op)) {
    if (read.getGuard() && !scalars.at(read.getGuard()).truth()) {
      Number otherwise = scalars.at(read.getOtherwise()); // a copy first: the map may grow
      scalars[read.getResult()] = otherwise;
      return success();
    }
    const Tensor &tensor = *whole.at(read.getTensor());
    llvm::SmallVector<int64_t> at;
    for (auto [index, size] : llvm::zip(read.getIndices(), tensor.shape())) {
      at.push_back(scalars.at(index).i);
      if (at.back() < 0 || at.back() >= size)
        return fail(&op,
                    "reads element " + std::to_string(at.back()) + " of " + std::to_string(size));
    }
    scalars[read.getResult()] = tensor.at(at);
    return success();
  }
  auto operands = llvm::map_to_vector(op.getOperands(), [&](Value v) { return scalars.at(v); });
  auto result = evaluateScalar(op, operands);
  if (!result)
    return fail(&op, "`" + op.getName().getStringRef().str() + "` is not interpreted");
  scalars[op.getResult(0)] = *result;
  return success();
}

} // namespace ingot::tests
