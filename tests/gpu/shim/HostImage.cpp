#include "Shim.h"

#include <dlfcn.h>

namespace ingot::shim {

HostImage::~HostImage() {
  if (handle_)
    dlclose(handle_);
}

std::string HostImage::open(const std::string &path) {
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_)
    return dlerror();
  auto bind = reinterpret_cast<void (*)(const ShimEngine *)>(dlsym(handle_, "ingot_host_bind"));
  auto kernels =
      reinterpret_cast<const ShimKernel *(*)(long long *)>(dlsym(handle_, "ingot_host_kernels"));
  if (!bind || !kernels)
    return path + " is no image of kernels for the host";
  bind(engine());
  long long count = 0;
  const ShimKernel *first = kernels(&count);
  kernels_.assign(first, first + count);
  return {};
}

const ShimKernel *HostImage::kernel(const std::string &name) const {
  for (const ShimKernel &kernel : kernels_)
    if (name == kernel.name)
      return &kernel;
  return nullptr;
}

} // namespace ingot::shim
