"""Run the updates of one checkout on request: the worker process of `benchmarks.against`.

    python against_worker.py CHECKOUT CORE

Each line of standard input is a request in JSON, answered by a line on standard output. The
packages are those of the checkout. Older ones, such as those of commit f5de9fd, have a separate
`stacked_learner`, and batch norm may be a flag of the recipe.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

SAMPLES, BATCH, ETA = 10_000, 100, 0.01

Run = Callable[[np.ndarray], Any]
"""Run the updates of an order (updates, n); return the costs, (networks, updates)."""


def start(
    ground: str, package: str, networks: int, batch_norm: bool, options: dict[str, Any]
) -> Run:
    """Create a learner for one [50, 50] network or a stack of them.

    Arguments:
        ground: the package that both implementations share, common or twingrad.
        package: manual_impl or torch_impl.
        options: of the learner.
    """
    shared = {name: import_module(f"{ground}.{name}") for name in ("dataset", "initialization")}
    Recipe = import_module(f"{ground}.recipe").Recipe
    implementation: Any = import_module(package)
    import_module(f"{ground}.threads").limit_threads(1)

    Split = shared["dataset"].Split
    rng = np.random.default_rng(0)
    X = rng.standard_normal((SAMPLES, 3072), dtype=np.float32)
    y = rng.integers(10, size=SAMPLES)
    few = Split(X[:500], y[:500])
    dataset = shared["dataset"].Dataset(Split(X, y), few, few, 10, {})

    flag = "batch_norm" in Recipe.__dataclass_fields__
    normalization = "batch" if batch_norm else "none"
    recipe = Recipe(batch_norm=batch_norm) if flag else Recipe(normalization=normalization)
    network = recipe.network(3072, 10)
    parameters = shared["initialization"].initialize(network, "he", 0)
    recipes, starts = [recipe] * networks, [parameters] * networks

    if not hasattr(implementation, "stacked_learner"):
        EpochInputs = import_module(f"{ground}.minibatches").EpochInputs
        learner = implementation.learner(recipes, network, dataset, starts, **options)
        return lambda order: learner.run_epoch(
            EpochInputs(order, np.full((networks, len(order)), ETA), {}, None)
        )
    if networks > 1:
        stack = implementation.stacked_learner(recipes, network, dataset, starts)
        return lambda order: stack.run_epoch(order, np.full((networks, len(order)), ETA))
    alone = implementation.learner(recipe, network, dataset, parameters, **options)
    return lambda order: alone.run_epoch(order, np.full(len(order), ETA))[None]


def main(checkout: Path, core: int) -> None:
    """Answer requests until standard input ends."""
    sys.path[0] = str(checkout)
    if core >= 0:
        os.sched_setaffinity(0, {core})
    ground = "twingrad" if (checkout / "twingrad").is_dir() else "common"
    replies, sys.stdout = sys.stdout, sys.stderr  # other output must not be taken for a reply
    runs: dict[str, Run] = {}
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        name, order = request.pop("name"), request.pop("order", None)
        answer: dict[str, Any] = {}
        if order is None:
            runs[name] = start(ground, **request)
        else:
            rows = np.array(order)
            started = time.process_time()
            costs = np.asarray(runs[name](rows), dtype=float)
            answer = {"seconds": time.process_time() - started, "costs": costs.tolist()}
        answer["blas"] = sorted(
            {found["architecture"] for found in threadpool_info() if "architecture" in found}
        )
        print(json.dumps(answer), file=replies, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
