// See GpuBackend.h.
#include "backends/gpu/GpuBackend.h"
#include "backends/gpu/DeviceProgram.h"
#include "backends/gpu/GpuTarget.h"
#include "backends/gpu/nvrtc/CompileUnits.h"
#include "backends/gpu/prelude/Prelude.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringExtras.h"

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

/// The kernels as one text.
std::string sourceOf(llvm::StringRef prelude, const MathFunctions &math,
                     llvm::ArrayRef<DeviceKernel> kernels) {
  std::string source = (prelude + helpers).str();
  std::set<std::string> functions;
  for (const DeviceKernel &kernel : kernels)
    functions.insert(kernel.text.calls.begin(), kernel.text.calls.end());
  for (const std::string &function : functions)
    source += math.text(function);
  for (const DeviceKernel &kernel : kernels)
    source += "\n// " + kernel.node + "\n" + kernel.text.named(kernel.symbol);
  return source;
}

/// What `options.gpu` asks for.
struct Request {
  bool opencl = false;
  std::vector<std::string> hostFamilies;
  std::vector<Architecture> architectures;
};

/// Whose kernels an architecture runs.
llvm::StringRef familyOf(const Architecture &a) {
  return a.number < 80 ? "sm_75" : a.number == 90 ? "sm_90a" : "sm_80";
}

llvm::Expected<Request> parseRequest(const CompileOptions &options) {
  Request request;
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(options.gpu).split(names, ',', -1, false);
  std::vector<std::string> cuda;
  for (llvm::StringRef name : names) {
    name = name.trim();
    if (name == "host" && options.hostImage)
      request.hostFamilies = {"sm_80", "sm_75"};
    else if (name == "host:sm_90a" && options.hostImage)
      request.hostFamilies = {"sm_90a"};
    else if (name == "opencl")
      request.opencl = true;
    else
      cuda.push_back(name.str());
  }
  if (cuda.empty())
    return request;
  auto architectures = parseArchitectures(llvm::join(cuda, ","));
  if (!architectures)
    return llvm::joinErrors(
        architectures.takeError(),
        llvm::createStringError("besides these: opencl, for devices of any maker"));
  request.architectures = std::move(*architectures);
  return request;
}

/// Makes the code of one family, and its images.
class FamilyCompiler {
public:
  FamilyCompiler(ModuleOp planned, const CompileOptions &options, const GpuTarget &target,
                 DeviceFunctions functions);

  LogicalResult addCudaImages(llvm::ArrayRef<Architecture> architectures);
  void addOpenClImage();
  LogicalResult addHostImage();
  cpu::DeviceCode code;

private:
  /// All kernels as one unit.
  std::string wholeSource(llvm::StringRef prelude) {
    return sourceOf(prelude, program.math, program.kernels);
  }
  void describeKernels(bool unitEach);

  ModuleOp planned;
  const CompileOptions &options;
  const GpuTarget &target;
  DeviceProgram program;
};

FamilyCompiler::FamilyCompiler(ModuleOp planned, const CompileOptions &options,
                               const GpuTarget &target, DeviceFunctions functions)
    : planned(planned), options(options), target(target), program(std::move(functions.program)) {
  code.host = std::move(functions.host);
  code.description.api = target.api;
  code.description.family = target.family;
  code.description.left = std::move(functions.left);
  code.description.constants = program.constants;
  if (target.api == "cuda")
    code.description.library = options.gpuLibrary;
}

void FamilyCompiler::describeKernels(bool unitEach) {
  for (auto [i, kernel] : llvm::enumerate(program.kernels))
    code.description.kernels.push_back({kernel.symbol, unitEach ? static_cast<int64_t>(i) : 0,
                                        kernel.text.threads, kernel.text.sharedBytes,
                                        kernel.text.parameterCount(), kernel.text.tensorMapBits()});
  int64_t kernels = static_cast<int64_t>(program.kernels.size());
  code.description.units = unitEach ? kernels : std::min<int64_t>(kernels, 1);
}

/// A unit for each kernel: they compile side by side, and are found again one by one.
LogicalResult FamilyCompiler::addCudaImages(llvm::ArrayRef<Architecture> architectures) {
  describeKernels(/*unitEach=*/true);
  std::vector<Unit> units;
  for (const DeviceKernel &kernel : program.kernels)
    units.push_back({sourceOf(cudaPrelude(), program.math, kernel),
                     {{kernel.symbol, kernel.node, kernel.text.threads, kernel.text.sharedBytes,
                       kernel.text.parameterCount()}}});
  CompileUnitsOptions how;
  how.cache = options.cache.directory.empty() ? nullptr : &options.cache;
  how.mayUseLocalMemory = options.mayUseLocalMemory;
  auto compiled = compileUnits(units, architectures, how);
  if (!compiled)
    return planned.emitError() << llvm::toString(compiled.takeError());
  if (!compiled->cacheFailure.empty())
    planned.emitWarning("the compile cache does not keep this code: ") << compiled->cacheFailure;
  for (Image &image : compiled->images)
    code.description.images.push_back(
        {image.kind, image.target, image.unit, std::move(image.bytes)});
  return success();
}

void FamilyCompiler::addOpenClImage() {
  describeKernels(/*unitEach=*/false);
  if (!program.kernels.empty())
    code.description.images.push_back(
        {INGOT_IMAGE_OPENCL, "opencl", 0, wholeSource(openclPrelude())});
}

LogicalResult FamilyCompiler::addHostImage() {
  describeKernels(/*unitEach=*/false);
  if (program.kernels.empty())
    return success();
  std::string image = options.hostImage(wholeSource(shimPrelude()));
  if (image.empty())
    return planned.emitError("the kernels do not compile for the host");
  code.description.images.push_back({INGOT_IMAGE_HOST, target.family, 0, std::move(image)});
  return success();
}

} // namespace

FailureOr<std::vector<cpu::DeviceCode>> makeDeviceCode(ModuleOp planned,
                                                       const CompileOptions &options) {
  planned.getContext()
      ->loadDialect<scf::SCFDialect, cf::ControlFlowDialect, vector::VectorDialect,
                    LLVM::LLVMDialect>();
  auto request = parseRequest(options);
  if (!request)
    return planned.emitError() << llvm::toString(request.takeError());
  const std::string &library = options.gpuLibrary.name;
  if (!library.empty() && library != "cublaslt")
    return planned.emitError() << "unknown library `" << library
                               << "` for products on GPUs; known is: cublaslt";
  std::vector<cpu::DeviceCode> devices;
  auto add = [&](llvm::StringRef family,
                 llvm::function_ref<LogicalResult(FamilyCompiler &)> addImages) -> LogicalResult {
    const GpuTarget &target = *lookupTarget(family);
    auto functions =
        generateDeviceFunctions(planned, target, *cpu::lookupTarget("x86-64"), options);
    if (failed(functions))
      return failure();
    FamilyCompiler compiler(planned, options, target, std::move(*functions));
    if (failed(addImages(compiler)))
      return failure();
    devices.push_back(std::move(compiler.code));
    return success();
  };
  for (llvm::StringRef family : {"sm_90a", "sm_80", "sm_75"}) {
    if (llvm::is_contained(request->hostFamilies, family) &&
        failed(add(family, [](FamilyCompiler &compiler) { return compiler.addHostImage(); })))
      return failure();
    std::vector<Architecture> architectures;
    llvm::copy_if(request->architectures, std::back_inserter(architectures),
                  [&](const Architecture &a) { return familyOf(a) == family; });
    if (!architectures.empty() && failed(add(family, [&](FamilyCompiler &compiler) {
          return compiler.addCudaImages(architectures);
        })))
      return failure();
  }
  if (request->opencl && failed(add("opencl", [](FamilyCompiler &family) {
        family.addOpenClImage();
        return success();
      })))
    return failure();
  return devices;
}

} // namespace ingot::gpu
