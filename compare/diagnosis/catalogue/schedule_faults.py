"""Mistakes of the learning-rate schedules."""

import numpy as np

from compare.diagnosis.catalogue.state_fault import Schedule, StateFault, scheduled
from twingrad.recipe import Recipe
from twingrad.schedule import learning_rates


def triangle(t: np.ndarray, half_cycle: float, eta_min: float, eta_max: float) -> np.ndarray:
    """The cyclical schedule at any t."""
    position = (t % (2 * half_cycle)) / half_cycle
    return eta_min + np.where(position < 1, position, 2 - position) * (eta_max - eta_min)


def stale_at_cycle_ends(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    rates = triangle(np.arange(1, updates + 1), n_s, eta_min, eta_max)
    ends = [t for t in range(2 * n_s, updates + 1, 2 * n_s) if t >= 2]
    for t in ends:
        rates[t - 1] = rates[t - 2]
    return rates


def counted_from_0(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return triangle(np.arange(updates), n_s, eta_min, eta_max)


def saw_tooth(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    t = np.arange(1, updates + 1)
    return eta_min + (t % (2 * n_s)) / (2 * n_s) * (eta_max - eta_min)


def rising_only(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    t = np.arange(1, updates + 1)
    return eta_min + (t % n_s) / n_s * (eta_max - eta_min)


def cycle_of_n_s(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return triangle(np.arange(1, updates + 1), n_s / 2, eta_min, eta_max)


def divided_as_integer(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return whole_positions(np.arange(1, updates + 1), n_s, eta_min, eta_max)


def divided_as_integer_from_0(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return whole_positions(np.arange(updates), n_s, eta_min, eta_max)


def whole_positions(t: np.ndarray, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return np.where(t // n_s % 2 == 0, eta_min, eta_max)


def constant(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return np.full(updates, eta_max)


FACTOR = Recipe().step_factor


def cosine(t: np.ndarray, cycle: float, eta_min: float, eta_max: float) -> np.ndarray:
    """The cosine schedule at any t, counted from 0."""
    return eta_min + (1 + np.cos(np.pi * (t % cycle) / cycle)) / 2 * (eta_max - eta_min)


def steps(t: np.ndarray, cycle: float, eta_min: float, eta_max: float) -> np.ndarray:
    """The step schedule at any t, counted from 0."""
    return np.maximum(eta_min, eta_max * FACTOR ** (t // cycle))


def cosine_counted_from_1(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return cosine(np.arange(1, updates + 1), 2 * n_s, eta_min, eta_max)


def steps_counted_from_1(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return steps(np.arange(1, updates + 1), 2 * n_s, eta_min, eta_max)


def cosine_of_n_s(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return cosine(np.arange(updates), n_s, eta_min, eta_max)


def steps_of_n_s(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return steps(np.arange(updates), n_s, eta_min, eta_max)


def whole_cosine(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    height = (1 + np.cos(np.pi * np.arange(updates) / n_s)) / 2
    return eta_min + height * (eta_max - eta_min)


def without_eta_min(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    return cosine(np.arange(updates), 2 * n_s, 0, eta_max)


def dropped_once(updates: int, n_s: int, eta_min: float, eta_max: float) -> np.ndarray:
    rates = np.full(updates, eta_max)
    rates[2 * n_s :] *= FACTOR
    return rates


def right(schedule: str) -> Schedule:
    """The schedule of the specification."""
    return lambda *numbers: learning_rates(schedule, *numbers)


SCHEDULE_FAULTS = tuple(
    StateFault(
        name,
        explanation,
        fix,
        "learning rate",
        learning_rates=rates,
        where=scheduled(*schedules),
    )
    for name, explanation, fix, rates, *schedules in (
        (
            "stale learning rate at cycle ends",
            "At t = 2 l n_s the previous learning rate is used once more.",
            "Both ends of a half cycle belong to it: <= where < stands, or the reverse.",
            stale_at_cycle_ends,
            "cyclical",
        ),
        (
            "t counted from 0",
            "The learning rate of update t is that of t - 1.",
            "Count updates from 1.",
            counted_from_0,
            "cyclical",
        ),
        (
            "learning rate rises over the whole cycle",
            "The learning rate rises over 2 n_s updates and falls at once.",
            "Let it fall over the second n_s.",
            saw_tooth,
            "cyclical",
        ),
        (
            "learning rate never falls back slowly",
            "The learning rate rises over n_s updates and starts again.",
            "Let it fall over the next n_s.",
            rising_only,
            "cyclical",
        ),
        (
            "cycle of n_s for 2 n_s",
            "A whole cycle takes n_s updates.",
            "n_s is half a cycle.",
            cycle_of_n_s,
            "cyclical",
        ),
        (
            "schedule by integer division",
            "The part of the half cycle is divided as an integer, which gives 0 or 1: the learning "
            "rate is eta_min or eta_max and nothing between.",
            "Divide with /, as numbers with a fraction.",
            divided_as_integer,
            "cyclical",
        ),
        (
            "schedule by integer division, t from 0",
            "The part of the half cycle is divided as an integer, which gives 0 or 1: the learning "
            "rate is eta_min or eta_max and nothing between. That of update t is that of t - 1.",
            "Divide with /, as numbers with a fraction, and count updates from 1.",
            divided_as_integer_from_0,
            "cyclical",
        ),
        (
            "learning rate constant",
            "The learning rate stays at eta_max.",
            "Follow the schedule.",
            constant,
            "cyclical",
            "cosine",
            "step",
        ),
        (
            "cosine one update early",
            "The learning rate of update t is that of t + 1.",
            "The first update uses eta_max: count from 0 inside the cosine.",
            cosine_counted_from_1,
            "cosine",
        ),
        (
            "cosine over n_s for 2 n_s",
            "The learning rate falls to eta_min in n_s updates.",
            "Divide by 2 n_s.",
            cosine_of_n_s,
            "cosine",
        ),
        (
            "whole cosine for half",
            "The learning rate falls along half a cosine in n_s updates and rises along the other.",
            "Let the angle run from 0 to pi in 2 n_s updates, then start again from eta_max.",
            whole_cosine,
            "cosine",
        ),
        (
            "cosine down to 0",
            "The cosine falls to 0 instead of eta_min.",
            "eta_min + height * (eta_max - eta_min).",
            without_eta_min,
            "cosine",
        ),
        (
            "step one update early",
            "The learning rate drops one update too early.",
            "Update 2 n_s still belongs to the first step: (t - 1) // (2 n_s) with t from 1.",
            steps_counted_from_1,
            "step",
        ),
        (
            "step after n_s for 2 n_s",
            "The learning rate drops after every n_s updates.",
            "Drop it after every 2 n_s.",
            steps_of_n_s,
            "step",
        ),
        (
            "learning rate dropped once",
            "The learning rate drops once and stays.",
            "Multiply it by the factor after every 2 n_s updates.",
            dropped_once,
            "step",
        ),
    )
)
