// Random programs of nested choices and loops, compiled, against the interpreter: every way in
// which values are captured, carried, exchanged, stacked and yielded. Over integers, so that equal
// means equal.
#include "ir/exec/Exec.h"
#include "tests/support/RunCompiled.h"
#include "tests/unit/compiler/GraphTest.h"
#include <random>

namespace ingot {
namespace {

/// Text of one function over 4 x 4 matrices and stacks of n of them.
class RandomProgram {
public:
  explicit RandomProgram(unsigned seed) : random(seed) {}

  std::string make() {
    Scope scope{{"%a", "%b", "%c"}, {"%s"}};
    std::string body;
    ops(body, scope, 0, 10);
    body += "  graph.assign @v, " + pick(scope.matrices) + " : " + matrix + "\n";
    std::string results = pick(scope.matrices) + ", " + pick(scope.matrices) + ", " +
                          pick(scope.matrices) + ", " + pick(scope.stacks);
    std::string types = matrix + ", " + matrix + ", " + matrix + ", " + stack;
    return "graph.variable @v {role = \"state\", value = dense<3> : " + matrix + "} : " + matrix +
           "\nfunc.func @f(%a: " + matrix + ", %b: " + matrix + ", %c: " + matrix +
           ", %s: " + stack + ") -> (" + types + ") {\n" +
           "  %zero = graph.constant dense<0> : tensor<si32> : tensor<si32>\n"
           "  %one = graph.constant dense<1> : tensor<si32> : tensor<si32>\n"
           "  %few = graph.constant dense<3> : tensor<si32> : tensor<si32>\n"
           "  %ones = graph.constant dense<1> : " +
           matrix + " : " + matrix + "\n" + body + "  return " + results + " : " + types + "\n}\n";
  }

private:
  struct Scope {
    std::vector<std::string> matrices, stacks;
  };
  const std::string matrix = "tensor<4x4xsi32>";
  const std::string stack = "tensor<?x4x4xsi32, #graph.dims<[n, 4, 4]>>";

  size_t below(size_t n) { return random() % n; }
  const std::string &pick(const std::vector<std::string> &list) {
    // What is young is picked more often: it makes chains.
    size_t i = std::max(below(list.size()), below(list.size()));
    return list[i];
  }
  std::string fresh() { return "%x" + std::to_string(next++); }
  static std::string times(size_t count, const std::string &text) {
    std::string list;
    for (size_t i = 0; i < count; ++i)
      list += (i ? ", " : "") + text;
    return list;
  }
  std::string picks(const std::vector<std::string> &list, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i)
      text += (i ? ", " : "") + pick(list);
    return text;
  }

  void ops(std::string &out, Scope &scope, int depth, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      size_t kind = below(depth < 3 ? 12 : 8);
      if (kind < 8)
        simple(out, scope, kind);
      else if (kind == 8)
        choice(out, scope, depth);
      else if (kind == 9)
        loop(out, scope, depth);
      else
        scan(out, scope, depth);
    }
  }

  void simple(std::string &out, Scope &scope, size_t kind) {
    std::string r = fresh(), x = pick(scope.matrices), y = pick(scope.matrices);
    const char *binary[] = {"add", "sub", "mul", "max"};
    if (kind < 4)
      out += r + " = graph." + binary[kind] + " " + x + ", " + y + " : " + matrix + "\n";
    else if (kind == 4)
      out += r + " = graph.transpose " + x + " {permutation = array<i64: 1, 0>} : (" + matrix +
             ") -> " + matrix + "\n";
    else if (kind == 5)
      out += r + " = graph.read @v : " + matrix + "\n";
    else if (kind == 6)
      out += r + " = graph.add " + x + ", %ones : " + matrix + "\n";
    else
      out += r + " = graph.broadcast " + sum(out, x) + " {axes = array<i64>} : tensor<si32> to " +
             matrix + "\n";
    scope.matrices.push_back(r);
  }
  /// A scalar made of all elements.
  std::string sum(std::string &out, const std::string &x) {
    std::string r = fresh();
    out += r + " = graph.reduce " + x + " {kind = 0 : i32, axes = array<i64: 0, 1>} : (" + matrix +
           ") -> tensor<si32>\n";
    return r;
  }
  std::string less(std::string &out, const std::string &x, const std::string &y) {
    std::string r = fresh();
    out += r + " = graph.compare " + x + ", " + y +
           " {predicate = 2 : i32} : (tensor<si32>, tensor<si32>) -> tensor<i1>\n";
    return r;
  }
  void results(Scope &scope, const std::string &r, size_t first, size_t matrices, size_t stacks) {
    for (size_t i = 0; i < matrices; ++i)
      scope.matrices.push_back(r + "#" + std::to_string(first + i));
    for (size_t i = 0; i < stacks; ++i)
      scope.stacks.push_back(r + "#" + std::to_string(first + matrices + i));
  }

  void choice(std::string &out, Scope &scope, int depth) {
    size_t count = 1 + below(3);
    std::string condition = less(out, sum(out, pick(scope.matrices)), "%zero"), r = fresh();
    out += r + ":" + std::to_string(count) + " = graph.if " + condition + " : (tensor<i1>) -> (" +
           times(count, matrix) + ") {\n";
    for (int branch = 0; branch < 2; ++branch) {
      Scope inner = scope;
      ops(out, inner, depth + 1, below(4));
      out += "graph.yield " + picks(inner.matrices, count) + " : " + times(count, matrix) +
             (branch ? "\n}\n" : "\n} else {\n");
    }
    results(scope, r, 0, count, 0);
  }

  void loop(std::string &out, Scope &scope, int depth) {
    size_t count = 1 + below(3);
    std::string types = times(count, matrix), r = fresh(), k = fresh(),
                all = "tensor<si32>, " + types;
    out += r + ":" + std::to_string(count + 1) + " = graph.while(%zero, " +
           picks(scope.matrices, count) + ") : (" + all + ") -> (" + all + ") {\n";
    Scope inner = scope;
    std::string header = "^bb0(" + k + ": tensor<si32>";
    for (size_t i = 0; i < count; ++i) {
      inner.matrices.push_back(fresh());
      header += ", " + inner.matrices.back() + ": " + matrix;
    }
    out += header + "):\n";
    std::string more = less(out, k, "%few");
    out += "graph.yield " + more + " : tensor<i1>\n} do {\n" + header + "):\n";
    ops(out, inner, depth + 1, below(5));
    std::string up = fresh();
    out += up + " = graph.add " + k + ", %one : tensor<si32>\n";
    out += "graph.yield " + up + ", " + picks(inner.matrices, count) + " : " + all + "\n}\n";
    results(scope, r, 1, count, 0);
  }

  void scan(std::string &out, Scope &scope, int depth) {
    size_t carried = 1 + below(3), inputs = below(3), stacked = below(3);
    std::string r = fresh();
    std::string from = times(carried, matrix) + (inputs ? ", " : "") + times(inputs, stack);
    std::string to = times(carried, matrix) + (stacked ? ", " : "") + times(stacked, stack);
    out += r + ":" + std::to_string(carried + stacked) + " = graph.scan <[n]> carried(" +
           picks(scope.matrices, carried) + ") inputs(" + picks(scope.stacks, inputs) + ")" +
           (below(2) ? " {reverse = true}" : "") + " : (" + from + ") -> (" + to + ") {\n^bb0(" +
           fresh() + ": tensor<si64>";
    Scope inner = scope;
    for (size_t i = 0; i < carried + inputs; ++i) {
      inner.matrices.push_back(fresh());
      out += ", " + inner.matrices.back() + ": " + matrix;
    }
    out += "):\n";
    ops(out, inner, depth + 1, below(6));
    out += "graph.yield " + picks(inner.matrices, carried + stacked) + " : " +
           times(carried + stacked, matrix) + "\n}\n";
    results(scope, r, 0, carried, stacked);
  }

  std::mt19937 random; // the same numbers everywhere
  int next = 0;
};

class RandomControl : public test::GraphTest, public testing::WithParamInterface<unsigned> {
protected:
  RandomControl() {
    context.loadDialect<exec::ExecDialect, mlir::arith::ArithDialect, mlir::math::MathDialect>();
  }
  void expectEqual(const std::string &program, bool debugArena);
};

/// With `debugArena` every tensor has memory to itself and what is dead is poisoned: a lifetime
/// that is wrong shows there, one that is shared wrongly in the other mode.
void RandomControl::expectEqual(const std::string &program, bool debugArena) {
  mlir::func::FuncOp f = function("f");
  mlir::Type element = graph::elementType(f.getArgument(0));
  llvm::SmallVector<mlir::Type> types = llvm::to_vector(f.getResultTypes());
  mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
  CompileOptions options;
  options.debugArena = debugArena;
  tests::CompiledModule compiled(*copy, options);
  ASSERT_TRUE(compiled.ok()) << compiled.error() << program;
  for (int64_t n : {0, 1, 3}) {
    std::vector<test::Tensor> inputs;
    for (unsigned i = 0; i < 3; ++i)
      inputs.push_back(tensor({4, 4}, {1.0 + i, -2, 3, 0, 5, -7, 2}, element));
    inputs.push_back(tensor({n, 4, 4}, {4, -1, 0, 2, -3}, element));
    test::Interpreter interpreter(*module);
    for (auto &[name, value] : interpreter.variables)
      compiled.setVariable(name, value);
    auto expected = interpreter.run("f", inputs);
    ASSERT_TRUE(mlir::succeeded(expected));
    auto actual = compiled.run("f", inputs, types);
    ASSERT_EQ(compiled.error(), "");
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_EQ(tests::difference((*expected)[i], actual[i], 0, 0), "")
          << "result " << i << ", n = " << n << "\n"
          << program;
    EXPECT_EQ(
        tests::difference(interpreter.variables.at("v"), compiled.variable("v", element), 0, 0), "")
        << program;
  }
}

TEST_P(RandomControl, EqualsTheInterpreter) {
  std::string program = RandomProgram(GetParam()).make();
  parse(program);
  expectEqual(program, false);
}

TEST_P(RandomControl, ReadsNothingThatIsDead) {
  std::string program = RandomProgram(GetParam()).make();
  parse(program);
  expectEqual(program, true);
}

INSTANTIATE_TEST_SUITE_P(Programs, RandomControl, testing::Range(0u, 60u));

} // namespace
} // namespace ingot
