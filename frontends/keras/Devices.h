// Which devices there are for Model::to, as TensorFlow and PyTorch ask for them. No driver, no
// devices: then there is the CPU alone. Any thread may ask.
//
// Part of Keras.h.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace ingot::keras {

namespace config {

struct PhysicalDevice {
  std::string name;        ///< what Model::to takes: "cpu", "cuda:0", "opencl:0"
  std::string deviceType;  ///< "CPU"; "GPU", which are those of CUDA; "OPENCL", of any kind
  std::string description; ///< "cuda:0 (NVIDIA H200, compute capability 9.0)"; of the CPU "cpu"
};

/// tf.config.list_physical_devices: those of a type, or all. None of a type that there is not.
std::vector<PhysicalDevice> listPhysicalDevices(const std::string &deviceType = {});

} // namespace config

/// torch.cuda.
namespace cuda {
bool isAvailable();
int64_t deviceCount();
/// "NVIDIA H200". Throws where there is no device of that number.
std::string getDeviceName(int64_t index = 0);
} // namespace cuda

} // namespace ingot::keras
