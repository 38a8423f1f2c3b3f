// The graph dialect: tensor ops in families. This file lists the families; each op is defined in its
// family's .td and given its meaning in the .cpp beside it.
#ifndef INGOT_GRAPH_OPS_TD
#define INGOT_GRAPH_OPS_TD
include "ir/GraphBase.td"
include "ir/ops/Unary.td"
include "ir/ops/Binary.td"
include "ir/ops/Bitwise.td"
include "ir/ops/Select.td"
include "ir/ops/Constant.td"
include "ir/ops/Variable.td"
include "ir/ops/Movement.td"
include "ir/ops/Reduce.td"
include "ir/ops/MatMul.td"
include "ir/ops/Convolution.td"
include "ir/ops/Pool.td"
include "ir/ops/Gather.td"
include "ir/ops/Scatter.td"
include "ir/ops/Ordered.td"
include "ir/ops/Random.td"
include "ir/ops/Composite.td"
include "ir/ops/Control.td"
include "ir/ops/Sizes.td"
#endif
