// exec.winograd, and the matrices of Winograd's convolution F(m x m, 3 x 3).
//
// Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), with the
// interpolation points 0, ±1, infinity for m = 2 and 0, ±3/4, ±3/2, infinity for m = 4: these keep
// the rounding errors of m = 4 four times smaller than the paper's 0, ±1, ±2 do, and the
// coefficients of the transforms of inputs and outputs are exact in f32.
#pragma once
#include "ir/exec/Exec.h"
#define GET_OP_CLASSES
#include "ir/exec/WinogradOps.h.inc"

namespace ingot::exec {

/// Lanes of a packed operand that lie side by side: the widest vector of f32; other widths divide
/// it.
constexpr int64_t panelLanes = 16;

/// The one-dimensional transforms; both dimensions take the same. Points 1 and 2, 3 and 4 are pairs
/// ±p: their rows of `input` and `kernel` agree in the even columns and are opposite in the odd
/// ones, their columns of `output` agree in the even rows and are opposite in the odd ones.
struct WinogradMatrices {
  explicit WinogradMatrices(int64_t outputs);
  int64_t outputs, points;                 // m, m + 2
  std::vector<std::vector<double>> input;  // points x points: what is done to the inputs
  std::vector<std::vector<double>> kernel; // points x 3
  std::vector<std::vector<double>> output; // outputs x points
};

/// Where things are in the workspace of one task, in elements.
struct WinogradWorkspace {
  explicit WinogradWorkspace(WinogradOp op)
      : WinogradWorkspace(op.getOutputs(), op.getBlockTiles(), dimsOf(op.getX()).back().value()) {}
  WinogradWorkspace(int64_t outputs, int64_t blockTiles, int64_t channels);
  static constexpr int64_t filters = 2 * panelLanes; // that are computed together, at most
  int64_t inputStride; // from one point to the next in the transformed inputs (tiles, channels)
  int64_t sumsStride;  // and in the products' sums (tiles, filters)
  int64_t sums;        // where those begin, the inputs being at 0
  int64_t patch;       // inputs of a tile at the edge (points, points, channels)
  int64_t tile;        // outputs of a tile (m, m, filters)
  int64_t elements;    // of all
};

/// How many tasks share the work of an op with such a result, each of which needs a workspace.
Dim winogradTasks(llvm::ArrayRef<Dim> result, int64_t outputs, int64_t blockTiles, int64_t parts);

} // namespace ingot::exec
