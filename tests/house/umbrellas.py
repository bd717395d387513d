#!/usr/bin/env python3
"""An umbrella header includes all headers of its module and nothing else, but for those that say in
their first lines that they are "Not part of" it; multiprocessing.hpp includes every umbrella but
for those that say in the same way that they are not. A header that belongs to no module says so."""

from house import FLOORS, includes, run


def opted_out(header):
    return f"Not part of {header.parent.name}.hpp" in header.read_text()[:400]


def compare(root, umbrella, expected):
    if not umbrella.exists():
        yield f"{umbrella.relative_to(root)}: is missing"
        return
    found = [name for _, name, _ in includes(umbrella)]
    name = umbrella.relative_to(root)
    yield from (f"{name}: does not include {header}" for header in expected if header not in found)
    yield from (f"{name}: includes {header} too" for header in found if header not in expected)
    yield from (f"{name}: includes {header} twice"
                for header in sorted(set(found)) if found.count(header) > 1)


def check(root):
    include = root / "include"
    wrong, umbrellas = [], []
    for module in FLOORS:
        folder = include / "multiprocessing" / module
        headers = sorted(path for path in folder.glob("*.hpp") if not opted_out(path))
        umbrella = include / "multiprocessing" / f"{module}.hpp"
        if headers or umbrella.exists():
            if not umbrella.exists() or not opted_out(umbrella):
                umbrellas.append(f"multiprocessing/{module}.hpp")
            wrong += compare(root, umbrella, [str(path.relative_to(include)) for path in headers])
    for path in sorted((include / "multiprocessing").iterdir()):
        alone = path.is_file() and opted_out(path)
        if path.stem not in FLOORS and path.name != "detail" and not alone:
            wrong.append(f"{path.relative_to(root)}: belongs to no module")
    return wrong + list(compare(root, include / "multiprocessing.hpp", umbrellas))


if __name__ == "__main__":
    run(check)
