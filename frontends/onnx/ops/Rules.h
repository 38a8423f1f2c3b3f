// The rules that OpTable.cpp names, by the file that has them. Each turns one node into graph ops;
// see Node.h for how it fails.
#pragma once
#include "frontends/onnx/Node.h"

namespace ingot::graph {
class CustomOpOp; // ir/ops/Custom.h
}

namespace ingot::onnx {

// Elementwise.cpp
void bitCast(Node &), bitShift(Node &), cast(Node &), castLike(Node &), clip(Node &), isInf(Node &),
    leakyRelu(Node &), mean(Node &), mod(Node &), pow(Node &), prelu(Node &), where(Node &);
// Activations.cpp
void celu(Node &), elu(Node &), gelu(Node &), hardSigmoid(Node &), hardSwish(Node &), mish(Node &),
    selu(Node &), shrink(Node &), softsign(Node &), swiGlu(Node &), swish(Node &),
    thresholdedRelu(Node &);
// Shapes.cpp
void constant(Node &), constantOfShape(Node &), identity(Node &), range(Node &), shape(Node &),
    size(Node &);
// Movement.cpp
void concat(Node &), expand(Node &), flatten(Node &), gather(Node &), pad(Node &), reshape(Node &),
    slice(Node &), split(Node &), squeeze(Node &), tile(Node &), transpose(Node &),
    unsqueeze(Node &);
// Reductions.cpp
void argMax(Node &), argMin(Node &), logSoftmax(Node &), reduceL1(Node &), reduceL2(Node &),
    reduceLogSum(Node &), reduceLogSumExp(Node &), reduceMax(Node &), reduceMean(Node &),
    reduceMin(Node &), reduceProd(Node &), reduceSum(Node &), reduceSumSquare(Node &),
    softmax(Node &);
// Quantization.cpp
void convInteger(Node &), dequantizeLinear(Node &), dynamicQuantizeLinear(Node &),
    matMulInteger(Node &), qLinearConv(Node &), qLinearMatMul(Node &), quantizeLinear(Node &);
// Contractions.cpp
void conv(Node &), convTranspose(Node &), gemm(Node &), matMul(Node &);
// Pools.cpp
void averagePool(Node &), globalAveragePool(Node &), globalLpPool(Node &), globalMaxPool(Node &),
    lpPool(Node &), maxPool(Node &), maxUnpool(Node &);
// Normalization.cpp
void batchNormalization(Node &), groupNormalization(Node &), instanceNormalization(Node &),
    layerNormalization(Node &), lpNormalization(Node &), lrn(Node &),
    meanVarianceNormalization(Node &), rmsNormalization(Node &);
// Losses.cpp
void negativeLogLikelihoodLoss(Node &), softmaxCrossEntropyLoss(Node &);
// Optimizers.cpp
void adagrad(Node &), adam(Node &), momentum(Node &);
// Gradient.cpp
void gradient(Node &);
// Ngrams.cpp
void tfIdfVectorizer(Node &);
// Signals.cpp
void blackmanWindow(Node &), dft(Node &), hammingWindow(Node &), hannWindow(Node &),
    melWeightMatrix(Node &), stft(Node &);
// Random.cpp
void bernoulli(Node &), dropout(Node &), multinomial(Node &), randomNormal(Node &),
    randomNormalLike(Node &), randomUniform(Node &), randomUniformLike(Node &);
// Classical.cpp
void featureVectorizer(Node &), imputer(Node &), linearClassifier(Node &), linearRegressor(Node &),
    normalizer(Node &), scaler(Node &), svmClassifier(Node &), svmRegressor(Node &);
// Trees.cpp
void treeEnsemble(Node &), treeEnsembleClassifier(Node &), treeEnsembleRegressor(Node &);
// Einsum.cpp
void einsum(Node &);
// Attention.cpp
void attention(Node &), flexAttention(Node &), rotaryEmbedding(Node &);
// LinearAttention.cpp
void causalConvWithState(Node &), linearAttention(Node &);
// Blocks.cpp
void centerCropPad(Node &), col2Im(Node &), depthToSpace(Node &), det(Node &), spaceToDepth(Node &);
// Resize.cpp
void resize(Node &), upsample(Node &);
// Sampling.cpp
void affineGrid(Node &), deformConv(Node &), gridSample(Node &), maxRoiPool(Node &),
    roiAlign(Node &);
// Functions.cpp
void acos(Node &), acosh(Node &), asin(Node &), asinh(Node &), atan(Node &), atanh(Node &),
    cosh(Node &), sinh(Node &);
// Indexing.cpp
void arrayFeatureExtractor(Node &), binarizer(Node &), eyeLike(Node &), gatherElements(Node &),
    gatherNd(Node &), oneHot(Node &), reverseSequence(Node &), scatterElements(Node &),
    scatterNd(Node &), tensorScatter(Node &), trilu(Node &);
// Ordered.cpp
void cumProd(Node &), cumSum(Node &), hardmax(Node &), topK(Node &);
// Control.cpp
void ifRule(Node &), loop(Node &), scan(Node &);
// Sequences.cpp
void concatFromSequence(Node &), optional(Node &), optionalGetElement(Node &),
    optionalHasElement(Node &), sequenceAt(Node &), sequenceConstruct(Node &),
    sequenceEmpty(Node &), sequenceErase(Node &), sequenceInsert(Node &), sequenceLength(Node &),
    sequenceMap(Node &), splitToSequence(Node &);
// Counts.cpp
void compress(Node &), nonMaxSuppression(Node &), nonZero(Node &), unique(Node &);
// Recurrent.cpp
void gru(Node &), lstm(Node &), rnn(Node &);

// Custom.cpp
/// A call of the user's own operator.
void callCustomOp(Node &, graph::CustomOpOp);

// ShapeValues.cpp: the elements of integer outputs as expressions.
std::optional<Ints> intsAdd(Node &), intsAnd(Node &), intsCast(Node &), intsCeil(Node &),
    intsConcat(Node &), intsConstantOfShape(Node &), intsDiv(Node &), intsEqual(Node &),
    intsFloor(Node &), intsGather(Node &), intsGreater(Node &), intsGreaterOrEqual(Node &),
    intsIdentity(Node &), intsLess(Node &), intsLessOrEqual(Node &), intsMax(Node &),
    intsMin(Node &), intsMod(Node &), intsMul(Node &), intsNeg(Node &), intsNot(Node &),
    intsOr(Node &), intsRange(Node &), intsReduceProd(Node &), intsRelu(Node &),
    intsReshape(Node &), intsShape(Node &), intsSize(Node &), intsSlice(Node &),
    intsSqueeze(Node &), intsSub(Node &), intsUnsqueeze(Node &), intsWhere(Node &);

EntryPtr tensorEntry(mlir::Value value);
/// Runs `make` with the node's builder at the end of the region that `b` builds.
void buildIn(Node &node, mlir::OpBuilder &b, llvm::function_ref<void()> make);

/// NumPy's matmul of x and y, of one element type.
graph::Expr matrixProduct(Node &node, graph::Expr x, graph::Expr y);
/// The convolution that the node's attributes describe, (N, C, spatial…) with (M, C / group, k…),
/// and a bias (M) or null.
graph::Expr convolution(Node &node, mlir::Value x, mlir::Value w, mlir::Value bias);

/// A sliding window's geometry as convolution and pooling attributes give it; spatial dimensions
/// only. Padding is symbolic where auto_pad or ceil_mode make it depend on a symbolic size.
struct Window {
  llvm::SmallVector<int64_t> size, strides, dilations;
  Dims low, high;

  bool hasStaticPadding() const;
  /// The op attributes of this geometry, without padding where that is symbolic; pools want the
  /// size.
  llvm::SmallVector<mlir::NamedAttribute> attributes(Node &node, bool withSize) const;
  /// `x` (N, spatial…, C), padded with `value` where the attributes leave padding out.
  mlir::Value pad(Node &node, mlir::Value x, double value) const;
};
/// Reads strides, dilations, pads, auto_pad and ceil_mode for an input of these spatial dimensions.
Window windowOf(Node &node, llvm::ArrayRef<int64_t> size, llvm::ArrayRef<Dim> spatial);
/// (N, C, spatial…) -> (N, spatial…, C), and back.
graph::Expr channelsLast(Node &node, mlir::Value x);
graph::Expr channelsFirst(Node &node, mlir::Value x);

} // namespace ingot::onnx
