"""The features of recordings are those that Python counts: features_test.py PROGRAM"""

import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv[1]
HEAD = "rms,crossings,loudest"


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          check=False, timeout=60)


def table(done):
    head, *rows = done.stdout.splitlines()
    assert head == HEAD, done
    return [[float(cell) for cell in row.split(",")] for row in rows]


def features(samples, rate):
    rms = math.sqrt(sum(x * x for x in samples) / len(samples))
    crossings = sum((a < 0) != (b < 0) for a, b in zip(samples, samples[1:]))

    def power(hertz):
        turn = 2 * math.pi * hertz / rate
        return (sum(x * math.cos(turn * i) for i, x in enumerate(samples)) ** 2 +
                sum(x * math.sin(turn * i) for i, x in enumerate(samples)) ** 2)
    return [rms, crossings * rate / len(samples), max(range(1, rate // 2), key=power)]


class FeaturesTest(unittest.TestCase):
    def test_each_row_is_what_python_counts_in_the_order_of_the_arguments(self):
        with tempfile.TemporaryDirectory() as folder:
            arguments, expected = [], []
            for number, (rate, hertz) in enumerate([(200, 17), (100, 31), (150, 8), (90, 3)]):
                samples = [math.sin(2 * math.pi * hertz * i / rate) * (number + 1) +
                           math.cos(i * 2.1) / 3 for i in range(2 * rate)]
                path = pathlib.Path(folder) / f"{number}.txt"
                path.write_text("".join(f"{x!r}\n" for x in samples))
                arguments += [rate, path]
                expected.append(features(samples, rate))
            rows = table(run(*arguments))
            self.assertEqual(len(rows), len(expected))
            for row, wanted in zip(rows, expected):
                for cell, value in zip(row, wanted):
                    self.assertLess(abs(cell - value), 1e-5 * value, (rows, expected))

    def test_without_files_it_makes_recordings_itself(self):
        rows = table(run())
        self.assertEqual([row[2] for row in rows], [20 * i for i in range(1, 13)])

    def test_what_is_no_recording_is_named(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("1\n2\nthree\n")
            file.flush()
            for path in (file.name, "/no/such/file"):
                done = run(100, path)
                self.assertEqual((done.returncode, done.stderr),
                                 (1, f"{path}: not a list of numbers\n"))
        for wrong in ((100,), (0, "file"), ("fast", "file")):
            done = run(*wrong)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
