// What tests of the Keras API share: a model's graph module on the reference interpreter, and the
// text of the error a call throws.
#pragma once
#include "frontends/keras/Keras.h"
#include "frontends/keras/ModelImpl.h"
#include "ir/reference/Interpreter.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::test {

namespace keras = ingot::keras;
namespace layers = ingot::keras::layers;
using reference::Interpreter;
using reference::Number;

/// The message of the keras::Error that `call` throws; a test failure when it throws none.
template <typename Call> std::string errorOf(Call call) {
  try {
    call();
  } catch (const keras::Error &error) {
    return error.what();
  }
  ADD_FAILURE() << "expected a keras::Error";
  return {};
}

class KerasTest : public ::testing::Test {
protected:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<Interpreter> interpreter;

  KerasTest() { keras::clearSession(); }

  /// Builds the model's module and runs its `initialize`.
  void load(const keras::Model &model, int64_t seed = 0) {
    bool isCompiled = model.impl()->training.has_value();
    module = keras::detail::buildModule(*model.impl(), &context, isCompiled);
    interpreter = std::make_unique<Interpreter>(*module);
    interpreter->variables["seed"] = scalar(seed);
    interpreter->variables["step"] = scalar(0);
    run("initialize", {});
  }
  reference::Tensor scalar(int64_t value) {
    auto type = mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed);
    return reference::Tensor::scalar(type, Number::integer(value));
  }
  reference::Tensor floats(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<double> values) {
    reference::Tensor t(mlir::Float32Type::get(&context), shape);
    for (int64_t i = 0; i < t.numElements(); ++i)
      t.set(i, Number::real(values[i % values.size()]));
    return t;
  }
  reference::Tensor labels(llvm::ArrayRef<int64_t> values) {
    auto type = mlir::IntegerType::get(&context, 64, mlir::IntegerType::Signed);
    reference::Tensor t(type, {static_cast<int64_t>(values.size())});
    for (auto [i, value] : llvm::enumerate(values))
      t.set(i, Number::integer(value));
    return t;
  }
  llvm::SmallVector<reference::Tensor> run(llvm::StringRef function,
                                           llvm::ArrayRef<reference::Tensor> inputs) {
    auto results = interpreter->run(function, inputs);
    EXPECT_TRUE(mlir::succeeded(results)) << interpreter->error();
    return mlir::succeeded(results) ? *results : llvm::SmallVector<reference::Tensor>{};
  }
  std::vector<double> valuesOf(const reference::Tensor &t) {
    std::vector<double> values;
    for (int64_t i = 0; i < t.numElements(); ++i)
      values.push_back(t.isFloat() ? t.real(i) : static_cast<double>(t.integer(i)));
    return values;
  }
  std::vector<double> variable(const std::string &name) {
    return valuesOf(interpreter->variables.at(name));
  }
};

} // namespace ingot::test
