#!/usr/bin/env python3
"""How fast Ingot's artifacts are beside ONNX Runtime and OpenVINO: the same models, weights, inputs and
number of threads, called from one process in turn. Run it by tests/bench/peers.

    tests/bench/peers --dir DIR [--model NAME …] [--batch N …] [--threads N …] [--rounds N] [--write]

DIR has NAME.onnx as `../shared/bench/peers.py export-torch --dir DIR` writes them (batch dynamic) and,
for OpenVINO and ONNX Runtime, NAME.b1.onnx and so on where they are. `--write` puts the table into
docs/Performance.md.

A row is taken in a process of its own, since libraries keep the number of CPUs they saw first, and in
rounds: in each, every library runs for a few milliseconds, or once, and its mean time is that round's.
Rounds in which other processes used more than a tenth of the machine are not counted.
The ratio of a row is the median over rounds of (best peer's time / ours), the best peer being the one of
the least median; its interval is that of the median at 95 % (order statistics). Before that the outputs
are compared: they must agree within 1e-4 of the largest.
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
BEGIN, END = "<!-- peers: written by tests/bench/peers --write -->", "<!-- peers: end -->"
MODELS = {"resnet18": (3, 224, 224), "mobilenet_v2": (3, 224, 224), "transformer": (128, 384),
          "torch_cnn": (1, 28, 28), "torch_vgg16": (3, 224, 224)}
WINDOW = 0.03  # seconds a library runs in a round, at least once
MOST_OTHERS = 0.1
FEWEST_ROUNDS = 15
TOLERANCE = 1e-4


class Tensor(ctypes.Structure):
    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32),
                ("dims", ctypes.POINTER(ctypes.c_int64)), ("data", ctypes.c_void_p)]

    @staticmethod
    def of(array):
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        return Tensor(Ingot.F32, array.ndim, dims, array.ctypes.data)


class Ingot:
    """An artifact through the runtime's C interface."""
    name = "ingot"
    F32 = 12  # INGOT_F32
    library = None

    class Error(ctypes.Structure):
        _fields_ = [("code", ctypes.c_int), ("message", ctypes.c_char * 1020)]

    def __init__(self, model, batch, threads, scratch):
        if Ingot.library is None:
            Ingot.library = ctypes.CDLL(ROOT + "/build/lib/libingot.so")
        self.error = Ingot.Error()
        artifact = os.path.join(scratch, os.path.basename(model) + ".so")
        if not os.path.exists(artifact):
            done = subprocess.run([INGOT, "compile", model, "-o", artifact], check=False, stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
        report = json.loads(subprocess.run(
            [INGOT, "bench", artifact, "--shape", f"batch={batch}", "--threads", str(threads), "--runs", "1",
             "--json"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
        result = report["results"][0]
        self.flops = report["flops"]
        self.peak = result["gflops"] * 1e9 / result["share_of_peak"]
        self.pool, self.state, self.session = (ctypes.c_void_p() for _ in range(3))
        handle = ctypes.c_void_p()
        self.call("ingot_model_open", artifact.encode(), None, ctypes.byref(handle))
        self.call("ingot_pool_create", threads, ctypes.byref(self.pool))
        self.call("ingot_state_create_read_only", handle, ctypes.byref(self.state))
        self.call("ingot_session_create", handle, b"predict", self.pool, ctypes.byref(self.session))
        Ingot.library.ingot_model_close(handle)

    def call(self, function, *arguments):
        if getattr(Ingot.library, function)(*arguments, ctypes.byref(self.error)) != 0:
            sys.exit(f"{function}: {self.error.message.decode()}")

    def bind(self, x):
        self.x = x
        self.input = Tensor.of(x)

    def run(self):
        if Ingot.library.ingot_session_run(self.session, self.state, ctypes.byref(self.input), ctypes.c_size_t(1),
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
    """Mean time of a run, over as many as fit; the first is not counted where others do."""
    side.run()
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


def measure(model, name, batch, threads, arguments, scratch):
    x = np.random.default_rng(7).standard_normal((batch,) + MODELS[name]).astype(np.float32)
    os.sched_setaffinity(0, sorted(ALL_CPUS)[:threads])
    sides = []
    for kind in (Ingot, OnnxRuntime, OpenVino):
        side = kind(model, batch, threads, scratch)
        side.bind(x)
        side.run()
        sides.append(side)
    ours = sides[0].output()
    for peer in sides[1:]:
        theirs = np.asarray(peer.output()).reshape(ours.shape)
        error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        if not error <= TOLERANCE:
            sys.exit(f"{name}, batch {batch}: outputs of ingot and {peer.name} differ by {error:.3g} of the largest")
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


def table_of(rows):
    peers = [OnnxRuntime.name, OpenVino.name]
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


def write_table(table, machine):
    with open(RESULTS, encoding="utf-8") as file:
        text = file.read()
    section = f"{BEGIN}\n{machine}\n\n{table}\n{END}"
    start, end = text.find(BEGIN), text.find(END)
    if start < 0 or end < start:
        sys.exit(f"{RESULTS} has no lines `{BEGIN}` and `{END}`")
    with open(RESULTS + ".new", "w", encoding="utf-8") as file:
        file.write(text[:start] + section + text[end + len(END):])
    os.replace(RESULTS + ".new", RESULTS)


def machine_line():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpu = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    import onnxruntime
    import openvino
    return (f"{datetime.date.today().isoformat()}, {cpu}, {os.cpu_count()} CPUs, {platform.system()} {platform.release()}; "
            f"onnxruntime {onnxruntime.__version__}, openvino {openvino.__version__.split('-')[0]}.")


ALL_CPUS = os.sched_getaffinity(0)


def main():
    parser = argparse.ArgumentParser(description="Ingot beside ONNX Runtime and OpenVINO.")
    parser.add_argument("--dir", required=True, help="where NAME.onnx are")
    parser.add_argument("--model", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=25, help=f"at least {FEWEST_ROUNDS}")
    parser.add_argument("--patience", type=float, default=200, help="seconds a row may take")
    parser.add_argument("--write", action="store_true", help="put the table into docs/Performance.md")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.model:
            model = os.path.join(arguments.dir, name + ".onnx")
            if not os.path.exists(model):
                print(f"{name}: no {model}, skipped", file=sys.stderr)
                continue
            for batch in arguments.batch:
                for threads in arguments.threads:
                    with concurrent.futures.ProcessPoolExecutor(
                            1, mp_context=multiprocessing.get_context("spawn")) as process:
                        rows.append(process.submit(measure, model, name, batch, threads, arguments, scratch).result())
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if not rows:
        sys.exit(f"no models in {arguments.dir}; ../shared/bench/peers.py export-torch --dir {arguments.dir} writes them")
    table = table_of(rows)
    print(table)
    if arguments.write:
        write_table(table, machine_line())


if __name__ == "__main__":
    main()
