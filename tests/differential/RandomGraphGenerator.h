// The generator of random graphs: a pool of values, and rules that take some and add one. Private
// to RandomGraph*.cpp: arithmetic and layers are in RandomGraphLayers.cpp, movements, choices and
// control flow in RandomGraphMovements.cpp.
#pragma once
#include "ir/Builder.h"
#include "tests/differential/RandomGraph.h"
#include <cmath>

namespace ingot::tests {

/// SplitMix64 (Steele et al. 2014).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15 + 1) {}
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  /// 0 … n - 1.
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  double real(double low, double high) {
    return low + (high - low) * std::ldexp(static_cast<double>(next() >> 11), -53);
  }
  template <typename T> const T &pick(llvm::ArrayRef<T> list) { return list[below(list.size())]; }

private:
  uint64_t state;
};

constexpr int64_t maxElements = 600; // of a value, for each row of the batch

class GraphGenerator {
public:
  GraphGenerator(mlir::func::FuncOp function, mlir::OpBuilder &b, uint64_t seed)
      : function(function), b(b), random(seed), f32(b.getF32Type()) {
    for (mlir::BlockArgument argument : function.getArguments())
      pool.push_back(argument);
  }

  void steps(int64_t count);

  /// One to three results: the last value, and others that may be used inside too.
  llvm::SmallVector<mlir::Value> results();

  /// Steps of a training: some variables take values computed from their own, from each other's, or
  /// from products of what flows through the graph, as weights' gradients are.
  void assignVariables();

private:
  struct Variable {
    std::string name;
    mlir::Value value;
  };

  /// lhs^T rhs of this shape (k, n) for values (m, k) and (m, n) of the pool; null when there are
  /// none.
  mlir::Value product(const Dims &dims);

  /// Mostly recent values, so that chains get long; sometimes old ones, so that they have many
  /// uses.
  mlir::Value any();
  mlir::Location loc() {
    return mlir::NameLoc::get(b.getStringAttr("layer_" + std::to_string(pool.size())));
  }
  graph::Expr expr(mlir::Value v) { return graph::Expr(b, loc(), v); }

  template <typename OpTy>
  mlir::Value op(mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    auto made = graph::tryCreate<OpTy>(b, loc(), operands, attributes);
    return mlir::succeeded(made) ? (*made)->getResult(0) : mlir::Value();
  }
  mlir::NamedAttribute attr(llvm::StringRef name, mlir::Attribute value) {
    return b.getNamedAttr(name, value);
  }
  mlir::NamedAttribute ints(llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
    return attr(name, b.getDenseI64ArrayAttr(values));
  }

  static int64_t elementsOf(mlir::Value v, int64_t batch) {
    int64_t count = 1;
    for (Dim d : dimsOf(v))
      count *= std::max<int64_t>(1, d.evaluate([&](llvm::StringRef) { return batch; }));
    return count;
  }
  static bool fits(mlir::Value v) {
    return graph::rankOf(v) <= 5 && elementsOf(v, 1) <= maxElements &&
           elementsOf(v, 2) <= 2 * maxElements;
  }

  /// A new input of this shape: weights, or, where the shape is fixed, often a variable.
  mlir::Value input(llvm::ArrayRef<Dim> dims);
  mlir::Value variable(mlir::RankedTensorType type);
  Dim fixed(int64_t size) { return Dim::constant(b.getContext(), size); }
  int64_t width() {
    static constexpr int64_t sizes[] = {1, 2, 3, 4, 5, 8, 10, 16, 17, 33};
    return random.pick(llvm::ArrayRef(sizes));
  }

  // Rules: each gives a new value, or none where the pool has nothing it can take.
  mlir::Value unary();
  mlir::Value binary();
  mlir::Value reduction();
  /// x (…, k) times new weights, with bias and activation as layers have them.
  mlir::Value dense();
  /// x (…, m, k) times itself transposed.
  mlir::Value attention();
  /// An image (batch, h, w, c) made of a value that is one, or can be seen as one.
  mlir::Value image();
  llvm::SmallVector<mlir::NamedAttribute> window(llvm::ArrayRef<int64_t> size);
  mlir::Value conv();
  mlir::Value pool2d();
  mlir::Value flatten();
  mlir::Value split();
  mlir::Value permute();
  mlir::Value cut();
  mlir::Value join();
  mlir::Value padding();
  mlir::Value softmax();
  mlir::Value normalize();
  mlir::Value choose();
  mlir::Value throughInteger();
  /// Adds an axis of a fixed size and repeats along it.
  mlir::Value spread();
  mlir::Value turn();
  /// Constant indices into an axis of `size` elements.
  mlir::Value indices(int64_t count, int64_t size);
  mlir::Value lookUp();
  /// Rows of x (n, k) added to the rows of a table (k, k) that their largest elements name.
  mlir::Value scatter();
  /// The position of the largest element of each row: as a number, as a one in zeros, or to pick
  /// by.
  mlir::Value largest();
  mlir::Value throughDouble();
  mlir::Value layerNorm();
  /// Chooses by conditions and by whole numbers.
  mlir::Value logic();
  /// A recurrence along the first axis: its last state, or all of them.
  mlir::Value recur();
  mlir::Value branch();

  mlir::func::FuncOp function;
  mlir::OpBuilder &b;
  Random random;
  mlir::Type f32;
  llvm::SmallVector<mlir::Value> pool;
  llvm::SmallVector<Variable> variables;
};

} // namespace ingot::tests
