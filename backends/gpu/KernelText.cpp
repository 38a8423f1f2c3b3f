// The printer: every value is a constant of its own name, every region a block of C. See
// KernelText.h.
//
// An i1 is an int of 0 or 1; an i64 is signed, other integers are unsigned, and what may overflow
// is computed without a sign; a 16-bit float is its bits. Pointers are to bytes.
#include "backends/gpu/KernelText.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;

namespace ingot::gpu {
namespace {

unsigned widthOf(Type type) { return type.isIndex() ? 64 : type.getIntOrFloatBitWidth(); }
bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

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

/// "f32", "u16", …: what intrinsics' names end in.
std::string suffix(Type type) {
  if (type.isBF16())
    return "bf16";
  return (llvm::isa<FloatType>(type) ? "f" : "u") + std::to_string(widthOf(type));
}
std::string signedName(Type type) { return "k_i" + std::to_string(widthOf(type)); }
std::string unsignedName(Type type) { return "k_u" + std::to_string(widthOf(type)); }

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

class Printer {
public:
  explicit Printer(func::FuncOp function) : function(function) {}

  FailureOr<KernelText> kernel(Form form, int64_t threads, const FrameWords &frame);
  std::string deviceFunction(llvm::StringRef name);

private:
  enum class Space { Global, Shared, Private };
  Space spaceOf(Value pointer);
  static std::string pointerType(Space space, llvm::StringRef pointee) {
    return space == Space::Global   ? ("K_GLOBAL " + pointee + " *").str()
           : space == Space::Shared ? ("K_SHARED_POINTER(" + pointee + ")").str()
                                    : (pointee + " *").str();
  }

  llvm::raw_ostream &line() { return out.indent(depth * 2); }
  std::string name(Value v);
  /// Declares the value.
  void let(Value v, const llvm::Twine &expression) {
    line() << "const " << typeName(v.getType()) << ' ' << name(v) << " = " << expression << ";\n";
  }
  std::string call(const llvm::Twine &callee, ValueRange arguments);
  /// The integer as the operand of a signed operation.
  std::string asSigned(Value v) {
    return v.getType().isInteger(1) ? "-" + name(v) : "(" + signedName(v.getType()) + ")" + name(v);
  }
  std::string asUnsigned(Value v) {
    return widthOf(v.getType()) < 32 ? "(k_u32)" + name(v)
                                     : "(" + unsignedName(v.getType()) + ")" + name(v);
  }
  /// An unsigned expression of at least 32 bits, made the value's own type.
  std::string wrapped(Value v, const llvm::Twine &expression) {
    return v.getType().isInteger(1) ? ("(" + expression + ") & 1").str()
                                    : "(" + typeName(v.getType()) + ")(" + expression.str() + ")";
  }
  std::string parameter(int64_t word, bool isPointer);

  void printBlock(Block &block);
  void print(Operation &op);
  bool printInteger(Operation &op);
  bool printFloat(Operation &op);
  bool printConversion(Operation &op);
  void printCompare(arith::CmpIOp op);
  void printCompare(arith::CmpFOp op);
  void printMemory(Operation &op);
  void printElement(vector::ExtractOp op);
  std::string place(Value pointer, Type element);
  std::string memoryName(Type element) { return typeName(cpu::memoryType(element)); }
  void printFor(scf::ForOp op);
  void printIf(scf::IfOp op);
  void printWhile(scf::WhileOp op);
  void declare(ValueRange values);
  void assign(ValueRange to, ValueRange from);

  func::FuncOp function;
  llvm::DenseMap<Value, std::string> names;
  std::string text;
  llvm::raw_string_ostream out{text};
  int depth = 1, nextName = 0;
  std::vector<int64_t> words;
  std::vector<bool> arePointers;
  std::set<std::string> calls;
  std::string tables; // of constants, in front of the function
  llvm::DenseMap<Attribute, std::string> tableNames;
  bool hasBarriers = false, usesDynamicShared = false, hasFailed = false;
};

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

/// Of pointers, intrinsics of tensor cores take those to registers by type.
static const char *registersOf(llvm::StringRef callee, size_t argument) {
  if (callee.starts_with("k_mma_"))
    return argument == 0 ? "float" : "k_u32";
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

std::string Printer::parameter(int64_t word, bool isPointer) {
  auto it = llvm::find(words, word);
  size_t number = it - words.begin();
  if (it == words.end()) {
    words.push_back(word);
    arePointers.push_back(isPointer);
  }
  return "a" + std::to_string(number);
}

void Printer::printCompare(arith::CmpIOp op) {
  using P = arith::CmpIPredicate;
  const char *sign = nullptr;
  bool isSigned = false;
  switch (op.getPredicate()) {
  case P::eq:
    sign = " == ";
    break;
  case P::ne:
    sign = " != ";
    break;
  case P::slt:
  case P::ult:
    sign = " < ";
    break;
  case P::sle:
  case P::ule:
    sign = " <= ";
    break;
  case P::sgt:
  case P::ugt:
    sign = " > ";
    break;
  case P::sge:
  case P::uge:
    sign = " >= ";
    break;
  }
  isSigned = op.getPredicate() == P::slt || op.getPredicate() == P::sle ||
             op.getPredicate() == P::sgt || op.getPredicate() == P::sge;
  auto operand = [&](Value v) {
    if (v.getType().isInteger(1))
      return isSigned ? "(-" + name(v) + ")" : name(v);
    return "(" + (isSigned ? asSigned(v) : asUnsigned(v)) + ")";
  };
  let(op, operand(op.getLhs()) + sign + operand(op.getRhs()));
}

void Printer::printCompare(arith::CmpFOp op) {
  using P = arith::CmpFPredicate;
  std::string x = name(op.getLhs()), y = name(op.getRhs());
  auto compare = [&](const char *sign) { return x + sign + y; };
  auto unless = [&](const char *sign) { return "!(" + compare(sign) + ")"; };
  std::string isNan = x + " != " + x + " || " + y + " != " + y;
  std::string differ = compare(" < ") + " || " + compare(" > ");
  switch (op.getPredicate()) {
  case P::AlwaysFalse:
    return let(op, "0");
  case P::AlwaysTrue:
    return let(op, "1");
  case P::OEQ:
    return let(op, compare(" == "));
  case P::OGT:
    return let(op, compare(" > "));
  case P::OGE:
    return let(op, compare(" >= "));
  case P::OLT:
    return let(op, compare(" < "));
  case P::OLE:
    return let(op, compare(" <= "));
  case P::ONE:
    return let(op, differ);
  case P::ORD:
    return let(op, "!(" + isNan + ")");
  case P::UEQ:
    return let(op, "!(" + differ + ")");
  case P::UGT:
    return let(op, unless(" <= "));
  case P::UGE:
    return let(op, unless(" < "));
  case P::ULT:
    return let(op, unless(" >= "));
  case P::ULE:
    return let(op, unless(" > "));
  case P::UNE:
    return let(op, compare(" != "));
  case P::UNO:
    return let(op, isNan);
  }
}

bool Printer::printInteger(Operation &op) {
  auto binary = [&](const char *sign) {
    Value v = op.getResult(0);
    let(v, wrapped(v, asUnsigned(op.getOperand(0)) + sign + asUnsigned(op.getOperand(1))));
  };
  auto withSign = [&](const char *sign) {
    Value v = op.getResult(0);
    let(v, "(" + typeName(v.getType()) + ")(" + asSigned(op.getOperand(0)) + sign +
               asSigned(op.getOperand(1)) + ")");
  };
  auto choose = [&](const char *sign, bool isSigned) {
    auto operand = [&](unsigned i) {
      return isSigned ? asSigned(op.getOperand(i)) : asUnsigned(op.getOperand(i));
    };
    let(op.getResult(0), operand(0) + sign + operand(1) + " ? " + name(op.getOperand(0)) + " : " +
                             name(op.getOperand(1)));
  };
  /// Towards the lower (the higher) whole number, of a divisor that is not 0.
  auto rounded = [&](const char *helper) { let(op.getResult(0), call(helper, op.getOperands())); };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case([&](arith::AddIOp) { return binary(" + "), true; })
      .Case([&](arith::SubIOp) { return binary(" - "), true; })
      .Case([&](arith::MulIOp) { return binary(" * "), true; })
      .Case([&](arith::AndIOp) { return binary(" & "), true; })
      .Case([&](arith::OrIOp) { return binary(" | "), true; })
      .Case([&](arith::XOrIOp) { return binary(" ^ "), true; })
      .Case([&](arith::ShLIOp) { return binary(" << "), true; })
      .Case([&](arith::ShRUIOp) { return binary(" >> "), true; })
      .Case([&](arith::DivUIOp) { return binary(" / "), true; })
      .Case([&](arith::RemUIOp) { return binary(" % "), true; })
      .Case([&](arith::DivSIOp) { return withSign(" / "), true; })
      .Case([&](arith::RemSIOp) { return withSign(" % "), true; })
      .Case([&](arith::ShRSIOp shift) {
        let(shift, "(" + typeName(shift.getType()) + ")(" + asSigned(shift.getLhs()) + " >> " +
                       name(shift.getRhs()) + ")");
        return true;
      })
      .Case([&](arith::MaxSIOp) { return choose(" > ", true), true; })
      .Case([&](arith::MinSIOp) { return choose(" < ", true), true; })
      .Case([&](arith::MaxUIOp) { return choose(" > ", false), true; })
      .Case([&](arith::MinUIOp) { return choose(" < ", false), true; })
      .Case([&](arith::FloorDivSIOp) { return rounded("k_floordiv_i64"), true; })
      .Case([&](arith::CeilDivSIOp) { return rounded("k_ceildiv_i64"), true; })
      .Case([&](arith::MulUIExtendedOp product) {
        let(product.getLow(), wrapped(product.getLow(), asUnsigned(product.getLhs()) + " * " +
                                                            asUnsigned(product.getRhs())));
        let(product.getHigh(), call("k_mulhi_" + suffix(product.getHigh().getType()),
                                    {product.getLhs(), product.getRhs()}));
        return true;
      })
      .Case([&](arith::CmpIOp compare) { return printCompare(compare), true; })
      .Default([](Operation *) { return false; });
}

bool Printer::printFloat(Operation &op) {
  Value v = op.getNumResults() == 1 ? op.getResult(0) : Value();
  auto binary = [&](const char *sign) {
    let(v, name(op.getOperand(0)) + sign + name(op.getOperand(1)));
  };
  auto intrinsic = [&](const char *callee) {
    let(v, call(callee + suffix(v.getType()), op.getOperands()));
  };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case([&](arith::AddFOp) { return binary(" + "), true; })
      .Case([&](arith::SubFOp) { return binary(" - "), true; })
      .Case([&](arith::MulFOp) { return binary(" * "), true; })
      .Case([&](arith::DivFOp) { return binary(" / "), true; })
      .Case([&](arith::NegFOp negate) {
        if (isHalf(negate.getType()))
          let(v, "(k_u16)(" + name(negate.getOperand()) + " ^ 0x8000u)");
        else
          let(v, "-" + name(negate.getOperand()));
        return true;
      })
      .Case([&](arith::MaximumFOp) { return intrinsic("k_maximum_"), true; })
      .Case([&](arith::MinimumFOp) { return intrinsic("k_minimum_"), true; })
      .Case([&](arith::MaxNumFOp) { return intrinsic("k_maxnum_"), true; })
      .Case([&](arith::MinNumFOp) { return intrinsic("k_minnum_"), true; })
      .Case([&](math::FmaOp) { return intrinsic("k_fma_"), true; })
      .Case([&](math::SqrtOp) { return intrinsic("k_sqrt_"), true; })
      .Case([&](math::FloorOp) { return intrinsic("k_floor_"), true; })
      .Case([&](math::CeilOp) { return intrinsic("k_ceil_"), true; })
      .Case([&](math::TruncOp) { return intrinsic("k_trunc_"), true; })
      .Case([&](math::RoundEvenOp) { return intrinsic("k_rint_"), true; })
      .Case([&](math::AbsFOp absolute) {
        if (isHalf(absolute.getType()))
          let(v, "(k_u16)(" + name(absolute.getOperand()) + " & 0x7fffu)");
        else
          intrinsic("k_abs_");
        return true;
      })
      .Case([&](math::CopySignOp copy) {
        if (isHalf(copy.getType()))
          let(v, "(k_u16)((" + name(copy.getLhs()) + " & 0x7fffu) | (" + name(copy.getRhs()) +
                     " & 0x8000u))");
        else
          intrinsic("k_copysign_");
        return true;
      })
      .Case([&](arith::CmpFOp compare) { return printCompare(compare), true; })
      .Default([](Operation *) { return false; });
}

bool Printer::printConversion(Operation &op) {
  if (op.getNumOperands() != 1 || op.getNumResults() != 1)
    return false;
  Value x = op.getOperand(0), v = op.getResult(0);
  Type from = x.getType(), to = v.getType();
  auto cast = [&](const std::string &operand) {
    let(v, "(" + typeName(to) + ")(" + operand + ")");
    return true;
  };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case<arith::IndexCastOp>([&](auto) { return cast(asSigned(x)); })
      .Case<arith::IndexCastUIOp>(
          [&](auto) { return cast("(" + unsignedName(from) + ")" + name(x)); })
      .Case([&](arith::ExtUIOp) { return cast(name(x)); })
      .Case([&](arith::ExtSIOp) { return cast(asSigned(x)); })
      .Case([&](arith::TruncIOp) {
        if (!to.isInteger(1))
          return cast(name(x));
        let(v, "(int)(" + name(x) + " & 1)");
        return true;
      })
      .Case([&](arith::UIToFPOp) {
        return cast(from.isInteger(1) ? name(x) : "(" + unsignedName(from) + ")" + name(x));
      })
      .Case([&](arith::SIToFPOp) { return cast(asSigned(x)); })
      .Case([&](arith::FPToUIOp) {
        return cast("(" + (to.isInteger(1) ? "int" : unsignedName(to)) + ")" + name(x));
      })
      .Case([&](arith::FPToSIOp) {
        return cast("(" + (to.isInteger(1) ? "int" : signedName(to)) + ")" + name(x));
      })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) {
        if (isHalf(from) || isHalf(to))
          let(v, call("k_" + suffix(from) + "_to_" + suffix(to), x));
        else
          cast(name(x));
        return true;
      })
      .Case([&](arith::BitcastOp) {
        bool fromBits = llvm::isa<IntegerType>(from), toBits = llvm::isa<IntegerType>(to);
        if (fromBits == toBits || widthOf(to) == 16)
          let(v, name(x));
        else if (toBits)
          let(v, "(" + typeName(to) + ")" + call("k_bits_" + suffix(from), x));
        else
          let(v, "k_from_bits_" + suffix(to) + "((" + unsignedName(from) + ")" + name(x) + ")");
        return true;
      })
      .Default([](Operation *) { return false; });
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
          names[v] = parameter(gep.getRawConstantIndices()[0], isPointer);
          return;
        }
        assert(!isPointer && "pointers stand in the frame alone");
        let(v, place(load.getAddr(), v.getType()));
      })
      .Case([&](LLVM::StoreOp store) {
        line() << place(store.getAddr(), store.getValue().getType()) << " = "
               << name(store.getValue()) << ";\n";
      })
      .Case([&](LLVM::AtomicRMWOp atomic) {
        line() << "k_atomic_min_u64((K_GLOBAL k_u64 *)(" << name(atomic.getPtr()) << "), (k_u64)"
               << name(atomic.getVal()) << ");\n";
      });
}

/// An element of a constant: from a table of integers.
void Printer::printElement(vector::ExtractOp op) {
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
  line() << "for (k_i64 " << i << " = " << name(op.getLowerBound()) << "; " << i << " < "
         << name(op.getUpperBound()) << "; " << i << " += " << name(op.getStep()) << ") {\n";
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
      .Case<arith::ConstantOp, func::ReturnOp, scf::YieldOp, scf::ConditionOp>([](auto) {})
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
  std::string start;
  Value index = function.getArgument(1);
  if (form == Form::Threads) {
    line() << "const k_i64 " << name(index) << " = (k_i64)K_BLOCK * " << threads
           << " + K_THREAD;\n";
    line() << "if (" << name(index) << " >= " << parameter(frame.count, false) << ")\n";
    line() << "  return;\n";
  } else {
    line() << "const k_i64 " << name(index) << " = K_BLOCK;\n";
  }
  if (frame.error >= 0)
    start = parameter(frame.error, true);
  printBlock(function.getBody().front());

  if (hasFailed)
    return failure();
  KernelText result;
  for (auto [i, isPointer] : llvm::enumerate(arePointers))
    result.parameters +=
        llvm::formatv("{0}{1}a{2}", i ? ", " : "", isPointer ? "K_GLOBAL char *" : "k_i64 ", i);
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
  result.body = "{\n" + start + text + "}\n";
  result.words = words;
  result.calls = calls;
  result.threads = threads;
  result.hasBarriers = hasBarriers;
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

} // namespace

std::string KernelText::named(llvm::StringRef symbol) const {
  return llvm::formatv("K_KERNEL({0}, {1})({2}) {3}K_EXPORT({0}, {4}, {1})\n", symbol, threads,
                       parameters, body, words.size());
}

FailureOr<KernelText> printKernel(func::FuncOp function, Form form, int64_t threads,
                                  const FrameWords &frame) {
  return Printer(function).kernel(form, threads, frame);
}

std::string printDeviceFunction(func::FuncOp function, llvm::StringRef name) {
  return Printer(function).deviceFunction(name);
}

} // namespace ingot::gpu
