// What an image of kernels for the host and the engine that runs it (tests/gpu/shim) agree on.
//
// Both sides include it: the engine as it is, an image as the first part of its prelude (shim.h).
// Without headers, so that images compile in a moment.
#ifndef INGOT_SHIM_ABI_H
#define INGOT_SHIM_ABI_H

typedef signed char k_i8;
typedef unsigned char k_u8;
typedef short k_i16;
typedef unsigned short k_u16;
typedef int k_i32;
typedef unsigned int k_u32;
typedef long long k_i64;
typedef unsigned long long k_u64;

/// A place in the text of a kernel: where all threads that meet must be.
struct ShimPlace {
  int line, column;
};

/// One thread of the launch that runs.
struct ShimThread {
  k_i32 thread, block; ///< numbers in the block and in the grid
};

/// What all 32 lanes of a warp do together. `operands` of ShimEngine::collective points at:
enum ShimCollective {
  SHIM_WARP_BARRIER = 1, ///< nothing
  SHIM_SHUFFLE_XOR,      ///< ShimShuffle
  SHIM_LDMATRIX,         ///< ShimLdmatrix
  SHIM_LDMATRIX_TRANS,   ///< ShimLdmatrix
  SHIM_MMA_F16_K8,       ///< ShimMma, here and below
  SHIM_MMA_F16,
  SHIM_MMA_BF16,
  SHIM_MMA_TF32,
  // What the four warps of a group do together.
  SHIM_WGMMA,        ///< ShimWgmma
  SHIM_WGMMA_FENCE,  ///< nothing
  SHIM_WGMMA_COMMIT, ///< nothing
  SHIM_WGMMA_WAIT    ///< k_i32: how many committed groups may be under way
};
struct ShimShuffle {
  k_u64 value; ///< in: this lane's, out: that of lane ^ mask
  k_i32 mask;
};
struct ShimLdmatrix {
  const void *row; ///< 16 bytes of shared memory
  k_u32 *results;  ///< 4
};
struct ShimMma {
  float *c;           ///< 4, added to
  const k_u32 *a, *b; ///< as many as the shape says
};

enum ShimWgmmaType { SHIM_WGMMA_F16 = 1, SHIM_WGMMA_BF16 };
struct ShimWgmma {
  int type; ///< ShimWgmmaType
  k_i32 n;
  float *c;          ///< n / 2, added to: NaN until the group has waited
  k_u64 left, right; ///< descriptors
  int acrossLeft, acrossRight;
};

/// A tensor in memory as TMA sees it. It takes the place of a CUtensorMap, so it is as large.
struct ShimTensorMap {
  const char *base; ///< 16-aligned
  k_i64 extents[2]; ///< in elements, the contiguous dimension first
  k_i64 stride;     ///< bytes between rows, a multiple of 16
  k_i32 box[2];     ///< elements, the contiguous dimension first
  k_i32 elementBytes;
  k_i32 swizzle; ///< 0 or 128
  char rest[128 - 48];
};
static_assert(sizeof(ShimTensorMap) == 128, "as large as a CUtensorMap");

/// What a kernel may ask of the engine. Functions that find an error leave the kernel: they do not
/// return. All addresses of shared memory are checked.
struct ShimEngine {
  /// The thread that runs now.
  const ShimThread *(*current)();
  /// Leaves the kernel with an error.
  void (*fail)(const char *text);

  /// A static array of the block, the same for each thread that names this `key`.
  void *(*sharedArray)(const void *key, const char *name, k_i64 bytes, k_i64 alignment);
  void *(*sharedDynamic)();
  /// An instrumented image says so of each access. Alignment is checked, and for shared memory
  /// bounds and races as well.
  void (*access)(const void *address, k_i64 bytes, int write, k_i64 alignment);

  void (*barrier)(ShimPlace place);
  void (*collective)(int what, void *operands, ShimPlace place);
  void (*atomicMin)(k_u64 *address, k_u64 value);

  /// The bytes are there when the thread has waited; zeros if not `valid`.
  void (*cpAsync)(void *shared, const void *global, k_i32 bytes, int valid);
  void (*cpAsyncCommit)();
  void (*cpAsyncWait)(k_i32 groups);

  void (*mbarInit)(k_u64 *bar, k_i32 arrivals);
  void (*mbarExpect)(k_u64 *bar, k_i32 bytes); ///< and arrives
  void (*mbarArrive)(k_u64 *bar);
  void (*mbarWait)(k_u64 *bar, k_i32 parity, ShimPlace place);
  void (*tmaLoad)(void *shared, const ShimTensorMap *map, k_i32 x, k_i32 y, k_u64 *bar);
  /// What this thread has written before may be read by wgmma.
  void (*asyncFence)();
};

struct ShimKernel {
  const char *name;
  /// Runs one thread. parameters[i] points at the i-th parameter's value.
  void (*entry)(void *const *parameters);
  k_i64 parameterCount;
  const k_i64 *parameterBytes; ///< of each
  k_i64 threads;               ///< of a block
  int instrumented;            ///< it tells the engine of its accesses
};

// An image exports:
//   extern "C" void ingot_host_bind(const ShimEngine *engine);            before any kernel runs
//   extern "C" const ShimKernel *ingot_host_kernels(long long *count);

#endif
