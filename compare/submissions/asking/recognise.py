"""Recognise the layout of a file from its definitions."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from compare.submissions.binding import roles, signature
from compare.submissions.construct import meaning_of
from compare.submissions.layouts.contract_code import Contract, speaks_contract
from compare.submissions.layouts.cs231n import CS231n, is_model
from compare.submissions.layouts.dd2424 import DD2424
from compare.submissions.layouts.dd2424_code import Functions
from compare.submissions.layouts.layout import Layout
from compare.submissions.names import (
    BACKWARD,
    COST,
    ELEMENTWISE,
    FORWARD,
    FORWARD_PARTS,
    NOT_BACKWARD,
    NOT_COST,
    NOT_FORWARD,
    plain,
    rank,
    says_batch_norm,
)
from compare.submissions.session import session
from compare.submissions.source import Source
from compare.submissions.things import (
    attributes,
    is_class,
    is_function,
    is_method,
    is_routine,
    is_torch,
    kind_of,
    methods_of,
    type_name,
)

Function = Callable[..., Any]


class Unrecognised(Exception):
    """No layout fits. The message is one line for the user."""


def recognise(source: Source, module: Any, name: str | None, words: set[str]) -> list[Layout]:
    """The possible layouts of a module, or of one object in it, the likeliest first.

    Arguments:
        words: identifiers and strings of the user's files.

    Raises:
        Unrecognised: none fits, or there is no such name.
    """
    if name is not None:
        return [of_name(source, module, name, words)]
    if speaks_contract(module):
        return [Contract(source, module)]
    own = {n: thing for n, thing in attributes(module).items() if belongs(source, thing)}
    objects = [t for n, t in own.items() if n != "np" and not is_routine(t)]
    for thing in objects:
        if not is_class(thing) and speaks_contract(thing):
            return [Contract(source, thing)]
    plain_functions = [t for t in own.values() if is_function(t)]
    classes = [t for t in own.values() if is_class(t)]
    found = functions_of(plain_functions)
    layouts: list[Layout] = []
    if found[False].backward is not None:
        layouts.append(DD2424(source, found, words, module=module))
    models = [c for c in classes if is_model(c)]
    layouts += [CS231n(source, model, words) for model in models[:-3:-1]]
    layouts += of_classes(source, module, classes, plain_functions, words)
    torch_layout = of_torch(source, own, found, words) if not layouts else None
    if torch_layout is not None:
        layouts.append(torch_layout)
    if not layouts and found[False].cost is not None:
        layouts.append(DD2424(source, cost_as_backward(found), words, module=module))
    if not layouts:
        factories = {f.__name__: f for f in plain_functions if makes_module(f)}
        torch_layout = of_torch(source, factories, found, words, named=True) if factories else None
        layouts += [] if torch_layout is None else [torch_layout]
    if layouts:
        return layouts
    raise Unrecognised(
        f"{source}: {defines(plain_functions, classes)}, but expected functions such as "
        "BackwardPass(X, Y, P, net_params, lam), a class with params and loss(X, y), a torch "
        "module or cost function, or gradients(network, parameters, X, y, *, penalty); "
        "see docs/your_own_code.md"
    )


MAKER = re.compile(r"^(make|build|create|get|define|init|new)|(net|network|model|mlp)$")


def makes_module(function: Function) -> bool:
    """Whether a function may create a network, according to its name and arguments."""
    required = [a.name for a in signature(function) if a.default is a.empty]
    return bool(MAKER.search(plain(function.__name__))) and all(map(meaning_of, required))


def of_classes(
    source: Source,
    module: Any,
    classes: Sequence[Any],
    functions: Sequence[Function],
    words: set[str],
) -> list[Layout]:
    """Classes with other names whose objects contain the parameters."""
    layouts: list[Layout] = []
    for cls in classes[::-1]:
        if is_torch(cls):
            continue
        found = functions_of([*methods_of(cls).values(), *functions])
        if found[False].backward is None:
            found = cost_as_backward(found)
        chosen = (found[False].forward, found[False].backward)
        uses = [f for f in chosen if f is not None and (is_method(f) or "parameters" in roles(f))]
        if found[False].backward is not None and uses:
            layouts.append(DD2424(source, found, words, module=module, cls=cls))
    return layouts


def cost_as_backward(found: dict[bool, Functions]) -> dict[bool, Functions]:
    """The functions of a file whose cost function also returns the gradients."""
    return {
        mode: f if f.backward is not None else Functions(f.forward, f.cost, None)
        for mode, f in found.items()
    }


def of_name(source: Source, module: Any, name: str, words: set[str]) -> Layout:
    """The layout of the object with this name."""
    thing: Any = module
    for part in name.split("."):
        inside = getattr(thing, part, None)
        if inside is None:
            has = (
                ", ".join(n for n, t in attributes(module).items() if belongs(source, t))
                or "nothing"
            )
            raise Unrecognised(f"{source} has no {name}; it defines {has}")
        thing = inside
    return of_object(source, module, thing, name, words)


def of_object(source: Source, module: Any, thing: Any, name: str, words: set[str]) -> Layout:
    """The layout of one object.

    Arguments:
        module: what it was defined in, where the other functions are.
        name: what the user calls it.

    Raises:
        Unrecognised: none fits.
    """
    if speaks_contract(thing):
        return Contract(source, thing)
    if is_class(thing) and is_model(thing):
        return CS231n(source, thing, words)
    if is_class(thing):
        around = [t for t in attributes(module).values() if is_function(t) and belongs(source, t)]
        held = of_classes(source, module, [thing], around, words)
        if held:
            return held[0]
    own = {n: t for n, t in attributes(module).items() if belongs(source, t)}
    others = [t for t in own.values() if is_function(t) and t is not thing]
    found = functions_of(others)
    if is_function(thing) and {"X", "Y"} & roles(thing):
        if rank(thing.__name__, COST, ("cost", "loss"), NOT_COST) < 0:
            chosen = {mode: Functions(f.forward, thing, f.cost) for mode, f in found.items()}
            return DD2424(source, chosen, words)
        found = {mode: Functions(f.forward, None, thing) for mode, f in found.items()}
        own = {}
    else:
        own = {name: thing}
    layout = of_torch(source, own, found, words, named=True)
    if layout is None:
        raise Unrecognised(
            f"{source}: {name} is {in_words(thing)} that no layout fits; expected a backward "
            "function on (X, Y, ...), a class with params and loss(X, y), a torch module or cost "
            "function, or gradients(network, parameters, X, y, *, penalty); "
            "see docs/your_own_code.md"
        )
    return layout


def of_torch(
    source: Source,
    own: dict[str, Any],
    found: dict[bool, Functions],
    words: set[str],
    *,
    named: bool = False,
) -> Layout | None:
    """A torch module or cost function, if the file uses torch."""
    if not session().agent.has_module("torch"):
        return None
    from compare.submissions.layouts.torch_function import TorchFunction
    from compare.submissions.layouts.torch_module import TorchModule, modules_in

    modules = modules_in(own, factories=named)
    if modules:
        return TorchModule(source, modules[-1], words)
    if found[False].cost is not None:
        return TorchFunction(source, found, words)
    return None


def belongs(source: Source, thing: Any) -> bool:
    """Whether a module's attribute is defined in one of the user's files."""
    if kind_of(thing) in ("module", ""):
        return False
    return source.owns(thing) or (is_torch(thing) and not is_class(thing))


def functions_of(functions: Sequence[Function]) -> dict[bool, Functions]:
    """The forward, backward and cost function for each mode."""
    chosen = {}
    for mode in (False, True):
        forward = best(functions, mode, FORWARD, FORWARD_PARTS, NOT_FORWARD, {"X"})
        backward = best(
            functions, mode, BACKWARD, ("backward", "backprop", "grad"), NOT_BACKWARD, {"Y"}
        )
        cost = best(functions, mode, COST, ("cost", "loss"), NOT_COST, {"Y"})
        if forward is None and backward is not None:
            forward = forward_by_arguments(functions)
        chosen[mode] = Functions(forward, backward, cost)
    return chosen


def forward_by_arguments(functions: Sequence[Function]) -> Function | None:
    """A function that takes samples and parameters but no labels, whatever its name."""
    for function in functions:
        used = roles(function)
        word = plain(function.__name__)
        if (
            "X" in used
            and "Y" not in used
            and (used & {"parameters", "W"} or is_method(function))
            and not any(part in word for part in (*NOT_FORWARD, *NOT_BACKWARD))
            and not ELEMENTWISE.search(word)
        ):
            return function
    return None


def best(
    functions: Sequence[Function],
    batch_norm: bool,
    words: tuple[str, ...],
    parts: tuple[str, ...],
    without: tuple[str, ...],
    needs: set[str],
) -> Function | None:
    """The likeliest function for a purpose: first by mode, then by name."""
    ranked = []
    for place, function in enumerate(functions):
        value = rank(function.__name__, words, parts, without)
        used = roles(function)
        whole = bool(used & {"parameters", "W"}) or is_method(function)
        # else a layer's own, such as softmax_backward(p, y); a cost may be one of (P, Y)
        enough = whole or needs == {"X"} or len(signature(function)) > 2
        if value >= 0 and (needs <= used or is_method(function)) and enough:
            wrong_mode = says_batch_norm(function.__name__) != batch_norm
            ranked.append((not whole, wrong_mode, value, place, function))
    return min(ranked, key=lambda entry: entry[:4])[4] if ranked else None


def defines(functions: Sequence[Function], classes: list[type]) -> str:
    """A short description of a file's definitions."""
    parts = []
    if functions:
        parts.append("functions " + ", ".join(f.__name__ for f in functions[:8]))
    if classes:
        parts.append("classes " + ", ".join(c.__name__ for c in classes[:8]))
    return "it defines " + " and ".join(parts) if parts else "it defines no function and no class"


def in_words(thing: Any) -> str:
    """A short description of an object."""
    if is_class(thing):
        return "a class"
    return "a function" if is_function(thing) else f"an object of type {type_name(thing)}"
