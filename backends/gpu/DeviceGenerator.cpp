// See DeviceGenerator.h.
#include "backends/gpu/DeviceGenerator.h"
#include "backends/gpu/NarrowIndices.h"
#include "compiler/memory/GroupLaunches.h"
#include "compiler/package/Describe.h"
#include "ir/exec/Custom.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"

using namespace mlir;

namespace ingot::gpu {

namespace {

/// Divides what the CPU gives one task down to one: a task is a thread here.
constexpr int64_t tasksOfOne = 1 << 20;

/// Bytes of the arena for a number that loops count on.
constexpr int64_t positionBytes = INGOT_ALIGNMENT;

/// Why no device runs the function; empty where one can.
std::string reasonToLeave(func::FuncOp function) {
  std::string reason;
  function.walk([&](Operation *op) {
    auto isText = [](Type type) { return getElementTypeOrSelf(type).isInteger(128); };
    if (llvm::isa<exec::CustomCallOp>(op))
      reason = "a custom op runs on the CPU alone";
    else if (llvm::any_of(op->getOperandTypes(), isText) ||
             llvm::any_of(op->getResultTypes(), isText))
      reason = "text is handled on the CPU alone";
    if (reason.empty())
      return WalkResult::advance();
    reason = graph::layerName(op->getLoc()) + ": " + reason;
    return WalkResult::interrupt();
  });
  return reason;
}

} // namespace

int64_t DeviceProgram::kernel(const KernelText &text, llvm::StringRef symbol,
                              llvm::StringRef node) {
  auto [known, isNew] = kernelNumbers.try_emplace(text.named(""), kernels.size());
  if (isNew)
    kernels.push_back({symbol.str(), node.str(), text});
  return known->second;
}

int64_t DeviceProgram::constant(llvm::StringRef bytes) {
  auto [known, isNew] = constantPlaces.try_emplace(bytes, constants.size());
  if (isNew) {
    constants += bytes;
    constants.resize(llvm::alignTo(constants.size(), INGOT_ALIGNMENT));
  }
  return known->second;
}

DeviceGenerator::DeviceGenerator(cpu::CodeContext &host, cpu::CodeContext &device,
                                 DeviceProgram &program, const GpuTarget &target,
                                 func::FuncOp function, FunctionDescription &description,
                                 const ArtifactDescription &artifact)
    : FunctionGenerator(host, function, description, artifact, /*debugArena=*/false),
      deviceContext(device), program(program), target(target) {
  // Behind the slots of the plan: where loops that read their position have it.
  Dim end = arenaBytes(function);
  function.walk([&](exec::ScanOp scan) {
    positionSlots[scan] = slots.size();
    slots.push_back(end);
    end = end + positionBytes;
  });
  // What runs again comes after what fails, wherever it stands.
  bool hasControl =
      function
          .walk([](Operation *op) {
            return exec::isControl(op) ? WalkResult::interrupt() : WalkResult::advance();
          })
          .wasInterrupted();
  mayHaveFailed = hasControl && mayFail(function);
}

/// Sizes that are not known yet are checked by the plan.
LogicalResult DeviceGenerator::checkStaticSizes() {
  auto isTooLarge = [&](Type type) {
    Dim count = numElements(b.getContext(), dimsOf(type));
    return count.isStatic() && count.value() > mostElements();
  };
  LogicalResult result = success();
  function.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (succeeded(result) && llvm::isa<RankedTensorType>(type) && isTooLarge(type))
        result = op->emitError("a tensor of shape ")
                 << str(dimsOf(type)) << " has more elements than a GPU's kernels count (2^31 - 1)"
                 << "; split it, or compile this function without --gpu";
  });
  return result;
}

LogicalResult DeviceGenerator::generate() {
  if (failed(checkStaticSizes()) || failed(FunctionGenerator::generate()))
    return failure();
  if (hasFailed)
    return failure();
  parameters.setElemType(LLVM::LLVMArrayType::get(cb.pointer(), mostParameters));
  return success();
}

Dim DeviceGenerator::plannedBytes() {
  return arenaBytes(function) + positionBytes * static_cast<int64_t>(positionSlots.size());
}

void DeviceGenerator::layoutFrame() {
  FunctionGenerator::layoutFrame();
  for (int64_t *word : {&count, &loaded, &copyFrom, &copyTo, &copySize})
    *word = frame.words++;
  // The places are not in the planned function: nothing else has asked for them.
  for (auto [scan, slot] : positionSlots)
    addPlace({Storage::Kind::Slot, slot, ""});
}

void DeviceGenerator::emitConstants() {
  function.walk([&](exec::ConstantOp constant) {
    auto elements = llvm::cast<DenseElementsAttr>(constant.getValue());
    std::string name = function.getName().str() + "_constant_" + std::to_string(constants++);
    constant->setAttr("exec.global", b.getStringAttr(name));
    std::string bytes;
    if (elements.getElementType().isInteger(1)) {
      for (bool v : elements.getValues<bool>())
        bytes.push_back(v ? 1 : 0);
    } else {
      int64_t size = elements.getNumElements() * reference::elementBytes(elements.getElementType());
      llvm::ArrayRef<char> raw = elements.getRawData();
      if (elements.isSplat())
        while (static_cast<int64_t>(bytes.size()) < size)
          bytes.append(raw.data(), raw.size());
      else
        bytes.assign(raw.data(), raw.size());
    }
    constantOffsets[name] = program.constant(bytes);
    frame.constants[name] = frame.words++;
  });
}

void DeviceGenerator::fillFrame(Value run, Value words) {
  device = cb.loadPointer(run, Device);
  parameters = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), cb.pointer(), cb.integer(1), 8);
  productFields = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), cb.i64(),
                                         cb.integer(std::tuple_size_v<ProductWords>), 8);
  tensorFields = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), cb.i64(),
                                        cb.integer(sizeof(ingot_tensor_map) / sizeof(int64_t)), 8);
  FunctionGenerator::fillFrame(run, words);
  Value base = deviceField(Constants);
  for (const auto &[name, offset] : constantOffsets)
    storeWord(words, frame.constants.at(name), cb.address(base, cb.integer(offset), b.getI8Type()));
  Value error = deviceField(Error);
  storeWord(words, frame.error, error);
  callDevice(Store, {error, cb.integer(cpu::Frame::noError)});
}

Value DeviceGenerator::codeOf(DeviceField callee, ValueRange arguments) {
  llvm::SmallVector<Value> all{deviceField(Context)};
  llvm::append_range(all, arguments);
  return callThrough(deviceField(callee), b.getI32Type(), all);
}

void DeviceGenerator::endWhereFailed(Value code) {
  Value failed = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, code, status(INGOT_OK));
  returnIf(made, failed, [&] { return status(INGOT_DEVICE_FAILED); });
}

void DeviceGenerator::callDevice(DeviceField callee, ValueRange arguments) {
  endWhereFailed(codeOf(callee, arguments));
}

Value DeviceGenerator::encode(const TensorMap &map) {
  constexpr int64_t bytes = 128, alignment = 64; // of a map
  constexpr int64_t elementBytes = 2, lineElements = 64, rank = 2;
  // Each has a place of its own: a launch may have several.
  Value place;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfter(parameters);
    place = LLVM::AllocaOp::create(b, cb.loc, cb.pointer(), b.getI8Type(), cb.integer(bytes),
                                   alignment);
  }
  auto field = [&](size_t offset, int64_t index, Value value) {
    storeWord(tensorFields, static_cast<int64_t>(offset / sizeof(int64_t)) + index, value);
  };
  bool isHalf = getElementTypeOrSelf(map.tensor).isF16();
  field(offsetof(ingot_tensor_map, dtype), 0, cb.integer(isHalf ? INGOT_F16 : INGOT_BF16));
  field(offsetof(ingot_tensor_map, base), 0, pointerTo(map.tensor));
  field(offsetof(ingot_tensor_map, rank), 0, cb.integer(rank));
  // Of an empty tensor nothing is loaded.
  for (int64_t d = 0; d < rank; ++d)
    field(offsetof(ingot_tensor_map, extents), d,
          arith::MaxSIOp::create(b, cb.loc, evaluate(map.extents[d]), cb.integer(1)));
  field(offsetof(ingot_tensor_map, strides), 1,
        cb.mul(evaluate(map.stride), cb.integer(elementBytes)));
  field(offsetof(ingot_tensor_map, box), 0, cb.integer(lineElements));
  field(offsetof(ingot_tensor_map, box), 1, cb.integer(map.boxLines));
  callDevice(EncodeTensorMap, {place, tensorFields});
  return place;
}

void DeviceGenerator::launch(const KernelText &text, llvm::StringRef symbol, llvm::StringRef node,
                             Value blocks, llvm::ArrayRef<TensorMap> maps) {
  int64_t number = program.kernel(text, symbol, node);
  Block *go = made.addBlock(), *after = made.addBlock();
  Value some = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::sgt, blocks, cb.integer(0));
  cf::CondBranchOp::create(b, cb.loc, some, go, after);
  b.setInsertionPointToStart(go);
  // One array for all launches: they have copied what it says when they return.
  int64_t count = 0;
  for (const KernelText::Parameter &parameter : text.parameters)
    storeWord(parameters, count++, wordAddress(words, parameter.word));
  for (const TensorMap &map : maps)
    storeWord(parameters, count++, encode(map));
  mostParameters = std::max(mostParameters, count);
  callDevice(Launch, {cb.integer(number), blocks, parameters});
  cf::BranchOp::create(b, cb.loc, after);
  b.setInsertionPointToStart(after);
}

std::optional<LibraryProduct> DeviceGenerator::libraryProduct(Operation *op) {
  auto kernel = llvm::dyn_cast<exec::KernelOp>(op);
  const GpuLibrary &library = context.options.gpuLibrary;
  if (!kernel || library.name.empty() || target.api != "cuda")
    return std::nullopt;
  std::optional<LibraryProduct> product = matchLibraryProduct(kernel);
  if (!product)
    return std::nullopt;
  auto isChosen = [&](const GpuLibrary::Choice &choice) { return product->mayBe(choice.product); };
  if (!library.choices.empty() && llvm::none_of(library.choices, isChosen))
    return std::nullopt;
  // A library does not see that the run has failed: it may go on in the arena, where nobody looks.
  Storage place = storageOf(product->d.tensor);
  if (mayHaveFailed && place.kind != Storage::Kind::Slot)
    return std::nullopt;
  // Kernels read a bias element by element, and may write over it.
  if (product->bias.tensor && storageOf(product->bias.tensor) == place)
    return std::nullopt;
  return product;
}

Value DeviceGenerator::addressOf(const LibraryProduct::Matrix &matrix) {
  if (!matrix.tensor)
    return LLVM::ZeroOp::create(b, cb.loc, cb.pointer());
  return cb.address(pointerTo(matrix.tensor), evaluate(matrix.offset),
                    cpu::memoryType(getElementTypeOrSelf(matrix.tensor)));
}

Block *DeviceGenerator::multiplyOrElse(const LibraryProduct &product) {
  for (auto [i, word] : llvm::enumerate(product.words))
    storeWord(productFields, static_cast<int64_t>(i), evaluate(word));
  Value code = codeOf(Multiply, {productFields, addressOf(product.a), addressOf(product.b),
                                 addressOf(product.bias), addressOf(product.d)});
  Block *none = made.addBlock(), *some = made.addBlock(), *after = made.addBlock();
  Value isNone =
      arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::eq, code, status(INGOT_NO_LIBRARY));
  cf::CondBranchOp::create(b, cb.loc, isNone, none, some);
  b.setInsertionPointToStart(some);
  endWhereFailed(code);
  cf::BranchOp::create(b, cb.loc, after);
  b.setInsertionPointToStart(none);
  return after;
}

DeviceGenerator::Dispatch DeviceGenerator::print(Operation *op) {
  auto here = b.saveInsertionPoint();
  std::string symbol = function.getName().str() + "_kernel";
  DeviceCode code;
  if (auto kernel = llvm::dyn_cast<exec::KernelOp>(op)) {
    code = emitKernel(deviceContext, frame, kernel, target, symbol);
  } else {
    cpu::KernelCode tasks = cpu::emitAlgorithm(deviceContext, frame, op, symbol);
    code.function = tasks.task;
    code.count = tasks.tasks;
  }
  narrowIndices(code.function,
                code.count.isStatic() ? std::max<int64_t>(code.count.value(), 1) - 1 : INT32_MAX);
  hasFailed |= failed(program.math.outline(deviceContext.module));
  auto printed = printKernel(code.function, code.form, code.threads,
                             {count, mayHaveFailed ? frame.error : -1});
  hasFailed |= failed(printed);
  KernelText text = succeeded(printed) ? std::move(*printed) : KernelText();
  text.threads = code.threads;
  text.sharedBytes = code.sharedBytes;
  code.function.erase();
  b.restoreInsertionPoint(here);
  return {op, std::move(text), code.form, code.count, std::move(code.maps)};
}

std::string DeviceGenerator::describe(KernelDescription described) {
  description.kernels.push_back(std::move(described));
  return function.getName().str() + "_k" + std::to_string(description.kernels.size() - 1);
}

void DeviceGenerator::launchAlone(const Dispatch &dispatch) {
  auto number = static_cast<int64_t>(description.kernels.size());
  std::string symbol = describe(describeKernel(dispatch.op));
  callBegin(number);
  std::optional<LibraryProduct> product = libraryProduct(dispatch.op);
  Block *after = product ? multiplyOrElse(*product) : nullptr;
  Value work = evaluate(dispatch.count);
  if (dispatch.form == Form::Threads) {
    storeWord(words, count, work);
    work = cb.ceilDiv(work, cb.integer(dispatch.text.threads));
  }
  launch(dispatch.text, symbol, description.kernels.back().node, work, dispatch.maps);
  if (after) {
    cf::BranchOp::create(b, cb.loc, after);
    b.setInsertionPointToStart(after);
  }
  callEnd(number);
}

void DeviceGenerator::launchTogether(llvm::ArrayRef<Dispatch *> dispatches) {
  if (dispatches.size() == 1)
    return launchAlone(*dispatches.front());
  std::vector<KernelPart> parts;
  llvm::SmallVector<Operation *> ops;
  int64_t blocks = 0;
  for (const Dispatch *each : dispatches) {
    int64_t work = each->count.value();
    parts.push_back({each->text, work, work});
    if (each->form == Form::Threads)
      parts.back().blocks = llvm::divideCeil(work, each->text.threads);
    blocks += parts.back().blocks;
    ops.push_back(each->op);
  }
  auto number = static_cast<int64_t>(description.kernels.size());
  std::string symbol = describe(describeKernels(ops));
  callBegin(number);
  launch(joinKernels(parts), symbol, description.kernels.back().node, cb.integer(blocks));
  callEnd(number);
}

void DeviceGenerator::launchGathered() {
  // What every device takes (OpenCL's least: 1024 bytes).
  constexpr size_t mostJoined = 120;
  struct Launch {
    llvm::SmallVector<Dispatch *> members;
    size_t parameters = 0;
    bool usesShared = false, isOfOneText = true;
  };
  auto mayJoin = [](const Dispatch &dispatch) {
    return dispatch.maps.empty() && dispatch.text.sharedBytes == 0 && dispatch.count.isStatic() &&
           dispatch.count.value() > 0;
  };
  std::vector<Launch> launches;
  for (Dispatch &dispatch : gathered) {
    const KernelText &text = dispatch.text;
    auto takes = [&](const Launch &launch) {
      const Dispatch &first = *launch.members.front();
      bool isSame = launch.isOfOneText && first.text.body == text.body;
      return mayJoin(first) && mayJoin(dispatch) && first.text.threads == text.threads &&
             launch.parameters + text.parameters.size() <= mostJoined &&
             (isSame || (!launch.usesShared && !text.usesShared));
    };
    auto it = llvm::find_if(launches, takes);
    if (it == launches.end())
      it = launches.insert(launches.end(), Launch());
    else
      it->isOfOneText &= it->members.front()->text.body == text.body;
    it->members.push_back(&dispatch);
    it->parameters += text.parameters.size();
    it->usesShared |= text.usesShared;
  }
  for (const Launch &launch : launches) {
    launchTogether(launch.members);
    for (const Dispatch *member : launch.members)
      noteWrites(member->op);
  }
  gathered.clear();
}

void DeviceGenerator::emitDispatch(Operation *op) {
  std::optional<int64_t> group = launchGroup(op);
  Dispatch dispatch = print(op);
  if (!group) {
    launchAlone(dispatch);
    mayHaveFailed |= mayFail(op);
    return;
  }
  gathered.push_back(std::move(dispatch));
  Operation *next = op->getNextNode();
  if (!next || launchGroup(next) != group)
    launchGathered();
}

void DeviceGenerator::leaveIfFailed() {
  if (!mayHaveFailed)
    return;
  callDevice(Load, {wordAddress(words, loaded), deviceField(Error), cb.integer(8)});
  Value error = cb.loadI64(words, loaded);
  Value failed = arith::CmpIOp::create(b, cb.loc, arith::CmpIPredicate::ne, error,
                                       cb.integer(cpu::Frame::noError));
  returnIf(made, failed, [&] {
    storeWord(run, FailedNode, error);
    return status(INGOT_INDEX_OUT_OF_RANGE);
  });
}

Value DeviceGenerator::loadScalar(Value tensor, Type element) {
  description.flags |= INGOT_FUNCTION_WAITS;
  leaveIfFailed();
  Value place = wordAddress(words, loaded);
  callDevice(Load, {place, pointerTo(tensor), cb.integer(element.getIntOrFloatBitWidth() / 8)});
  return LLVM::LoadOp::create(b, cb.loc, element, place, cpu::alignmentOf(element));
}

KernelText DeviceGenerator::copyKernel() {
  KernelText text;
  using Kind = KernelText::Parameter::Kind;
  text.parameters = {{copyTo, Kind::Pointer},
                     {copyFrom, Kind::Pointer},
                     {copySize, Kind::Integer},
                     {frame.error, Kind::Pointer}};
  text.threads = 256;
  text.body = R"(  if (*(K_GLOBAL k_i64 *)a3 != -1)
    return;
  const k_i64 first = block * 4096 + K_THREAD;
  for (int i = 0; i < 16; i++) {
    const k_i64 at = first + i * 256;
    if (at < a2)
      a0[at] = a1[at];
  }
)";
  return text;
}

void DeviceGenerator::copyBytes(Value from, Value to, Value bytes) {
  if (!mayHaveFailed)
    return callDevice(Copy, {to, from, bytes});
  storeWord(words, copyTo, to);
  storeWord(words, copyFrom, from);
  storeWord(words, copySize, bytes);
  launch(copyKernel(), "copy", description.name, cb.ceilDiv(bytes, cb.integer(4096)));
}

void DeviceGenerator::storePosition(exec::ScanOp op, Value position) {
  Value place =
      cb.loadPointer(words, frame.storage({Storage::Kind::Slot, positionSlots.at(op), ""}));
  storeWord(words, frame.storage(local(op, 0)), place);
  callDevice(Store, {place, position});
}

FailureOr<DeviceFunctions> generateDeviceFunctions(ModuleOp given, const GpuTarget &target,
                                                   const cpu::CpuTarget &host,
                                                   const CompileOptions &options) {
  OwningOpRef<ModuleOp> copy = given.clone();
  ModuleOp planned = *copy;
  DeviceFunctions made{{}, DeviceProgram(options.fastMath), {}};
  for (auto function : llvm::make_early_inc_range(planned.getOps<func::FuncOp>()))
    if (std::string reason = reasonToLeave(function); !reason.empty()) {
      made.left.push_back({function.getName().str(), reason});
      function.erase();
    }
  made.host.target = &host;
  made.host.description = describeArtifact(planned, options);
  made.host.code = ModuleOp::create(planned.getLoc());
  OwningOpRef<ModuleOp> kernels = ModuleOp::create(planned.getLoc());
  cpu::NodeTable nodes;
  cpu::CodeContext hostContext{host, options, *made.host.code, nodes};
  cpu::CodeContext deviceContext{host, options, *kernels, nodes, tasksOfOne, /*isDevice=*/true};
  ArtifactDescription &description = made.host.description;
  auto generate = [&](FunctionDescription &each) {
    auto function = planned.lookupSymbol<func::FuncOp>(each.name);
    return DeviceGenerator(hostContext, deviceContext, made.program, target, function, each,
                           description)
        .generate();
  };
  for (FunctionDescription &function : description.functions)
    if (failed(generate(function)))
      return failure();
  if (description.hasDerive && failed(generate(description.derive)))
    return failure();
  description.nodes = nodes.names;
  return made;
}

} // namespace ingot::gpu
