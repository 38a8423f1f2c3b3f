// Memory, queues and order. See Machine.h.
#include "tests/gpu/fake/Machine.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sanitizer/asan_interface.h>
#include <sstream>
#include <sys/mman.h>

namespace ingot::fake {

namespace {
constexpr size_t page = 4096;
constexpr uint64_t granularity = 256; // of addresses, as CUDA has it
constexpr unsigned char unwritten = 0xFF, beyond = 0xA5;
constexpr size_t mostGone = 4096; // whose addresses are not used again

uint64_t roundedUp(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

std::string hex(uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

uint64_t at(const Clock &clock, int stream) {
  auto it = clock.find(stream);
  return it == clock.end() ? 0 : it->second;
}

/// Whether all of `earlier` but that of stream `own` is known to be over by `clock`.
bool isBehind(const Clock &clock, const Clock &earlier, int own) {
  return std::all_of(earlier.begin(), earlier.end(), [&](const auto &entry) {
    return entry.first == own || at(clock, entry.first) >= entry.second;
  });
}
} // namespace

void join(Clock &clock, const Clock &other) {
  for (const auto &[stream, seq] : other)
    clock[stream] = std::max(clock[stream], seq);
}

int64_t Device::sharedLimit() const {
  switch (capability) { // CUDA programming guide, technical specifications per compute capability
  case 75:
    return 64 << 10;
  case 80:
  case 87:
    return 163 << 10;
  case 86:
  case 89:
  case 120:
  case 121:
    return 99 << 10;
  default:
    return 227 << 10;
  }
}

Machine &Machine::instance() {
  static Machine machine;
  return machine;
}

Machine::~Machine() {
  const std::string text = report();
  if (!text.empty())
    std::fprintf(stderr, "fake driver, at the end:\n%s", text.c_str());
}

//===----------------------------------------------------------------------===//
// Settings and reports
//===----------------------------------------------------------------------===//

void Machine::start() {
  if (isStarted)
    return;
  isStarted = true;
  const char *count = std::getenv("INGOT_FAKE_DEVICES");
  devices.resize(count ? std::strtoul(count, nullptr, 10) : 1);
  for (size_t i = 0; i < devices.size(); ++i) {
    devices[i].index = static_cast<int>(i);
    devices[i].memory = uint64_t{16} << 30;
  }
  for (const char *name : {"CAPABILITY", "MEMORY", "POOLS", "SCHEDULE", "THREADS", "CUBLASLT"}) {
    const char *value = std::getenv((std::string("INGOT_FAKE_") + name).c_str());
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), ::tolower);
    if (value && !set(lower, value))
      misuse(CUDA_SUCCESS, std::string("INGOT_FAKE_") + name + " cannot be '" + value + "'");
  }
}

bool Machine::set(const std::string &name, const std::string &value) {
  const size_t colon = value.find(':');
  const std::string word = value.substr(0, colon);
  const uint64_t seed =
      colon == std::string::npos ? 0 : std::strtoull(&value[colon + 1], nullptr, 10);
  if (name == "capability") {
    std::istringstream in(value);
    std::string each;
    for (Device &device : devices) {
      std::getline(in, each, ','); // the last one goes on
      unsigned major = 0, minor = 0;
      char dot = 0;
      std::istringstream parts(each);
      if (!(parts >> major >> dot >> minor) || dot != '.' || major == 0 || minor > 9)
        return false;
      device.capability = static_cast<int>(major * 10 + minor);
    }
  } else if (name == "memory") {
    for (Device &device : devices)
      device.memory = std::strtoull(value.c_str(), nullptr, 10);
  } else if (name == "pools") {
    for (Device &device : devices)
      device.hasPools = value != "0";
  } else if (name == "schedule" && (word == "lazy" || word == "random")) {
    isRandom_ = word == "random";
    random_.seed(seed);
  } else if (name == "threads") {
    const char *orders[] = {"forward", "reverse", "random", "skewed", "interleaved"};
    const auto *order = std::find(std::begin(orders), std::end(orders), word);
    if (order == std::end(orders))
      return false;
    threads_ = {static_cast<shim::Schedule::Order>(order - std::begin(orders)), seed};
  } else if (name == "cublaslt") {
    const char *known[] = {"working", "unusable", "nothing", "failing", "losing"};
    if (std::find(std::begin(known), std::end(known), value) == std::end(known))
      return false;
    cublasLt = value;
  } else {
    return false;
  }
  return true;
}

void Machine::reset() {
  streams.clear();
  events.clear();
  graphs.clear();
  executables.clear();
  modules.clear();
  libraries.clear();
  matmuls.clear();
  layouts.clear();
  preferences.clear();
  for (auto &[address, block] : blocks_) {
    ASAN_UNPOISON_MEMORY_REGION(block->mapping, block->mapped);
    munmap(block->mapping, block->mapped);
  }
  blocks_.clear();
  gone_.clear();
  misuses_.clear();
  counts.clear();
  host.clear();
  pushedContexts = 0;
  for (Device &device : devices) {
    device.used = 0;
    device.retained = 0;
    device.lostBy = CUDA_SUCCESS;
  }
}

CUresult Machine::misuse(CUresult error, const std::string &text) {
  misuses_.push_back(text);
  return error;
}

std::string Machine::misuses() const {
  std::string text;
  for (const std::string &line : misuses_)
    text += line + "\n";
  return text;
}

std::string Machine::report() {
  std::string text = misuses();
  const auto alive = [&](const char *what, size_t count) {
    if (count != 0)
      text += "alive: " + std::to_string(count) + " " + what + "\n";
  };
  size_t blocks = 0, pinned = 0, retained = 0;
  for (const auto &[address, block] : blocks_)
    if (!block->isFreed)
      ++(block->device ? blocks : pinned);
  for (const Device &device : devices)
    retained += static_cast<size_t>(device.retained);
  alive("blocks of device memory", blocks);
  alive("blocks of pinned memory", pinned);
  alive("streams", streams.size());
  alive("events", events.size());
  alive("graphs", graphs.size());
  alive("executable graphs", executables.size());
  alive("modules", modules.size());
  alive("handles of cuBLASLt", libraries.size());
  alive("descriptions of products", matmuls.size() + layouts.size() + preferences.size());
  alive("retained contexts", retained);
  alive("pushed contexts", static_cast<size_t>(std::max(0, pushedContexts)));
  return text;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Block *Machine::allocate(Device *device, uint64_t bytes, Stream *stream) {
  if (device && device->used + bytes > device->memory) {
    drainDevice(*device); // frees that were put
    if (device->used + bytes > device->memory)
      return nullptr;
  }
  auto block = std::make_unique<Block>();
  const uint64_t rounded = roundedUp(bytes, granularity);
  const size_t inside = roundedUp(rounded, page);
  block->mapped = inside + 2 * page;
  void *mapping =
      mmap(nullptr, block->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    return nullptr;
  block->mapping = static_cast<char *>(mapping);
  char *begin = block->mapping + page;
  block->address = begin + inside - rounded; // up to the guard page, but for less than 256 bytes
  mprotect(begin, inside, PROT_READ | PROT_WRITE);
  std::memset(begin, beyond, inside);
  std::memset(block->address, unwritten, bytes);
  ASAN_POISON_MEMORY_REGION(begin, inside); // for kernels that have the address sanitizer
  ASAN_UNPOISON_MEMORY_REGION(block->address, bytes);
  block->bytes = bytes;
  block->device = device;
  if (device) {
    device->used += bytes;
    if (device->working == 0)
      mprotect(begin, inside, PROT_NONE);
  }
  if (stream) {
    block->stream = stream->number;
    block->seq = ++stream->seq;
    stream->clock[stream->number] = stream->seq;
  }
  Block *raw = block.get();
  blocks_[reinterpret_cast<uint64_t>(raw->address)] = std::move(block);
  return raw;
}

Block *Machine::find(uint64_t address) {
  auto it = blocks_.upper_bound(address);
  if (it == blocks_.begin())
    return nullptr;
  Block &block = *std::prev(it)->second;
  const uint64_t offset = address - reinterpret_cast<uint64_t>(block.address);
  return offset < std::max<uint64_t>(block.bytes, 1) ? &block : nullptr;
}

shim::Bounds Machine::bounds() {
  const auto mappedAt = [this](const char *place) -> const Block * {
    auto behind = blocks_.upper_bound(reinterpret_cast<uint64_t>(place));
    if (behind != blocks_.end() && behind->second->isMappedAt(place))
      return behind->second.get();
    return behind != blocks_.begin() && std::prev(behind)->second->isMappedAt(place)
               ? std::prev(behind)->second.get()
               : nullptr;
  };
  return [mappedAt, recent = std::array<const Block *, 64>()](const void *address,
                                                              int64_t bytes) mutable {
    const auto *begin = static_cast<const char *>(address);
    const Block *&block = recent[reinterpret_cast<uint64_t>(address) / page % recent.size()];
    if (!block || !block->isMappedAt(begin))
      block = mappedAt(begin);
    return !block || (begin >= block->address && begin + bytes <= block->address + block->bytes);
  };
}

CUresult Machine::markFreed(Block &block, const Clock &clock, const std::string &what) {
  if (block.isFreed)
    return misuse(CUDA_ERROR_INVALID_VALUE, what + ": " +
                                                hex(reinterpret_cast<uint64_t>(block.address)) +
                                                " was freed before");
  block.isFreed = true;
  if (!isBehind(clock, block.used, -1))
    return misuse(CUDA_ERROR_INVALID_VALUE, what + ": another stream may still use the memory");
  return CUDA_SUCCESS;
}

/// The bytes go, the addresses stay a while: whoever uses them fails.
CUresult Machine::release(Block &block, const std::string &what) {
  char *begin = block.mapping + page;
  const size_t inside = block.mapped - 2 * page;
  mprotect(begin, inside, PROT_READ | PROT_WRITE);
  ASAN_UNPOISON_MEMORY_REGION(begin, inside);
  CUresult result = CUDA_SUCCESS;
  const auto isUntouched = [](const char *from, const char *to) {
    return std::all_of(from, to, [](char c) { return static_cast<unsigned char>(c) == beyond; });
  };
  if (!isUntouched(begin, block.address) ||
      !isUntouched(block.address + block.bytes, begin + inside))
    result = misuse(CUDA_SUCCESS, what + ": memory was written beside a block of " +
                                      std::to_string(block.bytes) + " bytes");
  madvise(begin, inside, MADV_DONTNEED);
  mprotect(begin, inside, PROT_NONE);
  block.isFreed = block.isGone = true;
  if (block.device)
    block.device->used -= block.bytes;
  gone_.push_back(reinterpret_cast<uint64_t>(block.address));
  if (gone_.size() > mostGone) {
    auto oldest = blocks_.find(gone_.front());
    munmap(oldest->second->mapping, oldest->second->mapped);
    blocks_.erase(oldest);
    gone_.pop_front();
  }
  return result;
}

/// For a scope, the device's memory can be touched.
struct Machine::Working {
  Working(Machine &machine, Device &device) : machine(machine), device(device) {
    if (device.working++ == 0)
      machine.unlock(device, true);
  }
  ~Working() {
    if (--device.working == 0)
      machine.unlock(device, false);
  }
  Machine &machine;
  Device &device;
};

void Machine::unlock(Device &device, bool isUnlocked) {
  for (auto &[address, block] : blocks_)
    if (block->device == &device && !block->isGone)
      mprotect(block->mapping + page, block->mapped - 2 * page,
               isUnlocked ? PROT_READ | PROT_WRITE : PROT_NONE);
}

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

CUresult Machine::put(Stream &stream, Work work) {
  if (!stream.isCapturing)
    return enqueue(stream, std::move(work));
  if (stream.isBroken)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  stream.captured->works.push_back(std::move(work));
  return CUDA_SUCCESS;
}

/// Whether the memory that work names is there, and what happens to it elsewhere is over.
CUresult Machine::checkUses(Stream &stream, const Work &work, const Clock &clock, uint64_t seq) {
  for (const Use &use : work.uses) {
    const auto wrong = [&](const std::string &text) {
      return misuse(CUDA_ERROR_INVALID_VALUE, work.name + ": " + hex(use.address) + " " + text);
    };
    Block *block = find(use.address);
    if (!block || !block->device)
      return wrong("is no device memory");
    const uint64_t offset = use.address - reinterpret_cast<uint64_t>(block->address);
    if (block->isFreed)
      return wrong("was freed");
    if (block->device != stream.device)
      return wrong("is memory of another device");
    if (use.bytes > block->bytes - offset)
      return wrong("is used for " + std::to_string(use.bytes) + " bytes, the block ends after " +
                   std::to_string(block->bytes - offset));
    if (block->stream >= 0 && block->stream != stream.number &&
        at(clock, block->stream) < block->seq)
      return wrong("is allocated by another stream that was not waited for");
    if (!isBehind(clock, block->written, stream.number))
      return wrong("is being written by another stream");
    if (use.access == Access::Write && !isBehind(clock, block->used, stream.number))
      return wrong("is being used by another stream");
    block->used[stream.number] = seq;
    if (use.access == Access::Write)
      block->written[stream.number] = seq;
  }
  return CUDA_SUCCESS;
}

CUresult Machine::enqueue(Stream &stream, Work work) {
  const uint64_t seq = stream.seq + 1;
  Clock clock = stream.clock;
  join(clock, host);
  if (CUresult error = checkUses(stream, work, clock, seq))
    return error;
  stream.seq = seq;
  stream.clock = std::move(clock);
  stream.clock[stream.number] = seq;
  stream.queue.push_back(std::move(work));
  return CUDA_SUCCESS;
}

/// Runs the first work of a stream. False: there is none, or it waits for an event.
bool Machine::step(Stream &stream) {
  if (stream.queue.empty())
    return false;
  Work &first = stream.queue.front();
  if (first.awaits && first.awaits->done < first.count)
    return false;
  Work work = std::move(first);
  stream.queue.pop_front();
  Device &device = *stream.device;
  if (!work.run || device.lostBy != CUDA_SUCCESS)
    return true;
  const Working working(*this, device);
  const CUresult result = work.run();
  if (result != CUDA_SUCCESS)
    device.lostBy = result;
  return true;
}

CUresult Machine::drain(Stream &stream) {
  const Working working(*this, *stream.device);
  while (!stream.queue.empty()) {
    if (step(stream))
      continue;
    bool hasMoved = false;
    for (auto &[handle, other] : streams)
      hasMoved |= other.get() != &stream && step(*other);
    if (!hasMoved)
      return misuse(CUDA_ERROR_UNKNOWN, "a stream waits for an event that nothing records");
  }
  join(host, stream.clock);
  return stream.device->lostBy;
}

CUresult Machine::drainDevice(Device &device) {
  for (auto &[handle, stream] : streams)
    if (stream->device == &device && !stream->isCapturing)
      if (CUresult error = drain(*stream))
        return error;
  return CUDA_SUCCESS;
}

/// Of all streams only those that the event needs: one work of each. True: it is done, or will not
/// be done any more.
bool Machine::stepTowards(Event &event) {
  const Working working(*this, *event.device);
  const uint64_t count = event.recorded;
  bool hasMoved = false;
  for (auto &[handle, stream] : streams)
    if (event.done < count && at(event.clock, stream->number) > 0)
      hasMoved |= step(*stream);
  return event.done >= count || !hasMoved;
}

void Machine::drainUntil(Event &event) {
  const Working working(*this, *event.device);
  while (!stepTowards(event)) {
  }
}

void Machine::somebodyElseRuns() {
  if (!isRandom_)
    return;
  for (auto &[handle, stream] : streams)
    while (random_() % 3 == 0 && step(*stream)) {
    }
}

} // namespace ingot::fake
