#include "runtime/serve/schedule/Outputs.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace ingot::serve {

namespace {
int64_t bytesOf(const OutputSet &set) {
  size_t bytes = 0;
  for (const Tensor &tensor : set.tensors)
    bytes += tensor.byteSize();
  return static_cast<int64_t>(bytes);
}
} // namespace

std::shared_ptr<OutputSet> OutputPool::take() {
  std::unique_ptr<OutputSet> set;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      set = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (set) {
    idleBytes_.fetch_sub(bytesOf(*set), std::memory_order_relaxed);
  } else {
    set = std::make_unique<OutputSet>();
    set->tensors.resize(outputCount_);
  }
  return {set.release(), [pool = shared_from_this()](OutputSet *given) {
            pool->give(std::unique_ptr<OutputSet>(given));
          }};
}

void OutputPool::give(std::unique_ptr<OutputSet> set) {
  set->texts.clear();
  set->lastUsed = std::chrono::steady_clock::now();
  std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() >= most_)
    return;
  idleBytes_.fetch_add(bytesOf(*set), std::memory_order_relaxed);
  idle_.push_back(std::move(set));
}

bool OutputPool::takeIdle(std::chrono::steady_clock::time_point time,
                          std::vector<std::unique_ptr<OutputSet>> &taken) {
  std::lock_guard<std::mutex> lock(mutex_);
  auto kept = std::find_if(idle_.begin(), idle_.end(),
                           [&](const auto &set) { return set->lastUsed >= time; });
  for (auto set = idle_.begin(); set != kept; ++set) {
    idleBytes_.fetch_sub(bytesOf(**set), std::memory_order_relaxed);
    taken.push_back(std::move(*set));
  }
  idle_.erase(idle_.begin(), kept);
  return !idle_.empty();
}

Status keepTexts(void *records, int64_t count, AlignedBlock &block) {
  TensorView texts = {DType::String, 1, &count, records};
  size_t bytes = 0;
  for (int64_t i = 0; i < count; ++i)
    bytes += textAt(texts, i).size();
  block = allocateAligned(bytes);
  if (!block)
    return Status(StatusCode::ResourceExhausted,
                  "no memory for " + std::to_string(bytes) + " bytes of text");
  char *next = static_cast<char *>(block.get());
  for (int64_t i = 0; i < count; ++i) {
    std::string_view text = textAt(texts, i);
    ingot_string kept = {next, text.size()};
    next = std::copy(text.begin(), text.end(), next);
    std::memcpy(static_cast<char *>(records) + i * int64_t{sizeof kept}, &kept, sizeof kept);
  }
  return Status::ok();
}

} // namespace ingot::serve
