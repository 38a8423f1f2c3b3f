// See HostImage.h.
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/shim/CompileHost.h"
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace ingot::tests {

std::string makeHostImage(const std::string &source, bool isChecked) {
  char path[] = "/tmp/ingot-image-XXXXXX";
  close(mkstemp(path));
  if (const char *directory = std::getenv("INGOT_KEEP_KERNELS"))
    std::ofstream(std::string(directory) + "/kernels" + (path + sizeof("/tmp/ingot-image")) + ".k")
        << source;
  shim::HostCompileOptions options;
  options.instrumented = isChecked;
#if __has_feature(address_sanitizer)
  options.instrumented = false;
  options.addressSanitizer = true;
#endif
  std::string errors = shim::compileHost(source, path, options), bytes;
  if (errors.empty()) {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::fputs(errors.c_str(), stderr);
  unlink(path);
  return bytes;
}

} // namespace ingot::tests
