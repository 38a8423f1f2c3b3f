// See TensorBoard.h; tags and moments are those of keras.src.callbacks.tensorboard.
#include "ingot/train/TensorBoard.h"
#include "ingot/train/Trainer.h"
#include "runtime/train/WeightImages.h"

namespace ingot::train {

Result<SummaryWriter *> TensorBoard::writer(std::optional<SummaryWriter> &slot,
                                            const char *directory) {
  if (!slot) {
    INGOT_ASSIGN_OR_RETURN(SummaryWriter made,
                           SummaryWriter::create(options.logDir + "/" + directory));
    slot.emplace(std::move(made));
  }
  return &*slot;
}

/// Whether this batch is one of those that are written.
bool TensorBoard::isDue() const {
  return options.updateFreq && trainBatches % *options.updateFreq == 0;
}

Status TensorBoard::onTrainBegin(Logs &) {
  if (options.updateFreq && *options.updateFreq < 1)
    return Status(StatusCode::InvalidArgument,
                  "TensorBoard: updateFreq must be at least 1 batch, got " +
                      std::to_string(*options.updateFreq));
  trainBatches = stepsAtEpochBegin = 0;
  INGOT_RETURN_IF_ERROR(trainWriter().status());
  return options.writeGraph ? writeGraph() : Status();
}

Status TensorBoard::writeGraph() {
  const Trainer::ModelGraph graph = trainer().modelGraph();
  INGOT_ASSIGN_OR_RETURN(SummaryWriter * file, trainWriter());
  if (!graph.json.empty())
    INGOT_RETURN_IF_ERROR(file->addKerasModel("keras", graph.json, 0));
  if (!graph.graphDef.empty())
    INGOT_RETURN_IF_ERROR(file->addGraph(graph.graphDef));
  return file->flush();
}

Status TensorBoard::onTrainEnd(Logs &) {
  for (std::optional<SummaryWriter> *file : {&trainFile, &validationFile})
    if (*file)
      INGOT_RETURN_IF_ERROR((*file)->flush());
  trainFile.reset();
  validationFile.reset();
  return Status();
}

Status TensorBoard::onTrainBatchBegin(int64_t, Logs &) {
  ++trainBatches;
  batchBegin = Clock::now();
  return Status();
}

static double secondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Status TensorBoard::onTrainBatchEnd(int64_t, Logs &logs) {
  if (!isDue())
    return Status();
  INGOT_ASSIGN_OR_RETURN(SummaryWriter * file, trainWriter());
  if (options.writeStepsPerSecond)
    INGOT_RETURN_IF_ERROR(
        file->addScalar("batch_steps_per_second", 1 / secondsSince(batchBegin), trainBatches));
  for (const auto &[name, value] : logs)
    INGOT_RETURN_IF_ERROR(file->addScalar("batch_" + name, value, trainBatches));
  return Status();
}

Status TensorBoard::onTestEnd(Logs &logs) {
  if (!trainer().state().artifact()->findVariable("step"))
    return Status();
  INGOT_ASSIGN_OR_RETURN(const int64_t steps, trainer().state().getScalar<int64_t>("step"));
  INGOT_ASSIGN_OR_RETURN(SummaryWriter * file, validationWriter());
  for (const auto &[name, value] : logs)
    INGOT_RETURN_IF_ERROR(file->addScalar("evaluation_" + name + "_vs_iterations", value, steps));
  return file->flush();
}

Status TensorBoard::onEpochBegin(int64_t, Logs &) {
  stepsAtEpochBegin = trainBatches;
  epochBegin = Clock::now();
  return Status();
}

Status TensorBoard::onEpochEnd(int64_t epoch, Logs &logs) {
  INGOT_ASSIGN_OR_RETURN(SummaryWriter * file, trainWriter());
  for (const auto &[name, value] : logs) {
    SummaryWriter *target = file;
    const bool validation = name.rfind("val_", 0) == 0;
    if (validation) {
      INGOT_ASSIGN_OR_RETURN(target, validationWriter());
    }
    if (name != "learning_rate")
      INGOT_RETURN_IF_ERROR(
          target->addScalar("epoch_" + (validation ? name.substr(4) : name), value, epoch));
  }
  if (const Result<double> rate = trainer().learningRate(); rate.isOk())
    INGOT_RETURN_IF_ERROR(file->addScalar("epoch_learning_rate", *rate, epoch));
  if (options.writeStepsPerSecond)
    INGOT_RETURN_IF_ERROR(file->addScalar(
        "epoch_steps_per_second",
        double(trainBatches - stepsAtEpochBegin) / secondsSince(epochBegin), epoch));
  if (options.histogramFreq > 0 && epoch % options.histogramFreq == 0)
    INGOT_RETURN_IF_ERROR(writeWeights(epoch));
  if (validationFile)
    INGOT_RETURN_IF_ERROR(validationFile->flush());
  return file->flush();
}

Status TensorBoard::writeWeights(int64_t epoch) {
  INGOT_ASSIGN_OR_RETURN(SummaryWriter * file, trainWriter());
  const State &state = trainer().state();
  const ingot_artifact_table &table = state.artifact()->table();
  for (int64_t i = 0; i < table.variable_count; ++i) {
    const ingot_variable_info &info = table.variables[i];
    if ((info.flags & (INGOT_VARIABLE_OPTIMIZER | INGOT_VARIABLE_CONTROL)) ||
        (info.dtype != INGOT_F32 && info.dtype != INGOT_F64))
      continue;
    INGOT_ASSIGN_OR_RETURN(const Tensor value, state.get(info.name));
    const std::string name = info.name;
    INGOT_RETURN_IF_ERROR(file->addHistogram(name + "/histogram", value, epoch));
    if (!options.writeImages || value.dtype() != DType::F32)
      continue;
    const std::vector<std::string> images = weightImages(value);
    for (size_t image = 0; image < images.size(); ++image)
      INGOT_RETURN_IF_ERROR(
          file->addImage(name + "/image" + (images.size() > 1 ? "/" + std::to_string(image) : ""),
                         images[image], epoch));
  }
  return Status();
}

Status TensorBoard::saveState(CallbackState &state) const {
  state.put("batches", trainBatches);
  state.put("epoch_begin", stepsAtEpochBegin);
  return Status();
}

Status TensorBoard::restoreState(const CallbackState &state) {
  trainBatches = state.integer("batches").value_or(0);
  stepsAtEpochBegin = state.integer("epoch_begin").value_or(0);
  epochBegin = Clock::now();
  return Status();
}

} // namespace ingot::train
