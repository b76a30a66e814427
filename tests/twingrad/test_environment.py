import pytest

from twingrad.environment import environment, processor


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("fpu avx avx2", "Some CPU (AVX2)"),
        ("avx avx2 avx512f avx512bw", "Some CPU (AVX-512)"),
        ("sse2", "Some CPU"),
    ],
)
def test_a_processor_is_told_with_its_widest_vectors(tmp_path, flags, said):
    cpuinfo = tmp_path / "cpuinfo"
    one = f"processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: {flags}\n\n"
    cpuinfo.write_text(one + one.replace("Some", "Other"))
    assert processor(cpuinfo) == said


def test_where_linux_tells_nothing_there_is_a_name_all_the_same(tmp_path):
    assert processor(tmp_path / "missing") != ""


def test_versions_are_told_of_what_is_installed_alone():
    packages = environment()["packages"]
    assert packages["numpy"] is not None
    assert packages["twingrad"] == "0.1.0"
