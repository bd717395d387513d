#!/usr/bin/env python3
"""An arrow points down: no module includes or uses another of its own floor or above, and none that
its meson.build does not list. Inside a module the rooms include each other in no circle. A room is
a header of lib/ with its source, or a public header: its source is above all that it includes."""

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
    if file := file_of(root, name):
        return module_of(root, file, seen)
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


def file_of(root, name):
    """The file that an included name is; None for one of another project."""
    return next((root / folder / name for folder in ("include", "lib")
                 if (root / folder / name).exists()), None)


def room_of(root, path):
    """What stands for a file among the rooms of its module."""
    name = path.relative_to(root).with_suffix("").parts
    return "/".join(name[2:] if name[0] == "lib" or name[2] == "detail" else name[1:])


def arrows_of(root):
    """Per module the includes between its rooms: {(room, room): places}."""
    arrows = {}
    for path in files(root, "include", "lib"):
        module = module_of(root, path)
        for line, name, _ in includes(path):
            target = file_of(root, name)
            if module and target and module_of(root, target) == module:
                arrow = (room_of(root, path), room_of(root, target))
                arrows.setdefault(module, {}).setdefault(arrow, []).append(place(root, path, line))
    return {module: {arrow: places for arrow, places in found.items() if arrow[0] != arrow[1]}
            for module, found in arrows.items()}


def reached(arrows, start):
    """For each room that can be reached from `start`, the way there."""
    ways, left = {}, [(start, (start,))]
    while left:
        room, way = left.pop(0)
        for target in sorted(target for source, target in arrows if source == room):
            if target not in ways:
                ways[target] = (*way, target)
                left.append((target, ways[target]))
    return ways


def knots_of(arrows):
    """The sets of two and more rooms in which each reaches each other."""
    rooms = {room for arrow in arrows for room in arrow}
    ways = {room: reached(arrows, room) for room in rooms}
    knots = {frozenset(other for other in ways[room] if room in ways[other]) for room in rooms}
    return sorted((knot for knot in knots if knot), key=sorted)


def arrow_to_turn(arrows):
    """The arrow of a knot without which the fewest rooms stay in circles; of several the one from
    the room that most include to the room that fewest include."""
    users = {room: sum(target == room for _, target in arrows)
             for arrow in arrows for room in arrow}

    def badness(arrow):
        rest = {other: places for other, places in arrows.items() if other != arrow}
        return (sum(map(len, knots_of(rest))), users[arrow[1]] - users[arrow[0]], arrow)

    return min(arrows, key=badness), users


def check_rooms(root):
    """Names each knot of rooms with its shortest circle and the arrow to turn."""
    for module, arrows in arrows_of(root).items():
        for knot in knots_of(arrows):
            inside = {arrow: places for arrow, places in arrows.items() if knot.issuperset(arrow)}
            circle = min((reached(inside, room)[room] for room in sorted(knot)), key=len)
            (source, target), users = arrow_to_turn(inside)
            yield (f"{inside[source, target][0]}: {len(knot)} rooms of {module} include each other "
                   f"({', '.join(sorted(knot))}), as in {' -> '.join(circle)}; turn the arrow "
                   f"{source} -> {target} ({users[source]} of them include {source}, "
                   f"{users[target]} include {target})")


def check(root):
    return [*check_lists(root), *check_includes(root), *check_rooms(root)]


if __name__ == "__main__":
    run(check)
