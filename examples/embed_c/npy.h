/* Reads NumPy's .npy files (version 1.0, C order, little-endian): enough for images and labels. */
#ifndef NPY_H
#define NPY_H

#include <stddef.h>
#include <stdint.h>

#define NPY_MAX_RANK 8

typedef struct npy_array {
  char type[8]; /* NumPy's name: "<f4", "|u1", "<i8" */
  int rank;
  int64_t shape[NPY_MAX_RANK];
  int64_t count; /* product of the shape */
  void *data;    /* from malloc; free it */
} npy_array;

/* 0, or -1 with the reason in `message`. */
int npy_read(const char *path, npy_array *array, char *message, size_t message_size);

#endif
