/* The binary interface of a compiled model: what `model.so` hands to whoever loads it.
 *
 * Plain C, needs nothing but <stdint.h>. A model artifact defines ONE symbol, `ingot_artifact`
 * (or the name given to `ingot compile --symbol`), a function that returns a constant table.
 * Everything in the table is immutable and lives as long as the artifact is loaded; any number of
 * threads may read it and call its functions at once, each call with its own run, arena and
 * outputs. The artifact allocates nothing, creates no thread, and keeps no writable data.
 *
 * Versions: `abi_major` must equal INGOT_ABI_MAJOR; a larger `abi_minor` appends fields to
 * ingot_artifact and ingot_run, whose `size` tells what is there, and may use numbers that this
 * header does not have (element types, status codes, kinds of symbols): refuse a function with one.
 * The other structs stand in arrays and keep their size within a major version; what is new about
 * them goes into arrays of its own.
 *
 * How to call a function (all sizes in bytes, all offsets from the start of the block):
 *   1. allocate `state_bytes` bytes, aligned to INGOT_ALIGNMENT; copy each variable to its `offset`
 *      (or copy `initial_state`, where the artifact carries one, which is derived already); call
 *      `derive` once, and again after a variable was changed, from outside or by a function with
 *      INGOT_FUNCTION_WRITES_STATE, before the next function without INGOT_FUNCTION_CANONICAL;
 *   2. allocate `plan_words` int64 and call `plan` with the value of each dimension symbol;
 *      plan[0] is the size of the arena, `output_dims` says where the output extents stand;
 *   3. allocate the arena (aligned to INGOT_ALIGNMENT), the outputs, and call `run`; the extents of
 *      outputs whose sizes are computed are smaller than planned: see `extents` of ingot_run.
 * A plan may be used by any number of runs with the same dimension values.
 */
#ifndef INGOT_ARTIFACT_H
#define INGOT_ARTIFACT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define INGOT_ABI_MAJOR 1
#define INGOT_ABI_MINOR 5
#define INGOT_ALIGNMENT 64

/* Element types. The numbers are part of the interface; they never change meaning. */
typedef enum ingot_dtype {
  INGOT_BOOL = 1, /* one byte, 0 or 1 */
  INGOT_I8 = 2,
  INGOT_I16 = 3,
  INGOT_I32 = 4,
  INGOT_I64 = 5,
  INGOT_U8 = 6,
  INGOT_U16 = 7,
  INGOT_U32 = 8,
  INGOT_U64 = 9,
  INGOT_F16 = 10,
  INGOT_BF16 = 11,
  INGOT_F32 = 12,
  INGOT_F64 = 13,
  /* Elements below 8 bits share bytes: element i is in byte i / (8 / width), the first of a byte in
   * its lowest bits; what a last byte has more is 0 when written and ignored when read. */
  INGOT_I2 = 14,
  INGOT_U2 = 15,
  INGOT_I4 = 16,
  INGOT_U4 = 17,
  INGOT_F8E4M3FN = 18, /* ONNX's FLOAT8E4M3FN, and so on: names as in LLVM and ml_dtypes */
  INGOT_F8E4M3FNUZ = 19,
  INGOT_F8E5M2 = 20,
  INGOT_F8E5M2FNUZ = 21,
  INGOT_F8E8M0FNU = 22,
  INGOT_F4E2M1FN = 23,
  INGOT_STRING = 24 /* an ingot_string; since 1.2 */
} ingot_dtype;

/* Text: `size` bytes of UTF-8 at `data`, without a 0 at the end; `data` may be NULL where there are
 * none. The bytes of an input stay with the caller. Those of an output are an input's, the
 * artifact's, or in the `text` of the run: they last as long as these do. */
typedef struct ingot_string {
  const char *data;
  uint64_t size;
} ingot_string;

/* What `plan`, `derive` and `run` return. */
typedef enum ingot_status_code {
  INGOT_OK = 0,
  INGOT_INVALID_ARGUMENT = 1,   /* a dimension is negative or breaks a constraint */
  INGOT_INDEX_OUT_OF_RANGE = 2, /* an index is outside its axis; see `failed_node` */
  INGOT_CANCELLED = 3,          /* a `begin` callback returned non-zero */
  INGOT_MEMORY_ERROR = 4,       /* only from artifacts compiled with --debug-arena: a kernel wrote
                                   outside its tensors; see `failed_node` */
  INGOT_TEXT_TOO_SHORT = 5,     /* more text is made than `text` of ingot_run has room for */
  INGOT_CUSTOM_OP_FAILED = 6,   /* since 1.3: the function of a custom op returned a status; see
                                   `failed_node` and `custom_status` */
  INGOT_DEVICE_FAILED = 7       /* since 1.5: a function of `device` of ingot_run did */
} ingot_status_code;

/* One dimension. `size` >= 0: that size. `size` == -1: known when running; if `symbol` >= 0 it is
 * the value of the function's symbols[symbol], else it is the formula `text` over the symbols. */
typedef struct ingot_dim {
  int64_t size;
  int64_t symbol;
  const char *text; /* "784", "batch", "batch * 4"; never NULL */
} ingot_dim;

/* An input or output: row-major, dense, little-endian. */
typedef struct ingot_tensor_info {
  const char *name;
  int32_t dtype; /* ingot_dtype */
  int32_t rank;
  const ingot_dim *dims; /* rank of them */
} ingot_tensor_info;

enum {
  INGOT_VARIABLE_TRAINABLE = 1, /* an optimizer changes it */
  INGOT_VARIABLE_OPTIMIZER = 2, /* optimizer state: momentum, moments, step counters */
  INGOT_VARIABLE_CONTROL = 4    /* a knob set from outside: learning rate, seed, step */
};

/* A variable in its canonical form: row-major and dense at `offset` of the state block. */
typedef struct ingot_variable_info {
  const char *name; /* "dense/kernel" */
  int32_t dtype;
  int32_t rank;
  const int64_t *shape;
  uint64_t offset;
  uint64_t bytes;
  uint64_t flags;
} ingot_variable_info;

/* Runs task(arg, 0) … task(arg, count - 1), on any threads, in any order, and returns when all are
 * done. Tasks of one call are independent. */
typedef void (*ingot_task)(void *arg, int64_t index);
typedef void (*ingot_parallel_for)(void *pool, ingot_task task, void *arg, int64_t count);

/* A tensor in the device's memory, and the box of it that a kernel loads into shared memory at once
 * (since 1.5): for CUDA's tensor maps, the dimension whose elements lie side by side first. Rows of
 * a box are swizzled by 128 bytes; elements outside of the tensor are zeros. */
typedef struct ingot_tensor_map {
  int64_t dtype;      /* INGOT_F16, INGOT_BF16 or INGOT_F32 */
  const void *base;   /* aligned to 16 bytes */
  int64_t rank;       /* 1 to 5 */
  int64_t extents[5]; /* elements, > 0 */
  int64_t strides[5]; /* bytes, multiples of 16; strides[0] is the element's size, and not read */
  int64_t box[5]; /* elements, 1 to 256; box[0] of them are a multiple of 16 bytes, at most 128 */
} ingot_tensor_map;

/* A product of matrices that a library of a device may compute in a kernel's place (since 1.5): for
 * each of `batch`, d[row, column] = f(sum over k of a[row, k] * b[k, column]). Sums are f32, of f64
 * f64. Steps are in elements, from one index to the next. */
enum {                          /* f: first the one, then the other */
       INGOT_EPILOGUE_BIAS = 1, /* adds bias[column] */
       INGOT_EPILOGUE_RELU = 2  /* max(x, 0) */
};
typedef struct ingot_product {
  int64_t type;        /* of a and b: INGOT_F16, INGOT_BF16, INGOT_F32 or INGOT_F64 */
  int64_t result_type; /* of d and bias: `type`, or INGOT_F32 */
  int64_t epilogue;    /* INGOT_EPILOGUE_… */
  int64_t batch, rows, columns, depth;
  int64_t a_batch, a_row, a_depth;
  int64_t b_batch, b_depth, b_column;
  int64_t d_batch, d_row; /* its columns are neighbours */
} ingot_product;
#define INGOT_NO_LIBRARY (-1) /* from `multiply` of ingot_device */

/* How a function of a device's table works on that device (since 1.5). Each function but `load` and
 * `tensor_map` puts work behind what was put there before and may return before it is done; it
 * returns 0, or anything else where that failed, which ends the run with INGOT_DEVICE_FAILED. A
 * launch of kernel k runs `blocks` > 0 blocks of its threads; `parameters` are pointers to its
 * parameters, which are copied before it returns: device addresses and integers of 8 bytes each, or
 * tensor maps of 128 (`tensor_maps` of ingot_device_kernel). */
typedef struct ingot_device {
  uint64_t size; /* sizeof(ingot_device) */
  void *context; /* handed to the functions below */
  int32_t (*launch)(void *context, int64_t kernel, int64_t blocks, void *const *parameters);
  int32_t (*copy)(void *context, void *to, const void *from, uint64_t bytes); /* on the device */
  int32_t (*store)(void *context, void *to, int64_t value); /* eight bytes at the address `to` */
  /* From the device to the host; returns when all that was put before is done, and this. */
  int32_t (*load)(void *context, void *to, const void *from, uint64_t bytes);
  const void *constants; /* where the table's `constants` are on the device */
  /* Eight bytes on the device, for the number of a node that failed. A run stores -1 there first;
   * kernels of a run that has failed change nothing any more. Whoever waits for the run looks. */
  void *error;
  /* Writes the 128 bytes of a tensor map, a parameter of kernels, to `map`, which is aligned to 64
   * bytes: at once, on the host. */
  int32_t (*tensor_map)(void *context, void *map, const ingot_tensor_map *tensor);
  /* Puts a product there, computed by a library; or does nothing and returns INGOT_NO_LIBRARY: the
   * function launches a kernel then. A library does not look at `error`. */
  int32_t (*multiply)(void *context, const ingot_product *product, const void *a, const void *b,
                      const void *bias, void *d);
} ingot_device;

/* Everything one call needs. The caller owns every block; none may overlap another. */
typedef struct ingot_run {
  uint64_t size;             /* sizeof(ingot_run) */
  const int64_t *plan;       /* filled by the function's `plan` */
  const void *const *inputs; /* input_count pointers, any alignment */
  void *const *outputs;      /* output_count pointers, any alignment */
  void *state; /* state_bytes; only read by functions without INGOT_FUNCTION_WRITES_STATE */
  void *arena; /* plan[0] bytes; contents before and after a run mean nothing */
  ingot_parallel_for parallel_for;          /* NULL: the calling thread runs everything */
  void *pool;                               /* handed to parallel_for */
  int (*begin)(void *user, int64_t kernel); /* NULL, or before each kernel; non-zero cancels */
  void (*end)(void *user, int64_t kernel);  /* NULL, or after each kernel */
  void *user;                               /* handed to begin and end */
  int64_t failed_node; /* written when run returns INGOT_INDEX_OUT_OF_RANGE, INGOT_MEMORY_ERROR or
                          INGOT_CUSTOM_OP_FAILED: index into `nodes` */
  /* Since 1.1. NULL, or as many int64 as all outputs have dimensions: where the function computes
   * sizes, `run` writes the outputs' extents in here. Outputs are allocated by the plan's extents,
   * which are bounds then; what is written is dense in the extents given here. */
  int64_t *extents;
  /* Since 1.2. Where the function makes text (joins strings, changes their case), it writes the
   * bytes to `text`, which has room for `text_capacity`, and how many they are to `text_used`.
   * Where that is more, it returns INGOT_TEXT_TOO_SHORT once it is seen, `text_used` being what was
   * needed until then: give as much or more, and run again. A function that makes no text leaves
   * them alone. */
  char *text;
  uint64_t text_capacity;
  uint64_t text_used;
  /* Since 1.3. Written when run returns INGOT_CUSTOM_OP_FAILED: what the op's function returned. */
  int64_t custom_status;
  /* Since 1.5. For functions of a device's table, else NULL: `inputs`, `outputs`, `state` and
   * `arena` are addresses on this device then, aligned to INGOT_ALIGNMENT, and what the function
   * does is done when the device has done it. A failed index is not in the status, but at `error`.
   */
  const ingot_device *device;
} ingot_run;

enum {
  INGOT_FUNCTION_WRITES_STATE = 1, /* needs the state for itself alone; others may share it */
  INGOT_FUNCTION_CANONICAL = 2,    /* reads no derived data: `derive` need not have run. Training
                                      steps, so that weights are not packed anew for each step */
  INGOT_FUNCTION_EXCLUSIVE = 4,    /* since 1.3: calls a custom op that is not thread-safe. No two
                                      runs of functions with this flag may overlap, whatever their
                                      artifacts: the op's code may be shared */
  INGOT_FUNCTION_WAITS = 8         /* since 1.5, of a device's table: `run` loads values from the
                                      device and decides by them, so that it waits, and what it puts
                                      there cannot be recorded and replayed */
};

/* Where the value of a dimension symbol comes from. */
typedef enum ingot_symbol_kind {
  INGOT_SYMBOL_EXTENT = 1,       /* extent of dimension `index` of the input; never negative */
  INGOT_SYMBOL_VALUE = 2,        /* element `index` of the input, an integer or a bool (0 or 1):
                                    a shape input */
  INGOT_SYMBOL_FIXED_POINT = 3,  /* element `index` of the input, a float, times 2^32 and rounded
                                    down: the scales of a resize. NaN is 0; too large saturates */
  INGOT_SYMBOL_LONGEST_TEXT = 4, /* since 1.2: bytes of the longest element of the input, 0 where it
                                    has none: how many pieces text may be split into */
  INGOT_SYMBOL_VALUE_IF_ANY = 5  /* since 1.4: the same as INGOT_SYMBOL_VALUE of a vector of any
                                    length, or INGOT_NO_VALUE where it has fewer elements */
} ingot_symbol_kind;
#define INGOT_NO_VALUE (-((int64_t)1 << 62))
typedef struct ingot_symbol_source {
  int64_t kind;  /* ingot_symbol_kind */
  int64_t input; /* index into the function's inputs; -1: no input has it alone, so that the caller
                    must know it */
  int64_t index;
} ingot_symbol_source;

/* A kernel, for profiles and traces. */
typedef struct ingot_kernel_info {
  const char *name;  /* "dense/matmul+add+relu": unique within the function */
  const char *node;  /* the user's layer or node it computes first */
  const char *flops; /* formulas over the function's symbols: "batch * 200704" */
  const char *bytes;
} ingot_kernel_info;

typedef struct ingot_function {
  const char *name; /* "predict", "train_step", "evaluate", "initialize", … */
  uint64_t flags;
  int64_t symbol_count; /* dimension symbols, in the order `plan` wants their values */
  const char *const *symbols;
  const ingot_symbol_source *sources; /* symbol_count of them */
  int64_t input_count;
  const ingot_tensor_info *inputs;
  int64_t output_count;
  const ingot_tensor_info *outputs;
  int64_t plan_words;  /* how many int64 `plan` fills */
  int64_t output_dims; /* plan[output_dims …]: extents of all outputs, one after another */
  int64_t kernel_count;
  const ingot_kernel_info *kernels;
  const char *arena_formula; /* plan[0] as text */
  /* symbol_count values in, plan_words values out. INGOT_INVALID_ARGUMENT for a negative extent or
   * sizes beyond 64 bits, with -1 in plan[0]; for symbols[i] outside its bounds, with -2 - i; or
   * where a tensor of some node would have a negative dimension, more than 2^48 elements, or
   * another number of them than it must have: with the node's index into `nodes`. */
  int32_t (*plan)(const int64_t *symbols, int64_t *plan);
  int32_t (*run)(ingot_run *run);
} ingot_function;

/* A dimension symbol that the artifact was compiled for within bounds: `plan` refuses other values.
 */
typedef struct ingot_symbol_bound {
  int64_t function; /* index into the artifact's functions */
  int64_t symbol;   /* index into that function's symbols */
  int64_t least;    /* both inclusive */
  int64_t most;
} ingot_symbol_bound;

/* An output whose value is that of an input at the function's next run: the state of a stream, such
 * as a recurrent network's. Both have the same type. It is zeros at first, unless the caller has
 * other values; who calls `run` carries it, two buffers being enough. */
typedef struct ingot_carry {
  int64_t function; /* index into `functions` */
  int64_t output;   /* index into the function's outputs */
  int64_t input;    /* index into its inputs */
} ingot_carry;

/* Kernels of a device's table (since 1.5), in the order of their numbers. */
typedef struct ingot_device_kernel {
  const char *symbol;   /* the entry's name in the images of `unit` */
  int64_t unit;         /* images come in units, each of which has some of the kernels */
  int64_t threads;      /* of a block */
  int64_t shared_bytes; /* dynamic shared memory of a block */
  int64_t parameters;   /* how many */
  uint64_t tensor_maps; /* bit i: parameter i, of the first 64, is a tensor map */
} ingot_device_kernel;

typedef enum ingot_image_kind {
  INGOT_IMAGE_CUBIN = 1,  /* machine code for GPUs of `target`: "sm_80" also runs on 8.6 and 8.9 */
  INGOT_IMAGE_PTX = 2,    /* for the driver to compile, on GPUs of `target` and all later ones */
  INGOT_IMAGE_OPENCL = 3, /* OpenCL C, with a 0 behind its bytes */
  INGOT_IMAGE_HOST = 4    /* a shared object for tests without a GPU: see tests/gpu */
} ingot_image_kind;

typedef struct ingot_image {
  int64_t kind; /* ingot_image_kind */
  const char *target;
  int64_t unit;
  uint64_t bytes;
  const void *data;
} ingot_image;

/* A product that a library computes on devices of that name (since 1.5). */
typedef struct ingot_library_choice {
  const char *device; /* "NVIDIA H200" */
  ingot_product product;
} ingot_library_choice;

/* The model for one family of devices (since 1.5). `table` is like the artifact's own: the same
 * variables at the same offsets, other derived data, and those functions of the same names that
 * devices run; its functions want `device` of ingot_run. It has no `initial_state`: a state begins
 * with the variables of the artifact's own, and `derive` has to be called. The first entry with an
 * image for a device is meant for it. */
typedef struct ingot_device_code {
  const char *api;    /* "cuda" or "opencl" */
  const char *family; /* "sm_80": what the kernels are written for */
  const struct ingot_artifact *table;
  int64_t kernel_count;
  const ingot_device_kernel *kernels;
  int64_t unit_count;
  int64_t image_count;
  const ingot_image *images;
  uint64_t constant_bytes;
  const void *constants; /* to be copied to the device, aligned to INGOT_ALIGNMENT */
  /* Functions that devices do not run, and why: they are left to the CPU. */
  int64_t left_count;
  const char *const *left;    /* names */
  const char *const *reasons; /* "text_split/lookup: text is handled on the CPU alone" */
  /* What computes products of matrices where the device's machine has it: "cublaslt". NULL: kernels
   * alone. Where there are choices, these products on these devices, else all that it can. */
  const char *library;
  int64_t choice_count;
  const ingot_library_choice *choices;
} ingot_device_code;

typedef struct ingot_artifact {
  uint64_t size; /* sizeof(ingot_artifact) */
  uint32_t abi_major;
  uint32_t abi_minor;
  const char *name;
  const char *variant; /* the CPU variant that was chosen: "x86-64-v3" */
  uint64_t state_bytes;
  int64_t variable_count;
  const ingot_variable_info *variables;
  int64_t function_count;
  const ingot_function *functions;
  /* Fills the derived part of the state (packed weights, folded constants) from the variables.
   * A function like the others, with no symbols, inputs or outputs; NULL: nothing is derived. */
  const ingot_function *derive;
  /* The variables as compiled in, canonical and derived, state_bytes long and aligned to
   * INGOT_ALIGNMENT; NULL when the artifact carries no weights. Functions without
   * INGOT_FUNCTION_WRITES_STATE may run on it in place. */
  const void *initial_state;
  int64_t node_count;
  const char *const *nodes; /* names for `failed_node` */
  uint64_t manifest_bytes;
  const void *manifest; /* protobuf, ingot.Manifest; opaque to C callers */
  /* Since 1.2. */
  int64_t bound_count;
  const ingot_symbol_bound *bounds;
  /* Since 1.4. Of all functions. */
  int64_t carry_count;
  const ingot_carry *carries;
  /* Since 1.5. Code for devices, the preferred first. */
  int64_t device_count;
  const ingot_device_code *devices;
} ingot_artifact_table;

/* The one symbol. Chooses the variant for the CPU it runs on; NULL when none of them can run. */
typedef const struct ingot_artifact *(*ingot_artifact_fn)(void);

#ifdef __cplusplus
}
#endif
#endif
