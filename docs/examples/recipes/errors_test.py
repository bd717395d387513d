"""Every error arrives as what it was, and costs its own file alone: errors_test.py PROGRAM"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv[1]
FILES = {
    "good": ("a = 1\nb = 41\n", r": 42"),
    "typo": ("a = 1\nb 41\n", r", line 2: no = in 'b 41'"),
    "word": ("a = one\n", r": not a number \(stol\)"),
    "crash": ("a = crash\n", r": killed by signal 11"),
    "large": ("a = 999\nb = 2\n", r": .*TooLarge.*more than 1000\nin \S*PoolWorker-\d+ \(pid \d+\):"
                                  r"\n  TooLarge: more than 1000"),
    "also good": ("a = -1\n", r": -1"),
}


class ErrorsTest(unittest.TestCase):
    def test_each_file_has_its_sum_or_its_own_error(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            paths, expected = [], ""
            for file, (text, told) in FILES.items():
                (folder / file).write_text(text)
                paths.append(folder / file)
                expected += f"{re.escape(str(folder / file))}{told}\n+"
            missing = folder / "missing"
            expected += (rf"{missing}: cannot read the settings\n"
                         r"in \S*PoolWorker-\d+ \(pid \d+\):\n"
                         r"  std::runtime_error: cannot read the settings\n"
                         rf"  std::system_error: {missing}: No such file or directory.*\n+")
            done = subprocess.run([PROGRAM, *paths, missing], capture_output=True, text=True,
                                  check=False, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, "^" + expected + "$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
