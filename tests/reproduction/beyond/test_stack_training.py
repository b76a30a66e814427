"""Trainings of the ladder: what they keep, and that an interruption changes nothing."""

from dataclasses import replace

import numpy as np
import pytest

import manual_impl
from reproduction.beyond import stack_training
from reproduction.beyond.job import Job, folder_of
from reproduction.beyond.rung import Setting
from reproduction.beyond.stack_training import run_job
from reproduction.beyond.training_folder import TrainingFolder
from tests.reproduction.beyond.conftest import TINY
from twingrad.dataset import Split

MOVING = Setting("", {**TINY, "flip": True, "dropout": 0.2, "optimizer": "momentum"})


def trained(tmp_path, dataset, setting=MOVING, seeds=(0,), backend="manual"):
    run_job(Job(setting, seeds, backend), dataset, tmp_path)
    return [folder_of(tmp_path, setting.training, backend, seed) for seed in seeds]


def same(a: TrainingFolder, b: TrainingFolder) -> bool:
    timed = ("seconds", "processor_seconds", "stack")
    runs = [{k: v for k, v in one.read().items() if k not in timed} for one in (a, b)]
    names = ("last", "precise", "snapshot-1", "cycle-average", "fall-average")
    return runs[0] == runs[1] and all(
        np.array_equal(a.load_state(name)[tensor], value)
        for name in names
        for tensor, value in b.load_state(name).items()
    )


@pytest.mark.parametrize("interrupted", [1, 2, 3])
def test_an_interruption_changes_nothing(tmp_path, images, monkeypatch, interrupted):
    (whole,) = trained(tmp_path / "whole", images)
    save = TrainingFolder.save_progress

    def save_and_stop(self, progress):
        save(self, progress)
        if progress.epochs == interrupted:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TrainingFolder, "save_progress", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "cut", images)
    place = folder_of(tmp_path / "cut", MOVING.training, "manual", 0)
    assert place.epochs_done() == interrupted
    (resumed,) = trained(tmp_path / "cut", images)
    assert same(whole, resumed)
    assert not (resumed.path / "checkpoint.safetensors").exists()


def test_a_stack_trains_each_as_alone(tmp_path, images):
    alone = [trained(tmp_path / "alone", images, seeds=(seed,))[0] for seed in (0, 1)]
    together = trained(tmp_path / "together", images, seeds=(0, 1))
    assert all(same(a, b) for a, b in zip(alone, together, strict=True))
    assert not same(*alone)


def test_averages_are_those_of_the_last_cycle(tmp_path, images, monkeypatch):
    states = []
    keep = stack_training.keep_members

    def remember(progress, *rest):
        states.append(progress.state)
        keep(progress, *rest)

    monkeypatch.setattr(stack_training, "keep_members", remember)
    setting = Setting("", TINY)
    (folder,) = trained(tmp_path, images, setting)
    assert len(states) == 4  # epochs of 4 updates; a cycle is 8
    for name, members in (("cycle-average", states[2:]), ("fall-average", states[3:])):
        expected = np.mean([state["W2"].astype(float) for state in members], axis=0)
        assert np.array_equal(folder.load_state(name)["W2"], expected.astype(np.float32))
    first, last = folder.snapshots()
    assert np.array_equal(first["W1"], states[1]["W1"])
    assert np.array_equal(last["W1"], states[3]["W1"])


def test_averaged_weights_have_statistics_of_the_training_set(tmp_path, images):
    setting = Setting("", TINY)
    (folder,) = trained(tmp_path, images, setting)
    state = folder.load_state("cycle-average")
    network = setting.recipe(0).network(48, 10)
    parameters = {name: state[name].astype(float) for name in network.parameter_shapes}
    trace = manual_impl.forward(
        network, parameters, images.training.X.astype(float), images.training.y, penalty=0
    )
    assert state["mu2"] == pytest.approx(trace["mu2"], abs=1e-5)
    assert state["v1"] == pytest.approx(trace["v1"], rel=1e-4)
    assert folder.load_state("last")["mu2"] != pytest.approx(trace["mu2"], abs=1e-3)


def test_the_test_images_are_not_used(tmp_path, images):
    none = Split(np.full_like(images.test.X, np.nan), images.test.y)
    (folder,) = trained(tmp_path / "a", images)
    (blind,) = trained(tmp_path / "b", replace(images, test=none))
    assert same(folder, blind)
    assert folder.read("test.json") == {}


def test_both_backends_keep_the_same(tmp_path, images):
    (by_hand,) = trained(tmp_path, images)
    (autograd,) = trained(tmp_path, images, backend="torch")
    for name in ("last", "cycle-average", "snapshot-1"):
        for tensor, value in by_hand.load_state(name).items():
            other = autograd.load_state(name)[tensor]
            assert other == pytest.approx(value, abs=1e-4 * max(1, float(np.abs(value).max())))


def test_a_training_that_diverges_is_recorded(tmp_path, images):
    setting = Setting("", {**TINY, "normalization": "none", "eta_max": 1e9, "eta_min": 1e9})
    (folder,) = trained(tmp_path, images, setting)
    assert folder.finished
    assert folder.read()["diverged"]["update"] > 1
