// writeArtifact, the narrative: lower and emit each variant, add the tables and the weights, link,
// check, publish. The steps live in files of their own; here they meet the user's diagnostics.
#include "backends/cpu/Object.h"
#include "backends/cpu/ArtifactTable.h"
#include "backends/cpu/CheckArtifact.h"
#include "backends/cpu/CodeCache.h"
#include "backends/cpu/CustomCode.h"
#include "backends/cpu/EmitObject.h"
#include "backends/cpu/Link.h"
#include "backends/cpu/LowerToLlvm.h"
#include "backends/cpu/PlaceWeights.h"
#include "backends/cpu/WeightsObject.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"
#include "llvm/Target/TargetMachine.h"
#include <chrono>
#include <cstdlib>
#include <tuple>

using llvm::Error;
using llvm::Expected;
using mlir::failure;
using mlir::LogicalResult;
using mlir::success;

namespace ingot::cpu {
namespace {

/// Says on stderr how long each step took when INGOT_TIMING is set.
class StepTimer {
public:
  void done(const char *step) {
    auto now = std::chrono::steady_clock::now();
    if (enabled)
      llvm::errs() << "timing: " << step << ' '
                   << std::chrono::duration<double, std::milli>(now - last).count() << " ms\n";
    last = now;
  }

private:
  bool enabled = std::getenv("INGOT_TIMING") != nullptr;
  std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
};

class ArtifactWriter {
public:
  ArtifactWriter(llvm::MutableArrayRef<Variant> given, llvm::MutableArrayRef<DeviceCode> devices,
                 const CompileOptions &options, mlir::Location location, const std::string &path)
      : options(options), path(path), location(location), devices(devices) {
    for (Variant &variant : given)
      variants.push_back(&variant);
    llvm::sort(variants, [](const Variant *a, const Variant *b) {
      return std::tie(b->target->rank, b->target->name) <
             std::tie(a->target->rank, a->target->name);
    });
  }

  LogicalResult write();

private:
  LogicalResult emitVariants();
  Error emitTables();
  Error chooseStates();
  Error linkAndPublish();
  Error writeObjects(const ScratchDirectory &scratch, std::vector<std::string> &files);
  std::string buildId(const CustomObjects &custom) const;
  /// What is linked but for weights and custom code.
  std::vector<const ObjectBytes *> allObjects() const {
    std::vector<const ObjectBytes *> all;
    for (const Variant *variant : variants)
      for (const ObjectBytes &object : variant->objects)
        all.push_back(&object);
    all.push_back(&tableObject);
    for (const DeviceCode &device : devices)
      for (const ObjectBytes &object : device.host.objects)
        all.push_back(&object);
    return all;
  }
  std::string prefix(const Variant &variant) const {
    return options.symbol + "." + variant.target->name + ".";
  }
  std::string prefix(const DeviceCode &device) const {
    return options.symbol + "." + device.description.family + ".";
  }

  const CompileOptions &options;
  const std::string &path;
  mlir::Location location;
  std::vector<Variant *> variants; // the preferred one first
  llvm::MutableArrayRef<DeviceCode> devices;
  ObjectBytes tableObject;
  /// Distinct initial states, and each variant's index among them (-1: none).
  std::vector<StateBytes> states;
  std::vector<int> stateOf;
  StepTimer timer;
};

LogicalResult ArtifactWriter::emitVariants() {
  CodeEmitter emitter;
  llvm::SmallVector<Variant *> added;
  auto add = [&](Variant &variant, const std::string &prefix) -> LogicalResult {
    if (!variant.code)
      return success(); // its objects are there
    mlir::ModuleOp code = *variant.code;
    if (failed(lowerToLlvm(code, *variant.target, options.fastMath)))
      return failure();
    timer.done("lower");
    EmitOptions emit = {prefix, options.sanitize, options.debugInfo};
    if (Error error = emitter.add(code, *variant.target, emit))
      return code.emitError("internal error: ")
             << variant.target->name << ": " << llvm::toString(std::move(error));
    added.push_back(&variant);
    timer.done("translate");
    return success();
  };
  for (Variant *variant : variants)
    if (failed(add(*variant, prefix(*variant))))
      return failure();
  for (DeviceCode &device : devices)
    if (failed(add(device.host, prefix(device))))
      return failure();
  auto emitted = emitter.finish();
  if (!emitted)
    return mlir::emitError(location) << "internal error: " << llvm::toString(emitted.takeError());
  for (auto [variant, objects] : llvm::zip_equal(added, *emitted)) {
    variant->objects = std::move(objects);
    storeCode(*variant, options, location);
  }
  timer.done("code");
  return success();
}

Error ArtifactWriter::chooseStates() {
  for (const Variant *variant : variants) {
    const StateBytes &bytes = variant->description.initialState;
    if (bytes.empty()) {
      stateOf.push_back(-1);
      continue;
    }
    if (bytes.size > maxEmbeddedBytes)
      return llvm::createStringError(
          "cannot embed " + std::to_string(bytes.size) + " bytes of weights; at most " +
          std::to_string(maxEmbeddedBytes) + " fit, compile without embedded weights");
    auto same = llvm::find_if(states, [&](const StateBytes &other) {
      return other.data == bytes.data || contentOf(other) == contentOf(bytes);
    });
    stateOf.push_back(same - states.begin());
    if (same == states.end())
      states.push_back(bytes);
  }
  return Error::success();
}

std::string stateSymbol(const CompileOptions &options, int index) {
  return options.symbol + ".weights" + std::to_string(index);
}

Error ArtifactWriter::emitTables() {
  const CpuTarget &baseline = *lookupTarget("x86-64");
  auto machine = createTargetMachine(baseline);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  llvm::Module module("ingot", context);
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  std::vector<TableVariant> tables;
  for (auto [variant, state] : llvm::zip(variants, stateOf))
    tables.push_back({variant->target, variant->target->name, &variant->description,
                      prefix(*variant), state < 0 ? std::string() : stateSymbol(options, state)});
  // Without a state of their own: they take the variables from the artifact's.
  std::vector<TableDevice> deviceTables;
  for (const DeviceCode &device : devices)
    deviceTables.push_back({{device.host.target, device.description.family,
                             &device.host.description, prefix(device), ""},
                            &device.description});
  if (Error error = addArtifactTables(module, tables, deviceTables, options.symbol))
    return error;
  auto object = emitObject(module, **machine);
  if (!object)
    return object.takeError();
  tableObject = std::move(*object);
  return Error::success();
}

Error ArtifactWriter::writeObjects(const ScratchDirectory &scratch,
                                   std::vector<std::string> &files) {
  auto add = [&](Expected<std::string> file) {
    if (file)
      files.push_back(std::move(*file));
    return file.takeError();
  };
  for (const ObjectBytes *object : allObjects())
    if (Error error = add(scratch.write(std::to_string(files.size()) + ".o", [&](auto &out) {
          out.write(object->data(), object->size());
        })))
      return error;
  for (size_t i = 0; i < states.size(); ++i)
    if (Error error = add(scratch.write("weights" + std::to_string(i) + ".o", [&](auto &out) {
          if (options.emit == Emit::SharedLibrary)
            writeWeightsPlaceholder(out, stateSymbol(options, i), states[i].size);
          else
            writeWeightsObject(out, stateSymbol(options, i), contentOf(states[i]));
        })))
      return error;
  return Error::success();
}

/// From what the linker is given and from the weights, which it does not see.
std::string ArtifactWriter::buildId(const CustomObjects &custom) const {
  std::string hashes;
  auto add = [&](llvm::StringRef bytes) {
    llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef(bytes));
    hashes += llvm::utohexstr(hash.high64, /*LowerCase=*/true, 16) +
              llvm::utohexstr(hash.low64, /*LowerCase=*/true, 16);
  };
  for (const ObjectBytes *object : allObjects())
    add(llvm::StringRef(object->data(), object->size()));
  for (const std::string &file : custom.objects)
    if (auto code = llvm::MemoryBuffer::getFile(file)) // the link says what it cannot read
      add((*code)->getBuffer());
  for (const StateBytes &state : states)
    add(contentOf(state));
  add(std::exchange(hashes, ""));
  return hashes;
}

Error ArtifactWriter::linkAndPublish() {
  auto scratch = ScratchDirectory::create(path);
  if (!scratch)
    return scratch.takeError();
  std::vector<std::string> files;
  if (Error error = writeObjects(*scratch, files))
    return error;
  auto custom = linkCustomCode(*scratch, variants.front()->description.customOps, options);
  if (!custom)
    return custom.takeError();
  llvm::append_range(files, custom->objects);
  auto linked = linkObjects(*scratch, files, *custom, options, buildId(*custom));
  if (!linked)
    return linked.takeError();
  timer.done("link");
  if (!states.empty() && options.emit == Emit::SharedLibrary)
    if (Error error = placeWeights(*linked, states))
      return error;
  timer.done("weights");
  if (Error error = checkArtifact(*linked, *custom, options))
    return llvm::createStringError("internal error: the artifact breaks its contract: " +
                                   llvm::toString(std::move(error)));
  if (options.emit == Emit::StaticLibrary) {
    linked = archiveObject(*scratch, *linked, options.symbol);
    if (!linked)
      return linked.takeError();
  }
  if (Error error = publish(*linked, path))
    return error;
  timer.done("publish");
  return Error::success();
}

LogicalResult ArtifactWriter::write() {
  auto report = [&](Error error) {
    return mlir::emitError(location) << llvm::toString(std::move(error));
  };
  if (Error error = chooseStates())
    return report(std::move(error));
  if (failed(emitVariants()))
    return failure();
  if (Error error = emitTables())
    return report(std::move(error));
  timer.done("tables");
  if (Error error = linkAndPublish())
    return report(std::move(error));
  return success();
}

} // namespace

LogicalResult writeArtifact(llvm::MutableArrayRef<Variant> variants,
                            llvm::MutableArrayRef<DeviceCode> devices,
                            const CompileOptions &options, mlir::Location location,
                            const std::string &path) {
  return ArtifactWriter(variants, devices, options, location, path).write();
}

} // namespace ingot::cpu
