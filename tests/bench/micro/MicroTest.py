#!/usr/bin/env python3
"""What tests/bench/micro/micro makes of Google Benchmark's report. Nothing is built or measured."""
import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
LOADER = importlib.machinery.SourceFileLoader("micro", os.path.join(os.path.dirname(os.path.abspath(__file__)), "micro"))
micro = importlib.util.module_from_spec(importlib.util.spec_from_loader("micro", LOADER))
LOADER.exec_module(micro)


def run(name, index, aggregate="median", **fields):
    return {"run_name": name, "family_index": index, "aggregate_name": aggregate, **fields}


REPORT = {"benchmarks": [
    run("softmax/2x3/onednn", 3, **{"GB/s": 4.0}), run("gemm/1x2x3/ingot", 0, **{"GFLOP/s": 50.0}),
    run("gemm/1x2x3/ingot", 0, "mean", **{"GFLOP/s": 1.0}), run("gemm/1x2x3/openblas", 1, **{"GFLOP/s": 40.0}),
    run("gemm/1x2x3/onednn", 1, **{"GFLOP/s": 25.0}), run("softmax/2x3/ingot", 2, **{"GB/s": 3.0}),
    run("conv/1/ingot", 4, "", error_occurred=True, error_message="results differ")]}
HEAD = {"date": "2026-11-28T22:00Z", "cpu": "c", "commit": "abc", "others": 0.05, "onednn_version": "2.6.3",
        "openblas_version": "0.3.21", "openblas_core": "Zen"}


class MicroTest(unittest.TestCase):
    def test_a_case_is_a_row_of_medians_in_the_order_of_the_program(self):
        rows, failed = micro.rows_of(REPORT, HEAD)
        self.assertEqual([(row["name"], row["unit"]) for row in rows], [("gemm/1x2x3", "GFLOP/s"), ("softmax/2x3", "GB/s")])
        self.assertEqual([rows[0][who] for who in micro.NAMES], [50.0, 25.0, 40.0])
        self.assertEqual(rows[0]["commit"], "abc")
        self.assertEqual(failed, ["conv/1: results differ"])

    def test_the_table_compares_with_the_best(self):
        table = micro.table_of(micro.rows_of(REPORT, HEAD)[0])
        self.assertIn("| gemm/1x2x3 | GFLOP/s | 50.0 | 25.0 | 40.0 | 1.25 |", table)
        self.assertIn("| softmax/2x3 | GB/s | 3.0 | 4.0 | – | 0.75 |", table)

    def test_the_page_says_which_kernels_openblas_took(self):
        with tempfile.TemporaryDirectory() as directory:
            micro.PAGE = os.path.join(directory, "page.md")
            with open(micro.PAGE, "w", encoding="utf-8") as file:
                file.write(f"a\n{micro.BEGIN}\nold\n{micro.END}\nb\n")
            micro.write_page(micro.rows_of(REPORT, HEAD)[0])
            with open(micro.PAGE, encoding="utf-8") as file:
                text = file.read()
        self.assertIn("OpenBLAS 0.3.21 (core Zen); other processes used 5 % of the machine.", text)
        self.assertNotIn("old", text)
        self.assertTrue(text.startswith("a\n") and text.endswith(f"\n{micro.END}\nb\n"))

    def test_the_last_run_is_that_of_the_last_date(self):
        rows = [{"date": "1", "name": "a"}, {"date": "2", "name": "a"}, {"date": "2", "name": "b"}]
        self.assertEqual(micro.last_run(rows), rows[1:])


if __name__ == "__main__":
    unittest.main()
