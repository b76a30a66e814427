import pytest

from sweeps.study.trial import Outcome
from twingrad.errors import UserError
from twingrad.history import Evaluation

RIGHT = Outcome("finished", 2, Evaluation(2.0, 1.5, 0.5), Evaluation(2.1, 1.6, 0.4), 1.5)


def test_an_outcome_reads_back():
    assert Outcome.from_json(RIGHT.as_json()) == RIGHT


@pytest.mark.parametrize(
    "damage",
    [
        {"seconds": [1]},
        {"epochs": "x"},
        {"training": 5},
        {"training": None},
        {"validation": {"cost": 1}},
        {"validation": {"cost": 1.0, "loss": "x", "accuracy": 0.5}},
    ],
)
def test_a_damaged_outcome_is_said(damage):
    with pytest.raises(UserError, match="damaged outcome"):
        Outcome.from_json({**RIGHT.as_json(), **damage})
