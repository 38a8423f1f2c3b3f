"""The libraries that tests/bench/peers.py compares: each a class whose objects hold one model with bound
inputs. `run` runs it, `output` gives the first output of the last run, `run_for` the mean time of a run.

Whoever has a C or C++ interface in its wheel is called from C++ (Sides.cpp), so that no Python is between
two runs: ours, ONNX Runtime, OpenVINO, TensorFlow, AOTInductor, and PyTorch's eager mode for the models
whose runs are shorter than Python's calls. The others are called from Python: the wheels of IREE's runtime
and of JAX export nothing but modules of Python, and torch.compile is a compiler of Python functions, whose
form for C++ is AOTInductor. `calls` says from where a side is called. Imports are inside the classes: a
library that cannot be imported is missing from the table, with the reason, and nothing else.
"""
import ctypes
import functools
import glob
import json
import math
import os
import subprocess
import sys
import time

import numpy as np

import torch_models

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
INGOT = ROOT + "/build/bin/ingot"


def run_for(run, seconds):
    """Mean time of a run, over as many as fit; the first is counted only where it is long."""
    start = time.perf_counter()
    run()
    first = time.perf_counter() - start
    if first >= 10 * seconds:
        return first
    count, start = 0, time.perf_counter()
    while True:
        run()
        count += 1
        took = time.perf_counter() - start
        if took >= seconds:
            return took / count


class Case:
    """What a side is asked for."""

    def __init__(self, name, model, inputs, threads, scratch):
        self.name, self.model, self.inputs, self.threads, self.scratch = name, model, inputs, threads, scratch
        self.batch = len(inputs[0])

    def built(self, what):
        """Where something compiled for this model and batch is kept, beside the model."""
        folder = os.path.join(os.path.dirname(self.model), "built")
        os.makedirs(folder, exist_ok=True)
        return os.path.join(folder, f"{self.name}.b{self.batch}.{what}")

    def batch_name(self):
        import onnx
        return onnx.load(self.model).graph.input[0].type.tensor_type.shape.dim[0].dim_param

    def static_model(self):
        """The model with its batch fixed, as these libraries want it to be fast."""
        given = self.model.replace(".onnx", f".b{self.batch}.onnx")
        if os.path.exists(given):
            return given
        path = self.built("onnx")
        if not os.path.exists(path):
            import onnx
            model = onnx.load(self.model)
            for value in [*model.graph.input, *model.graph.output]:
                value.type.tensor_type.shape.dim[0].dim_value = self.batch
            del model.graph.value_info[:]
            onnx.save(model, path + ".new")
            os.replace(path + ".new", path)
        return path


class Tensor(ctypes.Structure):
    """ingot_tensor"""
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p)]
    DTYPES = {"int64": 5, "float32": 12}  # INGOT_I64, INGOT_F32

    @staticmethod
    def of(array):
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        return Tensor(Tensor.DTYPES[array.dtype.name], array.ndim, dims, array.ctypes.data)


class Request(ctypes.Structure):
    """ingot::bench::Request"""
    _fields_ = [("library", ctypes.c_char_p), ("model", ctypes.c_char_p), ("function", ctypes.c_char_p),
                ("threads", ctypes.c_int32), ("count", ctypes.c_int32), ("inputs", ctypes.POINTER(Tensor))]


@functools.cache
def calls_of(library):
    """What Side.h declares for Python, of a library that has sides."""
    loaded = ctypes.CDLL(ROOT + "/build/" + library)
    loaded.ingot_bench_open.restype = ctypes.c_void_p
    loaded.ingot_bench_time.restype = ctypes.c_double
    return loaded


class Native:
    """A side of Sides.cpp."""
    calls = "C++"
    sides = "lib/libingot_peer_calls.so"

    def __init__(self, case, model, library="", function="", weights=()):
        self.library = calls_of(self.sides)
        self.message = ctypes.create_string_buffer(1024)
        self.arrays = [*case.inputs, *weights]  # which the side reads in place
        self.tensors = (Tensor * len(self.arrays))(*(Tensor.of(array) for array in self.arrays))
        request = Request(library.encode(), model.encode(), function.encode(), case.threads, len(self.arrays),
                          self.tensors)
        self.side = ctypes.c_void_p(self.library.ingot_bench_open(self.name.encode(), ctypes.byref(request),
                                                                  self.message))
        self.check(self.side)

    def check(self, is_fine):
        if not is_fine:
            raise RuntimeError(self.message.value.decode(errors="replace"))

    def run(self):
        self.check(self.library.ingot_bench_run(self.side, ctypes.c_int64(1), self.message))

    def run_for(self, seconds):
        took = self.library.ingot_bench_time(self.side, ctypes.c_double(seconds), self.message)
        self.check(took >= 0)
        return took

    def output(self):
        y = Tensor()
        self.check(self.library.ingot_bench_output(self.side, ctypes.byref(y), self.message))
        shape = [y.dims[i] for i in range(y.rank)]
        data = ctypes.cast(y.data, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(data, (math.prod(shape),)).reshape(shape).copy()

    def close(self):
        self.library.ingot_bench_close(self.side)


class Ingot(Native):
    name = "ingot"
    function, compile_options = "predict", []

    def __init__(self, case):
        artifact = os.path.join(case.scratch, os.path.basename(case.model) + ".so")
        if not os.path.exists(artifact):
            done = subprocess.run([INGOT, "compile", case.model, *self.compile_options, "-o", artifact], check=False,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
        report = json.loads(subprocess.run(
            [INGOT, "bench", artifact, "--function", self.function, "--shape", f"{case.batch_name()}={case.batch}",
             "--threads", str(case.threads), "--runs", "1", "--json"], check=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout)
        result = report["results"][0]
        self.flops, self.bytes = report["flops"], report["bytes"]
        self.peak = result["gflops"] * 1e9 / result["share_of_peak"]
        self.bandwidth = self.bytes / result["min_s"] / result["share_of_bandwidth"]
        super().__init__(case, artifact, function=self.function)


def installed(package, pattern):
    """The one file of an installed package; importing it is not needed."""
    import importlib.util
    found = importlib.util.find_spec(package)
    if found is None:
        raise ImportError(f"no package {package}")
    files = sorted(glob.glob(os.path.join(list(found.submodule_search_locations)[0], pattern)))
    if not files:
        raise ImportError(f"package {package} has no {pattern}")
    return files[-1]


class OnnxRuntime(Native):
    name = "onnxruntime"

    def __init__(self, case):
        super().__init__(case, case.static_model(), installed("onnxruntime", "capi/libonnxruntime.so.*"))


class OpenVino(Native):
    name = "openvino"

    def __init__(self, case):
        super().__init__(case, case.static_model(), installed("openvino", "libs/libopenvino_c.so.*"))


class FromPython:
    calls = "Python"

    def run_for(self, seconds):
        return run_for(self.run, seconds)

    def close(self):
        self.__dict__.clear()


class Iree(FromPython):
    """Compiled with the best of the flags that ../shared/bench/PEERS.md tried."""
    name = "iree"
    FLAGS = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
             "--iree-llvmcpu-target-cpu=host", "--iree-opt-level=O3", "--iree-opt-data-tiling=true",
             "--iree-preprocessing-pass-pipeline="
             "builtin.module(util.func(iree-preprocessing-convert-conv-to-channels-last))"]

    def __init__(self, case):
        import iree.runtime as runtime
        module = self.compiled(case)
        if case.threads > 1:
            runtime.flags.parse_flags(f"--task_topology_group_count={case.threads}")
        self.runtime = runtime
        self.config = runtime.Config("local-sync" if case.threads == 1 else "local-task")
        self.module = runtime.VmModule.mmap(self.config.vm_instance, module)
        self.context = runtime.VmContext(self.config.vm_instance, [*self.config.default_vm_modules, self.module])
        name = next(n for n in self.module.function_names if not n.startswith("__") and not n.endswith("$async"))
        self.function = self.module.lookup_function(name)
        self.arguments = runtime.VmVariantList(1)
        self.x = runtime.asdevicearray(self.config.device, case.inputs[0])
        self.arguments.push_ref(self.x._buffer_view)

    def run(self):
        self.results = self.runtime.VmVariantList(1)
        self.context.invoke(self.function, self.arguments, self.results)

    def output(self):
        view = self.results.get_as_object(0, self.runtime.HalBufferView)
        return self.runtime.DeviceArray(self.config.device, view, implicit_host_transfer=True).to_host()

    def compiled(self, case):
        path = case.built("vmfb")
        if not os.path.exists(path):
            program, folder = path + ".mlir", os.path.dirname(sys.executable)
            for command in ([folder + "/iree-import-onnx", case.static_model(), "--opset-version", "17", "-o", program],
                            [folder + "/iree-compile", program, *self.FLAGS, "-o", path + ".new"]):
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError(f"{os.path.basename(command[0])}: {done.stderr[-300:]}")
            os.remove(program)
            os.replace(path + ".new", path)
        return path


def torch_network(case):
    keras = case.name in ("mlp", "keras_cnn")
    return torch_models.keras_network(case.name, case.model) if keras else torch_models.network(case.name)


class Torch(FromPython):
    def __init__(self, case):
        import torch
        torch.set_num_threads(case.threads)
        self.guard = torch.no_grad()
        self.x = torch.from_numpy(case.inputs[0])
        with self.guard:
            self.call = self.made(torch, torch_network(case))

    def run(self):
        with self.guard:
            self.y = self.call(self.x)

    def output(self):
        return self.y.contiguous().numpy()


class TorchEagerFromPython(Torch):
    """In the memory layout that is faster for this model."""
    name = "torch eager"

    def made(self, torch, net):
        if self.x.ndim != 4:
            return net
        plain, x = run_for(lambda: net(self.x), 0.05), self.x
        self.x = x.to(memory_format=torch.channels_last)
        net = net.to(memory_format=torch.channels_last)
        if run_for(lambda: net(self.x), 0.05) < plain:
            return net
        self.x = x
        return net.to(memory_format=torch.contiguous_format)


class TorchNative(Native):
    """A side of TorchSide.cpp, which the script `peers` builds."""
    sides = "bench-venv/libingot_torch_calls.so"

    def __init__(self, case, model, **options):
        import torch  # loads what the library is linked to, with all that it needs
        torch.set_num_threads(case.threads)
        super().__init__(case, model, **options)


class TorchEagerFromC(TorchNative):
    """Written out in TorchSide.cpp; the weights are handed over."""
    name = "torch eager"

    def __init__(self, case, layout):
        weights = [parameter.detach().numpy() for parameter in torch_network(case).parameters()]
        super().__init__(case, case.name, function=layout, weights=weights)


SHORT = ("mlp", "keras_cnn", "torch_cnn")  # whose runs are shorter than Python's calls


def fastest(made):
    best = min(made, key=lambda side: min(side.run_for(0.02) for _ in range(3)))
    for side in made:
        if side is not best:
            side.close()
    return best


class TorchEager:
    name = "torch eager"

    def __new__(cls, case):
        if case.name not in SHORT:
            return TorchEagerFromPython(case)
        layouts = ("contiguous", "channels_last") if case.inputs[0].ndim == 4 else ("contiguous",)
        return fastest([TorchEagerFromC(case, layout) for layout in layouts])


class TorchCompiled(Torch):
    name = "torch.compile"

    def made(self, torch, net):
        import torch._inductor.config
        torch._inductor.config.freezing = True
        return torch.compile(net)


class AotInductorPackage(TorchNative):
    name = "aotinductor"

    def __init__(self, case, freezing):
        path = case.built("aoti.pt2" if freezing else "aoti-unfrozen.pt2")
        if not os.path.exists(path):
            self.compile(case, freezing, path)
        super().__init__(case, path)

    def compile(self, case, freezing, path):
        import torch
        torch.set_num_threads(case.threads)
        torch.backends.mha.set_fastpath_enabled(False)
        with torch.no_grad():
            program = torch.export.export(torch_network(case), (torch.from_numpy(case.inputs[0]),))
            torch._inductor.aoti_compile_and_package(program, package_path=path, inductor_configs={
                "freezing": freezing, "cpp.dynamic_threads": True})


class AotInductor:
    """With weights packed while compiling (freezing); of short runs the faster of with and without, since
    operations on packed weights cost more to start."""
    name = "aotinductor"

    def __new__(cls, case):
        ways = (True, False) if case.name in SHORT else (True,)
        return fastest([AotInductorPackage(case, freezing) for freezing in ways])


class Jax(FromPython):
    """XLA; weights are constants, as in a served model."""
    name = "jax"

    def __init__(self, case):
        import jax
        from onnx_program import JaxLibrary, Program
        jax.config.update("jax_platforms", "cpu")
        program = Program(case.static_model(), JaxLibrary())
        self.x = jax.numpy.asarray(case.inputs[0])
        self.call = jax.jit(lambda x: program(program.weights, x)).lower(self.x).compile()

    def run(self):
        self.y = self.call(self.x).block_until_ready()

    def output(self):
        return np.asarray(self.y)


def tensorflow_with(threads):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


class TensorFlow(Native):
    """A graph in which the weights are constants, written for TensorFlow's C interface."""
    name, jit = "tf", False

    def __init__(self, case):
        graph = os.path.join(case.scratch, self.name + ".pb")
        self.write(case, graph)
        super().__init__(case, graph, installed("tensorflow", "libtensorflow_cc.so.*"))
        os.remove(graph)

    def write(self, case, path):
        tf = tensorflow_with(case.threads)
        from onnx_program import Program, TensorFlowLibrary
        program = Program(case.static_model(), TensorFlowLibrary())

        def served(x):
            weights = {name: tf.constant(value) for name, value in program.weights.items()}
            body = tf.function(lambda x: program(weights, x), jit_compile=True, autograph=False) if self.jit else (
                lambda x: program(weights, x))
            return tf.identity(body(x), name="y")

        x = tf.TensorSpec(case.inputs[0].shape, case.inputs[0].dtype, name="x")
        graph = tf.function(served, autograph=False).get_concrete_function(x).graph.as_graph_def()
        with open(path, "wb") as file:
            file.write(graph.SerializeToString())


class TensorFlowXla(TensorFlow):
    name, jit = "tf xla", True


PEERS = (OnnxRuntime, OpenVino, Iree, TorchEager, TorchCompiled, AotInductor, Jax, TensorFlow, TensorFlowXla)
