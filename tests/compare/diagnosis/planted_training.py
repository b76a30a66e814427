"""Small trainings in a style of their own, right and wrong, that know nothing of the catalogue.

The gradients of the loss come from `manual_impl`; the updates are written here.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

import manual_impl
from twingrad.history import Evaluation


def sgd(w, g, decay, eta, t, memory, recipe):
    """w - eta G, where G = g + decay."""
    return w - eta * (g + decay)


def new_statistic(name, old, minibatch, n, recipe):
    """The running statistic after a minibatch; `old` is None before the first."""
    share = recipe.alpha
    return minibatch if old is None else share * old + (1 - share) * minibatch


@dataclass
class Trainer:
    """A learner whose update and running statistics are one function each.

    Arguments:
        step: (w, g, decay, eta, t, memory, recipe) -> w; g is the gradient of the loss, decay
            that of the penalty, t counts from 1 and memory is the parameter's own.
        statistic: (name, old, minibatch, n, recipe) -> new.
        rate: (rates so far) -> eta.
        decays: whether a parameter has a penalty.
    """

    step: object = sgd
    statistic: object = new_statistic
    rate: object = lambda rates: rates[-1]
    decays: object = lambda name: name[0] == "W"

    def learner(self, recipes, network, dataset, parameters):
        self.network, self.dataset, [self.recipe] = network, dataset, recipes
        [self.parameters] = ({k: v.copy() for k, v in p.items()} for p in parameters)
        self.memory = {name: {} for name in self.parameters}
        self.statistics, self.rates = {}, []
        return self

    def run_epoch(self, inputs):
        [rows], [[eta]] = inputs.order, inputs.learning_rates
        self.rates.append(eta)
        X, y = self.dataset.training.X[rows], self.dataset.training.y[rows]
        data = (self.network, self.parameters, X, y)
        with np.errstate(all="ignore"):
            trace = manual_impl.forward(*data, penalty=self.recipe.penalty)
            g = manual_impl.gradients(*data, penalty=0.0)
            for name, w in self.parameters.items():
                decay = 2 * self.recipe.penalty * w if self.decays(name) else 0 * w
                self.parameters[name] = self.step(
                    w,
                    g[name],
                    decay,
                    self.rate(self.rates),
                    len(self.rates),
                    self.memory[name],
                    self.recipe,
                )
        for name in self.network.statistic_shapes:
            old = self.statistics.get(name)
            new = self.statistic(name, old, trace[name], len(y), self.recipe)
            self.statistics[name] = new
        return np.array([[trace["cost"]]])

    def evaluate(self, part):
        split = getattr(self.dataset, part)
        with np.errstate(all="ignore"):
            trace = manual_impl.forward(
                self.network,
                self.parameters,
                split.X,
                split.y,
                penalty=self.recipe.penalty,
                statistics=self.statistics,
            )
        accuracy = np.mean(trace["p"].argmax(axis=1) == split.y)
        return [Evaluation(float(trace["cost"]), float(trace["loss"]), float(accuracy))]

    def state(self):
        return [self.parameters | self.statistics]


def momentum(w, g, decay, eta, t, memory, recipe):
    u = memory["u"] = recipe.momentum * memory.get("u", 0) + g + decay
    return w - eta * u


def nesterov(w, g, decay, eta, t, memory, recipe):
    u = memory["u"] = recipe.momentum * memory.get("u", 0) + g + decay
    return w - eta * (g + decay + recipe.momentum * u)


def torch_step(make):
    """A parameter's step by an optimiser of torch, made by (values, weight decay, recipe)."""
    import torch

    def step(w, g, decay, eta, t, memory, recipe):
        if not memory:
            memory["value"] = torch.tensor(w, requires_grad=True)
            weight_decay = 2 * recipe.penalty if decay.any() else 0.0
            memory["optimizer"] = make([memory["value"]], weight_decay, recipe)
        memory["optimizer"].param_groups[0]["lr"] = eta
        memory["value"].grad = torch.tensor(g)
        memory["optimizer"].step()
        return memory["value"].detach().numpy().copy()

    return step


def adam(**otherwise):
    """Adam with some of its parts written otherwise: names of `parts` below."""
    parts = SimpleNamespace(
        gradient=lambda g, decay, recipe: g if recipe.decoupled else g + decay,
        before=lambda w, decay, eta, recipe: w - eta * decay if recipe.decoupled else w,
        betas=lambda recipe: (recipe.beta1, recipe.beta2),
        power=lambda G: G * G,
        one=lambda beta, t: 1 - beta**t,
        two=lambda beta, t: 1 - beta**t,
        divisor=lambda r, c, eps: (r / c) ** 0.5 + eps,
    )
    vars(parts).update(otherwise)

    def step(w, g, decay, eta, t, memory, recipe):
        b1, b2 = parts.betas(recipe)
        G = parts.gradient(g, decay, recipe)
        w = parts.before(w, decay, eta, recipe)
        m = memory["m"] = b1 * memory.get("m", 0) + (1 - b1) * G
        r = memory["r"] = b2 * memory.get("r", 0) + (1 - b2) * parts.power(G)
        one, two = np.float64(parts.one(b1, t)), np.float64(parts.two(b2, t))
        return w - eta * (m / one) / parts.divisor(r, two, recipe.adam_eps)

    return step
