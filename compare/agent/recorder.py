"""Runs a program as `python PROGRAM ARGS` would, and records the arrays and numbers it assigns.

This file runs under the user's own Python (3.8 to 3.14). It needs the standard library and NumPy,
and imports nothing of twingrad. Usage: PYTHON recorder.py SETTINGS.json PROGRAM [ARGS]

Settings: folder (of the recording), seconds, bytes, idle (seconds), data (a folder with CIFAR-10's
files, or null), hidden (names of packages that the program must not import) and hidden_root (the
folder that these packages are in).

The program's syntax tree is rewritten: every assignment, argument, loop target and return value of
the user's own files passes through a probe. The program computes and prints what it would without
it. What is recorded is bounded: a few values of every place and call stack, a size, and a time.
The recording is written as the program runs:

    events.jsonl   one JSON list a line, in order of execution (see `Tape`)
    arrays.bin     the bytes of every distinct array, one after another
    end.json       why the recording ended
"""

import ast
import builtins
import functools
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import io
import json
import linecache
import operator
import os
import re
import sys
import threading
import time
import tokenize
import traceback
import types
import weakref

# Recording limits

HITS = 40
"""Maximum number of arrays recorded at one place under one call stack."""

FEWEST = 4
"""The same for large arrays; a place that was seen less often than this is new."""

PLACE_BYTES = 1 << 24
"""Number of bytes above which a place's arrays count as large."""

CROWDED = 128 << 20
"""Total number of bytes above which one array per place, and a quarter of its bytes, is enough."""

HUGE = 3 << 20
"""Size in bytes of an array, such as a layer's output in an evaluation, that is recorded only once
or twice."""

SCALARS = 20_000
"""Maximum number of numbers recorded at one place under one call stack."""

LIGHT, LIGHT_BYTES = 2000, 32 << 20
"""Projections and labels recorded of one place after its arrays; bytes of them in all."""

FEW_LIGHT, ALL_LIGHT = 100, 20_000
"""Projections of arrays that are no images: of one place, and in all."""

LARGEST = 4_000_000
"""Maximum number of entries of an array that is recorded completely; larger arrays are summarised.
"""

SUMMARIES = 64
"""Maximum number of large arrays that are summarised."""

LARGEST_PALETTE, LEVELS = 64_000_000, 256
"""Maximum number of entries, and of distinct ones, of a large array that is recorded completely all
the same: a whole data set of images on which the program trains without minibatches."""

PLACES, KEYS = 100_000, 256
"""Places that are told apart in all, and keys of a container at one site."""

SHAPES = 8
"""Maximum number of shapes per place, such as that of the last minibatch, that are distinguished.
"""

DEAD = 20_000
"""Number of consecutive times without a contribution after which a site is ignored."""

LENGTH, DEPTH = 64, 3
"""Entries of a container, and containers in containers, that are looked into."""

CALL_SITES = 4096
"""Maximum number of calls of torch's modules and losses that are distinguished."""

PIXELS = 3072

PROBE = "__twingrad_probe__"

OPEN = io.open

PASSED = {str, bytes, bool, type(None), type, range, complex, slice, types.ModuleType}
PASSED |= {types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.GeneratorType}

MISSING = object()

numpy = None


class Tape:
    """The recording while it is written.

    Lines of events.jsonl:
        ["file", id, label, path, text]
        ["site", id, file, line, end line, name, kind, function]
        ["stack", id, [[file, line, function], ...]]             innermost first
        ["array", id, dtype, shape, offset]
        ["data", id, dtype, shape, {summary: array id}]
        ["whole", data id, array id of indices, array id of levels, transposed]
        ["a", site, stack, path, array id]                        an array was seen
        ["d", site, stack, path, data id]                         a large one
        ["v", site, stack, path, number]
        ["p", site, stack, path, axis, array id]                  a projection of an array
        ["served", path asked for, path served]                   a file of CIFAR-10

    A projection comes instead of the array once a place has been seen often, where it is not the
    place's last one: axis 0 is one number a row (X @ vector(m)), axis 1 one a column
    (vector(n) @ X).

    A large array that was a factor of two products, once as it is and once transposed, is one that
    the program trains on. If it has few distinct entries, as pixels do, it is recorded completely:
    levels[indices], or the transpose of that.
    """

    def __init__(self, folder, limit):
        self.events = self.create(folder, "events.jsonl")
        self.arrays = self.create(folder, "arrays.bin")
        self.folder, self.limit, self.size, self.written = folder, limit, 0, 0
        self.ids, self.files, self.stacks = {}, {}, {}
        self.names, self.loops, self.served = [], [], {}
        self.inner = set()  # sites inside an expression, where numbers tell nothing
        self.calls = set()  # sites of `TorchCalls`
        self.data, self.kept = {}, {}
        self.factors, self.wholes = set(), set()
        self.lines = []
        self.spent, self.started = 0.0, time.time()
        self.open = True

    @staticmethod
    def create(folder, name):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        return os.open(os.path.join(folder, name), flags)

    def line(self, *values):
        self.text(json.dumps(values, separators=(",", ":")) + "\n")

    def text(self, text):
        self.lines.append(text)

    def flush(self):
        """Write the lines of one probe, so that they are not lost if the program is killed."""
        if self.lines and self.open:
            raw = "".join(self.lines).encode("utf-8", "surrogatepass")
            self.written += len(raw)
            write(self.events, raw)
        self.lines = []

    @property
    def full(self):
        return self.size + self.written > self.limit

    def array(self, value):
        """The id of an array's bytes; None if there is no space left."""
        value = numpy.ascontiguousarray(value)
        raw = value.reshape(-1).view(numpy.uint8) if value.size else value.tobytes()
        digest = hashlib.blake2b(raw, digest_size=16)
        digest.update(repr((value.dtype.str, value.shape)).encode())
        key = digest.digest()
        if key not in self.ids:
            if self.size + self.written + value.nbytes > self.limit:
                return None
            aligned = -self.size % 16
            self.size += aligned
            if self.open:
                write(self.arrays, bytes(aligned))
                write(self.arrays, raw)
            self.ids[key] = len(self.ids)
            self.line("array", self.ids[key], value.dtype.str, value.shape, self.size)
            self.size += value.nbytes
        return self.ids[key]

    def summary(self, value):
        """The id of a large array's summary: means, deviations and projections along its axes."""
        base, turned, key = recognisable(value)
        if (key, turned) in self.data:
            return self.data[key, turned]
        if len(self.data) >= SUMMARIES:
            return None
        if key not in self.kept:
            self.kept[key] = self.summarized(base)
        kept = self.kept[key]
        if turned:
            kept = {swapped(name): number for name, number in kept.items()}
        self.data[key, turned] = len(self.data)
        self.line("data", self.data[key, turned], value.dtype.str, value.shape, kept)
        return self.data[key, turned]

    def whole(self, value):
        """Record a large factor of a product completely, if the program trains on it."""
        base, turned, key = recognisable(value)
        self.factors.add((key, turned))
        if key in self.wholes or (key, not turned) not in self.factors or base.ndim != 2:
            return
        self.wholes.add(key)
        found = palette(base) if base.size <= min(LARGEST_PALETTE, self.limit // 2) else None
        kept = [self.array(part) for part in found or ()]
        if kept and None not in kept:
            for turned in (False, True):
                if (key, turned) in self.data:
                    self.line("whole", self.data[key, turned], *(kept + [turned]))

    def summarized(self, value):
        """The array ids of a summary; none if summaries already took as long as the program."""
        own = time.process_time() - self.spent
        if value.dtype.kind not in "fiu" or value.ndim < 2 or self.spent > 2 + own:
            return {}
        started = time.process_time()
        kept = {name: self.array(vector) for name, vector in summaries(value).items()}
        self.spent += time.process_time() - started
        return {name: number for name, number in kept.items() if number is not None}

    def file(self, label, path, text):
        if path not in self.files:
            self.files[path] = len(self.files)
            self.line("file", self.files[path], label, path, text)
        return self.files[path]

    def site(self, file, node, name, kind, function, loop):
        number = len(self.names)
        self.names.append(name)
        self.loops.append(loop)
        if kind in ("operand", "product"):
            self.inner.add(number)
        end = getattr(node, "end_lineno", None) or node.lineno
        self.line("site", number, file, node.lineno, end, name, kind, function)
        return number

    def stack(self, frames):
        if frames not in self.stacks:
            self.stacks[frames] = len(self.stacks)
            self.line("stack", self.stacks[frames], frames)
        return self.stacks[frames]

    def serve(self, asked, served):
        if self.open and asked not in self.served and len(self.served) < 1000:
            self.served[asked] = served
            self.line("served", asked, served)
            self.flush()

    def close(self, reason, **more):
        """End the recording; later calls have no effect."""
        if not self.open:
            return
        self.flush()
        self.open = False
        seen = {"reason": reason, "bytes": self.size, "arrays": len(self.ids)}
        seen["version"] = sys.version.split()[0]
        seen["seconds"] = round(time.time() - self.started, 3)
        seen.update(more)
        temporary = os.path.join(self.folder, "end.partial")
        with OPEN(temporary, "w", encoding="utf-8") as out:
            json.dump(seen, out)
        os.replace(temporary, os.path.join(self.folder, "end.json"))


def write(descriptor, raw):
    """All of some bytes."""
    raw = memoryview(raw)
    while len(raw):
        raw = raw[os.write(descriptor, raw) :]


def recognisable(value):
    """A large array or its transpose, whether it is the transpose, and a key that it is known by:
    a few of its entries."""
    turned = value.ndim == 2 and value.flags.f_contiguous and not value.flags.c_contiguous
    base = value.T if turned else value
    steps = tuple(slice(None, None, max(1, n // 64)) for n in base.shape)
    sample = numpy.ascontiguousarray(base[steps]).reshape(-1).view(numpy.uint8)
    key = (base.shape, base.dtype.str, hashlib.blake2b(sample, digest_size=16).digest())
    return base, turned, key


def palette(value):
    """(indices, levels) of an array levels[indices]; None if it has more than 256 levels."""
    if value.dtype.kind not in "fiu":
        return None
    flat = value.reshape(-1)
    indices = numpy.empty(flat.size, numpy.uint8)
    levels = numpy.unique(flat[:: max(1, flat.size // 4096)])
    codes = numpy.arange(len(levels))  # of the sorted levels, in the order in which they were found
    for start in range(0, flat.size, 1 << 20):
        part = flat[start : start + (1 << 20)]
        if not numpy.isfinite(part).all():
            return None
        at = numpy.minimum(numpy.searchsorted(levels, part), len(levels) - 1)
        new = numpy.unique(part[levels[at] != part])
        if len(levels) + len(new) > LEVELS:
            return None
        if len(new):
            codes = numpy.append(codes, len(levels) + numpy.arange(len(new)))
            levels = numpy.append(levels, new)
            order = numpy.argsort(levels)
            levels, codes = levels[order], codes[order]
            at = numpy.searchsorted(levels, part)
        indices[start : start + len(part)] = codes[at]
    return indices.reshape(value.shape), levels[numpy.argsort(codes)]


def swapped(name):
    """The name of the same summary of the transposed array."""
    side, what = name.split(" ", 1)
    return ("column " if side == "row" else "row ") + what


@functools.lru_cache(maxsize=256)
def vector(length):
    """What rows of that length are multiplied with: rows that are equal share the product."""
    return numpy.random.RandomState(length).standard_normal(length)


def summaries(value):
    """Mean, deviation and projection of the rows and of the columns of a matrix (n, m).

    Images (n, 32, 32, 3) are rows. The work is done in blocks that fit in the cache, as products
    with a few vectors. Of images, mean and deviation are those of the pixels alone.
    """
    n, m = len(value), value.size // len(value)
    exact = value.dtype.itemsize > 2 and value.dtype != numpy.float32
    kind = numpy.float64 if exact else numpy.float32
    by_row = PIXELS not in (n, m) or n == PIXELS
    by_column = PIXELS not in (n, m) or m == PIXELS
    centre = value[: min(n, 100)].reshape(-1, m).astype(float).mean(axis=0).astype(kind)
    right, left = vector(m).astype(kind), vector(n).astype(kind)
    column = {"projection": numpy.zeros(m), "sum": numpy.zeros(m), "squares": numpy.zeros(m)}
    row = {name: numpy.zeros(n) for name in ("projection", "sum", "squares", "shift")}
    step = max(1, 262_144 // max(m, 1))
    ones = numpy.ones(max(m, step), kind)
    with numpy.errstate(all="ignore"):
        for start in range(0, n, step):
            part = slice(start, min(start + step, n))
            block = value[part].reshape(-1, m).astype(kind)
            block -= centre
            row["projection"][part] = block @ right
            column["projection"] += left[part] @ block
            if by_row:
                row["sum"][part] = block @ ones[:m]
                row["shift"][part] = block @ centre
            if by_column:
                column["sum"] += ones[: len(block)] @ block
            numpy.multiply(block, block, out=block)
            if by_row:
                row["squares"][part] = block @ ones[:m]
            if by_column:
                column["squares"] += ones[: len(block)] @ block
        centre = centre.astype(float)
        kept = {
            "row projection": row["projection"] + centre @ right.astype(float),
            "column projection": column["projection"] + left.astype(float).sum() * centre,
        }
        if by_row:
            # sum (x + c)^2 = sum x^2 + 2 x.c + c.c
            mean = (row["sum"] + centre.sum()) / m
            squares = (row["squares"] + 2 * row["shift"] + centre @ centre) / m
            kept["row mean"] = mean
            kept["row deviation"] = numpy.sqrt(numpy.maximum(squares - mean * mean, 0))
        if by_column:
            mean = column["sum"] / n
            squares = numpy.maximum(column["squares"] / n - mean * mean, 0)
            kept["column mean"] = mean + centre
            kept["column deviation"] = numpy.sqrt(squares)
    return kept


class Place:
    """A site under one call stack, with the path inside its value."""

    __slots__ = ("bytes", "count", "last", "light", "ndim", "prefix")

    def __init__(self, prefix):
        self.prefix, self.count, self.bytes, self.light, self.ndim = prefix, 0, 0, 0, 0
        self.last = {}  # the projections written last, by axis


class Probe:
    """The function that the rewritten program calls; it changes nothing and calls no other code."""

    def __init__(self, tape, settings):
        self.tape, self.settings = tape, settings
        self.places, self.stack_ids, self.keys = {}, {}, {}
        self.quiet, self.dead, self.reached, self.shapes = {}, set(), set(), {}
        self.peeks, self.light_bytes, self.projected = [], 0, 0
        self.fresh = time.time(), time.process_time()
        self.since = self.calls = 0  # probes since something new was recorded, and in all
        self.lock, self.owner = threading.Lock(), None
        self.torch_modules, self.leaves = {}, {}
        self.faults, self.fault = 0, None

    def __reduce__(self):
        """In another process the probes of a function that was sent there do nothing."""
        text = "type('Mute', (), {'__call__': lambda self, value, *sites: value, "
        text += "'peek': lambda self, *a: None, 'modules': lambda self, *a: None})()"
        return eval, (text,)

    def __call__(self, value, *sites):
        """Look at a value and return it; a tuple may have a site for each entry."""
        if type(value) in PASSED or not self.tape.open:
            if sites[0] not in self.reached:
                self.reached.update(sites)
        elif len(sites) == 1:
            if sites[0] not in self.dead:
                self.take(((sites[0], "", value),))
        elif type(value) in (tuple, list) and len(value) == len(sites):
            self.take([(site, "", part) for site, part in zip(sites, value)])
        return value

    def peek(self, number, *values):
        """Look at targets again after a statement has changed them."""
        if self.tape.open:
            self.take((), self.peeks[number], values)

    def modules(self, site):
        """Look at the parameters of all torch modules, and at all leaf tensors."""
        self.reached.add(site)
        if self.tape.open and (self.torch_modules or self.leaves):
            found = [(f"[{name}]", ref()) for name, ref in list(self.torch_modules.values())]
            found += [(f"[{name}]", ref()) for name, ref in list(self.leaves.values())]
            self.take([(site, path, value) for path, value in found if value is not None])

    def take(self, parts, peeked=(), values=()):
        thread = threading.get_ident()
        if self.owner == thread:
            return  # called by a finalizer of the program's while recording
        with self.lock:
            self.owner = thread
            try:
                if self.tape.open:
                    self.see(parts, peeked, values)
            except Exception:
                self.faults += 1
                self.fault = self.fault or traceback.format_exc()[-2000:]
            finally:
                self.tape.flush()
                self.owner = None

    def see(self, parts, peeked, values):
        if numpy is None and not import_numpy():
            parts = [part for part in parts if type(part[2]) in (int, float)]
        if peeked:
            parts = []
            for target in peeked:
                self.reached.add(target.site)
                parts += target.found(values, self)
        stack, new = None, False
        for site, path, value in parts:
            if site in self.dead:
                continue
            wrote = False
            for where, kind, item in look(value, self, site, path):
                if stack is None:
                    stack = self.stack()
                written, fresh = self.record(site, stack, where, kind, item)
                wrote, new = wrote or written, new or fresh
            self.settle(site, wrote)
        self.calls += 1
        if new:
            self.fresh, self.since = (time.time(), time.process_time()), 0
        else:
            self.since += 1
        if self.calls % 64 == 0:
            self.check_limits()

    def settle(self, site, wrote):
        """Count how many times in a row a site contributed nothing."""
        self.reached.add(site)
        if wrote:
            self.quiet[site] = 0
        else:
            self.quiet[site] = self.quiet.get(site, 0) + 1
            if self.quiet[site] > DEAD:
                self.dead.add(site)

    def check_limits(self):
        now = time.time()
        if self.tape.full:
            self.finish("size")
        if now - self.tape.started > self.settings["seconds"]:
            self.finish("time")
        # on a busy machine a second of the clock may be a tenth of the program's own
        quiet = min(now - self.fresh[0], time.process_time() - self.fresh[1])
        idle = self.settings["idle"]
        if self.since > 500 and quiet > idle and (quiet > 4 * idle or not self.pending()):
            self.finish("enough")

    def pending(self):
        """Whether a running loop has lines that were not reached yet, such as an evaluation."""
        loops = self.tape.loops
        running = {loops[site] for site in self.reached} - {None}
        unreached = set(range(len(loops))) - self.reached
        return any(loops[site] in running for site in unreached)

    def close(self, reason, **more):
        """End the recording."""
        self.tape.close(reason, faults=self.faults, fault=self.fault, **more)

    def finish(self, reason):
        """End the program at this point."""
        self.close(reason)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                continue
        EXIT(0)

    def record(self, site, stack, path, kind, item):
        """Record what was seen; return whether that was done, and whether the place is new."""
        key = (site, stack, path, None if kind == "v" else self.shape(site, stack, path, item))
        place = self.places.get(key)
        if place is None:
            if len(self.places) >= PLACES:
                return False, False
            place = self.places[key] = Place(f"{site},{stack},{json.dumps(path)}")
        if kind == "v":
            if place.count >= SCALARS or site in self.tape.inner:
                return False, False
            place.count += 1
            self.tape.text(f'["v",{place.prefix},{item!r}]\n')
            return True, place.count == 1
        if place.count >= HITS or (kind == "a" and self.enough(place, item)):
            if site in self.tape.calls:
                return False, False
            return self.record_light(place, site, kind, item), False
        if kind == "d":
            number = self.tape.summary(item)
            if number is None:
                return False, False
            if site in self.tape.inner:
                self.tape.whole(item)
        else:
            before = self.tape.size
            number = self.tape.array(item)
            if number is None:
                self.finish("size")
            place.bytes += self.tape.size - before  # what was recorded elsewhere costs nothing
        place.count += 1
        place.ndim = item.ndim
        self.tape.text(f'["{kind}",{place.prefix},{number}]\n')
        return True, place.count <= FEWEST

    def enough(self, place, item):
        """Whether large arrays of a place were recorded often enough."""
        crowded, huge = self.tape.size > CROWDED, item.nbytes > HUGE
        fewest = 1 if crowded else 2 if huge else FEWEST
        most = PLACE_BYTES // 4 if crowded else PLACE_BYTES
        return place.count >= fewest and (huge or place.bytes > most)

    def shape(self, site, stack, path, item):
        """The shape by which a place is distinguished; None if it has too many shapes."""
        known = self.shapes.setdefault((site, stack, path), set())
        if item.shape not in known:
            if len(known) >= SHAPES:
                return None
            known.add(item.shape)
        return item.shape

    def record_light(self, place, site, kind, item):
        """After a place's arrays: labels, and projections that identify the samples."""
        full = place.light >= LIGHT or self.light_bytes > LIGHT_BYTES
        if kind == "d" or full or item.ndim != place.ndim or item.size > LARGEST:
            return False
        if is_labels(item):
            number = self.tape.array(item)
            if number is None:
                self.finish("size")
            place.light += 1
            self.light_bytes += item.nbytes
            self.tape.text(f'["a",{place.prefix},{number}]\n')
            return True
        image = PIXELS in item.shape or (item.ndim > 2 and item[0].size == PIXELS)
        few = place.light >= FEW_LIGHT or self.projected >= ALL_LIGHT
        if not image and (few or site in self.tape.inner):
            return False
        kept, wrote = projections(item), False
        for axis, projected in kept:
            number = self.tape.array(projected)
            if number is None:
                self.finish("size")
            if place.last.get(axis) != number:
                place.last[axis], wrote = number, True
                self.light_bytes += projected.nbytes
                self.projected += not image
                self.tape.text(f'["p",{place.prefix},{axis},{number}]\n')
        place.light += wrote
        return wrote

    def stack(self):
        """The id of the user's frames, as (file, line, function) each, innermost first."""
        inner = frame = sys._getframe(4)
        key = [id(frame.f_code)]
        frame = frame.f_back
        while frame is not None and frame.f_code is not RUN and len(key) < 60:
            key.append(id(frame.f_code))
            key.append(frame.f_lasti)
            frame = frame.f_back
        key = tuple(key)
        number = self.stack_ids.get(key)
        if number is None:
            number = self.stack_ids[key] = self.tape.stack(self.frames(inner))
        return number

    def frames(self, frame):
        # the place itself is the site: of the innermost frame the function alone counts
        found = []
        while frame is not None and frame.f_code is not RUN and len(found) < 24:
            code = frame.f_code
            if code.co_filename in self.tape.files:
                line = frame.f_lineno if found else 0
                found.append((self.tape.files[code.co_filename], line, code.co_name))
            frame = frame.f_back
        return tuple(found)


def import_numpy():
    """Whether the program has imported NumPy; it is never imported on its behalf."""
    global numpy
    module = sys.modules.get("numpy")
    if module is None or not hasattr(module, "errstate") or not hasattr(module, "ndarray"):
        return False
    numpy = module
    return True


def is_labels(item):
    """Whether an array is a vector of integers or a small one-hot matrix."""
    if item.ndim == 1:
        return item.dtype.kind in "iu" and item.size <= 4096
    if item.ndim != 2 or item.nbytes > 16384 or item.dtype.kind not in "fiub":
        return False
    ones = item == 1
    return bool(((item == 0) | ones).all()) and int(ones.sum()) == max(item.shape)


def projections(item):
    """The projections of a matrix as (axis, vector); for images, one number per image."""
    if item.ndim > 2 and item[0].size == PIXELS:
        item = item.reshape(len(item), -1)
    if item.ndim != 2 or item.dtype.kind not in "fiu":
        return []
    n, m = item.shape
    if PIXELS in (n, m):
        axes = [0] if m == PIXELS else [1]
    else:
        axes = [0, 1] if max(n, m) <= 4096 else []
    with numpy.errstate(all="ignore"):
        item = item.astype(float) if item.dtype != float and axes else item
        return [(axis, vector(n) @ item if axis else item @ vector(m)) for axis in axes]


# Looking into values


def overrides(kind, base, *names):
    """Whether a subclass of a container has methods of its own, which must not be called."""
    return any(getattr(kind, name) is not getattr(base, name) for name in names)


def look(value, probe, site=None, path="", depth=0):
    """The arrays and numbers in a value, each with its path and kind."""
    kind = type(value)
    if kind is float or kind is int:
        if depth == 0 and abs(value) < 1e300:
            yield path, "v", value
    elif kind in PASSED:
        return
    elif numpy is not None and issubclass(kind, numpy.ndarray):
        yield from look_array(value, path, depth)
    elif numpy is not None and issubclass(kind, numpy.generic):
        if depth == 0 and value.dtype.kind in "fiu" and abs(float(value)) < 1e300:
            yield path, "v", float(value)
    elif issubclass(kind, (list, tuple)):
        base = list if issubclass(kind, list) else tuple
        known = depth < DEPTH and not overrides(kind, base, "__iter__", "__len__")
        for i, item in enumerate(value if known and len(value) <= LENGTH else ()):
            yield from look(item, probe, site, f"{path}[{i}]", depth + 1)
    elif issubclass(kind, dict):
        if depth < DEPTH and len(value) <= LENGTH:
            for i, (key, item) in enumerate(list(dict.items(value))):
                yield from look(item, probe, site, path + key_path(key, i), depth + 1)
    elif "torch" in sys.modules and is_torch(kind):
        yield from look_torch(value, probe, site, path, depth)
    elif depth < DEPTH and is_record(kind):
        held = instance_dict(value)
        if held is not MISSING and len(held) <= LENGTH:
            for name, item in list(held.items()):
                yield from look(item, probe, site, f"{path}.{name}", depth + 1)


def look_array(value, path, depth):
    if value.dtype.kind not in "fiub" or value.ndim > 4 or not value.size:
        return
    value = numpy.asarray(value)
    if value.size == 1:
        if depth == 0 and value.dtype.kind in "fiu":
            number = float(value.reshape(-1)[0])
            if abs(number) < 1e300:
                yield path, "v", number
    else:
        yield path, "d" if value.size > LARGEST else "a", value


def key_path(key, position):
    """The part of a path for a key."""
    if type(key) in (str, int, float, bytes, bool):
        return f"[{key!r}]" if len(repr(key)) <= 80 else f"[#{position}]"
    if type(key) is tuple and all(type(part) in (str, int, float) for part in key):
        return f"[{key!r}]"
    return f"[#{position}]"


def is_record(kind):
    """Whether values of a type are looked into: their makers assign nothing in the user's files."""
    return kind is types.SimpleNamespace or "__dataclass_fields__" in vars(kind)


def is_torch(kind):
    torch = sys.modules["torch"]
    tensor = getattr(torch, "Tensor", None)
    module = getattr(getattr(torch, "nn", None), "Module", None)
    return (tensor is not None and issubclass(kind, tensor)) or (
        module is not None and issubclass(kind, module)
    )


def look_torch(value, probe, site, path, depth):
    """Tensors as arrays, and the parameters and buffers of modules with their gradients."""
    torch = sys.modules["torch"]
    if issubclass(type(value), torch.Tensor):
        array = tensor_array(value, torch)
        if array is None or depth > DEPTH:
            return
        yield from look(array, probe, site, path, depth)
        if value.is_leaf and value.requires_grad:
            probe_leaf(value, probe, site, path)
            if value.grad is not None:
                grad = tensor_array(value.grad, torch)
                if grad is not None:
                    yield from look(grad, probe, site, path + ".grad", max(depth, 1))
        return
    probe_module(value, probe, site, path)
    named = list(value.named_parameters()) + list(value.named_buffers())
    for name, tensor in named[: 4 * LENGTH]:
        yield from look_torch(tensor, probe, None, f"{path}.{name}", 1)


def tensor_array(tensor, torch):
    """A tensor's values; None if it has none, as on the meta device or inside vmap."""
    if tensor.layout is not torch.strided or tensor.device.type == "meta":
        return None
    tensor = tensor.detach()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    try:
        return tensor.cpu().resolve_neg().numpy() if not tensor.is_complex() else None
    except RuntimeError:
        return None


def probe_module(module, probe, site, path):
    """Remember a module, so that its parameters are looked at after each step."""
    known = probe.torch_modules.get(id(module))
    if site is None or (known is not None and known[1]() is module):
        return
    parts = {id(part) for part in module.modules()}
    if any(
        ref() is not None and any(part is module for part in ref().modules())
        for _, ref in probe.torch_modules.values()
    ):
        return
    for part in parts & set(probe.torch_modules):
        del probe.torch_modules[part]
    name = probe.tape.names[site] + path
    taken = {other for other, _ in probe.torch_modules.values()}
    name = name if name not in taken else f"{name}#{len(taken)}"
    probe.torch_modules[id(module)] = (name, weakref.ref(module))


def probe_leaf(tensor, probe, site, path):
    """Remember a tensor with a gradient that belongs to no module."""
    known = probe.leaves.get(id(tensor))
    parameter = sys.modules["torch"].nn.Parameter
    if site is None or len(probe.leaves) > LENGTH or issubclass(type(tensor), parameter):
        return
    if known is None or known[1]() is None:
        probe.leaves[id(tensor)] = (probe.tape.names[site] + path, weakref.ref(tensor))


class TorchCalls:
    """Looks at the calls of torch's modules and losses, whose values no line need assign.

    A hook that torch calls after every forward pass sees input, output, parameters and buffers of
    a module without modules in it. The losses that are given logits or logarithms are replaced by
    functions that call them; of the probabilities that they compute inside, a copy is made with
    NumPy. The place of all this is the innermost line of the program.
    """

    def __init__(self, probe, torch):
        self.probe, self.torch = probe, torch
        self.sites, self.names = {}, {}
        compiler = getattr(torch, "compiler", None)
        self.compiling = getattr(compiler, "is_compiling", None) or (lambda: False)

    def install(self):
        register = getattr(self.torch.nn.modules.module, "register_module_forward_hook", None)
        if register is not None:
            register(self.called)
        functional = self.torch.nn.functional
        functional.cross_entropy = self.loss(functional.cross_entropy, of_logits)
        functional.nll_loss = self.loss(functional.nll_loss, of_logarithms)
        binary = functional.binary_cross_entropy_with_logits
        functional.binary_cross_entropy_with_logits = self.loss(binary, of_single_logits)

    def loss(self, kept, probabilities):
        """A loss of torch's whose arguments are looked at."""
        calls = self

        @functools.wraps(kept)
        def call(*args, **kwargs):
            result = kept(*args, **kwargs)
            if not calls.compiling():
                calls.lost(kept.__name__, args, kwargs, probabilities)
            return result

        # torch.jit.script compiles the function that this names
        call.__original_fn = kept
        call.__script_if_tracing_wrapper = True
        return call

    def lost(self, name, args, kwargs, probabilities):
        given = dict(zip(("input", "target"), args))
        given.update((key, kwargs[key]) for key in ("input", "target") if key in kwargs)
        place = self.place()
        if place is None or type(given.get("input")) is not self.torch.Tensor:
            return
        try:
            parts = []
            for key, value in given.items():
                self.add(parts, place, name + " " + key, "operand", value)
            s = tensor_array(given["input"], self.torch)
            if (
                parts
                and s is not None
                and s.ndim in (1, 2)
                and s.dtype.kind == "f"
                and s.size <= LARGEST
            ):
                p = probabilities(s)
                if p is not None:
                    parts.append((self.site(place, name + " p", "call"), "", p))
        except Exception:
            return  # tensors of a transform, which have no values
        self.probe.take(parts)

    def called(self, module, args, output):
        """What torch calls after a module's forward pass; it returns nothing."""
        if self.compiling() or not self.probe.tape.open or module.__dict__.get("_modules"):
            return
        if type(module).__module__ == "torch.nn.modules.loss":
            return
        place = self.place()
        if place is None:
            return
        try:
            self.see(place, module, args, output)
        except Exception:
            return

    def see(self, place, module, args, output):
        name, parts = self.name(module), []
        for group in ("_parameters", "_buffers"):
            for key, tensor in list(module.__dict__[group].items()):
                self.add(parts, place, name + "." + key, "operand", tensor)
        for value in args:
            self.add(parts, place, name + " input", "operand", value)
        if module.__dict__["_buffers"].get("running_mean") is not None:
            gradient = getattr(output, "requires_grad", False)
            mode = name + (".training" if gradient else ".training, no gradient")
            site = self.site(place, mode, "call")
            parts.append((site, "", int(module.training)))
        if isinstance(module, self.torch.nn.Dropout) and module.p > 0:
            mode = name + (
                ".dropping" if self.torch.is_grad_enabled() else ".dropping, no gradient"
            )
            parts.append((self.site(place, mode, "call"), "", int(module.training)))
        self.add(parts, place, name, "call", output)
        self.probe.take([part for part in parts if part[0] is not None])

    def add(self, parts, place, name, kind, value):
        """Adds the values of a matrix or vector."""
        if not isinstance(value, self.torch.Tensor) or value.numel() < 2 or value.dim() > 2:
            return
        array = tensor_array(value, self.torch)
        site = self.site(place, name, kind)
        if array is not None and site is not None:
            parts.append((site, "", array))

    def place(self):
        """File, line and function of the program's innermost frame; None where there is none."""
        files = self.probe.tape.files
        frame = sys._getframe(2)
        while frame is not None and frame.f_code is not RUN:
            if frame.f_code.co_filename in files:
                code = frame.f_code
                return files[code.co_filename], frame.f_lineno, code.co_name
            frame = frame.f_back
        return None

    def site(self, place, name, kind):
        """The id of a site; None where there are too many."""
        key = (*place, name, kind)
        if key not in self.sites and len(self.sites) < CALL_SITES:
            file, line, function = place
            node = types.SimpleNamespace(lineno=line, end_lineno=line)
            self.sites[key] = self.probe.tape.site(file, node, name, kind, function, None)
            self.probe.tape.calls.add(self.sites[key])
        return self.sites.get(key)

    def name(self, module):
        """A module's name in the largest module that it is part of, such as fc1."""
        known = self.names.get(id(module))
        if known is not None and known[0]() is module:
            return known[1]
        for _, ref in list(self.probe.torch_modules.values()):
            for name, part in ref().named_modules() if ref() is not None else ():
                if part is module:
                    self.names[id(module)] = (weakref.ref(module), name or "module")
                    return name or "module"
        return type(module).__name__


def of_single_logits(s):
    """The sigmoid of every entry of s."""
    return numpy.tanh(s / 2) / 2 + s.dtype.type(0.5)


def of_logits(s):
    """The softmax of each row of s (n, K); None if s is a vector."""
    if s.ndim != 2:
        return None
    with numpy.errstate(all="ignore"):
        e = numpy.exp(s - s.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


def of_logarithms(s):
    """The probabilities whose logarithms are in s (n, K); None if s does not contain logarithms."""
    if s.ndim != 2:
        return None
    with numpy.errstate(all="ignore"):
        p = numpy.exp(s)
        sums = p.sum(axis=0), p.sum(axis=1)
        return p if any((abs(total - 1) < 1e-4).all() for total in sums) else None


# Looking at a target once more, without calling anything of the program's


class Target:
    """An assignment's target as data: a site, and how to get from names to the value.

    A code is ("name", i), ("constant", value), ("attribute", code, name), ("item", code, code),
    ("tuple", codes), ("operation", symbol, codes), ("call", i, codes), ("format", text, codes) or
    ("join", codes). With `index`, the value is an entry of a container, or the array it is in.
    """

    def __init__(self, site, code, index=None, written=""):
        self.site, self.code, self.index, self.written = site, code, index, written

    def found(self, values, probe):
        """The parts to look at."""
        if self.site in probe.dead:
            return []
        value = evaluated(self.code, values)
        if value is MISSING:
            return []
        if self.index is None:
            return [(self.site, "", value)]
        key = evaluated(self.index, values)
        kind = type(value)
        if key is MISSING:
            return [(self.site, "", value)]
        if (numpy is not None and issubclass(kind, numpy.ndarray)) or is_tensor(kind):
            if type(key) is not int or value.ndim < 2:
                return [(self.site, "", value)]
            return [(self.site, self.written, value[key])] if key < len(value) else []
        if issubclass(kind, list) and type(key) is slice:
            return [(self.site, "", value)]
        entry = item_of(value, key)
        if entry is MISSING:
            return []
        if issubclass(kind, (list, tuple)) and type(key) is int and key < 0:
            key += len(value)
        return [(self.site, self.path(key, probe), entry)]

    def path(self, key, probe):
        """The path of an entry: its own, until a site has had too many."""
        keys = probe.keys.setdefault(self.site, set())
        if key not in keys and (len(keys) >= KEYS or (type(key) is int and key >= LENGTH)):
            return self.written
        keys.add(key)
        return key_path(key, len(keys))


class Attribute(Target):
    """A target of `setattr`, whose attribute name is computed."""

    def found(self, values, probe):
        base, name = evaluated(self.code, values), evaluated(self.index, values)
        if base is MISSING or type(name) is not str:
            return []
        value = attribute_of(base, name)
        return [] if value is MISSING else [(self.site, "." + name, value)]


OPERATIONS = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Mod": operator.mod,
    "FloorDiv": operator.floordiv,
    "USub": operator.neg,
    "UAdd": operator.pos,
}

CALLS = {"str": str, "int": int, "len": len, "repr": repr, "abs": abs}

SIMPLE = (int, str, float, bool)


def evaluated(code, values):
    """The value of a code, or MISSING if getting it could call the program's own code."""
    kind = code[0]
    if kind == "name":
        return values[code[1]]
    if kind == "constant":
        return code[1]
    if kind == "attribute":
        base = evaluated(code[1], values)
        return MISSING if base is MISSING else attribute_of(base, code[2])
    if kind == "item":
        base, key = evaluated(code[1], values), evaluated(code[2], values)
        return MISSING if base is MISSING or key is MISSING else item_of(base, key)
    parts = [evaluated(part, values) for part in code[-1]]
    if any(part is MISSING for part in parts):
        return MISSING
    if kind == "tuple":
        return tuple(parts)
    if kind == "call":
        allowed = SIMPLE + ((list, tuple, dict) if code[2] == "len" else ())
        if values[code[1]] is not CALLS[code[2]] or any(type(p) not in allowed for p in parts):
            return MISSING
        return CALLS[code[2]](*parts)
    if any(type(part) not in SIMPLE for part in parts):
        return MISSING
    if kind == "operation":
        return OPERATIONS[code[1]](*parts)
    if kind == "format":
        return code[1].format(*parts)
    return "".join(map(str, parts))


def is_tensor(kind):
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and issubclass(kind, tensor)


def item_of(base, key):
    """base[key] for containers whose item lookup is known."""
    kind = type(base)
    if issubclass(kind, dict):
        simple = type(key) in SIMPLE or (
            type(key) is tuple and all(type(part) in SIMPLE for part in key)
        )
        return dict.get(base, key, MISSING) if simple else MISSING
    if issubclass(kind, (list, tuple)):
        owner = list if issubclass(kind, list) else tuple
        if type(key) is int and -owner.__len__(base) <= key < owner.__len__(base):
            return owner.__getitem__(base, key)
        return MISSING
    if numpy is not None and issubclass(kind, numpy.ndarray):
        if value_like_key(key):
            return numpy.asarray(base)[key]
    elif is_tensor(kind) and value_like_key(key):
        return base.detach()[key]
    else:
        held = attribute_of(base, "_modules") if "torch" in sys.modules else MISSING
        if type(held) is dict or type(held).__name__ == "OrderedDict":
            return dict.get(held, str(key), MISSING)
    return MISSING


def value_like_key(key):
    return type(key) is int or (type(key) is tuple and all(type(part) is int for part in key))


def instance_dict(value):
    try:
        return object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return MISSING


def attribute_of(base, name):
    """base.name, without calling a property or __getattr__ of the program's."""
    kind = type(base)
    if numpy is not None and issubclass(kind, numpy.ndarray):
        return base.T if name == "T" else MISSING
    if is_tensor(kind):
        if name == "grad" and not base.is_leaf:
            return MISSING
        return getattr(base, name) if name in ("data", "grad", "T") else MISSING
    if issubclass(kind, type):
        for owner in base.__mro__:
            if name in vars(owner):
                found = vars(owner)[name]
                return MISSING if hasattr(type(found), "__get__") else found
        return MISSING
    found = MISSING
    for owner in kind.__mro__:
        if name in vars(owner):
            found = vars(owner)[name]
            break
    if hasattr(type(found), "__set__"):
        if type(found) is types.MemberDescriptorType:
            try:
                return found.__get__(base, kind)
            except AttributeError:
                return MISSING
        return MISSING
    held = instance_dict(base)
    if type(held) is dict and name in held:
        return held[name]
    if type(held) is dict and "_parameters" in held:
        for group in ("_parameters", "_buffers", "_modules"):
            if name in (held.get(group) or {}):
                return held[group][name]
    if found is not MISSING:
        return MISSING if hasattr(type(found), "__get__") else found
    return dict.get(base, name, MISSING) if issubclass(kind, dict) else MISSING


# Rewriting

PRODUCTS = ("dot", "matmul", "einsum", "tensordot", "inner", "mm", "addmm", "linear", "multi_dot")

ACTIVATIONS = ("relu", "leaky_relu", "clamp", "clamp_min")
"""Functions and methods of torch whose results are recorded inside expressions."""

MODULE_NAMES = ("np", "numpy", "torch", "F", "nn", "scipy", "cp", "jnp", "linalg")

CHANGES_ITSELF = ("fill", "sort", "extend", "insert", "update", "setdefault", "put", "itemset")
CHANGES_ITSELF += ("resize", "partition", "reverse", "setflags", "appendleft")
"""Methods that change the object they belong to."""

CHANGES_FIRST = ("copyto", "shuffle", "put", "place", "putmask", "fill_diagonal", "at")
CHANGES_FIRST += ("put_along_axis", "normal_", "uniform_", "zeros_", "ones_", "constant_")
CHANGES_FIRST += ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_")
"""Functions that change their first argument."""

OUTPUT_AT = {"add": 2, "subtract": 2, "multiply": 2, "divide": 2, "true_divide": 2, "dot": 2}
OUTPUT_AT.update({"maximum": 2, "minimum": 2, "matmul": 2, "power": 2, "exp": 1, "log": 1})
OUTPUT_AT.update({"sqrt": 1, "square": 1, "negative": 1, "tanh": 1, "reciprocal": 1})
"""Position of the output among the arguments of NumPy's functions."""

COMPILERS = ("jit", "njit", "vectorize", "guvectorize", "stencil", "pythran", "script")
"""Names of decorators that compile a function from its bytecode, which a probe would prevent."""


class Rewrite(ast.NodeTransformer):
    """Adds a probe to every value that is assigned, returned, passed in or multiplied."""

    def __init__(self, probe, file, text, tree):
        self.probes, self.tape, self.file = probe, probe.tape, file
        self.lines = [line.encode() for line in re.split("\r\n|\r|\n", text)]
        self.function, self.classes, self.loops = ["<module>"], [], [None]
        self.compiled = {
            arg.id
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and called(call.func) in COMPILERS
            for arg in call.args
            if isinstance(arg, ast.Name)
        }

    # names

    def name(self, node):
        """An expression as its author wrote it."""
        end = getattr(node, "end_lineno", None)
        if end is None or node.lineno > len(self.lines):
            text = type(node).__name__
        elif end == node.lineno:
            raw = self.lines[node.lineno - 1][node.col_offset : node.end_col_offset]
            text = raw.decode("utf-8", "replace")
        elif hasattr(ast, "unparse"):
            text = ast.unparse(node)
        else:
            parts = list(self.lines[node.lineno - 1 : end])
            parts[-1] = parts[-1][: node.end_col_offset]
            parts[0] = parts[0][node.col_offset :]
            text = " ".join(part.decode("utf-8", "replace").strip() for part in parts)
        return text if len(text) <= 120 else text[:117] + "..."

    def mangled(self, name):
        """An attribute's name as the compiler sees it in a class."""
        if not self.classes or not name.startswith("__") or name.endswith("__") or "." in name:
            return name
        owner = self.classes[-1].lstrip("_")
        return f"_{owner}{name}" if owner else name

    # probes

    def site(self, node, name, kind):
        return self.tape.site(self.file, node, name, kind, self.function[-1], self.loops[-1])

    def probe(self, value, node, *named):
        """A call that looks at a value and returns it."""
        sites = [ast.Constant(self.site(node, name, kind)) for name, kind in named]
        call = ast.Call(ast.Name(PROBE, ast.Load()), [value, *sites], [])
        return placed(call, value)

    def peek(self, node, targets, kind):
        """A list of at most one statement that looks at targets after a statement."""
        names, found = [], []
        for target in targets:
            made = self.target(target, names, node, kind)
            if made is not None:
                found.append(made)
        return [self.peek_statement(node, found, names)] if found else []

    def peek_statement(self, node, found, names):
        self.probes.peeks.append(found)
        function = ast.Attribute(ast.Name(PROBE, ast.Load()), "peek", ast.Load())
        number = ast.Constant(len(self.probes.peeks) - 1)
        call = ast.Call(function, [number, *(ast.Name(name, ast.Load()) for name in names)], [])
        return placed(ast.Expr(call), node)

    def target(self, node, names, place, kind):
        """A target as data; None where looking at it could do something."""
        if isinstance(node, ast.Starred):
            node = node.value
        if isinstance(node, ast.Subscript):
            base, index = encoded(node.value, names, self), unwrapped(node.slice)
            if base is None:
                return None
            if sliced(index):
                return Target(self.site(place, self.name(node.value), item(kind)), base)
            code, name = encoded(index, names, self), self.name(node.value)
            if code is None:
                return Target(self.site(place, name, item(kind)), base)
            return Target(self.site(place, name, kind), base, code, f"[{self.name(index)}]")
        code = encoded(node, names, self)
        return None if code is None else Target(self.site(place, self.name(node), kind), code)

    # statements

    def visit_Assign(self, node):
        self.generic_visit(node)
        after = []
        for target in node.targets:
            after += self.assigned(node, target)
        return [node, *after]

    def assigned(self, node, target):
        """Probes the value of one target; returns the statements that come after."""
        if isinstance(target, (ast.Tuple, ast.List)):
            return self.peek(node, flat(target), "assign")
        if isinstance(target, ast.Subscript):
            names = []
            known = encoded(unwrapped(target.slice), names, self) or sliced(target.slice)
            if known and encoded(target.value, names, self):
                return self.peek(node, [target], "assign")
        if worth(node.value):
            node.value = self.probe(node.value, node, (self.name(target), "assign"))
        return []

    def visit_AnnAssign(self, node):
        node.target = self.visit(node.target)
        if node.value is not None:
            node.value = self.visit(node.value)
            if worth(node.value):
                node.value = self.probe(node.value, node, (self.name(node.target), "assign"))
        return node

    def visit_NamedExpr(self, node):
        self.generic_visit(node)
        if worth(node.value):
            node.value = self.probe(node.value, node, (self.name(node.target), "assign"))
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        return [node, *self.peek(node, [node.target], "augmented")]

    def visit_Return(self, node):
        value = node.value
        if value is None:
            return node
        tuple_of = value.elts if isinstance(value, ast.Tuple) else None
        if tuple_of and not any(isinstance(part, ast.Starred) for part in tuple_of):
            named = [(self.name(part), "return") for part in tuple_of]
        else:
            named = [(self.name(value), "return")]
        self.generic_visit(node)
        if worth(node.value):
            node.value = self.probe(node.value, node, *named)
        return node

    def visit_Yield(self, node):
        if node.value is not None:
            name = self.name(node.value)
            self.generic_visit(node)
            if worth(node.value):
                node.value = self.probe(node.value, node, (name, "return"))
        return node

    def visit_Expr(self, node):
        self.generic_visit(node)
        call = node.value
        if not isinstance(call, ast.Call) or is_probe(call):
            return node
        after = self.changed(node, call)
        if called(call.func) in ("backward", "step", "zero_grad"):
            number = ast.Constant(self.site(node, self.name(call.func), "module"))
            seen = ast.Attribute(ast.Name(PROBE, ast.Load()), "modules", ast.Load())
            after.append(placed(ast.Expr(ast.Call(seen, [number], [])), node))
        return [node, *after]

    def changed(self, node, call):
        """What a call whose result is not used changes."""
        name, targets = called(call.func), []
        base = call.func.value if isinstance(call.func, ast.Attribute) else None
        if name == "append" and base is not None and len(call.args) == 1:
            if not isinstance(call.args[0], ast.Starred) and worth(call.args[0]):
                named = (self.name(base) + "[-1]", "assign")
                call.args[0] = self.probe(call.args[0], node, named)
            return []
        if name in ("setattr", "__setattr__") and len(call.args) == 3:
            names = []
            owner, attribute = (encoded(part, names, self) for part in call.args[:2])
            if owner is None or attribute is None:
                return []
            site = self.site(node, self.name(call.args[0]), "assign")
            return [self.peek_statement(node, [Attribute(site, owner, attribute)], names)]
        targets += [word.value for word in call.keywords if word.arg == "out"]
        if base is not None and (name in CHANGES_ITSELF or name.endswith("_")):
            targets.append(base)
        if name in CHANGES_FIRST and call.args:
            targets.append(call.args[0])
        if name in OUTPUT_AT and len(call.args) > OUTPUT_AT[name]:
            targets.append(call.args[OUTPUT_AT[name]])
        targets = [part for target in targets for part in flat(target)]
        return self.peek(node, [bare(target) for target in targets], "augmented")

    def visit_Call(self, node):
        if called(node.func) in COMPILERS:
            node.args = [a if isinstance(a, ast.Lambda) else self.visit(a) for a in node.args]
            return node
        if called(node.func) not in PRODUCTS or any(isinstance(a, ast.Starred) for a in node.args):
            name = self.name(node)
            node = self.with_expressions(node)
            if isinstance(node.func, ast.Attribute) and node.func.attr in ACTIVATIONS:
                return self.probe(node, node, (name, "product"))
            return node
        name = self.name(node)
        names = [self.name(argument) for argument in node.args]
        self.generic_visit(node)
        node.args = [self.operand(a, text, node) for a, text in zip(node.args, names)]
        if isinstance(node.func, ast.Attribute) and plain(node.func.value):
            base = node.func.value
            if not isinstance(base, ast.Name) or base.id not in MODULE_NAMES:
                node.func.value = self.operand(base, self.name(base), node)
        return self.probe(node, node, (name, "product"))

    def with_expressions(self, node):
        """A call whose arguments are seen where they are computed in place: maximum(0, a + b)."""
        values = node.args + [keyword.value for keyword in node.keywords]
        names = [self.name(v) if isinstance(v, ast.BinOp) else None for v in values]
        self.generic_visit(node)
        given = len(node.args)
        for at, name in enumerate(names):
            if name is None:
                continue
            if at < given:
                node.args[at] = self.operand(node.args[at], name, node)
            else:
                keyword = node.keywords[at - given]
                keyword.value = self.operand(keyword.value, name, node)
        return node

    def visit_BinOp(self, node):
        if not isinstance(node.op, ast.MatMult):
            return self.generic_visit(node)
        names = self.name(node), self.name(node.left), self.name(node.right)
        self.generic_visit(node)
        node.left = self.operand(node.left, names[1], node)
        node.right = self.operand(node.right, names[2], node)
        return self.probe(node, node, (names[0], "product"))

    def operand(self, value, name, node):
        if isinstance(value, ast.Constant) or is_probe(value):
            return value
        return self.probe(value, node, (name, "operand"))

    # blocks

    def visit_For(self, node):
        node.iter = self.visit(node.iter)
        node.target = self.visit(node.target)
        self.loops.append((self.file, node.lineno))
        node.body = self.statements(node.body)
        node.body[:0] = self.peek(node.target, flat(node.target), "loop")
        self.loops.pop()
        node.orelse = self.statements(node.orelse)
        return node

    visit_AsyncFor = visit_For

    def visit_While(self, node):
        node.test = self.visit(node.test)
        self.loops.append((self.file, node.lineno))
        node.body = self.statements(node.body)
        self.loops.pop()
        node.orelse = self.statements(node.orelse)
        return node

    def visit_With(self, node):
        self.generic_visit(node)
        for entry in reversed(node.items):
            if entry.optional_vars is not None:
                target = entry.optional_vars
                node.body[:0] = self.peek(target, flat(target), "assign")
        return node

    visit_AsyncWith = visit_With

    def visit_match_case(self, node):
        self.generic_visit(node)
        names = [
            getattr(part, "rest", None) or getattr(part, "name", None)
            for part in ast.walk(node.pattern)
        ]
        found, place = [], node.pattern
        used = [name for name in names if name]
        for i, name in enumerate(used):
            found.append(Target(self.site(place, name, "assign"), ("name", i)))
        if found:
            node.body.insert(0, self.peek_statement(place, found, used))
        return node

    def statements(self, body):
        found = []
        for statement in body:
            made = self.visit(statement)
            found += made if isinstance(made, list) else [made]
        return found

    def visit_FunctionDef(self, node):
        node.decorator_list = [self.visit(part) for part in node.decorator_list]
        self.defaults(node.args)
        compiled = any(
            called(part.func if isinstance(part, ast.Call) else part) in COMPILERS
            for part in map(bare, node.decorator_list)
        )
        if compiled or node.name in self.compiled:
            return node
        documented = ast.get_docstring(node, clean=False) is not None
        self.enter(node.name)
        looks = [
            placed(ast.Expr(self.probe(ast.Name(a.arg, ast.Load()), a, (a.arg, "argument"))), node)
            for a in arguments(node.args)
        ]
        at = 1 if documented else 0
        node.body = node.body[:at] + looks + self.statements(node.body[at:])
        self.leave()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self.defaults(node.args)
        name = self.name(node.body)
        self.enter("<lambda>")
        looks = [
            self.probe(placed(ast.Name(a.arg, ast.Load()), node), a, (a.arg, "argument"))
            for a in arguments(node.args)
        ]
        body = self.visit(node.body)
        body = self.probe(body, node, (name, "return")) if worth(body) else body
        if looks:
            parts = placed(ast.Tuple([*looks, body], ast.Load()), node)
            body = placed(ast.Subscript(parts, ast.Constant(-1), ast.Load()), node)
            if sys.version_info < (3, 9):
                body.slice = placed(ast.Index(ast.Constant(-1)), node)
        node.body = body
        self.leave()
        return node

    def defaults(self, args):
        args.defaults = [self.visit(part) for part in args.defaults]
        args.kw_defaults = [part and self.visit(part) for part in args.kw_defaults]

    def visit_ClassDef(self, node):
        node.decorator_list = [self.visit(part) for part in node.decorator_list]
        node.bases = [self.visit(part) for part in node.bases]
        node.keywords = [self.visit(part) for part in node.keywords]
        self.enter(node.name)
        self.classes.append(node.name)
        node.body = self.statements(node.body)
        self.classes.pop()
        self.leave()
        return node

    def enter(self, name):
        self.function.append(name)
        self.loops.append(None)

    def leave(self):
        self.function.pop()
        self.loops.pop()

    def visit_JoinedStr(self, node):
        return node

    def visit_TemplateStr(self, node):
        return node

    def visit_TypeAlias(self, node):
        return node


def placed(node, place):
    """A new node with the position of another, in all its parts that have none."""
    for part in ast.walk(node):
        if "lineno" in part._attributes and not hasattr(part, "lineno"):
            ast.copy_location(part, place)
    return node


def called(function):
    """The last part of a called name."""
    return getattr(function, "attr", getattr(function, "id", ""))


def arguments(args):
    """A function's arguments without `self` and `cls`."""
    first = getattr(args, "posonlyargs", []) + args.args
    first = first[1:] if first and first[0].arg in ("self", "cls") else first
    rest = [args.vararg] if args.vararg else []
    rest += args.kwonlyargs + ([args.kwarg] if args.kwarg else [])
    return first + rest


def flat(target):
    """The targets in a tuple of targets."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for entry in target.elts for part in flat(entry)]
    return [target]


def worth(node):
    """Whether an expression can have an array or a number as its value."""
    if isinstance(node, ast.Constant):
        return type(node.value) in (int, float)
    return not isinstance(node, (ast.JoinedStr, ast.Lambda))


def item(kind):
    return "item" if kind == "assign" else kind


def unwrapped(index):
    """An index without the wrapper that Python 3.8 puts around it."""
    return index.value if type(index).__name__ == "Index" else index


def sliced(index):
    """Whether an index takes a part of an array, never an entry of a container."""
    index = unwrapped(index)
    if isinstance(index, (ast.Slice, ast.Compare, ast.List)) or type(index).__name__ == "ExtSlice":
        return True
    if isinstance(index, ast.Constant):
        return index.value is Ellipsis
    if isinstance(index, ast.Tuple):
        return any(sliced(part) or not isinstance(part, SIMPLE_NODES) for part in index.elts)
    return isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.Invert)


SIMPLE_NODES = (ast.Name, ast.Constant, ast.JoinedStr)


def encoded(node, names, rewrite):
    """An expression as a code of `Target`; None where evaluating it could do something."""

    def parts(nodes):
        made = [encoded(part, names, rewrite) for part in nodes]
        return None if any(part is None for part in made) else tuple(made)

    node, found = bare(node), None
    if isinstance(node, ast.Name):
        if node.id not in names:
            names.append(node.id)
        return ("name", names.index(node.id))
    if isinstance(node, ast.Constant):
        simple = type(node.value) in SIMPLE or node.value is None
        return ("constant", node.value) if simple else None
    if isinstance(node, ast.Attribute):
        found = parts([node.value])
        return found and (
            "attribute",
            found[0],
            rewrite.mangled(node.attr) if rewrite else node.attr,
        )
    if isinstance(node, ast.Subscript):
        found = parts([node.value, unwrapped(node.slice)])
        return found and ("item", *found)
    if isinstance(node, ast.Tuple):
        found = parts(node.elts)
        return found and ("tuple", found)
    if isinstance(node, (ast.BinOp, ast.UnaryOp)) and type(node.op).__name__ in OPERATIONS:
        both = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.operand]
        found = parts(both)
        return found and ("operation", type(node.op).__name__, found)
    if isinstance(node, ast.Call) and not node.keywords and node.args:
        return encoded_call(node, parts, names)
    if isinstance(node, ast.JoinedStr):
        plain_parts = [p.value if isinstance(p, ast.FormattedValue) else p for p in node.values]
        formatted = [p for p in node.values if isinstance(p, ast.FormattedValue)]
        if any(p.format_spec is not None or p.conversion != -1 for p in formatted):
            return None
        found = parts(plain_parts)
        return found and ("join", found)
    return None


def encoded_call(node, parts, names):
    """A call that only makes a key: str(i), len(x), "W{}".format(i)."""
    if isinstance(node.func, ast.Name) and node.func.id in CALLS and len(node.args) == 1:
        found = parts(node.args)
        if found and node.func.id not in names:
            names.append(node.func.id)
        return found and ("call", names.index(node.func.id), node.func.id, found)
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        text = node.func.value
        if isinstance(text, ast.Constant) and type(text.value) is str:
            found = parts(node.args)
            return found and ("format", text.value, found)
    return None


def plain(node):
    """Whether an expression is a name with attributes and indices."""
    return encoded(node, [], None) is not None


def is_probe(node):
    return isinstance(node, ast.Call) and getattr(node.func, "id", None) == PROBE


def bare(node):
    """A node without the probe around it."""
    return node.args[0] if is_probe(node) else node


def rewritten(text, label, path, probe):
    """The code object of a user's file, with its probes."""
    tree = ast.parse(text, path)
    try:
        file = probe.tape.file(label, path, text)
        tree = Rewrite(probe, file, text, tree).visit(tree)
        probe.tape.flush()
        ast.fix_missing_locations(tree)
        return compile(tree, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, TypeError, AttributeError, RecursionError):
        fault = traceback.format_exc()[-2000:]
    code = compile(text, path, "exec", dont_inherit=True)
    probe.faults += 1
    probe.fault = probe.fault or fault
    return code


# The program's own modules


class Loader(importlib.machinery.SourceFileLoader):
    """Imports a file of the user's with its probes."""

    def __init__(self, name, path, root, probe):
        super().__init__(name, path)
        self.root, self.probe = root, probe

    def get_code(self, fullname):
        with OPEN(self.path, "rb") as file:
            text = importlib.util.decode_source(file.read())
        try:
            label = os.path.relpath(self.path, self.root)
        except ValueError:
            label = os.path.basename(self.path)
        return rewritten(text, label, self.path, self.probe)

    def exec_module(self, module):
        module.__dict__[PROBE] = self.probe
        super().exec_module(module)


class Finder(importlib.abc.MetaPathFinder):
    """Finds the user's own modules: in the program's folder, and in those it adds to sys.path."""

    def __init__(self, root, probe, settings, served):
        self.root, self.probe, self.served = root, probe, served
        self.hidden = set(settings.get("hidden", ()))
        self.hidden_root = os.path.realpath(settings.get("hidden_root") or os.sep)
        self.installed = {os.path.abspath(path) for path in sys.path if path} - {root}

    def find_spec(self, name, path, target=None):
        if name == "torchvision.datasets.cifar":
            return self.torchvision(name, path)
        if name in self.hidden and path is None:
            return self.not_ours(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        origin = getattr(spec, "origin", None)
        if origin and origin.endswith(".py") and self.own(os.path.abspath(origin)):
            spec.loader = Loader(name, os.path.abspath(origin), self.root, self.probe)
            return spec
        return None

    def not_ours(self, name):
        """The program's module of that name; ours is as good as not installed."""
        spec = importlib.machinery.PathFinder.find_spec(name, None)
        origin = getattr(spec, "origin", None)
        ours = os.path.join(self.hidden_root, name)
        real = os.path.realpath(origin) if origin else ours + os.sep
        if spec is None or real.startswith((ours + os.sep, ours + ".py")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if origin.endswith(".py") and self.own(os.path.abspath(origin)):
            spec.loader = Loader(name, os.path.abspath(origin), self.root, self.probe)
        return spec

    def own(self, origin):
        added = {os.path.abspath(path or os.curdir) for path in sys.path} - self.installed
        for root in (self.root, *added):
            if origin.startswith(root.rstrip(os.sep) + os.sep):
                inside = origin[len(root) :] if root == self.root else origin
                inside = inside.replace(os.sep, "/")
                return not re.search(r"(site|dist)-packages/|/lib(64)?/python|/Lib/", inside)
        return False

    def torchvision(self, name, path):
        """torchvision's CIFAR10 takes the files that are served, whatever their MD5s."""
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or self.served is None:
            return spec
        run, served = spec.loader.exec_module, self.served

        def exec_module(module):
            run(module)
            check = module.check_integrity
            module.check_integrity = lambda fpath, md5=None: (
                check(fpath, md5) or served.instead(fpath) is not None
            )

        spec.loader.exec_module = exec_module
        return spec


# Notebooks

RUNS_ITS_BODY = ("%%time", "%%capture", "%%prun", "%%timeit")


def cells(path):
    """The code cells of a notebook as (label, text), without magics."""
    with OPEN(path, encoding="utf-8") as file:
        book = json.load(file)
    found = book.get("cells")
    if found is None:
        found = [cell for sheet in book.get("worksheets", []) for cell in sheet.get("cells", [])]
    number = 0
    for cell in found:
        if cell.get("cell_type") != "code":
            continue
        number += 1
        text = cell.get("source", cell.get("input", ""))
        text = text if isinstance(text, str) else "".join(text)
        yield f"cell {number}", without_magics(text)


def without_magics(text):
    """A cell as Python, with the same lines; "" for a cell of another language."""
    try:
        ast.parse(text)
        return text
    except (SyntaxError, ValueError):
        pass
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if lines[first].split()[0] not in RUNS_ITS_BODY:
            return ""
        lines[first] = ""
    done = []
    for line in lines:
        done.append(line if unfinished(done) else without_magic(line))
    return "\n".join(done)


def unfinished(lines):
    """Whether lines end inside brackets, a string, or before a continuation."""
    if lines and lines[-1].rstrip().endswith("\\"):
        return True
    try:
        for _ in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
            continue
    except tokenize.TokenError as error:
        return "EOF" in str(error) or "unterminated triple" in str(error)
    except (IndentationError, SyntaxError):
        return False
    return False


def without_magic(line):
    """A line of a cell; `pass` for a magic or a shell command, so that its block stays whole."""
    bare_line = line.lstrip()
    space = line[: len(line) - len(bare_line)]
    timed = re.match(r"%time\s+(?!-)(.+)", bare_line)
    if timed:
        return space + timed[1]
    if bare_line.startswith(("%", "!", "?")):
        return space + "pass"
    assigned = re.match(r"([\w.,\s]+?)\s*=\s*([!%])\s*(.*)", bare_line)
    if assigned:
        timed = re.match(r"time\s+(.+)", assigned[3]) if assigned[2] == "%" else None
        return f"{space}{assigned[1]} = {timed[1] if timed else '[]'}"
    if re.match(r"[\w.]+\?{1,2}\s*$", bare_line):
        return space + "pass"
    return line


class Shell:
    """What `get_ipython()` returns: it takes every call and does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


# CIFAR-10


class Served:
    """Lets the program open by name the files of CIFAR-10 that it does not find."""

    def __init__(self, folder, home, tape):
        self.home, self.tape, self.files, self.folders = home, tape, {}, {}
        for place, folders, files in os.walk(folder) if folder else ():
            for name in files:
                self.files.setdefault(name, os.path.join(place, name))
            for name in folders:
                self.folders.setdefault(name, os.path.join(place, name))
        self.stat, self.listdir, self.scandir = os.stat, os.listdir, os.scandir
        self.access = os.access

    def there(self, path):
        try:
            self.stat(path)
            return True
        except (OSError, ValueError):
            return False

    def text(self, path):
        """A path as text; None for a descriptor, bytes, or a path that exists."""
        if not isinstance(path, (str, os.PathLike)):
            return None
        path = os.fspath(path)
        return None if not isinstance(path, str) or self.there(path) else path

    def instead(self, path, matlab=False):
        """The file or folder to use for a path that does not exist; None if there is none."""
        text = self.text(path)
        if not text:
            return None
        name = text.replace("\\", "/").rstrip("/").split("/")[-1]
        found = self.files.get(name + ".mat") if matlab else None
        found = found or self.files.get(name) or self.folder(name)
        if found is not None:
            self.tape.serve(text, found)
        return found

    def folder(self, name):
        if name in self.folders:
            return self.folders[name]
        small = name.lower()
        if "." in small or not re.search(r"cifar|batches[-_]?(py|mat|bin)", small):
            return None
        if re.search(r"100|result|fig|plot|out|log|model|save|check|weight|image|pic", small):
            return None
        for layout in ("mat", "bin"):
            if layout in small:
                return self.folders.get(f"cifar-10-batches-{layout}")
        return self.folders.get("cifar-10-batches-py")

    def beside(self, path):
        """The file of a relative path as seen from the program's folder."""
        text = self.text(path)
        if not text or os.path.isabs(text):
            return None
        text = os.path.join(self.home, text)
        return text if self.there(text) else None

    def install(self):
        import pathlib  # before Python 3.11 it keeps the functions that `os` has by then

        self.install_open()
        instead = self.instead

        def replaced(kept):
            @functools.wraps(kept)
            def call(path=os.curdir, *args, **kwargs):
                found = instead(path) if kwargs.get("dir_fd") is None else None
                return kept(path if found is None else found, *args, **kwargs)

            for able in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
                if kept in able:
                    able.add(call)
            return call

        for name in ("stat", "listdir", "scandir", "access"):
            setattr(os, name, replaced(getattr(self, name)))
        for name in ("exists", "isfile", "isdir"):
            if isinstance(getattr(os.path, name), types.BuiltinFunctionType):
                setattr(os.path, name, replaced(getattr(os.path, name)))
        accessor = getattr(pathlib, "_NormalAccessor", None)
        for name in ("stat", "listdir", "scandir"):
            if hasattr(accessor, name):
                setattr(accessor, name, staticmethod(getattr(os, name)))

    def install_open(self):
        kept = io.open

        @functools.wraps(kept)
        def opened(file, mode="r", *args, **kwargs):
            if isinstance(mode, str) and not set(mode) & set("wax+"):
                asker = sys._getframe(1).f_globals.get("__name__", "")
                found = self.instead(file, str(asker).startswith("scipy.io")) or self.beside(file)
                if found is not None:
                    file = found
                    kwargs.pop("opener", None)
            return kept(file, mode, *args, **kwargs)

        builtins.open = io.open = opened

    def install_numpy(self, module):
        """`numpy.fromfile` opens a file by its name itself."""
        kept = module.fromfile

        @functools.wraps(kept)
        def fromfile(file, *args, **kwargs):
            found = self.instead(file) or self.beside(file)
            return kept(file if found is None else found, *args, **kwargs)

        module.fromfile = fromfile


def without_windows(matplotlib):
    """Keeps figures off where a program asks for windows, which may not be had here."""
    matplotlib.use = lambda *args, **kwargs: None


class AfterImport(importlib.abc.MetaPathFinder):
    """Serves `numpy.fromfile`, looks at torch's calls and keeps figures off, once these packages
    have been imported."""

    def __init__(self, served, probe):
        self.install = {
            "numpy": served.install_numpy,
            "torch": lambda torch: TorchCalls(probe, torch).install(),
            "matplotlib": without_windows,
        }

    def find_spec(self, name, path, target=None):
        if name not in self.install:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        run, install = spec.loader.exec_module, self.install[name]

        def exec_module(module):
            run(module)
            install(module)

        spec.loader.exec_module = exec_module
        return spec


# Running

EXIT = os._exit


def run(code, namespace):
    """Runs a part of the program; its frames end here."""
    exec(code, namespace)


RUN = run.__code__


def main():
    with OPEN(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    program = os.path.abspath(sys.argv[2])
    root = os.path.dirname(program)
    tape = Tape(settings["folder"], settings["bytes"])
    probe = Probe(tape, settings)
    set_path(root, settings)
    sys.argv = [sys.argv[2], *sys.argv[3:]]
    served = Served(settings.get("data"), root, tape)
    served.install()
    setattr(builtins, PROBE, probe)
    sys.meta_path[:0] = [Finder(root, probe, settings, served), AfterImport(served, probe)]
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: setattr(tape, "open", False))
    os._exit = lambda status: (tape.close("exit", status=str(status)), EXIT(status))[1]
    module = types.ModuleType("__main__")
    module.__dict__.update({"__builtins__": builtins, "__cached__": None, PROBE: probe})
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    kept = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        named = program if sys.version_info >= (3, 9) else sys.argv[0]  # as tracebacks name it
        run_program(named, module, probe)
    except SystemExit as error:
        wait_for_threads()
        if error.code in (None, 0):
            probe.close("finished")
        else:
            probe.close("exit", status=str(error.code)[:300])
        raise
    except BaseException as error:
        probe.close("exception", **failure(error, tape))
        inner = error.__traceback__
        while inner is not None and inner.tb_frame.f_code.co_filename not in tape.files:
            inner = inner.tb_next
        inner = without_recorder(inner)
        if program.endswith(".ipynb"):  # its lines are no file's, which the other hook reads
            traceback.print_exception(type(error), error, inner)
        else:
            sys.excepthook(type(error), error.with_traceback(inner), inner)
        sys.exit(1)
    wait_for_threads()
    probe.close("finished")
    del kept


def without_recorder(trace):
    """A traceback without the recorder's own frames."""
    if trace is None:
        return None
    rest = without_recorder(trace.tb_next)
    if trace.tb_frame.f_code.co_filename == RUN.co_filename:
        return rest
    return types.TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def set_path(root, settings):
    """sys.path as it is for the program itself, without our packages."""
    ours = os.path.dirname(os.path.realpath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == ours:
        del sys.path[0]
    hidden = os.path.realpath(settings.get("hidden_root") or ours)
    if not hidden.endswith("-packages"):
        sys.path[:] = [path for path in sys.path if not path or os.path.realpath(path) != hidden]
    sys.path.insert(0, root)


def run_program(program, module, probe):
    if program.endswith(".ipynb"):
        module.__dict__.update(get_ipython=Shell, display=lambda *args, **kwargs: None)
        for label, text in cells(program):
            path = f"{program}#{label}"
            linecache.cache[path] = (len(text), None, text.splitlines(True), path)
            run(rewritten(text, label, path, probe), module.__dict__)
        return
    module.__file__ = program
    with OPEN(program, "rb") as file:
        text = importlib.util.decode_source(file.read())
    run(rewritten(text, os.path.basename(program), program, probe), module.__dict__)


def wait_for_threads():
    """What Python does at the end of a program."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def failure(error, tape):
    """The type, message and place of an exception."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in tape.files]
    last = frames[-1] if frames else None
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
    absent = getattr(error, "filename", None) if isinstance(error, FileNotFoundError) else None
    return {
        "type": type(error).__name__,
        "message": " ".join(str(error).split())[:300],
        "missing": missing,
        "missing_file": str(absent) if absent is not None else None,
        "file": last.filename if last else getattr(error, "filename", None),
        "line": last.lineno if last else line,
        "text": str(getattr(error, "text", None) or "")[:300],
    }


if __name__ == "__main__":
    main()
