// Loading modules. See CudaCode.h.
#include "runtime/device/CudaCode.h"
#include "runtime/device/Images.h"

#include <string>
#include <string_view>

namespace ingot::cuda {

CudaCode::CudaCode(CudaDevice &device, const ingot_device_code &code)
    : device_(device), code_(code), functions_(static_cast<size_t>(code.kernel_count)),
      modules_(static_cast<size_t>(code.unit_count)) {
  for (int64_t i = 0; i < code.choice_count; ++i)
    if (device.info().name == code.choices[i].device)
      choices_.insert(code.choices[i].product);
}

CudaCode::~CudaCode() {
  for (CUmodule module : modules_)
    if (module)
      (void)device_.call(INGOT_CUDA(device_, cuModuleUnload), module);
}

bool CudaCode::wantsLibraryFor(const ingot_product &product) const {
  return code_.library && std::string_view(code_.library) == "cublaslt" &&
         (code_.choice_count == 0 || choices_.count(product) != 0);
}

Result<CUfunction> CudaCode::function(int64_t index) {
  std::atomic<CUfunction> &known = functions_[static_cast<size_t>(index)];
  if (CUfunction function = known.load(std::memory_order_acquire))
    return function;
  std::lock_guard<std::mutex> lock(mutex_);
  if (CUfunction function = known.load(std::memory_order_relaxed))
    return function;
  Result<CUfunction> loaded = load(index);
  if (!loaded.isOk())
    return loaded.status().withContext(std::string("loading '") + kernel(index).symbol + "'");
  known.store(*loaded, std::memory_order_release);
  return loaded;
}

Result<CUfunction> CudaCode::load(int64_t index) {
  const ingot_device_kernel &kernel = this->kernel(index);
  INGOT_ASSIGN_OR_RETURN(CUmodule module, this->module(kernel.unit));
  CUfunction function = nullptr;
  INGOT_RETURN_IF_ERROR(
      device_.call(INGOT_CUDA(device_, cuModuleGetFunction), &function, module, kernel.symbol));
  if (kernel.shared_bytes > sharedBytesWithoutAttribute)
    INGOT_RETURN_IF_ERROR(device_.call(INGOT_CUDA(device_, cuFuncSetAttribute), function,
                                       int{CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES},
                                       static_cast<int>(kernel.shared_bytes)));
  return function;
}

Result<CUmodule> CudaCode::module(int64_t unit) {
  CUmodule &module = modules_[static_cast<size_t>(unit)];
  if (module)
    return module;
  const ingot_image &image = *imageOf(code_, unit, device_); // there is one: see codeFor
  const auto *bytes = static_cast<const char *>(image.data);
  std::string text; // PTX ends with a 0
  if (image.kind == INGOT_IMAGE_PTX)
    bytes = text.assign(bytes, image.bytes).c_str();
  char log[4096] = "";
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log - 1)};
  Status loaded = device_.call(INGOT_CUDA(device_, cuModuleLoadDataEx), &module,
                               static_cast<const void *>(bytes), 2u, &options[0], &values[0]);
  if (loaded.isOk())
    return module;
  module = nullptr;
  return Status(loaded.code(), loaded.message() + " (" + image.target + ")" +
                                   (*log ? std::string(": ") + log : ""));
}

} // namespace ingot::cuda
