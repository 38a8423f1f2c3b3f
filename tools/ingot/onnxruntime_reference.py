"""Runs a model in onnxruntime for `ingot compare --against onnxruntime`, which carries this file in
it and calls it with a directory: request.json and inputs.npz in, result.json and outputs.npz out.

Arrays are called i0, i1, … and o0, o1, … in the files; the names of tensors are in the JSON.
"""
import json
import sys


def run(directory):
    try:
        import numpy
        import onnxruntime
    except ImportError as error:
        return {"missing": str(error)}
    with open(directory + "/request.json", encoding="utf-8") as file:
        request = json.load(file)
    options = onnxruntime.SessionOptions()
    # The model as it stands: a fused or reordered reference would hide where results part.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = request["threads"]
    try:
        session = onnxruntime.InferenceSession(request["model"], options,
                                               providers=["CPUExecutionProvider"])
        known = {output.name for output in session.get_outputs()}
        wanted = [name for name in request["outputs"] if name in known]
        with numpy.load(directory + "/inputs.npz") as arrays:
            feeds = {name: arrays[key] for name, key in request["inputs"].items()}
        values = session.run(wanted, feeds)
    except Exception as error:  # whatever it raises is its answer
        return {"refused": f"{type(error).__name__}: {error}"}
    result = {"version": onnxruntime.__version__, "arrays": {}, "skipped": {}}
    arrays = {}
    for index, (name, value) in enumerate(zip(wanted, values)):
        if not isinstance(value, numpy.ndarray):
            result["skipped"][name] = f"onnxruntime gives a {type(value).__name__}, not a tensor"
        elif value.dtype.kind not in "biuf":
            result["skipped"][name] = f"onnxruntime gives elements of {value.dtype}"
        else:
            arrays[f"o{index}"] = value
            result["arrays"][name] = f"o{index}"
    for name in request["outputs"]:
        if name not in known:
            result["skipped"][name] = "onnxruntime does not give it"
    numpy.savez(directory + "/outputs.npz", **arrays)
    return result


if __name__ == "__main__":
    answer = run(sys.argv[1])
    with open(sys.argv[1] + "/result.json", "w", encoding="utf-8") as out:
        json.dump(answer, out)
