import pytest

from twingrad.errors import UserError
from twingrad.layers import ACTIVATIONS, KINDS, NORMALIZATIONS, Layer
from twingrad.network import Network


def names(**options):
    """What a forward pass through one hidden layer computes, in order."""
    layers = Network(7, (5,), 3, **options).layers
    return " ".join(name for layer in layers for name in layer.intermediates)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "s1 x1 s2"),
        ({"activation": "leaky_relu"}, "s1 x1 s2"),
        ({"normalization": "batch"}, "s1 mu1 v1 s_hat1 s_tilde1 x1 s2"),
        ({"normalization": "layer"}, "s1 mu1 v1 s_hat1 s_tilde1 x1 s2"),
        ({"normalization": "batch-after"}, "s1 x1 mu1 v1 x_hat1 x_tilde1 s2"),
        ({"dropout": 0.5}, "s1 x1 x_drop1 s2"),
        (
            {"dropout": 0.5, "normalization": "batch-after"},
            "s1 x1 mu1 v1 x_hat1 x_tilde1 x_drop1 s2",
        ),
    ],
)
def test_intermediates_in_order(options, expected):
    assert names(**options) == expected


def test_layers_with_batch_norm():
    network = Network(7, (5, 4), 3, normalization="batch")
    kinds = [(layer.kind, layer.number) for layer in network.layers]
    hidden = [(kind, l) for l in (1, 2) for kind in ("affine", "batch_norm", "relu")]
    assert kinds == [*hidden, ("affine", 3)]


def test_every_layer_takes_the_output_of_the_one_before():
    assert Network(7, (5,), 3, dropout=0.1).layers == (
        Layer("affine", 1, "X", 7, 5),
        Layer("relu", 1, "s1", 5, 5),
        Layer("dropout", 1, "x1", 5, 5),
        Layer("affine", 2, "x_drop1", 5, 3),
    )


def test_parameters_in_order_with_their_shapes():
    assert list(Network(7, (5,), 3, normalization="batch").parameter_shapes.items()) == [
        ("W1", (5, 7)),
        ("b1", (5,)),
        ("gamma1", (5,)),
        ("beta1", (5,)),
        ("W2", (3, 5)),
        ("b2", (3,)),
    ]


@pytest.mark.parametrize("normalization", ["batch", "batch-after"])
def test_statistics_of_the_hidden_layers_alone(normalization):
    network = Network(7, (5, 4), 3, normalization=normalization)
    assert network.statistic_shapes == {"mu1": (5,), "v1": (5,), "mu2": (4,), "v2": (4,)}
    assert network.batch_norm


@pytest.mark.parametrize("normalization", ["none", "layer"])
def test_no_statistics_without_batch_norm(normalization):
    network = Network(7, (5, 4), 3, normalization=normalization)
    assert network.statistic_shapes == {}
    assert not network.batch_norm


def test_masks_of_the_hidden_layers_alone():
    assert Network(7, (5, 4), 3, dropout=0.2).mask_shapes == {"mask1": (5,), "mask2": (4,)}
    assert Network(7, (5, 4), 3).mask_shapes == {}


def test_depth_counts_the_affine_layers():
    assert (Network(7, ()).depth, Network(7, (5, 4)).depth) == (1, 3)


def test_the_penalty_is_of_every_weight():
    assert Network(7, (5, 4), 3).weights == ("W1", "W2", "W3")


def test_what_can_be_chosen_exists():
    assert {kind for kind, _ in NORMALIZATIONS.values() if kind} <= KINDS.keys()
    assert set(ACTIVATIONS) <= KINDS.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, (5,)), "inputs is 0"),
        ((7, (5, 0)), "hidden size is 0"),
        ((7, (-3,)), "hidden size is -3"),
        ((7, (5,), 1), "classes is 1"),
    ],
)
def test_impossible_widths_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Network(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization": "group"}, "normalization is 'group', but expected one of: none, batch"),
        ({"activation": "dropout"}, "activation is 'dropout', but expected one of: relu"),
        ({"normalization": "layer", "hidden": (5, 1)}, "layer norm needs at least 2 units"),
        ({"dropout": 1.0}, "dropout is 1.0, but expected a number from 0 to below 1"),
        ({"dropout": -0.1}, r"dropout is -0\.1"),
        ({"smoothing": 1.0}, r"smoothing is 1\.0"),
        ({"eps": -1e-5}, "eps is -1e-05"),
        ({"eps": float("nan")}, "eps is nan"),
        ({"slope": float("inf")}, r"slope is inf, but expected a number from -1e\+30 to 1e\+30"),
    ],
)
def test_options_out_of_their_range_are_named(options, message):
    with pytest.raises(UserError, match=message):
        Network(**{"inputs": 7, "hidden": (5,), **options})


@pytest.mark.parametrize("width", [2**63, 10**30, 50_000_000])
def test_a_network_that_no_memory_holds_is_refused(width):
    with pytest.raises(UserError, match="weights, but at most 1e\\+08 were expected"):
        Network(10, (width,), 10)
