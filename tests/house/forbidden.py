#!/usr/bin/env python3
"""What the library does not use: the standard's waits never wake another process, and
Boost.Interprocess and unistd.h stay out of public headers."""

import re

from house import files, includes, place, run, without_comments_and_strings

WAITS = re.compile(r"\bstd::(?:atomic_(?:wait|notify_one|notify_all|flag_wait)\w*"
                   r"|counting_semaphore|binary_semaphore|barrier|latch)\b")
WAIT_HEADERS = ("semaphore", "barrier", "latch")
NOT_PUBLIC = ("unistd.h",)  # its names are those of many a program's own functions
MAY_INCLUDE_INTERPROCESS = "include/multiprocessing/arena/allocator.hpp"


def names_of_atomics(texts):
    """Names that are declared as atomics anywhere: a wait on one of them is no futex of ours."""
    names = set()
    for text in texts:
        names.update(re.findall(r"\batomic(?:_ref|_flag)?\s*(?:<[^;{}()]*>)?\s*[&*]?\s*(\w+)"
                                r"\s*[;{(=,)\[]", text))
    return names


def check(root):
    wrong = []
    paths = files(root, "include", "lib")
    code = {path: without_comments_and_strings(path.read_text()) for path in paths}
    atomics = names_of_atomics(code.values())
    call = re.compile(r"\b(\w+)\s*(?:\.|->)\s*(wait|notify_one|notify_all)\s*\(")
    for path in paths:
        for number, line in enumerate(code[path].splitlines(), 1):
            here = place(root, path, number)
            wrong += [f"{here}: {found} wakes no other process" for found in WAITS.findall(line)]
            wrong += [f"{here}: std::atomic's {method} wakes no other process"
                      for name, method in call.findall(line) if name in atomics]
        for number, name, _ in includes(path):
            here = place(root, path, number)
            if name in WAIT_HEADERS:
                wrong.append(f"{here}: <{name}> wakes no other process")
            public = path.relative_to(root).parts[0] == "include"
            if public and name in NOT_PUBLIC:
                wrong.append(f"{here}: a public header includes <{name}>")
            if (public and name.startswith("boost/interprocess/")
                    and str(path.relative_to(root)) != MAY_INCLUDE_INTERPROCESS):
                wrong.append(f"{here}: a public header includes {name}")
    return wrong


if __name__ == "__main__":
    run(check)
