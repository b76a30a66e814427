"""One network written twice, by hand and with autograd, and the harness that compares them.

    >>> import twingrad
    >>> dataset = twingrad.load_dataset()
    >>> run = twingrad.train(twingrad.preset("three-layer"), dataset, backend="manual")
    >>> run.final["test"].accuracy

The public names are loaded when first used: importing twingrad loads neither torch nor matplotlib.

- Network, Recipe, preset: a network, and how it is trained.
- load_dataset, Dataset, Split: CIFAR-10 in any of its layouts, or your own arrays.
- train, train_stacked, Run, Diverged, RunFolder: train one network, or many side by side.
- forward, gradients: every intermediate and every gradient, by hand.
- TorchNetwork: the same network as a torch module.
- load_backend: a whole implementation, "manual" or "torch".
- check: compare the gradients of your own functions, classes or modules with four references, and
  find the wrong operation.
- watch: run a training program and find its first wrong line.
- UserError, DivergedError: raised for bad input, and for a cost that is not finite.

This package is also the ground floor that both implementations share. It computes no gradient, and
it knows nothing of the other packages except the names below.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twingrad.beside import import_beside

if TYPE_CHECKING:
    from pathlib import Path

    from twingrad.cifar.loading import load_dataset
    from twingrad.contract import Implementation
    from twingrad.dataset import Dataset, Split
    from twingrad.errors import DivergedError, UserError
    from twingrad.network import Network
    from twingrad.recipe import Recipe, preset
    from twingrad.run_folder import RunFolder
    from twingrad.training import Diverged, Run

BACKENDS = {"manual": "manual_impl", "torch": "torch_impl"}
"""The package of each implementation, by the name used in commands."""

HOMES = {
    "Dataset": "twingrad.dataset",
    "Diverged": "twingrad.training",
    "DivergedError": "twingrad.errors",
    "Network": "twingrad.network",
    "Recipe": "twingrad.recipe",
    "Run": "twingrad.training",
    "RunFolder": "twingrad.run_folder",
    "Split": "twingrad.dataset",
    "TorchNetwork": "torch_impl",
    "UserError": "twingrad.errors",
    "forward": "manual_impl",
    "gradients": "manual_impl",
    "load_dataset": "twingrad.cifar.loading",
    "preset": "twingrad.recipe",
}
"""The module that defines each public name."""

__all__ = [
    "Dataset",
    "Diverged",
    "DivergedError",
    "Network",
    "Recipe",
    "Run",
    "RunFolder",
    "Split",
    "TorchNetwork",
    "UserError",
    "check",
    "forward",
    "gradients",
    "load_backend",
    "load_dataset",
    "preset",
    "train",
    "train_stacked",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'twingrad' has no attribute {name!r}")
    value = getattr(import_beside(HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_backend(name: str) -> "Implementation":
    """Load an implementation; torch is imported only for "torch".

    Arguments:
        name: "manual" or "torch".

    Raises:
        UserError: there is no such backend.
    """
    if name not in BACKENDS:
        from twingrad.errors import UserError

        raise UserError(f"--backend is {name!r}, but expected manual or torch")
    return import_beside(BACKENDS[name])


def train(
    recipe: "Recipe", dataset: "Dataset", *, backend: str = "manual", **options: Any
) -> "Run":
    """Train one network.

    Arguments:
        recipe: the network and how it is trained.
        dataset: in the recipe's dtype.
        backend: "manual" or "torch".
        options: folder (a `RunFolder`, where every epoch is saved), on_epoch (called after each
            epoch with its metrics and the number of epochs); for torch also device, compiled, ...

    Raises:
        DivergedError: the cost became NaN or infinite.
        UserError: the recipe does not fit the data, or there is no such backend.
    """
    return load_backend(backend).train(recipe, dataset, **options)


def train_stacked(
    recipes: "Sequence[Recipe]", dataset: "Dataset", *, backend: str = "manual", **options: Any
) -> "list[Run | Diverged]":
    """Train many networks of equal architecture side by side.

    Arguments:
        recipes: may differ in penalty, learning rates, initialisation and seed.
        dataset: in the recipes' dtype.
        backend: "manual" or "torch".
        options: as in `twingrad.training.train_stack`; for torch also device, compiled, ...

    Returns:
        A `Run` or a `Diverged` for every recipe.

    Raises:
        UserError: the recipes cannot be trained as one stack, or there is no such backend.
    """
    return load_backend(backend).train_stacked(recipes, dataset, **options)


def check(
    thing: Any = None,
    *,
    forward: "Callable[..., Any] | None" = None,
    backward: "Callable[..., Any] | None" = None,
    cost: "Callable[..., Any] | None" = None,
    hidden: "Sequence[int] | None" = None,
    batch_norm: bool | None = None,
    inputs: int | None = None,
    samples: int | None = None,
    penalty: float | None = None,
    eps: float | None = None,
    seed: int = 0,
) -> Any:
    """Compare the gradients of your code with four references, and find what is wrong.

    The functions are called in this process, without a time limit; their output is not shown. In
    a notebook the result displays itself. docs/your_own_code.md lists the functions and classes
    that are understood.

    Arguments:
        thing: a class, torch module, function that returns gradients, adapter or imported module;
            for any other object its class is checked.
        forward, backward, cost: functions, instead of `thing`. `backward` returns the gradients.
        hidden: widths of the hidden layers; only this network is tried.
        batch_norm: try only networks with batch norm (True) or without it (False).
        inputs, samples, penalty: override those of the cases.
        eps: the intended constant that batch norm adds to the variance.
        seed: of parameters and samples.

    Returns:
        A `compare.reports.check_result.CheckResult`: `agrees`, `verdict`, `diagnosis`, `cases`,
        `findings`, `assumed`, `compared`, `not_checked`.

    Raises:
        UserError: there is nothing that can be checked, or an option is out of range.
    """
    options = import_beside("compare.submissions.live_options")
    request = options.requested(
        hidden=hidden,
        batch_norm=batch_norm,
        inputs=inputs,
        samples=samples,
        penalty=penalty,
        seed=seed,
    )
    check_live = import_beside("compare.submissions.live_check").check_live
    return check_live(
        thing, forward=forward, backward=backward, cost=cost, request=request, eps=eps
    )


def watch(
    program: "str | Path",
    arguments: "Sequence[str]" = (),
    *,
    python: "str | Path | None" = None,
    data: str | None = None,
    seconds: float = 60.0,
) -> Any:
    """Run a program or notebook that trains a network, and judge every line it computes with.

    In a notebook the result displays itself.

    Arguments:
        program: a Python file or a notebook.
        arguments: its command-line arguments.
        python: the interpreter that runs it; default: the one in the program's folder, or else the
            current one.
        data: path of CIFAR-10, if the program's own path does not exist on this machine.
        seconds: the program's time limit.

    Returns:
        A `compare.watching.result.WatchResult`: `agrees`, `diagnosis`, `first` (the first wrong
        line), `lines`, `facts`, `not_checked`.

    Raises:
        UserError: the program could not be run, or it trained no network.
    """
    from pathlib import Path

    run = import_beside("compare.watching.watch").watch
    interpreter = None if python is None else Path(python)
    return run(Path(program), arguments, python=interpreter, data=data, seconds=seconds)
