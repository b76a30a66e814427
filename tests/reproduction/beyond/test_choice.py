"""Which trainings come next, and which setting of a rung is reported."""

import pytest

from reproduction.beyond.choice import chosen, jobs
from reproduction.beyond.job import folder_of


def finish(root, setting, seed, backend="manual", **accuracies):
    folder = folder_of(root, setting.training, backend, seed)
    folder.finish({"validation": accuracies or {"last": 0.5}})


def names(found):
    return [(job.setting.label, job.seeds, job.backend) for job in found]


def test_every_setting_is_screened_before_one_gets_all_seeds(tmp_path, tiny):
    dropout = tiny[1]
    few, many = dropout.settings
    assert chosen(tmp_path, dropout, "manual") is None
    assert names(jobs(tmp_path, [dropout], "manual")) == [
        ("dropout 0.1", (0,), "manual"),
        ("dropout 0.8", (0,), "manual"),
    ]
    finish(tmp_path, few, 0, last=0.4)
    finish(tmp_path, many, 0, last=0.41)
    assert chosen(tmp_path, dropout, "manual") == many
    assert names(jobs(tmp_path, [dropout], "manual")) == [
        *[("dropout 0.8", (seed,), "manual") for seed in (1, 2, 3, 4)],
        ("dropout 0.8", (0,), "torch"),
    ]
    finish(tmp_path, many, 1, last=0.0)  # no further seed changes the choice
    assert chosen(tmp_path, dropout, "manual") == many


def test_evaluations_of_the_same_trainings_are_compared_over_all_seeds(tmp_path, tiny):
    average = tiny[3]
    for seed in range(5):
        assert chosen(tmp_path, average, "manual") is None
        worse = {"cycle-average": 0.9 if seed == 0 else 0.1, "fall-average": 0.4}
        finish(tmp_path, average.settings[0], seed, **worse)
    assert chosen(tmp_path, average, "manual") == average.settings[1]


def test_stacks_hold_seeds_that_are_equally_far(tmp_path, tiny, monkeypatch):
    start = tiny[0]
    monkeypatch.setattr(
        "reproduction.beyond.training_folder.TrainingFolder.epochs_done",
        lambda self: 3 if self.path.name in ("manual-1", "manual-3") else 0,
    )
    *found, other = jobs(tmp_path, [start], "manual", stack=2)
    assert [job.seeds for job in found] == [(1, 3), (0, 2), (4,)]
    assert (other.seeds, other.backend) == ((0,), "torch")


def test_one_seed_is_trained_by_one_backend(tmp_path, tiny):
    found = list(jobs(tmp_path, tiny[:1], "torch", seed=7, device="cuda"))
    assert [(job.seeds, job.backend) for job in found] == [((7,), "torch")]
    assert found[0].device == "cuda"


def test_a_diverged_training_is_never_chosen(tmp_path, tiny):
    few, many = tiny[1].settings
    finish(tmp_path, few, 0, last=0.1)
    folder_of(tmp_path, many.training, "manual", 0).finish({"diverged": {"update": 3}})
    assert chosen(tmp_path, tiny[1], "manual") == few


@pytest.mark.parametrize("done", [0, 2])
def test_finished_trainings_are_left_out(tmp_path, tiny, done):
    for seed in range(done):
        finish(tmp_path, tiny[0].settings[0], seed)
    found = [job.seeds[0] for job in jobs(tmp_path, tiny[:1], "manual") if job.backend == "manual"]
    assert found == list(range(done, 5))
