// Damaged ONNX models: whatever the bytes, the importer answers with a module or with messages, in
// bounded time and memory. Mutates real models (../shared/models) and small ones made here: bytes,
// and fields of the parsed file, which gets behind the parser. INGOT_FUZZ_RUNS sets how many a
// case.
#include "compiler/Compile.h"
#include "frontends/onnx/ReadOnnx.h"
#include "onnx.pb.h"
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <google/protobuf/repeated_field.h>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

namespace ingot::test {
namespace {

int64_t runCount() {
  const char *text = std::getenv("INGOT_FUZZ_RUNS");
  return text ? std::strtoll(text, nullptr, 10) : 150;
}

std::string readFile(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

using Random = std::mt19937_64;
int64_t below(Random &random, int64_t n) {
  return n <= 0 ? 0 : static_cast<int64_t>(random() % static_cast<uint64_t>(n));
}

/// Numbers at the edges of what shapes, axes and types can be.
int64_t oddNumber(Random &random) {
  static const int64_t numbers[] = {0,  -1,        1,         2,         3,         7,
                                    64, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1LL << 40,
                                    -2, 1000000,   16,        23};
  return numbers[below(random, std::size(numbers))];
}

void mutateBytes(std::string &bytes, Random &random) {
  for (int64_t i = 1 + below(random, 8); i > 0 && !bytes.empty(); --i) {
    size_t at = static_cast<size_t>(below(random, static_cast<int64_t>(bytes.size())));
    switch (below(random, 4)) {
    case 0:
      bytes[at] = static_cast<char>(random());
      break;
    case 1:
      bytes.erase(at, static_cast<size_t>(below(random, 64)));
      break;
    case 2:
      bytes.insert(at, bytes.substr(at / 2, static_cast<size_t>(below(random, 64))));
      break;
    default:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
    }
  }
}

void mutateAttribute(::onnx::AttributeProto &attribute, Random &random) {
  switch (below(random, 5)) {
  case 0:
    attribute.set_i(oddNumber(random));
    break;
  case 1:
    if (attribute.ints_size())
      attribute.set_ints(static_cast<int>(below(random, attribute.ints_size())), oddNumber(random));
    break;
  case 2:
    attribute.add_ints(oddNumber(random));
    break;
  case 3:
    attribute.clear_ints();
    break;
  default:
    attribute.set_type(static_cast<::onnx::AttributeProto::AttributeType>(below(random, 15)));
  }
}

void mutateNode(::onnx::GraphProto &graph, Random &random) {
  if (graph.node_size() == 0)
    return;
  auto pick = [&] {
    return graph.mutable_node(static_cast<int>(below(random, graph.node_size())));
  };
  ::onnx::NodeProto &node = *pick(), &other = *pick();
  switch (below(random, 7)) {
  case 0:
    node.set_op_type(other.op_type());
    break;
  case 1:
    if (node.input_size() && other.input_size())
      node.set_input(static_cast<int>(below(random, node.input_size())),
                     other.input(static_cast<int>(below(random, other.input_size()))));
    break;
  case 2:
    node.mutable_input()->Clear();
    break;
  case 3:
    if (node.input_size())
      node.mutable_input()->RemoveLast();
    break;
  case 4:
    graph.mutable_node()->SwapElements(0, static_cast<int>(below(random, graph.node_size())));
    break;
  case 5:
    node.mutable_output()->Clear();
    break;
  default:
    if (node.attribute_size())
      mutateAttribute(
          *node.mutable_attribute(static_cast<int>(below(random, node.attribute_size()))), random);
  }
}

void mutateTensor(::onnx::TensorProto &tensor, Random &random) {
  switch (below(random, 5)) {
  case 0:
    tensor.set_data_type(static_cast<int>(below(random, 30)));
    break;
  case 1:
    tensor.add_dims(oddNumber(random));
    break;
  case 2:
    if (tensor.dims_size())
      tensor.set_dims(static_cast<int>(below(random, tensor.dims_size())), oddNumber(random));
    break;
  case 3:
    tensor.mutable_raw_data()->resize(static_cast<size_t>(below(random, 100)));
    break;
  default:
    tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
    auto *entry = tensor.add_external_data();
    entry->set_key("location");
    entry->set_value(below(random, 2) ? "../../etc/passwd" : "weights.bin");
  }
}

void mutateFields(std::string &bytes, Random &random) {
  ::onnx::ModelProto model;
  if (!model.ParseFromString(bytes))
    return;
  ::onnx::GraphProto &graph = *model.mutable_graph();
  for (int64_t i = 1 + below(random, 4); i > 0; --i)
    switch (below(random, 6)) {
    case 0:
      if (graph.initializer_size())
        mutateTensor(
            *graph.mutable_initializer(static_cast<int>(below(random, graph.initializer_size()))),
            random);
      break;
    case 1:
      if (graph.input_size()) {
        auto &input = *graph.mutable_input(static_cast<int>(below(random, graph.input_size())));
        auto &tensor = *input.mutable_type()->mutable_tensor_type();
        if (below(random, 2))
          tensor.set_elem_type(static_cast<int>(below(random, 30)));
        else
          for (auto &dim : *tensor.mutable_shape()->mutable_dim())
            if (below(random, 2))
              dim.set_dim_value(oddNumber(random));
            else
              dim.set_dim_param("n");
      }
      break;
    case 2:
      if (model.opset_import_size())
        model.mutable_opset_import(0)->set_version(below(random, 30));
      break;
    default:
      mutateNode(graph, random);
    }
  bytes = model.SerializeAsString();
}

class OnnxFuzz : public testing::TestWithParam<std::string> {
protected:
  OnnxFuzz() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }

  /// One run on these bytes, which fails unless there is a module or a message within 20 seconds.
  void importBytes(const std::string &bytes, const std::string &what) {
    std::string path = testing::TempDir() + "fuzz-" + std::to_string(getpid()) + ".onnx";
    std::ofstream(path, std::ios::binary) << bytes;
    int64_t messages = 0;
    mlir::ScopedDiagnosticHandler handler(context.get(), [&](mlir::Diagnostic &) { ++messages; });
    auto start = std::chrono::steady_clock::now();
    auto module = readOnnx(path, context.get());
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::filesystem::remove(path);
    ASSERT_TRUE(module || messages > 0) << what << ": neither a module nor a message";
    ASSERT_LT(seconds.count(), 20) << what << " takes too long";
  }

  std::unique_ptr<mlir::MLIRContext> context;
};

TEST_P(OnnxFuzz, EveryDamagedModelIsReadOrRefused) {
  std::string path = INGOT_SHARED_DIR "/models/" + GetParam() + ".onnx";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "../shared/models is not there";
  std::string original = readFile(path);
  for (int64_t run = 0; run < runCount(); ++run) {
    Random random(static_cast<uint64_t>(run));
    std::string bytes = original;
    if (run % 4 == 0)
      mutateBytes(bytes, random);
    else
      mutateFields(bytes, random);
    importBytes(bytes, GetParam() + " mutated with seed " + std::to_string(run));
    if (HasFatalFailure())
      return;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, OnnxFuzz,
                         testing::Values("mnist_cntk", "dtln_model_1", "magika_standard_v3_3",
                                         "ultraface_version-RFB-320"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
} // namespace ingot::test
