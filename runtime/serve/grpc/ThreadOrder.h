// What libgrpc orders between threads, for the thread sanitizer, which does not see inside of it:
// all that was done before handOver(x) is seen after takeOver(x). Nothing in other builds.
#ifndef INGOT_RUNTIME_SERVE_GRPC_THREADORDER_H
#define INGOT_RUNTIME_SERVE_GRPC_THREADORDER_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define INGOT_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif
#endif

namespace ingot::serve {

#ifdef INGOT_THREAD_SANITIZER
inline void handOver(void *what) { __tsan_release(what); }
inline void takeOver(void *what) { __tsan_acquire(what); }
#else
inline void handOver(void *) {}
inline void takeOver(void *) {}
#endif

} // namespace ingot::serve

#endif
