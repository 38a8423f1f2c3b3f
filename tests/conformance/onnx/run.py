#!/usr/bin/env python3
"""Runs ONNX's own backend tests on compiled artifacts, and says which pass.

    run.py                   all tests
    run.py --third           every third, as tools/test does
    run.py --dynamic         the node tests with every input dimension made dynamic
    run.py --filter REGEX --verbose
    run.py --write-models DIR writes the node tests' models, unless DIR is there
    run.py --update          writes the list of known failures and docs/OnnxSupport.md anew

Needs the packages of requirements.txt. Exit code 0: what fails is listed. Lists are of two kinds:
excluded.txt has tests that are not meant to pass, known_failures.txt (known_failures_dynamic.txt)
those that do not pass yet. Each has lines `reason: …` that hold for the tests after them.
"""
import argparse
import collections
import importlib.util
import json
import multiprocessing
import os
import re
import sys
import tempfile
import textwrap
import warnings
from xml.sax.saxutils import quoteattr

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../../.."))
KNOWN = {False: os.path.join(HERE, "known_failures.txt"),
         True: os.path.join(HERE, "known_failures_dynamic.txt")}
EXCLUDED = os.path.join(HERE, "excluded.txt")
REPORT = os.path.join(ROOT, "docs/OnnxSupport.md")
CATEGORIES = ("NodeModel", "SimpleModel", "PyTorchOperatorModel", "PyTorchConvertedModel",
              "RealModel")
MISSING = [name for name in ("onnx", "numpy", "ml_dtypes") if not importlib.util.find_spec(name)]

# Where the runner puts the inputs that it makes for the real ("light") models.
os.environ.setdefault("ONNX_MODELS", os.path.join(ROOT, "build/onnx-models"))

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


def write_models(directory):
    if os.path.isdir(directory):
        return
    import onnx.backend.test
    with tempfile.TemporaryDirectory(dir=os.path.dirname(directory)) as scratch:
        whole = os.path.join(scratch, "models")
        os.mkdir(whole)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for case in onnx.backend.test.loader.load_model_tests(kind="node"):
                onnx.save(case.model, os.path.join(whole, case.name + ".onnx"))
        os.rename(whole, directory)


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


def read_list(path):
    """{category/name: reason}, in the file's order."""
    listed, reason = {}, ""
    try:
        with open(path, encoding="utf-8") as file:
            for line in map(str.strip, file):
                if line.startswith("reason: "):
                    reason = line[len("reason: "):]
                elif line and not line.startswith("#"):
                    listed[line] = reason
    except FileNotFoundError:
        pass
    return listed


def by_reason(listed):
    groups = {}
    for key, reason in listed.items():
        groups.setdefault(reason, []).append(key)
    return groups


def write_known(path, results, excluded):
    """Reasons given to tests before stay."""
    before = read_list(path)
    failed = {key: before.get(key, "") for key, message in sorted(results.items())
              if message is not None and key not in excluded}
    with open(path, "w", encoding="utf-8") as file:
        file.write("# Tests that do not pass yet; written by run.py --update, which keeps reasons.\n")
        for reason, keys in sorted(by_reason(failed).items()):
            file.write(f"reason: {reason}\n" if reason else "")
            file.writelines(key + "\n" for key in keys)


def write_xml(path, results, known):
    """The report that tools/test counts cases in, in GoogleTest's form."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", '<testsuite name="onnx">']
    for key, message in sorted(results.items()):
        category, name = key.split("/")
        body = ""
        if message is not None:
            kind = "skipped" if key in known else "failure"
            text = summary(message)
            if key in known:
                text = known[key] or "an ONNX test that does not pass yet"
            body = f"<{kind} message={quoteattr(text)}/>"
        lines.append(f'<testcase name="{name}" classname="{category}" status="run">{body}</testcase>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines + ["</testsuite>", "</testsuites>"]) + "\n")


def operator_rows(results):
    operators = collections.defaultdict(lambda: [0, 0])
    for key, message in results.items():
        category, name = key.split("/")
        if category == "NodeModel" and MODELS.get(name):
            for node in MODELS[name].graph.node:
                operator = (node.domain + "." if node.domain else "") + node.op_type
                operators[operator][0] += message is None
                operators[operator][1] += 1
    return [f"| {name} | {good} | {all_} |" for name, (good, all_) in sorted(operators.items())]


def wrapped(text):
    indent = "  " if text.startswith("- ") else ""
    return textwrap.wrap(text, 120, subsequent_indent=indent, break_on_hyphens=False)


def dynamic_lines(count, excluded):
    """What the last `run.py --dynamic --update` found."""
    known = read_list(KNOWN[True])
    passed = count - len(known.keys() | excluded.keys())
    lines = ["", *wrapped(
        f"With every dimension of every input made dynamic, {passed} of the {count} node tests pass "
        f"({100 * passed / count:.1f} %). Of the others that pass with their sizes:"), ""]
    static = read_list(KNOWN[False])
    for reason, keys in by_reason(known).items():
        names = [key.split("/")[1] for key in keys if key not in static]
        if names:
            lines += wrapped(f"- {len(names)}: {reason}. ({', '.join(names)})")
    return lines


def write_report(results, excluded):
    import ingot_backend
    passed, counts = collections.Counter(), collections.Counter()
    structured = 0
    for key, message in results.items():
        category, name = key.split("/")
        counts[category] += 1
        passed[category] += message is None
        if category == "NodeModel" and message is None and MODELS.get(name):
            structured += ingot_backend.is_structure_open(MODELS[name])
    node = f"{passed['NodeModel']} of {counts['NodeModel']}"
    share = 100 * passed["NodeModel"] / counts["NodeModel"]
    lines = ["# ONNX support", "",
             f"{node} node tests of onnx 1.23.2 pass ({share:.1f} %), compiled from the model alone.", ""]
    lines += [f"- {name}: {passed[name]} of {counts[name]}" for name in CATEGORIES[1:]]
    lines += ["", *wrapped(
        f"{structured} of the passing node tests have a sequence or an optional as input. How long it is, "
        "of which ranks, and whether it is there are part of a compiled model's type and not of ONNX's: "
        "for these the adapter compiles for the structure of the test's data (`--shape`), whose sizes and "
        "values stay unseen. No other test's data is seen before the artifact runs.")]
    lines += ["", "Excluded, and counted as failing:", ""]
    for reason, keys in by_reason(excluded).items():
        names = ", ".join(key.split("/")[1] for key in keys)
        lines += wrapped(f"- {len(keys)}: {reason}. ({names})")
    lines += dynamic_lines(counts["NodeModel"], excluded)
    lines += ["", "Written by `tests/conformance/onnx/run.py --update`. Tests that do not pass yet are in",
              "`tests/conformance/onnx/known_failures.txt`, and with every input dimension made dynamic in",
              "`known_failures_dynamic.txt` beside it. An operator's row counts its nodes in node tests.",
              "", "| operator | in passing tests | in all tests |", "|---|---:|---:|"]
    lines += operator_rows(results)
    with open(REPORT, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--filter", default="", help="only tests whose name matches")
    parser.add_argument("--third", action="store_true", help="every third test")
    parser.add_argument("--dynamic", action="store_true", help="node tests, input dimensions dynamic")
    parser.add_argument("--write-models", metavar="DIR", help="writes the node tests' models")
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
    if arguments.write_models:
        write_models(arguments.write_models)
        return 0
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
    excluded = read_list(EXCLUDED)
    if arguments.update:
        write_known(KNOWN[arguments.dynamic], results, excluded)
        if not arguments.dynamic:
            write_report(results, excluded)
    known = read_list(KNOWN[arguments.dynamic]) | excluded
    if arguments.xml:
        write_xml(arguments.xml, results, known)
    new = sorted(key for key, message in results.items() if message and key not in known)
    fixed = sorted(key for key, message in results.items() if message is None and key in known)
    if new:
        print(f"{len(new)} fail and are not listed: {', '.join(new[:20])}")
    if fixed:
        print(f"{len(fixed)} that are listed pass now (run.py --update): {', '.join(fixed[:5])}")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
