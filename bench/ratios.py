#!/usr/bin/env python3
"""Runs a benchmark program and prints how rows that belong together compare.

    bench/ratios.py [--cpu N] [--repetitions N] PROGRAM [BENCHMARK_ARGUMENT...]

Rows named GROUP/ours are divided by every other row of the same GROUP: floors, peers. All rows are
run in one process in random order, repetition by repetition, and a ratio is the median over the
repetitions of ours / other, with the least and the greatest behind it."""

import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys


def measure(options):
    command = [options.program, "--benchmark_format=json",
               "--benchmark_enable_random_interleaving=true",
               f"--benchmark_repetitions={options.repetitions}", *options.arguments]
    pin = None if options.cpu is None else (lambda: os.sched_setaffinity(0, {options.cpu}))
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, preexec_fn=pin)
    groups = collections.defaultdict(lambda: collections.defaultdict(dict))
    for row in json.loads(done.stdout)["benchmarks"]:
        if row["run_type"] != "iteration" or row.get("error_occurred"):
            continue
        group, name = re.sub("/(real|manual)_time$", "", row["run_name"]).rsplit("/", 1)
        groups[group][name][row["repetition_index"]] = row["real_time"]
        groups[group][name]["unit"] = row["time_unit"]
    return groups


def spread(values):
    return f"{statistics.median(values):9.3g} [{min(values):.3g} - {max(values):.3g}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", type=int, help="hold everything on this processor")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    where = "not pinned" if options.cpu is None else f"all on processor {options.cpu}"
    print(f"{os.path.basename(options.program)}, {where}, {options.repetitions} repetitions")
    for group, rows in measure(options).items():
        unit = next(iter(rows.values())).pop("unit")
        for row in rows.values():
            row.pop("unit", None)
        for name, times in rows.items():
            print(f"{group + '/' + name:45} {spread(times.values())} {unit}")
            if name != "ours" and "ours" in rows:
                ratios = [rows["ours"][i] / times[i] for i in times if i in rows["ours"]]
                print(f"{'  ours / ' + name:45} {spread(ratios)}")


if __name__ == "__main__":
    sys.exit(main())
