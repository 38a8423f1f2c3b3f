// From one planned function to its `plan` and `run`: host code that computes sizes and dispatches
// the kernels. Private to Generate*.cpp, each of which has a part.
#pragma once
#include "backends/cpu/DebugArena.h"
#include "backends/cpu/Generate.h"
#include "backends/cpu/KernelEmitter.h"
#include "ir/exec/Control.h"
#include "llvm/ADT/MapVector.h"

namespace ingot::cpu {

/// What a plan holds, in words: the arena's size, symbol values, output extents, slot offsets.
struct PlanLayout {
  int64_t symbols = 1, outputDims = 0, slots = 0, words = 0;
};

/// Of values of symbols: `plan` refuses others.
inline bool isNeverNegative(ingot_symbol_kind kind) {
  return kind == INGOT_SYMBOL_EXTENT || kind == INGOT_SYMBOL_LONGEST_TEXT;
}

/// More elements than any machine has bytes. Bytes of as many, and the sum of all tensors', stay in
/// 64 bits.
constexpr int64_t kMostElements = int64_t(1) << 48;

class FunctionGenerator {
public:
  FunctionGenerator(CodeContext &context, mlir::func::FuncOp function,
                    FunctionDescription &description, const ArtifactDescription &artifact,
                    bool debugArena)
      : context(context), function(function), description(description), artifact(artifact),
        debugArena(debugArena), slots(arenaSlots(function)), b(context.module.getContext()),
        cb(b, function.getLoc(), 1) {}
  virtual ~FunctionGenerator() = default;

  mlir::LogicalResult generate();

protected: // for generators whose kernels run elsewhere: backends/gpu
  /// Words of ingot_run, in order; see artifact.h.
  enum RunField {
    Plan = 1,
    Inputs,
    Outputs,
    State,
    Arena,
    ParallelFor,
    Pool,
    Begin,
    End,
    User,
    FailedNode,
    Extents,
    Text,
    TextCapacity,
    TextUsed,
    CustomStatus,
    Device
  };

  // Generate.cpp: layout and constants.
  bool makesText();
  /// A run that needs more room for text is run again, which must not change variables twice.
  mlir::LogicalResult checkText();
  virtual void layoutFrame();
  void addStorage(mlir::Value v);
  void addPlace(const Storage &storage);
  /// A loop's pointers to slices, its position, and the slots its carried values pass through.
  void addLoop(mlir::Operation *op);
  static Storage local(exec::ScanOp scan, int64_t i) {
    return {Storage::Kind::Local, loopStorage(scan).firstLocal + i, ""};
  }
  virtual void emitConstants();
  /// The records of texts, whose bytes are a constant of their own.
  void emitTexts(exec::ConstantOp constant, llvm::StringRef name);

  // Generate.cpp: what `plan` and `run` are written with.
  mlir::func::FuncOp beginFunction(llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments);
  mlir::Value status(int32_t code);
  mlir::Value wordAddress(mlir::Value base, int64_t index);
  void storeWord(mlir::Value base, int64_t index, mlir::Value v);
  /// Does `leave` and returns its answer where the condition holds; goes on in a new block.
  void returnIf(mlir::func::FuncOp of, mlir::Value condition,
                llvm::function_ref<mlir::Value()> leave);
  /// Of the node that the op was made from, in the artifact's table.
  mlir::Value nodeNumber(mlir::Operation *op);
  mlir::Value evaluate(Dim d) { return evaluate(d, words); }
  mlir::Value evaluate(Dim d, mlir::Value words);
  mlir::Value pointerTo(mlir::Value tensor);
  /// The truth of a bool scalar in memory.
  mlir::Value holds(mlir::Value scalar);
  /// A scalar in memory.
  virtual mlir::Value loadScalar(mlir::Value tensor, mlir::Type element);
  void copy(mlir::Value from, const Storage &to);
  /// As many bytes as `like` has.
  void copyBytes(mlir::Value like, mlir::Value from, const Storage &to);
  virtual void copyBytes(mlir::Value from, mlir::Value to, mlir::Value bytes);

  // GeneratePlan.cpp
  /// Names for values of dimension expressions (`graph.lets`), in the order of their definitions.
  llvm::SmallVector<std::pair<std::string, Dim>> lets();
  /// The symbols whose values the caller gives, then those that `plan` computes.
  std::vector<std::string> allSymbols();
  /// Every dimension must follow from the shapes of the inputs.
  mlir::LogicalResult checkSymbols();
  void layoutPlan();
  /// Extents of tensors that subtract something from a symbol, as a crop does, and the first op
  /// that has each.
  llvm::MapVector<mlir::Attribute, mlir::Operation *> extentsThatMayBeNegative();
  /// Numbers of elements that are not known when compiling, and the first op that has each.
  llvm::MapVector<mlir::Attribute, mlir::Operation *> symbolicCounts();
  /// Views whose numbers of elements are compared now that the sizes are known.
  llvm::SmallVector<exec::ViewOp> checkedViews();
  void emitPlan();
  /// Tensors of more elements are refused by the plan.
  virtual int64_t mostElements() { return kMostElements; }
  /// The arena's size, where all slots are in it.
  virtual Dim plannedBytes() { return arenaBytes(function); }

  // GenerateSizes.cpp: sizes that are known while running.
  /// What symbols that get their value while running are at most; symbols made of them too.
  std::map<std::string, Dim> runtimeSymbols();
  bool isRuntime(Dim d);
  /// Memory is planned by the bounds: no extent may be larger for a smaller size, or negative.
  mlir::LogicalResult checkRuntimeSizes();
  /// With the bounds in place of the symbols.
  Dim bounded(Dim d);
  void emitBind(exec::BindOp op);
  /// The outputs' extents, into the array that the caller may have given.
  void reportExtents();

  // GenerateRun.cpp
  virtual void fillFrame(mlir::Value run, mlir::Value words);
  int64_t variableOffset(const std::string &name);
  /// The run's text buffer, none where the caller's struct has no such field.
  void fillText();
  /// How much text was needed so far, for the caller to read.
  void reportText();
  void emitRun();
  void emitBlock(mlir::Block &block);
  /// Notes whether the op writes a variable: behind such a one a run is not cancelled.
  void noteWrites(mlir::Operation *op);
  virtual void emitDispatch(mlir::Operation *op);
  /// Calls the task `count` times on the run's frame.
  void dispatch(mlir::func::FuncOp task, mlir::Value count);
  /// dispatch(run, task, frame, count): through parallel_for, or here when there is none or one
  /// task.
  mlir::func::FuncOp dispatchFunction();
  /// Emits code for callers whose ingot_run has the field: those of earlier versions give less.
  void whereRunHas(RunField field, llvm::function_ref<void()> emit);
  mlir::Value isSet(mlir::Value pointer);
  /// Calls through a pointer found in a field of the run.
  mlir::Value callThrough(mlir::Value callee, mlir::TypeRange results, mlir::ValueRange arguments);
  /// A non-zero answer cancels the run as long as no variable has been changed.
  void callBegin(int64_t number);
  void callEnd(int64_t number);
  ZonedSlot zonedSlot(int64_t slot, mlir::Value words);
  void prepareArena();
  /// After an op: returns a status that names it when a zone is broken; poisons what it was the
  /// last to use.
  void examineArena(mlir::Operation *op);
  /// "<function>_arena_check"(words) -> i1: whether a zone of any slot is broken.
  mlir::func::FuncOp arenaCheck();

  // GenerateControl.cpp
  void emitIf(exec::IfOp op);
  void emitScan(exec::ScanOp op);
  /// Iterations one after another, each kernel by all threads.
  void emitIterations(exec::ScanOp op, mlir::Value trips, mlir::Block *after);
  /// "<function>_s<number>"(frame, index): a task's share of the iterations, on a frame of its own.
  mlir::func::FuncOp sliceTask(exec::ScanOp op);
  /// Iterations of a loop that carries nothing, on this thread.
  void emitInTask(exec::ScanOp scan, mlir::Value low, mlir::Value high);
  /// Sets the pointers to what a body makes in the workspace of this number.
  void pointAtWorkspace(exec::ScanOp op, mlir::Value number);
  /// The number of a workspace that is free, now taken: few threads use few of them, again and
  /// again, so that they stay in cache. `word` has a bit for each; there are as many as tasks.
  mlir::Value takeWorkspace(mlir::func::FuncOp task, mlir::Value word);
  void emitWhile(exec::WhileOp op);
  /// Sets a scan's position and its pointers to the slices there.
  void pointAtSlices(exec::ScanOp op, mlir::Value position);
  virtual void storePosition(exec::ScanOp op, mlir::Value position);
  /// The new carried values go where the loop keeps them; those that are old ones of others first
  /// leave the place that is overwritten.
  void carryOver(mlir::Operation *loop, mlir::ValueRange values);

  CodeContext &context;
  mlir::func::FuncOp function;
  FunctionDescription &description;
  const ArtifactDescription &artifact;
  bool debugArena;
  Dims slots; // offsets in bytes; sizes where there is a debug arena
  mlir::OpBuilder b;
  CodeBuilder cb;
  PlanLayout plan;
  Frame frame;
  std::vector<Storage> placed;
  int64_t constants = 0;
  // `run` under construction.
  mlir::func::FuncOp made;
  mlir::Value run, words;
  bool wroteState = false;                             // by what has been emitted so far
  llvm::DenseMap<mlir::Operation *, KernelCode> codes; // of kernels in slices that run side by side
  int64_t sliceTasks = 0;
};

} // namespace ingot::cpu
