#!/usr/bin/env python3
"""Each public header compiles alone, without warnings, and twice in a row; and so does the umbrella
with the warnings of careful projects, and behind the macros of other libraries:
headers_compile.py ROOT COMPILER...
Headers that the build of the library compiles alone, and those that only include others, are left
out. With MULTIPROCESSING_UMBRELLA_ALONE in the environment, for a second compiler with the same
standard library, only the umbrella is compiled."""

import concurrent.futures
import os
import re
import subprocess
import sys

from house import files, includes, run

compiler = sys.argv[2:]
umbrella_alone = "MULTIPROCESSING_UMBRELLA_ALONE" in os.environ

CAREFUL = ["-Wshadow", "-Wconversion", "-Wsign-conversion", "-Wold-style-cast",
           "-Wnon-virtual-dtor", "-Woverloaded-virtual", "-Wcast-align", "-Wnull-dereference",
           "-Wdouble-promotion", "-Wformat=2"]
ONLY_GCC = ["-Wuseless-cast"]

# Of Qt, of Xlib, of sys/sysmacros.h and of Windows' headers. The standard's headers come first, as
# they do in programs: those do not bear all of these.
MACROS = """
#define signals public
#define slots
#define emit
#define foreach(variable, container) for (variable : container)
#define forever for (;;)
#define Q_OBJECT
#define Q_EMIT
#define None 0L
#define Bool int
#define Status int
#define Success 0
#define Always 2
#define Never 0
#define True 1
#define False 0
#define Unsorted 0
#define Above 0
#define Below 1
#define KeyPress 2
#define CursorShape 0
#define major(device) gnu_dev_major(device)
#define minor(device) gnu_dev_minor(device)
#define makedev(one, two) gnu_dev_makedev(one, two)
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
"""


def compile_text(root, text, *options):
    command = [*(compiler or ["c++"]), "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra",
               "-Wpedantic", "-Werror", *options, f"-I{root / 'include'}", "-x", "c++", "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True, check=False)


def complaint(root, path):
    name = path.relative_to(root / "include")
    done = compile_text(root, f'#include "{name}"\n#include "{name}"\n')
    return f"include/{name}:\n{done.stderr}" if done.returncode else None


def only_includes(path):
    text = re.sub(r"//[^\n]*", "", path.read_text())
    return all(line.startswith("#") or not line.strip() for line in text.splitlines())


def to_compile(root):
    """A header stands alone that a file of the library includes before anything else, and so does
    what that header includes first: the library is compiled with the same warnings."""
    headers = {path for path in files(root, "include") if "#pragma once" in path.read_text()}
    shown = set()
    for path in files(root, "lib", suffixes=(".cpp",)):
        while path := next((root / "include" / name for _, name, _ in includes(path)), None):
            if path not in headers or path in shown:
                break
            shown.add(path)
    alone = headers - shown
    return [path for path in files(root, "include")
            if path not in headers or path in alone and not only_includes(path)]


def outer_headers(root):
    """What our headers include of others, which is read before the macros are defined. Some of it
    is not in each version of Boost."""
    names = sorted({name for path in files(root, "include")
                    for _, name, kind in includes(path) if kind == "<"})
    return "".join(f"#if __has_include(<{name}>)\n#include <{name}>\n#endif\n" for name in names)


def complaint_of_careful(root):
    version = subprocess.run([*(compiler or ["c++"]), "--version"], text=True, capture_output=True,
                             check=False).stdout
    options = CAREFUL + ([] if "clang" in version else ONLY_GCC)
    done = compile_text(root, '#include "multiprocessing.hpp"\n', *options)
    return f"with the warnings of careful projects:\n{done.stderr}" if done.returncode else None


def complaint_of_macros(root):
    text = outer_headers(root) + MACROS + '#include "multiprocessing.hpp"\n'
    done = compile_text(root, text)
    return f"behind macros of other libraries:\n{done.stderr}" if done.returncode else None


def check(root):
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        whole = [pool.submit(complaint_of_careful, root), pool.submit(complaint_of_macros, root)]
        alone = [] if umbrella_alone else to_compile(root)
        answers = [*pool.map(lambda path: complaint(root, path), alone),
                   *(one.result() for one in whole)]
        return [answer for answer in answers if answer]


if __name__ == "__main__":
    run(check)
