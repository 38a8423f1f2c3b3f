#include "runtime/serve/schedule/ProbeRows.h"
#include "runtime/model/Checks.h"
#include "runtime/model/Inputs.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace ingot::serve {

namespace {
constexpr int64_t rows = 3;
/// Sizes that are tried for what the function leaves open besides the batch. Not 1 at first: much
/// is the same for all values there.
constexpr int64_t sizes[] = {4,   8,   16,  32,  3,  2,   5,   6,   7,   12,  20,
                             24,  28,  48,  64,  96, 100, 128, 160, 192, 224, 256,
                             299, 320, 384, 448, 1,  512, 640, 768, 1024};

class Probe {
public:
  Probe(const std::shared_ptr<const Artifact> &artifact, State &state,
        const ingot_function &function, const Joining &joining, const std::function<Status()> &goOn)
      : artifact_(artifact), state_(state), function_(function), joining_(joining), goOn_(goOn) {}

  Result<bool> areIndependent() {
    SessionOptions options;
    options.begin = &Probe::isEnded;
    options.user = this;
    auto session = Session::create(artifact_, function_.name, options);
    bool are = session.isOk() && findSizes() && compare(*session);
    if (!ended_.isOk())
      return ended_;
    return are;
  }

private:
  using Outputs = std::vector<Tensor>;

  static int isEnded(void *user, int64_t) {
    auto &probe = *static_cast<Probe *>(user);
    if (probe.goOn_ && probe.ended_.isOk())
      probe.ended_ = probe.goOn_();
    return !probe.ended_.isOk();
  }

  bool compare(Session &session) {
    // Integers are 0 or 1, which most indices may be; else all 0, and floats tell rows apart.
    for (uint32_t integers : {2, 1})
      if (fill(integers) && run(session, 0, rows, together_))
        return isEachTheSame(session);
    return false;
  }

  bool findSizes() {
    std::vector<int64_t> plan(static_cast<size_t>(function_.plan_words));
    symbols_.resize(static_cast<size_t>(function_.symbol_count));
    for (int64_t size : sizes) {
      std::fill(symbols_.begin(), symbols_.end(), size);
      for (const ingot_symbol_bound &bound : boundsOf(artifact_->table()))
        if (&artifact_->table().functions[bound.function] == &function_)
          symbols_[static_cast<size_t>(bound.symbol)] = std::clamp(size, bound.least, bound.most);
      auto isPossible = [&](int64_t batch) {
        symbols_[static_cast<size_t>(joining_.symbol)] = batch;
        return function_.plan(symbols_.data(), plan.data()) == INGOT_OK;
      };
      if (isPossible(1) && isPossible(rows))
        return true;
    }
    return false;
  }

  bool fill(uint32_t integers) {
    inputs_.clear();
    for (int64_t i = 0; i < function_.input_count; ++i) {
      const ingot_tensor_info &info = function_.inputs[i];
      Shape shape(static_cast<size_t>(info.rank));
      for (size_t axis = 0; axis < shape.size(); ++axis) {
        auto extent = extentOf(function_, info.dims[axis], symbols_.data());
        if (!extent.isOk())
          return false;
        shape[axis] = *extent;
      }
      auto made = Tensor::zeros(static_cast<DType>(info.dtype), shape);
      if (!made.isOk())
        return false;
      fillOne(*made, integers);
      inputs_.push_back(std::move(*made));
    }
    return true;
  }

  void fillOne(Tensor &tensor, uint32_t integers) {
    static constexpr std::string_view texts[] = {"1", "23", "a", "b c"};
    auto *bytes = static_cast<unsigned char *>(tensor.rawData());
    size_t size = byteSize(tensor.dtype());
    for (size_t at = 0; at < tensor.byteSize(); at += size) {
      random_ = random_ * 6364136223846793005 + 1442695040888963407; // the same in every process
      auto random = static_cast<uint32_t>(random_ >> 33);
      auto put = [&](auto value) { std::memcpy(bytes + at, &value, sizeof value); };
      // Between 0.5 and 2, of either sign, by its bits.
      switch (tensor.dtype()) {
      case DType::F64:
        put((random & 1 ? -1.0 : 1.0) * (0.5 + (random >> 8) / 5592406.0));
        break;
      case DType::F32:
        put((random & 1 ? -1.0f : 1.0f) * (0.5f + static_cast<float>(random >> 8) / 5592406.0f));
        break;
      case DType::F16:
        put(static_cast<uint16_t>(((random & 1) << 15) | (0x3800 + (random >> 8 & 0x7ff))));
        break;
      case DType::BF16:
        put(static_cast<uint16_t>(((random & 1) << 15) | (0x3f00 + (random >> 8 & 0xff))));
        break;
      case DType::String: {
        std::string_view text = texts[random >> 8 & 3];
        put(ingot_string{text.data(), text.size()});
        break;
      }
      default: // integers; floats of 8 bits and less are small numbers then
        bytes[at] = static_cast<unsigned char>((random >> 8) % integers);
      }
    }
  }

  bool run(Session &session, int64_t first, int64_t count, Outputs &outputs) {
    std::vector<TensorView> views;
    std::vector<Shape> shapes;
    shapes.reserve(inputs_.size());
    for (Tensor &input : inputs_) {
      shapes.push_back(input.shape());
      shapes.back()[0] = count;
      auto bytes = static_cast<int64_t>(input.byteSize()) / rows;
      views.push_back({input.dtype(), input.rank(), shapes.back().data(),
                       static_cast<const char *>(input.rawData()) + bytes * first});
    }
    if (!session.run(state_, views).isOk())
      return false;
    outputs.clear();
    for (size_t i = 0; i < session.outputCount(); ++i) {
      auto copy = session.output(i).clone();
      if (!copy.isOk())
        return false;
      outputs.push_back(std::move(*copy));
    }
    return true;
  }

  bool isEachTheSame(Session &session) {
    Outputs alone;
    for (int64_t row = 0; row < rows; ++row) {
      if (!run(session, row, 1, alone))
        return false;
      for (size_t i = 0; i < alone.size(); ++i)
        if (!isRow(together_[i], row, alone[i]))
          return false;
    }
    return true;
  }

  static bool isRow(const Tensor &together, int64_t row, const Tensor &alone) {
    Shape expected = together.shape();
    expected[0] = 1;
    if (together.dim(0) != rows || alone.shape() != expected)
      return false;
    if (alone.dtype() != DType::String)
      return std::memcmp(static_cast<const char *>(together.rawData()) +
                             static_cast<int64_t>(alone.byteSize()) * row,
                         alone.rawData(), alone.byteSize()) == 0;
    for (int64_t k = 0; k < alone.elementCount(); ++k)
      if (textAt(together, row * alone.elementCount() + k) != textAt(alone, k))
        return false;
    return true;
  }

  const std::shared_ptr<const Artifact> &artifact_;
  State &state_;
  const ingot_function &function_;
  const Joining &joining_;
  const std::function<Status()> &goOn_;
  Status ended_;
  uint64_t random_ = 1;
  std::vector<int64_t> symbols_;
  std::vector<Tensor> inputs_;
  Outputs together_;
};
} // namespace

Result<bool> areRowsIndependent(const std::shared_ptr<const Artifact> &artifact, State &state,
                                const ingot_function &function, const Joining &joining,
                                const std::function<Status()> &goOn) {
  return Probe(artifact, state, function, joining, goOn).areIndependent();
}

} // namespace ingot::serve
