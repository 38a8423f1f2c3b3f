// PyTorch in tests/bench/peers, by its C++ library: a package of AOTInductor, or a small network
// written out in operations of ATen. Built by the script `peers` against the wheel in its virtual
// environment, with Sides.cpp, as a library of its own: CMake knows no torch.
#include "tests/bench/Side.h"
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <vector>

namespace ingot::bench {
namespace {

at::Tensor tensorOf(const ingot_tensor &given) {
  if (given.dtype != INGOT_F32)
    throw std::runtime_error("tensors of f32 are wanted");
  return at::from_blob(const_cast<void *>(given.data), at::IntArrayRef(given.dims, given.rank),
                       at::kFloat);
}

class TorchSide : public Side {
public:
  explicit TorchSide(const Request &request) {
    at::set_num_threads(request.threads);
    c10::InferenceMode guard; // so that nothing is kept of x for gradients
    x = tensorOf(request.inputs[0]);
  }
  ingot_tensor output() override {
    y = y.contiguous();
    return {INGOT_F32, static_cast<int32_t>(y.dim()), y.sizes().data(), y.data_ptr()};
  }

protected:
  at::Tensor x, y;
};

class AotInductorSide final : public TorchSide {
public:
  explicit AotInductorSide(const Request &request)
      : TorchSide(request), loader(request.model, "model", /*run_single_threaded=*/true) {}
  void run() override {
    c10::InferenceMode guard;
    y = loader.run({x})[0];
  }

private:
  torch::inductor::AOTIModelPackageLoader loader;
};

/// The networks of torch_models.py whose runs are shorter than Python's calls. The weights are the
/// inputs behind the first, in the order of the layers; `function` is their memory layout, which
/// that of the images (of one channel: they have both) follows.
class EagerSide final : public TorchSide {
public:
  explicit EagerSide(const Request &request) : TorchSide(request), forward(forwardOf(request)) {
    c10::InferenceMode guard;
    bool isChannelsLast = std::string(request.function) == "channels_last";
    for (int32_t i = 1; i < request.count; ++i) {
      at::Tensor weight = tensorOf(request.inputs[i]);
      if (isChannelsLast && weight.dim() == 4)
        weight = weight.contiguous(at::MemoryFormat::ChannelsLast);
      weights.push_back(weight);
    }
  }
  void run() override {
    c10::InferenceMode guard;
    y = (this->*forward)();
  }

private:
  using Forward = at::Tensor (EagerSide::*)() const;

  static Forward forwardOf(const Request &request) {
    std::string model = request.model;
    bool isMlp = model == "mlp";
    if (!isMlp && model != "torch_cnn" && model != "keras_cnn")
      throw std::runtime_error("no network is called " + model);
    if (request.count != (isMlp ? 7 : 9))
      throw std::runtime_error(model + ": another number of weights");
    return isMlp ? &EagerSide::mlp : model == "torch_cnn" ? &EagerSide::cnn : &EagerSide::kerasCnn;
  }

  at::Tensor dense(const at::Tensor &in, size_t layer) const {
    return at::linear(in, weights[2 * layer], weights[2 * layer + 1]);
  }
  at::Tensor images(const at::Tensor &in, size_t layer) const {
    at::Tensor sums = at::conv2d(in, weights[2 * layer], weights[2 * layer + 1]);
    return at::max_pool2d(at::relu(sums), 2);
  }
  at::Tensor classes(const at::Tensor &features) const {
    return dense(at::relu(dense(at::flatten(features, 1), 2)), 3);
  }

  at::Tensor mlp() const {
    return at::softmax(dense(at::relu(dense(at::relu(dense(x, 0)), 1)), 2), -1);
  }
  at::Tensor cnn() const { return classes(images(images(x, 0), 1)); }
  at::Tensor kerasCnn() const {
    at::Tensor features = images(images(x.permute({0, 3, 1, 2}), 0), 1);
    return at::softmax(classes(features.permute({0, 2, 3, 1})), -1);
  }

  Forward forward;
  std::vector<at::Tensor> weights;
};

} // namespace

std::unique_ptr<Side> openSide(const std::string &kind, const Request &request) {
  if (kind == "aotinductor")
    return std::make_unique<AotInductorSide>(request);
  if (kind == "torch eager")
    return std::make_unique<EagerSide>(request);
  throw std::runtime_error("no side of PyTorch is called " + kind);
}

} // namespace ingot::bench
