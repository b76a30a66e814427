import re
from pathlib import Path

import numpy as np

DOCS = Path(__file__).parents[2] / "docs"


def test_the_lesson_on_batch_normalisation_runs_and_its_gradients_are_right():
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "batch_normalization.md").read_text(), re.S)
    names = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 8
    assert np.abs(names["numerical"]).max() > 0.1
    assert np.abs(names["numerical"] - names["d_s"]).max() < 1e-13
