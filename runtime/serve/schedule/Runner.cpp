#include "runtime/serve/schedule/Runner.h"
#include "runtime/model/Inputs.h"
#include "runtime/serve/schedule/Sequences.h"

#include <cstring>
#include <string>
#include <utility>

namespace ingot::serve {

namespace {
int64_t bytesOf(const TensorView &tensor) {
  return static_cast<int64_t>(byteSize(tensor.dtype, elementCount(tensor)));
}

/// Bytes of a row of a tensor that has `rows` of them; 0 where it has none.
int64_t rowBytes(const TensorView &tensor, int64_t rows) {
  return rows == 0 ? 0 : bytesOf(tensor) / rows;
}

char *at(Tensor &tensor, int64_t offset) { return static_cast<char *>(tensor.rawData()) + offset; }
const char *at(const TensorView &tensor, int64_t offset) {
  return static_cast<const char *>(tensor.data) + offset;
}
} // namespace

Runner::Runner(Session session, State &state, const Joining &joining, bool isStream,
               OutputPool &outputs, const SessionOptions &threads)
    : session_(std::move(session)), state_(state), joining_(joining), outputs_(outputs),
      function_(session_.function()), isStream_(isStream) {
  SessionOptions options = threads;
  options.begin = &Runner::isCancelled;
  options.user = this;
  session_.setOptions(options);
  auto inputs = static_cast<size_t>(function_.input_count);
  views_.resize(inputs);
  gathered_.resize(inputs);
  dims_.resize(inputs);
}

/// Nobody waits for any of the parts any more.
int Runner::isCancelled(void *user, int64_t) {
  const Runner &runner = *static_cast<Runner *>(user);
  for (size_t i = runner.first_; i < runner.first_ + runner.count_; ++i)
    if (!runner.parts[i].pending->isCancelled())
      return 0;
  return 1;
}

void Runner::run() {
  gatherTime = runTime = scatterTime = std::chrono::nanoseconds(0);
  runParts(0, parts.size());
  if (parts.size() > 1 && !parts[0].status.isOk() &&
      parts[0].status.code() != StatusCode::Cancelled)
    for (size_t i = 0; i < parts.size(); ++i)
      runParts(i, 1);
  bytes_ = session_.arenaBytes();
  for (const Tensor &tensor : gathered_)
    bytes_ += static_cast<int64_t>(tensor.byteSize());
}

void Runner::runParts(size_t first, size_t count) {
  first_ = first;
  count_ = count;
  auto begun = Clock::now();
  Status status = gather(first, count);
  auto gathered = Clock::now(), ran = gathered;
  if (status.isOk()) {
    std::shared_ptr<OutputSet> set = outputs_.take();
    status = runSession(*set, count == 1 ? &parts[first] : nullptr);
    ran = Clock::now();
    if (status.isOk())
      status = scatter(set, first, count);
  }
  gatherTime += gathered - begun;
  runTime += ran - gathered;
  scatterTime += Clock::now() - ran;
  for (size_t i = first; i < first + count; ++i)
    parts[i].status = status;
}

/// Leaves in `views_` what the session is to run on.
Status Runner::gather(size_t first, size_t count) {
  const Part &part = parts[first];
  const std::vector<TensorView> &own = part.pending->request.inputs;
  if (count == 1 && part.rows == part.pending->rows) {
    views_ = own;
    return Status::ok();
  }
  int64_t total = 0;
  for (size_t i = first; i < first + count; ++i)
    total += parts[i].rows;
  for (size_t input = 0; input < views_.size(); ++input) {
    Shape &dims = dims_[input];
    dims.assign(own[input].dims, own[input].dims + own[input].rank);
    dims[0] = total;
    if (count == 1) {
      views_[input] = own[input];
      views_[input].dims = dims.data();
      views_[input].data = at(own[input], part.first * rowBytes(own[input], part.pending->rows));
      continue;
    }
    Tensor &joined = gathered_[input];
    INGOT_RETURN_IF_ERROR(joined.resize(own[input].dtype, dims));
    int64_t next = 0;
    for (size_t i = first; i < first + count; ++i) {
      const TensorView &given = parts[i].pending->request.inputs[input];
      int64_t row = rowBytes(given, parts[i].pending->rows), bytes = row * parts[i].rows;
      if (bytes != 0)
        std::memcpy(at(joined, next), at(given, row * parts[i].first), static_cast<size_t>(bytes));
      next += bytes;
    }
    views_[input] = joined;
  }
  return Status::ok();
}

/// Runs into the memory of `set`; a part of a request that is split, into its place in the whole.
Status Runner::runSession(OutputSet &set, Part *alone) {
  bool isInPlace = alone && alone->pending->isSplit();
  auto swapAll = [&] {
    for (size_t i = 0; i < set.tensors.size(); ++i)
      session_.swapOutput(i, set.tensors[i]);
  };
  std::vector<Tensor> places;
  if (isInPlace) {
    for (Tensor &whole : alone->pending->whole->tensors) {
      int64_t row = rowBytes(whole, alone->pending->rows);
      INGOT_ASSIGN_OR_RETURN(Tensor place, Tensor::borrow(DType::U8, {row * alone->rows},
                                                          at(whole, row * alone->first)));
      places.push_back(std::move(place));
    }
    std::swap(set.tensors, places);
  }
  swapAll();
  Status ran =
      isStream_ ? runStream(*alone->pending) : session_.run(state_, views_.data(), views_.size());
  swapAll();
  if (isInPlace) {
    std::swap(set.tensors, places);
    for (size_t i = 0; i < places.size() && ran.isOk(); ++i)
      if (places[i].byteSize() !=
          static_cast<size_t>(alone->rows *
                              rowBytes(alone->pending->whole->tensors[i], alone->pending->rows)))
        ran = wrongRows(i, places[i], alone->rows);
  }
  return ran;
}

/// With what the run before left; a failed run leaves it as it was.
Status Runner::runStream(Pending &pending) {
  session_.reset();
  std::vector<CarriedValue> *carried = pending.sequence ? &pending.sequence->carried : nullptr;
  if (carried && pending.request.sequenceStart)
    carried->clear();
  if (carried)
    session_.swapCarried(*carried);
  Status ran = session_.run(state_, views_.data(), views_.size());
  if (carried)
    session_.swapCarried(*carried);
  return ran;
}

Status Runner::wrongRows(size_t output, const Tensor &got, int64_t rows) const {
  return Status(StatusCode::Internal, std::string("output '") + function_.outputs[output].name +
                                          "' of function '" + function_.name + "' is " +
                                          describe(got) + " for " + std::to_string(rows) +
                                          " rows of inputs");
}

/// Gives each part its rows of what was run.
Status Runner::scatter(const std::shared_ptr<OutputSet> &set, size_t first, size_t count) {
  bool isInPlace = count == 1 && parts[first].pending->isSplit();
  if (isInPlace) {
    Part &part = parts[first];
    for (Tensor &whole : part.pending->whole->tensors)
      if (whole.dtype() == DType::String) {
        int64_t row = rowBytes(whole, part.pending->rows);
        INGOT_RETURN_IF_ERROR(keepTexts(at(whole, row * part.first),
                                        row * part.rows / int64_t{sizeof(ingot_string)},
                                        part.texts.emplace_back()));
      }
    return Status::ok();
  }
  int64_t total = 0, next = 0;
  for (size_t i = first; i < first + count; ++i)
    total += parts[i].rows;
  for (size_t i = 0; i < set->tensors.size(); ++i) {
    Tensor &output = set->tensors[i];
    if (joining_.isBatched && output.dim(0) != total)
      return Status(StatusCode::Internal, std::string("output '") + function_.outputs[i].name +
                                              "' of function '" + function_.name + "' has " +
                                              std::to_string(output.dim(0)) + " rows for " +
                                              std::to_string(total) + " of its inputs");
    if (output.dtype() == DType::String)
      INGOT_RETURN_IF_ERROR(
          keepTexts(output.rawData(), output.elementCount(), set->texts.emplace_back()));
  }
  for (size_t i = first; i < first + count; next += parts[i++].rows)
    INGOT_RETURN_IF_ERROR(parts[i].pending->isSplit() ? copyRows(*set, parts[i], next, total)
                                                      : giveRows(set, parts[i], next, total));
  return Status::ok();
}

Status Runner::giveRows(const std::shared_ptr<OutputSet> &set, Part &part, int64_t from,
                        int64_t total) {
  Outcome &outcome = part.pending->outcome;
  outcome.outputs.clear();
  outcome.outputs.reserve(set->tensors.size());
  for (Tensor &tensor : set->tensors) {
    Shape shape = tensor.shape();
    int64_t offset = 0;
    if (joining_.isBatched) {
      shape[0] = part.rows;
      offset = from * rowBytes(tensor, total);
    }
    auto rows = Tensor::borrow(tensor.dtype(), shape, at(tensor, offset));
    INGOT_RETURN_IF_ERROR(rows.status());
    outcome.outputs.push_back(std::move(*rows));
  }
  outcome.owner = set;
  return Status::ok();
}

Status Runner::copyRows(const OutputSet &set, Part &part, int64_t from, int64_t total) {
  for (size_t i = 0; i < set.tensors.size(); ++i) {
    const Tensor &tensor = set.tensors[i];
    Tensor &whole = part.pending->whole->tensors[i];
    int64_t row = rowBytes(tensor, total), bytes = row * part.rows;
    char *place = at(whole, row * part.first);
    if (bytes != 0)
      std::memcpy(place, at(TensorView(tensor), row * from), static_cast<size_t>(bytes));
    if (tensor.dtype() == DType::String)
      INGOT_RETURN_IF_ERROR(
          keepTexts(place, bytes / int64_t{sizeof(ingot_string)}, part.texts.emplace_back()));
  }
  return Status::ok();
}

Result<std::shared_ptr<OutputSet>> makeWhole(const ingot_function &function,
                                             const std::vector<int64_t> &symbols) {
  auto set = std::make_shared<OutputSet>();
  set->tensors.resize(static_cast<size_t>(function.output_count));
  for (size_t i = 0; i < set->tensors.size(); ++i) {
    const ingot_tensor_info &info = function.outputs[i];
    Shape shape(static_cast<size_t>(info.rank));
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      INGOT_ASSIGN_OR_RETURN(shape[axis], extentOf(function, info.dims[axis], symbols.data()));
    }
    INGOT_RETURN_IF_ERROR(set->tensors[i].resize(static_cast<DType>(info.dtype), shape));
  }
  return set;
}

} // namespace ingot::serve
