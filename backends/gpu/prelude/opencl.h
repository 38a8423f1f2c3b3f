// The language of kernels in OpenCL C 1.2, full profile. Behind it comes the kernels' text. Same
// meaning as cuda.h and shim.h, without what those have for warps and asynchronous copies.
//
// Compiled with -cl-std=CL1.2 and, where the device has it, -cl-fp32-correctly-rounded-divide-sqrt.
// Kernels that use double must only be given to devices that have cl_khr_fp64.
#pragma OPENCL FP_CONTRACT OFF
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#ifdef cl_khr_int64_extended_atomics
#pragma OPENCL EXTENSION cl_khr_int64_extended_atomics : enable
#endif

typedef char k_i8;
typedef uchar k_u8;
typedef short k_i16;
typedef ushort k_u16;
typedef int k_i32;
typedef uint k_u32;
typedef long k_i64;
typedef ulong k_u64;

#define K_ARCHITECTURE 0
#define K_HAS_SHUFFLES 0
#define K_GLOBAL __global
#define K_CONSTANT __constant const
#define K_DEVICE static inline
#define K_RESTRICT restrict
#define K_UNROLL _Pragma("unroll")

#define K_KERNEL(name, threads)                                                                    \
  __kernel __attribute__((reqd_work_group_size(threads, 1, 1))) void name
#define K_EXPORT(name, parameterCount, threads)
#define K_THREAD ((k_i32)get_local_id(0))
#define K_BLOCK ((k_i32)get_group_id(0))

#define K_SHARED(type, name, count) __local type name[count] __attribute__((aligned(16)))
#define K_SHARED_POINTER(type) __local type *

#define K_BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)

// Any of the values will do where the device cannot find the least.
K_DEVICE void k_atomic_min_u64(K_GLOBAL k_u64 *p, k_u64 v) {
#ifdef cl_khr_int64_extended_atomics
  atom_min((volatile K_GLOBAL k_u64 *)p, v);
#else
  *p = v;
#endif
}

// ---- Arithmetic --------------------------------------------------------------------------------

K_DEVICE k_u32 k_bits_f32(float x) { return as_uint(x); }
K_DEVICE float k_from_bits_f32(k_u32 x) { return as_float(x); }
K_DEVICE float k_fma_f32(float a, float b, float c) { return fma(a, b, c); }
K_DEVICE float k_sqrt_f32(float x) { return sqrt(x); }
K_DEVICE float k_floor_f32(float x) { return floor(x); }
K_DEVICE float k_ceil_f32(float x) { return ceil(x); }
K_DEVICE float k_trunc_f32(float x) { return trunc(x); }
K_DEVICE float k_rint_f32(float x) { return rint(x); }
K_DEVICE float k_abs_f32(float x) { return fabs(x); }
K_DEVICE float k_copysign_f32(float x, float s) { return copysign(x, s); }

// fmin and fmax leave open which zero is less.
K_DEVICE float k_minimum_f32(float x, float y) {
  if (x != x || y != y)
    return x + y;
  return x == y ? as_float(as_uint(x) | as_uint(y)) : x < y ? x : y;
}
K_DEVICE float k_maximum_f32(float x, float y) {
  if (x != x || y != y)
    return x + y;
  return x == y ? as_float(as_uint(x) & as_uint(y)) : x > y ? x : y;
}
K_DEVICE float k_minnum_f32(float x, float y) {
  return x != x ? y : y != y ? x : k_minimum_f32(x, y);
}
K_DEVICE float k_maxnum_f32(float x, float y) {
  return x != x ? y : y != y ? x : k_maximum_f32(x, y);
}

// Half precision by its bits: devices need not have cl_khr_fp16, and denormals stay.
K_DEVICE float k_f16_to_f32(k_u16 h) {
  const k_u32 sign = (h & 0x8000u) << 16, magnitude = h & 0x7fffu;
  if (magnitude >= 0x7c00u)
    return as_float(sign | 0x7f800000u | magnitude << 13);
  if (magnitude < 0x400u)
    return copysign((float)magnitude * 0x1p-24f, as_float(sign));
  return as_float(sign | ((magnitude << 13) + 0x38000000u));
}
K_DEVICE k_u16 k_f32_to_f16(float x) {
  const k_u32 bits = as_uint(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return (k_u16)(sign | 0x7e00u | (magnitude >> 13 & 0x1ffu));
  if (magnitude >= 0x477ff000u) // 65520: half of the last step above the largest
    return (k_u16)(sign | 0x7c00u);
  if (magnitude < 0x38800000u) // a denormal: half a unit in the last place of 0.5 is 2^-25
    return (k_u16)(sign | (as_uint(as_float(magnitude) + 0.5f) - 0x3f000000u));
  return (k_u16)(sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}
K_DEVICE float k_bf16_to_f32(k_u16 h) { return as_float((k_u32)h << 16); }
K_DEVICE k_u16 k_f32_to_bf16(float x) {
  const k_u32 bits = as_uint(x);
  if (x != x)
    return (k_u16)(bits >> 16 | 0x40u);
  return (k_u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

#ifdef cl_khr_fp64
K_DEVICE k_u64 k_bits_f64(double x) { return as_ulong(x); }
K_DEVICE double k_from_bits_f64(k_u64 x) { return as_double(x); }
K_DEVICE double k_fma_f64(double a, double b, double c) { return fma(a, b, c); }
K_DEVICE double k_sqrt_f64(double x) { return sqrt(x); }
K_DEVICE double k_floor_f64(double x) { return floor(x); }
K_DEVICE double k_ceil_f64(double x) { return ceil(x); }
K_DEVICE double k_trunc_f64(double x) { return trunc(x); }
K_DEVICE double k_rint_f64(double x) { return rint(x); }
K_DEVICE double k_abs_f64(double x) { return fabs(x); }
K_DEVICE double k_copysign_f64(double x, double s) { return copysign(x, s); }
K_DEVICE double k_minimum_f64(double x, double y) {
  if (x != x || y != y)
    return x + y;
  return x == y ? as_double(as_ulong(x) | as_ulong(y)) : x < y ? x : y;
}
K_DEVICE double k_maximum_f64(double x, double y) {
  if (x != x || y != y)
    return x + y;
  return x == y ? as_double(as_ulong(x) & as_ulong(y)) : x > y ? x : y;
}
K_DEVICE double k_minnum_f64(double x, double y) {
  return x != x ? y : y != y ? x : k_minimum_f64(x, y);
}
K_DEVICE double k_maxnum_f64(double x, double y) {
  return x != x ? y : y != y ? x : k_maximum_f64(x, y);
}
// Rounded to odd, so that what is rounded again has been rounded once.
K_DEVICE float k_odd_f32(double x) {
  const float nearest = (float)x;
  if ((double)nearest == x || x != x)
    return nearest;
  return as_float((as_uint(nearest) - (fabs((double)nearest) > fabs(x) ? 1u : 0u)) | 1u);
}
K_DEVICE k_u16 k_f64_to_f16(double x) { return k_f32_to_f16(k_odd_f32(x)); }
K_DEVICE k_u16 k_f64_to_bf16(double x) { return k_f32_to_bf16(k_odd_f32(x)); }
#endif

K_DEVICE k_u32 k_mulhi_u32(k_u32 a, k_u32 b) { return mul_hi(a, b); }
K_DEVICE k_i32 k_mulhi_i32(k_i32 a, k_i32 b) { return mul_hi(a, b); }
K_DEVICE k_u64 k_mulhi_u64(k_u64 a, k_u64 b) { return mul_hi(a, b); }
K_DEVICE k_i64 k_mulhi_i64(k_i64 a, k_i64 b) { return mul_hi(a, b); }
K_DEVICE k_u32 k_clz_u32(k_u32 x) { return clz(x); }
K_DEVICE k_u32 k_ctz_u32(k_u32 x) { return popcount((x & -x) - 1u); }
K_DEVICE k_u64 k_clz_u64(k_u64 x) { return clz(x); }
K_DEVICE k_u64 k_ctz_u64(k_u64 x) { return popcount((x & -x) - 1ul); }
K_DEVICE k_u32 k_popcount_u32(k_u32 x) { return popcount(x); }
K_DEVICE k_u64 k_popcount_u64(k_u64 x) { return popcount(x); }

// ---- Wide accesses -----------------------------------------------------------------------------

typedef struct k_v2u32 {
  k_u32 x, y;
} k_v2u32;
typedef struct k_v4u32 {
  k_u32 x, y, z, w;
} k_v4u32;

K_DEVICE k_v2u32 k_load8(K_GLOBAL const void *p) {
  const uint2 v = *(K_GLOBAL const uint2 *)p;
  return (k_v2u32){v.x, v.y};
}
K_DEVICE k_v4u32 k_load16(K_GLOBAL const void *p) {
  const uint4 v = *(K_GLOBAL const uint4 *)p;
  return (k_v4u32){v.x, v.y, v.z, v.w};
}
K_DEVICE void k_store8(K_GLOBAL void *p, k_v2u32 v) { *(K_GLOBAL uint2 *)p = (uint2)(v.x, v.y); }
K_DEVICE void k_store16(K_GLOBAL void *p, k_v4u32 v) {
  *(K_GLOBAL uint4 *)p = (uint4)(v.x, v.y, v.z, v.w);
}
K_DEVICE k_v2u32 k_shared_load8(__local const void *p) {
  const uint2 v = *(__local const uint2 *)p;
  return (k_v2u32){v.x, v.y};
}
K_DEVICE k_v4u32 k_shared_load16(__local const void *p) {
  const uint4 v = *(__local const uint4 *)p;
  return (k_v4u32){v.x, v.y, v.z, v.w};
}
K_DEVICE void k_shared_store8(__local void *p, k_v2u32 v) {
  *(__local uint2 *)p = (uint2)(v.x, v.y);
}
K_DEVICE void k_shared_store16(__local void *p, k_v4u32 v) {
  *(__local uint4 *)p = (uint4)(v.x, v.y, v.z, v.w);
}
