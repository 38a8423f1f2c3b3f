// Which steps of a program are done twice, so that less has to be kept between: the choice alone,
// over numbers. Called by FitBudget, which makes the numbers of a function and the answer kernels.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace ingot {

/// A program as the choice sees it: steps in their order, and the values that they hand on.
struct StepProgram {
  struct Step {
    std::vector<int> reads;   // values that it needs
    std::vector<int> holds;   // values of which it needs the first computation, whatever else
    std::vector<int> results; // values
    bool mayRepeat = false;
    int repeatBefore = INT32_MAX; // a repetition stands before this step or an earlier one
    double cost = 0;              // of doing it again
  };
  struct Value {
    int maker = -1;          // step
    int64_t bytes = 0;       // while it is needed; 0: it has a place of its own in any case
    bool isOptional = false; // takes no memory where a repetition's result is not read
  };
  std::vector<Step> steps;
  std::vector<Value> values;
};

/// By step: reads at this step and later ones are served by a second computation, which stands
/// right before the first of them; never: INT32_MAX.
struct Repeats {
  std::vector<int> from;
  int64_t peak = 0; // bytes needed at one time, by the model
  double cost = 0;
};

/// One computation of a step in the order in which all run.
struct StepRun {
  int step;
  bool isRepetition;
  int before; // it stands before this step, or is it
};

/// Chooses step by step what saves most bytes over the time in which more than `target` is needed,
/// by the cost of computing it again; takes back what turned out not to be needed. What a
/// repetition reads is kept longer, or repeated too, once for all its readers, so that segments
/// form as in T. Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016); the measure
/// is that of greedy rematerialization in XLA and of R. Kumar et al., "Efficient Rematerialization
/// for Deep Networks" (2019); the exact choice (P. Jain et al., "Checkmate", 2020) is an integer
/// program of the square of the steps. Nothing if it finds no way to the target.
std::optional<Repeats> chooseRepeats(const StepProgram &program, int64_t target);

/// Steps on the way to the least memory that this search reaches: each needs less than the one
/// before and costs more.
std::vector<Repeats> repeatsTowardsLeast(const StepProgram &program);

/// The same without what its own peak does not need.
Repeats withoutNeedless(const StepProgram &program, const Repeats &repeats);

/// What runs under the choice, in order; a first computation that only repetitions' readers would
/// have read does not.
std::vector<StepRun> runsOf(const StepProgram &program, const std::vector<int> &from);

/// The values of first computations that are needed at the worst moment, the largest first.
std::vector<int> valuesAtPeak(const StepProgram &program, const Repeats &repeats);

} // namespace ingot
