#!/usr/bin/env python3
"""Pages quote their examples as they are, and their links lead somewhere.

A quotation is a fenced block behind a comment that names a region of a file in docs/examples:

    <!-- example: wordcount.cpp [map] -->
    ```cpp
    ...what stands between `// [map]` and `// [/map]`, indentation aside...
    ```
"""

import re
import textwrap

from house import place, run

QUOTATION = re.compile(r"<!-- example: (\S+) \[([^\]]+)\] -->\s*\n```\w*\n(.*?)^```", re.S | re.M)
MARK = re.compile(r"<!-- example:")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def region(text, name):
    """What stands between the marks of a region, None if it is not there exactly once."""
    mark = re.escape(name)
    found = re.findall(rf"^[ \t]*// \[{mark}\][ \t]*\n(.*?)^[ \t]*// \[/{mark}\]", text,
                       re.S | re.M)
    return textwrap.dedent(found[0]).strip("\n") if len(found) == 1 else None


def check_page(root, page):
    text = page.read_text()
    line_of = lambda position: text.count("\n", 0, position) + 1
    quotations = list(QUOTATION.finditer(text))
    starts = {found.start() for found in quotations}
    for mark in MARK.finditer(text):
        if mark.start() not in starts:
            yield f"{place(root, page, line_of(mark.start()))}: no block follows the mark"
    for found in quotations:
        name, tag, quoted = found.groups()
        here = place(root, page, line_of(found.start()))
        example = root / "docs" / "examples" / name
        wanted = region(example.read_text(), tag) if example.exists() else None
        if wanted is None:
            yield f"{here}: docs/examples/{name} has no region [{tag}]"
        elif wanted != textwrap.dedent(quoted).strip("\n"):
            yield f"{here}: differs from region [{tag}] of docs/examples/{name}"
    outside_code = re.sub(r"^```.*?^```", lambda block: "\n" * block.group().count("\n"), text,
                          flags=re.S | re.M)
    for number, line in enumerate(outside_code.splitlines(), 1):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{place(root, page, number)}: the link {target} leads nowhere"


def check(root):
    pages = sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])
    return [line for page in pages for line in check_page(root, page)]


if __name__ == "__main__":
    run(check)
