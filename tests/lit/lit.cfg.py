# Runs tests/lit with `ingot-opt`, `ingot` and FileCheck; ctest calls it as the test `lit`.
import lit.formats

config.name = "ingot"
config.test_format = lit.formats.ShTest()
config.suffixes = [".mlir"]
config.test_exec_root = lit_config.params["exec_root"]
for name, parameter in [("ingot-opt", "ingot_opt"), ("ingot", "ingot"), ("FileCheck", "filecheck")]:
    config.substitutions.append((r"(^|(?<=[\s|]))" + name + r"(?=\s)", lit_config.params[parameter]))
