// Control flow: If, Loop and Scan.
//
// A loop whose number of trips is known before it runs is a graph.scan, another a graph.while. One
// that carries sequences or values that grow is unrolled, where the trips are a small number.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;

namespace ingot::onnx {
namespace {

constexpr int64_t kMaxUnrolled = 64;

const ::onnx::GraphProto &graphAttribute(Node &node, llvm::StringRef name) {
  const auto *found = node.attribute(name);
  if (!found || !found->has_g())
    node.invalid("it has no subgraph `" + name + "`");
  return found->g();
}

void checkCount(Node &node, const ::onnx::GraphProto &graph, size_t inputs, size_t outputs) {
  if (static_cast<size_t>(graph.input_size()) != inputs ||
      static_cast<size_t>(graph.output_size()) != outputs)
    node.invalid("its body has " + llvm::Twine(graph.input_size()) + " inputs and " +
                 llvm::Twine(graph.output_size()) + " outputs; " + llvm::Twine(inputs) + " and " +
                 llvm::Twine(outputs) + " are expected");
}

/// The leaves of entries that may be sequences, in order.
void appendLeaves(llvm::ArrayRef<EntryPtr> entries, std::vector<EntryPtr> &leaves) {
  for (const EntryPtr &entry : entries) {
    if (entry->isEmptyOptional)
      continue;
    if (entry->sequence)
      appendLeaves(*entry->sequence, leaves);
    else
      leaves.push_back(entry);
  }
}

graph::Values leavesOf(Node &node, llvm::ArrayRef<EntryPtr> entries) {
  std::vector<EntryPtr> leaves;
  appendLeaves(entries, leaves);
  return llvm::map_to_vector(
      leaves, [&](const EntryPtr &leaf) { return node.importer.tensorOf(*leaf, node.loc); });
}

/// "tensor", "sequence of 3": what two branches must agree in.
std::string structureOf(const Entry &entry) {
  if (entry.isEmptyOptional)
    return "an empty optional";
  if (!entry.sequence)
    return "a tensor";
  std::string text = "a sequence of " + std::to_string(entry.sequence->size()) + " (";
  for (const EntryPtr &element : *entry.sequence)
    text += structureOf(*element) + ",";
  return text + ")";
}

/// An entry of the structure of `like`, with the values for its leaves.
EntryPtr rebuilt(const Entry &like, ValueRange &values) {
  if (like.isEmptyOptional)
    return std::make_shared<Entry>(like);
  if (!like.sequence) {
    EntryPtr entry = tensorEntry(values.front());
    values = values.drop_front();
    return entry;
  }
  auto entry = std::make_shared<Entry>();
  entry->sequence.emplace();
  for (const EntryPtr &element : *like.sequence)
    entry->sequence->push_back(rebuilt(*element, values));
  return entry;
}

EntryPtr boolEntry(Node &node, bool value) {
  return tensorEntry(node.splat(node.builder().getI1Type(), {}, value ? 1 : 0));
}

std::optional<bool> knownTruth(std::optional<reference::Tensor> value) {
  if (!value || value->numElements() != 1)
    return std::nullopt;
  return value->get(0).truth();
}

void chooseNow(Node &node, const ::onnx::GraphProto &branch) {
  checkCount(node, branch, 0, node.numOutputs());
  node.outputs = node.importer.importSubgraph(branch, {});
}

} // namespace

EntryPtr tensorEntry(Value value) {
  auto entry = std::make_shared<Entry>();
  entry->tensor = value;
  entry->element = graph::elementType(value);
  return entry;
}

void buildIn(Node &node, OpBuilder &b, llvm::function_ref<void()> make) {
  OpBuilder::InsertionGuard guard(node.builder());
  node.builder().setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
  make();
  b.setInsertionPointToEnd(node.builder().getInsertionBlock());
}

namespace {

/// The dimensions of what is x where the condition holds, else y: with the condition known before
/// anything runs, those of the one that is chosen. A scalar and one element are one element.
Dims joinedDims(Node &node, Value x, Value y) {
  Dims a = dimsOf(x), b = dimsOf(y), result;
  if (a == b)
    return a;
  Dim one = node.dim(1);
  if (a.size() != b.size() && numElements(node.context(), a) == one &&
      numElements(node.context(), b) == one)
    return a.size() < b.size() ? b : a;
  std::optional<Ints> condition = node.tryInts(0);
  if (a.size() != b.size() || !condition || condition->elements.size() != 1)
    node.unsupported("one branch gives the shape " + str(a) + " and the other " + str(b) +
                         ", and which one runs is not known when compiling",
                     "make its condition a constant");
  Dim holds = condition->elements[0];
  for (auto [l, r] : llvm::zip(a, b)) {
    Dim chosen = l == r ? l : node.importer.let(r + holds * (l - r));
    bool isKnown = node.importer.isNonNegative(l) && node.importer.isNonNegative(r);
    result.push_back(isKnown ? nonNegative(node, chosen) : chosen);
  }
  return result;
}

/// Gives both branches' values the types of the results.
void joinShapes(Node &node, graph::IfOp op) {
  Operation *yields[] = {op.getThenRegion().front().getTerminator(),
                         op.getElseRegion().front().getTerminator()};
  for (OpResult result : op.getResults()) {
    unsigned i = result.getResultNumber();
    Value x = yields[0]->getOperand(i), y = yields[1]->getOperand(i);
    Type element = graph::elementType(x);
    if (element != graph::elementType(y))
      node.invalid("its branches give elements of different types");
    Type type = tensorType(joinedDims(node, x, y), element);
    for (Operation *yield : yields) {
      if (yield->getOperand(i).getType() == type)
        continue;
      OpBuilder at(yield);
      yield->setOperand(i, graph::ReshapeOp::create(at, node.loc, type, yield->getOperand(i),
                                                    graph::CountCheck::Never));
    }
    result.setType(type);
  }
}

} // namespace

/// A condition known when compiling chooses now.
void ifRule(Node &node) {
  const ::onnx::GraphProto &onTrue = graphAttribute(node, "then_branch"),
                           &onFalse = graphAttribute(node, "else_branch");
  if (auto condition = knownTruth(node.constant(0)))
    return chooseNow(node, *condition ? onTrue : onFalse);
  std::vector<EntryPtr> shape; // what the first branch gives
  auto branch = [&](const ::onnx::GraphProto &graph, bool isFirst) {
    graph::Values values;
    checkCount(node, graph, 0, node.numOutputs());
    std::vector<EntryPtr> entries;
    try {
      entries = node.importer.importSubgraph(graph, {});
    } catch (const Refusal &) {
      if (isFirst) // what the other branch lacks belongs into the same report
        node.importer.importSubgraph(onFalse, {});
      throw;
    }
    for (size_t i = 0; !isFirst && i < entries.size(); ++i)
      if (structureOf(*entries[i]) != structureOf(*shape[i]))
        node.unsupported("one branch gives " + structureOf(*shape[i]) + " and the other " +
                             structureOf(*entries[i]),
                         "make its condition a constant");
    values = leavesOf(node, entries);
    if (isFirst)
      shape = entries;
    return values;
  };
  auto inRegion = [&](const ::onnx::GraphProto &graph, bool isFirst) {
    return [&, isFirst](OpBuilder &b) {
      graph::Values values;
      buildIn(node, b, [&] { values = branch(graph, isFirst); });
      return values;
    };
  };
  Value condition = node.reshape(node.in(0), {});
  auto op = graph::makeIf(node.builder(), node.loc, condition, inRegion(onTrue, true),
                          inRegion(onFalse, false));
  try {
    joinShapes(node, op);
  } catch (...) {
    op.erase();
    throw;
  }
  ValueRange results = op.getResults();
  for (auto [i, like] : llvm::enumerate(shape))
    node.set(i, rebuilt(*like, results));
}

// Loop.

namespace {

/// What a Loop is made of: carried values and scan outputs, and what is known about its end.
class LoopImport {
public:
  explicit LoopImport(Node &node)
      : node(node), body(graphAttribute(node, "body")),
        carriedCount(std::max<size_t>(node.numInputs(), 2) - 2) {
    checkCount(node, body, 2 + carriedCount,
               std::max<size_t>(body.output_size(), 1 + carriedCount));
    stackedCount = body.output_size() - 1 - carriedCount;
    for (size_t i = 0; i < carriedCount; ++i) {
      if (!node.has(i + 2))
        node.invalid("its input " + llvm::Twine(i + 2) + " is left out");
      initial.push_back(node.inputs[i + 2]);
    }
  }
  void run();

private:
  /// How often it runs where its body always goes on; null where that is not known before.
  Dim tripCount(std::optional<bool> starts);
  /// Whether no condition of the body's ends it: where its own is true whenever the one that it is
  /// given is, and where there is no condition but the count.
  bool goesOn() const;
  void asScan(Dim trips);
  void asWhile();
  void unrolled(int64_t trips);
  /// The body's outputs; the values carried have the types of `before`.
  graph::Values iterate(Value position, ValueRange before, size_t first);
  bool carriesSequences() const {
    return llvm::any_of(initial,
                        [](const EntryPtr &e) { return e->sequence || e->isEmptyOptional; });
  }
  graph::Values initialTensors();
  void setAll(ValueRange values);

  Node &node;
  const ::onnx::GraphProto &body;
  size_t carriedCount, stackedCount = 0;
  std::vector<EntryPtr> initial;
};

bool LoopImport::goesOn() const {
  if (!node.has(1) && node.has(0))
    return true;
  std::string name = body.output(0).name();
  for (const ::onnx::NodeProto &inner : llvm::reverse(body.node())) {
    if (inner.output_size() == 0 || inner.output(0) != name)
      continue;
    if (inner.op_type() == "Constant")
      for (const ::onnx::AttributeProto &value : inner.attribute())
        if (value.has_t())
          return (value.t().raw_data().size() == 1 && value.t().raw_data()[0] != 0) ||
                 (value.t().int32_data_size() == 1 && value.t().int32_data(0) != 0);
    if ((inner.op_type() != "Identity" && inner.op_type() != "Cast") || inner.input_size() == 0)
      return false;
    name = inner.input(0);
  }
  return name == body.input(1).name();
}

Dim LoopImport::tripCount(std::optional<bool> starts) {
  std::optional<Ints> count = node.tryInts(0), condition;
  if (!starts)
    condition = node.tryInts(1);
  if (!count || count->elements.size() != 1 ||
      (!starts && (!condition || condition->elements.size() != 1)))
    return {};
  Dim trips = count->elements[0];
  return nonNegative(node, starts ? trips : trips * condition->elements[0]);
}

graph::Values LoopImport::initialTensors() {
  return llvm::map_to_vector(
      initial, [&](const EntryPtr &entry) { return node.importer.tensorOf(*entry, node.loc); });
}

graph::Values LoopImport::iterate(Value position, ValueRange before, size_t first) {
  std::vector<EntryPtr> arguments = {tensorEntry(position), boolEntry(node, true)};
  for (Value value : before)
    arguments.push_back(tensorEntry(value));
  graph::Values results;
  for (auto [i, entry] : llvm::enumerate(node.importer.importSubgraph(body, arguments))) {
    if (i < first)
      continue;
    if (entry->sequence || entry->isEmptyOptional)
      node.unsupported("its body gives a sequence", "make its trip count a constant");
    Value value = node.importer.tensorOf(*entry, node.loc);
    if (i >= 1 && i < 1 + carriedCount) {
      Value old = before[i - 1];
      if (graph::elementType(value) != graph::elementType(old) ||
          graph::rankOf(value) != graph::rankOf(old))
        node.unsupported("the value that it carries as `" +
                             body.output(static_cast<int>(i)).name() + "` changes its type",
                         "make its trip count a small constant");
      Dims now = dimsOf(value), then = dimsOf(old);
      for (auto [a, b] : llvm::zip(now, then))
        if (!(a == b) && a.isStatic() && b.isStatic())
          node.unsupported("the value that it carries as `" +
                               body.output(static_cast<int>(i)).name() + "` grows from " +
                               str(then) + " to " + str(now),
                           "make its trip count a small constant");
      value = withDims(node, value, then, "a carried value");
    }
    results.push_back(value);
  }
  return results;
}

void LoopImport::asScan(Dim trips) {
  graph::ScanOp scan = graph::makeScan(
      node.builder(), node.loc, trips, initialTensors(), {},
      [&](OpBuilder &b, Value position, ValueRange carried, ValueRange) {
        graph::ScanYield yield;
        buildIn(node, b, [&] {
          graph::Values all = iterate(position, carried, 1);
          yield.carried.assign(all.begin(), all.begin() + static_cast<int64_t>(carriedCount));
          yield.stacked.assign(all.begin() + static_cast<int64_t>(carriedCount), all.end());
        });
        return yield;
      });
  setAll(scan.getResults());
}

/// Carries the position and whether to go on, then the loop's own values.
void LoopImport::asWhile() {
  Type position = node.integerType();
  graph::Values carried = {node.splat(position, {}, 0)};
  carried.push_back(node.has(1) ? node.reshape(node.in(1), {}).v
                                : node.splat(node.builder().getI1Type(), {}, 1).v);
  llvm::append_range(carried, initialTensors());
  Value limit = node.has(0) ? node.cast(node.reshape(node.in(0), {}), position).v : Value();
  auto condition = [&](OpBuilder &b, ValueRange values) {
    Value result = values[1];
    buildIn(node, b, [&] {
      if (limit)
        result = node.make<graph::AndOp>(
            {result, graph::compare(graph::Predicate::LT, node.expr(values[0]), node.expr(limit))});
    });
    return result;
  };
  auto step = [&](OpBuilder &b, ValueRange values) {
    graph::Values next;
    buildIn(node, b, [&] {
      next = {node.expr(values[0]) + 1.0};
      graph::Values all = iterate(values[0], values.drop_front(2), 0);
      all[0] = node.has(1) || !node.has(0) ? node.reshape(all[0], {}).v : values[1];
      llvm::append_range(next, all);
    });
    return next;
  };
  auto op = graph::makeWhile(node.builder(), node.loc, carried, condition, step);
  setAll(op.getResults().drop_front(2));
}

void LoopImport::unrolled(int64_t trips) {
  std::vector<EntryPtr> carried = initial;
  std::vector<graph::Values> stacked(stackedCount);
  for (int64_t i = 0; i < trips; ++i) {
    auto position = std::make_shared<Entry>();
    position->element = node.integerType();
    position->ints = Ints{{node.dim(i)}, true};
    std::vector<EntryPtr> arguments = {position, boolEntry(node, true)};
    llvm::append_range(arguments, carried);
    std::vector<EntryPtr> results = node.importer.importSubgraph(body, arguments);
    carried.assign(results.begin() + 1, results.begin() + 1 + static_cast<int64_t>(carriedCount));
    for (size_t k = 0; k < stackedCount; ++k) {
      Value value = node.importer.tensorOf(*results[1 + carriedCount + k], node.loc);
      Dims dims = dimsOf(value);
      dims.insert(dims.begin(), node.dim(1));
      stacked[k].push_back(node.reshape(value, dims));
    }
    if (!node.has(1))
      continue;
    std::optional<bool> next = knownTruth(node.importer.constantOf(*results[0]));
    if (!next && !goesOn())
      node.unsupported("it ends by a condition that is computed while it runs, and carries "
                       "sequences or values that grow",
                       "end it by its trip count");
    if (next && !*next)
      break;
  }
  for (size_t i = 0; i < carriedCount; ++i)
    node.set(i, carried[i]);
  for (size_t k = 0; k < stackedCount; ++k) {
    if (stacked[k].empty())
      node.unsupported("it makes no iteration, so that the shape of what it stacks is not known");
    node.set(carriedCount + k, stacked[k].size() == 1
                                   ? stacked[k][0]
                                   : graph::concat(node.builder(), node.loc, stacked[k], 0));
  }
}

void LoopImport::setAll(ValueRange values) {
  for (auto [i, value] : llvm::enumerate(values))
    node.set(i, value);
}

void LoopImport::run() {
  std::optional<bool> starts = node.has(1) ? knownTruth(node.constant(1)) : true;
  bool mustCount = stackedCount > 0 || carriesSequences();
  Dim trips = starts && !*starts ? node.dim(0) : Dim();
  if (!trips && node.has(0) && (goesOn() || carriesSequences()) &&
      (mustCount || (starts && node.inputs[0]->argument < 0)))
    trips = tripCount(starts);
  bool isCounted = trips && (goesOn() || trips == node.dim(0));
  bool isSmall = trips && trips.isStatic() && trips.value() <= kMaxUnrolled;
  if (isSmall && (carriesSequences() || trips.value() == 1))
    return unrolled(trips.value());
  if (carriesSequences())
    node.unsupported("it carries sequences, and its trip count is not a constant of at most " +
                         llvm::Twine(kMaxUnrolled),
                     "make it a constant");
  auto inRegion = [&] {
    if (isCounted)
      return asScan(trips);
    if (stackedCount > 0)
      node.unsupported("how many values it stacks is known only when it ends",
                       "end it by its trip count");
    asWhile();
  };
  if (!isSmall || trips.value() == 0)
    return inRegion();
  if (!node.importer.attempt(inRegion))
    unrolled(trips.value());
}

} // namespace

void loop(Node &node) { LoopImport(node).run(); }

// Scan.

namespace {

/// x read backwards along its leading axis.
Value reversed(Node &node, Value x) {
  Dim size = dimsOf(x)[0];
  Expr last = node.broadcastTo(node.extent(size - 1, node.integerType()), {size});
  Expr index = last - node.iota({size}, 0, node.integerType());
  return node.make<graph::GatherOp>({x, index.v}, {node.named("axis", int64_t(0))});
}

/// Axis `from` moved to be axis `to`.
Value withAxisAt(Node &node, Value x, int64_t from, int64_t to) {
  if (from == to)
    return x;
  llvm::SmallVector<int64_t> permutation;
  for (int64_t d = 0; d < graph::rankOf(x); ++d)
    if (d != from)
      permutation.push_back(d);
  permutation.insert(permutation.begin() + to, from);
  return node.transpose(x, permutation);
}

class ScanImport {
public:
  /// `first`: the input where states begin.
  ScanImport(Node &node, size_t first)
      : node(node), body(graphAttribute(node, "body")),
        inputCount(node.attr("num_scan_inputs", int64_t(0))) {
    if (inputCount < 1 || node.numInputs() < first + inputCount)
      node.invalid("it has " + llvm::Twine(node.numInputs()) + " inputs, of which " +
                   llvm::Twine(inputCount) + " are scanned");
    stateCount = node.numInputs() - first - inputCount;
    checkCount(node, body, stateCount + inputCount,
               std::max<size_t>(body.output_size(), stateCount));
    stackedCount = body.output_size() - stateCount;
  }
  /// Scans the leading axes of `inputs`; the last states, then the stacked values. With a `length`
  /// (scalar), later iterations change no state and stack zeros.
  graph::Values scan(ValueRange states, ValueRange inputs, Value length);

  llvm::SmallVector<int64_t> inputFlags(llvm::StringRef name) {
    return node.intsAttr(name, inputCount, 0);
  }
  llvm::SmallVector<int64_t> outputFlags(llvm::StringRef name) {
    return node.intsAttr(name, stackedCount, 0);
  }

  Node &node;
  const ::onnx::GraphProto &body;
  size_t inputCount, stateCount = 0, stackedCount = 0;
};

graph::Values ScanImport::scan(ValueRange states, ValueRange inputs, Value length) {
  Dim trips;
  for (Value input : inputs) {
    if (graph::rankOf(input) == 0)
      node.invalid("it scans a scalar");
    if (!trips || !trips.isStatic())
      trips = dimsOf(input)[0];
  }
  graph::Values equal;
  for (Value input : inputs) {
    Dims dims = dimsOf(input);
    dims[0] = trips;
    equal.push_back(withDims(node, input, dims, "an input that it scans"));
  }
  auto iterate = [&](Value position, ValueRange carried, ValueRange slices) {
    std::vector<EntryPtr> arguments;
    for (ValueRange values : {carried, slices})
      for (Value value : values)
        arguments.push_back(tensorEntry(value));
    graph::ScanYield yield;
    for (auto [i, entry] : llvm::enumerate(node.importer.importSubgraph(body, arguments))) {
      Value value = node.importer.tensorOf(*entry, node.loc);
      bool isState = i < stateCount;
      if (isState)
        value = withDims(node, value, dimsOf(carried[i]), "a state that its body gives");
      if (length) {
        Expr runs = graph::compare(graph::Predicate::LT, node.expr(position), node.expr(length));
        Expr otherwise = isState ? node.expr(carried[i]) : node.expr(value).number(0);
        value = graph::select(node.broadcastTo(runs, dimsOf(value)), node.expr(value), otherwise);
      }
      (isState ? yield.carried : yield.stacked).push_back(value);
    }
    return yield;
  };
  graph::ScanOp op =
      graph::makeScan(node.builder(), node.loc, trips, states, equal,
                      [&](OpBuilder &b, Value position, ValueRange carried, ValueRange slices) {
                        graph::ScanYield yield;
                        buildIn(node, b, [&] { yield = iterate(position, carried, slices); });
                        return yield;
                      });
  return graph::Values(op.getResults());
}

/// Before operator set 9 every tensor has a leading batch axis, and the sequence is the next one.
void batchedScan(Node &node) {
  ScanImport import(node, 1);
  graph::Values all;
  auto directions = import.inputFlags("directions");
  for (size_t i = 1; i < node.numInputs(); ++i) {
    Value x = node.in(i);
    size_t input = i - 1 - import.stateCount;
    if (i > import.stateCount && directions[input]) {
      if (graph::rankOf(x) < 2)
        node.invalid("it scans " + str(dimsOf(x)) + "; a batch of sequences is expected");
      x = withAxisAt(node, reversed(node, withAxisAt(node, x, 1, 0)), 0, 1);
    }
    all.push_back(x);
  }
  if (node.has(0))
    all.push_back(node.cast(node.in(0), node.integerType()));
  if (llvm::any_of(all, [](Value x) { return graph::rankOf(x) == 0; }))
    node.invalid("an input has no batch axis");
  Dim batch = dimsOf(all[0])[0];
  graph::ScanOp op = graph::makeScan(node.builder(), node.loc, batch, {}, all,
                                     [&](OpBuilder &b, Value, ValueRange, ValueRange slices) {
                                       graph::ScanYield yield;
                                       buildIn(node, b, [&] {
                                         yield.stacked = import.scan(
                                             slices.take_front(import.stateCount),
                                             slices.slice(import.stateCount, import.inputCount),
                                             node.has(0) ? slices.back() : Value());
                                       });
                                       return yield;
                                     });
  for (auto [i, value] : llvm::enumerate(op.getResults()))
    node.set(i, value);
}

} // namespace

void scan(Node &node) {
  if (node.version < 9)
    return batchedScan(node);
  ScanImport import(node, 0);
  graph::Values states, inputs;
  auto inputAxes = import.inputFlags("scan_input_axes");
  auto inputDirections = import.inputFlags("scan_input_directions");
  for (size_t i = 0; i < node.numInputs(); ++i) {
    Value x = node.in(i);
    if (i < import.stateCount) {
      states.push_back(x);
      continue;
    }
    size_t input = i - import.stateCount;
    x = withAxisAt(node, x, node.axis(inputAxes[input], graph::rankOf(x)), 0);
    inputs.push_back(inputDirections[input] ? reversed(node, x) : x);
  }
  auto outputAxes = import.outputFlags("scan_output_axes");
  auto outputDirections = import.outputFlags("scan_output_directions");
  for (auto [i, value] : llvm::enumerate(import.scan(states, inputs, Value()))) {
    Value y = value;
    if (i >= import.stateCount) {
      size_t output = i - import.stateCount;
      if (outputDirections[output])
        y = reversed(node, y);
      y = withAxisAt(node, y, 0, node.axis(outputAxes[output], graph::rankOf(y)));
    }
    node.set(i, y);
  }
}

} // namespace ingot::onnx
