// Functions, memory and control flow as text. See KernelText.h and KernelPrinter.h.
#include "backends/gpu/KernelPrinter.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace ingot::gpu {

std::string typeName(Type type) {
  if (type.isF32())
    return "float";
  if (type.isF64())
    return "double";
  if (isHalf(type))
    return "k_u16";
  if (type.isInteger(1))
    return "int";
  if (type.isInteger(64) || type.isIndex())
    return "k_i64";
  return "k_u" + std::to_string(widthOf(type));
}

std::string suffix(Type type) {
  if (type.isBF16())
    return "bf16";
  return (llvm::isa<FloatType>(type) ? "f" : "u") + std::to_string(widthOf(type));
}

namespace {

std::string literal(const llvm::APFloat &value, Type type) {
  llvm::APInt bits = value.bitcastToAPInt();
  std::string hex = "0x" + llvm::utohexstr(bits.getZExtValue(), /*LowerCase=*/true);
  if (isHalf(type))
    return "((k_u16)" + hex + ")";
  if (!value.isFinite())
    return "k_from_bits_" + suffix(type) + (type.isF32() ? "(" + hex + "u)" : "(" + hex + "ull)");
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, type.isF32() ? "%.9g" : "%.17g", value.convertToDouble());
  std::string text = buffer;
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return "(" + text + (type.isF32() ? "f)" : ")");
}

std::string literal(const llvm::APInt &value, Type type) {
  if (type.isInteger(1))
    return value.isZero() ? "0" : "1";
  if (widthOf(type) == 64) // the least number is not a literal
    return value.isMinSignedValue() ? "((k_i64)0x8000000000000000ull)"
                                    : "((k_i64)" + std::to_string(value.getSExtValue()) + ")";
  return "((" + unsignedName(type) + ")" + std::to_string(value.getZExtValue()) + "u)";
}

} // namespace

std::string Printer::name(Value v) {
  std::string &known = names[v];
  if (known.empty()) {
    llvm::APInt integer;
    llvm::APFloat real(0.0);
    if (matchPattern(v, m_ConstantInt(&integer)))
      known = literal(integer, v.getType());
    else if (matchPattern(v, m_ConstantFloat(&real)))
      known = literal(real, v.getType());
    else
      known = "v" + std::to_string(nextName++);
  }
  return known;
}

/// Of pointers, intrinsics take those to registers and barriers by type.
static const char *registersOf(llvm::StringRef callee, size_t argument) {
  if (callee.starts_with("k_mma_"))
    return argument == 0 ? "float" : "k_u32";
  if (callee.starts_with("k_wgmma_m") || callee == "k_wgmma_hold")
    return argument == 0 ? "float" : nullptr;
  if (callee.starts_with("k_mbar_"))
    return argument == 0 ? "k_mbar" : nullptr;
  if (callee == "k_tma_load_2d")
    return argument == 4 ? "k_mbar" : nullptr;
  return callee.starts_with("k_ldmatrix_") && argument == 0 ? "k_u32" : nullptr;
}

std::string Printer::call(const llvm::Twine &callee, ValueRange arguments) {
  std::string function = callee.str(), result = function + "(";
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    const char *type = registersOf(function, i);
    result +=
        (i ? ", " : "") + (type ? std::string("(") + type + " *)" : std::string()) + name(argument);
  }
  return result + ")";
}

Printer::Space Printer::spaceOf(Value pointer) {
  if (auto gep = pointer.getDefiningOp<LLVM::GEPOp>())
    return spaceOf(gep.getBase());
  if (pointer.getDefiningOp<func::CallOp>())
    return Space::Shared;
  if (pointer.getDefiningOp<LLVM::AllocaOp>())
    return llvm::cast<LLVM::LLVMPointerType>(pointer.getType()).getAddressSpace() == sharedSpace
               ? Space::Shared
               : Space::Private;
  return Space::Global;
}

std::string Printer::parameter(int64_t word, KernelText::Parameter::Kind kind) {
  return "a" + std::to_string(KernelText::Parameter{word, kind}.placeIn(parameters));
}

std::string Printer::place(Value pointer, Type element) {
  Space space = spaceOf(pointer);
  return "*(" + pointerType(space, memoryName(element)) + ")(" + name(pointer) + ")";
}

void Printer::printMemory(Operation &op) {
  llvm::TypeSwitch<Operation *>(&op)
      .Case([&](LLVM::AllocaOp alloca) {
        std::string type = memoryName(alloca.getElemType()), count = name(alloca.getArraySize());
        std::string array = "m" + std::to_string(nextName++);
        usesShared |= spaceOf(alloca) == Space::Shared;
        if (spaceOf(alloca) == Space::Shared)
          line() << "K_SHARED(" << type << ", " << array << ", " << count << ");\n";
        else
          line() << type << ' ' << array << '[' << count << "];\n";
        names[alloca] = "(" + pointerType(spaceOf(alloca), "char") + ")" + array;
      })
      .Case([&](LLVM::GEPOp gep) {
        if (gep.getBase() == function.getArgument(0))
          return; // of a parameter
        std::string base = name(gep.getBase());
        int64_t size = std::max(1u, widthOf(cpu::memoryType(gep.getElemType())) / 8);
        auto indices = gep.getRawConstantIndices();
        std::string offset = indices[0] == LLVM::GEPOp::kDynamicIndex
                                 ? name(gep.getDynamicIndices()[0])
                                 : std::to_string(indices[0]);
        std::string bytes = size == 1 ? offset : offset + " * " + std::to_string(size);
        line() << pointerType(spaceOf(gep), "char") << " const " << name(gep) << " = " << base
               << " + " << bytes << ";\n";
      })
      .Case([&](LLVM::LoadOp load) {
        Value v = load;
        auto gep = load.getAddr().getDefiningOp<LLVM::GEPOp>();
        bool isPointer = llvm::isa<LLVM::LLVMPointerType>(v.getType());
        if (gep && gep.getBase() == function.getArgument(0)) {
          names[v] = parameter(gep.getRawConstantIndices()[0],
                               isPointer ? KernelText::Parameter::Kind::Pointer
                                         : KernelText::Parameter::Kind::Integer);
          return;
        }
        assert(!isPointer && "pointers stand in the frame alone");
        if (llvm::isa<VectorType>(v.getType()))
          return printPiece(load);
        let(v, place(load.getAddr(), v.getType()));
      })
      .Case([&](LLVM::StoreOp store) {
        if (llvm::isa<VectorType>(store.getValue().getType()))
          return printPiece(store);
        line() << place(store.getAddr(), store.getValue().getType()) << " = "
               << name(store.getValue()) << ";\n";
      })
      .Case([&](LLVM::AtomicRMWOp atomic) {
        line() << "k_atomic_min_u64((K_GLOBAL k_u64 *)(" << name(atomic.getPtr()) << "), (k_u64)"
               << name(atomic.getVal()) << ");\n";
      });
}

/// What a piece of so many bytes is in the text: one word, or a struct of several.
static std::string pieceType(int64_t bytes) {
  return bytes > 4 ? llvm::formatv("k_v{0}u32", bytes / 4).str()
                   : llvm::formatv("k_u{0}", bytes * 8).str();
}
static std::string wordOf(llvm::StringRef piece, int64_t bytes, int64_t word) {
  return bytes > 4 ? (piece + "." + llvm::StringRef("xyzw").substr(word, 1)).str() : piece.str();
}
static int64_t bytesOf(VectorType type) {
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}
/// The access as the preludes name it, up to the address: "k_load16", "k_shared_store8".
std::string Printer::pieceAccess(Value pointer, llvm::StringRef access, int64_t bytes) {
  return llvm::formatv("k_{0}{1}{2}", spaceOf(pointer) == Space::Shared ? "shared_" : "", access,
                       bytes);
}

void Printer::printPiece(LLVM::LoadOp load) {
  auto type = llvm::cast<VectorType>(load.getType());
  int64_t bytes = bytesOf(type);
  Value pointer = load.getAddr();
  line() << "const " << pieceType(bytes) << ' ' << name(load) << " = ";
  if (bytes > 4)
    out << pieceAccess(pointer, "load", bytes) << '(' << name(pointer) << ");\n";
  else
    out << "*(" << pointerType(spaceOf(pointer), pieceType(bytes)) << ")(" << name(pointer)
        << ");\n";
}

void Printer::printPiece(LLVM::StoreOp store) {
  auto made = store.getValue().getDefiningOp<vector::FromElementsOp>();
  auto type = llvm::cast<VectorType>(made.getType());
  int64_t bytes = bytesOf(type), width = type.getElementTypeBitWidth();
  std::string piece = "p" + std::to_string(nextName++);
  auto bits = [&](Value v) {
    if (llvm::isa<FloatType>(v.getType()))
      return call("k_bits_" + suffix(v.getType()), v);
    return "(k_u" + std::to_string(std::max<int64_t>(width, 32)) + ")" + name(v);
  };
  line() << pieceType(bytes) << ' ' << piece << ";\n";
  int64_t perWord = std::max<int64_t>(32 / width, 1);
  for (int64_t word = 0; word < std::max<int64_t>(bytes / 4, 1); ++word) {
    std::string value;
    for (int64_t i = 0; i < perWord && i * width < bytes * 8; ++i) {
      int64_t element = word * 32 / width + i;
      value += llvm::formatv("{0}{1}", i ? " | " : "", bits(made.getElements()[element]));
      if (int64_t shift = width < 32 ? i * width : -(word * 32 % width); shift != 0)
        value += llvm::formatv(" {0} {1}", shift > 0 ? "<<" : ">>", std::abs(shift));
    }
    line() << wordOf(piece, bytes, word) << " = (" << pieceType(std::min<int64_t>(bytes, 4)) << ")("
           << value << ");\n";
  }
  Value pointer = store.getAddr();
  if (bytes > 4)
    line() << pieceAccess(pointer, "store", bytes) << '(' << name(pointer) << ", " << piece
           << ");\n";
  else
    line() << "*(" << pointerType(spaceOf(pointer), pieceType(bytes)) << ")(" << name(pointer)
           << ") = " << piece << ";\n";
}

/// An element of a piece that was loaded.
void Printer::printLane(vector::ExtractOp op) {
  Value v = op.getResult();
  auto type = llvm::cast<VectorType>(op.getSource().getType());
  int64_t bytes = bytesOf(type), width = type.getElementTypeBitWidth();
  int64_t first = op.getStaticPosition()[0] * width;
  std::string piece = name(op.getSource()), bits = wordOf(piece, bytes, first / 32);
  if (width == 64)
    bits = "(k_u64)" + bits + " | (k_u64)" + wordOf(piece, bytes, first / 32 + 1) + " << 32";
  else if (first % 32 != 0)
    bits += " >> " + std::to_string(first % 32);
  if (llvm::isa<FloatType>(v.getType()))
    let(v, "k_from_bits_" + suffix(v.getType()) + "(" + bits + ")");
  else
    let(v, "(" + typeName(v.getType()) + ")(" + bits + ")");
}

/// An element of a constant: from a table of integers.
void Printer::printElement(vector::ExtractOp op) {
  if (op.getSource().getDefiningOp<LLVM::LoadOp>())
    return printLane(op);
  auto table = op.getSource().getDefiningOp<arith::ConstantOp>();
  auto elements = llvm::cast<DenseIntElementsAttr>(table.getValue());
  std::string &known = tableNames[elements];
  if (known.empty()) {
    known = llvm::formatv("{0}_table{1}", function.getName(), tableNames.size() - 1);
    tables += llvm::formatv("K_CONSTANT {0} {1}[{2}] = {{", typeName(elements.getElementType()),
                            known, elements.getNumElements());
    for (auto [i, element] : llvm::enumerate(elements.getValues<llvm::APInt>()))
      tables += (i ? ", " : "") + literal(element, elements.getElementType());
    tables += "};\n";
  }
  std::string at = op.hasDynamicPosition() ? name(op.getDynamicPosition()[0])
                                           : std::to_string(op.getStaticPosition()[0]);
  let(op.getResult(), known + "[" + at + "]");
}

void Printer::declare(ValueRange values) {
  for (Value v : values)
    line() << typeName(v.getType()) << ' ' << name(v) << ";\n";
}

/// Together: a value that is read may be one that is written.
void Printer::assign(ValueRange to, ValueRange from) {
  llvm::SmallVector<std::pair<std::string, std::string>> moves;
  for (auto [t, f] : llvm::zip_equal(to, from))
    if (name(t) != name(f))
      moves.emplace_back(name(t), name(f));
  bool overlap = llvm::any_of(moves, [&](auto &read) {
    return llvm::any_of(
        moves, [&](auto &written) { return &read != &written && read.second == written.first; });
  });
  if (!overlap) {
    for (auto &[t, f] : moves)
      line() << t << " = " << f << ";\n";
    return;
  }
  llvm::SmallVector<std::string> held;
  for (auto [t, f] : llvm::zip_equal(to, from)) {
    if (name(t) == name(f))
      continue;
    held.push_back("t" + std::to_string(nextName++));
    line() << "const " << typeName(f.getType()) << ' ' << held.back() << " = " << name(f) << ";\n";
  }
  for (auto [move, value] : llvm::zip_equal(moves, held))
    line() << move.first << " = " << value << ";\n";
}

void Printer::printFor(scf::ForOp op) {
  for (auto [argument, init] : llvm::zip_equal(op.getRegionIterArgs(), op.getInitArgs()))
    line() << typeName(argument.getType()) << ' ' << name(argument) << " = " << name(init) << ";\n";
  std::string i = name(op.getInductionVar());
  if (op->hasAttr(unrollAttr))
    line() << "K_UNROLL\n";
  line() << "for (" << signedName(op.getInductionVar().getType()) << ' ' << i << " = "
         << asSigned(op.getLowerBound()) << "; " << i << " < " << asSigned(op.getUpperBound())
         << "; " << i << " += " << asSigned(op.getStep()) << ") {\n";
  ++depth;
  printBlock(*op.getBody());
  assign(op.getRegionIterArgs(), op.getBody()->getTerminator()->getOperands());
  --depth;
  line() << "}\n";
  for (auto [result, argument] : llvm::zip_equal(op.getResults(), op.getRegionIterArgs()))
    names[result] = name(argument);
}

void Printer::printIf(scf::IfOp op) {
  declare(op.getResults());
  line() << "if (" << name(op.getCondition()) << ") {\n";
  auto branch = [&](Region &region) {
    ++depth;
    printBlock(region.front());
    assign(op.getResults(), region.front().getTerminator()->getOperands());
    --depth;
  };
  branch(op.getThenRegion());
  if (!op.getElseRegion().empty()) {
    line() << "} else {\n";
    branch(op.getElseRegion());
  }
  line() << "}\n";
}

void Printer::printWhile(scf::WhileOp op) {
  declare(op.getResults());
  for (auto [argument, init] : llvm::zip_equal(op.getBeforeArguments(), op.getInits()))
    line() << typeName(argument.getType()) << ' ' << name(argument) << " = " << name(init) << ";\n";
  line() << "for (;;) {\n";
  ++depth;
  printBlock(*op.getBeforeBody());
  auto condition = op.getConditionOp();
  assign(op.getResults(), condition.getArgs());
  line() << "if (!(" << name(condition.getCondition()) << "))\n";
  line() << "  break;\n";
  for (auto [argument, result] : llvm::zip_equal(op.getAfterArguments(), op.getResults()))
    names[argument] = name(result);
  printBlock(*op.getAfterBody());
  assign(op.getBeforeArguments(), op.getYieldOp().getOperands());
  --depth;
  line() << "}\n";
}

void Printer::print(Operation &op) {
  if (llvm::isa<LLVM::LLVMDialect>(op.getDialect()))
    return printMemory(op);
  if (printInteger(op) || printFloat(op) || printConversion(op))
    return;
  llvm::TypeSwitch<Operation *>(&op)
      .Case<arith::ConstantOp, func::ReturnOp, scf::YieldOp, scf::ConditionOp,
            vector::FromElementsOp>([](auto) {})
      .Case([&](arith::SelectOp choice) {
        let(choice, name(choice.getCondition()) + " ? " + name(choice.getTrueValue()) + " : " +
                        name(choice.getFalseValue()));
      })
      .Case([&](vector::ExtractOp element) { printElement(element); })
      .Case([&](scf::ForOp loop) { printFor(loop); })
      .Case([&](scf::IfOp branch) { printIf(branch); })
      .Case([&](scf::WhileOp loop) { printWhile(loop); })
      .Case([&](func::CallOp called) {
        if (called.getCallee() == intrinsic::dynamicShared) {
          // One name for all: where the memory starts.
          if (!usesDynamicShared)
            line() << "K_SHARED_DYNAMIC(dynamic);\n";
          usesDynamicShared = true;
          names[called.getResult(0)] = "((K_SHARED_POINTER(char))dynamic)";
          return;
        }
        if (called.getCallee() == intrinsic::tensorMap) {
          names[called.getResult(0)] = "&t" + std::to_string(tensorMaps++);
          return;
        }
        hasBarriers |= called.getCallee() == intrinsic::barrier;
        calls.insert(called.getCallee().str());
        std::string expression = called.getCallee() == intrinsic::thread
                                     ? "K_THREAD"
                                     : call(called.getCallee(), called.getOperands());
        if (called.getNumResults() == 1)
          let(called.getResult(0), expression);
        else
          line() << expression << ";\n";
      })
      .Default([&](Operation *other) {
        other->emitError("internal error: kernels' text has no word for it");
        hasFailed = true;
      });
}

void Printer::printBlock(Block &block) {
  for (Operation &op : block)
    print(op);
}

FailureOr<KernelText> Printer::kernel(Form form, int64_t threads, const FrameWords &frame) {
  using Kind = KernelText::Parameter::Kind;
  std::string start;
  Value index = function.getArgument(1);
  if (form == Form::Threads) {
    line() << "const k_i64 " << name(index) << " = block * " << threads << " + K_THREAD;\n";
    line() << "if (" << name(index) << " >= " << parameter(frame.count, Kind::Count) << ")\n";
    line() << "  return;\n";
  } else {
    line() << "const k_i64 " << name(index) << " = block;\n";
  }
  if (frame.error >= 0)
    start = parameter(frame.error, Kind::Pointer);
  printBlock(function.getBody().front());

  if (hasFailed)
    return failure();
  KernelText result;
  // Kernels behind one that failed do nothing. Threads that meet at barriers leave together.
  if (!start.empty() && hasBarriers)
    start = "  K_SHARED(int, failed, 1);\n"
            "  if (K_THREAD == 0)\n"
            "    failed[0] = *(K_GLOBAL k_i64 *)" +
            start +
            " != -1;\n"
            "  K_BARRIER();\n"
            "  if (failed[0])\n"
            "    return;\n";
  else if (!start.empty())
    start = "  if (*(K_GLOBAL k_i64 *)" + start + " != -1)\n    return;\n";
  result.parameters = parameters;
  result.body = start + text;
  result.tensorMaps = tensorMaps;
  result.calls = calls;
  result.threads = threads;
  result.usesShared = usesShared || usesDynamicShared || hasBarriers;
  return result;
}

std::string Printer::deviceFunction(llvm::StringRef symbol) {
  printBlock(function.getBody().front());
  if (hasFailed)
    return {};
  Operation *end = function.getBody().front().getTerminator();
  std::string head =
      "K_DEVICE " + typeName(end->getOperand(0).getType()) + " " + symbol.str() + "(";
  for (auto [i, argument] : llvm::enumerate(function.getArguments()))
    head += (i ? ", " : "") + typeName(argument.getType()) + " " + name(argument);
  return tables + head + ") {\n" + text + "  return " + name(end->getOperand(0)) + ";\n}\n";
}

size_t KernelText::Parameter::placeIn(std::vector<Parameter> &list) const {
  auto it = llvm::find_if(list, [&](const Parameter &known) { return known.word == word; });
  const size_t number = it - list.begin();
  if (it == list.end())
    list.push_back(*this);
  return number;
}

std::string KernelText::Parameter::declare(const llvm::Twine &name) const {
  return ((kind == Kind::Pointer ? "K_GLOBAL char *" : "k_i64 ") + name).str();
}

std::string KernelText::named(llvm::StringRef symbol) const {
  std::string list;
  for (auto [i, parameter] : llvm::enumerate(parameters))
    list += (i ? ", " : "") + parameter.declare(llvm::Twine(letter) + llvm::Twine(i));
  for (int64_t i = 0; i < tensorMaps; ++i)
    list += (list.empty() ? "" : ", ") + ("K_TENSOR_MAP(t" + std::to_string(i) + ")");
  return llvm::formatv("K_KERNEL({0}, {1})({2}) {{\n{3}{4}}\nK_EXPORT({0}, {5}, {1})\n", symbol,
                       threads, list, head, body, parameterCount());
}

FailureOr<KernelText> printKernel(func::FuncOp function, Form form, int64_t threads,
                                  const FrameWords &frame) {
  return Printer(function).kernel(form, threads, frame);
}

std::string printDeviceFunction(func::FuncOp function, llvm::StringRef name) {
  return Printer(function).deviceFunction(name);
}

} // namespace ingot::gpu
