"""Runs a program as `python PROGRAM ARGS` would, and records the arrays and numbers it assigns.

This file runs under the user's own Python (3.8 to 3.14). It needs the standard library and NumPy,
and imports nothing of twingrad. Usage: PYTHON recorder.py SETTINGS.json PROGRAM [ARGS]

The program's syntax tree is rewritten: every assignment, argument, loop target and return value of
the user's own files passes through a probe. What is recorded is bounded: a few values of every
place and call stack, a size, and a time. It goes to `folder` of the settings as it comes:

    events.jsonl   one JSON list a line, in order of execution (see `Tape`)
    arrays.bin     the bytes of every distinct array, one after another
    end.json       why the recording ended
"""

import ast
import hashlib
import importlib.abc
import importlib.machinery
import io
import json
import os
import sys
import threading
import time
import traceback
import types

HITS = 40
"""Arrays recorded of one place under one call stack."""

FEWEST = 4
"""The same where they are large."""

KEY_BYTES = 1 << 24
"""Bytes after which a place counts as having large arrays."""

SCALARS = 20000
"""Numbers recorded of one place under one call stack."""

LARGEST = 4_000_000
"""Entries of an array that is recorded whole; of a larger one a summary is."""

SUMMARIES = 24
"""Large arrays that are summarised."""

LENGTH, DEPTH = 64, 3
"""Entries of a container, and containers in containers, that are looked into."""

PROBE = "__twingrad_probe__"

PRODUCTS = ("dot", "matmul", "einsum", "tensordot", "inner", "mm", "addmm", "linear", "multi_dot")


class Tape:
    """The recording as it is written.

    Lines of events.jsonl:
        ["file", id, label, path, text]
        ["site", id, file, line, end line, name, kind, function]
        ["stack", id, [[file, line, function], ...]]             innermost first
        ["array", id, dtype, shape, offset]
        ["data", id, dtype, shape, {summary: array id}]
        ["a", site, stack, path, array id]                        an array was seen
        ["d", site, stack, path, data id]                         a large one
        ["v", site, stack, path, number]
    """

    def __init__(self, folder, limit):
        self.events = io.open(os.path.join(folder, "events.jsonl"), "w", encoding="utf-8")
        self.arrays = io.open(os.path.join(folder, "arrays.bin"), "wb")
        self.folder, self.limit, self.size = folder, limit, 0
        self.ids, self.sites, self.files, self.stacks, self.data = {}, {}, {}, {}, {}
        self.lock = threading.RLock()
        self.open = True

    def line(self, *values):
        self.events.write(json.dumps(values, separators=(",", ":")) + "\n")

    def array(self, value):
        """The id of an array's bytes; None where there is no room for them."""
        value = numpy.ascontiguousarray(value)
        raw = value.reshape(-1).view(numpy.uint8) if value.size else value.tobytes()
        digest = hashlib.blake2b(raw, digest_size=16)
        digest.update(repr((value.dtype.str, value.shape)).encode())
        key = digest.digest()
        if key not in self.ids:
            if self.size + value.nbytes > self.limit:
                return None
            self.ids[key] = len(self.ids)
            self.line("array", self.ids[key], value.dtype.str, value.shape, self.size)
            self.arrays.write(raw)
            self.size += value.nbytes
        return self.ids[key]

    def summary(self, value):
        """The id of a large array's summary: means, deviations and projections along its axes."""
        steps = tuple(slice(None, None, max(1, n // 64)) for n in value.shape)
        sample = numpy.ascontiguousarray(value[steps])
        key = (
            value.shape,
            value.dtype.str,
            hashlib.blake2b(sample.reshape(-1).view(numpy.uint8)).digest(),
        )
        if key in self.data:
            return self.data[key]
        if len(self.data) >= SUMMARIES:
            return None
        self.data[key] = len(self.data)
        kept = {}
        if value.ndim == 2 and value.dtype.kind in "fiu":
            for name, vector in summaries(value).items():
                kept[name] = self.array(vector)
        self.line("data", self.data[key], value.dtype.str, value.shape, kept)
        return self.data[key]

    def file(self, label, path, text):
        if path not in self.files:
            self.files[path] = len(self.files)
            self.line("file", self.files[path], label, path, text)
        return self.files[path]

    def site(self, file, node, name, kind, function):
        number = len(self.sites)
        self.sites[number] = name
        end = getattr(node, "end_lineno", None) or node.lineno
        self.line("site", number, file, node.lineno, end, name[:120], kind, function)
        return number

    def stack(self, frames):
        if frames not in self.stacks:
            self.stacks[frames] = len(self.stacks)
            self.line("stack", self.stacks[frames], frames)
        return self.stacks[frames]

    def close(self, reason, **more):
        """Ends the recording; later calls change nothing."""
        with self.lock:
            if not self.open:
                return
            self.open = False
            self.events.close()
            self.arrays.close()
            seen = {"reason": reason, "bytes": self.size, "arrays": len(self.ids)}
            seen.update(more)
            with io.open(os.path.join(self.folder, "end.json"), "w", encoding="utf-8") as out:
                json.dump(seen, out)


def summaries(value):
    """Of a matrix (n, m): mean, deviation and projection of its rows and of its columns.

    The projection of a row is its product with a fixed vector: rows that are equal share it.
    """
    n, m = value.shape
    generator = numpy.random.RandomState(0)
    right, left = generator.standard_normal(m), generator.standard_normal(n)
    total, squares, rows_done = numpy.zeros(m), numpy.zeros(m), []
    by_row = numpy.zeros((3, n))
    down = numpy.zeros(m)
    centre = value[: min(n, 100)].astype(float).mean(axis=0)
    step = max(1, 2_000_000 // max(m, 1))
    for start in range(0, n, step):
        block = value[start : start + step].astype(float)
        part = slice(start, start + len(block))
        by_row[0, part] = block @ right
        by_row[1, part] = block.mean(axis=1)
        by_row[2, part] = block.std(axis=1)
        down += left[part] @ block
        block -= centre
        total += block.sum(axis=0)
        squares += (block * block).sum(axis=0)
    mean = total / n
    variance = numpy.maximum(squares / n - mean * mean, 0)
    return {
        "row projection": by_row[0],
        "row mean": by_row[1],
        "row deviation": by_row[2],
        "column projection": down,
        "column mean": mean + centre,
        "column deviation": numpy.sqrt(variance),
    }


class Probe:
    """What every assignment of the user's code calls."""

    def __init__(self, tape, settings):
        self.tape, self.settings = tape, settings
        self.counts, self.sizes = {}, {}
        self.started = self.fresh = time.time()
        self.since = 0  # probes since something new was recorded
        self.files = set()
        self.busy = threading.local()
        self.modules = {}

    def __call__(self, value, *sites):
        if not self.tape.open or getattr(self.busy, "on", False):
            return value
        self.busy.on = True
        try:
            with self.tape.lock:
                if self.tape.open:
                    self.see(value, sites)
        finally:
            self.busy.on = False
        return value

    def see(self, value, sites):
        stack = self.stack()
        if len(sites) == 1:
            found = list(look(value, self))
            pairs = [(sites[0], path, kind, item) for path, kind, item in found]
        elif isinstance(value, (tuple, list)) and len(value) == len(sites):
            pairs = [
                (site, path, kind, item)
                for site, part in zip(sites, value)
                for path, kind, item in look(part, self)
            ]
        else:
            return
        new = False
        for site, path, kind, item in pairs:
            new = self.record(site, stack, path, kind, item) or new
        if new:
            self.fresh, self.since = time.time(), 0
        else:
            self.since += 1
            if self.since % 64 == 0 and self.idle():
                finish(self.tape, "enough")

    def idle(self):
        quiet = time.time() - self.fresh
        return self.since > 500 and quiet > self.settings["idle"]

    def record(self, site, stack, path, kind, item):
        """Writes down what was seen; whether its place had not been seen often enough."""
        key = (site, stack, path, getattr(item, "shape", None))
        count = self.counts.get(key, 0)
        if kind == "v":
            if count < SCALARS:
                self.counts[key] = count + 1
                self.tape.line("v", site, stack, path, item)
            return count < FEWEST
        if count >= HITS or (count >= FEWEST and self.sizes.get(key, 0) > KEY_BYTES):
            return False
        self.counts[key] = count + 1
        if kind == "d":
            number = self.tape.summary(item)
            if number is not None:
                self.tape.line("d", site, stack, path, number)
            return count == 0
        self.sizes[key] = self.sizes.get(key, 0) + item.nbytes
        number = self.tape.array(item)
        if number is None:
            finish(self.tape, "size")
        self.tape.line("a", site, stack, path, number)
        return count < FEWEST

    def stack(self):
        """The user's frames, as (file, line, function) each, innermost first."""
        frame = sys._getframe(3)
        frames = []
        while frame is not None and len(frames) < 24:
            name = frame.f_code.co_filename
            if name in self.tape.files:
                frames.append((self.tape.files[name], frame.f_lineno, frame.f_code.co_name))
            frame = frame.f_back
        # the place itself is the site: of the innermost frame the function alone counts
        inner = ((frames[0][0], 0, frames[0][2]),) if frames else ()
        return self.tape.stack(inner + tuple(frames[1:]))


def look(value, probe, path="", depth=0):
    """The arrays and numbers in a value, each with its path."""
    kind = type(value)
    if kind is float or kind is int:
        if depth == 0 and abs(value) < 1e300:
            yield path, "v", value
    elif isinstance(value, numpy.ndarray):
        if value.dtype.kind in "fiub" and value.ndim <= 4 and value.size:
            if value.size == 1:
                if depth == 0 and value.dtype.kind in "fiu":
                    yield path, "v", float(value.reshape(-1)[0])
            elif value.size > LARGEST:
                yield path, "d", value
            else:
                yield path, "a", numpy.asarray(value)
    elif isinstance(value, numpy.generic):
        if depth == 0 and value.dtype.kind in "fiu":
            yield path, "v", float(value)
    elif isinstance(value, (list, tuple)):
        if depth < DEPTH and len(value) <= LENGTH:
            for i, item in enumerate(value):
                for found in look(item, probe, "%s[%d]" % (path, i), depth + 1):
                    yield found
    elif isinstance(value, dict):
        if depth < DEPTH and len(value) <= LENGTH:
            for key, item in list(value.items()):
                for found in look(item, probe, "%s[%r]" % (path, key), depth + 1):
                    yield found
    elif "torch" in sys.modules:
        for found in look_torch(value, probe, path, depth):
            yield found


def look_torch(value, probe, path, depth):
    """Tensors as arrays, and the parameters and buffers of modules with their gradients."""
    torch = sys.modules["torch"]
    try:
        if isinstance(value, torch.Tensor):
            array = value.detach().cpu().numpy()
            for found in look(array.copy() if array.size <= LARGEST else array, probe, path, depth):
                yield found
            if value.is_leaf and value.grad is not None and value.size:
                grad = value.grad.detach().cpu().numpy().copy()
                for found in look(grad, probe, path + ".grad", depth):
                    yield found
        elif isinstance(value, torch.nn.Module):
            probe.modules[id(value)] = value
            named = list(value.named_parameters()) + list(value.named_buffers())
            for name, tensor in named[:LENGTH]:
                for found in look_torch(tensor, probe, "%s.%s" % (path, name), 1):
                    yield found
    except (RuntimeError, TypeError, AttributeError):
        return


class Rewrite(ast.NodeTransformer):
    """Puts a probe around every value that is assigned, returned, passed in or multiplied."""

    def __init__(self, tape, file):
        self.tape, self.file, self.function = tape, file, ["<module>"]

    def probe(self, value, node, *named):
        sites = [
            ast.Constant(self.tape.site(self.file, node, name, kind, self.function[-1]))
            for name, kind in named
        ]
        call = ast.Call(ast.Name(PROBE, ast.Load()), [value] + sites, [])
        return ast.copy_location(call, value)

    def after(self, target, node, kind):
        """A statement that looks at a target once more, or at what the target is part of."""
        while isinstance(target, ast.Subscript) and not plain(target.slice):
            target = target.value
        if not plain(target):
            return []
        again = ast.parse(ast.unparse(target) if hasattr(ast, "unparse") else source(target))
        statement = ast.Expr(self.probe(again.body[0].value, node, (name_of(target), kind)))
        return [ast.copy_location(statement, node)]

    def visit_Assign(self, node):
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, (ast.Tuple, ast.List)):
            parts = target.elts
            if not any(isinstance(part, ast.Starred) for part in parts):
                named = [(name_of(part), "assign") for part in parts]
                node.value = self.probe(node.value, node, *named)
            return node
        if isinstance(target, ast.Subscript) and sliced(target.slice):
            return [node] + self.after(target.value, node, "item")
        node.value = self.probe(node.value, node, (name_of(target), "assign"))
        return node

    def visit_AnnAssign(self, node):
        self.generic_visit(node)
        if node.value is not None:
            node.value = self.probe(node.value, node, (name_of(node.target), "assign"))
        return node

    def visit_NamedExpr(self, node):
        self.generic_visit(node)
        node.value = self.probe(node.value, node, (name_of(node.target), "assign"))
        return node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        target = node.target
        if isinstance(target, ast.Subscript) and sliced(target.slice):
            target = target.value
        return [node] + self.after(target, node, "augmented")

    def visit_Return(self, node):
        self.generic_visit(node)
        if node.value is None:
            return node
        if isinstance(node.value, ast.Tuple) and not any(
            isinstance(part, ast.Starred) for part in node.value.elts
        ):
            named = [(name_of(part), "return") for part in node.value.elts]
            if named:
                node.value = self.probe(node.value, node, *named)
        else:
            node.value = self.probe(node.value, node, (name_of(node.value), "return"))
        return node

    def visit_Yield(self, node):
        self.generic_visit(node)
        if node.value is not None:
            node.value = self.probe(node.value, node, (name_of(node.value), "return"))
        return node

    def visit_Expr(self, node):
        self.generic_visit(node)
        call = node.value
        if not isinstance(call, ast.Call):
            return node
        out = [word.value for word in call.keywords if word.arg == "out"]
        if isinstance(call.func, ast.Attribute) and call.func.attr == "append" and call.args:
            value = call.args[0]
            if not isinstance(value, ast.Starred):
                name = name_of(call.func.value) + "[-1]"
                call.args[0] = self.probe(value, node, (name, "assign"))
            return node
        added = [node]
        for target in out:
            added += self.after(target, node, "augmented")
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("backward", "step"):
            site = self.tape.site(self.file, node, name_of(call.func), "module", self.function[-1])
            seen = ast.Call(ast.Name(PROBE + "modules", ast.Load()), [ast.Constant(site)], [])
            added.append(ast.copy_location(ast.Expr(ast.copy_location(seen, node)), node))
        return added

    def visit_Call(self, node):
        self.generic_visit(node)
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if called not in PRODUCTS or any(isinstance(a, ast.Starred) for a in node.args):
            return node
        node.args = [self.operand(a, node) for a in node.args]
        if isinstance(node.func, ast.Attribute) and plain(node.func.value):
            if not isinstance(node.func.value, ast.Name) or node.func.value.id not in MODULE_NAMES:
                node.func.value = self.operand(node.func.value, node)
        return self.probe(node, node, (name_of(node), "product"))

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.MatMult):
            return node
        node.left, node.right = self.operand(node.left, node), self.operand(node.right, node)
        return self.probe(node, node, (name_of(node), "product"))

    def operand(self, value, node):
        if isinstance(value, ast.Constant) or seen_already(value):
            return value
        return self.probe(value, node, (name_of(value), "operand"))

    def visit_For(self, node):
        self.generic_visit(node)
        targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
        added = []
        for target in targets:
            if isinstance(target, ast.Name):
                added += self.after(target, node, "loop")
        for statement in added:
            set_line(statement, node)
        node.body[:0] = added
        return node

    def visit_FunctionDef(self, node):
        self.function.append(node.name)
        self.generic_visit(node)
        names = node.args.args + node.args.kwonlyargs + getattr(node.args, "posonlyargs", [])
        looks = []
        for argument in names:
            if argument.arg in ("self", "cls"):
                continue
            statement = ast.parse(argument.arg).body[0]
            statement.value = self.probe(statement.value, node, (argument.arg, "argument"))
            looks.append(ast.copy_location(statement, node))
        at = 1 if ast.get_docstring(node) is not None else 0
        node.body[at:at] = looks
        self.function.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_JoinedStr(self, node):
        return node


MODULE_NAMES = ("np", "numpy", "torch", "F", "nn", "scipy", "cp", "jnp", "linalg")


def plain(node):
    """Whether looking at an expression once more does nothing else."""
    allowed = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.BinOp, ast.UnaryOp)
    allowed += (ast.operator, ast.unaryop, ast.expr_context, ast.Tuple)
    index = getattr(ast, "Index", None)
    return all(
        isinstance(part, allowed) or (index is not None and type(part) is index)
        for part in ast.walk(node)
    )


def sliced(node):
    """Whether an index takes a part of an array rather than an entry of a container."""
    return any(
        isinstance(part, (ast.Slice, ast.Compare, ast.Call, ast.Tuple)) for part in ast.walk(node)
    )


def seen_already(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == PROBE


def set_line(node, place):
    for part in ast.walk(node):
        ast.copy_location(part, place)


def name_of(node):
    """An expression as its author wrote it, without the probes."""
    text = source(Bare().visit(copy_tree(node)))
    return text if len(text) <= 120 else text[:117] + "..."


class Bare(ast.NodeTransformer):
    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == PROBE:
            return node.args[0]
        return node


def copy_tree(node):
    import copy

    return copy.deepcopy(node)


def source(node):
    """An expression as text; in Python 3.8, which cannot do this, what is simple."""
    if hasattr(ast, "unparse"):
        return ast.unparse(node)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return "%s.%s" % (source(node.value), node.attr)
    if isinstance(node, ast.Subscript):
        return "%s[%s]" % (source(node.value), source(node.slice))
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if type(node).__name__ == "Index":
        return source(node.value)
    return "(%s)" % type(node).__name__


def rewritten(text, label, path, tape):
    """The code object of a user's file, with its probes."""
    tree = ast.parse(text, path)
    file = tape.file(label, path, text)
    tree = Rewrite(tape, file).visit(tree)
    ast.fix_missing_locations(tree)
    return compile(tree, path, "exec")


class Loader(importlib.abc.Loader):
    """Imports a file of the user's with its probes."""

    def __init__(self, path, root, tape):
        self.path, self.root, self.tape = path, root, tape

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        with io.open(self.path, "rb") as file:
            text = importlib.util.decode_source(file.read())
        label = os.path.relpath(self.path, self.root)
        exec(rewritten(text, label, self.path, self.tape), module.__dict__)


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules that lie in the program's folder."""

    def __init__(self, root, tape):
        self.root, self.tape = root, tape

    def find_spec(self, name, path, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        origin = getattr(spec, "origin", None)
        if not origin or not origin.endswith(".py"):
            return None
        origin = os.path.abspath(origin)
        foreign = ("site-packages", "dist-packages", os.sep + "lib" + os.sep + "python")
        if origin.startswith(self.root + os.sep) and not any(part in origin for part in foreign):
            spec.loader = Loader(origin, self.root, self.tape)
            return spec
        return None


def cells(path):
    """The code cells of a notebook as (label, text), without magics."""
    with io.open(path, encoding="utf-8") as file:
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
        lines = text.split("\n")
        first = next((line for line in lines if line.strip()), "")
        if first.startswith("%%"):
            if first.split()[0] not in ("%%time", "%%timeit", "%%capture", "%%prun"):
                continue
            lines[lines.index(first)] = ""
        lines = [quiet_magic(line) for line in lines]
        yield "cell %d" % number, "\n".join(lines)


def quiet_magic(line):
    """A line of a cell; `pass` for a magic or a shell command, so that its block stays whole."""
    bare = line.lstrip()
    if bare.startswith(("%", "!")):
        return line[: len(line) - len(bare)] + "pass"
    return line[:-1] if bare.endswith("?") and not bare.startswith("#") else line


def serve(folder, home):
    """Lets the program open by name what it does not find where its author had it."""
    kept_open, kept_exists, kept_isfile = io.open, os.path.exists, os.path.isfile

    def served(file):
        if not isinstance(file, (str, os.PathLike)):
            return file
        path = os.fspath(file)
        if not isinstance(path, str) or kept_exists(path):
            return file
        beside = os.path.join(home, path)
        if not os.path.isabs(path) and kept_exists(beside):
            return beside
        name = path.replace("\\", "/").rstrip("/").split("/")[-1]
        there = os.path.join(folder, name) if folder and name else ""
        return there if there and kept_isfile(there) else file

    def opened(file, mode="r", *args, **kwargs):
        reads = isinstance(mode, str) and not set(mode) & set("wax+")
        return kept_open(served(file) if reads else file, mode, *args, **kwargs)

    import builtins

    builtins.open = opened
    os.path.exists = lambda path: kept_exists(path) or served(path) is not path
    os.path.isfile = lambda path: kept_isfile(path) or served(path) is not path
    kept_fromfile = numpy.fromfile
    numpy.fromfile = lambda file, *a, **k: kept_fromfile(served(file), *a, **k)


def finish(tape, reason, **more):
    """Ends the program where it stands."""
    tape.close(reason, **more)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def watchdog(tape, settings):
    """Writes out what was recorded, and ends the program when its time is over."""
    until = time.time() + settings["seconds"]
    while tape.open:
        time.sleep(0.1)
        with tape.lock:
            if tape.open:
                tape.events.flush()
                tape.arrays.flush()
        if time.time() > until:
            finish(tape, "time")


def main():
    global numpy
    with io.open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    program = os.path.abspath(sys.argv[2])
    root = os.path.dirname(program)
    tape = Tape(settings["folder"], settings["bytes"])
    try:
        import numpy
    except ImportError:
        finish(tape, "no numpy", version=sys.version.split()[0])
    sys.path[0] = root
    sys.argv = [sys.argv[2]] + sys.argv[3:]
    probe = Probe(tape, settings)
    import builtins

    setattr(builtins, PROBE, probe)
    setattr(builtins, PROBE + "modules", lambda site: probe(list(probe.modules.values()), site))
    serve(settings.get("data"), root)
    sys.meta_path.insert(0, Finder(root, tape))
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: setattr(tape, "open", False))
    threading.Thread(target=watchdog, args=(tape, settings), daemon=True).start()
    module = types.ModuleType("__main__")
    module.__file__ = program
    module.__builtins__ = builtins
    sys.modules["__main__"] = module
    try:
        if program.endswith(".ipynb"):
            for label, text in cells(program):
                exec(rewritten(text, label, "%s#%s" % (program, label), tape), module.__dict__)
        else:
            with io.open(program, "rb") as file:
                text = importlib.util.decode_source(file.read())
            exec(rewritten(text, os.path.basename(program), program, tape), module.__dict__)
    except SystemExit as error:
        if error.code not in (None, 0):
            finish(tape, "exit", status=str(error.code))
    except BaseException as error:
        finish(tape, "exception", **failure(error, tape))
    finish(tape, "finished")


def failure(error, tape):
    """The type, message and place of an exception."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in tape.files]
    last = frames[-1] if frames else None
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    return {
        "type": type(error).__name__,
        "message": " ".join(str(error).split())[:300],
        "missing": getattr(error, "name", None) if isinstance(error, ImportError) else None,
        "file": last.filename if last else getattr(error, "filename", None),
        "line": last.lineno if last else line,
        "version": sys.version.split()[0],
    }


if __name__ == "__main__":
    main()
