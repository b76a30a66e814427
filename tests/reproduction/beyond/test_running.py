"""Several processes share the ladder's trainings, and none outlives an interruption."""

import multiprocessing
from functools import partial
from operator import getitem

import pytest

from reproduction.beyond.job import folder_of
from reproduction.beyond.running import run_ladder

pytestmark = pytest.mark.slow


@pytest.fixture
def load(tiny, images):
    """What a new process can unpickle, though it cannot import the tests."""
    settings = [setting for rung in tiny for setting in rung.settings]
    return partial(getitem, {setting.recipe(0): images for setting in settings})


def test_two_processes_train_what_one_does(tmp_path, tiny, load):
    places = []
    for processes in (1, 2):
        root = tmp_path / str(processes)
        run_ladder(tiny[:2], load, root, backend="manual", processes=processes)
        places.append(sorted(path.relative_to(root) for path in root.glob("*/*-?")))
    assert len(places[0]) == 5 + 1 + 5 + 1 + 1
    assert places[0] == places[1]
    for place in places[0]:
        backend, seed = place.name.split("-")
        curves = [
            folder_of(tmp_path / root, place.parent.name, backend, int(seed)).read()["costs"]
            for root in ("1", "2")
        ]
        assert curves[0] == curves[1]


def test_an_interruption_ends_the_processes(tmp_path, tiny, load):
    def interrupt(line):
        if line.startswith("finished"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_ladder(tiny, load, tmp_path, backend="manual", processes=2, on_event=interrupt)
    assert multiprocessing.active_children() == []
