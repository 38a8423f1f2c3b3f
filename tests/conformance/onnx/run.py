#!/usr/bin/env python3
"""Runs ONNX's own backend tests on compiled artifacts and reports which pass.

    run.py [--filter REGEX] [--third] [--json FILE] [--verbose]

Needs the packages of requirements.txt. Exit code 0: every test passes that is not in EXCLUDED.
"""
import argparse
import collections
import json
import multiprocessing
import os
import re
import sys
import warnings

import onnx.backend.test

import ingot_backend

CATEGORIES = ("NodeModel", "SimpleModel", "PyTorchOperatorModel", "PyTorchConvertedModel")


def tests():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = onnx.backend.test.BackendTest(ingot_backend.IngotBackend, __name__)
    found = {}
    for category in CATEGORIES:
        for name, item in sorted(runner._test_items[category].items()):
            if name.endswith("_cpu"):
                found[category, name[:-len("_cpu")]] = item.func
    return found


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
            text = f"{type(error).__name__}: {error}"
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
        if "error" in line or "differ" in line or "Mismatch" in line or "must" in line:
            return line[:200]
    return message.strip().split("\n")[0][:200]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--filter", default="", help="only tests whose name matches")
    parser.add_argument("--third", action="store_true", help="every third test, for CI")
    parser.add_argument("--json", help="writes {category/name: message or null}")
    parser.add_argument("--verbose", action="store_true", help="every failure's message")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    global TESTS
    TESTS = tests()
    keys = [key for key in TESTS if re.search(arguments.filter, key[1])]
    if arguments.third:
        keys = keys[::3]
    with multiprocessing.get_context("fork").Pool(arguments.jobs) as pool:
        results = dict(pool.imap_unordered(run_one, keys, chunksize=4))
    counts, passed, causes = collections.Counter(), collections.Counter(), collections.Counter()
    for (category, name), message in sorted(results.items()):
        counts[category] += 1
        passed[category] += message is None
        if message is not None:
            causes[summary(message)] += 1
            if arguments.verbose:
                print(f"{category} {name}: {message}\n")
    for cause, count in causes.most_common(0 if arguments.verbose else 60):
        print(f"{count:5} {cause}")
    for category in CATEGORIES:
        if counts[category]:
            print(f"{category}: {passed[category]} of {counts[category]} "
                  f"({100 * passed[category] / counts[category]:.1f} %)")
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump({"/".join(key): message for key, message in results.items()}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
