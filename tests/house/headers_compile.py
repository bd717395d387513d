#!/usr/bin/env python3
"""Each public header compiles alone, without warnings, and twice in a row:
headers_compile.py ROOT COMPILER..."""

import concurrent.futures
import os
import subprocess
import sys

from house import files, run

compiler = sys.argv[2:]


def complaint(root, path):
    name = path.relative_to(root / "include")
    command = [*(compiler or ["c++"]), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra",
               "-Wpedantic", "-Werror", f"-I{root / 'include'}", "-x", "c++", "-"]
    done = subprocess.run(command, input=f'#include "{name}"\n#include "{name}"\n', text=True,
                          capture_output=True, check=False)
    return f"include/{name}:\n{done.stderr}" if done.returncode else None


def check(root):
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        answers = pool.map(lambda path: complaint(root, path), files(root, "include"))
        return [answer for answer in answers if answer]


if __name__ == "__main__":
    run(check)
