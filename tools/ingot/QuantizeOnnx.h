// An ONNX model with its convolutions and matrix products on integers: QuantizeLinear and
// DequantizeLinear around the tensors between them, weights as integers. Used by quantize.
#pragma once
#include "onnx.pb.h"
#include "tools/ingot/Calibration.h"
#include <map>
#include <set>

namespace ingot::cli {

struct QuantizeOptions {
  bool signedActivations = false;   ///< i8 instead of u8
  bool reducedRange = false;        ///< weights of 7 bits
  bool perTensor = false;           ///< one scale a weight instead of one an output channel
  std::vector<std::string> skipped; ///< nodes that stay as they are
};

/// A tensor between nodes that becomes integers.
struct QuantizedTensor {
  std::string name, node, op; ///< and what makes it; no node makes an input of the model
  std::string like;           ///< the tensor whose range it has, where a node only moves elements
};

/// What of a model is quantised. Convolutions, Gemm and MatMul by fixed weights; and what moves or
/// joins the results of convolutions (additions, pools, concatenations), so that what lies between
/// two of them is integers.
class QuantizationPlan {
public:
  /// Of a model with its weights inside. Brings it to operator set 13 where it is older. Throws
  /// Failure.
  QuantizationPlan(::onnx::ModelProto model, const QuantizeOptions &options);

  const std::vector<QuantizedTensor> &tensors() const { return found; }
  /// How many convolutions and products become integer ones.
  size_t nodeCount() const { return weightOf.size(); }
  std::vector<std::string> outputs() const;
  /// The model as it was, the quantised tensors being outputs too.
  ::onnx::ModelProto observed() const;
  /// The quantised model; `ranges` by tensor.
  ::onnx::ModelProto quantized(const std::map<std::string, Range> &ranges) const;
  /// The name in the quantised model of what the tensor is there, as f32.
  static std::string dequantizedName(const std::string &tensor) { return tensor + "_dequantized"; }

private:
  /// The weight of a node: which input, and which dimension has the output channels.
  struct Weight {
    int input, axis;
  };
  void upgrade();
  void checkSkipped() const;
  bool isSkipped(const ::onnx::NodeProto &node) const;
  void foldWeights();
  void chooseNodes();
  void chooseTensors();
  bool isWeight(const std::string &name) const { return weights.count(name) != 0; }
  std::optional<Weight> weightFor(const ::onnx::NodeProto &node) const;
  void take(const std::string &tensor, const std::string &like = "");

  ::onnx::ModelProto model;
  QuantizeOptions options;
  std::map<std::string, const ::onnx::TensorProto *> weights; ///< f32 initializers
  std::map<int, Weight> weightOf;                             ///< by node
  std::vector<QuantizedTensor> found;
  std::map<std::string, size_t> indexOf; ///< of a tensor in `found`
};

} // namespace ingot::cli
