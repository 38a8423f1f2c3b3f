#!/usr/bin/env python3
"""A server that is treated badly for a while: good clients check every answer while versions come and
go, corrupt ones are laid beside them, connections stall, break off, lie and flood, and the disk of the
log is full. In the end: no wrong answer, no answer missing, no crash, memory as it was.

    tests/serve/start faults.py INGOT-SERVE FIXTURE.so [--seconds 30]
"""
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import harness
import numpy as np

SECONDS = 30
if "--seconds" in sys.argv:
    index = sys.argv.index("--seconds")
    SECONDS = float(sys.argv[index + 1])
    del sys.argv[index:index + 2]

KERNEL, BIAS = np.array([[1, 2], [3, 4], [5, 6]], np.float32), np.array([0.5, -0.5], np.float32)


def closed(connection):
    """Was the connection closed by the server without a reply? Reads what there is."""
    try:
        while connection.recv(65536):
            pass
        return True
    except socket.timeout:
        return False
    except OSError:
        return True


class Faults(harness.ServeTest):
    def setUp(self):
        super().setUp()
        self.stop = threading.Event()
        self.counts = collections.Counter()
        self.failures = []
        self.rest_socket = self.root / "rest"
        for model in ("m", "other"):
            harness.publish(self.models / model, 1, harness.fixture)

    # Clients that do as they should, and check what they get.

    def check(self, what, x, y):
        expected = x @ KERNEL + BIAS
        if not np.array_equal(np.asarray(y, np.float32), expected):
            self.failures.append(f"{what}: {x} gave {y}, not {expected}")
        self.counts[what] += 1

    def rest_client(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.rest, timeout=60)
        while not self.stop.is_set():
            x = np.random.default_rng().integers(-99, 99, (random.choice([1, 1, 1, 7, 300]), 3)).astype(np.float32)
            connection.request("POST", "/v1/models/m:predict", json.dumps({"instances": x.tolist()}))
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != 200:
                self.failures.append(f"REST: {reply.status} {body[:300]}")
                continue
            self.check("REST", x, json.loads(body)["predictions"])
        connection.close()

    def binary_client(self):
        import tritonclient.http as triton
        with triton.InferenceServerClient(f"127.0.0.1:{self.server.rest}", network_timeout=60) as client:
            self.triton_requests("v2 HTTP", triton, client)

    def grpc_client(self):
        import tritonclient.grpc as triton
        with triton.InferenceServerClient(f"127.0.0.1:{self.server.grpc}") as client:
            self.triton_requests("v2 gRPC", triton, client)

    def triton_requests(self, what, triton, client):
        while not self.stop.is_set():
            x = np.random.default_rng().integers(-99, 99, (random.choice([1, 2, 50]), 3)).astype(np.float32)
            tensor = triton.InferInput("x", list(x.shape), "FP32")
            tensor.set_data_from_numpy(x)
            self.check(what, x, client.infer("m", [tensor]).as_numpy("y"))

    # What goes on in the repository meanwhile.

    def publisher(self):
        """New versions of m, at most three kept; `other` is unloaded and loaded."""
        version = 1
        while not self.stop.is_set():
            version += 1
            harness.publish(self.models / "m", version, harness.fixture)
            if version > 3:
                shutil.rmtree(self.models / "m" / str(version - 3))
            for action in ("unload", "load"):
                self.post(f"/v2/repository/models/other/{action}", b"{}")
            self.counts["versions"] += 1
            self.stop.wait(0.2)

    def corrupter(self):
        """Versions that must never serve: cut off, changed, without a manifest, nonsense."""
        whole = harness.pathlib.Path(harness.fixture).read_bytes()
        number = 100000
        while not self.stop.is_set():
            number += 1
            directory = self.models / "m" / str(number)
            kind = number % 4
            if kind == 0:
                directory.mkdir()
                (directory / "model.so").write_bytes(whole[:len(whole) // 2])
            else:
                harness.publish(self.models / "m", number, harness.fixture)
                if kind == 1:
                    with open(directory / "model.so", "r+b") as file:
                        file.seek(random.randrange(len(whole)))
                        file.write(os.urandom(16))
                elif kind == 2:
                    (directory / "MANIFEST.json").write_bytes(os.urandom(200))
                else:
                    (directory / "model.so").unlink()
            self.counts["corrupt versions"] += 1
            self.stop.wait(0.3)
            shutil.rmtree(directory)

    # Clients that do not.

    def connect(self, port=None):
        """To a port, REST's unless told, or by the path of a Unix socket."""
        if isinstance(port, pathlib.Path):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(60)
            connection.connect(str(port))
        else:
            connection = socket.create_connection(("127.0.0.1", port or self.server.rest), timeout=60)
        self.counts["bad connections"] += 1
        return connection

    def post(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.rest}{path}", body)
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=60) as reply:
            reply.read()

    def vandal(self):
        body = json.dumps({"instances": [[1, 2, 3]] * 20}).encode()
        head = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)

        def half_closed():
            # Over TCP it counts as gone, which is noticed where its run takes a while.
            port, answers = random.choice([(self.rest_socket, "200"), (self.server.rest, "200|499")])
            with self.connect(port) as c:
                c.sendall(head + body)
                c.shutdown(socket.SHUT_WR)
                reply = c.recv(65536)
                if not re.match(rf"HTTP/1.1 ({answers}) ".encode(), reply):
                    self.failures.append(f"a half-closed connection at {port} was given {reply[:200]}")

        def breaks_off():
            with self.connect() as c:
                c.sendall((head + body)[:random.randrange(len(head) + len(body))])
                if random.random() < 0.5:  # with a reset
                    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        def never_reads():
            with self.connect() as c:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                large = json.dumps({"instances": [[1, 2, 3]] * 20000}).encode()
                c.sendall(head.replace(b"%d" % len(body), b"%d" % len(large)) + large)
                self.stop.wait(0.5)

        def nonsense():
            with self.connect(random.choice([self.server.rest, self.server.grpc])) as c:
                c.sendall(os.urandom(random.randrange(1, 5000)))
                c.settimeout(0.5)
                closed(c)

        def malformed():
            text = bytearray(body)
            for _ in range(random.randrange(1, 8)):
                text[random.randrange(len(text))] = random.randrange(256)
            with self.connect() as c:
                c.sendall(head + bytes(text))
                reply = c.recv(65536)
                if not re.match(rb"HTTP/1.1 (200|400|404) ", reply):
                    self.failures.append(f"malformed JSON: {bytes(text)[:200]} gave {reply[:200]}")

        def oversize():
            with self.connect() as c:
                c.sendall(head.replace(b"%d" % len(body), b"99999999999"))
                if b" 413 " not in c.recv(65536):
                    self.failures.append("a body of 99999999999 bytes was not refused")

        def bomb():
            import zlib
            packed = zlib.compress(b" " * (64 << 20), 9)
            with self.connect() as c:
                c.sendall(b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Encoding: deflate\r\n"
                          b"Content-Length: %d\r\n\r\n" % len(packed) + packed)
                if b" 413 " not in c.recv(65536):
                    self.failures.append("64 MiB in a small body were not refused")

        def deep():
            text = b"[" * 100000
            with self.connect() as c:
                c.sendall(head.replace(b"%d" % len(body), b"%d" % len(text)) + text)
                if b" 400 " not in c.recv(65536):
                    self.failures.append("deep nesting was not refused")

        def slow():
            with self.connect() as c:
                for byte in (head + body)[:60]:
                    if self.stop.wait(0.01):
                        return
                    c.sendall(bytes([byte]))

        tricks = [half_closed, breaks_off, never_reads, nonsense, malformed, oversize, bomb, deep, slow]
        while not self.stop.is_set():
            try:
                random.choice(tricks)()
            except (ConnectionResetError, BrokenPipeError):
                pass  # refused while it was still sending

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.rest}/metrics", timeout=60) as reply:
            return float(re.search(rf"^{re.escape(name)} (\S+)$", reply.read().decode(), re.M)[1])

    def run_sleeper(self, milliseconds):
        """A thread whose request, which may be cut off, runs for so long."""
        def ask():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.post("/v1/models/m:predict",
                          json.dumps({"signature_name": "sleep", "instances": [milliseconds]}).encode())
        thread = threading.Thread(target=ask)
        thread.start()
        while self.metric("ingot_running_requests{model=\"m\",version=\"1\",function=\"sleep\"}") < 1:
            time.sleep(0.01)
        return thread

    def least_count(self):
        return min(self.counts[what] for what in ("REST", "v2 HTTP", "v2 gRPC", "versions", "corrupt versions"))

    def run_all(self, workers, is_enough):
        def guarded(work):
            try:
                work()
            except Exception as error:  # an exception of a client is an answer that is missing
                self.failures.append(f"{work.__name__}: {type(error).__name__}: {error}")
        threads = [threading.Thread(target=guarded, args=(work,)) for work in workers]
        for thread in threads:
            thread.start()
        resident = []
        start = time.monotonic()

        def is_over():
            """A machine that is busy with other things gets longer for what must come to pass."""
            has_all = self.least_count() > 5 and is_enough()
            return time.monotonic() > start + (SECONDS if has_all else SECONDS + 120)
        while not is_over() and not self.failures and self.server.process.poll() is None:
            time.sleep(min(1, SECONDS / 20))
            resident.append(self.metric("process_resident_memory_bytes"))
        self.stop.set()
        for thread in threads:
            thread.join(90)
        self.assertEqual(self.failures[:5], [])
        self.assertIsNone(self.server.process.poll(), "the server is gone")
        return resident

    def test_nothing_is_lost_wrong_or_left_behind(self):
        with contextlib.ExitStack() as stack:
            log = self.root / "log"
            log.mkdir()
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", log],
                                     capture_output=True, check=False).returncode == 0
            if mounted:  # the log's disk is full within the first seconds
                stack.callback(subprocess.run, ["umount", "-l", log], check=False)

            def is_log_full():
                return not mounted or shutil.disk_usage(log).free < 8192
            self.server = stack.enter_context(harness.serving(
                self.models, "--rest-socket", self.rest_socket, "--poll-interval", 100,
                "--max-decompressed", "16MB", "--access-log", log / "access",
                "--trace", log / "trace", "--trace-rate", "1", "--header-timeout", 5, "--write-timeout", 5))
            resident = self.run_all([self.rest_client, self.binary_client, self.grpc_client, self.publisher,
                                     self.corrupter, self.vandal, self.vandal], is_log_full)
            self.assertTrue(is_log_full(), "the log's disk has room")
            deadline = time.monotonic() + 30
            # 1 is the question itself; the one before it may be about to end.
            while (left := self.metric("ingot_requests_in_flight")) > 1 and time.monotonic() < deadline:
                time.sleep(0.1)
            self.assertEqual(left, 1)
            # Single requests take up to 16 MB for a moment, so what counts is the least of a while.
            quarter = max(1, len(resident) // 4)
            early, late = min(resident[quarter:2 * quarter]), min(resident[-quarter:])
            print({**self.counts, "resident MiB": [round(r / 2**20) for r in (early, late)]})
            if SECONDS >= 300:  # what is allocated once is there by then
                self.assertLess(late, early * 1.25 + (16 << 20), "memory grows")
            self.assertLess(late, 1 << 30)
            self.assertGreater(self.least_count(), 5)
            self.server.stop()

    def test_what_is_in_flight_at_sigterm_is_answered_and_readiness_goes_first(self):
        with harness.serving(self.models, "--workers", 2, "--drain-delay", 2000,
                             "--drain-timeout", 60000) as self.server:
            codes = []

            def sleeper():
                connection = http.client.HTTPConnection("127.0.0.1", self.server.rest, timeout=120)
                connection.request("POST", "/v1/models/m:predict",
                                   json.dumps({"signature_name": "sleep", "instances": [2000]}))
                codes.append(connection.getresponse().status)
            # Two run when the signal comes, and two wait: their runs end after the delay.
            threads = [threading.Thread(target=sleeper) for _ in range(4)]
            for thread in threads:
                thread.start()
            while self.metric("ingot_requests_in_flight") < 5 and not codes:
                time.sleep(0.01)
            self.server.process.send_signal(signal.SIGTERM)
            self.server.await_line("draining")
            ready = http.client.HTTPConnection("127.0.0.1", self.server.rest, timeout=60)
            ready.request("GET", "/v2/health/ready")
            self.assertEqual(ready.getresponse().status, 503)
            for thread in threads:
                thread.join()
            self.assertEqual(codes, [200] * 4)
            self.server.await_end(expected=0)

    def test_a_drain_is_bounded_and_says_what_it_cut_off(self):
        with harness.serving(self.models, "--drain-timeout", 200) as self.server:
            thread = self.run_sleeper(20000)
            start = time.monotonic()
            self.server.stop(expected=2)
            self.assertLess(time.monotonic() - start, 10)
            self.assertIn("1 requests were cut off", self.server.log)
            thread.join()

    def test_a_second_signal_ends_a_drain_at_once(self):
        with harness.serving(self.models, "--drain-timeout", 60000) as self.server:
            thread = self.run_sleeper(40000)
            self.server.process.send_signal(signal.SIGTERM)
            self.server.await_line("draining")
            start = time.monotonic()
            self.server.stop(expected=2)
            self.assertLess(time.monotonic() - start, 10)
            thread.join()

    def test_sigterm_is_heard_while_a_reload_compiles_and_the_compiler_goes(self):
        compiler, pid = self.root / "ingot", self.root / "pid"
        compiler.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit 0\necho $$ > {pid}.new\n'
                            f'mv {pid}.new {pid}\nexec sleep 1000\n')
        compiler.chmod(0o755)
        cache = self.root / "cache"
        with harness.serving(self.models, "--compiler", compiler, "--compile-cache", cache,
                             "--model-control-mode", "none") as self.server:
            source = self.models / "slow/1/model.onnx"
            source.parent.mkdir(parents=True)
            source.write_text("a graph")
            os.utime(source, (1, 1))  # long at rest
            self.server.process.send_signal(signal.SIGHUP)
            while not pid.exists():
                time.sleep(0.01)
            start = time.monotonic()
            self.server.stop(expected=0)
            self.assertLess(time.monotonic() - start, 20)
            self.assertRaises(ProcessLookupError, os.kill, int(pid.read_text()), 0)
            self.assertEqual(list(cache.iterdir()), [])

    def test_a_killed_server_comes_back_to_the_same_models(self):
        with harness.serving(self.models) as self.server:
            self.server.process.kill()
            self.server.stop(expected=-signal.SIGKILL)
        with harness.serving(self.models) as self.server:
            self.stop.set()
            self.assertEqual(self.metric("ingot_ready"), 1)


if __name__ == "__main__":
    harness.main(__doc__)
