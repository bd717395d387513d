"""The digits are those of pi, and the same by any number of workers and any chunk size:
pi_test.py PROGRAM"""

import math
import os
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]


def run(*arguments, method=None):
    environment = {**os.environ, **({"MULTIPROCESSING_START_METHOD": method} if method else {})}
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          check=False, env=environment, timeout=60)


class PiTest(unittest.TestCase):
    def test_the_digits_are_the_same_however_the_work_is_shared_out(self):
        digits = {run(24, workers, chunksize, method=method).stdout
                  for method in ("fork", "spawn", "forkserver")
                  for workers, chunksize in ((1, 1), (3, 1), (2, 5))}
        self.assertEqual(len(digits), 1, digits)
        mean, error = map(float, digits.pop().split(" +- "))
        self.assertLess(abs(mean - math.pi), 4 * error)
        # 2.4 million points: 4 * sqrt(p * (1 - p) / n), which 24 results tell to some 15 %
        self.assertTrue(0.0005 < error < 0.002, error)

    def test_other_tasks_draw_other_points(self):
        self.assertNotEqual(run(2).stdout, run(3).stdout)

    def test_wrong_arguments_give_one_line(self):
        for wrong in ((1,), ("many",), (2, 0), (2, 1, -1), (2, 1, 1, 1)):
            done = run(*wrong)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
