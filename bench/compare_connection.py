#!/usr/bin/env python3
"""Pipe: ours beside this CPython's, in turn. Round trips and streams of send_bytes.

    bench/compare_connection.py BUILD_DIRECTORY

Prints the median over the rounds of both times per message and of their ratio. Not pinned."""

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time

ROUNDS = 3
SIZES = (8, 64, 1024, 65536, 1 << 20)
MESSAGES = 3000  # of CPython's; fewer where they are large


def echo(end):
    try:
        while True:
            end.send_bytes(end.recv_bytes())
    except EOFError:
        pass


def swallow(end):
    try:
        while True:
            end.recv_bytes()
    except EOFError:
        pass


def time_of_python(way, size):
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    child = context.Process(target=echo if way == "round trip" else swallow, args=(there,))
    child.start()
    there.close()
    message = b"x" * size
    count = MESSAGES if size < 65536 else MESSAGES // 10
    begin = time.perf_counter()
    for _ in range(count):
        here.send_bytes(message)
        if way == "round trip":
            here.recv_bytes()
    taken = time.perf_counter() - begin
    child.kill()  # it has a copy of our end: under fork it would wait for ever
    child.join()
    return taken / count * 1e6


def time_of_ours(program, way, size):
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.2",
                           f"--benchmark_filter=^{way}/Pipe/{size}/real_time$"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)["benchmarks"][0]["real_time"] / 1e3


def main():
    program = os.path.join(sys.argv[1], "bench", "connection_bench")
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors, {ROUNDS} rounds, "
          "microseconds")
    for way in ("round trip", "stream"):
        for size in SIZES:
            ours, theirs = [], []
            for _ in range(ROUNDS):
                theirs.append(time_of_python(way, size))
                ours.append(time_of_ours(program, way, size))
            ratio = statistics.median(b / a for a, b in zip(ours, theirs))
            print(f"{way:10} {size:8} B  ours {statistics.median(ours):8.1f}  "
                  f"CPython {statistics.median(theirs):8.1f}  ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
