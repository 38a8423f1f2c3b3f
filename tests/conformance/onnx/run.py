#!/usr/bin/env python3
"""Runs ONNX's own backend tests on compiled artifacts, and says which pass.

    run.py                   all tests
    run.py --third           every third, as tools/test does
    run.py --dynamic         the node tests with every input dimension made dynamic
    run.py --filter REGEX --verbose
    run.py --update          writes the list of known failures and docs/OnnxSupport.md anew

Needs the packages of requirements.txt. Exit code 0: what fails is just what known_failures.txt lists.
"""
import argparse
import collections
import importlib.util
import json
import multiprocessing
import os
import re
import sys
import warnings
from xml.sax.saxutils import quoteattr

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../../.."))
KNOWN = {False: os.path.join(HERE, "known_failures.txt"),
         True: os.path.join(HERE, "known_failures_dynamic.txt")}
REPORT = os.path.join(ROOT, "docs/OnnxSupport.md")
CATEGORIES = ("NodeModel", "SimpleModel", "PyTorchOperatorModel", "PyTorchConvertedModel")
MISSING = [name for name in ("onnx", "numpy", "ml_dtypes") if not importlib.util.find_spec(name)]

TESTS, MODELS = {}, {}


def find_tests():
    import onnx.backend.test

    import ingot_backend
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = onnx.backend.test.BackendTest(ingot_backend.IngotBackend, __name__)
        for case in onnx.backend.test.loader.load_model_tests(kind="node"):
            MODELS[case.name] = case.model
    for category in CATEGORIES:
        for name, item in sorted(runner._test_items[category].items()):
            if name.endswith("_cpu"):
                TESTS[category + "/" + name[:-len("_cpu")]] = item.func


def run_one(key):
    """(key, None) when it passes, else (key, message). In a child: a crash ends it alone."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            TESTS[key](None)
            text = ""
        except BaseException as error:  # pylint: disable=broad-except
            text = f"{type(error).__name__}: {error}" or "failed"
        with os.fdopen(writer, "w") as stream:
            stream.write(text[:4000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        text = f"crashed with status {status}"
    return key, text or None


def summary(message):
    """One line that groups failures of one cause."""
    for line in message.split("\n"):
        line = line.strip()
        if re.search(r"error|differ|Mismatch|must", line):
            return line[:200]
    return message.strip().split("\n")[0][:200]


def read_known(path):
    try:
        with open(path, encoding="utf-8") as file:
            return {line.strip() for line in file if line.strip() and not line.startswith("#")}
    except FileNotFoundError:
        return set()


def write_known(path, results):
    failed = sorted(key for key, message in results.items() if message is not None)
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Tests that do not pass yet; written by run.py --update.\n")
        file.writelines(key + "\n" for key in failed)


def write_xml(path, results, known):
    """The report that tools/test counts cases in, in GoogleTest's form."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", '<testsuite name="onnx">']
    for key, message in sorted(results.items()):
        category, name = key.split("/")
        body = ""
        if message is not None:
            kind = "skipped" if key in known else "failure"
            text = "an ONNX test that does not pass yet" if key in known else summary(message)
            body = f"<{kind} message={quoteattr(text)}/>"
        lines.append(f'<testcase name="{name}" classname="{category}" status="run">{body}</testcase>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + ["</testsuite>", "</testsuites>"]) + "\n")


def write_report(results):
    passed, counts = collections.Counter(), collections.Counter()
    operators = collections.defaultdict(lambda: [0, 0])
    for key, message in results.items():
        category, name = key.split("/")
        counts[category] += 1
        passed[category] += message is None
        if category == "NodeModel" and MODELS.get(name):
            for node in MODELS[name].graph.node:
                operator = (node.domain + "." if node.domain else "") + node.op_type
                operators[operator][0] += message is None
                operators[operator][1] += 1
    node = f"{passed['NodeModel']} of {counts['NodeModel']}"
    share = 100 * passed["NodeModel"] / counts["NodeModel"]
    lines = ["# ONNX support", "",
             f"{node} node tests of onnx 1.23.2 pass ({share:.1f} %), compiled from the model alone.", ""]
    lines += [f"- {name}: {passed[name]} of {counts[name]}" for name in CATEGORIES[1:]]
    lines += ["", "Written by `tests/conformance/onnx/run.py --update`. Tests that do not pass are in",
              "`tests/conformance/onnx/known_failures.txt`. An operator's row counts its nodes in node tests.",
              "", "| operator | in passing tests | in all tests |", "|---|---:|---:|"]
    lines += [f"| {name} | {good} | {all_} |" for name, (good, all_) in sorted(operators.items())]
    with open(REPORT, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--filter", default="", help="only tests whose name matches")
    parser.add_argument("--third", action="store_true", help="every third test")
    parser.add_argument("--dynamic", action="store_true", help="node tests, input dimensions dynamic")
    parser.add_argument("--json", help="writes {category/name: message or null}")
    parser.add_argument("--xml", help="writes a report in GoogleTest's form")
    parser.add_argument("--update", action="store_true", help="writes known failures and the report")
    parser.add_argument("--verbose", action="store_true", help="every failure's message")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    return parser.parse_args()


def print_results(results, arguments):
    causes = collections.Counter(summary(message) for message in results.values() if message)
    for key, message in sorted(results.items()):
        if message and arguments.verbose:
            print(f"{key}: {message}\n")
    for cause, count in causes.most_common(0 if arguments.verbose else 60):
        print(f"{count:5} {cause}")
    for category in CATEGORIES:
        chosen = [message for key, message in results.items() if key.startswith(category + "/")]
        if chosen:
            good = chosen.count(None)
            print(f"{category}: {good} of {len(chosen)} ({100 * good / len(chosen):.1f} %)")


def main():
    arguments = parse_arguments()
    if MISSING:
        print("skipped: the Python packages " + ", ".join(MISSING) + " are not installed; "
              "tests/conformance/onnx/setup makes them where pip reaches a package index")
        return 77
    if arguments.dynamic:
        os.environ["INGOT_ONNX_DYNAMIC"] = "1"
    find_tests()
    keys = [key for key in TESTS if re.search(arguments.filter, key)
            and (not arguments.dynamic or key.startswith("NodeModel/"))]
    if arguments.third:
        keys = keys[::3]
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        results = dict(pool.imap_unordered(run_one, keys, chunksize=4))
    print_results(results, arguments)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    if arguments.update:
        write_known(KNOWN[arguments.dynamic], results)
        if not arguments.dynamic:
            write_report(results)
    known = read_known(KNOWN[arguments.dynamic])
    if arguments.xml:
        write_xml(arguments.xml, results, known)
    new = sorted(key for key, message in results.items() if message and key not in known)
    fixed = sorted(key for key, message in results.items() if message is None and key in known)
    if new:
        print(f"{len(new)} fail and are not in known_failures.txt: {', '.join(new[:20])}")
    if fixed:
        print(f"{len(fixed)} of known_failures.txt pass now (run.py --update): {', '.join(fixed[:5])}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
