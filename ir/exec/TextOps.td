// Dispatches over text. An element is an i128 in memory: the address of its bytes, then their number
// (the ingot_string of artifact.h). All take x of one dimension, after the tables that they read.
#ifndef INGOT_EXEC_TEXT_OPS_TD
#define INGOT_EXEC_TEXT_OPS_TD
include "ir/exec/ExecBase.td"

class Exec_Text<string mnemonic> : Exec_Op<mnemonic, [MemoryEffects<[MemWrite]>]> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

def Exec_TextEqualOp : Exec_Text<"text_equal"> {
  let summary = "whether the texts at the same place are the same: x (n), y (n) -> (n) of i1";
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$y);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_TextFindOp : Exec_Text<"text_find"> {
  let summary = "positions[k] for the k with keys[k] = x, else -1: x (n) -> (n) of i64";
  let description = "Keys (k) are different and in increasing order of their bytes.";
  let arguments = (ins AnyRankedTensor:$keys, AnyRankedTensor:$positions, AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_TextMatchOp : Exec_Text<"text_match"> {
  let summary = "whether an automaton that reads a text ends in an accepting state: x (n) -> (n) of i1";
  let description = [{
    Starts in state 0; from state s a byte b leads to next[s * k + classes[b]], k being the number of
    classes. next (s * k) of i32, classes (256) of i32, accepts (s) of i8.
  }];
  let arguments = (ins AnyRankedTensor:$next, AnyRankedTensor:$classes, AnyRankedTensor:$accepts,
                       AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_TextConcatOp : Exec_Text<"text_concat"> {
  let summary = "new text: that of x, then that of y: x (n), y (n) -> (n)";
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$y);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_TextCaseOp : Exec_Text<"text_case"> {
  let summary = "new text: x with to[k] in place of the character from[k]: x (n) -> (n)";
  let description = "from (k), increasing, and to (k) are code points of i32. What is no UTF-8 stays.";
  let arguments = (ins AnyRankedTensor:$from, AnyRankedTensor:$to, AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$result);
}

def Exec_TextSplitOp : Exec_Text<"text_split"> {
  let summary = "pieces (n, m) of x (n) between delimiters, and how many (n) of i64 they are";
  let description = [{
    delimiter (1), a constant: where it is empty, white space. At most `maxsplit` delimiters are looked
    at (-1: all). The rest of a row is empty; more than m pieces are a checked error. See
    graph.text_split.
  }];
  let arguments = (ins AnyRankedTensor:$delimiter, AnyRankedTensor:$x, I64Attr:$maxsplit);
  let results = (outs AnyRankedTensor:$pieces, AnyRankedTensor:$counts);
}
#endif
