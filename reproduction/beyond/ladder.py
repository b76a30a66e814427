"""The ladder as data: each remedy alone on the report's best network, then several together."""

from collections.abc import Sequence
from dataclasses import replace

from reproduction.beyond.rung import Rung, Setting, rung
from twingrad.errors import UserError

EPOCH = 450
"""Updates of an epoch with minibatches of 100."""

ALONE = (
    rung("start", "The report's best network", {}, against=""),
    rung("flips", "Flips", {"flip": True}),
    rung("shifts", "Shifts", {"shift": 1}, {"shift": 3}),
    rung("bn-after", "Batch norm after the activation", {"normalization": "batch-after"}),
    rung("layer-norm", "Layer norm", {"normalization": "layer"}),
    rung("dropout", "Dropout", {"dropout": 0.05}, {"dropout": 0.15}),
    rung("smoothing", "Label smoothing", {"smoothing": 0.1}),
    rung(
        "momentum",
        "Momentum",
        {"eta_max": 0.01},
        {"eta_max": 0.03},
        common={"optimizer": "momentum"},
    ),
    rung(
        "nesterov",
        "Nesterov's momentum",
        {"eta_max": 0.01},
        {"eta_max": 0.03},
        common={"optimizer": "nesterov"},
    ),
    rung(
        "adam",
        "Adam",
        {"eta_max": 0.001, "penalty": 0.001},
        {"eta_max": 0.002, "penalty": 0.1, "decoupled": True},
        common={"optimizer": "adam", "eta_min": 1e-5},
    ),
    rung("step", "Step schedule", {"schedule": "step", "eta_max": 0.05}),
    rung(
        "cosine",
        "Cosine schedule, one cycle",
        {"schedule": "cosine", "half_cycle": 10 * EPOCH, "cycles": 1},
    ),
    rung("range-test", "Learning rates from the range test", {"eta_max": 0.24}, {"eta_max": 1.2}),
    rung("jitter", "Brightness and contrast", {"jitter": 0.2}, twins=5),
    rung("longer", "60 epochs, 6 cycles", {"cycles": 6}),
    rung("wider", "400 units in the first layer", {"hidden": (400, 50)}),
    rung("deeper", "Two more layers of 50", {"hidden": (150, 50, 50, 50)}),
    rung("precise", "Precise batch norm", Setting("", {}, "precise")),
    rung(
        "average",
        "Averaged weights",
        Setting("of the last cycle", {}, "cycle-average"),
        Setting("of the last half cycle", {}, "fall-average"),
    ),
    rung("snapshots", "Ensemble of both cycles' ends", Setting("", {}, "snapshots")),
    rung("test-flips", "Flips at test time", Setting("", {}, flips=True)),
)
"""Each changes one thing of the start, and what that thing needs. `range-test` takes its rates from
`twingrad train --hidden 150,50 --initialization xavier --penalty 0.0051 --schedule range --eta-min
1e-5 --eta-max 10 --epochs 2`: the cost falls fastest at 0.24 and rises from 3.6 on; 1.2 is a third
of that."""

LONG = {"flip": True, "shift": 3, "cycles": 6}
MOMENTUM = {"optimizer": "momentum", "eta_max": 0.02, "eta_min": 1e-5}

SMALL_TOGETHER = (
    rung(
        "moved",
        "Flips and shifts, 60 epochs",
        {"penalty": 0.0051},
        {"penalty": 0.001},
        common=LONG,
        group="together",
    ),
    rung(
        "moved-ensemble",
        "Flips and shifts, 60 epochs, 6 snapshots, flips at test time",
        Setting("penalty 0.0051", {**LONG, "penalty": 0.0051}, "snapshots", flips=True),
        Setting("penalty 0.001", {**LONG, "penalty": 0.001}, "snapshots", flips=True),
        against="moved",
        group="together",
    ),
    rung(
        "moved-wider",
        "Flips and shifts, 60 epochs, [400, 100]",
        {**LONG, "penalty": 0.001, "hidden": (400, 100)},
        against="moved",
        group="together",
    ),
)

WIDE = {
    "flip": True,
    "shift": 3,
    "penalty": 0.0005,
    "schedule": "cosine",
    "half_cycle": 20 * EPOCH,
    "cycles": 1,
    **MOMENTUM,
}
"""40 epochs of momentum along one cosine. A first guess: no short runs have tuned it."""

WIDE_TOGETHER = (
    rung(
        "wide",
        "[1000, 300]: flips, shifts, momentum, cosine, 40 epochs",
        {**WIDE, "hidden": (1000, 300)},
        against="moved",
        group="together",
    ),
    rung(
        "wide-dropout",
        "[1000, 300] with dropout 0.1",
        {**WIDE, "hidden": (1000, 300), "dropout": 0.1},
        against="wide",
        group="together",
    ),
    rung(
        "wide-flips",
        "[1000, 300] with flips at test time",
        Setting("", {**WIDE, "hidden": (1000, 300)}, flips=True),
        against="wide",
        group="together",
    ),
    rung(
        "wide-2000",
        "[2000, 500], otherwise as [1000, 300]",
        {**WIDE, "hidden": (2000, 500)},
        against="wide",
        group="together",
    ),
    rung(
        "wide-4000",
        "[4000, 1000, 4000], otherwise as [1000, 300]",
        {**WIDE, "hidden": (4000, 1000, 4000)},
        against="wide",
        group="together",
    ),
)

BEST = (
    rung(
        "best",
        "[2000, 500], dropout 0.1, 80 epochs, flips at test time",
        Setting(
            "",
            {**WIDE, "hidden": (2000, 500), "dropout": 0.1, "half_cycle": 40 * EPOCH},
            flips=True,
        ),
        against="wide-flips",
        group="best",
    ),
)
"""On a GPU the same recipe takes a longer schedule; see docs/beyond."""

LADDER = (*ALONE, *SMALL_TOGETHER, *WIDE_TOGETHER, *BEST)


QUICK_EPOCHS = 2


def shortened(ladder: Sequence[Rung]) -> tuple[Rung, ...]:
    """The same rungs with trainings of two epochs."""
    return tuple(
        replace(
            one,
            settings=tuple(
                replace(setting, fields={**setting.fields, "epochs": QUICK_EPOCHS})
                for setting in one.settings
            ),
        )
        for one in ladder
    )


def rungs_of(key: str | None, ladder: Sequence[Rung]) -> tuple[Rung, ...]:
    """The rung with this key; the whole ladder if it is None.

    Raises:
        UserError: there is no such rung.
    """
    found = tuple(one for one in ladder if key in (None, one.key))
    if not found:
        known = ", ".join(one.key for one in ladder)
        raise UserError(f"--row is {key!r}, but there are only: {known}")
    return found
