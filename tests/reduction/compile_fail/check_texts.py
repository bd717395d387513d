#!/usr/bin/env python3
"""Compiles each case of cases.cpp and looks for the text that must come out: in the first error,
and with no more than 20 lines in all. What the cases include is compiled once for all of them.

Usage: check_texts.py CASES.cpp COMPILER [ARGUMENT...]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

MOST_LINES = 20


def cases(path):
    text = open(path, encoding="utf-8").read()
    return re.findall(r"defined\(CASE_(\w+)\)\n\s*// (.+)\n", text)


def precompiled(path, compiler, folder):
    """What has the compiler take all that the cases include from one file."""
    header = os.path.join(folder, f"all_{len(os.listdir(folder))}.hpp")
    with open(path, encoding="utf-8") as source, open(header, "w", encoding="utf-8") as out:
        out.writelines(line for line in source if line.startswith("#include"))
    subprocess.run([*(word for word in compiler if word != "ccache"), "-std=c++20", "-x",
                    "c++-header", header, "-o", header + ".gch"], check=True)
    return ["-include", header]  # beside which both compilers look for the other


def failure(path, compiler, header, name, expected):
    run = subprocess.run(
        [*compiler, "-std=c++20", "-fsyntax-only", *header, f"-DCASE_{name}", path],
        capture_output=True, text=True, check=False)
    if expected == "compiles":
        return None if run.returncode == 0 else run.stderr
    if run.returncode == 0:
        return "it compiles"
    # A user's compiler does not go by way of the precompiled header.
    lines = [line for line in run.stderr.splitlines() if header[1] not in line]
    # One text, about the thing to blame: a heap of others would bury it.
    failed = r"(?:error: static assertion failed|error: static_assert failed)[^\n]*"
    texts = set(re.findall(failed, run.stderr))
    errors = re.findall(r"error: [^\n]*", run.stderr)
    if not errors or expected not in errors[0] or not any(expected in text for text in texts):
        return run.stderr
    if len(lines) > MOST_LINES:
        return f"{len(lines)} lines:\n{run.stderr}"
    return None if len(texts) == 1 else f"{len(texts)} texts:\n" + "\n".join(texts)


def main():
    path, *compiler = sys.argv[1:]
    found = cases(path)
    compilers = [compiler]
    for other in ("g++", "clang++"):
        if shutil.which(other) and not any(os.path.basename(word) == other for word in compiler):
            compilers.append([other, *[word for word in compiler[1:] if word.startswith("-I")]])
    failed = 0
    print(f"1..{len(found) * len(compilers)}")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as threads:
        tasks = []
        for which in compilers:
            header = precompiled(path, which, folder)
            tasks += [(which, header, *case) for case in found]
        problems = threads.map(lambda task: failure(path, *task), tasks)
        for (which, _, name, *_), problem in zip(tasks, problems):
            compiler_name = next(os.path.basename(word) for word in which if "ccache" not in word)
            print("not ok" if problem else "ok", compiler_name, name)
            if problem:
                failed += 1
                print("# " + problem[:3000].replace("\n", "\n# "))
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
