import pytest


@pytest.mark.parametrize(
    "benchmark", ["training", "manual-speed", "torch-speed", "peers", "against", "gpu", "checkers"]
)
def test_every_benchmark_is_a_command_with_help(twingrad, benchmark):
    status, out, _ = twingrad("bench", benchmark, "--help")
    assert status == 0
    assert "--json" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["against"], "Missing argument"),
        (["peers", "--nonsense"], "No such option"),
        (["gpu", "--device", "abacus"], "--device is 'abacus'"),
    ],
)
def test_bad_input_exits_2(twingrad, arguments, message):
    status, _, error = twingrad("bench", *arguments)
    assert status == 2
    assert error.count("\n") == 1
    assert message in error
