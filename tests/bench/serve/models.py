"""Models for measurements of serving: multilayer perceptrons as ONNX, compiled with `ingot compile`."""
import pathlib
import subprocess

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[3]


def perceptron(path, sizes):
    """x f32[batch, sizes[0]] -> y f32[batch, sizes[-1]]: Gemm and Relu, Softmax at the end."""
    random = np.random.default_rng(0)
    nodes, weights, last = [], [], "x"
    for i, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        kernel = random.standard_normal((rows, columns), np.float32) / np.float32(np.sqrt(rows))
        weights += [numpy_helper.from_array(kernel, f"w{i}"),
                    numpy_helper.from_array(np.zeros(columns, np.float32), f"b{i}")]
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [f"g{i}"]))
        is_last = i == len(sizes) - 2
        nodes.append(helper.make_node("Softmax", [f"g{i}"], ["y"], axis=-1) if is_last
                     else helper.make_node("Relu", [f"g{i}"], [f"r{i}"]))
        last = f"r{i}"
    graph = helper.make_graph(
        nodes, "perceptron",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", sizes[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", sizes[-1]])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def publish(model, directory, version):
    subprocess.run([ROOT / "build/bin/ingot", "compile", model, "--publish", f"{directory}/{version}"],
                   check=True, stdout=subprocess.DEVNULL)
