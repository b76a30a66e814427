"""The whole network by hand: every combination of kinds against loops and complex steps."""

from itertools import product

import numpy as np
import pytest

import manual_impl
from tests.manual_impl import loops
from tests.manual_impl.networks import DEEPEST, EXAMPLES, PENALTY
from tests.support import random_masks, random_parameters, random_samples, vanishing
from twingrad.layers import ACTIVATIONS, LOSSES, NORMALIZATIONS
from twingrad.network import Network

WITHIN = 1e-11
"""Limit relative to a tensor's size: rounding in four layers, with variances of at least 0.01."""

every_kind = pytest.mark.parametrize("one", EXAMPLES, ids=str)
every_combination = pytest.mark.parametrize("one", DEEPEST, ids=str)


def forward(one, **changes):
    return manual_impl.forward(*one.arguments, **{"penalty": PENALTY, "masks": one.masks} | changes)


def gradients(one, **changes):
    arguments = {"penalty": PENALTY, "masks": one.masks} | changes
    return manual_impl.gradients(*one.arguments, **arguments)


def assert_gradient(one, name, found, expected):
    """Within rounding of its size, or of 1 where theory says that it is 0."""
    size = np.abs(expected).max()
    if name in vanishing(one.network, len(one.y)):
        size = max(1.0, size)
    # a few gradients are small because their terms, which are near 1, nearly cancel
    atol = WITHIN * size + 1e-14
    np.testing.assert_allclose(found, expected, atol=atol, rtol=0, err_msg=name)


def test_the_examples_are_of_every_combination():
    kinds = {
        (
            one.network.normalization,
            one.network.activation,
            bool(one.masks),
            bool(one.network.smoothing),
        )
        for one in DEEPEST
    }
    assert len(kinds) == len(DEEPEST) == len(NORMALIZATIONS) * len(ACTIVATIONS) * 2 * 2
    assert {one.network.depth for one in EXAMPLES} == {1, 2, 3, 4}
    assert {one.network.loss for one in EXAMPLES} == set(LOSSES)
    assert {len(one.y) for one in EXAMPLES} == {2, 3, 4, 5, 6, 7}


@every_kind
def test_every_intermediate_equals_the_loops(one):
    trace = forward(one)
    expected = loops.forward(*one.arguments, penalty=PENALTY, masks=one.masks)
    assert list(trace) == list(expected)
    for name, value in expected.items():
        # sums of at most 7 terms, normalised by roots of variances above 0.01, four times
        np.testing.assert_allclose(trace[name], value, atol=1e-12, rtol=1e-12, err_msg=name)


@every_kind
def test_every_gradient_equals_the_complex_step_of_the_loops(one):
    found, trace = gradients(one), forward(one)
    names = [*one.parameters, *(name for name in trace if name not in ("p", "loss", "cost"))]
    assert sorted(found) == sorted(names)
    for name in names:
        moved = loops.forward(*one.arguments, penalty=PENALTY, masks=one.masks, moved=name)
        assert_gradient(one, name, found[name], loops.derivative(moved["cost"], found[name].shape))


@every_combination
def test_gradients_equal_the_complex_step_of_the_forward_pass(one):
    found = gradients(one)
    values = {name: value.astype(np.complex128) for name, value in one.parameters.items()}
    for name, value in one.parameters.items():
        expected = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            values[name][index] += 1j * loops.STEP
            cost = manual_impl.forward(
                one.network, values, one.X, one.y, penalty=PENALTY, masks=one.masks
            )["cost"]
            expected[index] = cost.imag / loops.STEP
            values[name][index] = value[index]
        assert_gradient(one, name, found[name], expected)


@every_combination
def test_a_layer_given_another_gradient_answers_for_itself_alone(one):
    trace, outputs = forward(one), [place.output for place in one.network.layers]
    rng = np.random.default_rng(0)
    upstream = {name: rng.standard_normal(trace[name].shape) for name in outputs}
    found = gradients(one, upstream=upstream)
    for place, above in zip(one.network.layers, [*one.network.layers[1:], None], strict=True):
        for name in (*place.parameters, *place.intermediates):
            judged_by = above.output if name == place.output and above else place.output
            moved = loops.forward(*one.arguments, penalty=PENALTY, masks=one.masks, moved=name)
            # what a gradient of the next output says of it, and the penalty
            along = moved["cost"] - moved["loss"]
            if name == outputs[-1]:
                along = moved["loss"]
            else:
                R = upstream[judged_by]
                for i, j in np.ndindex(R.shape):
                    along = along + R[i, j] * moved[judged_by][i][j]
            assert_gradient(one, name, found[name], loops.derivative(along, found[name].shape))


@every_combination
def test_without_masks_nothing_is_dropped(one):
    trace = forward(one, masks=None)
    for l in range(1, 4):
        if one.masks:
            above = "x_tilde" if one.network.normalization == "batch-after" else "x"
            assert (trace[f"x_drop{l}"] == trace[f"{above}{l}"]).all()
    found = gradients(one, masks=None)
    for name in ("W1", "b3"):
        moved = loops.forward(*one.arguments, penalty=PENALTY, moved=name)
        assert_gradient(one, name, found[name], loops.derivative(moved["cost"], found[name].shape))


def three(network, *, shared, n=5):
    """Parameters of three networks, X, y and masks (shared or of each), penalties."""
    each = [random_parameters(network, seed) for seed in range(3)]
    stacked = {name: np.stack([one[name] for one in each]) for name in each[0]}
    samples = [random_samples(network, n, 0 if shared else seed) for seed in range(3)]
    masks = [random_masks(network, n, 0 if shared else seed) for seed in range(3)]
    X, y = samples[0] if shared else map(np.stack, zip(*samples, strict=True))
    together = masks[0]
    if masks[0] and not shared:
        together = {name: np.stack([one[name] for one in masks]) for name in masks[0]}
    return each, samples, masks, (network, stacked, X, y), together


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "own"])
@every_combination
def test_networks_along_a_leading_axis_do_what_each_does(one, shared):
    each, samples, masks, arguments, together = three(one.network, shared=shared)
    penalty = np.array([0.0, 0.1, 0.5])
    trace = manual_impl.forward(*arguments, penalty=penalty, masks=together)
    found = manual_impl.gradients(*arguments, penalty=penalty, masks=together)
    for i in range(3):
        own = (one.network, each[i], *samples[i])
        kwargs = {"penalty": float(penalty[i]), "masks": masks[i]}
        for values, expected in [
            (trace, manual_impl.forward(*own, **kwargs)),
            (found, manual_impl.gradients(*own, **kwargs)),
        ]:
            assert values.keys() == expected.keys()
            for name, value in expected.items():
                size = max(1.0, np.abs(value).max())
                # products of other shapes may sum in another order
                np.testing.assert_allclose(
                    values[name][i], value, atol=1e-11 * size, rtol=0, err_msg=name
                )


@pytest.mark.parametrize("normalization", ["batch", "batch-after"])
def test_evaluation_along_a_leading_axis(normalization):
    network = Network(3, (4, 2), 3, normalization=normalization, dropout=0.4)
    each, samples, _, arguments, _ = three(network, shared=True)
    rng = np.random.default_rng(0)
    statistics = {
        name: rng.uniform(0.5, 2, (3, *shape)) for name, shape in network.statistic_shapes.items()
    }
    trace = manual_impl.forward(*arguments, penalty=0.1, statistics=statistics)
    for i in range(3):
        own = {name: value[i] for name, value in statistics.items()}
        expected = manual_impl.forward(network, each[i], *samples[i], penalty=0.1, statistics=own)
        for name, value in expected.items():
            np.testing.assert_allclose(trace[name][i], value, atol=1e-13, err_msg=name)


@every_combination
def test_float16_stays_float16_near_float64(one):
    values = {name: value.astype(np.float16) for name, value in one.parameters.items()}
    narrow = manual_impl.forward(
        one.network, values, one.X.astype(np.float16), one.y, penalty=PENALTY, masks=one.masks
    )
    G = manual_impl.backward(
        one.network,
        values,
        one.X.astype(np.float16),
        one.y,
        narrow,
        penalty=PENALTY,
        masks=one.masks,
    )
    assert {value.dtype for value in (*narrow.values(), *G.values())} == {np.dtype(np.float16)}
    # 1e-3 is one rounding; each of three normalisations may amplify it
    assert float(narrow["loss"]) == pytest.approx(float(forward(one)["loss"]), rel=0.05)


@every_combination
def test_complex_numbers_without_an_imaginary_part_are_real_ones(one):
    values = {name: value.astype(np.complex128) for name, value in one.parameters.items()}
    found = manual_impl.forward(
        one.network, values, one.X.astype(np.complex128), one.y, penalty=PENALTY, masks=one.masks
    )
    for name, value in forward(one).items():
        assert name[:2] in ("mu",) or found[name].dtype == np.complex128
        # complex products and roots round otherwise than real ones
        np.testing.assert_allclose(found[name], value, atol=1e-12, rtol=1e-12, err_msg=name)


def test_complex_evaluation_with_running_statistics():
    network = Network(5, (4,), normalization="batch")
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 6, 1)
    statistics = {"mu1": np.full(4, 0.1), "v1": np.full(4, 2.0)}
    values = {key: value.astype(np.complex128) for key, value in parameters.items()}
    real, complex_ = (
        manual_impl.forward(network, which, X, y, penalty=0.1, statistics=statistics)["cost"]
        for which in (parameters, values)
    )
    assert complex_.real == pytest.approx(real, rel=1e-14)  # as above


@every_combination
def test_what_is_not_finite_reaches_the_cost(one):
    for dtype, value in product((np.float64, np.complex128), (np.nan, np.inf, -np.inf)):
        X = one.X.astype(dtype)
        X[0] = value  # every unit of the sample: none can be dropped or be negative everywhere
        values = {name: each.astype(dtype) for name, each in one.parameters.items()}
        with np.errstate(all="ignore"):
            trace = manual_impl.forward(
                one.network, values, X, one.y, penalty=PENALTY, masks=one.masks
            )
        assert not np.isfinite(trace["cost"]), (dtype, value)


@every_combination
def test_a_parameter_that_is_nan_reaches_the_cost(one):
    for name, value in one.parameters.items():
        values = one.parameters | {name: np.full_like(value, np.nan)}
        cost = manual_impl.forward(one.network, values, one.X, one.y, penalty=0.0, masks=one.masks)[
            "cost"
        ]
        assert np.isnan(cost), name


@every_combination
def test_backward_leaves_what_it_is_given_alone(one):
    trace = forward(one)
    given = {**trace, **one.parameters, "X": one.X, "y": one.y, **(one.masks or {})}
    before = {name: value.tobytes() for name, value in given.items()}
    manual_impl.backward(*one.arguments, trace, penalty=PENALTY, masks=one.masks)
    assert {name: value.tobytes() for name, value in given.items()} == before


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_one_sample_counts_the_same_alone_and_repeated(normalization):
    network = Network(3, (4, 2), 3, normalization=normalization, smoothing=0.2)
    parameters, (X, y) = random_parameters(network, 1), random_samples(network, 3, 1)
    once = manual_impl.gradients(network, parameters, X, y, penalty=0.1)
    twice = manual_impl.gradients(
        network, parameters, np.tile(X, (2, 1)), np.tile(y, 2), penalty=0.1
    )
    for name in parameters:
        # the cost is a mean: the same samples twice have the same one
        np.testing.assert_allclose(twice[name], once[name], atol=1e-11, rtol=1e-11, err_msg=name)
