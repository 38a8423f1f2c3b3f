// From a kernel's code in MLIR to text: the C subset over k_* intrinsics that the preludes give a
// meaning (backends/gpu/prelude), so that one text compiles as CUDA C++, as OpenCL C and for the
// host.
//
// The function is func.func over arith, math, scf and the LLVM dialect's memory ops, as the CPU's
// emitters write it, with scalars alone. Its first argument is the frame: what it loads from there,
// at constant words, become the kernel's parameters.
#pragma once
#include "backends/cpu/CodeBuilder.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <set>

namespace ingot::gpu {

/// How the second argument of the function, an i64, numbers the work.
enum class Form {
  Threads, // by thread: nothing is done where it is not below `count`
  Blocks   // by block
};

/// A kernel as text, without its name: kernels whose texts are equal are the same.
struct KernelText {
  struct Parameter {
    int64_t word;                                     // of the frame
    enum class Kind { Pointer, Integer, Count } kind; // Count: FrameWords::count
    std::string declare(const llvm::Twine &name) const;
    /// Its number in the list, where it is put unless its word is there.
    size_t placeIn(std::vector<Parameter> &list) const;
  };
  std::vector<Parameter> parameters;
  /// A parameter's name is this and its number. A body has a0, a1, …, names of its own of the
  /// letters v, m, p and t, and what its head declares: `block`, which block of the kernel this is.
  char letter = 'a';
  std::string head = "  const k_i64 block = K_BLOCK;\n", body; // statements
  int64_t tensorMaps = 0;               // parameters behind these, "t" and the number
  std::set<std::string> calls;          // of functions
  int64_t threads = 0, sharedBytes = 0; // dynamic shared memory
  bool usesShared = false;              // declares shared memory, or has barriers
  int64_t parameterCount() const { return static_cast<int64_t>(parameters.size()) + tensorMaps; }
  /// Bit i: parameter i is a tensor map.
  uint64_t tensorMapBits() const {
    return tensorMaps == 0 ? 0 : ((uint64_t{1} << tensorMaps) - 1) << parameters.size();
  }
  std::string named(llvm::StringRef symbol) const;
};

/// One of several kernels in a launch: so many blocks of it, and threads that work (Form::Threads).
struct KernelPart {
  KernelText text;
  int64_t blocks = 0, count = 0;
};

/// A kernel whose blocks are those of the parts, one part after another. All have the same number
/// of threads a block, no tensor maps and no dynamic shared memory, and where their texts are not
/// all the same, none uses shared memory.
KernelText joinKernels(llvm::ArrayRef<KernelPart> parts);

/// What a kernel's text asks of the frame besides what its code loads.
struct FrameWords {
  int64_t count = -1; // the number of threads that work; Form::Threads alone
  int64_t error = -1; // a pointer to the error word, looked at first; -1: it does not matter
};

/// Prints the function. `threads`: of a block. An op without a word in the text is an internal
/// error, reported at it.
mlir::FailureOr<KernelText> printKernel(mlir::func::FuncOp function, Form form, int64_t threads,
                                        const FrameWords &frame);

/// A function of scalars alone, as a K_DEVICE function of the name, with the tables it reads.
/// Empty after an error, as above.
std::string printDeviceFunction(mlir::func::FuncOp function, llvm::StringRef name);

/// Names of calls in kernels' code that the text has a word for.
namespace intrinsic {
constexpr llvm::StringLiteral thread = "k_thread"; // () -> i64: in the block
constexpr llvm::StringLiteral barrier = "K_BARRIER";
/// (number) -> pointer: a tensor map, a parameter of the kernel
constexpr llvm::StringLiteral tensorMap = "k_tensor_map";
constexpr llvm::StringLiteral dynamicShared = "k_dynamic_shared"; // () -> pointer
} // namespace intrinsic

/// An attribute of loops to be unrolled by the compiler of the text.
constexpr llvm::StringLiteral unrollAttr = "gpu.unroll";

/// The address space of pointers to a block's shared memory, whose allocas stand at the function's
/// entry.
constexpr unsigned sharedSpace = 3;

} // namespace ingot::gpu
