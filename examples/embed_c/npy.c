/* The .npy reader of npy.h. The header is a Python dict in a fixed spelling:
 * {'descr': '<f4', 'fortran_order': False, 'shape': (10000, 28, 28), }  */
#include "npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text after "'key': ", or NULL. */
static const char *value_of(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at)
    return NULL;
  at += strlen(key);
  return at + strspn(at, " :");
}

static int parse_header(const char *header, npy_array *array) {
  const char *type = value_of(header, "'descr'");
  const char *order = value_of(header, "'fortran_order'");
  const char *shape = value_of(header, "'shape'");
  if (!type || !order || !shape || *type != '\'' || *shape != '(' ||
      strncmp(order, "False", 5) != 0)
    return -1;
  size_t length = strcspn(++type, "'");
  if (length >= sizeof(array->type))
    return -1;
  memcpy(array->type, type, length);
  array->type[length] = '\0';
  array->rank = 0;
  array->count = 1;
  for (shape++; *(shape += strspn(shape, " ,")) != ')';) {
    char *end;
    errno = 0;
    long long extent = strtoll(shape, &end, 10);
    if (end == shape || errno || extent < 0 || array->rank == NPY_MAX_RANK ||
        (extent != 0 && array->count > ((int64_t)1 << 40) / extent))
      return -1;
    array->shape[array->rank++] = extent;
    array->count *= extent;
    shape = end;
  }
  return 0;
}

int npy_read(const char *path, npy_array *array, char *message, size_t message_size) {
  unsigned char head[10];
  char header[65536];
  const char *problem = NULL;
  memset(array, 0, sizeof(*array));
  FILE *file = fopen(path, "rb");
  if (!file) {
    snprintf(message, message_size, "cannot open '%s': %s", path, strerror(errno));
    return -1;
  }
  if (fread(head, 1, sizeof(head), file) != sizeof(head) ||
      memcmp(head, "\x93NUMPY\x01\x00", 8) != 0) {
    problem = "is not a .npy file of version 1.0";
  } else {
    size_t length = head[8] | (size_t)head[9] << 8;
    int got = fread(header, 1, length, file) == length;
    header[got ? length : 0] = '\0';
    if (!got || parse_header(header, array) != 0)
      problem = "has a header this program does not understand (it wants C order)";
  }
  if (!problem) {
    size_t bytes = (size_t)array->count * (size_t)atoi(array->type[0] ? array->type + 2 : "");
    array->data = malloc(bytes ? bytes : 1);
    if (!array->data || bytes == 0)
      problem = "has no elements, or too many";
    else if (fread(array->data, 1, bytes, file) != bytes)
      problem = "is shorter than its header says";
  }
  fclose(file);
  if (!problem)
    return 0;
  snprintf(message, message_size, "'%s' %s", path, problem);
  free(array->data);
  array->data = NULL;
  return -1;
}
