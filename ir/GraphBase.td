// The graph dialect itself, its attribute for dimensions, and the base classes of the op families.
#ifndef INGOT_GRAPH_BASE_TD
#define INGOT_GRAPH_BASE_TD
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "ir/contracts/Contracts.td"
include "ir/text/Text.td"

def Graph_Dialect : Dialect {
  let name = "graph";
  let cppNamespace = "::ingot::graph";
  let summary = "Neural networks as graphs of tensor ops";
  let description = [{
    Values are ranked tensors; dimensions are integers or expressions over named symbols (#graph.dims).
    Integers are signed (si) or unsigned (ui), i1 is bool. Every op is total. Locations carry the name
    of the user's layer.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::func::FuncDialect", "::ingot::text::TextDialect"];
}

def Graph_DimsAttr : AttrDef<Graph_Dialect, "Dims"> {
  let mnemonic = "dims";
  let summary = "the dimensions of a tensor as expressions: #graph.dims<[batch, 28, batch * 4]>";
  let parameters = (ins ArrayRefParameter<"::mlir::Attribute", "dimension expressions">:$exprs);
  let hasCustomAssemblyFormat = 1;
}

class Graph_Op<string mnemonic, list<Trait> traits = []> : Op<Graph_Dialect, mnemonic, traits>;

def Graph_Tensor : RankedTensorOf<[AnyFloat, AnySignedInteger, AnyUnsignedInteger, I1, Text_String],
    [], "tensor">;
def Graph_TextTensor : RankedTensorOf<[Text_String], [], "tensor of strings">;
def Graph_BoolTensor : RankedTensorOf<[I1], [], "bool tensor">;
/// What is computed with. Elements of 8-bit and 4-bit floats and integers below 8 bits are moved and
/// cast alone.
defvar Graph_Floats = [F16, BF16, F32, F64];
defvar Graph_Integers = [SI8, SI16, SI32, SI64, UI8, UI16, UI32, UI64];
def Graph_FloatTensor : RankedTensorOf<Graph_Floats, [], "tensor of f16, bf16, f32 or f64">;
def Graph_IntegerTensor : RankedTensorOf<Graph_Integers, [], "tensor of integers of 8 to 64 bits">;
def Graph_NumberTensor : RankedTensorOf<Graph_Floats # Graph_Integers # [I1], [],
    "tensor of elements to compute with (cast smaller ones first)">;

/// A pure op whose result types follow from its operands and attributes.
class Graph_Inferred<string mnemonic, list<Trait> traits = []>
    : Graph_Op<mnemonic, [Pure, InferTypeOpAdaptor] # traits> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}
#endif
