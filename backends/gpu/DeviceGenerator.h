// Host code of a function whose kernels run on a device: `run` puts launches and copies there, in
// order. Sizes, plan and control flow are as for the CPU, whose generator this is.
#pragma once
#include "backends/cpu/FunctionGenerator.h"
#include "backends/gpu/DeviceKernelEmitter.h"
#include "backends/gpu/DeviceProgram.h"
#include "backends/gpu/LibraryProduct.h"

namespace ingot::gpu {

class DeviceGenerator : public cpu::FunctionGenerator {
public:
  /// `device` holds the code of each kernel until it is printed.
  DeviceGenerator(cpu::CodeContext &host, cpu::CodeContext &device, DeviceProgram &program,
                  const GpuTarget &target, mlir::func::FuncOp function,
                  FunctionDescription &description, const ArtifactDescription &artifact);
  mlir::LogicalResult generate();

private:
  mlir::LogicalResult checkStaticSizes();
  void layoutFrame() override;
  void emitConstants() override;
  Dim plannedBytes() override;
  /// Kernels compute places of elements in 32 bits.
  int64_t mostElements() override { return INT32_MAX; }
  void fillFrame(mlir::Value run, mlir::Value words) override;
  void emitDispatch(mlir::Operation *op) override;
  mlir::Value loadScalar(mlir::Value tensor, mlir::Type element) override;
  void copyBytes(mlir::Value from, mlir::Value to, mlir::Value bytes) override;
  void storePosition(exec::ScanOp op, mlir::Value position) override;

  /// A field of the run's ingot_device.
  enum DeviceField {
    Context = 1,
    Launch,
    Copy,
    Store,
    Load,
    Constants,
    Error,
    EncodeTensorMap,
    Multiply
  };
  mlir::Value deviceField(DeviceField field) { return cb.loadPointer(device, field); }
  /// Calls one of its functions, which returns a code; the run ends where that is not 0.
  void callDevice(DeviceField callee, mlir::ValueRange arguments);
  mlir::Value codeOf(DeviceField callee, mlir::ValueRange arguments);
  void endWhereFailed(mlir::Value code);
  /// A dispatch as it is launched.
  struct Dispatch {
    mlir::Operation *op;
    KernelText text;
    Form form;
    Dim count; // of threads or blocks
    llvm::SmallVector<TensorMap, 2> maps;
  };
  Dispatch print(mlir::Operation *op);
  void launchAlone(const Dispatch &dispatch);
  /// Launches those that have gathered, as few kernels.
  void launchGathered();
  void launchTogether(llvm::ArrayRef<Dispatch *> dispatches);
  /// Describes what is launched next; gives it a symbol.
  std::string describe(KernelDescription described);
  void launch(const KernelText &text, llvm::StringRef symbol, llvm::StringRef node,
              mlir::Value blocks, llvm::ArrayRef<TensorMap> maps = {});
  /// Encodes a tensor map where the launch's parameters find it.
  mlir::Value encode(const TensorMap &map);
  /// The product that a library may compute instead of the kernel.
  std::optional<LibraryProduct> libraryProduct(mlir::Operation *op);
  /// Code that follows is run where no library computes the product; the block is what comes after.
  mlir::Block *multiplyOrElse(const LibraryProduct &product);
  mlir::Value addressOf(const LibraryProduct::Matrix &matrix);
  /// Ends the run where a kernel before has failed: what is decided now hangs on what it made.
  void leaveIfFailed();
  /// A kernel that copies bytes unless one before it has failed.
  KernelText copyKernel();

  cpu::CodeContext &deviceContext;
  DeviceProgram &program;
  const GpuTarget &target;
  std::map<std::string, int64_t> constantOffsets; // by name, in the program's constants
  llvm::DenseMap<mlir::Operation *, int64_t> positionSlots;
  int64_t count = -1, loaded = -1, copyFrom = -1, copyTo = -1, copySize = -1; // words of the frame
  bool hasFailed = false;                                                     // to print a kernel
  bool mayHaveFailed = false;     // in what has been emitted so far
  mlir::Value device;             // the ingot_device
  std::vector<Dispatch> gathered; // of a group, until its last
  /// Pointers to a launch's parameters, as many as any has.
  mlir::LLVM::AllocaOp parameters;
  int64_t mostParameters = 1;
  mlir::Value productFields; // an ingot_product
  mlir::Value tensorFields;  // an ingot_tensor_map
};

} // namespace ingot::gpu
