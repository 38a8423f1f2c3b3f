// Artifacts run by an emulated CPU that has more than this machine's: what is to be run is
// collected, then all of it runs at once in guest/guest.c, and its results are read back. Used by
// the tests of this directory.
#pragma once
#include "ingot/Model.h"
#include "ir/reference/Tensor.h"
#include <map>
#include <string>
#include <vector>

namespace ingot::tests {

/// A CPU of the emulator's list.
struct EmulatedCpu {
  std::string level; // the best of our levels that it has
  std::string model;
  std::string without; // features that are taken from it, with commas between them
};

class Emulator {
public:
  /// Whether tests/emulated/setup has made it.
  static bool isThere();
  static std::vector<EmulatedCpu> cpus();

  /// An artifact in the runs that follow, until the next one. `refusesTiles`: the system does not
  /// let it have tile state.
  void open(const std::string &path, bool refusesTiles = false);
  /// One run of a function of the open artifact, which here is `artifact`. The variables that are
  /// given are set before. Returns its number.
  size_t run(const Artifact &artifact, const std::string &function,
             const std::vector<reference::Tensor> &inputs,
             const std::map<std::string, reference::Tensor> &variables = {});

  struct Opened {
    std::string variant;       // "none": no variant runs there
    uint64_t tileRequests = 0; // how often artifacts have asked for tile state until then
  };
  struct Block {
    std::vector<int64_t> shape;
    std::vector<char> data;
  };
  struct Ran {
    int64_t status = -1; // ingot_status_code; -1: it did not run
    uint64_t flags = 0;  // Protocol.h
    std::vector<Block> outputs, variables;
  };
  struct Results {
    std::string error; // empty: all has run
    /// It ended at a gather whose indices are in a register from 16 on, which Bochs 3.0 takes for
    /// no instruction.
    bool isGatherRefused = false;
    std::vector<Opened> opened;
    std::vector<Ran> ran; // by number
  };
  /// Runs all that was collected.
  Results start(const EmulatedCpu &cpu);

private:
  void put(uint64_t word);
  void putBytes(const void *data, size_t bytes);
  std::string payload = std::string(8, '\0');
  size_t runs = 0;
};

/// A result of the guest's as the interpreter's tensor.
reference::Tensor tensorOf(const Emulator::Block &block, mlir::Type element);

} // namespace ingot::tests
