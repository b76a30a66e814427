"""One network written twice, by hand and with autograd, and what proves the two equal.

    >>> import twingrad
    >>> dataset = twingrad.load_dataset()
    >>> run = twingrad.train(twingrad.preset("three-layer"), dataset, backend="manual")
    >>> run.final["test"].accuracy

The public names, loaded when first used: importing twingrad loads neither torch nor matplotlib.

- Network, Recipe, preset: which network, and how it is trained.
- load_dataset, Dataset, Split: CIFAR-10 in any of its layouts, or arrays of your own.
- train, train_stacked, Run, Diverged, RunFolder: one training or many side by side, and its folder.
- forward, gradients: every intermediate and every gradient, by hand.
- TorchNetwork: the same network as a torch module.
- load_backend: all of an implementation, "manual" or "torch".
- check: compares gradients of your own functions, classes or modules with four witnesses, and says
  which operation is wrong.
- watch: runs a training program and says which line is the first that is wrong.
- UserError, DivergedError: what is raised for bad input and for a cost that is not finite.

This package is also the ground floor that both implementations share. It computes no gradient, and
of the floors above it knows the names below, nothing more.
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
"""The two implementations, by the names that commands call them."""

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
"""Where each public name is found when it is first used."""

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
    """The implementation of that name; torch is imported only where it is asked for.

    Arguments:
        name: "manual" or "torch".

    Raises:
        UserError: no such backend.
    """
    if name not in BACKENDS:
        from twingrad.errors import UserError

        raise UserError(f"--backend is {name!r}, but expected manual or torch")
    return import_beside(BACKENDS[name])


def train(
    recipe: "Recipe", dataset: "Dataset", *, backend: str = "manual", **options: Any
) -> "Run":
    """Trains one network.

    Arguments:
        recipe: what to run.
        dataset: in the recipe's dtype.
        backend: "manual" or "torch".
        options: folder (a `RunFolder`, where every epoch is saved), on_epoch (called after each
            with it and the number of epochs); of torch also device, deterministic, ...

    Raises:
        DivergedError: the cost became NaN or infinite.
        UserError: the recipe and the data do not go together, or no such backend.
    """
    return load_backend(backend).train(recipe, dataset, **options)


def train_stacked(
    recipes: "Sequence[Recipe]", dataset: "Dataset", *, backend: str = "manual", **options: Any
) -> "list[Run | Diverged]":
    """Trains many networks of equal architecture side by side.

    Arguments:
        recipes: penalties, learning rates, initialisations and seeds may differ.
        dataset: in the recipes' dtype.
        backend: "manual" or "torch".
        options: as in `twingrad.training.train_stack`; of torch also device, ...

    Returns:
        For every recipe its run, or how it diverged.

    Raises:
        UserError: the recipes cannot be trained as one stack, or no such backend.
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
    """Compares the gradients of functions at hand with four witnesses, and says what is wrong.

    The functions are called in this process, without a time limit; what they print is kept back.
    In a notebook the result shows itself. docs/your_own_code.md says which functions and classes
    are understood.

    Arguments:
        thing: a class, torch module, function that returns gradients, adapter or imported module;
            of another object its class is checked.
        forward, backward, cost: functions, in place of `thing`. `backward` returns the gradients.
        hidden: widths of the hidden layers of the only network to try.
        batch_norm: only with it, or only without.
        inputs, samples, penalty: in place of those of the cases.
        eps: what the batch norm is meant to add to the variance.
        seed: of parameters and samples.

    Returns:
        A `compare.reports.check_result.CheckResult`: `agrees`, `verdict`, `diagnosis`, `cases`,
        `findings`, `assumed`, `untried`.

    Raises:
        UserError: nothing that can be checked, or an option outside its range.
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
    """Runs a program or notebook that trains a network and judges every line it computes with.

    In a notebook the result shows itself.

    Arguments:
        program: a Python file or a notebook.
        arguments: what it is given on its command line.
        python: the interpreter that runs it; by default that of the folder it lies in, else ours.
        data: where CIFAR-10 is, for a program that does not find it where its author had it.
        seconds: the time limit of the program.

    Returns:
        A `compare.watching.result.WatchResult`: `agrees`, `diagnosis`, `first` (the first wrong
        line), `lines`, `facts`, `not_checked`.

    Raises:
        UserError: the program could not be run, or no training was seen in it.
    """
    from pathlib import Path

    run = import_beside("compare.watching.watch").watch
    interpreter = None if python is None else Path(python)
    return run(Path(program), arguments, python=interpreter, data=data, seconds=seconds)
