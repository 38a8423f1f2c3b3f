// From a GraphProto to graph ops: names, scopes, constants, functions, and the report of what is
// not supported.
//
// Invariant: nodes are walked once, in the file's order, which ONNX wants to be topological; every
// op made carries its node's name as location. Used by ReadOnnx, and by rules of nodes with
// subgraphs.
#pragma once
#include "frontends/onnx/MappedFile.h"
#include "frontends/onnx/Node.h"
#include "frontends/onnx/OnnxFile.h"
#include <map>
#include <set>

namespace ingot::graph {
class CustomOpOp; // ir/ops/Custom.h
}

namespace ingot::onnx {

/// Floats that determine shapes are multiples of 1 / kFixedOne.
constexpr int64_t kFixedOne = int64_t(1) << 32;

class GraphImporter {
public:
  GraphImporter(const ::onnx::ModelProto &model, std::string directory, const OnnxOptions &options,
                mlir::ModuleOp module);

  /// The file has what the message lacks.
  void takeFrom(MappedFile file) { mapped = std::move(file); }
  /// Makes the function `predict`. Reports all that is wrong; what is not supported as well, unless
  /// that is left to the caller (`unsupported`).
  mlir::LogicalResult import(bool reportsUnsupported = true);
  std::vector<OnnxUnsupported> unsupported() const;
  /// Of the names of the main graph that have one.
  std::map<std::string, mlir::RankedTensorType> tensorTypes() const;

  // For rules.
  mlir::OpBuilder b;
  const std::string &directory() const { return modelDirectory; }
  mlir::Value tensorOf(Entry &entry, mlir::Location loc);
  /// The tensor that the model calls so, seen from where nodes are walked.
  mlir::Value namedTensor(Node &node, llvm::StringRef name);
  std::optional<Ints> intsOf(Entry &entry);
  /// The same for floats, of which inputs become shape inputs and constants are rounded to
  /// multiples of 2^-32.
  std::optional<Ints> fractionsOf(Entry &entry);
  std::optional<reference::Tensor> constantOf(Entry &entry);
  /// The elements of an input of the model as symbols whose values are read from it while running:
  /// integers, truths, or floats times 2^32. Nothing where it is no such input, or of unknown size.
  std::optional<Ints> shapeInput(Entry &entry);
  /// The elements of such an input that is a vector of integers of unknown length: symbols, of
  /// which those beyond its end are less than any axis or size (INGOT_NO_VALUE).
  std::optional<Dims> elementsUpTo(Entry &entry, int64_t most);
  /// Gives an input of the model that is a vector of unknown length, and not read yet, this one.
  void fixLength(Entry &entry, int64_t length);
  /// The rank of a tensor of the main graph as the model declares it.
  std::optional<int64_t> declaredRank(llvm::StringRef name) const;
  /// A name for the value of a longer expression, so that what is made of it stays short. Numbers
  /// and symbols stay what they are.
  Dim let(Dim value);
  /// The first `count` (a scalar si64) rows of x. Their number is a new symbol, known only while
  /// running.
  mlir::Value bindRows(Node &node, mlir::Value x, mlir::Value count);
  /// Whether the expression is at least 0 for all sizes; symbols of shape inputs may be negative.
  bool isNonNegative(Dim dim) const;
  /// Whether its value depends on a size that the program computes.
  bool isRuntime(Dim dim) const;
  /// Whether its value depends on elements of shape inputs.
  bool dependsOnInputs(Dim dim) const;
  /// Walks a subgraph at the builder's place, its inputs bound to `arguments`; its outputs. Names
  /// of the graph around it stay visible.
  std::vector<EntryPtr> importSubgraph(const ::onnx::GraphProto &graph,
                                       llvm::ArrayRef<EntryPtr> arguments);
  /// Owns a node that entries ask later: as long as the importer lives.
  Node *keep(std::unique_ptr<Node> node);
  /// Runs `make`. Where it, or a node that it walks, is refused: forgets that, and gives false.
  bool attempt(llvm::function_ref<void()> make);

private:
  struct Unsupported {
    OnnxUnsupported what;
    mlir::Location loc; // of the first node
  };
  using Scope = std::map<std::string, EntryPtr, std::less<>>;

  mlir::Type typeOf(const std::string &name, const ::onnx::TypeProto &type, mlir::Location loc);
  /// The entry of an input; adds the tensors that it is made of to `arguments`. Null: reported.
  EntryPtr makeInput(const std::string &name, const ::onnx::TypeProto &type,
                     std::vector<std::pair<std::string, mlir::Type>> &arguments);
  Dims elementSymbols(const Entry &entry, int64_t count);
  std::optional<int64_t> sequenceLength(const std::string &name) const;
  void makeFunction();
  mlir::LogicalResult finishFunction();
  void addIntermediates(std::vector<std::pair<std::string, EntryPtr>> &outputs);
  mlir::LogicalResult importInitializers(const ::onnx::GraphProto &graph);
  /// `number` among those of the main graph; -1 elsewhere.
  EntryPtr importInitializer(const ::onnx::TensorProto &tensor, int number, mlir::Location loc);
  void importNode(const ::onnx::NodeProto &proto);
  void runRule(const Row &row, std::unique_ptr<Node> node);
  const ::onnx::FunctionProto *functionOf(const ::onnx::NodeProto &proto) const;
  void callFunction(const ::onnx::FunctionProto &called, const ::onnx::NodeProto &proto,
                    const std::vector<EntryPtr> &inputs);
  /// Runs `make`, which sets the node's outputs or throws a Refusal, and defines them.
  void run(Node &node, llvm::StringRef what, llvm::function_ref<void()> make);
  /// The user's own operator of that name for this version of its domain; null: none.
  graph::CustomOpOp customOp(llvm::StringRef domain, llvm::StringRef name, int64_t version);
  /// Declares the user's operators, none of which may be one that is known.
  mlir::LogicalResult declareCustomOps();
  void define(const ::onnx::NodeProto &proto, llvm::ArrayRef<EntryPtr> outputs);
  EntryPtr lookup(llvm::StringRef name);
  int64_t versionOf(llvm::StringRef domain) const;
  void noteUnknown(const ::onnx::NodeProto &proto);
  void reportUnsupported();
  void noteUnsupported(const ::onnx::NodeProto &proto, int64_t version, const Refusal &refusal,
                       mlir::Location loc);
  std::string nodeName(const ::onnx::NodeProto &proto) const;

  const ::onnx::ModelProto &model;
  MappedFile mapped;
  std::string modelDirectory;
  const OnnxOptions &options;
  mlir::ModuleOp module;
  mlir::func::FuncOp function;
  std::vector<Scope> scopes;
  std::map<std::string, int64_t, std::less<>> versions; // of the graph or function being walked
  std::map<std::string, Unsupported> refused;
  std::vector<std::string> callStack; // names of the calls being walked
  std::set<const ::onnx::FunctionProto *> activeFunctions;
  size_t nodeCount = 0;
  std::vector<std::unique_ptr<Node>> keptNodes;
  int intsDepth = 0;
  llvm::SmallVector<mlir::Attribute> lets;
  llvm::DenseMap<mlir::Attribute, Dim> letOf;
  std::map<std::string, std::pair<int64_t, int64_t>> symbolBounds; // least and most
  std::set<std::string, std::less<>> symbolNames, signedSymbols, inputSymbols;
  std::set<std::string, std::less<>> runtimeSymbols; // of sizes that the program computes
  mlir::Operation *lastBind = nullptr;               // of those sizes
  bool hasError = false;
};

} // namespace ingot::onnx
