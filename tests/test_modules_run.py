import runpy
import sys

import pytest

RUN_AS_MODULES = (
    "benchmarks.against",
    "benchmarks.baselines",
    "benchmarks.manual_speed",
    "benchmarks.reproduction",
    "benchmarks.torch_speed",
    "benchmarks.training",
    "validation",
)


@pytest.mark.parametrize("module", RUN_AS_MODULES)
def test_a_module_that_the_docs_name_starts(module, monkeypatch, capsys):
    """No other test starts these as a user does: they are not commands of `twingrad`."""
    monkeypatch.setattr(sys, "argv", [module, "--help"])
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(SystemExit) as exit_status:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert exit_status.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: ")
