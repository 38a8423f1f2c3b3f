// Layers in the configs of others: cells, wrapped layers.
#pragma once
#include "frontends/keras/LayerImpl.h"

namespace ingot::keras::detail {

/// A layer in another's config.
Json layerToJson(const LayerImpl &layer);
/// Throws, naming `outer`, for what is no layer.
std::shared_ptr<LayerImpl> layerFromJson(const LayerImpl &outer, const Json &json);

} // namespace ingot::keras::detail
