// Kernels in CUDA C++, which show one thing each.
#pragma once
#include <string>

namespace ingot::gpu {

/// Two loads, one store, ten registers or so.
inline const std::string kAddKernel = R"(
extern "C" __global__ void __launch_bounds__(256) add(const float *a, float *b, long long n) {
  long long i = blockIdx.x * 256ll + threadIdx.x;
  if (i < n) b[i] = a[i] * 3.f + b[i];
}
)";

/// An array that cannot be in registers, since its index is not known: 256 bytes.
inline const std::string kFrameKernel = R"(
extern "C" __global__ void __launch_bounds__(128) frame(const int *a, int *b, long long n) {
  int t[64];
  for (int i = 0; i < 64; i++) t[i] = a[i * n];
  for (int i = 0; i < 64; i++) b[i] = t[(a[i] + threadIdx.x) & 63];
}
)";

/// 80 values that live at once, in 64 registers at most.
inline const std::string kSpillKernel = R"(
extern "C" __global__ void __launch_bounds__(1024) spill(const float *a, float *b, long long n) {
  float t[80];
#pragma unroll
  for (int i = 0; i < 80; i++) t[i] = a[i * n + threadIdx.x];
  for (int k = 0; k < n; k++) {
#pragma unroll
    for (int i = 0; i < 80; i++) t[i] = t[i] * t[(i + 7) % 80] + k;
  }
#pragma unroll
  for (int i = 0; i < 80; i++) b[i * n + threadIdx.x] = t[i];
}
)";

/// 4,000 bytes of static shared memory, beside dynamic one; a barrier; loads and stores of 16
/// bytes.
inline const std::string kSharedKernel = R"(
extern "C" __global__ void __launch_bounds__(256) shared(const float *a, float *b) {
  __shared__ float s[1000];
  extern __shared__ __align__(16) unsigned char dynamic[];
  int t = threadIdx.x;
  s[t] = a[t];
  dynamic[t] = 1;
  __syncthreads();
  b[t] = s[255 - t] + dynamic[255 - t];
  *(float4 *)(b + 256 + t * 4) = *(const float4 *)(a + t * 4);
}
)";

/// A loop of loads, a barrier and a loop with four multiply-adds, in which a loop waits; and a
/// division, whose seldom needed part stands behind the kernel and branches back.
inline const std::string kLoopKernel = R"(
extern "C" __global__ void __launch_bounds__(256) loop(const float *a, float *b, int n, int m) {
  __shared__ float s[256];
  int t = threadIdx.x;
  float x = 0;
#pragma unroll 1
  for (int j = 0; j < m; j++) {
    s[t] = a[j * 256 + t];
    __syncthreads();
#pragma unroll 1
    for (int i = 0; i < n; i++) {
#pragma unroll
      for (int u = 0; u < 4; u++) x = __fmaf_rn(x, s[(t + i + u) & 255], 1.f);
      while (((volatile int *)s)[i & 255] == 0x7fffffff)
        ;
    }
    __syncthreads();
  }
  b[t] = x / a[t];
}
)";

/// Copies of which two groups are under way when an iteration goes on (sm_80 and later).
inline const std::string kPipelineKernel = R"(
__device__ unsigned at(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
extern "C" __global__ void __launch_bounds__(32) pipeline(const float *a, float *b, int n) {
  __shared__ float s[512];
  int t = threadIdx.x;
  float x = 0;
#pragma unroll 1
  for (int i = 0; i < n; i++) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" :: "r"(at(s + (i & 3) * 128 + t * 4)), "l"(a + i * 128 + t * 4));
    asm volatile("cp.async.commit_group;");
    asm volatile("cp.async.wait_group 2;" ::: "memory");
    x = __fmaf_rn(x, s[(i & 3) * 128 + t], 1.f);
  }
  b[t] = x;
}
)";

/// cp.async of 4, 8 and 16 bytes, ldmatrix, mma of each type (sm_80 and later).
inline const std::string kTensorKernel = R"(
__device__ unsigned at(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
#define COPY(bytes, i) asm volatile("cp.async.ca.shared.global [%0], [%1], " #bytes ";" \
  :: "r"(at(s + i + t * (bytes / 4))), "l"(a + i + t * (bytes / 4)))
#define MMA(shape, type) asm volatile("mma.sync.aligned." shape ".row.col.f32." type "." type ".f32 " \
  "{%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};" \
  : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) \
  : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(r[0]), "r"(r[1]))
extern "C" __global__ void __launch_bounds__(32) tensor(const float *a, float *b) {
  __shared__ float s[1024];
  int t = threadIdx.x;
  COPY(4, 0); COPY(8, 32); COPY(16, 96);
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(at(s + 512 + t * 4)), "l"(a + 512 + t * 4));
  asm volatile("cp.async.commit_group;");
  asm volatile("cp.async.wait_group 0;" ::: "memory");
  __syncthreads();
  unsigned r[4];
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
    : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(at(s + t * 4)) : "memory");
  float c[4] = {s[t], 0, 0, 0};
  MMA("m16n8k16", "f16");
  MMA("m16n8k16", "bf16");
  MMA("m16n8k8", "tf32");
  for (int i = 0; i < 4; i++) b[i * 32 + t] = c[i];
}
)";

/// TMA, an mbarrier and wgmma m64n8k16 (sm_90a).
inline const std::string kHopperKernel = R"(
__device__ unsigned at(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
struct __align__(64) Map { unsigned long long words[16]; };
extern "C" __global__ void __launch_bounds__(128) hopper(const __grid_constant__ Map map, float *d) {
  extern __shared__ __align__(1024) unsigned char s[];
  __shared__ unsigned long long bar;
  if (threadIdx.x == 0)
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" :: "r"(at(&bar)));
  __syncthreads();
  if (threadIdx.x == 0) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 8192;" :: "r"(at(&bar)) : "memory");
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%3, %3}], [%2];" :: "r"(at(s)), "l"(&map), "r"(at(&bar)), "r"(0) : "memory");
  }
  asm volatile("{.reg .pred p; W: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0; @!p bra W;}"
    :: "r"(at(&bar)) : "memory");
  float c[4] = {0, 0, 0, 0};
  unsigned long long m = (unsigned long long)(at(s) & 0x3ffff) >> 4 | 1ull << 62;
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
  asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%0,%1,%2,%3}, %4, %4, 1, 1, 1, 0, 0;"
    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "l"(m));
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
  asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
  for (int i = 0; i < 4; i++) d[i * 128 + threadIdx.x] = c[i];
}
)";

} // namespace ingot::gpu
