// ConvLSTM1D to 3D: a cell whose products are convolutions, in the loop of all recurrent layers.
//
// The cell sees channels last; the layer turns sequences and states on their way in and out.
#include "frontends/keras/layers/ConvLSTM.h"
#include "frontends/keras/layers/Ops.h"
#include "frontends/keras/layers/RecurrentImpl.h"
#include "frontends/keras/layers/Spatial.h"

namespace ingot::keras {

namespace detail {

using graph::Expr;
using mlir::Value;

namespace {

/// With the first two dimensions, time and batch, as one.
Dims joined(const Dims &dims) {
  Dims result(dims.begin() + 1, dims.end());
  result[0] = dims[0] * dims[1];
  return result;
}

constexpr int64_t kGates = 4; // i, f, c, o

template <int N> struct ConvLSTMCellImpl final : LayerWith<ConvLSTMCellImpl<N>, CellImpl> {
  static constexpr const char *kName = "ConvLSTMCell";
  CellArguments arguments; // units: filters
  layers::Size<N> kernelSize = 1, strides = 1, dilationRate = 1;
  std::string padding = "valid";

  Window inputWindow() const {
    return Window(kernelSize, strides, dilationRate, paddingOf(*this, padding));
  }
  /// Of the states, which keep their size.
  Window stateWindow() const {
    return Window(kernelSize, layers::Size<N>(1), layers::Size<N>(1), Padding::Same);
  }
  int64_t stepRank() const override { return N + 2; }
  size_t stateCount() const override { return 2; }
  std::vector<Shape> stateShapes(const Shape &step) const override {
    Shape shape = inputWindow().resultShape(*this, "kernelSize", step, toString(step));
    shape.erase(shape.begin());
    shape.back() = arguments.units;
    return {shape, shape};
  }
  std::vector<Weight> makeWeights(const std::vector<Shape> &inputs) const override {
    const CellArguments &a = arguments;
    int64_t wide = a.units > kMaxExtent ? a.units : a.units * kGates; // too many are refused later
    Shape kernel(kernelSize.values.begin(), kernelSize.values.end()), recurrent = kernel;
    kernel.insert(kernel.end(), {inputs[0].back(), wide});
    recurrent.insert(recurrent.end(), {a.units, wide});
    std::vector<Weight> result = cellWeights(a, kernel, recurrent);
    setUnitForgetBias(a, result);
    return result;
  }
  CellRun begin(Emitter &e, llvm::ArrayRef<Dim> step) const override;

private:
  Value convolve(Emitter &e, const Window &window, Value x, Value kernel) const {
    Window::Call call = window.over(e, x, 0);
    return e.create<graph::ConvOp>({call.x, kernel}, call.attributes);
  }
  /// One convolution for all gates, or, where each has its own dropout, one each.
  Expr gates(Emitter &e, const Window &window, Expr x, Expr kernel,
             const std::vector<Expr> &masks) const {
    if (masks.empty())
      return e.expr(convolve(e, window, x, kernel));
    graph::Values all;
    for (auto [gate, mask] : llvm::enumerate(masks))
      all.push_back(convolve(e, window, x * mask, part(kernel, static_cast<int64_t>(gate))));
    return e.expr(graph::concat(e.b, e.loc, all, N + 1));
  }
  Expr part(Expr x, int64_t gate) const {
    mlir::MLIRContext *context = x.b->getContext();
    Dims starts(x.dims().size(), Dim::constant(context, 0)), sizes = x.dims();
    starts.back() = Dim::constant(context, gate * arguments.units);
    sizes.back() = Dim::constant(context, arguments.units);
    return x.with(graph::slice(*x.b, x.loc, x, starts, sizes));
  }
  std::vector<Expr> masks(Emitter &e, const char *what, double rate, const Dims &dims) const;
};

template <int N>
std::vector<Expr> ConvLSTMCellImpl<N>::masks(Emitter &e, const char *what, double rate,
                                             const Dims &dims) const {
  std::vector<Expr> all;
  if (!e.training || rate == 0)
    return all;
  mlir::Type element = graph::elementType(e.read(*this, "kernel"));
  Value ones = graph::splat(e.b, e.loc, element, dims, 1);
  for (int64_t gate = 0; gate < kGates; ++gate)
    all.push_back(Draws(e, arguments.seed)
                      .dropout(ones, rate, this->name + "/" + what + std::to_string(gate)));
  return all;
}

template <int N> CellRun ConvLSTMCellImpl<N>::begin(Emitter &e, llvm::ArrayRef<Dim> step) const {
  Expr kernel = e.expr(e.read(*this, "kernel")),
       recurrent = e.expr(e.read(*this, "recurrent_kernel"));
  std::optional<Expr> bias;
  if (arguments.useBias)
    bias = e.expr(e.read(*this, "bias"));
  Shape shape;
  for (Dim dim : step)
    shape.push_back(dim.isStatic() ? dim.value() : None);
  Dims stateDims = {step[0]};
  const Shape state = stateShapes(shape)[0];
  for (int64_t extent : state)
    stateDims.push_back(Dim::constant(e.b.getContext(), extent));
  std::vector<Expr> onInputs = masks(e, "inputs", arguments.dropout, Dims(step)),
                    onStates = masks(e, "states", arguments.recurrentDropout, stateDims);
  auto project = [=, this, &e](Value given) -> Value {
    Expr x = e.expr(given);
    Dims dims = x.dims();
    const bool hasSteps = dims.size() == N + 3;
    std::vector<Expr> drops = onInputs;
    if (hasSteps) { // all of them are one large batch
      for (Expr &drop : drops)
        drop = e.expr(
            graph::reshape(e.b, e.loc, graph::broadcastTo(e.b, e.loc, drop, dims), joined(dims)));
      x = e.expr(graph::reshape(e.b, e.loc, x, joined(dims)));
    }
    Expr y = gates(e, inputWindow(), x, kernel, drops);
    if (bias)
      y = y + *bias;
    if (!hasSteps)
      return y;
    Dims result = y.dims();
    result[0] = dims[1];
    result.insert(result.begin(), dims[0]);
    return graph::reshape(e.b, e.loc, y, result);
  };
  auto run = [=, this, &e](Value x, mlir::ValueRange states) -> graph::Values {
    Expr h = e.expr(states[0]), c = e.expr(states[1]);
    Expr all = e.expr(x) + gates(e, stateWindow(), h, recurrent, onStates);
    auto activated = [&](const std::string &function, Expr y) {
      return e.expr(emitActivation(e, function, y));
    };
    auto gate = [&](int64_t i) { return activated(arguments.recurrentActivation, part(all, i)); };
    Expr next = gate(1) * c + gate(0) * activated(arguments.activation, part(all, 2));
    return {(gate(3) * activated(arguments.activation, next)).v, next.v};
  };
  return {project, run};
}

template <int N> struct ConvLSTMImpl final : LayerWith<ConvLSTMImpl<N>, RecurrentImpl> {
  static constexpr const char *kName = byRank<N>("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D");
  std::shared_ptr<ConvLSTMCellImpl<N>> own = std::make_shared<ConvLSTMCellImpl<N>>();
  std::string dataFormat = "channels_last";

  ConvLSTMImpl() { own->name = "conv_lstm_cell"; }
  CellImpl &cell() const override { return *own; }
  std::vector<std::shared_ptr<LayerImpl>> sublayers() const override { return {own}; }
  static void fields(auto &self, auto &visit) {
    modeFields(self, visit);
    visit.required("filters", self.own->arguments.units);
    visit.required("kernel_size", self.own->kernelSize);
    visit("strides", self.own->strides);
    visit("padding", self.own->padding);
    visit("data_format", self.dataFormat);
    visit("dilation_rate", self.own->dilationRate);
    cellFields(self.own->arguments, visit, true);
    visit("unit_forget_bias", self.own->arguments.unitForgetBias);
  }
  void check() const {
    this->checkModes();
    checkPositive(*this, "filters", own->arguments.units);
    checkDataFormat(*this, dataFormat);
    Window window(own->kernelSize, own->strides, own->dilationRate, paddingOf(*this, own->padding));
    window.check(*this, "kernelSize");
    window.checkStrideOrDilation(*this);
    checkCellArguments(*this, own->arguments);
  }

  bool isFirst() const { return dataFormat == "channels_first"; }
  /// A sequence's shape, or a state's, with its channels last, or as the user has it.
  Shape turned(const Shape &shape, bool toEnd) const {
    const size_t rank = shape.size();
    if (!isFirst() || rank < N + 2 || rank > N + 3)
      return shape;
    Shape result = shape;
    auto channels = result.begin() + static_cast<int64_t>(rank - N - 1);
    if (toEnd)
      std::rotate(channels, channels + 1, result.end());
    else
      std::rotate(channels, result.end() - 1, result.end());
    return result;
  }
  Value turned(Emitter &e, Value x, bool toEnd) const {
    if (!isFirst())
      return x;
    llvm::SmallVector<int64_t> axes = graph::allAxes(x);
    Shape order = turned(Shape(axes.begin(), axes.end()), toEnd);
    return graph::transpose(e.b, e.loc, x, order);
  }
  std::vector<TensorSpec> turned(std::vector<TensorSpec> specs, bool toEnd) const {
    for (TensorSpec &spec : specs)
      spec.shape = turned(spec.shape, toEnd);
    return specs;
  }

  void checkSequence(const Shape &x) const override {
    if (x.size() != N + 3)
      this->fail("expected an input of " + std::to_string(N + 3) + " dimensions, (batch, time, " +
                 (N == 1   ? "steps"
                  : N == 2 ? "rows, columns"
                           : "planes, rows, columns") +
                 std::string(", channels), got ") + toString(turned(x, false)));
    for (size_t d = 2; d < x.size(); ++d)
      if (x[d] == None)
        this->fail("the spatial sizes and channels of its input must be known, got " +
                   toString(turned(x, false)) + "; give the Input a full shape");
  }
  void buildSublayers(const std::vector<TensorSpec> &inputs) override {
    this->RecurrentImpl::buildSublayers(turned(inputs, true));
  }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override {
    return turned(this->RecurrentImpl::results(turned(inputs, true)), false);
  }
  llvm::SmallVector<Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                   const CallOptions &options) const override {
    llvm::SmallVector<Value> operands;
    for (Value x : inputs) {
      operands.push_back(turned(e, x, true));
      e.setMask(operands.back(), e.maskOf(x));
    }
    llvm::SmallVector<Value> results = this->RecurrentImpl::emitAll(e, operands, options);
    for (Value &result : results)
      result = turned(e, result, false);
    return results;
  }
};

constexpr LayerClass kClasses[] = {layerClass<ConvLSTMImpl<1>>(), layerClass<ConvLSTMImpl<2>>(),
                                   layerClass<ConvLSTMImpl<3>>()};

} // namespace

llvm::ArrayRef<LayerClass> convLSTMLayers() { return kClasses; }

} // namespace detail

template <int N>
layers::ConvLSTM<N>::ConvLSTM(int64_t filters, Size<N> kernelSize, ConvLSTMOptions<N> options)
    : Layer(
          detail::construct<detail::ConvLSTMImpl<N>>(options, [&](detail::ConvLSTMImpl<N> &layer) {
            layer.modes.take(options);
            layer.dataFormat = options.dataFormat;
            auto &cell = *layer.own;
            cell.arguments.units = filters;
            cell.arguments.take(options);
            cell.kernelSize = kernelSize;
            cell.strides = options.strides;
            cell.dilationRate = options.dilationRate;
            cell.padding = options.padding;
          })) {}
template struct layers::ConvLSTM<1>;
template struct layers::ConvLSTM<2>;
template struct layers::ConvLSTM<3>;

} // namespace ingot::keras
