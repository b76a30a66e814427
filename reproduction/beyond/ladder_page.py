"""The ladder's page: findings, tables, what did not help, published numbers."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np

from reproduction.beyond.gains import PUBLISHED, start_stands, word
from reproduction.beyond.ladder import BEST, LADDER
from reproduction.beyond.ladder_figure import curve_figure, ladder_figure, named, save_figure
from reproduction.beyond.ladder_tables import (
    against,
    gains,
    ladder_table,
    of_mean,
    signed,
    twins_section,
    unhelpful,
)
from reproduction.beyond.literature import PUBLISHED_NETWORKS
from reproduction.beyond.rung_results import LadderResults, RungResult
from reproduction.published.commands import train_options
from twingrad.files import write_whole

FIGURE, CURVE, PAGE, RESULTS = "ladder.png", "best.png", "README.md", "results.json"

TRAINING_IMAGES = 45_000
"""Training images of CIFAR-10 without the 5,000 for validation."""

GPU_LONGER = 16
"""Length of the best recipe's schedule on a GPU, as a multiple."""


def write_pages(results: LadderResults, folder: Path) -> None:
    """Write `results.json`, and figures and `README.md` with the finished rungs."""
    results.save(folder / RESULTS)
    best = best_of(results)
    if best is not None:
        save_figure(ladder_figure(results), folder / FIGURE)
        save_figure(curve_figure(best), folder / CURVE)
    write_whole(folder / PAGE, page(results).encode())


def page(results: LadderResults) -> str:
    """The text of README.md."""
    sections = [
        opening(results),
        findings(results),
        ladder_table(results),
        unhelpful(results),
        twins_section(results),
        best_section(results),
        gpu_section(),
        published_section(),
        not_run(results),
        commands(results),
    ]
    return "\n".join("\n".join(section) + "\n" for section in sections if section)


def opening(results: LadderResults) -> list[str]:
    about = results.about
    data, machine = about["data"], about["environment"]
    processors = results.processors or [machine["processor"]]
    copy = "" if data["official"] else ", not the official copy (the MD5s of its files differ)"
    if data["synthetic"]:
        copy = ", a synthetic stand-in: these accuracies say nothing of CIFAR-10's"
    return [
        "# Beyond the report",
        "",
        f"The report's best network reached {PUBLISHED} % in one run: [150, 50], batch norm, two "
        "cycles of the learning rate. This is what each remedy adds to it, alone and together, "
        "with fully connected networks only, no pretraining and no other data.",
        "",
        f"Data: {data['name']}{copy}; 45,000 training, 5,000 validation and 10,000 test images. "
        f"{' and '.join(processors)}, {about['backend']}, float32. Where a rung tried several "
        "settings, the first seed's validation accuracy chose one (that of all seeds where they "
        "only differ in the evaluation). The test images were predicted for that one alone, once "
        "its last seed had been trained. 5 seeds for networks of up to 400 units in a layer, 3 "
        "above.",
        "",
        "**Times are processor time of one training on one core**, evaluations on the validation "
        "data included. The machine was busy with other work, so the time by the clock says "
        "nothing; processor time is longer than on an idle machine too, since caches and memory "
        "were shared. Two trainings run at a time on two cores, so that two cores need half of the "
        "sum.",
    ]


def findings(results: LadderResults) -> list[str]:
    said = []
    stands = start_stands(results)
    if stands is not None:
        where = "inside" if stands else "**outside**"
        start = of_mean(results.rungs["start"].test)
        said.append(
            f"The start reaches {start} %. The report's {PUBLISHED} % lies {where} the 95 % "
            "prediction interval of one run. The report's code had defects; with them its number "
            "is reproduced (docs/reproduction, the six best networks)."
        )
    best = best_of(results)
    if best is not None:
        said.append(
            f"Best on the validation data: {named(best)}, {of_mean(best.test)} % on the test data "
            f"(n = {len(best.test)})."
        )
    for rung, interval in gains(results):
        if word(interval) == "helps" and interval is not None:
            said.append(f"{named(rung)}: {signed(interval)} points over {against(results, rung)}.")
    said.append(f"{len(results.rungs)} of {len(LADDER)} rungs are finished.")
    figure = [f"![Test accuracy and cost of every finished rung]({FIGURE})", ""]
    return [
        "## What was found",
        "",
        *(figure if results.rungs else []),
        *(f"- {sentence}" for sentence in said),
    ]


def best_of(results: LadderResults) -> RungResult | None:
    """The finished rung with the highest validation accuracy."""
    return max(results.rungs.values(), key=lambda rung: np.mean(rung.validation), default=None)


def best_section(results: LadderResults) -> list[str]:
    best = best_of(results)
    if best is None:
        return []
    lines = [
        "## The best so far",
        "",
        f"{named(best)}; evaluated: {best.evaluation}.",
        "",
        f"![Validation accuracy of {named(best)} after every epoch]({CURVE})",
        "",
        "```",
        shlex.join(["twingrad", "train", *best.options]),
        "```",
    ]
    if best.evaluation != "last":
        lines += ["", f"`twingrad reproduce --only ladder --row {best.key}` evaluates it this way."]
    return lines


def gpu_section() -> list[str]:
    """The best recipe with a longer schedule, for a GPU."""
    setting = BEST[0].settings[0]
    recipe = setting.recipe(0)
    half_cycle = GPU_LONGER * (recipe.half_cycle or 0)
    recipe = replace(recipe, half_cycle=half_cycle)
    epochs = recipe.plan(TRAINING_IMAGES).epochs
    words = [*train_options(recipe), "--backend", "torch", "--device", "cuda", "--tf32"]
    return [
        "## On a GPU",
        "",
        f"The recipe of the rung `{BEST[0].key}` with a schedule {GPU_LONGER} times as long, "
        f"{epochs:,} epochs. It has not been run: there was no GPU.",
        "",
        "```",
        shlex.join(["twingrad", "train", *words]),
        "```",
    ]


def published_section() -> list[str]:
    return [
        "## Published numbers",
        "",
        "| test accuracy | network | what it is |",
        "|---|---|---|",
        *(f"| {one.accuracy} | {one.network} | {one.what} |" for one in PUBLISHED_NETWORKS),
    ]


def not_run(results: LadderResults) -> list[str]:
    if not results.waiting:
        return []
    titles = {rung.key: rung.title for rung in LADDER}
    return [
        "## Not run, or not all of it",
        "",
        "These rungs are not in the table.",
        "",
        *(
            f"- `{key}`, {titles.get(key, '')}: {done} of {needed} trainings"
            + (", and one of them diverged" if done == needed else "")
            for key, (done, needed) in results.waiting.items()
        ),
    ]


def commands(results: LadderResults) -> list[str]:
    lines = [
        "## Commands",
        "",
        "```",
        "twingrad reproduce --only ladder --out FOLDER               # everything: some nights",
        "twingrad reproduce --only ladder --out FOLDER --resume      # goes on where it stopped",
        "twingrad reproduce --only ladder --row flips --out FOLDER   # one rung",
        "```",
        "",
        "It can be interrupted at any time: each training goes on after its last epoch. A folder "
        "that holds nothing but this `results.json` can be continued too, on any machine: its "
        "rungs are kept, and the others trained.",
        "",
        "One training by hand, of the first seed; rungs that evaluate the same training share it:",
        "",
        "```",
    ]
    titles: dict[str, list[str]] = {}
    for rung in results.rungs.values():
        titles.setdefault(shlex.join(["twingrad", "train", *rung.options]), []).append(rung.title)
    for command, those in titles.items():
        lines += [f"# {'; '.join(those)}", command]
    return [*lines, "```"]
