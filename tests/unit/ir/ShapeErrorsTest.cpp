// Wrong shapes are reported at the user's layer, with what was given and what fits; nothing is
// built.
#include "ir/Builder.h"
#include "ir/ops/Windows.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;

namespace {
class ShapeErrors : public ::testing::Test {
protected:
  ShapeErrors()
      : module(ModuleOp::create(UnknownLoc::get(load(context)))), b(module->getBodyRegion()),
        handler(&context, [this](Diagnostic &d) {
          layer = layerName(d.getLocation());
          message = d.str();
          return success();
        }) {}
  static MLIRContext *load(MLIRContext &context) {
    context.loadDialect<GraphDialect>();
    return &context;
  }
  Value tensor(llvm::ArrayRef<int64_t> sizes, bool integers = false) {
    Type element = integers ? Type(IntegerType::get(&context, 32, IntegerType::Signed))
                            : Type(Float32Type::get(&context));
    Dims dims{Dim::symbol(&context, "batch")};
    dims.append(constantDims(&context, sizes));
    return splat(b, b.getUnknownLoc(), element, dims, 0);
  }
  Value fixed(llvm::ArrayRef<int64_t> sizes) {
    return splat(b, b.getUnknownLoc(), Float32Type::get(&context), constantDims(&context, sizes),
                 0);
  }
  NamedAttribute axis(int64_t value) { return b.getNamedAttr("axis", b.getI64IntegerAttr(value)); }
  static Windows windows(int64_t size, int64_t stride, int64_t padding) {
    llvm::SmallVector<int64_t> one{1, 1}, p{padding, padding};
    return {{size, size}, {stride, stride}, one, p, p};
  }
  /// Tries to create the op for layer "layer_7" and expects all the texts in the message.
  template <typename Op>
  void expectError(ValueRange operands, llvm::ArrayRef<NamedAttribute> attributes,
                   std::initializer_list<const char *> texts) {
    size_t before = b.getBlock()->getOperations().size();
    Location loc = NameLoc::get(b.getStringAttr("layer_7"));
    EXPECT_TRUE(failed(tryCreate<Op>(b, loc, operands, attributes)));
    EXPECT_EQ(layer, "layer_7");
    for (const char *text : texts)
      EXPECT_NE(message.find(text), std::string::npos) << "`" << text << "` in: " << message;
    EXPECT_EQ(b.getBlock()->getOperations().size(), before) << "something was built";
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  OpBuilder b;
  std::string layer, message;
  ScopedDiagnosticHandler handler;
};
} // namespace

TEST_F(ShapeErrors, convolutionOfAnotherNumberOfChannels) {
  expectError<ConvOp>({tensor({28, 28, 3}), fixed({3, 3, 1, 8})},
                      windows(3, 1, 0).attributes(b, false),
                      {"(batch, 28, 28, 3)", "(3, 3, 1, 8)", "has 3 channels", "wants 1"});
}
TEST_F(ShapeErrors, convolutionWindowThatDoesNotFit) {
  expectError<ConvOp>({tensor({3, 3, 1}), fixed({5, 5, 1, 8})},
                      windows(5, 1, 0).attributes(b, false),
                      {"a window of 5", "does not fit into 3", "(batch, 3, 3, 1)"});
}
TEST_F(ShapeErrors, convolutionGroupsThatDoNotDivideTheFilters) {
  auto attributes = windows(3, 1, 0).attributes(b, false);
  attributes.push_back(b.getNamedAttr("groups", b.getI64IntegerAttr(3)));
  expectError<ConvOp>({tensor({8, 8, 3}), fixed({3, 3, 1, 8})}, attributes,
                      {"8 filters", "3 groups"});
}
TEST_F(ShapeErrors, convolutionWithAStrideOfZero) {
  expectError<ConvOp>({tensor({8, 8, 1}), fixed({3, 3, 1, 8})},
                      windows(3, 0, 0).attributes(b, false), {"strides", "entry 0"});
}
TEST_F(ShapeErrors, poolingOfATensorOfAnotherRank) {
  expectError<MaxPoolOp>({tensor({8, 4})}, windows(2, 2, 0).attributes(b, true),
                         {"2 entries", "(batch, 8, 4)", "1 spatial"});
}
TEST_F(ShapeErrors, poolingWindowThatDoesNotFit) {
  expectError<AvgPoolOp>({tensor({2, 2, 4})}, windows(4, 4, 0).attributes(b, true),
                         {"a window of 4", "does not fit into 2"});
}
TEST_F(ShapeErrors, matrixProductOfDifferentInnerDimensions) {
  expectError<MatMulOp>({tensor({64}), fixed({128, 10})}, {},
                        {"64 and 128", "(batch, 64)", "(128, 10)"});
}
TEST_F(ShapeErrors, labelsOfAnotherShapeThanTheSamples) {
  expectError<SparseCrossEntropyOp>({tensor({10}), tensor({10}, true)}, {},
                                    {"(batch, 10)", "(batch,)", "one class number a sample"});
}
TEST_F(ShapeErrors, denseTargetsOfAnotherShape) {
  expectError<CrossEntropyOp>({tensor({10}), tensor({9})}, {}, {"batch, 10", "batch, 9"});
}
TEST_F(ShapeErrors, softmaxAlongAnAxisThatIsNotThere) {
  expectError<SoftmaxOp>({tensor({10})}, axis(2), {"axis 2", "(batch, 10)"});
}
TEST_F(ShapeErrors, batchNormalisationWithParametersOfAnotherSize) {
  expectError<BatchNormOp>({tensor({4, 4, 8}), fixed({7}), fixed({8})},
                           {axis(3), b.getNamedAttr("epsilon", b.getF64FloatAttr(1e-3))},
                           {"gamma", "(7,)", "(batch, 4, 4, 8)", "(8,)"});
}
TEST_F(ShapeErrors, concatenationOfDifferentOtherDimensions) {
  expectError<ConcatOp>({tensor({4, 8}), tensor({5, 8})}, axis(2),
                        {"axis 2", "batch, 4, 8", "batch, 5, 8"});
}
TEST_F(ShapeErrors, sliceThatLeavesTheTensor) {
  auto list = [&](llvm::ArrayRef<int64_t> sizes) {
    return DimsAttr::get(&context, llvm::map_to_vector(constantDims(&context, sizes),
                                                       [](Dim d) { return d.asAttribute(); }));
  };
  expectError<SliceOp>({fixed({4, 8})},
                       {b.getNamedAttr("starts", list({0, 5})),
                        b.getNamedAttr("sizes", list({4, 4})),
                        b.getNamedAttr("strides", b.getDenseI64ArrayAttr({1, 1}))},
                       {"from 5 of 4", "dimension 1", "(4, 8)"});
}
TEST_F(ShapeErrors, dropoutRateOutsideZeroToOne) {
  Value seed =
      splat(b, b.getUnknownLoc(), IntegerType::get(&context, 64, IntegerType::Unsigned), {}, 1);
  expectError<DropoutOp>({tensor({4}), seed, seed},
                         {b.getNamedAttr("id", b.getI64IntegerAttr(1)),
                          b.getNamedAttr("rate", b.getF64FloatAttr(1.5))},
                         {"rate from 0 to 1", "1.5"});
}
TEST_F(ShapeErrors, gatherAlongAnAxisThatIsNotThere) {
  expectError<GatherOp>({tensor({4}), tensor({}, true)}, axis(-1), {"axis -1", "(batch, 4)"});
}

// A formula of a rule: its reader refuses the node, and nothing ends or is undefined.
TEST_F(ShapeErrors, AFormulaOfShapesThatDoNotFitThrows) {
  Location loc = NameLoc::get(b.getStringAttr("layer_7"));
  Expr x(b, loc, fixed({2, 3})), y(b, loc, fixed({4}));
  EXPECT_THROW(x + y, IllTyped);
  EXPECT_EQ(layer, "layer_7");
  EXPECT_EQ(message, "shapes (2, 3) and (4,) do not broadcast");
  EXPECT_THROW(compare(Predicate::LT, x, y), IllTyped);
  EXPECT_THROW(select(x, y, y), IllTyped);
  EXPECT_THROW(sum(y, {3}), IllTyped);
}
