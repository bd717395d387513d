"""Runs the programs of docs/signals.md under a pseudo terminal: signals_test.py FOLDER METHOD"""

import os
import pty
import re
import select
import signal
import sys
import time

folder, method = sys.argv[1:]
patience = 60 * float(os.environ.get("MULTIPROCESSING_TEST_PATIENCE", 1))
CTRL_C = b"\x03"


class Program:
    """One that runs at a terminal of its own."""

    def __init__(self, name, *arguments):
        self.name = " ".join([name, *arguments])
        self.output = ""
        self.until = time.monotonic() + patience
        environment = {**os.environ, "MULTIPROCESSING_START_METHOD": method}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            path = os.path.join(folder, name)
            os.execve(path, [path, *arguments], environment)

    def read_some(self):
        """False at the end: all who had the terminal are gone, or it hung up."""
        left = max(0, self.until - time.monotonic())
        if not select.select([self.terminal], [], [], left)[0]:
            os.kill(self.pid, signal.SIGKILL)
            sys.exit(f"{self.name} came to no end; it wrote:\n{self.output}")
        try:
            piece = os.read(self.terminal, 4096)
        except OSError:
            piece = b""
        self.output += piece.decode().replace("\r", "")
        return bool(piece)

    def read_until(self, text):
        while not re.search(text, self.output) and self.read_some():
            pass

    def type(self, keys):
        os.write(self.terminal, keys)

    def end(self):
        """Its exit code, or minus the signal that it died of, as subprocess tells."""
        while self.read_some():
            pass
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def expect(program, code, *texts, never=()):
    got = program.end()
    if got != code:
        sys.exit(f"{program.name} ended with {got}, not {code}; it wrote:\n{program.output}")
    for text in texts:
        if text not in program.output:
            sys.exit(f"{program.name} did not write {text!r} but:\n{program.output}")
    for text in never:
        if text in program.output:
            sys.exit(f"{program.name} wrote {text!r}:\n{program.output}")


def await_removal(path):
    until = time.monotonic() + patience
    while os.path.exists(path):
        if time.monotonic() > until:
            sys.exit(f"{path} was not removed")
        time.sleep(0.01)


def wait():
    program = Program("signals_wait")
    program.read_until("report 3")
    program.type(CTRL_C)
    expect(program, 0, "report 1\n", "ended by signal 2")


def interrupt():
    for act, code in [(lambda p: p.type(CTRL_C), -signal.SIGINT),
                      (lambda p: os.kill(p.pid, signal.SIGTERM), -signal.SIGTERM)]:
        program = Program("signals_interrupt")
        program.read_until("working in .*\n")
        act(program)
        expect(program, code, "removed")
        await_removal(re.search('working in "(.*)"', program.output).group(1))


def children():
    expect(Program("signals_children"), 0, "as told")


def ends():
    objects, handlers, children = "object destroyed", "exit handler", "child has finished"
    for how, code, texts in [("return", 3, [objects, handlers, children]),
                             ("Exit", 3, [objects, handlers, children]),
                             ("exit", 3, [handlers, children]),
                             ("quick_exit", 3, []),
                             ("_exit", 3, []),
                             ("exception", -signal.SIGABRT, []),
                             ("signal", -signal.SIGTERM, [])]:
        never = {objects, handlers, children} - set(texts)
        expect(Program("signals_ends", how), code, *texts, never=never)


def outlive():
    for act in [lambda p: p.type(CTRL_C), lambda p: os.kill(p.pid, signal.SIGKILL)]:
        program = Program("signals_outlive")
        program.read_until("\n")
        path = program.output.splitlines()[0]
        if not os.path.isdir(path):
            sys.exit(f"{program.name} made no folder:\n{program.output}")
        act(program)
        program.end()
        await_removal(path)


def pool():
    program = Program("pool_interrupt")
    program.read_until("ten are done")
    program.type(CTRL_C)
    expect(program, 0, "squares are saved", never=["500 squares"])
    if program.output.count("\n") > 5:
        sys.exit(f"{program.name} wrote more than five lines:\n{program.output}")


try:
    pty.openpty()
except OSError as error:
    print(f"skipped: there are no pseudo terminals here ({error})")
    sys.exit(77)
for part in (wait, interrupt, children, ends, outlive, pool):
    part()
