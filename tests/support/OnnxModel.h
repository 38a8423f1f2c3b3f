// Small ONNX models made in tests.
#pragma once
#include "onnx.pb.h"
#include <fstream>
#include <string>
#include <vector>

namespace ingot::test {

class OnnxModel {
public:
  explicit OnnxModel(int64_t opset = 17) {
    proto.set_ir_version(8);
    proto.set_producer_name("tests");
    proto.mutable_graph()->set_name("net");
    proto.add_opset_import()->set_version(opset);
  }

  /// Dimensions are numbers or names.
  static void setType(::onnx::ValueInfoProto &value, const std::string &name,
                      const std::vector<std::string> &dims, int32_t type) {
    value.set_name(name);
    auto &tensor = *value.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (const std::string &dim : dims)
      if (std::isdigit(static_cast<unsigned char>(dim[0])))
        tensor.mutable_shape()->add_dim()->set_dim_value(std::stoll(dim));
      else
        tensor.mutable_shape()->add_dim()->set_dim_param(dim);
  }
  OnnxModel &input(const std::string &name, const std::vector<std::string> &dims,
                   int32_t type = ::onnx::TensorProto::FLOAT) {
    setType(*graph().add_input(), name, dims, type);
    return *this;
  }
  /// Its type is left out.
  OnnxModel &output(const std::string &name) {
    graph().add_output()->set_name(name);
    graph().mutable_output()->rbegin()->mutable_type()->mutable_tensor_type();
    return *this;
  }
  OnnxModel &output(const std::string &name, const std::vector<std::string> &dims,
                    int32_t type = ::onnx::TensorProto::FLOAT) {
    setType(*graph().add_output(), name, dims, type);
    return *this;
  }
  OnnxModel &weight(const std::string &name, const std::vector<int64_t> &dims,
                    const std::vector<float> &values) {
    auto &tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(::onnx::TensorProto::FLOAT);
    for (int64_t dim : dims)
      tensor.add_dims(dim);
    for (float value : values)
      tensor.add_float_data(value);
    return *this;
  }
  ::onnx::NodeProto &node(const std::string &op, const std::vector<std::string> &inputs,
                          const std::vector<std::string> &outputs, const std::string &name = "") {
    auto &made = *graph().add_node();
    made.set_op_type(op);
    made.set_name(name);
    for (const std::string &input : inputs)
      made.add_input(input);
    for (const std::string &output : outputs)
      made.add_output(output);
    return made;
  }
  static void attribute(::onnx::NodeProto &node, const std::string &name, int64_t value) {
    ::onnx::AttributeProto &added = *node.add_attribute();
    added.set_name(name);
    added.set_type(::onnx::AttributeProto::INT);
    added.set_i(value);
  }
  static void attribute(::onnx::NodeProto &node, const std::string &name,
                        const std::vector<int64_t> &values) {
    ::onnx::AttributeProto &added = *node.add_attribute();
    added.set_name(name);
    added.set_type(::onnx::AttributeProto::INTS);
    for (int64_t value : values)
      added.add_ints(value);
  }
  /// x -> t1 -> t2 … -> y by nodes `n1`, `n2`, … of these operators.
  OnnxModel &chain(const std::vector<std::string> &ops) {
    std::string from = "x";
    for (size_t i = 1; i <= ops.size(); ++i) {
      std::string to = i == ops.size() ? "y" : "t" + std::to_string(i);
      node(ops[i - 1], {from}, {to}, "n" + std::to_string(i));
      from = to;
    }
    return *this;
  }

  ::onnx::GraphProto &graph() { return *proto.mutable_graph(); }
  void save(const std::string &path) const {
    std::ofstream(path, std::ios::binary) << proto.SerializeAsString();
  }
  static ::onnx::ModelProto load(const std::string &path) {
    ::onnx::ModelProto model;
    std::ifstream stream(path, std::ios::binary);
    model.ParseFromString(std::string(std::istreambuf_iterator<char>(stream), {}));
    return model;
  }

  ::onnx::ModelProto proto;
};

} // namespace ingot::test
