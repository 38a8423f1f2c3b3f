"""A real Triton (nvidia-pytriton's, set up by `setup --load`) that serves ONNX models through its
Python backend and onnxruntime: what ours is compared with. Only ever asked over loopback.

Never send it bodies above a few megabytes: this version dies of them (../shared/reference/serving.md).
"""
import contextlib
import glob
import os
import pathlib
import signal
import socket
import subprocess
import textwrap
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "build/serve-clients"

MODEL_PY = textwrap.dedent('''
    import sys
    sys.path.insert(0, {site!r})
    import json
    import numpy
    import onnxruntime
    import triton_python_backend_utils as utils

    class TritonPythonModel:
        def initialize(self, args):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = {threads}
            self.session = onnxruntime.InferenceSession({model!r}, options)
            config = json.loads(args["model_config"])
            self.inputs = [i["name"] for i in config["input"]]
            self.outputs = [o["name"] for o in config["output"]]

        def execute(self, requests):
            responses, rows, arrays = [], [], [[] for _ in self.inputs]
            for request in requests:
                for k, name in enumerate(self.inputs):
                    arrays[k].append(utils.get_input_tensor_by_name(request, name).as_numpy())
                rows.append(arrays[0][-1].shape[0])
            joined = [numpy.concatenate(a) if len(a) > 1 else a[0] for a in arrays]
            results = self.session.run(self.outputs, dict(zip(self.inputs, joined)))
            start = 0
            for count in rows:
                responses.append(utils.InferenceResponse([
                    utils.Tensor(name, result[start:start + count])
                    for name, result in zip(self.outputs, results)]))
                start += count
            return responses
    ''')


# What tests/unit/runtime/serve/fixture_served.c computes.
LINEAR_PY = textwrap.dedent('''
    import sys
    sys.path.insert(0, {site!r})
    import numpy
    import triton_python_backend_utils as utils

    class TritonPythonModel:
        def execute(self, requests):
            kernel = numpy.array([[1, 2], [3, 4], [5, 6]], numpy.float32)
            bias = numpy.array([0.5, -0.5], numpy.float32)
            return [utils.InferenceResponse([utils.Tensor(
                "y", utils.get_input_tensor_by_name(r, "x").as_numpy() @ kernel + bias)]) for r in requests]
    ''')
ECHO_PY = textwrap.dedent('''
    import sys
    sys.path.insert(0, {site!r})
    import triton_python_backend_utils as utils

    class TritonPythonModel:
        def execute(self, requests):
            return [utils.InferenceResponse(
                [utils.Tensor(t.name(), t.as_numpy()) for t in r.inputs()
                 if t.name() in r.requested_output_names()]) for r in requests]
    ''')


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def site_packages():
    return glob.glob(str(CLIENTS / "triton/lib/python3*/site-packages"))[0]


def tensor_lines(kind, rows):
    return "".join(f'{kind} {{ name: "{n}" data_type: TYPE_{"STRING" if t == "BYTES" else t} '
                   f'dims: {list(d)} }}\n' for n, t, d in rows)


def add_onnx_model(repository, name, model, inputs, outputs, max_batch=64, threads=1, delay_us=0):
    """`inputs` and `outputs`: [(name, "FP32", dims without the batch)]."""
    base = pathlib.Path(repository) / name
    (base / "1").mkdir(parents=True)
    (base / "1/model.py").write_text(
        MODEL_PY.format(site=site_packages(), threads=threads, model=str(model)))

    (base / "config.pbtxt").write_text(
        f'name: "{name}"\nbackend: "python"\nmax_batch_size: {max_batch}\n'
        + tensor_lines("input", inputs) + tensor_lines("output", outputs)
        + f"dynamic_batching {{ max_queue_delay_microseconds: {delay_us} }}\n"
        + "instance_group [{ kind: KIND_CPU count: 1 }]\n")


def add_python_model(repository, name, source, inputs, outputs, max_batch=1024):
    base = pathlib.Path(repository) / name
    (base / "1").mkdir(parents=True)
    (base / "1/model.py").write_text(source.replace("{site!r}", repr(site_packages())))
    (base / "config.pbtxt").write_text(
        f'name: "{name}"\nbackend: "python"\nmax_batch_size: {max_batch}\n'
        + tensor_lines("input", inputs) + tensor_lines("output", outputs) + "dynamic_batching {}\n")


@contextlib.contextmanager
def running(repository, http_port, grpc_port, log, extra=()):
    """Starts it, waits until it is ready, and stops it (it ignores SIGTERM under load: SIGKILL after
    10 s)."""
    site = pathlib.Path(site_packages())
    server = site / "pytriton/tritonserver"
    environment = dict(os.environ)
    environment["LD_LIBRARY_PATH"] = f"{site}/nvidia_pytriton.libs:{server}/lib:" + environment.get(
        "LD_LIBRARY_PATH", "")
    command = [str(server / "bin/tritonserver"), f"--model-repository={repository}",
               f"--backend-directory={server}/backends", "--allow-gpu-metrics=false",
               f"--http-port={http_port}", f"--grpc-port={grpc_port}", "--allow-metrics=false",
               "--http-address=127.0.0.1", "--grpc-address=127.0.0.1", *extra]
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment,
                                   start_new_session=True)
    try:
        for _ in range(300):
            if process.poll() is not None:
                tail = pathlib.Path(log).read_text(errors="replace")[-3000:]
                raise RuntimeError(f"Triton stopped with {process.returncode}:\n{tail}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{http_port}/v2/health/ready",
                                            timeout=1):
                    break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"Triton was not ready after 30 s; see {log}")
        yield process
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        except ProcessLookupError:
            process.wait()
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
