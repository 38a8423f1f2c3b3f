// Bugs of the compiler, played: whatever happens inside, the user gets a message, a reproducer and
// exit code 4, never a signal.
#include "tools/ingot/RunCompiler.h"
#include "mlir/IR/Diagnostics.h"
#include <csignal>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::cli {
namespace {

using testing::HasSubstr;

class RunCompilerTest : public testing::Test {
protected:
  RunCompilerTest() {
    model.context = std::make_unique<mlir::MLIRContext>();
    model.module = mlir::ModuleOp::create(mlir::UnknownLoc::get(model.context.get()));
  }

  /// What runCompiler throws for this work.
  Failure failureOf(llvm::function_ref<llvm::LogicalResult()> work) {
    try {
      runCompiler(model, "net.mlir", work);
    } catch (const Failure &failure) {
      return failure;
    }
    ADD_FAILURE() << "expected a Failure";
    return Failure(kOk, "none");
  }
  llvm::LogicalResult report(const std::string &text) {
    auto layer = mlir::NameLoc::get(mlir::StringAttr::get(model.context.get(), "dense_1"));
    return mlir::emitError(layer) << text;
  }

  LoadedModel model;
};

TEST_F(RunCompilerTest, ErrorsOfTheModelAreInputErrors) {
  Failure failure = failureOf([&] { return report("inner dimensions 64 and 128 differ"); });
  EXPECT_EQ(failure.exitCode, kInput);
  EXPECT_EQ(failure.messages[0].text, "layer `dense_1`: inner dimensions 64 and 128 differ");
  EXPECT_EQ(failure.messages[0].where, "net.mlir");
}

TEST_F(RunCompilerTest, BrokenInvariantLeavesAReproducer) {
  Failure failure = failureOf([&] { return report("internal error: a rule is broken"); });
  EXPECT_EQ(failure.exitCode, kInternal);
  const std::string &help = failure.messages[0].help;
  ASSERT_THAT(help, HasSubstr("/module.mlir"));
  std::filesystem::path file = help.substr(help.find('/'));
  EXPECT_TRUE(std::filesystem::exists(file));
  std::filesystem::remove_all(file.parent_path());
}

TEST_F(RunCompilerTest, SilentFailuresAndExceptionsAreInternalErrors) {
  EXPECT_EQ(failureOf([] { return llvm::failure(); }).exitCode, kInternal);
  Failure failure = failureOf([]() -> llvm::LogicalResult { throw std::out_of_range("map::at"); });
  EXPECT_EQ(failure.exitCode, kInternal);
  EXPECT_EQ(failure.messages[0].text, "map::at");
}

using RunCompilerDeathTest = RunCompilerTest;

TEST_F(RunCompilerDeathTest, CrashIsAnInternalErrorNotASignal) {
  auto crash = []() -> llvm::LogicalResult {
    (void)std::raise(SIGSEGV);
    return llvm::success();
  };
  EXPECT_EXIT(runCompiler(model, "net.mlir", crash), testing::ExitedWithCode(kInternal),
              "internal error: the compiler crashed");
}

} // namespace
} // namespace ingot::cli
