// See WinogradFunctions.h.
#include "backends/cpu/WinogradFunctions.h"
#include "backends/cpu/ContractionEmitter.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

using Vectors = llvm::SmallVector<Value>;

/// A private function of the module, and the means to fill it.
class SharedFunction {
public:
  SharedFunction(CodeContext &context, llvm::StringRef name, llvm::ArrayRef<Type> types)
      : context(context), b(context.module.getContext()),
        cb(b, NameLoc::get(b.getStringAttr(name)), context.target.lanes()),
        function(privateFunction(context, cb, name, types)) {}
  Value argument(unsigned i) { return function.getArgument(i); }
  Value address(Value base, Value offset) { return cb.address(base, offset, b.getF32Type()); }
  Value load(Value p) { return cb.load(p, b.getF32Type(), mask); }
  void store(Value v, Value p) { cb.store(v, p, mask); }
  Value constant(double value) {
    Value &known = constants[value];
    if (!known) {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(&function.front());
      known = cb.splat(b.getF32FloatAttr(static_cast<float>(value)));
    }
    return known;
  }
  Value sum(Value x, Value y) { return arith::AddFOp::create(b, cb.loc, x, y); }
  Value difference(Value x, Value y) { return arith::SubFOp::create(b, cb.loc, x, y); }
  /// The sum of coefficient * value, in order, without the terms that are zero; null without any.
  Value combine(llvm::ArrayRef<std::pair<double, Value>> terms) {
    Value total;
    for (auto [coefficient, value] : terms) {
      if (coefficient == 0)
        continue;
      if (!total)
        total = coefficient == 1
                    ? value
                    : Value(arith::MulFOp::create(b, cb.loc, constant(coefficient), value));
      else if (coefficient == 1)
        total = sum(total, value);
      else if (coefficient == -1)
        total = difference(total, value);
      else
        total = cb.multiplyAdd(context.target, constant(coefficient), value, total);
    }
    return total;
  }

  CodeContext &context;
  OpBuilder b;
  CodeBuilder cb;
  func::FuncOp function;
  Value mask; // of loads and stores; null: all lanes

private:
  std::map<double, Value> constants;
};

func::FuncOp existing(CodeContext &context, llvm::StringRef name) {
  return context.module.lookupSymbol<func::FuncOp>(name);
}

std::string nameOf(const char *part, const exec::WinogradMatrices &matrices) {
  return "winograd" + std::to_string(matrices.outputs) + "_" + part;
}

/// One dimension of the transform of inputs: points 1 and 2, 3 and 4 share their even and odd part.
Vectors inputTransform(SharedFunction &f, const exec::WinogradMatrices &m, const Vectors &d) {
  auto part = [&](int64_t row, int64_t first, int64_t step) {
    llvm::SmallVector<std::pair<double, Value>> terms;
    for (int64_t i = first; i < m.points; i += step)
      terms.push_back({m.input[row][i], d[i]});
    return f.combine(terms);
  };
  Vectors result(m.points);
  result.front() = part(0, 0, 1);
  result.back() = part(m.points - 1, 0, 1);
  for (int64_t row = 1; row + 1 < m.points; row += 2) {
    Value even = part(row, 0, 2), odd = part(row, 1, 2);
    result[row] = f.sum(even, odd);
    result[row + 1] = f.difference(even, odd);
  }
  return result;
}

/// One dimension of the transform of outputs: even powers of ±p take the sum of a pair, odd ones
/// its difference.
Vectors outputTransform(SharedFunction &f, const exec::WinogradMatrices &m, const Vectors &t) {
  Vectors sums, differences, result;
  for (int64_t i = 1; i + 1 < m.points; i += 2) {
    sums.push_back(f.sum(t[i], t[i + 1]));
    differences.push_back(f.difference(t[i], t[i + 1]));
  }
  for (int64_t row = 0; row < m.outputs; ++row) {
    llvm::SmallVector<std::pair<double, Value>> terms{{m.output[row].front(), t.front()}};
    for (size_t pair = 0; pair < sums.size(); ++pair)
      terms.push_back({m.output[row][2 * pair + 1], row % 2 ? differences[pair] : sums[pair]});
    terms.push_back({m.output[row].back(), t.back()});
    result.push_back(f.combine(terms));
  }
  return result;
}

/// Transforms the columns of a square, then its rows.
std::vector<Vectors> inBothDimensions(const std::vector<Vectors> &square,
                                      llvm::function_ref<Vectors(const Vectors &)> transform) {
  std::vector<Vectors> columns, result;
  for (size_t j = 0; j < square.size(); ++j) {
    Vectors column;
    for (const Vectors &row : square)
      column.push_back(row[j]);
    columns.push_back(transform(column));
  }
  for (size_t i = 0; i < columns.front().size(); ++i) {
    Vectors row;
    for (const Vectors &column : columns)
      row.push_back(column[i]);
    result.push_back(transform(row));
  }
  return result;
}

} // namespace

func::FuncOp winogradInput(CodeContext &context, const exec::WinogradMatrices &m, bool isMasked) {
  std::string name = nameOf(isMasked ? "input_masked" : "input", m);
  if (auto known = existing(context, name))
    return known;
  Builder types(context.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext()), i64 = types.getI64Type();
  SharedFunction f(context, name, {pointer, i64, i64, pointer, i64, i64});
  CodeBuilder &cb = f.cb;
  auto transform = [&](Value channel) {
    Value from = f.address(f.argument(0), channel), to = f.address(f.argument(3), channel);
    auto place = [&](int64_t i, int64_t j) {
      return cb.add(cb.mul(f.argument(1), cb.integer(i)), cb.mul(f.argument(2), cb.integer(j)));
    };
    std::vector<Vectors> square(m.points);
    for (auto [i, row] : llvm::enumerate(square))
      for (int64_t j = 0; j < m.points; ++j)
        row.push_back(f.load(f.address(from, place(static_cast<int64_t>(i), j))));
    square = inBothDimensions(square, [&](const Vectors &d) { return inputTransform(f, m, d); });
    for (auto [i, row] : llvm::enumerate(square))
      for (auto [j, value] : llvm::enumerate(row)) {
        int64_t point = static_cast<int64_t>(i) * m.points + static_cast<int64_t>(j);
        f.store(value, f.address(to, cb.mul(f.argument(4), cb.integer(point))));
      }
  };
  Value channels = f.argument(5);
  Value whole = cb.sub(channels, cb.remainder(channels, cb.integer(cb.lanes)));
  cb.loop(cb.integer(0), whole, cb.lanes, transform);
  if (isMasked) {
    f.mask = cb.firstLanes(cb.sub(channels, whole));
    transform(whole);
  }
  return f.function;
}

func::FuncOp winogradProduct(CodeContext &context, int64_t vectors) {
  std::string name = "winograd_product_" + std::to_string(vectors);
  if (auto known = existing(context, name))
    return known;
  Builder types(context.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext()), i64 = types.getI64Type();
  SharedFunction f(context, name, {pointer, i64, pointer, i64, pointer, i64, i64, i64});
  CodeBuilder &cb = f.cb;
  Value aStride = f.argument(1), cStride = f.argument(5), depth = f.argument(7);
  Type element = f.b.getF32Type();
  int64_t mostRows = context.target.vectorRegisters >= 32 ? 12 : 6;

  TileOperands tile;
  tile.b = f.argument(2);
  tile.columnPlaces = placesOfVectors(cb, vectors, exec::panelLanes, f.argument(3));
  tile.loops.push_back({depth, cb.integer(1), cb.integer(exec::panelLanes)});
  // The next point's panel comes from memory where kernels are large: it is fetched meanwhile.
  tile.fetched = cb.mul(depth, cb.integer(exec::panelLanes));
  auto multiplyRows = [&](Value row, int64_t count) {
    tile.a = f.address(f.argument(0), cb.mul(row, aStride));
    tile.rowPlaces.clear();
    for (int64_t r = 1; r < count; ++r)
      tile.rowPlaces.push_back(cb.mul(aStride, cb.integer(r)));
    Value c = f.address(f.argument(4), cb.mul(row, cStride));
    Vectors sums(count * vectors, cb.splat(f.b.getF32FloatAttr(0)));
    sums = sumProducts(cb, context.target, element, tile, sums);
    for (int64_t r = 0; r < count; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        f.store(sums[r * vectors + v],
                f.address(c, cb.add(cb.mul(cStride, cb.integer(r)), cb.integer(v * cb.lanes))));
  };
  Value rows = f.argument(6), rest = cb.remainder(rows, cb.integer(mostRows)),
        whole = cb.sub(rows, rest);
  cb.loop(cb.integer(0), whole, mostRows, [&](Value row) { multiplyRows(row, mostRows); });
  cb.forEachCase(rest, mostRows - 1, [&](int64_t count) { multiplyRows(whole, count); });
  return f.function;
}

func::FuncOp winogradOutput(CodeContext &context, const exec::WinogradMatrices &m) {
  std::string name = nameOf("output", m);
  if (auto known = existing(context, name))
    return known;
  Builder types(context.module.getContext());
  Type pointer = LLVM::LLVMPointerType::get(types.getContext()), i64 = types.getI64Type();
  SharedFunction f(context, name, {pointer, i64, pointer, i64, i64});
  CodeBuilder &cb = f.cb;
  Value lanes = cb.mul(f.argument(4), cb.integer(cb.lanes));
  cb.loop(cb.integer(0), lanes, cb.lanes, [&](Value lane) {
    Value from = f.address(f.argument(0), lane), to = f.address(f.argument(2), lane);
    std::vector<Vectors> square(m.points);
    for (auto [i, row] : llvm::enumerate(square))
      for (int64_t j = 0; j < m.points; ++j) {
        int64_t point = static_cast<int64_t>(i) * m.points + j;
        row.push_back(f.load(f.address(from, cb.mul(f.argument(1), cb.integer(point)))));
      }
    square = inBothDimensions(square, [&](const Vectors &t) { return outputTransform(f, m, t); });
    for (auto [i, row] : llvm::enumerate(square))
      for (auto [j, value] : llvm::enumerate(row)) {
        int64_t pixel = static_cast<int64_t>(i) * m.outputs + static_cast<int64_t>(j);
        f.store(value, f.address(to, cb.mul(f.argument(3), cb.integer(pixel))));
      }
  });
  return f.function;
}

} // namespace ingot::cpu
