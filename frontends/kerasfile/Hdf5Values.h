// Element types, extents and stored elements of HDF5 datasets. Internal to frontends/kerasfile.
#pragma once
#include "frontends/kerasfile/Hdf5Structure.h"

namespace ingot::kerasfile {

enum class TypeClass { Integer, Float, Text, Opaque, VariableText, Other };

struct Hdf5Type {
  TypeClass kind = TypeClass::Other;
  uint64_t bytes = 0;
  bool isSigned = false, isBigEndian = false, isBoolean = false;
  std::string words; // for messages
};

/// The elements of a shape; throws beyond 64 bits.
uint64_t countOf(const Shape &shape);

// Hdf5Data.cpp
/// The content of an object's message of that type; throws where there is none.
std::string_view contentOf(const std::vector<Message> &messages, MessageType type,
                           const char *what);
/// A dataset's elements, `dataset` being its description.
Tensor readElements(Structure &structure, const std::vector<Message> &messages,
                    const Hdf5Type &type, const Hdf5File::Dataset &dataset);

} // namespace ingot::kerasfile
