"""Every optimiser against the one of the same name in `torch.optim`."""

import dataclasses

import numpy as np
import pytest
import torch

import torch_impl
from tests.support import bits, learner, small_dataset, small_recipe
from torch_impl.optimizers import Group, StepInputs, constants_of, descend

UPDATES = 200

WITHIN = 1e-12
"""After 200 updates in float64, of a tensor's size or of 1."""

SHAPES = {"W1": (4, 3), "W2": (2, 4), "b1": (4,), "gamma1": (4,)}
RATES = 0.01 + 0.04 * np.random.default_rng(3).random(UPDATES)

RECIPES = [
    small_recipe(optimizer="sgd", penalty=0.02),
    small_recipe(optimizer="momentum", penalty=0.02),
    small_recipe(optimizer="momentum", penalty=0.0, momentum=0.5),
    small_recipe(optimizer="nesterov", penalty=0.02),
    small_recipe(optimizer="adam", penalty=0.02),
    small_recipe(optimizer="adam", penalty=0.02, beta1=0.0, beta2=0.9, adam_eps=1e-3),
    small_recipe(optimizer="adam", penalty=0.1, decoupled=True),
]


def name_of(recipe):
    return f"{recipe.optimizer} {recipe.momentum} {recipe.beta1} {recipe.decoupled}"


def start():
    rng = np.random.default_rng(1)
    return {name: torch.tensor(rng.standard_normal(shape)) for name, shape in SHAPES.items()}


def gradient_sequence():
    """Gradients of the loss for every update: sizes from 1e-3 to 1, and a few zeros."""
    rng = np.random.default_rng(2)
    for _ in range(UPDATES):
        yield {
            name: torch.tensor(
                rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 1) * (rng.random() > 0.05)
            )
            for name, shape in SHAPES.items()
        }


def by_torch(recipe, rates):
    """The parameters after 200 updates of torch's own; weights decay by 2 lambda, others do not."""
    parameters = {name: torch.nn.Parameter(value) for name, value in start().items()}
    groups = [
        {
            "params": [value for name, value in parameters.items() if (name[0] == "W") == weights],
            "weight_decay": 2 * recipe.penalty if weights else 0.0,
        }
        for weights in (True, False)
    ]
    if recipe.optimizer == "adam":
        kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
        betas = (recipe.beta1, recipe.beta2)
        optimizer = kind(groups, lr=1.0, betas=betas, eps=recipe.adam_eps)
    else:
        momentum = 0.0 if recipe.optimizer == "sgd" else recipe.momentum
        nesterov = recipe.optimizer == "nesterov"
        optimizer = torch.optim.SGD(groups, lr=1.0, momentum=momentum, nesterov=nesterov)
    for G, eta in zip(gradient_sequence(), rates.tolist(), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = eta
        for name, value in parameters.items():
            value.grad = G[name]
        optimizer.step()
    return {name: value.detach() for name, value in parameters.items()}


def by_ours(recipes, rates):
    """The same of one network or many; rates (networks, updates)."""
    lead = (len(recipes),) if len(recipes) > 1 else ()
    penalty = torch.tensor([one.penalty for one in recipes], dtype=torch.float64).view(*lead, 1)
    decays = [
        2 * (name[0] == "W") * penalty.expand(*lead, int(np.prod(shape)))
        for name, shape in SHAPES.items()
    ]
    group = Group(SHAPES, torch.cat(decays, -1), recipes[0].optimizer)
    group.values.copy_(row(start()))
    constants = constants_of(recipes, penalty)
    for t, G in enumerate(gradient_sequence(), start=1):
        eta = torch.tensor(rates[:, t - 1]).view(*lead, 1)
        now = StepInputs(constants, eta, torch.tensor([t], dtype=torch.float64))
        descend(recipes[0], group, row(G).expand_as(group.values).clone(), now)
    return group.views(group.values)


def row(values):
    return torch.cat([value.flatten() for value in values.values()])


def assert_close(found, expected):
    for name, value in expected.items():
        allowed = WITHIN * max(1.0, value.abs().max().item())
        assert (found[name] - value).abs().max() <= allowed, name


@pytest.mark.parametrize("recipe", RECIPES, ids=name_of)
def test_the_same_gradients_move_the_parameters_as_in_torch(recipe):
    assert_close(by_ours([recipe], RATES[None]), by_torch(recipe, RATES))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
def test_networks_with_constants_of_their_own_move_as_in_torch(optimizer):
    changes = [{"penalty": 0.0}, {"penalty": 0.1, "momentum": 0.5, "beta1": 0.8, "beta2": 0.99}]
    recipes = [small_recipe(optimizer=optimizer, **change) for change in changes]
    rates = RATES * np.array([[1.0], [0.3]])
    found = by_ours(recipes, rates)
    for i, recipe in enumerate(recipes):
        own = {name: value[i] for name, value in found.items()}
        assert_close(own, by_torch(recipe, rates[i]))


DATA = small_dataset("float64")


def logits(recipe, parameters, X):
    """Logits of a network with one hidden layer of leaky ReLUs, by torch's own functions."""
    functional, eps = torch.nn.functional, np.finfo(float).eps
    s = functional.linear(X, parameters["W1"], parameters["b1"])
    if recipe.normalization == "batch":
        affine = parameters["gamma1"], parameters["beta1"]
        s = functional.batch_norm(s, None, None, *affine, True, eps=eps)
    x = functional.leaky_relu(s, recipe.slope)
    return functional.linear(x, parameters["W2"], parameters["b2"])


@pytest.mark.parametrize(
    ("optimizer", "normalization", "decoupled", "smoothing"),
    [("sgd", "batch", False, 0.1), ("nesterov", "none", False, 0.0), ("adam", "none", True, 0.1)],
)
def test_a_whole_training_ends_as_one_written_with_torch_optim(
    optimizer, normalization, decoupled, smoothing
):
    recipe = small_recipe(
        hidden=(6,),
        optimizer=optimizer,
        normalization=normalization,
        decoupled=decoupled,
        smoothing=smoothing,
        activation="leaky_relu",
        slope=0.2,
        penalty=0.01,
        eta_max=0.003 if optimizer == "adam" else 0.03,
        epochs=20,
        dtype="float64",
    )
    network, plan = recipe.network(24, 10), recipe.plan(500)
    twin = learner(torch_impl, recipe, DATA)
    initial = twin.state()[0]
    parameters = {
        name: torch.nn.Parameter(torch.tensor(initial[name])) for name in network.parameter_shapes
    }
    groups = [
        {
            "params": [value for name, value in parameters.items() if (name[0] == "W") == weights],
            "weight_decay": 2 * recipe.penalty if weights else 0.0,
        }
        for weights in (True, False)
    ]
    if optimizer == "adam":
        witness = torch.optim.AdamW(groups, lr=1.0)
    else:
        momentum = {} if optimizer == "sgd" else {"momentum": recipe.momentum, "nesterov": True}
        witness = torch.optim.SGD(groups, lr=1.0, **momentum)
    X, y = torch.from_numpy(DATA.training.X), torch.from_numpy(DATA.training.y)
    for epoch in range(20):
        inputs = recipe.inputs(network, epoch, plan)
        twin.run_epoch(inputs)
        for chosen, eta in zip(inputs.order, inputs.learning_rates[0].tolist(), strict=True):
            for group in witness.param_groups:
                group["lr"] = eta
            witness.zero_grad()
            s = logits(recipe, parameters, X[chosen])
            torch.nn.functional.cross_entropy(s, y[chosen], label_smoothing=smoothing).backward()
            witness.step()
    state = {name: torch.from_numpy(twin.state()[0][name]) for name in parameters}
    assert_close(state, {name: value.detach() for name, value in parameters.items()})


def test_what_is_unpenalised_does_not_decay_but_costs():
    class Faulty(type(RECIPES[0])):
        unpenalised = ("W1",)

    sound = small_recipe(dtype="float64", penalty=0.1)
    faulty = Faulty(**dataclasses.asdict(sound))
    inputs = sound.inputs(sound.network(24, 10), 0, sound.plan(500))
    inputs.learning_rates[:] = [[0.1, *[0.0] * 9]]
    ends, costs = {}, {}
    for name, recipe in (("sound", sound), ("faulty", faulty)):
        twin = learner(torch_impl, recipe, DATA)
        before = twin.state()[0]
        costs[name] = twin.run_epoch(inputs)[0, 0]
        ends[name] = twin.state()[0]
    assert costs["sound"] == costs["faulty"]
    pull = 0.1 * 2 * 0.1 * before["W1"]
    np.testing.assert_allclose(ends["faulty"]["W1"] - ends["sound"]["W1"], pull, atol=1e-14)
    assert ends["faulty"]["W2"].tobytes() == ends["sound"]["W2"].tobytes()


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adam"])
def test_a_training_resumed_from_its_state_ends_in_the_same_bits(optimizer):
    recipe = small_recipe(optimizer=optimizer, eta_max=0.01)
    network, plan = recipe.network(24, 10), recipe.plan(500)
    whole, resumed = (learner(torch_impl, recipe, small_dataset()) for _ in range(2))
    for epoch in range(4):
        if epoch == 2:
            resumed.restore(whole.state())
        whole.run_epoch(recipe.inputs(network, epoch, plan))
        if epoch >= 2:
            resumed.run_epoch(recipe.inputs(network, epoch, plan))
    assert bits(resumed.state()[0]) == bits(whole.state()[0])
    remembered = {"adam": ("moment1", "moment2")}.get(optimizer, ("velocity",))
    assert {f"{kind}.W1" for kind in remembered} <= whole.state()[0].keys()
