#!/usr/bin/env python3
"""Messages from one process to another: ours beside this CPython's, in turn.

    bench/compare_queues.py BUILD_DIRECTORY

Prints, for each size, pinning and kind of CPython's, the medians over the rounds of both rates
and of their ratio, with the least and the greatest. The peers of C and C++ are in queues_bench."""

import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time

ROUNDS = 3
SECONDS = 0.2
PINNINGS = ("split", "none", "one")
# A number stands for 8 bytes, as it would in a program.
MESSAGES = {8: 1, 64: bytes(64), 1 << 10: bytes(1 << 10), 64 << 10: bytes(64 << 10),
            1 << 20: bytes(1 << 20)}


def pin(pinning, side):
    if pinning != "none":
        os.sched_setaffinity(0, {0 if pinning == "one" else side})


def produce(send, message, pinning):
    pin(pinning, 0)
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        for _ in range(4):
            send(message)
    send(None)


def consume(receive, pinning, rates):
    pin(pinning, 1)
    receive()
    begin = time.perf_counter()
    count = 0
    while receive() is not None:
        count += 1
    rates.send(count / (time.perf_counter() - begin))


def queue_of(context):
    queue = context.Queue(4096)
    return queue.put, queue.get


def simple_queue_of(context):
    queue = context.SimpleQueue()
    return queue.put, queue.get


def pipe_of(context):
    reader, writer = context.Pipe(False)
    return writer.send, reader.recv


KINDS = {"Queue": queue_of, "SimpleQueue": simple_queue_of, "Pipe": pipe_of}


def rate_of_python(make, size, pinning):
    context = multiprocessing.get_context("fork")
    send, receive = make(context)
    rates, rates_in = context.Pipe(False)
    consumer = context.Process(target=consume, args=(receive, pinning, rates_in))
    producer = context.Process(target=produce, args=(send, MESSAGES[size], pinning))
    consumer.start()
    producer.start()
    rate = rates.recv()
    producer.join()
    consumer.join()
    return rate


def rate_of_ours(program, size, pinning):
    done = subprocess.run([program, "--only", str(size), "1", pinning], stdout=subprocess.PIPE,
                          check=True, text=True)
    return 1e6 * float(re.search(r"ours ([\d.e+-]+) M/s", done.stdout).group(1))


def compare(program, size, pinning):
    rates = {name: [] for name in ("ours", *KINDS)}
    for _ in range(ROUNDS):
        rates["ours"].append(rate_of_ours(program, size, pinning))
        for name, make in KINDS.items():
            rates[name].append(rate_of_python(make, size, pinning))
    ours = rates.pop("ours")
    print(f"{pinning}, {size} B: ours {statistics.median(ours):.3g}/s")
    for name, theirs in rates.items():
        ratios = [a / b for a, b in zip(ours, theirs)]
        print(f"  {name:12} {statistics.median(theirs):9.3g}/s   ours is "
              f"{statistics.median(ratios):6.3g} times as fast "
              f"[{min(ratios):.3g} - {max(ratios):.3g}]", flush=True)


def main():
    program = os.path.join(sys.argv[1], "bench", "queues_bench")
    print(f"CPython {sys.version.split()[0]}, {os.cpu_count()} processors, {ROUNDS} rounds")
    for pinning in PINNINGS:
        for size in MESSAGES:
            compare(program, size, pinning)


if __name__ == "__main__":
    main()
