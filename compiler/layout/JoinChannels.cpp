// See JoinChannels.h.
#include "compiler/layout/JoinChannels.h"
#include "compiler/fusion/Structure.h"
#include "compiler/layout/Views.h"
#include "ir/ops/Emit.h"

using namespace mlir;

namespace ingot {
namespace {

Dims withLastJoined(Dims dims) {
  Dim channels = dims.pop_back_val();
  dims.back() = dims.back() * channels;
  return dims;
}

bool isForProductsAlone(exec::NestOp padding) {
  return llvm::all_of(padding->getUsers(), [](Operation *user) {
    auto nest = llvm::dyn_cast<exec::NestOp>(user);
    return nest && matchContraction(nest);
  });
}

void join(exec::NestOp nest) {
  constexpr int64_t kMostChannels = 4;
  auto padding = paddingOf(nest);
  // What a nest makes is padded where it is made.
  if (!padding || !llvm::isa<BlockArgument>(withoutViews(padding->source)) ||
      padding->low.size() < 2 || padding->isChecked.back())
    return;
  Dims source = dimsOf(padding->source), padded = loopDims(nest);
  size_t columns = padded.size() - 2;
  if (!padded.back().isStatic() || padded.back().value() < 2 ||
      padded.back().value() > kMostChannels || !padded[columns].isStatic() ||
      !source[columns].isStatic() || !isForProductsAlone(nest))
    return;
  OpBuilder b(nest);
  Dims joined = withLastJoined(padded);
  llvm::SmallVector<Dim> low;
  for (int64_t begin : llvm::ArrayRef(padding->low).drop_back())
    low.push_back(Dim::constant(b.getContext(), begin));
  low.back() = low.back() * padded.back();
  Value made = exec::emitPad(b, nest.getLoc(), viewAs(b, padding->source, withLastJoined(source)),
                             joined, low, llvm::SmallVector<int64_t>(joined.size(), 0),
                             llvm::cast<TypedAttr>(padding->value));
  nest.getOutputs()[0].replaceAllUsesWith(viewAs(b, made, padded));
  nest.erase();
}

} // namespace

void joinChannels(func::FuncOp function) {
  llvm::SmallVector<exec::NestOp> nests;
  function.walk([&](exec::NestOp nest) { nests.push_back(nest); });
  for (exec::NestOp nest : nests)
    join(nest);
}

} // namespace ingot
