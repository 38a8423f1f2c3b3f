#!/usr/bin/env python3
"""Sizes that inputs' values decide, and operators that ONNX's node tests touch lightly.

    test_sizes.py        exit code 0: all agree
"""
import sys

import numpy
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

import ingot_backend

RANDOM = numpy.random.default_rng(11)
FAILURES = []


def info(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, training=False):
    graph = helper.make_graph(nodes, "sizes", inputs, outputs)
    sets = [helper.make_opsetid("", 21)]
    if training:
        sets.append(helper.make_opsetid("ai.onnx.preview.training", 1))
    return helper.make_model(graph, opset_imports=sets, ir_version=10)


def check(name, got, wanted):
    for g, w in zip(got, wanted):
        w = numpy.asarray(w)
        if g.shape != w.shape or not numpy.allclose(g, w, rtol=1e-5, atol=1e-6):
            FAILURES.append(f"{name}: {g} of shape {g.shape}, not {w} of shape {w.shape}")


def refused(name, run):
    try:
        run()
    except RuntimeError:
        return
    FAILURES.append(f"{name}: accepted")


def squeeze_without_axes():
    """A symbolic dimension stays, and may not be 1: the rank would be another."""
    built = ingot_backend.IngotBackend.prepare(
        model([helper.make_node("Squeeze", ["x"], ["y"])], [info("x", ["n", 1, 4])],
              [info("y", None)]))
    x = RANDOM.standard_normal((3, 1, 4)).astype(numpy.float32)
    check("Squeeze", built.run([x]), [x[:, 0]])
    refused("Squeeze of 1", lambda: built.run([x[:1]]))


def stacking_loop():
    """The trip count and whether to begin are inputs."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]),
         helper.make_node("Add", ["carried", "carried"], ["next"]),
         helper.make_node("Identity", ["carried"], ["row"])], "body",
        [info("i", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("carried", [2])],
        [info("go_on", [], TensorProto.BOOL), info("next", [2]), info("row", [2])])
    built = ingot_backend.IngotBackend.prepare(
        model([helper.make_node("Loop", ["count", "start", "x"], ["last", "rows"], body=body)],
              [info("count", [], TensorProto.INT64), info("start", [], TensorProto.BOOL),
               info("x", [2])], [info("last", [2]), info("rows", ["k", 2])]))
    x = numpy.array([1, -3], numpy.float32)
    for count, start in ((4, True), (0, True), (-2, True), (3, False)):
        trips = max(count, 0) if start else 0
        rows = numpy.array([x * 2 ** i for i in range(trips)], numpy.float32).reshape(trips, 2)
        check(f"Loop {count} {start}",
              built.run([numpy.int64(count), numpy.bool_(start), x]), [x * 2 ** trips, rows])


def computed_length():
    """ceil((limit - start) / delta) in floats, as exporters write it."""
    nodes = [helper.make_node("Sub", ["limit", "start"], ["span"]),
             helper.make_node("Div", ["span", "delta"], ["steps"]),
             helper.make_node("Ceil", ["steps"], ["whole"]),
             helper.make_node("Relu", ["whole"], ["positive"]),
             helper.make_node("Cast", ["positive"], ["count"], to=TensorProto.INT64),
             helper.make_node("Constant", [], ["axis"], value_ints=[0]),
             helper.make_node("Unsqueeze", ["count", "axis"], ["shape"]),
             helper.make_node("ConstantOfShape", ["shape"], ["y"])]
    built = ingot_backend.IngotBackend.prepare(
        model(nodes, [info(name, []) for name in ("start", "limit", "delta")], [info("y", ["k"])]))
    for values in ((0, 10, 3), (10, 0, -2.5), (1, 1, 1), (5, 0, 1), (-0.5, 0.5, 0.25)):
        count = len(numpy.arange(*values))
        check(f"length of {values}", built.run([numpy.float32(v) for v in values]),
              [numpy.zeros(count)])


def branches_of_two_sizes():
    def branch(name, start, stop):
        return helper.make_graph(
            [helper.make_node("Constant", [], [name + "_s"], value_ints=[start]),
             helper.make_node("Constant", [], [name + "_e"], value_ints=[stop]),
             helper.make_node("Slice", ["x", name + "_s", name + "_e"], [name])], name, [],
            [info(name, None)])
    built = ingot_backend.IngotBackend.prepare(
        model([helper.make_node("If", ["which"], ["y"], then_branch=branch("a", 0, 2),
                                else_branch=branch("b", 1, 6))],
              [info("which", [], TensorProto.BOOL), info("x", [6])], [info("y", ["k"])]))
    x = RANDOM.standard_normal(6).astype(numpy.float32)
    check("If true", built.run([numpy.bool_(True), x]), [x[:2]])
    check("If false", built.run([numpy.bool_(False), x]), [x[1:]])


def ngrams():
    """All modes, skips, weights; rows shorter than an n-gram."""
    pool = [2, 3, 5, 4, 5, 6, 5, 7, 7, 8, 6, 7, 1, 2, 3]
    for mode in ("TF", "IDF", "TFIDF"):
        node = helper.make_node(
            "TfIdfVectorizer", ["x"], ["y"], mode=mode, min_gram_length=1, max_gram_length=3,
            max_skip_count=2, ngram_counts=[0, 4, 12], ngram_indexes=list(range(9)),
            pool_int64s=pool, weights=[float(i + 1) for i in range(9)])
        whole = model([node], [info("x", ["n", "c"], TensorProto.INT64)], [info("y", ["n", 9])])
        built = ingot_backend.IngotBackend.prepare(whole)
        for columns in (1, 2, 9):
            x = RANDOM.integers(1, 9, (3, columns))
            check(f"TfIdfVectorizer {mode} {columns}", built.run([x]),
                  ReferenceEvaluator(whole).run(None, {"x": x}))


def gradient_of_composites():
    """The derivative of sum(softmax(x)^2 z), at values other than the model's own."""
    nodes = [helper.make_node("Softmax", ["x"], ["s"]), helper.make_node("Mul", ["s", "s"], ["q"]),
             helper.make_node("Mul", ["q", "z"], ["y"]),
             helper.make_node("Gradient", ["at", "z"], ["d"], domain="ai.onnx.preview.training",
                              xs=["x"], zs=["z"], y="y")]
    built = ingot_backend.IngotBackend.prepare(
        model(nodes, [info(name, [5]) for name in ("x", "z", "at")],
              [info("y", [5]), info("d", [5])], training=True))
    x, z, at = (RANDOM.standard_normal(5).astype(numpy.float32) for _ in range(3))

    def softmax(v):
        e = numpy.exp(v - v.max())
        return e / e.sum()

    s = softmax(at.astype(float))
    d_s = 2 * s * z
    check("Gradient", built.run([x, z, at]), [softmax(x) ** 2 * z, s * (d_s - (d_s * s).sum())])


def main():
    for test in (squeeze_without_axes, stacking_loop, computed_length, branches_of_two_sizes, ngrams,
                 gradient_of_composites):
        try:
            test()
        except ingot_backend.CompileError as error:
            FAILURES.append(f"{test.__name__}: {error}")
    print("\n".join(FAILURES) or "all agree")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
