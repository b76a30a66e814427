"""Which setting of a rung is reported, and which trainings still have to be run."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from reproduction.beyond.job import Job, folder_of
from reproduction.beyond.rung import Rung, Setting

SCREENED = (0,)
"""Number of seeds trained for every setting of a rung; the best one gets all seeds."""

OTHER = {"manual": "torch", "torch": "manual"}


def validation(root: Path, setting: Setting, backend: str, seeds: Iterable[int]) -> float | None:
    """Mean validation accuracy; 0 if a training diverged, None if one is missing."""
    found = []
    for seed in seeds:
        folder = folder_of(root, setting.training, backend, seed)
        if not folder.finished:
            return None
        run = folder.read()
        found.append(0.0 if "diverged" in run else run["validation"][setting.evaluation])
    return float(np.mean(found))


def chosen(root: Path, rung: Rung, backend: str) -> Setting | None:
    """The setting with the best validation accuracy; None if it is not known yet.

    Settings that evaluate the same trainings are compared over all of their seeds, others over
    `SCREENED`.
    """
    if len(rung.settings) == 1:
        return rung.settings[0]
    seeds = deciding_seeds(rung)
    found = [validation(root, setting, backend, seeds) for setting in rung.settings]
    known = [value for value in found if value is not None]
    return None if len(known) < len(found) else rung.settings[int(np.argmax(known))]


def deciding_seeds(rung: Rung) -> Sequence[int]:
    """The seeds whose validation accuracies choose among a rung's settings."""
    return range(rung.settings[0].seeds) if len(rung.trainings) == 1 else SCREENED


def jobs(
    root: Path,
    rungs: Sequence[Rung],
    backend: str,
    *,
    seed: int | None = None,
    stack: int = 1,
    device: str = "cpu",
) -> Iterator[Job]:
    """The unfinished jobs, the most urgent first.

    For each rung, all settings are first trained for the deciding seeds, then the chosen setting
    for the other seeds, then its first seeds with the other backend.

    Arguments:
        root: the folder that contains all trainings.
        rungs: the rungs to train.
        backend: the main backend.
        seed: the only seed, trained with the main backend only; None for all.
        stack: maximum number of seeds side by side.
        device: device for torch.
    """
    for rung in rungs:
        for setting in rung.settings:
            seeds = seeds_of(root, rung, setting, backend, seed)
            yield from stacks(root, setting, seeds, backend, stack, device)
        best = chosen(root, rung, backend)
        if best is not None and seed is None:
            yield from stacks(root, best, range(rung.twins), OTHER[backend], 1, device)


def seeds_of(
    root: Path, rung: Rung, setting: Setting, backend: str, seed: int | None
) -> Sequence[int]:
    """The seeds that a setting needs, as far as is known."""
    if seed is not None:
        return [seed]
    if len(rung.trainings) == 1:
        return range(setting.seeds)
    return range(setting.seeds) if chosen(root, rung, backend) == setting else SCREENED


def stacks(
    root: Path, setting: Setting, seeds: Iterable[int], backend: str, size: int, device: str
) -> Iterator[Job]:
    """Unfinished trainings, grouped by their number of epochs."""
    places = {seed: folder_of(root, setting.training, backend, seed) for seed in seeds}
    done = {seed: one.epochs_done() for seed, one in places.items() if not one.finished}
    for epochs in sorted(set(done.values()), reverse=True):
        alike = [seed for seed in done if done[seed] == epochs]
        for i in range(0, len(alike), size):
            where = device if backend == "torch" else "cpu"
            yield Job(setting, tuple(alike[i : i + size]), backend, where)
