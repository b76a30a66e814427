"""An interrupted training ends bit for bit where the uninterrupted one ends.

tests/data/old_run is a training that commit f5de9fd began, interrupted after epoch 2 of 4;
tests/data/old_run_end.safetensors is where that commit's uninterrupted training ended.
"""

import dataclasses
import json
import pickle
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.support import ROOT, bits, small_dataset, small_recipe
from twingrad import run_folder
from twingrad.errors import UserError
from twingrad.run_folder import RunFolder


def create(path, recipe, implementation):
    return RunFolder.create(
        path,
        recipe,
        backend=implementation.__name__,
        device="cpu",
        identity=small_dataset().identity,
    )


def outcome(run, folder):
    """All that must be equal: state, evaluations and metrics, but for the seconds they took."""
    metrics = [dataclasses.replace(epoch, seconds=0.0) for epoch in folder.read_history()]
    return bits(run.parameters), bits(run.statistics), run.final, metrics


def stop_after(epochs):
    def on_epoch(epoch, total):
        if epoch.epoch == epochs:
            raise KeyboardInterrupt

    return on_epoch


PLAIN = {"normalization": "none"}
KINDS = {
    "batch": {"normalization": "batch"},
    "batch-after": {"normalization": "batch-after", "activation": "leaky_relu"},
    "none": PLAIN,
    "dropout": PLAIN | {"dropout": 0.3, "smoothing": 0.1},
    "momentum": PLAIN | {"optimizer": "momentum"},
    "nesterov": {"normalization": "layer", "optimizer": "nesterov"},
    "adam": {"normalization": "batch", "optimizer": "adam", "eta_max": 0.01},
    "adamw": PLAIN | {"optimizer": "adam", "eta_max": 0.01, "decoupled": True},
    "cosine": {"schedule": "cosine", "precise_statistics": True},
    "augmented": {"flip": True, "shift": 1, "jitter": 0.1},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_interrupted_by_the_keyboard(implementation, tmp_path, kind, epochs):
    recipe, dataset = small_recipe(**KINDS[kind]), small_dataset(inputs=48)
    whole = create(tmp_path / "whole", recipe, implementation)
    expected = outcome(implementation.train(recipe, dataset, folder=whole), whole)
    folder = create(tmp_path / "part", recipe, implementation)
    with pytest.raises(KeyboardInterrupt):
        implementation.train(recipe, dataset, folder=folder, on_epoch=stop_after(epochs))
    again, resumed, _, _ = RunFolder.reopen(tmp_path / "part")
    assert len(again.read_history()) == epochs
    assert outcome(implementation.train(resumed, dataset, folder=again), again) == expected


@pytest.mark.parametrize(
    ("optimizer", "kept"),
    [("sgd", set()), ("momentum", {"velocity"}), ("adam", {"moment1", "moment2"})],
)
def test_a_checkpoint_holds_what_the_optimiser_remembers(implementation, tmp_path, optimizer, kept):
    recipe, dataset = small_recipe(optimizer=optimizer), small_dataset()
    folder = create(tmp_path / "part", recipe, implementation)
    with pytest.raises(KeyboardInterrupt):
        implementation.train(recipe, dataset, folder=folder, on_epoch=stop_after(2))
    _, state = folder.load_checkpoint()
    network = recipe.network(24, 10)
    for kind in kept:
        for name, shape in network.parameter_shapes.items():
            assert state[f"{kind}.{name}"].shape == shape
            assert state[f"{kind}.{name}"].any()
    assert {name.split(".")[0] for name in state if "." in name} == kept
    assert (state["updates"].shape, state["updates"].dtype) == ((), np.dtype("int64"))
    assert state["updates"] == 20


OLD = ROOT / "tests/data/old_run"


def test_a_run_that_an_earlier_version_began_is_finished(implementation, tmp_path):
    shutil.copytree(OLD, tmp_path / "run")
    folder, recipe, backend, _ = RunFolder.reopen(tmp_path / "run")
    assert (recipe, backend) == (
        small_recipe(hidden=(5, 4), dtype="float64", normalization="batch"),
        "manual",
    )
    run = implementation.train(recipe, small_dataset("float64"), folder=folder)
    assert [epoch.update for epoch in run.history] == [10, 20, 30, 40]
    assert [len(epoch.costs) for epoch in run.history] == [0, 0, 10, 10]
    expected = load_file(OLD.with_name("old_run_end.safetensors"))
    assert expected.keys() == (run.parameters | run.statistics).keys()
    for name, value in (run.parameters | run.statistics).items():
        # rounding of 20 updates in float64
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


def test_an_earlier_run_with_a_defect_is_refused_with_the_reason(tmp_path):
    shutil.copytree(OLD, tmp_path / "run")
    path = tmp_path / "run/recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"unshuffled": True}))
    with pytest.raises(UserError, match=r"recipe\.json: has the defect 'unshuffled'.*reproduce"):
        RunFolder.reopen(tmp_path / "run")


def test_interrupted_between_metrics_and_state(implementation, tmp_path, monkeypatch):
    recipe, dataset = small_recipe(), small_dataset()
    whole = create(tmp_path / "whole", recipe, implementation)
    expected = outcome(implementation.train(recipe, dataset, folder=whole), whole)
    folder = create(tmp_path / "part", recipe, implementation)
    original = run_folder.write_whole

    def fail_on_third(path, content):
        if path.name == "checkpoint.safetensors" and len(folder.read_history()) == 3:
            raise KeyboardInterrupt
        original(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(run_folder, "write_whole", fail_on_third)
        with pytest.raises(KeyboardInterrupt):
            implementation.train(recipe, dataset, folder=folder)
    history, _ = folder.load_checkpoint()
    assert (len(folder.read_history()), len(history)) == (3, 2)
    assert outcome(implementation.train(recipe, dataset, folder=folder), folder) == expected


KILLED = """
import os, pickle, signal, sys
from importlib import import_module
from pathlib import Path
implementation = import_module(sys.argv[1])
from twingrad.run_folder import RunFolder
from twingrad.threads import limit_threads
limit_threads()
folder, recipe, _, _ = RunFolder.reopen(Path(sys.argv[2]))
dataset = pickle.loads(Path(sys.argv[3]).read_bytes())
def kill(epoch, total):
    if epoch.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
implementation.train(recipe, dataset, folder=folder, on_epoch=kill)
"""


def test_killed(implementation, tmp_path):
    recipe, dataset = small_recipe(), small_dataset()
    whole = create(tmp_path / "whole", recipe, implementation)
    expected = outcome(implementation.train(recipe, dataset, folder=whole), whole)
    folder = create(tmp_path / "part", recipe, implementation)
    (tmp_path / "dataset").write_bytes(pickle.dumps(dataset))
    arguments = [implementation.__name__, str(folder.path), str(tmp_path / "dataset")]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(folder.read_history()) == 2
    assert outcome(implementation.train(recipe, dataset, folder=folder), folder) == expected


def test_a_checkpoint_without_one_of_the_tensors_is_refused(implementation, tmp_path):
    recipe, dataset = small_recipe(), small_dataset()
    folder = create(tmp_path / "part", recipe, implementation)
    with pytest.raises(KeyboardInterrupt):
        implementation.train(recipe, dataset, folder=folder, on_epoch=stop_after(1))
    history, state = folder.load_checkpoint()
    del state["gamma1"]
    folder.save_checkpoint(history, state)
    with pytest.raises(UserError, match="gamma1 is missing"):
        implementation.train(recipe, dataset, folder=folder)
