// `ingot run`: one call of a function of an artifact, tensors from and to NumPy files.
#include "tools/ingot/Callable.h"
#include "tools/ingot/Difference.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <optional>

namespace ingot::cli {
namespace {

struct Arguments {
  std::string artifact, symbol = "ingot_artifact", function, weights, state, saveState;
  std::vector<std::string> inputs, outputs, expected;
  int threads = 0;
  std::string device;
  int64_t steps = 0; // 0: one run, without a leading axis
  double rtol = 1e-5, atol = 0;
  bool json = false;
};

/// The index that an argument means among the function's inputs or outputs. A missing name means
/// the only one there is.
size_t resolve(TensorArgument &argument, const char *kind, const ingot_function &function,
               const std::vector<std::string> &names) {
  if (argument.name.empty()) {
    if (names.size() != 1)
      throw Failure(kUsage,
                    fmt::format("`{}` has {} {}s: say which `@{}` is", function.name, names.size(),
                                kind, argument.path),
                    fmt::format("{}s are: {}", kind, joined(names)));
    argument.name = names.front();
  }
  auto it = std::find(names.begin(), names.end(), argument.name);
  if (it == names.end())
    throw Failure(kInput, fmt::format("`{}` has no {} `{}`", function.name, kind, argument.name),
                  suggest(argument.name, names));
  return it - names.begin();
}

/// The function's inputs; empty where one that the session carries is not given.
std::vector<std::optional<Tensor>> readInputs(const Arguments &arguments,
                                              const ingot_function &function,
                                              const std::vector<bool> &isCarried) {
  std::vector<std::string> names = namesOf(function.inputs, function.input_count);
  std::vector<std::optional<Tensor>> inputs(names.size());
  for (const std::string &text : arguments.inputs) {
    TensorArgument argument = parseTensorArgument("--input", text);
    size_t index = resolve(argument, "input", function, names);
    if (inputs[index])
      throw Failure(kUsage, "input `" + argument.name + "` is given twice");
    inputs[index] = readTensor(argument, static_cast<DType>(function.inputs[index].dtype));
  }
  std::vector<Message> missing;
  for (size_t i = 0; i < names.size(); ++i)
    if (!inputs[i] && !isCarried[i])
      missing.push_back({fmt::format("input `{}` of `{}` is missing: {}", names[i], function.name,
                                     describe(function.inputs[i])),
                         "",
                         fmt::format("--input {}=@FILE.npy", names[i]),
                         {}});
  if (!missing.empty())
    throw Failure(kInput, missing);
  return inputs;
}

/// What the message says of texts that differ; empty where they are the same.
std::string textDifference(const TensorView &actual, const TensorView &expected) {
  for (int64_t i = 0, count = elementCount(expected); i < count; ++i)
    if (textAt(actual, i) != textAt(expected, i))
      return fmt::format("element {} is {}, expected {}", i, elementText(actual, i),
                         elementText(expected, i));
  return {};
}

/// Throws a mismatch with all outputs that differ.
void checkExpected(const Arguments &arguments, const ingot_function &function,
                   const std::vector<Tensor> &outputs) {
  std::vector<std::string> names = namesOf(function.outputs, function.output_count);
  std::vector<Message> mismatches;
  for (const std::string &text : arguments.expected) {
    TensorArgument argument = parseTensorArgument("--expect", text);
    size_t index = resolve(argument, "output", function, names);
    Tensor expected = readTensor(argument, outputs[index].dtype());
    const Tensor &actual = outputs[index];
    if (expected.shape() != actual.shape() || expected.dtype() != actual.dtype()) {
      mismatches.push_back({fmt::format("output `{}` is {}, expected {} of {}", argument.name,
                                        describe(actual), describe(expected), argument.path),
                            "",
                            "",
                            {}});
      continue;
    }
    if (expected.dtype() == DType::String) {
      if (std::string difference = textDifference(actual, expected); !difference.empty())
        mismatches.push_back({fmt::format("output `{}` differs from {}: {}", argument.name,
                                          argument.path, difference),
                              "",
                              "",
                              {}});
      continue;
    }
    bool exact = !isFloat(expected.dtype()); // integers are equal or not
    Difference d = differenceOf(actual, expected, {arguments.rtol, exact ? 0 : arguments.atol});
    if (d.mismatches > 0)
      mismatches.push_back(
          {fmt::format("output `{}` differs from {}: element {} is {:.9g}, expected {:.9g}",
                       argument.name, argument.path, d.worstIndex, elementAt(actual, d.worstIndex),
                       elementAt(expected, d.worstIndex)),
           "",
           "",
           {fmt::format("relative to the largest expected value: {:.3g}, allowed {:.3g}",
                        d.ofLargest, arguments.rtol)}});
    else
      fmt::print(stderr, "{}: equal to {} within {:.3g}\n", argument.name, argument.path,
                 d.ofLargest);
  }
  if (!mismatches.empty())
    throw Failure(kMismatch, mismatches);
}

/// Writes what --output names; prints the other outputs.
void deliverOutputs(const Arguments &arguments, const Session &session,
                    const std::vector<Tensor> &results, std::string_view variant, double seconds) {
  const ingot_function &function = session.function();
  std::vector<std::string> names = namesOf(function.outputs, function.output_count);
  std::vector<std::string> files(names.size());
  TensorWriter writer;
  for (const std::string &text : arguments.outputs) {
    TensorArgument argument = parseTensorArgument("--output", text);
    size_t index = resolve(argument, "output", function, names);
    files[index] = argument.path;
    writer.add(argument, results[index]);
  }
  writer.write();
  Json outputs = Json::array();
  for (size_t i = 0; i < names.size(); ++i) {
    const Tensor &output = results[i];
    if (arguments.json) {
      Json entry = {
          {"name", names[i]}, {"dtype", toString(output.dtype())}, {"shape", output.shape()}};
      if (files[i].empty())
        entry["values"] = jsonOf(output);
      else
        entry["file"] = files[i];
      outputs.push_back(entry);
    } else if (files[i].empty()) {
      fmt::print("{}: {}\n{}\n", names[i], describe(output), textOf(output));
    } else {
      fmt::print(stderr, "{}: {} in {}\n", names[i], describe(output), files[i]);
    }
  }
  if (arguments.json)
    fmt::print("{}\n", Json{{"function", function.name},
                            {"variant", variant},
                            {"arena_bytes", session.arenaBytes()},
                            {"seconds", seconds},
                            {"outputs", outputs}}
                           .dump(2, ' ', false, Json::error_handler_t::replace));
}

/// Arguments whose names and files are wrong are refused before anything runs.
void checkNames(const Arguments &arguments, const ingot_function &function) {
  std::vector<std::string> names = namesOf(function.outputs, function.output_count);
  for (const auto &[option, list] :
       {std::pair("--output", &arguments.outputs), std::pair("--expect", &arguments.expected)})
    for (const std::string &text : *list) {
      TensorArgument argument = parseTensorArgument(option, text);
      (void)resolve(argument, "output", function, names);
    }
}

/// What step `step` takes of an input: all of it, or an entry of the axis that counts steps.
TensorView stepOf(const Arguments &arguments, const ingot_tensor_info &info, const Tensor &input,
                  int64_t step) {
  TensorView view = input;
  if (arguments.steps == 0 || view.rank != info.rank + 1)
    return view;
  auto steps = static_cast<size_t>(arguments.steps);
  if (view.dims[0] != arguments.steps || elementsPerByte(input.dtype()) > 1)
    throw Failure(kInput, fmt::format("input `{}` is {}, which is not {} steps of {}", info.name,
                                      describe(input), arguments.steps, describe(info)));
  const char *data = static_cast<const char *>(view.data);
  return {view.dtype, view.rank - 1, view.dims + 1,
          data ? data + input.byteSize() / steps * static_cast<size_t>(step) : nullptr};
}

/// Keeps the outputs of a run: as they are, or as entry `step` of an axis that counts steps.
void keepOutputs(const Arguments &arguments, const Session &session, int64_t step,
                 std::vector<Tensor> &results) {
  for (size_t i = 0; i < session.outputCount(); ++i) {
    const Tensor &output = session.output(i);
    if (arguments.steps == 0) {
      results.push_back(check(output.clone()));
      continue;
    }
    const std::string name = session.function().outputs[i].name;
    if (output.dtype() == DType::String || elementsPerByte(output.dtype()) > 1)
      throw Failure(kInput, fmt::format("output `{}` is {}, which --steps cannot stack", name,
                                        describe(output)));
    if (step == 0) {
      Shape shape = output.shape();
      shape.insert(shape.begin(), arguments.steps);
      results.push_back(check(Tensor::zeros(output.dtype(), shape)));
    }
    const Shape &stacked = results[i].shape();
    if (!std::equal(stacked.begin() + 1, stacked.end(), output.shape().begin(),
                    output.shape().end()))
      throw Failure(kInput, fmt::format("output `{}` has another size at step {}", name, step));
    size_t bytes = output.byteSize();
    if (bytes != 0)
      std::memcpy(static_cast<char *>(results[i].rawData()) + bytes * static_cast<size_t>(step),
                  output.rawData(), bytes);
  }
}

/// All runs, one after another on one state and session.
std::vector<Tensor> runSteps(const Arguments &arguments, Session &session, State &state,
                             const std::vector<std::optional<Tensor>> &inputs,
                             const std::vector<bool> &isCarried) {
  const ingot_function &function = session.function();
  for (size_t i = 0; i < inputs.size(); ++i)
    if (isCarried[i] && inputs[i])
      check(session.setCarried(i, *inputs[i]));
  std::vector<Tensor> results;
  for (int64_t step = 0; step < std::max<int64_t>(arguments.steps, 1); ++step) {
    std::vector<TensorView> views;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!isCarried[i])
        views.push_back(stepOf(arguments, function.inputs[i], *inputs[i], step));
    check(session.run(state, views));
    keepOutputs(arguments, session, step, results);
  }
  return results;
}

void run(const Arguments &arguments) {
  for (const auto &[option, list] :
       {std::pair("--input", &arguments.inputs), std::pair("--output", &arguments.outputs),
        std::pair("--expect", &arguments.expected)})
    for (const std::string &text : *list)
      (void)parseTensorArgument(option, text);
  auto artifact = openArtifact(arguments.artifact, arguments.symbol, arguments.device);
  std::string name = functionName(*artifact, arguments.function);
  const ingot_function &function = *artifact->findFunction(name);
  checkNames(arguments, function);
  std::vector<bool> isCarried(static_cast<size_t>(function.input_count));
  for (const ingot_carry &carry : artifact->carries(function))
    isCarried[static_cast<size_t>(carry.input)] = true;
  std::vector<std::optional<Tensor>> inputs = readInputs(arguments, function, isCarried);
  std::unique_ptr<State> state = makeState(artifact, function, arguments.weights, arguments.state);
  ThreadPool pool(arguments.threads);
  SessionOptions options;
  options.pool = &pool;
  Session session = check(Session::create(artifact, name, options));
  check(state->derive(&pool));
  auto start = std::chrono::steady_clock::now();
  std::vector<Tensor> results = runSteps(arguments, session, *state, inputs, isCarried);
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  deliverOutputs(arguments, session, results, artifact->variant(), seconds);
  if (!arguments.saveState.empty())
    check(state->save(arguments.saveState));
  checkExpected(arguments, function, results);
}

} // namespace

void addRun(CLI::App &app) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("run", "Run a function of a compiled model");
  command->add_option("ARTIFACT", arguments->artifact, "Compiled model (model.so)")->required();
  command->add_option("--function", arguments->function, "Function to run; default predict");
  command->add_option("--input", arguments->inputs, "NAME=@FILE.npy or NAME=@FILE.npz[:KEY]");
  command->add_option("--output", arguments->outputs,
                      "NAME=@FILE.npy or NAME=@FILE.npz[:KEY]; others are printed");
  command->add_option("--expect", arguments->expected,
                      "NAME=@FILE: compare; exit code 3 when they differ");
  addTolerances(*command, arguments->rtol, arguments->atol);
  addThreads(*command, arguments->threads);
  addDevice(*command, arguments->device);
  command
      ->add_option(
          "--steps", arguments->steps,
          "Run so often, one after another: an input with one more dimension is split along "
          "its first, outputs are stacked along a new first one")
      ->check(CLI::Range(int64_t(1), int64_t(1) << 40));
  command->add_option("--weights", arguments->weights, "Weights to bind (.safetensors)");
  command->add_option("--state", arguments->state,
                      "Checkpoint to bind: weights, optimizer state, controls (.safetensors)");
  command->add_option("--save-state", arguments->saveState,
                      "Write the state after the run (.safetensors)");
  command->add_option("--symbol", arguments->symbol, "The artifact's symbol")
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Results as JSON");
  command->footer(
      "Examples:\n"
      "  ingot run classifier.so --input x=@images.npy --output y=@scores.npy\n"
      "  ingot run classifier.so --input x=@mnist.npz:x_test --threads 4 --json\n"
      "  ingot run classifier.so --input x=@x.npy --expect y=@reference.npy --rtol 1e-4\n"
      "  ingot run training.so --function train_step --steps 100 --input x=@x.npy \\\n"
      "      --input target=@y.npy --save-state trained.safetensors\n"
      "  ingot run denoiser.so --steps 80 --input frame=@frames.npy --output mask=@masks.npy\n"
      "  ingot run training.so --function initialize --save-state start.safetensors");
  command->callback([arguments] { run(*arguments); });
}

} // namespace ingot::cli
