// See GpuBackend.h.
#include "backends/gpu/GpuBackend.h"
#include "backends/gpu/DeviceProgram.h"
#include "backends/gpu/GpuTarget.h"
#include "backends/gpu/prelude/Prelude.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace ingot::gpu {
namespace {

/// What kernels' texts count on besides the prelude.
constexpr llvm::StringLiteral helpers = R"(
K_DEVICE k_i64 k_floordiv_i64(k_i64 a, k_i64 b) {
  const k_i64 quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
K_DEVICE k_i64 k_ceildiv_i64(k_i64 a, k_i64 b) {
  const k_i64 quotient = a / b;
  return a % b != 0 && (a < 0) == (b < 0) ? quotient + 1 : quotient;
}
)";

/// The program as one text.
std::string sourceOf(llvm::StringRef prelude, const DeviceProgram &program) {
  std::string source = (prelude + helpers).str();
  std::set<std::string> functions;
  for (const DeviceKernel &kernel : program.kernels)
    functions.insert(kernel.text.calls.begin(), kernel.text.calls.end());
  for (const std::string &function : functions)
    source += program.math.text(function);
  for (const DeviceKernel &kernel : program.kernels)
    source += "\n// " + kernel.node + "\n" + kernel.text.named(kernel.symbol);
  return source;
}

void describe(const DeviceProgram &program, DeviceDescription &description) {
  description.constants = program.constants;
  for (auto [i, kernel] : llvm::enumerate(program.kernels))
    description.kernels.push_back({kernel.symbol, /*unit=*/0, kernel.text.threads,
                                   /*sharedBytes=*/0,
                                   static_cast<int64_t>(kernel.text.words.size())});
}

} // namespace

FailureOr<std::vector<cpu::DeviceCode>> makeDeviceCode(ModuleOp planned,
                                                       const CompileOptions &options) {
  planned.getContext()
      ->loadDialect<scf::SCFDialect, cf::ControlFlowDialect, vector::VectorDialect,
                    LLVM::LLVMDialect>();
  std::vector<cpu::DeviceCode> devices;
  const cpu::CpuTarget &baseline = *cpu::lookupTarget("x86-64");
  const GpuTarget &target = *lookupTarget("sm_75");
  auto made = generateDeviceFunctions(planned, baseline, options);
  if (failed(made))
    return failure();
  cpu::DeviceCode code{std::move(made->host), {}};
  code.description.api = target.api;
  code.description.family = target.family;
  code.description.left = std::move(made->left);
  code.description.units = made->program.kernels.empty() ? 0 : 1;
  describe(made->program, code.description);
  if (!code.description.kernels.empty()) {
    std::string image = options.hostImage(sourceOf(shimPrelude(), made->program));
    if (image.empty())
      return planned.emitError("the kernels do not compile for the host");
    code.description.images.push_back({INGOT_IMAGE_HOST, target.family, 0, std::move(image)});
  }
  devices.push_back(std::move(code));
  return devices;
}

} // namespace ingot::gpu
