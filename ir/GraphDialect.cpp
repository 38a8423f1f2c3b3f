// Registration of the graph dialect and its attribute's text form.
#include "ir/Text.h"
#include "ir/ops/Custom.h"

using namespace mlir;
using namespace ingot;
using namespace ingot::graph;

#include "ir/GraphDialect.cpp.inc"
#include "ir/GraphEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/GraphAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "ir/GraphOps.cpp.inc"
#define GET_OP_CLASSES
#include "ir/ops/Text.cpp.inc"

void GraphDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/GraphAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/GraphOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/ops/Text.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/ops/Custom.cpp.inc"
      >();
}

Attribute DimsAttr::parse(AsmParser &parser, Type) {
  llvm::SmallVector<Attribute> exprs;
  auto parseOne = [&]() -> ParseResult {
    auto dim = parseDim(parser);
    if (succeeded(dim))
      exprs.push_back(dim->asAttribute());
    return failure(failed(dim));
  };
  if (parser.parseLess() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOne) ||
      parser.parseGreater())
    return {};
  return get(parser.getContext(), exprs);
}

void DimsAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getExprs(), printer, [&](Attribute expr) { printer << Dim(expr).str(); });
  printer << "]>";
}

std::string graph::layerName(Location loc) {
  if (auto name = llvm::dyn_cast<NameLoc>(loc))
    return name.getName().str();
  if (auto fused = llvm::dyn_cast<FusedLoc>(loc))
    for (Location inner : fused.getLocations())
      if (std::string name = layerName(inner); !name.empty())
        return name;
  if (auto call = llvm::dyn_cast<CallSiteLoc>(loc))
    return layerName(call.getCallee());
  return {};
}

Operation *GraphDialect::materializeConstant(OpBuilder &b, Attribute value, Type type,
                                             Location loc) {
  auto elements = llvm::dyn_cast<ElementsAttr>(value);
  return elements ? ConstantOp::create(b, loc, type, elements).getOperation() : nullptr;
}

Attribute graph::splatOf(Attribute constant) {
  auto elements = llvm::dyn_cast_or_null<DenseElementsAttr>(constant);
  if (!elements || elements.getNumElements() == 0 || !elements.isSplat())
    return {};
  return elements.getSplatValue<Attribute>();
}

bool graph::isSplatOf(Attribute constant, double value) {
  Attribute scalar = splatOf(constant);
  if (auto real = llvm::dyn_cast_or_null<FloatAttr>(scalar)) {
    llvm::APFloat wanted(value);
    bool losesInfo;
    wanted.convert(real.getValue().getSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return !losesInfo && real.getValue().bitwiseIsEqual(wanted);
  }
  if (auto integer = llvm::dyn_cast_or_null<IntegerAttr>(scalar)) {
    auto wanted = static_cast<int64_t>(value);
    unsigned width = integer.getValue().getBitWidth();
    return static_cast<double>(wanted) == value &&
           integer.getValue() == llvm::APInt(width, static_cast<uint64_t>(wanted), false, true);
  }
  return false;
}

DenseElementsAttr graph::scalarElements(Attribute scalar) {
  return DenseElementsAttr::get(RankedTensorType::get({}, llvm::cast<TypedAttr>(scalar).getType()),
                                scalar);
}
