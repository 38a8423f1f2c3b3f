// Names as Keras gives them, and the words of error messages.
//
// Automatic names count per kind and process ("dense", "dense_1"); `closest` finds what a user may
// have meant. Used by layers, losses, optimizers and metrics.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ingot::keras::detail {

/// "MaxPooling2D" -> "max_pooling2d", "BatchNormalization" -> "batch_normalization".
std::string snakeCase(std::string_view className);
/// The next automatic name of this class: "dense", then "dense_1".
std::string automaticName(std::string_view className);
void resetAutomaticNames();

/// Throws for names that files and messages cannot carry: longer than 255 bytes, or with control
/// characters. `kind` is "layer", "model".
void checkName(std::string_view kind, const std::string &name);

/// "unknown <kind> 'rleu': did you mean 'relu'? known are …".
std::string unknownName(std::string_view kind, std::string_view name,
                        const std::vector<std::string> &known);

} // namespace ingot::keras::detail
