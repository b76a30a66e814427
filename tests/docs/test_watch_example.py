"""The example of README and docs/watch.md says what they quote."""

import sys
from pathlib import Path

from compare.watching.watch import watch

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_quotes_what_watch_says_of_the_example() -> None:
    result = watch(ROOT / "docs/examples/train.py", python=Path(sys.executable))
    readme = (ROOT / "README.md").read_text()
    assert result.first is not None
    assert f"{result.first.place}: {result.first.place.text}" in readme  # type: ignore[union-attr]
    for sentence in result.first.said[:2]:
        assert sentence in readme
    quoted = [line for line in result.lines if line.place in readme]
    assert len(quoted) >= 3
    for line in quoted:
        assert "; ".join(line.what) in readme
