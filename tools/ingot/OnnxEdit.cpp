// See OnnxEdit.h.
#include "tools/ingot/OnnxEdit.h"
#include "frontends/onnx/ExternalData.h"
#include "frontends/onnx/OnnxFile.h"
#include "runtime/core/AtomicFile.h"
#include "tools/ingot/LoadModel.h"
#include <filesystem>
#include <set>

namespace ingot::cli {

std::string nodeTitle(const ::onnx::NodeProto &node) {
  std::string name = node.name();
  for (const std::string &output : node.output())
    if (name.empty())
      name = output;
  return name.empty() ? node.op_type() : name;
}

std::map<std::string, Maker> makersOf(const ::onnx::GraphProto &graph) {
  std::map<std::string, Maker> makers;
  int index = 0;
  for (const ::onnx::NodeProto &node : graph.node()) {
    for (const std::string &output : node.output())
      if (!output.empty())
        makers.emplace(output, Maker{index, nodeTitle(node), node.op_type()});
    ++index;
  }
  return makers;
}

void addOutputs(::onnx::GraphProto &graph, const std::vector<std::string> &names) {
  std::set<std::string> there;
  for (const ::onnx::ValueInfoProto &output : graph.output())
    there.insert(output.name());
  for (const std::string &name : names)
    if (there.insert(name).second)
      graph.add_output()->set_name(name);
}

::onnx::ModelProto loadOnnx(const std::string &path, bool isWhole) {
  checkExists(path);
  auto context = makeContext();
  DiagnosticCollector collector(context.get(), path);
  auto model = readOnnxFile(path, context.get());
  collector.throwErrors();
  if (isWhole)
    (void)inlineExternalData(*model, std::filesystem::path(path).parent_path().string(),
                             context.get());
  collector.throwErrors();
  return std::move(*model);
}

void saveOnnx(const ::onnx::ModelProto &model, const std::string &path) {
  std::string bytes;
  if (model.ByteSizeLong() > INT32_MAX || !model.SerializeToString(&bytes))
    throw Failure(kInput, "`" + path + "` would have more than 2 GiB");
  AtomicFile file = check(AtomicFile::create(path));
  check(file.write(bytes.data(), bytes.size()));
  check(file.commit());
}

} // namespace ingot::cli
