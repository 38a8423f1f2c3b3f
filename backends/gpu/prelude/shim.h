// The language of kernels on the host, for tests without a GPU: clang++ compiles this and kernels
// into an image, and the engine of tests/gpu/shim runs them with a fiber per thread. Behind it
// comes the kernels' text. Same meaning as cuda.h; what a kernel does wrong becomes an error of the
// launch.
//
// Compiled with -fsanitize=thread and linked without its runtime, an image tells the engine of each
// access to memory (the functions __tsan_* at the end).
#ifndef INGOT_SHIM_ABI_H
#include "shim_abi.h"
#endif

#pragma clang diagnostic ignored "-Wunused-function"

#define K_GLOBAL
#define K_CONSTANT static const
#define K_DEVICE static inline
#define K_RESTRICT __restrict__
#define K_UNROLL
#define K_HAS_SHUFFLES 1
#define K_ARCHITECTURE 900

static const ShimEngine *shim;

// Not told to the engine: what is no kernel's.
#define SHIM_EXPORTED                                                                              \
  extern "C" __attribute__((visibility("default"), disable_sanitizer_instrumentation))

SHIM_EXPORTED void ingot_host_bind(const ShimEngine *engine) { shim = engine; }

// ---- Kernels -----------------------------------------------------------------------------------

template <int... I> struct ShimIndices {};
template <typename T, T... I> using ShimIndicesOf = ShimIndices<I...>;

template <typename F> struct ShimSignature;
template <typename... P> struct ShimSignature<void (*)(P...)> {
  static constexpr int count = sizeof...(P);
  static constexpr k_i64 bytes[] = {sizeof(P)..., 0};
  template <auto kernel, int... I> static void call(void *const *parameters, ShimIndices<I...>) {
    kernel(*static_cast<const P *>(parameters[I])...);
  }
  template <auto kernel> static void enter(void *const *parameters) {
    call<kernel>(parameters, __make_integer_seq<ShimIndicesOf, int, count>{});
  }
};

#if __has_feature(thread_sanitizer)
#define SHIM_INSTRUMENTED 1
#else
#define SHIM_INSTRUMENTED 0
#endif

#define K_KERNEL(name, threads) static void name
#define K_EXPORT(name, parameterCount, threads)                                                    \
  static_assert(ShimSignature<decltype(&name)>::count == (parameterCount),                         \
                "K_EXPORT gives another number of parameters than the kernel has");                \
  __attribute__((used, retain,                                                                     \
                 section("ingot_kernels"))) static const ShimKernel name##_export = {              \
      #name,          &ShimSignature<decltype(&name)>::enter<&name>,                               \
      parameterCount, ShimSignature<decltype(&name)>::bytes,                                       \
      threads,        SHIM_INSTRUMENTED};

extern "C" {
// The linker's names for where a section starts and ends.
extern __attribute__((weak, visibility("hidden"))) const ShimKernel __start_ingot_kernels[];
extern __attribute__((weak, visibility("hidden"))) const ShimKernel __stop_ingot_kernels[];
}
SHIM_EXPORTED const ShimKernel *ingot_host_kernels(long long *count) {
  *count = __stop_ingot_kernels - __start_ingot_kernels;
  return __start_ingot_kernels;
}

// A thread's numbers stay: the compiler may ask once.
__attribute__((const, noinline)) static const ShimThread *shim_current() { return shim->current(); }
#define K_THREAD (shim_current()->thread)
#define K_BLOCK (shim_current()->block)

#define K_SHARED(type, name, count)                                                                \
  static char name##_key;                                                                          \
  type *const name =                                                                               \
      static_cast<type *>(shim->sharedArray(&name##_key, #name, sizeof(type) * (count), 16))
#define K_SHARED_DYNAMIC(name)                                                                     \
  unsigned char *const name = static_cast<unsigned char *>(shim->sharedDynamic())
#define K_SHARED_POINTER(type) type *

#define SHIM_PLACE                                                                                 \
  ShimPlace place = ShimPlace { __builtin_LINE(), __builtin_COLUMN() }

static inline void shim_barrier(SHIM_PLACE) { shim->barrier(place); }
static inline void shim_warp_barrier(SHIM_PLACE) {
  shim->collective(SHIM_WARP_BARRIER, nullptr, place);
}
#define K_BARRIER() shim_barrier()
#define K_WARP_BARRIER() shim_warp_barrier()

static inline void k_atomic_min_u64(k_u64 *p, k_u64 value) { shim->atomicMin(p, value); }

// ---- Arithmetic --------------------------------------------------------------------------------

static inline k_u32 k_bits_f32(float x) { return __builtin_bit_cast(k_u32, x); }
static inline k_u64 k_bits_f64(double x) { return __builtin_bit_cast(k_u64, x); }
static inline float k_from_bits_f32(k_u32 x) { return __builtin_bit_cast(float, x); }
static inline double k_from_bits_f64(k_u64 x) { return __builtin_bit_cast(double, x); }

#define SHIM_MATH(name, builtin)                                                                   \
  static inline float name##_f32(float x) { return builtin##f(x); }                                \
  static inline double name##_f64(double x) { return builtin(x); }
SHIM_MATH(k_sqrt, __builtin_sqrt)
SHIM_MATH(k_floor, __builtin_floor)
SHIM_MATH(k_ceil, __builtin_ceil)
SHIM_MATH(k_trunc, __builtin_trunc)
SHIM_MATH(k_rint, __builtin_rint)
SHIM_MATH(k_abs, __builtin_fabs)
#undef SHIM_MATH
static inline float k_fma_f32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double k_fma_f64(double a, double b, double c) { return __builtin_fma(a, b, c); }
static inline float k_copysign_f32(float x, float s) { return __builtin_copysignf(x, s); }
static inline double k_copysign_f64(double x, double s) { return __builtin_copysign(x, s); }

#define SHIM_EXTREMES(T, type)                                                                     \
  static inline type k_minimum_##T(type x, type y) {                                               \
    if (x != x || y != y)                                                                          \
      return x + y;                                                                                \
    return x == y ? k_from_bits_##T(k_bits_##T(x) | k_bits_##T(y)) : x < y ? x : y;                \
  }                                                                                                \
  static inline type k_maximum_##T(type x, type y) {                                               \
    if (x != x || y != y)                                                                          \
      return x + y;                                                                                \
    return x == y ? k_from_bits_##T(k_bits_##T(x) & k_bits_##T(y)) : x > y ? x : y;                \
  }                                                                                                \
  static inline type k_minnum_##T(type x, type y) {                                                \
    return x != x ? y : y != y ? x : k_minimum_##T(x, y);                                          \
  }                                                                                                \
  static inline type k_maxnum_##T(type x, type y) {                                                \
    return x != x ? y : y != y ? x : k_maximum_##T(x, y);                                          \
  }
SHIM_EXTREMES(f32, float)
SHIM_EXTREMES(f64, double)
#undef SHIM_EXTREMES

static inline float k_f16_to_f32(k_u16 h) {
  const k_u32 sign = (h & 0x8000u) << 16, magnitude = h & 0x7fffu;
  if (magnitude >= 0x7c00u)
    return k_from_bits_f32(sign | 0x7f800000u | magnitude << 13);
  if (magnitude < 0x400u)
    return k_copysign_f32((float)magnitude * 0x1p-24f, k_from_bits_f32(sign));
  return k_from_bits_f32(sign | ((magnitude << 13) + 0x38000000u));
}
static inline k_u16 k_f32_to_f16(float x) {
  const k_u32 bits = k_bits_f32(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return (k_u16)(sign | 0x7e00u | (magnitude >> 13 & 0x1ffu));
  if (magnitude >= 0x477ff000u) // 65520: half of the last step above the largest
    return (k_u16)(sign | 0x7c00u);
  if (magnitude < 0x38800000u) // a denormal: half a unit in the last place of 0.5 is 2^-25
    return (k_u16)(sign | (k_bits_f32(k_from_bits_f32(magnitude) + 0.5f) - 0x3f000000u));
  return (k_u16)(sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}
static inline float k_bf16_to_f32(k_u16 h) { return k_from_bits_f32((k_u32)h << 16); }
static inline k_u16 k_f32_to_bf16(float x) {
  const k_u32 bits = k_bits_f32(x);
  if (x != x)
    return (k_u16)(bits >> 16 | 0x40u);
  return (k_u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
// Rounded to odd, so that what is rounded again has been rounded once.
static inline float shim_odd_f32(double x) {
  const float nearest = (float)x;
  if ((double)nearest == x || x != x)
    return nearest;
  const bool above = k_abs_f64((double)nearest) > k_abs_f64(x);
  return k_from_bits_f32((k_bits_f32(nearest) - (above ? 1u : 0u)) | 1u);
}
static inline k_u16 k_f64_to_f16(double x) { return k_f32_to_f16(shim_odd_f32(x)); }
static inline k_u16 k_f64_to_bf16(double x) { return k_f32_to_bf16(shim_odd_f32(x)); }
static inline k_u32 k_f32_to_tf32(float x) { // to nearest, ties away from zero
  return x != x ? 0x7fffffffu : (k_bits_f32(x) + 0x1000u) & ~0x1fffu;
}

static inline k_u32 k_mulhi_u32(k_u32 a, k_u32 b) { return (k_u32)((k_u64)a * b >> 32); }
static inline k_i32 k_mulhi_i32(k_i32 a, k_i32 b) { return (k_i32)((k_i64)a * b >> 32); }
static inline k_u64 k_mulhi_u64(k_u64 a, k_u64 b) {
  return (k_u64)((unsigned __int128)a * b >> 64);
}
static inline k_i64 k_mulhi_i64(k_i64 a, k_i64 b) { return (k_i64)((__int128)a * b >> 64); }
static inline k_u32 k_clz_u32(k_u32 x) { return x ? (k_u32)__builtin_clz(x) : 32u; }
static inline k_u32 k_ctz_u32(k_u32 x) { return x ? (k_u32)__builtin_ctz(x) : 32u; }
static inline k_u64 k_clz_u64(k_u64 x) { return x ? (k_u64)__builtin_clzll(x) : 64u; }
static inline k_u64 k_ctz_u64(k_u64 x) { return x ? (k_u64)__builtin_ctzll(x) : 64u; }
static inline k_u32 k_popcount_u32(k_u32 x) { return (k_u32)__builtin_popcount(x); }
static inline k_u64 k_popcount_u64(k_u64 x) { return (k_u64)__builtin_popcountll(x); }

// ---- Wide accesses -----------------------------------------------------------------------------

typedef struct k_v2u32 {
  k_u32 x, y;
} k_v2u32;
typedef struct k_v4u32 {
  k_u32 x, y, z, w;
} k_v4u32;

template <typename V> static inline V shim_load(const void *p) {
  if ((unsigned long)p % sizeof(V))
    shim->fail("a wide load from an address that is not aligned to its size");
  return *static_cast<const V *>(p);
}
template <typename V> static inline void shim_store(void *p, V v) {
  if ((unsigned long)p % sizeof(V))
    shim->fail("a wide store to an address that is not aligned to its size");
  *static_cast<V *>(p) = v;
}
static inline k_v2u32 k_load8(const void *p) { return shim_load<k_v2u32>(p); }
static inline k_v4u32 k_load16(const void *p) { return shim_load<k_v4u32>(p); }
static inline void k_store8(void *p, k_v2u32 v) { shim_store(p, v); }
static inline void k_store16(void *p, k_v4u32 v) { shim_store(p, v); }
static inline k_v2u32 k_shared_load8(const void *p) { return shim_load<k_v2u32>(p); }
static inline k_v4u32 k_shared_load16(const void *p) { return shim_load<k_v4u32>(p); }
static inline void k_shared_store8(void *p, k_v2u32 v) { shim_store(p, v); }
static inline void k_shared_store16(void *p, k_v4u32 v) { shim_store(p, v); }

// ---- Warps -------------------------------------------------------------------------------------

static inline k_u64 k_shfl_xor_u64(k_u64 v, k_i32 mask, SHIM_PLACE) {
  ShimShuffle shuffle = {v, mask};
  shim->collective(SHIM_SHUFFLE_XOR, &shuffle, place);
  return shuffle.value;
}
static inline k_u32 k_shfl_xor_u32(k_u32 v, k_i32 mask, SHIM_PLACE) {
  return (k_u32)k_shfl_xor_u64(v, mask, place);
}
static inline float k_shfl_xor_f32(float v, k_i32 mask, SHIM_PLACE) {
  return k_from_bits_f32(k_shfl_xor_u32(k_bits_f32(v), mask, place));
}
static inline double k_shfl_xor_f64(double v, k_i32 mask, SHIM_PLACE) {
  return k_from_bits_f64(k_shfl_xor_u64(k_bits_f64(v), mask, place));
}

static inline void k_ldmatrix_x4(k_u32 *r, const void *row, SHIM_PLACE) {
  ShimLdmatrix operands = {row, r};
  shim->collective(SHIM_LDMATRIX, &operands, place);
}
static inline void k_ldmatrix_x4_trans(k_u32 *r, const void *row, SHIM_PLACE) {
  ShimLdmatrix operands = {row, r};
  shim->collective(SHIM_LDMATRIX_TRANS, &operands, place);
}

#define SHIM_MMA_FUNCTION(name, what)                                                              \
  static inline void name(float *c, const k_u32 *a, const k_u32 *b, SHIM_PLACE) {                  \
    ShimMma operands = {c, a, b};                                                                  \
    shim->collective(what, &operands, place);                                                      \
  }
SHIM_MMA_FUNCTION(k_mma_f16_k8, SHIM_MMA_F16_K8)
SHIM_MMA_FUNCTION(k_mma_f16, SHIM_MMA_F16)
SHIM_MMA_FUNCTION(k_mma_bf16, SHIM_MMA_BF16)
SHIM_MMA_FUNCTION(k_mma_tf32, SHIM_MMA_TF32)
#undef SHIM_MMA_FUNCTION

// ---- Asynchronous copies -----------------------------------------------------------------------

static inline void k_cp_async16(void *shared, const void *global) {
  shim->cpAsync(shared, global, 16, 1);
}
static inline void k_cp_async16_or_zero(void *shared, const void *global, k_i32 valid) {
  shim->cpAsync(shared, global, 16, valid);
}
static inline void k_cp_async4_or_zero(void *shared, const void *global, k_i32 valid) {
  shim->cpAsync(shared, global, 4, valid);
}
static inline void k_cp_async_commit() { shim->cpAsyncCommit(); }
#define k_cp_async_wait(groups) shim->cpAsyncWait(groups)

typedef k_u64 k_mbar;
typedef ShimTensorMap k_tensor_map;
#define K_TENSOR_MAP(name) const k_tensor_map name

static inline void k_mbar_init(k_mbar *bar, k_i32 arrivals) { shim->mbarInit(bar, arrivals); }
static inline void k_mbar_expect(k_mbar *bar, k_i32 bytes) { shim->mbarExpect(bar, bytes); }
static inline void k_mbar_arrive(k_mbar *bar) { shim->mbarArrive(bar); }
static inline void k_mbar_wait(k_mbar *bar, k_i32 parity, SHIM_PLACE) {
  shim->mbarWait(bar, parity, place);
}
static inline void k_tma_load_2d(void *shared, const k_tensor_map *map, k_i32 x, k_i32 y,
                                 k_mbar *bar) {
  shim->tmaLoad(shared, map, x, y, bar);
}
static inline void k_async_fence() { shim->asyncFence(); }

// ---- Warp groups -------------------------------------------------------------------------------

// Of the block's dynamic memory alone.
static inline k_u64 k_wgmma_descriptor(const void *shared) {
  const k_u64 offset = (k_u64)((const char *)shared - (const char *)shim->sharedDynamic());
  return (offset & 0x3ffffu) >> 4 | 1ull << 16 | (1024ull >> 4) << 32 | 1ull << 62;
}
static inline k_u64 k_wgmma_descriptor_across(const void *shared, k_i32 groupBytes) {
  const k_u64 along = 0x3fff0000ull; // where the other descriptor says 1
  return (k_wgmma_descriptor(shared) & ~along) | (k_u64)(groupBytes >> 4) << 16;
}
static inline void k_wgmma_fence(SHIM_PLACE) { shim->collective(SHIM_WGMMA_FENCE, nullptr, place); }
static inline void k_wgmma_commit(SHIM_PLACE) {
  shim->collective(SHIM_WGMMA_COMMIT, nullptr, place);
}
static inline void shim_wgmma_wait(k_i32 groups, SHIM_PLACE) {
  shim->collective(SHIM_WGMMA_WAIT, &groups, place);
}
#define k_wgmma_wait(groups) shim_wgmma_wait(groups)
#define k_wgmma_hold(c, count) // for compilers of GPUs

static inline void shim_wgmma(int type, k_i32 n, int acrossLeft, int acrossRight, float *c,
                              k_u64 left, k_u64 right, ShimPlace place) {
  ShimWgmma operands = {type, n, c, left, right, acrossLeft, acrossRight};
  shim->collective(SHIM_WGMMA, &operands, place);
}
#define SHIM_WGMMA_VARIANT(n, type, kind, suffix, acrossLeft, acrossRight)                         \
  static inline void k_wgmma_m64n##n##k16_##type##suffix(float *c, k_u64 left, k_u64 right,        \
                                                         SHIM_PLACE) {                             \
    shim_wgmma(kind, n, acrossLeft, acrossRight, c, left, right, place);                           \
  }
#define SHIM_WGMMA_FUNCTIONS(n, type, kind)                                                        \
  SHIM_WGMMA_VARIANT(n, type, kind, , 0, 0)                                                        \
  SHIM_WGMMA_VARIANT(n, type, kind, _a, 1, 0)                                                      \
  SHIM_WGMMA_VARIANT(n, type, kind, _b, 0, 1)                                                      \
  SHIM_WGMMA_VARIANT(n, type, kind, _ab, 1, 1)
SHIM_WGMMA_FUNCTIONS(64, f16, SHIM_WGMMA_F16)
SHIM_WGMMA_FUNCTIONS(128, f16, SHIM_WGMMA_F16)
SHIM_WGMMA_FUNCTIONS(256, f16, SHIM_WGMMA_F16)
SHIM_WGMMA_FUNCTIONS(64, bf16, SHIM_WGMMA_BF16)
SHIM_WGMMA_FUNCTIONS(128, bf16, SHIM_WGMMA_BF16)
SHIM_WGMMA_FUNCTIONS(256, bf16, SHIM_WGMMA_BF16)
#undef SHIM_WGMMA_FUNCTIONS
#undef SHIM_WGMMA_VARIANT

// Registers move between warp groups: nothing to see on the host.
#define K_WARP_GROUP_MORE_REGISTERS(count)
#define K_WARP_GROUP_FEWER_REGISTERS(count)

// ---- What the compiler says of accesses --------------------------------------------------------

#if SHIM_INSTRUMENTED
#define SHIM_HOOK(type)                                                                            \
  extern "C" __attribute__((visibility("hidden"), disable_sanitizer_instrumentation, used)) type
SHIM_HOOK(void) __tsan_init() {}
#define SHIM_ACCESSES(bytes)                                                                       \
  SHIM_HOOK(void) __tsan_read##bytes(void *p) { shim->access(p, bytes, 0, bytes); }                \
  SHIM_HOOK(void) __tsan_write##bytes(void *p) { shim->access(p, bytes, 1, bytes); }               \
  SHIM_HOOK(void) __tsan_unaligned_read##bytes(void *p) { shim->access(p, bytes, 0, 1); }          \
  SHIM_HOOK(void) __tsan_unaligned_write##bytes(void *p) { shim->access(p, bytes, 1, 1); }
SHIM_ACCESSES(1)
SHIM_ACCESSES(2)
SHIM_ACCESSES(4)
SHIM_ACCESSES(8)
SHIM_ACCESSES(16)
#undef SHIM_ACCESSES
SHIM_HOOK(void *) __tsan_memcpy(void *to, const void *from, unsigned long bytes) {
  shim->access(from, (k_i64)bytes, 0, 1);
  shim->access(to, (k_i64)bytes, 1, 1);
  return __builtin_memcpy(to, from, bytes);
}
SHIM_HOOK(void *) __tsan_memmove(void *to, const void *from, unsigned long bytes) {
  shim->access(from, (k_i64)bytes, 0, 1);
  shim->access(to, (k_i64)bytes, 1, 1);
  return __builtin_memmove(to, from, bytes);
}
SHIM_HOOK(void *) __tsan_memset(void *to, int value, unsigned long bytes) {
  shim->access(to, (k_i64)bytes, 1, 1);
  return __builtin_memset(to, value, bytes);
}
#undef SHIM_HOOK
#endif

#undef SHIM_EXPORTED
#undef SHIM_PLACE
