// The generator: a pool of values, and steps that take some and add one. See RandomGraph.h.
#include "tests/differential/RandomGraph.h"
#include "ir/Builder.h"
#include "mlir/IR/Diagnostics.h"
#include <cmath>

using namespace mlir;
using namespace ingot::graph;

namespace ingot::tests {
namespace {

/// SplitMix64 (Steele et al. 2014).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15 + 1) {}
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  /// 0 … n - 1.
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  double real(double low, double high) {
    return low + (high - low) * std::ldexp(static_cast<double>(next() >> 11), -53);
  }
  template <typename T> const T &pick(llvm::ArrayRef<T> list) { return list[below(list.size())]; }

private:
  uint64_t state;
};

constexpr int64_t maxElements = 600; // of a value, for each row of the batch

class Generator {
public:
  Generator(func::FuncOp function, OpBuilder &b, uint64_t seed)
      : function(function), b(b), random(seed), f32(b.getF32Type()) {
    for (BlockArgument argument : function.getArguments())
      pool.push_back(argument);
  }

  void steps(int64_t count) {
    using Rule = Value (Generator::*)();
    static constexpr Rule rules[] = {
        &Generator::unary,     &Generator::unary,     &Generator::binary,
        &Generator::binary,    &Generator::binary,    &Generator::reduction,
        &Generator::reduction, &Generator::dense,     &Generator::dense,
        &Generator::attention, &Generator::conv,      &Generator::conv,
        &Generator::pool2d,    &Generator::pool2d,    &Generator::pool2d,
        &Generator::flatten,   &Generator::split,     &Generator::permute,
        &Generator::cut,       &Generator::join,      &Generator::padding,
        &Generator::softmax,   &Generator::choose,    &Generator::throughInteger,
        &Generator::normalize, &Generator::spread,    &Generator::turn,
        &Generator::lookUp,    &Generator::largest,   &Generator::throughDouble,
        &Generator::scatter,   &Generator::layerNorm, &Generator::logic,
        &Generator::recur,     &Generator::branch};
    for (int64_t done = 0, tries = 0; done < count && tries < 20 * count; ++tries) {
      Rule rule = random.pick(llvm::ArrayRef(rules));
      Value value = (this->*rule)();
      if (!value || !fits(value))
        continue;
      pool.push_back(value);
      ++done;
    }
  }

  /// One to three results: the last value, and others that may be used inside too.
  llvm::SmallVector<Value> results() {
    llvm::SmallVector<Value> list = {pool.back()};
    for (int64_t more = random.below(3); more > 0; --more)
      list.push_back(any());
    return list;
  }

  /// Steps of a training: some variables take values computed from their own, from each other's, or
  /// from products of what flows through the graph, as weights' gradients are.
  void assignVariables() {
    for (const Variable &variable : variables) {
      if (random.chance(40))
        continue;
      Expr old = expr(variable.value);
      Value next = old - 0.1 * tanh(old);
      for (const Variable &other : variables)
        if (other.value.getType() == variable.value.getType() && random.chance(30))
          next = other.value;
      if (Value gradient = product(dimsOf(variable.value)); gradient && random.chance(70))
        next = old - 0.01 * expr(gradient);
      AssignOp::create(b, loc(), variable.name, next);
    }
  }

private:
  struct Variable {
    std::string name;
    Value value;
  };

  /// lhs^T rhs of this shape (k, n) for values (m, k) and (m, n) of the pool; null when there are
  /// none.
  Value product(const Dims &dims) {
    if (dims.size() != 2)
      return {};
    for (Value lhs : pool)
      for (Value rhs : llvm::reverse(pool))
        if (rankOf(lhs) == 2 && rankOf(rhs) == 2 && dimsOf(lhs)[0] == dimsOf(rhs)[0] &&
            dimsOf(lhs)[1] == dims[0] && dimsOf(rhs)[1] == dims[1])
          return op<MatMulOp>({lhs, rhs}, {attr("transposeLhs", b.getBoolAttr(true))});
    return {};
  }

  /// Mostly recent values, so that chains get long; sometimes old ones, so that they have many
  /// uses.
  Value any() {
    int64_t size = pool.size();
    return random.chance(60) ? pool[size - 1 - random.below(std::min<int64_t>(size, 3))]
                             : pool[random.below(size)];
  }
  Location loc() { return NameLoc::get(b.getStringAttr("layer_" + std::to_string(pool.size()))); }
  Expr expr(Value v) { return Expr(b, loc(), v); }

  template <typename OpTy>
  Value op(ValueRange operands, llvm::ArrayRef<NamedAttribute> attributes = {}) {
    auto made = tryCreate<OpTy>(b, loc(), operands, attributes);
    return succeeded(made) ? (*made)->getResult(0) : Value();
  }
  NamedAttribute attr(llvm::StringRef name, Attribute value) { return b.getNamedAttr(name, value); }
  NamedAttribute ints(llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
    return attr(name, b.getDenseI64ArrayAttr(values));
  }

  static int64_t elementsOf(Value v, int64_t batch) {
    int64_t count = 1;
    for (Dim d : dimsOf(v))
      count *= std::max<int64_t>(1, d.evaluate([&](llvm::StringRef) { return batch; }));
    return count;
  }
  static bool fits(Value v) {
    return rankOf(v) <= 5 && elementsOf(v, 1) <= maxElements && elementsOf(v, 2) <= 2 * maxElements;
  }

  /// A new input of this shape: weights, or, where the shape is fixed, often a variable.
  Value input(llvm::ArrayRef<Dim> dims) {
    RankedTensorType type = tensorType(dims, f32);
    if (type.hasStaticShape() && random.chance(60))
      return variable(type);
    unsigned index = function.getNumArguments();
    (void)function.insertArgument(index, type, b.getDictionaryAttr({}), loc());
    return function.getArgument(index);
  }
  Value variable(RankedTensorType type) {
    std::string name = (function.getName() + "/w" + llvm::Twine(variables.size())).str();
    OpBuilder outside(function);
    VariableOp::create(outside, loc(), name, type, "trainable", nullptr);
    Value value = ReadOp::create(b, loc(), type, name);
    variables.push_back({name, value});
    return value;
  }
  Dim fixed(int64_t size) { return Dim::constant(b.getContext(), size); }
  int64_t width() {
    static constexpr int64_t sizes[] = {1, 2, 3, 4, 5, 8, 10, 16, 17, 33};
    return random.pick(llvm::ArrayRef(sizes));
  }

  Value unary() {
    Expr x = expr(any());
    switch (random.below(12)) {
    case 0:
      return op<ReluOp>(x.v);
    case 1:
      return op<NegOp>(x.v);
    case 2:
      return op<AbsOp>(x.v);
    case 3:
      return tanh(x);
    case 4:
      return sigmoid(x);
    case 5:
      return exp(tanh(x));
    case 6:
      return log(abs(x) + 1.0);
    case 7:
      return sqrt(abs(x) + 0.1); // not at 0, where rounding is all that is left of it
    case 8:
      return op<ErfOp>(x.v);
    case 9:
      return op<SinOp>(tanh(x).v);
    case 10:
      return op<SoftplusOp>(x.v);
    default:
      return x * random.real(-2, 2);
    }
  }

  Value binary() {
    Expr x = expr(any()), y = expr(any());
    if (failed(broadcastDims(x.dims(), y.dims())))
      y = expr(input(llvm::ArrayRef(x.dims()).take_back(random.below(x.dims().size() + 1))));
    if (llvm::any_of(y.dims(), [](Dim d) { return !d.isStatic(); }) &&
        failed(broadcastDims(x.dims(), y.dims())))
      return {};
    switch (random.below(7)) {
    case 0:
    case 1:
      return x + y;
    case 2:
      return x - y;
    case 3:
      return tanh(x) * tanh(y);
    case 4:
      return x / (abs(y) + 1.0);
    case 5:
      return max(x, y);
    default:
      return min(x, y);
    }
  }

  Value reduction() {
    Value x = any();
    llvm::SmallVector<int64_t> axes;
    for (int64_t axis = 0; axis < rankOf(x); ++axis)
      if (random.chance(45))
        axes.push_back(axis);
    if (axes.empty())
      return {};
    bool keep = random.chance(40);
    // A largest or least value of nothing is infinite; only sums are taken there. What is summed is
    // positive: where terms cancel, rounding is all that is left.
    bool mayBeEmpty = llvm::any_of(axes, [&](int64_t a) {
      return dimsOf(x)[a].evaluate([](llvm::StringRef) { return 0; }) == 0;
    });
    switch (mayBeEmpty ? random.below(2) : random.below(4)) {
    case 0:
      return reduce(b, loc(), sigmoid(expr(x)), ReduceKind::Sum, axes, keep);
    case 1:
      return mayBeEmpty ? Value() : Value(mean(expr(x), axes, keep));
    case 2:
      return reduce(b, loc(), x, ReduceKind::Max, axes, keep);
    default:
      return reduce(b, loc(), x, ReduceKind::Min, axes, keep);
    }
  }

  /// x (…, k) times new weights, with bias and activation as layers have them.
  Value dense() {
    Value x = any();
    if (rankOf(x) < 2 || !dimsOf(x).back().isStatic())
      return {};
    Dims dims = dimsOf(x);
    Dim inner = dims.back(), outer = fixed(width());
    Dim rows = numElements(b.getContext(), llvm::ArrayRef(dims).drop_back());
    bool transposed = random.chance(30);
    Value w = transposed ? input({outer, inner}) : input({inner, outer});
    Value flat = reshape(b, loc(), x, {rows, inner});
    Value y = op<MatMulOp>({flat, w}, {attr("transposeRhs", b.getBoolAttr(transposed))});
    if (!y)
      return {};
    dims.back() = outer;
    Expr scaled = expr(y) * (1 / std::sqrt(1.0 + inner.value()));
    if (random.chance(60))
      scaled = scaled + expr(input({outer}));
    if (random.chance(50))
      scaled = scaled.unary<ReluOp>();
    return reshape(b, loc(), scaled, dims);
  }

  /// x (…, m, k) times itself transposed.
  Value attention() {
    Value x = any();
    if (rankOf(x) < 3)
      return {};
    bool left = random.chance(50);
    return op<MatMulOp>({tanh(expr(x)), x}, {attr("transposeLhs", b.getBoolAttr(left)),
                                             attr("transposeRhs", b.getBoolAttr(!left))});
  }

  /// An image (batch, h, w, c) made of a value that is one, or can be seen as one.
  Value image() {
    Value x = any();
    Dims dims = dimsOf(x);
    if (rankOf(x) < 2 ||
        !llvm::all_of(llvm::ArrayRef(dims).drop_front(), [](Dim d) { return d.isStatic(); }))
      return {};
    if (rankOf(x) == 4)
      return x;
    if (rankOf(x) == 3)
      return reshape(b, loc(), x, {dims[0], dims[1], dims[2], fixed(1)});
    return rankOf(x) == 2 ? reshape(b, loc(), x, {dims[0], fixed(1), dims[1], fixed(1)}) : Value();
  }

  llvm::SmallVector<NamedAttribute> window(llvm::ArrayRef<int64_t> size) {
    int64_t stride = 1 + random.below(2), dilation = random.chance(20) ? 2 : 1;
    int64_t low = random.below(size[0]), high = random.below(size[1]);
    return {ints("strides", {stride, stride}), ints("dilations", {dilation, dilation}),
            ints("paddingLow", {low, high}), ints("paddingHigh", {high, low})};
  }

  Value conv() {
    Value x = image();
    if (!x)
      return {};
    int64_t kh = 1 + random.below(3), kw = 1 + random.below(3);
    Dim channels = dimsOf(x).back(), filters = fixed(random.chance(50) ? 4 : width());
    auto attributes = window({kh, kw});
    Value kernel;
    if (random.chance(20) && channels.value() > 1) { // a filter for each channel
      attributes.push_back(attr("groups", b.getI64IntegerAttr(channels.value())));
      kernel = input({fixed(kh), fixed(kw), fixed(1), channels});
    } else {
      kernel = input({fixed(kh), fixed(kw), channels, filters});
    }
    Value y = op<ConvOp>({x, kernel}, attributes);
    if (!y)
      return {};
    Expr result = expr(y) * 0.3;
    if (random.chance(50))
      result = result + expr(input({dimsOf(y).back()}));
    return random.chance(50) ? result.unary<ReluOp>() : result;
  }

  Value pool2d() {
    Value x = image();
    if (!x)
      return {};
    int64_t kh = 1 + random.below(3), kw = 1 + random.below(3);
    auto attributes = window({kh, kw});
    attributes.push_back(ints("window", {kh, kw}));
    // A window of padding alone has no largest value.
    for (auto &a : attributes)
      if (a.getName() != "window" && a.getName() != "strides" && a.getName() != "dilations")
        a = ints(a.getName(), {0, 0});
    return random.chance(50) ? op<MaxPoolOp>(x, attributes) : op<AvgPoolOp>(x, attributes);
  }

  Value flatten() {
    Value x = any();
    if (rankOf(x) < 2)
      return {};
    Dims dims = dimsOf(x);
    int64_t at = random.below(dims.size() - 1);
    dims[at] = dims[at] * dims[at + 1];
    dims.erase(dims.begin() + at + 1);
    return reshape(b, loc(), x, dims);
  }

  Value split() {
    Value x = any();
    Dims dims = dimsOf(x);
    if (dims.empty())
      return {};
    int64_t at = random.below(dims.size());
    if (!dims[at].isStatic())
      return {};
    for (int64_t factor : {2, 3, 5})
      if (dims[at].value() > factor && dims[at].value() % factor == 0) {
        Dim rest = fixed(dims[at].value() / factor);
        dims[at] = fixed(factor);
        dims.insert(dims.begin() + at + 1, rest);
        return reshape(b, loc(), x, dims);
      }
    return {};
  }

  Value permute() {
    Value x = any();
    if (rankOf(x) < 2)
      return {};
    llvm::SmallVector<int64_t> order;
    for (int64_t axis = 0; axis < rankOf(x); ++axis)
      order.insert(order.begin() + random.below(order.size() + 1), axis);
    return transpose(b, loc(), x, order);
  }

  Value cut() {
    Value x = any();
    Dims starts, sizes;
    llvm::SmallVector<int64_t> strides;
    for (Dim d : dimsOf(x)) {
      starts.push_back(fixed(0));
      sizes.push_back(d);
      strides.push_back(1);
      if (!d.isStatic() || d.value() < 2 || random.chance(40))
        continue;
      int64_t start = random.below(d.value()), stride = 1 + random.below(2);
      starts.back() = fixed(start);
      strides.back() = stride;
      int64_t room = (d.value() - start + stride - 1) / stride;
      sizes.back() = fixed(random.chance(5) ? 0 : 1 + random.below(room));
    }
    return slice(b, loc(), x, starts, sizes, strides);
  }

  Value join() {
    Value x = any(), y = any();
    if (rankOf(x) == 0)
      return {};
    int64_t axis = random.below(rankOf(x));
    Dims wanted = dimsOf(x);
    if (rankOf(y) == rankOf(x))
      wanted[axis] = dimsOf(y)[axis];
    if (wanted != dimsOf(y))
      y = op<TanhOp>(x);
    return concat(b, loc(), {x, y, x}, axis);
  }

  Value padding() {
    Value x = any();
    Dims low, high;
    llvm::SmallVector<int64_t> interior;
    for (Dim d : dimsOf(x)) {
      low.push_back(fixed(d.isStatic() ? random.below(3) : 0));
      high.push_back(fixed(d.isStatic() ? random.below(3) : 0));
      interior.push_back(d.isStatic() && random.chance(20) ? 1 : 0);
    }
    return pad(b, loc(), x, low, high, interior, random.real(-1, 1));
  }

  Value softmax() {
    Value x = any();
    if (rankOf(x) == 0)
      return {};
    int64_t axis = random.chance(70) ? rankOf(x) - 1 : random.below(rankOf(x));
    NamedAttribute attribute = attr("axis", b.getI64IntegerAttr(axis));
    return random.chance(60) ? op<SoftmaxOp>(x, attribute) : op<LogSoftmaxOp>(x, attribute);
  }

  Value normalize() {
    Value x = any();
    if (rankOf(x) == 0)
      return {};
    int64_t axis = rankOf(x) - 1;
    Expr e = expr(x), centred = e - mean(e, {axis}, true);
    return centred * rsqrt(mean(centred * centred, {axis}, true) + 0.1);
  }

  Value choose() {
    Expr x = expr(any());
    static constexpr Predicate predicates[] = {Predicate::EQ, Predicate::NE, Predicate::LT,
                                               Predicate::LE, Predicate::GT, Predicate::GE};
    Expr condition =
        compare(random.pick(llvm::ArrayRef(predicates)), x, x.number(random.real(-0.5, 0.5)));
    if (random.chance(30))
      return cast(b, loc(), condition, f32);
    return select(condition, x, tanh(x) * 0.5);
  }

  Value throughInteger() {
    Expr x = expr(any());
    Value whole =
        cast(b, loc(), x * 3.7, IntegerType::get(b.getContext(), 32, IntegerType::Signed));
    return cast(b, loc(), whole, f32);
  }

  /// Adds an axis of a fixed size and repeats along it.
  Value spread() {
    Value x = any();
    Dims dims = dimsOf(x);
    dims.insert(dims.begin() + random.below(dims.size() + 1), fixed(1));
    Value wide = reshape(b, loc(), x, dims);
    for (Dim &d : dims)
      if (d == fixed(1))
        d = fixed(1 + random.below(4));
    return broadcastTo(b, loc(), wide, dims);
  }

  Value turn() {
    Value x = any();
    llvm::SmallVector<int64_t> axes;
    for (int64_t axis = 0; axis < rankOf(x); ++axis)
      if (random.chance(40))
        axes.push_back(axis);
    return ReverseOp::create(b, loc(), x.getType(), x, axes);
  }

  /// Constant indices into an axis of `size` elements.
  Value indices(int64_t count, int64_t size) {
    llvm::SmallVector<llvm::APInt> values;
    for (int64_t i = 0; i < count; ++i)
      values.emplace_back(32, random.below(size));
    auto type = RankedTensorType::get({count}, b.getIntegerType(32, /*isSigned=*/true));
    return ConstantOp::create(b, loc(), type, DenseElementsAttr::get(type, values));
  }

  Value lookUp() {
    Value x = any();
    if (rankOf(x) == 0)
      return {};
    int64_t axis = random.below(rankOf(x));
    Dim size = dimsOf(x)[axis];
    if (!size.isStatic() || size.value() == 0)
      return {};
    return op<GatherOp>({x, indices(1 + random.below(5), size.value())},
                        attr("axis", b.getI64IntegerAttr(axis)));
  }

  /// Rows of x (n, k) added to the rows of a table (k, k) that their largest elements name.
  Value scatter() {
    Value x = any();
    if (rankOf(x) != 2 || !dimsOf(x)[1].isStatic() || dimsOf(x)[1].value() == 0)
      return {};
    Value index = op<ArgMaxOp>(x, attr("axis", b.getI64IntegerAttr(1)));
    return op<ScatterAddOp>({input({dimsOf(x)[1], dimsOf(x)[1]}), index, x});
  }

  /// The position of the largest element of each row: as a number, as a one in zeros, or to pick
  /// by.
  Value largest() {
    Value x = any();
    if (rankOf(x) == 0 || !dimsOf(x).back().isStatic() || dimsOf(x).back().value() == 0)
      return {};
    NamedAttribute axis = attr("axis", b.getI64IntegerAttr(rankOf(x) - 1));
    Value index = random.chance(50) ? op<ArgMaxOp>(x, axis) : op<ArgMinOp>(x, axis);
    switch (random.below(3)) {
    case 0:
      return cast(b, loc(), index, f32);
    case 1:
      return oneHot(b, loc(), index, dimsOf(x).back(), f32);
    default:
      return op<PickOp>({tanh(expr(x)), index});
    }
  }

  Value throughDouble() {
    Expr x = expr(cast(b, loc(), any(), b.getF64Type()));
    return cast(b, loc(), x * tanh(x), f32);
  }

  Value layerNorm() {
    Value x = any();
    if (rankOf(x) == 0 || !dimsOf(x).back().isStatic() || dimsOf(x).back().value() == 0)
      return {};
    Value gamma = input(dimsOf(x).back()), beta = input(dimsOf(x).back());
    return op<LayerNormOp>(
        {x, gamma, beta}, {ints("axes", {rankOf(x) - 1}), attr("epsilon", b.getF64FloatAttr(0.1))});
  }

  /// Chooses by conditions and by whole numbers.
  Value logic() {
    Expr x = expr(any());
    Value above = compare(Predicate::GT, x, x.number(-0.5)),
          below = compare(Predicate::LT, x, x.number(0.5));
    Value inside = random.chance(50) ? op<AndOp>({above, below}) : op<OrOp>({above, below});
    if (random.chance(30))
      inside = op<NotOp>(inside);
    Expr whole = expr(cast(b, loc(), x * 5, b.getIntegerType(32, /*isSigned=*/true)));
    Expr mixed = whole * whole - whole / whole.number(3);
    return select(expr(inside), x, expr(cast(b, loc(), mixed, f32)) * 0.1);
  }

  /// A recurrence along the first axis: its last state, or all of them.
  Value recur() {
    Value x = any();
    if (rankOf(x) == 0)
      return {};
    Location here = loc();
    Dims state = dimsOf(x);
    state.erase(state.begin());
    Value start = splat(b, here, f32, state, 0.25);
    auto body = [&](OpBuilder &inner, Value, ValueRange carried, ValueRange inputs) -> ScanYield {
      Expr old(inner, here, carried[0]), input(inner, here, inputs[0]);
      Value next = tanh(old * 0.5 + input);
      return {{next}, {next}};
    };
    ScanOp scan = makeScan(b, here, dimsOf(x)[0], {start}, {x}, body, random.chance(30));
    return scan.getResults()[random.below(2)];
  }

  Value branch() {
    Expr x = expr(any());
    Location here = x.loc;
    Expr total = x.with(reduce(b, here, tanh(x), ReduceKind::Sum, allAxes(x)));
    Value condition = compare(Predicate::GT, total, total.number(0.1));
    return makeIf(
               b, here, condition,
               [&](OpBuilder &inner) { return Values{tanh(Expr(inner, here, x))}; },
               [&](OpBuilder &inner) { return Values{Expr(inner, here, x) * 0.5}; })
        .getResults()[0];
  }

  func::FuncOp function;
  OpBuilder &b;
  Random random;
  Type f32;
  llvm::SmallVector<Value> pool;
  llvm::SmallVector<Variable> variables;
};

/// (batch), (batch, n), (batch, h, w), (batch, h, w, c) or a shape without the batch.
Dims inputDims(MLIRContext *context, Random &random) {
  static constexpr int64_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16};
  Dims dims;
  if (!random.chance(15))
    dims.push_back(Dim::symbol(context, "batch"));
  for (int64_t more = random.below(4); more > 0; --more)
    dims.push_back(
        Dim::constant(context, random.chance(2) ? 0 : random.pick(llvm::ArrayRef<int64_t>(sizes))));
  return dims;
}

reference::Tensor randomTensor(RankedTensorType type, llvm::ArrayRef<int64_t> shape,
                               Random &random) {
  reference::Tensor tensor(type.getElementType(), shape);
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.set(i, reference::Number::real(random.real(-2, 2)));
  tensor.round();
  return tensor;
}

} // namespace

func::FuncOp addRandomGraph(ModuleOp module, uint64_t seed) {
  MLIRContext *context = module.getContext();
  ScopedDiagnosticHandler quiet(context, [](Diagnostic &) { return success(); });
  Random random(seed);
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  llvm::SmallVector<Type> inputs;
  // The batch is read off the first input.
  inputs.push_back(
      tensorType({Dim::symbol(context, "batch"), Dim::constant(context, 1 + random.below(12))},
                 b.getF32Type()));
  for (int64_t more = random.below(3); more > 0; --more)
    inputs.push_back(tensorType(inputDims(context, random), b.getF32Type()));
  auto function = func::FuncOp::create(b, b.getUnknownLoc(), "graph_" + std::to_string(seed),
                                       b.getFunctionType(inputs, {}));
  OpBuilder body = OpBuilder::atBlockEnd(function.addEntryBlock());
  Generator generator(function, body, random.next());
  generator.steps(3 + random.below(12));
  llvm::SmallVector<Value> results = generator.results();
  generator.assignVariables();
  func::ReturnOp::create(body, b.getUnknownLoc(), results);
  function.setType(
      b.getFunctionType(function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
  return function;
}

std::map<std::string, reference::Tensor> randomVariables(ModuleOp module, uint64_t seed) {
  Random random(seed + 99);
  std::map<std::string, reference::Tensor> values;
  for (auto variable : module.getOps<VariableOp>()) {
    auto type = llvm::cast<RankedTensorType>(variable.getType());
    values[variable.getSymName().str()] = randomTensor(type, type.getShape(), random);
  }
  return values;
}

std::vector<reference::Tensor> randomInputs(func::FuncOp function, int64_t batch, uint64_t seed) {
  Random random(seed + 77);
  std::vector<reference::Tensor> inputs;
  for (Type type : function.getArgumentTypes()) {
    llvm::SmallVector<int64_t> shape;
    for (Dim d : dimsOf(type))
      shape.push_back(d.evaluate([&](llvm::StringRef) { return batch; }));
    inputs.push_back(randomTensor(llvm::cast<RankedTensorType>(type), shape, random));
  }
  return inputs;
}

} // namespace ingot::tests
