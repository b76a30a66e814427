"""Training programs in many people's styles, each right and with one mistake at a time.

`programs/NAME/expected.json` holds the mistakes: the text that is replaced, and the first line that
is wrong then. Programs that start with c_, and with s_ for sigmoids as outputs, were written after
`watch` and measured before anything was changed for them: docs/watch.md has the numbers. Most run
with `make test-all` alone.
"""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from compare.watching.lines import identified
from compare.watching.watch import watch
from twingrad.errors import UserError

PROGRAMS = Path(__file__).with_name("programs")

QUICK = ("integer_labels", "c_online_vectors")
"""Programs on data of their own that end soon."""

MISSED = {
    "s_batchnorm_sig-root-power": "the line after is named, of which the wrong term is a part",
    "s_eleven_lines-slope-left-out": "it is right for another loss, and the cost was not seen",
    "s_torch_mse-broadcast": "no labels fit what torch differentiates, so it is not judged",
    "c_rmsprop_pipeline-rho-swapped": "its training explodes after one update, which fits no rule",
}
"""What does not hold, with the reason."""


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PROGRAMS / name / "expected.json").read_text())
    return found


def names() -> list[str]:
    return sorted(folder.name for folder in PROGRAMS.iterdir() if folder.is_dir())


def marked(name: str, *values: str) -> Any:
    """A parameter that is slow unless its program is quick."""
    identity = "-".join((name, *values))
    marks: list[Any] = [] if name in QUICK else [pytest.mark.slow]
    if identity in MISSED:
        marks.append(pytest.mark.xfail(reason=MISSED[identity], strict=True))
    return pytest.param(name, *values, marks=marks, id=identity)


def copied(name: str, folder: Path) -> Path:
    """The program's folder in a place of its own."""
    place = folder / name
    shutil.copytree(PROGRAMS / name, place)
    return place


def change(program: Path, old: str, new: str) -> None:
    """Plants a mistake: text that is in the program, or in one cell of a notebook, once."""
    if program.suffix != ".ipynb":
        text = program.read_text()
        assert text.count(old) == 1
        program.write_text(text.replace(old, new))
        return
    book = json.loads(program.read_text())
    cells = [cell for cell in book["cells"] if old in "".join(cell["source"])]
    assert len(cells) == 1
    cells[0]["source"] = "".join(cells[0]["source"]).replace(old, new)
    program.write_text(json.dumps(book))


def run(program: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(program.parent)
    return watch(
        Path(program.name), python=Path(sys.executable), data=os.environ.get("TWINGRAD_DATA")
    )


def unjudged() -> list[str]:
    """Programs that are right and cannot be judged, such as one with another loss."""
    return [name for name in names() if "cannot_judge" in expected(name)]


@pytest.mark.parametrize("name", [marked(name) for name in names() if name not in unjudged()])
def test_a_right_program_agrees(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(copied(name, tmp_path) / expected(name)["program"], monkeypatch)
    assert result.agrees, result.diagnosis
    assert result.compared > 0
    assert identified(result.lines) >= 0.85


@pytest.mark.parametrize("name", [marked(name) for name in unjudged()])
def test_what_cannot_be_judged_is_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=expected(name)["cannot_judge"]):
        run(copied(name, tmp_path) / expected(name)["program"], monkeypatch)


@pytest.mark.parametrize(
    ("name", "mistake"),
    [marked(name, one["name"]) for name in names() for one in expected(name)["mistakes"]],
)
def test_the_first_wrong_line_is_named(
    name: str, mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = expected(name)
    one = next(one for one in known["mistakes"] if one["name"] == mistake)
    place = copied(name, tmp_path)
    change(place / one["file"], one["replace"], one["by"])
    result = run(place / known["program"], monkeypatch)
    assert not result.agrees
    assert result.first.place is not None
    assert result.first.place.text in (one["first_wrong_line"], one.get("also_acceptable"))
