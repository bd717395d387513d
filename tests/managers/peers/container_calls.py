"""Random calls of methods of Python's own list, dict, set, array, Value and Namespace.

usage: container_calls.py SEED COUNT

Writes two pickles for each call to stdout, each behind its length: the arguments; and a list of the
kind of container, the method, the keywords, "value" with the result or "error" with the class and
text of the exception, and the container afterwards. No method: the container is made.
"""

import array
import copy
import multiprocessing.managers as managers
import pickle
import random
import struct
import sys
import warnings

warnings.simplefilter("ignore")
choose = random.Random(int(sys.argv[1]))

SMALL = [0, 1, 2, 3, -1, -2, True, 2.0, 2**40, 2**70, -(2**70)]
KEYS = [0, 1, 2, "a", "b", "", b"a", None, 1.5, (1, "x"), True, 2**70]


def value(depth=0):
    simple = [None, 0, 1, 2, 3, -7, 2**65, 1.5, "a", "b", "\u00e9'", b"ab", True]
    kind = choose.random()
    if depth == 2 or kind < 0.7:
        return choose.choice(simple)
    if kind < 0.8:
        return [value(depth + 1) for _ in range(choose.randrange(4))]
    if kind < 0.9:
        return tuple(value(depth + 1) for _ in range(choose.randrange(3)))
    return {choose.choice(KEYS): value(depth + 1) for _ in range(choose.randrange(3))}


def numbers():
    return [choose.randrange(-5, 6) for _ in range(choose.randrange(7))]


def index():
    return choose.choice(SMALL[:8] + SMALL[:8] + ["a", None, 1.5, 2**70])


def a_slice():
    part = lambda: choose.choice([None, None, 0, 1, 2, 5, -1, -3, 2**70, -(2**70)])
    step = choose.choice([None, None, 1, 2, -1, -2, 3, 0, 2**70, "x"] if choose.random() < 0.3
                         else [None, 1, 2, -1, -2])
    return slice(part(), part(), step)


def place():
    return a_slice() if choose.random() < 0.4 else index()


def iterable():
    return choose.choice([
        numbers(), tuple(numbers()), "ab\u00e9", b"ab", {1: 2, "a": 3}, set(numbers()), range(4),
        range(5, -5, -3), array.array("i", numbers()), [value(), value()], 5, None, iter([1, 2, 3]),
        reversed([1, 2]), bytearray(b"xy"), frozenset([1])])


def pairs():
    return choose.choice([{choose.choice(KEYS): value()}, [(choose.choice(KEYS), value())], ["ab"],
                          [[1, 2], (3, 4)], [(1,)], [5], 5, ["abc"], {}, [([], 1)], "ab"])


def hashable():
    return choose.choice(KEYS + [[], {}, {1}])


def a_set():
    return choose.choice([set(numbers()), frozenset(numbers()), [1], 5, {"a", 1}, {}])


def sorting():
    return choose.choice([{}, {"reverse": True}, {"reverse": 0, "key": None}, {"reverse": "x"},
                          {"key": 3}, {"foo": 1}, {"reverse": 1.5}])


LIST = {
    "__add__": lambda: (choose.choice([numbers(), (1,), 5]),),
    "__contains__": lambda: (value(),),
    "__delitem__": lambda: (place(),),
    "__getitem__": lambda: (place(),),
    "__imul__": lambda: (choose.choice([0, 1, 2, -1, "a", 1.5, True]),),
    "__len__": lambda: (),
    "__mul__": lambda: (choose.choice([0, 1, 2, -1, "a", None, 2**70]),),
    "__reversed__": lambda: (),
    "__rmul__": lambda: (choose.choice([0, 1, 2]),),
    "__setitem__": lambda: (choose.choice([(index(), value()), (a_slice(), iterable())])),
    "append": lambda: (value(),),
    "clear": lambda: (),
    "copy": lambda: (),
    "count": lambda: (value(),),
    "extend": lambda: (iterable(),),
    "index": lambda: choose.choice([(value(),), (value(), index()), (value(), index(), index())]),
    "insert": lambda: (index(), value()),
    "pop": lambda: choose.choice([(), (index(),)]),
    "remove": lambda: (value(),),
    "reverse": lambda: (),
    "sort": lambda: (),
}
DICT = {
    "__contains__": lambda: (hashable(),),
    "__delitem__": lambda: (hashable(),),
    "__getitem__": lambda: (hashable(),),
    "__ior__": lambda: (pairs(),),
    "__len__": lambda: (),
    "__or__": lambda: ({choose.choice(KEYS): value()},),
    "__reversed__": lambda: (),
    "__ror__": lambda: ({choose.choice(KEYS): value()},),
    "__setitem__": lambda: (hashable(), value()),
    "clear": lambda: (),
    "copy": lambda: (),
    "fromkeys": lambda: choose.choice([(iterable(),), ("abc", 7)]),
    "get": lambda: choose.choice([(hashable(),), (hashable(), value())]),
    "items": lambda: (),
    "keys": lambda: (),
    "pop": lambda: choose.choice([(hashable(),), (hashable(), value())]),
    "popitem": lambda: (),
    "setdefault": lambda: choose.choice([(hashable(),), (hashable(), value())]),
    "update": lambda: choose.choice([(pairs(),), ()]),
    "values": lambda: (),
}
MANY = lambda: tuple(iterable() for _ in range(choose.randrange(3)))
SET = {name: lambda: (a_set(),) for name in (
    "__and__ __or__ __sub__ __xor__ __rand__ __ror__ __rsub__ __rxor__ "
    "__iand__ __ior__ __isub__ __ixor__ __ge__ __gt__ __le__ __lt__").split()}
SET |= {name: MANY for name in
        "difference difference_update intersection intersection_update union update".split()}
SET |= {name: lambda: (iterable(),) for name in (
    "isdisjoint issubset issuperset symmetric_difference symmetric_difference_update").split()}
SET |= {name: lambda: (hashable(),) for name in "__contains__ add discard remove".split()}
SET |= {name: lambda: () for name in "__len__ clear copy".split()}
NAMES = ["a", "b", "_c", 5, None]
NAMESPACE = {
    "__getattribute__": lambda: (choose.choice(NAMES + ["__dict__", "__class__"]),),
    "__setattr__": lambda: (choose.choice(NAMES), value()),
    "__delattr__": lambda: (choose.choice(NAMES),),
}
VALUE = {"get": lambda: (), "set": lambda: (value(),)}


def item():
    return choose.choice([0, 1, -1, 100, 200, -200, 300, 2**15, -(2**15) - 1, 2**16, 2**31, 2**32,
                          2**63, -(2**63) - 1, 2**64, 2**70, -(2**70), 2**2000, 1.5, True, "a",
                          "ab", "\u20ac", None])


def items():
    return choose.choice([array.array(choose.choice("iiibd"), numbers()), numbers(), 5])


ARRAY = {
    "__len__": lambda: (),
    "__getitem__": lambda: (place(),),
    "__setitem__": lambda: choose.choice([(index(), item()), (a_slice(), items())]),
}


def array_arguments():
    typecode = choose.choice("bBuhHiIlLqQfdz")
    raw = b"\x20\0\0\0" * 2 if typecode == "u" else b"abcdefgh"
    return typecode, choose.choice(
        [numbers(), numbers(), [item()], "ab", raw, b"abc", 5, range(3)])


MAKERS = {
    "list": (list, LIST, lambda: (iterable(),)),
    "dict": (dict, DICT, lambda: (pairs(),)),
    "set": (set, SET, lambda: (iterable(),)),
    "Namespace": (managers.Namespace, NAMESPACE, lambda: ()),
    "Value": (managers.Value, VALUE, lambda: ("i", value())),
    "Array": (managers.Array, ARRAY, lambda: array_arguments()),
}


def write(arguments, record):
    for data in arguments, pickle.dumps(record, 4):
        sys.stdout.buffer.write(struct.pack("<I", len(data)) + data)


def state(made):
    if isinstance(made, managers.Namespace):
        return [made.__dict__.copy(), repr(made)]
    if isinstance(made, managers.Value):
        return [made._value, repr(made)]
    if isinstance(made, set):
        return made
    return [portable(made), repr(made)]


def portable(result):
    if isinstance(result, (type({}.keys()), type({}.values()), type({}.items()))):
        return list(result)
    if isinstance(result, array.array):
        return ["array", result.typecode, result.tobytes()]
    return result.__name__ if isinstance(result, type) else result


class ArrayForm:
    """An array as the connections of managers pickle it."""

    def __init__(self, made):
        self.made = made

    def __reduce__(self):
        return array.array, (self.made.typecode, self.made.tobytes())


def pickled(args):
    return pickle.dumps(
        tuple(ArrayForm(each) if isinstance(each, array.array) else each for each in args), 4)


def outcome(call):
    try:
        result = portable(call())
        return ["value", result if hasattr(result, "__next__") else copy.deepcopy(result)]
    except Exception as error:
        return ["error", [type(error).__name__, str(error)]]


def changed_count(args):
    return args + (1,) * choose.randrange(1, 3) if choose.random() < 0.5 else args[:-1]


def run(kind, calls):
    make, methods, arguments = MAKERS[kind]
    args = arguments()
    data = pickled(args)  # before an iterator among them is used up
    try:
        made = make(*args)
    except Exception as error:
        write(data, [kind, "", {}, "error", [type(error).__name__, str(error)], None])
        return
    write(data, [kind, "", {}, "value", None, state(made)])
    for _ in range(calls):
        method = choose.choice(list(methods))
        args = methods[method]()
        if choose.random() < 0.05:
            args = changed_count(args)
        kwds = sorting() if method == "sort" else {"k": 1} if choose.random() < 0.01 else {}
        if method == "update" and kind == "dict":
            kwds = {}
        data = pickled(args)
        before = copy.deepcopy(made)
        result = outcome(lambda: getattr(made, method)(*args, **kwds))
        if result[0] == "error":
            made = before  # Python may have changed a part; ours changes nothing
        if result[1] is not NotImplemented:
            write(data, [kind, method, kwds, *result, state(made)])


if __name__ == "__main__":
    for _ in range(int(sys.argv[2])):
        run(choose.choice(list(MAKERS)), 25)
