"""Experiments that the assignment asks for and the report omits, and tests of our explanations."""

from dataclasses import replace

from reproduction.published.defects import Defects
from reproduction.published.experiment import Experiment, Row
from reproduction.published.report import (
    BASELINES,
    BEST_LAMBDA,
    BN,
    HE,
    NO_BN,
    SIGMA_01,
    SMALL,
    TABLE_1,
    TABLE_2,
    TWO_CYCLES,
    WIDE,
    Fields,
    rates,
)

TWO_LAYERS = Experiment(
    key="two-layers",
    title="The 2-layer default on one batch",
    about="50 nodes, no batch norm, batch 1 for training and batch 2 for validation, lambda .01, "
    "learning rate 1e-5 to 1e-1. The published accuracies are those in the assignment.",
    fields={
        "hidden": (50,),
        "batches": 1,
        "penalty": 0.01,
        "batch_size": 100,
        **NO_BN,
        **HE,
        **rates(1e-5, 1e-1),
    },
    rows=(
        Row("n_s 500, 1 cycle", {"half_cycle": 500, "cycles": 1}, 45.85),
        Row("n_s 800, 3 cycles", {"half_cycle": 800, "cycles": 3}, 47.47),
    ),
    source="assignment",
)

THREE_CYCLES = Experiment(
    key="three-cycles",
    title="3 cycles at the best lambda",
    about="3 layers [50, 50] with batch norm, lambda .0051, He, learning rate 1e-5 to 1e-1. The "
    "assignment asks for it; the report omits it.",
    fields={"penalty": BEST_LAMBDA, **SMALL, **BN, **HE, **rates(1e-5, 1e-1), "batch_size": 100},
    rows=(Row("3 cycles", {"cycles": 3}),),
    source="assignment",
)

SENSITIVITY = Experiment(
    key="sigma",
    title="One sigma for all layers",
    about="[50, 50], lambda .005, learning rate 1e-5 to 1e-1, 2 cycles: the assignment's test of "
    "how much training depends on initialisation, which the report omits.",
    fields={"penalty": 0.005, **SMALL, **rates(1e-5, 1e-1), **TWO_CYCLES},
    rows=tuple(
        Row(f"sigma {sigma}, {name}", {"initialization": sigma} | norm)
        for sigma in ("1e-1", "1e-3", "1e-4")
        for name, norm in (("BN", BN), ("no BN", NO_BN))
    ),
    source="assignment",
)


def single(**defect: bool) -> Fields:
    """The field for a single defect of the published code."""
    return {"defects": Defects(**defect)}


SWITCHES = Experiment(
    key="switches",
    title="The effect of each defect alone",
    about="The runs of Figures 10 and 13 ([100, 50], He) as specified, and with one defect of the "
    "published code at a time.",
    fields={"penalty": BEST_LAMBDA, **WIDE, **HE, **rates(1e-4, 1e-1), **TWO_CYCLES},
    rows=(
        Row("no BN, as specified", NO_BN, figure="fig10_He_noBN"),
        Row("no BN, W1 unpenalised", NO_BN | single(unpenalised_first_layer=True)),
        Row("no BN, unshuffled", NO_BN | single(unshuffled=True)),
        Row("no BN, every file by itself", NO_BN | single(per_file_standardization=True)),
        Row("no BN, stale eta", NO_BN | single(stale_eta=True)),
        Row("BN, as specified", BN, figure="fig13_He_BN"),
        Row("BN, unshuffled", BN | single(unshuffled=True)),
        Row("BN, every file by itself", BN | single(per_file_standardization=True)),
        Row("BN, stale eta", BN | single(stale_eta=True)),
    ),
    source="ours",
    readings=("specified",),
    both_backends=False,
)

BASELINE_FROM_HE = Experiment(
    key="baseline-from-he",
    title="The 3-layer baseline without batch norm from He",
    about="As published except for the initialisation: a test of whether the published run started "
    "from Xavier.",
    fields=dict(BASELINES.fields),
    rows=(Row("3 layers, no BN, He", SMALL | NO_BN, 53.47, None, "noBN_3layer_50_50"),),
    source="ours",
    readings=("published",),
    both_backends=False,
)

TABLE_1_WIDE = Experiment(
    key="table1-wide",
    title="Table 1 with [100, 50]",
    about="The report does not give the widths of Table 1. These are the other possible widths, "
    "from sigma .01.",
    fields=dict(TABLE_1.fields) | WIDE | SIGMA_01,
    rows=TABLE_1.rows,
    source="ours",
    readings=("published",),
    both_backends=False,
)

FROM_SIGMA_01 = Experiment(
    key="tables-from-01",
    title="Tables 1 and 2 from sigma .01",
    about="Tables 1 and 2 started from the sigma of Tables 3 and 4. We chose .001 because of Table "
    "2's three low ranges, so their agreement there is partly by construction.",
    fields=SMALL | BN | SIGMA_01 | TWO_CYCLES,
    rows=(
        *(replace(row, fields={**row.fields, **rates(1e-5, 1e-1)}) for row in TABLE_1.rows),
        *(replace(row, fields={**row.fields, "penalty": BEST_LAMBDA}) for row in TABLE_2.rows),
    ),
    source="ours",
    readings=("published",),
    both_backends=False,
)

STARTS = Experiment(
    key="starts",
    title="The initialisation of Table 2",
    about="Its three ranges below 1e-2 from five initialisations. At such low rates the "
    "initialisation determines how far a training gets, so the published accuracies show which "
    "one was used.",
    fields=dict(TABLE_2.fields),
    rows=tuple(
        Row(f"{row.label}, {name}", {**row.fields, "initialization": start}, row.test)
        for row in TABLE_2.rows
        if row.fields["eta_max"] < 1e-2
        for name, start in (
            ("He", "he"),
            ("Xavier", "xavier"),
            ("sigma .01", "0.01"),
            ("sigma .001", "0.001"),
            ("sigma .0001", "0.0001"),
        )
    ),
    source="ours",
    readings=("published",),
    seeds=3,
    both_backends=False,
)

MORE_SEEDS = Experiment(
    key="more-seeds",
    title="More seeds for the numbers outside",
    about="A standard deviation from 5 seeds is itself uncertain by a third. These numbers lie "
    "outside the interval from 5 seeds.",
    fields=SMALL | TWO_CYCLES,
    rows=(
        replace(BASELINES.rows[0], fields={**BASELINES.fields, **BASELINES.rows[0].fields}),
        replace(TABLE_2.rows[1], fields={**TABLE_2.fields, **TABLE_2.rows[1].fields}),
    ),
    source="ours",
    readings=("published",),
    seeds=20,
    both_backends=False,
)

HIGH_RATES = Experiment(
    key="high-rates",
    title="Learning rates above the report's",
    about="[100, 50], He, lambda .0051, 2 cycles from 1e-4 up to .3, 1 and 3: the report claims "
    "that batch norm tolerates higher learning rates, but tries none above .1.",
    fields={"penalty": BEST_LAMBDA, "eta_min": 1e-4, **WIDE, **HE, **TWO_CYCLES},
    rows=tuple(
        Row(f"up to {eta_max:g}, {name}", {"eta_max": eta_max} | norm)
        for eta_max in (0.3, 1.0, 3.0)
        for name, norm in (("BN", BN), ("no BN", NO_BN))
    ),
    source="ours",
    readings=("specified",),
    both_backends=False,
)
