"""The two implementations against each other, on architectures that nobody chose."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import manual_impl
import torch_impl
from tests.support import (
    arrays,
    bits,
    learner,
    random_parameters,
    random_samples,
    small_dataset,
    small_recipe,
)
from twingrad.network import Network

AGREEMENT = 1e-11
"""Of a tensor's largest magnitude: what float64 keeps through 10 layers, with two digits spare."""

JITTERS = 1000
"""Two orders of summation differ like many roundings of the input; 1000 of them were enough for
6000 random architectures, 100 for all but the deepest nets on three samples."""


@st.composite
def architectures(draw):
    """A network, its parameters and a minibatch."""
    hidden = draw(st.lists(st.integers(1, 40), min_size=1, max_size=9))
    inputs = draw(st.one_of(st.integers(1, 60), st.integers(1, 60), st.integers(1, 3072)))
    network = Network(inputs, tuple(hidden), 10, batch_norm=draw(st.booleans()))
    seed = draw(st.integers(0, 2**20))
    X, y = random_samples(network, draw(st.integers(2, 100)), seed)
    return network, random_parameters(network, seed), X, y


examples = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def by_hand(network, parameters, X, y):
    trace = manual_impl.forward(network, parameters, X, y, penalty=0.01)
    return trace, manual_impl.backward(network, parameters, X, y, trace, penalty=0.01)


def rounding_noise(network, parameters, X, y):
    """How far each tensor moves when every input moves by one rounding, 2^-52 of itself.

    Three samples through nine batch norms can amplify a rounding 1e5 times; a sum whose terms
    cancel is nothing but rounding. Either shows here, and in well-conditioned nets the noise
    is of the order of 1e-15, so that it loosens nothing.
    """
    here = by_hand(network, parameters, X, y)
    noise = (defaultdict(float), defaultdict(float))
    for repeat in range(2):
        rng = np.random.default_rng(repeat)

        def moved(value, rng=rng):
            return value * (1 + 2.0**-52 * rng.choice([-1, 1], value.shape))

        there = by_hand(network, {k: moved(v) for k, v in parameters.items()}, moved(X), y)
        for size, old, new in zip(noise, here, there, strict=True):
            for name in old:
                size[name] = max(size[name], float(np.abs(new[name] - old[name]).max()))
    return noise


def unit(name, trace):
    """Size of the terms that a gradient is the sum of: 1, but 1/sqrt(v) or 1/v below batch norm."""
    kind = name.rstrip("0123456789")
    v = trace.get("v" + name[len(kind) :])
    power = {"W": 0.5, "b": 0.5, "s": 0.5, "mu": 0.5, "v": 1.0}.get(kind)
    return 1.0 if v is None or power is None else max(1.0, float((v.min() + 2.2e-16) ** -power))


def vanishing(network, samples):
    """Names whose gradient, but for the penalty, is 0 in theory."""
    names = set()
    if network.batch_norm:
        last = len(network.hidden)
        names |= {f"b{l}" for l in range(1, last + 1)}
        if samples == 2:  # normalised to +1 and -1, whatever they are
            names |= {f"W{last}", f"s{last}"}
            kinds = ("W", "s", "mu", "v", "s_hat", "gamma", "beta", "s_tilde", "x")
            names |= {f"{kind}{l}" for l in range(1, last) for kind in kinds}
    return names


@examples
@given(architectures())
def test_every_intermediate_of_the_forward_pass_agrees(architecture):
    network, parameters, X, y = architecture
    manual, _ = by_hand(*architecture)
    witness = arrays(torch_impl.forward(network, parameters, X, y, penalty=0.01))
    noise, _ = rounding_noise(*architecture)
    assert list(manual) == list(witness)
    for name, value in witness.items():
        allowed = AGREEMENT * np.abs(value).max() + JITTERS * noise[name]
        assert np.abs(manual[name] - value).max() <= allowed, name


@examples
@given(architectures())
def test_every_gradient_agrees(architecture):
    network, parameters, X, y = architecture
    trace, manual = by_hand(*architecture)
    witness = arrays(torch_impl.gradients(network, parameters, X, y, penalty=0.01))
    _, noise = rounding_noise(*architecture)
    zeros = vanishing(network, len(y))
    assert manual.keys() == witness.keys()
    for name, value in witness.items():
        size = 1.0 if name in zeros else np.abs(value).max()
        terms = 1e-13 * unit(name, trace)  # 500 roundings of the terms, where these cancel
        allowed = AGREEMENT * size + terms + JITTERS * noise[name]
        assert np.abs(manual[name] - value).max() <= allowed, name


@examples
@given(architectures())
def test_no_gradient_reaches_b_below_a_batch_norm(architecture):
    network, parameters, X, y = architecture
    trace, manual = by_hand(*architecture)
    witness = arrays(torch_impl.gradients(network, parameters, X, y, penalty=0.01))
    for l in range(1, len(network.hidden) + 1 if network.batch_norm else 1):
        size = max(np.abs(manual[f"b{l}"]).max(), np.abs(witness[f"b{l}"]).max())
        assert size <= AGREEMENT * unit(f"b{l}", trace), l


@pytest.mark.parametrize(("hidden", "seed"), [((20,), 3), ((20, 10), 45), ((12, 8, 16), 113)])
def test_two_samples_send_no_gradient_below_the_last_batch_norm(implementation, hidden, seed):
    network = Network(30, hidden, 10, batch_norm=True)
    parameters, (X, y) = random_parameters(network, seed), random_samples(network, 2, seed)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.01))
    # eps / v^1.5 of the gradient gets through, 2e-13 at v = 0.01: the seeds give no smaller v
    assert min(trace[f"v{l}"].min() for l in range(1, len(hidden) + 1)) > 1e-2
    found = arrays(implementation.gradients(network, parameters, X, y, penalty=0.01))
    for name in vanishing(network, 2):
        rest = found[name] - (0.02 * parameters[name] if name.startswith("W") else 0)
        assert np.abs(rest).max() <= AGREEMENT, name


def recorded(monkeypatch, implementation, recipe, dataset):
    """A short training: the state and the order that its learner was given first."""
    kind = type(
        learner(implementation, recipe, dataset, random_parameters(Network(24, (12, 9)), 1))
    )
    started, orders, original = [], [], kind.run_epoch

    def run_epoch(self, order, rates):
        started.append(self.state())
        orders.append(order.copy())
        return original(self, order, rates)

    monkeypatch.setattr(kind, "run_epoch", run_epoch)
    implementation.train(recipe, dataset)
    return started[0], orders


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_start_from_the_same_parameters(monkeypatch, dtype):
    recipe, dataset = small_recipe(dtype=dtype, batch_norm=False, epochs=1), small_dataset(dtype)
    manual, _ = recorded(monkeypatch, manual_impl, recipe, dataset)
    witness, _ = recorded(monkeypatch, torch_impl, recipe, dataset)
    assert bits(manual) == bits(witness)


def test_both_see_the_same_minibatches(monkeypatch):
    recipe, dataset = small_recipe(batch_norm=False), small_dataset()
    _, manual = recorded(monkeypatch, manual_impl, recipe, dataset)
    _, witness = recorded(monkeypatch, torch_impl, recipe, dataset)
    assert [order.tolist() for order in manual] == [order.tolist() for order in witness]


@pytest.mark.parametrize("batch_norm", [True, False])
def test_both_train_alike_in_float64(batch_norm):
    recipe = small_recipe(dtype="float64", batch_norm=batch_norm)
    dataset = small_dataset("float64")
    manual, witness = (side.train(recipe, dataset) for side in (manual_impl, torch_impl))
    for name, value in (witness.parameters | witness.statistics).items():
        found = (manual.parameters | manual.statistics)[name]
        # 40 updates, where the issue asks for 1e-9 after 200; b below batch norm stays near 0
        atol = 1e-10 * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found, value, atol=atol, rtol=0, err_msg=name)
