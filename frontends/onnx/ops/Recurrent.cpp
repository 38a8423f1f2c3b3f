// LSTM, GRU and RNN: the inputs of all steps are multiplied at once, then a scan over time carries
// the states of the whole batch. One direction after another; a sequence of one step is no loop.
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {
namespace {

/// An activation of the specification's list, with its alpha and beta.
struct Activation {
  const char *name;
  bool takesAlpha, takesBeta;
  double alpha, beta; ///< where the node gives none
  Expr (*apply)(Expr x, double alpha, double beta);
};

Expr positive(Expr x) { return graph::compare(graph::Predicate::GT, x, x.number(0)); }

const Activation kActivations[] = {
    {"affine", true, true, 1, 0, [](Expr x, double a, double b) { return x * a + b; }},
    {"elu", true, false, 1, 0,
     [](Expr x, double a, double) {
       return graph::select(positive(x), x, x.unary<graph::Expm1Op>() * a);
     }},
    {"hardsigmoid", true, true, 0.2, 0.5,
     [](Expr x, double a, double b) {
       return graph::max(graph::min(x * a + b, x.number(1)), x.number(0));
     }},
    {"leakyrelu", true, false, 0.01, 0,
     [](Expr x, double a, double) { return graph::select(positive(x), x, x * a); }},
    {"relu", false, false, 0, 0, [](Expr x, double, double) { return x.unary<graph::ReluOp>(); }},
    {"scaledtanh", true, true, 1, 1,
     [](Expr x, double a, double b) { return graph::tanh(x * b) * a; }},
    {"sigmoid", false, false, 0, 0, [](Expr x, double, double) { return graph::sigmoid(x); }},
    {"softplus", false, false, 0, 0,
     [](Expr x, double, double) { return x.unary<graph::SoftplusOp>(); }},
    {"softsign", false, false, 0, 0,
     [](Expr x, double, double) { return x / (graph::abs(x) + 1.0); }},
    {"tanh", false, false, 0, 0, [](Expr x, double, double) { return graph::tanh(x); }},
    {"thresholdedrelu", true, false, 1, 0,
     [](Expr x, double a, double) {
       return graph::select(graph::compare(graph::Predicate::GE, x, x.number(a)), x, x.number(0));
     }},
};

/// What the three operators have in common: their sizes, weights and activations.
///
/// Inside, X is (steps, batch, input) and states are (batch, hidden), whatever the layout.
class Recurrence {
public:
  Recurrence(Node &node, int64_t gates, llvm::ArrayRef<const char *> defaults);

  /// The new states of a step, from the gates' inputs (batch, gates * hidden) and the old states.
  /// State 0 is the hidden one, whose sequence is the output.
  using Step = llvm::function_ref<graph::Values(int64_t direction, Expr gates, ValueRange states)>;
  /// Runs all directions and sets Y and, for each state, its last value.
  void run(llvm::ArrayRef<size_t> initialStates, Step step);

  /// Rows `from` … `from + count` (in units of the hidden size) of the recurrent weights.
  Expr recurrent(int64_t direction, int64_t from, int64_t count);
  /// x times weights': (batch, hidden) -> (batch, rows of the weights).
  Expr times(Expr x, Expr weights) {
    return node.expr(node.make<graph::MatMulOp>(
        {x.v, weights.v}, {node.named("transposeRhs", node.builder().getBoolAttr(true))}));
  }
  /// Part `from` … of a vector or matrix whose last dimension is made of hidden sizes.
  Expr part(Expr x, int64_t from, int64_t count = 1);
  /// A part of the recurrent bias (0: of the input's), (hidden), or nothing.
  std::optional<Expr> bias(int64_t direction, int64_t from, int64_t count);
  /// Row `direction` of an optional input (directions, size * hidden).
  std::optional<Expr> vectorOf(size_t input, int64_t direction, int64_t size);
  Expr activate(int64_t direction, size_t number, Expr x);
  Expr clipped(Expr x);

private:
  struct Bound {
    const Activation *activation;
    double alpha, beta;
  };
  void readActivations(llvm::ArrayRef<const char *> defaults);
  Expr inputsOfGates(Expr x, int64_t direction);
  std::pair<Value, graph::Values> runDirection(Expr x, int64_t direction, bool isReverse,
                                               llvm::ArrayRef<size_t> initialStates, Step step);
  graph::Values masked(Value position, ValueRange before, graph::Values after, Value &output);
  Expr shaped(Expr x, llvm::ArrayRef<Dim> dims) { return withDims(node, x, dims, "an input"); }
  Expr stateOf(size_t input, int64_t direction);

  Node &node;
  int64_t gates, directions = 1;
  bool batchFirst;
  Dim steps, batch, input, hidden;
  std::vector<Bound> activations;
  size_t perDirection;
};

Recurrence::Recurrence(Node &node, int64_t gates, llvm::ArrayRef<const char *> defaults)
    : node(node), gates(gates), batchFirst(node.attr("layout", int64_t(0)) != 0),
      perDirection(defaults.size()) {
  Dims x = dimsOf(node.in(0)), r = dimsOf(node.in(2));
  if (x.size() != 3 || r.size() != 3 || node.inputRank(1) != 3)
    node.invalid("X, W and R have the shapes " + str(x) + ", " + str(dimsOf(node.in(1))) + " and " +
                 str(r) + "; each has three dimensions");
  steps = x[batchFirst ? 1 : 0], batch = x[batchFirst ? 0 : 1], input = x[2];
  hidden = r[2];
  if (node.hasAttribute("hidden_size"))
    hidden = node.dim(node.attr("hidden_size", int64_t(0)));
  std::string direction = node.attr("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    node.invalid("its direction is `" + direction +
                 "`; forward, reverse or bidirectional is expected");
  directions = direction == "bidirectional" ? 2 : 1;
  readActivations(defaults);
}

void Recurrence::readActivations(llvm::ArrayRef<const char *> defaults) {
  std::vector<std::string> names = node.stringsAttr("activations");
  if (names.empty())
    for (int64_t d = 0; d < directions; ++d)
      names.insert(names.end(), defaults.begin(), defaults.end());
  if (names.size() != perDirection * directions)
    node.invalid("it names " + llvm::Twine(names.size()) + " activations; " +
                 llvm::Twine(perDirection * directions) + " are expected");
  std::vector<float> alphas = node.floatsAttr("activation_alpha"),
                     betas = node.floatsAttr("activation_beta");
  size_t nextAlpha = 0, nextBeta = 0;
  for (const std::string &name : names) {
    const auto *found = llvm::find_if(kActivations, [&](const Activation &activation) {
      return llvm::StringRef(name).equals_insensitive(activation.name);
    });
    if (found == std::end(kActivations))
      node.invalid("its activation `" + name + "` is none that the specification names");
    Bound bound{found, found->alpha, found->beta};
    if (found->takesAlpha && nextAlpha < alphas.size())
      bound.alpha = static_cast<double>(alphas[nextAlpha++]);
    if (found->takesBeta && nextBeta < betas.size())
      bound.beta = static_cast<double>(betas[nextBeta++]);
    activations.push_back(bound);
  }
}

Expr Recurrence::part(Expr x, int64_t from, int64_t count) {
  Dims starts(x.dims().size(), node.dim(0)), sizes = x.dims();
  starts.back() = hidden * from;
  sizes.back() = hidden * count;
  if (sizes.back() == x.dims().back())
    return x;
  return x.with(graph::slice(node.builder(), node.loc, x, starts, sizes));
}

std::optional<Expr> Recurrence::vectorOf(size_t number, int64_t direction, int64_t size) {
  if (!node.has(number))
    return std::nullopt;
  Expr all = shaped(node.expr(number), {node.dim(directions), hidden * size});
  Expr row =
      all.with(graph::slice(node.builder(), node.loc, all, {node.dim(direction), node.dim(0)},
                            {node.dim(1), hidden * size}));
  return node.reshape(row, {hidden * size});
}

std::optional<Expr> Recurrence::bias(int64_t direction, int64_t from, int64_t count) {
  std::optional<Expr> all = vectorOf(3, direction, 2 * gates);
  if (!all)
    return std::nullopt;
  return part(*all, from, count);
}

Expr Recurrence::recurrent(int64_t direction, int64_t from, int64_t count) {
  Expr all = shaped(node.expr(2), {node.dim(directions), hidden * gates, hidden});
  Expr rows = all.with(graph::slice(node.builder(), node.loc, all,
                                    {node.dim(direction), hidden * from, node.dim(0)},
                                    {node.dim(1), hidden * count, hidden}));
  return node.reshape(rows, {hidden * count, hidden});
}

/// x W' + Wb for all steps at once: (steps, batch, gates * hidden).
Expr Recurrence::inputsOfGates(Expr x, int64_t direction) {
  Dim rows = hidden * gates;
  Expr all = shaped(node.expr(1), {node.dim(directions), rows, input});
  Expr weights = node.reshape(graph::slice(node.builder(), node.loc, all,
                                           {node.dim(direction), node.dim(0), node.dim(0)},
                                           {node.dim(1), rows, input}),
                              {rows, input});
  Expr y = times(node.reshape(x, {steps * batch, input}), weights);
  if (auto added = bias(direction, 0, gates))
    y = y + *added;
  return node.reshape(y, {steps, batch, rows});
}

Expr Recurrence::stateOf(size_t number, int64_t direction) {
  if (!node.has(number))
    return node.splat(node.inputElement(0), {batch, hidden}, 0);
  Dim all = node.dim(directions), zero = node.dim(0), one = node.dim(1), at = node.dim(direction);
  Expr states =
      shaped(node.expr(number), batchFirst ? Dims{batch, all, hidden} : Dims{all, batch, hidden});
  Value slice =
      batchFirst
          ? graph::slice(node.builder(), node.loc, states, {zero, at, zero}, {batch, one, hidden})
          : graph::slice(node.builder(), node.loc, states, {at, zero, zero}, {one, batch, hidden});
  return node.reshape(slice, {batch, hidden});
}

Expr Recurrence::clipped(Expr x) {
  if (!node.hasAttribute("clip"))
    return x;
  double bound = node.attr("clip", 0.0);
  return graph::max(graph::min(x, x.number(bound)), x.number(-bound));
}

Expr Recurrence::activate(int64_t direction, size_t number, Expr x) {
  const Bound &bound = activations[direction * perDirection + number];
  return bound.activation->apply(clipped(x), bound.alpha, bound.beta);
}

/// Where a sequence of the batch is over, states stay and the output is 0.
graph::Values Recurrence::masked(Value position, ValueRange before, graph::Values after,
                                 Value &output) {
  output = after[0];
  if (!node.has(4))
    return after;
  Expr lengths = node.cast(shaped(node.expr(4), {batch}), node.integerType());
  Expr running = graph::compare(graph::Predicate::LT, node.expr(position), lengths);
  Expr mask = node.broadcastTo(node.reshape(running, {batch, node.dim(1)}), {batch, hidden});
  output = graph::select(mask, node.expr(output), node.expr(output).number(0));
  for (auto [next, old] : llvm::zip(after, before))
    next = graph::select(mask, node.expr(next), node.expr(old));
  return after;
}

std::pair<Value, graph::Values> Recurrence::runDirection(Expr x, int64_t direction, bool isReverse,
                                                         llvm::ArrayRef<size_t> initialStates,
                                                         Step step) {
  Expr inputs = inputsOfGates(x, direction);
  graph::Values states;
  for (size_t number : initialStates)
    states.push_back(stateOf(number, direction));
  auto body = [&](Value position, ValueRange before, Value gateInputs) -> graph::ScanYield {
    graph::ScanYield yield;
    Value output;
    yield.carried =
        masked(position, before, step(direction, node.expr(gateInputs), before), output);
    yield.stacked = {output};
    return yield;
  };
  if (steps.isStatic() && steps.value() == 1) {
    Value first = node.reshape(inputs, {batch, hidden * gates});
    graph::ScanYield yield = body(node.extent(node.dim(0), node.integerType()), states, first);
    return {node.reshape(yield.stacked[0], {steps, batch, hidden}), yield.carried};
  }
  graph::ScanOp scan = graph::makeScan(
      node.builder(), node.loc, steps, states, {inputs.v},
      [&](OpBuilder &b, Value position, ValueRange carried, ValueRange slices) {
        graph::ScanYield yield;
        buildIn(node, b, [&] { yield = body(position, carried, slices[0]); });
        return yield;
      },
      isReverse);
  return {scan.getStackedResults()[0], graph::Values(scan.getCarriedResults())};
}

void Recurrence::run(llvm::ArrayRef<size_t> initialStates, Step step) {
  Expr x = batchFirst ? node.transpose(node.in(0), {1, 0, 2}) : node.expr(0);
  bool isReverse = node.attr("direction", "forward") == "reverse";
  graph::Values sequences;
  std::vector<graph::Values> lasts(initialStates.size());
  Dim one = node.dim(1);
  for (int64_t d = 0; d < directions; ++d) {
    auto [sequence, states] = runDirection(x, d, isReverse || d == 1, initialStates, step);
    sequences.push_back(node.reshape(sequence, {steps, one, batch, hidden}));
    for (auto [all, state] : llvm::zip(lasts, states))
      all.push_back(node.reshape(state, {one, batch, hidden}));
  }
  auto joined = [&](ValueRange parts, int64_t axis) -> Value {
    return parts.size() == 1 ? parts[0] : graph::concat(node.builder(), node.loc, parts, axis);
  };
  Value y = joined(sequences, 1);
  node.set(0, batchFirst ? node.transpose(y, {2, 0, 1, 3}).v : y);
  for (auto [i, all] : llvm::enumerate(lasts)) {
    Value last = joined(all, 0);
    node.set(i + 1, batchFirst ? node.transpose(last, {1, 0, 2}).v : last);
  }
}

Expr plus(Expr x, std::optional<Expr> y) { return y ? x + *y : x; }

} // namespace

/// Gates i, o, f, c; peepholes i, o, f.
void lstm(Node &node) {
  Recurrence cell(node, 4, {"Sigmoid", "Tanh", "Tanh"});
  bool coupled = node.attr("input_forget", int64_t(0)) != 0;
  cell.run({5, 6}, [&](int64_t d, Expr inputs, ValueRange states) -> graph::Values {
    Expr h = node.expr(states[0]), c = node.expr(states[1]);
    Expr gates = inputs + cell.times(h, cell.recurrent(d, 0, 4));
    gates = plus(gates, cell.bias(d, 4, 4));
    std::optional<Expr> peepholes = cell.vectorOf(7, d, 3);
    auto gate = [&](int64_t number, Expr state) {
      Expr x = cell.part(gates, number);
      return cell.activate(d, 0, peepholes ? x + cell.part(*peepholes, number) * state : x);
    };
    Expr i = gate(0, c), f = coupled ? 1.0 - i : gate(2, c);
    Expr next = f * c + i * cell.activate(d, 1, cell.part(gates, 3));
    return {gate(1, next) * cell.activate(d, 2, next), next};
  });
}

/// Gates z, r, h.
void gru(Node &node) {
  Recurrence cell(node, 3, {"Sigmoid", "Tanh"});
  bool linearFirst = node.attr("linear_before_reset", int64_t(0)) != 0;
  cell.run({5}, [&](int64_t d, Expr inputs, ValueRange states) -> graph::Values {
    Expr h = node.expr(states[0]);
    auto reset = [&](Expr gates) { return cell.activate(d, 0, cell.part(gates, 1)); };
    auto next = [&](Expr gates, Expr candidate) {
      Expr z = cell.activate(d, 0, cell.part(gates, 0));
      return (1.0 - z) * cell.activate(d, 1, cell.part(inputs, 2) + candidate) + z * h;
    };
    if (linearFirst) {
      Expr all = plus(cell.times(h, cell.recurrent(d, 0, 3)), cell.bias(d, 3, 3));
      Expr gates = cell.part(inputs, 0, 2) + cell.part(all, 0, 2);
      return {next(gates, reset(gates) * cell.part(all, 2))};
    }
    Expr gates = cell.part(inputs, 0, 2) + cell.times(h, cell.recurrent(d, 0, 2));
    gates = plus(gates, cell.bias(d, 3, 2));
    Expr candidate = cell.times(reset(gates) * h, cell.recurrent(d, 2, 1));
    return {next(gates, plus(candidate, cell.bias(d, 5, 1)))};
  });
}

void rnn(Node &node) {
  Recurrence cell(node, 1, {"Tanh"});
  cell.run({5}, [&](int64_t d, Expr inputs, ValueRange states) -> graph::Values {
    Expr x = inputs + cell.times(node.expr(states[0]), cell.recurrent(d, 0, 1));
    return {cell.activate(d, 0, plus(x, cell.bias(d, 1, 1)))};
  });
}

} // namespace ingot::onnx
