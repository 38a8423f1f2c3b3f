// TfIdfVectorizer: how often each n-gram of a pool stands in a row of tokens. Every window of a row
// is compared with every n-gram of the pool, and the matches are summed.
//
// Tokens are integers here. Whoever has other tokens gives each distinct one a number, the same in
// rows and pool, and calls `vectorized`.
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Places.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

/// More windows than this (lengths times distances) are no longer a formula.
constexpr int64_t kMaxWindows = 256;

/// What the attributes say: n-grams of one length follow each other in `pool`, beginning at its
/// element `starts[n - 1]`.
struct Vectorizer {
  llvm::ArrayRef<int64_t> pool;
  llvm::SmallVector<int64_t> starts, places; ///< places: of each n-gram's count in the output
  int64_t shortest = 1, longest = 1, skips = 0, width = 0;
};

/// Constant column j of the n-grams of length n that begin at `from`, as (1, 1, count).
Expr columnOf(Node &node, llvm::ArrayRef<int64_t> grams, int64_t n, int64_t j, Type element) {
  llvm::SmallVector<int64_t> column;
  for (size_t i = j; i < grams.size(); i += n)
    column.push_back(grams[i]);
  auto type =
      RankedTensorType::get({1, 1, static_cast<int64_t>(column.size())}, node.integerType());
  auto value = DenseElementsAttr::getFromRawBuffer(
      type, {reinterpret_cast<const char *>(column.data()), column.size() * sizeof(int64_t)});
  return node.cast(node.constantOf(value), element);
}

/// How often each n-gram stands in each row (N, C) of x, its tokens `distance` apart: (N, count).
Expr matches(Node &node, Expr x, llvm::ArrayRef<int64_t> grams, int64_t n, int64_t distance) {
  Dim rows = x.dims()[0], columns = x.dims()[1], one = node.dim(1);
  Dim windows = nonNegative(node, columns - (n - 1) * distance);
  Dim count = node.dim(static_cast<int64_t>(grams.size()) / n);
  Dims dims = {rows, windows, count};
  std::optional<Expr> all;
  for (int64_t j = 0; j < n; ++j) {
    Dim start = Dim::min(node.dim(j * distance), columns - windows);
    Expr token =
        node.expr(graph::slice(node.builder(), node.loc, x, {node.dim(0), start}, {rows, windows}));
    Expr wide = node.broadcastTo(node.reshape(token, {rows, windows, one}), dims);
    Expr wanted = columnOf(node, grams, n, j, graph::elementType(x));
    Expr equal = graph::compare(Predicate::EQ, wide, node.broadcastTo(wanted, dims));
    all = all ? node.binary<graph::AndOp>(*all, equal) : equal;
  }
  return graph::sum(node.cast(*all, node.builder().getF32Type()), {1});
}

Expr floats(Node &node, llvm::ArrayRef<float> values) {
  auto type =
      RankedTensorType::get({static_cast<int64_t>(values.size())}, node.builder().getF32Type());
  return node.constantOf(DenseElementsAttr::get(type, values));
}

/// Counts (N, grams) as the mode wants them: themselves, whether there are any, or weighted.
Expr weighted(Node &node, Expr counts, llvm::ArrayRef<float> weights) {
  std::string mode = node.attr("mode", "TF");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    node.invalid("attribute `mode` is `" + mode + "`; TF, IDF or TFIDF is expected");
  if (mode == "IDF")
    counts = node.cast(graph::compare(Predicate::GT, counts, counts.number(0)),
                       node.builder().getF32Type());
  if (mode == "TF" || weights.empty())
    return counts;
  return counts * node.broadcastTo(floats(node, weights), counts.dims());
}

/// The counts of x (N, C), at their places: (N, width).
Expr vectorized(Node &node, Expr x, const Vectorizer &v) {
  Type f32 = node.builder().getF32Type();
  Dims result = {node.dim(v.width), x.dims()[0]};
  Expr sums = node.splat(f32, result, 0);
  std::vector<float> weights = node.floatsAttr("weights");
  size_t first = 0; // of the n-grams of this length
  for (int64_t n = 1; n <= static_cast<int64_t>(v.starts.size()); ++n) {
    int64_t from = v.starts[n - 1];
    int64_t to = n < static_cast<int64_t>(v.starts.size()) ? v.starts[n] : v.pool.size();
    llvm::ArrayRef<int64_t> grams = v.pool.slice(from, to - from);
    size_t count = grams.size() / n, at = std::exchange(first, first + count);
    if (n < v.shortest || n > v.longest || grams.empty())
      continue;
    std::optional<Expr> counts;
    for (int64_t distance = 1; distance <= (n == 1 ? 1 : v.skips + 1); ++distance) {
      Expr here = matches(node, x, grams, n, distance);
      counts = counts ? *counts + here : here;
    }
    llvm::ArrayRef<float> given = weights;
    *counts = weighted(node, *counts, given.empty() ? given : given.slice(at, count));
    auto type = RankedTensorType::get({static_cast<int64_t>(count)}, node.integerType());
    Expr places = node.constantOf(DenseElementsAttr::getFromRawBuffer(
        type, {reinterpret_cast<const char *>(v.places.data() + at), count * sizeof(int64_t)}));
    sums =
        scatterRows(node, sums, places, node.transpose(*counts, {1, 0}), graph::ScatterKind::Add);
  }
  return node.transpose(sums, {1, 0});
}

/// Reads the attributes; `pool` is checked against them.
Vectorizer vectorizerOf(Node &node, llvm::ArrayRef<int64_t> pool) {
  Vectorizer v{pool,
               node.intsAttr("ngram_counts"),
               node.intsAttr("ngram_indexes"),
               node.attr("min_gram_length", int64_t(1)),
               node.attr("max_gram_length", int64_t(1)),
               node.attr("max_skip_count", int64_t(0))};
  int64_t size = static_cast<int64_t>(pool.size()), grams = 0;
  int64_t lengths = static_cast<int64_t>(v.starts.size());
  if (v.shortest < 1 || v.longest < v.shortest || v.longest > lengths || v.skips < 0 ||
      v.skips >= kMaxWindows || lengths * (v.skips + 1) > kMaxWindows)
    node.invalid("n-grams of length " + llvm::Twine(v.shortest) + " … " + llvm::Twine(v.longest) +
                 " with " + llvm::Twine(v.skips) + " skips and `ngram_counts` of " +
                 llvm::Twine(lengths) + " lengths cannot be");
  for (int64_t n = 1; n <= lengths; ++n) {
    int64_t from = v.starts[n - 1], to = n < lengths ? v.starts[n] : size;
    if (from < 0 || to < from || to > size || (to - from) % n != 0)
      node.invalid("its pool of " + llvm::Twine(size) + " tokens has n-grams of length " +
                   llvm::Twine(n) + " in " + llvm::Twine(from) + " … " + llvm::Twine(to));
    grams += (to - from) / n;
  }
  int64_t weights = static_cast<int64_t>(node.floatsAttr("weights").size());
  if (static_cast<int64_t>(v.places.size()) != grams || (weights != 0 && weights != grams))
    node.invalid("it has " + llvm::Twine(grams) + " n-grams, " + llvm::Twine(v.places.size()) +
                 " places and " + llvm::Twine(weights) + " weights");
  for (int64_t place : v.places) {
    if (place < 0 || place > (int64_t(1) << 24))
      node.invalid("an n-gram's place is " + llvm::Twine(place));
    v.width = std::max(v.width, place + 1);
  }
  return v;
}

} // namespace

void tfIdfVectorizer(Node &node) {
  if (!llvm::isa<IntegerType>(node.inputElement(0)) || node.hasAttribute("pool_strings"))
    node.unsupported("its tokens are strings", "give each word a number outside of the model");
  llvm::SmallVector<int64_t> pool = node.intsAttr("pool_int64s");
  Vectorizer vectorizer = vectorizerOf(node, pool);
  Expr x = node.cast(node.in(0), node.integerType());
  Dims dims = x.dims();
  if (dims.size() != 1 && dims.size() != 2)
    node.invalid("its input has shape " + str(dims) + "; rows of tokens are expected");
  if (dims.size() == 1)
    x = node.reshape(x, {node.dim(1), dims[0]});
  Expr y = vectorized(node, x, vectorizer);
  node.set(0, dims.size() == 1 ? node.reshape(y, {node.dim(vectorizer.width)}) : y);
}

} // namespace ingot::onnx
