// See GpuCost.h.
#include "tools/ingot/GpuCost.h"
#include "backends/gpu/cost/KernelCost.h"
#include "tools/ingot/Callable.h"
#include "tools/ingot/DeviceLaunches.h"
#include <algorithm>
#include <cstddef>
#include <fmt/format.h>

namespace ingot::cli {
namespace {

using KernelsBySymbol = std::map<std::string, gpu::KernelResources>;

/// What there is for one architecture.
struct Target {
  gpu::Architecture architecture;
  const ingot_device_code *code;
  KernelsBySymbol kernels;
};

/// In the order of architectures.
std::vector<Target> targetsOf(const ingot_artifact_table &table) {
  std::vector<Target> targets;
  if (table.size <= offsetof(ingot_artifact_table, devices))
    return targets;
  for (int64_t i = 0; i < table.device_count; ++i)
    for (const gpu::Architecture &architecture : gpu::knownArchitectures()) {
      Target target{architecture, &table.devices[i], {}};
      for (int64_t k = 0; k < target.code->image_count; ++k) {
        const ingot_image &image = target.code->images[k];
        if (image.kind != INGOT_IMAGE_CUBIN || architecture.name() != image.target)
          continue;
        auto cubin = gpu::readCubin({static_cast<const char *>(image.data), image.bytes});
        if (!cubin)
          throw Failure(kInput, llvm::toString(cubin.takeError()));
        for (gpu::KernelResources &kernel : cubin->kernels)
          target.kernels.emplace(kernel.symbol, std::move(kernel));
      }
      if (!target.kernels.empty())
        targets.push_back(std::move(target));
    }
  std::sort(targets.begin(), targets.end(),
            [](const Target &x, const Target &y) { return x.architecture < y.architecture; });
  return targets;
}

const ingot_function *findFunction(const ingot_artifact_table &table, const std::string &name) {
  for (int64_t i = 0; i < table.function_count; ++i)
    if (table.functions[i].name == name)
      return &table.functions[i];
  return nullptr;
}

std::string sizesText(const ingot_function &function, const std::vector<int64_t> &sizes) {
  std::string text;
  for (size_t i = 0; i < sizes.size(); ++i)
    text += fmt::format("{}{}={}", i == 0 ? "" : ",", function.symbols[i], sizes[i]);
  return text;
}

/// What a function puts on a device, with some sizes.
struct Recorded {
  std::vector<int64_t> sizes;
  std::vector<DeviceLaunch> launches;
};

/// The same function with larger sizes, for what tiles have room for: a launch that has no more
/// blocks then takes as long as it does now.
class LargerSizes {
public:
  LargerSizes(const ingot_function &function, const Recorded &now) : now(now) {
    for (int64_t multiple : {2, 4, 8, 16, 32, 64, 128, 256})
      add(function, multiple, larger);
    add(function, 1 << 16, far);
  }

  /// Those at which launch `number` has as many blocks as now. None where it has as many whatever
  /// the sizes: they are the length of its sums then.
  std::vector<const Recorded *> sameBlocks(size_t number) const {
    std::vector<const Recorded *> same;
    if (far.empty() || blocksOf(far.front(), number) == blocksOf(now, number))
      return same;
    for (const Recorded &each : larger)
      if (blocksOf(each, number) == blocksOf(now, number))
        same.push_back(&each);
    return same;
  }

private:
  void add(const ingot_function &function, int64_t multiple, std::vector<Recorded> &list) {
    std::vector<int64_t> sizes;
    for (int64_t size : now.sizes)
      sizes.push_back((size + multiple - 1) / multiple * multiple);
    auto found = recordLaunches(function, sizes);
    if (found && found->launches.size() == now.launches.size())
      list.push_back({sizes, std::move(found->launches)});
  }
  static int64_t blocksOf(const Recorded &recorded, size_t number) {
    return recorded.launches[number].blocks;
  }

  const Recorded &now;
  std::vector<Recorded> larger, far;
};

/// Launches that are alike: of one kernel, with as many blocks.
struct Row {
  DeviceLaunch launch;
  size_t first; // of them, by its number
  int64_t launches = 0;
};

std::vector<Row> rowsOf(const std::vector<DeviceLaunch> &launches) {
  std::vector<Row> rows;
  for (size_t i = 0; i < launches.size(); ++i) {
    auto same = std::find_if(rows.begin(), rows.end(),
                             [&](const Row &row) { return row.launch == launches[i]; });
    if (same == rows.end())
      same = rows.insert(same, Row{launches[i], i});
    ++same->launches;
  }
  return rows;
}

/// The costs of one function on one architecture.
class FunctionCost {
public:
  FunctionCost(const Target &target, const ingot_function &function,
               const std::vector<int64_t> &sizes)
      : target(target), function(function), launchesOf(function.kernel_count) {
    auto found = recordLaunches(function, sizes);
    if (!found)
      throw Failure(
          kInput, fmt::format("`{}` cannot run with {}", function.name, sizesText(function, sizes)),
          "give sizes that fit the model, --size NAME=SIZE");
    isCutOff = found->isCutOff;
    now = {sizes, std::move(found->launches)};
    for (const DeviceLaunch &launch : now.launches)
      if (launch.kernel >= 0)
        ++launchesOf[static_cast<size_t>(launch.kernel)];
    larger.emplace(function, now);
  }

  Json json() const {
    Json kernels = Json::array();
    double seconds = 0, roofline = 0;
    for (const Row &row : rowsOf(now.launches)) {
      kernels.push_back(row.launch.code < 0 ? copyJson(row) : kernelJson(row));
      seconds += kernels.back()["seconds"].get<double>();
      roofline += kernels.back()["roofline_seconds"].get<double>();
    }
    Json symbols = Json::object();
    for (size_t i = 0; i < now.sizes.size(); ++i)
      symbols[function.symbols[i]] = now.sizes[i];
    return {{"function", function.name},
            {"sizes", symbols},
            {"target", target.architecture.name()},
            {"gpu", gpu::gpuMachine(target.architecture).name},
            {"seconds", seconds},
            {"roofline_seconds", roofline},
            {"share", seconds > 0 ? roofline / seconds : 0},
            {"is_cut_off", isCutOff},
            {"kernels", kernels}};
  }

private:
  double evaluated(const char *formula, const Recorded &at) const {
    return static_cast<double>(check(evaluateFormula(formula, function, at.sizes.data())));
  }

  Json copyJson(const Row &row) const {
    double bytes = static_cast<double>(row.launch.copied);
    Json json = {{"name", "copy"}, {"launches", row.launches}, {"bytes", 2 * bytes}};
    addCost(json, row, gpu::copyCost(bytes, target.architecture));
    return json;
  }

  Json kernelJson(const Row &row) const {
    const ingot_device_kernel &code = target.code->kernels[row.launch.code];
    auto resources = target.kernels.find(code.symbol);
    if (resources == target.kernels.end())
      throw Failure(kInput, fmt::format("the code for {} lacks kernel {}",
                                        target.architecture.name(), code.symbol));
    gpu::KernelLaunch launch{row.launch.blocks, code.threads, code.shared_bytes, 0, 0, 0};
    Json json = {{"name", code.symbol}};
    if (row.launch.kernel >= 0) {
      const ingot_kernel_info &info = function.kernels[row.launch.kernel];
      // What is described is of all launches together.
      auto all = static_cast<double>(launchesOf[static_cast<size_t>(row.launch.kernel)]);
      launch.flops = launch.wholeTilesFlops = evaluated(info.flops, now) / all;
      launch.bytes = evaluated(info.bytes, now) / all;
      for (const Recorded *at : larger->sameBlocks(row.first))
        launch.wholeTilesFlops = std::max(launch.wholeTilesFlops, evaluated(info.flops, *at) / all);
      json = {{"name", info.name}, {"node", info.node}};
    }
    gpu::KernelCost cost = gpu::kernelCost(resources->second, launch, target.architecture);
    auto times = static_cast<double>(row.launches);
    json.update({{"symbol", code.symbol},
                 {"launches", row.launches},
                 {"blocks", launch.blocks},
                 {"threads", launch.threads},
                 {"warps", cost.occupancy.warps},
                 {"most_warps", cost.occupancy.mostWarps},
                 {"flops", launch.flops * times},
                 {"bytes", launch.bytes * times}});
    if (cost.loopInstructions > 0)
      json["loop"] = {{"instructions", cost.loopInstructions},
                      {"arithmetic", cost.loopArithmetic},
                      {"trips", cost.loopTrips}};
    addCost(json, row, cost);
    return json;
  }

  static void addCost(Json &json, const Row &row, const gpu::KernelCost &cost) {
    auto times = static_cast<double>(row.launches);
    json.update({{"bound", cost.bound},
                 {"seconds", cost.seconds * times},
                 {"roofline_seconds", cost.roofline * times},
                 {"share", cost.share()}});
  }

  const Target &target;
  const ingot_function &function;
  Recorded now;
  std::optional<LargerSizes> larger;
  bool isCutOff = false;
  std::vector<int64_t> launchesOf; // by the function's kernel
};

std::string loopText(const Json &kernel) {
  if (!kernel.contains("loop"))
    return "";
  const Json &loop = kernel["loop"];
  return fmt::format("{} of {}", loop["arithmetic"].get<int64_t>(),
                     loop["instructions"].get<int64_t>());
}

void printKernel(const Json &kernel) {
  auto number = [&](const char *key) { return kernel[key].get<double>(); };
  auto count = [&](const char *key) { return kernel[key].get<int64_t>(); };
  bool isCopy = !kernel.contains("blocks");
  std::string shape, warps, operations;
  if (!isCopy) {
    shape = fmt::format("{} x {}", count("blocks"), count("threads"));
    warps = fmt::format("{}/{}", count("warps"), count("most_warps"));
    operations = fmt::format("{:.2f}", number("flops") * 1e-6);
  }
  fmt::print("{:>10.2f} {:>5.0f}%  {:<17} {:>14} {:>6} {:>10} {:>9.3f} {:>12}  {}{}\n",
             number("seconds") * 1e6, number("share") * 100, kernel["bound"].get<std::string>(),
             shape, warps, operations, number("bytes") * 1e-6, loopText(kernel),
             kernel["name"].get<std::string>(),
             count("launches") > 1 ? fmt::format(" ({} times)", count("launches")) : "");
}

} // namespace

Json gpuCosts(const Artifact &artifact, const GpuCostArguments &arguments) {
  std::string name = functionName(artifact, arguments.function);
  std::vector<Target> targets = targetsOf(artifact.table());
  if (targets.empty())
    throw Failure(kInput, fmt::format("`{}` has no machine code for GPUs", artifact.path()),
                  "compile it with --gpu " + gpu::knownArchitectures().front().name() +
                      " or another architecture, or all");
  Json list = Json::array();
  for (const Target &target : targets)
    if (const ingot_function *function = findFunction(*target.code->table, name))
      list.push_back(
          FunctionCost(target, *function, symbolValues(*function, arguments.sizes, 1)).json());
  if (list.empty())
    throw Failure(kInput, fmt::format("`{}` is left to the CPU", name), "ingot inspect says why");
  return list;
}

Json gpuCost(const Artifact &artifact, const std::string &target, const std::string &function,
             const std::vector<int64_t> &sizes) {
  for (const Target &each : targetsOf(artifact.table()))
    if (each.architecture.name() == target)
      if (const ingot_function *found = findFunction(*each.code->table, function))
        return FunctionCost(each, *found, sizes).json();
  return nullptr;
}

void printGpuCosts(const Json &costs) {
  fmt::print("Estimates of a static model: no GPU was used, and none was compared with "
             "(docs/Gpu.md).\n");
  for (const Json &cost : costs) {
    std::string sizes;
    for (const auto &[symbol, size] : cost["sizes"].items())
      sizes += fmt::format(" {}={}", symbol, size.get<int64_t>());
    fmt::print("\n{}{} on {} ({}): {:.1f} us expected, {:.1f} us by the roofline, {:.0f} %\n",
               cost["function"].get<std::string>(), sizes, cost["target"].get<std::string>(),
               cost["gpu"].get<std::string>(), cost["seconds"].get<double>() * 1e6,
               cost["roofline_seconds"].get<double>() * 1e6, cost["share"].get<double>() * 100);
    fmt::print("{:>10} {:>6}  {:<17} {:>14} {:>6} {:>10} {:>9} {:>12}  {}\n", "us", "share",
               "bound", "blocks", "warps", "MFLOP", "MB", "loop", "kernel");
    std::vector<const Json *> slowestFirst;
    for (const Json &kernel : cost["kernels"])
      slowestFirst.push_back(&kernel);
    std::sort(slowestFirst.begin(), slowestFirst.end(), [](const Json *x, const Json *y) {
      return std::pair(-(*x)["seconds"].get<double>(), x) <
             std::pair(-(*y)["seconds"].get<double>(), y);
    });
    for (const Json *kernel : slowestFirst)
      printKernel(*kernel);
    if (cost["is_cut_off"].get<bool>())
      fmt::print("What follows depends on values that are computed on the device: it is not "
                 "known here.\n");
  }
}

} // namespace ingot::cli
