"""Every optimiser against the one of the same name in `torch.optim`."""

import dataclasses

import numpy as np
import pytest
import torch

import manual_impl
from manual_impl.optimizers import constants_of, descend, memory_names
from tests.support import bits, learner, small_dataset, small_recipe
from twingrad.stacks import stack_inputs

UPDATES = 200

WITHIN = 1e-12
"""After 200 updates in float64, of a tensor's size or of 1."""

SHAPES = {"W1": (4, 3), "b1": (4,), "gamma1": (4,), "beta1": (4,), "W2": (2, 4), "b2": (2,)}

RECIPES = [
    small_recipe(optimizer="sgd", penalty=0.02),
    small_recipe(optimizer="sgd", penalty=0.0),
    small_recipe(optimizer="momentum", penalty=0.02),
    small_recipe(optimizer="momentum", penalty=0.0, momentum=0.5),
    small_recipe(optimizer="momentum", penalty=0.01, momentum=0.0),
    small_recipe(optimizer="nesterov", penalty=0.02),
    small_recipe(optimizer="nesterov", penalty=0.0, momentum=0.5),
    small_recipe(optimizer="adam", penalty=0.02),
    small_recipe(optimizer="adam", penalty=0.0, beta1=0.8, beta2=0.99, adam_eps=1e-3),
    small_recipe(optimizer="adam", penalty=0.02, beta1=0.0),
    small_recipe(optimizer="adam", penalty=0.1, decoupled=True),
    small_recipe(optimizer="sgd", penalty=0.1, decoupled=True),
    small_recipe(optimizer="momentum", penalty=0.1, decoupled=True),
    small_recipe(optimizer="nesterov", penalty=0.1, decoupled=True),
]


def name_of(recipe):
    decay = "decoupled" if recipe.decoupled else "in the gradient"
    return f"{recipe.optimizer} {recipe.momentum} {recipe.beta1} {recipe.penalty} {decay}"


every_optimizer = pytest.mark.parametrize("recipe", RECIPES, ids=name_of)


class Torch:
    """The optimiser of torch that a recipe stands for; weights decay by 2 lambda, biases do not."""

    def __init__(self, recipe, parameters):
        self.recipe = recipe
        self.parameters = parameters
        decay = 2 * recipe.penalty
        self.weights = [value for name, value in parameters.items() if name.startswith("W")]
        others = [value for name, value in parameters.items() if not name.startswith("W")]
        # torch has no decoupled decay but AdamW's: `step` does it where there is none
        self.by_hand = recipe.decoupled and recipe.optimizer != "adam"
        groups = [
            {"params": self.weights, "weight_decay": 0.0 if self.by_hand else decay},
            {"params": others, "weight_decay": 0.0},
        ]
        if recipe.optimizer == "adam":
            kind = torch.optim.AdamW if recipe.decoupled else torch.optim.Adam
            self.optimizer = kind(
                groups, lr=1.0, betas=(recipe.beta1, recipe.beta2), eps=recipe.adam_eps
            )
        else:
            momentum = 0.0 if recipe.optimizer == "sgd" else recipe.momentum
            nesterov = recipe.optimizer == "nesterov" and momentum > 0
            self.optimizer = torch.optim.SGD(groups, lr=1.0, momentum=momentum, nesterov=nesterov)

    def step(self, eta):
        for group in self.optimizer.param_groups:
            group["lr"] = eta
        if self.by_hand:
            with torch.no_grad():
                for value in self.weights:
                    value *= 1 - 2 * eta * self.recipe.penalty
        self.optimizer.step()


def start():
    rng = np.random.default_rng(1)
    return {name: rng.standard_normal(shape) for name, shape in SHAPES.items()}


def gradient_sequence():
    """Gradients of the loss for every update: sizes from 1e-3 to 1, and a few zeros."""
    rng = np.random.default_rng(2)
    return [
        {
            name: rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 1) * (rng.random() > 0.05)
            for name, shape in SHAPES.items()
        }
        for _ in range(UPDATES)
    ]


RATES = 0.01 + 0.04 * np.random.default_rng(3).random(UPDATES)


def after_torch(recipe, rates=RATES):
    parameters = {
        name: torch.nn.Parameter(torch.from_numpy(value)) for name, value in start().items()
    }
    twin = Torch(recipe, parameters)
    for G, eta in zip(gradient_sequence(), rates, strict=True):
        for name, value in parameters.items():
            value.grad = torch.from_numpy(G[name])
        twin.step(float(eta))
    return {name: value.detach().numpy() for name, value in parameters.items()}


def scalar(values):
    return float(values[0]) if len(values) == 1 else values


def after_descent(recipes, rates=None):
    """The parameters of every network, (networks, *shape), or of one."""
    many = len(recipes) > 1
    parameters = {
        name: np.stack([value] * len(recipes)) if many else value for name, value in start().items()
    }
    shapes = {name: value.shape for name, value in parameters.items()}
    names = memory_names(recipes[0].optimizer, list(SHAPES))
    memory = {name: np.zeros(shapes[name.split(".")[1]]) for name in names}
    constants = {name: scalar(value) for name, value in constants_of(recipes).items()}
    penalty = np.array([recipe.penalty for recipe in recipes])
    rates = np.stack([RATES] * len(recipes)) if rates is None else rates
    for t, G in enumerate(gradient_sequence(), start=1):
        gradients = {}
        for name, value in parameters.items():
            gradients[name] = np.broadcast_to(G[name], value.shape).copy()
            if name.startswith("W") and not recipes[0].decoupled:
                scale = penalty.reshape(-1, 1, 1) if many else penalty[0]
                gradients[name] += 2 * scale * value
        descend(
            recipes[0],
            parameters,
            gradients,
            memory,
            constants,
            penalty=scalar(penalty),
            eta=scalar(rates[:, t - 1]),
            t=t,
        )
    return parameters


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        atol = WITHIN * max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[name], value, atol=atol, rtol=0, err_msg=name)


@every_optimizer
def test_the_same_gradients_move_the_parameters_as_in_torch(recipe):
    assert_equal(after_descent([recipe]), after_torch(recipe))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("decoupled", [False, True])
def test_networks_with_constants_of_their_own_move_as_in_torch(optimizer, decoupled):
    changes = [
        {"penalty": 0.0},
        {"penalty": 0.02, "momentum": 0.5, "beta1": 0.8, "beta2": 0.99},
        {"penalty": 0.1, "momentum": 0.0, "beta1": 0.0, "beta2": 0.9, "adam_eps": 1e-3},
    ]
    recipes = [
        small_recipe(optimizer=optimizer, decoupled=decoupled, **change) for change in changes
    ]
    rates = RATES * np.array([[1.0], [0.3], [2.0]])
    found = after_descent(recipes, rates)
    for i, recipe in enumerate(recipes):
        own = {name: value[i] for name, value in found.items()}
        assert_equal(own, after_torch(recipe, rates[i]))


def test_what_is_unpenalised_does_not_decay():
    class Faulty(type(RECIPES[0])):
        unpenalised = ("W1",)

    recipe = Faulty(**dataclasses.asdict(RECIPES[-1]))
    parameters = {"W1": np.ones((2, 2)), "W2": np.ones((2, 2))}
    gradients = {name: np.zeros((2, 2)) for name in parameters}
    memory = {f"velocity.{name}": np.zeros((2, 2)) for name in parameters}
    descend(recipe, parameters, gradients, memory, {"momentum": 0.9}, penalty=0.5, eta=0.1, t=1)
    assert parameters["W1"].tolist() == [[1, 1], [1, 1]]
    assert parameters["W2"].tolist() == [[0.9, 0.9], [0.9, 0.9]]


DATA = small_dataset("float64")


def training_of(recipe, epochs=20):
    """A learner after 20 epochs of 10 updates, its inputs and what it started from."""
    [plan] = plans = [recipe.plan(len(DATA.training))]
    network = recipe.network(24, 10)
    twin = learner(manual_impl, recipe, DATA)
    initial = twin.state()[0]
    inputs = [stack_inputs([recipe], network, epoch, plans) for epoch in range(plan.epochs)]
    for epoch in inputs[:epochs]:
        twin.run_epoch(epoch)
    return twin, inputs, initial


def logits(recipe, parameters, X):
    """Logits of a network with one hidden layer of leaky ReLUs, by torch's own functions."""
    functional = torch.nn.functional
    s = functional.linear(X, parameters["W1"], parameters["b1"])
    if recipe.normalization == "batch":
        s = functional.batch_norm(
            s, None, None, parameters["gamma1"], parameters["beta1"], True, eps=np.finfo(float).eps
        )
    if recipe.normalization == "layer":
        s = functional.layer_norm(
            s, s.shape[1:], parameters["gamma1"], parameters["beta1"], eps=np.finfo(float).eps
        )
    x = functional.leaky_relu(s, recipe.slope)
    return functional.linear(x, parameters["W2"], parameters["b2"])


@pytest.mark.parametrize(
    ("optimizer", "normalization", "decoupled", "smoothing"),
    [
        ("sgd", "batch", False, 0.1),
        ("momentum", "none", False, 0.0),
        ("nesterov", "layer", False, 0.1),
        ("adam", "layer", False, 0.0),
        ("adam", "none", True, 0.1),
    ],
)
def test_a_whole_training_ends_as_one_written_in_torch(
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
    twin, inputs, initial = training_of(recipe)
    parameters = {
        name: torch.nn.Parameter(torch.from_numpy(initial[name].copy()))
        for name in recipe.network(24, 10).parameter_shapes
    }
    witness = Torch(recipe, parameters)
    X, y = torch.from_numpy(DATA.training.X), torch.from_numpy(DATA.training.y)
    for epoch in inputs:
        for chosen, eta in zip(epoch.order, epoch.learning_rates[0], strict=True):
            witness.optimizer.zero_grad()
            torch.nn.functional.cross_entropy(
                logits(recipe, parameters, X[chosen]), y[chosen], label_smoothing=smoothing
            ).backward()
            witness.step(float(eta))
    found = {name: twin.state()[0][name] for name in parameters}
    assert_equal(found, {name: value.detach().numpy() for name, value in parameters.items()})


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adam"])
def test_a_training_resumed_from_its_state_ends_in_the_same_bits(optimizer):
    recipe = small_recipe(optimizer=optimizer, eta_max=0.01, epochs=4)
    whole, inputs, _ = training_of(recipe)
    begun, _, _ = training_of(recipe, epochs=2)
    resumed = learner(manual_impl, recipe, DATA)
    resumed.restore(begun.state())
    for epoch in inputs[2:]:
        resumed.run_epoch(epoch)
    assert bits(resumed.state()[0]) == bits(whole.state()[0])


def test_what_an_optimiser_remembers_is_in_the_state():
    recipe = small_recipe(optimizer="adam", epochs=1)
    twin, _, initial = training_of(recipe)
    assert int(initial["updates"]) == 0
    assert int(twin.state()[0]["updates"]) == 10
    assert not initial["moment1.W1"].any()
    assert twin.state()[0]["moment2.W1"].min() > 0
