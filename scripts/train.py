"""`twingrad train`: one training with either backend."""

from dataclasses import replace
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts import options
from scripts.options import build_recipe, recipe_options, require_used, short_name
from scripts.output import Output
from scripts.progress import Progress
from scripts.saving import saving
from twingrad import load_backend
from twingrad.dataset import Dataset
from twingrad.errors import DivergedError, UserError
from twingrad.locks import holding
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder, require_free
from twingrad.running import train_in_folder
from twingrad.threads import limit_threads
from twingrad.training import Run


@recipe_options()
def train(
    preset: options.Preset = "three-layer",
    *,
    fields: options.Fields,
    backend: options.Backend = None,
    device: Annotated[
        str | None, typer.Option(metavar="[cpu|cuda|cuda:N]", help="Device of torch. [cpu]")
    ] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Only reproducible kernels (torch).")
    ] = False,
    tf32: Annotated[
        bool, typer.Option("--tf32", help="Let a GPU round float32 products (torch).")
    ] = False,
    compiled: Annotated[
        bool,
        typer.Option("--compiled", help="Compile the update first: half a minute (torch)."),
    ] = False,
    threads: options.Threads = 1,
    data: options.Data = None,
    out: options.Out = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> None:
    """Train one network, by hand or in torch.

    Metrics, parameters and figures go to --out, a new folder unless named. --resume continues an
    interrupted run; with --epochs N it trains a finished one further. --schedule range is the
    learning-rate range test.
    """
    from twingrad.cifar.loading import load_for

    output = Output(json, quiet)
    if resume:
        folder, recipe, backend, device = reopen(out, fields, backend, device)
    else:
        recipe = build_recipe(preset, fields)
        require_used(recipe, fields)
        backend, device = backend or "manual", device or "cpu"
        name = f"{short_name(recipe)}-{backend}-seed{recipe.seed}"
        out = out or new_folder(Path("runs"), name, overwrite=overwrite)
    switches = torch_switches(
        backend, device, deterministic=deterministic, tf32=tf32, compiled=compiled
    )
    load_backend(backend)
    limit_threads(threads)
    with output.busy("reading images"):
        dataset = load_for(data, recipe)
    recipe.plan_for(dataset)  # what the data do not allow is said before a folder is made
    assert out is not None
    if not resume:
        require_free(out, overwrite=overwrite)
    run = None
    again = f"twingrad train --resume --out {out}"
    with holding(out, "training"), saving(out, again, output):
        try:
            if resume:
                lengthen(folder, recipe, dataset, backend, device)
            else:
                folder = RunFolder.create(
                    out,
                    recipe,
                    backend=backend,
                    device=device,
                    identity=dataset.identity,
                    overwrite=overwrite,
                )
            output.print(f"data: {dataset.identity['description']}", markup=False)
            output.print(f"run: {folder.path}", markup=False)
            run = train_in_folder(
                folder,
                recipe,
                dataset,
                backend=backend,
                on_epoch=partial(Progress(output).epoch, backend),
                **switches,
            )
        except DivergedError as error:
            if recipe.schedule != "range":
                raise
            output.print(f"{error}: this ends the range test")
    if run is not None:
        print_evaluations(output, run)
    summary = folder.read_summary() or {}
    if "range" in summary:
        output.print(describe_range(**summary["range"]))
        output.print(f"figure: {folder.path / 'figures/range.png'}", markup=False)
    output.write(summary)


def print_evaluations(output: Output, run: Run) -> None:
    """A line for each part of the data."""
    for part, evaluation in run.final.items():
        output.print(
            f"{part:10s}  accuracy {100 * evaluation.accuracy:5.2f} %  "
            f"loss {evaluation.loss:.4f}  cost {evaluation.cost:.4f}"
        )


def describe_range(falls_fastest: float | None, rises_from: float | None) -> str:
    """What a range test found, in one sentence."""
    falls = "never falls clearly"
    if falls_fastest is not None:
        falls = f"falls fastest at learning rate {falls_fastest:.2g}"
    rises = "does not rise up to --eta-max"
    if rises_from is not None:
        rises = f"rises from {rises_from:.2g} on"
    return f"range test: the cost {falls} and {rises}"


def new_folder(parent: Path, name: str, *, overwrite: bool) -> Path:
    """A folder that is not there: NAME, else NAME-2, NAME-3, ...; NAME itself to overwrite."""
    paths = chain([parent / name], (parent / f"{name}-{number}" for number in count(2)))
    return next(path for path in paths if overwrite or not path.exists())


def lengthen(
    folder: RunFolder, recipe: Recipe, dataset: Dataset, backend: str, device: str
) -> None:
    """Reopens a finished run whose recipe has more epochs now.

    Raises:
        UserError: it cannot be trained further.
    """
    _, before, _, _ = RunFolder.reopen(folder.path)
    if recipe == before:
        return
    done, plan = len(folder.read_history()), before.plan_for(dataset)
    assert recipe.epochs is not None
    if recipe.epochs < done:
        raise UserError(f"--epochs is {recipe.epochs}, but the run has {done} already")
    if recipe.schedule == "range" or recipe.precise_statistics:
        raise UserError(
            "--epochs cannot extend a range test, nor a run with --precise-statistics: their end "
            "depends on their length; train anew"
        )
    summary = folder.read_summary()
    if done == plan.epochs and len(plan.learning_rates) % plan.updates_per_epoch:
        raise UserError("--epochs: the run ended within an epoch and cannot go on; train anew")
    remembers = recipe.optimizer != "sgd"
    if summary is not None and remembers and folder.load_checkpoint() is None:
        raise UserError(f"--epochs: {folder.path} has no checkpoint to go on from; train anew")
    if summary is not None and summary["status"] != "finished":
        return  # it diverged; finished_run reports that
    folder.extend(recipe, backend, device)


def reopen(
    out: Path | None, fields: options.Fields, backend: str | None, device: str | None
) -> tuple[RunFolder, Recipe, str, str]:
    """The folder that --resume continues, and its recipe, with --epochs where that was given.

    Raises:
        UserError: no --out, or options that contradict what the folder holds.
    """
    if out is None:
        raise UserError("--resume needs --out, the folder of the run to continue")
    if given := [name for name in fields if name != "epochs"]:
        option = given[0].replace("_", "-")
        raise UserError(
            f"--{option} cannot change a run that --resume continues: {out} has its own recipe"
        )
    folder, recipe, its_backend, its_device = RunFolder.reopen(out)
    for option, asked, its in [
        ("backend", backend, its_backend),
        ("device", device, its_device),
    ]:
        if asked not in (None, its):
            raise UserError(f"--{option} is {asked!r}, but the run in {out} was begun with {its!r}")
    if "epochs" in fields:
        recipe = replace(recipe, epochs=fields["epochs"])
    return folder, recipe, its_backend, its_device


def torch_switches(
    backend: str, device: str, *, deterministic: bool, tf32: bool, compiled: bool
) -> dict[str, Any]:
    """The options that only torch has.

    Raises:
        UserError: one was given to the manual backend, the device is not here, or no compiler is.
    """
    if backend == "torch":
        from torch_impl import find_device
        from torch_impl.capture import require_compiler

        find_device(device)
        if compiled:
            require_compiler()
        return {
            "device": device,
            "deterministic": deterministic,
            "tf32": tf32,
            "compiled": compiled,
        }
    for option, given in [
        (f"device {device}", device != "cpu"),
        ("deterministic", deterministic),
        ("tf32", tf32),
        ("compiled", compiled),
    ]:
        if given:
            raise UserError(f"--{option} is for --backend torch; NumPy runs on the CPU, as it is")
    return {}


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(train)
