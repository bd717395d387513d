#!/usr/bin/env python3
"""Makes one system call fail at a time, in whole programs, and sorts how they end.

strace injects an error into the N-th call of each process and thread ("N"), and into all from the
N-th on ("N+"). Bad are a hang, a crash, a wrong value, a process or a name in /dev/shm that is
left, and an error that passes and is not got over. Exits with 1 if there was one, with 77 where
strace or a mount namespace is not to be had."""

import argparse
import collections
import concurrent.futures
import ctypes
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from faults import FAULTS

METHODS = ["fork", "spawn", "forkserver"]
PR_SET_CHILD_SUBREAPER = 36
CRASHES = (-4, -6, -7, -11, 134, 135, 139)
OF_OTHERS = ["error while loading shared", "cannot apply additional memory", "futex facility",
             "Inconsistency detected by ld", "Fatal glibc error", "cannot allocate TLS"]
LIMIT = 10.0 * float(os.environ.get("MULTIPROCESSING_TEST_PATIENCE", "1"))


def members_of(session):
    """Processes of the session that are alive, but for those of ours around the program."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        fields = rest.split()
        if int(fields[3]) == session and fields[0] != "Z":
            found.append((int(pid), name))
    return found


def kill_all(members):
    for pid, _ in members:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def reap_adopted(direct):
    """Children of ours that others left, or each look at all processes gets longer."""
    for task in pathlib.Path("/proc/self/task").iterdir():
        try:
            children = (task / "children").read_text(encoding="utf-8").split()
        except OSError:
            continue
        for pid in set(map(int, children)) - direct:
            try:
                os.waitpid(pid, os.WNOHANG)
            except OSError:
                pass


def described(pid):
    def content(name):
        try:
            return pathlib.Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8").strip()
        except OSError:
            return "?"
    return f"{pid} {content('comm')} in {content('wchan')}, call {content('syscall').split(' ')[0]}"


class Run:
    """One run of a program under strace, in a mount namespace with a /dev/shm of its own."""

    direct = set()  # children that it waits for itself

    def __init__(self, program, method, injection=None):
        self.folder = tempfile.TemporaryDirectory(prefix="sweep")
        at = self.folder.name
        trace = [f"inject={injection[0]}:error={injection[1]}:when={injection[2]}",
                 f"trace={injection[0]},getpriority"] if injection else [
                     "trace=" + ",".join(FAULTS) + ",getpriority"]
        script = ('mount -t tmpfs none /dev/shm; at=$1; shift; "$@"; status=$?; '
                  'ls -A /dev/shm >$at/left; exit $status')
        words = ["unshare", "-m", "sh", "-c", script, "sh", at, "strace", "-f", "-qq",
                 "--seccomp-bpf", "-o", at + "/log", "-e", "signal=none"]
        for each in trace:
            words += ["-e", each]
        begin = time.monotonic()
        self.hung, self.left_running, self.where = False, False, ""
        with open(at + "/out", "w", encoding="utf-8") as out:
            self.process = subprocess.Popen([*words, program, method], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=subprocess.STDOUT,
                                            start_new_session=True)
            Run.direct.add(self.process.pid)
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.stop()
        self.took = time.monotonic() - begin
        self.left_running |= bool(members_of(self.process.pid))
        kill_all(members_of(self.process.pid))
        reap_adopted(Run.direct.copy())
        Run.direct.discard(self.process.pid)
        self.out, self.log = self.content("out"), self.content("log")
        self.left = self.content("left").split() if not self.hung else []
        self.folder.cleanup()

    def content(self, name):
        path = pathlib.Path(self.folder.name) / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def stop(self):
        said = "RESULT" in self.content("out")
        self.hung, self.left_running = not said, said
        programs = [member for member in members_of(self.process.pid)
                    if member[1] not in ("strace", "sh", "unshare")]
        self.where = "; ".join(described(pid) for pid, _ in programs)
        kill_all(programs)
        time.sleep(0.2)  # strace writes what it has
        kill_all(members_of(self.process.pid))
        self.process.wait()

    def kind(self):
        """How it ended; in capitals if that is bad."""
        code = self.process.returncode
        result = next((line for line in reversed(self.out.splitlines())
                       if line.startswith("RESULT")), "")
        if self.hung:
            return "HANG"
        if self.left_running:
            return "LEFT RUNNING"
        if "getpriority" not in self.log or any(text in self.out for text in OF_OTHERS):
            return "not ours"  # the loader or the C library was hit, or main was not reached
        if code in CRASHES:
            return "CRASH"
        if "(INJECTED)" not in self.log:
            return "not hit"
        if re.search(r"exitcode -(4|6|7|11)\b|terminate called|stack smashing|corrupt", self.out):
            return "CRASH OF A CHILD"
        if code == 0 and "RESULT ok" in result:
            return "right"
        if code == 0 and " write(" in self.log:
            return "not ours"  # the verdict itself could not be written
        return {3: "exception", 4: "WRONG VALUE", 5: "child failed",
                6: "TIME-OUT"}.get(code, "OTHER")

    def text(self):
        return " / ".join(line for line in self.out.splitlines() if line.strip())[:600]


def outcome(program, method, call, error, when):
    run = Run(program, method, (call, error.rstrip("!"), when))
    kind = run.kind()
    if error.endswith("!") and "+" not in when and kind in ("exception", "child failed"):
        kind = "NOT GOT OVER"
    if kind in ("right", "exception", "child failed"):
        if run.left and call not in ("unlink", "unlinkat") and kind == "right":
            kind = "NAMES LEFT"
        elif run.took > 0.8 * LIMIT:
            kind = "SLOW"
    return kind, f"{run.took:.1f} s, status {run.process.returncode} | {run.text()} | {run.where}"


def injections(program, method, calls, most):
    """What is to be tried: counts of calls are taken from a run in which nothing fails."""
    counts, before, first = collections.defaultdict(collections.Counter), {}, None
    for line in Run(program, method).log.splitlines():
        found = re.match(r"(\d+) +(\w+)\(", line)
        if not found:
            continue
        if found[2] == "getpriority" and first is None:  # main begins; before it is the loader
            first, before = found[1], dict(counts[found[1]])
        counts[found[1]][found[2]] += 1
    for call, errors in FAULTS.items():
        top = max((each[call] for each in counts.values()), default=0)
        if (calls and call not in calls) or not top:
            continue
        begin = before.get(call, 0)
        single = set(range(begin + 1, min(top, begin + most) + 1))
        if top > begin + most:
            single |= {top, (begin + top) // 2}
        onward = {begin + 1, begin + 2, begin + 4, max(begin, (begin + top) // 2)}
        for error in errors:
            yield from ((call, error, str(n)) for n in sorted(single))
            if call == "accept4" and error == "ECONNABORTED":
                continue  # tried again for ever, by right
            step = "+2" if error.rstrip("!") in ("EINTR", "EAGAIN") else "+"
            yield from ((call, error, f"{n}{step}") for n in sorted(onward) if 1 <= n <= top)


def missing():
    if shutil.which("strace") is None:
        return "strace is not installed"
    for words in (["strace", "-qq", "-o", "/dev/null", "true"],
                  ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev/shm"]):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"{words[0]} may not do its work here: {done.stderr.strip()}"
    return ""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="+")
    parser.add_argument("-m", "--methods", default=",".join(METHODS))
    parser.add_argument("-c", "--calls", default="", help="all when none is named")
    parser.add_argument("-j", "--jobs", type=int, default=3)
    parser.add_argument("-k", "--most", type=int, default=5,
                        help="calls of one kind, from the first")
    parser.add_argument("-t", "--seconds", type=float, default=1500)
    parser.add_argument("-o", "--output", default=os.devnull)
    return parser.parse_args()


def main():
    asked = arguments()
    why = missing()
    if why:
        print(f"skipped: {why}")
        return 77
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    end = time.monotonic() + asked.seconds
    calls = [call for call in asked.calls.split(",") if call]
    tasks = [(program, method, *injection) for program in asked.programs
             for method in asked.methods.split(",")
             for injection in injections(program, method, calls, asked.most)]
    random.Random(7).shuffle(tasks)  # so that a run that is cut short has tried some of each
    print(f"{len(tasks)} injections", flush=True)

    def attempt(task):
        return ("left out", "") if time.monotonic() > end else outcome(*task)

    table = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as threads, \
            open(asked.output, "w", encoding="utf-8") as output:
        for task, (kind, detail) in zip(tasks, threads.map(attempt, tasks)):
            table[kind] += 1
            line = f"{kind}: {os.path.basename(task[0])} {' '.join(task[1:])}: {detail}"
            print(line, file=output, flush=True)
            if kind.isupper():
                print(line, flush=True)
    print(", ".join(f"{number} {kind}" for kind, number in table.most_common()))
    return 1 if not tasks or any(kind.isupper() for kind in table) else 0


if __name__ == "__main__":
    sys.exit(main())
