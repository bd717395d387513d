#!/usr/bin/env python3
"""Each row of the table of docs/porting.md leads to a program that the tests run, and from the page
all ports are found; README leads to the page."""

import re

from house import place, run

ROW = re.compile(r"^\|.*\|$", re.M)
PROGRAM = re.compile(r"\]\((examples/[\w/]+)\.cpp\)")


def programs_that_run(root):
    """The names of examples that a meson.build makes tests of."""
    names = set()
    for build in (root / "docs" / "examples").rglob("meson.build"):
        names.update(re.findall(r"'(\w+)'", build.read_text()))
    return names


def check(root):
    page = root / "docs" / "porting.md"
    if not page.exists():
        return ["docs/porting.md: missing"]
    text = page.read_text()
    wrong = []
    run_by_tests = programs_that_run(root)
    found = set()
    for row in list(ROW.finditer(text))[2:]:  # the head and the line below it
        here = place(root, page, text.count("\n", 0, row.start()) + 1)
        programs = PROGRAM.findall(row.group())
        if not programs:
            wrong.append(f"{here}: the row names no program")
        for program in programs:
            name = program.split("/")[-1]
            found.add(name)
            if not (root / "docs" / f"{program}.cpp").exists():
                wrong.append(f"{here}: there is no docs/{program}.cpp")
            elif name not in run_by_tests:
                wrong.append(f"{here}: no test runs docs/{program}.cpp")
    for port in sorted((root / "docs" / "examples" / "ports").glob("*.cpp")):
        if port.stem not in found:
            wrong.append(f"docs/porting.md: {port.stem} is not in the table")
    if "docs/porting.md" not in (root / "README.md").read_text():
        wrong.append("README.md: does not lead to docs/porting.md")
    return wrong


if __name__ == "__main__":
    run(check)
