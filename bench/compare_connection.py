#!/usr/bin/env python3
"""Pipe: ours beside pipes and packet sockets of the system and this CPython's Pipe, in turn. Round
trips and streams of send_bytes.

    bench/compare_connection.py BUILD_DIRECTORY

Prints the median over the rounds of the times per message, and of ours / other. Not pinned."""

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


def times_of_program(program, way, size):
    done = subprocess.run([program, "--benchmark_format=json", "--benchmark_min_time=0.1",
                           f"--benchmark_filter=^{way} {size}/"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return {row["name"].split("/")[1]: row["real_time"] / 1e3
            for row in json.loads(done.stdout)["benchmarks"]}


def main():
    program = os.path.join(sys.argv[1], "bench", "connection_bench")
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors, {ROUNDS} rounds, "
          "microseconds")
    for way in ("round trip", "stream"):
        for size in SIZES:
            rounds = []
            for _ in range(ROUNDS):
                rounds.append({"CPython": time_of_python(way, size)})
                rounds[-1].update(times_of_program(program, way, size))
            line = f"{way:10} {size:8} B"
            for name in rounds[0]:
                line += f"  {name} {statistics.median(row[name] for row in rounds):.3g}"
                if name != "ours":
                    ratio = statistics.median(row["ours"] / row[name] for row in rounds)
                    line += f" ({ratio:.2g})"
            print(line)


if __name__ == "__main__":
    main()
