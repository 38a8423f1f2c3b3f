#!/usr/bin/env python3
"""tools/dev/gate counts honestly: a crash, a skip and an empty run are not passes."""
import collections
import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
PATH = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../tools/dev/gate"))
LOADER = importlib.machinery.SourceFileLoader("gate", PATH)
gate = importlib.util.module_from_spec(importlib.util.spec_from_loader("gate", LOADER))
LOADER.exec_module(gate)

CASES = '''<testsuites><testsuite name="A">
<testcase name="Passes" status="run" result="completed" classname="A"/>
<testcase name="Skips" status="run" result="skipped" classname="A">
  <skipped message="a.cpp:1&#x0A;../shared is absent"/></testcase>
<testcase name="Disabled" status="notrun" result="suppressed" classname="A"/>
%s</testsuite></testsuites>'''
FAILURE = '<testcase name="Fails" status="run" classname="A"><failure message="x"/></testcase>'


class GateTest(unittest.TestCase):
    def count(self, tests, reports):
        """tests: name -> ctest's status; reports: name -> GoogleTest's report."""
        with tempfile.TemporaryDirectory() as directory:
            report = os.path.join(directory, "ctest.xml")
            with open(report, "w", encoding="utf-8") as file:
                cases = "".join(f'<testcase name="{n}" status="{s}"/>' for n, s in tests.items())
                file.write(f"<testsuite>{cases}</testsuite>")
            for name, text in reports.items():
                with open(os.path.join(directory, name + ".xml"), "w", encoding="utf-8") as file:
                    file.write(text)
            self.skips = collections.defaultdict(list)
            return str(gate.count_tests(report, directory, self.skips))

    def test_cases_are_counted_one_by_one_and_skips_keep_their_reason(self):
        self.assertEqual(self.count({"T": "run"}, {"T": CASES % ""}), "1 passed, 0 failed, 1 skipped")
        self.assertEqual(dict(self.skips), {"../shared is absent": ["T: A.Skips"]})

    def test_a_failed_case_is_counted_once(self):
        self.assertEqual(self.count({"T": "fail"}, {"T": CASES % FAILURE}),
                         "1 passed, 1 failed, 1 skipped")

    def test_a_crash_leaves_no_report_and_is_a_failure(self):
        self.assertEqual(self.count({"T": "fail"}, {}), "0 passed, 1 failed, 0 skipped")

    def test_a_sanitizer_that_speaks_after_the_cases_is_a_failure(self):
        self.assertEqual(self.count({"T": "fail"}, {"T": CASES % ""}), "1 passed, 1 failed, 1 skipped")

    def test_a_test_without_cases_counts_as_one(self):
        self.assertEqual(self.count({"A": "run", "B": "fail"}, {}), "1 passed, 1 failed, 0 skipped")

    def test_a_test_that_could_not_run_is_no_pass(self):
        self.assertEqual(self.count({"T": "notrun"}, {}), "0 passed, 0 failed, 1 skipped")

    def test_a_check_that_fails_is_a_failure(self):
        self.assertEqual(str(gate.run_check(["true"])), "1 passed, 0 failed, 0 skipped")
        self.assertEqual(str(gate.run_check(["false"])), "0 passed, 1 failed, 0 skipped")

    def test_sources_differ_when_a_new_file_does(self):
        root = gate.ROOT
        with tempfile.TemporaryDirectory() as directory:
            gate.ROOT = directory
            self.addCleanup(setattr, gate, "ROOT", root)
            git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
            for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
                subprocess.run(git + command, cwd=directory, check=True)
            seen = [gate.sources_id()]
            for text in ("one", "two"):
                with open(os.path.join(directory, "new.cpp"), "w", encoding="utf-8") as file:
                    file.write(text)
                seen.append(gate.sources_id())
            self.assertEqual(gate.sources_id(), seen[-1])
            self.assertEqual(len(set(seen)), 3)


if __name__ == "__main__":
    unittest.main()
