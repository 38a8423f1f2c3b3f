// ONNX Runtime in tests/bench/peers, by its C interface: a table of functions to which versions
// only append, so that a function's place is its name. Input and output are tensors in fixed
// memory.
#include "tests/bench/Side.h"
#include <vector>

namespace ingot::bench {
namespace {

struct OrtApiBase {
  void *const *(*api)(uint32_t version);
  const char *(*version)();
};

using Handle = void *;
using Status = Handle;

/// The functions in use, by their place in OrtApi.
class Api {
public:
  explicit Api(void *library) {
    table = symbolOf<const OrtApiBase *()>(library, "OrtGetApiBase")()->api(kVersion);
    if (!table)
      throw std::runtime_error("this ONNX Runtime is older than version 1.16");
  }

  template <size_t place, typename... Arguments> void call(Arguments... arguments) const {
    Status status = reinterpret_cast<Status (*)(Arguments...)>(table[place])(arguments...);
    if (!status)
      return;
    std::string message = reinterpret_cast<const char *(*)(Status)>(table[2])(status);
    release<93>(status);
    throw std::runtime_error(message);
  }
  template <size_t place> void release(Handle handle) const {
    if (handle)
      reinterpret_cast<void (*)(Handle)>(table[place])(handle);
  }

  static constexpr size_t kCreateEnv = 3, kCreateSession = 7, kRun = 9, kCreateOptions = 10,
                          kSetIntraThreads = 24, kSetInterThreads = 25, kInputName = 36,
                          kOutputName = 37, kCreateTensor = 49, kTensorData = 51, kRank = 61,
                          kDims = 62, kTypeAndShape = 65, kCpuMemory = 69, kAllocator = 78;
  static constexpr size_t kReleaseEnv = 92, kReleaseMemory = 94, kReleaseSession = 95,
                          kReleaseValue = 96, kReleaseShape = 99, kReleaseOptions = 100;

private:
  static constexpr uint32_t kVersion = 16;
  void *const *table;
};

constexpr int kFloat = 1, kWarning = 2, kArenaAllocator = 1, kDefaultMemory = 0;

class OnnxRuntimeSide final : public Side {
public:
  explicit OnnxRuntimeSide(const Request &request)
      : OnnxRuntimeSide(Api(openLibrary(request.library))) {
    const ingot_tensor &in = request.inputs[0];
    if (request.count != 1 || in.dtype != INGOT_F32)
      throw std::runtime_error("one input of f32 is wanted");
    api.call<Api::kCreateEnv>(kWarning, "peers", &env);
    api.call<Api::kCreateOptions>(&options);
    api.call<Api::kSetIntraThreads>(options, static_cast<int>(request.threads));
    api.call<Api::kSetInterThreads>(options, 1);
    api.call<Api::kCreateSession>(env, request.model, options, &session);
    Handle allocator = nullptr;
    api.call<Api::kAllocator>(&allocator);
    // The names live as long as the process.
    api.call<Api::kInputName>(session, size_t(0), allocator, &inputName);
    api.call<Api::kOutputName>(session, size_t(0), allocator, &outputName);
    api.call<Api::kCpuMemory>(kArenaAllocator, kDefaultMemory, &memory);
    api.call<Api::kCreateTensor>(memory, const_cast<void *>(in.data),
                                 static_cast<size_t>(elementsOf(in)) * sizeof(float), in.dims,
                                 static_cast<size_t>(in.rank), kFloat, &input);
    run(); // makes the output, into which later runs write
    Handle shape = nullptr;
    size_t rank = 0;
    api.call<Api::kTypeAndShape>(result, &shape);
    api.call<Api::kRank>(shape, &rank);
    dims.resize(rank);
    api.call<Api::kDims>(shape, dims.data(), rank);
    api.release<Api::kReleaseShape>(shape);
  }
  ~OnnxRuntimeSide() override {
    api.release<Api::kReleaseValue>(input);
    api.release<Api::kReleaseValue>(result);
    api.release<Api::kReleaseMemory>(memory);
    api.release<Api::kReleaseSession>(session);
    api.release<Api::kReleaseOptions>(options);
    api.release<Api::kReleaseEnv>(env);
  }

  void run() override {
    const Handle inputs[] = {input};
    api.call<Api::kRun>(session, Handle(nullptr), &inputName, inputs, size_t(1), &outputName,
                        size_t(1), &result);
  }
  ingot_tensor output() override {
    void *data = nullptr;
    api.call<Api::kTensorData>(result, &data);
    return {INGOT_F32, static_cast<int32_t>(dims.size()), dims.data(), data};
  }

private:
  /// Complete, so that the destructor runs where the other constructor throws.
  explicit OnnxRuntimeSide(Api api) : api(api) {}

  Api api;
  Handle env = nullptr, options = nullptr, session = nullptr, memory = nullptr;
  Handle input = nullptr, result = nullptr;
  char *inputName = nullptr, *outputName = nullptr;
  std::vector<int64_t> dims;
};

} // namespace

std::unique_ptr<Side> openOnnxRuntime(const Request &request) {
  return std::make_unique<OnnxRuntimeSide>(request);
}

} // namespace ingot::bench
