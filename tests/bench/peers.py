#!/usr/bin/env python3
"""How fast Ingot's artifacts are beside other libraries: the same models, weights, inputs and number of
threads, called from one process in turn. Run it by tests/bench/peers.

    tests/bench/peers --dir DIR [--model NAME …] [--batch N …] [--threads N …] [--rounds N] [--write]
    tests/bench/peers --training [--model NAME …] [--threads N …] [--rounds N] [--write]

Inference is beside ONNX Runtime and OpenVINO. DIR has NAME.onnx as `../shared/bench/peers.py export-torch
--dir DIR` writes them (batch dynamic) and, for OpenVINO and ONNX Runtime, NAME.b1.onnx and so on where
they are. Training is beside PyTorch, eager and compiled: models that are made here and exported to ONNX,
without dropout and with batch normalisation folded so that all sides compute the same; Adam.
`--write` puts the table into docs/Performance.md.

A row is taken in a process of its own, since libraries keep the number of CPUs they saw first, and in
rounds: in each, every library runs for a few milliseconds, or once, and its mean time is that round's.
Rounds in which other processes used more than a tenth of the machine are not counted.
The ratio of a row is the median over rounds of (best peer's time / ours), the best peer being the one of
the least median; its interval is that of the median at 95 % (order statistics). Before that the outputs
are compared: they must agree within 1e-4 of the largest; of training the losses of the second steps, within
1e-3.
"""
import argparse
import concurrent.futures
import ctypes
import datetime
import json
import math
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
INGOT = ROOT + "/build/bin/ingot"
RESULTS = ROOT + "/docs/Performance.md"
SECTIONS = {False: "peers", True: "training peers"}  # of docs/Performance.md
MODELS = {"resnet18": (3, 224, 224), "mobilenet_v2": (3, 224, 224), "transformer": (128, 384),
          "torch_cnn": (1, 28, 28), "torch_vgg16": (3, 224, 224)}
TRAINING = {"mlp": 128, "torch_cnn": 64, "resnet18": 16, "transformer": 8}  # and the batch
WINDOW = 0.03  # seconds a library runs in a round, at least once
MOST_OTHERS = 0.1
FEWEST_ROUNDS = 15
TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e-3
STEPS_COMPARED = 2


class Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p)]

    @staticmethod
    def of(array):
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        return Tensor(Ingot.DTYPES[array.dtype.name], array.ndim, dims, array.ctypes.data)


class Ingot:
    """An artifact through the runtime's C interface."""
    name = "ingot"
    DTYPES = {"int64": 5, "float32": 12}  # INGOT_I64, INGOT_F32
    library = None
    function, compile_options, create_state = "predict", [], "ingot_state_create_read_only"

    class Error(ctypes.Structure):
        _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 1020)]

    def __init__(self, model, batch, threads, scratch):
        if Ingot.library is None:
            Ingot.library = ctypes.CDLL(ROOT + "/build/lib/libingot.so")
        self.error = Ingot.Error()
        artifact = os.path.join(scratch, os.path.basename(model) + ".so")
        if not os.path.exists(artifact):
            done = subprocess.run([INGOT, "compile", model, *self.compile_options, "-o", artifact], check=False,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
        report = json.loads(subprocess.run(
            [INGOT, "bench", artifact, "--function", self.function, "--shape", f"batch={batch}", "--threads", str(threads),
             "--runs", "1", "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
        result = report["results"][0]
        self.flops = report["flops"]
        self.peak = result["gflops"] * 1e9 / result["share_of_peak"]
        self.pool, self.state, self.session = (ctypes.c_void_p() for _ in range(3))
        handle = ctypes.c_void_p()
        self.call("ingot_model_open", artifact.encode(), None, ctypes.byref(handle))
        self.call("ingot_pool_create", threads, ctypes.byref(self.pool))
        self.call(self.create_state, handle, ctypes.byref(self.state))
        self.call("ingot_session_create", handle, self.function.encode(), self.pool, ctypes.byref(self.session))
        Ingot.library.ingot_model_close(handle)

    def call(self, function, *arguments):
        if getattr(Ingot.library, function)(*arguments, ctypes.byref(self.error)) != 0:
            sys.exit(f"{function}: {self.error.message.decode()}")

    def bind(self, *arrays):
        self.arrays = arrays
        self.inputs = (Tensor * len(arrays))(*(Tensor.of(array) for array in arrays))

    def run(self):
        if Ingot.library.ingot_session_run(self.session, self.state, self.inputs, ctypes.c_size_t(len(self.inputs)),
                                           ctypes.byref(self.error)):
            sys.exit(self.error.message.decode())

    def output(self):
        y = Tensor()
        self.call("ingot_session_output", self.session, ctypes.c_size_t(0), ctypes.byref(y))
        shape = [y.dims[i] for i in range(y.rank)]
        data = ctypes.cast(y.data, ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(data, (math.prod(shape),)).reshape(shape).copy()

    def close(self):
        for destroy, handle in (("session", self.session), ("state", self.state), ("pool", self.pool)):
            getattr(Ingot.library, f"ingot_{destroy}_destroy")(handle)


class IngotTraining(Ingot):
    function, create_state = "train_step", "ingot_state_create"
    compile_options = ["--train", "--optimizer", "adam:learning_rate=1e-3,epsilon=1e-8", "--loss"]

    def __init__(self, module, batch, threads, scratch):
        self.compile_options = IngotTraining.compile_options + [module.loss]
        super().__init__(module.exported(scratch), batch, threads, scratch)


class TorchTraining:
    """PyTorch's own loop; the module is a copy."""

    def __init__(self, module, batch, threads, scratch):
        import torch
        torch.set_num_threads(threads)
        self.net, self.loss_of = module.copy(), module.loss_of
        self.optimizer = torch.optim.Adam(self.net.parameters(), fused=True)
        self.forward = self.wrapped()

    def bind(self, x, y):
        import torch
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)

    def run(self):
        self.optimizer.zero_grad()
        loss = self.loss_of(self.forward(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        self.loss = loss.item()

    def output(self):
        return np.asarray(self.loss)

    def close(self):
        self.net = self.optimizer = self.forward = None


class TorchEager(TorchTraining):
    name = "torch eager"

    def wrapped(self):
        return self.net


class TorchCompiled(TorchTraining):
    name = "torch.compile"

    def wrapped(self):
        import torch
        return torch.compile(self.net)


class TrainedModule:
    """A model of torch that all sides train: no dropout, batch normalisation folded, a loss from logits."""

    def __init__(self, name):
        import torch
        from torch import nn
        torch.manual_seed(7)
        self.name = name
        self.shape = {"mlp": (784,)}.get(name) or MODELS[name]
        if name == "mlp":
            net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
        elif name == "torch_cnn":
            net = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                                nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
        elif name == "transformer":
            torch.backends.mha.set_fastpath_enabled(False)
            layer = nn.TransformerEncoderLayer(384, 12, 1536, dropout=0.0, activation="gelu", batch_first=True)
            net = nn.TransformerEncoder(layer, 6)
        else:
            import torchvision
            from torch.fx.experimental import optimization
            net = optimization.fuse(getattr(torchvision.models, name)(weights=None).eval())
        self.net = net.eval()
        is_regression = name == "transformer"
        self.loss = "mean_squared_error" if is_regression else "sparse_categorical_crossentropy"
        self.loss_of = nn.functional.mse_loss if is_regression else nn.functional.cross_entropy

    def copy(self):
        import copy
        net = copy.deepcopy(self.net)
        for parameter in net.parameters():
            parameter.requires_grad_(True)
        return net

    def sample(self, batch):
        random = np.random.default_rng(7)
        x = random.standard_normal((batch,) + self.shape).astype(np.float32)
        y = random.standard_normal(x.shape).astype(np.float32) if self.name == "transformer" else random.integers(0, 10, batch)
        return x, y

    def exported(self, scratch):
        import torch
        path = os.path.join(scratch, f"train_{self.name}.onnx")
        if not os.path.exists(path):
            dims = ({0: torch.export.Dim("batch", min=1, max=1024)},)
            torch.onnx.export(self.copy(), (torch.zeros((2,) + self.shape),), path, dynamo=True, external_data=False,
                              dynamic_shapes=dims, verbose=False)
        return path


def static_model(model, batch):
    """The file with every size fixed, where there is one."""
    static = model.replace(".onnx", f".b{batch}.onnx")
    return static if os.path.exists(static) else model


class OnnxRuntime:
    name = "onnxruntime"

    def __init__(self, model, batch, threads, _):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(static_model(model, batch), options,
                                                    providers=["CPUExecutionProvider"])
        self.binding = self.session.io_binding()

    def bind(self, x):
        self.x = x
        self.binding.bind_cpu_input(self.session.get_inputs()[0].name, x)
        self.binding.bind_output(self.session.get_outputs()[0].name)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.binding.copy_outputs_to_cpu()[0]

    def close(self):
        self.session = self.binding = None


class OpenVino:
    name = "openvino"

    def __init__(self, model, batch, threads, _):
        import openvino
        core = openvino.Core()
        read = core.read_model(static_model(model, batch))
        if read.input(0).partial_shape.is_dynamic:
            read.reshape([batch] + [d.get_length() for d in list(read.input(0).partial_shape)[1:]])
        compiled = core.compile_model(read, "CPU", {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                                                    "PERFORMANCE_HINT": "LATENCY",
                                                    "INFERENCE_PRECISION_HINT": "f32"})
        self.request = compiled.create_infer_request()

    def bind(self, x):
        import openvino
        self.x = x
        self.request.set_input_tensor(openvino.Tensor(x, shared_memory=True))

    def run(self):
        self.request.infer()

    def output(self):
        return self.request.get_output_tensor(0).data.copy()

    def close(self):
        self.request = None


def processor_seconds():
    """Busy processor time of the machine and of this process."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(t) for t in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK"), sum(os.times()[:2])


def run_for(side, seconds):
    """Mean time of a run, over as many as fit; the first is counted only where it is long."""
    start = time.perf_counter()
    side.run()
    first = time.perf_counter() - start
    if first >= 10 * seconds:
        return first
    count, start = 0, time.perf_counter()
    while True:
        side.run()
        count += 1
        took = time.perf_counter() - start
        if took >= seconds:
            return took / count


def rounds_of(sides, wanted, patience):
    """Times by side of the rounds that were quiet, and how many were not."""
    times, disturbed, start = {side.name: [] for side in sides}, 0, time.monotonic()
    for side in sides:
        run_for(side, 5 * WINDOW)
    while len(times["ingot"]) < wanted and time.monotonic() - start < patience:
        machine, own = processor_seconds()
        begun = time.monotonic()
        taken = {side.name: run_for(side, WINDOW) for side in sides}
        after, own_after = processor_seconds()
        others = (after - machine - own_after + own) / ((time.monotonic() - begun) * os.cpu_count())
        if others > MOST_OTHERS:
            disturbed += 1
            continue
        for name, seconds in taken.items():
            times[name].append(seconds)
    return times, disturbed


def median_interval(values):
    """The median, and the order statistics that hold it with 95 %."""
    ordered, n = sorted(values), len(values)
    reach = 0
    while reach < n // 2 and sum(math.comb(n, k) for k in range(reach + 1)) / 2**n <= 0.025:
        reach += 1
    low = max(reach - 1, 0)
    return statistics.median(ordered), ordered[low], ordered[n - 1 - low]


def sides_of(kinds, model, inputs, threads, scratch, runs, tolerance):
    """All sides after so many runs, of which the last ones agree."""
    batch, sides = len(inputs[0]), []
    for kind in kinds:
        side = kind(model, batch, threads, scratch)
        side.bind(*inputs)
        for _ in range(runs):
            side.run()
        sides.append(side)
    ours = sides[0].output()
    for peer in sides[1:]:
        theirs = np.asarray(peer.output()).reshape(ours.shape)
        error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        if not error <= tolerance:
            sys.exit(f"batch {batch}: outputs of ingot and {peer.name} differ by {error:.3g} of the largest")
    return sides


def measure(model, name, batch, threads, arguments, scratch):
    os.sched_setaffinity(0, sorted(ALL_CPUS)[:threads])
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if arguments.training:
        module = TrainedModule(name)
        sides = sides_of((IngotTraining,) + TRAINING_PEERS, module, module.sample(batch), threads, scratch, STEPS_COMPARED,
                         LOSS_TOLERANCE)
    else:
        x = np.random.default_rng(7).standard_normal((batch,) + MODELS[name]).astype(np.float32)
        sides = sides_of((Ingot,) + PEERS, model, (x,), threads, scratch, 1, TOLERANCE)
    times, disturbed = rounds_of(sides, arguments.rounds, arguments.patience)
    flops, peak = sides[0].flops, sides[0].peak
    for side in sides:
        side.close()
    row = {"model": name, "batch": batch, "threads": threads, "rounds": len(times["ingot"]), "disturbed": disturbed}
    if row["rounds"] < FEWEST_ROUNDS:
        return row
    medians = {side: statistics.median(seconds) for side, seconds in times.items()}
    best = min((side for side in medians if side != "ingot"), key=medians.get)
    ratio, low, high = median_interval([t / o for t, o in zip(times[best], times["ingot"])])
    row.update(ms={side: seconds * 1e3 for side, seconds in medians.items()}, best=best, ratio=ratio, low=low, high=high,
               of_peak=flops / medians["ingot"] / peak)
    return row


PEERS, TRAINING_PEERS = (OnnxRuntime, OpenVino), (TorchEager, TorchCompiled)


def table_of(rows, training):
    peers = [peer.name for peer in (TRAINING_PEERS if training else PEERS)]
    lines = ["| model | batch | threads | ingot ms | " + " | ".join(p + " ms" for p in peers) +
             " | best peer / ingot | 95 % | of peak |", "|---|--:|--:|--:|" + "--:|" * len(peers) + "--:|---|--:|"]
    for row in rows:
        head = f"| {row['model']} | {row['batch']} | {row['threads']} |"
        if "ratio" not in row:
            lines.append(head + " too few quiet rounds |" + " |" * (len(peers) + 3))
            continue
        ms = row["ms"]
        won = "**" if row["low"] > 1 else ""
        lines.append(head + "".join(f" {ms[side]:.3g} |" for side in ["ingot"] + peers) +
                     f" {won}{row['ratio']:.2f}{won} | {row['low']:.2f}–{row['high']:.2f} | {row['of_peak'] * 100:.0f} % |")
    taken = [row["ratio"] for row in rows if "ratio" in row]
    if taken:
        lines.append(f"\nGeometric mean of {len(taken)} rows: {math.exp(sum(map(math.log, taken)) / len(taken)):.2f}.")
    return "\n".join(lines)


def write_table(table, machine, training):
    with open(RESULTS, encoding="utf-8") as file:
        text = file.read()
    begin, last = (f"<!-- {SECTIONS[training]}: {what} -->" for what in ("written by tests/bench/peers --write", "end"))
    section = f"{begin}\n{machine}\n\n{table}\n{last}"
    start, end = text.find(begin), text.find(last)
    if start < 0 or end < start:
        sys.exit(f"{RESULTS} has no lines `{begin}` and `{last}`")
    with open(RESULTS + ".new", "w", encoding="utf-8") as file:
        file.write(text[:start] + section + text[end + len(last):])
    os.replace(RESULTS + ".new", RESULTS)


def machine_line(training):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    if training:
        import torch
        versions = f"torch {torch.__version__}"
    else:
        import onnxruntime
        import openvino
        versions = f"onnxruntime {onnxruntime.__version__}, openvino {openvino.__version__.split('-')[0]}"
    return (f"{datetime.date.today().isoformat()}, {cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}; "
            f"{versions}.")


ALL_CPUS = os.sched_getaffinity(0)


def main():
    parser = argparse.ArgumentParser(description="Ingot beside other libraries.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--dir", help="where NAME.onnx are: inference")
    what.add_argument("--training", action="store_true", help="training steps")
    parser.add_argument("--model", nargs="+", choices=list(MODELS | TRAINING))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=25, help=f"at least {FEWEST_ROUNDS}")
    parser.add_argument("--patience", type=float, default=200, help="seconds a row may take")
    parser.add_argument("--write", action="store_true", help="put the table into docs/Performance.md")
    arguments = parser.parse_args()
    rows = []
    known = TRAINING if arguments.training else MODELS
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.model or known:
            model = None if arguments.training else os.path.join(arguments.dir, name + ".onnx")
            if name not in known or (model and not os.path.exists(model)):
                print(f"{name}: no {model or 'training step'}, skipped", file=sys.stderr)
                continue
            for batch in [TRAINING[name]] if arguments.training else arguments.batch:
                for threads in arguments.threads:
                    with concurrent.futures.ProcessPoolExecutor(
                            1, mp_context=multiprocessing.get_context("spawn")) as process:
                        rows.append(process.submit(measure, model, name, batch, threads, arguments, scratch).result())
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if not rows:
        sys.exit(f"no models in {arguments.dir}; ../shared/bench/peers.py export-torch --dir {arguments.dir} writes them")
    table = table_of(rows, arguments.training)
    print(table)
    if arguments.write:
        write_table(table, machine_line(arguments.training), arguments.training)


if __name__ == "__main__":
    main()
