// The exec dialect itself and the base of its ops; see ExecOps.td (kernels, nests, memory) and
// ControlOps.td (regions that run by condition or repeatedly).
#ifndef INGOT_EXEC_BASE_TD
#define INGOT_EXEC_BASE_TD
include "ir/GraphBase.td"

def Exec_Dialect : Dialect {
  let name = "exec";
  let cppNamespace = "::ingot::exec";
  let summary = "Compiled programs: kernels of loop nests over tensors with signless elements";
  let dependentDialects = ["::ingot::graph::GraphDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}
class Exec_Op<string mnemonic, list<Trait> traits = []> : Op<Exec_Dialect, mnemonic, traits>;
#endif
