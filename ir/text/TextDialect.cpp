// Registration of the text dialect, which is a type.
#include "ir/Text.h"

using namespace ingot::text;

#include "ir/text/TextDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "ir/text/TextTypes.cpp.inc"

void TextDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "ir/text/TextTypes.cpp.inc"
      >();
}
