// A closed reader of Python's pickles: of values and NumPy arrays, as data sets keep them. It runs
// no code: a pickle is a program for a small machine whose only calls here make dtypes and arrays;
// any other name is refused, as is any instruction that data sets do not need.
//
// Invariant: what it makes takes at most a fixed multiple of the pickle's bytes. Values are small
// and refer to pools; lists may refer to each other, also in circles, so whoever walks deeper than
// one level bounds the walk. Texts and arrays point into the pickle, which outlives the result.
#ifndef INGOT_RUNTIME_DATA_PICKLE_H
#define INGOT_RUNTIME_DATA_PICKLE_H

#include "ingot/Status.h"
#include "ingot/Tensor.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingot::data {

struct PickleValue {
  enum class Kind : uint8_t {
    None,
    Bool,
    Int,
    Float,
    Text, ///< str or bytes
    List, ///< also tuples
    Dict,
    Array,
    DType,
    Global
  } kind = Kind::None;
  union {
    int64_t integer = 0; ///< Bool, Int
    double real;         ///< Float
    size_t index;        ///< in the pool of its kind
  };
};

class Pickle {
public:
  using Values = std::vector<PickleValue>;

  /// DataLoss for what is no pickle, Unsupported for one that needs more than data.
  static Result<Pickle> parse(const void *data, size_t size);

  const PickleValue &root() const { return top; }

  // Precondition of each: the value's kind.
  std::string_view text(const PickleValue &value) const { return texts[value.index]; }
  const Values &list(const PickleValue &value) const { return lists[value.index]; }
  /// Keys and values in turn.
  const Values &dict(const PickleValue &value) const { return dicts[value.index]; }

  /// The value of a text key; NULL when there is none.
  const PickleValue *find(const PickleValue &dict, std::string_view key) const;

  /// An array of numbers. DataLoss when its bytes do not fit its shape.
  Result<Tensor> tensor(const PickleValue &array) const;
  /// The elements of an array of objects; NULL for one of numbers.
  const Values *objects(const PickleValue &array) const;

  struct DTypeRecord {
    std::string_view name; ///< "u1"
    char order = '|';
  };
  struct ArrayRecord {
    Shape shape;
    size_t dtype = 0;
    bool fortranOrder = false, isBuilt = false;
    PickleValue elements; ///< Text: bytes; List: objects
  };

private:
  friend class PickleMachine;
  PickleValue top;
  std::vector<std::string_view> texts;
  std::vector<Values> lists, dicts;
  std::vector<ArrayRecord> arrays;
  std::vector<DTypeRecord> dtypes;
};

} // namespace ingot::data

#endif
