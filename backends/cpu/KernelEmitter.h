// From a planned exec.kernel to one task function, `void task(frame *, int64 index)`.
//
// The frame is an array of 8-byte words on the stack of the generated `run`: values of dimension
// symbols, pointers to storages, and the error word. Tasks of a kernel are independent. Used by
// Generate.cpp for every kernel; contractions go to ContractionEmitter.
#pragma once
#include "backends/cpu/CodeBuilder.h"
#include "compiler/Compile.h"
#include "compiler/fusion/Structure.h"
#include "compiler/memory/PlanMemory.h"
#include "ir/exec/Custom.h"
#include <map>

namespace ingot::cpu {

/// Where things are in a function's frame, in words.
class Frame {
public:
  int64_t symbol(llvm::StringRef name) const { return symbols.at(name.str()); }
  int64_t storage(const Storage &s) const { return storages.at(key(s)); }
  static std::string key(const Storage &s) {
    return std::to_string(static_cast<int>(s.kind)) + ":" + std::to_string(s.index) + ":" +
           s.variable;
  }
  std::map<std::string, int64_t> symbols, storages;
  /// By name, words with the addresses of constants, where these are not the code's own.
  std::map<std::string, int64_t> constants;
  llvm::DenseMap<mlir::Operation *, int64_t> positions; // words that hold where a loop is
  /// By loop, words behind those that tasks copy, with a bit for each workspace that one has taken.
  llvm::DenseMap<mlir::Operation *, int64_t> taken;
  /// The word that holds a failed node's number, or noError; on a device, the address of that word.
  int64_t error = 0;
  /// The first of three words where the function makes text: where it goes, how many bytes there is
  /// room for, and how many were needed so far.
  int64_t text = -1;
  /// Where custom ops are called: the words that hold the ingot_run, and a failed one's status.
  int64_t run = -1, customStatus = -1;
  int64_t words = 0;
  static constexpr int64_t noError = -1; // as an unsigned number, larger than any node's
};

/// Names of nodes that a run can fail at, shared by all functions of an artifact.
class NodeTable {
public:
  int64_t indexOf(const std::string &name);
  std::vector<std::string> names;
};

/// What the whole artifact's code shares while it is generated.
struct CodeContext {
  const CpuTarget &target;
  const CompileOptions &options;
  mlir::ModuleOp module; // receives the functions
  NodeTable &nodes;
  /// What a task takes is divided by this: more than 1 under the thread sanitizer, so that small
  /// tensors too are shared out among threads and their races seen.
  int64_t taskDivisor = 1;
  /// The code is for the threads of a device (backends/gpu): of scalars alone, each task a thread.
  bool isDevice = false;
};

struct KernelCode {
  mlir::func::FuncOp task;
  Dim tasks; // how many tasks to run
  bool mayFail = false;
  bool makesText = false; // one task: text is made in order
};

/// A private function of the module without results; the builder stands where its code goes.
mlir::func::FuncOp privateFunction(CodeContext &context, CodeBuilder &cb, llvm::StringRef name,
                                   llvm::ArrayRef<mlir::Type> arguments);

/// A task function under construction: what is made before `anchor` dominates all of its code. The
/// builder stands where the code goes; `finish` restores the caller's floating-point mode.
struct TaskFunction {
  mlir::func::FuncOp function;
  mlir::Value frame, index; // the arguments
  mlir::Operation *anchor;
  mlir::Value callersMode;
};
TaskFunction beginTask(CodeContext &context, CodeBuilder &cb, llvm::StringRef symbol);
void finishTask(CodeBuilder &cb, const TaskFunction &task);

/// The data of a constant: part of the code, or where the frame says.
mlir::Value constantPointer(CodeBuilder &cb, const Frame &layout, mlir::Value frame,
                            mlir::Value constant);

/// Where the tensor is while the function runs: from the frame, or a constant's data.
mlir::Value tensorPointer(CodeBuilder &cb, const Frame &layout, mlir::Value frame,
                          mlir::Value tensor);

/// Puts the node's number into the frame's error word, where a larger one is or none: the run will
/// return a status, and whatever the order of tasks, it names the same node.
void reportNode(CodeContext &context, CodeBuilder &cb, const Frame &layout, mlir::Value frame,
                mlir::Location node);

/// What a load or store of an element may count on: its size, up to 8 bytes.
unsigned alignmentOf(mlir::Type memoryType);

/// A dispatch that is no kernel: scatter, cumulate, sort, text.
KernelCode emitAlgorithm(CodeContext &context, const Frame &frame, mlir::Operation *op,
                         llvm::StringRef symbol);

/// A call of a user's C function, as one task.
KernelCode emitCustomCall(CodeContext &context, const Frame &frame, exec::CustomCallOp op,
                          llvm::StringRef symbol);

constexpr int64_t kVectorsOfFormulas = 2; // taken at a time where formulas are computed

class KernelEmitter {
public:
  KernelEmitter(CodeContext &context, const Frame &frame, exec::KernelOp kernel);
  virtual ~KernelEmitter() = default;
  KernelCode emit(llvm::StringRef symbol);

protected: // for emitters that lay out loops in another way
  friend class ContractionEmitter;
  friend class GroupContractionEmitter;
  friend class WinogradEmitter;
  friend class TransposeEmitter;
  using Values = llvm::SmallVector<mlir::Value>;
  using Indices = llvm::SmallVector<Index, 6>;
  struct Scope;

  /// Begins the task function.
  TaskFunction begin(llvm::StringRef symbol);
  void findPaddings();

  // How the loops are laid out.
  void chooseLanes();
  bool readsWhole(mlir::AffineMap map, mlir::Value tensor);
  bool hasFormulas();
  int64_t lanesOfRow(exec::NestOp nest, int64_t loop);
  bool canBeFlat();
  bool canBeVertical();
  bool lanesAreContiguous(exec::NestOp nest, int64_t loop);
  Dim emitFlat();
  Dim emitVertical();
  int64_t columnLoop(int64_t lane);
  mlir::Value isInterior(llvm::ArrayRef<Index> first, int64_t lane, int64_t column, int64_t count);
  Dim emitRows();
  void emitVerticalNests(llvm::ArrayRef<Indices> points);
  void emitRowNest(exec::NestOp nest, llvm::ArrayRef<Index> outer);

  // One point (or one vector of points) of a nest.
  Values emitBody(exec::NestOp nest, llvm::ArrayRef<Index> loops);
  /// One value of the body, which the ops (in order) make of the inputs of these numbers.
  mlir::Value emitPart(exec::NestOp nest, mlir::Value value, llvm::ArrayRef<mlir::Operation *> ops,
                       const llvm::SmallBitVector &inputs, llvm::ArrayRef<Index> loops);
  void readInputs(exec::NestOp nest, llvm::ArrayRef<Index> loops, Scope &scope,
                  const llvm::SmallBitVector *only = nullptr);
  void emitOp(mlir::Operation &op, Scope &scope);
  void emitIndexOp(mlir::Operation &op, Scope &scope);
  void emitCheck(exec::CheckOp op, Scope &scope);
  mlir::Value emitRead(exec::ReadOp op, Scope &scope);
  mlir::Value pull(mlir::Value tensor, llvm::ArrayRef<Index> indices);
  Index evaluate(mlir::AffineExpr expr, llvm::ArrayRef<Index> loops);
  Values reduce(exec::NestOp nest, llvm::ArrayRef<Index> parallel, bool lanesOnReduction);
  bool fusesMultiplyAdd(exec::NestOp nest);
  Values reduceLoops(exec::NestOp nest, Indices &loops, size_t next, Values acc,
                     bool lanesOnReduction);
  Values combine(exec::NestOp nest, mlir::ValueRange acc, mlir::ValueRange values);
  Values combineMoments(mlir::ValueRange acc, mlir::ValueRange values);
  Values combineLanes(exec::NestOp nest, mlir::ValueRange acc);
  /// An index over no element is 0.
  void settleIndex(Values &acc);
  Values identities(exec::NestOp nest, bool vector);
  void store(mlir::ValueRange outputs, mlir::ValueRange values, llvm::ArrayRef<Index> loops);
  /// Stores what the kernel's first op has at the point, and runs the maps behind it there.
  void finishPoint(mlir::Value root, mlir::Value value, llvm::ArrayRef<Index> point);

  // Memory.
  Index linearize(mlir::Type tensor, llvm::ArrayRef<Index> indices);
  mlir::Value load(mlir::Value base, mlir::Type element, Index at);
  void storeTo(mlir::Value base, mlir::Type element, Index at, mlir::Value value);
  mlir::Value guardedLoad(mlir::Value base, mlir::Type element, Index at, mlir::Value guard,
                          mlir::Value otherwise);
  mlir::Value fromMemory(mlir::Value v, mlir::Type element);
  mlir::Value toMemory(mlir::Value v, mlir::Type element);
  mlir::Value baseOf(mlir::Value tensor);
  /// Memory for what is kept of `count` elements, made at the function's entry.
  virtual mlir::Value keptBuffer(mlir::Type element, int64_t count);
  /// Where the tensor's element is: of one that is kept, in the buffer of the point.
  Index placeOf(mlir::Value tensor, llvm::ArrayRef<Index> indices);
  mlir::Value pointerTo(const Storage &storage);

  /// Runs `make` at the function's entry, where what it makes dominates everything.
  mlir::Value hoist(llvm::function_ref<mlir::Value()> make);
  mlir::Value dim(Dim d);
  /// Splits a linear index into one index a dimension, the last running fastest.
  Indices delinearize(mlir::Value linear, llvm::ArrayRef<Dim> dims);
  /// Runs `body` for the points of this task when each task takes `chunk` of `count`.
  void chunkLoop(mlir::Value task, int64_t chunk, Dim count,
                 llvm::function_ref<void(mlir::Value low, mlir::Value high)> body);
  /// Lanes over [low, high): full vectors, then one masked.
  void laneLoop(mlir::Value low, mlir::Value high, llvm::function_ref<void(Index)> body);

  bool isStored(mlir::Value result) { return resultNumber.count(result); }
  /// Kept for one point of the domain (kKeptAttr), not stored.
  bool isKept(mlir::Value result);
  /// What is made once and read afterwards; the rest is computed where it is read.
  bool isMade(mlir::Value result) { return isStored(result) || isKept(result); }
  llvm::SmallVector<exec::NestOp> madeNests();
  /// Nests to compute once a point of the domain: those whose results are made, and maps that
  /// several others read at the same point.
  llvm::SmallVector<exec::NestOp> nestsOfPoint();

  CodeContext &context;
  const Frame &frameLayout;
  exec::KernelOp kernel;
  mlir::OpBuilder builder;
  CodeBuilder cb;
  mlir::Value frame, taskIndex;
  mlir::Operation *anchor = nullptr;
  mlir::Value mask; // active lanes; null: all
  bool flat = false;
  bool rows = false; // each nest runs through what belongs to a point of the domain
  Dims domain;
  llvm::DenseMap<mlir::Value, unsigned> resultNumber; // yielded values of the kernel's nests
  llvm::DenseMap<mlir::Value, std::function<mlir::Value(llvm::ArrayRef<Index>)>> providers;
  /// Zeros and the like around tensors that windows read, put there while they read; `interior`:
  /// this code runs where all of a window is inside.
  llvm::DenseMap<mlir::Operation *, Padding> paddings;
  bool interior = false;
  llvm::DenseMap<mlir::Attribute, mlir::Value> dimCache;
  std::map<std::string, mlir::Value> pointerCache;
  llvm::DenseMap<mlir::Value, mlir::Value> keptBuffers;
};

} // namespace ingot::cpu
