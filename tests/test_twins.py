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
    random_masks,
    random_parameters,
    random_samples,
    small_dataset,
    small_recipe,
    vanishing,
)
from twingrad.layers import ACTIVATIONS, NORMALIZATIONS
from twingrad.network import Network
from twingrad.recipe import OPTIMIZERS

AGREEMENT = 1e-11
"""Limit relative to a tensor's largest entry: float64 through 10 layers, with two digits spare."""

JITTERS = 1000
"""Two orders of summation differ like many roundings of the input; 1000 of them were enough for
6000 random architectures, 100 for all but the deepest nets on three samples."""


@st.composite
def architectures(draw):
    """A network of any kinds, its parameters, a minibatch and masks."""
    normalization = draw(st.sampled_from(list(NORMALIZATIONS)))
    narrowest = 2 if normalization == "layer" else 1
    hidden = draw(st.lists(st.integers(narrowest, 40), min_size=1, max_size=9))
    inputs = draw(st.one_of(st.integers(1, 60), st.integers(1, 60), st.integers(1, 3072)))
    network = Network(
        inputs,
        tuple(hidden),
        10,
        normalization,
        draw(st.sampled_from(ACTIVATIONS)),
        draw(st.sampled_from([0.01, 0.2])),
        draw(st.sampled_from([0.0, 0.3])),
        draw(st.sampled_from([0.0, 0.1])),
    )
    seed = draw(st.integers(0, 2**20))
    X, y = random_samples(network, draw(st.integers(2, 100)), seed)
    return network, random_parameters(network, seed), X, y, random_masks(network, len(y), seed)


examples = settings(max_examples=100, derandomize=True, deadline=None, database=None)


def by_hand(network, parameters, X, y, masks):
    trace = manual_impl.forward(network, parameters, X, y, penalty=0.01, masks=masks)
    found = manual_impl.backward(network, parameters, X, y, trace, penalty=0.01, masks=masks)
    return trace, found


def rounding_noise(network, parameters, X, y, masks):
    """How far each tensor moves when every input moves by one rounding, 2^-52 of itself.

    Three samples through nine batch norms can amplify a rounding 1e5 times; a sum whose terms
    cancel is nothing but rounding. Either shows here, and in well-conditioned nets the noise
    is of the order of 1e-15, so that it loosens nothing.
    """
    here = by_hand(network, parameters, X, y, masks)
    noise = (defaultdict(float), defaultdict(float))
    for repeat in range(2):
        rng = np.random.default_rng(repeat)

        def moved(value, rng=rng):
            return value * (1 + 2.0**-52 * rng.choice([-1, 1], value.shape))

        there = by_hand(network, {k: moved(v) for k, v in parameters.items()}, moved(X), y, masks)
        for size, old, new in zip(noise, here, there, strict=True):
            for name in old:
                size[name] = max(size[name], float(np.abs(new[name] - old[name]).max()))
    return noise


def unit(name, trace):
    """Size of the terms that a gradient is the sum of: 1, but 1/sqrt(v) or 1/v below a norm."""
    kind = name.rstrip("0123456789")
    v = trace.get("v" + name[len(kind) :])
    power = {"W": 0.5, "b": 0.5, "s": 0.5, "x": 0.5, "mu": 0.5, "v": 1.0}.get(kind)
    return 1.0 if v is None or power is None else max(1.0, float((v.min() + 2.2e-16) ** -power))


@examples
@given(architectures())
def test_every_intermediate_of_the_forward_pass_agrees(architecture):
    manual, _ = by_hand(*architecture)
    witness = arrays(torch_impl.forward(*architecture[:4], penalty=0.01, masks=architecture[4]))
    noise, _ = rounding_noise(*architecture)
    assert list(manual) == list(witness)
    for name, value in witness.items():
        allowed = AGREEMENT * np.abs(value).max() + JITTERS * noise[name]
        assert np.abs(manual[name] - value).max() <= allowed, name


@examples
@given(architectures())
def test_every_gradient_agrees(architecture):
    network, _, _, y, masks = architecture
    trace, manual = by_hand(*architecture)
    witness = arrays(torch_impl.gradients(*architecture[:4], penalty=0.01, masks=masks))
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
    network, _, _, _, masks = architecture
    trace, manual = by_hand(*architecture)
    witness = arrays(torch_impl.gradients(*architecture[:4], penalty=0.01, masks=masks))
    for l in range(1, network.depth if network.normalization == "batch" else 1):
        size = max(np.abs(manual[f"b{l}"]).max(), np.abs(witness[f"b{l}"]).max())
        assert size <= AGREEMENT * unit(f"b{l}", trace), l


@pytest.mark.parametrize(("hidden", "seed"), [((20,), 3), ((20, 10), 45), ((12, 8, 16), 113)])
def test_two_samples_send_no_gradient_below_the_last_batch_norm(implementation, hidden, seed):
    network = Network(30, hidden, 10, normalization="batch")
    parameters, (X, y) = random_parameters(network, seed), random_samples(network, 2, seed)
    trace = arrays(implementation.forward(network, parameters, X, y, penalty=0.01))
    # eps / v^1.5 of the gradient gets through, 2e-13 at v = 0.01: the seeds give no smaller v
    assert min(trace[f"v{l}"].min() for l in range(1, len(hidden) + 1)) > 1e-2
    found = arrays(implementation.gradients(network, parameters, X, y, penalty=0.01))
    for name in vanishing(network, 2):
        rest = found[name] - (0.02 * parameters[name] if name.startswith("W") else 0)
        assert np.abs(rest).max() <= AGREEMENT, name


def recorded(monkeypatch, implementation, recipe, dataset):
    """A short training: the state and the inputs that its learner was given."""
    kind = type(learner(implementation, recipe, dataset))
    started, given, original = [], [], kind.run_epoch

    def run_epoch(self, inputs):
        started.append(self.state()[0])
        given.append(inputs)
        return original(self, inputs)

    monkeypatch.setattr(kind, "run_epoch", run_epoch)
    implementation.train(recipe, dataset)
    return started[0], given


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_start_from_the_same_parameters(monkeypatch, dtype):
    recipe = small_recipe(dtype=dtype, epochs=1, optimizer="adam")
    dataset = small_dataset(dtype)
    manual, _ = recorded(monkeypatch, manual_impl, recipe, dataset)
    witness, _ = recorded(monkeypatch, torch_impl, recipe, dataset)
    assert bits(manual) == bits(witness)


def test_both_see_the_same_minibatches_masks_and_augmentation(monkeypatch):
    recipe = small_recipe(dropout=0.3, flip=True, shift=1, jitter=0.1)
    dataset = small_dataset(inputs=48)
    _, manual = recorded(monkeypatch, manual_impl, recipe, dataset)
    _, witness = recorded(monkeypatch, torch_impl, recipe, dataset)
    assert len(manual) == len(witness) == 4
    for one, other in zip(manual, witness, strict=True):
        assert (one.order == other.order).all()
        assert bits(one.masks) == bits(other.masks)
        assert sorted(one.masks) == ["mask1", "mask2"]
        assert bits(vars(one.augmentation)) == bits(vars(other.augmentation))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_both_train_alike_in_float64(optimizer, normalization):
    recipe = small_recipe(
        dtype="float64",
        optimizer=optimizer,
        normalization=normalization,
        activation="leaky_relu" if optimizer in ("sgd", "adam") else "relu",
        dropout=0.2,
        smoothing=0.1,
        decoupled=optimizer == "adam",
        flip=True,
        shift=1,
        jitter=0.1,
        eta_max=0.1 if optimizer == "sgd" else 0.01,
        precise_statistics=optimizer == "nesterov",
    )
    dataset = small_dataset("float64", inputs=48)
    manual, witness = (side.train(recipe, dataset) for side in (manual_impl, torch_impl))
    for name, value in (witness.parameters | witness.statistics).items():
        found = (manual.parameters | manual.statistics)[name]
        # Adam divides the gradient of b below a batch norm, rounding of 1e-17, by its eps of 1e-8
        within = 1e-9 if optimizer == "adam" else 1e-10
        atol = within * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found, value, atol=atol, rtol=0, err_msg=name)
    for part, found in manual.final.items():
        assert found.cost == pytest.approx(witness.final[part].cost, rel=1e-10)
