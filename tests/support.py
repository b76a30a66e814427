"""What several tests build: golden cases, small data, random networks, either backend's learner."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from manual_impl import ManualLearner
from torch_impl import TorchLearner
from twingrad.dataset import Dataset, Split
from twingrad.initialization import initialize
from twingrad.network import Network, Parameters
from twingrad.recipe import Recipe
from twingrad.training import Learner

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
    return Network(case["X"].shape[0], hidden, 10, batch_norm=bool(case["bn"]))


def arrays(values: dict[str, Any]) -> dict[str, np.ndarray]:
    """Arrays or tensors as arrays."""
    return {
        name: np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
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


def small_dataset(dtype: str = "float32", samples: int = 500) -> Dataset:
    """Ten overlapping Gaussian clouds in 24 dimensions."""
    rng = np.random.default_rng(5)
    centres = 0.7 * rng.standard_normal((10, 24))

    def split(n: int) -> Split:
        y = rng.integers(0, 10, n)
        X = centres[y] + rng.standard_normal((n, 24))
        return Split(np.ascontiguousarray(X, dtype), y)

    return Dataset(split(samples), split(130), split(120), 10, {"name": "clouds", "digest": "c0"})


def small_recipe(**changes: Any) -> Recipe:
    """A [12, 9] net for `small_dataset`: 4 epochs of 10 updates."""
    return Recipe(**{"hidden": (12, 9), "epochs": 4, "batch_size": 50, "seed": 3, **changes})


def learner(
    implementation: ModuleType, recipe: Recipe, dataset: Dataset, parameters: Parameters
) -> Learner:
    """The backend's learner, on the CPU."""
    network = recipe.network(dataset.training.X.shape[1], dataset.classes)
    if implementation.__name__ == "manual_impl":
        return ManualLearner(recipe, network, dataset, parameters)
    return TorchLearner(recipe, network, dataset, parameters, torch.device("cpu"))


def bits(values: dict[str, np.ndarray]) -> dict[str, bytes]:
    """The bytes of every array: what 'bit for bit' compares."""
    return {name: value.tobytes() for name, value in values.items()}
