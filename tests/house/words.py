#!/usr/bin/env python3
"""The subject of a sentence is a thing with a name: of "who", "whoever", "whose" and "whom" there
are at most two in 1,000 lines, counted over the comments of the library and over the pages."""

import re

from house import FLOORS, comments, files, place, run

MOST_PER_1000 = 2
WORD = re.compile(r"\b(?:who|whoever|whose|whom)\b", re.I)

# Modules whose comments still have more. The list only gets shorter.
NOT_YET = ("pool",)
PAGES_NOT_YET = ()


def module_of(root, path):
    """The module of a file; "detail" for headers of include/multiprocessing/detail."""
    parts = path.relative_to(root).parts
    name = parts[1] if parts[0] == "lib" else parts[2].removesuffix(".hpp") if parts[2:] else ""
    return name if name in FLOORS else "detail"


def lines_of_comments(root, not_yet):
    for path in files(root, "include", "lib"):
        if module_of(root, path) not in not_yet:
            for number, line in comments(path.read_text()):
                yield place(root, path, number), line


def lines_of_pages(root):
    for page in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        if str(page.relative_to(root)) not in PAGES_NOT_YET:
            for number, line in enumerate(page.read_text().splitlines(), 1):
                yield place(root, page, number), line


def check(root, not_yet=NOT_YET):
    wrong = []
    for lines in (list(lines_of_comments(root, not_yet)), list(lines_of_pages(root))):
        found = [f"{here}: {word}" for here, line in lines for word in WORD.findall(line)]
        if len(found) * 1000 > MOST_PER_1000 * len(lines):
            wrong += [f"{place} ({len(found)} in {len(lines)} lines)" for place in found]
    return wrong


if __name__ == "__main__":
    run(check)
