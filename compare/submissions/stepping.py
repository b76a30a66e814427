"""Gradients of a backward pass that returns none: from its update, or kept in the object."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compare.submissions.binding import signature
from compare.submissions.matching import Leaves
from compare.submissions.names import plain, role_of, tensor_name
from compare.submissions.source import returned_names

RATE = 1.0
"""The learning rate of a backward function that updates the parameters itself."""

OPTIMIZER = ("optimizer", "optimiser", "optim", "opt")
"""Names of an argument that selects the rule of the update."""

DESCENT = ("sgd", "gd", "gradientdescent", "stochasticgradientdescent", "vanilla", "plain")
"""Names of the rule that goes down by the gradient alone."""

MIN_ENTRIES = 4
"""Entries of a step below which equal sizes may be chance."""

EQUAL = 0.01
"""Relative: sizes of a step's entries that differ by less are equal."""


def descent_of(function: Callable[..., Any], strings: set[str]) -> dict[str, str]:
    """The argument with which a function that returns nothing goes down by the gradient alone.

    Arguments:
        strings: of the file, which say how it spells the rule.
    """
    if returned_names(function):
        return {}
    spelled = next((text for text in sorted(strings) if plain(text) in DESCENT), DESCENT[0])
    return {
        argument.name: spelled
        for argument in signature(function)
        if plain(argument.name) in OPTIMIZER and isinstance(argument.default, str)
    }


def steps_of(
    before: Mapping[str, np.ndarray], after: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], bool]:
    """What an update took from each parameter, and whether that is its gradient at a learning
    rate of 1, as far as can be told."""
    steps = {
        name: old - new
        for name, old in before.items()
        if isinstance(new := after.get(name), np.ndarray) and new.shape == old.shape
    }
    if not any(step.any() for step in steps.values()):
        return {}, False
    return steps, not any(is_adaptive(step) for n, step in steps.items() if n.startswith("W"))


def is_adaptive(step: np.ndarray) -> bool:
    """Whether most entries of a step have one size, as in the first step of Adam or RMSprop."""
    sizes = np.abs(step[step != 0])
    if sizes.size < MIN_ENTRIES:
        return False
    return bool((np.abs(sizes / np.median(sizes) - 1) < EQUAL).mean() > 0.5)


def named_gradients(held: Leaves) -> Leaves:
    """The arrays of an object whose names say that they are gradients: `dW`, `grads["W1"]`."""
    return {
        path: leaf
        for path, leaf in held.items()
        if any(says_gradient(key) for key in path if isinstance(key, str))
    }


def says_gradient(name: str) -> bool:
    """Whether an attribute or key says that it holds gradients."""
    word = plain(name).lstrip(".")
    if "grad" in word or "nabla" in word:
        return True
    of_what = tensor_name(word) is not None or role_of(word[1:]) == "parameters"
    return word.startswith("d") and of_what


def unreadable(function: str, missing: list[str], steps: Mapping[str, np.ndarray]) -> str:
    """Why the gradients of a training step cannot be told."""
    adaptive = [name for name, step in steps.items() if is_adaptive(step)]
    reason = (
        f"all entries of {adaptive[0]} move by the same amount, as by Adam"
        if adaptive
        else "its learning rate is not known"
    )
    return (
        f"{function} updates the parameters and returns no gradients; those of "
        f"{', '.join(missing)} cannot be told from the update ({reason}); let it return them"
    )
