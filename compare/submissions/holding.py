"""Containers for parameters, and the numbers that cost functions return."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.submissions.names import KINDS
from twingrad.network import Network

FORMS = {
    "single": "one W and one b",
    "lists": "a dict of lists",
    "flat": "a dict with W1, b1, ...",
    "layers": "a list of a dict per layer",
}
"""Kinds of containers."""


def container(
    lists: dict[str, list[Any]],
    form: str,
    strings: set[str],
    network: Network,
    own: Mapping[str, str],
) -> Any:
    """The parameters in one container.

    Arguments:
        lists: of W, b, gamma, beta.
        form: of FORMS.
        strings: constants in the code's text, which say how it spells the keys.
        network: gives depth, and the flag for batch norm that some keep there too.
        own: kinds by keys whose names do not say them.
    """
    words = {kind: key for key, kind in own.items()}
    keys = {kind: words.get(kind) or key_of(kind, strings) for kind in lists if lists[kind]}
    if form == "layers":
        return [
            {keys[kind]: lists[kind][l] for kind in keys if l < len(lists[kind])}
            for l in range(network.depth)
        ]
    held: dict[str, Any] = {}
    for kind, key in keys.items():
        if form == "single":
            held[key] = lists[kind][0]
        elif form == "lists":
            held[key] = lists[kind]
        else:
            held |= {f"{key}{l}": value for l, value in enumerate(lists[kind], 1)}
    for word in ("use_bn", "useBN", "use_batch_norm", "batch_norm"):
        if word in strings:
            held[word] = network.batch_norm
    return held


def key_of(kind: str, strings: set[str]) -> str:
    """The code's spelling of a kind: gamma or gammas."""
    for word in KINDS[kind].split():
        for spelling in (word.capitalize(), word):
            if spelling in strings:
                return spelling
    return kind


def told_apart(numbers: dict[str, float], penalty: float) -> dict[str, float]:
    """The cost and the loss among returned numbers: by name, otherwise the larger is the cost."""
    named: dict[str, float] = {}
    for key, value in numbers.items():
        for kind in ("cost", "loss"):
            if kind in key and kind not in named:
                named[kind] = value
    if "cost" in named:
        return named
    others = [v for k, v in numbers.items() if "loss" not in k]
    if others and "loss" in named:
        return named | {"cost": others[0]}
    if len(numbers) == 1:
        return {"cost": next(iter(numbers.values()))}
    low, high = sorted(numbers.values())[:2]
    return {"cost": high, "loss": low} if penalty >= 0 else {"cost": low, "loss": high}


def cost_beside(returned: Any) -> np.ndarray | None:
    """The only number that a function returns beside its gradients: loss, grads."""
    if not isinstance(returned, tuple | list):
        return None
    numbers = [v for v in returned if isinstance(v, float | np.floating) or is_number(v)]
    return np.asarray(numbers[0], np.float64) if len(numbers) == 1 else None


def is_number(value: Any) -> bool:
    """Whether a value is an array of one number without axes."""
    return isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "f"
