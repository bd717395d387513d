#!/usr/bin/env python3
"""An arrow points down: no module includes or uses another of its own floor or above, and none that
its meson.build does not list."""

import re

from house import FLOORS, files, includes, place, run


def uses_of(root, module):
    """The modules that lib/<module>/meson.build lists, None where there is no such file."""
    path = root / "lib" / module / "meson.build"
    if not path.exists():
        return None
    found = re.search(r"^uses\s*=\s*\[(.*?)\]", path.read_text(), re.S | re.M)
    return re.findall(r"'(\w+)'", found.group(1)) if found else []


def reach_of(root, module):
    """The module and all that it stands on, by the lists."""
    reach, left = set(), [module]
    while left:
        name = left.pop()
        if name not in reach:
            reach.add(name)
            left += uses_of(root, name) or []
    return reach


def module_of(root, path, seen=()):
    """The module a file belongs to; None for what belongs to none.

    A header in detail/ belongs to the module whose lib/ folder has a file of its name, else to the
    highest module it includes.
    """
    parts = path.relative_to(root).parts
    if parts[0] in ("lib", "tests"):
        return parts[1] if parts[1] in FLOORS else None
    if len(parts) < 3:
        return None  # include/multiprocessing.hpp
    if parts[2] != "detail":
        name = parts[2].removesuffix(".hpp")
        return name if name in FLOORS else None
    for module in FLOORS:
        if any((root / "lib" / module / (path.stem + end)).exists() for end in (".cpp", ".hpp")):
            return module
    if path in seen:  # headers that include each other
        return None
    owners = [target_of(root, name, (*seen, path)) for _, name, _ in includes(path)]
    return max((owner for owner in owners if owner), key=FLOORS.get, default=None)


def target_of(root, name, seen=()):
    """The module that an included name belongs to."""
    for folder in ("include", "lib"):
        if (root / folder / name).exists():
            return module_of(root, root / folder / name, seen)
    first = name.removeprefix("multiprocessing/").split("/")[0].removesuffix(".hpp")
    return first if first in FLOORS else None


def check_lists(root):
    for module in FLOORS:
        for used in uses_of(root, module) or []:
            if used not in FLOORS:
                yield f"lib/{module}/meson.build: uses '{used}', which is on no floor"
            elif FLOORS[used] >= FLOORS[module]:
                yield (f"lib/{module}/meson.build: {module} (floor {FLOORS[module]}) "
                       f"uses {used} (floor {FLOORS[used]})")


def linked_by_tests(root, path, module):
    """The modules that the tests of a module link beyond it, to start processes, say."""
    listed = root / "tests" / (module or "") / "meson.build"
    if path.relative_to(root).parts[0] != "tests" or not listed.exists():
        return []
    return re.findall(r"modules\['(\w+)'\]", listed.read_text())


def check_includes(root):
    for path in files(root, "include", "lib", "tests"):
        module = module_of(root, path)
        beyond = linked_by_tests(root, path, module)
        for line, name, kind in includes(path):
            if kind == '"' and ".." in name.split("/"):
                yield f"{place(root, path, line)}: includes upward, {name}"
            target = target_of(root, name) if kind == '"' else None
            if module is None or target is None or target == module or target in beyond:
                continue
            if FLOORS[target] >= FLOORS[module]:
                yield (f"{place(root, path, line)}: {module} (floor {FLOORS[module]}) "
                       f"includes {name} of {target} (floor {FLOORS[target]})")
            elif target not in reach_of(root, module):
                yield f"{place(root, path, line)}: lib/{module}/meson.build does not use {target}"


def check(root):
    return [*check_lists(root), *check_includes(root)]


if __name__ == "__main__":
    run(check)
