import json

import numpy as np
import pytest
from safetensors.numpy import save

from twingrad.errors import UserError
from twingrad.history import Epoch, Evaluation
from twingrad.recipe import Recipe
from twingrad.run_folder import RunFolder

RECIPE = Recipe(hidden=(4,), seed=7)
STATE = {
    "W1": np.arange(6, dtype=np.float32).reshape(2, 3),
    "mu1": np.ones(2),
    "moment1.W1": np.full((2, 3), 1 / 3, np.float32),
    "updates": np.array(450),
}


def create(path, **options):
    return RunFolder.create(
        path,
        RECIPE,
        backend="manual",
        device="cpu",
        identity={"name": "clouds", "digest": "c0"},
        **options,
    )


def history(epochs):
    part = Evaluation(2.0, 1.5, 0.5)
    return [
        Epoch(e, 10 * e, part, part, (0.1, 0.2), 1.0, costs=(2.5, 1 / e))
        for e in range(1, epochs + 1)
    ]


def test_a_run_reopens_as_it_was_created(tmp_path):
    create(tmp_path / "a" / "run")
    folder, recipe, backend, device = RunFolder.reopen(tmp_path / "a" / "run")
    assert (recipe, backend, device) == (RECIPE, "manual", "cpu")
    assert folder.read_summary() is None
    assert folder.load_checkpoint() is None


def test_the_folder_says_where_the_run_came_from(tmp_path):
    create(tmp_path / "run")
    environment = json.loads((tmp_path / "run/environment.json").read_text())
    assert environment["packages"]["numpy"] == np.__version__
    data = json.loads((tmp_path / "run/dataset.json").read_text())
    assert data == {"name": "clouds", "digest": "c0"}


def test_a_run_is_never_overwritten_unasked(tmp_path):
    create(tmp_path / "run").save_checkpoint(history(1), STATE)
    with pytest.raises(UserError, match="already holds a run"):
        create(tmp_path / "run")
    assert (tmp_path / "run/checkpoint.safetensors").exists()


def test_overwrite_removes_the_run(tmp_path):
    create(tmp_path / "run").save_checkpoint(history(1), STATE)
    assert create(tmp_path / "run", overwrite=True).load_checkpoint() is None


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_that_holds_no_run_is_left_alone(tmp_path, overwrite):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="holds no run"):
        create(tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="is a file"):
        create(tmp_path / "run")


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be created"):
        create(tmp_path / "file" / "run")


def test_an_empty_folder_will_do(tmp_path):
    create(tmp_path)
    assert RunFolder.reopen(tmp_path)[1] == RECIPE


def test_there_is_no_run_to_reopen(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        RunFolder.reopen(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"weight_decay": 0.9}', '{"cycles": "two"}'])
def test_a_damaged_recipe(tmp_path, content):
    create(tmp_path / "run")
    (tmp_path / "run/recipe.json").write_text(content)
    with pytest.raises(UserError, match=r"recipe\.json"):
        RunFolder.reopen(tmp_path / "run")


def test_a_checkpoint_comes_back_bit_for_bit(tmp_path):
    folder = create(tmp_path / "run")
    folder.save_checkpoint(history(3), STATE)
    epochs, state = folder.load_checkpoint()
    assert epochs == history(3)
    assert {name: value.tobytes() for name, value in state.items()} == {
        name: value.tobytes() for name, value in STATE.items()
    }
    for name, value in STATE.items():
        assert (state[name].dtype, state[name].shape) == (value.dtype, value.shape)


def test_metrics_from_before_costs_are_read(tmp_path):
    folder = create(tmp_path / "run")
    folder.save_checkpoint(history(2), STATE)
    lines = [epoch.as_line() for epoch in history(2)]
    fields = [json.loads(line) for line in lines]
    for epoch in fields:
        del epoch["costs"]
    (folder.path / "metrics.jsonl").write_text("".join(json.dumps(f) + "\n" for f in fields))
    epochs, _ = folder.load_checkpoint()
    assert [epoch.costs for epoch in epochs] == [(), ()]
    assert [epoch.update for epoch in epochs] == [10, 20]


def test_before_the_first_epoch_there_is_no_history(tmp_path):
    assert create(tmp_path / "run").read_history() == []


def test_metrics_newer_than_the_checkpoint_do_not_count(tmp_path):
    folder = create(tmp_path / "run")
    folder.save_checkpoint(history(2), STATE)
    lines = "".join(epoch.as_line() + "\n" for epoch in history(3))
    (folder.path / "metrics.jsonl").write_text(lines)
    assert len(folder.load_checkpoint()[0]) == 2


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff" * 200),
        lambda path: path.write_bytes(save(STATE)),  # without its epoch
        lambda path: path.write_bytes(save(STATE, {"epoch": "two"})),
        lambda path: path.write_bytes(save(STATE, {"epoch": "3"})),  # more than the metrics have
        lambda path: path.with_name("metrics.jsonl").unlink(),
        lambda path: path.with_name("metrics.jsonl").write_text("{}\n{}\n"),
        lambda path: path.with_name("metrics.jsonl").write_text("[]\n[]\n"),
        lambda path: path.with_name("metrics.jsonl").write_text('{"epoch": 1\n'),
    ],
)
def test_a_damaged_checkpoint(tmp_path, damage):
    folder = create(tmp_path / "run")
    folder.save_checkpoint(history(2), STATE)
    damage(folder.path / "checkpoint.safetensors")
    with pytest.raises(UserError, match="train anew"):
        folder.load_checkpoint()


def test_a_finished_run_holds_its_state_in_place_of_the_checkpoint(tmp_path):
    folder = create(tmp_path / "run")
    folder.save_checkpoint(history(2), STATE)
    folder.finish({"test": 0.5}, STATE)
    assert folder.load_checkpoint() is None
    assert folder.read_summary() == {"test": 0.5}
    assert folder.read_state()["W1"].tolist() == STATE["W1"].tolist()
    assert folder.read_history() == history(2)


def test_the_same_data_are_accepted(tmp_path):
    folder = create(tmp_path / "run")
    folder.require_same_data({"name": "elsewhere", "digest": "c0"})


def test_other_data_are_refused(tmp_path):
    folder = create(tmp_path / "run")
    with pytest.raises(UserError, match="digest c0, but got data with digest d1"):
        folder.require_same_data({"name": "clouds", "digest": "d1"})
