"""Results of rungs whose trainings are gone, for example because another machine trained them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reproduction.beyond.rung import Rung
from reproduction.beyond.rung_results import LadderResults, RungResult
from reproduction.published.commands import train_options
from twingrad.errors import UserError


def kept_results(
    file: Path, trainings: Path, ladder: Sequence[Rung], backend: str
) -> LadderResults | None:
    """What an earlier `results.json` says of the rungs whose trainings are gone.

    A rung is left out if its settings are no longer the ones it was chosen from.

    Arguments:
        file: the results; it need not exist.
        trainings: the folder that contains all trainings.
        ladder: all rungs.
        backend: the main backend.

    Raises:
        UserError: the file cannot be read, or the other backend was the main one.
    """
    if not file.exists():
        return None
    earlier = LadderResults.load(file)
    kept = {}
    for rung in ladder:
        result = earlier.rungs.get(rung.key)
        gone = not any((trainings / name).exists() for name in rung.trainings)
        if result is not None and gone and still_described(result, rung):
            kept[rung.key] = replace(
                result, title=rung.title, against=rung.against, group=rung.group
            )
    if kept and earlier.about["backend"] != backend:
        raise UserError(
            f"{file}: its networks were trained with --backend {earlier.about['backend']}; give "
            "the same, or another --out"
        )
    return replace(earlier, rungs=kept)


def still_described(result: RungResult, rung: Rung) -> bool:
    """Whether the result is of one of the rung's settings, chosen among the same ones."""
    return set(result.tried) == {setting.label for setting in rung.settings} and any(
        (setting.label, setting.evaluation) == (result.label, result.evaluation)
        and list(train_options(setting.recipe(0))) == list(result.options)
        for setting in rung.settings
    )


def same_data(kept: LadderResults, digest: str, file: Path) -> None:
    """Check that kept results are of these data.

    Raises:
        UserError: they are of others.
    """
    known = kept.about["data"]["digest"]
    if kept.rungs and known != digest:
        raise UserError(
            f"{file}: is of data of digest {known}, but these have {digest}; give the same "
            "--data, or another --out"
        )
