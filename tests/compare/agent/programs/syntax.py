"""Every kind of statement that assigns, in Python 3.8's syntax."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import sys
import traceback
from collections import namedtuple

import numpy as np

rng = np.random.RandomState(3)
print(__name__, __doc__, sys.argv[1:])


class Counted:
    """Counts how often each attribute and entry is read."""

    def __init__(self):
        self.reads = []
        self.value = np.zeros(3)

    @property
    def w(self):
        self.reads.append("w")
        return self.value

    @w.setter
    def w(self, value):
        self.reads.append("set w")
        self.value = value

    def __getitem__(self, key):
        self.reads.append(("get", key))
        return self.value

    def __setitem__(self, key, value):
        self.reads.append(("set", key))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self.reads.append(("attribute", name))
        return self.value


counted = Counted()
counted.w += 1
counted.w = counted.w * 2
counted[0] += 1
counted["a"] = np.ones(2)
counted.q += 1
counted[1:2] = 3.0
print(counted.reads)

calls = []


def call(value=0):
    calls.append(value)
    return value


a = {0: np.ones(2), 1: np.ones(3)}
a[call(0)] += 1
a[call(1)] = np.zeros(3)
a[call(0)][call(1)] = 7
[np.ones(2), a[0]][call(1)][:] = rng.rand(2)
print(calls, a)


def decorated(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        "A docstring."
        print("in", function.__name__, function.__doc__)
        return function(*args, **kwargs)

    return inner


@decorated
def product(x, *rest, scale=2.0, **more):
    "A product."
    x = x * scale
    for part in rest:
        x = x + part
    return x, more


print(product(np.ones(2), np.ones(2), scale=3.0, other=np.zeros(1)))
print(product.__doc__, product.__annotations__)


class Layer:
    """A layer."""

    __slots__ = ("W", "__b")
    kinds = ["a", "b"]
    rates = [k * 0.5 for k in (1, 2)]

    def __init__(self, n: int, *, b: np.ndarray = np.zeros(2)) -> None:
        self.W, self.__b = rng.randn(n, n), b
        self.__b += 1

    @property
    def b(self) -> np.ndarray:
        return self.__b

    @staticmethod
    def relu(x):
        return np.maximum(x, 0)

    @classmethod
    def make(cls, n):
        return cls(n)

    def __matmul__(self, other):
        return self.W @ other


class Deep(Layer):
    def __init__(self, n):
        super().__init__(n)
        self.extra = np.ones(n)

    def forward(self, x):
        return super().relu(self @ x)


print(Deep.make(2).forward(np.ones(2)), Deep(2).b, Layer.__doc__)

Pair = namedtuple("Pair", "first second")


@dataclasses.dataclass
class Gradients:
    W: np.ndarray
    n: int = 3
    parts: list = dataclasses.field(default_factory=list)


print(Gradients(np.ones(2)), Pair(np.ones(1), 2))

counter = 0


def outer():
    total = np.zeros(2)

    def inner():
        global counter
        nonlocal total
        counter += 1
        total += counter
        total[0] = counter
        return total

    inner()
    inner()
    del inner
    return total


print(outer(), counter)

first, *middle, last = rng.rand(5)
(p, [q, *r]), s = (1.0, [np.ones(2), 3, 4]), np.zeros(2)
x = y = z = np.ones(2)
x[0], y[1] = 5, 6
print(first, middle, last, p, q, r, s, x, y, z)
values = iter([np.ones(1), np.zeros(1)])
u, v = values
print(u, v, list(values))
typed: np.ndarray = np.ones(2)
bare: int
print(typed, [n for n in range(3) if (m := n * 2) > 1], m)


def generator(n):
    received = np.zeros(1)
    while len(received) < n:
        received = yield received * 2
    return received


def delegating():
    result = yield from generator(3)
    yield result


made = delegating()
print(next(made), made.send(np.ones(2)), made.send(np.ones(3)), list(made))

for i, (key, (left, right)) in enumerate(zip("ab", [(1, np.ones(2)), (2, np.zeros(2))])):
    if i:
        continue
    print(i, key, left, right)
else:
    print("else")
table = [None, None]
for table[0], table[1] in [(np.ones(1), 2)]:
    pass
while i > 0:
    i -= 1
    if i == 5:
        break
else:
    print("while else", table)


@contextlib.contextmanager
def manager(value):
    yield value, np.ones(2)


with manager(3) as (number, array), manager(4):
    print(number, array)


async def answer(x):
    await asyncio.sleep(0)
    async with Opened() as opened:
        return x @ opened


class Opened:
    async def __aenter__(self):
        return np.ones(2)

    async def __aexit__(self, *args):
        return None


async def numbers():
    for i in range(2):
        yield np.full(2, i)


async def main():
    total = [await answer(np.ones(2))]
    async for number in numbers():
        total += [number]
    return total + [x async for x in numbers()]


print(asyncio.run(main()))
square = lambda x, *rest, k=2, **more: x ** k  # noqa: E731
print(square(np.arange(3.0)), sorted([3, 1, 2], key=lambda t: -t), (lambda: 5)())
print(f"{square(np.ones(2)) @ np.ones(2)!r:>10} {'nested'} {m=}")


def documented():
    """Only a docstring."""


def empty(x): ...


print(documented.__doc__, documented(), empty(1))
out = np.zeros(3)
np.add(np.ones(3), 1, out=out)
np.multiply(out, 2, out)
np.copyto(out, out + 1)
out.fill(4)
out.sort()
np.add.at(out, [0, 0], 1)
rng.shuffle(out)
out[...] = out[::-1]
out[out > 4] -= 1
print(out)
params = {"W1": np.ones(2), "W2": np.ones(2)}
for k in params:
    params[k] -= 0.5 * params[k]
    params["W" + str(1)] *= 2
    params[f"W{2}"] *= 3
    params["W%d" % 1] *= 2
    params["W{}".format(2)] *= 3
setattr(counted, "value", np.ones(1))
params.update(W3=np.ones(1))
holder = []
holder.append(np.ones(2))
holder.extend([np.zeros(2)])
print(params, holder, counted.reads)
assert np.dot(np.ones(2), np.ones(2)) == np.ones(2).dot(np.ones(2)) == 2
print(np.einsum("i,i->", np.ones(2), np.ones(2)), np.ones((2, 2)) @ np.ones(2))


def fails(x):
    y = x + 1
    return y @ (
        np.ones(3)
    )


try:
    fails(np.ones(2))
except ValueError as error:
    frames = traceback.extract_tb(error.__traceback__)
    print([(frame.lineno, frame.name, frame.line) for frame in frames])
finally:
    closed = np.ones(1)
print(sys._getframe().f_lineno, np.random.RandomState(1).rand(), rng.rand(), len(locals()) > 5)
if __name__ == "__main__":
    print("main", sorted(k for k in globals() if not k.startswith("_")))
sys.exit(3)
