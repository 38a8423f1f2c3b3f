#!/usr/bin/env python3
"""What the server adds to a run: round trips of one row over a Unix socket less the time of the compiled
function (as the access log has it), and a request of 150,528 floats in JSON.

    build/onnx-venv/bin/python tests/bench/serve/overhead.py
"""
import argparse
import json
import pathlib
import random
import socket
import statistics
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "serve"))
import harness  # noqa: E402
import models  # noqa: E402


def round_trips(connection, request, count):
    """Microseconds of each."""
    taken = []
    for _ in range(count):
        start = time.perf_counter_ns()
        connection.sendall(request)
        reply = connection.recv(65536)
        taken.append((time.perf_counter_ns() - start) / 1e3)
        assert b" 200 " in reply[:20], reply
    return taken


def http(path, body, headers=""):
    return f"POST {path} HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--serve", default=str(models.ROOT / "build/bin/ingot-serve"))
    harness.serve_program = parser.parse_args().serve
    random.seed(1)
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        models.publish(models.perceptron(root / "mlp.onnx", [784, 128, 10]), root / "models/mlp", 1)
        models.publish(models.perceptron(root / "wide.onnx", [150528, 16, 10]), root / "models/wide", 1)
        floats = [struct.unpack("f", struct.pack("f", random.uniform(-3, 3)))[0] for _ in range(150528)]
        header = json.dumps({"inputs": [{"name": "x", "shape": [1, 784], "datatype": "FP32",
                                         "parameters": {"binary_data_size": 3136}}],
                             "parameters": {"binary_data_output": True}}).encode()
        with harness.serving(root / "models", "--rest-socket", root / "socket", "--access-log", root / "log",
                             grpc=False), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(root / "socket"))
            cases = [
                ("v2 binary, 784 floats", "mlp", 20000,
                 http("/v2/models/mlp/infer", header + struct.pack("784f", *floats[:784]),
                      f"Inference-Header-Content-Length: {len(header)}\r\n")),
                ("v1 JSON, 784 floats", "mlp", 5000,
                 http("/v1/models/mlp:predict", json.dumps({"instances": [floats[:784]]}).encode())),
                ("v1 JSON, 150,528 floats", "wide", 100,
                 http("/v1/models/wide:predict", json.dumps({"instances": [floats]}).encode())),
            ]
            results, skipped = [], 0
            for name, _, count, request in cases:
                results.append((name, round_trips(connection, request, count), len(request)))
            time.sleep(0.5)
        lines = [json.loads(line) for line in (root / "log").read_text().splitlines()]
    print("| request | bytes | round trip us: least / median / p99 | in the server us | of it the function us | added us (median) |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, taken, size in results:
        mine = lines[skipped:skipped + len(taken)]
        skipped += len(taken)
        server = statistics.median(line["duration_us"] for line in mine)
        run = statistics.median(line["run_us"] for line in mine)
        ordered = sorted(taken)
        print(f"| {name} | {size} | {ordered[0]:.1f} / {ordered[len(ordered) // 2]:.1f} / "
              f"{ordered[int(len(ordered) * .99)]:.1f} | {server:.1f} | {run:.1f} | "
              f"{ordered[len(ordered) // 2] - run:.1f} |")


if __name__ == "__main__":
    main()
