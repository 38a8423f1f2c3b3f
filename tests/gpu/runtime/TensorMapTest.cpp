// Kernels that take tensor maps: made for each run, copied by launches and by recordings, refused
// where the driver would refuse them, and left alone by drivers that do not know them.
#include "FakeDriver.h"
#include "ingot/Device.h"
#include "ingot/Model.h"
#include "runtime/device/CudaLibrary.h"
#include "tests/gpu/shim/CompileHost.h"
#include "tests/gpu/shim/Half.h"

#include <deque>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unistd.h>
#include <vector>

using namespace ingot;
using namespace ingot::gputest;

namespace {

//===----------------------------------------------------------------------===//
// c[m, n] = a[m, k] b[n, k]^T of f16; sums in f32
//===----------------------------------------------------------------------===//

constexpr int64_t tileM = 64, tileN = 128, tileK = 64;
constexpr int64_t stageBytes = 2 * (tileM + tileN) * tileK * 2;

const char simpleKernel[] = R"(
K_KERNEL(gemm_simple, 128)(K_GLOBAL char *a, K_GLOBAL char *b, K_GLOBAL char *c, k_i64 n, k_i64 k) {
  k_i64 row = K_BLOCK / (n / 128), column = K_BLOCK % (n / 128) * 128 + K_THREAD;
  float sum = 0.f;
  for (k_i64 i = 0; i < k; ++i)
    sum += k_f16_to_f32(((K_GLOBAL k_u16 *)a)[row * k + i]) *
           k_f16_to_f32(((K_GLOBAL k_u16 *)b)[column * k + i]);
  ((K_GLOBAL float *)c)[row * n + column] = sum;
}
K_EXPORT(gemm_simple, 5, 128)
)";

const std::vector<char> &image() {
  static const std::vector<char> made = [] {
    std::ostringstream text;
    text << std::ifstream(KERNELS "/gemm_wgmma.k").rdbuf() << simpleKernel;
    const std::string path = testing::TempDir() + "ingot-wgmma-" + std::to_string(getpid()) + ".so";
    EXPECT_EQ(shim::compileHost(text.str(), path), "");
    std::ifstream file(path, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    unlink(path.c_str());
    return bytes;
  }();
  return made;
}

const ingot_device_kernel tiledKernel = {"gemm_wgmma", 0, 128, stageBytes + 32, 5, 0b11};
const ingot_device_kernel plainKernel = {"gemm_simple", 0, 128, 0, 5, 0};

int32_t plan(const int64_t *symbols, int64_t *plan) {
  plan[0] = 0;
  std::copy_n(symbols, 3, plan + 1); // m, n, k
  return INGOT_OK;
}

ingot_tensor_map mapOf(const void *base, int64_t rows, int64_t columns, int64_t boxRows) {
  return {INGOT_F16, base, 2, {columns, rows}, {2, columns * 2}, {tileK, boxRows}};
}

int32_t launch(ingot_run *run, void *left, void *right, int64_t blocks, int64_t k) {
  const ingot_device &device = *run->device;
  int64_t n = run->plan[2];
  void *result = run->outputs[0];
  void *parameters[] = {left, right, &result, &n, &k};
  const bool isGood = device.launch(device.context, 0, blocks, parameters) == 0;
  return isGood ? INGOT_OK : INGOT_DEVICE_FAILED;
}

/// `k` need not be a multiple of the tile's: what is outside of the maps is zero.
int32_t multiplyByTiles(ingot_run *run) {
  const ingot_device &device = *run->device;
  const int64_t m = run->plan[1], n = run->plan[2], k = run->plan[3];
  alignas(64) char maps[2][128];
  const ingot_tensor_map left = mapOf(run->inputs[0], m, k, tileM),
                         right = mapOf(run->inputs[1], n, k, tileN);
  if (device.store(device.context, device.error, -1) != 0)
    return INGOT_DEVICE_FAILED;
  run->begin(run->user, 0);
  if (device.tensor_map(device.context, maps[0], &left) != 0 ||
      device.tensor_map(device.context, maps[1], &right) != 0)
    return INGOT_DEVICE_FAILED;
  return launch(run, maps[0], maps[1], m / tileM * (n / tileN), (k + tileK - 1) / tileK * tileK);
}

int32_t multiplyByRows(ingot_run *run) {
  const ingot_device &device = *run->device;
  const void *left = run->inputs[0], *right = run->inputs[1];
  if (device.store(device.context, device.error, -1) != 0)
    return INGOT_DEVICE_FAILED;
  return launch(run, &left, &right, run->plan[1] * (run->plan[2] / 128), run->plan[3]);
}

int32_t multiplyHere(ingot_run *run) {
  const int64_t m = run->plan[1], n = run->plan[2], k = run->plan[3];
  const auto *a = static_cast<const uint16_t *>(run->inputs[0]);
  const auto *b = static_cast<const uint16_t *>(run->inputs[1]);
  for (int64_t i = 0; i < m * n; ++i) {
    float sum = 0;
    for (int64_t p = 0; p < k; ++p)
      sum += shim::f16ToF32(a[i / n * k + p]) * shim::f16ToF32(b[i % n * k + p]);
    static_cast<float *>(run->outputs[0])[i] = sum;
  }
  return INGOT_OK;
}

const char *const nodes[] = {"dense"};
const char *const symbols[] = {"m", "n", "k"};
const ingot_symbol_source sources[] = {
    {INGOT_SYMBOL_EXTENT, 0, 0}, {INGOT_SYMBOL_EXTENT, 1, 0}, {INGOT_SYMBOL_EXTENT, 0, 1}};
const ingot_dim mByK[] = {{-1, 0, "m"}, {-1, 2, "k"}}, nByK[] = {{-1, 1, "n"}, {-1, 2, "k"}},
                mByN[] = {{-1, 0, "m"}, {-1, 1, "n"}};
const ingot_tensor_info inputs[] = {{"a", INGOT_F16, 2, mByK}, {"b", INGOT_F16, 2, nByK}};
const ingot_tensor_info outputs[] = {{"c", INGOT_F32, 2, mByN}};
const ingot_kernel_info kernels[] = {{"dense/matmul", "dense", "0", "0"}};

/// A table, and what it points to.
struct Table {
  explicit Table(int32_t (*run)(ingot_run *)) {
    function = {"multiply", INGOT_FUNCTION_CANONICAL,
                3,          symbols,
                sources,    2,
                inputs,     1,
                outputs,    4,
                1,          1,
                kernels,    "0",
                plan,       run};
    table.size = sizeof table;
    table.abi_major = INGOT_ABI_MAJOR;
    table.abi_minor = INGOT_ABI_MINOR;
    table.name = "product";
    table.variant = "any";
    table.function_count = 1;
    table.functions = &function;
    table.node_count = std::size(nodes);
    table.nodes = nodes;
  }
  ingot_function function = {};
  ingot_artifact_table table = {};
};

ingot_device_code codeOf(const Table &table, const ingot_device_kernel &kernel,
                         const ingot_image &image) {
  ingot_device_code code = {};
  code.api = "cuda";
  code.family = "sm_90a";
  code.table = &table.table;
  code.kernel_count = 1;
  code.kernels = &kernel;
  code.unit_count = 1;
  code.image_count = 1;
  code.images = &image;
  return code;
}

/// The first `count` of: code with tensor maps, code without.
std::shared_ptr<const Artifact> productModel(int64_t count) {
  static const Table tiled(multiplyByTiles), plain(multiplyByRows);
  static std::deque<Table> own;
  static const ingot_image images[] = {
      {INGOT_IMAGE_HOST, "sm_90a", 0, image().size(), image().data()}};
  static const ingot_device_code code[] = {codeOf(tiled, tiledKernel, images[0]),
                                           codeOf(plain, plainKernel, images[0])};
  ingot_artifact_table &table = own.emplace_back(multiplyHere).table;
  table.device_count = count;
  table.devices = code;
  return std::move(Artifact::adopt(&table)).value();
}

/// -2 to 2, so that sums are exact.
Tensor halves(int64_t rows, int64_t columns, int64_t seed) {
  constexpr uint16_t numbers[] = {0xC000, 0xBC00, 0, 0x3C00, 0x4000};
  Tensor tensor = std::move(Tensor::zeros(DType::F16, {rows, columns})).value();
  for (int64_t i = 0; i < tensor.elementCount(); ++i)
    static_cast<uint16_t *>(tensor.rawData())[i] = numbers[(i * i + i / columns + seed) % 5];
  return tensor;
}

class TensorMaps : public DeviceTest {
protected:
  /// Of the CPU.
  static std::vector<float> product(const Tensor &a, const Tensor &b) {
    std::shared_ptr<const Artifact> model = productModel(0);
    std::unique_ptr<State> state = std::move(State::create(model)).value();
    Session multiply = std::move(Session::create(model, "multiply")).value();
    EXPECT_TRUE(multiply.run(*state, {a, b}).isOk());
    return valuesOf(multiply.output(0));
  }
  static std::vector<float> valuesOf(const Tensor &tensor) {
    return {tensor.data<float>(), tensor.data<float>() + tensor.elementCount()};
  }
};

TEST_F(TensorMaps, ReachKernelsByLaunchesAndByRecordings) {
  std::shared_ptr<const Artifact> model =
      std::move(productModel(1)->onDevice(std::move(Device::open("cuda")).value())).value();
  std::unique_ptr<State> state = std::move(State::create(model)).value();
  Session multiply = std::move(Session::create(model, "multiply")).value();
  const Tensor b = halves(256, 136, 1);
  for (int64_t run = 0; run < 4; ++run) {
    const Tensor a = halves(128, 136, run);
    ASSERT_OK(multiply.run(*state, {a, b}));
    EXPECT_EQ(valuesOf(multiply.output(0)), product(a, b)) << run;
  }
  EXPECT_EQ(driver.count("cuGraphLaunch"), 3);
  EXPECT_EQ(driver.count("cuTensorMapEncodeTiled"), 4); // a recording has them
  const Tensor small = halves(64, 8, 3), other = halves(128, 8, 4);
  ASSERT_OK(multiply.run(*state, {small, other}));
  EXPECT_EQ(valuesOf(multiply.output(0)), product(small, other));
}

TEST_F(TensorMaps, ThatTheDriverRefusesNameTheirKernelAndWhatIsTaken) {
  {
    std::shared_ptr<const Artifact> model =
        std::move(productModel(1)->onDevice(std::move(Device::open("cuda")).value())).value();
    std::unique_ptr<State> state = std::move(State::create(model)).value();
    Session multiply = std::move(Session::create(model, "multiply")).value();
    EXPECT_STATUS(multiply.run(*state, {halves(64, 12, 0), halves(128, 12, 0)}), Internal,
                  "function 'multiply': dense (kernel 'dense/matmul'): a tensor map of 12 x 64 "
                  "elements in boxes of 64 x 64, strides of 24 bytes (multiples of 16 are taken), "
                  "address modulo 16 of 0: cuTensorMapEncodeTiled: CUDA_ERROR_INVALID_VALUE");
    const Tensor a = halves(64, 64, 0), b = halves(128, 64, 0);
    ASSERT_OK(multiply.run(*state, {a, b}));
    EXPECT_EQ(valuesOf(multiply.output(0)), product(a, b));
  }
  EXPECT_EQ(driver.report(), "cuTensorMapEncodeTiled: a stride of 24 bytes, over 24\n");
  driver.reset();
}

TEST_F(TensorMaps, AreForDriversThatKnowThem) {
  std::shared_ptr<Device> device = std::move(Device::open("cuda")).value();
  auto &library = const_cast<cuda::Library &>(*cuda::library().value());
  auto *encode = library.cuTensorMapEncodeTiled;
  library.cuTensorMapEncodeTiled = nullptr;
  EXPECT_STATUS(productModel(1)->onDevice(device).status(), Unsupported,
                "model 'product': its code for cuda:0 (Fake GPU, compute capability 9.0) takes a "
                "driver with cuTensorMapEncodeTiled; that is one for CUDA 12.0 (525) or later");
  std::shared_ptr<const Artifact> model = std::move(productModel(2)->onDevice(device)).value();
  library.cuTensorMapEncodeTiled = encode;
  std::unique_ptr<State> state = std::move(State::create(model)).value();
  Session multiply = std::move(Session::create(model, "multiply")).value();
  const Tensor a = halves(2, 12, 0), b = halves(128, 12, 1);
  ASSERT_OK(multiply.run(*state, {a, b}));
  EXPECT_EQ(valuesOf(multiply.output(0)), product(a, b));
}

} // namespace
