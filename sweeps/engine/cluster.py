"""Groups trained on a Ray cluster: the driver's side. `keeper` runs on the cluster."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeps.engine.data import Loaded
from sweeps.engine.execution import Result, Work
from sweeps.engine.executor import ATTEMPTS, Event, Executor
from sweeps.engine.groups import Task
from sweeps.engine.keeper import Keeper, look_around, versions
from twingrad.errors import UserError
from twingrad.training import Checkpoint

READY = 18.0
"""Seconds from the first check of the address within which all nodes must answer."""

FRESH = 5.0
"""Seconds after which the nodes are counted again."""

NAMESPACE = "twingrad"
HEAD = {"node:__internal_head__": 0.001}
"""Resources that only the head node has."""


class Cluster(Executor):
    """A Ray cluster.

    Arguments:
        address: of its head node, such as 10.0.0.1:6379, or "auto" on one of its nodes.
        backend: "manual" or "torch".
        devices: ("cpu",) to train a group on a core, ("cuda",) on a GPU.
        started: when the address was first checked, by `time.monotonic`.

    Raises:
        UserError: one of its nodes cannot train.
    """

    def __init__(self, address: str, backend: str, devices: Sequence[str], started: float) -> None:
        super().__init__()
        if tuple(devices) not in (("cpu",), ("cuda",)):
            given = ",".join(devices)
            raise UserError(f"--device is {given!r}, but expected cpu or cuda with --cluster")
        self.shown, (self.device,) = f"--cluster {address}", devices
        self.unit = "CPU" if self.device == "cpu" else "GPU"
        self.stored: list[int] = []
        self.keeper: Any = None
        self.counted, self.nodes, self.units = -FRESH, 0, 0
        ray.init(address, namespace=NAMESPACE, logging_level="ERROR", log_to_driver=False)
        ray._private.worker._worker_logs_enabled = False  # they would go to standard output
        try:
            self.memory = self._require_nodes(backend, started + READY)
        except BaseException:
            ray.shutdown()
            raise

    def _require_nodes(self, backend: str, deadline: float) -> int:
        """The bytes that a group may use on any node; UserError if a node cannot train."""
        nodes = [node for node in alive_nodes() if node["Resources"].get(self.unit, 0) >= 1]
        if not nodes:
            raise UserError(f"{self.shown}: none of its nodes has a {self.unit}")
        asked = {}
        for node in nodes:
            strategy = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ref = look_around.options(scheduling_strategy=strategy).remote(
                backend, self.device, int(node["Resources"][self.unit])
            )
            asked[ref] = f"{self.shown}: node {node['NodeManagerAddress']}"
        left = max(deadline - time.monotonic(), 1.0)
        ray.wait(list(asked), num_returns=len(asked), timeout=left)
        here, memory = versions(backend), []
        for ref, name in asked.items():
            try:
                there, available = ray.get(ref, timeout=0)
            except ray.exceptions.GetTimeoutError:
                raise UserError(f"{name} did not answer within {READY:.0f} s") from None
            except ray.exceptions.RayError as error:
                reason = str(getattr(error, "cause", error)).strip().splitlines()[-1]
                raise UserError(f"{name} cannot train ({reason}); install twingrad there") from None
            for part, version in here.items():
                if there[part] != version:
                    raise UserError(
                        f"{name} has {part} {there[part]}, but the driver {version}; install the "
                        "same on every node"
                    )
            memory.append(available)
        return min(memory)

    def open(self, name: str, data: Loaded, work: Work) -> None:
        """Start the sweep on the cluster, or connect to what an earlier driver left there."""
        smallest = min(node["Resources"].get("object_store_memory", 0) for node in alive_nodes())
        if data.nbytes > smallest:
            raise UserError(
                f"{self.shown}: the data take {data.nbytes / 1e9:.3g} GB, but the object store "
                f"of a node has {smallest / 1e9:.3g}; start it with a larger --object-store-memory"
            )
        resources = {"num_cpus": 1} if self.unit == "CPU" else {"num_cpus": 0, "num_gpus": 1}
        options = {**resources, "max_retries": ATTEMPTS - 1}
        make: Any = Keeper  # Ray's decorator makes it another class
        self.keeper = make.options(
            name=name, lifetime="detached", get_if_exists=True, resources=HEAD
        ).remote(data, work, self.device, options)
        self.tasks = self._ask("known")
        self.numbers = itertools.count(max(self.tasks, default=-1) + 1)

    def _ask(self, method: str, *arguments: object) -> Any:
        try:
            return ray.get(getattr(self.keeper, method).remote(*arguments))
        except ray.exceptions.RayActorError as error:
            lines = str(error).splitlines()
            if "creation task" in lines[0]:
                reason = next((line for line in reversed(lines) if "Error: " in line), lines[0])
                raise UserError(
                    f"{self.shown}: its head node cannot hold the data ({reason})"
                ) from error
            raise UserError(
                f"{self.shown}: its head node was lost; trials that finished are kept: "
                "continue with --resume"
            ) from error

    def _count(self) -> None:
        if time.monotonic() > self.counted + FRESH:
            self.counted = time.monotonic()
            units = [node["Resources"].get(self.unit, 0) for node in alive_nodes()]
            self.units, self.nodes = int(sum(units)), sum(count >= 1 for count in units)

    @property
    def slots(self) -> int:
        self._count()
        return self.units

    @property
    def ahead(self) -> int:
        return -(-self.slots // 4)

    @property
    def where(self) -> str:
        self._count()
        return f"{self.nodes} node{'s' * (self.nodes != 1)}, {self.units} {self.unit}s"

    def begin(self, task: Task) -> None:
        number = next(self.numbers)
        self.tasks[number] = task
        self.keeper.begin.remote(number, task)  # the next `wait` raises its errors

    def wait(self) -> list[Event]:
        epochs, ended = self._ask("listen", self.stored)
        self.stored = []
        events = [Event(self.tasks[n], epoch) for n, epoch in epochs.items() if n in self.tasks]
        for number, result in ended:
            if isinstance(result, Exception):
                raise result
            self.stored.append(number)
            events.append(Event(self.tasks.pop(number), last_epoch(result), result))
        return events

    def close(self) -> None:
        if self.keeper is not None:
            ray.kill(self.keeper)
            self.keeper = None
        ray.shutdown()


def alive_nodes() -> list[dict[str, Any]]:
    """Ray's descriptions of the nodes that are alive."""
    return [node for node in ray.nodes() if node["Alive"]]


def last_epoch(result: Result) -> int:
    """The epoch that a group ended with."""
    if isinstance(result, Checkpoint):
        return result.epochs
    return max(len(run.history) for run in result)
