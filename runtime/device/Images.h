// Which of an artifact's images suit a device. Used by DevicePlace, which picks the entry, and by
// the drivers, which load its units.
#ifndef INGOT_RUNTIME_DEVICE_IMAGES_H
#define INGOT_RUNTIME_DEVICE_IMAGES_H

#include "runtime/device/Driver.h"

#include <string>

namespace ingot {

/// The best image of a unit: machine code for exactly this compute capability or a lower one of the
/// same major version, the highest there is; else PTX for the highest that is not above; of OpenCL
/// any. NULL: none suits.
const ingot_image *imageOf(const ingot_device_code &code, int64_t unit, const DeviceDriver &driver);

/// The first entry that has an image for this device of each of its units, and no tensor maps where
/// the driver does not know them. Unsupported: names what there is, and what to compile with.
Result<const ingot_device_code *> codeFor(const ingot_artifact_table &table,
                                          const DeviceDriver &driver);

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_IMAGES_H
