"""An interrupted training ends bit for bit where the uninterrupted one ends."""

import dataclasses
import pickle
import signal
import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("batch_norm", [True, False])
@pytest.mark.parametrize("epochs", [1, 3, 4])
def test_interrupted_by_the_keyboard(implementation, tmp_path, batch_norm, epochs):
    recipe, dataset = small_recipe(batch_norm=batch_norm), small_dataset()
    whole = create(tmp_path / "whole", recipe, implementation)
    expected = outcome(implementation.train(recipe, dataset, folder=whole), whole)
    folder = create(tmp_path / "part", recipe, implementation)
    with pytest.raises(KeyboardInterrupt):
        implementation.train(recipe, dataset, folder=folder, on_epoch=stop_after(epochs))
    again, resumed, _, _ = RunFolder.reopen(tmp_path / "part")
    assert len(again.read_history()) == epochs
    assert outcome(implementation.train(resumed, dataset, folder=again), again) == expected


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
    recipe, dataset = small_recipe(batch_norm=True), small_dataset()
    folder = create(tmp_path / "part", recipe, implementation)
    with pytest.raises(KeyboardInterrupt):
        implementation.train(recipe, dataset, folder=folder, on_epoch=stop_after(1))
    history, state = folder.load_checkpoint()
    del state["gamma1"]
    folder.save_checkpoint(history, state)
    with pytest.raises(UserError, match="gamma1 is nothing"):
        implementation.train(recipe, dataset, folder=folder)
