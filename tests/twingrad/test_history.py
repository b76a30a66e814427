import json
import math

import pytest

from twingrad.history import Epoch, Evaluation


def epoch(cost=1.7, **changes):
    fields = {
        "epoch": 2,
        "update": 20,
        "training": Evaluation(cost, 1.5, 0.45),
        "validation": Evaluation(1.8, 1 / 3, 0.4),
        "learning_rates": (0.1, 1 / 7),
        "seconds": 0.25,
        "costs": (2.0, 5 / 3),
    }
    return Epoch(**fields | changes)


@pytest.mark.parametrize("changes", [{}, {"training": None}, {"validation": None}])
def test_a_line_gives_the_same_epoch_back(changes):
    assert Epoch.from_line(epoch(**changes).as_line()) == epoch(**changes)


def test_a_line_from_before_costs_has_none():
    fields = json.loads(epoch().as_line())
    del fields["costs"]
    assert Epoch.from_line(json.dumps(fields)) == epoch(costs=())


def test_a_line_is_one_json_object():
    line = epoch().as_line()
    assert "\n" not in line
    assert json.loads(line)["validation"] == {"cost": 1.8, "loss": 1 / 3, "accuracy": 0.4}


def test_a_line_never_holds_nan():
    with pytest.raises(ValueError, match="JSON"):
        epoch(cost=math.nan).as_line()


@pytest.mark.parametrize(("cost", "finite"), [(1.0, True), (math.nan, False), (math.inf, False)])
def test_finite(cost, finite):
    assert Evaluation(cost, 1.0, 0.5).finite is finite
