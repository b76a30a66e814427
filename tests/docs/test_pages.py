import re
from pathlib import Path

import manual_impl
import torch_impl
from compare.golden.golden_check import judge_file

DOCS = Path(__file__).parents[2] / "docs"


def test_the_example_of_a_golden_file_is_written_and_agrees(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", (DOCS / "golden_files.md").read_text(), re.S)
    exec(block, {})
    witnesses = {"manual": manual_impl, "autograd": torch_impl}
    (verdict,) = judge_file(tmp_path / "case.npz", witnesses)
    assert (verdict.verdict, verdict.first_fault) == ("agree", None)
    assert {"grad_W_1", "grad_b_1", "grad_W_2", "grad_b_2"} <= {t.name for t in verdict.tensors}
