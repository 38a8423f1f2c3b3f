// SimpleRNN, LSTM, GRU and RNN: the inputs of all steps are multiplied at once, then a scan over
// time carries the states of the whole batch. Stacked cells are loops one after another, which is
// the same; a sequence of one step is no loop.
#include "frontends/keras/layers/Recurrent.h"
#include "frontends/keras/layers/Nested.h"
#include "frontends/keras/layers/RecurrentImpl.h"

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

static Shape withBatch(int64_t batch, Shape shape) {
  shape.insert(shape.begin(), batch);
  return shape;
}

void RecurrentImpl::checkModes() const {
  if (modes.stateful)
    fail("stateful is not supported, since compiled models are called by several at once; keep the "
         "states: .returnState = true gives them, and the next call takes them as further inputs");
}

/// A step of such sequences.
static Shape stepOf(const Shape &x) {
  Shape step = x;
  step.erase(step.begin() + 1);
  return step;
}

void RecurrentImpl::checkSequence(const Shape &x) const {
  if (x.size() != 3)
    fail("expected an input of 3 dimensions, (batch, time, features), got " + toString(x) +
         "; the layer before it needs .returnSequences = true, or the model an inputShape {time, "
         "features}");
  if (x[2] == None)
    fail(
        "the number of features of its input is not known: expected (batch, time, features), got " +
        toString(x) + "; its kernel needs that number: give the Input a full shape");
}

void RecurrentImpl::checkInputs(const std::vector<TensorSpec> &inputs) const {
  const Shape &x = inputs[0].shape;
  checkSequence(x);
  std::vector<Shape> states = cell().stateShapes(stepOf(x));
  if (inputs.size() != 1 && inputs.size() != 1 + states.size())
    fail("has " + std::to_string(states.size()) +
         " states; call it on a sequence, or on a sequence "
         "and all of its states, got " +
         std::to_string(inputs.size()) + " tensors");
  for (size_t i = 1; i < inputs.size(); ++i) {
    const Shape &state = inputs[i].shape, &expected = states[i - 1];
    if (state.empty() || Shape(state.begin() + 1, state.end()) != expected)
      fail("state " + std::to_string(i - 1) + " has shape " + toString(state) + ", expected " +
           toString(withBatch(x[0], expected)));
  }
}

void RecurrentImpl::buildSublayers(const std::vector<TensorSpec> &inputs) {
  checkInputs(inputs);
  build(cell(), {{stepOf(inputs[0].shape)}});
}

std::vector<TensorSpec> RecurrentImpl::results(const std::vector<TensorSpec> &inputs) const {
  checkInputs(inputs);
  const Shape &x = inputs[0].shape, step = stepOf(x);
  const std::string dtype = computeDtype(dtypePolicy);
  Shape result = withBatch(x[0], cell().parts().back()->stateShapes(step)[0]);
  if (modes.returnSequences)
    result.insert(result.begin() + 1, x[1]);
  std::vector<TensorSpec> results = {{result, dtype}};
  if (modes.returnState)
    for (const Shape &state : cell().stateShapes(step))
      results.push_back({withBatch(x[0], state), dtype});
  return results;
}

namespace {

/// The loop of one cell over all steps, (steps, batch, …) throughout.
struct Loop {
  Emitter &e;
  const CellImpl &cell;
  CellRun run;
  bool isReverse, zeroOutput;
  Value mask;         ///< (steps, batch), or null
  bool carriesResult; ///< the step's result is not always the state before it or the new one
  bool stacks;

  Loop(Emitter &e, const CellImpl &cell, llvm::ArrayRef<Dim> step, const RecurrentModes &modes,
       Value mask, bool isLast, bool hasStates)
      : e(e), cell(cell), run(cell.begin(e, step)), isReverse(modes.goBackwards),
        zeroOutput(isLast && modes.zeroOutputForMask), mask(mask),
        carriesResult(isLast && mask && (hasStates || zeroOutput)),
        stacks(modes.returnSequences || !isLast) {}

  Expr where(Value chosen, Value x, Value otherwise) const {
    Dims column(graph::rankOf(x), Dim::constant(e.b.getContext(), 1));
    column[0] = dimsOf(chosen)[0];
    Expr condition = e.expr(graph::reshape(e.b, e.loc, chosen, column));
    return select(condition, e.expr(x), e.expr(otherwise));
  }

  /// `carried`: the states, then the result if that is carried. `maskNow` is (batch), or null.
  graph::ScanYield step(Value x, mlir::ValueRange carried, Value maskNow) const {
    mlir::ValueRange before = carried.drop_back(carriesResult);
    graph::ScanYield yield;
    yield.carried = run.step(x, before);
    Value result = yield.carried[0];
    if (maskNow) {
      Value last = carriesResult ? carried.back() : before[0];
      result = where(maskNow, result, zeroOutput ? e.expr(result).number(0).v : last);
      for (auto [next, old] : llvm::zip(yield.carried, before))
        next = where(maskNow, next, old);
    }
    if (carriesResult)
      yield.carried.push_back(result);
    if (stacks)
      yield.stacked = {result};
    return yield;
  }

  graph::ScanYield all(Value x, mlir::ValueRange states) const {
    graph::Values carried(states), inputs = {run.project(x)};
    if (carriesResult)
      carried.push_back(e.expr(states[0]).number(0));
    if (mask)
      inputs.push_back(mask);
    Dim steps = dimsOf(x)[0];
    if (steps.isStatic() && steps.value() == 1)
      return single(inputs, carried);
    graph::ScanOp scan = graph::makeScan(
        e.b, e.loc, steps, carried, inputs,
        [&](mlir::OpBuilder &b, Value, mlir::ValueRange now, mlir::ValueRange slices) {
          mlir::OpBuilder::InsertionGuard guard(e.b);
          e.b.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
          graph::ScanYield yield = step(slices[0], now, mask ? slices[1] : Value());
          b.setInsertionPointToEnd(e.b.getInsertionBlock());
          return yield;
        },
        isReverse);
    return {graph::Values(scan.getCarriedResults()), graph::Values(scan.getStackedResults())};
  }

  graph::ScanYield single(mlir::ValueRange inputs, mlir::ValueRange carried) const {
    auto only = [&](Value x) {
      return graph::reshape(e.b, e.loc, x, llvm::ArrayRef(dimsOf(x)).drop_front());
    };
    graph::ScanYield yield = step(only(inputs[0]), carried, mask ? only(inputs[1]) : Value());
    for (Value &stacked : yield.stacked) {
      Dims dims = dimsOf(stacked);
      dims.insert(dims.begin(), Dim::constant(e.b.getContext(), 1));
      stacked = graph::reshape(e.b, e.loc, stacked, dims);
    }
    return yield;
  }
};

/// With the first two dimensions, batch and time, the other way round.
Value swapped(Emitter &e, Value x) {
  llvm::SmallVector<int64_t> axes = graph::allAxes(x);
  std::swap(axes[0], axes[1]);
  return graph::transpose(e.b, e.loc, x, axes);
}

} // namespace

llvm::SmallVector<Value> RecurrentImpl::emitAll(Emitter &e, mlir::ValueRange inputs,
                                                const CallOptions &) const {
  Value x = swapped(e, inputs[0]), mask = e.maskOf(inputs[0]);
  if (mask && graph::rankOf(mask) != 2)
    fail("the mask of its input has " + std::to_string(graph::rankOf(mask)) +
         " dimensions, (batch, time) is expected");
  if (mask)
    mask = swapped(e, mask);
  graph::Values states(inputs.drop_front()), lasts;
  const bool hasStates = !states.empty();
  if (!hasStates)
    states = emptyStates(e, cell(), graph::elementType(x), Dims(llvm::drop_begin(dimsOf(x))));
  std::vector<const CellImpl *> parts = cell().parts();
  Value result;
  for (const CellImpl *part : parts) {
    Dims step(llvm::drop_begin(dimsOf(x)));
    Loop loop(e, *part, step, modes, mask, part == parts.back(), hasStates);
    size_t count = part->stateCount();
    graph::ScanYield made = loop.all(x, mlir::ValueRange(states).slice(lasts.size(), count));
    result = loop.carriesResult ? made.carried.back() : made.carried[0];
    lasts.append(made.carried.begin(), made.carried.begin() + count);
    if (loop.stacks)
      x = made.stacked[0];
  }
  if (modes.returnSequences) {
    result = swapped(e, x);
    if (modes.goBackwards && !keepsOrder)
      result = e.create<graph::ReverseOp>({result}, {e.integers("axes", {1})});
  }
  llvm::SmallVector<Value> results = {result};
  if (modes.returnState)
    results.append(lasts.begin(), lasts.end());
  return results;
}

namespace {

/// LSTM of LSTMCell, and so on.
template <typename Cell> struct CellLayer final : LayerWith<CellLayer<Cell>, RecurrentImpl> {
  static constexpr const char *kName = Cell::kLayer;
  std::shared_ptr<Cell> own = std::make_shared<Cell>();

  CellLayer() { own->name = Cell::kCellName; }
  CellImpl &cell() const override { return *own; }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override { return {own}; }
  static void fields(auto &self, auto &visit) {
    modeFields(self, visit);
    Cell::fields(*self.own, visit);
  }
  void check() const {
    this->checkModes();
    own->GatedCell::check(*this);
  }
};

struct RNNImpl final : LayerWith<RNNImpl, RecurrentImpl> {
  static constexpr const char *kName = "RNN";
  std::shared_ptr<CellImpl> given;

  CellImpl &cell() const override { return *given; }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override { return {given}; }
  static void fields(auto &self, auto &visit) { modeFields(self, visit); }
  Json config() const override {
    Json config = LayerWith<RNNImpl, RecurrentImpl>::config();
    config["cell"] = layerToJson(*given);
    return config;
  }
  void check() const { checkModes(); }
};

std::shared_ptr<LayerImpl> rnnFromConfig(const Json &config) {
  auto layer = std::static_pointer_cast<RNNImpl>(fromConfig<RNNImpl>(config));
  layer->given = cellOf(*layer, layerFromJson(*layer, config.at("cell")));
  return layer;
}

constexpr LayerClass kClasses[] = {layerClass<CellLayer<SimpleRNNCellImpl>>(),
                                   layerClass<CellLayer<LSTMCellImpl>>(),
                                   layerClass<CellLayer<GRUCellImpl>>(),
                                   {RNNImpl::kName, rnnFromConfig}};

template <typename Cell, typename Options>
std::shared_ptr<LayerImpl> makeRecurrent(int64_t units, const Options &options) {
  return construct<CellLayer<Cell>>(options, [&](CellLayer<Cell> &layer) {
    layer.own->arguments.units = units;
    layer.own->arguments.take(options);
    layer.modes.take(options);
  });
}

std::shared_ptr<LayerImpl> makeRNN(const std::shared_ptr<LayerImpl> &cell,
                                   const layers::RNNOptions &options) {
  return construct<RNNImpl>(options, [&](RNNImpl &layer) {
    layer.given = cellOf(layer, cell);
    layer.modes.take(options);
  });
}

} // namespace

llvm::ArrayRef<LayerClass> recurrentLayers() { return kClasses; }

} // namespace detail

layers::SimpleRNN::SimpleRNN(int64_t units, SimpleRNNOptions options)
    : Layer(detail::makeRecurrent<detail::SimpleRNNCellImpl>(units, options)) {}
layers::LSTM::LSTM(int64_t units, LSTMOptions options)
    : Layer(detail::makeRecurrent<detail::LSTMCellImpl>(units, options)) {}
layers::GRU::GRU(int64_t units, GRUOptions options)
    : Layer(detail::makeRecurrent<detail::GRUCellImpl>(units, options)) {}
layers::RNN::RNN(const Layer &cell, RNNOptions options)
    : Layer(detail::makeRNN(cell.impl(), options)) {}
layers::RNN::RNN(const std::vector<Layer> &cells, RNNOptions options)
    : RNN(StackedRNNCells(cells), std::move(options)) {}

} // namespace ingot::keras
