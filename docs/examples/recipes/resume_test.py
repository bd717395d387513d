"""A long run that was ended in any way goes on where it was: resume_test.py PROGRAM"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv[1]
BLOCKS, SIZE = 2000, 5000
PATIENCE = 60 * float(os.environ.get("MULTIPROCESSING_TEST_PATIENCE", 1))


def steps(number):
    count = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        count += 1
    return count


def longest_in(block, size):
    number = max(range(block * size + 1, (block + 1) * size + 1), key=lambda n: (steps(n), n))
    return f"{block} {number} {steps(number)}"


def whole_lines(path):
    text = path.read_text() if path.exists() else ""
    return text[:text.rfind("\n") + 1].splitlines()


class ResumeTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name) / "blocks"

    def start(self, *arguments):
        return subprocess.Popen([PROGRAM, self.path, *map(str, arguments)], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                start_new_session=True)

    def end_it(self, act, some_more):
        """Ends a run when it has done some more blocks; gives its exit code and messages."""
        had, until = len(whole_lines(self.path)), time.monotonic() + PATIENCE
        program = self.start(BLOCKS, SIZE)
        while len(whole_lines(self.path)) < had + some_more and time.monotonic() < until:
            time.sleep(0.001)
        act(program.pid)
        _, messages = program.communicate(timeout=PATIENCE)
        return program.returncode, messages

    def test_a_run_that_was_ended_goes_on_where_it_was(self):
        code, messages = self.end_it(lambda pid: os.killpg(pid, signal.SIGINT), 10)
        self.assertEqual((code, messages),
                         (-signal.SIGINT, "What is done is saved; start it again to go on.\n"))
        after_signal = whole_lines(self.path)
        self.assertLess(len(after_signal), BLOCKS)

        code, messages = self.end_it(lambda pid: os.kill(pid, signal.SIGKILL), 10)
        self.assertEqual((code, messages), (-signal.SIGKILL, ""))
        after_kill = whole_lines(self.path)
        self.assertEqual(after_kill[:len(after_signal)], after_signal)
        self.assertLess(len(after_kill), BLOCKS)
        with self.path.open("a") as file:
            file.write("7 12")  # a line that was cut

        output, messages = (program := self.start(BLOCKS, SIZE)).communicate(timeout=PATIENCE)
        self.assertEqual((program.returncode, messages), (0, ""))
        told = re.match(r"(\d+) blocks are done, (\d+) are left\n$", output)
        done, left = map(int, told.groups())
        self.assertEqual((done, left), (len(after_kill), BLOCKS - len(after_kill)))
        lines = self.path.read_text().splitlines()
        self.assertEqual(lines[:len(after_kill)], after_kill)
        self.assertEqual(sorted(int(line.split()[0]) for line in lines), list(range(BLOCKS)))

    def test_the_numbers_are_those_that_python_finds(self):
        program = self.start(12, 50)
        program.communicate(timeout=PATIENCE)
        lines = self.path.read_text().splitlines()
        self.assertEqual(sorted(lines, key=lambda line: int(line.split()[0])),
                         [longest_in(block, 50) for block in range(12)])

    def test_what_cannot_be_written_and_wrong_arguments_give_one_line(self):
        for code, arguments in ((2, (0,)), (2, (1, "many")), (2, (1, 1, 1)), (1, (2, 2))):
            program = self.start(*arguments)
            _, messages = program.communicate(timeout=PATIENCE)
            self.assertEqual((program.returncode, messages.count("\n")), (code, 1), messages)
            self.path = pathlib.Path(self.folder.name) / "no" / "such" / "folder"


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
