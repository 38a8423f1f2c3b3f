#!/usr/bin/env python3
"""examples/deploy against the schemas of those who read it: Kubernetes, KServe, systemd, Docker, and
ingot-serve itself. Skipped where tests/serve/setup could not bring what it needs.

    tests/serve/start deploy_test.py build/bin/ingot-serve build/lib/FixtureServed.so
"""
import ast
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "examples/deploy"
CLIENTS = ROOT / "build/serve-clients"
TOOLS = CLIENTS / "venv/bin"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.returncode, done.stdout


def kserve_class(name):
    """A resource of KServe's SDK as {JSON key: (type, is it required)}."""
    file = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    tree = ast.parse((CLIENTS / f"kserve/models/{file}.py").read_text())
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    tables = {node.targets[0].id: ast.literal_eval(node.value) for node in body
              if isinstance(node, ast.Assign) and node.targets[0].id in ("openapi_types", "attribute_map")}
    text = ast.unparse(tree)
    return {key: (tables["openapi_types"][attribute],
                  f"Invalid value for `{attribute}`, must not be `None`" in text)
            for attribute, key in tables["attribute_map"].items()}


class DeployTest(unittest.TestCase):
    def check_kserve(self, value, type_name, where):
        if type_name.startswith("list["):
            self.assertIsInstance(value, list, where)
            for index, element in enumerate(value):
                self.check_kserve(element, type_name[5:-1], f"{where}[{index}]")
        elif type_name.startswith("V1alpha1"):
            known = kserve_class(type_name)
            self.assertIsInstance(value, dict, where)
            self.assertLessEqual(set(value), set(known), f"{where}: unknown keys")
            self.assertLessEqual({k for k, (_, required) in known.items() if required}, set(value), where)
            for key, element in value.items():
                self.check_kserve(element, known[key][0], f"{where}.{key}")
        elif type_name in ("str", "int", "bool"):
            self.assertIsInstance(value, {"str": str, "int": int, "bool": bool}[type_name], where)

    def validate(self, path):
        return run(TOOLS / "kubernetes-validate", "--strict", path)

    def test_kubernetes_takes_its_manifest(self):
        code, output = self.validate(DEPLOY / "kubernetes.yaml")
        self.assertEqual(code, 0, output)
        self.assertEqual(output.count(" passed "), 3, output)

    def test_kserve_takes_the_serving_runtime_and_kubernetes_its_containers(self):
        import yaml
        runtime = yaml.safe_load((DEPLOY / "kserve-runtime.yaml").read_text())
        self.assertEqual(runtime["apiVersion"], "serving.kserve.io/v1alpha1")
        self.check_kserve(runtime, "V1alpha1ServingRuntime", "ServingRuntime")
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
               "spec": {"containers": runtime["spec"]["containers"]}}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(pod, file)
            file.flush()
            code, output = self.validate(file.name)
        self.assertEqual(code, 0, output)

    def test_the_checks_find_mistakes(self):
        text = (DEPLOY / "kubernetes.yaml").read_text()
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text.replace("containerPort: 8501", "containerPrt: 8501"))
            file.flush()
            self.assertNotEqual(self.validate(file.name)[0], 0)
        with self.assertRaises(AssertionError):
            self.check_kserve({"spec": {"containers": [], "protocolVersion": []}},
                              "V1alpha1ServingRuntime", "ServingRuntime")

    def test_the_dockerfile_has_no_findings(self):
        # DL3008: versions of Debian's packages are not pinned, so that security updates come in.
        code, output = run(TOOLS / "hadolint", "--ignore", "DL3008", DEPLOY / "Dockerfile")
        self.assertEqual((code, output), (0, ""))

    def test_systemd_takes_its_unit(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not here")
        with tempfile.TemporaryDirectory() as directory:
            unit = pathlib.Path(directory) / "ingot-serve.service"
            unit.write_text((DEPLOY / "ingot-serve.service").read_text().replace(
                "/usr/bin/ingot-serve", harness.serve_program))
            code, output = run("systemd-analyze", "verify", "--man=no", unit)
        about_ours = [line for line in output.splitlines() if "ingot-serve" in line]
        self.assertEqual((code, about_ours), (0, []), output)

    def test_the_server_takes_its_configuration_and_the_manifests_arguments(self):
        import yaml
        with tempfile.TemporaryDirectory() as directory:
            # A directory that is not there is the first thing told once all options are understood.
            config = pathlib.Path(directory) / "serve.toml"
            config.write_text((DEPLOY / "serve.toml").read_text()
                              .replace("/var/lib/ingot", directory).replace("/var/log/ingot", directory))
            code, output = run(harness.serve_program, "--config", config)
            self.assertEqual(code, 2, output)
            self.assertIn(f"{directory}/models", output)
            for name in ("kubernetes.yaml", "kserve-runtime.yaml"):
                document = next(yaml.safe_load_all((DEPLOY / name).read_text()))
                spec = document["spec"].get("template", document)["spec"]
                arguments = [a.replace("/models", f"{directory}/absent").replace("{{.Name}}", "m")
                             for a in spec["containers"][0]["args"]]
                code, output = run(harness.serve_program, *arguments)
                self.assertEqual(code, 2, f"{name}: {output}")
                self.assertIn("absent", output)


if __name__ == "__main__":
    harness.main(__doc__)
