#!/usr/bin/env python3
"""tools/compile shows that it moves, on a terminal and elsewhere, and fails as ninja does."""

import os
import pathlib
import pty
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "compile"
RULES = "rule make\n  command = {}\n  description = Making $out\n"


def compile_in(folder, command, **environment):
    text = RULES.format(command) + "".join(f"build step{n}: make\n" for n in range(8))
    (pathlib.Path(folder) / "build.ninja").write_text(text, encoding="utf-8")
    return [TOOL, folder, "-j1"], {**os.environ, "TERM": "xterm", **environment}


class Compile(unittest.TestCase):
    def run_piped(self, command, **environment):
        with tempfile.TemporaryDirectory() as folder:
            words, env = compile_in(folder, command, **environment)
            return subprocess.run(words, env=env, text=True, capture_output=True, check=False)

    def test_a_line_comes_every_so_often_where_there_is_no_terminal(self):
        done = self.run_piped("touch $out", PROGRESS_SECONDS="0")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("of 8", done.stdout)
        self.assertEqual(self.run_piped("touch $out", PROGRESS_SECONDS="600").stdout, "")

    def test_what_fails_is_shown_in_full(self):
        done = self.run_piped("echo reason; exit 3", PROGRESS_SECONDS="600")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("\nreason\n", done.stdout)

    def test_one_line_moves_on_a_terminal(self):
        with tempfile.TemporaryDirectory() as folder:
            words, env = compile_in(folder, "touch $out")
            outer, inner = pty.openpty()
            done = subprocess.run(words, env=env, stdout=inner, stderr=inner, check=False)
            os.close(inner)
            shown = os.read(outer, 65536).decode()
            os.close(outer)
        self.assertEqual(done.returncode, 0, shown)
        lines = [line for line in shown.split("\n") if " of 8" in line]
        self.assertEqual(len(lines), 1, shown)
        self.assertGreater(lines[0].count("\r"), 7)


def no_terminal():
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError as error:
        return str(error)
    return ""


if no_terminal():
    Compile.test_one_line_moves_on_a_terminal = unittest.skip(f"needs a terminal: {no_terminal()}")(
        Compile.test_one_line_moves_on_a_terminal)

if __name__ == "__main__":
    unittest.main()
