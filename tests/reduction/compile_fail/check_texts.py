#!/usr/bin/env python3
"""Compiles each case of cases.cpp and looks for the text that must come out: in the first error,
and with no more than 20 lines in all, unless a second comment says `// at most N lines`.

Usage: check_texts.py CASES.cpp COMPILER [ARGUMENT...]
"""
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor


def cases(path):
    text = open(path, encoding="utf-8").read()
    found = re.findall(r"defined\(CASE_(\w+)\)\n\s*// (.+)\n(?:\s*// at most (\d+) lines\n)?", text)
    return [(name, expected, int(lines or 20)) for name, expected, lines in found]


def failure(path, compiler, name, expected, most_lines):
    run = subprocess.run(
        [*compiler, "-std=c++20", "-fsyntax-only", f"-DCASE_{name}", path],
        capture_output=True, text=True, check=False)
    if expected == "compiles":
        return None if run.returncode == 0 else run.stderr
    if run.returncode == 0:
        return "it compiles"
    # One text, about the thing to blame: a heap of others would bury it.
    failed = r"(?:error: static assertion failed|error: static_assert failed)[^\n]*"
    texts = set(re.findall(failed, run.stderr))
    errors = re.findall(r"error: [^\n]*", run.stderr)
    if not errors or expected not in errors[0] or not any(expected in text for text in texts):
        return run.stderr
    if run.stderr.count("\n") > most_lines:
        return f"{run.stderr.count(chr(10))} lines:\n{run.stderr}"
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
    tasks = [(which, *case) for which in compilers for case in found]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        problems = threads.map(lambda task: failure(path, *task), tasks)
        for (which, name, *_), problem in zip(tasks, problems):
            compiler_name = next(os.path.basename(word) for word in which if "ccache" not in word)
            print("not ok" if problem else "ok", compiler_name, name)
            if problem:
                failed += 1
                print("# " + problem[:3000].replace("\n", "\n# "))
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
