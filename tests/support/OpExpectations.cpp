// See OpExpectations.h.
#include "tests/support/OpExpectations.h"
#include "ir/Text.h"
#include "tests/support/OpCases.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <set>

namespace ingot::tests {
namespace {

/// Bits that the op's formula may lose in f32: see docs/Testing.md.
constexpr double rtol = 2e-6, atol = 1e-6;

/// Zeros, infinities, NaN, denormals, the ends of every integer type, in place of random elements.
std::vector<reference::Tensor> worstInputs(std::vector<reference::Tensor> inputs) {
  double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const double reals[] = {0.0, -0.0, inf, -inf,  nan,  1e-45, -1e-45,       3e38,         -3e38,
                          1.0, -1.0, 0.5, -1e10, 1e10, 2.5,   4294967296.0, -2147483648.0};
  const int64_t integers[] = {0,    -1,  INT64_MIN, INT64_MAX, 1,  INT32_MIN, INT32_MAX,
                              -128, 127, 63,        64,        31, 32,        -2};
  size_t next = 0;
  for (reference::Tensor &input : inputs) {
    if (reference::isText(input.element()))
      continue; // random ones are bad enough
    for (int64_t i = 0; i < input.numElements(); ++i, ++next)
      input.set(i, input.isFloat()
                       ? reference::Number::real(reals[next % std::size(reals)])
                       : reference::Number::integer(integers[next % std::size(integers)]));
    input.round();
    next += 5; // operands meet in other pairs
  }
  return inputs;
}

/// Whether the case is one scalar op, whose result is defined for every value. Formulas of several
/// ops may overflow in f32 where the interpreter's f64 does not.
bool isOneScalarOp(mlir::func::FuncOp function) {
  mlir::Block &body = function.getBody().front();
  return body.getOperations().size() == 2 && llvm::isa<graph::Scalar>(body.front());
}

/// The first element that is not within a few units in the last place.
std::string elementDifference(const reference::Tensor &expected, const reference::Tensor &actual) {
  return firstDifference(expected, actual, [](const auto &e, const auto &a) {
    return e.isFloat ? e.f == a.f || (std::isnan(e.f) && std::isnan(a.f)) ||
                           std::fabs(e.f - a.f) <= 2e-6 * std::fabs(e.f) + 1e-44
                     : e.i == a.i;
  });
}

/// What the interpreter makes of inputs.
struct Reference {
  using Variables = std::map<std::string, reference::Tensor, std::less<>>;

  std::vector<reference::Tensor> inputs;
  Variables before, after;
  mlir::FailureOr<llvm::SmallVector<reference::Tensor>> results;
  std::string error;

  Reference(const OpCase &opCase, std::vector<reference::Tensor> given)
      : inputs(std::move(given)), results(mlir::failure()) {
    reference::Interpreter interpreter(opCase.module);
    before = interpreter.variables;
    results = interpreter.run(opCase.name, inputs);
    after = interpreter.variables;
    error = interpreter.error();
  }
};

/// Of a case of one size. Kept for who compares with it next, on another machine.
struct References {
  Reference random, worst;
};
const References &referencesOf(const OpCase &opCase, size_t size) {
  static std::map<std::pair<const OpCase *, size_t>, References> known;
  auto found = known.find({&opCase, size});
  if (found == known.end()) {
    auto inputs = inputsOf(opCase, opCase.sizes[size]);
    References references = {{opCase, inputs}, {opCase, worstInputs(inputs)}};
    found = known.emplace(std::pair(&opCase, size), std::move(references)).first;
  }
  return found->second;
}

/// No value makes compiled code trap: it gives what the interpreter gives, or a status where that
/// does.
void runWorstValues(const OpCase &opCase, const Reference &expected, CompiledModule &compiled) {
  mlir::func::FuncOp function = opCase.function;
  auto actual = compiled.run(opCase.name, expected.inputs, function.getResultTypes());
  EXPECT_EQ(mlir::failed(expected.results), !compiled.error().empty())
      << "interpreter: " << expected.error << "\ncompiled: " << compiled.error();
  if (mlir::failed(expected.results) || !isOneScalarOp(function))
    return;
  for (size_t i = 0; i < actual.size(); ++i)
    EXPECT_EQ(elementDifference((*expected.results)[i], actual[i]), "") << "with worst values";
}

} // namespace

std::vector<std::string> opCaseFiles() {
  std::set<std::string> names;
  for (const OpCase &opCase : opCases())
    names.insert(opCase.file);
  return {names.begin(), names.end()};
}

mlir::ModuleOp opCaseModule(const std::string &file) {
  auto found = llvm::find_if(opCases(), [&](const OpCase &c) { return c.file == file; });
  return found->module;
}

void expectReference(const std::string &file, CompiledModule &compiled) {
  ASSERT_TRUE(compiled.ok()) << compiled.error();
  for (const OpCase &opCase : opCases()) {
    if (opCase.file != file || compiled.isLeftToCpu(opCase.name))
      continue;
    for (size_t s = 0; s < opCase.sizes.size(); ++s) {
      std::string where = opCase.name;
      for (auto &[name, size] : opCase.sizes[s])
        where += " " + name + "=" + std::to_string(size);
      SCOPED_TRACE(where);
      const References &references = referencesOf(opCase, s);
      runWorstValues(opCase, references.worst, compiled);
      const Reference &expected = references.random;
      for (auto &[name, value] : expected.before)
        compiled.setVariable(name, value);
      mlir::func::FuncOp function = opCase.function;
      auto actual = compiled.run(opCase.name, expected.inputs, function.getResultTypes());
      if (mlir::failed(expected.results)) {
        EXPECT_FALSE(compiled.error().empty()) << "the interpreter says: " << expected.error;
        continue;
      }
      ASSERT_EQ(compiled.error(), "");
      ASSERT_EQ(actual.size(), expected.results->size());
      for (size_t i = 0; i < actual.size(); ++i)
        EXPECT_EQ(difference((*expected.results)[i], actual[i], rtol, atol), "") << "result " << i;
      for (auto &[name, value] : expected.after)
        EXPECT_EQ(difference(value, compiled.variable(name, value.element()), rtol, atol), "")
            << name;
    }
  }
}

} // namespace ingot::tests
