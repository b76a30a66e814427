"""The ladder's tables: gains, what did not help, both implementations."""

from collections.abc import Iterable, Sequence

import numpy as np

from reproduction.beyond.gains import gain, twins, word
from reproduction.beyond.ladder_figure import named
from reproduction.beyond.rung_results import LadderResults, RungResult
from reproduction.verdicts.judgement import Interval, mean_interval

GROUPS = {
    "alone": "Each remedy alone",
    "together": "Several together",
    "best": "The best network",
}


def ladder_table(results: LadderResults) -> list[str]:
    if not results.rungs:
        return []
    lines = ["## The ladder"]
    for group, title in GROUPS.items():
        rungs = [rung for rung in results.rungs.values() if rung.group == group]
        if not rungs:
            continue
        lines += [
            "",
            f"### {title}",
            "",
            "| rung | setting | n | validation | test, 95 % of the mean | gain, 95 % | "
            "| epochs | minutes |",
            "|---|---|---|---|---|---|---|---|---|",
            *(table_line(results, rung) for rung in rungs),
        ]
    return [
        *lines,
        "",
        "The gain is the difference of mean test accuracies in points with Welch's 95 % interval; "
        "by seed where both rungs evaluate the same trainings. About one interval in twenty misses "
        "its true value. Minutes are of the processor, for one training"
        + "".join(f"; {mark} on {name}" for name, mark in marks(results).items() if mark)
        + ". Ensembles and flips at test time cost no training, but a prediction for every member "
        "and view.",
    ]


def marks(results: LadderResults) -> dict[str, str]:
    """A mark for each processor: "" for that of the first rung, then "*", "**"."""
    return {processor: "\\*" * i for i, processor in enumerate(results.processors)}


def table_line(results: LadderResults, rung: RungResult) -> str:
    base = results.rungs.get(rung.against)
    interval = gain(rung, base) if base else None
    gained = "" if interval is None else signed(interval)
    if base and base.key != "start":
        gained += f" over {against(results, rung)}"
    cells = [
        rung.title,
        rung.label if len(rung.tried) > 1 else "",
        len(rung.test),
        f"{np.mean(rung.validation):.2f}",
        of_mean(rung.test),
        gained,
        word(interval) if base else "",
        rung.epochs,
        f"{np.mean(rung.processor_seconds) / 60:.1f}{marks(results)[rung.processor]}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def unhelpful(results: LadderResults) -> list[str]:
    rows = [
        f"- {named(rung)}: {signed(interval)} points, {word(interval)}."
        for rung, interval in gains(results)
        if interval is not None and word(interval) != "helps"
    ]
    return ["## What did not help", "", *rows] if rows else []


def twins_section(results: LadderResults) -> list[str]:
    lines = []
    for rung in results.rungs.values():
        if (pair := twins(rung)) is None:
            continue
        verdict = "alike" if pair.alike else "**further apart than seeds**"
        check = rung.check
        lines.append(
            f"| {rung.title} | {check['gradients apart']:.0e} | {check['updates apart']:.0e} "
            f"| {pair.seeds} | {pair.main:.2f} | {pair.other:.2f} | {pair.difference:+.2f} "
            f"| {pair.limit:.2f} | {verdict} |"
        )
    if not lines:
        return []
    return [
        "## Both implementations",
        "",
        "Before a recipe was trained, its gradients by hand were compared with autograd and with "
        "complex step on that very network, and its first updates with those of torch, in float64. "
        "Then seed 0 was trained in float32 by both. Two seeds of one implementation differ by "
        "less than the limit with 95 % probability, so of twenty comparisons about one is further "
        "apart by chance. Where one was, the other seeds were trained by both too, and their means "
        "are compared, without seed 0, by Welch's 95 % interval.",
        "",
        "| rung | gradients, largest relative difference | parameters after 4 updates | seeds "
        "| by hand | torch | difference | limit | |",
        "|---|---|---|---|---|---|---|---|---|",
        *lines,
    ]


def gains(results: LadderResults) -> Iterable[tuple[RungResult, Interval | None]]:
    """Every finished rung whose comparison is also finished, with its gain."""
    for rung in results.rungs.values():
        if rung.against in results.rungs:
            yield rung, gain(rung, results.rungs[rung.against])


def against(results: LadderResults, rung: RungResult) -> str:
    base = results.rungs[rung.against]
    return "the start" if base.key == "start" else f"'{base.title}'"


def of_mean(values: Sequence[float]) -> str:
    """A mean and half the width of its 95 % interval."""
    interval = mean_interval(values)
    if interval is None:
        return f"{values[0]:.2f}"
    return f"{interval.value:.2f} ± {interval.high - interval.value:.2f}"


def signed(interval: Interval) -> str:
    return f"{interval.value:+.2f} ({interval.low:+.2f} to {interval.high:+.2f})"
