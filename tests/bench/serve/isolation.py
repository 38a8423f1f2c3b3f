#!/usr/bin/env python3
"""p99 of a small model while another, of 500 MB, is loaded and unloaded over and over, beside its p99
alone: windows of both in turn, in one run.

    build/onnx-venv/bin/python tests/bench/serve/isolation.py [--rounds 6] [--seconds 3]
"""
import argparse
import http.client
import json
import pathlib
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "serve"))
import harness  # noqa: E402
import models  # noqa: E402


def window(port, seconds, clients=2):
    """Round trips in seconds, of clients that ask one request after another."""
    taken, body = [], json.dumps({"instances": [[0.5] * 784]})

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        end = time.monotonic() + seconds
        while (start := time.perf_counter()) and time.monotonic() < end:
            connection.request("POST", "/v1/models/a:predict", body)
            reply = connection.getresponse()
            reply.read()
            assert reply.status == 200
            taken.append(time.perf_counter() - start)
    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--serve", default=str(models.ROOT / "build/bin/ingot-serve"))
    options = parser.parse_args()
    harness.serve_program = options.serve
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        models.publish(models.perceptron(root / "a.onnx", [784, 128, 10]), root / "models/a", 1)
        models.publish(models.perceptron(root / "b.onnx", [8000, 7800, 10]), root / "models/b", 1)
        size = (root / "models/b/1/model.so").stat().st_size
        with harness.serving(root / "models", "--model-control-mode", "explicit", "--load-model", "a") as server:
            def post(action):
                connection = http.client.HTTPConnection("127.0.0.1", server.rest, timeout=120)
                connection.request("POST", f"/v2/repository/models/b/{action}", "{}")
                reply = connection.getresponse()
                text = reply.read()
                assert reply.status == 200, text
            window(server.rest, 1)
            alone, loading, loads = [], [], []
            for _ in range(options.rounds):
                alone += window(server.rest, options.seconds)
                stop = threading.Event()

                def load():
                    while not stop.is_set():
                        start = time.monotonic()
                        post("load")
                        loads.append(time.monotonic() - start)
                        post("unload")
                thread = threading.Thread(target=load)
                thread.start()
                loading += window(server.rest, options.seconds)
                stop.set()
                thread.join()
    print(f"model b: {size / 1e6:.0f} MB, loaded {len(loads)} times in {sorted(loads)[len(loads) // 2]:.2f} s (median)")
    for name, values in (("alone", alone), ("while b loads", loading)):
        print(f"{name}: {len(values)} requests, p50 {percentile(values, .5):.3f} ms, p99 {percentile(values, .99):.3f} ms")
    print(f"p99 ratio {percentile(loading, .99) / percentile(alone, .99):.2f}")


if __name__ == "__main__":
    main()
