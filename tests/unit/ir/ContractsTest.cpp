// Every registered graph op keeps the promises that passes and back ends rely on, and has its
// cases.
#include "ir/exec/Exec.h"
#include "mlir/Parser/Parser.h"
#include "tests/support/OpCases.h"
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace ingot;

namespace {
/// Ops that no nest replaces: later phases turn them into state access and control flow.
bool isLoweredElsewhere(llvm::StringRef op) {
  static const std::set<llvm::StringRef> names{"variable", "read",  "assign", "if",
                                               "scan",     "while", "yield",  "custom_op"};
  return names.count(op) != 0;
}
/// Ops that compute nothing by themselves.
bool isDeclaration(llvm::StringRef op) {
  return op == "variable" || op == "yield" || op == "custom_op";
}
/// Ops whose computation is a user's code: its cases are those of CustomOpsTest and
/// CustomGradientTest.
bool isForeign(llvm::StringRef op) { return op == "custom_call"; }

std::vector<RegisteredOperationName> graphOps(MLIRContext &context) {
  std::vector<RegisteredOperationName> ops;
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "graph")
      ops.push_back(op);
  return ops;
}
std::string bare(RegisteredOperationName op) {
  return op.getStringRef().drop_front(sizeof("graph.") - 1).str();
}

class Contracts : public ::testing::Test {
protected:
  Contracts() { context.loadDialect<graph::GraphDialect>(); }
  MLIRContext context{MLIRContext::Threading::DISABLED};
};
} // namespace

TEST_F(Contracts, everyOpHasAMeaning) {
  ASSERT_GT(graphOps(context).size(), 60u);
  for (auto op : graphOps(context)) {
    if (!isDeclaration(bare(op)))
      EXPECT_TRUE(op.hasInterface<graph::Composite>() || op.hasInterface<graph::Scalar>() ||
                  op.hasInterface<graph::Evaluable>())
          << op.getStringRef().str();
  }
}

TEST_F(Contracts, everyOpHasALowering) {
  for (auto op : graphOps(context))
    EXPECT_TRUE(op.hasInterface<graph::Composite>() || op.hasInterface<graph::Scalar>() ||
                op.hasInterface<graph::Structured>() || isLoweredElsewhere(bare(op)))
        << op.getStringRef().str();
}

TEST_F(Contracts, everyOpHasAFileOfCasesThatUsesIt) {
  for (auto op : graphOps(context)) {
    if (isDeclaration(bare(op)) || isForeign(bare(op)))
      continue;
    bool used = false;
    for (const tests::OpCase &c : tests::opCases())
      if (c.file == bare(op))
        c.module->walk([&](Operation *inner) {
          used |= inner->getName().getStringRef() == op.getStringRef();
        });
    EXPECT_TRUE(used) << "tests/ops/" << bare(op) << ".mlir is missing or does not use the op";
  }
}

TEST_F(Contracts, everyCaseFileIsNamedAfterAnOp) {
  for (const tests::OpCase &c : tests::opCases())
    EXPECT_TRUE(RegisteredOperationName::lookup("graph." + c.file, &context).has_value()) << c.file;
}

TEST_F(Contracts, everyCasePrintsAndReadsBack) {
  std::set<Operation *> modules;
  for (const tests::OpCase &c : tests::opCases())
    modules.insert(ModuleOp(c.module).getOperation());
  for (Operation *module : modules) {
    std::string text, again;
    llvm::raw_string_ostream(text) << *module;
    auto parsed = parseSourceString<ModuleOp>(text, module->getContext());
    ASSERT_TRUE(parsed) << text;
    llvm::raw_string_ostream(again) << **parsed;
    EXPECT_EQ(text, again);
  }
}
