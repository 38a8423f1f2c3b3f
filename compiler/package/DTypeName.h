// Names of the artifact's element types as files and messages show them. Used by the packagers.
#pragma once
#include "ingot/artifact.h"

namespace ingot {

/// "f32", "bool", …
constexpr const char *dtypeName(ingot_dtype dtype) {
  constexpr const char *names[] = {"",       "bool",       "i8",        "i16",      "i32",
                                   "i64",    "u8",         "u16",       "u32",      "u64",
                                   "f16",    "bf16",       "f32",       "f64",      "i2",
                                   "u2",     "i4",         "u4",        "f8e4m3fn", "f8e4m3fnuz",
                                   "f8e5m2", "f8e5m2fnuz", "f8e8m0fnu", "f4e2m1fn", "string"};
  return names[dtype];
}

} // namespace ingot
