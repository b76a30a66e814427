"""Small data and recipes for sweeps, without torch: child processes start with them quickly.

As a program it runs a sweep, for tests that kill it or run several at once:
python -m tests.sweeps.clouds '{"folder": ..., "over": [...], "recipe": {...}, ...}'
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from twingrad.dataset import Dataset, Split
from twingrad.recipe import Recipe

PENALTIES = "penalty=log:1e-5:1e-1"


def clouds(digest: str = "c0") -> Dataset:
    """Ten overlapping Gaussian clouds in 24 dimensions."""
    rng = np.random.default_rng(5)
    centres = 0.7 * rng.standard_normal((10, 24))

    def split(n: int) -> Split:
        y = rng.integers(0, 10, n)
        X = centres[y] + rng.standard_normal((n, 24))
        return Split(np.ascontiguousarray(X, "float32"), y)

    identity = {"name": "clouds", "digest": digest, "description": "clouds", "synthetic": True}
    return Dataset(split(500), split(130), split(120), 10, identity)


def small(**changes: Any) -> Recipe:
    """A [8] net: 4 epochs of 10 updates, two whole cycles."""
    fields = {"hidden": (8,), "batch_size": 50, "half_cycle": 10, "cycles": 2, "seed": 3}
    return Recipe(**{**fields, **changes})


def main() -> None:
    """Runs the sweep that the argument describes, and says what happens, a line each."""
    from sweeps import run_sweep

    settings = json.loads(sys.argv[1])
    if "cluster" in settings:
        from sweeps.engine import cluster, reach

        reach.ANSWER, cluster.READY = 60.0, 120.0  # whatever else the machine has to do
    recipe = small(**settings.pop("recipe", {}))
    folder = Path(settings.pop("folder"))
    results = run_sweep(
        settings.pop("over", [PENALTIES]),
        clouds(),
        recipe=recipe,
        folder=folder,
        on_status=lambda status: print(status.done, status.said, flush=True),
        **settings,
    )
    print("chosen", json.dumps(results.chosen), flush=True)


if __name__ == "__main__":
    main()
