#!/usr/bin/env python3
"""clang-format has nothing to change. Skipped (77) where it is not installed."""

import re
import shutil
import subprocess
import sys

from house import files, run


def check(root):
    paths = files(root, "include", "lib", "tests", "bench", "docs/examples")
    if not paths:
        return []
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, paths)], text=True,
                          capture_output=True, check=False, cwd=root)
    places = [line.replace(f"{root}/", "", 1) for line in done.stderr.splitlines()
              if re.search(r":\d+:\d+: error:", line)]
    return places or ([done.stderr] if done.returncode else [])


if __name__ == "__main__":
    if shutil.which("clang-format") is None:
        print("clang-format is not installed")
        sys.exit(77)
    run(check)
