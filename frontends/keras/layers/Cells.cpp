// SimpleRNNCell, LSTMCell, GRUCell and StackedRNNCells; see Cells.h.
#include "frontends/keras/layers/Cells.h"
#include "frontends/keras/layers/Nested.h"
#include "frontends/keras/layers/Ops.h"
#include "frontends/keras/layers/Recurrent.h"

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

namespace {

void checkRate(const LayerImpl &layer, const char *what, double rate) {
  if (!(rate >= 0 && rate < 1))
    layer.fail(std::string(what) + " is the fraction to drop, from 0 to below 1, got " +
               std::to_string(rate));
}

Expr product(Emitter &e, Expr x, Expr matrix) {
  Dims dims = x.dims();
  Dim rows = Dim::constant(e.b.getContext(), 1);
  for (Dim dim : llvm::ArrayRef(dims).drop_back())
    rows = rows * dim;
  Expr flat = e.expr(graph::reshape(e.b, e.loc, x, {rows, dims.back()}));
  Expr result = e.expr(e.create<graph::MatMulOp>({flat.v, matrix.v}));
  dims.back() = matrix.dims().back();
  return e.expr(graph::reshape(e.b, e.loc, result, dims));
}

} // namespace

std::vector<TensorSpec> CellImpl::results(const std::vector<TensorSpec> &inputs) const {
  const Shape &x = inputs[0].shape;
  if (x.size() != 2 || x[1] == None)
    fail("expected one step's inputs, (batch, features), got " + toString(x) +
         "; a cell is called at each step by layers::RNN");
  std::vector<int64_t> sizes = stateSizes();
  if (inputs.size() != 1 && inputs.size() != 1 + sizes.size())
    fail("is called on a step's inputs and its " + std::to_string(sizes.size()) + " states, got " +
         std::to_string(inputs.size()) + " tensors");
  const std::string dtype = computeDtype(dtypePolicy);
  std::vector<TensorSpec> results = {{{x[0], parts().back()->stateSizes()[0]}, dtype}};
  for (int64_t size : sizes)
    results.push_back({{x[0], size}, dtype});
  return results;
}

llvm::SmallVector<Value> CellImpl::emitAll(Emitter &e, mlir::ValueRange inputs,
                                           const CallOptions &) const {
  Dim batch = dimsOf(inputs[0])[0];
  graph::Values states(inputs.drop_front());
  if (states.empty())
    for (int64_t size : stateSizes())
      states.push_back(graph::splat(e.b, e.loc, graph::elementType(inputs[0]),
                                    {batch, Dim::constant(e.b.getContext(), size)}, 0));
  Value x = inputs[0];
  graph::Values made;
  for (const CellImpl *part : parts()) {
    CellRun run = part->begin(e, batch, dimsOf(x)[1]);
    auto own = mlir::ValueRange(states).slice(made.size(), part->stateSizes().size());
    graph::Values next = run.step(run.project(x), own);
    x = next[0];
    made.append(next.begin(), next.end());
  }
  llvm::SmallVector<Value> results = {x};
  results.append(made.begin(), made.end());
  return results;
}

void GatedCell::check(const LayerImpl &layer) const {
  if (arguments.units <= 0)
    layer.fail("units must be positive, got " + std::to_string(arguments.units));
  checkActivation(arguments.activation, layer);
  checkActivation(arguments.recurrentActivation, layer);
  checkRate(layer, "dropout", arguments.dropout);
  checkRate(layer, "recurrentDropout", arguments.recurrentDropout);
}

std::vector<Weight> GatedCell::makeWeights(const std::vector<Shape> &inputs) const {
  const CellArguments &a = arguments;
  int64_t wide = a.units > kMaxExtent ? a.units : a.units * gates(); // too many are refused later
  std::vector<Weight> result = {{"kernel",
                                 {inputs[0].back(), wide},
                                 a.kernelInitializer,
                                 true,
                                 a.kernelRegularizer,
                                 a.kernelConstraint},
                                {"recurrent_kernel",
                                 {a.units, wide},
                                 a.recurrentInitializer,
                                 true,
                                 a.recurrentRegularizer,
                                 a.recurrentConstraint}};
  if (a.useBias)
    result.push_back(
        {"bias", {wide}, a.biasInitializer, true, a.biasRegularizer, a.biasConstraint});
  return result;
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

CellRun SimpleRNNCellImpl::begin(Emitter &e, Dim batch, Dim features) const {
  Masks drops = masks(e, batch, features);
  Expr kernel = e.expr(e.read(*this, "recurrent_kernel"));
  std::optional<Expr> bias;
  if (arguments.useBias)
    bias = e.expr(e.read(*this, "bias"));
  return {[=, this, &e](Value x) -> Value { return projected(e, drops, x, bias); },
          [=, this, &e](Value x, mlir::ValueRange states) -> graph::Values {
            Expr h = recurrent(e, drops, kernel, e.expr(states[0]), 0, 1);
            return {activated(e, e.expr(x) + h).v};
          }};
}

std::vector<Weight> LSTMCellImpl::makeWeights(const std::vector<Shape> &inputs) const {
  std::vector<Weight> result = GatedCell::makeWeights(inputs);
  if (arguments.useBias && arguments.unitForgetBias) {
    result.back().onesFrom = arguments.units;
    result.back().onesTo = 2 * arguments.units;
  }
  return result;
}

/// Gates i, f, c, o.
CellRun LSTMCellImpl::begin(Emitter &e, Dim batch, Dim features) const {
  Masks drops = masks(e, batch, features);
  Expr kernel = e.expr(e.read(*this, "recurrent_kernel"));
  std::optional<Expr> bias;
  if (arguments.useBias)
    bias = e.expr(e.read(*this, "bias"));
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
CellRun GRUCellImpl::begin(Emitter &e, Dim batch, Dim features) const {
  Masks drops = masks(e, batch, features);
  Expr kernel = e.expr(e.read(*this, "recurrent_kernel"));
  std::optional<Expr> bias, stateBias;
  if (arguments.useBias) {
    Expr all = e.expr(e.read(*this, "bias"));
    mlir::MLIRContext *context = e.b.getContext();
    Dim zero = Dim::constant(context, 0), one = Dim::constant(context, 1);
    auto row = [&](int64_t i) {
      Dim wide = all.dims().back();
      Value slice = graph::slice(e.b, e.loc, all, {Dim::constant(context, i), zero}, {one, wide});
      return e.expr(graph::reshape(e.b, e.loc, slice, {wide}));
    };
    bias = arguments.resetAfter ? row(0) : all;
    if (arguments.resetAfter)
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

template <typename Impl> Json configOf(const Impl &cell) {
  ConfigWriter writer;
  Impl::fields(cell, writer);
  return std::move(writer.config);
}

struct StackedRNNCellsImpl final : CellImpl {
  static constexpr const char *kName = "StackedRNNCells";
  std::vector<std::shared_ptr<CellImpl>> cells;

  const char *className() const override { return kName; }
  Json config() const override {
    Json list = Json::array();
    for (const auto &cell : cells)
      list.push_back(layerToJson(*cell));
    return {{"cells", list}};
  }
  static void fields(auto &, auto &) {}
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
  std::vector<int64_t> stateSizes() const override {
    std::vector<int64_t> sizes;
    for (const auto &cell : cells)
      llvm::append_range(sizes, cell->stateSizes());
    return sizes;
  }
  std::vector<const CellImpl *> parts() const override {
    std::vector<const CellImpl *> all;
    for (const auto &cell : cells)
      llvm::append_range(all, cell->parts());
    return all;
  }
  CellRun begin(Emitter &, Dim, Dim) const override {
    fail("internal error: its parts are run one after another");
  }
};

std::shared_ptr<LayerImpl> stackedFromConfig(const Json &config) {
  layers::PlainOptions options;
  options.name = config.value("name", "");
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

Json SimpleRNNCellImpl::config() const { return configOf(*this); }
Json LSTMCellImpl::config() const { return configOf(*this); }
Json GRUCellImpl::config() const { return configOf(*this); }

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
