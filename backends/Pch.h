// The precompiled header of back ends: what they write code with, besides the IR.
#pragma once
#include "ir/Pch.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
