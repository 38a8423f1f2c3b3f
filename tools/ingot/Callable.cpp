// See Callable.h.
#include "tools/ingot/Callable.h"
#include "ingot/Device.h"
#include <algorithm>
#include <fmt/format.h>

namespace ingot::cli {

std::string functionName(const Artifact &artifact, const std::string &asked) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < artifact.table().function_count; ++i)
    names.push_back(artifact.table().functions[i].name);
  std::string wanted = asked;
  if (wanted.empty())
    wanted = names.size() == 1 ? names.front() : "predict";
  if (!artifact.findFunction(wanted))
    throw Failure(kInput, fmt::format("`{}` has no function `{}`", artifact.path(), wanted),
                  suggest(wanted, names));
  return wanted;
}

std::unique_ptr<State> makeState(const std::shared_ptr<const Artifact> &artifact,
                                 const ingot_function &function, const std::string &weights,
                                 const std::string &checkpoint) {
  std::unique_ptr<State> state = check(State::create(artifact));
  if (!weights.empty())
    check(state->bind(weights));
  if (!checkpoint.empty()) {
    BindOptions all;
    all.requireAll = true;
    check(state->bind(checkpoint, all));
  }
  bool hasValues = artifact->hasWeights() || !weights.empty() || !checkpoint.empty();
  if (!hasValues && artifact->table().variable_count > 0 &&
      std::string_view(function.name) != "initialize")
    throw Failure(kInput, fmt::format("`{}` carries no weights", artifact->path()),
                  "bind them with --weights FILE.safetensors or --state FILE.safetensors");
  return state;
}

void addCallOptions(CLI::App &command, CallArguments &arguments) {
  command.add_option("ARTIFACT", arguments.artifact, "Compiled model (model.so)")->required();
  addDevice(command, arguments.device);
  command.add_option("--function", arguments.function, "Function to run; default predict");
  command.add_option("--input", arguments.inputs,
                     "NAME=@FILE.npy or NAME=@FILE.npz[:KEY]; others are made up");
  command.add_option("--shape,--size", arguments.sizes,
                     "NAME=SIZE of a dynamic dimension; default 1");
  command.add_option("--weights", arguments.weights, "Weights to bind (.safetensors)");
  command.add_option("--state", arguments.state,
                     "Checkpoint to bind: weights, optimizer state, controls (.safetensors)");
  command.add_option("--symbol", arguments.symbol, "The artifact's symbol")->capture_default_str();
}

namespace {

/// A fresh training artifact's own values.
std::unique_ptr<State> initialized(const std::shared_ptr<const Artifact> &artifact) {
  std::unique_ptr<State> state = check(State::create(artifact));
  Session session = check(Session::create(artifact, "initialize"));
  check(session.run(*state, {}));
  return state;
}

} // namespace

std::shared_ptr<const Artifact> openArtifact(const std::string &path, const std::string &symbol,
                                             const std::string &device) {
  std::shared_ptr<const Artifact> artifact = check(Artifact::open(path, symbol));
  if (device.empty() || device == "cpu")
    return artifact;
  return check(artifact->onDevice(check(Device::open(device))));
}

void addDevice(CLI::App &command, std::string &device) {
  command.add_option("--device", device,
                     "Where to run: cuda, cuda:1, opencl, or cpu; an error where there is none");
}

Callable::Callable(const CallArguments &arguments)
    : loaded(openArtifact(arguments.artifact, arguments.symbol, arguments.device)) {
  std::string name = functionName(*loaded, arguments.function);
  called = loaded->findFunction(name);
  const ingot_function *initialize = loaded->findFunction("initialize");
  bool isFresh = !loaded->hasWeights() && arguments.weights.empty() && arguments.state.empty() &&
                 initialize && initialize->input_count == 0;
  state = isFresh ? initialized(loaded)
                  : makeState(loaded, *called, arguments.weights, arguments.state);
  InputSources sources;
  sources.inputs = arguments.inputs;
  sources.sizes = arguments.sizes;
  sources.defaultSize = 1;
  sources.mayMakeUp = true;
  inputs = gatherInputs(*called, sources);
  std::vector<bool> isCarried(inputs.tensors.size());
  for (const ingot_carry &carry : loaded->carries(*called))
    isCarried[static_cast<size_t>(carry.input)] = true;
  for (size_t i = 0; i < inputs.tensors.size(); ++i)
    if (!isCarried[i])
      views.push_back(inputs.tensors[i]);
  session = check(Session::create(loaded, name));
  check(session->prepare(views.data(), views.size()));
  check(state->derive());
}

std::string Callable::sizes() const {
  std::string text;
  const std::vector<int64_t> &values = session->symbolValues();
  for (size_t i = 0; i < values.size(); ++i)
    text += fmt::format("{}{}={}", i == 0 ? "" : ",", called->symbols[i], values[i]);
  return text;
}

std::string Callable::title() const {
  return fmt::format("{} {}{}{}, {}", loaded->path(), called->name,
                     called->symbol_count > 0 ? " " : "", sizes(), loaded->variant());
}

double Callable::numberOf(const char *formula) const {
  return static_cast<double>(
      check(evaluateFormula(formula, *called, session->symbolValues().data())));
}

} // namespace ingot::cli
