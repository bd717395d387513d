"""What the rules share: finding files, reading them, telling what is wrong."""

import pathlib
import re
import sys

# Floors of the design: a module may use those on lower floors only.
FLOORS = {
    "base": 1,
    "arena": 2, "reduction": 2, "pickle": 2,
    "process": 3, "synchronize": 3, "shared_memory": 3,
    "queues": 4, "connection": 4, "sharedctypes": 4,
    "pool": 5, "managers": 5, "supervisor": 5, "monitor": 5,
    "futures": 6,
}

CODE = (".hpp", ".cpp")


def files(root, *folders, suffixes=CODE):
    """Files below the folders, sorted; ported programs are left as they came."""
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            inside = path.relative_to(root).parts
            if path.suffix in suffixes and path.is_file() and "ports" not in inside:
                found.append(path)
    return found


def place(root, path, line):
    return f"{path.relative_to(root)}:{line}"


COMMENTS_AND_STRINGS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments_and_strings(text):
    """The code with comments and literals blanked, lines and columns kept."""
    return COMMENTS_AND_STRINGS.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def comments(text):
    """Yields (line, text) for each line of a comment."""
    for found in COMMENTS_AND_STRINGS.finditer(text):
        if found.group().startswith("/"):
            first = text.count("\n", 0, found.start()) + 1
            yield from enumerate(found.group().splitlines(), first)


def includes(path):
    """Yields (line, name, kind) for each #include; kind is '"' or '<'."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if found:
            yield number, found.group(2), found.group(1)


def run(check):
    """Runs a rule over the tree named on the command line."""
    wrong = check(pathlib.Path(sys.argv[1]).resolve())
    for line in wrong:
        print(line)
    print(f"{len(wrong)} found" if wrong else "nothing wrong")
    sys.exit(1 if wrong else 0)
