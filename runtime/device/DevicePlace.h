// A device as a place: an artifact's code and constants there. See Place.h.
#ifndef INGOT_RUNTIME_DEVICE_DEVICEPLACE_H
#define INGOT_RUNTIME_DEVICE_DEVICEPLACE_H

#include "runtime/device/Driver.h"
#include "runtime/device/Place.h"

namespace ingot {

/// `code` is an entry that codeFor gave for the device, and outlives the place. Copies the
/// constants to the device; images are loaded when their kernels are first launched.
Result<std::shared_ptr<Place>> makeDevicePlace(std::shared_ptr<Device> device,
                                               const ingot_device_code &code);

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_DEVICEPLACE_H
