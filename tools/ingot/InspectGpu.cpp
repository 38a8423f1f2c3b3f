// See InspectGpu.h.
#include "tools/ingot/InspectGpu.h"
#include "backends/gpu/nvrtc/Cubin.h"
#include "backends/gpu/nvrtc/Occupancy.h"
#include <cstddef>
#include <fmt/format.h>

namespace ingot::cli {
namespace {

const char *kindName(int64_t kind) {
  switch (kind) {
  case INGOT_IMAGE_CUBIN:
    return "cubin";
  case INGOT_IMAGE_PTX:
    return "PTX";
  case INGOT_IMAGE_OPENCL:
    return "OpenCL C";
  case INGOT_IMAGE_HOST:
    return "host";
  default:
    return "unknown";
  }
}

/// By target and kind: an image a unit would be a long list.
using ImageBytes = std::map<std::pair<std::string, std::string>, uint64_t>;

Json imageInfos(const ImageBytes &bytes) {
  Json list = Json::array();
  for (const auto &[what, size] : bytes)
    list.push_back({{"target", what.first}, {"kind", what.second}, {"bytes", size}});
  return list;
}

Json imageInfos(const ingot_device_code &code) {
  ImageBytes bytes;
  for (int64_t i = 0; i < code.image_count; ++i)
    bytes[{code.images[i].target, kindName(code.images[i].kind)}] += code.images[i].bytes;
  return imageInfos(bytes);
}

Json kernelUse(const gpu::KernelResources &found, const ingot_device_kernel &kernel,
               const char *target) {
  Json use = {{"registers", found.registers},
              {"shared_bytes", found.sharedBytes + kernel.shared_bytes},
              {"local_bytes", found.localBytes}};
  for (const gpu::Architecture &architecture : gpu::knownArchitectures())
    if (architecture.name() == target) {
      gpu::Occupancy occupancy = gpu::occupancy(
          {kernel.threads, found.registers, found.sharedBytes + kernel.shared_bytes}, architecture);
      use["warps"] = occupancy.warps;
      use["most_warps"] = occupancy.mostWarps;
      use["limit"] = occupancy.limit;
    }
  for (const char *instruction : {"HMMA", "HGMMA", "LDGSTS", "UTMALDG", "FFMA", "BAR"})
    if (int64_t count = found.count(instruction))
      use["instructions"][instruction] = count;
  return use;
}

Json kernelInfos(const ingot_device_code &code) {
  Json list = Json::array();
  std::map<std::string, size_t> numbers;
  for (int64_t i = 0; i < code.kernel_count; ++i) {
    numbers[code.kernels[i].symbol] = static_cast<size_t>(i);
    list.push_back({{"symbol", code.kernels[i].symbol}, {"threads", code.kernels[i].threads}});
  }
  for (int64_t i = 0; i < code.image_count; ++i) {
    const ingot_image &image = code.images[i];
    if (image.kind != INGOT_IMAGE_CUBIN)
      continue;
    auto cubin = gpu::readCubin({static_cast<const char *>(image.data), image.bytes});
    if (!cubin) {
      llvm::consumeError(cubin.takeError()); // another compiler's: nothing is known of it
      continue;
    }
    for (const gpu::KernelResources &found : cubin->kernels)
      if (auto number = numbers.find(found.symbol); number != numbers.end())
        list[number->second]["targets"][image.target] =
            kernelUse(found, code.kernels[number->second], image.target);
  }
  return list;
}

} // namespace

Json deviceInfos(const ingot_artifact_table &table) {
  Json list = Json::array();
  if (table.size <= offsetof(ingot_artifact_table, devices))
    return list;
  for (int64_t i = 0; i < table.device_count; ++i) {
    const ingot_device_code &code = table.devices[i];
    Json left = Json::array();
    for (int64_t k = 0; k < code.left_count; ++k)
      left.push_back({{"function", code.left[k]}, {"reason", code.reasons[k]}});
    list.push_back({{"api", code.api},
                    {"family", code.family},
                    {"images", imageInfos(code)},
                    {"library", code.library ? Json(code.library) : Json(nullptr)},
                    {"left", left},
                    {"kernels", kernelInfos(code)}});
  }
  return list;
}

void printDevices(const Json &devices) {
  for (const Json &device : devices) {
    fmt::print("device {} {}\n", device["api"].get<std::string>(),
               device["family"].get<std::string>());
    for (const Json &image : device["images"])
      fmt::print("  {:<12} {}, {} bytes\n", image["target"].get<std::string>(),
                 image["kind"].get<std::string>(), image["bytes"].get<uint64_t>());
    if (!device["library"].is_null())
      fmt::print("  library {}\n", device["library"].get<std::string>());
    for (const Json &left : device["left"])
      fmt::print("  left to the CPU: {}: {}\n", left["function"].get<std::string>(),
                 left["reason"].get<std::string>());
    for (const Json &kernel : device["kernels"]) {
      fmt::print("  {:<32} {} threads\n", kernel["symbol"].get<std::string>(),
                 kernel["threads"].get<int64_t>());
      if (kernel.contains("targets"))
        for (const auto &[target, use] : kernel["targets"].items()) {
          std::string warps =
              use.contains("warps")
                  ? fmt::format(", {} of {} warps (by {})", use["warps"].get<int64_t>(),
                                use["most_warps"].get<int64_t>(), use["limit"].get<std::string>())
                  : "";
          fmt::print("    {:<10} {} registers, {} bytes shared, {} local{}\n", target,
                     use["registers"].get<int64_t>(), use["shared_bytes"].get<int64_t>(),
                     use["local_bytes"].get<int64_t>(), warps);
        }
    }
  }
}

Json deviceSummary(const DeviceDescription &device) {
  ImageBytes bytes;
  std::map<std::string, int64_t> dynamicShared; // by kernel
  for (const DeviceDescription::Kernel &kernel : device.kernels)
    dynamicShared[kernel.symbol] = kernel.sharedBytes;
  int64_t registers = 0, shared = 0;
  for (const DeviceDescription::Image &image : device.images) {
    bytes[{image.target, kindName(image.kind)}] += image.bytes.size();
    if (image.kind != INGOT_IMAGE_CUBIN)
      continue;
    for (const gpu::KernelResources &kernel : llvm::cantFail(gpu::readCubin(image.bytes)).kernels) {
      registers = std::max(registers, kernel.registers);
      shared = std::max(shared, kernel.sharedBytes + dynamicShared[kernel.symbol]);
    }
  }
  Json left = Json::array();
  for (const DeviceDescription::LeftFunction &function : device.left)
    left.push_back({{"function", function.name}, {"reason", function.reason}});
  return {{"api", device.api},
          {"family", device.family},
          {"kernels", device.kernels.size()},
          {"units", device.units},
          {"images", imageInfos(bytes)},
          {"most_registers", registers},
          {"most_shared_bytes", shared},
          {"left", left}};
}

std::string deviceSummaryText(const Json &summary) {
  auto kernels = summary["kernels"].get<int64_t>(), units = summary["units"].get<int64_t>();
  std::string text =
      fmt::format("{}: {} {} in {} {}", summary["family"].get<std::string>(), kernels,
                  kernels == 1 ? "kernel" : "kernels", units, units == 1 ? "unit" : "units");
  for (const Json &image : summary["images"])
    text += fmt::format(", {} {}", image["target"].get<std::string>(),
                        humanBytes(image["bytes"].get<uint64_t>()));
  if (auto registers = summary["most_registers"].get<int64_t>())
    text += fmt::format("; at most {} registers, {} shared", registers,
                        humanBytes(summary["most_shared_bytes"].get<uint64_t>()));
  for (const Json &left : summary["left"])
    text += fmt::format("; {} is left to the CPU", left["function"].get<std::string>());
  return text;
}

} // namespace ingot::cli
