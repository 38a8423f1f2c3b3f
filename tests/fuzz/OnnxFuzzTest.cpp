// Damaged ONNX models: whatever the bytes, the importer answers with a module or with messages, in
// bounded time and memory. Mutates real models (../shared/models) and those of ONNX's node tests,
// which reach every operator's rule (the ctest OnnxNodeModels writes them): bytes, and fields of
// the parsed file, which gets behind the parser. INGOT_FUZZ_RUNS sets how many a case,
// INGOT_FUZZ_FIRST the first seed.
#include "compiler/Compile.h"
#include "frontends/onnx/ReadOnnx.h"
#include "onnx.pb.h"
#include "tests/support/ProcessorTime.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <google/protobuf/repeated_field.h>
#include <gtest/gtest.h>
#include <iostream>
#include <random>
#include <unistd.h>

namespace ingot::test {
namespace {

int64_t runCount() {
  const char *text = std::getenv("INGOT_FUZZ_RUNS");
  return text ? std::strtoll(text, nullptr, 10) : 150;
}

int64_t firstSeed() {
  const char *text = std::getenv("INGOT_FUZZ_FIRST");
  return text ? std::strtoll(text, nullptr, 10) : 0;
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

void mutateTensor(::onnx::TensorProto &tensor, Random &random);
void mutateNode(::onnx::GraphProto &graph, Random &random);

void mutateAttribute(::onnx::AttributeProto &attribute, Random &random) {
  if (attribute.has_g() && below(random, 4) != 0)
    return mutateNode(*attribute.mutable_g(), random);
  if (attribute.has_t() && below(random, 4) != 0)
    return mutateTensor(*attribute.mutable_t(), random);
  switch (below(random, 7)) {
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
  case 4:
    attribute.set_f(below(random, 2) ? -1.0f : 1e30f);
    break;
  case 5:
    if (attribute.floats_size())
      attribute.mutable_floats()->RemoveLast();
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

void mutateInput(::onnx::TypeProto::Tensor &tensor, Random &random) {
  ::onnx::TensorShapeProto &shape = *tensor.mutable_shape();
  switch (below(random, 5)) {
  case 0:
    tensor.set_elem_type(static_cast<int>(below(random, 30)));
    break;
  case 1:
    shape.add_dim()->set_dim_value(oddNumber(random));
    break;
  case 2:
    if (shape.dim_size())
      shape.mutable_dim()->RemoveLast();
    break;
  default:
    for (auto &dim : *shape.mutable_dim())
      if (below(random, 2))
        dim.set_dim_value(oddNumber(random));
      else
        dim.set_dim_param(below(random, 2) ? "n" : "m");
  }
}

/// The operator and attributes of another model's node, so that each rule meets inputs that others
/// are given.
void graft(::onnx::GraphProto &graph, const ::onnx::ModelProto &donor, Random &random) {
  if (graph.node_size() == 0 || donor.graph().node_size() == 0)
    return;
  auto &node = *graph.mutable_node(static_cast<int>(below(random, graph.node_size())));
  const auto &other =
      donor.graph().node(static_cast<int>(below(random, donor.graph().node_size())));
  node.set_op_type(other.op_type());
  node.set_domain(other.domain());
  *node.mutable_attribute() = other.attribute();
}

void mutateFields(std::string &bytes, Random &random, const std::string &donorBytes = "") {
  ::onnx::ModelProto model, donor;
  if (!model.ParseFromString(bytes) || !donor.ParseFromString(donorBytes))
    return;
  if (below(random, 3) == 0)
    graft(*model.mutable_graph(), donor, random);
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
        mutateInput(*input.mutable_type()->mutable_tensor_type(), random);
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

class OnnxFuzz : public testing::Test {
protected:
  OnnxFuzz() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
  }

  /// One run on these bytes, which fails unless there is a module or a message within 20 seconds of
  /// the processor's time; the context has no other threads.
  void importBytes(const std::string &bytes, const std::string &what) {
    std::string path = testing::TempDir() + "fuzz-" + std::to_string(getpid()) + ".onnx";
    std::ofstream(path, std::ios::binary) << bytes;
    int64_t messages = 0;
    mlir::ScopedDiagnosticHandler handler(context.get(), [&](mlir::Diagnostic &) { ++messages; });
    if (std::getenv("INGOT_FUZZ_VERBOSE"))
      std::cerr << what << std::endl; // which one a crash is of
    double start = tests::threadSeconds();
    auto module = readOnnx(path, context.get());
    double seconds = tests::threadSeconds() - start;
    std::filesystem::remove(path);
    ASSERT_TRUE(module || messages > 0) << what << ": neither a module nor a message";
    ASSERT_LT(seconds, 20) << what << " takes too long";
  }

  std::unique_ptr<mlir::MLIRContext> context;
};

class OnnxModelFuzz : public OnnxFuzz, public testing::WithParamInterface<std::string> {};

TEST_P(OnnxModelFuzz, EveryDamagedModelIsReadOrRefused) {
  std::string path = INGOT_SHARED_DIR "/models/" + GetParam() + ".onnx";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "../shared/models is not there";
  std::string original = readFile(path);
  for (int64_t run = firstSeed(); run < firstSeed() + runCount(); ++run) {
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

class OnnxNodeFuzz : public OnnxFuzz {
protected:
  void SetUp() override {
    if (std::filesystem::exists(INGOT_NODE_MODELS_DIR))
      for (const auto &entry : std::filesystem::directory_iterator(INGOT_NODE_MODELS_DIR))
        paths.push_back(entry.path());
    if (paths.empty())
      GTEST_SKIP() << "ONNX's node tests are not there; ctest OnnxNodeModels writes them, in the "
                      "environment that tests/conformance/onnx/setup makes";
    std::sort(paths.begin(), paths.end());
  }
  std::vector<std::string> paths;
};

/// As many runs as on one real model; the models are chosen by the seed.
TEST_F(OnnxNodeFuzz, EveryDamagedNodeTestIsReadOrRefused) {
  auto pick = [&](Random &random) -> const std::string & {
    return paths[static_cast<size_t>(below(random, static_cast<int64_t>(paths.size())))];
  };
  for (int64_t run = firstSeed(); run < firstSeed() + runCount(); ++run) {
    Random random(static_cast<uint64_t>(run));
    const std::string &path = pick(random), &donor = pick(random);
    std::string bytes = readFile(path);
    if (run % 16 == 0)
      mutateBytes(bytes, random);
    else
      mutateFields(bytes, random, readFile(donor));
    importBytes(bytes, path + " mutated with seed " + std::to_string(run));
    if (HasFatalFailure())
      return;
  }
}

/// One input of one model, by each seed, gets another rank: dimensions are cut off in front or put
/// there. A model has about 14 such variants; few runs take each of a few models.
TEST_F(OnnxNodeFuzz, EveryRankOfAnInputIsReadOrRefused) {
  constexpr int kRanks = 6;
  std::vector<std::pair<size_t, int>> inputs;
  for (size_t i = 0; i < paths.size(); ++i) {
    ::onnx::ModelProto model;
    model.ParseFromString(readFile(paths[i]));
    for (int input = 0; input < model.graph().input_size(); ++input)
      inputs.push_back({i, input});
  }
  int64_t all = static_cast<int64_t>(inputs.size()) * kRanks,
          step = std::max<int64_t>(all / runCount(), 1) | 1;
  for (int64_t run = firstSeed(); run < all; run += step) {
    auto [index, input] = inputs[static_cast<size_t>(run / kRanks)];
    ::onnx::ModelProto model;
    model.ParseFromString(readFile(paths[index]));
    auto &type = *model.mutable_graph()->mutable_input(input)->mutable_type();
    if (!type.has_tensor_type())
      continue;
    auto &dims = *type.mutable_tensor_type()->mutable_shape()->mutable_dim();
    int rank = static_cast<int>(run % kRanks), had = dims.size();
    if (rank < had)
      dims.DeleteSubrange(0, had - rank);
    for (int d = had; d < rank; ++d) {
      dims.Add()->set_dim_value(2);
      dims.SwapElements(0, d);
    }
    importBytes(model.SerializeAsString(), paths[index] + " with input " + std::to_string(input) +
                                               " of rank " + std::to_string(rank) + ", seed " +
                                               std::to_string(run));
    if (HasFatalFailure())
      return;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, OnnxModelFuzz,
                         testing::Values("mnist_cntk", "dtln_model_1", "magika_standard_v3_3",
                                         "ultraface_version-RFB-320"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

} // namespace
} // namespace ingot::test
