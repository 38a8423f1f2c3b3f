// See DeviceLaunches.h.
#include "tools/ingot/DeviceLaunches.h"
#include <cstdint>

namespace ingot::cli {
namespace {

/// `context` of an ingot_device, and `user` of the run.
struct Recorder {
  DeviceLaunches found;
  int64_t kernel = -1; // under way

  static Recorder &of(void *context) { return *static_cast<Recorder *>(context); }

  static int begin(void *context, int64_t kernel) {
    of(context).kernel = kernel;
    return 0;
  }
  static void end(void *context, int64_t) { of(context).kernel = -1; }
  static int32_t launch(void *context, int64_t code, int64_t blocks, void *const *) {
    of(context).found.launches.push_back({of(context).kernel, code, blocks});
    return 0;
  }
  static int32_t copy(void *context, void *, const void *, uint64_t bytes) {
    of(context).found.launches.push_back({of(context).kernel, -1, 0, bytes});
    return 0;
  }
  static int32_t store(void *context, void *to, int64_t) {
    return copy(context, to, nullptr, sizeof(int64_t));
  }
  static int32_t load(void *context, void *, const void *, uint64_t) {
    of(context).found.isCutOff = true;
    return 1; // ends the run
  }
  static int32_t tensorMap(void *, void *, const ingot_tensor_map *) { return 0; }
  static int32_t multiply(void *, const ingot_product *, const void *, const void *, const void *,
                          void *) {
    return INGOT_NO_LIBRARY;
  }
};

} // namespace

std::optional<DeviceLaunches> recordLaunches(const ingot_function &function,
                                             const std::vector<int64_t> &sizes) {
  std::vector<int64_t> plan(static_cast<size_t>(function.plan_words));
  if (function.plan(sizes.data(), plan.data()) != INGOT_OK)
    return std::nullopt;
  size_t extents = 0;
  for (int64_t i = 0; i < function.output_count; ++i)
    extents += static_cast<size_t>(function.outputs[i].rank);
  // Addresses on a device are handed on and computed with, never followed.
  void *const somewhere = reinterpret_cast<void *>(uintptr_t(1) << 40);
  std::vector<const void *> inputs(static_cast<size_t>(function.input_count), somewhere);
  std::vector<void *> outputs(static_cast<size_t>(function.output_count), somewhere);
  std::vector<int64_t> written(extents);
  Recorder recorder;
  ingot_device device = {};
  device.size = sizeof device;
  device.context = &recorder;
  device.launch = Recorder::launch;
  device.copy = Recorder::copy;
  device.store = Recorder::store;
  device.load = Recorder::load;
  device.constants = somewhere;
  device.error = somewhere;
  device.tensor_map = Recorder::tensorMap;
  device.multiply = Recorder::multiply;
  ingot_run run = {};
  run.size = sizeof run;
  run.plan = plan.data();
  run.inputs = inputs.data();
  run.outputs = outputs.data();
  run.state = somewhere;
  run.arena = somewhere;
  run.begin = Recorder::begin;
  run.end = Recorder::end;
  run.user = &recorder;
  run.extents = written.data();
  run.device = &device;
  function.run(&run); // fails where a load ends it
  return std::move(recorder.found);
}

} // namespace ingot::cli
