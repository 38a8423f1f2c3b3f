// See HostImage.h.
#include "tests/gpu/ops/HostImage.h"
#include "tests/gpu/shim/CompileHost.h"
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <tuple>
#include <unistd.h>

namespace ingot::tests {

namespace {
std::string compileImage(const std::string &source, bool isChecked) {
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
} // namespace

std::string makeHostImage(const std::string &source, bool isChecked) {
  static std::mutex mutex;
  static std::tuple<std::string, bool, std::string> last; // families often have the same text
  std::lock_guard<std::mutex> lock(mutex);
  if (std::tie(source, isChecked) != std::tie(std::get<0>(last), std::get<1>(last)))
    last = {source, isChecked, compileImage(source, isChecked)};
  return std::get<2>(last);
}

} // namespace ingot::tests
