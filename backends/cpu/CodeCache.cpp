// See CodeCache.h. An entry is a sequence of numbers and of texts with their length; its digest has
// been checked, so what does not fit is another format, and counts as missing.
#include "backends/cpu/CodeCache.h"
#include "backends/cpu/Generate.h"
#include "compiler/cache/CacheDirectory.h"
#include "compiler/package/Describe.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "llvm/Support/Endian.h"

using namespace mlir;

namespace ingot::cpu {
namespace {

/// Writes or reads fields one after another, in the same order by the same function.
class Writer {
public:
  void field(int64_t &number) {
    char bytes[8];
    llvm::support::endian::write64le(bytes, static_cast<uint64_t>(number));
    text.append(bytes, 8);
  }
  void field(std::string &part) { field(llvm::StringRef(part)); }
  void field(ObjectBytes &part) { field(llvm::StringRef(part.data(), part.size())); }
  template <typename T> void count(std::vector<T> &list) {
    auto size = static_cast<int64_t>(list.size());
    field(size);
  }
  std::string text;

private:
  void field(llvm::StringRef part) {
    auto size = static_cast<int64_t>(part.size());
    field(size);
    text += part;
  }
};

class Reader {
public:
  explicit Reader(llvm::StringRef rest) : rest(rest) {}
  void field(int64_t &number) {
    isGood &= rest.size() >= 8;
    number = isGood ? static_cast<int64_t>(llvm::support::endian::read64le(rest.data())) : 0;
    rest = rest.drop_front(isGood ? 8 : 0);
  }
  template <typename Text> void field(Text &part) {
    llvm::StringRef bytes = next();
    part = Text(bytes.begin(), bytes.end());
  }
  template <typename T> void count(std::vector<T> &list) {
    int64_t size = 0;
    field(size);
    isGood &= size >= 0 && static_cast<uint64_t>(size) <= rest.size(); // each takes a byte at least
    list.resize(isGood ? size : 0);
  }
  bool isDone() const { return isGood && rest.empty(); }

private:
  llvm::StringRef next() {
    int64_t size = 0;
    field(size);
    isGood &= size >= 0 && static_cast<uint64_t>(size) <= rest.size();
    llvm::StringRef bytes = isGood ? rest.take_front(size) : llvm::StringRef();
    rest = rest.drop_front(bytes.size());
    return bytes;
  }
  llvm::StringRef rest;
  bool isGood = true;
};

/// What the generator adds to the description of a function.
template <typename Stream> void functionFields(Stream &s, FunctionDescription &function) {
  s.field(function.planWords);
  s.field(function.outputDims);
  s.field(function.arenaFormula);
  s.count(function.kernels);
  for (KernelDescription &kernel : function.kernels)
    for (std::string *part : {&kernel.name, &kernel.node, &kernel.flops, &kernel.bytes})
      s.field(*part);
}

template <typename Stream> void codeFields(Stream &s, Variant &variant) {
  for (FunctionDescription &function : variant.description.functions)
    functionFields(s, function);
  if (variant.description.hasDerive)
    functionFields(s, variant.description.derive);
  s.count(variant.description.nodes);
  for (std::string &node : variant.description.nodes)
    s.field(node);
  s.count(variant.objects);
  for (ObjectBytes &object : variant.objects)
    s.field(object);
}

/// The program with its locations, which name nodes, and without the values of variables.
std::string programBytes(ModuleOp planned) {
  OwningOpRef<ModuleOp> bare = planned.clone();
  for (auto variable : bare->getOps<graph::VariableOp>())
    variable.removeValueAttr();
  std::string bytes;
  llvm::raw_string_ostream out(bytes);
  (void)writeBytecodeToFile(*bare, out);
  return bytes;
}

std::string keyOf(ModuleOp planned, const CpuTarget &target, const CompileOptions &options) {
  return CacheKey()
      .add(compilerIdentity())
      .add(programBytes(planned))
      .add(target.name)
      .add(options.symbol)
      .add(options.sanitize)
      .add(options.debugInfo ? "debug info" : "")
      .add(options.debugArena ? "debug arena" : "")
      .add(options.fastMath ? "fast math" : "")
      .digest();
}

} // namespace

FailureOr<Variant> makeCode(ModuleOp planned, const CpuTarget &target,
                            const CompileOptions &options) {
  if (options.cache.directory.empty())
    return generateCode(planned, target, options);
  if (failed(checkCustomCode(planned, options)))
    return failure();
  std::string key = keyOf(planned, target, options);
  if (std::optional<std::string> entry = CacheDirectory(options.cache).find(key)) {
    Variant variant{&target, {}, describeArtifact(planned, options), {}, ""};
    Reader reader(*entry);
    codeFields(reader, variant);
    if (reader.isDone()) {
      variant.description.isCodeCached = true;
      return variant;
    }
  }
  auto variant = generateCode(planned, target, options);
  if (succeeded(variant))
    variant->cacheKey = key;
  return variant;
}

void storeCode(const Variant &variant, const CompileOptions &options, Location loc) {
  if (variant.cacheKey.empty())
    return;
  Writer writer;
  codeFields(writer, const_cast<Variant &>(variant)); // a writer changes nothing
  std::string failure = CacheDirectory(options.cache).store(variant.cacheKey, writer.text);
  if (!failure.empty())
    emitWarning(loc) << "the compile cache does not keep this code: " << failure;
}

} // namespace ingot::cpu
