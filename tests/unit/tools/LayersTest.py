#!/usr/bin/env python3
"""tools/dev/layers finds what it is there to find: each test seeds one violation in a small tree."""
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
CHECK = os.path.join(ROOT, "tools/dev/layers")
OPS = '''def Graph_AddOp : Graph_Binary<"add", "lhs + rhs">;
def Graph_MatMulOp : Graph_Inferred<"matmul", []>;
def Graph_ReadOp : Graph_Op<"read", []>;
'''


def check(files):
    """Exit code and output of the check over a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {"ir/ops/Ops.td": OPS, **files}.items():
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        run = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr


class LayersTest(unittest.TestCase):
    def allowed(self, path, text):
        code, output = check({path: text})
        self.assertEqual(code, 0, output)

    def refused(self, path, text, message):
        code, output = check({path: text})
        self.assertEqual(code, 1, output)
        self.assertIn(message, output)

    def test_this_repository_is_clean(self):
        run = subprocess.run([sys.executable, CHECK, ROOT], capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_allowed_edges_pass(self):
        self.allowed("compiler/fusion/A.cpp", '#include "ir/Graph.h"\n#include "ingot/artifact.h"\n')
        self.allowed("runtime/core/A.cpp", '#include "ingot/Status.h"\n#include <sys/mman.h>\n')
        self.allowed("runtime/data/A.cpp", "#include <zlib.h>\n")

    def test_the_runtime_knows_no_mlir_and_no_compiler(self):
        for name in ("mlir/IR/Builders.h", "llvm/ADT/StringRef.h", "compiler/Compile.h", "ir/Graph.h"):
            self.refused("runtime/core/A.cpp", f'#include "{name}"\n', f"may not include {name}")

    def test_the_runtime_core_knows_no_outside_library(self):
        for name in ("fmt/format.h", "zlib.h", "nlohmann/json.hpp"):
            self.refused("runtime/core/A.cpp", f"#include <{name}>\n", f"may not include {name}")
            self.refused("runtime/include/ingot/A.h", f"#include <{name}>\n", f"may not include {name}")

    def test_the_base_headers_know_no_library_above_them(self):
        self.refused("runtime/include/ingot/A.h", '#include "ingot/data/Npy.h"\n',
                     "may not include ingot/data/Npy.h")
        self.refused("runtime/model/A.cpp", '#include "ingot/train/Trainer.h"\n',
                     "may not include ingot/train/Trainer.h")

    def test_the_ir_knows_nothing_that_works_on_it(self):
        for name in ("compiler/Compile.h", "backends/cpu/Link.h", "frontends/keras/Keras.h",
                     "ingot/Tensor.h"):
            self.refused("ir/ops/A.cpp", f'#include "{name}"\n', f"may not include {name}")

    def test_the_compiler_knows_no_back_end_and_no_runtime(self):
        for name in ("backends/cpu/Link.h", "ingot/Model.h", "runtime/core/AtomicFile.h"):
            self.refused("compiler/fusion/A.cpp", f'#include "{name}"\n', f"may not include {name}")

    def test_a_back_end_knows_no_pass_before_code_generation(self):
        for name in ("compiler/autodiff/Differentiate.h", "compiler/lowering/LowerToExec.h"):
            self.refused("backends/cpu/A.cpp", f'#include "{name}"\n', f"may not include {name}")

    def test_a_program_that_embeds_a_model_needs_one_header(self):
        self.refused("examples/embed_c/a.c", '#include "ingot/ingot.h"\n', "may not include")

    def test_a_file_beside_is_found(self):
        code, output = check({"ir/ops/A.cpp": '#include "A.h"\n', "ir/ops/A.h": ""})
        self.assertEqual(code, 0, output)

    def test_an_unknown_directory_of_a_known_top_is_refused(self):
        self.refused("runtime/novel/A.cpp", "", "no layer is known")

    def test_passes_and_back_ends_name_no_op(self):
        self.refused("compiler/fusion/A.cpp", "bool b = isa<graph::MatMulOp>(op);\n",
                     "names the op graph::MatMulOp")
        self.refused("backends/cpu/A.cpp", "using graph::AddOp;\n", "names the op graph::AddOp")
        self.refused("compiler/A.cpp", "using namespace ingot::graph;\nbool b = isa<MatMulOp>(op);\n",
                     "names the op graph::MatMulOp")
        self.refused("compiler/A.cpp", 'bool b = name == "graph.matmul";\n',
                     "compares with the op name graph.matmul")

    def test_ops_of_other_dialects_and_allowed_ops_pass(self):
        self.allowed("compiler/fusion/A.cpp", "isa<exec::ReadOp>(op); isa<graph::ReadOp>(op);\n")
        self.allowed("compiler/autodiff/A.cpp", "graph::AddOp::create(b, loc, x, y);\n")
        self.allowed("compiler/fusion/A.cpp", "// graph::MatMulOp is no business of this pass\n")

    def test_a_tree_without_op_definitions_is_no_success(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "ir/ops"))
            run = subprocess.run([sys.executable, CHECK, root], capture_output=True, text=True)
            self.assertNotEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main()
