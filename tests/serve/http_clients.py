#!/usr/bin/env python3
"""Real HTTP clients against ingot-serve: tritonclient, ovmsclient, curl, and Python's own for TF
Serving's REST API.

    tests/serve/start http_clients.py build/bin/ingot-serve build/lib/FixtureServed.so
"""
import json
import math
import os
import socket
import subprocess
import urllib.error
import urllib.request

import harness
import ml_dtypes
import numpy as np
import tritonclient.http as triton
import tritonclient.utils.shared_memory as shared_memory
from tritonclient.utils import InferenceServerException

TYPES = {
    "bool": ("BOOL", np.bool_, [True, False]), "i8": ("INT8", np.int8, [-128, 127]),
    "i16": ("INT16", np.int16, [-32768, 32767]), "i32": ("INT32", np.int32, [-2**31, 2**31 - 1]),
    "i64": ("INT64", np.int64, [-2**63, 2**63 - 1]), "u8": ("UINT8", np.uint8, [0, 255]),
    "u16": ("UINT16", np.uint16, [0, 65535]), "u32": ("UINT32", np.uint32, [0, 2**32 - 1]),
    "u64": ("UINT64", np.uint64, [0, 2**64 - 1]), "f16": ("FP16", np.float16, [1.5, -2.25]),
    "bf16": ("BF16", ml_dtypes.bfloat16, [1.5, -2.25]), "f32": ("FP32", np.float32, [np.nan, -np.inf]),
    "f64": ("FP64", np.float64, [1e300, -0.0]), "text": ("BYTES", np.object_, [b"", "ä\0z".encode()]),
}


def every_type_inputs(rows, binary):
    inputs = []
    for name, (datatype, dtype, values) in TYPES.items():
        array = np.empty((rows, 2), dtype)
        array[:] = np.array(values, dtype)
        made = triton.InferInput(name, [rows, 2], datatype)
        # Half floats exist in binary form alone.
        made.set_data_from_numpy(array, binary_data=binary or name in ("f16", "bf16"))
        inputs.append((made, array))
    return inputs


class HttpClients(harness.ServeTest):
    @classmethod
    def setUpClass(cls):
        cls.stack = harness.contextlib.ExitStack()
        cls.root_directory = cls.stack.enter_context(harness.tempfile.TemporaryDirectory())
        models = harness.pathlib.Path(cls.root_directory) / "models"
        for version in (1, 2):
            harness.publish(models / "m", version, harness.fixture,
                            config={"version_policy": {"all": {}}, "version_labels": {"stable": 1}})
        cls.server = cls.stack.enter_context(harness.serving(models))
        cls.url = f"127.0.0.1:{cls.server.rest}"
        cls.client = cls.stack.enter_context(triton.InferenceServerClient(cls.url))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def rest(self, path, body=None, method=None, headers=None, raw=None):
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://{self.url}{path}", data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def infer_every_type(self, rows, binary, client=None, **options):
        inputs = every_type_inputs(rows, binary)
        outputs = [triton.InferRequestedOutput(name, binary_data=binary or name in ("f16", "bf16"))
                   for name in TYPES]
        result = (client or self.client).infer("m", [made for made, _ in inputs], outputs=outputs,
                                               parameters={"function": "every_type"}, **options)
        for (name, (datatype, _, _)), (_, array) in zip(TYPES.items(), inputs):
            got = result.as_numpy(name)
            self.assertEqual(got.shape, (rows, 2), name)
            if datatype == "BYTES":
                got = np.array([g if isinstance(g, bytes) else g.encode() for g in got.flat],
                               object).reshape(got.shape)
            np.testing.assert_array_equal(got.astype(array.dtype), array, name)

    # tritonclient

    def test_triton_binary_and_json_of_every_type(self):
        for binary in (True, False):
            for rows in (1, 3, 0):
                with self.subTest(binary=binary, rows=rows):
                    self.infer_every_type(rows, binary)

    def test_triton_compression_both_ways(self):
        for algorithm in ("gzip", "deflate"):
            with self.subTest(algorithm):
                self.infer_every_type(64, True, request_compression_algorithm=algorithm,
                                      response_compression_algorithm=algorithm)

    def test_triton_scalars(self):
        inputs = []
        for name, datatype, value in (("real", "FP32", np.float32(2.5)), ("integer", "INT64", np.int64(-7)),
                                      ("text", "BYTES", np.array(b"word", np.object_))):
            made = triton.InferInput(name, [], datatype)
            made.set_data_from_numpy(np.array(value))
            inputs.append(made)
        result = self.client.infer("m", inputs, parameters={"function": "scalars"})
        self.assertEqual(result.as_numpy("real").shape, ())
        self.assertEqual(result.as_numpy("real"), 2.5)
        self.assertEqual(result.as_numpy("integer"), -7)

    def test_triton_versions_ids_priorities_and_timeouts(self):
        x = triton.InferInput("x", [1, 3], "FP32")
        x.set_data_from_numpy(np.array([[1, 2, 3]], np.float32))
        result = self.client.infer("m", [x], model_version="1", request_id="abc", priority=1,
                                   timeout=10_000_000)
        self.assertEqual(result.get_response()["id"], "abc")
        self.assertEqual(result.get_response()["model_version"], "1")
        np.testing.assert_array_equal(result.as_numpy("y"), [[22.5, 27.5]])
        self.assertEqual(self.client.infer("m", [x]).get_response()["model_version"], "2")

    def test_triton_asynchronous_requests_in_parallel(self):
        with triton.InferenceServerClient(self.url, concurrency=8) as client:
            waiting = []
            for i in range(200):
                x = triton.InferInput("x", [1, 3], "FP32")
                x.set_data_from_numpy(np.full((1, 3), i, np.float32))
                waiting.append(client.async_infer("m", [x]))
            for i, request in enumerate(waiting):
                np.testing.assert_array_equal(request.get_result().as_numpy("y"),
                                              [[9 * i + 0.5, 12 * i - 0.5]])

    def test_triton_health_metadata_and_configuration(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("m", "1"))
        self.assertFalse(self.client.is_model_ready("m", "9"))
        self.assertFalse(self.client.is_model_ready("absent"))
        self.assertIn("binary_tensor_data", self.client.get_server_metadata()["extensions"])
        metadata = self.client.get_model_metadata("m")
        self.assertEqual(metadata["versions"], ["1", "2"])
        self.assertEqual(metadata["inputs"], [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}])
        self.assertGreater(self.client.get_model_config("m")["max_batch_size"], 0)

    def test_triton_statistics_count_requests(self):
        def success():
            stats = self.client.get_inference_statistics("m", "2")["model_stats"][0]
            return stats["inference_stats"]["success"]["count"]
        before = success()
        x = triton.InferInput("x", [2, 3], "FP32")
        x.set_data_from_numpy(np.zeros((2, 3), np.float32))
        self.client.infer("m", [x], model_version="2")
        self.assertEqual(success(), before + 1)

    def test_triton_shared_memory(self):
        inputs = np.array([[1, 2, 3]], np.float32)
        source = shared_memory.create_shared_memory_region("in", f"/ingot-in-{os.getpid()}", 64)
        target = shared_memory.create_shared_memory_region("out", f"/ingot-out-{os.getpid()}", 64)
        try:
            shared_memory.set_shared_memory_region(source, [inputs], 12)
            self.client.register_system_shared_memory("in", f"/ingot-in-{os.getpid()}", 64)
            self.client.register_system_shared_memory("out", f"/ingot-out-{os.getpid()}", 64)
            self.assertEqual({r["name"] for r in self.client.get_system_shared_memory_status()},
                             {"in", "out"})
            x = triton.InferInput("x", [1, 3], "FP32")
            x.set_shared_memory("in", 12, 12)
            y = triton.InferRequestedOutput("y")
            y.set_shared_memory("out", 8, 16)
            result = self.client.infer("m", [x], outputs=[y])
            self.assertEqual(result.get_output("y")["parameters"]["shared_memory_region"], "out")
            np.testing.assert_array_equal(
                shared_memory.get_contents_as_numpy(target, np.float32, [1, 2], 16), [[22.5, 27.5]])
            x.set_shared_memory("in", 12, 60)
            with self.assertRaisesRegex(InferenceServerException, "beyond its 64 bytes"):
                self.client.infer("m", [x])
        finally:
            self.client.unregister_system_shared_memory()
            shared_memory.destroy_shared_memory_region(source)
            shared_memory.destroy_shared_memory_region(target)

    def test_triton_errors_name_the_mistake(self):
        x = triton.InferInput("x", [1, 4], "FP32")
        x.set_data_from_numpy(np.zeros((1, 4), np.float32))
        with self.assertRaisesRegex(InferenceServerException, r"input 'x'.*\[.*3\]") as caught:
            self.client.infer("m", [x])
        self.assertEqual(caught.exception.status(), "400")
        with self.assertRaises(InferenceServerException) as caught:
            self.client.infer("absent", [x])
        self.assertEqual(caught.exception.status(), "404")

    # TF Serving's REST API

    def test_predict_rows_and_columns(self):
        rows = self.rest("/v1/models/m:predict", {"instances": [[1, 2, 3], [0, 0, 0]]})
        self.assertEqual(rows, (200, {"predictions": [[22.5, 27.5], [0.5, -0.5]]}))
        columns = self.rest("/v1/models/m/versions/1:predict", {"inputs": [[1, 2, 3]]})
        self.assertEqual(columns, (200, {"outputs": [[22.5, 27.5]]}))
        named = self.rest("/v1/models/m/labels/stable:predict",
                          {"signature_name": "serving_default", "instances": [{"x": [1, 2, 3]}]})
        self.assertEqual(named, (200, {"predictions": [[22.5, 27.5]]}))

    def test_classify_and_regress(self):
        status, reply = self.rest("/v1/models/m:classify",
                                  {"signature_name": "classify", "examples": [{"x": [1, 2, 3]}]})
        self.assertEqual((status, reply), (200, {"results": [[["cat", 22.5], ["dog", 27.5]]]}))
        status, reply = self.rest("/v1/models/m:regress", {
            "signature_name": "regress", "context": {"b": 3}, "examples": [{"a": 1.5}, {"a": 2.5, "b": 4}]})
        self.assertEqual((status, reply), (200, {"results": [4.5, 6.5]}))

    def test_nan_and_infinity_are_taken_and_given(self):
        with urllib.request.urlopen(f"http://{self.url}/v1/models/m:predict",
                                    b'{"instances":[[NaN,0,0],[Infinity,0,0]]}', timeout=30) as reply:
            values = json.loads(reply.read())["predictions"]
        self.assertTrue(math.isnan(values[0][0]))
        self.assertEqual(values[1][0], math.inf)

    def test_status_and_metadata(self):
        status, reply = self.rest("/v1/models/m/versions/2")
        self.assertEqual((status, reply["model_version_status"][0]["state"]), (200, "AVAILABLE"))
        status, reply = self.rest("/v1/models/m/metadata")
        signature = reply["metadata"]["signature_def"]["signature_def"]["serving_default"]
        self.assertEqual(signature["inputs"]["x"]["dtype"], "DT_FLOAT")
        self.assertEqual(self.rest("/v1/models")[0], 400)

    def test_status_codes(self):
        cases = [
            (404, "/v1/models/absent:predict", {"instances": [1]}),
            (404, "/v1/models/m/versions/77:predict", {"instances": [1]}),
            (404, "/v1/models/m/labels/absent:predict", {"instances": [1]}),
            (400, "/v1/models/m:predict", {}),
            (400, "/v1/models/m:predict", {"instances": [[1, 2, 3]], "inputs": [[1, 2, 3]]}),
            (400, "/v1/models/m:predict", {"instances": [[1, 2]]}),
            (400, "/v1/models/m:predict", {"instances": [["a", "b", "c"]]}),
            (400, "/v1/models/m:predict", {"instances": [[1, 2, 3]], "signature_name": "absent"}),
            (400, "/v1/nonsense", {}),
        ]
        for expected, path, body in cases:
            with self.subTest(path=path, body=body):
                status, reply = self.rest(path, body)
                self.assertEqual(status, expected, reply)
                self.assertGreater(len(reply["error"]), 10)
        self.assertEqual(self.rest("/v1/models/m:predict", raw=b'{"instances": [[1, 2, ')[0], 400)
        self.assertEqual(self.rest("/v2/models/m/infer", method="GET")[0], 405)
        self.assertEqual(self.rest("/v1/models/m:predict", raw=b"x",
                                   headers={"Content-Encoding": "br"})[0], 415)

    # Prometheus

    def test_promtool_has_nothing_to_say_of_our_metrics(self):
        promtool = harness.CLIENTS / "perf/promtool"
        if not promtool.exists():
            self.skipTest("promtool is not here (tests/serve/setup --load)")
        self.rest("/v1/models/m:predict", {"instances": [[1, 2, 3]]})
        with urllib.request.urlopen(f"http://{self.url}/metrics", timeout=30) as reply:
            done = subprocess.run([promtool, "check", "metrics"], input=reply.read(), capture_output=True,
                                  check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    # ovmsclient

    def test_ovmsclient(self):
        import ovmsclient
        client = ovmsclient.make_http_client(self.url)
        self.assertIn(2, client.get_model_status("m"))
        self.assertEqual(client.get_model_metadata("m")["model_spec"]["version"], "2")  # TF Serving's keys
        np.testing.assert_array_equal(client.predict({"x": np.array([[1, 2, 3]], np.float32)}, "m"),
                                      [[22.5, 27.5]])

    # curl

    def curl(self, *arguments):
        done = subprocess.run(["curl", "-sS", "--max-time", "60", *arguments], capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_curl_compressed_pipelined_and_expecting(self):
        url = f"http://{self.url}/v1/models/m:predict"
        self.assertIn("22.5", self.curl(url, "-d", '{"instances":[[1,2,3]]}', "--compressed"))
        large = json.dumps({"instances": [[1, 2, 3]] * 50000})
        path = self.root / "large.json"
        path.write_text(large)
        reply = self.curl(url, "--data-binary", f"@{path}", "-H", "Expect: 100-continue")
        self.assertEqual(len(json.loads(reply)["predictions"]), 50000)
        head = self.curl("-I", f"http://{self.url}/v2/health/live")
        self.assertIn("200 OK", head)

    def test_a_pipelined_burst_is_answered_in_order(self):
        with socket.create_connection(("127.0.0.1", self.server.rest), timeout=60) as client:
            wanted = []
            for i in range(50):
                body = json.dumps({"instances": [[i, 0, 0]]}).encode()
                client.sendall(b"POST /v1/models/m:predict HTTP/1.1\r\nHost: h\r\nContent-Length: "
                               + str(len(body)).encode() + b"\r\n\r\n" + body)
                wanted.append([[i + 0.5, 2 * i - 0.5]])
            reader = client.makefile("rb")
            for expected in wanted:
                self.assertIn(b"200", reader.readline())
                length = 0
                while (line := reader.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                self.assertEqual(json.loads(reader.read(length))["predictions"], expected)


if __name__ == "__main__":
    harness.main(__doc__)
