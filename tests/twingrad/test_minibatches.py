import numpy as np
import pytest

from twingrad.minibatches import minibatch_order


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
