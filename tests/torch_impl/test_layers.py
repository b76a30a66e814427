"""Every kind of layer against the one by hand, one network and many."""

import itertools

import numpy as np
import pytest
import torch

import manual_impl
import torch_impl
from tests.support import arrays, random_parameters, random_samples
from twingrad.minibatches import draw_masks
from twingrad.network import Network

KINDS = [
    {"normalization": normalization, "activation": activation, **more}
    for (normalization, activation), more in zip(
        itertools.product(("none", "batch", "batch-after", "layer"), ("relu", "leaky_relu")),
        itertools.cycle([{}, {"dropout": 0.4, "smoothing": 0.1, "slope": 0.2}]),
        strict=False,
    )
] + [
    {"normalization": "batch", "dropout": 0.3},
    {"normalization": "layer", "smoothing": 0.2},
    {"normalization": "batch", "loss": "binary_cross_entropy"},
    {"activation": "sigmoid", "loss": "squared_error"},
]


def case(kinds, networks=(), own=False):
    """Network, parameters, X, y, penalties and masks; networks in front where there are any."""
    network, n = Network(7, (6, 5), 4, **kinds), 11
    each = [random_parameters(network, seed) for seed in range(max(1, *networks, 1))]
    samples = [random_samples(network, n, seed) for seed in range(len(each))]
    masks = draw_masks(network, 3, 0, (*networks, n) if own else (n,)) or None
    if not networks:
        return network, each[0], *samples[0], 0.03, masks
    parameters = {name: np.stack([one[name] for one in each]) for name in each[0]}
    X, y = map(np.stack, zip(*samples, strict=True)) if own else samples[0]
    return network, parameters, X, y, np.linspace(0, 0.1, *networks), masks


SHAPES = pytest.mark.parametrize(
    ("networks", "own"), [((), False), ((3,), False), ((3,), True)], ids=["one", "shared", "own"]
)


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # float64 through a few layers; b below a batch norm has no gradient but rounding
        allowed = 1e-11 * max(1.0, np.abs(value).max())
        assert found[name].shape == value.shape, name
        np.testing.assert_allclose(found[name], value, atol=allowed, rtol=0, err_msg=name)


@SHAPES
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_forward_equals_the_one_by_hand(kinds, networks, own):
    network, *data, penalty, masks = case(kinds, networks, own)
    expected = manual_impl.forward(network, *data, penalty=penalty, masks=masks)
    found = arrays(torch_impl.forward(network, *data, penalty=penalty, masks=masks))
    assert list(found) == list(expected)
    assert_close(found, arrays(expected))


@SHAPES
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_gradients_equal_those_by_hand(kinds, networks, own):
    network, *data, penalty, masks = case(kinds, networks, own)
    expected = manual_impl.gradients(network, *data, penalty=penalty, masks=masks)
    found = torch_impl.gradients(network, *data, penalty=penalty, masks=masks)
    assert_close(arrays(found), arrays(expected))


@SHAPES
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_every_layer_alone_equals_the_one_by_hand(kinds, networks, own):
    network, *data, penalty, masks = case(kinds, networks, own)
    trace = manual_impl.forward(network, *data, penalty=penalty, masks=masks)
    rng = np.random.default_rng(5)
    outputs = [layer.output for layer in network.layers]
    upstream = {name: rng.standard_normal(trace[name].shape) for name in outputs}
    options = {"penalty": penalty, "masks": masks, "upstream": upstream}
    expected = manual_impl.gradients(network, *data, **options)
    assert_close(arrays(torch_impl.gradients(network, *data, **options)), arrays(expected))


@pytest.mark.parametrize("normalization", ["batch", "batch-after"])
def test_running_statistics_take_the_place_of_the_minibatch_s(normalization):
    network, *data, penalty, _ = case({"normalization": normalization}, (3,))
    rng = np.random.default_rng(2)
    statistics = {
        name: rng.uniform(0.5, 2, (3, *shape)) for name, shape in network.statistic_shapes.items()
    }
    options = {"penalty": penalty, "statistics": statistics}
    expected = manual_impl.forward(network, *data, **options)
    assert_close(arrays(torch_impl.forward(network, *data, **options)), arrays(expected))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_everything_is_computed_in_the_parameters_dtype(kinds, dtype):
    network, parameters, X, y, penalty, masks = case(kinds)
    parameters = {name: torch.tensor(value, dtype=dtype) for name, value in parameters.items()}
    X = torch.tensor(X, dtype=dtype)
    options = {"penalty": penalty, "masks": masks and dict(masks)}
    trace = torch_impl.forward(network, parameters, X, y, **options)
    gradients = torch_impl.gradients(network, parameters, X, y, **options)
    assert {value.dtype for value in (trace | gradients).values()} == {dtype}


def test_a_variance_of_zero_is_zero():
    network, parameters, X, y, penalty, _ = case({"normalization": "batch"})
    parameters["W1"][0] = parameters["b1"][0] = 0  # s is 0 for every sample
    trace = torch_impl.forward(network, parameters, X, y, penalty=penalty)
    assert trace["v1"][0] == 0
    assert trace["v1"][1:].min() > 0
