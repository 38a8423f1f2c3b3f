// What a run on a device puts into its stream: copies, the function's work, copies. See
// DeviceRunner.h.
#include "runtime/device/DeviceRunner.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace ingot {

namespace {
/// Of each tensor in a block: what kernels and copies like, and INGOT_ALIGNMENT allows.
constexpr uint64_t alignment = 256;
/// Where outputs begin, behind the number of the failed node.
constexpr uint64_t firstOutput = alignment;

uint64_t aligned(uint64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

uint64_t bytesOf(const TensorView &view) { return byteSize(view.dtype, elementCount(view)); }
} // namespace

StreamClock::Point StreamClock::now() {
  if (used == marks.size()) {
    Result<std::unique_ptr<Mark>> made = stream->makeMark(/*isTimed=*/true);
    if (!made.isOk()) {
      status = status.isOk() ? made.status() : status;
      return 0;
    }
    marks.push_back(std::move(*made));
  }
  if (Status put = stream->put(*marks[used]); !put.isOk() && status.isOk())
    status = put;
  return used++;
}

double StreamClock::seconds(Point from, Point to) {
  Result<double> between = stream->secondsBetween(*marks[from], *marks[to]);
  if (!between.isOk() && status.isOk())
    status = between.status();
  return between.isOk() ? *between : 0;
}

DeviceRunner::DeviceRunner(DeviceDriver &driver, DeviceCode &code, const void *constants,
                           const ingot_artifact_table &table, const ingot_function &function,
                           std::unique_ptr<Stream> stream, std::unique_ptr<Stream> uploads)
    : driver_(driver), code_(code), table_(table), function_(function), stream_(std::move(stream)),
      uploads_(std::move(uploads)), arena_(*stream_), loaded_(driver),
      first_(driver, *stream_, *uploads_), second_(driver, *stream_, *uploads_) {
  for (int64_t i = 0; i < function.output_count; ++i)
    extents_ += static_cast<size_t>(function.outputs[i].rank);
  device_ = {sizeof device_, this,      &launch, &copy,      &store,
             &load,          constants, nullptr, &tensorMap, &multiply};
  for (Slot *slot : {&first_, &second_}) {
    slot->inputPointers.resize(static_cast<size_t>(function.input_count));
    slot->outputPointers.resize(static_cast<size_t>(function.output_count));
    slot->outputOffsets.resize(slot->outputPointers.size());
    slot->times.clock.stream = stream_.get();
  }
}

Result<std::unique_ptr<Runner>> DeviceRunner::make(DeviceDriver &driver, DeviceCode &code,
                                                   const void *constants,
                                                   const ingot_artifact_table &table,
                                                   const ingot_function &function) {
  INGOT_ASSIGN_OR_RETURN(std::unique_ptr<Stream> stream, driver.makeStream());
  INGOT_ASSIGN_OR_RETURN(std::unique_ptr<Stream> uploads, driver.makeStream());
  std::unique_ptr<DeviceRunner> runner(new DeviceRunner(driver, code, constants, table, function,
                                                        std::move(stream), std::move(uploads)));
  for (Slot *slot : {&runner->first_, &runner->second_}) {
    INGOT_ASSIGN_OR_RETURN(slot->uploaded, runner->uploads_->makeMark(/*isTimed=*/false));
    INGOT_ASSIGN_OR_RETURN(slot->done, runner->stream_->makeMark(/*isTimed=*/false));
  }
  return std::unique_ptr<Runner>(std::move(runner));
}

DeviceRunner::~DeviceRunner() {
  (void)uploads_->wait();
  (void)stream_->wait();
}

Status DeviceRunner::reserveArena(uint64_t bytes) {
  const Status there = arena_.reserve(bytes);
  if (there.isOk())
    return there;
  return Status(there.code(), std::string("function '") + function_.name + "': an arena of " +
                                  std::to_string(bytes) + " bytes: " + there.message() +
                                  "; a smaller batch takes less, and so does the model when it is "
                                  "compiled with a memory budget");
}

//===----------------------------------------------------------------------===//
// Starting
//===----------------------------------------------------------------------===//

/// Copies the inputs to staging memory, one after another, and sees to room on the device.
Status DeviceRunner::placeInputs(Slot &slot, const RunRequest &request) {
  slot.inputBytes = 0;
  for (size_t i = 0; i < slot.inputPointers.size(); ++i)
    slot.inputBytes += aligned(bytesOf(request.inputs[i]));
  const auto what = [&] { return "the inputs, " + std::to_string(slot.inputBytes) + " bytes"; };
  const bool isThere = slot.inputs.hasRoomFor(slot.inputBytes); // for none there is memory, too
  if (Status there = slot.inputs.reserve(slot.inputBytes); !there.isOk())
    return there.withContext(what());
  if (!isThere)
    INGOT_RETURN_IF_ERROR(uploads_->wait()); // for the memory: any stream may use it then
  if (Status there = slot.stagedInputs.reserve(slot.inputBytes); !there.isOk())
    return there.withContext(what());
  uint64_t offset = 0;
  for (size_t i = 0; i < slot.inputPointers.size(); ++i) {
    const uint64_t bytes = bytesOf(request.inputs[i]);
    if (bytes != 0)
      std::memcpy(slot.stagedInputs.data() + offset, request.inputs[i].data, bytes);
    slot.inputPointers[i] = slot.inputs.data() + offset;
    offset += aligned(bytes);
  }
  return Status::ok();
}

Status DeviceRunner::placeOutputs(Slot &slot, const RunRequest &request) {
  slot.outputBytes = firstOutput;
  for (size_t i = 0; i < slot.outputPointers.size(); ++i) {
    slot.outputOffsets[i] = slot.outputBytes;
    slot.outputBytes += aligned(request.outputs[i].byteSize());
  }
  const auto what = [&] { return "the outputs, " + std::to_string(slot.outputBytes) + " bytes"; };
  if (Status there = slot.outputs.reserve(slot.outputBytes); !there.isOk())
    return there.withContext(what());
  if (Status there = slot.stagedOutputs.reserve(slot.outputBytes); !there.isOk())
    return there.withContext(what());
  for (size_t i = 0; i < slot.outputPointers.size(); ++i)
    slot.outputPointers[i] = slot.outputs.data() + slot.outputOffsets[i];
  return Status::ok();
}

Status DeviceRunner::start(size_t index, const RunRequest &request) {
  Slot &slot = this->slot(index);
  kernel_ = -1;
  Status status = placeInputs(slot, request);
  if (status.isOk())
    status = placeOutputs(slot, request);
  if (status.isOk())
    status = put(slot, request);
  slot.isUnderWay = status.isOk();
  if (status.isOk())
    return status;
  (void)uploads_->wait(); // what was put already works on the slot's memory
  (void)stream_->wait();
  return explain(status);
}

/// Beside the run that works now, if there is one: else two streams would be slower than one.
Status DeviceRunner::upload(Slot &slot) {
  if (slot.inputBytes == 0)
    return Status::ok();
  const bool isAlone = !first_.isUnderWay && !second_.isUnderWay;
  Stream &stream = isAlone ? *stream_ : *uploads_;
  INGOT_RETURN_IF_ERROR(
      stream.upload(slot.inputs.data(), slot.stagedInputs.data(), slot.inputBytes));
  if (isAlone)
    return Status::ok();
  INGOT_RETURN_IF_ERROR(uploads_->put(*slot.uploaded));
  return stream_->follow(*slot.uploaded);
}

Status DeviceRunner::put(Slot &slot, const RunRequest &request) {
  INGOT_RETURN_IF_ERROR(upload(slot));
  INGOT_RETURN_IF_ERROR(putFunction(slot, request));
  INGOT_RETURN_IF_ERROR(
      stream_->download(slot.stagedOutputs.data(), slot.outputs.data(), slot.outputBytes));
  return stream_->put(*slot.done);
}

/// Calls the function, or replays what it put there before.
Status DeviceRunner::putFunction(Slot &slot, const RunRequest &request) {
  ingot_run run = request.run;
  run.inputs = slot.inputPointers.data();
  run.outputs = slot.outputPointers.data();
  run.arena = arena_.data();
  run.device = &device_;
  device_.error = slot.outputs.data();
  slot.times.clock.used = 0;
  slot.times.clock.status = Status();
  slot.times.attach(run, request.timed);
  const bool isWatched = run.begin || run.end;
  if (isWatched || (function_.flags & INGOT_FUNCTION_WAITS) || !stream_->canRecord())
    return call(run);
  key_.symbols = *request.symbols;
  key_.addresses.assign({run.state, run.arena, slot.inputs.data(), slot.outputs.data()});
  Recordings::Entry &entry = recordings_.find(key_, [&] { (void)stream_->wait(); });
  if (entry.isNew)
    return call(run);
  if (!entry.recording)
    INGOT_RETURN_IF_ERROR(record(run, entry));
  if (run.extents)
    std::copy_n(entry.extents.begin(), extents_, run.extents);
  return stream_->replay(*entry.recording);
}

Status DeviceRunner::record(ingot_run &run, Recordings::Entry &entry) {
  INGOT_RETURN_IF_ERROR(stream_->beginRecording());
  isRecording_ = true;
  Status called = call(run);
  isRecording_ = false;
  Result<std::unique_ptr<Recording>> recording = stream_->endRecording();
  INGOT_RETURN_IF_ERROR(called);
  kernel_ = -1;
  INGOT_RETURN_IF_ERROR(recording.status());
  if (run.extents)
    entry.extents.assign(run.extents, run.extents + extents_);
  entry.recording = std::move(*recording);
  return Status::ok();
}

Status DeviceRunner::call(ingot_run &run) {
  const ingot_run given = run;
  running_ = &given;
  run.begin = &begin;
  run.end = &end;
  run.user = this;
  failure_ = Status();
  const int32_t code = function_.run(&run);
  running_ = nullptr;
  if (code == INGOT_OK)
    return Status::ok();
  return failure_.isOk() ? describeFailure(table_, function_, code, run) : failure_;
}

/// Says in which function, and behind which kernel, the device failed.
Status DeviceRunner::explain(const Status &status) const {
  std::string where = std::string("function '") + function_.name + "'";
  // Statuses of describeFailure begin so already.
  if (status.message().compare(0, where.size(), where) == 0)
    return status;
  if (kernel_ >= 0 && kernel_ < function_.kernel_count) {
    const ingot_kernel_info &kernel = function_.kernels[kernel_];
    where += std::string(": ") + (kernel.node ? kernel.node : kernel.name) + " (kernel '" +
             kernel.name + "')";
  }
  return status.withContext(where);
}

//===----------------------------------------------------------------------===//
// What the function calls
//===----------------------------------------------------------------------===//

int32_t DeviceRunner::note(Status status) {
  if (status.isOk())
    return 0;
  if (failure_.isOk())
    failure_ = std::move(status);
  return 1;
}

int DeviceRunner::begin(void *context, int64_t kernel) {
  auto &self = *static_cast<DeviceRunner *>(context);
  self.kernel_ = kernel;
  return self.running_->begin ? self.running_->begin(self.running_->user, kernel) : 0;
}

void DeviceRunner::end(void *context, int64_t kernel) {
  auto &self = *static_cast<DeviceRunner *>(context);
  if (self.running_->end)
    self.running_->end(self.running_->user, kernel);
}

int32_t DeviceRunner::launch(void *context, int64_t kernel, int64_t blocks,
                             void *const *parameters) {
  auto &self = *static_cast<DeviceRunner *>(context);
  return self.note(self.stream_->launch(self.code_, kernel, blocks, parameters));
}

int32_t DeviceRunner::copy(void *context, void *to, const void *from, uint64_t bytes) {
  auto &self = *static_cast<DeviceRunner *>(context);
  return bytes == 0 ? 0 : self.note(self.stream_->copy(to, from, bytes));
}

int32_t DeviceRunner::store(void *context, void *to, int64_t value) {
  auto &self = *static_cast<DeviceRunner *>(context);
  return self.note(self.stream_->store(to, value));
}

int32_t DeviceRunner::load(void *context, void *to, const void *from, uint64_t bytes) {
  auto &self = *static_cast<DeviceRunner *>(context);
  if (self.isRecording_)
    return self.note(Status(StatusCode::Internal,
                            "it loads values from the device, and does not say that it waits"));
  if (bytes == 0)
    return 0;
  Status status = self.loaded_.reserve(bytes);
  if (status.isOk())
    status = self.stream_->download(self.loaded_.data(), from, bytes);
  if (status.isOk())
    status = self.stream_->wait();
  if (status.isOk())
    std::memcpy(to, self.loaded_.data(), bytes);
  return self.note(std::move(status));
}

int32_t DeviceRunner::tensorMap(void *context, void *map, const ingot_tensor_map *tensor) {
  auto &self = *static_cast<DeviceRunner *>(context);
  return self.note(self.driver_.encodeTensorMap(map, *tensor));
}

int32_t DeviceRunner::multiply(void *context, const ingot_product *product, const void *a,
                               const void *b, const void *bias, void *d) {
  auto &self = *static_cast<DeviceRunner *>(context);
  Result<bool> isPut = self.stream_->multiply(self.code_, *product, {a, b, bias, d});
  if (!isPut.isOk())
    return self.note(isPut.status());
  return *isPut ? 0 : INGOT_NO_LIBRARY;
}

//===----------------------------------------------------------------------===//
// Finishing
//===----------------------------------------------------------------------===//

Status DeviceRunner::finish(size_t index) {
  Slot &slot = this->slot(index);
  slot.isUnderWay = false;
  if (Status waited = stream_->wait(*slot.done); !waited.isOk()) {
    kernel_ = -1; // any of them may be the one
    return explain(waited);
  }
  slot.times.report();
  INGOT_RETURN_IF_ERROR(slot.times.clock.status);
  ingot_run run = {};
  std::memcpy(&run.failed_node, slot.stagedOutputs.data(), sizeof run.failed_node);
  return run.failed_node == -1 ? Status::ok()
                               : describeFailure(table_, function_, INGOT_INDEX_OUT_OF_RANGE, run);
}

Status DeviceRunner::fetch(size_t index, std::vector<Tensor> &outputs) {
  Slot &slot = this->slot(index);
  for (size_t i = 0; i < outputs.size(); ++i)
    if (const size_t bytes = outputs[i].byteSize(); bytes != 0)
      std::memcpy(outputs[i].rawData(), slot.stagedOutputs.data() + slot.outputOffsets[i], bytes);
  return Status::ok();
}

} // namespace ingot
