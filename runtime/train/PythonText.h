// Numbers as Python writes them, for text that must be Keras's: messages, CSV, file names.
#ifndef INGOT_RUNTIME_TRAIN_PYTHONTEXT_H
#define INGOT_RUNTIME_TRAIN_PYTHONTEXT_H

#include <string>

namespace ingot::train {

/// repr(value): the shortest text that reads back as the same number, "0.1", "1.0", "1e-05", "nan".
std::string pythonRepr(double value);

/// f"{value:.5f}" and the like; `format` is printf's. NaN has no sign.
std::string pythonFormat(const char *format, double value);

} // namespace ingot::train

#endif
