// Ensembles of decision trees.
//
// Every tree is walked for every row at once: a position for each (row, tree), moved as many times
// as the deepest tree has levels; leaves point at themselves. All comparisons are brought to two
// kinds, x <= v and x == v: x < v is <= of the float before v, the opposite ones swap the branches,
// and a set's members are a chain of equalities.
#include "frontends/onnx/ops/Classical.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;
using ingot::graph::ReduceKind;

namespace ingot::onnx {
namespace {

enum class Mode { LessEqual, Less, GreaterEqual, Greater, Equal, NotEqual, Member, Leaf };
enum class Aggregate { Average, Sum, Min, Max };

struct TreeNode {
  double value = 0;
  int64_t feature = 0, onTrue = 0, onFalse = 0; ///< branches: indices of nodes, itself for a leaf
  bool isEquality = false, missingIsTrue = false;
};

struct Vote {
  int64_t target;
  double weight;
};

struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<std::vector<Vote>> votes; ///< of leaves, by node
  llvm::SmallVector<int64_t> roots;
  int64_t targets = 0;
  Aggregate aggregate = Aggregate::Sum;

  int64_t addLeaf() {
    auto index = static_cast<int64_t>(nodes.size());
    nodes.push_back({0, 0, index, index, false, false});
    votes.emplace_back();
    return index;
  }
};

/// Turns a node of any mode but Member and Leaf into one of the two kinds; `isDouble`: of which
/// type the values are that it is compared with.
void setMode(Node &node, TreeNode &tree, Mode mode, bool isDouble) {
  bool isSwapped = mode == Mode::GreaterEqual || mode == Mode::Greater || mode == Mode::NotEqual;
  if (mode == Mode::Less || mode == Mode::GreaterEqual)
    tree.value = isDouble ? std::nextafter(tree.value, -HUGE_VAL)
                          : double{std::nextafter(static_cast<float>(tree.value), -HUGE_VALF)};
  if (mode >= Mode::Member)
    node.invalid("a tree node has an unknown mode");
  tree.isEquality = mode == Mode::Equal || mode == Mode::NotEqual;
  if (isSwapped) {
    std::swap(tree.onTrue, tree.onFalse);
    tree.missingIsTrue = !tree.missingIsTrue;
  }
}

/// The number of steps from the roots to the deepest leaf. Invalid where a walk would not end.
int64_t depthOf(Node &node, const Forest &forest) {
  std::vector<int64_t> depth(forest.nodes.size(), -1); // -2: being walked
  for (int64_t root : forest.roots) {
    llvm::SmallVector<int64_t> stack = {root};
    while (!stack.empty()) {
      int64_t at = stack.back();
      const TreeNode &tree = forest.nodes[at];
      bool isLeaf = tree.onTrue == at && tree.onFalse == at, isReturn = depth[at] == -2;
      if (isLeaf || depth[at] >= 0) {
        depth[at] = isLeaf ? 0 : depth[at];
        stack.pop_back();
        continue;
      }
      depth[at] = -2;
      for (int64_t child : {tree.onTrue, tree.onFalse})
        if (depth[child] == -2 || (isReturn && depth[child] == -1))
          node.invalid("a tree's branches lead back to a node above");
        else if (depth[child] == -1)
          stack.push_back(child);
      if (!isReturn)
        continue;
      depth[at] = 1 + std::max(depth[tree.onTrue], depth[tree.onFalse]);
      stack.pop_back();
    }
  }
  int64_t most = 0;
  for (int64_t root : forest.roots)
    most = std::max(most, depth[root]);
  return most;
}

/// One attribute of every node as a table.
template <typename T>
std::vector<T> column(const Forest &forest, llvm::function_ref<T(const TreeNode &)> value) {
  std::vector<T> all;
  for (const TreeNode &tree : forest.nodes)
    all.push_back(value(tree));
  return all;
}

class ForestRule {
public:
  ForestRule(Node &node, const Forest &forest) : node(node), forest(forest) {}

  /// Aggregated votes of x (N, F): (N, targets).
  Expr scores(Expr x) {
    int64_t depth = depthOf(node, forest);
    Dims dims = x.dims(), walked = {dims[0], node.dim(static_cast<int64_t>(forest.roots.size()))};
    for (const TreeNode &tree : forest.nodes)
      if (tree.feature < 0 || (dims[1].isStatic() && tree.feature >= dims[1].value()))
        node.invalid("a tree compares the feature " + llvm::Twine(tree.feature) + " of " +
                     dims[1].str());
    Type integer = node.integerType(), element = graph::elementType(x);
    Expr flat = node.reshape(x, {dims[0] * dims[1]});
    Expr row =
        node.iota(walked, 0, integer) * node.broadcastTo(node.extent(dims[1], integer), walked);
    Expr start = node.broadcastTo(intsOf(node, forest.roots), walked);
    using Ints = std::vector<int64_t>;
    auto table = [&](llvm::function_ref<int64_t(const TreeNode &)> value) {
      Ints values = column<int64_t>(forest, value);
      return intsOf(node, values);
    };
    Expr features = table([](const TreeNode &t) { return t.feature; }),
         onTrue = table([](const TreeNode &t) { return t.onTrue; }),
         onFalse = table([](const TreeNode &t) { return t.onFalse; }),
         equalities = table([](const TreeNode &t) { return int64_t{t.isEquality}; }),
         missing = table([](const TreeNode &t) { return int64_t{t.missingIsTrue}; });
    Expr values = floatsOf(node, column<double>(forest, [](const TreeNode &t) { return t.value; }),
                           {static_cast<int64_t>(forest.nodes.size())}, element);
    bool hasEqualities = llvm::any_of(forest.nodes, [](const TreeNode &t) { return t.isEquality; });
    OpBuilder &b = node.builder();
    auto scan = graph::makeScan(
        b, node.loc, node.dim(depth), {start}, {},
        [&](OpBuilder &inner, Value, ValueRange carried, ValueRange) -> graph::ScanYield {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
          Expr at = node.expr(carried[0]);
          Expr seen = lookUp(flat, row + lookUp(features, at)), value = lookUp(values, at);
          Expr holds = graph::compare(Predicate::LE, seen, value);
          if (hasEqualities)
            holds = graph::select(flag(equalities, at), graph::compare(Predicate::EQ, seen, value),
                                  holds);
          Expr isMissing = node.expr(node.make<graph::IsNanOp>({seen.v}));
          holds = graph::select(isMissing, flag(missing, at), holds);
          Expr next = graph::select(holds, lookUp(onTrue, at), lookUp(onFalse, at));
          inner.setInsertionPointToEnd(b.getInsertionBlock());
          return {{next}, {}};
        });
    return aggregated(node.expr(scan.getCarriedResults()[0]), element);
  }

private:
  Node &node;
  const Forest &forest;

  Expr lookUp(Expr table, Expr at) {
    return node.expr(node.make<graph::GatherOp>({table.v, at.v}, {node.named("axis", int64_t(0))}));
  }
  Expr flag(Expr table, Expr at) {
    Expr value = lookUp(table, at);
    return graph::compare(Predicate::NE, value, value.number(0));
  }

  Expr aggregated(Expr leaves, Type element) {
    bool isMin = forest.aggregate == Aggregate::Min, isMax = forest.aggregate == Aggregate::Max;
    double most = element.isF64() ? std::numeric_limits<double>::max()
                                  : double{std::numeric_limits<float>::max()};
    double none = isMin ? most : isMax ? -most : 0;
    auto count = static_cast<int64_t>(forest.nodes.size());
    std::vector<double> weights(count * forest.targets, none);
    for (int64_t n = 0; n < count; ++n)
      for (const Vote &vote : forest.votes[n]) {
        double &weight = weights[n * forest.targets + vote.target];
        weight = isMin   ? std::min(weight, vote.weight)
                 : isMax ? std::max(weight, vote.weight)
                         : weight + vote.weight;
      }
    Expr votes = lookUp(floatsOf(node, weights, {count, forest.targets}, element), leaves);
    ReduceKind kind = isMin ? ReduceKind::Min : isMax ? ReduceKind::Max : ReduceKind::Sum;
    Expr result = node.expr(graph::reduce(node.builder(), node.loc, votes, kind, {1}));
    return forest.aggregate == Aggregate::Average
               ? result / static_cast<double>(forest.roots.size())
               : result;
  }
};

void addVote(Node &node, Forest &forest, int64_t leaf, int64_t target, double weight) {
  if (target < 0 || target >= forest.targets)
    node.invalid("a leaf votes for " + llvm::Twine(target) + " of " + llvm::Twine(forest.targets));
  forest.votes[leaf].push_back({target, weight});
}

/// A list that has one entry a node.
template <typename List>
void expectEntries(Node &node, llvm::StringRef name, const List &list, size_t count) {
  if (list.size() != count)
    node.invalid("attribute `" + name + "` has " + llvm::Twine(list.size()) + " entries; " +
                 llvm::Twine(count) + " are expected");
}

void limit(Node &node, int64_t nodes, int64_t targets) {
  if (targets < 1 || targets > (1 << 20) || nodes * targets > (1 << 28))
    node.invalid("it has " + llvm::Twine(targets) + " targets and " + llvm::Twine(nodes) +
                 " nodes");
}

/// The trees of TreeEnsembleRegressor and -Classifier: nodes are named by (tree, node), votes are
/// the attributes `role`_ids, _treeids, _nodeids and _weights.
Forest namedForest(Node &node, const std::string &role, int64_t targets, bool isDouble) {
  auto trees = node.intsAttr("nodes_treeids"), ids = node.intsAttr("nodes_nodeids"),
       features = node.intsAttr("nodes_featureids"), onTrue = node.intsAttr("nodes_truenodeids"),
       onFalse = node.intsAttr("nodes_falsenodeids"),
       missing = node.intsAttr("nodes_missing_value_tracks_true");
  std::vector<double> values = numbersAttr(node, "nodes_values");
  std::vector<std::string> modes = node.stringsAttr("nodes_modes");
  size_t count = trees.size();
  missing.resize(missing.empty() ? count : missing.size());
  expectEntries(node, "nodes_nodeids", ids, count);
  expectEntries(node, "nodes_featureids", features, count);
  expectEntries(node, "nodes_truenodeids", onTrue, count);
  expectEntries(node, "nodes_falsenodeids", onFalse, count);
  expectEntries(node, "nodes_values", values, count);
  expectEntries(node, "nodes_modes", modes, count);
  expectEntries(node, "nodes_missing_value_tracks_true", missing, count);
  limit(node, static_cast<int64_t>(count), targets);
  Forest forest;
  forest.targets = targets;
  std::map<std::pair<int64_t, int64_t>, int64_t> index;
  std::map<int64_t, int64_t> roots;
  for (size_t i = 0; i < count; ++i) {
    if (!index.try_emplace({trees[i], ids[i]}, forest.addLeaf()).second)
      node.invalid("the tree " + llvm::Twine(trees[i]) + " has the node " + llvm::Twine(ids[i]) +
                   " twice");
    roots.try_emplace(trees[i], static_cast<int64_t>(i));
  }
  auto find = [&](int64_t tree, int64_t id) {
    auto it = index.find({tree, id});
    if (it == index.end())
      node.invalid("the tree " + llvm::Twine(tree) + " has no node " + llvm::Twine(id));
    return it->second;
  };
  for (auto [tree, root] : roots)
    forest.roots.push_back(root);
  static const std::map<std::string, Mode> kModes = {
      {"BRANCH_LEQ", Mode::LessEqual},    {"BRANCH_LT", Mode::Less},
      {"BRANCH_GTE", Mode::GreaterEqual}, {"BRANCH_GT", Mode::Greater},
      {"BRANCH_EQ", Mode::Equal},         {"BRANCH_NEQ", Mode::NotEqual}};
  for (size_t i = 0; i < count; ++i) {
    if (modes[i] == "LEAF")
      continue;
    auto mode = kModes.find(modes[i]);
    if (mode == kModes.end())
      node.invalid("a tree node has the mode `" + modes[i] + "`");
    TreeNode &tree = forest.nodes[i];
    tree = {values[i], features[i],    find(trees[i], onTrue[i]), find(trees[i], onFalse[i]),
            false,     missing[i] != 0};
    setMode(node, tree, mode->second, isDouble);
  }
  auto voteTrees = node.intsAttr(role + "_treeids"), voteNodes = node.intsAttr(role + "_nodeids"),
       voteTargets = node.intsAttr(role + "_ids");
  std::vector<double> weights = numbersAttr(node, role + "_weights");
  expectEntries(node, role + "_nodeids", voteNodes, voteTrees.size());
  expectEntries(node, role + "_ids", voteTargets, voteTrees.size());
  expectEntries(node, role + "_weights", weights, voteTrees.size());
  for (size_t v = 0; v < weights.size(); ++v)
    addVote(node, forest, find(voteTrees[v], voteNodes[v]), voteTargets[v], weights[v]);
  return forest;
}

std::vector<double> tensorNumbers(Node &node, llvm::StringRef name) {
  std::vector<double> values;
  if (DenseElementsAttr tensor = node.tensorAttr(name)) {
    if (!tensor.getElementType().isIntOrFloat())
      node.invalid("attribute `" + name + "` holds no numbers");
    if (auto integer = llvm::dyn_cast<IntegerType>(tensor.getElementType())) {
      for (const llvm::APInt &value : tensor.getValues<llvm::APInt>())
        values.push_back(static_cast<double>(integer.isUnsigned()
                                                 ? static_cast<int64_t>(value.getZExtValue())
                                                 : value.getSExtValue()));
      return values;
    }
    for (llvm::APFloat value : tensor.getValues<llvm::APFloat>()) {
      bool isInexact = false;
      value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &isInexact);
      values.push_back(value.convertToDouble());
    }
  }
  return values;
}

/// The trees of TreeEnsemble: interior nodes, then leaves, by position. A set's members come in the
/// order of the nodes that test them.
Forest positionalForest(Node &node, bool isDouble) {
  std::vector<double> splits = tensorNumbers(node, "nodes_splits"),
                      modes = tensorNumbers(node, "nodes_modes"),
                      weights = tensorNumbers(node, "leaf_weights"),
                      members = tensorNumbers(node, "membership_values");
  auto features = node.intsAttr("nodes_featureids"), onTrue = node.intsAttr("nodes_truenodeids"),
       onFalse = node.intsAttr("nodes_falsenodeids"), trueLeafs = node.intsAttr("nodes_trueleafs"),
       falseLeafs = node.intsAttr("nodes_falseleafs"), targets = node.intsAttr("leaf_targetids"),
       missing = node.intsAttr("nodes_missing_value_tracks_true");
  size_t count = features.size();
  missing.resize(missing.empty() ? count : missing.size());
  expectEntries(node, "nodes_splits", splits, count);
  expectEntries(node, "nodes_modes", modes, count);
  expectEntries(node, "nodes_truenodeids", onTrue, count);
  expectEntries(node, "nodes_falsenodeids", onFalse, count);
  expectEntries(node, "nodes_trueleafs", trueLeafs, count);
  expectEntries(node, "nodes_falseleafs", falseLeafs, count);
  expectEntries(node, "nodes_missing_value_tracks_true", missing, count);
  expectEntries(node, "leaf_targetids", targets, weights.size());
  Forest forest;
  forest.targets = node.attr("n_targets", int64_t(1));
  limit(node, static_cast<int64_t>(count + weights.size() + members.size()), forest.targets);
  for (size_t i = 0; i < count + weights.size(); ++i)
    forest.addLeaf();
  for (size_t i = 0; i < weights.size(); ++i)
    addVote(node, forest, static_cast<int64_t>(count + i), targets[i], weights[i]);
  auto branch = [&](int64_t id, bool isLeaf) {
    int64_t size = static_cast<int64_t>(isLeaf ? weights.size() : count);
    if (id < 0 || id >= size)
      node.invalid("a branch leads to " + llvm::Twine(id) + " of " + llvm::Twine(size));
    return isLeaf ? id + static_cast<int64_t>(count) : id;
  };
  size_t member = 0;
  for (size_t i = 0; i < count; ++i) {
    TreeNode tree{splits[i],
                  features[i],
                  branch(onTrue[i], trueLeafs[i] != 0),
                  branch(onFalse[i], falseLeafs[i] != 0),
                  false,
                  missing[i] != 0};
    auto mode = static_cast<Mode>(modes[i]);
    if (mode != Mode::Member) {
      setMode(node, tree, mode, isDouble);
      forest.nodes[i] = tree;
      continue;
    }
    // A chain of equalities with one way out; after the last, the false branch.
    tree.isEquality = true;
    int64_t at = static_cast<int64_t>(i), otherwise = tree.onFalse;
    bool isEmpty = true;
    for (; member < members.size() && !std::isnan(members[member]); ++member) {
      if (!isEmpty) {
        int64_t next = forest.addLeaf();
        forest.nodes[at].onFalse = next;
        at = next;
      }
      tree.value = members[member];
      forest.nodes[at] = tree;
      isEmpty = false;
    }
    ++member;
    if (isEmpty)
      tree.value = std::nan(""), forest.nodes[at] = tree;
    forest.nodes[at].onFalse = otherwise;
  }
  for (int64_t root : node.intsAttr("tree_roots"))
    forest.roots.push_back(branch(root, false));
  return forest;
}

Expr plusBase(Node &node, Expr scores) {
  std::vector<double> base = numbersAttr(node, "base_values");
  if (base.empty())
    return scores;
  return scores + node.broadcastTo(floatsOf(node, base, {static_cast<int64_t>(base.size())},
                                            graph::elementType(scores)),
                                   scores.dims());
}

} // namespace

void treeEnsemble(Node &node) {
  Expr x = rowsOf(node, 0);
  Forest forest = positionalForest(node, graph::elementType(x).isF64());
  int64_t aggregate = node.attr("aggregate_function", int64_t(1));
  if (aggregate < 0 || aggregate > 3)
    node.invalid("attribute `aggregate_function` is " + llvm::Twine(aggregate));
  forest.aggregate = static_cast<Aggregate>(aggregate);
  Expr scores = ForestRule(node, forest).scores(x);
  node.set(0, node.cast(postTransformed(node, scores), node.inputElement(0)));
}

void treeEnsembleRegressor(Node &node) {
  Expr x = rowsOf(node, 0);
  Forest forest = namedForest(node, "target", node.attr("n_targets", int64_t(1)),
                              graph::elementType(x).isF64());
  static const std::map<std::string, Aggregate> kNames = {{"AVERAGE", Aggregate::Average},
                                                          {"SUM", Aggregate::Sum},
                                                          {"MIN", Aggregate::Min},
                                                          {"MAX", Aggregate::Max}};
  std::string name = node.attr("aggregate_function", "SUM");
  auto aggregate = kNames.find(name);
  if (aggregate == kNames.end())
    node.invalid("attribute `aggregate_function` is `" + name + "`");
  forest.aggregate = aggregate->second;
  Expr scores = plusBase(node, ForestRule(node, forest).scores(x));
  node.set(0, node.cast(postTransformed(node, scores), node.builder().getF32Type()));
}

/// Where all votes are for one of two classes, the other's score is what is left to 1, or the
/// opposite where a transform follows that turns scores into probabilities.
void treeEnsembleClassifier(Node &node) {
  Expr x = rowsOf(node, 0);
  int64_t classes = labelCount(node, "classlabels_int64s");
  Forest forest = namedForest(node, "class", classes, graph::elementType(x).isF64());
  Expr scores = plusBase(node, ForestRule(node, forest).scores(x));
  auto ids = node.intsAttr("class_ids");
  bool isBinary = classes <= 2 && !ids.empty() && llvm::all_equal(ids);
  if (isBinary) {
    Expr column =
        node.expr(graph::slice(node.builder(), node.loc, scores, {node.dim(0), node.dim(0)},
                               {scores.dims()[0], node.dim(1)}));
    std::string transform = node.attr("post_transform", "NONE");
    Expr first = transform == "NONE" || transform == "PROBIT" ? 1.0 - column : -column;
    scores = node.expr(
        node.make<graph::ConcatOp>({first.v, column.v}, {node.named("axis", int64_t(1))}));
  }
  scores = postTransformed(node, scores);
  Expr best = node.expr(node.make<graph::ArgMaxOp>({scores.v}, {node.named("axis", int64_t(1))}));
  if (classes == 1 && node.stringsAttr("classlabels_strings").empty())
    node.set(0, best);
  else
    setLabels(node, best, "classlabels_int64s");
  node.set(1, node.cast(scores, node.builder().getF32Type()));
}

} // namespace ingot::onnx
