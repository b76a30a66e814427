import pytest


@pytest.mark.parametrize(
    "benchmark", ["training", "manual-speed", "torch-speed", "peers", "checkers"]
)
def test_every_benchmark_is_a_command_with_help(twingrad, benchmark):
    status, out, _ = twingrad("bench", benchmark, "--help")
    assert status == 0
    assert "--json" in out
