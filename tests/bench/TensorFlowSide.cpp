// TensorFlow in tests/bench/peers, by its C interface (tensorflow/c/c_api.h): a session for a
// GraphDef with a placeholder "x" and a result "y", which sides.py writes.
#include "tests/bench/Side.h"
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace ingot::bench {
namespace {

using Handle = void *;
struct Port {
  Handle operation;
  int index;
};
constexpr int kFloat32 = 1, kOk = 0;

class TensorFlowSide final : public Side {
public:
  explicit TensorFlowSide(const Request &request)
      : TensorFlowSide(openLibrary(request.library), nullptr) {
    const ingot_tensor &x = request.inputs[0];
    if (request.count != 1 || x.dtype != INGOT_F32)
      throw std::runtime_error("one input of f32 is wanted");
    readGraph(request.model);
    openSession(request.threads);
    in = portOf("x");
    out = portOf("y");
    size_t bytes = static_cast<size_t>(elementsOf(x)) * sizeof(float);
    input = call<Handle>("TF_AllocateTensor", kFloat32, x.dims, int(x.rank), bytes);
    std::memcpy(dataOf(input), x.data, bytes);
    sessionRun = symbolOf<SessionRun>(library, "TF_SessionRun");
    deleteTensor = symbolOf<void(Handle)>(library, "TF_DeleteTensor");
  }
  ~TensorFlowSide() override {
    for (Handle tensor : {input, result})
      if (tensor)
        call<void>("TF_DeleteTensor", tensor);
    if (session)
      call<void>("TF_DeleteSession", session, status);
    call<void>("TF_DeleteGraph", graph);
    call<void>("TF_DeleteStatus", status);
  }

  void run() override {
    if (result)
      deleteTensor(result);
    result = nullptr;
    sessionRun(session, nullptr, &in, &input, 1, &out, &result, 1, nullptr, 0, nullptr, status);
    check();
  }
  ingot_tensor output() override {
    dims.clear();
    for (int i = 0, rank = call<int>("TF_NumDims", result); i < rank; ++i)
      dims.push_back(call<int64_t>("TF_Dim", result, i));
    return {INGOT_F32, static_cast<int32_t>(dims.size()), dims.data(), dataOf(result)};
  }

private:
  using SessionRun = void(Handle, Handle, const Port *, Handle const *, int, const Port *, Handle *,
                          int, Handle const *, int, Handle, Handle);

  /// Complete, so that the destructor runs where the other constructor throws.
  TensorFlowSide(void *library, std::nullptr_t) : library(library) {
    status = call<Handle>("TF_NewStatus");
    graph = call<Handle>("TF_NewGraph");
  }

  template <typename Result, typename... Arguments>
  Result call(const char *name, Arguments... arguments) const {
    return symbolOf<Result(Arguments...)>(library, name)(arguments...);
  }
  void check() const {
    if (call<int>("TF_GetCode", status) != kOk)
      throw std::runtime_error(call<const char *>("TF_Message", status));
  }
  void *dataOf(Handle tensor) const { return call<void *>("TF_TensorData", tensor); }

  void readGraph(const char *path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes = (std::ostringstream() << file.rdbuf()).str();
    if (!file || bytes.empty())
      throw std::runtime_error(std::string("cannot read ") + path);
    Handle buffer = call<Handle>("TF_NewBufferFromString", static_cast<const void *>(bytes.data()),
                                 bytes.size());
    Handle options = call<Handle>("TF_NewImportGraphDefOptions");
    call<void>("TF_GraphImportGraphDef", graph, buffer, options, status);
    call<void>("TF_DeleteImportGraphDefOptions", options);
    call<void>("TF_DeleteBuffer", buffer);
    check();
  }

  void openSession(int32_t threads) {
    // ConfigProto: intra_op_parallelism_threads = 2 of that many, inter_op_parallelism_threads = 5
    // of -1 (ten bytes): operations are started by the caller's thread, which is faster than by a
    // thread of a pool.
    std::string config = {2 << 3, static_cast<char>(threads), 5 << 3};
    config.append(9, '\xff') += '\1';
    Handle options = call<Handle>("TF_NewSessionOptions");
    call<void>("TF_SetConfig", options, static_cast<const void *>(config.data()), config.size(),
               status);
    if (call<int>("TF_GetCode", status) == kOk)
      session = call<Handle>("TF_NewSession", graph, options, status);
    call<void>("TF_DeleteSessionOptions", options);
    check();
  }

  Port portOf(const char *name) const {
    Handle operation = call<Handle>("TF_GraphOperationByName", graph, name);
    if (!operation)
      throw std::runtime_error(std::string("the graph has no ") + name);
    return {operation, 0};
  }

  void *library;
  Handle status = nullptr, graph = nullptr, session = nullptr, input = nullptr, result = nullptr;
  Port in = {nullptr, 0}, out = {nullptr, 0};
  SessionRun *sessionRun = nullptr;
  void (*deleteTensor)(Handle) = nullptr;
  std::vector<int64_t> dims;
};

} // namespace

std::unique_ptr<Side> openTensorFlow(const Request &request) {
  return std::make_unique<TensorFlowSide>(request);
}

} // namespace ingot::bench
