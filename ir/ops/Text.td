// Ops on strings. Text is bytes; where characters matter they are those of UTF-8. In C++ they are in
// ir/Text.h and not in Graph.h: few files need them.
#ifndef INGOT_TEXT_OPS_TD
#define INGOT_TEXT_OPS_TD
include "ir/GraphBase.td"

class Graph_Text<string mnemonic> : Graph_Inferred<mnemonic,
    [DeclareOpInterfaceMethods<Graph_Evaluable>, DeclareOpInterfaceMethods<Graph_Structured>]>;

def Graph_TextEqualOp : Graph_Text<"text_equal"> {
  let summary = "whether two texts have the same bytes";
  let arguments = (ins Graph_TextTensor:$x, Graph_TextTensor:$y);
  let results = (outs Graph_BoolTensor:$result);
}

def Graph_TextConcatOp : Graph_Text<"text_concat"> {
  let summary = "the bytes of x, then those of y";
  let arguments = (ins Graph_TextTensor:$x, Graph_TextTensor:$y);
  let results = (outs Graph_TextTensor:$result);
}

def Graph_TextCaseOp : Graph_Text<"text_case"> {
  let summary = "x with each letter in lower or upper case";
  let description = [{
    By Unicode's simple mappings, which are one character to one and of no language; what is no UTF-8
    stays.
  }];
  let arguments = (ins Graph_TextTensor:$x, DefaultValuedAttr<BoolAttr, "false">:$upper);
  let results = (outs Graph_TextTensor:$result);
}

def Graph_TextFindOp : Graph_Text<"text_find"> {
  let summary = "the position (si64) of x among `keys`, the first where they repeat, else -1";
  let arguments = (ins Graph_TextTensor:$x, StrArrayAttr:$keys);
  let results = (outs Graph_IntegerTensor:$result);
}

def Graph_TextMatchOp : Graph_Text<"text_match"> {
  let summary = "whether the whole of x matches the regular expression";
  let description = [{
    In the syntax of RE2. A pattern that is none, has what an automaton over bytes has not, or needs one
    of more than 4096 states is refused when compiling.
  }];
  let arguments = (ins Graph_TextTensor:$x, StrAttr:$pattern);
  let results = (outs Graph_BoolTensor:$result);
}

def Graph_TextSplitOp : Graph_Op<"text_split", [Pure, DeclareOpInterfaceMethods<Graph_Evaluable>,
    DeclareOpInterfaceMethods<Graph_Structured>]> {
  let summary = "what lies between delimiters: x (…) -> pieces (…, m), and their numbers (…) of si64";
  let description = [{
    An empty delimiter is any run of white space (Unicode's), and white space at either end is dropped;
    another one separates exactly, also into empty pieces. Only the first `maxsplit` delimiters are
    looked at (-1: all). Rows of fewer pieces end in empty texts; more than m of them make the run fail
    with a status that names the node.
  }];
  let arguments = (ins Graph_TextTensor:$x, StrAttr:$delimiter,
                       DefaultValuedAttr<I64Attr, "-1">:$maxsplit);
  let results = (outs Graph_TextTensor:$pieces, Graph_IntegerTensor:$counts);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
#endif
