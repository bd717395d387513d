#!/usr/bin/env python3
"""wordcount gives the same table serially and by every start method, the one that Python counts,
and says in one line what is wrong with its arguments: wordcount_test.py WORDCOUNT FOLDER"""

import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

WORDCOUNT, FOLDER = sys.argv[1], sys.argv[2]
WAYS = [["--serial"], *(["--method", name] for name in ("fork", "spawn", "forkserver"))]


def run(*arguments):
    return subprocess.run([WORDCOUNT, *arguments], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=120)


def table(text):
    rows = re.findall(r"^ *(\d+) ([a-z]+)$", text, re.M)
    return [(word, int(count)) for count, word in rows]


def count(folder):
    words = collections.Counter()
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file() and not path.is_symlink():
            words.update(word.lower() for word in re.findall(rb"[A-Za-z]+", path.read_bytes()))
    rows = [(word.decode(), number) for word, number in words.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


class WordcountTest(unittest.TestCase):
    def test_every_way_gives_the_table_that_python_counts(self):
        expected = count(FOLDER)[:20]
        for way in WAYS:
            with self.subTest(way=way):
                done = run(*way, "--processes", "2", "--top", "20", FOLDER)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(table(done.stdout), expected)

    def test_every_chunk_size_gives_the_same_table(self):
        expected = count(FOLDER)[:5]
        for size in ("1", "7", "1000000"):
            done = run("--chunksize", size, "--top", "5", FOLDER)
            self.assertEqual(table(done.stdout), expected, done.stderr)

    def test_wrong_arguments_give_one_line_and_status_2(self):
        for wrong in (["/no/such/path"], ["--processes", "0", FOLDER], ["--unknown", FOLDER],
                      ["--method", "magic", FOLDER], ["--top", "many", FOLDER], []):
            with self.subTest(wrong=wrong):
                done = run(*wrong)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_bytes_that_are_no_text_and_an_empty_folder_are_fine(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run(folder).returncode, 0)
            (pathlib.Path(folder) / "data").write_bytes(bytes(range(256)) * 3 + b"\0Word word")
            for way in WAYS:
                done = run(*way, "--top", "1", folder)
                self.assertEqual(table(done.stdout), count(folder)[:1], done.stderr)

    @unittest.skipIf(os.geteuid() == 0, "root reads every file")
    def test_an_unreadable_file_is_named_and_skipped(self):
        with tempfile.TemporaryDirectory() as folder:
            secret = pathlib.Path(folder) / "secret"
            secret.write_text("hidden")
            (pathlib.Path(folder) / "open").write_text("shown")
            secret.chmod(0)
            done = run(folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn(str(secret), done.stderr)
            self.assertEqual(table(done.stdout), [("shown", 1)])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
