// Reading of op cases and their inputs; see OpCases.h.
#include "tests/support/OpCases.h"
#include "ir/Text.h"
#include "ir/exec/Exec.h"
#include "mlir/Parser/Parser.h"
#include <algorithm>
#include <cstdlib>
#include <filesystem>

using namespace mlir;

namespace ingot::tests {
namespace {

using reference::Number;
using reference::Tensor;

struct Loaded {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  std::vector<OwningOpRef<ModuleOp>> modules;
  std::vector<OpCase> cases;
};

std::vector<SymbolSizes> sizesOf(func::FuncOp function) {
  std::vector<SymbolSizes> all(1);
  auto given = function->getAttrOfType<DictionaryAttr>("graph.sizes");
  if (!given)
    return all;
  for (NamedAttribute symbol : given) {
    std::vector<SymbolSizes> next;
    for (const SymbolSizes &sizes : all)
      for (Attribute size : llvm::cast<ArrayAttr>(symbol.getValue())) {
        next.push_back(sizes);
        next.back()[symbol.getName().str()] = llvm::cast<IntegerAttr>(size).getInt();
      }
    all = std::move(next);
  }
  return all;
}

std::optional<std::vector<Tensor>> tensorsOf(func::FuncOp function, llvm::StringRef name) {
  auto list = function->getAttrOfType<ArrayAttr>(name);
  if (!list)
    return std::nullopt;
  std::vector<Tensor> tensors;
  for (Attribute a : list)
    tensors.push_back(tensorOf(llvm::cast<ElementsAttr>(a)));
  return tensors;
}

OpCase makeCase(const std::string &file, ModuleOp module, func::FuncOp function) {
  OpCase c;
  c.file = file;
  c.name = function.getName().str();
  c.module = module;
  c.function = function;
  if (auto gradient = function->getAttrOfType<BoolAttr>("gradient"))
    c.gradient = gradient.getValue();
  c.sizes = sizesOf(function);
  c.inputs = tensorsOf(function, "graph.inputs");
  c.expected = tensorsOf(function, "graph.expected");
  if (auto error = function->getAttrOfType<StringAttr>("graph.error"))
    c.error = error.str();
  return c;
}

Loaded *load() {
  auto *loaded = new Loaded;
  loaded->context.loadDialect<graph::GraphDialect, func::FuncDialect, arith::ArithDialect,
                              math::MathDialect, exec::ExecDialect>();
  std::vector<std::filesystem::path> paths;
  for (auto &entry : std::filesystem::directory_iterator(opCaseDirectory()))
    if (entry.path().extension() == ".mlir")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto &path : paths) {
    auto module = parseSourceFile<ModuleOp>(path.string(), &loaded->context);
    if (!module) {
      llvm::errs() << "op case " << path.string() << " does not parse\n";
      std::abort();
    }
    for (auto function : module->getOps<func::FuncOp>())
      loaded->cases.push_back(makeCase(path.stem().string(), *module, function));
    loaded->modules.push_back(std::move(module));
  }
  return loaded;
}

/// SplitMix64 (Steele et al. 2014).
uint64_t nextRandom(uint64_t &state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double numberOf(Attribute a) {
  if (auto real = llvm::dyn_cast<FloatAttr>(a))
    return real.getValueAsDouble();
  return static_cast<double>(llvm::cast<IntegerAttr>(a).getInt());
}

/// Few, so that equal ones are met; with spaces, letters of several bytes, and a byte that is none.
constexpr llvm::StringLiteral kTexts[] = {"",
                                          "a",
                                          "A",
                                          "b",
                                          "ab",
                                          "aB c",
                                          "\xC3\xA4\xC3\x9F",
                                          " x  y ",
                                          "x,y,,z",
                                          "\xE2\x82\xAC\xC7\x85",
                                          "longer text, of more than sixteen bytes",
                                          "\xFF\x61\xE2\x82",
                                          "tab\tend\xE3\x80\x80."};

void fill(Tensor &tensor, ArrayAttr domain, uint64_t &state) {
  Type element = tensor.element();
  if (reference::isText(element)) {
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      tensor.set(i, reference::textNumber(element.getContext(),
                                          kTexts[nextRandom(state) % std::size(kTexts)]));
    return;
  }
  bool isUnsigned = element.isUnsignedInteger();
  double low = tensor.isFloat() ? -2 : element.isInteger(1) || isUnsigned ? 0 : -5;
  double high = tensor.isFloat() ? 2 : element.isInteger(1) ? 1 : isUnsigned ? 10 : 5;
  if (domain) {
    low = numberOf(domain[0]);
    high = numberOf(domain[1]);
  }
  for (int64_t i = 0; i < tensor.numElements(); ++i) {
    uint64_t bits = nextRandom(state);
    if (tensor.isFloat())
      tensor.set(i, Number::real(low + (high - low) * std::ldexp(double(bits >> 11), -53)));
    else
      tensor.set(i, Number::integer(static_cast<int64_t>(low) +
                                    static_cast<int64_t>(bits % uint64_t(high - low + 1))));
  }
  tensor.round();
}
} // namespace

Tensor tensorOf(ElementsAttr elements) {
  auto type = llvm::cast<ShapedType>(elements.getType());
  Tensor tensor(type.getElementType(), type.getShape());
  int64_t i = 0;
  for (Attribute a : elements.getValues<Attribute>()) {
    if (auto real = llvm::dyn_cast<FloatAttr>(a))
      tensor.set(i++, Number::real(reference::toDouble(real.getValue())));
    else if (auto text = llvm::dyn_cast<StringAttr>(a))
      tensor.set(i++, reference::textNumber(text.getContext(), text.getValue()));
    else
      tensor.set(i++,
                 reference::roundTo(type.getElementType(),
                                    Number::integer(static_cast<int64_t>(
                                        llvm::cast<IntegerAttr>(a).getValue().getZExtValue()))));
  }
  return tensor;
}

std::string opCaseDirectory() { return INGOT_OP_CASES; }

const std::vector<OpCase> &opCases() {
  static Loaded *loaded = load();
  return loaded->cases;
}

std::vector<Tensor> inputsOf(const OpCase &c, const SymbolSizes &sizes, uint64_t seed) {
  if (c.inputs)
    return *c.inputs;
  std::vector<Tensor> inputs;
  func::FuncOp function = c.function;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    llvm::SmallVector<int64_t> shape;
    for (Dim d : dimsOf(type))
      shape.push_back(d.evaluate([&](llvm::StringRef name) {
        auto it = sizes.find(name);
        return it == sizes.end() ? 0 : it->second;
      }));
    Tensor tensor(llvm::cast<RankedTensorType>(type).getElementType(), shape);
    uint64_t state = seed * 1000 + i;
    fill(tensor, function.getArgAttrOfType<ArrayAttr>(i, "graph.domain"), state);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

} // namespace ingot::tests
