// The graph dialect in C++: include this to work with graph ops.
#pragma once
#include "ir/Dims.h"
#include "ir/Pch.h"
#include "ir/contracts/Contracts.h"

#include "ir/GraphDialect.h.inc"
#include "ir/GraphEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/GraphAttrs.h.inc"
#define GET_OP_CLASSES
#include "ir/GraphOps.h.inc"

namespace ingot::graph {
/// The name of the user's layer or node that an op comes from: the innermost NameLoc.
std::string layerName(mlir::Location loc);
} // namespace ingot::graph
