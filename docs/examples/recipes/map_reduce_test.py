"""The words that are in the most files are those that Python counts: map_reduce_test.py PROGRAM"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv[1]
PAGES = pathlib.Path(__file__).parents[2]  # the project's own


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          check=False, timeout=60)


def count(folder):
    files, times = collections.Counter(), collections.Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            words = [word.lower().decode() for word in re.findall(rb"[A-Za-z]+", path.read_bytes())]
            times.update(words)
            files.update(set(words))
    order = sorted(files, key=lambda word: (-files[word], -times[word], word))
    return [f"{files[word]} {times[word]} {word}" for word in order]


class MapReduceTest(unittest.TestCase):
    def test_the_words_are_those_that_python_counts(self):
        for most in (5, 1_000_000):
            done = run(PAGES, most)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout.splitlines(), count(PAGES)[:most])

    def test_an_empty_folder_has_no_words(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run(folder)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_a_folder_that_is_not_there_is_named(self):
        done = run("/no/such/folder")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
        self.assertIn("/no/such/folder", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
