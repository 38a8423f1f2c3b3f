// The language of kernels in CUDA C++, for NVRTC: its intrinsics are PTX, and no header is needed.
// Behind it comes the kernels' text. Same meaning as opencl.h and shim.h, which has tests.
//
// Compiled with --fmad=false --ftz=false --prec-div=true --prec-sqrt=true --std=c++17. What an
// architecture lacks is not declared there.

#pragma nv_diag_suppress 177 // kernels do not use everything
typedef signed char k_i8;
typedef unsigned char k_u8;
typedef short k_i16;
typedef unsigned short k_u16;
typedef int k_i32;
typedef unsigned int k_u32;
typedef long long k_i64;
typedef unsigned long long k_u64;

#define K_ARCHITECTURE __CUDA_ARCH__
#define K_HAS_SHUFFLES 1
#define K_GLOBAL
#define K_CONSTANT static __constant__ const
#define K_DEVICE static __device__ __forceinline__
#define K_RESTRICT __restrict__
#define K_UNROLL _Pragma("unroll")

#define K_KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads, 1) name
#define K_EXPORT(name, parameterCount, threads)
#define K_THREAD ((k_i32)threadIdx.x)
#define K_BLOCK ((k_i32)blockIdx.x)

#define K_SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define K_SHARED_DYNAMIC(name)                                                                     \
  extern __shared__ __align__(1024) unsigned char k_dynamic[];                                     \
  unsigned char *const name = k_dynamic
#define K_SHARED_POINTER(type) type *

#define K_BARRIER() __syncthreads()
#define K_WARP_BARRIER() __syncwarp()

// Where shared memory's instructions find it.
K_DEVICE k_u32 k_shared_address(const void *p) { return (k_u32)__cvta_generic_to_shared(p); }

K_DEVICE void k_atomic_min_u64(k_u64 *p, k_u64 v) {
  asm volatile("red.relaxed.gpu.global.min.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
}

// ---- Arithmetic --------------------------------------------------------------------------------

K_DEVICE k_u32 k_bits_f32(float x) { return __float_as_uint(x); }
K_DEVICE k_u64 k_bits_f64(double x) { return (k_u64)__double_as_longlong(x); }
K_DEVICE float k_from_bits_f32(k_u32 x) { return __uint_as_float(x); }
K_DEVICE double k_from_bits_f64(k_u64 x) { return __longlong_as_double((k_i64)x); }

K_DEVICE float k_fma_f32(float a, float b, float c) { return __fmaf_rn(a, b, c); }
K_DEVICE float k_sqrt_f32(float x) { return __fsqrt_rn(x); }
K_DEVICE float k_floor_f32(float x) { return floorf(x); }
K_DEVICE float k_ceil_f32(float x) { return ceilf(x); }
K_DEVICE float k_trunc_f32(float x) { return truncf(x); }
K_DEVICE float k_rint_f32(float x) { return rintf(x); }
K_DEVICE float k_abs_f32(float x) { return fabsf(x); }
K_DEVICE float k_copysign_f32(float x, float s) { return copysignf(x, s); }
K_DEVICE double k_fma_f64(double a, double b, double c) { return __fma_rn(a, b, c); }
K_DEVICE double k_sqrt_f64(double x) { return __dsqrt_rn(x); }
K_DEVICE double k_floor_f64(double x) { return floor(x); }
K_DEVICE double k_ceil_f64(double x) { return ceil(x); }
K_DEVICE double k_trunc_f64(double x) { return trunc(x); }
K_DEVICE double k_rint_f64(double x) { return rint(x); }
K_DEVICE double k_abs_f64(double x) { return fabs(x); }
K_DEVICE double k_copysign_f64(double x, double s) { return copysign(x, s); }

// min and max of PTX know that -0 is less than +0, and take the number where one is NaN.
K_DEVICE float k_minnum_f32(float x, float y) { return fminf(x, y); }
K_DEVICE float k_maxnum_f32(float x, float y) { return fmaxf(x, y); }
K_DEVICE double k_minnum_f64(double x, double y) { return fmin(x, y); }
K_DEVICE double k_maxnum_f64(double x, double y) { return fmax(x, y); }
#if __CUDA_ARCH__ >= 800
K_DEVICE float k_minimum_f32(float x, float y) {
  float z;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
  return z;
}
K_DEVICE float k_maximum_f32(float x, float y) {
  float z;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
  return z;
}
#else
K_DEVICE float k_minimum_f32(float x, float y) { return x != x || y != y ? x + y : fminf(x, y); }
K_DEVICE float k_maximum_f32(float x, float y) { return x != x || y != y ? x + y : fmaxf(x, y); }
#endif
K_DEVICE double k_minimum_f64(double x, double y) { return x != x || y != y ? x + y : fmin(x, y); }
K_DEVICE double k_maximum_f64(double x, double y) { return x != x || y != y ? x + y : fmax(x, y); }

K_DEVICE float k_f16_to_f32(k_u16 h) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(h));
  return x;
}
K_DEVICE k_u16 k_f32_to_f16(float x) {
  k_u16 h;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(x));
  return h;
}
K_DEVICE k_u16 k_f64_to_f16(double x) {
  k_u16 h;
  asm("cvt.rn.f16.f64 %0, %1;" : "=h"(h) : "d"(x));
  return h;
}
K_DEVICE float k_bf16_to_f32(k_u16 h) { return k_from_bits_f32((k_u32)h << 16); }
K_DEVICE k_u16 k_f32_to_bf16(float x) {
#if __CUDA_ARCH__ >= 800
  k_u16 h;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(h) : "f"(x));
  return h;
#else
  const k_u32 bits = k_bits_f32(x);
  if (x != x)
    return (k_u16)(bits >> 16 | 0x40u);
  return (k_u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
#endif
}
K_DEVICE k_u16 k_f64_to_bf16(double x) {
  // Rounded to odd, so that what is rounded again has been rounded once.
  const float toZero = __double2float_rz(x);
  return k_f32_to_bf16((double)toZero == x ? toZero : k_from_bits_f32(k_bits_f32(toZero) | 1u));
}

K_DEVICE k_u32 k_mulhi_u32(k_u32 a, k_u32 b) { return __umulhi(a, b); }
K_DEVICE k_i32 k_mulhi_i32(k_i32 a, k_i32 b) { return __mulhi(a, b); }
K_DEVICE k_u64 k_mulhi_u64(k_u64 a, k_u64 b) { return __umul64hi(a, b); }
K_DEVICE k_i64 k_mulhi_i64(k_i64 a, k_i64 b) { return __mul64hi(a, b); }
K_DEVICE k_u32 k_clz_u32(k_u32 x) { return (k_u32)__clz((int)x); }
K_DEVICE k_u32 k_ctz_u32(k_u32 x) { return (k_u32)__clz((int)__brev(x)); }
K_DEVICE k_u64 k_clz_u64(k_u64 x) { return (k_u64)__clzll((k_i64)x); }
K_DEVICE k_u64 k_ctz_u64(k_u64 x) { return (k_u64)__clzll((k_i64)__brevll(x)); }
K_DEVICE k_u32 k_popcount_u32(k_u32 x) { return (k_u32)__popc(x); }
K_DEVICE k_u64 k_popcount_u64(k_u64 x) { return (k_u64)__popcll(x); }

// ---- Wide accesses -----------------------------------------------------------------------------

typedef struct __align__(8) k_v2u32 {
  k_u32 x, y;
} k_v2u32;
typedef struct __align__(16) k_v4u32 {
  k_u32 x, y, z, w;
} k_v4u32;

K_DEVICE k_v2u32 k_load8(const void *p) { return *(const k_v2u32 *)p; }
K_DEVICE k_v4u32 k_load16(const void *p) { return *(const k_v4u32 *)p; }
K_DEVICE void k_store8(void *p, k_v2u32 v) { *(k_v2u32 *)p = v; }
K_DEVICE void k_store16(void *p, k_v4u32 v) { *(k_v4u32 *)p = v; }
K_DEVICE k_v2u32 k_shared_load8(const void *p) { return *(const k_v2u32 *)p; }
K_DEVICE k_v4u32 k_shared_load16(const void *p) { return *(const k_v4u32 *)p; }
K_DEVICE void k_shared_store8(void *p, k_v2u32 v) { *(k_v2u32 *)p = v; }
K_DEVICE void k_shared_store16(void *p, k_v4u32 v) { *(k_v4u32 *)p = v; }

// ---- Warps -------------------------------------------------------------------------------------

K_DEVICE k_u32 k_shfl_xor_u32(k_u32 v, k_i32 mask) { return __shfl_xor_sync(~0u, v, mask); }
K_DEVICE k_u64 k_shfl_xor_u64(k_u64 v, k_i32 mask) { return __shfl_xor_sync(~0u, v, mask); }
K_DEVICE float k_shfl_xor_f32(float v, k_i32 mask) { return __shfl_xor_sync(~0u, v, mask); }
K_DEVICE double k_shfl_xor_f64(double v, k_i32 mask) { return __shfl_xor_sync(~0u, v, mask); }

K_DEVICE void k_ldmatrix_x4(k_u32 *r, const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(k_shared_address(row))
               : "memory");
}
K_DEVICE void k_ldmatrix_x4_trans(k_u32 *r, const void *row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(k_shared_address(row))
               : "memory");
}

K_DEVICE void k_mma_f16_k8(float *c, const k_u32 *a, const k_u32 *b) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
               "{%0, %1, %2, %3};"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(b[0]));
}

#if __CUDA_ARCH__ >= 800
#define K_MMA(name, shape)                                                                         \
  K_DEVICE void name(float *c, const k_u32 *a, const k_u32 *b) {                                   \
    asm volatile("mma.sync.aligned." shape                                                         \
                 ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"            \
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])                                  \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));              \
  }
K_MMA(k_mma_f16, "m16n8k16.row.col.f32.f16.f16")
K_MMA(k_mma_bf16, "m16n8k16.row.col.f32.bf16.bf16")
K_MMA(k_mma_tf32, "m16n8k8.row.col.f32.tf32.tf32")
#undef K_MMA

K_DEVICE k_u32 k_f32_to_tf32(float x) {
  k_u32 bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

// ---- Asynchronous copies -----------------------------------------------------------------------

K_DEVICE void k_cp_async16(void *shared, const void *global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(k_shared_address(shared)),
               "l"(global)
               : "memory");
}
K_DEVICE void k_cp_async16_or_zero(void *shared, const void *global, k_i32 valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(k_shared_address(shared)),
               "l"(global), "r"(valid ? 16 : 0)
               : "memory");
}
K_DEVICE void k_cp_async4_or_zero(void *shared, const void *global, k_i32 valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(k_shared_address(shared)),
               "l"(global), "r"(valid ? 4 : 0)
               : "memory");
}
K_DEVICE void k_cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int groups> K_DEVICE void k_cp_async_wait_for() {
  asm volatile("cp.async.wait_group %0;" ::"n"(groups) : "memory");
}
#define k_cp_async_wait(groups) k_cp_async_wait_for<groups>()
#endif // __CUDA_ARCH__ >= 800

#if __CUDA_ARCH__ == 900 && defined(__CUDA_ARCH_FEAT_SM90_ALL)
// Bytes that the tensor memory accelerator copies arrive at a barrier in shared memory.
typedef k_u64 k_mbar;
struct __align__(64) k_tensor_map {
  k_u64 opaque[16];
};
#define K_TENSOR_MAP(name) const __grid_constant__ k_tensor_map name

K_DEVICE void k_mbar_init(k_mbar *bar, k_i32 arrivals) {
  // The fence shows it to the copying hardware; other threads need a barrier.
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n\t"
               "fence.proxy.async.shared::cta;" ::"r"(k_shared_address(bar)),
               "r"(arrivals)
               : "memory");
}
K_DEVICE void k_mbar_expect(k_mbar *bar, k_i32 bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(k_shared_address(bar)),
      "r"(bytes)
      : "memory");
}
K_DEVICE void k_mbar_arrive(k_mbar *bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(k_shared_address(bar)) : "memory");
}
K_DEVICE void k_mbar_wait(k_mbar *bar, k_i32 parity) {
  k_u32 done;
  do {
    asm volatile("{\n\t.reg .pred p;\n\t"
                 "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\t"
                 "selp.u32 %0, 1, 0, p;\n\t}"
                 : "=r"(done)
                 : "r"(k_shared_address(bar)), "r"(parity)
                 : "memory");
  } while (!done);
}
K_DEVICE void k_tma_load_2d(void *shared, const k_tensor_map *map, k_i32 x, k_i32 y, k_mbar *bar) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
               "[%1, {%3, %4}], [%2];" ::"r"(k_shared_address(shared)),
               "l"(map), "r"(k_shared_address(bar)), "r"(x), "r"(y)
               : "memory");
}
// What this thread has written to shared memory is there for wgmma and for copies from it.
K_DEVICE void k_async_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// ---- Warp groups -------------------------------------------------------------------------------

// Rows of 128 bytes (64 elements), swizzled by 128 bytes, in groups of 8 rows that follow each
// other. The next 16 columns are at the descriptor + 2.
K_DEVICE k_u64 k_wgmma_descriptor(const void *shared) {
  return (k_u64)((k_shared_address(shared) & 0x3ffffu) >> 4) | 1ull << 16 | (1024ull >> 4) << 32 |
         1ull << 62;
}
// Operands across the depth: lines of 64 rows (128 bytes) of one k each, swizzled by 128 bytes, the
// next 64 rows `groupBytes` behind. The next 16 of the depth are at the descriptor + 128.
K_DEVICE k_u64 k_wgmma_descriptor_across(const void *shared, k_i32 groupBytes) {
  return (k_u64)((k_shared_address(shared) & 0x3ffffu) >> 4) | (k_u64)(groupBytes >> 4) << 16 |
         (1024ull >> 4) << 32 | 1ull << 62;
}
K_DEVICE void k_wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
K_DEVICE void k_wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int groups> K_DEVICE void k_wgmma_wait_for() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(groups) : "memory");
}
#define k_wgmma_wait(groups) k_wgmma_wait_for<groups>()
// Behind k_wgmma_wait: what uses the accumulators stays there. To a compiler they are known as soon
// as wgmma is asked for.
#define k_wgmma_hold(c, count)                                                                     \
  do {                                                                                             \
    _Pragma("unroll") for (int k_i = 0; k_i < (count);                                             \
                           ++k_i) asm volatile("" : "+f"((c)[k_i]) : : "memory");                  \
  } while (0)

#define K_WARP_GROUP_MORE_REGISTERS(count)                                                         \
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count))
#define K_WARP_GROUP_FEWER_REGISTERS(count)                                                        \
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count))

#define K_C8(i)                                                                                    \
  "+f"(c[i]), "+f"(c[i + 1]), "+f"(c[i + 2]), "+f"(c[i + 3]), "+f"(c[i + 4]), "+f"(c[i + 5]),      \
      "+f"(c[i + 6]), "+f"(c[i + 7])
#define K_C32(i) K_C8(i), K_C8(i + 8), K_C8(i + 16), K_C8(i + 24)
#define K_REGISTERS_64                                                                             \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                         \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define K_REGISTERS_128                                                                            \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                         \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "               \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "               \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define K_REGISTERS_256                                                                            \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "                         \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "               \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "               \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "               \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "               \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "               \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "   \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

// Operands along the depth, or (1) across it: k_wgmma_descriptor_across.
#define K_WGMMA(n, type, suffix, acrossA, acrossB, a, b, ...)                                      \
  K_DEVICE void k_wgmma_m64n##n##k16_##type##suffix(float *c, k_u64 left, k_u64 right) {           \
    asm volatile("wgmma.mma_async.sync.aligned.m64n" #n "k16.f32." #type "." #type                 \
                 " {" K_REGISTERS_##n "}, %" #a ", %" #b ", 1, 1, 1, " #acrossA ", " #acrossB ";"  \
                 : __VA_ARGS__                                                                     \
                 : "l"(left), "l"(right));                                                         \
  }
#define K_WGMMA_OF(n, type, a, b, ...)                                                             \
  K_WGMMA(n, type, , 0, 0, a, b, __VA_ARGS__)                                                      \
  K_WGMMA(n, type, _a, 1, 0, a, b, __VA_ARGS__)                                                    \
  K_WGMMA(n, type, _b, 0, 1, a, b, __VA_ARGS__)                                                    \
  K_WGMMA(n, type, _ab, 1, 1, a, b, __VA_ARGS__)
K_WGMMA_OF(64, f16, 32, 33, K_C32(0))
K_WGMMA_OF(64, bf16, 32, 33, K_C32(0))
K_WGMMA_OF(128, f16, 64, 65, K_C32(0), K_C32(32))
K_WGMMA_OF(128, bf16, 64, 65, K_C32(0), K_C32(32))
K_WGMMA_OF(256, f16, 128, 129, K_C32(0), K_C32(32), K_C32(64), K_C32(96))
K_WGMMA_OF(256, bf16, 128, 129, K_C32(0), K_C32(32), K_C32(64), K_C32(96))
#undef K_WGMMA_OF
#undef K_WGMMA
#undef K_REGISTERS_64
#undef K_REGISTERS_128
#undef K_REGISTERS_256
#undef K_C32
#undef K_C8
#endif // sm_90a
