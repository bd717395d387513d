#!/usr/bin/env python3
"""Pool(2).map of a function that does nothing: ours beside this CPython's, in turn.

    bench/compare_pool.py BUILD_DIRECTORY

Prints the median over the rounds of both rates and of their ratio. CPython maps fewer elements with
chunk size 1, because it would take a minute otherwise."""

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
ROWS = {  # our benchmark: elements for CPython, chunk size
    "map_one_by_one/1000000": (20_000, 1),
    "map_default/1000000": (1_000_000, None),
}


def same(value):
    return value


def rate_of_python(pool, count, chunksize):
    numbers = list(range(count))
    begin = time.perf_counter()
    pool.map(same, numbers, chunksize)
    return count / (time.perf_counter() - begin)


def rate_of_ours(program, row):
    done = subprocess.run([program, "--benchmark_format=json",
                           f"--benchmark_filter=^{row}/real_time$"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)["benchmarks"][0]["items_per_second"]


def main():
    program = os.path.join(sys.argv[1], "bench", "pool_bench")
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors, not pinned, "
          f"{ROUNDS} rounds")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for row, (count, chunksize) in ROWS.items():
            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(rate_of_python(pool, count, chunksize))
                ours.append(rate_of_ours(program, row))
            ratios = [a / b for a, b in zip(ours, theirs)]
            print(f"{row:26} ours {statistics.median(ours):.3g}/s, "
                  f"CPython {statistics.median(theirs):.3g}/s, ratio "
                  f"{statistics.median(ratios):.0f} [{min(ratios):.0f} - {max(ratios):.0f}]")


if __name__ == "__main__":
    main()
