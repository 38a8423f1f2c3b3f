#!/usr/bin/env python3
"""The same requests to ingot-serve and to a real Triton, over HTTP and gRPC, replies compared field by
field. Where we differ on purpose, the row says how and why; a row that does not differ as it says fails
too.

    tests/serve/start golden.py INGOT-SERVE FIXTURE.so ECHO.so
"""

import contextlib
import http.client
import json
import math
import pathlib
import struct
import sys
import tempfile
import unittest

import grpc
import harness
import triton
from google.protobuf import json_format
from tritonclient.grpc import service_pb2, service_pb2_grpc

ECHO = None
X = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
TYPES = [("bool", "BOOL"), ("i8", "INT8"), ("i16", "INT16"), ("i32", "INT32"), ("i64", "INT64"), ("u8", "UINT8"),
         ("u16", "UINT16"), ("u32", "UINT32"), ("u64", "UINT64"), ("f32", "FP32"), ("f64", "FP64"),
         ("text", "BYTES"), ("f16", "FP16"), ("bf16", "BF16")]
VALUES = {"bool": [True, False], "i8": [-128, 127], "i16": [-32768, 32767], "i32": [-2**31, 2**31 - 1],
          "i64": [-2**63, 2**63 - 1], "u8": [0, 255], "u16": [0, 65535], "u32": [0, 2**32 - 1],
          "u64": [0, 2**64 - 1], "f32": [1.5, -0.25], "f64": [1e300, 0.1], "text": ["a", "ü\"\\ \n"]}
RAW = {"f16": struct.pack("<2e", 1.5, -2.25), "bf16": struct.pack("<2H", 0x3fc0, 0xc010)}


def infer(inputs=None, **more):
    return {"inputs": [X] if inputs is None else inputs, **more}


def with_x(**changed):
    return infer([{**X, **changed}])


def binary(header, *tensors):
    text = json.dumps(header).encode()
    return {"Inference-Header-Content-Length": str(len(text))}, text + b"".join(tensors)


def every_type():
    """JSON where it can be, FP16 and BF16 in binary: one request."""
    header = {"inputs": [], "outputs": []}
    tail = b""
    for name, datatype in TYPES:
        made = {"name": name, "shape": [1, 2], "datatype": datatype}
        if name in RAW:
            made["parameters"] = {"binary_data_size": len(RAW[name])}
            tail += RAW[name]
        else:
            made["data"] = VALUES[name]
        header["inputs"].append(made)
        if name != "bf16":  # see without_bf16
            header["outputs"].append({"name": name, "parameters": {"binary_data": name in RAW}})
    return binary(header, tail)


PREDICT = "/v2/models/m/infer"
BYTES = binary({"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32",
                            "parameters": {"binary_data_size": 12}}],
                "outputs": [{"name": "y", "parameters": {"binary_data": True}}]}, struct.pack("<3f", 1, 2, 3))

# (what, method, path, headers, body). Bodies that are no bytes are sent as JSON.
SAME = [
    ("live", "GET", "/v2/health/live", {}, None),
    ("ready", "GET", "/v2/health/ready", {}, None),
    ("model ready", "GET", "/v2/models/m/ready", {}, None),
    ("version ready", "GET", "/v2/models/m/versions/1/ready", {}, None),
    ("infer", "POST", PREDICT, {}, infer()),
    ("version", "POST", "/v2/models/m/versions/1/infer", {}, infer()),
    ("id", "POST", PREDICT, {}, infer(id="request 1")),
    ("nested data", "POST", PREDICT, {}, with_x(data=[[1, 2, 3]])),
    ("two rows", "POST", PREDICT, {}, with_x(shape=[2, 3], data=[1, 2, 3, 4, 5, 6])),
    ("integers as floats", "POST", PREDICT, {}, with_x(data=[1, 2.0, 3e0])),
    ("binary in and out", "POST", PREDICT, *BYTES),
    ("binary in, JSON out", "POST", PREDICT, *binary(
        {"inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32",
                     "parameters": {"binary_data_size": 12}}]}, struct.pack("<3f", 1, 2, 3))),
    ("binary_data_output", "POST", PREDICT, {}, infer(parameters={"binary_data_output": True})),
    ("one output asked for", "POST", PREDICT, {}, infer(outputs=[{"name": "y"}])),
    ("priority and timeout", "POST", PREDICT, {}, infer(parameters={"priority": 1, "timeout": 10000000})),
    ("every type", "POST", "/v2/models/echo/infer", *every_type()),
    ("unknown output", "POST", PREDICT, {}, infer(outputs=[{"name": "zz"}])),
    ("wrong shape", "POST", PREDICT, {}, with_x(shape=[1, 2], data=[1, 2])),
    ("wrong rank", "POST", PREDICT, {}, with_x(shape=[3])),
    ("wrong type", "POST", PREDICT, {}, with_x(datatype="INT32")),
    ("unknown type", "POST", PREDICT, {}, with_x(datatype="FP33")),
    ("unknown input", "POST", PREDICT, {}, with_x(name="zz")),
    ("missing input", "POST", PREDICT, {}, infer([])),
    ("header length beyond the body", "POST", PREDICT, {"Inference-Header-Content-Length": "99999"}, infer()),
    ("unknown model", "POST", "/v2/models/zz/infer", {}, infer()),
    ("unknown version", "POST", "/v2/models/m/versions/9/infer", {}, infer()),
    ("unknown model's metadata", "GET", "/v2/models/zz", {}, None),
]

# The same with the status that we give instead, and why.
DIFFERENT = [
    ("broken JSON", "POST", PREDICT, {}, b'{"inputs": [', 500, 400, "a client's mistake"),
    ("no inputs", "POST", PREDICT, {}, {}, 500, 400, "a client's mistake"),
    ("too few elements", "POST", PREDICT, {}, with_x(data=[1, 2]), 500, 400, "a client's mistake"),
    ("text for a number", "POST", PREDICT, {}, with_x(data=["a", "b", "c"]), 500, 400, "a client's mistake"),
    ("readiness of an unknown model", "GET", "/v2/models/zz/ready", {}, None, 400, 404, "there is none"),
    ("GET on infer", "GET", PREDICT, {}, None, 405, 405, "with Allow"),
]


# Whose values are each server's own (times, counts, names of itself): fields and their types are compared.
FIELDS = [
    ("metadata", "GET", "/v2", {}, None),
    ("model's metadata", "GET", "/v2/models/m", {}, None),
    ("version's metadata", "GET", "/v2/models/m/versions/1", {}, None),
    ("statistics", "GET", "/v2/models/m/stats", {}, None),
    ("all statistics", "GET", "/v2/models/stats", {}, None),
    ("repository index", "POST", "/v2/repository/index", {}, {}),
    ("shared memory", "GET", "/v2/systemsharedmemory/status", {}, None),
]


# gRPC: (what, method, message). Messages are given as protobuf's JSON.


def rows_of(*values):
    return struct.pack(f"<{len(values)}f", *values)


def call(raw=(rows_of(1, 2, 3),), model="m", outputs=(), **changed):
    x = {"name": "x", "datatype": "FP32", "shape": [1, 3], **changed.pop("x", {})}
    request = service_pb2.ModelInferRequest()
    json_format.ParseDict({"model_name": model, "inputs": [x], "outputs": list(outputs), **changed}, request)
    request.raw_input_contents.extend(raw)
    return request


def message(name, /, **fields):
    return json_format.ParseDict(fields, getattr(service_pb2, name)())


def every_type_raw(with_bf16):
    """Without BF16 for this Triton, see without_bf16; what comes back of it is nobody's wish then."""
    request = service_pb2.ModelInferRequest(model_name="echo")
    for name, datatype in TYPES:
        if name == "bf16" and not with_bf16:
            continue
        request.inputs.add(name=name, datatype=datatype, shape=[1, 2])
        if name != "bf16":
            request.outputs.add(name=name)
        if name in RAW:
            raw = RAW[name]
        elif datatype == "BYTES":
            raw = b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in VALUES[name])
        else:
            code = {"BOOL": "?", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "UINT8": "B", "UINT16": "H",
                    "UINT32": "I", "UINT64": "Q", "FP32": "f", "FP64": "d"}[datatype]
            raw = struct.pack(f"<2{code}", *VALUES[name])
        request.raw_input_contents.append(raw)
    return request


TYPED = {"contents": {"fp32_contents": [1, 2, 3]}}
SAME_CALLS = [
    ("live", "ServerLive", message("ServerLiveRequest")),
    ("ready", "ServerReady", message("ServerReadyRequest")),
    ("model ready", "ModelReady", message("ModelReadyRequest", name="m")),
    ("version ready", "ModelReady", message("ModelReadyRequest", name="m", version="1")),
    ("infer", "ModelInfer", call()),
    ("version", "ModelInfer", call(model_version="1")),
    ("id", "ModelInfer", call(id="request 1")),
    ("two rows", "ModelInfer", call([rows_of(1, 2, 3, 4, 5, 6)], x={"shape": [2, 3]})),
    ("one output asked for", "ModelInfer", call(outputs=[{"name": "y"}])),
    ("priority and timeout", "ModelInfer", call(parameters={"priority": {"uint64_param": 1},
                                                            "timeout": {"int64_param": 10000000}})),
    ("every type", "ModelInfer", every_type_raw(True)),
    ("unknown output", "ModelInfer", call(outputs=[{"name": "zz"}])),
    ("wrong shape", "ModelInfer", call([rows_of(1, 2)], x={"shape": [1, 2]})),
    ("wrong rank", "ModelInfer", call(x={"shape": [3]})),
    ("wrong type", "ModelInfer", call(x={"datatype": "INT32"})),
    ("unknown type", "ModelInfer", call(x={"datatype": "FP33"})),
    ("unknown input", "ModelInfer", call(x={"name": "zz"})),
    ("missing input", "ModelInfer", message("ModelInferRequest", model_name="m")),
    ("too few bytes", "ModelInfer", call([rows_of(1, 2)])),
    ("both encodings", "ModelInfer", call(x=TYPED)),
    ("too few elements", "ModelInfer", call([], x={"contents": {"fp32_contents": [1, 2]}})),
    ("field of another type", "ModelInfer", call([], x={"contents": {"int_contents": [1, 2, 3]}})),
    ("unknown model", "ModelInfer", call(model="zz")),
    ("unknown version", "ModelInfer", call(model_version="9")),
    ("unknown model's metadata", "ModelMetadata", message("ModelMetadataRequest", name="zz")),
    ("unknown model's configuration", "ModelConfig", message("ModelConfigRequest", name="zz")),
    ("unknown region", "SystemSharedMemoryUnregister", message("SystemSharedMemoryUnregisterRequest", name="zz")),
]
CALL_FIELDS = [
    ("metadata", "ServerMetadata", message("ServerMetadataRequest")),
    ("model's metadata", "ModelMetadata", message("ModelMetadataRequest", name="m")),
    ("statistics", "ModelStatistics", message("ModelStatisticsRequest", name="m")),
    ("repository index", "RepositoryIndex", message("RepositoryIndexRequest")),
    ("shared memory", "SystemSharedMemoryStatus", message("SystemSharedMemoryStatusRequest")),
]
# The same with both codes, and why.
DIFFERENT_CALLS = [
    ("unknown model's statistics", "ModelStatistics", message("ModelStatisticsRequest", name="zz"), "INVALID_ARGUMENT",
     "NOT_FOUND", "as every other call that names a model which is not there, in both servers"),
]


class Golden(harness.ServeTest):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        root = pathlib.Path(cls.stack.enter_context(tempfile.TemporaryDirectory()))
        harness.publish(root / "ours/m", 1, harness.fixture)
        harness.publish(root / "ours/echo", 1, ECHO)
        echo = [(name, datatype, [2]) for name, datatype in TYPES if datatype != "BF16"]
        triton.add_python_model(root / "theirs", "m", triton.LINEAR_PY, [("x", "FP32", [3])], [("y", "FP32", [2])])
        triton.add_python_model(root / "theirs", "echo", triton.ECHO_PY, echo, echo)
        server = cls.stack.enter_context(harness.serving(root / "ours"))
        cls.ours, cls.theirs, their_grpc = server.rest, triton.free_port(), triton.free_port()
        cls.stack.enter_context(triton.running(root / "theirs", cls.theirs, their_grpc, root / "triton.log"))
        cls.our_stub, cls.their_stub = (
            service_pb2_grpc.GRPCInferenceServiceStub(
                cls.stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}")))
            for port in (server.grpc, their_grpc))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def ask(self, port, method, path, headers, body):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, headers)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        split = int(reply.headers.get("Inference-Header-Content-Length", len(content)))
        fields = json.loads(content[:split]) if content[:split].strip() else None
        return reply, fields, content[split:]

    def compare(self, what, ours, theirs):
        """Fields, whatever the order of keys; what is said of an error is each server's own."""
        if isinstance(theirs, dict):
            self.assertIsInstance(ours, dict, what)
            self.assertEqual(set(ours), set(theirs), what)
            for key, value in theirs.items():
                if key == "error":
                    self.assertTrue(ours[key], what)
                else:
                    self.compare(f"{what}: {key}", ours[key], value)
        elif isinstance(theirs, list):
            self.assertEqual(len(ours), len(theirs), what)
            if theirs and isinstance(theirs[0], dict) and "name" in theirs[0]:
                # Outputs: Triton's come in the order in which the backend made them.
                ours, theirs = (sorted(rows, key=lambda row: row["name"]) for rows in (ours, theirs))
            for index, (a, b) in enumerate(zip(ours, theirs)):
                self.compare(f"{what}[{index}]", a, b)
        elif isinstance(theirs, float) and math.isnan(theirs):
            self.assertTrue(math.isnan(ours), what)
        else:
            self.assertEqual(ours, theirs, what)

    def compare_fields(self, what, ours, theirs):
        """The same keys and types; lists by their first elements."""
        self.assertEqual(type(ours), type(theirs), what)
        if isinstance(theirs, dict):
            self.assertEqual(set(ours), set(theirs), what)
            for key, value in theirs.items():
                self.compare_fields(f"{what}: {key}", ours[key], value)
        elif isinstance(theirs, list) and theirs:
            self.assertTrue(ours, what)
            self.compare_fields(f"{what}[0]", ours[0], theirs[0])

    def call(self, stub, method, request):
        """Code and the reply as a dictionary, or what is said of the error."""
        try:
            reply = getattr(stub, method)(request, timeout=30)
        except grpc.RpcError as error:
            return error.code().name, {"error": error.details()}
        fields = json_format.MessageToDict(reply, preserving_proto_field_name=True,
                                           always_print_fields_with_no_presence=True)
        if method == "ModelInfer":  # bytes belong to outputs by position, and these may come in any order
            raw = fields.pop("raw_output_contents")
            self.assertEqual(len(raw), len(fields["outputs"]))
            for output, content in zip(fields["outputs"], raw):
                output["raw"] = content
        return "OK", fields

    def test_grpc_replies_are_tritons(self):
        for what, method, request in SAME_CALLS:
            with self.subTest(what):
                code, mine = self.call(self.our_stub, method, request)
                if what == "every type":
                    request = every_type_raw(False)
                their_code, theirs = self.call(self.their_stub, method, request)
                self.assertEqual(code, their_code, (mine, theirs))
                self.compare(what, mine, theirs)

    def test_fields_are_tritons(self):
        for what, *request in FIELDS:
            with self.subTest(what):
                mine, fields, _ = self.ask(self.ours, *request)
                reply, their_fields, _ = self.ask(self.theirs, *request)
                self.assertEqual(mine.status, reply.status)
                self.compare_fields(what, fields, their_fields)
        for what, method, request in CALL_FIELDS:
            with self.subTest(f"gRPC: {what}"):
                code, mine = self.call(self.our_stub, method, request)
                their_code, theirs = self.call(self.their_stub, method, request)
                self.assertEqual(code, their_code, (mine, theirs))
                self.compare_fields(what, mine, theirs)

    def test_grpc_differs_where_we_say_so_alone(self):
        for what, method, request, theirs, ours, why in DIFFERENT_CALLS:
            with self.subTest(what, why=why):
                code, mine = self.call(self.our_stub, method, request)
                self.assertEqual(code, ours, mine)
                self.assertEqual(self.call(self.their_stub, method, request)[0], theirs)

    def test_replies_are_tritons(self):
        for what, *request in SAME:
            with self.subTest(what):
                mine, fields, tail = self.ask(self.ours, *request)
                if what == "every type":
                    request[2:] = without_bf16(request[3])
                reply, their_fields, their_tail = self.ask(self.theirs, *request)
                self.assertEqual(mine.status, reply.status, (fields, their_fields))
                self.compare(what, fields, their_fields)
                self.assertEqual(tail, their_tail)

    def test_we_differ_where_we_say_so_alone(self):
        for what, method, path, headers, body, theirs, ours, why in DIFFERENT:
            with self.subTest(what, why=why):
                mine, fields, _ = self.ask(self.ours, method, path, headers, body)
                self.assertEqual(mine.status, ours, fields)
                self.assertEqual(self.ask(self.theirs, method, path, headers, body)[0].status, theirs)
                if fields is not None:
                    self.assertGreater(len(fields["error"]), 10)


def without_bf16(body):
    """Headers and body of every_type for this Triton, whose Python backend has no BF16."""
    headers, _ = every_type()
    size = int(headers["Inference-Header-Content-Length"])
    header = json.loads(body[:size])
    header["inputs"] = [t for t in header["inputs"] if t["name"] != "bf16"]
    return binary(header, body[size:][:len(RAW["f16"])])


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    ECHO = str(pathlib.Path(sys.argv.pop(3)).resolve())
    harness.main(__doc__, needs=("done.txt", "load.done"))
