#!/usr/bin/env python3
"""Locks, values and blocks: ours beside this CPython's, in turn.

    bench/compare_sharing.py BUILD_DIRECTORY

Prints the median over the rounds of what one operation takes, and of CPython's time divided by
ours. What two processes do together is done on one processor by both."""

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from multiprocessing import shared_memory

ROUNDS = 5
CONTEXT = multiprocessing.get_context("fork")


def nanoseconds_each(count, body):
    begin = time.perf_counter()
    body(count)
    return (time.perf_counter() - begin) / count * 1e9


def take_and_give_back(lock):
    def body(count):
        for _ in range(count):
            lock.acquire()
            lock.release()
    return nanoseconds_each(50_000, body)


def read_value():
    value = CONTEXT.Value("l", 0)

    def body(count):
        for _ in range(count):
            value.value
    return nanoseconds_each(50_000, body)


def change_value():
    value = CONTEXT.Value("l", 0)

    def body(count):
        for _ in range(count):
            with value.get_lock():
                value.value += 1
    return nanoseconds_each(50_000, body)


def make_block():
    def body(count):
        for _ in range(count):
            block = shared_memory.SharedMemory(create=True, size=4096)
            block.buf[0] = 1
            block.close()
            block.unlink()
    return nanoseconds_each(1_000, body)


def with_partner(answer, body, count=3_000):
    partner = CONTEXT.Process(target=answer, daemon=True)
    partner.start()
    time_each = nanoseconds_each(count, body)
    partner.kill()
    partner.join()
    return time_each


def ping_event():
    ping, pong = CONTEXT.Event(), CONTEXT.Event()

    def answer():
        while True:
            ping.wait()
            ping.clear()
            pong.set()

    def body(count):
        for _ in range(count):
            ping.set()
            pong.wait()
            pong.clear()
    return with_partner(answer, body)


def meet():
    barrier = CONTEXT.Barrier(2)

    def answer():
        while True:
            barrier.wait()

    def body(count):
        for _ in range(count):
            barrier.wait()
    return with_partner(answer, body)


ROWS = {  # what: program, row, CPython's side
    "Lock": ("synchronize", "lock/ours", lambda: take_and_give_back(CONTEXT.Lock())),
    "RLock": ("synchronize", "rlock/ours", lambda: take_and_give_back(CONTEXT.RLock())),
    "Semaphore": ("synchronize", "semaphore/ours",
                  lambda: take_and_give_back(CONTEXT.Semaphore(1))),
    "Event, there and back": ("synchronize", "event_on_one_cpu/ours/real_time", ping_event),
    "Barrier of two": ("synchronize", "barrier_on_one_cpu/ours/real_time", meet),
    "Value, read": ("sharedctypes", "value/get", read_value),
    "Value, changed": ("sharedctypes", "value/update", change_value),
    "SharedMemory, made and unlinked": ("shared_memory", "make_4KiB/ours", make_block),
}


def time_of_ours(folder, program, row):
    done = subprocess.run([os.path.join(folder, program + "_bench"), "--benchmark_format=json",
                           f"--benchmark_filter=^{row}$"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)["benchmarks"][0]["real_time"]


def main():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"CPython {sys.version.split()[0]}, all on one processor, {ROUNDS} rounds")
    for what, (program, row, python) in ROWS.items():
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(python())
            ours.append(time_of_ours(os.path.join(sys.argv[1], "bench"), program, row))
        ratios = [a / b for a, b in zip(theirs, ours)]
        print(f"{what:32} ours {statistics.median(ours):9.3g} ns, CPython "
              f"{statistics.median(theirs):9.3g} ns, ratio {statistics.median(ratios):4.0f} "
              f"[{min(ratios):.0f} - {max(ratios):.0f}]")


if __name__ == "__main__":
    main()
