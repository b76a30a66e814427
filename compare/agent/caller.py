"""Runs inside the user's Python: imports a file and calls what it defines, as the judge asks.

Usage: python caller.py ASK ANSWER STACKS DEADLINE

Standard library and NumPy only, Python 3.8 and later; it imports nothing of the judge's. ASK and
ANSWER are file descriptors of pipes. A message is its length (8 bytes), JSON, and the bytes of the
arrays in it. The judge asks to call, get or set something that it knows by a number; numbers,
text, lists, tuples, dicts and arrays travel by value, everything else as a number. What travelled
keeps its number: where the judge sends it back, the original is used, not a copy.
STACKS is the descriptor of a file for the stacks of all threads, should the work not be done at
DEADLINE, in seconds since the epoch.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import os
import struct
import sys
import textwrap
import time
import traceback
import warnings
from typing import Any

import numpy as np

MAIN = "__user_main__"
"""The name of a module that is imported by its path. As with `python FILE`, its helpers can then
import the file by its own name."""

MAX_NESTING = 12
MAX_ENTRIES = 20_000
MAX_BYTES = 256 * 2**20
"""Maximum bytes of arrays in one answer; further arrays stay here and are sent as handles."""

SIMPLE = (bool, int, str, type(None))


class Plain:
    """What the judge sends of an object of its own: attributes, and a length where it has one."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)

    def __len__(self) -> int:
        return int(self.__dict__["__len__"])

    def __bool__(self) -> bool:
        return True


class Table:
    """The objects that the judge knows, by number."""

    def __init__(self) -> None:
        self.held: dict[int, Any] = {}
        self.sent: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.last = 0

    def add(self, thing: Any) -> int:
        self.last += 1
        self.held[self.last] = thing
        return self.last

    def get(self, number: int) -> Any:
        return KEPT[-1 - number] if number < 0 else self.held[number]

    def release(self, after: int) -> None:
        """Forget objects with a number above this, and continue counting from there."""
        for number in [n for n in self.held if n > after]:
            del self.held[number]
            self.sent.pop(number, None)
        self.last = min(self.last, after)

    def changed(self) -> list[int]:
        """The judge's arrays that were changed in place since the last call."""
        found = []
        for number, (array, before) in self.sent.items():
            if not np.array_equal(array, before, equal_nan=array.dtype.kind in "fc"):
                found.append(number)
                before[...] = array
        return found


class Encoder:
    """Encodes values for one message."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.blobs: list[bytes] = []
        self.entries = self.bytes = 0

    def value(self, thing: Any, nesting: int = 0) -> Any:
        self.entries += 1
        if isinstance(thing, Kept):
            thing = thing.value
            if type(thing) not in SIMPLE and type(thing) is not float:
                return self.reference(thing)
        kind = type(thing)
        if kind in SIMPLE:
            return [thing]
        if kind is float:
            return ["f", repr(thing)]
        if isinstance(thing, np.generic) and thing.dtype.kind in "biufc":
            return ["s", self.array(np.asarray(thing))]
        if nesting > MAX_NESTING or self.entries > MAX_ENTRIES:
            return self.reference(thing)
        number = self.table.add(thing)
        if isinstance(thing, np.ndarray):
            if thing.dtype.kind in "biufc" and self.bytes + thing.nbytes <= MAX_BYTES:
                return ["a", number, self.array(thing)]
            if thing.dtype == object and thing.ndim == 1:
                return ["o", number, [self.value(entry, nesting + 1) for entry in thing]]
        elif isinstance(thing, dict):
            pairs = [
                (self.value(k, nesting + 1), self.value(v, nesting + 1))
                for k, v in list(thing.items())
            ]
            return ["d", number, pairs]
        elif isinstance(thing, (list, tuple)):
            mark = "l" if isinstance(thing, list) else "t"
            return [mark, number, [self.value(entry, nesting + 1) for entry in thing]]
        elif kind.__name__ in ("dict_values", "dict_keys", "dict_items", "generator", "map", "zip"):
            return self.value(list(thing), nesting + 1)
        return ["r", number, about(thing)]

    def array(self, array: np.ndarray) -> Any:
        data = np.ascontiguousarray(array)
        self.bytes += data.nbytes
        self.blobs.append(data.tobytes())
        return [data.dtype.newbyteorder("=").str, list(array.shape), len(self.blobs) - 1]

    def reference(self, thing: Any) -> Any:
        return ["r", self.table.add(thing), about(thing)]


def decode(value: Any, blobs: list[bytes], table: Table) -> Any:
    """Decode a value from the judge."""
    if len(value) == 1:
        return value[0]
    mark, *rest = value
    if mark == "f":
        return float(rest[0])
    if mark == "r":
        return table.get(rest[0])
    if mark == "p":
        return Plain({name: decode(entry, blobs, table) for name, entry in rest[0]})
    if mark == "a":
        dtype, shape, number = rest[1]
        array = np.frombuffer(blobs[number], dtype=dtype).reshape(shape).copy()
        table.held[rest[0]] = array
        table.sent[rest[0]] = (array, array.copy())
        return array
    if mark == "d":
        made = {decode(k, blobs, table): decode(v, blobs, table) for k, v in rest[1]}
    else:
        made = [decode(entry, blobs, table) for entry in rest[1]]  # type: ignore[assignment]
        if mark == "t":
            made = tuple(made)  # type: ignore[assignment]
    table.held[rest[0]] = made
    return made


def about(thing: Any) -> dict[str, Any]:
    """What the judge needs to know about an object that stays here."""
    owner = thing if inspect.isclass(thing) or inspect.isroutine(thing) else type(thing)
    module = sys.modules.get(str(getattr(owner, "__module__", "")))
    return {
        "kind": "class"
        if inspect.isclass(thing)
        else "module"
        if inspect.ismodule(thing)
        else "function"
        if inspect.isfunction(thing)
        else "method"
        if inspect.ismethod(thing)
        else "builtin"
        if inspect.isroutine(thing)
        else "object",
        "name": str(getattr(thing, "__name__", "")),
        "class": type(thing).__name__,
        "mro": [
            f"{c.__module__}.{c.__qualname__}"
            for c in inspect.getmro(thing if inspect.isclass(thing) else type(thing))
        ],
        "file": str(getattr(module, "__file__", "") or ""),
        "callable": callable(thing),
    }


def describe(thing: Any) -> dict[str, Any]:
    """Arguments, source and location of a callable, as far as Python knows them."""
    found: dict[str, Any] = {"parameters": None, "source": None, "file": None, "line": None}
    try:
        parameters = inspect.signature(thing).parameters.values()
        found["parameters"] = [
            [
                p.name,
                int(p.kind),
                p.default is not p.empty,
                p.default
                if type(p.default) in (*SIMPLE, float)
                else list(p.default)
                if isinstance(p.default, (list, tuple))
                else None,
                isinstance(p.default, tuple),
            ]
            for p in parameters
        ]
    except (TypeError, ValueError):
        pass
    try:
        plain = inspect.unwrap(thing)
        found["file"] = inspect.getsourcefile(plain)
        lines, start = inspect.getsourcelines(plain)
        code = getattr(plain, "__code__", None)
        found["line"] = code.co_firstlineno if code is not None else start
        found["source"] = textwrap.dedent("".join(lines))
    except (TypeError, OSError, ValueError):
        pass
    return found


def attributes(thing: Any) -> list[Any]:
    """(name, value) of an object's own attributes; containers and arrays as numbers."""
    return [[name, Kept(value)] for name, value in list(vars(thing).items())]


class Kept:
    """A value that is always sent as a handle, unless it is a number or a string."""

    def __init__(self, value: Any) -> None:
        self.value = value


def methods_of(cls: Any) -> list[Any]:
    """(name, function) of everything that a class defines or inherits, without `object`'s."""
    found: dict[str, Any] = {}
    for base in reversed(inspect.getmro(cls)):
        if base is not object:
            held = {n: getattr(cls, n, None) for n in vars(base) if not n.startswith("__")}
            found.update({n: f for n, f in held.items() if inspect.isfunction(f)})
    return [[name, function] for name, function in found.items()]


def values_in(thing: Any, limit: int) -> list[Any]:
    """(path, value) of everything in an object's attributes, lists, dicts and objects."""
    found: list[Any] = []
    seen: set[int] = set()

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        if isinstance(value, dict):
            entries = list(value.items())
        elif isinstance(value, (list, tuple)):
            entries = list(enumerate(value))
        elif is_object(value):
            entries = [("." + name, held) for name, held in list(vars(value).items())]
        else:
            found.append([path, value])
            return
        if id(value) in seen or len(path) > MAX_NESTING or len(found) > limit:
            return
        seen.add(id(value))
        if not entries:
            found.append([path, value])
        for key, entry in entries:
            walk(entry, (*path, key))

    walk(thing, ())
    return found[:limit]


def is_object(value: Any) -> bool:
    """Whether a value is an instance with attributes, of a class written in Python."""
    return (
        isinstance(getattr(value, "__dict__", None), dict)
        and not (inspect.isclass(value) or inspect.ismodule(value) or inspect.isroutine(value))
        and not hasattr(value, "shape")
    )


def put(thing: Any, path: Any, value: Any) -> None:
    """Store a value at a path: ".name" is an attribute, anything else an index or key."""
    for key in path[:-1]:
        attribute = isinstance(key, str) and key.startswith(".")
        thing = getattr(thing, key[1:]) if attribute else thing[key]
    last = path[-1]
    if isinstance(last, str) and last.startswith("."):
        setattr(thing, last[1:], value)
    else:
        thing[last] = value


def put_all(thing: Any, entries: list[Any]) -> None:
    """Store several values at their paths."""
    for path, value in entries:
        put(thing, path, value)


class Blocked:
    """Blocks imports of the judge's packages; other packages with these names can be imported."""

    def __init__(self, names: list[str], root: str) -> None:
        self.names, self.root = names, os.path.realpath(root)

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if path is not None or fullname not in self.names:
            return None
        for folder in sys.path:
            spec = importlib.machinery.PathFinder.find_spec(fullname, [folder])
            if spec is not None and os.path.realpath(folder or os.getcwd()) != self.root:
                return spec
        raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


class Windowless:
    """Keeps figures off where the code asks for windows, which may not be had here."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        if fullname != "matplotlib":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            run(module)
            module.use = lambda *args, **keywords: None

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def load(path: str, root: str, folders: list[str], blocked: list[str], judge: str) -> Any:
    """Imports the user's file: as a submodule where it is in a package, else by its path.

    A file that the code opens by a relative path is looked for from the folders in which its
    author may have started it; the first that has it becomes the working directory.

    Arguments:
        root: the folder above the outermost package that the file is in.
        folders: where the author may have started it.
        blocked: names of the judge's packages, which lie in the folder `judge`.
    """
    sys.dont_write_bytecode = True
    sys.argv = [path]
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = (
        [root]
        + ([os.path.dirname(path)] if os.path.dirname(path) != root else [])
        + [folder for folder in sys.path if os.path.abspath(folder or ".") != here]
    )
    sys.meta_path[:0] = [Blocked(blocked, judge), Windowless()]
    tried = {os.getcwd()}
    while True:
        try:
            return load_once(path, root)
        except FileNotFoundError as error:
            name = error.filename
            if not isinstance(name, str) or not name or os.path.isabs(name):
                raise
            found = [f for f in folders if os.path.exists(os.path.join(f, name)) and f not in tried]
            if not found:
                raise
            tried.add(found[0])
            os.chdir(found[0])


def load_once(path: str, root: str) -> Any:
    """Try once to import the file."""
    inside = os.path.splitext(os.path.relpath(path, root))[0].replace(os.sep, ".")
    for name in (MAIN, inside):
        if "." in name or name == MAIN:
            sys.modules.pop(name, None)
    if "." in inside:
        return importlib.import_module(inside)
    spec = importlib.util.spec_from_file_location(MAIN, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MAIN] = module
    spec.loader.exec_module(module)
    return module


def files_below(root: str) -> list[str]:
    """The files of imported modules that are in a folder."""
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return sorted({f for f in files if f and f.startswith(root + os.sep) and f.endswith(".py")})


def itself(thing: Any) -> Any:
    """The current state of an object that the judge knows by its number."""
    return thing


def enter(thing: Any) -> Any:
    return thing.__enter__()


def leave(thing: Any) -> None:
    thing.__exit__(None, None, None)


def seed(number: int) -> None:
    """Seed NumPy's global random numbers, so that they are the same in every call."""
    np.random.seed(number)


def names_in(cls: Any) -> list[str]:
    """The names that a class's constructor uses."""
    code = getattr(cls.__init__, "__code__", None)
    return list(code.co_names) if code is not None else []


def keep(thing: Any) -> int:
    """A number for an object that is never forgotten."""
    KEPT.append(thing)
    return -len(KEPT)


KEPT: list[Any] = []


def slopes(function: Any, given: dict[str, Any], name: str, G: np.ndarray, h: float) -> Any:
    """d sum(G * out) / d entry for every entry of one argument, by the four-point rule."""

    def value(index: tuple[int, ...], steps: int) -> float:
        fresh = {n: v.copy() if isinstance(v, (np.ndarray, dict)) else v for n, v in given.items()}
        fresh[name][index] += steps * h
        seed(0)
        out = function(**fresh)
        out = np.asarray(out[0] if isinstance(out, tuple) else out)
        return float((G * out).sum()) if out.shape == G.shape else float("nan")

    found = np.empty(given[name].shape)
    for index in np.ndindex(*found.shape):
        near = value(index, 1) - value(index, -1)
        far = value(index, 2) - value(index, -2)
        found[index] = (8 * near - far) / (12 * h)
    return found


def has_module(name: str) -> bool:
    """Whether something imported a module."""
    return name in sys.modules


class Catcher:
    """Hooks that record inputs and outputs of a torch module's submodules, in order."""

    def __init__(self) -> None:
        self.order: list[Any] = []
        self.caught: dict[str, Any] = {}

    def arrays(self) -> dict[str, Any]:
        """The value and the gradient of each result; None if there is none."""
        kept = self.caught.items()
        return {n: [to_array(t), None if t.grad is None else to_array(t.grad)] for n, t in kept}

    def ran(self, name: str) -> Any:
        def hook(module: Any, inputs: Any, output: Any) -> None:
            self.order.append([name, module])

        return hook

    def keep(self, name: str, tensor: Any) -> None:
        if tensor.requires_grad and tensor.ndim == 2:
            tensor.retain_grad()
            self.caught[name] = tensor

    def output(self, name: str) -> Any:
        def hook(module: Any, inputs: Any, output: Any) -> Any:
            self.keep(name, output)
            return output.clone()  # a ReLU in place must not change what was caught

        return hook

    def input(self, name: str) -> Any:
        def hook(module: Any, inputs: Any) -> None:
            self.keep(name, inputs[0])

        return hook


def filled(module: Any, arrays: dict[str, Any], like: np.ndarray) -> Any:
    """A torch module in training mode with these parameters, of an array's dtype, no dropout."""
    import torch

    module = module.to(torch.from_numpy(like).dtype).train()
    for inner in module.modules():
        if isinstance(inner, torch.nn.modules.dropout._DropoutNd):
            inner.p = 0.0
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, array in arrays.items():
            held = parameters[name]
            held.copy_(torch.from_numpy(array).reshape(held.shape))
    return module


def mean_cost(
    module: Any,
    X: np.ndarray,
    y: np.ndarray,
    output: str,
    weights: list[str],
    penalty: float,
    criterion: Any = None,
    labels: Any = None,
) -> dict[str, Any]:
    """p, the mean cross-entropy and the cost with its penalty, of a torch module's output.

    Arguments:
        criterion: the function of torch.nn.functional that is applied to the output as it is.
        labels: the argument by which the module takes the labels, and returns a loss of its own.
    """
    import torch
    from torch.nn import functional as F

    inputs, classes = torch.from_numpy(X), torch.from_numpy(y)
    returned = module(inputs, **({labels: classes} if labels else {}))
    entries = returned.values() if isinstance(returned, dict) else returned
    entries = list(entries) if isinstance(returned, (tuple, list, dict)) else [returned]
    given = [entry for entry in entries if isinstance(entry, torch.Tensor)]
    scores = next(entry for entry in given if entry.ndim == 2)
    if output == "probabilities":
        p, loss = scores, F.nll_loss(torch.log(scores), classes)
    elif output == "log-probabilities":
        p, loss = torch.exp(scores), F.nll_loss(scores, classes)
    else:
        p, loss = torch.softmax(scores, 1), F.cross_entropy(scores, classes)
    if labels:
        loss = next(entry for entry in given if entry.numel() == 1)
    elif criterion:
        loss = getattr(F, criterion)(scores, classes)
    parameters = dict(module.named_parameters())
    cost = loss + penalty * sum((parameters[name] ** 2).sum() for name in weights)
    return {"p": p, "loss": loss, "cost": cost}


def unknown_layers(module: Any) -> list[Any]:
    """(name, class) of torch layers with parameters that are neither affine nor a normalisation
    over samples or units."""
    import torch

    known = (torch.nn.Linear, torch.nn.BatchNorm1d, torch.nn.LayerNorm)
    return [
        [name, type(inner).__name__]
        for name, inner in module.named_modules()
        if type(inner).__module__.startswith("torch.nn.modules.")
        and inner._parameters
        and not isinstance(inner, (*known, torch.nn.ParameterList, torch.nn.ParameterDict))
    ]


def frozen_norms(module: Any) -> list[Any]:
    """The batch norms of a torch module in evaluation mode: as it is, and after train()."""
    import torch

    norms = torch.nn.modules.batchnorm._NormBase

    def names() -> list[str]:
        inner = module.named_modules()
        return [name for name, m in inner if isinstance(m, norms) and not m.training]

    before = names()
    module.train()
    return [before, names()]


def cost_with(module: Any, arrays: dict[str, Any], X: np.ndarray, *rest: Any) -> float:
    """The cost alone, of a torch module with these parameters."""
    return float(mean_cost(filled(module, arrays, X), X, *rest)["cost"].detach())


def leaves(arrays: dict[str, Any], followed: list[str]) -> dict[str, Any]:
    """Torch tensors from arrays; autograd tracks some of them."""
    import torch

    return {n: torch.from_numpy(a).requires_grad_(n in followed) for n, a in arrays.items()}


def gradients_of(module: Any) -> dict[str, Any]:
    """The gradients of a torch module's parameters as arrays; None where there is none."""
    named = module.named_parameters()
    return {name: None if p.grad is None else to_array(p.grad) for name, p in named}


def to_array(tensor: Any) -> Any:
    """A torch tensor as an array; bfloat16 is converted, because NumPy lacks it."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def first_of(thing: Any, names: list[str]) -> Any:
    """The first of these attributes that an object has."""
    return next((getattr(thing, name) for name in names if hasattr(thing, name)), None)


def flush() -> None:
    """Flush printed output, unless the code closed or removed the streams."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.flush()


class Quiet:
    """Suppresses printed output and warnings in its context."""

    def __init__(self) -> None:
        self.kept: Any = None

    def on(self) -> None:
        flush()
        filters = warnings.catch_warnings()
        filters.__enter__()
        warnings.simplefilter("ignore")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        self.kept = os.dup(1), os.dup(2), filters
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def off(self) -> None:
        flush()
        out, err, filters = self.kept
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        filters.__exit__(None, None, None)


QUIET = Quiet()


def quiet(on: bool) -> None:
    QUIET.on() if on else QUIET.off()


SEEN: dict[str, list[str]] = {"asked": [], "opened": [], "signals": []}

MAX_SEEN = 20


def observe(names: list[str], folders: list[str]) -> None:
    """Notes from now on which packages of the judge's are asked for, which files in its folders,
    and signals to the process above or to all."""
    above = (os.getppid(), 1, 0, -1)

    def note(kind: str, what: str) -> None:
        if what not in SEEN[kind] and len(SEEN[kind]) < MAX_SEEN:
            SEEN[kind].append(what)

    def hook(event: str, args: Any) -> None:
        if event == "import" and str(args[0]).partition(".")[0] in names:
            note("asked", str(args[0]).partition(".")[0])
        elif event == "open" and isinstance(args[0], str):
            found = [f for f in folders if args[0].startswith(f + os.sep)]
            if found:
                note("opened", os.path.relpath(args[0], os.path.dirname(found[0])))
        elif event in ("os.kill", "os.killpg") and args[0] in above:
            note("signals", "signal %s to process %s" % (int(args[1]), args[0]))

    sys.addaudithook(hook)


def observed(names: list[str]) -> dict[str, Any]:
    """The notes so far, and which of these modules are loaded."""
    return {"modules": [name for name in names if name in sys.modules], **SEEN}


def imported(name: str) -> Any:
    return importlib.import_module(name)


def failure(error: BaseException) -> dict[str, Any]:
    """An exception in words, without the frames of this file."""
    frames = [
        [f.filename, f.lineno, f.name, f.line or ""]
        for f in traceback.extract_tb(error.__traceback__)
        if f.filename != __file__
    ]
    try:
        said = str(error)
    except Exception:
        said = ""
    found: dict[str, Any] = {
        "types": [c.__name__ for c in type(error).__mro__],
        "message": said.encode("utf-8", "replace").decode()[:2000],
        "frames": frames[-50:],
    }
    if isinstance(error, SyntaxError):
        found["syntax"] = [error.filename, error.lineno, error.msg, error.text or ""]
    if isinstance(error, SystemExit):
        found["status"] = repr(error.code)
    if isinstance(error, ModuleNotFoundError):
        found["missing"] = error.name
    return found


def read_exactly(pipe: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(pipe, min(size, 2**20))
        if not part:
            os._exit(0)  # the judge is gone
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive(pipe: int) -> tuple[Any, list[bytes]]:
    """Read a message from the judge."""
    (size,) = struct.unpack(">Q", read_exactly(pipe, 8))
    message = json.loads(read_exactly(pipe, size))
    return message, [read_exactly(pipe, n) for n in message["blobs"]]


def send(pipe: int, message: dict[str, Any], blobs: list[bytes]) -> None:
    """Send a message to the judge."""
    message["blobs"] = [len(blob) for blob in blobs]
    text = json.dumps(message).encode()
    for part in [struct.pack(">Q", len(text)) + text, *blobs]:
        view = memoryview(part)
        while view:
            view = view[os.write(pipe, view) :]


def serve(ask: int, answer: int) -> None:
    """Answer the judge's messages until there are no more."""
    table, process = Table(), os.getpid()
    table.add(sys.modules[__name__])  # number 1
    while True:
        message, blobs = receive(ask)
        if message["do"] == "end":
            return
        reply, arrays = answered(message, blobs, table)
        if os.getpid() != process:
            os._exit(0)  # the code forked, and this is the copy
        flush()
        send(answer, reply, arrays)


def answered(message: Any, blobs: list[bytes], table: Table) -> tuple[dict[str, Any], list[bytes]]:
    """The answer to one message, and the arrays in it."""
    if message["do"] == "replay":
        return replayed(message, blobs, table)
    if message["release"] is not None:
        table.release(message["release"])
    table.last = max(table.last, message["last"])
    encoder = Encoder(table)
    reply: dict[str, Any] = {}
    try:
        reply["value"] = encoder.value(do(message, blobs, table))
    except BaseException as error:
        encoder = Encoder(table)
        reply = {"error": failure(error)}
    try:
        reply["changed"] = [[n, encoder.array(table.sent[n][0])] for n in table.changed()]
    except BaseException:
        reply["changed"] = []
    reply["last"] = table.last
    return reply, encoder.blobs


def replayed(message: Any, blobs: list[bytes], table: Table) -> tuple[dict[str, Any], list[bytes]]:
    """The answers to the same messages, several times with other arrays, in one."""
    replies: list[dict[str, Any]] = []
    found: list[bytes] = []
    start, process, size = time.monotonic(), os.getpid(), 0
    for changes in message["variations"]:
        here = list(blobs)
        for place, other in changes:
            here[place] = blobs[other]
        for step, count in message["script"]:
            reply, arrays = answered(step, here[:count], table)
            if os.getpid() != process:
                os._exit(0)
            here = here[count:]
            replies.append({**reply, "count": len(arrays)})
            found += arrays
            size += sum(map(len, arrays))
        if time.monotonic() - start > message["seconds"] or size > MAX_BYTES // 4:
            break
    return {"replies": replies}, found


def do(message: Any, blobs: list[bytes], table: Table) -> Any:
    """Execute one request."""
    thing = table.get(message["of"])
    if "method" in message:
        thing = getattr(thing, message["method"])
    if message["do"] == "call":
        args = [decode(value, blobs, table) for value in message["args"]]
        keywords = {name: decode(value, blobs, table) for name, value in message["keywords"]}
        return thing(*args, **keywords)
    if message["do"] == "get":
        return getattr(thing, message["name"])
    setattr(thing, message["name"], decode(message["value"], blobs, table))
    return None


def main() -> None:
    ask, answer, stacks, deadline = sys.argv[1:5]
    for pipe in (int(ask), int(answer), int(stacks)):
        os.set_inheritable(pipe, False)
    with os.fdopen(int(stacks), "w") as file:
        faulthandler.enable(file)
        left = max(0.05, float(deadline) - time.time())
        faulthandler.dump_traceback_later(left, file=file)
        serve(int(ask), int(answer))
        flush()
    os._exit(0)  # threads that the code left behind must not keep it alive


if __name__ == "__main__":
    main()
