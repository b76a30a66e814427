"""The ladder as a command: train what is missing, then write results, figure and page."""

from collections.abc import Sequence
from pathlib import Path

from reproduction.beyond.kept_results import kept_results, same_data
from reproduction.beyond.ladder import LADDER, rungs_of, shortened
from reproduction.beyond.ladder_page import write_pages
from reproduction.beyond.rung import Rung
from reproduction.beyond.rung_results import LadderResults, collect, progress_of
from reproduction.beyond.running import LoadDataset, OnEvent, run_ladder
from reproduction.folder import RESULTS, TRAININGS, prepare
from sweeps.engine.disk import disk_reported
from sweeps.space.defaults import checked
from twingrad.dataset import Dataset
from twingrad.environment import environment


def reproduce_ladder(
    load: LoadDataset,
    folder: Path,
    *,
    row: str | None = None,
    seed: int | None = None,
    backend: str = "manual",
    device: str = "cpu",
    processes: int | None = None,
    stack: int | None = None,
    quick: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    on_event: OnEvent | None = None,
) -> LadderResults:
    """Train what the folder does not contain yet, and write what is finished.

    Rungs of the folder's `results.json` whose trainings are gone are kept, and not trained again.

    Arguments:
        load: loads the data of a recipe; can be pickled.
        folder: for all that is kept.
        row: the key of one rung; None for all.
        seed: the only seed to train, by the main backend alone; None for all.
        backend: the main one; the other trains the first seed.
        device: of torch.
        processes, stack: how many at a time, and how many seeds of a setting side by side; by
            default 1, since each has its own minibatches, and a stack saves nothing on a CPU.
        quick: stops every training after two epochs.
        resume, overwrite: what to do with a folder that holds something.
        on_event: for progress.

    Raises:
        UserError: no such rung; the folder cannot be used, or holds results of other data or of
            the other backend; the implementations disagree.
    """
    ladder = shortened(LADDER) if quick else LADDER
    rungs = rungs_of(row, ladder)
    processes, stack = checked(processes, 1 if stack is None else stack, (device,))
    prepare(folder, resume=resume, overwrite=overwrite)
    kept = kept_results(folder / RESULTS, folder / TRAININGS, ladder, backend)
    with disk_reported(folder):
        run_ladder(
            [rung for rung in rungs if kept is None or rung.key not in kept.rungs],
            load,
            folder / TRAININGS,
            backend=backend,
            processes=processes,
            seed=seed,
            stack=stack,
            device=device,
            on_event=on_event,
        )
        dataset = load(ladder[0].settings[0].recipe(0))
        if kept is not None:
            same_data(kept, dataset.identity["digest"], folder / RESULTS)
        results = results_of(folder / TRAININGS, ladder, dataset, backend, device, kept)
        write_pages(results, folder)
    return results


def results_of(
    root: Path,
    ladder: Sequence[Rung],
    dataset: Dataset,
    backend: str,
    device: str,
    kept: LadderResults | None,
) -> LadderResults:
    """The results of the whole ladder: those kept, and those of a folder of trainings."""
    known = {**(kept.rungs if kept else {}), **collect(root, ladder, dataset, backend)}
    found = {rung.key: known[rung.key] for rung in ladder if rung.key in known}
    waiting = {
        rung.key: progress_of(root, rung, backend) for rung in ladder if rung.key not in found
    }
    identity = dataset.identity
    about = {
        "backend": backend,
        "data": {key: identity.get(key) for key in ("name", "digest", "official", "synthetic")},
        "environment": environment(device),
    }
    return LadderResults(found, waiting, about)
