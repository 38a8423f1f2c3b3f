// What handles of the fake cuBLASLt stand for. See CublasLtCalls.cpp.
#pragma once
#include <cstdint>

namespace ingot::fake {

struct Device;

struct LibraryHandle {
  Device *device = nullptr;
};

struct MatmulDescription {
  int computeType = 0, scaleType = 0;
  int32_t transA = 0, transB = 0;
  uint32_t epilogue = 1;
  const void *bias = nullptr;
};

/// Of a matrix, column by column, or of several.
struct Layout {
  int type = 0;
  uint64_t rows = 0, columns = 0;
  int64_t step = 0; // from one column to the next
  int32_t batch = 1;
  int64_t batchStep = 0;
};

struct MatmulPreferences {
  uint64_t workspaceBytes = 0;
  uint32_t alignment[4] = {256, 256, 256, 256}; // of a, b, c and d
};

} // namespace ingot::fake
