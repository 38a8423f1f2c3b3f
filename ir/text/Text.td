// The type of an element that is text. Its ops are the graph's (ir/ops/Text.td).
#ifndef INGOT_TEXT_DIALECT_TD
#define INGOT_TEXT_DIALECT_TD
include "mlir/IR/AttrTypeBase.td"

def Text_Dialect : Dialect {
  let name = "text";
  let cppNamespace = "::ingot::text";
  let summary = "Text as elements of tensors";
  let useDefaultTypePrinterParser = 1;
}

def Text_String : TypeDef<Text_Dialect, "String"> {
  let mnemonic = "string";
  let summary = "bytes of UTF-8, of any number; moved, compared and joined, never computed with";
}
#endif
