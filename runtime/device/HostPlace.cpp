// The host as a place: functions run at once on the calling thread and its helpers, outputs are
// written where they are to be read. See Place.h.
#include "runtime/core/AlignedMemory.h"
#include "runtime/device/KernelTimes.h"
#include "runtime/device/Place.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>

namespace ingot {

namespace {

/// A block that grows, to twice its size at least: memory is asked for seldom.
struct GrowingBlock {
  AlignedBlock block;
  uint64_t capacity = 0;
  char *data() const { return static_cast<char *>(block.get()); }
  bool grow(uint64_t bytes) {
    if (bytes <= capacity)
      return true;
    uint64_t wanted = std::max(bytes, 2 * capacity);
    block.reset(); // the old one first: both may not fit
    capacity = 0;
    block = allocateAligned(wanted);
    if (block)
      capacity = wanted;
    return block != nullptr;
  }
};

/// Held by runs of functions that call custom ops which are not thread-safe: one for all artifacts,
/// which may share the code. A callback may run another session between two kernels.
std::recursive_mutex exclusiveRuns;

class HostRunner : public Runner {
public:
  HostRunner(const ingot_artifact_table &table, const ingot_function &function)
      : table_(table), function_(function) {
    inputs_.resize(static_cast<size_t>(function.input_count));
    outputs_.resize(static_cast<size_t>(function.output_count));
  }

  Status reserveArena(uint64_t bytes) override;
  void *arena() override { return arena_.get(); }
  Status start(size_t slot, const RunRequest &request) override;
  Status finish(size_t slot) override;
  Status fetch(size_t slot, std::vector<Tensor> &outputs) override;

private:
  struct Slot {
    int32_t code = INGOT_OK;
    ingot_run run = {};
    GrowingBlock text;       // what runs make
    GrowingBlock outputText; // what outputs have of inputs and constants
    KernelTimes<HostClock> times;
  };

  void runWithRoom(Slot &slot);

  const ingot_artifact_table &table_;
  const ingot_function &function_;
  AlignedBlock arena_;
  uint64_t arenaCapacity_ = 0;
  std::vector<const void *> inputs_;
  std::vector<void *> outputs_;
  Slot slots_[slots];
};

Status HostRunner::reserveArena(uint64_t bytes) {
  if (arena_ && bytes <= arenaCapacity_)
    return Status::ok();
  arena_.reset(); // the old one first: both may not fit
  arenaCapacity_ = 0;
  arena_ = allocateAligned(bytes);
  if (!arena_)
    return Status(StatusCode::ResourceExhausted, std::string("function '") + function_.name +
                                                     "': no memory for an arena of " +
                                                     std::to_string(bytes) + " bytes");
  arenaCapacity_ = bytes;
  return Status::ok();
}

Status HostRunner::start(size_t index, const RunRequest &request) {
  Slot &slot = slots_[index];
  slot.run = request.run;
  for (size_t i = 0; i < inputs_.size(); ++i)
    inputs_[i] = request.inputs[i].data;
  for (size_t i = 0; i < outputs_.size(); ++i)
    outputs_[i] = request.outputs[i].rawData();
  slot.run.inputs = inputs_.data();
  slot.run.outputs = outputs_.data();
  slot.run.arena = arena_.get();
  slot.times.attach(slot.run, request.timed);
  std::unique_lock<std::recursive_mutex> alone(exclusiveRuns, std::defer_lock);
  if (function_.flags & INGOT_FUNCTION_EXCLUSIVE)
    alone.lock();
  runWithRoom(slot);
  return Status::ok();
}

/// Runs, and again with more room for as long as text is made that has none.
void HostRunner::runWithRoom(Slot &slot) {
  ingot_run &run = slot.run;
  while (true) {
    run.text = slot.text.data();
    run.text_capacity = slot.text.capacity;
    run.text_used = 0;
    slot.code = function_.run(&run);
    if (slot.code != INGOT_TEXT_TOO_SHORT || run.text_used <= slot.text.capacity ||
        !slot.text.grow(run.text_used))
      return;
  }
}

Status HostRunner::finish(size_t index) {
  Slot &slot = slots_[index];
  slot.times.report();
  return slot.code == INGOT_OK ? Status::ok()
                               : describeFailure(table_, function_, slot.code, slot.run);
}

/// Text of outputs that is not the runner's own, of inputs for example, is copied, so that all of
/// it lasts until the slot's next run.
Status HostRunner::fetch(size_t index, std::vector<Tensor> &outputs) {
  Slot &slot = slots_[index];
  auto forForeign = [&](auto visit) {
    for (Tensor &output : outputs)
      if (output.dtype() == DType::String)
        for (int64_t i = 0; i < output.elementCount(); ++i) {
          std::string_view bytes = textAt(output, i);
          auto offset = reinterpret_cast<uintptr_t>(bytes.data()) -
                        reinterpret_cast<uintptr_t>(slot.text.data());
          if (!bytes.empty() && offset >= slot.run.text_used)
            visit(static_cast<char *>(output.rawData()) + i * int64_t{sizeof(ingot_string)}, bytes);
        }
  };
  uint64_t size = 0;
  forForeign([&](char *, std::string_view bytes) { size += bytes.size(); });
  if (!slot.outputText.grow(size))
    return Status(StatusCode::ResourceExhausted, std::string("function '") + function_.name +
                                                     "': no memory for " + std::to_string(size) +
                                                     " bytes of text");
  char *next = slot.outputText.data();
  forForeign([&](char *record, std::string_view bytes) {
    ingot_string kept = {next, bytes.size()};
    next = std::copy(bytes.begin(), bytes.end(), next);
    std::memcpy(record, &kept, sizeof kept);
  });
  return Status::ok();
}

class HostPlace : public Place {
public:
  Result<PlacedBlock> allocate(uint64_t bytes) override {
    AlignedBlock block = allocateAligned(bytes);
    if (!block)
      return Status(StatusCode::ResourceExhausted,
                    "no memory for " + std::to_string(bytes) + " bytes");
    return PlacedBlock(block.release(), {this});
  }
  void free(void *block) override { AlignedFree()(block); }
  Status write(void *to, const void *from, uint64_t bytes) override {
    return read(to, from, bytes);
  }
  Status read(void *to, const void *from, uint64_t bytes) override {
    if (bytes != 0)
      std::memcpy(to, from, bytes);
    return Status::ok();
  }
  Status clear(void *to, uint64_t bytes) override {
    std::memset(to, 0, bytes);
    return Status::ok();
  }
  void *onHost(void *address) const override { return address; }
  Result<std::unique_ptr<Runner>> makeRunner(const ingot_artifact_table &table,
                                             const ingot_function &function) override {
    return std::unique_ptr<Runner>(std::make_unique<HostRunner>(table, function));
  }
};

} // namespace

const std::shared_ptr<Place> &Place::host() {
  static const std::shared_ptr<Place> host = std::make_shared<HostPlace>();
  return host;
}

Status describeFailure(const ingot_artifact_table &table, const ingot_function &function,
                       int32_t code, const ingot_run &run) {
  std::string name = std::string("function '") + function.name + "'";
  if (code == INGOT_CANCELLED)
    return Status(StatusCode::Cancelled, name + " was cancelled");
  bool known = run.failed_node >= 0 && run.failed_node < table.node_count;
  std::string node = name + ": " + (known ? table.nodes[run.failed_node] : "a node without a name");
  switch (code) {
  case INGOT_INDEX_OUT_OF_RANGE:
    return Status(StatusCode::OutOfRange, node + ": an index is outside the axis it selects from");
  case INGOT_MEMORY_ERROR:
    return Status(StatusCode::Internal,
                  node +
                      ": its kernel wrote outside its tensors (seen by --debug-arena): a fault of "
                      "the compiler, please report it; or of the function, of a custom op");
  case INGOT_TEXT_TOO_SHORT:
    return Status(StatusCode::ResourceExhausted, name + ": no memory for the text that it makes");
  case INGOT_CUSTOM_OP_FAILED:
    return Status(StatusCode::InvalidArgument, node + ": the function of its custom op returned " +
                                                   std::to_string(run.custom_status));
  default:
    return Status(code == INGOT_INVALID_ARGUMENT ? StatusCode::InvalidArgument
                                                 : StatusCode::Internal,
                  name + " failed with code " + std::to_string(code));
  }
}

} // namespace ingot
