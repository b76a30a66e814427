import pytest

from twingrad.errors import UserError
from twingrad.network import Layer, Network


def test_layers_with_batch_norm():
    network = Network(7, (5, 4), 3, batch_norm=True)
    kinds = [(layer.kind, layer.number) for layer in network.layers]
    hidden = [(kind, l) for l in (1, 2) for kind in ("affine", "batch_norm", "relu")]
    assert kinds == [*hidden, ("affine", 3)]


def test_layers_without_batch_norm():
    assert Network(7, (5,), 3).layers == (Layer("affine", 1), Layer("relu", 1), Layer("affine", 2))


def test_parameters_in_order_with_their_shapes():
    assert list(Network(7, (5,), 3, batch_norm=True).parameter_shapes.items()) == [
        ("W1", (5, 7)),
        ("b1", (5,)),
        ("gamma1", (5,)),
        ("beta1", (5,)),
        ("W2", (3, 5)),
        ("b2", (3,)),
    ]


def test_statistics_of_the_hidden_layers_alone():
    network = Network(7, (5, 4), 3, batch_norm=True)
    assert network.statistic_shapes == {"mu1": (5,), "v1": (5,), "mu2": (4,), "v2": (4,)}


def test_no_statistics_without_batch_norm():
    assert Network(7, (5, 4), 3).statistic_shapes == {}


def test_depth_counts_the_affine_layers():
    assert (Network(7, ()).depth, Network(7, (5, 4)).depth) == (1, 3)


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
