"""The report's tables with ours beside them, and the command of every cell."""

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
    """A line for every row: what was printed, ours in each reading, and whether it stands."""
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
        found = {
            reading: verdicts(results, experiment, row, reading) for reading in shown(experiment)
        }
        for judged in found.values():
            line += [mean_and_sd(judged["test"]), interval(judged["test"])]
            line += [said(judged["test"])] * printed
        if trained:
            line.append(percent(row.train))
            for judged in found.values():
                training = judged["training"]
                line.append(f"{mean_and_sd(training)}, {said(training)}")
        lines.append(line)
    return Table(headings, lines)


def shown(experiment: Experiment) -> Sequence[Reading]:
    """Its readings, the report's own first."""
    return [reading for reading in NAME_OF if reading in experiment.readings]


def explained(results: Results, experiment: Experiment) -> list[Block]:
    """What is known of every number that does not stand in the reading that it comes from."""
    if experiment.source == "ours":
        return []
    reading: Reading = "published" if experiment.source == "report" else "specified"
    found: list[Block] = []
    run = {cell.experiment for cell in results.cells}
    for row in experiment.rows:
        for part, judged in verdicts(results, experiment, row, reading).items():
            if judged.stands is False:
                why = explanation_of(experiment.key, row.label, part, run)
                number = percent(judged.published)
                found.append(Paragraph(f"**{row.label}, {number} ({part}):** {why}"))
    return found


def commands_of(results: Results, experiment: Experiment) -> Commands:
    """What repeats the first seed of every row; the others with another --seed."""
    lines = []
    for row in experiment.rows:
        for reading in shown(experiment):
            for cell in results.cells_of(experiment.key, row.label, reading)[:1]:
                lines.append(f"# {row.label}, {NAME_OF[reading]}")
                lines.append(command_of(cell))
    return Commands("Run one cell by hand (the first seed; for the others change --seed)", lines)


def percent(value: float | None) -> str:
    """Two decimals, as the report has them."""
    return "" if value is None else f"{value:.2f}"


def mean_and_sd(verdict: Verdict) -> str:
    """ "53.47 ± .31", with what diverged."""
    if verdict.mean is None:
        return f"all {verdict.diverged} diverged" if verdict.diverged else "not run"
    spread = "" if verdict.sd is None else f" ± {verdict.sd:.2f}"
    gone = f", {verdict.diverged} diverged" if verdict.diverged else ""
    return f"{verdict.mean:.2f}{spread} (n = {verdict.n}{gone})"


def interval(verdict: Verdict) -> str:
    """The prediction interval."""
    if verdict.low is None or verdict.high is None:
        return ""
    return f"{verdict.low:.2f} to {verdict.high:.2f}"


def said(verdict: Verdict) -> str:
    """Whether the published number stands."""
    if verdict.stands is None:
        return "" if verdict.published is None else "not judged"
    return "stands" if verdict.stands else "**outside**"
