// Builds the reference models with graph ops and reads their files; see ReferenceModels.h.
#include "tests/endtoend/ReferenceModels.h"

using namespace mlir;

namespace ingot::test {

using graph::Expr;

std::vector<CurveId> allCurves() {
  std::vector<CurveId> curves;
  for (const char *framework : {"keras", "torch"})
    for (const char *model : {"mlp", "cnn", "cnn_bn"})
      for (const char *optimizer : {"sgd", "nesterov", "adam", "adamw", "rmsprop"})
        curves.push_back({framework, model, optimizer});
  return curves;
}

OptimizerSpec optimizerOf(const CurveId &curve) {
  OptimizerSpec spec;
  spec.pytorch = curve.framework == "torch";
  spec.epsilon = spec.pytorch ? 1e-8 : 1e-7;
  spec.rho = spec.pytorch ? 0.99 : 0.9;
  spec.learningRate = 1e-3;
  if (curve.optimizer == "adam") {
    spec.kind = OptimizerSpec::Kind::Adam;
  } else if (curve.optimizer == "adamw") {
    spec.kind = OptimizerSpec::Kind::AdamW;
    spec.weightDecay = 1e-2;
  } else if (curve.optimizer == "rmsprop") {
    spec.kind = OptimizerSpec::Kind::RMSprop;
  } else {
    spec.learningRate = 0.05;
    spec.momentum = 0.9;
    spec.nesterov = curve.optimizer == "nesterov";
  }
  return spec;
}

namespace {

class ModelBuilder {
public:
  ModelBuilder(MLIRContext &context, const CurveId &curve)
      : context(context), curve(curve), loc(UnknownLoc::get(&context)), b(&context) {}

  OwningOpRef<ModuleOp> build() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(b, loc);
    body = module->getBody();
    Dim batch = Dim::symbol(&context, "batch"), side = dim(28), one = dim(1);
    Type f32 = b.getF32Type(), si64 = b.getIntegerType(64, true);
    Type scalar = tensorType({}, f32);
    b.setInsertionPointToEnd(body);
    auto function = func::FuncOp::create(
        b, loc, "loss",
        b.getFunctionType({tensorType({batch, side, side, one}, f32), tensorType({batch}, si64)},
                          {scalar}));
    function.setArgAttr(0, "graph.name", b.getStringAttr("x"));
    function.setArgAttr(1, "graph.name", b.getStringAttr("y"));
    function.setResultAttr(0, "graph.name", b.getStringAttr("loss"));
    b.setInsertionPointToStart(function.addEntryBlock());
    Expr logits = network(Expr(b, loc, function.getArgument(0)));
    at("loss");
    Value each =
        graph::make<graph::SparseCrossEntropyOp>(b, loc, {logits, function.getArgument(1)});
    Value loss = mean(Expr(b, loc, each), {0});
    func::ReturnOp::create(b, loc, loss);
    return module;
  }

private:
  Dim dim(int64_t size) { return Dim::constant(&context, size); }
  void at(llvm::StringRef layer) {
    loc = NameLoc::get(b.getStringAttr(layer), UnknownLoc::get(&context));
  }
  Expr with(Value v) { return Expr(b, loc, v); }

  Expr variable(const std::string &name, llvm::ArrayRef<int64_t> shape,
                llvm::StringRef role = "trainable") {
    Type type = RankedTensorType::get(shape, b.getF32Type());
    OpBuilder top(&context);
    top.setInsertionPoint(body, std::prev(body->end()));
    graph::VariableOp::create(top, loc, name, type, role, ElementsAttr());
    return with(graph::ReadOp::create(b, loc, type, name));
  }

  Expr dense(Expr x, const std::string &layer, int64_t in, int64_t out) {
    at(layer);
    Expr w = variable(layer + "/w", {in, out}), bias = variable(layer + "/b", {out});
    return with(graph::make<graph::MatMulOp>(b, loc, {x, w})) + bias;
  }
  Expr conv(Expr x, const std::string &layer, int64_t in, int64_t out, bool bias) {
    at(layer);
    Expr kernel = variable(layer + "/w", {3, 3, in, out});
    Expr y = with(graph::make<graph::ConvOp>(b, loc, {x, kernel}, window({1, 1})));
    return bias ? y + variable(layer + "/b", {out}) : y;
  }
  llvm::SmallVector<NamedAttribute> window(llvm::ArrayRef<int64_t> strides) {
    llvm::SmallVector<int64_t> ones(2, 1), zeros(2, 0);
    return {b.getNamedAttr("strides", b.getDenseI64ArrayAttr(strides)),
            b.getNamedAttr("dilations", b.getDenseI64ArrayAttr(ones)),
            b.getNamedAttr("paddingLow", b.getDenseI64ArrayAttr(zeros)),
            b.getNamedAttr("paddingHigh", b.getDenseI64ArrayAttr(zeros))};
  }
  Expr relu(Expr x) { return with(graph::make<graph::ReluOp>(b, loc, {x})); }
  Expr maxPool(Expr x) {
    auto attributes = window({2, 2});
    attributes.push_back(b.getNamedAttr("window", b.getDenseI64ArrayAttr({2, 2})));
    return with(graph::make<graph::MaxPoolOp>(b, loc, {x}, attributes));
  }
  Expr flatten(Expr x) {
    Dims dims = x.dims();
    Dim rest = numElements(&context, llvm::ArrayRef<Dim>(dims).drop_front());
    return with(graph::reshape(b, loc, x, {dims[0], rest}));
  }

  Expr batchNorm(Expr x, const std::string &layer, int64_t channels) {
    at(layer);
    bool torch = curve.framework == "torch";
    double keep = torch ? 0.9 : 0.99;
    Expr gamma = variable(layer + "/gamma", {channels}),
         beta = variable(layer + "/beta", {channels});
    Expr mean = variable(layer + "/mean", {channels}, "state");
    Expr var = variable(layer + "/var", {channels}, "state");
    auto norm = graph::tryCreate<graph::BatchNormOp>(
        b, loc, {x, gamma, beta},
        {b.getNamedAttr("axis", b.getI64IntegerAttr(3)),
         b.getNamedAttr("epsilon", b.getF64FloatAttr(torch ? 1e-5 : 1e-3))});
    Expr batchMean = with((*norm)->getResult(1)), batchVar = with((*norm)->getResult(2));
    if (torch) {
      Dims d = x.dims();
      Value count = graph::ExtentOp::create(
          b, loc, tensorType({}, b.getF32Type()),
          graph::DimsAttr::get(&context, {(d[0] * d[1] * d[2]).asAttribute()}));
      batchVar = batchVar * (with(count) / (with(count) - 1.0));
    }
    assign(layer + "/mean", mean * keep + batchMean * (1 - keep));
    assign(layer + "/var", var * keep + batchVar * (1 - keep));
    return with((*norm)->getResult(0));
  }
  void assign(const std::string &name, Expr value) { graph::AssignOp::create(b, loc, name, value); }

  Expr network(Expr x) {
    if (curve.model == "mlp") {
      Expr h = relu(dense(flatten(x), "d1", 784, 128));
      return dense(relu(dense(h, "d2", 128, 64)), "d3", 64, 10);
    }
    if (curve.model == "cnn") {
      Expr h = maxPool(relu(conv(x, "c1", 1, 32, true)));
      h = maxPool(relu(conv(h, "c2", 32, 64, true)));
      return dense(relu(dense(flatten(h), "d1", 1600, 64)), "d2", 64, 10);
    }
    Expr h = maxPool(relu(batchNorm(conv(x, "c1", 1, 16, false), "n1", 16)));
    h = relu(batchNorm(conv(h, "c2", 16, 32, false), "n2", 32));
    return dense(mean(h, {1, 2}), "d", 32, 10);
  }

  MLIRContext &context;
  const CurveId &curve;
  Location loc;
  OpBuilder b;
  Block *body = nullptr;
};

std::map<std::string, std::vector<float>> variablesOf(const data::NamedTensors &tensors,
                                                      const std::string &prefix) {
  std::map<std::string, std::vector<float>> result;
  for (auto &[name, tensor] : tensors)
    if (name.rfind(prefix, 0) == 0) {
      const float *p = static_cast<const float *>(tensor.rawData());
      result[name.substr(prefix.size())].assign(p, p + tensor.elementCount());
    }
  return result;
}

} // namespace

OwningOpRef<ModuleOp> buildReferenceModel(MLIRContext &context, const CurveId &curve) {
  context.loadDialect<graph::GraphDialect, func::FuncDialect>();
  return ModelBuilder(context, curve).build();
}

CurveData readCurve(const CurveId &curve, int64_t steps) {
  CurveData result;
  std::filesystem::path shared = INGOT_SHARED_DIR;
  std::string folder = (shared / "refs_training").string();
  auto init = data::readNpz(folder + "/init-" + curve.model + ".npz");
  auto run = data::readNpz(folder + "/" + curve.framework + "-" + curve.model + "-" +
                           curve.optimizer + ".npz");
  auto mnist = data::readNpz((shared / "data" / "mnist.npz").string(), {"x_train", "y_train"});
  if (!init.isOk() || !run.isOk() || !mnist.isOk()) {
    result.error = (!init.isOk()  ? init.status()
                    : !run.isOk() ? run.status()
                                  : mnist.status())
                       .message();
    return result;
  }
  result.initial = variablesOf(*init, "init/");
  result.final = variablesOf(*run, "final/");
  const Tensor *loss = data::findTensor(*run, "loss"),
               *batches = data::findTensor(*init, "batches");
  const double *losses = static_cast<const double *>(loss->rawData());
  result.losses.assign(losses, losses + loss->elementCount());
  auto *x = static_cast<const uint8_t *>(data::findTensor(*mnist, "x_train")->rawData());
  auto *y = static_cast<const uint8_t *>(data::findTensor(*mnist, "y_train")->rawData());
  auto *indices = static_cast<const int64_t *>(batches->rawData());
  int64_t size = batches->shape()[1];
  for (int64_t s = 0; s < steps; ++s) {
    auto &images = result.images.emplace_back();
    auto &labels = result.labels.emplace_back();
    for (int64_t i = 0; i < size; ++i) {
      int64_t index = indices[s * size + i];
      labels.push_back(y[index]);
      for (int64_t p = 0; p < 784; ++p)
        images.push_back(static_cast<float>(x[index * 784 + p]) / 255.0f);
    }
  }
  return result;
}

} // namespace ingot::test
