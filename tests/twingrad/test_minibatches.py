import numpy as np
import pytest

from twingrad.minibatches import draw_masks, minibatch_order
from twingrad.network import Network


def test_an_epoch_visits_every_sample_once():
    order = minibatch_order(seed=1, epoch=0, samples=60, batch_size=20)
    assert order.shape == (3, 20)
    assert sorted(order.ravel()) == list(range(60))


def test_what_fills_no_minibatch_waits():
    order = minibatch_order(seed=1, epoch=0, samples=65, batch_size=20)
    assert order.shape == (3, 20)
    assert len(set(order.ravel())) == 60


def test_samples_left_out_come_in_later_epochs():
    seen = {i for epoch in range(10) for i in minibatch_order(1, epoch, 65, 20).ravel().tolist()}
    assert seen == set(range(65))


def test_it_is_shuffled():
    order = minibatch_order(seed=1, epoch=0, samples=1000, batch_size=100).ravel()
    # a random permutation of 1000 correlates with its positions by 0.03 at one sigma
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.15


@pytest.mark.parametrize("other", [{"seed": 2}, {"epoch": 1}])
def test_seed_and_epoch_change_the_order(other):
    arguments = {"seed": 1, "epoch": 0, "samples": 60, "batch_size": 20}
    first, second = minibatch_order(**arguments), minibatch_order(**arguments | other)
    assert first.tolist() != second.tolist()


def test_the_same_arguments_give_the_same_order():
    first, again = (minibatch_order(1, 7, 60, 20) for _ in range(2))
    assert first.tolist() == again.tolist()


@pytest.mark.parametrize("epoch", [0, 3])
def test_without_a_seed_the_samples_come_as_they_lie(epoch):
    order = minibatch_order(None, epoch, 65, 20)
    assert order.tolist() == [list(range(start, start + 20)) for start in (0, 20, 40)]


def test_indices_are_int64():
    assert minibatch_order(1, 0, 60, 20).dtype == np.int64


NETWORK = Network(24, (30, 20), 10, dropout=0.3)


def masks(network=NETWORK, seed=0, epoch=0, shape=(20, 50)):
    return draw_masks(network, seed, epoch, shape)


def test_masks_by_name_and_shape():
    assert {name: (mask.shape, str(mask.dtype)) for name, mask in masks().items()} == {
        "mask1": ((20, 50, 30), "bool"),
        "mask2": ((20, 50, 20), "bool"),
    }


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_masks_keep_all_but_the_dropped_share(dropout):
    kept = masks(Network(24, (30,), 10, dropout=dropout))["mask1"].mean()
    # 30,000 coins: five standard errors of a share
    assert abs(kept - (1 - dropout)) < 5 * np.sqrt(dropout * (1 - dropout) / 30_000)


def test_no_masks_without_dropout():
    assert masks(Network(24, (30, 20), 10)) == {}


def test_equal_seeds_draw_equal_masks():
    first, again = masks(seed=4, epoch=2), masks(seed=4, epoch=2)
    assert {name: mask.tobytes() for name, mask in first.items()} == {
        name: mask.tobytes() for name, mask in again.items()
    }


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}])
def test_seed_and_epoch_change_the_masks(other):
    # two independent masks agree in 0.3^2 + 0.7^2 = 0.58 of 30,000 units
    agree = (masks()["mask1"] == masks(**other)["mask1"]).mean()
    assert abs(agree - 0.58) < 0.02


def test_the_masks_of_two_layers_of_equal_width_differ():
    both = masks(Network(24, (30, 30), 10, dropout=0.3))
    assert abs((both["mask1"] == both["mask2"]).mean() - 0.58) < 0.02


@pytest.mark.parametrize(
    "other",
    [
        Network(24, (30, 7, 5), 10, dropout=0.3),
        Network(90, (30,), 3, dropout=0.3, normalization="batch", activation="leaky_relu"),
    ],
)
def test_a_mask_does_not_depend_on_the_other_layers(other):
    assert masks()["mask1"].tobytes() == masks(other)["mask1"].tobytes()
