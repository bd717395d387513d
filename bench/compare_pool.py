#!/usr/bin/env python3
"""What a pool and an executor of two workers cost, in turn with this CPython's, a pipe and oneTBB.

    bench/compare_pool.py BUILD_DIRECTORY [--rounds N] [--only REGEX]

Prints for each row the median over the rounds of the ratio of two rates, with the least and the
greatest and the goal, and both rates. CPython does fewer elements where it would take a minute
otherwise. Rows that say "one CPU" are pinned; the others are placed by the kernel."""

import argparse
import array
import concurrent.futures
import functools
import json
import multiprocessing
import os
import pathlib
import re
import statistics
import subprocess
import sys
import threading
import time

MEBIBYTE = 1 << 20


def same(value):
    return value


def timed(count, work):
    begin = time.perf_counter()
    work()
    return count / (time.perf_counter() - begin)


def burst(submit, result, count, threads=1):
    """The rate of so many tasks by so many threads, each of which waits for its own."""
    def some():
        for task in [submit(number) for number in range(count // threads)]:
            result(task)

    def all_of_them():
        workers = [threading.Thread(target=some) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return timed(count, all_of_them)


class Python:
    """CPython's side of the rows."""

    def __init__(self):
        context = multiprocessing.get_context("fork")
        self.pool = context.Pool(2)
        self.executor = concurrent.futures.ProcessPoolExecutor(2, mp_context=context)
        self.executor.submit(same, 0).result()

    def map(self, count, chunksize):
        numbers = list(range(count))
        return timed(count, lambda: self.pool.map(same, numbers, chunksize))

    def imap_unordered(self, count):
        return timed(count, lambda: list(self.pool.imap_unordered(same, range(count))))

    def large(self, item):
        return timed(16 * MEBIBYTE, lambda: self.pool.map(same, [item] * 16, 1))

    def apply_async(self, count, threads=1):
        return burst(lambda number: self.pool.apply_async(same, (number,)),
                     lambda task: task.get(), count, threads)

    def submit(self, count, threads=1):
        return burst(lambda number: self.executor.submit(same, number),
                     lambda task: task.result(), count, threads)

    def apply(self, count):
        return timed(count, lambda: [self.pool.apply(same, (1,)) for _ in range(count)])

    def submit_and_wait(self, count):
        return timed(count, lambda: [self.executor.submit(same, 1).result() for _ in range(count)])

    def end(self):
        self.pool.terminate()
        self.pool.join()
        self.executor.shutdown()


def ours(folder, row, pinned=False):
    """A rate per second: of bytes where the row counts them, else of items."""
    program = folder / ("futures_bench" if row.startswith("submit") else "pool_bench")
    pin = ["taskset", "-c", str(min(os.sched_getaffinity(0)))] if pinned else []
    done = subprocess.run([*pin, program, "--benchmark_format=json",
                           f"--benchmark_filter=^{row}/real_time$"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    found = json.loads(done.stdout or "{}").get("benchmarks")
    if not found:
        return None  # such as oneTBB's where that was not installed
    return found[0].get("bytes_per_second") or found[0]["items_per_second"]


def number_from(folder, *arguments):
    done = subprocess.run([folder / "pool_processes", *arguments], stdout=subprocess.PIPE,
                          check=True, text=True)
    return float(done.stdout)


def rows_with_ratio(folder, python):
    """Name, ours, what is beside it, and the least ratio of the two rates."""
    mine = functools.partial(functools.partial, ours, folder)
    text, numbers = "x" * MEBIBYTE, array.array("d", [0.5]) * (MEBIBYTE // 8)
    beside = functools.partial
    million, many = "1000000", 100_000
    yield ("map, chunksize 1 / CPython", mine(f"map_one_by_one/{million}"),
           beside(python.map, 20_000, 1), 350)
    yield ("map, default / CPython", mine(f"map_default/{million}"),
           beside(python.map, 1_000_000, None), 60)
    yield ("apply_async, burst / CPython", mine(f"apply_async_burst/{many}/1"),
           beside(python.apply_async, 20_000), 100)
    yield ("apply_async by 4 threads / CPython", mine(f"apply_async_burst/{many}/4"),
           beside(python.apply_async, 20_000, 4), None)
    yield ("apply_async by 4 threads / by 1", mine(f"apply_async_burst/{many}/4"),
           mine(f"apply_async_burst/{many}/1"), 1)
    yield ("submit, burst / CPython", mine(f"submit_burst/{many}/1"),
           beside(python.submit, 10_000), 250)
    yield ("submit by 4 threads / CPython", mine(f"submit_burst/{many}/4"),
           beside(python.submit, 10_000, 4), None)
    yield ("submit by 4 threads / by 1", mine(f"submit_burst/{many}/4"),
           mine(f"submit_burst/{many}/1"), 1)
    yield ("imap_unordered / CPython", mine(f"imap_unordered/{many}"),
           beside(python.imap_unordered, 20_000), 80)
    yield ("apply / CPython", mine("apply_round_trip"), beside(python.apply, 2_000), 5)
    yield ("submit().result() / CPython", mine("submit_round_trip"),
           beside(python.submit_and_wait, 2_000), 12.5)
    for row in ("apply_round_trip", "submit_round_trip"):
        yield (f"{row} / pipe's, one CPU", mine(row, True), mine("pipe_round_trip", True), 1 / 1.5)
        yield f"{row} / pipe's", mine(row), mine("pipe_round_trip"), None
    yield ("1 MiB of text / CPython, bytes", mine(f"map_text/{MEBIBYTE}"),
           beside(python.large, text), 10)
    yield "1 MiB of doubles / CPython, bytes", mine("map_flat"), beside(python.large, numbers), 15
    yield ("map, chunksize 1 / oneTBB, grain 1", mine(f"map_one_by_one/{million}"),
           mine(f"tbb_one_by_one/{million}"), 0.3)
    yield ("map, default / oneTBB, auto", mine(f"map_default/{million}"),
           mine(f"tbb_default/{million}"), 0.1)


def rows_alone(folder):
    """Name, what measures, and the most that it may be."""
    def microseconds(row):
        return 1e6 / ours(folder, row)
    for row in ("apply_round_trip", "submit_round_trip"):
        yield f"{row}, microseconds", functools.partial(microseconds, row), 3
    yield ("of a shared block of 4 KiB, microseconds",
           functools.partial(microseconds, "apply_shared/4096"), None)
    yield ("of a shared block of 64 MiB, microseconds",
           functools.partial(microseconds, "apply_shared/67108864"), None)
    for method, most in (("fork", 60), ("forkserver", 60), ("spawn", 350)):
        yield (f"64 workers ready by {method}, ms",
               functools.partial(number_from, folder, "ready", "64", method), most)
    for workers, most in ((2, 0.1), (64, 0.3)):
        yield (f"{workers} idle workers, per cent of a processor",
               functools.partial(number_from, folder, "idle", str(workers), "10"), most)


def tell(name, values, bound, goal):
    middle = statistics.median(values)
    text = f"{name:44} {middle:8.3g} [{min(values):.3g} - {max(values):.3g}]"
    if goal is not None:
        met = middle >= goal if bound == ">=" else middle <= goal
        text += f"  goal {bound} {goal:.3g}: {'met' if met else 'NOT MET'}"
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    folder = options.build / "bench"
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors, "
          f"{options.rounds} rounds; median [least - greatest]")
    for name, measure, goal in rows_alone(folder):
        if re.search(options.only, name):
            tell(name, [measure() for _ in range(options.rounds)], "<=", goal)
    python = Python()
    for name, one, other, goal in rows_with_ratio(folder, python):
        if not re.search(options.only, name):
            continue
        pairs = [(one(), other()) for _ in range(options.rounds)]
        if any(None in pair for pair in pairs):
            print(f"{name:44} not measured: it is not in this build")
            continue
        tell(name, [mine / theirs for mine, theirs in pairs], ">=", goal)
        print(f"{'':44} {statistics.median(p[0] for p in pairs):.3g}/s beside "
              f"{statistics.median(p[1] for p in pairs):.3g}/s", flush=True)
    python.end()


if __name__ == "__main__":
    main()
