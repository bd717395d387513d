#!/usr/bin/env python3
"""Pages quote their examples as they are and lead to the whole programs, their links and anchors
lead somewhere, their tables are whole, and pages of one kind have one shape.

A quotation is a fenced block behind a comment that names a region of a file in docs/examples:

    <!-- example: wordcount.cpp [map] -->
    ```cpp
    ...what stands between `// [map]` and `// [/map]`, indentation aside...
    ```
"""

import re
import textwrap

from house import FLOORS, place, run

QUOTATION = re.compile(r"<!-- example: (\S+) \[([^\]]+)\] -->\s*\n```\w*\n(.*?)^```", re.S | re.M)
MARK = re.compile(r"<!-- example:")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(?:#([^)]*))?\)")
WEAKNESS = re.compile(r"\[(W\d+)\]\([^)#]*(?:differences\.md)?#w\d+\)|<a id=\"w\d+\"></a>W\d+")

PATH = re.compile(r"`((?:lib|include|tests|bench|tools|docs)/[\w./-]+)`"
                  r"|(docs/examples/[\w./]+\.cpp)")

# Sections in their order; a page may have others between them.
MODULE_SHAPE = ["Example", "Python beside C++", "What can fail", "Where we differ from Python",
                "More"]
DECISION_SHAPE = ["Context", "Options", "Decision", "Consequences"]
DECISION_LINES = 80


def region(text, name):
    """What stands between the marks of a region, None if it is not there exactly once."""
    mark = re.escape(name)
    found = re.findall(rf"^[ \t]*// \[{mark}\][ \t]*\n(.*?)^[ \t]*// \[/{mark}\]", text,
                       re.S | re.M)
    return textwrap.dedent(found[0]).strip("\n") if len(found) == 1 else None


def prose(text):
    """The page with fenced blocks and inline code blanked, its lines kept."""
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block.group().count("\n"), text,
                  flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", lambda code: "x" * len(code.group()), text)


def anchors(page):
    """The anchors that a page offers: its headings, as GitHub names them, and its own marks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    named = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return named | set(re.findall(r"<a id=\"([^\"]+)\">", text))


def check_quotations(root, page, text):
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
        if tag != "all" and f"examples/{name})" not in text:
            yield f"{here}: no link to the whole of {name}"


def check_links(root, page, text):
    for number, line in enumerate(prose(text).splitlines(), 1):
        here = place(root, page, number)
        for target, anchor in LINK.findall(line):
            file = page.parent / target if target else page
            if "://" in target:
                continue
            if not file.exists():
                yield f"{here}: the link {target} leads nowhere"
            elif anchor and anchor not in anchors(file):
                yield f"{here}: {target or 'the page'} has no anchor #{anchor}"
        for name in re.findall(r"\bW\d+\b", WEAKNESS.sub("", line)):
            yield f"{here}: {name} is no link to its row"


def check_tables(root, page, text):
    columns = None
    for number, line in enumerate(prose(text).splitlines(), 1):
        if not line.startswith("|"):
            columns = None
            continue
        cells = line.replace("\\|", "").strip().strip("|").split("|")
        if columns is None and not any(cell.strip() for cell in cells):
            yield f"{place(root, page, number)}: a table without heads"
        columns = columns or len(cells)
        if len(cells) != columns or not line.rstrip().endswith("|"):
            yield (f"{place(root, page, number)}: a row of {len(cells)} cells "
                   f"in a table of {columns}")


def check_paths(root, page, text):
    """Files that a page names as code are there; decisions tell of their time."""
    if page.parent.name == "decisions":
        return
    for number, line in enumerate(text.splitlines(), 1):
        for path in map("".join, PATH.findall(line)):
            if not (root / path).exists():
                yield f"{place(root, page, number)}: there is no {path}"


def check_shape(root, page, text, shape):
    sections = re.findall(r"^## (.*)$", prose(text), re.M)
    if [section for section in sections if section in shape] != shape:
        yield f"{place(root, page, 1)}: its sections are not {', '.join(shape)}"


def check_kind(root, page, text):
    """What holds for pages of modules, for decisions, and for all that users read."""
    folder = page.parent.name
    if folder == "decisions":
        yield from check_shape(root, page, text, DECISION_SHAPE)
        if (lines := len(text.splitlines())) > DECISION_LINES:
            yield f"{place(root, page, lines)}: {lines} lines"
        if not text.startswith(f"# {int(page.name[:4])}. "):
            yield f"{place(root, page, 1)}: the title has not the number of the file"
        if len(list(page.parent.glob(page.name[:4] + "-*"))) > 1:
            yield f"{place(root, page, 1)}: another decision has this number"
    elif folder == "docs" and page.stem in FLOORS:
        yield from check_shape(root, page, text, MODULE_SHAPE)
        for head in ("| Python | C++ |", "| What | How it shows |"):
            if head not in text:
                yield f"{place(root, page, 1)}: no table {head}"
        if not text.startswith(f"# {page.stem}: "):
            yield f"{place(root, page, 1)}: the title does not begin with the module"
        if f"](internals/{page.name})" not in text:
            yield f"{place(root, page, 1)}: no link to its internals"
    if folder not in ("decisions", "internals"):
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"\bdetail(?:::|/)", line):
                yield f"{place(root, page, number)}: a page for users names detail"


def check(root):
    wrong = []
    for page in sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")]):
        text = page.read_text()
        for rule in (check_quotations, check_links, check_paths, check_tables, check_kind):
            wrong += rule(root, page, text)
    return wrong


if __name__ == "__main__":
    run(check)
