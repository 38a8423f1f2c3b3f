// The model for the Graphs tab of TensorBoard: as a TensorFlow GraphDef, a node for each call of a
// layer with the shapes of its results, and as Keras's config, which is shown as the conceptual
// graph. Called by Model::fit for the TensorBoard callback. Field numbers: graph.proto,
// node_def.proto, attr_value.proto and tensor_shape.proto of TensorFlow.
#include "frontends/keras/TensorBoardGraph.h"
#include "frontends/keras/files/ModelFile.h"
#include "runtime/core/ProtoWriter.h"

namespace ingot::keras::detail {

using namespace proto;

namespace {

namespace field {
enum Graph { node = 1, versions = 4 };
enum Node { name = 1, op = 2, input = 3, attribute = 5 };
enum MapEntry { key = 1, value = 2 };
enum Attribute { list = 1 };
enum List { shape = 7 };
enum Shape { dimension = 2 };
enum Number { number = 1 }; // of a dimension, of a version
} // namespace field

/// The attribute in which TensorBoard looks for shapes.
std::string outputShapes(const std::vector<TensorSpec> &results) {
  std::string list, attribute, entry;
  for (const TensorSpec &result : results) {
    std::string shape;
    for (int64_t extent : result.shape) {
      std::string dimension;
      putNumber(dimension, field::number, extent == None ? -1 : extent);
      putBytes(shape, field::dimension, dimension);
    }
    putBytes(list, field::shape, shape);
  }
  putBytes(attribute, field::list, list);
  putBytes(entry, field::key, "_output_shapes");
  putBytes(entry, field::value, attribute);
  return entry;
}

} // namespace

std::string graphDefOf(const ModelImpl &model) {
  std::map<const Node *, std::string> names;
  std::map<const LayerImpl *, int> calls;
  std::set<std::string> taken; // layers' names are their first calls'
  for (const auto &layer : model.layers())
    taken.insert(layer->name);
  std::string graph;
  for (const NodePtr &node : model.nodes) {
    int &call = calls[node->layer.get()];
    std::string name = node->layer->name;
    while (call > 0 && !taken.insert(name).second)
      name = node->layer->name + "_" + std::to_string(call++);
    call = std::max(call, 1);
    std::string message;
    putBytes(message, field::name, name);
    putBytes(message, field::op, node->layer->className());
    for (const TensorRef &input : node->inputs)
      putBytes(message, field::input,
               names[input.node.get()] +
                   (input.index ? ":" + std::to_string(input.index) : std::string()));
    putBytes(message, field::attribute, outputShapes(node->results));
    putBytes(graph, field::node, message);
    names[node.get()] = std::move(name);
  }
  std::string versions;
  putNumber(versions, field::number, 22);
  putBytes(graph, field::versions, versions);
  return graph;
}

std::string kerasJsonOf(const ModelImpl &model) {
  try {
    return modelToKeras(model, /*isLegacy=*/false).dump();
  } catch (const std::exception &) { // it has no such form: training is to go on all the same
    return {};
  }
}

} // namespace ingot::keras::detail
