// What an Artifact that was made by Artifact::onDevice has more than others. Used by Artifact and
// State.
#ifndef INGOT_RUNTIME_MODEL_ONDEVICE_H
#define INGOT_RUNTIME_MODEL_ONDEVICE_H

#include "ingot/Model.h"

#include <mutex>

namespace ingot {

struct OnDevice {
  std::shared_ptr<const Artifact> base; // whose table the code is in
  std::shared_ptr<Device> device;
  const ingot_device_code *code = nullptr;
  std::mutex mutex;                  // of what follows
  std::weak_ptr<StateImpl> readOnly; // what all read-only states share
};

} // namespace ingot

#endif // INGOT_RUNTIME_MODEL_ONDEVICE_H
