// See Emulator.h.
#include "tests/emulated/Emulator.h"
#include "backends/cpu/CpuTarget.h"
#include "tests/emulated/guest/Protocol.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstring>

namespace ingot::tests {
namespace {

const std::string directory = std::string(INGOT_SOURCE_DIR) + "/tests/emulated";

/// Where the artifact's one symbol is.
uint64_t entryOf(llvm::MemoryBufferRef file) {
  auto object = llvm::object::ELF64LEObjectFile::create(file);
  if (!object)
    llvm::reportFatalUsageError(object.takeError());
  for (const llvm::object::ELFSymbolRef &symbol : object->getDynamicSymbolIterators())
    if (auto name = symbol.getName(); name && *name == "ingot_artifact")
      return llvm::cantFail(symbol.getAddress());
  llvm::reportFatalUsageError("the artifact has no symbol");
}

/// See ingot_symbol_kind.
int64_t symbolValue(const ingot_symbol_source &source,
                    const std::vector<reference::Tensor> &inputs) {
  const reference::Tensor &input = inputs.at(static_cast<size_t>(source.input));
  switch (source.kind) {
  case INGOT_SYMBOL_EXTENT:
    return input.dim(source.index);
  case INGOT_SYMBOL_FIXED_POINT:
    return static_cast<int64_t>(std::floor(input.real(source.index) * 4294967296.0));
  case INGOT_SYMBOL_VALUE_IF_ANY:
    if (source.index >= input.numElements())
      return INGOT_NO_VALUE;
    [[fallthrough]];
  default:
    return input.integer(source.index);
  }
}

std::vector<char> bytesOf(const reference::Tensor &tensor) {
  std::vector<char> bytes(
      static_cast<size_t>(reference::storedBytes(tensor.element(), tensor.numElements())));
  if (!bytes.empty())
    tensor.copyTo(bytes.data());
  return bytes;
}

/// Reads the guest's words; what is behind the end is zeros.
class Reader {
public:
  explicit Reader(std::string bytes) : bytes(std::move(bytes)) {}
  bool atEnd() const { return at + 8 > bytes.size(); }
  uint64_t word() {
    uint64_t value = 0;
    if (!atEnd())
      std::memcpy(&value, bytes.data() + at, 8);
    at += 8;
    return value;
  }
  std::vector<char> block(uint64_t size) {
    std::vector<char> data;
    if (at <= bytes.size() && size <= bytes.size() - at)
      data.assign(bytes.begin() + static_cast<int64_t>(at),
                  bytes.begin() + static_cast<int64_t>(at + size));
    at += (size + 7) / 8 * 8;
    return data;
  }

private:
  std::string bytes;
  size_t at = 0;
};

/// Whether the code begins with vgatherdps, …qps, vpgatherdd or their like of 64 bits, in the
/// encoding of AVX-512, with the highest bit of the index register set (it is stored inverted).
bool isHighGather(uint64_t code) {
  auto byte = [&](int i) { return code >> (8 * i) & 0xff; };
  constexpr uint64_t evex = 0x62, map = 2, firstGather = 0x90, lastGather = 0x93, highIndex = 8;
  return byte(0) == evex && (byte(1) & 7) == map && !(byte(3) & highIndex) &&
         byte(4) >= firstGather && byte(4) <= lastGather;
}

Emulator::Ran readRun(Reader &reader) {
  Emulator::Ran ran;
  ran.status = static_cast<int64_t>(reader.word());
  ran.flags = reader.word();
  for (uint64_t count = reader.word(); count > 0 && !reader.atEnd(); --count) {
    Emulator::Block block;
    for (uint64_t rank = reader.word(); rank > 0 && !reader.atEnd(); --rank)
      block.shape.push_back(static_cast<int64_t>(reader.word()));
    block.data = reader.block(reader.word());
    ran.outputs.push_back(std::move(block));
  }
  for (uint64_t count = reader.word(); count > 0 && !reader.atEnd(); --count)
    ran.variables.push_back({{}, reader.block(reader.word())});
  return ran;
}

void readResults(Reader reader, Emulator::Results &results) {
  while (!reader.atEnd()) {
    switch (reader.word()) {
    case kModule: {
      Emulator::Opened opened;
      opened.tileRequests = reader.word();
      auto name = reader.block(reader.word());
      opened.variant.assign(name.begin(), name.end());
      results.opened.push_back(opened);
      break;
    }
    case kRun: {
      uint64_t number = reader.word();
      if (number >= results.ran.size()) {
        results.error = "the guest's results make no sense";
        return;
      }
      results.ran[number] = readRun(reader);
      break;
    }
    case kFault: {
      uint64_t vector = reader.word(), first = reader.word(), second = reader.word(),
               bytes = reader.word();
      constexpr uint64_t invalidOpcode = 6;
      results.isGatherRefused = vector == invalidOpcode && isHighGather(bytes);
      llvm::raw_string_ostream(results.error)
          << "exception " << vector << " in the guest (" << llvm::Twine::utohexstr(first) << ", "
          << llvm::Twine::utohexstr(second) << ", " << llvm::Twine::utohexstr(bytes) << ")";
      return;
    }
    case kEnd:
      return;
    default:
      results.error = "the guest's results make no sense";
      return;
    }
  }
  results.error = "the guest has not come to its end";
}

} // namespace

bool Emulator::isThere() {
  return llvm::sys::fs::exists(std::string(INGOT_SOURCE_DIR) + "/build/emulator/ready");
}

std::vector<EmulatedCpu> Emulator::cpus() {
  return {{"x86-64-v3+vnni", "arrow_lake", ""},
          {"x86-64-v4", "corei7_skylake_x", ""},
          {"x86-64-v4+vnni", "tigerlake", ""},
          {"x86-64-v4+bf16", "sapphire_rapids", "amx_int8,amx_bf16,amx"},
          {"x86-64-v4+amx", "sapphire_rapids", ""}};
}

void Emulator::put(uint64_t word) { payload.append(reinterpret_cast<const char *>(&word), 8); }

void Emulator::putBytes(const void *data, size_t bytes) {
  payload.append(static_cast<const char *>(data), bytes);
  payload.resize((payload.size() + 7) / 8 * 8);
}

void Emulator::open(const std::string &path, bool refusesTiles) {
  auto file = llvm::cantFail(llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(path)));
  put(kModule);
  put(refusesTiles);
  put(file->getBufferSize());
  put(entryOf(file->getMemBufferRef()));
  putBytes(file->getBufferStart(), file->getBufferSize());
}

size_t Emulator::run(const Artifact &artifact, const std::string &name,
                     const std::vector<reference::Tensor> &inputs,
                     const std::map<std::string, reference::Tensor> &variables) {
  const ingot_artifact_table &table = artifact.table();
  const ingot_function &function = *artifact.findFunction(name);
  put(kRun);
  put(runs);
  put(static_cast<uint64_t>(&function - table.functions));
  put(static_cast<uint64_t>(function.symbol_count));
  for (int64_t s = 0; s < function.symbol_count; ++s)
    put(static_cast<uint64_t>(symbolValue(function.sources[s], inputs)));
  put(inputs.size());
  for (const reference::Tensor &input : inputs) {
    auto bytes = bytesOf(input);
    put(bytes.size());
    putBytes(bytes.data(), bytes.size());
  }
  put(variables.size());
  for (auto &[variable, value] : variables) {
    auto bytes = bytesOf(value);
    put(static_cast<uint64_t>(artifact.findVariable(variable) - table.variables));
    put(bytes.size());
    putBytes(bytes.data(), bytes.size());
  }
  return runs++;
}

Emulator::Results Emulator::start(const EmulatedCpu &cpu) {
  put(kEnd);
  uint64_t size = payload.size();
  std::memcpy(payload.data(), &size, 8);
  Results results;
  results.ran.resize(runs);
  llvm::SmallString<64> given, got;
  int file = -1;
  if (llvm::sys::fs::createTemporaryFile("ingot-guest", "in", file, given) ||
      llvm::sys::fs::createTemporaryFile("ingot-guest", "out", got)) {
    results.error = "no temporary files";
    return results;
  }
  llvm::raw_fd_ostream(file, /*shouldClose=*/true) << payload;
  std::string program = directory + "/start";
  int code = llvm::sys::ExecuteAndWait(program,
                                       {program, cpu.model, cpu.without, INGOT_EMULATED_ROM,
                                        INGOT_EMULATED_GUEST, given.str(), got.str()},
                                       std::nullopt, {}, 0, 0, &results.error);
  auto output = llvm::MemoryBuffer::getFile(got);
  if (code == 0 && output)
    readResults(Reader((*output)->getBuffer().str()), results);
  else if (results.error.empty())
    results.error = "the emulator ended with code " + std::to_string(code);
  llvm::sys::fs::remove(given);
  llvm::sys::fs::remove(got);
  return results;
}

reference::Tensor tensorOf(const Emulator::Block &block, mlir::Type element) {
  reference::Tensor tensor(element, block.shape);
  if (block.data.size() ==
      static_cast<size_t>(reference::storedBytes(element, tensor.numElements())))
    tensor.copyFrom(block.data.data());
  return tensor;
}

} // namespace ingot::tests
