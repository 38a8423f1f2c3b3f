/* The thread pool of thread_pool.h.
 *
 * Each call of thread_pool_run is a region on its caller's stack, in the pool's list while it has
 * items to give. `next` is taken atomically by whoever runs an item; `helpers` counts the workers
 * inside, so that the caller leaves only when none of them can touch the region any more. */
#include "thread_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct region {
  void (*task)(void *arg, int64_t index);
  void *arg;
  int64_t count;
  _Atomic int64_t next;
  int helpers;          /* under the pool's mutex, as all below */
  int listed;           /* is it in the pool's list? */
  struct region *after; /* the list's link */
} region;

struct thread_pool {
  pthread_mutex_t mutex;
  pthread_cond_t work;     /* a region was listed, or stop was set */
  pthread_cond_t finished; /* a region's last helper left */
  region *regions;
  int stop;
  int workers;
  pthread_t threads[];
};

static void run_items(region *r) {
  int64_t index;
  while ((index = atomic_fetch_add(&r->next, 1)) < r->count)
    r->task(r->arg, index);
}

/* Called with the mutex held, when the region has no items left to give. */
static void unlist(thread_pool *pool, region *r) {
  if (!r->listed)
    return;
  region **link = &pool->regions;
  while (*link != r)
    link = &(*link)->after;
  *link = r->after;
  r->listed = 0;
}

static void *work(void *argument) {
  thread_pool *pool = argument;
  pthread_mutex_lock(&pool->mutex);
  for (;;) {
    while (!pool->regions && !pool->stop)
      pthread_cond_wait(&pool->work, &pool->mutex);
    if (pool->stop)
      break;
    region *r = pool->regions;
    r->helpers++;
    pthread_mutex_unlock(&pool->mutex);
    run_items(r);
    pthread_mutex_lock(&pool->mutex);
    unlist(pool, r);
    if (--r->helpers == 0)
      pthread_cond_broadcast(&pool->finished);
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

thread_pool *thread_pool_create(int threads) {
  int workers = threads > 1 ? threads - 1 : 0;
  thread_pool *pool = calloc(1, sizeof(*pool) + (size_t)workers * sizeof(pthread_t));
  if (!pool)
    return NULL;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->finished, NULL);
  for (; pool->workers < workers; pool->workers++)
    if (pthread_create(&pool->threads[pool->workers], NULL, work, pool) != 0) {
      thread_pool_destroy(pool);
      return NULL;
    }
  return pool;
}

void thread_pool_destroy(thread_pool *pool) {
  if (!pool)
    return;
  pthread_mutex_lock(&pool->mutex);
  pool->stop = 1;
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->mutex);
  for (int i = 0; i < pool->workers; i++)
    pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->finished);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

void thread_pool_run(void *opaque, void (*task)(void *, int64_t), void *arg, int64_t count) {
  thread_pool *pool = opaque;
  region r = {task, arg, count, 0, 0, 0, NULL};
  if (count > 1 && pool->workers > 0) {
    pthread_mutex_lock(&pool->mutex);
    r.after = pool->regions;
    pool->regions = &r;
    r.listed = 1;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
  }
  run_items(&r);
  if (count > 1 && pool->workers > 0) {
    pthread_mutex_lock(&pool->mutex);
    unlist(pool, &r);
    while (r.helpers > 0)
      pthread_cond_wait(&pool->finished, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
  }
}
