"""Syntax of Python 3.10 to 3.12."""

import numpy as np

type Array = np.ndarray


def generic[T](x: T) -> T:
    return x


class Box[T]:
    def __init__(self, x: T):
        self.x = x


def matched(value):
    match value:
        case {"W": w, **rest}:
            return w, rest
        case [first, *others] if len(others) > 1:
            return first, others
        case Box(x=inner) | inner:
            return inner


print(matched({"W": np.ones(2), "b": 1}), matched([np.ones(1), 2, 3]), matched(Box(5)))
try:
    raise ExceptionGroup("two", [ValueError(1), TypeError(2)])
except* ValueError as group:
    kept = np.ones(len(group.exceptions))
except* TypeError:
    pass
with (open(__file__) as file, open(__file__) as other):
    print(file.readline() == other.readline(), kept, generic(np.ones(2)))
print(f"{"nested " + "quotes"} {[x for x in range(3)]}")
