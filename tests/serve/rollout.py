#!/usr/bin/env python3
"""From training to serving and back: the quickstart's network is trained, published and served; a TF
Serving client asks all the while; it is trained anew and rolled forward as a new version, and back by a
label. No request fails, and each answer is that of the version that it says.

    tests/serve/start rollout.py INGOT-SERVE FIXTURE.so DIRECTORY-OF-INGOT-AND-QUICKSTART
"""
import json
import pathlib
import subprocess
import sys
import threading
import time

import harness
import numpy as np

sys.path.insert(0, str(harness.CLIENTS / "protos"))
BIN = None


class Rollout(harness.ServeTest):
    def train(self, seed):
        """A trained model directory, by the quickstart with few images."""
        out = self.root / f"trained-{seed}"
        subprocess.run([BIN / "quickstart", "--out", out, "--epochs", "1", "--limit", "2000", "--seed", str(seed)],
                       check=True, stdout=subprocess.DEVNULL)
        return out

    def publish(self, trained):
        done = subprocess.run([BIN / "ingot", "compile", trained / "model", "--publish", self.models / "fashion"],
                              check=True, capture_output=True, text=True)
        return done.stdout

    def label(self, **labels):
        """As an operator would: another config.json, in one step."""
        text = json.dumps({"version_policy": {"all": {}}, "version_labels": labels})
        new = self.models / "fashion/.config.json"
        new.write_text(text)
        new.rename(self.models / "fashion/config.json")

    def client(self, port):
        """Asks through TF Serving's stubs: by label, and for the newest version in turn."""
        import grpc
        from tensorflow.core.framework import tensor_pb2
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            turn = 0
            while not self.stop.is_set():
                turn += 1
                index = turn % len(self.images)
                request = predict_pb2.PredictRequest()
                request.model_spec.name = "fashion"
                if turn % 2:
                    request.model_spec.version_label = "stable"
                image = self.images[index:index + 1]
                request.inputs[self.input].CopyFrom(tensor_pb2.TensorProto(
                    dtype=1, tensor_content=image.tobytes(),
                    tensor_shape={"dim": [{"size": n} for n in image.shape]}))
                try:
                    reply = stub.Predict(request, timeout=60)
                except grpc.RpcError as error:
                    self.failures.append(str(error))
                    return
                version = reply.model_spec.version.value
                scores = next(iter(reply.outputs.values()))
                got = (np.frombuffer(scores.tensor_content, np.float32) if scores.tensor_content
                       else np.array(scores.float_val, np.float32))
                with self.lock:
                    first = self.answers.setdefault((version, index), got)
                    self.seen[turn % 2].append(version)
                if not np.array_equal(first, got):
                    self.failures.append(f"version {version} answered image {index} in two ways")

    def await_version(self, which, version):
        """Until the newest answer by label (1) or of the newest version (0) is of that version."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not self.failures:
            with self.lock:
                if self.seen[which] and self.seen[which][-1] == version:
                    return
            time.sleep(0.01)
        self.fail(f"no answer of version {version}: {self.failures[:1]}")

    def test_a_model_is_rolled_forward_and_back_without_a_failed_request(self):
        first = self.train(1)
        self.publish(first)
        self.label(stable=1)
        self.images = np.load(first / "test_images.npy")[:20].astype(np.float32)
        self.stop, self.lock = threading.Event(), threading.Lock()
        self.failures, self.answers, self.seen = [], {}, ([], [])
        with harness.serving(self.models, "--poll-interval", 200) as server:
            from http.client import HTTPConnection
            connection = HTTPConnection("127.0.0.1", server.rest)
            connection.request("GET", "/v2/models/fashion")
            self.input = json.loads(connection.getresponse().read())["inputs"][0]["name"]
            clients = [threading.Thread(target=self.client, args=(server.grpc,)) for _ in range(3)]
            for client in clients:
                client.start()
            try:
                self.await_version(0, 1)
                self.publish(self.train(2))
                self.await_version(0, 2)  # the newest; `stable` stays
                self.await_version(1, 1)
                self.label(stable=2)
                self.await_version(1, 2)
                self.label(stable=1)
                self.await_version(1, 1)
            finally:
                self.stop.set()
                for client in clients:
                    client.join(90)
            self.assertEqual(self.failures, [])
            self.assertEqual({version for version, _ in self.answers}, {1, 2})
            both = [index for index in range(len(self.images))
                    if (1, index) in self.answers and (2, index) in self.answers]
            self.assertTrue(both, "no image was answered by both versions")
            for index in both:
                self.assertNotEqual(self.answers[1, index].tolist(), self.answers[2, index].tolist())
            server.stop()


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    BIN = pathlib.Path(sys.argv.pop(3)).resolve()
    if not pathlib.Path("/usr/share/datasets/fashion-mnist").exists():
        print("skipped: Fashion-MNIST is not there (Debian's dataset-fashion-mnist; tools/setup)")
        sys.exit(harness.SKIPPED)
    harness.main(__doc__)
