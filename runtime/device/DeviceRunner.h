// DeviceRunner: runs of one function on a device, through streams of its own. See Place.h.
//
// Inputs of a run are copied to staging memory and from there to the device as one block; the
// outputs' block comes back the same way, the number of a failed node at its head. Each slot has
// such blocks of its own: while a run works, the inputs of the next one go to the device through a
// second stream, which the first one follows.
// A run that comes again with the same sizes and addresses is recorded and replayed from then on.
#ifndef INGOT_RUNTIME_DEVICE_DEVICERUNNER_H
#define INGOT_RUNTIME_DEVICE_DEVICERUNNER_H

#include "runtime/device/Buffers.h"
#include "runtime/device/KernelTimes.h"
#include "runtime/device/Place.h"
#include "runtime/device/Recordings.h"

namespace ingot {

/// Marks in a stream as points in time. They are kept for the next run.
struct StreamClock {
  using Point = size_t; // index into `marks`
  Stream *stream = nullptr;
  std::vector<std::unique_ptr<Mark>> marks;
  size_t used = 0;
  Status status; // the first error

  Point now();
  double seconds(Point from, Point to);
};

class DeviceRunner : public Runner {
public:
  /// What is given outlives it; `constants` is an address on the device.
  static Result<std::unique_ptr<Runner>> make(DeviceDriver &driver, DeviceCode &code,
                                              const void *constants,
                                              const ingot_artifact_table &table,
                                              const ingot_function &function);
  ~DeviceRunner() override;

  Status reserveArena(uint64_t bytes) override;
  void *arena() override { return nullptr; }
  Status start(size_t slot, const RunRequest &request) override;
  Status finish(size_t slot) override;
  Status fetch(size_t slot, std::vector<Tensor> &outputs) override;

private:
  struct Slot {
    Slot(DeviceDriver &driver, Stream &stream, Stream &uploads)
        : inputs(uploads), outputs(stream), stagedInputs(driver), stagedOutputs(driver) {}
    DeviceBuffer inputs, outputs;
    StagingBuffer stagedInputs, stagedOutputs;
    uint64_t inputBytes = 0, outputBytes = 0;
    std::vector<uint64_t> outputOffsets;
    std::vector<const void *> inputPointers;
    std::vector<void *> outputPointers;
    std::unique_ptr<Mark> uploaded, done;
    bool isUnderWay = false;
    KernelTimes<StreamClock> times;
  };

  DeviceRunner(DeviceDriver &driver, DeviceCode &code, const void *constants,
               const ingot_artifact_table &table, const ingot_function &function,
               std::unique_ptr<Stream> stream, std::unique_ptr<Stream> uploads);

  Status placeInputs(Slot &slot, const RunRequest &request);
  Status placeOutputs(Slot &slot, const RunRequest &request);
  Status upload(Slot &slot);
  Status put(Slot &slot, const RunRequest &request);
  Status putFunction(Slot &slot, const RunRequest &request);
  Status call(ingot_run &run);
  Status record(ingot_run &run, Recordings::Entry &entry);
  Status explain(const Status &status) const;
  int32_t note(Status status);

  // What the function calls: `context` is the runner.
  static int begin(void *context, int64_t kernel);
  static void end(void *context, int64_t kernel);
  static int32_t launch(void *context, int64_t kernel, int64_t blocks, void *const *parameters);
  static int32_t copy(void *context, void *to, const void *from, uint64_t bytes);
  static int32_t store(void *context, void *to, int64_t value);
  static int32_t load(void *context, void *to, const void *from, uint64_t bytes);
  static int32_t tensorMap(void *context, void *map, const ingot_tensor_map *tensor);
  static int32_t multiply(void *context, const ingot_product *product, const void *a, const void *b,
                          const void *bias, void *d);

  DeviceDriver &driver_;
  DeviceCode &code_;
  const ingot_artifact_table &table_;
  const ingot_function &function_;
  std::unique_ptr<Stream> stream_, uploads_;
  DeviceBuffer arena_;
  StagingBuffer loaded_; // what the function loads
  Slot first_, second_;
  Recordings recordings_;
  Recordings::Key key_; // of the run that is started
  ingot_device device_ = {};
  const ingot_run *running_ = nullptr; // as it was given, while the function is called
  size_t extents_ = 0;                 // of all outputs
  bool isRecording_ = false;
  int64_t kernel_ = -1; // that was begun last; -1: none
  Status failure_;      // the first of what the function called

  Slot &slot(size_t index) { return index == 0 ? first_ : second_; }
};

} // namespace ingot

#endif // INGOT_RUNTIME_DEVICE_DEVICERUNNER_H
