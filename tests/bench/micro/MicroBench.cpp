// Google Benchmark's program over single operations: ours, oneDNN's and OpenBLAS's, one thread. Run
// by tests/bench/micro/micro, which keeps the history. Before a case is measured its results are
// compared: they agree within 1e-4 of the largest.
#include "tests/bench/micro/Micro.h"
#include <benchmark/benchmark.h>
#include <cblas.h>
#include <cmath>
#include <cstdlib>
#include <dnnl.h>
#include <optional>
#include <random>
#include <stdexcept>
#include <unistd.h>

namespace ingot::bench {

int64_t elementsOf(const std::vector<int64_t> &shape) {
  int64_t count = shape.empty() ? 0 : 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::vector<int64_t> Case::inputShape() const {
  if (kind == Kind::Gemm)
    return {sizes[0], sizes[2]};
  if (kind == Kind::Conv)
    return {1, sizes[0], sizes[0], sizes[1]};
  return sizes;
}

std::vector<int64_t> Case::weightShape() const {
  if (kind == Kind::Gemm)
    return {sizes[2], sizes[1]};
  if (kind == Kind::Conv)
    return {sizes[3], sizes[3], sizes[1] / sizes[5], sizes[2]};
  return kind == Kind::LayerNorm ? std::vector<int64_t>{sizes[1]} : std::vector<int64_t>();
}

std::vector<int64_t> Case::outputShape() const {
  if (kind == Kind::Gemm)
    return {sizes[0], sizes[1]};
  if (kind == Kind::Conv) {
    int64_t out = (sizes[0] + 2 * (sizes[3] / 2) - sizes[3]) / sizes[4] + 1;
    return {1, out, out, sizes[2]};
  }
  return sizes;
}

double Case::work() const {
  auto out = static_cast<double>(elementsOf(outputShape()));
  if (kind == Kind::Gemm)
    return 2 * out * static_cast<double>(sizes[2]);
  if (kind == Kind::Conv)
    return 2 * out * static_cast<double>(sizes[3] * sizes[3] * weightShape()[2]);
  return (kind == Kind::Add ? 3 : 2) * out * sizeof(float);
}

Data::Data(const Case &what) {
  std::minstd_rand random(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  auto fill = [&](std::vector<float> &values, int64_t count) {
    values.resize(static_cast<size_t>(count));
    for (float &value : values)
      value = uniform(random);
  };
  fill(x, elementsOf(what.inputShape()));
  fill(y, elementsOf(what.inputShape()));
  fill(weights, elementsOf(what.weightShape()));
  if (what.kind == Kind::LayerNorm)
    y.resize(weights.size());
}

namespace {

class OpenBlasOp final : public Op {
public:
  OpenBlasOp(const Case &what, const Data &data)
      : m(what.sizes[0]), n(what.sizes[1]), k(what.sizes[2]), data(data),
        y(static_cast<size_t>(m * n)) {}
  void run() override {
    auto [rows, columns, depth] = std::tuple(int(m), int(n), int(k));
    if (rows == 1)
      cblas_sgemv(CblasRowMajor, CblasTrans, depth, columns, 1, data.weights.data(), columns,
                  data.x.data(), 1, 0, y.data(), 1);
    else
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, depth, 1, data.x.data(),
                  depth, data.weights.data(), columns, 0, y.data(), columns);
  }
  std::vector<float> result() override { return y; }

private:
  int64_t m, n, k;
  const Data &data;
  std::vector<float> y;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  auto add = [&](const std::string &group, Kind kind, std::vector<int64_t> sizes) {
    std::string name = group;
    for (int64_t size : sizes)
      name += (name == group ? "/" : "x") + std::to_string(size);
    all.push_back({name, kind, std::move(sizes)});
  };
  for (int64_t n : {256, 512, 1024})
    add("gemm", Kind::Gemm, {n, n, n});
  for (auto [m, n, k] : {std::tuple(12544, 64, 64), {4096, 32, 256}, {128, 1536, 384}})
    add("gemm", Kind::Gemm, {m, n, k});
  for (auto [n, k] : {std::pair(1000, 512), {1024, 1024}, {4096, 4096}})
    add("gemv", Kind::Gemm, {1, n, k});
  // size, channels, filters, kernel, stride, groups: ResNet-18's, then MobileNetV2's.
  for (const auto &sizes : std::initializer_list<std::vector<int64_t>>{{224, 3, 64, 7, 2, 1},
                                                                       {56, 64, 64, 3, 1, 1},
                                                                       {56, 64, 128, 3, 2, 1},
                                                                       {28, 128, 128, 3, 1, 1},
                                                                       {14, 256, 256, 3, 1, 1},
                                                                       {7, 512, 512, 3, 1, 1},
                                                                       {56, 64, 128, 1, 2, 1},
                                                                       {56, 24, 144, 1, 1, 1},
                                                                       {14, 384, 64, 1, 1, 1},
                                                                       {7, 320, 1280, 1, 1, 1},
                                                                       {112, 32, 32, 3, 1, 32},
                                                                       {56, 144, 144, 3, 2, 144},
                                                                       {14, 576, 576, 3, 1, 576}})
    add("conv", Kind::Conv, sizes);
  for (auto [rows, columns] : {std::pair(1536, 128), {128, 1000}, {32, 32768}})
    add("softmax", Kind::Softmax, {rows, columns});
  for (auto [rows, columns] : {std::pair(128, 384), {1024, 1024}})
    add("layer_norm", Kind::LayerNorm, {rows, columns});
  for (auto [rows, columns] : {std::pair(64, 1024), {4096, 1024}}) { // in the caches, and not
    add("relu", Kind::Relu, {rows, columns});
    add("gelu", Kind::Gelu, {rows, columns});
    add("add", Kind::Add, {rows, columns});
  }
  return all;
}

double errorOf(const std::vector<float> &got, const std::vector<float> &want) {
  double largest = 0, error = got.size() == want.size() ? 0 : INFINITY;
  for (size_t i = 0; i < want.size() && std::isfinite(error); ++i) {
    largest = std::max(largest, std::fabs(double(want[i])));
    error = std::max(error, std::fabs(double(got[i]) - double(want[i])));
  }
  return error / largest;
}

std::unique_ptr<Op> ofOpenBlas(const Case &what, const Data &data) {
  return what.kind == Kind::Gemm ? std::make_unique<OpenBlasOp>(what, data) : nullptr;
}

const char *const kNames[] = {"ingot", "onednn", "openblas"};

/// A case with all who compute it, made when it is first measured: repetitions of all are mixed.
class Contest {
public:
  explicit Contest(Case what) : what(std::move(what)) {}

  void measure(benchmark::State &state, size_t who) {
    try {
      if (ops.empty())
        make();
      for ([[maybe_unused]] auto _ : state)
        ops[who]->run();
      state.counters[what.countsBytes() ? "GB/s" : "GFLOP/s"] =
          benchmark::Counter(what.work() * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
    } catch (const std::exception &error) {
      state.SkipWithError(error.what());
    }
  }

private:
  /// All run once, and agree with the first.
  void make() {
    data.emplace(what);
    std::vector<std::unique_ptr<Op>> made;
    for (auto *maker : {ours, ofOneDnn, ofOpenBlas})
      if (auto op = maker(what, *data))
        made.push_back(std::move(op));
    for (const auto &op : made) {
      op->run();
      double error = errorOf(op->result(), made.front()->result());
      if (!(error <= 1e-4))
        throw std::runtime_error(what.name + ": results differ by " + std::to_string(error) +
                                 " of the largest");
    }
    ops = std::move(made);
  }

  Case what;
  std::optional<Data> data;
  std::vector<std::unique_ptr<Op>> ops;
};

void registerAll() {
  for (const Case &what : cases()) {
    auto contest = std::make_shared<Contest>(what);
    for (size_t who = 0; who < (what.kind == Kind::Gemm ? 3 : 2); ++who)
      benchmark::RegisterBenchmark((what.name + "/" + kNames[who]).c_str(),
                                   [=](benchmark::State &state) { contest->measure(state, who); });
  }
}

/// The libraries read these when they are loaded. Debian's OpenBLAS does not know newer processors,
/// and takes kernels of 2004 for them unless it is told.
bool setEnvironment() {
  const char *core = __builtin_cpu_supports("avx512f") ? "SKYLAKEX"
                     : !__builtin_cpu_supports("avx2") ? "NEHALEM"
                     : __builtin_cpu_is("amd")         ? "ZEN"
                                                       : "HASWELL";
  bool isSet = getenv("INGOT_MICRO_ENVIRONMENT");
  setenv("INGOT_MICRO_ENVIRONMENT", "1", 1);
  setenv("OPENBLAS_CORETYPE", core, isSet ? 0 : 1);
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  setenv("OMP_NUM_THREADS", "1", 1);
  return isSet;
}

} // namespace
} // namespace ingot::bench

int main(int argc, char **argv) {
  if (!ingot::bench::setEnvironment()) {
    execv("/proc/self/exe", argv);
    perror("execv");
    return 1;
  }
  const dnnl_version_t *dnnl = dnnl_version();
  benchmark::AddCustomContext("openblas", openblas_get_config());
  benchmark::AddCustomContext("openblas_core", openblas_get_corename());
  benchmark::AddCustomContext("onednn", std::to_string(dnnl->major) + "." +
                                            std::to_string(dnnl->minor) + "." +
                                            std::to_string(dnnl->patch));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 1;
  ingot::bench::registerAll();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
