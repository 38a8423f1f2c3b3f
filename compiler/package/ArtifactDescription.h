// What an artifact's table says, in C++: filled by the compiler from the module, written as data by
// a back end. Mirrors runtime/include/ingot/artifact.h field by field.
#pragma once
#include "compiler/package/GpuLibrary.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ingot {

struct DimDescription {
  int64_t size = -1;
  int64_t symbol = -1;
  std::string text;
};

struct TensorDescription {
  std::string name;
  ingot_dtype dtype;
  std::vector<DimDescription> dims;
};

struct VariableDescription {
  std::string name;
  ingot_dtype dtype;
  std::vector<int64_t> shape;
  uint64_t offset = 0, bytes = 0, flags = 0;
};

struct KernelDescription {
  std::string name, node, flops, bytes;
};

/// A custom op, and where it is called; not in the table.
struct CustomOpDescription {
  struct Call {
    std::string function, node, workspace; // workspace: bytes, as a formula
  };
  std::string name, function;
  bool threadSafe = false, deterministic = true, parallel = false, staticData = false;
  std::vector<Call> calls;
  std::vector<std::string> libraries, needs; // "libm.so.6"
};

/// Where a symbol's value comes from; input -1 when no input has it alone.
struct SymbolSourceDescription {
  ingot_symbol_kind kind = INGOT_SYMBOL_EXTENT;
  int64_t input = -1, index = 0;
};

/// The values that a symbol may have.
struct SymbolBoundDescription {
  int64_t symbol = 0, least = 0, most = 0;
};

/// What a function computes twice, so that its arena stays within a budget; not in the table.
struct RecomputationDescription {
  uint64_t budget = 0;                                // bytes; 0: there was none
  std::vector<std::pair<std::string, int64_t>> sizes; // of symbols, that it is meant for
  uint64_t arenaBefore = 0, arenaAfter = 0;           // bytes at these sizes
  uint64_t flops = 0, flopsAgain = 0;                 // at these sizes: of all, of what is repeated
  std::vector<std::string> kernels;                   // that are repeated, by name
};

struct FunctionDescription {
  std::string name;
  uint64_t flags = 0;
  std::vector<std::string> symbols;
  std::vector<SymbolSourceDescription> sources; // one a symbol
  std::vector<SymbolBoundDescription> bounds;   // of those that have any
  std::vector<TensorDescription> inputs, outputs;
  int64_t planWords = 0, outputDims = 0;
  std::vector<KernelDescription> kernels;
  std::string arenaFormula;
  RecomputationDescription recomputation;
  /// Symbols of the code module: int32 plan(const int64_t *, int64_t *) and int32 run(ingot_run *).
  std::string planSymbol, runSymbol;
};

struct DeviceDescription;

/// The state that an artifact begins with, shared by its variants; or nothing.
struct StateBytes {
  std::shared_ptr<const char> data;
  uint64_t size = 0;
  /// Gives pages of `data` back to the system once they are written; null: they stay.
  void (*release)(const char *from, uint64_t bytes) = nullptr;
  bool empty() const { return size == 0; }
};

struct ArtifactDescription {
  std::string name;
  uint64_t stateBytes =
      0; // canonical and derived; may differ by variant, like the functions' plans
  std::vector<VariableDescription> variables;
  /// The derived region: places in the state that only `derive` writes; not in the table.
  std::vector<VariableDescription> derived;
  std::vector<FunctionDescription> functions;
  /// The function called `derive`, when there is anything to derive.
  bool hasDerive = false;
  FunctionDescription derive;
  std::vector<std::string> nodes;
  std::vector<CustomOpDescription> customOps;
  /// Outputs that a function's next run takes as inputs.
  std::vector<ingot_carry> carries;
  StateBytes initialState;
  std::string manifest;      // serialised ingot.Manifest
  bool isCodeCached = false; // it came from the compile cache; not in the table
  /// Code for devices; of variants, once they are written.
  std::vector<const DeviceDescription *> devices;
};

/// Code for one family of devices; see ingot_device_code. Its table is a variant's.
struct DeviceDescription {
  struct Kernel {
    std::string symbol;
    int64_t unit = 0, threads = 0, sharedBytes = 0, parameters = 0;
    uint64_t tensorMaps = 0; // bit i: of parameter i
  };
  struct Image {
    ingot_image_kind kind;
    std::string target;
    int64_t unit = 0;
    std::string bytes;
  };
  /// A function that devices do not run.
  struct LeftFunction {
    std::string name, reason;
  };
  std::string api, family;
  std::vector<Kernel> kernels;
  int64_t units = 0;
  std::vector<Image> images;
  std::string constants;
  std::vector<LeftFunction> left;
  GpuLibrary library;
};

} // namespace ingot
