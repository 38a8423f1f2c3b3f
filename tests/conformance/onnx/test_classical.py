#!/usr/bin/env python3
"""ai.onnx.ml's models, which ONNX's node tests leave out, against ONNX's reference evaluator.

    test_classical.py        exit code 0: all agree
"""
import sys

import numpy
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import ingot_backend

RANDOM = numpy.random.default_rng(7)
ROWS, FEATURES = 9, 4


def floats(*shape):
    return RANDOM.standard_normal(shape).astype(numpy.float32)


def tree_attributes(trees, role, outputs, mode="BRANCH_LEQ", depth=3):
    """Complete trees of random splits as TreeEnsembleRegressor and -Classifier take them."""
    nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes",
                                   "truenodeids", "falsenodeids",
                                   "missing_value_tracks_true")}
    votes = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(trees):
        for node in range(2 ** (depth + 1) - 1):
            is_leaf = node >= 2 ** depth - 1
            row = {"treeids": tree, "nodeids": node,
                   "featureids": 0 if is_leaf else int(RANDOM.integers(FEATURES)),
                   "values": 0.0 if is_leaf else float(numpy.float32(RANDOM.standard_normal())),
                   "modes": "LEAF" if is_leaf else mode,
                   "truenodeids": 0 if is_leaf else 2 * node + 1,
                   "falsenodeids": 0 if is_leaf else 2 * node + 2,
                   "missing_value_tracks_true": int(RANDOM.integers(2))}
            for name, value in row.items():
                nodes[name].append(value)
            if is_leaf:
                for name, value in (("treeids", tree), ("nodeids", node),
                                    ("ids", int(RANDOM.integers(outputs))),
                                    ("weights", float(RANDOM.standard_normal()))):
                    votes[name].append(value)
    attributes = {"nodes_" + name: value for name, value in nodes.items()}
    attributes.update({f"{role}_{name}": value for name, value in votes.items()})
    return attributes


def cases():
    """(operator, inputs, number of outputs, attributes)"""
    x = floats(ROWS, FEATURES)
    holes = x.copy()
    holes[::2, 1] = numpy.nan
    labels = {"classlabels_ints": [3, 5, 8]}
    yield "Scaler", [x], 1, {"offset": [0.5, 1, 2, -1], "scale": [2.0, 3, 0.5, 1]}
    yield "Scaler", [x], 1, {"offset": [0.5], "scale": [2.0]}
    for norm in ("MAX", "L1", "L2"):
        yield "Normalizer", [x], 1, {"norm": norm}
    yield "Imputer", [holes], 1, {"imputed_value_floats": [1.0, 2, 3, 4],
                                  "replaced_value_float": float("nan")}
    yield "Imputer", [numpy.array([[1, -1], [-1, 2]])], 1, {
        "imputed_value_int64s": [7], "replaced_value_int64": -1}
    yield "FeatureVectorizer", [x, floats(ROWS, 2)], 1, {"inputdimensions": [3, 5]}
    coefficients = [float(v) for v in floats(3 * FEATURES)]
    yield "LinearRegressor", [x], 1, {"coefficients": coefficients, "intercepts": [1.0, 2, 3],
                                      "targets": 3}
    for transform in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"):
        yield "LinearClassifier", [x], 2, {"coefficients": coefficients, "intercepts": [.1, .2, .3],
                                           "post_transform": transform, **labels}
    yield "LinearClassifier", [x], 2, {"coefficients": coefficients[:FEATURES], "intercepts": [0.5],
                                       "classlabels_ints": [0, 1]}
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        machine = {"kernel_type": kernel, "kernel_params": [0.3, 0.5, 3.0],
                   "support_vectors": [float(v) for v in floats(6 * FEATURES)]}
        yield "SVMRegressor", [x], 1, {"n_supports": 6, "rho": [0.25],
                                       "coefficients": [float(v) for v in floats(6)], **machine}
        yield "SVMClassifier", [x], 2, {"vectors_per_class": [2, 3, 1], "rho": [0.1, -0.2, 0.3],
                                        "coefficients": [float(v) for v in floats(12)], **machine,
                                        **labels}
    yield "SVMClassifier", [x], 2, {"coefficients": coefficients[:2 * FEATURES], "rho": [0.5],
                                    "classlabels_ints": [3, 5]}
    yield "SVMClassifier", [x], 2, {
        "vectors_per_class": [2, 3], "rho": [0.1], "classlabels_ints": [3, 5],
        "coefficients": [float(v) for v in floats(5)],
        "support_vectors": [float(v) for v in floats(5 * FEATURES)]}
    for mode in ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ"):
        yield "TreeEnsembleRegressor", [holes], 1, {
            "n_targets": 1, **tree_attributes(1, "target", 1, "BRANCH_" + mode)}
    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        yield "TreeEnsembleRegressor", [holes], 1, {
            "n_targets": 2, "aggregate_function": aggregate, "base_values": [0.5, -0.5],
            **tree_attributes(5, "target", 2)}
    for transform in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"):
        for classes, votes in ((3, 3), (2, 1)):
            yield "TreeEnsembleClassifier", [holes], 2, {
                "classlabels_int64s": [4, 2, 9][:classes], "post_transform": transform,
                **tree_attributes(5, "class", votes)}


def check(operator, inputs, outputs, attributes):
    names = [f"x{i}" for i in range(len(inputs))]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(operator, names, results, domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node], operator,
        [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype),
                                       value.shape) for name, value in zip(names, inputs)],
        [helper.make_tensor_value_info(
            name, TensorProto.INT64 if outputs == 2 and name == "y0" else
            TensorProto.INT64 if inputs[0].dtype == numpy.int64 else TensorProto.FLOAT, None)
         for name in results])
    model = helper.make_model(graph, ir_version=9, opset_imports=[
        helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)])
    expected = ReferenceEvaluator(model).run(None, dict(zip(names, inputs)))
    actual = ingot_backend.IngotBackend.prepare(model).run(inputs)
    for want, have in zip(expected, actual):
        numpy.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-5)


def main():
    failures = 0
    for case in cases():
        try:
            check(*case)
        except Exception as error:  # pylint: disable=broad-except
            failures += 1
            print(f"{case[0]} {[(k, v) for k, v in case[3].items() if isinstance(v, (str, int))]}: "
                  f"{str(error)[:600]}")
    print("all agree" if not failures else f"{failures} cases differ")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
