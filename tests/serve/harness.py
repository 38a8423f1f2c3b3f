"""What the tests of tests/serve share: published versions, and an ingot-serve that is started, told
apart by its ports, and stopped.

A test program takes the paths `INGOT-SERVE FIXTURE.so`, see `main`.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "build/serve-clients"
SKIPPED = 77

serve_program = None
fixture = None


def digest_entry(path):
    data = pathlib.Path(path).read_bytes()
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def publish(model_directory, version, artifact, assets=None, config=None):
    """A version as `ingot compile --publish` writes it, appearing in one step."""
    model_directory = pathlib.Path(model_directory)
    model_directory.mkdir(parents=True, exist_ok=True)
    if config is not None:
        (model_directory / "config.json").write_text(json.dumps(config))
    new = model_directory / f".tmp-{version}"
    new.mkdir()
    shutil.copy(artifact, new / "model.so")
    for name, text in (assets or {}).items():
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_text(text)
    files = {str(path.relative_to(new)): digest_entry(path)
             for path in sorted(new.rglob("*")) if path.is_file()}
    (new / "MANIFEST.json").write_text(
        json.dumps({"format": "ingot-version", "format_version": 1, "files": files}))
    new.rename(model_directory / str(version))


class Server:
    """A running ingot-serve; attributes rest, grpc (ports), log (its standard error so far)."""

    def __init__(self, process):
        self.process = process
        self.lines = []
        self.rest = self.grpc = None
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line)
                for name, attribute in (("REST", "rest"), ("gRPC", "grpc")):
                    found = re.search(rf"{name} on [^ ]*:(\d+)$", line.rstrip())
                    if found:
                        setattr(self, attribute, int(found[1]))
                self.changed.notify_all()
        with self.changed:
            self.process.wait()
            self.changed.notify_all()

    @property
    def log(self):
        with self.changed:
            return "".join(self.lines)

    def await_line(self, fragment, timeout=60):
        """Waits until a line of the log has this."""
        end = time.monotonic() + timeout
        with self.changed:
            while not any(fragment in line for line in self.lines):
                if self.process.poll() is not None:
                    raise AssertionError(f"ingot-serve stopped with {self.process.returncode}:\n"
                                         + "".join(self.lines))
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no '{fragment}' within {timeout} s:\n" + "".join(self.lines))
                self.changed.wait(min(left, 1))

    def stop(self, expected=0):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.await_end(expected)

    def await_end(self, expected=0):
        """Of a server that was told to stop: a second signal would cut off what it still does."""
        code = self.process.wait(60)
        self.reader.join()
        if expected is not None and code != expected:
            raise AssertionError(f"ingot-serve stopped with {code}, not {expected}:\n{self.log}")


@contextlib.contextmanager
def serving(repository, *arguments, ready=True, rest=True, grpc=True, environment=None):
    """ingot-serve over a directory of models, on loopback ports of its own choice."""
    command = [serve_program, "--model-repository", str(repository), "--address", "127.0.0.1"]
    command += ["--rest-port", "0"] if rest else []
    command += ["--grpc-port", "0"] if grpc else []
    process = subprocess.Popen([*command, *map(str, arguments)], stderr=subprocess.PIPE, text=True,
                               env={**os.environ, **(environment or {})})
    server = Server(process)
    try:
        if ready:
            server.await_line(" ready")
        yield server
    except BaseException:
        sys.stderr.write(server.log)
        raise
    finally:
        try:
            server.stop(expected=None)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


class ServeTest(unittest.TestCase):
    """A test with a directory of its own, `self.models` within it."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.root = pathlib.Path(self.directory.name)
        self.models = self.root / "models"
        self.models.mkdir()


def main(doc, needs=("done.txt",)):
    """Runs the tests of the calling program: ingot-serve and the fixture are its first arguments."""
    global serve_program, fixture
    module = sys.modules["__main__"]
    if len(sys.argv) < 3:
        sys.exit(doc)
    serve_program, fixture = (str(pathlib.Path(sys.argv.pop(1)).resolve()) for _ in range(2))
    for name in needs:
        if not (CLIENTS / name).exists():
            print(f"skipped: build/serve-clients/{name} is not there (tests/serve/setup)")
            sys.exit(SKIPPED)
    unittest.main(module=module)
