// The three shared functions of Winograd kernels, made on first use. Their extents and strides are
// run-time arguments, in elements, so that every layer has the same ones.
#pragma once
#include "backends/cpu/KernelEmitter.h"
#include "ir/exec/Winograd.h"

namespace ingot::cpu {

/// void (x, row stride, column stride, to, point stride, channels): transforms the inputs of one
/// tile, channels being contiguous. Unless `isMasked`, channels are a multiple of the lanes.
mlir::func::FuncOp winogradInput(CodeContext &context, const exec::WinogradMatrices &matrices,
                                 bool isMasked);

/// void (a, row stride, b, panel stride, c, row stride, rows, depth): c = a b for one point. b is
/// (depth, 16) of one panel, the next one being a panel stride on; `vectors` lanes are computed.
mlir::func::FuncOp winogradProduct(CodeContext &context, int64_t vectors);

/// void (sums, point stride, to, pixel stride, vectors): transforms the sums of one tile to its m x
/// m outputs, row by row.
mlir::func::FuncOp winogradOutput(CodeContext &context, const exec::WinogradMatrices &matrices);

} // namespace ingot::cpu
