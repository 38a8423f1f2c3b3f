#!/usr/bin/env python3
"""README and docs are true where a machine can tell: the example compiles, links and paths lead
somewhere, and every package is explained.

    DocsTest.py COMPILER    COMPILER: the C++ compiler of the build
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
TOPS = ("backends", "cmake", "compiler", "docs", "examples", "frontends", "ir", "runtime", "tests",
        "tools")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def pages():
    return ["README.md"] + sorted(os.path.relpath(p, ROOT) for p in glob.glob(ROOT + "/docs/*.md"))


def without_code_blocks(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def exists(path):
    """Whether a path from the root, with `*`, `{a,b}` or `<name>` in it, names something."""
    braces = re.search(r"\{([^}]*)\}", path)
    if braces:
        return all(exists(path.replace(braces[0], part)) for part in braces[1].split(","))
    return bool(glob.glob(os.path.join(ROOT, re.sub(r"<[^>]*>", "*", path))))


class DocsTest(unittest.TestCase):
    def test_the_readmes_example_compiles(self):
        example = re.search(r"^```cpp\n(.*?)^```", read("README.md"), re.M | re.S)[1]
        with tempfile.NamedTemporaryFile("w", suffix=".cpp") as file:
            file.write(example)
            file.flush()
            done = subprocess.run([COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra",
                                   "-Werror", "-I", ROOT, "-I", ROOT + "/runtime/include", file.name],
                                  capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_links_lead_to_files(self):
        for page in pages():
            for target in re.findall(r"\]\(([^)#:]+)\)", without_code_blocks(read(page))):
                path = os.path.join(ROOT, os.path.dirname(page), target)
                self.assertTrue(os.path.exists(path), f"{page} links to {target}")

    def test_paths_in_the_text_exist(self):
        checked = 0
        for page in pages():
            for text in re.findall(r"`([^`\s]+)`", without_code_blocks(read(page))):
                if text.startswith(tuple(top + "/" for top in TOPS)):
                    checked += 1
                    self.assertTrue(exists(text.rstrip("/")), f"{page} names {text}")
        self.assertGreater(checked, 20)

    def test_every_package_is_explained_and_nothing_else(self):
        listed = subprocess.run([ROOT + "/tools/setup", "--list"], capture_output=True, text=True)
        rows = re.findall(r"^\| (`.*?) \|", read("docs/Dependencies.md"), re.M)
        explained = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
        self.assertEqual(sorted(listed.stdout.split()), sorted(explained))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    COMPILER = sys.argv.pop(1)
    unittest.main()
