// Dimension expressions: normal form, arithmetic, text. See Dims.h for the invariant.
#include "ir/Dims.h"
#include "ir/Graph.h"
#include "ir/Substitute.h"
#include <map>

using namespace mlir;

namespace ingot {
namespace {

// A composite is the array [op, lhs, rhs]; leaves are IntegerAttr (i64) and StringAttr.
Attribute composite(Dim::Op op, Attribute lhs, Attribute rhs) {
  MLIRContext *context = lhs.getContext();
  auto opAttr = IntegerAttr::get(IntegerType::get(context, 8), static_cast<int64_t>(op));
  return ArrayAttr::get(context, {opAttr, lhs, rhs});
}

struct AtomLess {
  bool operator()(Attribute a, Attribute b) const { return a != b && Dim(a).str() < Dim(b).str(); }
};
using Monomial = std::vector<Attribute>; // sorted atoms
struct MonomialLess {
  bool operator()(const Monomial &a, const Monomial &b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), AtomLess());
  }
};
/// Sum of coefficient x product of atoms; no zero coefficient is stored.
using Polynomial = std::map<Monomial, int64_t, MonomialLess>;

/// Numbers of damaged models may leave 64 bits: they wrap around, which is defined.
int64_t sumOf(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t productOf(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

void addTerm(Polynomial &p, const Monomial &m, int64_t coefficient) {
  int64_t &c = p[m];
  c = sumOf(c, coefficient);
  if (c == 0)
    p.erase(m);
}

Polynomial multiply(const Polynomial &a, const Polynomial &b) {
  Polynomial result;
  for (auto &[ma, ca] : a)
    for (auto &[mb, cb] : b) {
      Monomial m;
      std::merge(ma.begin(), ma.end(), mb.begin(), mb.end(), std::back_inserter(m), AtomLess());
      addTerm(result, m, productOf(ca, cb));
    }
  return result;
}

Polynomial toPolynomial(Dim d) {
  if (d.isStatic()) {
    Polynomial p;
    addTerm(p, {}, d.value());
    return p;
  }
  auto parts = d.parts();
  if (parts && parts->op == Dim::Op::Add) {
    Polynomial p = toPolynomial(Dim(parts->lhs));
    for (auto &[m, c] : toPolynomial(Dim(parts->rhs)))
      addTerm(p, m, c);
    return p;
  }
  if (parts && parts->op == Dim::Op::Mul)
    return multiply(toPolynomial(Dim(parts->lhs)), toPolynomial(Dim(parts->rhs)));
  return {{{d.asAttribute()}, 1}};
}

/// The one expression for a polynomial: terms in order, each `atoms * coefficient`, constant last.
Dim fromPolynomial(MLIRContext *context, const Polynomial &p) {
  Attribute sum;
  auto add = [&](Attribute term) { sum = sum ? composite(Dim::Op::Add, sum, term) : term; };
  for (auto &[m, c] : p) {
    if (m.empty())
      continue;
    Attribute product;
    for (Attribute atom : m)
      product = product ? composite(Dim::Op::Mul, product, atom) : atom;
    if (c != 1)
      product = composite(Dim::Op::Mul, product, Dim::constant(context, c).asAttribute());
    add(product);
  }
  if (auto it = p.find({}); it != p.end())
    add(Dim::constant(context, it->second).asAttribute());
  return sum ? Dim(sum) : Dim::constant(context, 0);
}

int64_t floorDivide(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  if (b == -1) // wraps; the machine's division would trap at the least number
    return static_cast<int64_t>(0 - static_cast<uint64_t>(a));
  int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

int64_t apply(Dim::Op op, int64_t a, int64_t b) {
  switch (op) {
  case Dim::Op::Add:
    return sumOf(a, b);
  case Dim::Op::Mul:
    return productOf(a, b);
  case Dim::Op::FloorDiv:
    return floorDivide(a, b);
  case Dim::Op::CeilDiv:
    return productOf(floorDivide(productOf(a, -1), b), -1);
  case Dim::Op::Min:
    return std::min(a, b);
  case Dim::Op::Max:
    return std::max(a, b);
  }
  llvm_unreachable("unknown dimension operator");
}

Dim atomOrConstant(Dim::Op op, Dim a, Dim b) {
  if (a.isStatic() && b.isStatic())
    return Dim::constant(a.context(), apply(op, a.value(), b.value()));
  return Dim(composite(op, a.asAttribute(), b.asAttribute()));
}

} // namespace

Dim Dim::constant(MLIRContext *context, int64_t value) {
  return Dim(IntegerAttr::get(IntegerType::get(context, 64), value));
}
Dim Dim::symbol(MLIRContext *context, llvm::StringRef name) {
  return Dim(StringAttr::get(context, name));
}
bool Dim::isStatic() const { return llvm::isa<IntegerAttr>(attribute); }
int64_t Dim::value() const { return llvm::cast<IntegerAttr>(attribute).getInt(); }
std::optional<llvm::StringRef> Dim::asSymbol() const {
  if (auto name = llvm::dyn_cast<StringAttr>(attribute))
    return name.getValue();
  return std::nullopt;
}
std::optional<Dim::Parts> Dim::parts() const {
  auto array = llvm::dyn_cast<ArrayAttr>(attribute);
  if (!array)
    return std::nullopt;
  auto op = static_cast<Op>(llvm::cast<IntegerAttr>(array[0]).getInt());
  return Parts{op, array[1], array[2]};
}

Dim operator+(Dim a, Dim b) {
  Polynomial p = toPolynomial(a);
  for (auto &[m, c] : toPolynomial(b))
    addTerm(p, m, c);
  return fromPolynomial(a.context(), p);
}
Dim operator*(Dim a, Dim b) {
  return fromPolynomial(a.context(), multiply(toPolynomial(a), toPolynomial(b)));
}
Dim operator-(Dim a, Dim b) { return a + b * -1; }
Dim operator+(Dim a, int64_t b) { return a + Dim::constant(a.context(), b); }
Dim operator-(Dim a, int64_t b) { return a + Dim::constant(a.context(), productOf(b, -1)); }
Dim operator*(Dim a, int64_t b) { return a * Dim::constant(a.context(), b); }

std::optional<Dim> Dim::exactDiv(Dim a, Dim b) {
  Polynomial divisor = toPolynomial(b);
  if (divisor.size() != 1)
    return std::nullopt;
  auto &[atoms, coefficient] = *divisor.begin();
  Polynomial result;
  for (auto &[m, c] : toPolynomial(a)) {
    if (c % coefficient != 0 ||
        !std::includes(m.begin(), m.end(), atoms.begin(), atoms.end(), AtomLess()))
      return std::nullopt;
    Monomial rest;
    std::set_difference(m.begin(), m.end(), atoms.begin(), atoms.end(), std::back_inserter(rest),
                        AtomLess());
    addTerm(result, rest, c / coefficient);
  }
  return fromPolynomial(a.context(), result);
}

Dim Dim::floorDiv(Dim divisor) const {
  if (!(divisor.isStatic() && divisor.value() == 0))
    if (auto exact = exactDiv(*this, divisor); exact && divisor.isStatic())
      return *exact;
  return atomOrConstant(Op::FloorDiv, *this, divisor);
}
Dim Dim::ceilDiv(Dim divisor) const {
  if (!(divisor.isStatic() && divisor.value() == 0))
    if (auto exact = exactDiv(*this, divisor); exact && divisor.isStatic())
      return *exact;
  return atomOrConstant(Op::CeilDiv, *this, divisor);
}
Dim Dim::floorDiv(int64_t divisor) const { return floorDiv(constant(context(), divisor)); }
Dim Dim::ceilDiv(int64_t divisor) const { return ceilDiv(constant(context(), divisor)); }
Dim Dim::min(Dim a, Dim b) { return a == b ? a : atomOrConstant(Op::Min, a, b); }
Dim Dim::max(Dim a, Dim b) { return a == b ? a : atomOrConstant(Op::Max, a, b); }

int64_t Dim::evaluate(const std::function<int64_t(llvm::StringRef)> &symbolValue) const {
  return fold<int64_t>([](int64_t v) { return v; }, symbolValue, apply);
}

Dim substitute(Dim expression, llvm::function_ref<Dim(llvm::StringRef)> valueOf) {
  auto combine = [](Dim::Op op, Dim a, Dim b) {
    switch (op) {
    case Dim::Op::Add:
      return a + b;
    case Dim::Op::Mul:
      return a * b;
    case Dim::Op::FloorDiv:
      return a.floorDiv(b);
    case Dim::Op::CeilDiv:
      return a.ceilDiv(b);
    case Dim::Op::Min:
      return Dim::min(a, b);
    case Dim::Op::Max:
      return Dim::max(a, b);
    }
    llvm_unreachable("unknown dimension operator");
  };
  return expression.fold<Dim>([&](int64_t v) { return Dim::constant(expression.context(), v); },
                              valueOf, combine);
}

void Dim::collectSymbols(llvm::function_ref<void(llvm::StringRef)> visit) const {
  if (auto name = asSymbol())
    return visit(*name);
  if (auto p = parts()) {
    Dim(p->lhs).collectSymbols(visit);
    Dim(p->rhs).collectSymbols(visit);
  }
}

std::string Dim::str() const {
  if (isStatic())
    return std::to_string(value());
  if (auto name = asSymbol())
    return name->str();
  Parts p = *parts();
  std::string a = Dim(p.lhs).str(), b = Dim(p.rhs).str();
  auto group = [](Attribute operand, const std::string &text) {
    return Dim(operand).parts() ? "(" + text + ")" : text;
  };
  switch (p.op) {
  case Op::Add:
    return a + " + " + b;
  case Op::Mul: {
    auto left = Dim(p.lhs).parts();
    return (left && left->op == Op::Add ? "(" + a + ")" : a) + " * " + group(p.rhs, b);
  }
  case Op::FloorDiv:
    return group(p.lhs, a) + " floordiv " + group(p.rhs, b);
  case Op::CeilDiv:
    return group(p.lhs, a) + " ceildiv " + group(p.rhs, b);
  case Op::Min:
    return "min(" + a + ", " + b + ")";
  case Op::Max:
    return "max(" + a + ", " + b + ")";
  }
  llvm_unreachable("unknown dimension operator");
}

RankedTensorType tensorType(llvm::ArrayRef<Dim> dims, Type element) {
  llvm::SmallVector<int64_t> shape;
  bool dynamic = false;
  for (Dim d : dims) {
    shape.push_back(d.isStatic() ? d.value() : ShapedType::kDynamic);
    dynamic |= !d.isStatic();
  }
  Attribute encoding;
  if (dynamic) {
    llvm::SmallVector<Attribute> exprs;
    for (Dim d : dims)
      exprs.push_back(d.asAttribute());
    encoding = graph::DimsAttr::get(element.getContext(), exprs);
  }
  return RankedTensorType::get(shape, element, encoding);
}

Dims dimsOf(Type type) {
  auto tensor = llvm::cast<RankedTensorType>(type);
  Dims dims;
  if (auto encoding = llvm::dyn_cast_or_null<graph::DimsAttr>(tensor.getEncoding())) {
    for (Attribute expr : encoding.getExprs())
      dims.push_back(Dim(expr));
    return dims;
  }
  return constantDims(type.getContext(), tensor.getShape());
}

Dim numElements(MLIRContext *context, llvm::ArrayRef<Dim> dims) {
  Dim product = Dim::constant(context, 1);
  for (Dim d : dims)
    product = product * d;
  return product;
}

std::string str(llvm::ArrayRef<Dim> dims) {
  std::string text = "(";
  for (size_t i = 0; i < dims.size(); ++i)
    text += (i ? ", " : "") + dims[i].str();
  return text + (dims.size() == 1 ? ",)" : ")");
}

Dims constantDims(MLIRContext *context, llvm::ArrayRef<int64_t> sizes) {
  Dims dims;
  for (int64_t size : sizes)
    dims.push_back(Dim::constant(context, size));
  return dims;
}

llvm::SmallVector<int64_t> staticSizes(llvm::ArrayRef<Dim> dims) {
  llvm::SmallVector<int64_t> sizes;
  for (Dim d : dims)
    sizes.push_back(d.value());
  return sizes;
}

namespace {
// sum := product (('+' | '-') product)* ; product := atom (('*' | floordiv | ceildiv) atom)*
// atom := integer | name | '(' sum ')' | (min|max) '(' sum ',' sum ')'
FailureOr<Dim> parseAtom(AsmParser &parser) {
  MLIRContext *context = parser.getContext();
  int64_t number;
  if (auto result = parser.parseOptionalInteger(number); result.has_value())
    return failed(*result) ? FailureOr<Dim>(failure()) : Dim::constant(context, number);
  if (succeeded(parser.parseOptionalLParen())) {
    auto inner = parseDim(parser);
    if (failed(inner) || parser.parseRParen())
      return failure();
    return inner;
  }
  llvm::StringRef name;
  if (parser.parseKeyword(&name))
    return failure();
  if (name != "min" && name != "max")
    return Dim::symbol(context, name);
  if (parser.parseLParen())
    return failure();
  auto a = parseDim(parser);
  if (failed(a) || parser.parseComma())
    return failure();
  auto b = parseDim(parser);
  if (failed(b) || parser.parseRParen())
    return failure();
  return name == "min" ? Dim::min(*a, *b) : Dim::max(*a, *b);
}

FailureOr<Dim> parseProduct(AsmParser &parser) {
  auto result = parseAtom(parser);
  while (succeeded(result)) {
    std::function<Dim(Dim, Dim)> combine;
    if (succeeded(parser.parseOptionalStar()))
      combine = [](Dim a, Dim b) { return a * b; };
    else if (succeeded(parser.parseOptionalKeyword("floordiv")))
      combine = [](Dim a, Dim b) { return a.floorDiv(b); };
    else if (succeeded(parser.parseOptionalKeyword("ceildiv")))
      combine = [](Dim a, Dim b) { return a.ceilDiv(b); };
    else
      break;
    auto right = parseAtom(parser);
    if (failed(right))
      return failure();
    result = combine(*result, *right);
  }
  return result;
}
} // namespace

FailureOr<Dim> parseDim(AsmParser &parser) {
  auto result = parseProduct(parser);
  while (succeeded(result)) {
    bool isSum = succeeded(parser.parseOptionalPlus());
    if (!isSum && failed(parser.parseOptionalMinus()))
      break;
    auto right = parseProduct(parser);
    if (failed(right))
      return failure();
    result = isSum ? *result + *right : *result - *right;
  }
  return result;
}

} // namespace ingot
