#!/usr/bin/env python3
"""Pickles written and read: ours beside the C pickle of this CPython, in turn.

    bench/compare_pickle.py BUILD_DIRECTORY

Prints, for each value, the medians over the rounds in microseconds, and of their ratio."""

import json
import os
import pathlib
import pickle
import statistics
import subprocess
import sys
import tempfile
import timeit

ROUNDS = 7
VALUES = {"dict": {f"key{i}": i for i in range(100)}, "floats": [1.5] * 1000,
          "bytes": b"b" * (1 << 20)}
TIMES = {"dict": 5000, "floats": 2000, "bytes": 500}


def theirs():
    times = {}
    for name, value in VALUES.items():
        pickled = pickle.dumps(value, 4)
        number = TIMES[name]
        for row, call in (("dumps/", lambda: pickle.dumps(value, 4)),
                          ("loads/", lambda: pickle.loads(pickled))):
            times[row + name] = timeit.timeit(call, number=number) / number * 1e6
    return times


def ours(program, folder):
    out = subprocess.run(
        [program, "--benchmark_format=json", "--benchmark_min_time=0.05"], check=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "MULTIPROCESSING_BENCH_PICKLES": folder}).stdout
    return {row["name"]: row["real_time"] / 1000 for row in json.loads(out)["benchmarks"]}


def main():
    program = pathlib.Path(sys.argv[1]) / "bench" / "pickle_bench"
    with tempfile.TemporaryDirectory() as folder:
        for name, value in VALUES.items():
            (pathlib.Path(folder) / name).write_bytes(pickle.dumps(value, 4))
        rounds = [(ours(program, folder), theirs()) for _ in range(ROUNDS)]
    print(f"{'':16} {'ours':>9} {'CPython':>9} {'ratio':>6}   microseconds")
    for row in rounds[0][0]:
        mine = statistics.median(one[row] for one, _ in rounds)
        if row not in rounds[0][1]:
            print(f"{row:16} {mine:9.2f}")
            continue
        other = statistics.median(two[row] for _, two in rounds)
        ratio = statistics.median(two[row] / one[row] for one, two in rounds)
        print(f"{row:16} {mine:9.2f} {other:9.2f} {ratio:6.2f}")


main()
