// See FormAttention.h. From a product of scores on, nests that read it are followed (Scores), then
// its sums and products are shared out among kernels (Grouping), and each kernel gets copies of
// what it needs (KernelBuilder).
#include "compiler/fusion/FormAttention.h"
#include "compiler/fusion/FormKernels.h"
#include "compiler/fusion/Scores.h"
#include "compiler/layout/Views.h"
#include "ir/exec/Control.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace ingot {
namespace {

/// A kernel to be: what it makes, and the order of its loops.
struct Group {
  int x;
  Axes domain;                           // axes
  llvm::SmallVector<exec::NestOp> sinks; // sums and roots
};

/// The sums that nests read, through what their kernel computes for them.
llvm::SetVector<Operation *> sumsReadBy(llvm::ArrayRef<exec::NestOp> nests, const Scores &scores) {
  llvm::SetVector<Operation *> found;
  llvm::DenseSet<Operation *> seen;
  std::function<void(exec::NestOp)> visit = [&](exec::NestOp nest) {
    for (Value input : nest.getInputs()) {
      auto maker = input.getDefiningOp<exec::NestOp>();
      if (!maker || !seen.insert(maker).second)
        continue;
      if (scores.isSum(maker))
        found.insert(maker);
      else if (scores.isMember(maker) || scores.isMadeOfSums(maker))
        visit(maker);
    }
  };
  for (exec::NestOp nest : nests)
    visit(nest);
  return found;
}

/// Shares sums and roots out among kernels, as few as there can be.
class Grouping {
public:
  explicit Grouping(const Scores &scores) : scores(scores) {
    for (int x : {scores.rows(), scores.columns()})
      for (const Scores::Root &root : scores.roots)
        if (root.x == x)
          place(root);
  }
  std::vector<Group> groups;

private:
  void place(Scores::Root root);
  void placeSums(exec::NestOp reader, size_t preferred);
  bool canJoin(exec::NestOp nest, size_t group);
  bool needs(llvm::ArrayRef<exec::NestOp> those, llvm::ArrayRef<exec::NestOp> makers);
  void add(exec::NestOp nest, size_t group) {
    groups[group].sinks.push_back(nest);
    groupOf[nest] = group;
  }
  size_t begin(int x, Axes domain) {
    groups.push_back({x, std::move(domain), {}});
    return groups.size() - 1;
  }

  const Scores &scores;
  llvm::DenseMap<Operation *, size_t> groupOf;
};

/// Whether one of `those` needs what one of `makers` makes, through what is in no kernel with both.
bool Grouping::needs(llvm::ArrayRef<exec::NestOp> those, llvm::ArrayRef<exec::NestOp> makers) {
  llvm::SmallVector<Operation *> work;
  llvm::DenseSet<Operation *> seen;
  auto push = [&](Operation *from) {
    for (Value used : exec::valuesUsedBy(from)) {
      Operation *maker = used.getDefiningOp();
      if (!maker || maker->getBlock() != from->getBlock() || !seen.insert(maker).second)
        continue;
      work.push_back(maker);
    }
  };
  for (exec::NestOp nest : those)
    push(nest);
  // Sums of the same kernel that are read directly are no obstacle.
  llvm::SetVector<Operation *> direct = sumsReadBy(those, scores);
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    auto nest = llvm::dyn_cast<exec::NestOp>(op);
    bool isMaker = nest && llvm::is_contained(makers, nest);
    if (isMaker && !direct.contains(op))
      return true;
    push(op);
    if (auto it = groupOf.find(op); it != groupOf.end() && !isMaker)
      for (exec::NestOp together : groups[it->second].sinks)
        push(together);
  }
  return false;
}

bool Grouping::canJoin(exec::NestOp nest, size_t group) {
  return !needs(nest, groups[group].sinks) && !needs(groups[group].sinks, nest);
}

void Grouping::placeSums(exec::NestOp reader, size_t preferred) {
  for (Operation *op : sumsReadBy(reader, scores)) {
    if (groupOf.contains(op))
      continue;
    auto sum = llvm::cast<exec::NestOp>(op);
    size_t group = preferred;
    if (groups[preferred].x != scores.rows() || !canJoin(sum, preferred)) {
      Axes domain;
      for (int axis = 0; axis <= scores.rows(); ++axis)
        domain.push_back(axis);
      group = begin(scores.rows(), domain);
    }
    add(sum, group);
    placeSums(sum, group);
  }
}

void Grouping::place(Scores::Root root) {
  Axes domain;
  for (int axis : llvm::ArrayRef(scores.axesOf(root.nest)).take_front(root.nest.getParallel()))
    if (axis >= 0)
      domain.push_back(axis);
  size_t group = groups.size();
  while (group > 0 && (groups[group - 1].x != root.x || groups[group - 1].domain != domain ||
                       !canJoin(root.nest, group - 1)))
    --group;
  group = group > 0 ? group - 1 : begin(root.x, domain);
  add(root.nest, group);
  placeSums(root.nest, group);
}

/// Makes the kernels, and what is read of them outside.
class KernelBuilder {
public:
  KernelBuilder(const Scores &scores, const Grouping &grouping)
      : scores(scores), groups(grouping.groups) {
    for (const Group &group : groups)
      for (Operation *sink : group.sinks)
        groupOf[sink] = &group;
  }
  void build() {
    for (const Group &group : groups)
      build(group);
    for (auto &[kernel, input, sum] : sumsRead)
      kernel->setOperand(input, results.lookup(sum).value);
    for (const Group &group : groups)
      for (exec::NestOp sink : group.sinks)
        replace(sink);
  }

private:
  /// A value in a kernel, or one that leaves it; by dimension, which dimension of the value before
  /// it is. Dimensions of one element may be missing.
  struct Known {
    Value value;
    llvm::SmallVector<unsigned> dims;
  };

  void build(const Group &group);
  Known get(exec::NestOp reader, const Axes &loops, unsigned input);
  Known outside(Value value);
  Known copy(exec::NestOp nest, Axes axes);
  llvm::SmallVector<unsigned> order(exec::NestOp nest, const Axes &axes, size_t &parallel);
  bool isReadElsewhere(exec::NestOp sum, const Group &group);
  bool isSumOfKernel(Value value) {
    Operation *maker = value.getDefiningOp();
    return maker && scores.isSum(maker) && groupOf.contains(maker);
  }
  void replace(exec::NestOp sink);
  /// A sum's dimensions in its kernel.
  llvm::SmallVector<unsigned> dimsOfSum(exec::NestOp sum, const Group &group);
  static Value behind(exec::NestOp root, llvm::SmallVectorImpl<exec::NestOp> &maps);

  const Scores &scores;
  const std::vector<Group> &groups;
  llvm::DenseMap<Operation *, const Group *> groupOf;
  llvm::DenseMap<Operation *, Known> results; // what kernels make, by sink
  llvm::SmallVector<std::tuple<Operation *, unsigned, Operation *>> sumsRead;

  // Of the kernel that is being built.
  const Group *current = nullptr;
  Block *body = nullptr;
  std::optional<OpBuilder> inner;
  llvm::DenseMap<Value, Known> known;
  llvm::SmallVector<Value> inputs;
};

llvm::SmallVector<unsigned> KernelBuilder::dimsOfSum(exec::NestOp sum, const Group &group) {
  llvm::SmallVector<unsigned> dims;
  for (int axis : group.domain)
    dims.push_back(llvm::find(scores.axesOf(sum), axis) - scores.axesOf(sum).begin());
  return dims;
}

KernelBuilder::Known KernelBuilder::outside(Value value) {
  Type type = value.getType();
  auto dims = llvm::to_vector(llvm::seq<unsigned>(0, llvm::cast<RankedTensorType>(type).getRank()));
  if (isSumOfKernel(value)) {
    auto sum = value.getDefiningOp<exec::NestOp>();
    dims = dimsOfSum(sum, *groupOf.lookup(sum));
    Dims extents;
    for (unsigned d : dims)
      extents.push_back(dimsOf(type)[d]);
    type = tensorType(extents, getElementTypeOrSelf(type));
  }
  inputs.push_back(value);
  return known[value] = {body->addArgument(type, value.getLoc()), dims};
}

KernelBuilder::Known KernelBuilder::get(exec::NestOp reader, const Axes &loops, unsigned input) {
  Value value = reader.getInputs()[input];
  if (auto it = known.find(value); it != known.end())
    return it->second;
  auto maker = value.getDefiningOp<exec::NestOp>();
  if (!maker)
    return outside(value);
  if (scores.isMember(maker))
    return copy(maker, scores.axesOf(maker));
  if (scores.isSum(maker))
    return groupOf.lookup(maker) == current ? copy(maker, scores.axesOf(maker)) : outside(value);
  // What costs nothing to compute, and what is made of sums that this kernel has.
  bool isConstant = maker.getInputs().empty() && !hasChecks(maker);
  if (!accessMap(reader, input) || !(isConstant || scores.isMadeOfSums(maker)))
    return outside(value);
  Axes axes = scores.axesOfInput(reader, loops, input);
  return copy(maker, axes);
}

/// The nest's loops as the kernel has them: domain, y, its own, then the reduced ones.
llvm::SmallVector<unsigned> KernelBuilder::order(exec::NestOp nest, const Axes &axes,
                                                 size_t &parallel) {
  llvm::SmallVector<unsigned> loops;
  auto addParallel = [&](int wanted) {
    for (unsigned l = 0; l < nest.getParallel(); ++l)
      if (axes[l] == wanted)
        loops.push_back(l);
  };
  for (int axis : current->domain)
    addParallel(axis);
  addParallel(scores.rows() + scores.columns() - current->x);
  addParallel(Scores::own);
  parallel = loops.size();
  for (unsigned l = nest.getParallel(); l < axes.size(); ++l)
    if (axes[l] != Scores::unit)
      loops.push_back(l);
  return loops;
}

KernelBuilder::Known KernelBuilder::copy(exec::NestOp nest, Axes axes) {
  size_t parallel = 0;
  llvm::SmallVector<unsigned> loops = order(nest, axes, parallel);
  MLIRContext *context = nest.getContext();
  Dims bounds = loopDims(nest), extents;
  llvm::SmallVector<AffineExpr> places(bounds.size(), getAffineConstantExpr(0, context));
  for (auto [i, l] : llvm::enumerate(loops)) {
    extents.push_back(bounds[l]);
    places[l] = getAffineDimExpr(i, context);
  }
  llvm::SmallVector<exec::Access> accesses;
  for (unsigned i = 0; i < nest.getInputs().size(); ++i) {
    Known tensor = get(nest, axes, i);
    AffineMap map = accessMap(nest, i);
    if (map) {
      llvm::SmallVector<AffineExpr> at;
      for (unsigned d : tensor.dims)
        at.push_back(map.getResult(d).replaceDims(places));
      map = AffineMap::get(loops.size(), 0, at, context);
    }
    accesses.push_back({tensor.value, map});
  }
  Block &body = nest.getBody().front();
  auto elements = llvm::map_to_vector(nest.getOutputs(),
                                      [](Value output) { return getElementTypeOrSelf(output); });
  auto made = exec::nest(
      *inner, nest.getLoc(), extents, static_cast<int64_t>(parallel), accesses, nest.getCombiner(),
      elements, [&](OpBuilder &b, ValueRange indices, ValueRange values) {
        IRMapping mapping;
        for (unsigned l = 0; l < bounds.size(); ++l) {
          auto place = llvm::dyn_cast<AffineDimExpr>(places[l]);
          if (place)
            mapping.map(body.getArgument(l), indices[place.getPosition()]);
          else if (!body.getArgument(l).use_empty())
            mapping.map(body.getArgument(l), exec::indexConstant(b, nest.getLoc(), 0));
        }
        for (auto [argument, value] :
             llvm::zip(body.getArguments().drop_front(bounds.size()), values))
          mapping.map(argument, value);
        for (Operation &op : body.without_terminator())
          b.clone(op, mapping);
        return llvm::map_to_vector(body.getTerminator()->getOperands(),
                                   [&](Value v) { return mapping.lookupOrDefault(v); });
      });
  llvm::SmallVector<unsigned> dims(llvm::ArrayRef(loops).take_front(parallel));
  return known[nest.getOutputs()[0]] = {made[0], dims};
}

/// The value that maps of one input make of a root's, where nothing else reads it.
Value KernelBuilder::behind(exec::NestOp root, llvm::SmallVectorImpl<exec::NestOp> &maps) {
  Value value = root.getOutputs()[0];
  Dims dims = dimsOf(value);
  while (value.hasOneUse()) {
    auto next = llvm::dyn_cast<exec::NestOp>(*value.getUsers().begin());
    if (!next || next->getBlock() != root->getBlock() || !isMap(next) || hasChecks(next) ||
        next.getInputs().size() != 1 || next->getNumResults() != 1 || loopDims(next) != dims ||
        !accessMap(next, 0) || !accessMap(next, 0).isIdentity() || usesIndices(next))
      break;
    maps.push_back(next);
    value = next.getOutputs()[0];
  }
  return value;
}

bool KernelBuilder::isReadElsewhere(exec::NestOp sum, const Group &group) {
  return !scores.isReadInside(sum.getOutputs()[0]) || llvm::any_of(groups, [&](const Group &other) {
    return &other != &group && sumsReadBy(other.sinks, scores).contains(sum);
  });
}

void KernelBuilder::build(const Group &group) {
  current = &group;
  known.clear();
  inputs.clear();
  Block &block = *group.sinks.front()->getBlock();
  OpBuilder b(block.getTerminator());
  llvm::SmallVector<Operation *> named(group.sinks.begin(), group.sinks.end());
  llvm::SmallVector<Attribute> domain;
  Location loc = group.sinks.front()->getLoc();
  for (int axis : group.domain)
    domain.push_back(scores.extents[axis].asAttribute());
  Region region;
  body = &region.emplaceBlock();
  inner.emplace(b.getContext());
  inner->setInsertionPointToEnd(body);
  llvm::SmallVector<Operation *> makers;
  llvm::SmallVector<Value> yields;
  for (exec::NestOp sink : group.sinks) {
    Value result = sink.getOutputs()[0];
    if (!known.contains(result))
      copy(sink, scores.axesOf(sink));
    llvm::SmallVector<exec::NestOp> maps;
    if (!scores.isSum(sink))
      result = behind(sink, maps);
    else if (!isReadElsewhere(sink, group))
      continue;
    for (exec::NestOp map : maps) {
      Axes axes = scores.axesOf(sink);
      axes.truncate(sink.getParallel());
      copy(map, axes);
    }
    makers.push_back(sink);
    yields.push_back(known.lookup(result).value);
  }
  exec::YieldOp::create(*inner, loc, yields);
  auto kernel = exec::KernelOp::create(b, loc, ValueRange(yields).getTypes(), inputs,
                                       b.getStringAttr(kernelName(named)),
                                       graph::DimsAttr::get(b.getContext(), domain));
  int64_t x = llvm::find(group.domain, group.x) - group.domain.begin();
  kernel->setAttr(kStreamedAttr, b.getI64IntegerAttr(x));
  kernel.getBody().takeBody(region);
  for (auto [i, input] : llvm::enumerate(inputs))
    if (isSumOfKernel(input))
      sumsRead.push_back({kernel, static_cast<unsigned>(i), input.getDefiningOp()});
  for (auto [sink, output] : llvm::zip(makers, kernel.getOutputs())) {
    auto nest = llvm::cast<exec::NestOp>(sink);
    results[sink] = {output,
                     scores.isSum(sink) ? dimsOfSum(nest, group) : llvm::SmallVector<unsigned>()};
  }
}

/// What is outside reads what the kernel made.
void KernelBuilder::replace(exec::NestOp sink) {
  auto it = results.find(sink);
  if (it == results.end())
    return;
  auto [made, dims] = it->second;
  llvm::SmallVector<exec::NestOp> maps;
  Value before = scores.isSum(sink) ? sink.getOutputs()[0] : behind(sink, maps);
  OpBuilder b(sink->getBlock()->getTerminator());
  if (scores.isSum(sink) && !llvm::is_sorted(dims)) {
    Dims extents;
    llvm::SmallVector<unsigned> sorted = dims;
    llvm::sort(sorted);
    llvm::SmallVector<AffineExpr> from;
    for (unsigned d : sorted)
      extents.push_back(dimsOf(before)[d]);
    for (unsigned d : dims)
      from.push_back(b.getAffineDimExpr(llvm::find(sorted, d) - sorted.begin()));
    made = moved(b, sink.getLoc(), extents, made,
                 AffineMap::get(sorted.size(), 0, from, b.getContext()));
  }
  if (made.getType() != before.getType())
    made = exec::ViewOp::create(b, sink.getLoc(), before.getType(), made);
  before.replaceAllUsesWith(made);
}

} // namespace

void formAttention(func::FuncOp function) {
  exec::forEachBlock(function, [](Block &block) {
    llvm::DenseSet<Operation *> seen;
    bool hasFormed = false;
    for (auto nest : llvm::to_vector(block.getOps<exec::NestOp>())) {
      if (seen.contains(nest))
        continue;
      Scores scores(nest);
      if (!scores)
        continue;
      seen.insert(scores.members.begin(), scores.members.end());
      Grouping grouping(scores);
      KernelBuilder(scores, grouping).build();
      hasFormed = true;
    }
    if (!hasFormed)
      return;
    sortTopologically(&block);
    eraseUnused(block);
  });
}

} // namespace ingot
