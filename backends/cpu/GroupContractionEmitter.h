// Kernels whose first nest is a contraction of elements in groups
// (compiler/layout/PackContractions.h), bytes or bf16: sums of 32 bits by the instructions that
// multiply and add neighbouring elements.
//
// A unit of work is a block of rows and a group of lane blocks. The rows of A are packed on the
// task's stack as the instructions want them, once for all lanes of the unit; the micro-kernel then
// reads both operands contiguously. Sums of bytes are exact, so that no order matters; those of
// bf16 go along the groups in their order, whatever the unit.
#pragma once
#include "backends/cpu/KernelEmitter.h"
#include "compiler/fusion/Structure.h"

namespace ingot::cpu {

/// By what a group of A is multiplied with one of B.
enum class GroupUnit {
  Words,   // bytes as 16 bits, two products an instruction (pmaddwd, vpdpwssd)
  Bytes,   // unsigned bytes with signed ones, four (vpdpbusd)
  Singles, // bf16 as f32, one
  Pairs,   // bf16, two (vdpbf16ps)
  Tiles    // bytes or bf16, 16 rows, 16 lanes and 16 groups an instruction (AMX)
};

/// What is multiplied, by what, and how A's packed rows lie: a row after the other, of `depth`
/// groups. A group is an i32 of four bytes or two bf16; for words its elements 0 and 2 in one row
/// and 1 and 3 in the next, for singles likewise its elements 0 and 1, as f32.
struct GroupFormat {
  GroupUnit unit = GroupUnit::Words;
  bool isBrain = false, aUnsigned = false, bUnsigned = false;
  int64_t depth = 0;
  bool isWhole() const { return unit != GroupUnit::Words && unit != GroupUnit::Singles; }
  int64_t rowsEach() const { return isWhole() ? 1 : 2; }
  mlir::Type sums(mlir::OpBuilder &b) const {
    return isBrain ? mlir::Type(b.getF32Type()) : mlir::Type(b.getI32Type());
  }
};
/// Of a contraction of so many rows.
GroupFormat groupFormat(const CpuTarget &target, const Contraction &contraction, Dim rows,
                        int64_t groups);

/// The largest register tile.
struct RegisterTile {
  int64_t rows, vectors;
};
RegisterTile registerTile(const CpuTarget &target, GroupUnit unit, Dim rows);

/// A micro-kernel: rows x vectors of sums. Of tiles: blocks of up to 16 rows.
struct GroupKernel {
  int64_t rows, vectors;
  bool accumulates; // starts from what C holds instead of zero
};

/// The shared function of that shape: void (A, B, C, groups, B's panel stride in bytes); C's rows
/// are `vectors` vectors each. Not of tiles.
mlir::func::FuncOp groupKernel(CodeContext &context, const GroupFormat &format, GroupKernel shape);
/// The same of tiles; one argument more, how many rows there are.
mlir::func::FuncOp tileKernel(CodeContext &context, const GroupFormat &format, GroupKernel shape);
constexpr int64_t tileRows = 16;

class GroupContractionEmitter {
public:
  GroupContractionEmitter(KernelEmitter &emitter, exec::NestOp nest,
                          const Contraction &contraction);
  static bool supports(exec::NestOp nest, const Contraction &contraction);
  /// Emits the task function's body and returns the number of tasks.
  Dim emit();

private:
  /// What a unit computes: the point of the loops that move B, its rows, its blocks of lanes.
  struct Unit {
    KernelEmitter::Indices outer;
    mlir::Value row, rows, firstBlock, endBlock;
  };
  void chooseTile();
  void chooseLaneGroup();
  void chooseDepthBlocks();
  Dim extentOf(llvm::ArrayRef<int64_t> list) const;
  Unit unitOf(mlir::Value number);
  KernelEmitter::Indices pointOf(const Unit &unit, mlir::Value row);
  mlir::Value operandAt(llvm::ArrayRef<Index> point, unsigned input);
  void emitUnit(const Unit &unit);
  void packRows(const Unit &unit, mlir::Value firstSegment, mlir::Value endSegment);
  void packSegments(size_t next, mlir::Value from, mlir::Value number, mlir::Value to);
  void packSegment(mlir::Value from, mlir::Value segment, mlir::Value to);
  void packRun(mlir::Value from, mlir::Value count, mlir::Value isLast, mlir::Value to);
  void storeGroups(mlir::Value groups, mlir::Value to, mlir::Value at);
  mlir::Value lastGroup(mlir::Value from, mlir::Value group, int64_t count);
  mlir::Value groupOfElements(mlir::Value from, mlir::Value at, int64_t count);
  void
  forLaneBlocks(const Unit &unit,
                llvm::function_ref<void(mlir::Value block, int64_t vectors, int64_t tail)> body);
  void callKernel(const Unit &unit, mlir::Value block, int64_t vectorCount, mlir::Value segment,
                  mlir::Value groups, mlir::Value sums, bool accumulates);
  void callTileKernel(const Unit &unit, int64_t vectorCount, bool accumulates,
                      llvm::ArrayRef<mlir::Value> arguments);
  void emitEpilogue(const Unit &unit, mlir::Value block, int64_t vectorCount, int64_t tail,
                    mlir::Value sums);
  int64_t blockLanes() const { return vectors * cb.lanes; }
  int64_t tileSize() const { return maxRows * blockLanes(); }

  KernelEmitter &e;
  CodeBuilder &cb;
  exec::NestOp nest;
  Contraction c;
  Dims loops;
  GroupFormat format;
  mlir::Type element; // of A and B
  int64_t groupSize;  // elements of a group
  llvm::SmallVector<int64_t> rowLoops, outerLoops, outerReductions;
  int64_t inner;       // elements of the loop that is in groups
  int64_t innerGroups; // and its groups
  int64_t maxRows, vectors;
  int64_t laneBlocks, groupBlocks; // blocks of lanes: all, and those of a unit
  /// The sum goes segment by segment: one iteration of the outer reductions, or a chunk of the
  /// inner loop of one; so many segments are packed at once.
  int64_t chunks, segments, segmentGroups, segmentsAtOnce;
  mlir::Value rowScratch, sumScratch;
};

} // namespace ingot::cpu
