#!/usr/bin/env python3
"""The main job in small: tools/quickstart on a few images, from training to classification in C. The
accuracy that the C program finds is the one that the training program found."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


class QuickstartTest(unittest.TestCase):
    def test_trains_compiles_and_is_called_from_c(self):
        with tempfile.TemporaryDirectory() as out:
            done = subprocess.run([ROOT + "/tools/quickstart", "--built", "--limit", "500", "--epochs", "1",
                                   "--threads", "2", "--out", out],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            trained = re.search(r"^Test accuracy: ([\d.]+)$", done.stdout, re.M)
            called = re.search(r"^accuracy ([\d.]+) \(\d+ of 500\)$", done.stdout, re.M)
            self.assertTrue(trained and called, done.stdout)
            self.assertEqual(trained[1], called[1])
            for name in ("curves.png", "predictions.png"):
                with open(os.path.join(out, name), "rb") as file:
                    self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n", name)


if __name__ == "__main__":
    if not os.path.exists(ROOT + "/build/bin/quickstart"):
        sys.exit("QuickstartTest runs the programs in build/bin; run tools/build")
    unittest.main()
