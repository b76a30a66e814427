"""A Ray cluster of a head and two nodes on this machine: whatever is killed, the outcomes are those
of the local engine."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from sweeps import run_sweep
from sweeps.engine.data import Loaded
from sweeps.engine.execution import Work, run_task
from sweeps.engine.groups import Task
from sweeps.study.pruning import remaining
from tests.sweeps.clouds import PENALTIES, clouds, small
from tests.sweeps.processes import start
from twingrad.errors import UserError

ray = pytest.importorskip("ray", reason="Ray is not installed")
from sweeps.engine.cluster import Cluster  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Ray's files
]

LONG = {"cycles": 40}
"""80 epochs, long enough to kill something while groups train."""


@pytest.fixture(scope="module")
def cluster():
    """A head on which nothing trains, and two nodes of a core each."""
    from ray import cluster_utils

    Path("/tmp/ray").mkdir(exist_ok=True)
    head = {"num_cpus": 0, "node_ip_address": "127.0.1.1", "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("RAY_worker_niceness", "0")  # 15, beside other work, would take for ever
        made = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
        made.nodes = [made.add_node(num_cpus=1, node_ip_address=f"127.0.1.{i}") for i in (2, 3)]
        yield made
        made.shutdown()


@pytest.fixture
def patient(monkeypatch):
    """However busy the machine is."""
    monkeypatch.setattr("sweeps.engine.reach.ANSWER", 60.0)
    monkeypatch.setattr("sweeps.engine.cluster.READY", 120.0)


def outcomes(folder):
    """Every trial's values, status and curves as bits, without the seconds."""
    found = {}
    for trial in json.loads((folder / "results.json").read_text())["trials"]:
        file = folder / "trials" / f"{trial['trial']}.json"
        history = json.loads(file.read_text())["history"] if file.exists() else []
        for part in (trial, *history):
            part.pop("seconds", None)
            part.pop("owner", None)
        found[trial["trial"]] = (trial, history)
    return found


def until(child, begins):
    """Reads what a sweep prints up to a line of so many trials."""
    for line in child.stdout:
        if line.split() and int(line.split()[0]) >= begins:
            return
    pytest.fail(child.stderr.read())


def kill_a_worker():
    """Kills a process that trains a group."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"ray::train"):
                os.kill(int(folder.name), signal.SIGKILL)
                return True
        except OSError:
            continue
    return False


def test_killed_worker_node_and_driver_lose_nothing(cluster, tmp_path):
    settings = {"trials": 60, "stack": 5, "sampler": "random"}
    asked = {**settings, "recipe": LONG, "folder": str(tmp_path / "far")}
    child = start(cluster=cluster.address, **asked)
    with child:
        until(child, 5)
        while not kill_a_worker():
            time.sleep(0.1)
        until(child, 15)
        cluster.remove_node(cluster.nodes[0], allow_graceful=False)
        cluster.nodes[0] = cluster.add_node(num_cpus=1, node_ip_address="127.0.1.2")
        until(child, 30)
        child.kill()
    cluster.wait_for_nodes(timeout=60)  # until the killed one is known to be dead
    files = tmp_path / "far" / "trials"
    before = {path.name: path.read_bytes() for path in files.glob("[0-9]*.json")}
    assert 30 <= len(before) < 60

    # what ends while the driver is dead is kept by the cluster, with the seconds that it took
    owner = json.loads((tmp_path / "far" / "sweep.json").read_text())["owner"]
    ray.init(cluster.address, namespace="twingrad", logging_level="ERROR", log_to_driver=False)
    try:
        keeper = ray.get_actor(f"sweep {owner}")
        while len(ray.get(keeper.known.remote())) > len(ray.get(keeper.listen.remote([]))[1]):
            time.sleep(0.5)
        tasks, (_, ended) = ray.get([keeper.known.remote(), keeper.listen.remote([])])
        kept = {
            key: [epoch.seconds for epoch in run.history]
            for number, runs in ended
            for key, run in zip(tasks[number].keys, runs, strict=True)
        }
    finally:
        ray.shutdown()
    assert kept

    child = start(cluster=cluster.address, resume=True, **asked)
    said = child.communicate(timeout=500)
    assert child.returncode == 0, said[1]
    assert {name: (files / name).read_bytes() for name in before} == before
    for key, seconds in kept.items():
        history = json.loads((files / f"{key}.json").read_text())["history"]
        assert [epoch["seconds"] for epoch in history] == seconds

    here = tmp_path / "here"
    run_sweep([PENALTIES], clouds(), folder=here, recipe=small(**LONG), processes=2, **settings)
    groups = [folder / "trials" / "groups.jsonl" for folder in (tmp_path / "far", here)]
    assert groups[0].read_text() == groups[1].read_text()
    assert outcomes(tmp_path / "far") == outcomes(here)


def ended(executor, task):
    """What becomes of a task."""
    executor.begin(task)
    while True:
        for event in executor.wait():
            if event.result is not None:
                return event.result


@pytest.mark.usefixtures("patient")
def test_a_paused_stack_goes_on_from_states_that_stay_on_the_cluster(cluster):
    recipes = tuple(small(penalty=penalty) for penalty in (0.1, 0.01, 0.001))
    task = Task(("0", "1", "2"), recipes, stop=2)
    data, kept = clouds(), [0, 2]
    work = Work("manual", keep_states=True, curves=True)
    with Cluster(cluster.address, "manual", ("cpu",), time.monotonic()) as executor:
        assert executor.where == "2 nodes, 2 CPUs"
        assert executor.idle == 2 + 1  # one waits on the cluster, so that no core waits for us
        executor.open("sweep", Loaded({(): data}), work)
        paused = ended(executor, task)
        assert paused.epochs == 2
        assert not any(isinstance(array, np.ndarray) for state in paused.states for array in state)
        runs = ended(executor, remaining(task, paused, kept, 500))
    here = remaining(task, run_task(task, data, work, "cpu", lambda epoch: None), kept, 500)
    expected = run_task(here, data, work, "cpu", lambda epoch: None)
    for run, other in zip(runs, expected, strict=True):
        assert run.final == other.final
        for name, value in other.parameters.items():
            np.testing.assert_array_equal(run.parameters[name], value)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("raise ModuleNotFoundError(\"No module named 'torch'\")", "No module named 'torch'"),
        ("__version__ = '0.1'", r"has torch 0.1, but the driver 2\.\S+; install the same"),
    ],
)
def test_a_node_without_the_drivers_torch_is_named(cluster, tmp_path, module, said):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(module)
    node = cluster.add_node(
        num_cpus=1, node_ip_address="127.0.1.4", env_vars={"PYTHONPATH": str(tmp_path)}
    )
    try:
        with pytest.raises(UserError, match=rf"node 127.0.1.4 .*{said}"):
            run_sweep(
                [PENALTIES],
                clouds(),
                folder=tmp_path / "s",
                backend="torch",
                cluster=cluster.address,
            )
    finally:
        cluster.remove_node(node)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no Ray cluster is there"),
        ("127.0.0.1:none", "no Ray cluster is there"),
        ("nonsense", "is no address such as"),
        ("ray://127.0.0.1:10001", "run the sweep on a node of the cluster"),
        ("SILENT", r"no Ray cluster answered within 12 s"),
    ],
)
def test_where_no_cluster_is_the_sweep_ends_in_one_line(tmp_path, address, said):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it listens, and never answers
        address = address.replace("SILENT", f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(UserError, match=f"--cluster {address}: .*{said}") as refused:
            run_sweep([PENALTIES], clouds(), folder=tmp_path / "s", cluster=address)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "s").exists()
