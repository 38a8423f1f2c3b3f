// The table of operators: one row each. An operator that is one graph op, or a short formula, is
// written here; longer rules are in ops/.
#include "frontends/onnx/OpTable.h"
#include "frontends/onnx/ops/Rules.h"

using namespace mlir;
using ingot::graph::Expr;
using ingot::graph::Predicate;

namespace ingot::onnx {
namespace {

template <typename OpTy> void unary(Node &node) { node.set(0, node.make<OpTy>({node.in(0)})); }

template <typename OpTy> void binary(Node &node) {
  node.set(0, node.binary<OpTy>(node.expr(0), node.expr(1)));
}

template <typename OpTy> void variadic(Node &node) {
  Expr result = node.expr(0);
  for (size_t i = 1; i < node.numInputs(); ++i)
    result = node.binary<OpTy>(result, node.expr(i));
  node.set(0, result);
}

template <Predicate predicate> void compare(Node &node) {
  auto [x, y] = node.broadcast(node.expr(0), node.expr(1));
  node.set(0, graph::compare(predicate, x, y));
}

constexpr const char *kOnnx = "";
constexpr const char *kMl = "ai.onnx.ml";
constexpr const char *kPreview = "ai.onnx.preview";
constexpr const char *kTraining = "ai.onnx.preview.training";

const Row kRows[] = {
    {"Abs", kOnnx, unary<graph::AbsOp>},
    {"Acos", kOnnx, acos},
    {"Acosh", kOnnx, acosh},
    {"Add", kOnnx, binary<graph::AddOp>, intsAdd},
    {"AffineGrid", kOnnx, affineGrid},
    {"And", kOnnx, binary<graph::AndOp>},
    {"ArgMax", kOnnx, argMax},
    {"ArgMin", kOnnx, argMin},
    {"Asin", kOnnx, asin},
    {"Asinh", kOnnx, asinh},
    {"Atan", kOnnx, atan},
    {"Atanh", kOnnx, atanh},
    {"Attention", kOnnx, attention},
    {"AveragePool", kOnnx, averagePool},
    {"BatchNormalization", kOnnx, batchNormalization},
    {"Bernoulli", kOnnx, bernoulli},
    {"BitShift", kOnnx, bitShift},
    {"BitwiseAnd", kOnnx, binary<graph::AndOp>},
    {"BitwiseNot", kOnnx, unary<graph::NotOp>},
    {"BitwiseOr", kOnnx, binary<graph::OrOp>},
    {"BitwiseXor", kOnnx, binary<graph::XorOp>},
    {"BlackmanWindow", kOnnx, blackmanWindow},
    {"Cast", kOnnx, cast, intsCast},
    {"CastLike", kOnnx, castLike},
    {"CausalConvWithState", kOnnx, causalConvWithState},
    {"Ceil", kOnnx, unary<graph::CeilOp>},
    {"Celu", kOnnx, celu},
    {"CenterCropPad", kOnnx, centerCropPad},
    {"Clip", kOnnx, clip},
    {"Col2Im", kOnnx, col2Im},
    {"Concat", kOnnx, concat, intsConcat},
    {"ConcatFromSequence", kOnnx, concatFromSequence},
    {"Constant", kOnnx, constant},
    {"ConstantOfShape", kOnnx, constantOfShape, intsConstantOfShape},
    {"Conv", kOnnx, conv},
    {"ConvTranspose", kOnnx, convTranspose},
    {"Cos", kOnnx, unary<graph::CosOp>},
    {"Cosh", kOnnx, cosh},
    {"CumProd", kOnnx, cumProd},
    {"CumSum", kOnnx, cumSum},
    {"DeformConv", kOnnx, deformConv},
    {"DepthToSpace", kOnnx, depthToSpace},
    {"Det", kOnnx, det},
    {"DFT", kOnnx, dft},
    {"Div", kOnnx, binary<graph::DivOp>, intsDiv},
    {"Dropout", kOnnx, dropout},
    {"Einsum", kOnnx, einsum},
    {"Elu", kOnnx, elu},
    {"Equal", kOnnx, compare<Predicate::EQ>},
    {"Erf", kOnnx, unary<graph::ErfOp>},
    {"Exp", kOnnx, unary<graph::ExpOp>},
    {"Expand", kOnnx, expand},
    {"EyeLike", kOnnx, eyeLike},
    {"Flatten", kOnnx, flatten},
    {"Floor", kOnnx, unary<graph::FloorOp>},
    {"Gather", kOnnx, gather, intsGather},
    {"GatherElements", kOnnx, gatherElements},
    {"GatherND", kOnnx, gatherNd},
    {"Gelu", kOnnx, gelu},
    {"Gemm", kOnnx, gemm},
    {"GlobalAveragePool", kOnnx, globalAveragePool},
    {"GlobalLpPool", kOnnx, globalLpPool},
    {"GlobalMaxPool", kOnnx, globalMaxPool},
    {"Greater", kOnnx, compare<Predicate::GT>},
    {"GreaterOrEqual", kOnnx, compare<Predicate::GE>},
    {"GridSample", kOnnx, gridSample},
    {"GroupNormalization", kOnnx, groupNormalization},
    {"GRU", kOnnx, gru},
    {"HammingWindow", kOnnx, hammingWindow},
    {"HannWindow", kOnnx, hannWindow},
    {"Hardmax", kOnnx, hardmax},
    {"HardSigmoid", kOnnx, hardSigmoid},
    {"HardSwish", kOnnx, hardSwish},
    {"Identity", kOnnx, identity},
    {"If", kOnnx, ifRule},
    {"InstanceNormalization", kOnnx, instanceNormalization},
    {"IsInf", kOnnx, isInf},
    {"IsNaN", kOnnx, unary<graph::IsNanOp>},
    {"LayerNormalization", kOnnx, layerNormalization},
    {"LeakyRelu", kOnnx, leakyRelu},
    {"Less", kOnnx, compare<Predicate::LT>},
    {"LessOrEqual", kOnnx, compare<Predicate::LE>},
    {"LinearAttention", kOnnx, linearAttention},
    {"Log", kOnnx, unary<graph::LogOp>},
    {"LogSoftmax", kOnnx, logSoftmax},
    {"Loop", kOnnx, loop},
    {"LpNormalization", kOnnx, lpNormalization},
    {"LpPool", kOnnx, lpPool},
    {"LRN", kOnnx, lrn},
    {"LSTM", kOnnx, lstm},
    {"MatMul", kOnnx, matMul},
    {"Max", kOnnx, variadic<graph::MaxOp>, intsMax},
    {"MaxPool", kOnnx, maxPool},
    {"MaxRoiPool", kOnnx, maxRoiPool},
    {"MaxUnpool", kOnnx, maxUnpool},
    {"Mean", kOnnx, mean},
    {"MeanVarianceNormalization", kOnnx, meanVarianceNormalization},
    {"MelWeightMatrix", kOnnx, melWeightMatrix},
    {"Min", kOnnx, variadic<graph::MinOp>, intsMin},
    {"Mish", kOnnx, mish},
    {"Mod", kOnnx, mod},
    {"Mul", kOnnx, binary<graph::MulOp>, intsMul},
    {"Multinomial", kOnnx, multinomial},
    {"Neg", kOnnx, unary<graph::NegOp>},
    {"NegativeLogLikelihoodLoss", kOnnx, negativeLogLikelihoodLoss},
    {"Not", kOnnx, unary<graph::NotOp>},
    {"OneHot", kOnnx, oneHot},
    {"Optional", kOnnx, optional},
    {"OptionalGetElement", kOnnx, optionalGetElement},
    {"OptionalHasElement", kOnnx, optionalHasElement},
    {"Or", kOnnx, binary<graph::OrOp>},
    {"Pad", kOnnx, pad},
    {"Pow", kOnnx, pow},
    {"PRelu", kOnnx, prelu},
    {"RandomNormal", kOnnx, randomNormal},
    {"RandomNormalLike", kOnnx, randomNormalLike},
    {"RandomUniform", kOnnx, randomUniform},
    {"RandomUniformLike", kOnnx, randomUniformLike},
    {"Range", kOnnx, range, intsRange},
    {"Reciprocal", kOnnx, unary<graph::ReciprocalOp>},
    {"ReduceL1", kOnnx, reduceL1},
    {"ReduceL2", kOnnx, reduceL2},
    {"ReduceLogSum", kOnnx, reduceLogSum},
    {"ReduceLogSumExp", kOnnx, reduceLogSumExp},
    {"ReduceMax", kOnnx, reduceMax},
    {"ReduceMean", kOnnx, reduceMean},
    {"ReduceMin", kOnnx, reduceMin},
    {"ReduceProd", kOnnx, reduceProd, intsReduceProd},
    {"ReduceSum", kOnnx, reduceSum},
    {"ReduceSumSquare", kOnnx, reduceSumSquare},
    {"Relu", kOnnx, unary<graph::ReluOp>},
    {"Reshape", kOnnx, reshape, intsReshape},
    {"Resize", kOnnx, resize},
    {"ReverseSequence", kOnnx, reverseSequence},
    {"RMSNormalization", kOnnx, rmsNormalization},
    {"RNN", kOnnx, rnn},
    {"RoiAlign", kOnnx, roiAlign},
    {"RotaryEmbedding", kOnnx, rotaryEmbedding},
    {"Round", kOnnx, unary<graph::RoundOp>},
    {"Scan", kOnnx, scan},
    {"Scatter", kOnnx, scatterElements},
    {"ScatterElements", kOnnx, scatterElements},
    {"ScatterND", kOnnx, scatterNd},
    {"Selu", kOnnx, selu},
    {"SequenceAt", kOnnx, sequenceAt},
    {"SequenceConstruct", kOnnx, sequenceConstruct},
    {"SequenceEmpty", kOnnx, sequenceEmpty},
    {"SequenceErase", kOnnx, sequenceErase},
    {"SequenceInsert", kOnnx, sequenceInsert},
    {"SequenceLength", kOnnx, sequenceLength},
    {"SequenceMap", kOnnx, sequenceMap},
    {"Shape", kOnnx, shape},
    {"Shrink", kOnnx, shrink},
    {"Sigmoid", kOnnx, unary<graph::SigmoidOp>},
    {"Sign", kOnnx, unary<graph::SignOp>},
    {"Sin", kOnnx, unary<graph::SinOp>},
    {"Sinh", kOnnx, sinh},
    {"Size", kOnnx, size},
    {"Slice", kOnnx, slice, intsSlice},
    {"Softmax", kOnnx, softmax},
    {"SoftmaxCrossEntropyLoss", kOnnx, softmaxCrossEntropyLoss},
    {"Softplus", kOnnx, unary<graph::SoftplusOp>},
    {"Softsign", kOnnx, softsign},
    {"SpaceToDepth", kOnnx, spaceToDepth},
    {"Split", kOnnx, split},
    {"SplitToSequence", kOnnx, splitToSequence},
    {"Sqrt", kOnnx, unary<graph::SqrtOp>},
    {"Squeeze", kOnnx, squeeze, intsSqueeze},
    {"STFT", kOnnx, stft},
    {"Sub", kOnnx, binary<graph::SubOp>, intsSub},
    {"Sum", kOnnx, variadic<graph::AddOp>},
    {"SwiGLU", kOnnx, swiGlu},
    {"Swish", kOnnx, swish},
    {"Tan", kOnnx, unary<graph::TanOp>},
    {"Tanh", kOnnx, unary<graph::TanhOp>},
    {"TensorScatter", kOnnx, tensorScatter},
    {"ThresholdedRelu", kOnnx, thresholdedRelu},
    {"Tile", kOnnx, tile},
    {"TopK", kOnnx, topK},
    {"Transpose", kOnnx, transpose},
    {"Trilu", kOnnx, trilu},
    {"Unsqueeze", kOnnx, unsqueeze, intsUnsqueeze},
    {"Upsample", kOnnx, upsample},
    {"Where", kOnnx, where},
    {"Xor", kOnnx, binary<graph::XorOp>},
    {"ArrayFeatureExtractor", kMl, arrayFeatureExtractor},
    {"Binarizer", kMl, binarizer},
    {"FeatureVectorizer", kMl, featureVectorizer},
    {"Imputer", kMl, imputer},
    {"LinearClassifier", kMl, linearClassifier},
    {"LinearRegressor", kMl, linearRegressor},
    {"Normalizer", kMl, normalizer},
    {"Scaler", kMl, scaler},
    {"SVMClassifier", kMl, svmClassifier},
    {"SVMRegressor", kMl, svmRegressor},
    {"TreeEnsemble", kMl, treeEnsemble},
    {"TreeEnsembleClassifier", kMl, treeEnsembleClassifier},
    {"TreeEnsembleRegressor", kMl, treeEnsembleRegressor},
    {"FlexAttention", kPreview, flexAttention},
    {"Adagrad", kTraining, adagrad},
    {"Adam", kTraining, adam},
    {"Momentum", kTraining, momentum},
};

} // namespace

llvm::ArrayRef<Row> opTable() { return kRows; }

const Row *findRow(llvm::StringRef domain, llvm::StringRef name) {
  for (const Row &row : kRows)
    if (domain == row.domain && name == row.name)
      return &row;
  return nullptr;
}

} // namespace ingot::onnx
