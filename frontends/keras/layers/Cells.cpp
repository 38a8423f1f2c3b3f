// SimpleRNNCell, LSTMCell, GRUCell and StackedRNNCells; see Cells.h.
#include "frontends/keras/layers/Cells.h"
#include "frontends/keras/layers/Nested.h"
#include "frontends/keras/layers/Ops.h"
#include "frontends/keras/layers/Recurrent.h"

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

std::vector<TensorSpec> CellImpl::results(const std::vector<TensorSpec> &inputs) const {
  const Shape &x = inputs[0].shape;
  if (static_cast<int64_t>(x.size()) != stepRank() || x.back() == None)
    fail("expected one step's inputs, (batch, features), got " + toString(x) +
         "; a cell is called at each step by layers::RNN");
  std::vector<Shape> states = stateShapes(x);
  if (inputs.size() != 1 && inputs.size() != 1 + states.size())
    fail("is called on a step's inputs and its " + std::to_string(states.size()) + " states, got " +
         std::to_string(inputs.size()) + " tensors");
  states.insert(states.begin(), parts().back()->stateShapes(x)[0]);
  std::vector<TensorSpec> results;
  for (Shape &shape : states) {
    shape.insert(shape.begin(), x[0]);
    results.push_back({std::move(shape), computeDtype(dtypePolicy)});
  }
  return results;
}

llvm::SmallVector<Value> CellImpl::emitAll(Emitter &e, mlir::ValueRange inputs,
                                           const CallOptions &) const {
  Value x = inputs[0];
  graph::Values states(inputs.drop_front());
  if (states.empty())
    states = emptyStates(e, *this, graph::elementType(x), dimsOf(x));
  graph::Values made;
  for (const CellImpl *part : parts()) {
    CellRun run = part->begin(e, dimsOf(x));
    auto own = mlir::ValueRange(states).slice(made.size(), part->stateCount());
    graph::Values next = run.step(run.project(x), own);
    x = next[0];
    made.append(next.begin(), next.end());
  }
  llvm::SmallVector<Value> results = {x};
  results.append(made.begin(), made.end());
  return results;
}

graph::Values emptyStates(Emitter &e, const CellImpl &cell, mlir::Type element,
                          llvm::ArrayRef<Dim> step) {
  Shape shape;
  for (Dim dim : step)
    shape.push_back(dim.isStatic() ? dim.value() : None);
  graph::Values states;
  for (const Shape &extents : cell.stateShapes(shape)) {
    Dims dims = {step[0]};
    for (int64_t extent : extents)
      dims.push_back(Dim::constant(e.b.getContext(), extent));
    states.push_back(graph::splat(e.b, e.loc, element, dims, 0));
  }
  return states;
}

void checkCellArguments(const LayerImpl &layer, const CellArguments &arguments) {
  checkSameShapeActivation(arguments.activation, layer);
  checkSameShapeActivation(arguments.recurrentActivation, layer);
  checkRate(layer, "dropout", arguments.dropout);
  checkRate(layer, "recurrentDropout", arguments.recurrentDropout);
}

std::vector<Weight> cellWeights(const CellArguments &a, const Shape &kernel,
                                const Shape &recurrent) {
  std::vector<Weight> result = {kernelOf(a, kernel),
                                {"recurrent_kernel", recurrent, a.recurrentInitializer, true,
                                 a.recurrentRegularizer, a.recurrentConstraint}};
  if (a.useBias)
    result.push_back(biasOf(a, {kernel.back()}));
  return result;
}

void setUnitForgetBias(const CellArguments &a, std::vector<Weight> &weights) {
  if (!a.useBias || !a.unitForgetBias)
    return;
  weights.back().onesFrom = a.units;
  weights.back().onesTo = 2 * a.units;
}

void GatedCell::check(const LayerImpl &layer) const {
  if (arguments.units <= 0)
    layer.fail("units must be positive, got " + std::to_string(arguments.units));
  checkCellArguments(layer, arguments);
}

std::vector<Weight> GatedCell::makeWeights(const std::vector<Shape> &inputs) const {
  const CellArguments &a = arguments;
  int64_t wide = a.units > kMaxExtent ? a.units : a.units * gates(); // too many are refused later
  return cellWeights(a, {inputs[0].back(), wide}, {a.units, wide});
}

GatedCell::Masks GatedCell::masks(Emitter &e, Dim batch, Dim features) const {
  Masks masks;
  mlir::Type element = graph::elementType(e.read(*this, "kernel"));
  if (!e.training)
    return masks;
  // As in Keras: with dropout of states, each gate has masks of its own.
  int64_t count = gates() > 1 && arguments.recurrentDropout > 0 ? gates() : 1;
  auto draw = [&](double rate, Dim size, const char *what, std::vector<Expr> &into) {
    for (int64_t i = 0; rate > 0 && i < count; ++i) {
      Value ones = graph::splat(e.b, e.loc, element, {batch, size}, 1);
      into.push_back(
          Draws(e, arguments.seed).dropout(ones, rate, name + "/" + what + std::to_string(i)));
    }
  };
  draw(arguments.dropout, features, "inputs", masks.inputs);
  draw(arguments.recurrentDropout, Dim::constant(e.b.getContext(), arguments.units), "states",
       masks.states);
  return masks;
}

Expr GatedCell::part(Expr x, int64_t from, int64_t count) const {
  if (count == gates())
    return x;
  mlir::MLIRContext *context = x.b->getContext();
  Dims starts(x.dims().size(), Dim::constant(context, 0)), sizes = x.dims();
  starts.back() = Dim::constant(context, from * arguments.units);
  sizes.back() = Dim::constant(context, count * arguments.units);
  return x.with(graph::slice(*x.b, x.loc, x, starts, sizes));
}

std::optional<Expr> GatedCell::biasOf(Emitter &e) const {
  if (!arguments.useBias)
    return std::nullopt;
  return e.expr(e.read(*this, "bias"));
}

Expr GatedCell::projected(Emitter &e, const Masks &masks, Value x, std::optional<Expr> bias) const {
  Expr kernel = e.expr(e.read(*this, "kernel")), given = e.expr(x);
  auto added = [&](Expr y) { return bias ? y + *bias : y; };
  if (masks.inputs.empty())
    return added(product(e, given, kernel));
  if (masks.inputs.size() == 1)
    return added(product(e, given * masks.inputs[0], kernel));
  graph::Values all;
  for (auto [i, mask] : llvm::enumerate(masks.inputs))
    all.push_back(product(e, given * mask, part(kernel, static_cast<int64_t>(i))));
  return added(e.expr(graph::concat(e.b, e.loc, all, graph::rankOf(x) - 1)));
}

Expr GatedCell::recurrent(Emitter &e, const Masks &masks, Expr kernel, Expr h, int64_t from,
                          int64_t count) const {
  if (masks.states.empty())
    return product(e, h, part(kernel, from, count));
  if (masks.states.size() == 1)
    return product(e, h * masks.states[0], part(kernel, from, count));
  graph::Values all;
  for (int64_t i = from; i < from + count; ++i)
    all.push_back(product(e, h * masks.states[i], part(kernel, i)));
  return all.size() == 1 ? e.expr(all[0]) : e.expr(graph::concat(e.b, e.loc, all, 1));
}

CellRun SimpleRNNCellImpl::begin(Emitter &e, llvm::ArrayRef<Dim> step) const {
  Masks drops = masks(e, step[0], step[1]);
  Expr kernel = e.expr(e.read(*this, "recurrent_kernel"));
  std::optional<Expr> bias = biasOf(e);
  return {[=, this, &e](Value x) -> Value { return projected(e, drops, x, bias); },
          [=, this, &e](Value x, mlir::ValueRange states) -> graph::Values {
            Expr h = recurrent(e, drops, kernel, e.expr(states[0]), 0, 1);
            return {activated(e, e.expr(x) + h).v};
          }};
}

std::vector<Weight> LSTMCellImpl::makeWeights(const std::vector<Shape> &inputs) const {
  std::vector<Weight> result = GatedCell::makeWeights(inputs);
  setUnitForgetBias(arguments, result);
  return result;
}

/// Gates i, f, c, o.
CellRun LSTMCellImpl::begin(Emitter &e, llvm::ArrayRef<Dim> step) const {
  Masks drops = masks(e, step[0], step[1]);
  Expr kernel = e.expr(e.read(*this, "recurrent_kernel"));
  std::optional<Expr> bias = biasOf(e);
  return {[=, this, &e](Value x) -> Value { return projected(e, drops, x, bias); },
          [=, this, &e](Value x, mlir::ValueRange states) -> graph::Values {
            Expr h = e.expr(states[0]), c = e.expr(states[1]);
            Expr gates = e.expr(x) + recurrent(e, drops, kernel, h, 0, 4);
            auto gate = [&](int64_t i) { return recurrentActivated(e, part(gates, i)); };
            Expr next = gate(1) * c + gate(0) * activated(e, part(gates, 2));
            return {(gate(3) * activated(e, next)).v, next.v};
          }};
}

std::vector<Weight> GRUCellImpl::makeWeights(const std::vector<Shape> &inputs) const {
  std::vector<Weight> result = GatedCell::makeWeights(inputs);
  if (arguments.useBias && arguments.resetAfter)
    result.back().shape.insert(result.back().shape.begin(), 2);
  return result;
}

/// Gates z, r, h.
CellRun GRUCellImpl::begin(Emitter &e, llvm::ArrayRef<Dim> step) const {
  Masks drops = masks(e, step[0], step[1]);
  Expr kernel = e.expr(e.read(*this, "recurrent_kernel"));
  std::optional<Expr> bias = biasOf(e), stateBias;
  if (bias && arguments.resetAfter) {
    Expr all = *bias;
    mlir::MLIRContext *context = e.b.getContext();
    Dim zero = Dim::constant(context, 0), one = Dim::constant(context, 1);
    auto row = [&](int64_t i) {
      Dim wide = all.dims().back();
      Value slice = graph::slice(e.b, e.loc, all, {Dim::constant(context, i), zero}, {one, wide});
      return e.expr(graph::reshape(e.b, e.loc, slice, {wide}));
    };
    bias = row(0);
    stateBias = row(1);
  }
  return {[=, this, &e](Value x) -> Value { return projected(e, drops, x, bias); },
          [=, this, &e](Value x, mlir::ValueRange states) -> graph::Values {
            Expr h = e.expr(states[0]), inputs = e.expr(x);
            bool isAfter = arguments.resetAfter;
            Expr inner = recurrent(e, drops, kernel, h, 0, isAfter ? 3 : 2);
            if (stateBias)
              inner = inner + *stateBias;
            Expr z = recurrentActivated(e, part(inputs, 0) + part(inner, 0));
            Expr r = recurrentActivated(e, part(inputs, 1) + part(inner, 1));
            Expr candidate =
                isAfter ? r * part(inner, 2) : recurrent(e, drops, kernel, r * h, 2, 1);
            Expr next = activated(e, part(inputs, 2) + candidate);
            return {(z * h + (1.0 - z) * next).v};
          }};
}

namespace {

struct StackedRNNCellsImpl final : LayerWith<StackedRNNCellsImpl, CellImpl> {
  static constexpr const char *kName = "StackedRNNCells";
  std::vector<std::shared_ptr<CellImpl>> cells;

  Json config() const override {
    Json list = Json::array();
    for (const auto &cell : cells)
      list.push_back(layerToJson(*cell));
    return {{"cells", list}};
  }
  void check() const {
    if (cells.empty())
      fail("has no cells; give it one or more");
    std::set<std::string> names;
    for (const auto &cell : cells)
      if (!names.insert(cell->name).second)
        fail("two of its cells are called '" + cell->name + "'; give each a name");
  }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override {
    return {cells.begin(), cells.end()};
  }
  void buildSublayers(const std::vector<TensorSpec> &inputs) override {
    TensorSpec step = inputs[0];
    for (const auto &cell : cells)
      step = build(*cell, {step})[0];
  }
  std::vector<Shape> stateShapes(const Shape &step) const override {
    std::vector<Shape> shapes;
    for (const auto &cell : cells)
      llvm::append_range(shapes, cell->stateShapes(step));
    return shapes;
  }
  std::vector<const CellImpl *> parts() const override {
    std::vector<const CellImpl *> all;
    for (const auto &cell : cells)
      llvm::append_range(all, cell->parts());
    return all;
  }
  CellRun begin(Emitter &, llvm::ArrayRef<Dim>) const override {
    fail("internal error: its parts are run one after another");
  }
};

std::shared_ptr<LayerImpl> stackedFromConfig(const Json &config) {
  layers::PlainOptions options;
  options.name = config.value("name", "");
  options.trainable = config.value("trainable", true);
  auto layer = makeLayer(std::make_shared<StackedRNNCellsImpl>(), options);
  for (const Json &cell : config.at("cells"))
    layer->cells.push_back(cellOf(*layer, layerFromJson(*layer, cell)));
  layer->check();
  return layer;
}

constexpr LayerClass kClasses[] = {layerClass<SimpleRNNCellImpl>(),
                                   layerClass<LSTMCellImpl>(),
                                   layerClass<GRUCellImpl>(),
                                   {StackedRNNCellsImpl::kName, stackedFromConfig}};

template <typename Impl, typename Options>
std::shared_ptr<Impl> makeCell(int64_t units, const Options &options) {
  return construct<Impl>(options, [&](Impl &cell) {
    cell.arguments.units = units;
    cell.arguments.take(options);
  });
}

} // namespace

llvm::ArrayRef<LayerClass> cellLayers() { return kClasses; }

std::shared_ptr<CellImpl> cellOf(const LayerImpl &layer, const std::shared_ptr<LayerImpl> &cell) {
  auto result = std::dynamic_pointer_cast<CellImpl>(cell);
  if (!result)
    layer.fail("'" + cell->name + "' (" + cell->className() +
               ") is no cell; use SimpleRNNCell, LSTMCell, GRUCell or StackedRNNCells");
  return result;
}

} // namespace detail

layers::SimpleRNNCell::SimpleRNNCell(int64_t units, SimpleRNNCellOptions options)
    : Layer(detail::makeCell<detail::SimpleRNNCellImpl>(units, options)) {}
layers::LSTMCell::LSTMCell(int64_t units, LSTMCellOptions options)
    : Layer(detail::makeCell<detail::LSTMCellImpl>(units, options)) {}
layers::GRUCell::GRUCell(int64_t units, GRUCellOptions options)
    : Layer(detail::makeCell<detail::GRUCellImpl>(units, options)) {}
layers::StackedRNNCells::StackedRNNCells(const std::vector<Layer> &cells, PlainOptions options)
    : Layer(detail::construct<detail::StackedRNNCellsImpl>(
          options, [&](detail::StackedRNNCellsImpl &layer) {
            for (const Layer &cell : cells)
              layer.cells.push_back(detail::cellOf(layer, cell.impl()));
          })) {}

} // namespace ingot::keras
