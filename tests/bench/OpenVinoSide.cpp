// OpenVINO in tests/bench/peers, by its C interface (openvino/c/): f32, one stream, least latency.
#include "tests/bench/Side.h"

namespace ingot::bench {
namespace {

using Handle = void *;
using Status = int;
struct Shape {
  int64_t rank;
  int64_t *dims;
};
struct Dimension {
  int64_t least, most;
};
struct PartialShape {
  Dimension rank;
  Dimension *dims;
};
constexpr int kFloat32 = 4;

struct Api {
  void *library;

  template <typename... Arguments> void call(const char *name, Arguments... arguments) const {
    if (symbolOf<Status(Arguments...)>(library, name)(arguments...) != 0)
      fail(name);
  }
  [[noreturn]] void fail(const char *name) const {
    throw std::runtime_error(std::string(name) + ": " +
                             symbolOf<const char *()>(library, "ov_get_last_err_msg")());
  }
  void free(const char *name, Handle handle) const {
    if (handle)
      symbolOf<void(Handle)>(library, name)(handle);
  }
};

class OpenVinoSide final : public Side {
public:
  explicit OpenVinoSide(const Request &request) : OpenVinoSide(Api{openLibrary(request.library)}) {
    const ingot_tensor &in = request.inputs[0];
    if (request.count != 1 || in.dtype != INGOT_F32)
      throw std::runtime_error("one input of f32 is wanted");
    auto *dims = const_cast<int64_t *>(in.dims);
    Handle model = nullptr;
    api.call("ov_core_create", &core);
    api.call("ov_core_read_model", core, request.model, static_cast<const char *>(nullptr), &model);
    PartialShape fixed;
    api.call("ov_partial_shape_create_static", int64_t(in.rank), dims, &fixed);
    api.call("ov_model_reshape_single_input", model, fixed);
    symbolOf<void(PartialShape *)>(api.library, "ov_partial_shape_free")(&fixed);
    compile(model, std::to_string(request.threads));
    api.free("ov_model_free", model);
    api.call("ov_compiled_model_create_infer_request", compiled, &inference);
    api.call("ov_tensor_create_from_host_ptr", kFloat32, Shape{in.rank, dims},
             const_cast<void *>(in.data), &input);
    api.call("ov_infer_request_set_input_tensor", inference, input);
    infer = symbolOf<Status(Handle)>(api.library, "ov_infer_request_infer");
    run();
    api.call("ov_infer_request_get_output_tensor", inference, &result);
    api.call("ov_tensor_get_shape", result, &shape);
  }
  ~OpenVinoSide() override {
    if (shape.dims)
      symbolOf<Status(Shape *)>(api.library, "ov_shape_free")(&shape);
    api.free("ov_tensor_free", result);
    api.free("ov_tensor_free", input);
    api.free("ov_infer_request_free", inference);
    api.free("ov_compiled_model_free", compiled);
    api.free("ov_core_free", core);
  }

  void run() override {
    if (infer(inference) != 0)
      api.fail("ov_infer_request_infer");
  }
  ingot_tensor output() override {
    void *data = nullptr;
    api.call("ov_tensor_data", result, &data);
    return {INGOT_F32, static_cast<int32_t>(shape.rank), shape.dims, data};
  }

private:
  /// Complete, so that the destructor runs where the other constructor throws.
  explicit OpenVinoSide(Api api) : api(api) {}

  void compile(Handle model, const std::string &threads) {
    using Compile = Status(Handle, Handle, const char *, size_t, Handle *, ...);
    Status status = symbolOf<Compile>(api.library, "ov_core_compile_model")(
        core, model, "CPU", size_t(8), &compiled, "INFERENCE_NUM_THREADS", threads.c_str(),
        "NUM_STREAMS", "1", "PERFORMANCE_HINT", "LATENCY", "INFERENCE_PRECISION_HINT", "f32");
    if (status != 0)
      api.fail("ov_core_compile_model");
  }

  Api api;
  Handle core = nullptr, compiled = nullptr, inference = nullptr, input = nullptr, result = nullptr;
  Status (*infer)(Handle) = nullptr;
  Shape shape = {0, nullptr};
};

} // namespace

std::unique_ptr<Side> openOpenVino(const Request &request) {
  return std::make_unique<OpenVinoSide>(request);
}

} // namespace ingot::bench
