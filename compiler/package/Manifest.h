// The manifest of one variant, as bytes. Called when a variant's description is otherwise complete.
#pragma once
#include "compiler/Compile.h"
#include "compiler/package/ArtifactDescription.h"

namespace ingot {

/// A serialised ingot.Manifest (runtime/abi/manifest.proto) of everything that `description` and
/// `options` say. `target` is this variant's CPU level, `targets` those of the whole file, resolved
/// names, the preferred one first. The same arguments give the same bytes.
std::string makeManifest(const ArtifactDescription &description, const CompileOptions &options,
                         const std::string &target, const std::vector<std::string> &targets);

} // namespace ingot
