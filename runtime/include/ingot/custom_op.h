/* Custom ops: what a C function that a compiled model calls is given, and what it promises.
 *
 * Plain C. A function of type ingot_custom_fn is described in a JSON file and goes into the
 * artifact with `ingot compile model.onnx --custom-op op.json`; docs/CustomOps.md says how. It is
 * called once for each run of a node, on the thread that called `run`, and
 *   - reads `inputs` and nothing else that may change: the same inputs give the same outputs,
 * unless its description says `"deterministic": false`;
 *   - writes every element of every output. Results are 0 for success; any other value makes the
 * run return INGOT_CUSTOM_OP_FAILED with the node's number and this value, and outputs mean
 * nothing;
 *   - keeps no pointer that it was given: all memory belongs to the caller and may be reused when
 * it returns. Outputs and workspace overlap nothing; inputs may overlap each other;
 *   - does not exit, abort, throw, or jump out. It should not allocate: runs promise not to, and
 * the workspace is there for it;
 *   - may be called by several threads at once, with other tensors, unless its description says
 *     `"thread_safe": false`.
 *
 * Memory: tensors are row-major and dense. Outputs, workspace and tensors that other nodes made are
 * aligned to INGOT_ALIGNMENT, except that what the caller of the artifact gives, and slices of a
 * loop, are aligned as these are, at least to their elements. A bool is a byte, 0 or 1; floats of 8
 * and 16 bits are their bits. `data` of a tensor without elements may not be read. Floating point
 * is in its default mode: round to nearest, subnormal numbers kept.
 */
#ifndef INGOT_CUSTOM_OP_H
#define INGOT_CUSTOM_OP_H

#include "ingot/artifact.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ingot_custom_tensor {
  int32_t dtype; /* ingot_dtype: one of those that the description allows */
  int32_t rank;
  const int64_t *dims; /* rank of them: those of this run */
  void *data;          /* of inputs only read */
} ingot_custom_tensor;

typedef enum ingot_parameter_kind {
  INGOT_PARAMETER_INT = 1,   /* ints[0] */
  INGOT_PARAMETER_FLOAT = 2, /* floats[0] */
  INGOT_PARAMETER_INTS = 3,  /* ints[0 … count - 1] */
  INGOT_PARAMETER_FLOATS = 4,
  INGOT_PARAMETER_STRING = 5 /* text, of count bytes and a zero behind them */
} ingot_parameter_kind;

/* An attribute of the node; constant. */
typedef struct ingot_custom_parameter {
  int64_t kind; /* ingot_parameter_kind: the one that the description says */
  int64_t count;
  union {
    const int64_t *ints;
    const float *floats;
    const char *text;
  } value;
} ingot_custom_parameter;

typedef struct ingot_custom_call {
  uint64_t
      size; /* sizeof(ingot_custom_call) where the artifact was compiled; fields are only added */
  int64_t input_count;
  const ingot_custom_tensor *inputs;
  int64_t output_count;
  const ingot_custom_tensor *outputs; /* shapes as the description's rule gives them */
  int64_t parameter_count;
  const ingot_custom_parameter *parameters; /* in the order of the description */
  void *workspace; /* workspace_bytes of them, contents mean nothing; NULL when there are none */
  uint64_t workspace_bytes;
  /* With `"parallel": true` what the run was given, see ingot_parallel_for; NULL: no threads. */
  ingot_parallel_for parallel_for;
  void *pool; /* handed to parallel_for */
} ingot_custom_call;

typedef int32_t ingot_custom_fn(const ingot_custom_call *call);

/* Runs task(arg, 0) … task(arg, count - 1), on the run's threads where there are any. */
static inline void ingot_custom_parallel_for(const ingot_custom_call *call, ingot_task task,
                                             void *arg, int64_t count) {
  if (call->parallel_for && count > 1) {
    call->parallel_for(call->pool, task, arg, count);
  } else {
    int64_t i;
    for (i = 0; i < count; ++i)
      task(arg, i);
  }
}

#ifdef __cplusplus
}
#endif
#endif
