// What an operator's rule sees of its node: inputs, attributes, a builder; and the values that flow
// between nodes.
//
// A rule (OpTable.h) reads inputs, makes graph ops and sets outputs. It stops by throwing:
// `invalid` for a model that breaks ONNX's rules, `unsupported` for one that we do not compile yet.
// Both are caught where nodes are walked (ImportGraph.cpp) and become messages that name the node.
#pragma once
#include "ir/Builder.h"
#include "ir/reference/Tensor.h"
#include "onnx.pb.h"
#include <memory>
#include <optional>

namespace ingot::onnx {

class GraphImporter;
struct Row;

/// The elements of a tensor of rank 0 or 1, as far as they are known when compiling: expressions
/// over dimension symbols. Truths are 0 and 1. Floats may be fractions of one divisor; arithmetic
/// on them is exact, also where the program's rounds.
struct Ints {
  Dims elements;
  bool isScalar = false;
  Dim divisor = {}; ///< null: none
};

/// What one name of the model stands for. Shared by all nodes that use it.
struct Entry {
  mlir::Value tensor;          ///< null until `GraphImporter::tensorOf` makes it from ints
  mlir::Type element;          ///< of the tensor, also where that is not made yet
  std::optional<Ints> ints;    ///< once known
  class Node *maker = nullptr; ///< asked for ints on demand; null for inputs and constants
  int64_t argument = -1;       ///< number of the function's input that this is, else -1
  bool isMissing = false;      ///< an unsupported node should have made it
  std::optional<std::vector<std::shared_ptr<Entry>>> sequence; ///< a sequence of known length
  bool isEmptyOptional = false; ///< a present optional is its element
};
using EntryPtr = std::shared_ptr<Entry>;

/// Stands for what could not be made; what uses it is passed over.
inline EntryPtr missing() {
  auto entry = std::make_shared<Entry>();
  entry->isMissing = true;
  return entry;
}

/// Thrown by rules.
struct Refusal {
  enum Kind { Invalid, Unsupported, Reported } kind;
  std::string reason, workaround;
};

class Node {
public:
  Node(GraphImporter &importer, const ::onnx::NodeProto &proto, int64_t version,
       std::vector<EntryPtr> inputs, mlir::Location loc)
      : importer(importer), proto(proto), version(version), inputs(std::move(inputs)), loc(loc) {}

  GraphImporter &importer;
  ::onnx::NodeProto proto;      ///< a copy: attributes of functions are filled in
  int64_t version;              ///< of the operator set that the node's domain has in this model
  std::vector<EntryPtr> inputs; ///< null where an optional input is left out
  std::vector<EntryPtr> outputs;
  mlir::Location loc;

  mlir::OpBuilder &builder();
  mlir::MLIRContext *context();

  // Inputs.
  size_t numInputs() const { return inputs.size(); }
  bool has(size_t i) const { return i < inputs.size() && inputs[i]; }
  /// For messages.
  std::string inputName(size_t i) const;
  /// The tensor of input i. Invalid when it is left out.
  mlir::Value in(size_t i);
  graph::Expr expr(size_t i) { return {builder(), loc, in(i)}; }
  graph::Expr expr(mlir::Value value) { return {builder(), loc, value}; }
  mlir::Type inputElement(size_t i);
  int64_t inputRank(size_t i) { return graph::rankOf(in(i)); }
  /// The elements of an integer input as dimension expressions; an input of the model becomes a
  /// shape input by this. Unsupported when they are known only while running.
  Dims ints(size_t i);
  std::optional<Ints> tryInts(size_t i);
  /// The same for numbers that may be fractions; a float input of the model becomes a shape input.
  std::optional<Ints> tryFractions(size_t i);
  /// Says how many elements input i must have, before its ints are asked for: an input of the model
  /// of unknown length gets this one.
  void expectCount(size_t i, std::optional<int64_t> count);
  /// The rank that the model gives output 0, if it does.
  std::optional<int64_t> declaredRank() const;
  /// The same where each must be a number.
  llvm::SmallVector<int64_t> constantInts(size_t i);
  /// The elements of such an input times 2^32.
  std::optional<Dims> fixedPoint(size_t i);
  /// The value of an input that is known when compiling.
  std::optional<reference::Tensor> constant(size_t i);
  /// An optional scalar known when compiling.
  double constantNumber(size_t i, double otherwise);
  Dim dim(int64_t value) { return Dim::constant(context(), value); }
  /// A negative axis counts from the end. Invalid when outside.
  int64_t axis(int64_t value, int64_t rank);
  llvm::SmallVector<int64_t> axes(llvm::ArrayRef<int64_t> values, int64_t rank);

  // Attributes.
  const ::onnx::AttributeProto *attribute(llvm::StringRef name) const;
  bool hasAttribute(llvm::StringRef name) const { return attribute(name); }
  int64_t attr(llvm::StringRef name, int64_t otherwise) const;
  double attr(llvm::StringRef name, double otherwise) const;
  std::string attr(llvm::StringRef name, const char *otherwise) const;
  /// Empty when the attribute is not there.
  llvm::SmallVector<int64_t> intsAttr(llvm::StringRef name) const;
  llvm::SmallVector<int64_t> intsAttr(llvm::StringRef name, size_t size, int64_t otherwise);
  /// The same for strides, paddings and the like: invalid unless all are in [least, 2^31), where
  /// products of two do not overflow.
  llvm::SmallVector<int64_t> geometryAttr(llvm::StringRef name, size_t size, int64_t otherwise,
                                          int64_t least);
  std::vector<float> floatsAttr(llvm::StringRef name) const;
  std::vector<std::string> stringsAttr(llvm::StringRef name) const;
  mlir::Type typeAttr(llvm::StringRef name, mlir::Type otherwise);
  mlir::DenseElementsAttr tensorAttr(llvm::StringRef name);

  // Outputs.
  size_t numOutputs() const { return proto.output_size(); }
  bool wants(size_t i) const {
    return i < numOutputs() && !proto.output(static_cast<int>(i)).empty();
  }
  void set(size_t i, mlir::Value value);
  void set(size_t i, EntryPtr entry);

  // Making ops.
  /// Creates an op with inferred results; a mistake in shapes is reported at the node.
  template <typename OpTy>
  mlir::Value make(mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {});
  template <typename OpTy>
  OpTy makeOp(mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {});
  mlir::NamedAttribute named(llvm::StringRef name, mlir::Attribute value) {
    return builder().getNamedAttr(name, value);
  }
  mlir::NamedAttribute named(llvm::StringRef name, llvm::ArrayRef<int64_t> list) {
    return builder().getNamedAttr(name, builder().getDenseI64ArrayAttr(list));
  }
  mlir::NamedAttribute named(llvm::StringRef name, int64_t value) {
    return builder().getNamedAttr(name, builder().getI64IntegerAttr(value));
  }
  /// Both repeated to the shape that they broadcast to. Invalid when they do not.
  std::pair<graph::Expr, graph::Expr> broadcast(graph::Expr x, graph::Expr y);
  graph::Expr broadcastTo(mlir::Value x, llvm::ArrayRef<Dim> dims);
  /// The dimensions that all broadcast to.
  Dims broadcastDims(llvm::ArrayRef<Dim> x, llvm::ArrayRef<Dim> y);
  template <typename OpTy> graph::Expr binary(graph::Expr x, graph::Expr y) {
    auto [l, r] = broadcast(x, y);
    return l.with(make<OpTy>({l.v, r.v}));
  }
  /// Checked: the numbers of elements must agree, now or, where they are symbolic, in the plan.
  graph::Expr reshape(mlir::Value x, llvm::ArrayRef<Dim> dims);
  graph::Expr transpose(mlir::Value x, llvm::ArrayRef<int64_t> permutation);
  graph::Expr cast(mlir::Value x, mlir::Type element) {
    return expr(graph::cast(builder(), loc, x, element));
  }
  graph::Expr splat(mlir::Type element, llvm::ArrayRef<Dim> dims, double value) {
    return expr(graph::splat(builder(), loc, element, dims, value));
  }
  graph::Expr constantOf(mlir::DenseElementsAttr value);
  /// A dimension expression as a scalar tensor.
  graph::Expr extent(Dim dim, mlir::Type element);
  /// 0, 1, 2, … along `axis`.
  graph::Expr iota(llvm::ArrayRef<Dim> dims, int64_t axis, mlir::Type element);
  mlir::Type integerType(unsigned width = 64, bool isSigned = true) {
    return builder().getIntegerType(width, isSigned);
  }

  [[noreturn]] void invalid(const llvm::Twine &reason) const {
    throw Refusal{Refusal::Invalid, reason.str(), ""};
  }
  [[noreturn]] void unsupported(const llvm::Twine &reason,
                                const llvm::Twine &workaround = "") const {
    throw Refusal{Refusal::Unsupported, reason.str(), workaround.str()};
  }
};

template <typename OpTy>
OpTy Node::makeOp(mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes) {
  auto op = graph::tryCreate<OpTy>(builder(), loc, operands, attributes);
  if (mlir::failed(op))
    throw Refusal{Refusal::Reported, "", ""};
  return *op;
}

template <typename OpTy>
mlir::Value Node::make(mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes) {
  return makeOp<OpTy>(operands, attributes)->getResult(0);
}

} // namespace ingot::onnx
