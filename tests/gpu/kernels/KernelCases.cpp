#include "KernelCases.h"
#include "tests/gpu/shim/Half.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <random>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace ingot::tests {
namespace {

using shim::f16ToF32;
using shim::HostImage;
using shim::Schedule;

// Elements that end where a page without access starts, aligned to 16 bytes as memory of GPUs is;
// what is left in front of that page is looked at when the buffer is compared.
template <typename T> class Buffer {
public:
  explicit Buffer(size_t count) : count_(count) {
    const size_t bytes = (count * sizeof(T) + 15) / 16 * 16;
    mapped_ = (bytes + page - 1) / page * page;
    void *mapping =
        mmap(nullptr, mapped_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED)
      throw std::bad_alloc();
    mapping_ = static_cast<char *>(mapping);
    mprotect(mapping_ + mapped_, page, PROT_NONE);
    std::memset(mapping_, 0xff, mapped_); // NaN
    data_ = reinterpret_cast<T *>(mapping_ + mapped_ - bytes);
  }
  ~Buffer() { munmap(mapping_, mapped_ + page); }
  Buffer(const Buffer &) = delete;

  T *data() { return data_; }
  T &operator[](size_t i) { return data_[i]; }
  size_t size() const { return count_; }
  /// Whether nothing was written behind the last element.
  bool endsWhole() const {
    for (const char *byte = reinterpret_cast<const char *>(data_ + count_);
         byte < mapping_ + mapped_; ++byte)
      if (*byte != static_cast<char>(0xff))
        return false;
    return true;
  }

private:
  static constexpr size_t page = 4096;
  size_t count_, mapped_;
  char *mapping_;
  T *data_;
};

// Numbers of -1 to 1 that f16 has.
uint16_t randomHalf(std::mt19937 &random) {
  const uint16_t exponent = static_cast<uint16_t>(10 + random() % 5);
  return static_cast<uint16_t>((random() & 0x83ff) | exponent << 10);
}
void fill(Buffer<uint16_t> &buffer, uint32_t seed) {
  std::mt19937 random(seed);
  for (size_t i = 0; i < buffer.size(); ++i)
    buffer[i] = randomHalf(random);
}
void fill(Buffer<float> &buffer, uint32_t seed) {
  std::mt19937 random(seed);
  for (size_t i = 0; i < buffer.size(); ++i)
    buffer[i] = static_cast<float>(random() % 4096) / 2048.f - 1.f;
}

template <typename T, typename F>
std::string compare(Buffer<T> &buffer, F &&value, const std::vector<double> &expected,
                    double tolerance) {
  for (size_t i = 0; i < expected.size(); ++i) {
    const double got = value(buffer[i]);
    if (!(std::abs(got - expected[i]) <= tolerance))
      return "element " + std::to_string(i) + " is " + std::to_string(got) + ", not " +
             std::to_string(expected[i]);
  }
  return buffer.endsWhole() ? std::string() : "a write behind the end of the result";
}
const auto same = [](auto x) { return static_cast<double>(x); };
const auto fromHalf = [](uint16_t x) { return static_cast<double>(f16ToF32(x)); };

// Parameters of one launch: each is 8 bytes or a tensor map.
template <typename... P>
std::string launch(const HostImage &image, const char *name, int64_t blocks, int64_t sharedBytes,
                   Schedule schedule, P... parameters) {
  const ShimKernel *kernel = image.kernel(name);
  if (!kernel)
    return std::string("there is no kernel ") + name;
  void *pointers[] = {&parameters...};
  return shim::launch(*kernel, blocks, sharedBytes, pointers, schedule);
}

std::vector<double> softmax(Buffer<float> &x, size_t rows, size_t n) {
  std::vector<double> expected(rows * n);
  for (size_t row = 0; row < rows; ++row) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; ++i)
      most = std::max(most, static_cast<double>(x[row * n + i]));
    for (size_t i = 0; i < n; ++i)
      sum += std::exp(x[row * n + i] - most);
    for (size_t i = 0; i < n; ++i)
      expected[row * n + i] = std::exp(x[row * n + i] - most) / sum;
  }
  return expected;
}

std::string runSoftmaxBlock(const HostImage &image, Schedule schedule) {
  const size_t rows = 3, n = 300;
  Buffer<float> x(rows * n), y(rows * n);
  fill(x, 1);
  x[n + 299] = 9.f; // a maximum that only one thread sees
  std::string problem = launch(image, "softmax_block", rows, 0, schedule, x.data(), y.data(), n);
  return problem.empty() ? compare(y, same, softmax(x, rows, n), 1e-6) : problem;
}

std::string runSoftmaxWarp(const HostImage &image, Schedule schedule) {
  const size_t rows = 6, n = 70;
  Buffer<float> x(rows * n), y(rows * n);
  fill(x, 2);
  x[69] = 9.f;
  std::string problem = launch(image, "softmax_warp", 2, 0, schedule, x.data(), y.data(), rows, n);
  return problem.empty() ? compare(y, same, softmax(x, rows, n), 1e-6) : problem;
}

std::string runSumBlocks(const HostImage &image, Schedule schedule) {
  const size_t n = 2500;
  Buffer<float> x(n);
  Buffer<double> y(3);
  fill(x, 3);
  std::vector<double> expected(3);
  for (size_t i = 0; i < n; ++i)
    expected[i / 1024] += static_cast<double>(x[i]);
  std::string problem = launch(image, "sum_blocks", 3, 0, schedule, x.data(), y.data(), n);
  return problem.empty() ? compare(y, same, expected, 1e-9) : problem;
}

std::string runSumColumns(const HostImage &image, Schedule schedule) {
  const size_t rows = 29, columns = 50;
  Buffer<float> x(rows * columns), y(columns);
  fill(x, 4);
  std::vector<double> expected(columns);
  for (size_t i = 0; i < rows * columns; ++i)
    expected[i % columns] += static_cast<double>(x[i]);
  std::string problem =
      launch(image, "sum_columns", 2, 0, schedule, x.data(), y.data(), rows, columns);
  return problem.empty() ? compare(y, same, expected, 1e-5) : problem;
}

std::string runTranspose(const HostImage &image, Schedule schedule) {
  Buffer<float> x(2 * 1024), y(2 * 1024);
  fill(x, 5);
  std::vector<double> expected(2 * 1024);
  for (size_t i = 0; i < expected.size(); ++i)
    expected[i] = static_cast<double>(x[i / 1024 * 1024 + i % 32 * 32 + i / 32 % 32]);
  std::string problem = launch(image, "transpose_warp", 2, 0, schedule, x.data(), y.data());
  return problem.empty() ? compare(y, same, expected, 0) : problem;
}

std::string runGemmSimt(const HostImage &image, Schedule schedule) {
  const size_t m = 70, n = 65, k = 50;
  Buffer<float> a(m * k), b(k * n), bias(n), c(m * n);
  fill(a, 6);
  fill(b, 7);
  fill(bias, 8);
  std::vector<double> expected(m * n);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j) {
      double sum = static_cast<double>(bias[j]);
      for (size_t p = 0; p < k; ++p)
        sum += static_cast<double>(a[i * k + p]) * static_cast<double>(b[p * n + j]);
      expected[i * n + j] = std::max(sum, 0.);
    }
  std::string problem = launch(image, "gemm_simt", 4, 0, schedule, a.data(), b.data(), bias.data(),
                               c.data(), m, n, k);
  return problem.empty() ? compare(c, same, expected, 1e-4) : problem;
}

// A[m, k] B[n, k]^T
std::vector<double> product(Buffer<uint16_t> &a, Buffer<uint16_t> &b, size_t m, size_t n,
                            size_t k) {
  std::vector<double> expected(m * n);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j)
      for (size_t p = 0; p < k; ++p)
        expected[i * n + j] += fromHalf(a[i * k + p]) * fromHalf(b[j * k + p]);
  return expected;
}

std::string runGemmMma(const HostImage &image, Schedule schedule) {
  const size_t m = 70, n = 66, k = 136;
  Buffer<uint16_t> a(m * k), b(n * k), c(m * n);
  fill(a, 9);
  fill(b, 10);
  std::string problem = launch(image, "gemm_mma", 4, 3 * 2 * 64 * 40 * 2, schedule, a.data(),
                               b.data(), c.data(), m, n, k);
  return problem.empty() ? compare(c, fromHalf, product(a, b, m, n, k), 1e-2) : problem;
}

std::string runAttention(const HostImage &image, Schedule schedule) {
  const size_t heads = 2, length = 192, all = heads * length * 64;
  Buffer<uint16_t> q(all), k(all), v(all), o(all);
  fill(q, 11);
  fill(k, 12);
  fill(v, 13);
  std::vector<double> expected(all);
  for (size_t row = 0; row < heads * length; ++row) {
    const size_t head = row / length * length;
    std::vector<double> weights(length);
    double sum = 0;
    for (size_t i = 0; i < length; ++i) {
      for (size_t p = 0; p < 64; ++p)
        weights[i] += fromHalf(q[row * 64 + p]) * fromHalf(k[(head + i) * 64 + p]);
      sum += weights[i] = std::exp(weights[i] / 8);
    }
    for (size_t i = 0; i < length; ++i)
      for (size_t p = 0; p < 64; ++p)
        expected[row * 64 + p] += weights[i] / sum * fromHalf(v[(head + i) * 64 + p]);
  }
  std::string problem = launch(image, "attention", heads * length / 64, 5 * 64 * 72 * 2, schedule,
                               q.data(), k.data(), v.data(), o.data(), length);
  return problem.empty() ? compare(o, fromHalf, expected, 1e-3) : problem;
}

ShimTensorMap mapOf(Buffer<uint16_t> &buffer, size_t rows, size_t columns, int boxRows) {
  ShimTensorMap map = {};
  map.base = reinterpret_cast<const char *>(buffer.data());
  map.extents[0] = static_cast<k_i64>(columns);
  map.extents[1] = static_cast<k_i64>(rows);
  map.stride = static_cast<k_i64>(columns) * 2;
  map.box[0] = 64;
  map.box[1] = boxRows;
  map.elementBytes = 2;
  map.swizzle = 128;
  return map;
}

std::string runGemmWgmma(const char *kernel, const HostImage &image, Schedule schedule) {
  const size_t m = 128, n = 128, k = 320;
  Buffer<uint16_t> a(m * k), b(n * k);
  Buffer<float> c(m * n);
  fill(a, 14);
  fill(b, 15);
  std::string problem = launch(image, kernel, 2, 2 * (64 + 128) * 64 * 2 + 32, schedule,
                               mapOf(a, m, k, 64), mapOf(b, n, k, 128), c.data(), n, k);
  return problem.empty() ? compare(c, same, product(a, b, m, n, k), 1e-3) : problem;
}

} // namespace

const std::vector<KernelCase> &kernelCases() {
  static const std::vector<KernelCase> cases = {
      {"softmax_block", "softmax.k", runSoftmaxBlock},
      {"softmax_warp", "softmax.k", runSoftmaxWarp},
      {"sum_blocks", "reduce.k", runSumBlocks},
      {"sum_columns", "reduce.k", runSumColumns},
      {"transpose_warp", "reduce.k", runTranspose},
      {"gemm_simt", "gemm_simt.k", runGemmSimt},
      {"gemm_mma", "gemm_mma.k", runGemmMma},
      {"attention", "attention.k", runAttention},
      {"gemm_wgmma", "gemm_wgmma.k",
       [](const HostImage &image, Schedule schedule) {
         return runGemmWgmma("gemm_wgmma", image, schedule);
       }},
      {"gemm_producer", "gemm_wgmma.k",
       [](const HostImage &image, Schedule schedule) {
         return runGemmWgmma("gemm_producer", image, schedule);
       }},
  };
  return cases;
}

std::string kernelText(const KernelCase &kernel) {
  const std::string directory = INGOT_SOURCE_DIR "/tests/gpu/kernels/";
  std::ostringstream text;
  text << std::ifstream(directory + "exp.k").rdbuf()
       << std::ifstream(directory + kernel.file).rdbuf();
  return text.str();
}

std::string loadKernels(HostImage &image, const std::string &text,
                        const shim::HostCompileOptions &options) {
  char path[] = "/tmp/ingot-kernels-XXXXXX";
  close(mkstemp(path));
  std::string problem = shim::compileHost(text, path, options);
  if (problem.empty())
    problem = image.open(path);
  unlink(path);
  return problem;
}

} // namespace ingot::tests
