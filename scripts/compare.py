"""`twingrad compare`: gradients, golden files, float64 updates in lockstep, and whole trainings."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from scripts import options
from scripts.check import Golden
from scripts.checking import check_gradients, judge_golden_files, print_faulty
from scripts.options import build_recipe, recipe_options, require_used, short_name
from scripts.output import Output
from scripts.program import AGREED, DISAGREED
from scripts.progress import Progress
from scripts.saving import saving
from twingrad.dataset import Dataset
from twingrad.environment import environment
from twingrad.errors import UserError
from twingrad.files import write_json
from twingrad.history import History
from twingrad.locks import holding
from twingrad.recipe import Recipe
from twingrad.run_folder import LOCK, RunFolder, make_folder
from twingrad.running import train_in_folder
from twingrad.threads import limit_threads
from twingrad.training import Run

if TYPE_CHECKING:
    from compare.cases import Case
    from compare.numerics.agreement import CaseVerdict
    from compare.reports.compare_report import Report

SIDES = ("manual", "torch")
MARK = "comparison.json"
"""The file that marks a folder as a comparison's."""

MORE_SEEDS = (
    "In float64 the two stay equal, so this may be the rounding of float32. Unlike a fault, it "
    "averages out over more seeds: try --seeds {seeds}, or more images."
)


@recipe_options(*(name for name in options.ALL if name != "seed"))
def compare(
    *,
    preset: options.Preset = "three-layer",
    fields: options.Fields,
    seeds: Annotated[int, typer.Option(help="Trainings of each implementation.")] = 2,
    seed: Annotated[int, typer.Option(help="The first seed.")] = 0,
    golden: Golden = None,
    device: options.Device = "cpu",
    threads: options.Threads = 1,
    data: options.Data = None,
    out: options.Out = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json: options.Json = None,
    quiet: options.Quiet = False,
) -> int:
    """Compare both implementations: gradients, updates, curves.

    Writes pictures and an HTML report. Trainings are resumable: --resume with the same options.
    """
    from compare.reports.tables import coloured
    from torch_impl import find_device
    from twingrad.cifar.loading import load_for

    output = Output(json, quiet)
    if seeds < 1:
        raise UserError(f"--seeds is {seeds}, but expected at least 1")
    find_device(device)
    recipe = build_recipe(preset, {**fields, "seed": seed})
    require_used(recipe, fields)
    out = out or Path("runs") / f"compare-{short_name(recipe)}"
    limit_threads(threads)
    golden_cases = judge_golden_files(golden or [])
    with output.busy("reading images"):
        dataset = load_for(data, recipe)
    recipe.plan_for(dataset)
    require_no_comparison(out, resume=resume, overwrite=overwrite)
    again = f"the same options, --resume and --out {out}"
    with holding(out, "comparison"), saving(out, again, output):
        prepare_folder(out, resume=resume)  # last, so that bad input deletes nothing
        output.print(f"data: {dataset.identity['description']}", markup=False)
        report = judge(
            recipe, dataset, golden_cases, range(seed, seed + seeds), device, out, output
        )
    output.print(f"verdict: {coloured(report.verdict)}; report: {escape(str(out / 'report.html'))}")
    output.write(report.as_json())
    return AGREED if report.verdict == "agree" else DISAGREED


def judge(
    recipe: Recipe,
    dataset: Dataset,
    golden_cases: "list[CaseVerdict]",
    seeds: range,
    device: str,
    out: Path,
    output: Output,
) -> "Report":
    """Gradients, updates in lockstep and whole trainings, each printed as soon as it is known."""
    from compare.reports import tables
    from compare.reports.compare_report import Report, write_report

    cases = check_gradients(gradient_cases(recipe, dataset), recipe.seed, output)
    output.print(tables.gradient_table(cases))
    print_faulty(output, cases)
    if golden_cases:
        agreeing = sum(case.verdict == "agree" for case in golden_cases)
        output.print(f"golden files: {agreeing} of {len(golden_cases)} cases agree")
        print_faulty(output, golden_cases)

    import manual_impl
    import torch_impl
    from compare.twins.curves import judge_curves
    from compare.twins.lockstep import lockstep

    watched = partial(output.track, doing="training in lockstep")
    stepped = lockstep(recipe, dataset, manual_impl, torch_impl, watched=watched)
    parted = f"part at update {stepped.parted_at}" if stepped.parted_at else "do not part"
    output.print(
        f"float64 in lockstep: {stepped.judged} updates differ by at most "
        f"{max(stepped.worst[: stepped.judged]):.1e} ({stepped.worst_tensor}), "
        f"{stepped.tolerance:g} allowed; in {len(stepped.worst)} updates they {parted}: "
        f"{tables.coloured(stepped.verdict)}"
    )

    pairs = []
    progress = Progress(output, len(SIDES) * len(seeds))
    for number in seeds:
        seeded = replace(recipe, seed=number)
        one, other = (train_side(side, seeded, dataset, out, device, progress) for side in SIDES)
        pairs.append((one, other))
    curves = judge_curves(SIDES, pairs)
    for name, finals in curves.finals.items():
        accuracies = ", ".join(f"{100 * value:.2f} %" for value in finals)
        output.print(f"{name}: final test accuracy {accuracies}")
    largest = curves.largest
    output.print(
        f"curves: accuracies differ by at most {100 * largest['difference']:.2f} points, averaged "
        f"over seeds ({largest['part']}, epoch {largest['epoch']}), and final test accuracies by "
        f"{100 * curves.mean_final:.2f} points on average: {tables.coloured(curves.verdict)}"
    )
    if curves.verdict == "disagree" and stepped.verdict == "agree":
        output.print(MORE_SEEDS.format(seeds=2 * len(seeds)))

    report = Report(
        title=short_name(recipe),
        cases=cases,
        golden=golden_cases,
        lockstep=stepped,
        curves=curves,
        recipe=recipe.as_json(),
        environment=environment(device),
        dataset=dataset.identity,
    )
    write_report(out, report, labelled(pairs))
    return report


def require_no_comparison(out: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise UserError if the folder already holds a comparison, or other files."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out}: is a file, but expected a folder")
    if out.is_dir() and any(child.name != LOCK for child in out.iterdir()):
        if not (out / MARK).is_file():
            raise UserError(
                f"--out {out}: is not empty and holds no comparison; name another folder"
            )
        if not (resume or overwrite):
            raise UserError(
                f"--out {out}: already holds a run; name another folder, or give --resume to "
                "continue it or --overwrite to replace it"
            )


def prepare_folder(out: Path, *, resume: bool) -> None:
    """Create and mark the folder. Without `resume`, the files of an earlier comparison are removed,
    and nothing else."""
    if not resume:
        for folder in ("runs", "figures"):
            shutil.rmtree(out / folder, ignore_errors=True)
        for file in ("report.html", "report.json"):
            (out / file).unlink(missing_ok=True)
    write_json(out / MARK, {"holds": "twingrad compare"})
    make_folder(out / "runs")


def gradient_cases(recipe: Recipe, dataset: Dataset) -> "list[Case]":
    """The standard small networks, and the recipe's own network on images of the dataset."""
    from compare.cases import Case, random_case, standard_cases

    samples = min(20, len(dataset.training))
    network = recipe.network(dataset.training.X.shape[1], dataset.classes)
    own = random_case(network, samples, penalty=recipe.penalty, seed=recipe.seed)
    images = Case(
        name=f"{own.name} (images)",
        network=network,
        parameters=own.parameters,
        X=dataset.training.X[:samples].astype(float),
        y=dataset.training.y[:samples],
        penalty=recipe.penalty,
        masks=own.masks,
    )
    return [*standard_cases(recipe.seed), images]


def train_side(
    side: str, recipe: Recipe, dataset: Dataset, out: Path, device: str, progress: Progress
) -> Run:
    """Run one of the trainings in a separate folder, or continue it."""
    path = out / "runs" / f"{side}-seed{recipe.seed}"
    place = device if side == "torch" else "cpu"
    if (path / "recipe.json").exists():
        folder, before, _, before_device = RunFolder.reopen(path)
        if (before, before_device) != (recipe, place):
            raise UserError(f"--out {path}: holds a run of another recipe; give --overwrite")
    else:
        folder = RunFolder.create(
            path, recipe, backend=side, device=place, identity=dataset.identity
        )
    label = f"{side:6s} seed {recipe.seed}"
    if folder.read_summary() is not None:
        progress.skip()
    return train_in_folder(
        folder,
        recipe,
        dataset,
        backend=side,
        on_epoch=partial(progress.epoch, label),
        **({"device": device} if side == "torch" else {}),
    )


def labelled(pairs: list[tuple[Run, Run]]) -> dict[str, History]:
    """Every history by its label: side and seed."""
    return {
        f"{side}, seed {run.recipe.seed}": run.history
        for pair in pairs
        for side, run in zip(SIDES, pair, strict=True)
    }


if __name__ == "__main__":
    from scripts.program import run_command

    run_command(compare)
