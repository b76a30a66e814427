import pytest

from benchmarks import memory


@pytest.mark.skipif(not memory.STATUS.exists(), reason="this system tells no resident memory")
@pytest.mark.parametrize("package", ["manual_impl", "torch_impl"])
@pytest.mark.slow
def test_a_stacked_net_takes_at_most_two_and_a_half_megabytes(package):
    # parameters in float64 and float32 are 1.9 MB
    assert 1 < memory.megabytes(package, 32, own=False) <= 2.5


def test_where_no_system_tells_there_is_no_figure(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    assert memory.per_stacked_net("manual_impl") is None
    assert memory.memory_text(None) == "unknown on this system"
