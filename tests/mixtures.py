"""Recipes that mix every optimiser and kind of layer, to hold stacks against single trainings."""

import itertools

from tests.support import small_dataset, small_recipe
from twingrad.layers import LOSSES, NORMALIZATIONS
from twingrad.recipe import OPTIMIZERS

SLICES = 1e-9
"""After 200 updates in float64, of a tensor's size or of 1: as the issue has it."""

IMAGES = small_dataset("float64", samples=200, inputs=48)
"""Clouds, taken for images of 3 x 4 x 4."""


def mixtures():
    """Stacks of every optimiser with every normalisation; what else there is takes turns."""
    combinations = itertools.product(OPTIMIZERS, NORMALIZATIONS)
    for number, (optimizer, normalization) in enumerate(combinations):
        turn = number + number // 4
        yield {
            "own": bool(turn % 2),
            "optimizer": optimizer,
            "normalization": normalization,
            "hidden": [(6, 5), (7,), (5, 4, 6)][number % 3],
            "activation": ["relu", "leaky_relu"][number // 2 % 2],
            "slope": 0.2,
            "dropout": [0.0, 0.3][turn // 2 % 2],
            "smoothing": [0.0, 0.1, 0.0][number % 3],
            "loss": ["cross_entropy", "cross_entropy", LOSSES[1 + number % 2]][number % 3],
            "decoupled": number % 5 in (1, 2),
            "flip": number % 4 in (0, 1),
            "shift": [0, 1, 2][number % 3],
            "jitter": 0.1 if number % 4 in (0, 3) else 0.0,
            "schedule": ["cyclical", "cosine", "step"][number % 3],
            "alpha": [0.5, 0.9][number % 2],
        }


def name_of(mixture):
    words = [mixture["optimizer"], mixture["normalization"], mixture["activation"]]
    words += ["own" if mixture["own"] else "shared"]
    words += [word for word in ("dropout", "flip", "shift", "decoupled") if mixture[word]]
    return " ".join(words)


def recipes_of(own, optimizer, **common):
    """Three that differ in all that may differ, in their minibatches too if these are their own."""
    rate = 0.003 if optimizer == "adam" else 0.03
    differences = [
        {"penalty": 0.0, "eta_max": rate, "initialization": "he", "momentum": 0.5, "beta2": 0.9},
        {"penalty": 0.01, "eta_max": rate / 3, "initialization": "xavier", "adam_eps": 1e-3},
        {"penalty": 0.1, "eta_max": rate, "initialization": "0.1", "beta1": 0.5},
    ]
    return [
        small_recipe(
            optimizer=optimizer,
            dtype="float64",
            batch_size=20,
            epochs=20,
            half_cycle=30,
            seed=number if own else 3,
            **common | difference,
        )
        for number, difference in enumerate(differences)
    ]


MIXTURES = list(mixtures())
