"""What ends a recording, and what is kept of a place that is seen often."""

import numpy as np
import pytest

from compare.agent.recorder import PROBE, Probe, Tape, rewritten
from tests.compare.agent.support import recorded, written

TRAINING = """
import numpy as np, sys
rng = np.random.default_rng(0)
X, Y = rng.standard_normal((200, 3072)), np.eye(10)[rng.integers(0, 10, 200)]
W = rng.standard_normal((3072, 10)) * 0.01
for update in range(int(sys.argv[1])):
    chosen = rng.permutation(200)[:20]
    eta = 0.1 / (1 + update)
    Xb, Yb = X[chosen], Y[chosen]
    S = Xb @ W
    W -= eta * Xb.T @ (S - Yb)
    if update == EVALUATED:
        error = ((X @ W - Y) ** 2).mean()
"""


def training(tmp_path, updates, *, evaluated=10, **settings):
    text = TRAINING.replace("EVALUATED", str(evaluated))
    return recorded(written(tmp_path, text), str(updates), folder=tmp_path, **settings)


def test_after_its_arrays_a_place_keeps_projections_labels_and_numbers(tmp_path):
    got = training(tmp_path, 300)
    recording = got.recording
    assert recording.end["reason"] == "finished"
    assert len(got.seen("chosen")) == 300
    assert len(got.seen("Yb")) == 300
    assert got.numbers("eta") == [0.1 / (1 + update) for update in range(300)]
    assert len(got.seen("Xb", "assign")) < 45  # at most 16 MB and 40 of them
    projections = [e for e in got.named("Xb", "assign") if e.projection is not None]
    assert len(projections) + len(got.seen("Xb", "assign")) == 300
    assert {event.axis for event in projections} == {0}
    vector = np.random.RandomState(3072).standard_normal(3072)
    expected = got.seen("X", "assign")[0] @ vector
    for event, chosen in zip(projections[-3:], got.seen("chosen")[-3:], strict=True):
        assert np.allclose(recording.array(event.projection), expected[chosen], rtol=1e-10)
    assert recording.end["bytes"] < 100e6


def test_it_stops_when_nothing_new_was_seen(tmp_path):
    got = training(tmp_path, 1_000_000, idle=0.5)
    assert got.recording.end["reason"] == "enough"
    assert got.numbers("error")
    assert got.recording.end["seconds"] < 20


@pytest.mark.parametrize(("evaluated", "pending"), [(1, False), (-1, True)])
def test_it_waits_longer_for_a_line_of_the_loop_that_was_not_reached(tmp_path, evaluated, pending):
    probe = Probe(Tape(str(tmp_path), 1 << 28), {"seconds": 60, "idle": 30})
    text = TRAINING.replace("EVALUATED", str(evaluated)).replace("int(sys.argv[1])", "3")
    exec(rewritten(text, "program.py", "program.py", probe), {PROBE: probe})
    assert probe.pending() is pending


@pytest.mark.parametrize(
    ("settings", "reason"), [({"seconds": 1.0}, "time"), ({"bytes": 8_000_000}, "size")]
)
def test_it_stops_at_its_limits(tmp_path, settings, reason):
    got = training(tmp_path, 1_000_000, **settings)
    assert got.recording.end["reason"] == reason
    assert got.recording.end["bytes"] <= settings.get("bytes", 1 << 28)
    assert got.seen("Xb", "assign")


def test_a_program_that_ends_its_process_loses_nothing(tmp_path):
    text = "import os, numpy as np\nW = np.ones(3)\nos._exit(5)\n"
    got = recorded(written(tmp_path, text), folder=tmp_path)
    assert (got.status, got.recording.end["status"]) == (5, "5")
    assert got.seen("W")[0].tolist() == [1, 1, 1]
    text = "import os, numpy as np\nW = np.full(3, 2.0)\nos.kill(os.getpid(), 9)\n"
    got = recorded(written(tmp_path, text), folder=tmp_path)
    assert got.seen("W")[0].tolist() == [2, 2, 2]


def test_keys_of_a_container_are_told_apart_up_to_a_limit(tmp_path):
    text = (
        "import numpy as np\ncache = {}\nfor i in range(500):\n    cache[str(i)] = np.full(2, i)\n"
    )
    got = recorded(written(tmp_path, text), folder=tmp_path)
    names = {event.name for event in got.recording.events if event.array is not None}
    assert len(names) == 257
    assert got.seen("cache['7']")[0].tolist() == [7, 7]
    assert "cache[str(i)]" in names
