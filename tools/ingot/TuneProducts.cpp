// See TuneProducts.h.
#include "tools/ingot/TuneProducts.h"
#include "ingot/Device.h"
#include "runtime/device/Driver.h"
#include "tools/ingot/GpuTuning.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace ingot::cli {
namespace {

/// One run: its kernels in order, with the products that a library has for them.
struct Recorder {
  struct Kernel {
    std::optional<ingot_product> product;
    double seconds = 0;
  };
  std::vector<Kernel> kernels;
  size_t timedKernels = 0;
  bool usesLibrary = false;

  void reset(bool withLibrary) {
    kernels.clear();
    timedKernels = 0;
    usesLibrary = withLibrary;
  }
  static int begin(void *user, int64_t) {
    static_cast<Recorder *>(user)->kernels.emplace_back();
    return 0;
  }
  static void timed(void *user, int64_t, double seconds) {
    auto *self = static_cast<Recorder *>(user);
    self->kernels[self->timedKernels++].seconds = seconds;
  }
  bool watch(const ingot_product &product) {
    kernels.back().product = product;
    return usesLibrary;
  }
};

/// Of all products, in the order in which they were seen.
class Times {
public:
  void add(const ingot_product &product, bool byLibrary, double microseconds) {
    auto place = std::find_if(products.begin(), products.end(), [&](const TunedProduct &known) {
      return wordsOf(known.product) == wordsOf(product);
    });
    if (place == products.end()) {
      TunedProduct made;
      made.product = product;
      made.kernelMicroseconds = made.libraryMicroseconds = std::numeric_limits<double>::infinity();
      place = products.insert(products.end(), made);
    }
    double &least = byLibrary ? place->libraryMicroseconds : place->kernelMicroseconds;
    least = std::min(least, std::round(microseconds * 100) / 100);
  }
  std::vector<TunedProduct> products;
};

void print(const std::vector<TunedProduct> &products, const std::string &library) {
  fmt::print("{:>11} {:>11}  {:<8} product\n", "kernel us", "library us", "chosen");
  for (const TunedProduct &product : products)
    fmt::print("{:>11.2f} {:>11.2f}  {:<8} {}\n", product.kernelMicroseconds,
               product.libraryMicroseconds, product.isLibraryChosen ? "library" : "kernel",
               describe(product.product));
  fmt::print(stderr, "by {}\n", library);
}

} // namespace

void tuneProducts(const CallArguments &arguments, const std::string &file, int64_t runs) {
  Callable callable(arguments);
  std::shared_ptr<Device> device = callable.artifact().device();
  if (!device)
    throw Failure(kUsage, "--tune measures on a GPU", "name one: --device cuda");
  std::string library = check(device->driver().productLibrary());
  Recorder recorder;
  device->driver().productWatcher = [&](const ingot_product &p) { return recorder.watch(p); };
  SessionOptions options;
  options.begin = Recorder::begin;
  options.timed = Recorder::timed;
  options.user = &recorder;
  callable.use(options);
  Times times;
  for (int64_t run = -2; run < runs; ++run) // two to warm up
    for (bool byLibrary : {false, true}) {
      recorder.reset(byLibrary);
      callable.run();
      for (const Recorder::Kernel &kernel : recorder.kernels)
        if (run >= 0 && kernel.product)
          times.add(*kernel.product, byLibrary, kernel.seconds * 1e6);
    }
  callable.use({});
  device->driver().productWatcher = nullptr;
  if (times.products.empty())
    throw Failure(kInput,
                  fmt::format("`{}` has no product that {} computes", arguments.artifact, library),
                  "compile it with --gpu-library cublaslt");
  const DeviceInfo &info = device->info();
  for (TunedProduct &product : times.products) {
    product.device = info.name;
    product.capability = fmt::format("{}.{}", info.computeMajor, info.computeMinor);
    product.library = library;
    product.isLibraryChosen = product.libraryMicroseconds < product.kernelMicroseconds;
  }
  mergeTuning(file, times.products);
  print(times.products, library);
}

} // namespace ingot::cli
