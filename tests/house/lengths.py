#!/usr/bin/env python3
"""Lines end by column 100, files by line 400, functions by their 70th line."""

import re

from house import files, place, run, without_comments_and_strings

LINE, FILE, FUNCTION = 100, 400, 70

# What opens a scope that is no function.
SCOPE = re.compile(r"^\s*(?:export\s+|inline\s+)*(?:template\s*<.*>\s*)?"
                   r"(?:namespace|class|struct|union|enum|extern)\b", re.S)


def functions(text):
    """Yields (first line, last line) for each function body outside of other functions."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda found: re.sub(r"[^\n]", " ",
                  found.group()), without_comments_and_strings(text), flags=re.M)
    opened = []  # for each open brace: the line where its function starts, or None
    start = 0  # of the text that leads up to the next brace
    for found in re.finditer(r"[{};]", code):
        if found.group() == "{":
            head = code[start:found.start()]
            inside = any(line is not None for line in opened)
            is_function = not inside and "(" in head and not SCOPE.match(head)
            first = start + len(head) - len(head.lstrip())
            opened.append(code.count("\n", 0, first) + 1 if is_function else None)
        elif found.group() == "}" and opened:
            first_line = opened.pop()
            if first_line is not None:
                yield first_line, code.count("\n", 0, found.start()) + 1
        start = found.end()


def check(root):
    wrong = []
    for path in files(root, "include", "lib", "tests", "bench", "docs/examples",
                      suffixes=(".hpp", ".cpp", ".py")):
        text = path.read_text()
        lines = text.splitlines()
        wrong += [f"{place(root, path, number)}: {len(line)} columns"
                  for number, line in enumerate(lines, 1) if len(line) > LINE]
        if len(lines) > FILE:
            wrong.append(f"{place(root, path, len(lines))}: {len(lines)} lines")
        if path.suffix == ".py":
            continue
        wrong += [f"{place(root, path, first)}: a function of {last - first + 1} lines"
                  for first, last in functions(text) if last - first + 1 > FUNCTION]
    return wrong


if __name__ == "__main__":
    run(check)
