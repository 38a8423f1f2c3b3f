#!/usr/bin/env python3
"""Real gRPC clients against ingot-serve: TF Serving's stubs, ovmsclient, tritonclient (shared memory,
streaming, compression), gRPC's health checking and reflection.

    build/serve-clients/venv/bin/python tests/serve/grpc_clients.py build/bin/ingot-serve build/lib/FixtureServed.so
"""
import os
import queue
import sys

import harness

sys.path.insert(0, str(harness.CLIENTS / "protos"))  # before tensorflow_serving of the venv, which lacks tensorflow

import grpc
import ml_dtypes
import numpy as np
import tritonclient.grpc as triton
import tritonclient.utils.shared_memory as shared_memory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tensorflow.core.example import example_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow_serving.apis import (classification_pb2, get_model_metadata_pb2, get_model_status_pb2,
                                     model_management_pb2, model_service_pb2_grpc, predict_pb2,
                                     prediction_service_pb2_grpc, regression_pb2)
from tritonclient.utils import InferenceServerException

# Name of the fixture's input: Triton's datatype, TensorFlow's, field of a list, NumPy's type, values.
TYPES = {
    "bool": ("BOOL", "DT_BOOL", "bool_val", np.bool_, [True, False]),
    "i8": ("INT8", "DT_INT8", "int_val", np.int8, [-128, 127]),
    "i16": ("INT16", "DT_INT16", "int_val", np.int16, [-32768, 32767]),
    "i32": ("INT32", "DT_INT32", "int_val", np.int32, [-2**31, 2**31 - 1]),
    "i64": ("INT64", "DT_INT64", "int64_val", np.int64, [-2**63, 2**63 - 1]),
    "u8": ("UINT8", "DT_UINT8", "int_val", np.uint8, [0, 255]),
    "u16": ("UINT16", "DT_UINT16", "int_val", np.uint16, [0, 65535]),
    "u32": ("UINT32", "DT_UINT32", "uint32_val", np.uint32, [0, 2**32 - 1]),
    "u64": ("UINT64", "DT_UINT64", "uint64_val", np.uint64, [0, 2**64 - 1]),
    "f16": ("FP16", "DT_HALF", "half_val", np.float16, [1.5, -np.inf]),
    "bf16": ("BF16", "DT_BFLOAT16", "half_val", ml_dtypes.bfloat16, [1.5, -2.25]),
    "f32": ("FP32", "DT_FLOAT", "float_val", np.float32, [np.nan, -0.0]),
    "f64": ("FP64", "DT_DOUBLE", "double_val", np.float64, [1e300, np.inf]),
    "text": ("BYTES", "DT_STRING", "string_val", np.object_, [b"", "ä\0z".encode()]),
}


def array_of(name, rows):
    _, _, _, dtype, values = TYPES[name]
    array = np.empty((rows, 2), dtype)
    array[:] = np.array(values, dtype)
    return array


def tensor_proto(name, array, in_lists):
    _, datatype, field, _, _ = TYPES[name]
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DataType.Value(datatype))
    for extent in array.shape:
        proto.tensor_shape.dim.add(size=extent)
    if datatype == "DT_STRING":
        proto.string_val.extend(array.ravel().tolist())
    elif not in_lists:
        proto.tensor_content = array.tobytes()
    elif field == "half_val":
        proto.half_val.extend(array.ravel().view(np.uint16).tolist())
    else:
        getattr(proto, field).extend(array.ravel().tolist())
    return proto


def array_from(name, proto):
    _, _, field, dtype, _ = TYPES[name]
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_content:
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    values = list(getattr(proto, field))
    if field == "half_val":
        return np.array(values, np.uint16).view(dtype).reshape(shape)
    return np.array(values, dtype).reshape(shape)


def infer_input(name, array, datatype="FP32"):
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array)
    return made


class GrpcClients(harness.ServeTest):
    @classmethod
    def setUpClass(cls):
        cls.stack = harness.contextlib.ExitStack()
        cls.root_directory = cls.stack.enter_context(harness.tempfile.TemporaryDirectory())
        cls.repository = harness.pathlib.Path(cls.root_directory) / "models"
        for version in (1, 2):
            harness.publish(cls.repository / "m", version, harness.fixture,
                            config={"version_policy": {"all": {}}, "version_labels": {"stable": 1}})
        cls.server = cls.stack.enter_context(harness.serving(cls.repository, rest=False))
        cls.url = f"127.0.0.1:{cls.server.grpc}"
        cls.client = cls.stack.enter_context(triton.InferenceServerClient(cls.url))
        cls.channel = cls.stack.enter_context(grpc.insecure_channel(
            cls.url, [("grpc.max_receive_message_length", -1)]))
        cls.prediction = prediction_service_pb2_grpc.PredictionServiceStub(cls.channel)
        cls.models_service = model_service_pb2_grpc.ModelServiceStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def predict(self, inputs, signature="", **spec):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "m"
        request.model_spec.signature_name = signature
        if "version" in spec:
            request.model_spec.version.value = spec["version"]
        if "label" in spec:
            request.model_spec.version_label = spec["label"]
        for name, proto in inputs.items():
            request.inputs[name].CopyFrom(proto)
        return self.prediction.Predict(request, timeout=60)

    def assertSame(self, left, right):
        self.assertEqual(left.shape, right.shape)
        self.assertEqual(left.dtype, right.dtype)
        if left.dtype == np.object_:
            self.assertEqual(left.tolist(), right.tolist())
        else:
            self.assertEqual(left.tobytes(), right.tobytes())  # NaN and -0.0 too

    # ---- TF Serving ----

    def test_predict_every_type_in_both_encodings(self):
        for rows in (1, 3, 0):
            for in_lists in (True, False):
                arrays = {name: array_of(name, rows) for name in TYPES}
                reply = self.predict({name: tensor_proto(name, array, in_lists)
                                      for name, array in arrays.items()}, "every_type")
                for name, array in arrays.items():
                    self.assertSame(array_from(name, reply.outputs[name]), array)

    def test_predict_scalars(self):
        inputs = {"real": tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[2.5],
                                                 tensor_shape=tensor_shape_pb2.TensorShapeProto()),
                  "integer": tensor_pb2.TensorProto(dtype=types_pb2.DT_INT64, int64_val=[-7]),
                  "text": tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"abc"])}
        reply = self.predict(inputs, "scalars")
        self.assertEqual(list(reply.outputs["real"].float_val), [2.5])
        self.assertEqual(len(reply.outputs["real"].tensor_shape.dim), 0)
        self.assertEqual(list(reply.outputs["integer"].int64_val), [-7])
        self.assertEqual(list(reply.outputs["text"].string_val), [b"abc"])

    def test_predict_versions_labels_and_errors(self):
        x = {"x": tensor_proto("f32", np.ones((1, 3), np.float32), False)}
        self.assertEqual(self.predict(x).model_spec.version.value, 2)
        self.assertEqual(self.predict(x, version=1).model_spec.version.value, 1)
        self.assertEqual(self.predict(x, label="stable").model_spec.version.value, 1)
        for code, arguments in ((grpc.StatusCode.NOT_FOUND, {"version": 9}),
                                (grpc.StatusCode.NOT_FOUND, {"label": "canary"}),
                                (grpc.StatusCode.INVALID_ARGUMENT, {"signature": "zz"})):
            with self.assertRaises(grpc.RpcError) as caught:
                self.predict(x, **arguments)
            self.assertEqual(caught.exception.code(), code)
        with self.assertRaises(grpc.RpcError) as caught:
            self.predict({"x": tensor_proto("f32", np.ones((1, 4), np.float32), False)})
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("'x'", caught.exception.details())

    def test_classify_and_regress(self):
        example = example_pb2.Example()
        example.features.feature["x"].float_list.value.extend([1, 0, 0])
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = "m", "classify"
        request.input.example_list.examples.append(example)
        classes = self.prediction.Classify(request).result.classifications[0].classes
        self.assertEqual([(c.label, c.score) for c in classes], [("cat", 1.5), ("dog", 1.5)])
        request = regression_pb2.RegressionRequest()
        request.model_spec.name, request.model_spec.signature_name = "m", "regress"
        example = request.input.example_list.examples.add()
        example.features.feature["a"].float_list.value.append(1.5)
        example.features.feature["b"].int64_list.value.append(2)
        self.assertEqual(self.prediction.Regress(request).result.regressions[0].value, 3.5)

    def test_metadata_and_status(self):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = "m"
        reply = self.prediction.GetModelMetadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        self.assertTrue(reply.metadata["signature_def"].Unpack(signatures))
        x = signatures.signature_def["serving_default"].inputs["x"]
        self.assertEqual([dim.size for dim in x.tensor_shape.dim], [-1, 3])
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = "m"
        status = self.models_service.GetModelStatus(request).model_version_status
        self.assertEqual([(s.version, s.state) for s in status], [(2, 30), (1, 30)])

    def test_reload_replaces_the_models(self):
        repository = self.models
        for name in ("a", "b"):
            harness.publish(repository / name, 1, harness.fixture)
        with harness.serving(repository, rest=False) as server, \
                grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
            request = model_management_pb2.ReloadConfigRequest()
            config = request.config.model_config_list.config.add()
            config.name, config.base_path = "other", str(repository / "a")
            reply = model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request)
            self.assertEqual(reply.status.error_code, 0)
            with triton.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
                self.assertTrue(client.is_model_ready("other"))
                self.assertFalse(client.is_model_ready("b"))

    def test_ovmsclient(self):
        import ovmsclient
        with grpc_client(ovmsclient, self.url) as client:
            x = np.ones((2, 3), np.float32)
            np.testing.assert_array_equal(client.predict({"x": x}, "m"), [[9.5, 11.5]] * 2)
            np.testing.assert_array_equal(client.predict({"x": x}, "m", 1), [[9.5, 11.5]] * 2)
            metadata = client.get_model_metadata("m")
            self.assertEqual(metadata["inputs"]["x"]["shape"], [-1, 3])
            self.assertEqual(client.get_model_status("m")[1]["state"], "AVAILABLE")
            with self.assertRaises(Exception):
                client.predict({"y": x}, "m")

    # ---- Triton ----

    def test_infer_every_type(self):
        for rows in (1, 3, 0):
            arrays = {name: array_of(name, rows) for name in TYPES}
            inputs = [infer_input(name, array, TYPES[name][0]) for name, array in arrays.items()]
            result = self.client.infer("m", inputs, parameters={"function": "every_type"})
            for name, array in arrays.items():
                self.assertSame(result.as_numpy(name), array)

    def test_infer_scalars(self):
        inputs = [infer_input("real", np.array(2.5, np.float32)),
                  infer_input("integer", np.array(-7), "INT64"),
                  infer_input("text", np.array(b"abc", np.object_), "BYTES")]
        result = self.client.infer("m", inputs, parameters={"function": "scalars"})
        self.assertEqual(result.as_numpy("real"), np.float32(2.5))
        self.assertEqual(result.as_numpy("integer"), -7)
        self.assertEqual(result.as_numpy("text").item(), b"abc")

    def test_infer_options(self):
        x = infer_input("x", np.ones((1, 3), np.float32))
        result = self.client.infer("m", [x], model_version="1", request_id="abc", priority=1,
                                   timeout=60_000_000, client_timeout=60,
                                   outputs=[triton.InferRequestedOutput("y")])
        response = result.get_response()
        self.assertEqual((response.id, response.model_version), ("abc", "1"))
        np.testing.assert_array_equal(result.as_numpy("y"), [[9.5, 11.5]])
        for algorithm in ("gzip", "deflate"):
            result = self.client.infer("m", [x], compression_algorithm=algorithm)
            np.testing.assert_array_equal(result.as_numpy("y"), [[9.5, 11.5]])
        with self.assertRaisesRegex(InferenceServerException, "there is no output 'z'"):
            self.client.infer("m", [x], outputs=[triton.InferRequestedOutput("z")])
        with self.assertRaisesRegex(InferenceServerException, "classification"):
            self.client.infer("m", [x], outputs=[triton.InferRequestedOutput("y", class_count=1)])
        with self.assertRaisesRegex(InferenceServerException, "'zz'"):
            self.client.infer("zz", [x])
        with self.assertRaisesRegex(InferenceServerException, "Deadline"):
            self.client.infer("m", [infer_input("ms", np.array([60000], np.int32), "INT32")],
                              parameters={"function": "sleep"}, client_timeout=0.05)

    def test_large_tensors(self):
        x = np.random.default_rng(1).random((500_000, 3), np.float32)
        y = self.client.infer("m", [infer_input("x", x)]).as_numpy("y")
        np.testing.assert_allclose(y, x @ [[1, 2], [3, 4], [5, 6]] + [0.5, -0.5], rtol=1e-5)

    def test_system_shared_memory(self):
        x = np.ones((1, 3), np.float32)
        name = f"/ingot-grpc-clients-{os.getpid()}"
        region = shared_memory.create_shared_memory_region("r", name, 64)
        try:
            shared_memory.set_shared_memory_region(region, [x])
            self.client.unregister_system_shared_memory()
            self.client.register_system_shared_memory("r", name, 64)
            self.assertIn("r", self.client.get_system_shared_memory_status().regions)
            given = triton.InferInput("x", [1, 3], "FP32")
            given.set_shared_memory("r", 12)
            wanted = triton.InferRequestedOutput("y")
            wanted.set_shared_memory("r", 8, offset=16)
            result = self.client.infer("m", [given], outputs=[wanted])
            self.assertEqual(result.get_output("y").parameters["shared_memory_byte_size"].int64_param, 8)
            y = shared_memory.get_contents_as_numpy(region, np.float32, [1, 2], offset=16)
            np.testing.assert_array_equal(y, [[9.5, 11.5]])
            given.set_shared_memory("r", 12, offset=60)
            with self.assertRaisesRegex(InferenceServerException, "beyond"):
                self.client.infer("m", [given])
            self.client.unregister_system_shared_memory("r")
        finally:
            shared_memory.destroy_shared_memory_region(region)
        self.client.unregister_cuda_shared_memory()
        self.assertFalse(self.client.get_cuda_shared_memory_status().regions)

    def test_streaming(self):
        answers = queue.Queue()
        with triton.InferenceServerClient(self.url) as client:
            client.start_stream(lambda result, error: answers.put((result, error)))
            for i in range(20):
                client.async_stream_infer("m", [infer_input("x", np.full((1, 3), i, np.float32))],
                                          request_id=str(i), sequence_id=5, sequence_start=i == 0,
                                          sequence_end=i == 19)
            client.async_stream_infer("zz", [], request_id="wrong")
            got, errors = [], []
            for _ in range(21):
                result, error = answers.get(timeout=60)
                if error:
                    errors.append(error)
                else:
                    got.append(int(result.get_response().id))
            client.stop_stream()
        self.assertEqual(got, list(range(20)))
        self.assertEqual(len(errors), 1)
        self.assertIn("'zz'", str(errors[0]))

    def test_server_and_models(self):
        self.assertTrue(self.client.is_server_live() and self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("m") and self.client.is_model_ready("m", "1"))
        self.assertFalse(self.client.is_model_ready("zz"))
        self.assertEqual(self.client.get_server_metadata().name, "ingot")
        metadata = self.client.get_model_metadata("m")
        self.assertEqual(list(metadata.versions), ["1", "2"])
        self.assertEqual(list(metadata.inputs[0].shape), [-1, 3])
        config = self.client.get_model_config("m").config
        self.assertGreater(config.max_batch_size, 0)
        before = self.client.get_inference_statistics("m", "2").model_stats[0].inference_count
        self.client.infer("m", [infer_input("x", np.ones((4, 3), np.float32))])
        after = self.client.get_inference_statistics("m", "2").model_stats[0].inference_count
        self.assertGreaterEqual(after - before, 4)
        index = self.client.get_model_repository_index().models
        self.assertEqual([(m.name, m.version, m.state) for m in index],
                         [("m", "1", "READY"), ("m", "2", "READY")])
        self.client.get_trace_settings()
        self.client.get_log_settings()
        with self.assertRaises(InferenceServerException):
            self.client.update_log_settings({"log_info": True})

    def test_load_and_unload(self):
        harness.publish(self.models / "a", 1, harness.fixture)
        with harness.serving(self.models, rest=False) as server, \
                triton.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
            client.unload_model("a")
            self.assertFalse(client.is_model_ready("a"))
            client.load_model("a")
            self.assertTrue(client.is_model_ready("a"))
            client.load_model("a", config='{"version_policy": {"all": {}}}')
            with self.assertRaises(InferenceServerException):
                client.load_model("nothing")
            with self.assertRaisesRegex(InferenceServerException, "not taken over the network"):
                client.load_model("a", config="{}", files={"file:1/model.so": b"x"})

    # ---- Health, reflection ----

    def test_health(self):
        stub = health_pb2_grpc.HealthStub(self.channel)
        for name in ("", "m", "inference.GRPCInferenceService"):
            self.assertEqual(stub.Check(health_pb2.HealthCheckRequest(service=name)).status,
                             health_pb2.HealthCheckResponse.SERVING)
        with self.assertRaises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="zz"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        watch = stub.Watch(health_pb2.HealthCheckRequest())
        self.assertEqual(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
        watch.cancel()

    def test_reflection(self):
        database = ProtoReflectionDescriptorDatabase(self.channel)
        self.assertIn("tensorflow.serving.PredictionService", database.get_services())
        pool = DescriptorPool(database)
        service = pool.FindServiceByName("inference.GRPCInferenceService")
        self.assertEqual(service.FindMethodByName("ModelInfer").input_type.full_name,
                         "inference.ModelInferRequest")

    def test_a_draining_server_finishes_what_it_has(self):
        harness.publish(self.models / "a", 1, harness.fixture)
        with harness.serving(self.models, rest=False) as server, \
                triton.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
            answers = queue.Queue()
            client.async_infer("a", [infer_input("ms", np.array([300], np.int32), "INT32")],
                               lambda result, error: answers.put((result, error)),
                               parameters={"function": "sleep"})
            client.is_server_live()  # on the same connection: what was sent before it has arrived
            server.stop()
            result, error = answers.get(timeout=60)
            self.assertIsNone(error)
            np.testing.assert_array_equal(result.as_numpy("waited"), [300])

    def test_a_draining_server_answers_what_a_stream_has_sent(self):
        harness.publish(self.models / "a", 1, harness.fixture)
        with harness.serving(self.models, rest=False) as server, \
                triton.InferenceServerClient(f"127.0.0.1:{server.grpc}") as client:
            answers = queue.Queue()
            client.start_stream(lambda result, error: answers.put((result, error)))
            for i, ms in enumerate((1000, 200, 200)):  # one after the other
                client.async_stream_infer("a", [infer_input("ms", np.array([ms], np.int32), "INT32")],
                                          request_id=str(i), sequence_id=1, sequence_start=i == 0,
                                          parameters={"function": "sleep"})
            self.assertIsNone(answers.get(timeout=60)[1])  # the others are there, too
            server.stop()
            for _ in range(2):
                self.assertIsNone(answers.get(timeout=60)[1])
            self.assertIn("UNAVAILABLE", str(answers.get(timeout=60)[1]))


@harness.contextlib.contextmanager
def grpc_client(ovmsclient, url):
    yield ovmsclient.make_grpc_client(url)


if __name__ == "__main__":
    harness.main(__doc__)
