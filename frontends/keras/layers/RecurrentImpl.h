// What recurrent layers have in common: their modes, shapes, and the loop over steps.
//
// Bidirectional runs two of them.
#pragma once
#include "frontends/keras/layers/Cells.h"

namespace ingot::keras::detail {

struct RecurrentModes {
  bool returnSequences = false, returnState = false, goBackwards = false, stateful = false,
       unroll = false, zeroOutputForMask = false;
  template <typename Options> void take(const Options &o) {
    returnSequences = o.returnSequences;
    returnState = o.returnState;
    goBackwards = o.goBackwards;
    stateful = o.stateful;
    unroll = o.unroll;
    zeroOutputForMask = o.zeroOutputForMask;
  }
};

struct RecurrentImpl : LayerImpl {
  RecurrentModes modes;
  /// Sequences of a layer that goes backwards come in the order of its input; Bidirectional's do.
  bool keepsOrder = false;

  virtual CellImpl &cell() const = 0;
  void checkModes() const;

  bool takesSeveral() const override { return true; }
  bool supportsMasking() const override { return modes.returnSequences; }
  std::vector<TensorSpec> results(const std::vector<TensorSpec> &inputs) const override;
  void buildSublayers(const std::vector<TensorSpec> &inputs) override;
  llvm::SmallVector<mlir::Value> emitAll(Emitter &e, mlir::ValueRange inputs,
                                         const CallOptions &options) const override;

protected:
  /// Throws unless the layer can go along sequences of this shape.
  virtual void checkSequence(const Shape &x) const;

private:
  void checkInputs(const std::vector<TensorSpec> &inputs) const;
};

void modeFields(auto &self, auto &visit) {
  visit("return_sequences", self.modes.returnSequences);
  visit("return_state", self.modes.returnState);
  visit("go_backwards", self.modes.goBackwards);
  visit("stateful", self.modes.stateful);
  visit("unroll", self.modes.unroll);
  visit("zero_output_for_mask", self.modes.zeroOutputForMask);
  visit("activity_regularizer", self.activityRegularizer);
}

} // namespace ingot::keras::detail
