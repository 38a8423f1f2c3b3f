// Kernels by hand, what they are run on, and how one sees that they are right.
#pragma once
#include "tests/gpu/shim/CompileHost.h"
#include "tests/gpu/shim/Shim.h"

#include <functional>
#include <string>
#include <vector>

namespace ingot::tests {

struct KernelCase {
  const char *name;
  const char *file; ///< in tests/gpu/kernels, beside exp.k
  /// Launches kernels of the image. Empty if they did what they should, else what is wrong: an
  /// error of the launch or a number.
  std::function<std::string(const shim::HostImage &, shim::Schedule)> run;
};

const std::vector<KernelCase> &kernelCases();

/// The kernels' text: exp.k and the case's file.
std::string kernelText(const KernelCase &kernel);

/// Compiles a text and loads it. Empty, or what is wrong with it.
std::string loadKernels(shim::HostImage &image, const std::string &text,
                        const shim::HostCompileOptions &options = {});

} // namespace ingot::tests
