import pytest


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_without_a_command_the_help_is_shown_whole_and_the_status_is_2(twingrad, arguments):
    status, out, err = twingrad(*arguments)
    assert (status, out) == (2, "")
    assert err.count("\n") > 5
    assert "Usage" in err


def test_an_unknown_command_is_one_line(twingrad):
    status, out, err = twingrad("nonsense")
    assert (status, out) == (2, "")
    assert "nonsense" in err
    assert err.count("\n") == 1


def test_help_names_every_command(twingrad):
    status, out, _ = twingrad("--help")
    assert status == 0
    for command in ("compare", "check", "train", "data"):
        assert f"  {command}" in out
