// Small ONNX models made in tests: a graph with inputs, initializers and nodes, written to a file.
#pragma once
#include "onnx.pb.h"
#include <fstream>
#include <string>
#include <vector>

namespace ingot::test {

class OnnxBuilder {
public:
  explicit OnnxBuilder(int64_t opset = 20) {
    model.set_ir_version(10);
    model.add_opset_import()->set_version(opset);
    model.mutable_graph()->set_name("test");
  }

  /// Dimensions are numbers or, where they do not start with a digit, symbols.
  void input(const std::string &name, const std::vector<std::string> &dims,
             int type = ::onnx::TensorProto::FLOAT) {
    ::onnx::ValueInfoProto *input = model.mutable_graph()->add_input();
    input->set_name(name);
    auto *tensor = input->mutable_type()->mutable_tensor_type();
    tensor->set_elem_type(type);
    tensor->mutable_shape();
    for (const std::string &dim : dims)
      if (isdigit(static_cast<unsigned char>(dim[0])))
        tensor->mutable_shape()->add_dim()->set_dim_value(std::stoll(dim));
      else
        tensor->mutable_shape()->add_dim()->set_dim_param(dim);
  }
  void output(const std::string &name) {
    model.mutable_graph()->add_output()->set_name(name);
    model.mutable_graph()->mutable_output()->rbegin()->mutable_type()->mutable_tensor_type();
  }
  void initializer(const std::string &name, const std::vector<int64_t> &dims,
                   const std::vector<float> &values) {
    ::onnx::TensorProto *tensor = model.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(::onnx::TensorProto::FLOAT);
    for (int64_t dim : dims)
      tensor->add_dims(dim);
    for (float value : values)
      tensor->add_float_data(value);
  }
  /// Named as its first output, with `node_` before it.
  ::onnx::NodeProto &node(const std::string &op, const std::vector<std::string> &inputs,
                          const std::vector<std::string> &outputs) {
    ::onnx::NodeProto *node = model.mutable_graph()->add_node();
    node->set_name("node_" + outputs.front());
    node->set_op_type(op);
    for (const std::string &name : inputs)
      node->add_input(name);
    for (const std::string &name : outputs)
      node->add_output(name);
    return *node;
  }
  static void attribute(::onnx::NodeProto &node, const std::string &name, int64_t value) {
    ::onnx::AttributeProto *attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(::onnx::AttributeProto::INT);
    attribute->set_i(value);
  }
  void write(const std::string &path) const {
    std::ofstream(path, std::ios::binary) << model.SerializeAsString();
  }

  ::onnx::ModelProto model;
};

} // namespace ingot::test
