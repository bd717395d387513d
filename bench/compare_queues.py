#!/usr/bin/env python3
"""Messages of 8 bytes from one process to another: ours beside this CPython's, in turn.

    bench/compare_queues.py BUILD_DIRECTORY

Prints the median over the rounds of both rates and of their ratio; nothing is pinned."""

import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time

ROUNDS = 3
MESSAGES = 50_000


def produce(queue):
    for number in range(MESSAGES):
        queue.put(number)


def rate_of_python(make):
    context = multiprocessing.get_context("fork")
    queue = make(context)
    producer = context.Process(target=produce, args=(queue,))
    begin = time.perf_counter()
    producer.start()
    for number in range(MESSAGES):
        assert queue.get() == number
    seconds = time.perf_counter() - begin
    producer.join()
    return MESSAGES / seconds


def rate_of_ours(program):
    done = subprocess.run([program, "--only", "none"], stdout=subprocess.PIPE, check=True,
                          text=True)
    return 1e6 * float(re.search(r"ours +([\d.e+-]+) M/s", done.stdout).group(1))


def main():
    program = os.path.join(sys.argv[1], "bench", "queues_bench")
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors, not pinned, "
          f"{ROUNDS} rounds")
    kinds = {"Queue": lambda c: c.Queue(4096), "SimpleQueue": lambda c: c.SimpleQueue()}
    for name, make in kinds.items():
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(rate_of_python(make))
            ours.append(rate_of_ours(program))
        ratios = [a / b for a, b in zip(ours, theirs)]
        print(f"{name:12} ours {statistics.median(ours):.3g}/s, CPython "
              f"{statistics.median(theirs):.3g}/s, ratio {statistics.median(ratios):.0f} "
              f"[{min(ratios):.0f} - {max(ratios):.0f}]")


if __name__ == "__main__":
    main()
