#!/usr/bin/env python3
"""Throughput and latency of ingot-serve beside a real Triton, by perf_analyzer (tests/serve/setup --load):
the same model (ours compiled, theirs by onnxruntime in Triton's Python backend), the same machine, in
turns. Writes a table.

    build/onnx-venv/bin/python tests/bench/serve/load.py [--rounds 3] [--concurrency 1 4 16 64]
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "serve"))
import harness  # noqa: E402
import models  # noqa: E402
import triton  # noqa: E402

PERF = harness.CLIENTS / "perf"


def measure(port, protocol, concurrency, seconds):
    """Inferences a second, p50 and p99 in ms, by perf_analyzer; None: not measured. Its asynchronous
    clients: with a thread for each of 64 requests it often never ends, whichever server it asks."""
    command = [str(PERF / "perf_analyzer"), "-m", "mlp", "-i", protocol, "-u", f"127.0.0.1:{port}", "--async",
               "--concurrency-range", str(concurrency), "-p", str(int(seconds * 1000)), "-r", "3",
               "-s", "999", "--percentile=99", "--max-threads", str(min(concurrency, 4))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "LD_LIBRARY_PATH": str(PERF)})
    except subprocess.TimeoutExpired:
        return None
    found = [re.search(pattern, done.stdout) for pattern in
             (r"Throughput: ([\d.]+)", r"p50 latency: (\d+)", r"p99 latency: (\d+)")]
    if not all(found):
        return None  # a window without a request: the machine was busy elsewhere
    rate, p50, p99 = (float(f[1]) for f in found)
    return rate, p50 / 1e3, p99 / 1e3


def best(rows):
    """The round with the most throughput, of those that were measured; None: there is none."""
    return max((row for row in rows if row), default=None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 16, 64])
    parser.add_argument("--serve", default=str(models.ROOT / "build/bin/ingot-serve"))
    options = parser.parse_args()
    harness.serve_program = options.serve
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        model = models.perceptron(root / "mlp.onnx", [784, 128, 10])
        models.publish(model, root / "ours/mlp", 1)
        triton.add_onnx_model(root / "theirs", "mlp", model, [("x", "FP32", (784,))], [("y", "FP32", (10,))])
        http, grpc = triton.free_port(), triton.free_port()
        # Both run all the while; only one is asked at a time.
        with harness.serving(root / "ours") as server, \
                triton.running(root / "theirs", http, grpc, root / "triton.log"):
            print("| protocol | concurrency | ingot inf/s | p50 / p99 ms | Triton inf/s | p50 / p99 ms | throughput | p99 |")
            print("|---|---:|---:|---:|---:|---:|---:|---:|")
            ratios = []
            for protocol, mine, other in (("http", server.rest, http), ("grpc", server.grpc, grpc)):
                for concurrency in options.concurrency:
                    ours, theirs = [], []
                    for _ in range(options.rounds):
                        ours.append(measure(mine, protocol, concurrency, options.seconds))
                        theirs.append(measure(other, protocol, concurrency, options.seconds))
                    a, b = best(ours), best(theirs)
                    if not a or not b:
                        print(f"| {protocol} | {concurrency} | not measured: {'ours' if not a else 'theirs'} |", flush=True)
                        continue
                    ratios.append(a[0] / b[0])
                    print(f"| {protocol} | {concurrency} | {a[0]:.0f} | {a[1]:.2f} / {a[2]:.2f} | {b[0]:.0f} "
                          f"| {b[1]:.2f} / {b[2]:.2f} | {ratios[-1]:.1f}x | {b[2] / a[2]:.1f}x |", flush=True)
            print(f"geometric mean of the throughputs: {statistics.geometric_mean(ratios):.2f}x")


if __name__ == "__main__":
    main()
