// What --debug-arena adds to generated code: red zones around every slot of the arena, filled when
// a run begins and examined after every kernel, and poison in slots that nothing reads any more.
// Used by Generate.cpp; the plan of such a function gives every tensor a slot to itself.
#pragma once
#include "backends/cpu/CodeBuilder.h"

namespace ingot::cpu {

/// Bytes of each red zone. The one behind a slot also fills what is left to the next multiple.
constexpr int64_t redZoneBytes = 64;

/// Bytes of the arena that a slot of `bytes` takes with its zones; the slot is at redZoneBytes.
Dim zonedBytes(Dim bytes);

/// A slot while running: where its data begin, and how many bytes they are.
struct ZonedSlot {
  mlir::Value data, bytes;
};

/// Fills memory with what no kernel may use: NaN in every float type, -1 in integers.
void poison(CodeBuilder &cb, mlir::Value begin, mlir::Value bytes);
void fillZones(CodeBuilder &cb, ZonedSlot slot);
/// i1: whether a byte of a zone is not what fillZones wrote. Puts a function into the module.
mlir::Value zonesAreBroken(CodeBuilder &cb, mlir::ModuleOp module, ZonedSlot slot);

} // namespace ingot::cpu
