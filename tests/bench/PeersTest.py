#!/usr/bin/env python3
"""What tests/bench/peers makes of times: intervals, who is in which round, the table, and where it is
written. Nothing is measured, and no peer is needed."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers  # noqa: E402


def row(**fields):
    return {"model": "mlp", "batch": 1, "threads": 1, "rounds": 25, "disturbed": 0, "missing": {}, "python": ["jax"], **fields}


TAKEN = row(ms={"ingot": 0.5, "onnxruntime": 1.0, "jax": 0.9}, best="jax", ratio=1.8, low=1.5, high=2.0, of_peak=0.4,
            of_memory=0.7)


class PeersTest(unittest.TestCase):
    def test_the_interval_of_a_median_is_its_order_statistics(self):
        median, low, high = peers.median_interval(range(25))
        self.assertEqual((median, low, high), (12, 7, 17))  # a table of the sign test has 8th and 18th of 25
        self.assertEqual(peers.median_interval([3.0, 1.0, 2.0]), (2.0, 1.0, 3.0))

    def test_slow_peers_leave_the_rounds_and_we_never_do(self):
        least = {"ingot": 9.0, "a": 1.0, "b": 2.0, "c": 2.1}
        self.assertEqual([name for name in least if peers.may_be_best(name, least)], ["ingot", "a", "b"])
        self.assertTrue(peers.may_be_best("ingot", {"ingot": 1.0}))

    def test_rounds_end_when_enough_were_quiet_and_slow_sides_have_few(self):
        class Side:
            def __init__(self, name, seconds):
                self.name, self.seconds, self.calls = name, seconds, 0

            def run_for(self, _):
                self.calls += 1
                return self.seconds

        sides = [Side("ingot", 1.0), Side("fast", 1.5), Side("slow", 5.0)]
        measured, peers.processor_seconds = peers.processor_seconds, lambda: (0.0, 0.0)  # a quiet machine
        times, disturbed = peers.rounds_of(sides, 7, 60, most_others=0.1)
        peers.processor_seconds = measured
        self.assertEqual({name: len(found) for name, found in times.items()}, {"ingot": 7, "fast": 7, "slow": 3})
        self.assertEqual((disturbed, sides[2].calls), (0, 4))

    def test_a_table_says_who_won_and_what_is_missing(self):
        lost = {**TAKEN, "model": "resnet18", "ms": {"ingot": 2.0, "onnxruntime": 1.0}, "ratio": 0.5, "low": 0.4,
                "missing": {"iree": "ImportError: no iree"}}
        few = row(batch=8)
        table = peers.table_of([TAKEN, lost, few], False)
        self.assertIn("| mlp | 1 | 1 | 0.5 | 1 | 0.9 | **1.80** | 1.50–2.00 | 70 % (memory) |", table)
        self.assertIn("| resnet18 | 1 | 1 | 2 | 1 | – | 0.50 | 0.40–2.00 |", table)
        self.assertIn("| mlp | 8 | 1 | too few quiet rounds |", table)
        self.assertIn("Geometric mean of 2 rows: 0.95.", table)
        self.assertIn("iree is missing from resnet18 1: ImportError: no iree", table)
        self.assertIn("called from Python all the same: jax", table)
        self.assertEqual(len({line.count("|") for line in table.splitlines() if line.startswith("|")}), 1)

    def test_the_table_goes_between_its_lines_and_nowhere_else(self):
        with tempfile.TemporaryDirectory() as directory:
            peers.RESULTS = os.path.join(directory, "page.md")
            with open(peers.RESULTS, "w", encoding="utf-8") as file:
                file.write("a\n<!-- peers: written by tests/bench/peers --write -->\nold\n<!-- peers: end -->\nb\n")
            peers.write_table("new", "machine", "peers")
            with open(peers.RESULTS, encoding="utf-8") as file:
                text = file.read()
            self.assertTrue(text.startswith("a\n") and text.endswith("\nb\n"))
            self.assertIn("machine\n\nnew\n<!-- peers: end -->", text)
            self.assertNotIn("old", text)
            with self.assertRaises(SystemExit):
                peers.write_table("new", "machine", "training peers")

    def test_little_is_not_written_to_the_page(self):
        sys.argv = ["peers", "--training", "--fewest", "3", "--write"]
        with self.assertRaises(SystemExit), open(os.devnull, "w", encoding="utf-8") as sys.stderr:
            peers.arguments_of()
        sys.stderr = sys.__stderr__


if __name__ == "__main__":
    unittest.main()
