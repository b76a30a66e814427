"""What an attack on sweeps brought to light: one line each, and no traceback."""

import json

import pytest

from sweeps import run_recipes, run_sweep
from sweeps.engine.data import Loaded
from sweeps.engine.execution import Work, run_task
from sweeps.engine.groups import Task
from sweeps.engine.memory import bytes_per_network, stack_sizer
from sweeps.space.defaults import checked
from sweeps.study.storage import JOURNAL, hide_password
from tests.sweeps.clouds import clouds, small
from twingrad.dataset import Dataset, Split
from twingrad.errors import UserError
from twingrad.recipe import Recipe

TWO = ("penalty=0.1,0.01",)


def sweep(folder, over=TWO, **options):
    options = {"recipe": small(), "processes": 1, "trials": 2, **options}
    return run_sweep(list(over), options.pop("data", clouds()), folder=folder, **options)


@pytest.mark.parametrize(
    ("over", "said"),
    [
        (["seed=int:0:99999999999999999999999"], "whole numbers up to"),
        (["seed=log:1:1" + 400 * "0"], "whole numbers up to"),
        (["eta_min=linear:-1e308:1e308"], "their difference, must be finite"),
        (["half_cycle=1000000000000000000000000000000"], "at most 20000000"),
        (["cycles=int:1:100000000000000"], "at most 20000000"),
        (["eta_min=nan", "eta_max=nan,0.1"], "the value nan"),
        (["eta_min=linear:-2:-1", "eta_max=linear:-5:5"], "the value -2.0"),
    ],
)
def test_numbers_that_no_training_can_have_are_refused(tmp_path, over, said):
    recipe = Recipe(hidden=(8,), batch_size=50)
    with pytest.raises(UserError, match=said):
        sweep(tmp_path / "s", over, recipe=recipe)


def test_a_sweep_none_of_whose_trials_could_run_is_no_success(tmp_path):
    over = ["eta_min=linear:0.5:0.6", "eta_max=linear:0.1:0.2"]
    with pytest.raises(UserError, match="no trial could be run, as its values do not go together"):
        sweep(tmp_path, over)


def part(n: int) -> Dataset:
    """The clouds, of which the first n are trained on."""
    whole = clouds()
    few = Split(whole.training.X[:n], whole.training.y[:n])
    return Dataset(few, whole.validation, whole.test, 10, whole.identity)


def test_the_recipe_searched_around_need_not_be_of_a_size_searched(tmp_path):
    results = sweep(
        tmp_path,
        ["train_size=200,400", "dtype=float32,float64"],
        sampler="grid",
        trials=None,
        data=lambda recipe: part(recipe.train_size),
    )
    assert [row.status for row in results.rows] == ["finished"] * 4
    assert len({row.outcome.validation.cost for row in results.rows}) == 4


def test_one_data_set_cannot_serve_recipes_that_want_several(tmp_path):
    with pytest.raises(UserError, match="differ in train_size, but one data set was given"):
        sweep(tmp_path, ["train_size=200,400"])
    with pytest.raises(UserError, match="differ in train_size, but one data set was given"):
        list(run_recipes([small(train_size=200), small(train_size=400)], clouds()))


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ([], "no --device was given"),
        (["cpu", "cuda"], "--device 'cuda' is for --backend torch"),
        (["cpu", ""], "--device '' is for"),
    ],
)
def test_every_device_is_looked_at_before_anything_is_written(tmp_path, devices, said):
    with pytest.raises(UserError, match=said):
        sweep(tmp_path / "s", devices=devices)
    assert not (tmp_path / "s").exists()
    with pytest.raises(UserError, match=said):
        list(run_recipes([small()], clouds(), devices=devices))


@pytest.mark.parametrize(
    ("devices", "stack", "expected"),
    [(["cpu"], None, 16), (["cuda:0", "cuda:1"], None, 256), (["cuda"], 8, 8)],
)
def test_a_gpu_gets_large_stacks_where_nobody_says_otherwise(devices, stack, expected):
    assert checked(None, stack, devices)[1] == expected


@pytest.mark.parametrize(
    "line", [b"garbage{", b"\xff\xfe\0", b"{}", b'{"op_code": 99, "worker_id": "x"}']
)
def test_a_journal_damaged_in_the_middle_is_named(tmp_path, line):
    whole = sweep(tmp_path)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines()
    (tmp_path / JOURNAL).write_bytes(b"\n".join([*lines[:5], line, *lines[6:]]) + b"\n")
    with pytest.raises(UserError, match=r"study\.journal: is damaged .* remove it"):
        sweep(tmp_path, resume=True)
    (tmp_path / JOURNAL).unlink()
    again = sweep(tmp_path, resume=True)
    assert [row.accuracy for row in again.rows] == [row.accuracy for row in whole.rows]


def test_a_journal_with_a_trial_too_many_is_named(tmp_path):
    sweep(tmp_path)
    lines = (tmp_path / JOURNAL).read_bytes().splitlines()
    more = next(line for line in lines if b'"op_code":4' in line)  # makes a trial
    (tmp_path / JOURNAL).write_bytes(b"\n".join([*lines, more]) + b"\n")
    with pytest.raises(UserError, match=r"more than \d+ trials; remove study\.journal"):
        sweep(tmp_path, resume=True)


@pytest.mark.parametrize(
    "damage",
    [
        {"plan": None},
        {"plan": {"sampler": "random", "stages": ["a"]}},
        {"plan": {"sampler": "random", "stages": [2], "other": 1}},
        {"space": 5},
        {"recipe": None},
        {"devices": []},
        {"dataset": 1.5},
        {"storage": 5},
        {"stack": "2"},
    ],
)
def test_damaged_settings_are_named(tmp_path, damage):
    sweep(tmp_path)
    file = tmp_path / "sweep.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))
    with pytest.raises(UserError, match=r"sweep\.json: is damaged"):
        sweep(tmp_path, resume=True)


def test_a_final_choice_left_half_made_is_made_anew(tmp_path):
    whole = sweep(tmp_path)
    for name in ("recipe.json", "summary.json"):
        (tmp_path / "chosen" / name).unlink()
    assert sweep(tmp_path, resume=True).chosen["test"] == whole.chosen["test"]


def test_an_empty_summary_of_the_final_choice_is_made_anew(tmp_path):
    whole = sweep(tmp_path)
    (tmp_path / "chosen/summary.json").write_text("{}")
    assert sweep(tmp_path, resume=True).chosen["test"] == whole.chosen["test"]


def test_a_cluster_without_ray_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"^--cluster needs Ray; pip install 'twingrad\[cluster\]'$"
    ):
        sweep(tmp_path / "s", cluster="10.0.0.1:6379", processes=None)
    assert not (tmp_path / "s").exists()


def test_overwriting_a_part_of_a_shared_study_is_refused(tmp_path):
    shared = {"storage": f"sqlite:///{tmp_path}/shared.db"}
    whole = sweep(tmp_path / "s", **shared)
    with pytest.raises(UserError, match="--overwrite would leave the trials"):
        sweep(tmp_path / "s", overwrite=True, **shared)
    assert sweep(tmp_path / "s", resume=True, **shared).chosen == whole.chosen
    assert sweep(tmp_path / "s", overwrite=True, study="other", **shared).chosen is not None


def test_an_address_with_a_port_that_is_none_is_refused(tmp_path):
    url = "postgresql+psycopg://u:secret@127.0.0.1:abc/x"
    with pytest.raises(UserError, match="is no address of a database") as refused:
        sweep(tmp_path / "s", storage=url)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "s").exists()


def test_passwords_are_hidden_up_to_the_last_at():
    assert hide_password("postgresql://u:se@c@ret@host:1/x") == "postgresql://u:***@host:1/x"


def test_a_worker_without_memory_is_reported_in_one_line(monkeypatch):
    class OutOfMemoryError(RuntimeError):
        """As torch's of a GPU."""

    task, work = Task(("0",), (small(),)), Work("manual", keep_states=False, curves=False)

    def run(error):
        def train(*arguments, **options):
            raise error

        monkeypatch.setattr("manual_impl.train_stacked", train)
        run_task(task, clouds(), work, "cpu", print)

    for error in (MemoryError(), OutOfMemoryError()):
        with pytest.raises(UserError, match="does not fit into memory; give a smaller --stack"):
            run(error)
    with pytest.raises(RuntimeError, match="other"):
        run(RuntimeError("other"))


def test_networks_too_wide_for_any_memory_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"make 3e\+12 weights, but at most 1e\+08"):
        sweep(tmp_path, ["hidden=1000000000000"], trials=1)


def test_stacks_fit_into_memory_and_one_too_large_is_refused():
    each, data = bytes_per_network(small(), 24, 10), Loaded({(): clouds()})
    assert stack_sizer(None, 16, 5 * each, data)(small()) == 5
    assert stack_sizer(None, 16, 500 * each, data)(small()) == 16
    assert stack_sizer(5, 16, 5 * each, data)(small()) == 5
    for stack, memory in [(6, 5 * each), (None, each - 1)]:
        with pytest.raises(UserError, match="does not fit into memory: it takes about"):
            stack_sizer(stack, 16, memory, data)(small())


def test_a_cluster_and_a_shared_study_do_not_go_together(tmp_path):
    with pytest.raises(UserError, match="--cluster cannot go with --storage") as refused:
        sweep(tmp_path / "s", cluster="auto", storage=f"sqlite:///{tmp_path}/shared.db")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "s").exists()
