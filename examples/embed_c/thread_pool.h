/* A thread pool in one C file, for programs that call a compiled model without Ingot's runtime.
 * Hand `thread_pool_run` and the pool to the artifact as ingot_run.parallel_for and ingot_run.pool.
 * Any number of threads may run models on one pool at once. Needs C11 and POSIX threads. */
#ifndef THREAD_POOL_H
#define THREAD_POOL_H

#include <stdint.h>

typedef struct thread_pool thread_pool;

/* `threads` counts the calling thread. NULL when memory or threads cannot be had. */
thread_pool *thread_pool_create(int threads);
/* No call of thread_pool_run may be in flight. NULL is fine. */
void thread_pool_destroy(thread_pool *pool);

/* Runs task(arg, 0) … task(arg, count - 1) and returns when all are done: an ingot_parallel_for. */
void thread_pool_run(void *pool, void (*task)(void *arg, int64_t index), void *arg, int64_t count);

#endif
