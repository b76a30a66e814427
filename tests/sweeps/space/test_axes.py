"""What `--over` takes, and what a space draws."""

import numpy as np
import pytest

from sweeps.space.axes import Choices, Range, apply, combinations
from sweeps.space.fields import FIELDS, SEARCHED
from sweeps.space.parsing import parse_axis, parse_space
from sweeps.study.plan import Plan, make_plan, stage_sizes
from twingrad.errors import UserError
from twingrad.recipe import Recipe


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("penalty=log:1e-5:1e-1", Range("penalty", 1e-5, 1e-1, log=True, whole=False)),
        ("alpha=linear:0.8:1", Range("alpha", 0.8, 1.0, log=False, whole=False)),
        ("cycles=int:1:4", Range("cycles", 1, 4, log=False, whole=True)),
        ("batch_size=log:10:1000", Range("batch_size", 10, 1000, log=True, whole=True)),
        ("initialization=log:1e-3:1e-1", Range("initialization", 1e-3, 0.1, log=True, whole=False)),
        ("eta-max=0.1, 0.05", Choices("eta_max", ("0.1", "0.05"))),
        ("hidden=50-50,100-50,none", Choices("hidden", ("50-50", "100-50", "none"))),
        ("seed=0..4", Choices("seed", ("0", "1", "2", "3", "4"))),
        ("initialization=he,xavier,0.01", Choices("initialization", ("he", "xavier", "0.01"))),
        ("normalization=layer,none", Choices("normalization", ("layer", "none"))),
        ("activation=relu,leaky_relu", Choices("activation", ("relu", "leaky_relu"))),
        ("optimizer=sgd,nesterov,adam", Choices("optimizer", ("sgd", "nesterov", "adam"))),
        ("schedule=cosine,step", Choices("schedule", ("cosine", "step"))),
        ("precise_statistics=true,false", Choices("precise_statistics", ("true", "false"))),
        ("dropout=linear:0:0.5", Range("dropout", 0.0, 0.5, log=False, whole=False)),
        ("smoothing=0,0.1", Choices("smoothing", ("0", "0.1"))),
        ("momentum=linear:0.8:0.99", Range("momentum", 0.8, 0.99, log=False, whole=False)),
        ("adam-eps=log:1e-10:1e-6", Range("adam_eps", 1e-10, 1e-6, log=True, whole=False)),
        ("shift=int:0:4", Range("shift", 0, 4, log=False, whole=True)),
        ("flip=true,false", Choices("flip", ("true", "false"))),
        ("order_seed=none,1", Choices("order_seed", ("none", "1"))),
    ],
)
def test_forms(text, axis):
    assert parse_axis(text) == axis
    assert parse_axis(axis.spec) == axis


def test_a_point_becomes_a_recipe():
    texts = ["hidden=50-50,none", "flip=no,yes", "initialization=log:1e-3:1e-1", "seed=7,8"]
    space = parse_space(texts, Recipe())
    point = {"hidden": "none", "flip": "yes", "initialization": 0.02, "seed": "8"}
    recipe = apply(Recipe(), space, point)
    found = recipe.hidden, recipe.flip, recipe.initialization, recipe.seed
    assert found == ((), True, "0.02", 8)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "--over is missing"),
        (["penalty"], "has no values"),
        (["penalty="], "has no values"),
        (["lambda=1,2"], "is no field of a recipe"),
        (["name=a,b"], "is no field of a recipe"),
        (["batches=1,2"], "changes the validation set"),
        (["penalty=log:0:1"], "a log range cannot begin at 0"),
        (["penalty=log:-1:1"], "a log range cannot begin at -1"),
        (["penalty=log:1e-1:1e-5"], "runs from high to low"),
        (["penalty=log:0.1:0.1"], "is empty"),
        (["penalty=linear:0:inf"], "must be finite"),
        (["penalty=log:1"], "expected two numbers, LOW:HIGH"),
        (["penalty=log:a:b"], "expected two numbers, LOW:HIGH"),
        (["cycles=int:1:2.5"], "two whole numbers"),
        (["penalty=uniform:0:1"], "expected log, linear or int"),
        (["penalty=int:0:1"], "give linear"),
        (["hidden=int:1:4"], "give a list"),
        (["seed=4..0"], "runs from high to low"),
        (["seed=0..x"], "expected two whole numbers, FIRST..LAST"),
        (["seed=0..99999"], "more than 10000"),
        (["penalty=0..4"], "is for whole numbers"),
        (["penalty=0.1,"], "expected a number"),
        (["penalty=0.1,0.10"], "has 0.10 twice"),
        (["hidden=50,x"], "widths such as 50-50"),
        (["flip=maybe"], "true or false"),
        (["seed=0,1", "seed=2"], "was given twice"),
        (["penalty=-1,0"], "the value -1"),
        (["hidden=0-5"], "the value 0-5"),
        (["initialization=he,she"], "the value she"),
        (["eta_min=log:0.01:1"], "the value 1"),
        (["batch_norm=true,false"], "give normalization=batch,none"),
        (["normalization=batch,group"], "expected one of: none, batch, batch-after, layer"),
        (["optimizer=log:1:2"], "give a list"),
        (["activation=1..2"], "is for whole numbers"),
        (["dropout=linear:0:1"], "the value 1.0 (--dropout is 1.0, but expected at least 0 and"),
        (["smoothing=0.1,1"], "less than 1"),
        (["optimizer=adam", "beta1=0.9,1"], "the value 1 (--beta1 is 1.0"),
        (["shift=int:-1:3"], "the value -1 (--shift is -1, but expected at least 0)"),
        (["alpha=0.9,1.5"], "at most 1"),
        (["batch_size=1,50"], "batch norm needs at least 2 samples"),
        (["normalization=layer,none", "hidden=50-1,0"], "the value 0"),
        (["momentum=0.8,0.9"], "has no effect with optimizer sgd, only with momentum or nesterov"),
        (["optimizer=sgd,adam", "momentum=0.8,0.9"], "has no effect with optimizer sgd or adam"),
    ],
)
def test_refused_in_one_line(texts, said):
    with pytest.raises(UserError) as refused:
        parse_space(texts, Recipe())
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "texts",
    [
        ["normalization=batch,none", "batch_size=1,50"],
        ["normalization=none,layer", "hidden=50-1,50"],
        ["schedule=range,cosine", "eta_min=0,1e-5"],
        ["schedule=range,cosine", "eta_min=0,1e-5", "eta_max=1e-6,1"],
        ["eta_min=log:1e-3:1", "eta_max=log:1e-2:10"],
        ["optimizer=sgd,adam", "beta2=0.99,0.999"],
        ["hidden=1,50", "normalization=layer,batch", "batch_size=1,2"],
    ],
)
def test_values_that_go_with_some_of_another_field_are_taken(texts):
    assert [axis.spec for axis in parse_space(texts, Recipe())] == [
        axis.spec for axis in map(parse_axis, texts)
    ]


def test_every_field_but_two_can_be_searched():
    assert set(FIELDS) - set(SEARCHED) == {"name", "batches"}
    for field in SEARCHED:
        default = getattr(Recipe(), field)
        label = "50-50" if field == "hidden" else str(default).lower()
        axis = parse_axis(f"{field}={label}")
        assert getattr(apply(Recipe(), (axis,), {field: label}), field) == default, field


def test_draws_are_uniform_on_their_scale():
    rng = np.random.default_rng(0)
    log = Range("penalty", 1e-5, 1e-1, log=True, whole=False)
    exponents = np.log10([log.draw(rng) for _ in range(2000)])
    # a quarter of 2000 in each decade, within four standard deviations of sqrt(2000 * 3/16)
    counts, _ = np.histogram(exponents, bins=[-5, -4, -3, -2, -1])
    assert counts.sum() == 2000
    assert abs(counts - 500).max() < 4 * 19.4
    whole = Range("cycles", 1, 3, log=False, whole=True)
    assert {whole.draw(rng) for _ in range(100)} == {1, 2, 3}


def test_a_grid_leaves_out_what_does_not_go_together():
    space = parse_space(["eta_min=1e-4,1e-2", "eta_max=1e-3,1e-1"], Recipe())
    assert [(p["eta_min"], p["eta_max"]) for p in combinations(space, Recipe(), 5)] == [
        ("1e-4", "1e-3"),
        ("1e-4", "1e-1"),
        ("1e-2", "1e-1"),
    ]
    axis = Range("penalty", 1e-4, 1.0, log=True, whole=False)
    assert axis.grid(5) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert Range("cycles", 1, 3, log=False, whole=True).grid(9) == [1, 2, 3]


def test_a_grid_of_nothing_is_refused():
    space = parse_space(["eta_min=1e-2", "eta_max=1e-3"], Recipe())
    with pytest.raises(UserError, match="no combination"):
        make_plan("grid", space, Recipe())


def test_the_best_narrow_a_range():
    axis = Range("penalty", 1e-5, 1e-1, log=True, whole=False)
    narrow = axis.narrowed([1e-3, 1e-2], spacing=1 / 8)  # half a decade on either side
    assert (narrow.low, narrow.high) == pytest.approx((10**-3.5, 10**-1.5))
    assert axis.narrowed([1e-1], spacing=1 / 8).high == 1e-1
    assert Choices("hidden", ("5", "6", "7")).narrowed(["7", "5"], 0).labels == ("5", "7")


def test_stages():
    assert stage_sizes(40, 3) == (20, 10, 10)
    assert stage_sizes(7, 3) == (4, 2, 1)
    assert stage_sizes(3, 3) == (1, 1, 1)
    assert stage_sizes(5, 1) == (5,)
    plan = Plan("coarse-to-fine", (4, 2, 1))
    assert [plan.stage_of(n) for n in range(7)] == [0, 0, 0, 0, 1, 1, 2]
    assert Plan.from_json(plan.as_json()) == plan


@pytest.mark.parametrize(
    ("sampler", "options", "said"),
    [
        ("bayes", {}, "--sampler is 'bayes'"),
        ("random", {"trials": 0}, "--trials is 0"),
        ("coarse-to-fine", {"trials": 2, "stages": 3}, "--stages is 3"),
        ("grid", {"trials": 3}, "--trials is not for a grid"),
        ("grid", {"points": 0}, "--points is 0"),
        ("random", {"prune": 1}, "--prune is 1"),
        ("random", {"seed": -1}, "--search-seed is -1"),
    ],
)
def test_plans_refused(sampler, options, said):
    space = parse_space(["penalty=0.1,0.01"], Recipe())
    with pytest.raises(UserError, match=said):
        make_plan(sampler, space, Recipe(), **options)
