// Operators on strings: StringConcat, StringNormalizer, StringSplit, RegexFullMatch, and Equal.
#include "frontends/onnx/ops/Text.h"
#include "frontends/onnx/ImportGraph.h"
#include "frontends/onnx/ops/Counts.h"
#include "frontends/onnx/ops/Places.h"
#include "ir/Text.h"
#include "ir/text/Case.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {

bool isText(Type element) { return llvm::isa<text::StringType>(element); }

Expr textsOf(Node &node, llvm::ArrayRef<std::string> texts) {
  auto type = RankedTensorType::get({static_cast<int64_t>(texts.size())},
                                    text::StringType::get(node.context()));
  auto views = llvm::map_to_vector(texts, [](const std::string &t) { return llvm::StringRef(t); });
  return node.constantOf(DenseElementsAttr::get(type, llvm::ArrayRef<llvm::StringRef>(views)));
}

Expr oneText(Node &node, llvm::StringRef text, llvm::ArrayRef<Dim> dims) {
  return node.broadcastTo(node.reshape(textsOf(node, {text.str()}), {}), dims);
}

Expr findText(Node &node, Value x, llvm::ArrayRef<std::string> keys) {
  auto views = llvm::map_to_vector(keys, [](const std::string &t) { return llvm::StringRef(t); });
  return node.expr(node.make<graph::TextFindOp>(
      {x}, {node.named("keys", node.builder().getStrArrayAttr(views))}));
}

void equal(Node &node) {
  auto [x, y] = node.broadcast(node.expr(0), node.expr(1));
  if (isText(graph::elementType(x)) != isText(graph::elementType(y)))
    node.invalid("it compares strings with numbers");
  node.set(0, isText(graph::elementType(x)) ? node.make<graph::TextEqualOp>({x.v, y.v})
                                            : graph::compare(Predicate::EQ, x, y).v);
}

void stringConcat(Node &node) {
  node.set(0, node.binary<graph::TextConcatOp>(node.expr(0), node.expr(1)));
}

void regexFullMatch(Node &node) {
  if (!node.hasAttribute("pattern"))
    node.invalid("attribute `pattern` is missing");
  Attribute pattern = node.builder().getStringAttr(node.attr("pattern", ""));
  node.set(0, node.make<graph::TextMatchOp>({node.in(0)}, {node.named("pattern", pattern)}));
}

// StringNormalizer.

namespace {

Expr inCase(Node &node, Expr x, bool upper) {
  return node.expr(node.make<graph::TextCaseOp>(
      {x.v}, {node.named("upper", node.builder().getBoolAttr(upper))}));
}

std::string lower(llvm::StringRef text) {
  std::string result;
  while (!text.empty()) {
    auto character = text::decode(text);
    if (character)
      text::append(result, text::mapCase(character->code, /*toUpper=*/false));
    else
      result += text.front();
    text = text.drop_front(character ? character->bytes : 1);
  }
  return result;
}

/// The texts for which `keep` holds, in order; one empty text where it holds for none.
Expr kept(Node &node, Expr texts, Expr keep) {
  Type integer = node.integerType();
  Expr count = graph::sum(node.cast(keep, integer), {0});
  Expr none = node.reshape(graph::compare(Predicate::EQ, count, count.number(0)), {node.dim(1)});
  auto behind = [&](Expr x, Expr one) {
    return node.expr(node.make<graph::ConcatOp>({x.v, one.v}, {node.named("axis", int64_t(0))}));
  };
  Expr places = placesOf(node, behind(keep, none));
  return gatherAlong(node, behind(texts, textsOf(node, {""})), places, 0);
}

} // namespace

/// Stop words are looked for before the case is changed; without `is_case_sensitive`, in lower
/// case.
void stringNormalizer(Node &node) {
  std::string action = node.attr("case_change_action", "NONE");
  if (action != "NONE" && action != "LOWER" && action != "UPPER")
    node.invalid("attribute `case_change_action` is `" + action + "`");
  Expr x = node.expr(0);
  Dims dims = x.dims();
  bool isRow = dims.size() == 2;
  if (dims.size() != 1 && !isRow)
    node.invalid("its input has shape " + str(dims) + "; (C) or (1, C) is expected");
  if (isRow)
    x = withDims(node, x, {node.dim(1), dims[1]}, "its input");
  Expr texts = flat(node, x);
  std::vector<std::string> stopWords = node.stringsAttr("stopwords");
  if (!stopWords.empty()) {
    bool isSensitive = node.attr("is_case_sensitive", int64_t(0)) != 0;
    if (!isSensitive)
      for (std::string &word : stopWords)
        word = lower(word);
    Expr compared = isSensitive ? texts : inCase(node, texts, /*upper=*/false);
    Expr found = findText(node, compared, stopWords);
    texts = kept(node, texts, graph::compare(Predicate::LT, found, found.number(0)));
  }
  if (action != "NONE")
    texts = inCase(node, texts, action == "UPPER");
  if (isRow)
    texts = node.reshape(texts, {node.dim(1), texts.dims()[0]});
  node.set(0, texts);
}

// StringSplit.

namespace {

/// Bounds of the bytes of each text: numbers, or made of those of the longest texts of inputs.
class LongestText {
public:
  explicit LongestText(Node &node) : node(node) {}
  /// Nothing where the texts come from somewhere else.
  std::optional<Dim> of(Value x) {
    if (auto it = known.find(x); it != known.end())
      return it->second;
    if (++depth > 1000)
      return std::nullopt;
    std::optional<Dim> bound = find(x);
    --depth;
    return known[x] = bound;
  }

private:
  std::optional<Dim> find(Value x) {
    if (auto argument = llvm::dyn_cast<BlockArgument>(x))
      return ofArgument(argument);
    Operation *op = x.getDefiningOp();
    if (auto constant = llvm::dyn_cast<graph::ConstantOp>(op))
      return ofConstant(llvm::cast<DenseElementsAttr>(constant.getValue()));
    if (op->getNumRegions() != 0)
      return std::nullopt;
    std::optional<Dim> bound;
    for (Value operand : op->getOperands()) {
      if (!isText(graph::elementType(operand)))
        continue;
      std::optional<Dim> one = of(operand);
      if (!one)
        return std::nullopt;
      bool joins = llvm::isa<graph::TextConcatOp>(op);
      bound = !bound ? *one : joins ? *bound + *one : Dim::max(*bound, *one);
    }
    // A letter of two bytes may become one of three.
    if (bound && llvm::isa<graph::TextCaseOp>(op))
      bound = (*bound * 3).floorDiv(2) + 1;
    return bound ? std::optional(node.importer.let(*bound)) : std::nullopt;
  }
  std::optional<Dim> ofArgument(BlockArgument argument) {
    if (!llvm::isa<func::FuncOp>(argument.getOwner()->getParentOp()))
      return std::nullopt;
    Entry input;
    input.tensor = argument;
    input.element = graph::elementType(argument);
    input.argument = argument.getArgNumber();
    return node.importer.shapeInput(input)->elements[0];
  }
  Dim ofConstant(DenseElementsAttr texts) {
    size_t longest = 0;
    for (Attribute text : texts.getValues<Attribute>())
      longest = std::max(longest, llvm::cast<StringAttr>(text).getValue().size());
    return node.dim(static_cast<int64_t>(longest));
  }

  Node &node;
  int depth = 0;
  llvm::DenseMap<Value, std::optional<Dim>> known;
};

/// At most so many pieces.
Dim pieceBound(Node &node, Value x, llvm::StringRef delimiter, int64_t most) {
  if (most >= 0)
    return node.dim(most + 1);
  std::optional<Dim> bytes = LongestText(node).of(x);
  if (!bytes)
    node.unsupported("into how many pieces it splits depends on texts that come out of a loop or "
                     "branch",
                     "give it a `maxsplit`, or split the model's input");
  auto size = static_cast<int64_t>(delimiter.size());
  return node.importer.let(size == 0 ? (*bytes + 1).floorDiv(2) : bytes->floorDiv(size) + 1);
}

} // namespace

void stringSplit(Node &node) {
  Expr x = node.expr(0);
  if (!isText(graph::elementType(x)))
    node.invalid("its input `" + node.inputName(0) + "` holds no strings");
  std::string delimiter = node.attr("delimiter", "");
  int64_t most = node.hasAttribute("maxsplit") ? node.attr("maxsplit", int64_t(-1)) : -1;
  if (most < 0)
    most = -1;
  if (most > (int64_t(1) << 20))
    node.unsupported("attribute `maxsplit` is " + llvm::Twine(most),
                     "leave it out where the number of pieces does not matter");
  Dims dims = x.dims(), pieceDims = dims;
  pieceDims.push_back(pieceBound(node, x, delimiter, most));
  auto split = graph::TextSplitOp::create(
      node.builder(), node.loc, tensorType(pieceDims, graph::elementType(x)),
      tensorType(dims, node.integerType()), x.v, node.builder().getStringAttr(delimiter),
      node.builder().getI64IntegerAttr(most));
  Expr counts = node.expr(split.getCounts());
  // The pieces' dimension in front, as far as any text reaches, and back.
  auto rank = static_cast<int64_t>(dims.size());
  llvm::SmallVector<int64_t> toFront = {rank}, toBack;
  for (int64_t d = 0; d < rank; ++d) {
    toFront.push_back(d);
    toBack.push_back(d + 1);
  }
  toBack.push_back(0);
  Expr all = flat(node, counts);
  Expr width = node.expr(graph::reduce(node.builder(), node.loc, all, graph::ReduceKind::Max, {0}));
  width = graph::max(width, width.number(0));
  Value front = node.transpose(split.getPieces(), toFront);
  node.set(0, node.transpose(node.importer.bindRows(node, front, width), toBack));
  node.set(1, counts);
}

} // namespace ingot::onnx
