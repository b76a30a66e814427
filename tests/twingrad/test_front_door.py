"""`import twingrad` and `python -m twingrad`."""

import subprocess
import sys

import numpy as np
import pytest

import manual_impl
import torch_impl
import twingrad
from tests.support import ROOT, bits, random_parameters, random_samples, small_dataset, small_recipe
from twingrad.errors import UserError


@pytest.mark.parametrize("name", twingrad.__all__)
def test_every_public_name_is_there_and_described(name):
    assert getattr(twingrad, name).__doc__
    assert name in dir(twingrad)
    assert name in twingrad.__doc__


def test_names_are_those_of_their_homes():
    assert twingrad.gradients is manual_impl.gradients
    assert twingrad.TorchNetwork is torch_impl.TorchNetwork
    assert twingrad.UserError is UserError


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="module 'twingrad' has no attribute 'tran'"):
        twingrad.tran  # noqa: B018


def test_gradients_are_at_hand_without_torch():
    code = (
        "import sys, twingrad, numpy as np\n"
        "net = twingrad.Network(4, (), 3)\n"
        "W, X = np.ones((3, 4)), np.eye(4)\n"
        "parameters = {'W1': W, 'b1': np.zeros(3)}\n"
        "print(twingrad.gradients(net, parameters, X, np.zeros(4, int), penalty=0)['b1'])\n"
        "print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    # p = 1/3 everywhere and class 0 throughout: p - y, averaged
    assert result.stdout == "[-0.66666667  0.33333333  0.33333333]\nFalse\n"


@pytest.mark.parametrize(("backend", "module"), [("manual", manual_impl), ("torch", torch_impl)])
def test_train_with_either_backend(backend, module):
    assert twingrad.load_backend(backend) is module
    recipe, dataset = small_recipe(epochs=1), small_dataset()
    run, alone = twingrad.train(recipe, dataset, backend=backend), module.train(recipe, dataset)
    assert bits(run.parameters) == bits(alone.parameters)


def test_train_is_by_hand_unless_asked():
    recipe, dataset = small_recipe(epochs=1), small_dataset()
    by_hand = manual_impl.train(recipe, dataset)
    assert bits(twingrad.train(recipe, dataset).parameters) == bits(by_hand.parameters)


def test_train_stacked_trains_each():
    recipes = [small_recipe(epochs=1, penalty=penalty) for penalty in (0.0, 0.1)]
    runs = twingrad.train_stacked(recipes, small_dataset())
    assert [run.recipe for run in runs] == recipes


@pytest.mark.parametrize("train", [twingrad.train, twingrad.train_stacked])
def test_another_backend_is_refused(train):
    with pytest.raises(UserError, match="'jax', but expected manual or torch"):
        train(small_recipe(), small_dataset(), backend="jax")


def test_forward_is_by_hand():
    network = twingrad.Network(6, (4,), 3, normalization="batch")
    X, y = random_samples(network, 5, seed=0)
    trace = twingrad.forward(network, random_parameters(network, 0), X, y, penalty=0.1)
    np.testing.assert_allclose(trace["s_hat1"].mean(axis=0), 0, atol=1e-12)  # rounding


def program(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "twingrad", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_python_m_twingrad_is_the_program():
    helped = program("train", "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "python -m twingrad train" in helped.stdout


def test_python_m_twingrad_ends_as_the_program_does():
    refused = program("train", "--optimizer", "lion")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "twingrad: --optimizer is 'lion', but expected one of: sgd, momentum, nesterov, adam\n"
    )
