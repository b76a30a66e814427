"""What several tests build: golden cases, small data, random networks, either backend's learner."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from twingrad.dataset import Dataset, Split
from twingrad.initialization import initialize
from twingrad.layers import KINDS
from twingrad.minibatches import EpochInputs
from twingrad.network import Masks, Network, Parameters, Trace
from twingrad.recipe import Recipe
from twingrad.training import Learner, State

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests/data/golden"


def golden(file: str) -> dict[str, dict[str, np.ndarray]]:
    """A golden file as {case: {key: array}}."""
    cases: dict[str, dict[str, np.ndarray]] = {}
    with np.load(GOLDEN / file) as content:
        for key, value in content.items():
            case, name = key.split("/")
            cases.setdefault(case, {})[name] = value
    return cases


def golden_parameters(case: dict[str, np.ndarray], prefix: str = "{kind}_{l}") -> Parameters:
    """A golden case's parameters under this project's names; vectors lose their second axis."""
    parameters = {}
    for l in range(1, int(case["k"]) + 1):
        for kind in ("W", "b", "gamma", "beta"):
            value = case.get(prefix.format(kind=kind, l=l))
            if value is not None:
                parameters[f"{kind}{l}"] = value.copy() if kind == "W" else value[:, 0].copy()
    return parameters


def golden_network(case: dict[str, np.ndarray]) -> Network:
    """The network of a golden case or trajectory."""
    hidden = tuple(int(width) for width in case["hidden"])
    return Network(
        case["X"].shape[0], hidden, 10, normalization="batch" if bool(case["bn"]) else "none"
    )


def arrays(values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Arrays or tensors as arrays."""
    return {
        name: np.asarray(value.detach() if hasattr(value, "detach") else value)
        for name, value in values.items()
    }


def random_parameters(network: Network, seed: int) -> Parameters:
    """He weights; b and beta 0.1 N(0, 1) and gamma in 0.5 .. 1.5, so that none is special."""
    rng = np.random.default_rng(seed)
    parameters = initialize(network, "he", seed)
    for name, value in parameters.items():
        if name.startswith("b"):
            parameters[name] = 0.1 * rng.standard_normal(value.shape)
        elif name.startswith("gamma"):
            parameters[name] = rng.uniform(0.5, 1.5, value.shape)
    return parameters


def random_samples(network: Network, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """X (n, d) standard normal and y (n,)."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, network.inputs)), rng.integers(0, network.classes, n)


def random_masks(network: Network, n: int, seed: int) -> Masks | None:
    """Masks (n, width) that keep each unit with the network's probability; None without dropout."""
    rng = np.random.default_rng(seed)
    masks = {
        name: rng.random((n, *width)) >= network.dropout
        for name, width in network.mask_shapes.items()
    }
    return masks or None


def vanishing(network: Network, samples: int) -> set[str]:
    """Names whose gradient, but for the penalty, is 0 in theory.

    A batch norm right above b takes any shift out again. A normalisation over two values returns
    +1 and -1 whatever they are, so that no gradient gets below it.
    """
    names: set[str] = set()
    places = network.layers
    for below, place in enumerate(places):
        if KINDS[place.kind].role != "normalization":
            continue
        batch = place.kind == "batch_norm"
        if batch and places[below - 1].kind == "affine":
            names.add(f"b{place.number}")
        if (samples if batch else place.width) == 2:
            for one in places[:below]:
                names |= {*one.parameters, *one.intermediates}
    return names


def smallest_variance(trace: Trace) -> float:
    """The smallest of a trace; infinity without normalisation."""
    return min((float(v.min()) for name, v in trace.items() if name[0] == "v"), default=np.inf)


def small_dataset(dtype: str = "float32", samples: int = 500, inputs: int = 24) -> Dataset:
    """Ten overlapping Gaussian clouds; with 48 inputs they count as images of 3 x 4 x 4."""
    rng = np.random.default_rng(5)
    centres = 0.7 * rng.standard_normal((10, inputs))

    def split(n: int) -> Split:
        y = rng.integers(0, 10, n)
        X = centres[y] + rng.standard_normal((n, inputs))
        return Split(np.ascontiguousarray(X, dtype), y)

    return Dataset(split(samples), split(130), split(120), 10, {"name": "clouds", "digest": "c0"})


def small_recipe(**changes: Any) -> Recipe:
    """A [12, 9] net for `small_dataset`: 4 epochs of 10 updates."""
    return Recipe(**{"hidden": (12, 9), "epochs": 4, "batch_size": 50, "seed": 3, **changes})


def learner(
    implementation: ModuleType,
    recipes: Recipe | Sequence[Recipe],
    dataset: Dataset,
    parameters: Parameters | Sequence[Parameters] | None = None,
) -> Learner:
    """The implementation's learner of one recipe or several.

    Arguments:
        parameters: to start from; None for the recipes' own.
    """
    recipes = [recipes] if isinstance(recipes, Recipe) else recipes
    network = recipes[0].network(dataset.training.X.shape[1], dataset.classes)
    if parameters is None:
        parameters = [initialize(network, one.initialization, one.seed) for one in recipes]
    elif isinstance(parameters, dict):
        parameters = [parameters]
    made: Learner = implementation.learner(recipes, network, dataset, parameters)
    return made


def epoch_inputs(order: Any, rates: Any, masks: Masks | None = None) -> EpochInputs:
    """Updates on these rows at these learning rates, (updates,) or (networks, updates)."""
    return EpochInputs(np.asarray(order), np.atleast_2d(np.asarray(rates)), masks or {}, None)


def rows(*updates: int) -> np.ndarray:
    """The order in which update u takes samples 50 u to 50 u + 49: (updates, 50)."""
    return np.array([np.arange(50 * u, 50 * u + 50) for u in updates])


def assert_same_states(found: State, expected: State, within: float) -> None:
    """Every tensor equal within a share of its size, or of 1 where that is more."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        size = np.abs(value).max(where=np.isfinite(value), initial=1.0)
        np.testing.assert_allclose(found[name], value, atol=within * size, rtol=0, err_msg=name)


def bits(values: dict[str, np.ndarray]) -> dict[str, bytes]:
    """The bytes of every array: what 'bit for bit' compares."""
    return {name: value.tobytes() for name, value in values.items()}
