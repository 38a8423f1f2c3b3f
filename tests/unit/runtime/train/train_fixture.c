/* A training artifact written by hand, as the compiler would make it: logistic regression of three
 * features from two inputs, cross-entropy, SGD. Sums run in double and in order, so that results do
 * not depend on the batch's cut. Labels other than 0 and 1 are an index out of range at node
 * "loss". */
#include "ingot/artifact.h"

#include <math.h>

enum { KERNEL = 0, BIAS = 64, RATE = 128, STEP = 192, SEED = 256, STATE_BYTES = 320 };

static float *floatsAt(void *state, int offset) { return (float *)((char *)state + offset); }
static int64_t *wordAt(void *state, int offset) { return (int64_t *)((char *)state + offset); }

static int32_t planBatch(const int64_t *symbols, int64_t *plan) {
  if (symbols[0] < 0)
    return INGOT_INVALID_ARGUMENT;
  plan[0] = 0;
  plan[1] = symbols[0];
  plan[2] = 1;
  return INGOT_OK;
}

static int32_t planNothing(const int64_t *symbols, int64_t *plan) {
  plan[0] = 0;
  return INGOT_OK;
}

/* Two outputs of two elements each behind the scalars. */
static int32_t planWeighted(const int64_t *symbols, int64_t *plan) {
  const int32_t code = planBatch(symbols, plan);
  plan[3] = plan[4] = 2;
  return code;
}

static double score(const ingot_run *run, int64_t i) {
  const float *pair = (const float *)run->inputs[0] + 2 * i;
  const float *w = floatsAt(run->state, KERNEL);
  const double z = (double)w[0] * pair[0] + (double)w[1] * pair[1] +
                   (double)w[2] * ((const float *)run->inputs[1])[i] + *floatsAt(run->state, BIAS);
  return 1 / (1 + exp(-z));
}

static int32_t predict(ingot_run *run) {
  for (int64_t i = 0; i < run->plan[1]; ++i)
    ((float *)run->outputs[0])[i] = (float)score(run, i);
  return INGOT_OK;
}

/* What a pass over a batch adds up to. */
typedef struct {
  double loss, correct, weightedCorrect, weight, truePositives, positives;
  double gradient[4];
} totals;

/* `weights` NULL: all are 1. */
static int32_t measure(ingot_run *run, const float *weights, totals *sums) {
  const int64_t *labels = (const int64_t *)run->inputs[2];
  const totals nothing = {0};
  *sums = nothing;
  for (int64_t i = 0; i < run->plan[1]; ++i) {
    if (labels[i] < 0 || labels[i] > 1) {
      run->failed_node = 0;
      return INGOT_INDEX_OUT_OF_RANGE;
    }
    const double weight = weights ? weights[i] : 1, p = score(run, i);
    const int correct = (p > 0.5) == (labels[i] == 1);
    sums->loss -= weight * log(labels[i] ? p : 1 - p);
    sums->correct += correct;
    sums->weightedCorrect += weight * correct;
    sums->weight += weight;
    sums->truePositives += p > 0.5 && labels[i] == 1;
    sums->positives += p > 0.5;
    const double d = weight * (p - (double)labels[i]);
    const float *pair = (const float *)run->inputs[0] + 2 * i;
    sums->gradient[0] += d * pair[0];
    sums->gradient[1] += d * pair[1];
    sums->gradient[2] += d * ((const float *)run->inputs[1])[i];
    sums->gradient[3] += d;
  }
  *(float *)run->outputs[0] = (float)(sums->loss / (double)run->plan[1]);
  *(float *)run->outputs[1] = (float)(sums->correct / (double)run->plan[1]);
  return INGOT_OK;
}

static void step(ingot_run *run, const totals *sums) {
  const double rate = *floatsAt(run->state, RATE) / (double)run->plan[1];
  for (int k = 0; k < 3; ++k)
    floatsAt(run->state, KERNEL)[k] -= (float)(rate * sums->gradient[k]);
  *floatsAt(run->state, BIAS) -= (float)(rate * sums->gradient[3]);
  ++*wordAt(run->state, STEP);
}

static int32_t evaluate(ingot_run *run) {
  totals sums;
  return measure(run, 0, &sums);
}

static int32_t trainStep(ingot_run *run) {
  totals sums;
  const int32_t code = measure(run, 0, &sums);
  if (code == INGOT_OK)
    step(run, &sums);
  return code;
}

/* The same with weights of samples, and sums for `metrics`. */
static int32_t evaluateWeighted(ingot_run *run) {
  totals sums;
  const int32_t code = measure(run, (const float *)run->inputs[3], &sums);
  ((float *)run->outputs[2])[0] = (float)sums.weightedCorrect;
  ((float *)run->outputs[2])[1] = (float)sums.weight;
  ((float *)run->outputs[3])[0] = (float)sums.truePositives;
  ((float *)run->outputs[3])[1] = (float)sums.positives;
  return code;
}

static int32_t trainStepWeighted(ingot_run *run) {
  totals sums;
  const int32_t code = measure(run, (const float *)run->inputs[3], &sums);
  if (code != INGOT_OK)
    return code;
  evaluateWeighted(run);
  step(run, &sums);
  return INGOT_OK;
}

/* Ratios of the sums. */
static int32_t ratios(ingot_run *run) {
  for (int k = 0; k < 2; ++k) {
    const float *sums = (const float *)run->inputs[k];
    *(float *)run->outputs[k] = sums[1] != 0 ? sums[0] / sums[1] : 0;
  }
  return INGOT_OK;
}

static int32_t initialize(ingot_run *run) {
  uint64_t z = (uint64_t)*wordAt(run->state, SEED);
  for (int k = 0; k < 3; ++k) {
    z = z * 6364136223846793005u + 1442695040888963407u;
    floatsAt(run->state, KERNEL)[k] = (float)((double)(z >> 40) / 16777216.0 - 0.5) * 0.1f;
  }
  *floatsAt(run->state, BIAS) = 0;
  *floatsAt(run->state, RATE) = 0.5f;
  *wordAt(run->state, STEP) = 0;
  return INGOT_OK;
}

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof(array[0])))

static const char *const batchSymbol[] = {"batch"};
static const ingot_dim pairDims[] = {{-1, 0, "batch"}, {2, -1, "2"}};
static const ingot_dim batchDims[] = {{-1, 0, "batch"}};
static const ingot_dim scoreDims[] = {{-1, 0, "batch"}, {1, -1, "1"}};
static const ingot_tensor_info inputs[] = {{"pair", INGOT_F32, 2, pairDims},
                                           {"extra", INGOT_F32, 1, batchDims},
                                           {"label", INGOT_I64, 1, batchDims}};
static const ingot_tensor_info metrics[] = {{"loss", INGOT_F32, 0, 0},
                                            {"accuracy", INGOT_F32, 0, 0}};
static const ingot_tensor_info scores[] = {{"score", INGOT_F32, 2, scoreDims}};
static const ingot_dim twoDims[] = {{2, -1, "2"}};
static const ingot_tensor_info weightedInputs[] = {
    {"pair", INGOT_F32, 2, pairDims},
    {"extra", INGOT_F32, 1, batchDims},
    {"label", INGOT_I64, 1, batchDims},
    {"label_sample_weight", INGOT_F32, 1, batchDims}};
static const ingot_tensor_info weightedOutputs[] = {{"loss", INGOT_F32, 0, 0},
                                                    {"accuracy", INGOT_F32, 0, 0},
                                                    {"weighted_correct", INGOT_F32, 1, twoDims},
                                                    {"positives", INGOT_F32, 1, twoDims}};
static const ingot_tensor_info ratioInputs[] = {{"weighted_correct", INGOT_F32, 1, twoDims},
                                                {"positives", INGOT_F32, 1, twoDims}};
static const ingot_tensor_info ratioOutputs[] = {{"weighted_accuracy", INGOT_F32, 0, 0},
                                                 {"precision", INGOT_F32, 0, 0}};
static const int64_t kernelShape[] = {3}, biasShape[] = {1};
static const ingot_variable_info variables[] = {
    {"dense/kernel", INGOT_F32, 1, kernelShape, KERNEL, 12, INGOT_VARIABLE_TRAINABLE},
    {"dense/bias", INGOT_F32, 1, biasShape, BIAS, 4, INGOT_VARIABLE_TRAINABLE},
    {"learning_rate", INGOT_F32, 0, 0, RATE, 4, INGOT_VARIABLE_CONTROL},
    {"step", INGOT_I64, 0, 0, STEP, 8, INGOT_VARIABLE_CONTROL},
    {"seed", INGOT_I64, 0, 0, SEED, 8, INGOT_VARIABLE_CONTROL}};
static const char *const nodes[] = {"loss"};
static const ingot_kernel_info kernels[] = {{"dense", "dense", "batch * 6", "batch * 16"}};

static const ingot_symbol_source batchSource[] = {{INGOT_SYMBOL_EXTENT, 0, 0}};
static const ingot_function functions[] = {
    {"predict", 0, 1, batchSymbol, batchSource, 2, inputs, COUNT(scores), scores, 3, 1,
     COUNT(kernels), kernels, "0", planBatch, predict},
    {"evaluate", 0, 1, batchSymbol, batchSource, 3, inputs, COUNT(metrics), metrics, 3, 3,
     COUNT(kernels), kernels, "0", planBatch, evaluate},
    {"train_step", INGOT_FUNCTION_WRITES_STATE, 1, batchSymbol, batchSource, 3, inputs,
     COUNT(metrics), metrics, 3, 3, COUNT(kernels), kernels, "0", planBatch, trainStep},
    {"initialize", INGOT_FUNCTION_WRITES_STATE, 0, 0, 0, 0, 0, 0, 0, 1, 1, COUNT(kernels), kernels,
     "0", planNothing, initialize}};

static ingot_artifact_table table = {
    .size = sizeof(ingot_artifact_table),
    .abi_major = INGOT_ABI_MAJOR,
    .abi_minor = INGOT_ABI_MINOR,
    .name = "fixture",
    .variant = "portable",
    .state_bytes = STATE_BYTES,
    .variable_count = COUNT(variables),
    .variables = variables,
    .function_count = COUNT(functions),
    .functions = functions,
    .node_count = COUNT(nodes),
    .nodes = nodes,
    .manifest = "",
};

const ingot_artifact_table *train_fixture(void) { return &table; }

/* The same model, compiled for serving alone. */
const ingot_artifact_table *serving_fixture(void) {
  static ingot_artifact_table serving;
  serving = table;
  serving.name = "serving";
  serving.function_count = 1;
  return &serving;
}

static const ingot_function weightedFunctions[] = {
    {"predict", 0, 1, batchSymbol, batchSource, 2, inputs, COUNT(scores), scores, 3, 1,
     COUNT(kernels), kernels, "0", planBatch, predict},
    {"evaluate", 0, 1, batchSymbol, batchSource, 4, weightedInputs, COUNT(weightedOutputs),
     weightedOutputs, 5, 3, COUNT(kernels), kernels, "0", planWeighted, evaluateWeighted},
    {"train_step", INGOT_FUNCTION_WRITES_STATE, 1, batchSymbol, batchSource, 4, weightedInputs,
     COUNT(weightedOutputs), weightedOutputs, 5, 3, COUNT(kernels), kernels, "0", planWeighted,
     trainStepWeighted},
    {"metrics", 0, 0, 0, 0, COUNT(ratioInputs), ratioInputs, COUNT(ratioOutputs), ratioOutputs, 1,
     1, COUNT(kernels), kernels, "0", planNothing, ratios},
    {"initialize", INGOT_FUNCTION_WRITES_STATE, 0, 0, 0, 0, 0, 0, 0, 1, 1, COUNT(kernels), kernels,
     "0", planNothing, initialize}};

/* The same model, compiled with sample weights and metrics of sums. */
const ingot_artifact_table *weighted_fixture(void) {
  static ingot_artifact_table weighted;
  weighted = table;
  weighted.name = "weighted";
  weighted.functions = weightedFunctions;
  weighted.function_count = COUNT(weightedFunctions);
  return &weighted;
}

/* The same model, built again in another way. */
const ingot_artifact_table *other_build_fixture(void) {
  static ingot_artifact_table other;
  other = table;
  other.manifest = "other";
  other.manifest_bytes = 5;
  return &other;
}

/* The same model for another CPU. */
const ingot_artifact_table *other_variant_fixture(void) {
  static ingot_artifact_table other;
  other = table;
  other.variant = "other";
  return &other;
}
