"""The report's tables with our results, and the command for every row."""

from collections.abc import Sequence

from reproduction.pages.document import Block, Commands, Heading, Paragraph, Table
from reproduction.published.commands import command_of
from reproduction.published.experiment import Experiment
from reproduction.published.readings import NAME_OF, Reading
from reproduction.results import Results
from reproduction.verdicts.explanations import explanation_of
from reproduction.verdicts.judgement import Verdict, verdicts


def section_of(results: Results, experiment: Experiment, level: int = 2) -> list[Block]:
    """Heading, table and commands of an experiment."""
    return [
        Heading(experiment.title, level),
        Paragraph(f"{experiment.about} (`twingrad reproduce --only {experiment.key}`)"),
        table_of(results, experiment),
        *explained(results, experiment),
        commands_of(results, experiment),
    ]


def table_of(results: Results, experiment: Experiment) -> Table:
    """For every row the published numbers, ours in each reading, and the verdicts."""
    printed = any(row.test is not None for row in experiment.rows)
    trained = any(row.train is not None for row in experiment.rows)
    headings = ["", "published test"] if printed else [""]
    for reading in shown(experiment):
        headings += [f"test, {NAME_OF[reading]}", "95 % for one run"] + ["verdict"] * printed
    if trained:
        headings += ["published training"]
        headings += [f"training, {NAME_OF[reading]}" for reading in shown(experiment)]
    lines = []
    for row in experiment.rows:
        line = [row.label] + [percent(row.test)] * printed
        by_reading = {
            reading: verdicts(results, experiment, row, reading) for reading in shown(experiment)
        }
        for judged in by_reading.values():
            line += [mean_and_sd(judged["test"]), interval(judged["test"])]
            line += [verdict_text(judged["test"])] * printed
        if trained:
            line.append(percent(row.train))
            for judged in by_reading.values():
                training = judged["training"]
                line.append(f"{mean_and_sd(training)}, {verdict_text(training)}")
        lines.append(line)
    return Table(headings, lines)


def shown(experiment: Experiment) -> Sequence[Reading]:
    """The readings of an experiment in the order in which they are shown."""
    return [reading for reading in NAME_OF if reading in experiment.readings]


def explained(results: Results, experiment: Experiment) -> list[Block]:
    """Explanations of the numbers that do not stand in the reading they belong to."""
    if experiment.source == "ours":
        return []
    reading: Reading = "published" if experiment.source == "report" else "specified"
    paragraphs: list[Block] = []
    run = {cell.experiment for cell in results.cells}
    for row in experiment.rows:
        for part, judged in verdicts(results, experiment, row, reading).items():
            if judged.stands is False:
                why = explanation_of(experiment.key, row.label, part, run)
                number = percent(judged.published)
                paragraphs.append(Paragraph(f"**{row.label}, {number} ({part}):** {why}"))
    return paragraphs


def commands_of(results: Results, experiment: Experiment) -> Commands:
    """Commands that repeat the first seed of every row."""
    lines = []
    for row in experiment.rows:
        for reading in shown(experiment):
            for cell in results.cells_of(experiment.key, row.label, reading)[:1]:
                lines.append(f"# {row.label}, {NAME_OF[reading]}")
                lines.append(command_of(cell))
    return Commands("Commands for single trainings (first seed; change --seed for others)", lines)


def percent(value: float | None) -> str:
    """A number with two decimals, as in the report."""
    return "" if value is None else f"{value:.2f}"


def mean_and_sd(verdict: Verdict) -> str:
    """Mean, standard deviation and n as text, with the number that diverged."""
    if verdict.mean is None:
        return f"all {verdict.diverged} diverged" if verdict.diverged else "not run"
    spread = "" if verdict.sd is None else f" ± {verdict.sd:.2f}"
    diverged = f", {verdict.diverged} diverged" if verdict.diverged else ""
    return f"{verdict.mean:.2f}{spread} (n = {verdict.n}{diverged})"


def interval(verdict: Verdict) -> str:
    """The prediction interval as text."""
    if verdict.low is None or verdict.high is None:
        return ""
    return f"{verdict.low:.2f} to {verdict.high:.2f}"


def verdict_text(verdict: Verdict) -> str:
    """The verdict on a published number as text."""
    if verdict.stands is None:
        return "" if verdict.published is None else "not judged"
    return "within" if verdict.stands else "**outside**"
