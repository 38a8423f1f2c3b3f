// Tests that compile for GPUs: the NVRTC that tests/gpu/setup installs, or another one of the
// machine's; without any they are skipped.
#pragma once
#include "backends/gpu/nvrtc/Cubin.h"
#include "backends/gpu/nvrtc/Nvrtc.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ingot::gpu {

class NvrtcTest : public testing::Test {
protected:
  void SetUp() override {
    auto found = Nvrtc::get();
    if (!found) {
      llvm::consumeError(found.takeError());
      GTEST_SKIP() << "NVRTC is not on this machine; tests/gpu/setup installs it";
    }
    nvrtc = *found;
  }

  /// Known architectures that this NVRTC has.
  std::vector<Architecture> architectures() const {
    std::vector<Architecture> result;
    for (Architecture architecture : knownArchitectures())
      if (llvm::is_contained(nvrtc->architectures(), architecture.number))
        result.push_back(architecture);
    return result;
  }

  /// Compiled once in this process.
  const Nvrtc::Compiled &compile(const std::string &source, const std::string &target,
                                 const std::vector<std::string> &more = {}) const {
    static std::map<std::tuple<std::string, std::string, std::vector<std::string>>, Nvrtc::Compiled>
        known;
    auto [it, isNew] = known.try_emplace({source, target, more});
    if (isNew) {
      auto compiled = nvrtc->compile(source, target, more);
      EXPECT_TRUE(static_cast<bool>(compiled)) << llvm::toString(compiled.takeError());
      if (compiled)
        it->second = std::move(*compiled);
    }
    return it->second;
  }
  /// Of a source with one kernel.
  KernelResources resources(const std::string &source, const std::string &target) const {
    auto cubin = readCubin(compile(source, target).bytes);
    EXPECT_TRUE(static_cast<bool>(cubin)) << llvm::toString(cubin.takeError());
    if (!cubin)
      return {};
    EXPECT_EQ(cubin->kernels.size(), 1u);
    return cubin->kernels.empty() ? KernelResources() : cubin->kernels.front();
  }

  const Nvrtc *nvrtc = nullptr;
};

} // namespace ingot::gpu
