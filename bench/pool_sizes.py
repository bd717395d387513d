#!/usr/bin/env python3
"""Draws what pool_sizes prints: bench/pool_sizes.py < DATA > docs/pool-sizes.svg"""

import collections
import csv
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, BETWEEN = 360, 250, 60, 40, 90
COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#b8860b", "#6a4c93")
CHARTS = {  # title, name of x, ticks of x, name of y, ticks of y, how deep the names of lines are
    "chunks": ("Two workers: chunk size", "elements in a chunk", [1, 10, 100, 1e3, 1e4, 1e5, 1e6],
               "time, 1 = perfect", [1, 1.2, 1.5, 2, 3, 5, 10, 20], 0),
    "workers": ("Two processors: workers", "workers", [1, 2, 4, 8, 16],
                "times as fast as one worker", [1, 2, 3, 4], HEIGHT - 50),
}


def read(lines):
    charts = collections.defaultdict(lambda: collections.defaultdict(list))
    for chart, line, x, y in csv.reader(lines):
        charts[chart][line].append((float(x), float(y)))
    return charts


def place(value, first, last, length):
    """On a logarithmic axis."""
    return length * math.log(value / first) / math.log(last / first)


def text(x, y, words, how=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {how}>{words}</text>'


def draw(chart, lines, left):
    title, x_name, x_ticks, y_name, y_ticks, depth = CHARTS[chart]
    y_ticks = [tick for tick in y_ticks if tick <= 1.5 * max(y for line in lines.values()
                                                             for _, y in line)]
    top = max(y_ticks[-1], max(y for line in lines.values() for _, y in line))
    low = min(0.9, min(y for line in lines.values() for _, y in line))
    x_ticks = [tick for tick in x_ticks
               if tick <= max(x for line in lines.values() for x, _ in line)]
    last = max(x_ticks[-1], max(x for line in lines.values() for x, _ in line))

    def at(x, y):
        return (left + place(x, 1, last, WIDTH), TOP + HEIGHT - place(y, low, top, HEIGHT))
    yield text(left + WIDTH / 2, TOP - 15, title, 'text-anchor="middle" font-weight="bold"')
    yield text(left + WIDTH / 2, TOP + HEIGHT + 38, x_name, 'text-anchor="middle"')
    middle = TOP + HEIGHT / 2
    yield text(left - 40, middle, y_name,
               f'text-anchor="middle" transform="rotate(-90 {left - 40} {middle})"')
    for tick in x_ticks:
        x, y = at(tick, low)
        yield f'<path d="M{x:.1f} {TOP}V{y:.1f}" stroke="#ddd"/>'
        yield text(x, y + 18, f"{tick:,.0f}", 'text-anchor="middle"')
    for tick in y_ticks:
        x, y = at(1, tick)
        yield f'<path d="M{x:.1f} {y:.1f}h{WIDTH}" stroke="#ddd"/>'
        yield text(x - 8, y + 4, f"{tick:g}", 'text-anchor="end"')
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number]
        places = [at(*point) for point in points]
        yield (f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="' +
               " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>')
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                    for x, y in places)
        yield text(left + WIDTH - 120, TOP + depth + 16 + 17 * number, name, f'fill="{colour}"')


def main():
    charts = read(sys.stdin)
    width, height = 2 * WIDTH + LEFT + BETWEEN + 30, HEIGHT + TOP + 50
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
          'font-family="sans-serif" font-size="13">')
    print(f'<rect width="{width}" height="{height}" fill="white"/>')
    for number, (chart, lines) in enumerate(charts.items()):
        print("\n".join(draw(chart, lines, LEFT + number * (WIDTH + BETWEEN))))
    print("</svg>")


if __name__ == "__main__":
    main()
