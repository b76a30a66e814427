"""`twingrad train`: one training with either backend."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scripts import options
from scripts.options import build_recipe, recipe_options, require_used, short_name
from scripts.output import Output
from scripts.running import load_backend, train_in_folder
from twingrad.errors import DivergedError, UserError
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.threads import limit_threads
from twingrad.training import Run


@recipe_options()
def train(
    preset: options.Preset = "three-layer",
    *,
    fields: options.Fields,
    backend: options.Backend = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N (torch).")] = None,
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
    """Train one network; --out keeps metrics, parameters and figures, and lets --resume go on.

    --schedule range is the learning-rate range test: it finds the rates to train with.
    """
    from twingrad.cifar.loading import load_for

    output = Output(json, quiet)
    if resume:
        folder, recipe, backend, device = reopen(out, list(fields), backend, device)
    else:
        recipe = build_recipe(preset, fields)
        require_used(recipe, fields)
        backend, device = backend or "manual", device or "cpu"
        out = out or Path("runs") / f"{short_name(recipe)}-{backend}-seed{recipe.seed}"
    switches = torch_switches(
        backend, device, deterministic=deterministic, tf32=tf32, compiled=compiled
    )
    load_backend(backend)
    limit_threads(threads)
    with output.busy("reading images"):
        dataset = load_for(data, recipe)
    recipe.plan_for(dataset)  # what the data do not allow is said before a folder is made
    if not resume:
        assert out is not None
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
    run = None
    try:
        run = train_in_folder(
            folder,
            recipe,
            dataset,
            backend=backend,
            on_epoch=lambda epoch, epochs: output.epoch(backend, epoch, epochs),
            **switches,
        )
    except KeyboardInterrupt:
        said = f"saved; continue with: twingrad train --resume --out {folder.path}"
        output.print(said, markup=False)
        raise
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


def reopen(
    out: Path | None, given: list[str], backend: str | None, device: str | None
) -> tuple[RunFolder, Recipe, str, str]:
    """The folder that --resume continues.

    Raises:
        UserError: no --out, or options that contradict what the folder holds.
    """
    if out is None:
        raise UserError("--resume needs --out, the folder of the run to continue")
    if given:
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
