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

/// The scalar (FloatAttr or IntegerAttr) that fills a constant's attribute; null when it is no
/// splat or has no element. For the folders: they may give a splat of rank 0 for a result of any
/// shape.
mlir::Attribute splatOf(mlir::Attribute constant);
/// Whether it is filled with `value`, bit for bit: 0.0 is not -0.0.
bool isSplatOf(mlir::Attribute constant, double value);
/// A splat of rank 0 of this scalar.
mlir::DenseElementsAttr scalarElements(mlir::Attribute scalar);
} // namespace ingot::graph
