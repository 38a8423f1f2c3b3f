// The fake driver as tests see it: named in the environment before the runtime looks for a driver,
// and asked behind each test whether all was used as it should be.
#pragma once
#include "tests/gpu/fake/Fake.h"
#include "tests/unit/runtime/model/TestFiles.h"

#include <cstdlib>
#include <dlfcn.h>
#include <string>

namespace ingot::gputest {

/// One for the process; FAKE_DRIVER is its path.
class FakeDriver {
public:
  static FakeDriver &instance() {
    static FakeDriver driver;
    return driver;
  }
  std::string report() { return call<fake::ReportFunction>(fake::reportName)(); }
  std::string misuses() { return call<fake::MisusesFunction>(fake::misusesName)(); }
  void reset() { call<fake::ResetFunction>(fake::resetName)(); }
  void set(const char *name, const std::string &value) {
    EXPECT_EQ(call<fake::SetFunction>(fake::setName)(name, value.c_str()), 1) << name;
  }
  int64_t count(const char *function) {
    return call<fake::CountFunction>(fake::countName)(function);
  }

private:
  FakeDriver() {
    setenv("INGOT_FAKE_DEVICES", "2", 1);
    setenv("INGOT_CUDA_DRIVER", FAKE_DRIVER, 1);
    setenv("INGOT_CUBLASLT", FAKE_DRIVER, 1);
    handle_ = dlopen(FAKE_DRIVER, RTLD_NOW | RTLD_LOCAL);
    EXPECT_NE(handle_, nullptr) << dlerror();
  }
  template <typename Function> Function *call(const char *name) {
    return reinterpret_cast<Function *>(dlsym(handle_, name));
  }
  void *handle_ = nullptr;
};

/// Settings are as usual at the start of each test, and nothing is wrong or alive at its end.
class DeviceTest : public testing::Test {
protected:
  void SetUp() override {
    driver.set("capability", "9.0");
    driver.set("memory", std::to_string(uint64_t{1} << 32));
    driver.set("pools", "1");
    driver.set("schedule", "lazy");
    driver.set("threads", "forward");
    driver.set("cublaslt", "working");
  }
  void TearDown() override {
    EXPECT_EQ(driver.report(), "");
    driver.reset();
  }
  FakeDriver &driver = FakeDriver::instance();
};

} // namespace ingot::gputest
