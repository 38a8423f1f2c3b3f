// See ArrangeArena.h. Greedy by size: Y. Pisarchyk, J. Lee, "Efficient Memory Management for Deep
// Neural Net Inference" (2020).
#include "compiler/memory/ArrangeArena.h"
#include "ingot/artifact.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"
#include <functional>
#include <numeric>

using namespace mlir;

namespace ingot {
namespace {

/// The greatest number that divides the expression's terms.
int64_t contentOf(Dim d) {
  return std::abs(d.fold<int64_t>([](int64_t v) { return v; }, [](llvm::StringRef) { return 1; },
                                  [](Dim::Op op, int64_t x, int64_t y) -> int64_t {
                                    if (op == Dim::Op::Add)
                                      return std::gcd(x, y);
                                    return op == Dim::Op::Mul ? x * y : 1;
                                  }));
}

/// A size as so many of `unit`: no less than it, and a multiple of the alignment.
struct Multiple {
  Dim unit;
  int64_t count;
};
Multiple multipleOf(Dim bytes) {
  Dim one = Dim::constant(bytes.context(), 1);
  if (bytes.isStatic())
    return {one, static_cast<int64_t>(llvm::alignTo(bytes.value(), INGOT_ALIGNMENT))};
  int64_t content = std::max<int64_t>(1, contentOf(bytes));
  auto unit = Dim::exactDiv(bytes, Dim::constant(bytes.context(), content));
  if (!unit)
    return {bytes, INGOT_ALIGNMENT};
  return {*unit, static_cast<int64_t>(llvm::alignTo(content, INGOT_ALIGNMENT))};
}

struct Placed {
  int64_t offset, count, first, last;
};

/// The least offset at which `count` units are free from `first` to `last`; `placed` is ordered.
int64_t placeFor(int64_t count, int64_t first, int64_t last, llvm::ArrayRef<Placed> placed) {
  int64_t offset = 0;
  for (const Placed &other : placed) {
    if (other.last < first || last < other.first)
      continue;
    if (other.offset >= offset + count)
      break;
    offset = std::max(offset, other.offset + other.count);
  }
  return offset;
}

/// Sets the offsets of `order`, each placed where it finds room; returns where the last ends.
int64_t placeInOrder(llvm::ArrayRef<size_t> order, llvm::ArrayRef<Stay> stays,
                     llvm::ArrayRef<int64_t> counts, llvm::MutableArrayRef<int64_t> offsets) {
  llvm::SmallVector<Placed> placed;
  int64_t end = 0;
  for (size_t i : order) {
    offsets[i] = placeFor(counts[i], stays[i].first, stays[i].last, placed);
    Placed here{offsets[i], counts[i], stays[i].first, stays[i].last};
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), here,
                         [](const Placed &x, const Placed &y) { return x.offset < y.offset; }),
        here);
    end = std::max(end, offsets[i] + counts[i]);
  }
  return end;
}

} // namespace

Arrangement arrangeArena(MLIRContext *context, llvm::ArrayRef<Stay> stays) {
  llvm::MapVector<Attribute, llvm::SmallVector<size_t>> regions; // by unit
  llvm::SmallVector<int64_t> counts;
  for (auto [i, stay] : llvm::enumerate(stays)) {
    Multiple size = multipleOf(stay.bytes);
    counts.push_back(size.count);
    regions[size.unit.asAttribute()].push_back(i);
  }
  Arrangement result{Dims(stays.size()), Dim::constant(context, 0)};
  // Which order is best depends on the program: the largest, the longest and the earliest first.
  auto size = [&](size_t i) { return static_cast<double>(counts[i]); };
  auto room = [&](size_t i) {
    return size(i) * static_cast<double>(stays[i].last - stays[i].first + 1);
  };
  auto length = [&](size_t i) { return static_cast<double>(stays[i].last - stays[i].first); };
  auto earliest = [&](size_t i) { return -static_cast<double>(stays[i].first); };
  for (auto &[unit, members] : regions) {
    int64_t end = INT64_MAX;
    llvm::SmallVector<int64_t> offsets(stays.size(), 0), best;
    for (const std::function<double(size_t)> &weight :
         {std::function<double(size_t)>(size), std::function<double(size_t)>(room),
          std::function<double(size_t)>(length), std::function<double(size_t)>(earliest)}) {
      std::sort(members.begin(), members.end(), [&](size_t x, size_t y) {
        double ofX = weight(x), ofY = weight(y);
        return ofX != ofY ? ofX > ofY : x < y;
      });
      if (int64_t here = placeInOrder(members, stays, counts, offsets); here < end) {
        end = here;
        best = offsets;
      }
    }
    for (size_t i : members)
      result.offsets[i] = result.bytes + Dim(unit) * best[i];
    result.bytes = result.bytes + Dim(unit) * end;
  }
  return result;
}

} // namespace ingot
