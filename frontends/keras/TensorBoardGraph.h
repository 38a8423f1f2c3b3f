// The model as TensorBoard's Graphs tab shows it. See TensorBoardGraph.cpp.
#pragma once
#include <string>

namespace ingot::keras::detail {

struct ModelImpl;

/// The bytes of a TensorFlow GraphDef: a node for each call of a layer.
std::string graphDefOf(const ModelImpl &model);
/// Keras's to_json; empty for a model that no file of Keras's can say.
std::string kerasJsonOf(const ModelImpl &model);

} // namespace ingot::keras::detail
