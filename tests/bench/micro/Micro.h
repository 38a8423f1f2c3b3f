// One operation of a network beside oneDNN and OpenBLAS, in one process and on one thread: what is
// computed (Case), and who computes it (Op). MicroBench.cpp has the cases and measures.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ingot::bench {

enum class Kind { Gemm, Conv, Softmax, LayerNorm, Relu, Gelu, Add };

/// All data is f32. Weights are known before the runs, as in inference: whoever wants to pack them
/// has done so then.
struct Case {
  std::string name;
  Kind kind;
  /// Gemm: m, n, k; x is m x k, the weights k x n. Conv: size (of square images), channels,
  /// filters, kernel, stride, groups; one image, channels last, padding kernel / 2. Else: rows,
  /// columns.
  std::vector<int64_t> sizes;

  bool countsBytes() const { return kind != Kind::Gemm && kind != Kind::Conv; }
  /// Operations, or where countsBytes() bytes read and written.
  double work() const;
  std::vector<int64_t> inputShape() const, weightShape() const, outputShape() const;
};

struct Data {
  explicit Data(const Case &what);
  std::vector<float> x, y; // y: the other summand, or what shifts a layer norm
  std::vector<float> weights;
};

class Op {
public:
  virtual ~Op() = default;
  virtual void run() = 0;
  /// Of the last run, in the order of outputShape().
  virtual std::vector<float> result() = 0;
};

/// Throw std::exception. `data` outlives the op.
std::unique_ptr<Op> ours(const Case &what, const Data &data);
std::unique_ptr<Op> ofOneDnn(const Case &what, const Data &data);

int64_t elementsOf(const std::vector<int64_t> &shape);

} // namespace ingot::bench
