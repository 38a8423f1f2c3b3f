// See ChooseRepeats.h. A choice is judged by laying out the whole program under it, which takes
// time in proportion to its steps; of the candidates only the most promising are judged so.
#include "compiler/memory/ChooseRepeats.h"
#include <algorithm>
#include <climits>
#include <utility>

namespace ingot {
namespace {

constexpr int kNever = INT_MAX;
/// How many candidates are laid out at once before the best of them is taken.
constexpr size_t kTried = 12;

/// The program under a choice. A value's instances are 2 v, of the first computation, and 2 v + 1.
/// One layout is used for many choices, one after another, so that it takes no memory anew.
class Layout {
public:
  explicit Layout(const StepProgram &program) : program(program) {}
  Layout(const StepProgram &program, const std::vector<int> &from) : program(program) { lay(from); }

  void lay(const std::vector<int> &choice) {
    from = &choice;
    isValid = true;
    cost = 0;
    runs.clear();
    reads.clear();
    readsEnd.clear();
    repetition.assign(program.steps.size(), false);
    for (int s = 0; s < static_cast<int>(program.steps.size()); ++s)
      addRun(s, /*isRepetition=*/false, s);
    findLastUses();
    addBytes();
  }

  bool isValid = true; // no repetition stands where it may not
  std::vector<StepRun> runs;
  std::vector<bool> isNeeded; // by run
  std::vector<int> lastUse;   // run, by instance; -1
  std::vector<int64_t> bytes; // by run
  double cost = 0;

  int64_t peak() const { return bytes.empty() ? 0 : *std::max_element(bytes.begin(), bytes.end()); }
  /// How far what is needed is above the target, over time; the worst moments count most.
  double excess(int64_t target) const {
    double sum = 0;
    for (int64_t b : bytes)
      if (auto above = static_cast<double>(b - target); above > 0)
        sum += above * above;
    return sum;
  }
  /// The instances that a run reads.
  auto readsBegin(int run) const { return reads.begin() + (run == 0 ? 0 : readsEnd[run - 1]); }
  auto readsStop(int run) const { return reads.begin() + readsEnd[run]; }
  std::vector<int> instancesAt(int run) const {
    std::vector<int> found;
    for (int made = 0; made <= run; ++made)
      if (isNeeded[made])
        for (int v : program.steps[runs[made].step].results)
          if (int i = 2 * v + runs[made].isRepetition; std::max(lastUse[i], made) >= run)
            found.push_back(i);
    return found;
  }

private:
  void addRun(int s, bool isRepetition, int before) {
    const StepProgram::Step &step = program.steps[s];
    size_t first = pending.size();
    for (int v : step.reads)
      pending.push_back(instanceFor(v, before));
    for (int v : step.holds)
      pending.push_back(2 * v);
    runs.push_back({s, isRepetition, before});
    reads.insert(reads.end(), pending.begin() + static_cast<ptrdiff_t>(first), pending.end());
    readsEnd.push_back(static_cast<int>(reads.size()));
    pending.resize(first);
  }
  /// Which computation of the value a reader at the step takes; a second one is put there if need
  /// be.
  int instanceFor(int v, int before) {
    int maker = program.values[v].maker;
    if (maker < 0 || (*from)[maker] > before)
      return 2 * v;
    if (!repetition[maker]) {
      isValid &= before <= program.steps[maker].repeatBefore;
      repetition[maker] = true;
      addRun(maker, /*isRepetition=*/true, before);
    }
    return 2 * v + 1;
  }

  void findLastUses() {
    lastUse.assign(2 * program.values.size(), -1);
    isNeeded.assign(runs.size(), true);
    for (int r = static_cast<int>(runs.size()) - 1; r >= 0; --r) {
      const StepRun &run = runs[r];
      const StepProgram::Step &step = program.steps[run.step];
      bool hasReader = std::any_of(step.results.begin(), step.results.end(),
                                   [&](int v) { return lastUse[2 * v + run.isRepetition] >= 0; });
      isNeeded[r] = hasReader || (!run.isRepetition && (*from)[run.step] == kNever);
      if (run.isRepetition && isNeeded[r])
        cost += step.cost;
      if (!run.isRepetition && !isNeeded[r])
        cost -= step.cost; // it runs once, later
      if (isNeeded[r])
        for (auto i = readsBegin(r); i != readsStop(r); ++i)
          lastUse[*i] = std::max(lastUse[*i], r);
    }
  }

  void addBytes() {
    bytes.assign(runs.size() + 1, 0);
    for (int r = 0; r < static_cast<int>(runs.size()); ++r)
      if (isNeeded[r])
        for (int v : program.steps[runs[r].step].results) {
          const StepProgram::Value &value = program.values[v];
          int last = lastUse[2 * v + runs[r].isRepetition];
          if (runs[r].isRepetition && last < 0 && value.isOptional)
            continue;
          bytes[r] += value.bytes;
          bytes[std::max(last, r) + 1] -= value.bytes;
        }
    for (size_t r = 1; r < bytes.size(); ++r)
      bytes[r] += bytes[r - 1];
    bytes.pop_back();
  }

  const StepProgram &program;
  const std::vector<int> *from = nullptr;
  std::vector<bool> repetition; // by step: it is there
  std::vector<int> reads, readsEnd, pending;
};

struct Candidate {
  int step, from;
  double worth; // estimated
};

class Search {
public:
  explicit Search(const StepProgram &program, std::vector<int> from = {})
      : program(program), from(std::move(from)) {
    this->from.resize(program.steps.size(), kNever);
  }

  /// Repeats more until no more than the target is needed. False where nothing helps.
  bool lower(int64_t target) {
    for (Layout layout(program);;) {
      layout.lay(from);
      double excess = layout.excess(target);
      if (excess == 0)
        return true;
      if (!takeBest(layout, excess, target) && !keepBest(excess, target))
        return false;
    }
  }

  /// Takes back what the target can be met without, the most expensive first.
  void takeBack(int64_t target) {
    std::vector<int> repeated;
    for (int s = 0; s < static_cast<int>(from.size()); ++s)
      if (from[s] != kNever)
        repeated.push_back(s);
    std::sort(repeated.begin(), repeated.end(), [&](int x, int y) {
      return std::pair(-program.steps[x].cost, x) < std::pair(-program.steps[y].cost, y);
    });
    Layout without(program, from);
    double cost = without.cost;
    for (int s : repeated) {
      int was = std::exchange(from[s], kNever);
      without.lay(from);
      if (without.isValid && without.peak() <= target && without.cost <= cost)
        cost = without.cost;
      else
        from[s] = was;
    }
  }

  Repeats result() const {
    Layout layout(program, from);
    return {from, layout.peak(), layout.cost};
  }

private:
  bool takeBest(const Layout &layout, double excess, int64_t target) {
    std::vector<Candidate> candidates = candidatesOf(layout, target);
    // Of a long program several are taken at once, so that the time grows with its square at most.
    size_t several = 1 + program.steps.size() / 1000;
    Layout with(program);
    for (size_t begin = 0; begin < candidates.size(); begin += kTried) {
      std::vector<Candidate> better;
      for (size_t i = begin; i < std::min(candidates.size(), begin + kTried); ++i) {
        Candidate &c = candidates[i];
        from[c.step] = c.from;
        with.lay(from);
        from[c.step] = kNever;
        double saved = excess - with.excess(target);
        c.worth = saved / std::max(with.cost - layout.cost, 1.0);
        if (with.isValid && saved > 0)
          better.push_back(c);
      }
      sortByWorth(better);
      double now = excess;
      better.resize(std::min(better.size(), several));
      for (const Candidate &c : better) {
        from[c.step] = c.from;
        with.lay(from);
        if (with.isValid && with.excess(target) < now)
          now = with.excess(target);
        else
          from[c.step] = kNever;
      }
      if (!better.empty())
        return true;
    }
    return false;
  }
  static void sortByWorth(std::vector<Candidate> &candidates) {
    std::sort(candidates.begin(), candidates.end(), [](const Candidate &x, const Candidate &y) {
      return std::pair(-x.worth, x.step) < std::pair(-y.worth, y.step);
    });
  }

  /// Keeps one value again where that is better: it cuts a segment, whose values are all needed
  /// while it is computed again, in two.
  bool keepBest(double excess, int64_t target) {
    int best = -1;
    Layout without(program);
    for (int s = 0; s < static_cast<int>(from.size()); ++s) {
      if (from[s] == kNever)
        continue;
      int was = std::exchange(from[s], kNever);
      without.lay(from);
      from[s] = was;
      if (double its = without.excess(target); without.isValid && its < excess) {
        excess = its;
        best = s;
      }
    }
    if (best >= 0)
      from[best] = kNever;
    return best >= 0;
  }

  /// For each step that may be repeated, the longest time, of that in which too much is needed, for
  /// which its results are kept without being read; the most promising first.
  std::vector<Candidate> candidatesOf(const Layout &layout, int64_t target) const {
    std::vector<int> over(layout.runs.size() + 1, 0); // so many runs before need too much
    for (size_t r = 0; r < layout.runs.size(); ++r)
      over[r + 1] = over[r] + (layout.bytes[r] > target);
    std::vector<std::vector<int>> uses(program.steps.size()); // of first computations: runs
    for (int r = 0; r < static_cast<int>(layout.runs.size()); ++r) {
      if (!layout.isNeeded[r])
        continue;
      if (!layout.runs[r].isRepetition)
        uses[layout.runs[r].step].push_back(r);
      for (auto i = layout.readsBegin(r); i != layout.readsStop(r); ++i)
        if (int maker = program.values[*i / 2].maker; *i % 2 == 0 && maker >= 0)
          uses[maker].push_back(r);
    }
    std::vector<Candidate> candidates;
    for (int s = 0; s < static_cast<int>(program.steps.size()); ++s) {
      const StepProgram::Step &step = program.steps[s];
      int64_t bytes = 0;
      for (int v : step.results)
        bytes += program.values[v].bytes;
      if (!step.mayRepeat || from[s] != kNever || bytes == 0)
        continue;
      Candidate c{s, kNever, 0};
      for (size_t k = 1; k < uses[s].size(); ++k) {
        int r = uses[s][k - 1], next = uses[s][k];
        double worth = static_cast<double>(bytes) * (over[next] - over[r + 1]) / (step.cost + 1);
        if (worth > c.worth && layout.runs[r].before < layout.runs[next].before)
          c = {s, layout.runs[r].before + 1, worth};
      }
      if (c.from != kNever)
        candidates.push_back(c);
    }
    sortByWorth(candidates);
    return candidates;
  }

  const StepProgram &program;
  std::vector<int> from;
};

} // namespace

std::optional<Repeats> chooseRepeats(const StepProgram &program, int64_t target) {
  Search search(program);
  if (!search.lower(target))
    return std::nullopt;
  search.takeBack(target);
  return search.result();
}

std::vector<Repeats> repeatsTowardsLeast(const StepProgram &program) {
  std::vector<Repeats> found;
  Search search(program);
  int64_t peak = search.result().peak;
  for (double share : {0.85, 0.97})
    for (bool goesOn = true; goesOn;) {
      bool isReached = search.lower(static_cast<int64_t>(share * static_cast<double>(peak)));
      Repeats now = search.result();
      goesOn = isReached && now.peak < peak;
      if (now.peak < peak)
        found.push_back(now);
      peak = std::min(peak, now.peak);
    }
  return found;
}

Repeats withoutNeedless(const StepProgram &program, const Repeats &repeats) {
  Search search(program, repeats.from);
  search.takeBack(repeats.peak);
  return search.result();
}

std::vector<StepRun> runsOf(const StepProgram &program, const std::vector<int> &from) {
  Layout layout(program, from);
  std::vector<StepRun> runs;
  for (size_t r = 0; r < layout.runs.size(); ++r)
    if (layout.isNeeded[r])
      runs.push_back(layout.runs[r]);
  return runs;
}

std::vector<int> valuesAtPeak(const StepProgram &program, const Repeats &repeats) {
  Layout layout(program, repeats.from);
  auto worst = std::max_element(layout.bytes.begin(), layout.bytes.end());
  std::vector<int> values;
  if (worst != layout.bytes.end())
    for (int i : layout.instancesAt(static_cast<int>(worst - layout.bytes.begin())))
      values.push_back(i / 2);
  std::sort(values.begin(), values.end(), [&](int x, int y) {
    return std::pair(-program.values[x].bytes, x) < std::pair(-program.values[y].bytes, y);
  });
  return values;
}

} // namespace ingot
