#!/usr/bin/env python3
"""Random values, the same for the same seed: random_values.py SEED COUNT [FILE]

Without FILE prints a line for each: its pickle, its repr and its str, in hexadecimal. With FILE
loads a pickle from each line of it and compares it with the value; prints what differs.
"""

import pickle
import random
import struct
import sys

ALPHABETS = ["abc xyz", "'\"\\\n\t\r\0\x7f", "\xe9\xff\xad\u0300\u200b\u2028", "\u65e5\ue000\uffff",
             "\U0001f600\U000e0001\U0010ffff", "\ud800\udfff"]


def text(rng):
    alphabet = "".join(rng.sample(ALPHABETS, rng.randint(1, 3)))
    return "".join(rng.choice(alphabet) if rng.random() < 0.9 else chr(rng.randrange(0x110000))
                   for _ in range(rng.choice([0, 1, 3, 10, 300])))


def number(rng):
    bits = rng.choice([1, 7, 8, 16, 31, 32, 63, 64, 65, 200, 2100])
    return rng.choice([-1, 1]) * (rng.getrandbits(bits) + rng.choice([0, 0, 2 ** bits - 2]))


def real(rng):
    pick = rng.random()
    if pick < 0.3:
        value = struct.unpack("<d", rng.randbytes(8))[0]
        return value if value == value else 0.5
    if pick < 0.5:
        return float(rng.randint(-10 ** 17, 10 ** 17))
    if pick < 0.6:
        return rng.choice([0.0, -0.0, float("inf"), float("-inf"), 1e16, 1e-4, 9.9e-5, 5e-324])
    return round(rng.uniform(-1000, 1000), rng.randint(0, 6))


def leaf(rng):
    pick = rng.randrange(8)
    if pick < 2:
        return text(rng)
    if pick < 4:
        return number(rng)
    if pick == 4:
        return real(rng)
    return rng.choice([None, True, False, rng.randbytes(rng.choice([0, 1, 5, 300]))])


def key(rng, depth):
    if depth > 0 and rng.random() < 0.2:
        return tuple(key(rng, depth - 1) for _ in range(rng.randint(0, 3)))
    if depth > 0 and rng.random() < 0.1:
        return frozenset(key(rng, 0) for _ in range(rng.randint(0, 3)))
    return leaf(rng)


def value(rng, depth):
    pick = rng.randrange(9) if depth > 0 else 8
    some = range(rng.choice([0, 1, 2, 5]))
    if pick < 2:
        return [value(rng, depth - 1) for _ in some]
    if pick < 4:
        return tuple(value(rng, depth - 1) for _ in some)
    if pick < 6:
        return {key(rng, depth - 1): value(rng, depth - 1) for _ in some}
    if pick == 6:
        return {key(rng, depth - 1) for _ in some}
    if pick == 7:
        return rng.choice([bytearray(rng.randbytes(4)), complex(real(rng), real(rng)),
                           slice(0, None, 2), range(3), range(1, 9, 2), Ellipsis,
                           KeyError(text(rng)), ValueError(), OSError(2, text(rng), text(rng))])
    return leaf(rng)


def exactly(one):
    """Tells 1 from 1.0 and True, and a set from a frozenset."""
    kind = type(one)
    if kind in (list, tuple):
        return kind, [exactly(each) for each in one]
    if kind is dict:
        return kind, [(exactly(k), exactly(v)) for k, v in one.items()]
    if kind in (set, frozenset):
        return kind, sorted(repr(exactly(each)) for each in one)
    if isinstance(one, BaseException):
        return kind, exactly(one.args)
    return kind, repr(one)


def hexed(what):
    return what.encode("utf-8", "surrogatepass").hex()


def main():
    rng = random.Random(int(sys.argv[1]))
    values = [value(rng, 4) for _ in range(int(sys.argv[2]))]
    if len(sys.argv) == 3:
        for each in values:
            print(pickle.dumps(each, rng.randrange(6)).hex() or "-", hexed(repr(each)) or "-",
                  hexed(str(each)) or "-")
        return
    with open(sys.argv[3]) as file:
        lines = file.read().split()
    for expected, line in zip(values, lines, strict=True):
        got = pickle.loads(bytes.fromhex(line))
        if exactly(got) != exactly(expected):
            print("expected", ascii(expected), "got", ascii(got))


main()
