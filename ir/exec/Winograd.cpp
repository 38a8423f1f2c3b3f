// Matrices, workspace and verification of exec.winograd. See Winograd.h.
#include "ir/exec/Winograd.h"

using namespace mlir;

namespace ingot::exec {
namespace {

/// Coefficients of a polynomial, the constant one first.
using Polynomial = std::vector<double>;

Polynomial product(const Polynomial &p, const Polynomial &q) {
  Polynomial r(p.size() + q.size() - 1, 0);
  for (size_t i = 0; i < p.size(); ++i)
    for (size_t j = 0; j < q.size(); ++j)
      r[i + j] += p[i] * q[j];
  return r;
}

} // namespace

WinogradMatrices::WinogradMatrices(int64_t outputs) : outputs(outputs), points(outputs + 2) {
  std::vector<double> finite = {0};
  for (double p : outputs == 2 ? std::vector<double>{1} : std::vector<double>{0.75, 1.5})
    finite.insert(finite.end(), {p, -p});
  // Without the point itself for a finite one; all of them for infinity, the last.
  auto others = [&](size_t point) {
    Polynomial r = {1};
    for (size_t i = 0; i < finite.size(); ++i)
      if (i != point)
        r = product(r, {-finite[i], 1});
    r.resize(points, 0);
    return r;
  };
  output.assign(outputs, std::vector<double>(points, 0));
  for (size_t i = 0; i < finite.size(); ++i) {
    double p = finite[i], norm = 1;
    for (size_t j = 0; j < finite.size(); ++j)
      norm *= i == j ? 1 : p - finite[j];
    input.push_back(others(i));
    kernel.push_back({1 / norm, p / norm, p * p / norm});
    double power = 1;
    for (int64_t row = 0; row < outputs; ++row, power *= p)
      output[row][i] = power;
  }
  input.push_back(others(finite.size()));
  kernel.push_back({0, 0, 1});
  output[outputs - 1][points - 1] = 1;
}

WinogradWorkspace::WinogradWorkspace(int64_t outputs, int64_t blockTiles, int64_t channels) {
  int64_t points = (outputs + 2) * (outputs + 2);
  // A line more than a whole number of pages: the points of a tile are not all in one set of the
  // cache.
  inputStride = blockTiles * channels + panelLanes;
  sumsStride = blockTiles * filters + panelLanes;
  sums = llvm::alignTo(points * inputStride, panelLanes);
  patch = sums + points * sumsStride;
  tile = llvm::alignTo(patch + points * channels, panelLanes);
  elements = tile + outputs * outputs * filters;
}

Dim winogradTasks(llvm::ArrayRef<Dim> result, int64_t outputs, int64_t blockTiles, int64_t parts) {
  constexpr int64_t most = 16; // enough to even out cores, and their workspaces are known memory
  Dim tiles = result[0] * (result[1].ceilDiv(outputs).value() * result[2].ceilDiv(outputs).value());
  return Dim::min(tiles.ceilDiv(blockTiles) * parts, Dim::constant(result[0].context(), most));
}

LogicalResult WinogradOp::verify() {
  Dims x = dimsOf(getX()), kernel = dimsOf(getKernel()), y = dimsOf(getResult());
  int64_t points = getOutputs() + 2;
  auto is = [](Dim d, int64_t value) { return d.isStatic() && d.value() == value; };
  if (getOutputs() != 2 && getOutputs() != 4)
    return emitOpError("makes tiles of ") << getOutputs() << " outputs a side, not of 2 or 4";
  if (x.size() != 4 || kernel.size() != 5 || y.size() != 4 || getLow().size() != 2)
    return emitOpError("needs x (n, h, w, c), a kernel of rank 5 and two paddings");
  for (Dim d : {x[1], x[2], x[3], y[1], y[2], y[3]})
    if (!d.isStatic())
      return emitOpError("has other dimensions than the batch that are not fixed");
  if (x[0] != y[0] || !(kernel[3] == x[3]) || !is(kernel[1], points) || !is(kernel[2], points) ||
      !is(kernel[4], panelLanes) || !is(kernel[0], y[3].ceilDiv(panelLanes).value()))
    return emitOpError("has a kernel ")
           << str(kernel) << " that does not fit " << str(x) << " to " << str(y);
  return success();
}

} // namespace ingot::exec
