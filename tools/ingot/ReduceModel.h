// Delta debugging of ONNX models: the smallest part of a model for which a question is still
// answered with yes. Used by `ingot reduce`, which asks whether it still fails.
//
// Invariant: `best()` is the model given, or one for which the question was asked and answered
// with yes.
#pragma once
#include "ingot/Tensor.h"
#include "onnx.pb.h"
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ingot::cli {

/// A model, and values for those of its inputs that have one.
struct Candidate {
  ::onnx::ModelProto model;
  std::map<std::string, std::shared_ptr<const Tensor>> values;
};

using TensorTypes = std::map<std::string, ::onnx::TypeProto>;

struct ReduceQuestions {
  /// Whether it still fails in the same way. False for all once time is up.
  std::function<bool(const Candidate &)> fails;
  /// Types of what is between the nodes, for cutting there.
  std::function<TensorTypes(const ::onnx::ModelProto &)> types;
};

class ModelReducer {
public:
  /// `recorded` has values of tensors between nodes, or nothing: what is cut off is an input with
  /// that value.
  ModelReducer(Candidate model, std::map<std::string, std::shared_ptr<const Tensor>> recorded,
               ReduceQuestions questions);
  void reduce();
  const Candidate &best() const { return current; }

private:
  bool adopt(Candidate candidate);
  /// The part made of the nodes that are marked. What they read of others becomes an input; nothing
  /// where its type is not known.
  std::optional<Candidate> part(const std::vector<bool> &keep) const;
  bool tryPart(const std::vector<bool> &keep);
  void findPrefix();
  void learnTypes();
  void bypassUnknown();
  void findSuffix();
  void deltaDebug();
  bool tryChunks(size_t chunks);
  void dropOutputs();
  void dropAttributes();
  void dropText();
  void weightsToInputs();
  void shrinkSizes();
  bool tryShrink(int64_t from, int64_t to);

  Candidate current;
  const std::map<std::string, std::shared_ptr<const Tensor>> recorded;
  const ReduceQuestions questions;
  TensorTypes types;
};

} // namespace ingot::cli
