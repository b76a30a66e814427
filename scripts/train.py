"""`twingrad train`: one training with either backend."""

from pathlib import Path
from typing import Annotated, Any

import typer

from scripts import options
from scripts.options import build_recipe, parse_widths
from scripts.output import Output
from scripts.running import load_backend, summarise, train_in_folder
from twingrad.errors import UserError
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder
from twingrad.threads import limit_threads


def train(
    preset: options.Preset = "three-layer",
    batch_norm: options.BatchNorm = None,
    hidden: options.Hidden = None,
    initialization: options.Initialization = None,
    penalty: options.Penalty = None,
    eta_min: options.EtaMin = None,
    eta_max: options.EtaMax = None,
    half_cycle: options.HalfCycle = None,
    cycles: options.Cycles = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    alpha: options.Alpha = None,
    dtype: options.Dtype = None,
    seed: options.Seed = None,
    batches: options.Batches = None,
    train_size: options.TrainSize = None,
    unpenalised_first_layer: options.UnpenalisedFirstLayer = None,
    unshuffled: options.Unshuffled = None,
    per_file_standardization: options.PerFileStandardization = None,
    stale_eta: options.StaleEta = None,
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
        typer.Option(
            "--compiled", help="Compile the update first: half a minute (torch on the CPU)."
        ),
    ] = False,
    threads: options.Threads = 1,
    data: options.Data = None,
    out: options.Out = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> None:
    """Train one network; --out keeps metrics, parameters and figures, and lets --resume go on."""
    from twingrad.cifar.loading import load_for

    output = Output(json, quiet)
    overrides: dict[str, Any] = {
        "batch_norm": batch_norm,
        "hidden": parse_widths(hidden),
        "initialization": initialization,
        "penalty": penalty,
        "eta_min": eta_min,
        "eta_max": eta_max,
        "half_cycle": half_cycle,
        "cycles": cycles,
        "epochs": epochs,
        "batch_size": batch_size,
        "alpha": alpha,
        "dtype": dtype,
        "seed": seed,
        "batches": batches,
        "train_size": train_size,
        "unpenalised_first_layer": unpenalised_first_layer,
        "unshuffled": unshuffled,
        "per_file_standardization": per_file_standardization,
        "stale_eta": stale_eta,
    }
    if resume:
        given = [name for name, value in overrides.items() if value is not None]
        folder, recipe, backend, device = reopen(out, given, backend, device)
    else:
        recipe = build_recipe(preset, overrides)
        backend, device = backend or "manual", device or "cpu"
        norm = "" if recipe.batch_norm else "-no-batch-norm"
        out = out or Path("runs") / f"{recipe.name}{norm}-{backend}-seed{recipe.seed}"
    switches = torch_switches(
        backend, device, deterministic=deterministic, tf32=tf32, compiled=compiled
    )
    load_backend(backend)
    limit_threads(threads)
    with output.busy("reading images"):
        dataset = load_for(data, recipe)
    recipe.plan(len(dataset.training))  # a minibatch too large is said before a folder is made
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
    for part, evaluation in run.final.items():
        output.print(
            f"{part:10s}  accuracy {100 * evaluation.accuracy:5.2f} %  "
            f"loss {evaluation.loss:.4f}  cost {evaluation.cost:.4f}"
        )
    output.write(folder.read_summary() or summarise(run, backend, dataset))


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
        UserError: one was given to the manual backend, the device is not here, or nothing can be
            compiled for it.
    """
    if backend == "torch":
        from torch_impl import find_device
        from torch_impl.learner import require_compiler

        place = find_device(device)
        if compiled:
            require_compiler(place)
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
