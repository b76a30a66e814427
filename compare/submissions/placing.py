"""Which vectors of an object its forward pass reads: gamma and beta, where no name says so."""

from collections.abc import Iterator, Mapping
from itertools import islice, permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.cases import Case
from compare.submissions.asking.failures import CodeFailure, Unsupported
from compare.submissions.holder import MAX_TRIES, is_named_as, slot
from compare.submissions.matching import Leaves, leaves_of
from compare.submissions.messages import RemoteError
from compare.submissions.things import Path, put_all, values_in, written
from twingrad.streams import stream

if TYPE_CHECKING:
    from compare.submissions.layouts.dd2424_code import DD2424Code

CHANGE = 1e-9
"""Smallest change of a result, relative to its largest entry, that is more than rounding: b below
a batch norm changes nothing."""

Vectors = dict[Path, dict[Path, np.ndarray]]
"""Arrays by path, for each slot."""


def arrangements(code: "DD2424Code", case: Case) -> Iterator[Mapping[Path, str]]:
    """The ways to take vectors that the forward pass reads for gamma and beta, the one by their
    initial values first; each kind by slot."""
    if not case.network.batch_norm:
        return
    named = {path for name, path in code.places.items() if is_named_as(path, name)}
    known = {slot(path) for path in named}
    taken = {name.rstrip("0123456789") for name, path in code.places.items() if path in named}
    kinds = [kind for kind in ("gamma", "beta") if kind not in taken]
    free = [one for one in vectors_read(code, case) if one not in known]
    first = [slot(code.places[f"{kind}1"]) for kind in kinds if f"{kind}1" in code.places]
    tried = sorted(
        permutations(free, len(kinds)),
        key=lambda slots: sum(one != other for one, other in zip(slots, first, strict=False)),
    )
    for slots in islice(tried, MAX_TRIES) if kinds else ():
        yield dict(zip(slots, kinds, strict=True))


def unplaced(code: "DD2424Code", case: Case) -> list[str]:
    """The vectors of an object, of a hidden layer's shape, that its forward pass reads and that are
    no parameter of the network, as code after the object's name."""
    placed = {slot(path) for path in code.places.values()}
    found = vectors_read(code, case)
    return [written(min(found[one], key=str)) for one in found if one not in placed]


def vectors_read(code: "DD2424Code", case: Case) -> Vectors:
    """The vectors of a hidden layer's shape that change what the forward pass computes."""
    try:
        thing = code.values(case, code.hand_over(case, "float64")).holder
        made = vectors_in(thing, case)
        plain = outputs(code, case, thing, {})
        if differ(plain, outputs(code, case, thing, {})):
            return {}
        return {
            one: vectors
            for one, vectors in made.items()
            if differ(plain, outputs(code, case, thing, vectors))
        }
    except (CodeFailure, Unsupported, RemoteError):
        return {}


def vectors_in(thing: Any, case: Case) -> Vectors:
    """The vectors in an object that have the shape of a hidden layer's."""
    found: Vectors = {}
    for path, value in values_in(thing):
        if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            continue
        if value.size in case.network.hidden and max(value.shape, default=0) == value.size:
            found.setdefault(slot(path), {})[path] = value
    return found


def outputs(
    code: "DD2424Code", case: Case, thing: Any, vectors: Mapping[Path, np.ndarray]
) -> Leaves:
    """What an object computes, with some of its vectors moved.

    Returns:
        What the forward function returns; the values of all samples that the object keeps if it
        returns none; the gradients if there is no forward function.
    """
    values = code.values(case, code.hand_over(case, "float64"), thing)
    rng = stream(case.network.depth, "vectors of an object")
    put_all(
        thing, [(p, value + rng.uniform(0.5, 1.5, value.shape)) for p, value in vectors.items()]
    )
    try:
        if code.functions.forward is None:
            assert code.functions.backward is not None
            return leaves_of(code.run(code.functions.backward, values, 1))
        found = leaves_of(code.run_forward(values).whole)
        kept = {p: v for p, v in values_in(thing) if isinstance(v, np.ndarray) and v.ndim == 2}
        return found or {p: v for p, v in kept.items() if len(case.X) in v.shape}
    finally:
        put_all(thing, list(vectors.items()))


def differ(one: Leaves, other: Leaves) -> bool:
    """Whether two calls computed different numbers."""
    return one.keys() != other.keys() or any(
        value.shape != other[path].shape
        or np.abs(value - other[path]).max(initial=0) > CHANGE * np.abs(value).max(initial=1)
        for path, value in one.items()
    )
