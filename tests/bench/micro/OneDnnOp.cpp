// oneDNN (version 2's interface): each primitive in the layouts that it asks for; turning data into
// them and back is no part of a run.
#include "tests/bench/micro/Micro.h"
#include <dnnl.hpp>
#include <unordered_map>

namespace ingot::bench {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;
constexpr auto kF32 = memory::data_type::f32;
constexpr auto kInference = dnnl::prop_kind::forward_inference;

class OneDnnOp final : public Op {
public:
  OneDnnOp(const Case &what, const Data &data)
      : what(what), engine(dnnl::engine::kind::cpu, 0), stream(engine) {
    if (what.kind == Kind::Gemm)
      makeGemm(data);
    else if (what.kind == Kind::Conv)
      makeConv(data);
    else if (what.kind == Kind::Add)
      makeAdd(data);
    else
      makeRows(data);
  }

  void run() override {
    primitive.execute(stream, arguments);
    stream.wait();
  }
  std::vector<float> result() override {
    std::vector<float> values(static_cast<size_t>(elementsOf(what.outputShape())));
    memory plain(outputPlain, engine, values.data());
    memory output = arguments.at(DNNL_ARG_DST);
    dnnl::reorder(output, plain).execute(stream, output, plain);
    stream.wait();
    return values;
  }

private:
  /// The values, given in the layout `plain`, in the layout `wanted`.
  memory given(const std::vector<float> &values, const memory::desc &plain,
               const memory::desc &wanted) {
    memory from(plain, engine, const_cast<float *>(values.data())), to(wanted, engine);
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
    return to;
  }
  void finish(const dnnl::primitive &made, const memory::desc &output, const memory::desc &plain) {
    primitive = made;
    outputPlain = plain;
    arguments.insert({DNNL_ARG_DST, memory(output, engine)});
  }

  void makeGemm(const Data &data) {
    int64_t m = what.sizes[0], n = what.sizes[1], k = what.sizes[2];
    memory::desc x({m, k}, kF32, Tag::ab), w({k, n}, kF32, Tag::ab), y({m, n}, kF32, Tag::ab);
    dnnl::matmul::primitive_desc made(
        dnnl::matmul::desc(x, memory::desc({k, n}, kF32, Tag::any), y), engine);
    arguments = {{DNNL_ARG_SRC, given(data.x, x, x)},
                 {DNNL_ARG_WEIGHTS, given(data.weights, w, made.weights_desc())}};
    finish(dnnl::matmul(made), y, y);
  }

  void makeConv(const Data &data) {
    int64_t size = what.sizes[0], channels = what.sizes[1], filters = what.sizes[2],
            kernel = what.sizes[3], stride = what.sizes[4], groups = what.sizes[5];
    int64_t out = what.outputShape()[1];
    memory::dims xDims = {1, channels, size, size}, yDims = {1, filters, out, out},
                 wDims = {filters, channels, kernel, kernel}, padding = {kernel / 2, kernel / 2};
    if (groups > 1)
      wDims = {groups, filters / groups, channels / groups, kernel, kernel};
    memory::desc x(xDims, kF32, Tag::nhwc), y(yDims, kF32, Tag::nhwc),
        w(wDims, kF32, groups > 1 ? Tag::hwigo : Tag::hwio);
    dnnl::convolution_forward::primitive_desc made(
        dnnl::convolution_forward::desc(
            kInference, dnnl::algorithm::convolution_auto, memory::desc(xDims, kF32, Tag::any),
            memory::desc(wDims, kF32, Tag::any), memory::desc(yDims, kF32, Tag::any),
            {stride, stride}, padding, padding),
        engine);
    arguments = {{DNNL_ARG_SRC, given(data.x, x, made.src_desc())},
                 {DNNL_ARG_WEIGHTS, given(data.weights, w, made.weights_desc())}};
    finish(dnnl::convolution_forward(made), made.dst_desc(), y);
  }

  void makeAdd(const Data &data) {
    memory::desc x(what.sizes, kF32, Tag::ab);
    arguments = {{DNNL_ARG_SRC_0, given(data.x, x, x)}, {DNNL_ARG_SRC_1, given(data.y, x, x)}};
    finish(dnnl::binary({{dnnl::algorithm::binary_add, x, x, x}, engine}), x, x);
  }

  void makeRows(const Data &data) {
    memory::desc x(what.sizes, kF32, Tag::ab);
    arguments = {{DNNL_ARG_SRC, given(data.x, x, x)}};
    if (what.kind == Kind::Softmax)
      return finish(dnnl::softmax_forward({{kInference, x, 1}, engine}), x, x);
    if (what.kind == Kind::LayerNorm) {
      std::vector<float> both = data.weights;
      both.insert(both.end(), data.y.begin(), data.y.begin() + what.sizes[1]);
      memory::desc scaleShift({2, what.sizes[1]}, kF32, Tag::ab);
      arguments.insert({DNNL_ARG_SCALE_SHIFT, given(both, scaleShift, scaleShift)});
      return finish(
          dnnl::layer_normalization_forward(
              {{kInference, x, 1e-5f, dnnl::normalization_flags::use_scale_shift}, engine}),
          x, x);
    }
    auto algorithm =
        what.kind == Kind::Relu ? dnnl::algorithm::eltwise_relu : dnnl::algorithm::eltwise_gelu_erf;
    finish(dnnl::eltwise_forward({{kInference, algorithm, x, 0.f, 0.f}, engine}), x, x);
  }

  Case what;
  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  memory::desc outputPlain;
};

} // namespace

std::unique_ptr<Op> ofOneDnn(const Case &what, const Data &data) {
  return std::make_unique<OneDnnOp>(what, data);
}

} // namespace ingot::bench
