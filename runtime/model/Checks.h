// What is checked before an artifact is trusted: the file, before the dynamic loader maps it (it
// would end the process on a truncated one), and the table, before anything reads it. Called by
// Artifact alone. The checks catch damage and mix-ups, not malice: loading runs the artifact's
// code.
#ifndef INGOT_RUNTIME_MODEL_CHECKS_H
#define INGOT_RUNTIME_MODEL_CHECKS_H

#include "ingot/Status.h"
#include "ingot/artifact.h"

#include <cstddef>
#include <string>

namespace ingot {

/// Is `path` a complete 64-bit ELF shared object for this machine? NotFound, Unsupported (something
/// else), DataLoss (truncated), IoError.
Status checkSharedObject(const std::string &path);

/// Is the table of our ABI, with counts, pointers, names, shapes and offsets that fit together?
/// Unsupported (another ABI), Internal (malformed).
Status checkTable(const ingot_artifact_table &table);

/// The bounds of a checked table; `count` 0 where it is older than they are.
struct SymbolBounds {
  const ingot_symbol_bound *data = nullptr;
  int64_t count = 0;
  const ingot_symbol_bound *begin() const { return data; }
  const ingot_symbol_bound *end() const { return data + count; }
};
SymbolBounds boundsOf(const ingot_artifact_table &table);

/// Whether the table is new enough to say what functions carry.
inline bool hasCarries(const ingot_artifact_table &table) {
  return table.size > offsetof(ingot_artifact_table, carries);
}

/// Whether the table is new enough to have code for devices.
inline bool hasDevices(const ingot_artifact_table &table) {
  return table.size > offsetof(ingot_artifact_table, devices);
}

} // namespace ingot

#endif // INGOT_RUNTIME_MODEL_CHECKS_H
