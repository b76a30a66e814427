"""The pages of a reproduction: Markdown with figures, and one HTML file."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reproduction.folder import FIGURES, PAGE, REPORT
from reproduction.pages.document import (
    Block,
    Bullets,
    Heading,
    Paragraph,
    Picture,
    as_html,
    as_markdown,
)
from reproduction.pages.figures import save_figures
from reproduction.pages.findings import (
    backends_section,
    claims_section,
    costs_section,
    flaws_section,
    gradients_section,
)
from reproduction.pages.tables import section_of
from reproduction.published.cells import chosen
from reproduction.published.defects import DEFECTS
from reproduction.published.experiment import Experiment
from reproduction.results import Results
from reproduction.verdicts.gradients import gradient_checks
from reproduction.verdicts.summary import Summary, summary_of
from twingrad.files import write_whole
from twingrad.pages import data_uri, write_page
from twingrad.text import spell

SOURCES = {
    "report": "The report, table by table",
    "assignment": "Experiments of the assignment that the report omits",
    "ours": "Tests of explanations",
}


def write_pages(results: Results, folder: Path) -> None:
    """Write figures, `README.md` and `reproduction.html`."""
    drawn = [] if results.about.get("quick") else save_figures(results, folder / FIGURES)
    pictures = [Picture(f"{FIGURES}/{name}", title, caption) for name, title, caption in drawn]
    blocks = document_of(results, pictures)
    write_whole(folder / PAGE, as_markdown(blocks).encode())
    embedded = {
        picture.file: data_uri((folder / picture.file).read_bytes(), "image/png")
        for picture in pictures
    }
    write_page(folder / REPORT, as_html(blocks, embedded))


def document_of(results: Results, pictures: Sequence[Picture]) -> list[Block]:
    """The whole document, in the order of the report."""
    if results.about.get("quick"):
        return [Heading("A test of the reproduction", 1), *quick_opening(results.about)]
    summary = summary_of(results)
    blocks: list[Block] = [Heading("The published report, reproduced", 1), *opening(summary)]
    run = {cell.experiment for cell in results.cells}
    experiments = [experiment for experiment in chosen(()) if experiment.key in run]
    for source, heading in SOURCES.items():
        blocks += part_of(results, [e for e in experiments if e.source == source], heading)
    if pictures:
        blocks.append(Heading("Figures"))
        blocks += pictures
    blocks += flaws_section(results)
    blocks += costs_section(summary)
    blocks += claims_section(summary)
    blocks += backends_section(results)
    return blocks + gradients_section(gradient_checks())


def quick_opening(about: Mapping[str, Any]) -> list[Block]:
    """What a quick run was, which judges nothing."""
    return [
        Paragraph(
            f"Two epochs of one seed of every setting, by `{command_of(about)}`; trained in "
            f"{spell(about['training seconds'])}. After two epochs no number of the report can be "
            "judged, so none is; every run with its curves is in `results.json`."
        )
    ]


def counted_seeds(about: Mapping[str, Any]) -> str:
    """The number of seeds as text."""
    seeds = about["seeds"]
    return "1 seed" if seeds == 1 else f"{seeds} seeds unless a table gives another n"


def command_of(about: Mapping[str, Any]) -> str:
    """The command that made these pages."""
    words = ["twingrad", "reproduce"]
    if about.get("seed") is None:
        words += ["--seeds", str(about["seeds"])]
    for key in about["only"]:
        words += ["--only", key]
    for name in ("row", "reading", "seed"):
        if about.get(name) is not None:
            words += [f"--{name}", str(about[name])]
    if about["backend"] != "manual":
        words += ["--backend", about["backend"]]
    return shlex.join(words + ["--quick"] * about["quick"])


def which_copy(data: Mapping[str, Any]) -> str:
    """A remark on the data, if they are not the official ones."""
    if data["synthetic"]:
        return ", a synthetic stand-in: these accuracies say nothing about the report's"
    return "" if data["official"] else ", not the official copy (the MD5s of its files differ)"


def part_of(results: Results, experiments: Sequence[Experiment], heading: str) -> list[Block]:
    """The experiments of one source."""
    if not experiments:
        return []
    blocks: list[Block] = [Heading(heading)]
    for experiment in experiments:
        blocks += section_of(results, experiment, 3)
    return blocks


def opening(summary: Summary) -> list[Block]:
    """The beginning of the page: what was run, how to read it, and the findings."""
    about = summary.about
    data, machine = about["data"], about["environment"]
    blocks: list[Block] = [
        Paragraph(
            "This page repeats every training of a course report (KTH DD2424, Assignment 3: a "
            "fully connected network on CIFAR-10, in Matlab) in two readings: **as published**, "
            "with the defects of the report's code, and **as specified** in the assignment. A "
            "published number is **within** if it lies in the 95 % prediction interval for one "
            "further run, computed from the mean and standard deviation of ours over seeds."
        ),
        Paragraph(
            f"Data: {data['name']}{which_copy(data)}. "
            f"{counted_seeds(about)}, {about['backend']}, float32, {machine['processor']}, "
            f"{about['processes']} processes of one thread; trained in "
            f"{spell(about['training seconds'])}. Made by "
            f"`{command_of(about)}`; every run with its curves is in `results.json`."
        ),
        Heading("Findings"),
        Bullets([f"{sentence[0].upper()}{sentence[1:]}." for sentence in summary.sentences]),
        Heading("The defects of the published reading"),
        Bullets([f"`{name}`: {what}" for name, what in DEFECTS.items()]),
    ]
    return blocks
