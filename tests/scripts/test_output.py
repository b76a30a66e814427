import pytest

from scripts.output import Output


@pytest.mark.parametrize("quiet", [False, True])
def test_long_work_shows_a_bar_with_the_time_left(monkeypatch, capsys, quiet):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich takes the stream for a terminal
    assert list(Output(None, quiet).track([1, 2, 3], "checking gradients")) == [1, 2, 3]
    out, err = capsys.readouterr()
    assert out == ""
    assert ("checking gradients" in err and "0:00:00" in err) is not quiet
