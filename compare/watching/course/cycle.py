"""Recognise the schedule of a sequence of learning rates."""

import re
from dataclasses import dataclass

import numpy as np

from compare.watching.course.verdict import TrainingVerdict
from compare.watching.recording import Event, Recording

INTEGER = re.compile(r"//\s*[\w.]+\s*\)?\s*\*\s*\([^()]*-[^()]*\)")
"""An integer division of a part of a cycle that is then multiplied by (high - low)."""

NEARBY = 60
"""Number of events before a learning rate in which the line that computed it is searched."""

JUMP = 2.5
"""Minimum size of a jump, as a multiple of the usual change of the rate."""

SHORTEST = 4
"""Minimum number of updates in a half cycle."""


@dataclass(frozen=True)
class Sequence:
    """All values of the number that is the learning rate.

    Arguments:
        events: in order; several in a row may be of one update.
        values: (count,).
    """

    events: list[Event]
    values: np.ndarray


def judge_sequence(recording: Recording, sequence: Sequence, out: TrainingVerdict) -> None:
    """Name the schedule of a sequence of rates."""
    eta = sequence.values
    low, high = float(eta.min()), float(eta.max())
    if high - low <= 1e-9 * abs(high):
        out.facts["learning rate"] = f"constant {high:.6g}"
        event = divided_line(recording, sequence.events[-1])
        if len(eta) >= SHORTEST and INTEGER.search(recording.text(event.site)):
            said = (
                f"The learning rate stays at {high:.4g} for {len(eta)} updates: the rising half "
                f"of the cycle is divided as an integer."
            )
            out.add("learning_rate", divided_line(recording, sequence.events[1]), said)
        return
    flat = flat_half(recording, sequence)
    if flat:
        event = divided_line(recording, sequence.events[1])
        out.add("learning_rate", event, flat)
        out.facts["learning rate"] = f"{low:.4g} to {high:.4g}"
        return
    if negative(sequence, out) or inverse_time(eta, out) or cyclical(sequence, out):
        return
    changes = np.flatnonzero(np.diff(eta))
    ratios = eta[changes + 1] / np.where(eta[changes] == 0, np.nan, eta[changes])
    if len(ratios) and np.nanmax(ratios) < 1 and np.ptp(ratios) < 1e-6:
        out.facts["learning rate"] = f"step decay by {ratios[0]:.6g} from {eta[0]:.4g}"
        return
    out.facts["learning rate"] = f"varies between {low:.4g} and {high:.4g}"


def negative(sequence: Sequence, out: TrainingVerdict) -> bool:
    """Report learning rates below 0 (updates go uphill); return whether there were any."""
    eta = sequence.values
    below = np.flatnonzero(eta < 0)
    if not len(below) or eta[0] < 0:
        return False
    at = int(below[0])
    usual = float(np.median(np.abs(np.diff(eta))))
    how = "jumps" if eta[at - 1] - eta[at] > JUMP * usual > 0 else "falls"
    said = (
        f"The learning rate {how} from {eta[at - 1]:.4g} to {eta[at]:.4g}: below 0 updates go "
        f"uphill."
    )
    out.add("learning_rate", sequence.events[at], said)
    out.facts["learning rate"] = f"varies between {eta.min():.4g} and {eta.max():.4g}"
    return True


def inverse_time(eta: np.ndarray, out: TrainingVerdict) -> bool:
    """Whether the rates are eta / (1 + k t)."""
    taken = eta[np.insert(np.diff(eta) != 0, 0, True)]
    slopes = np.diff(1 / taken)
    if len(slopes) < SHORTEST - 1 or slopes.min() <= 0 or np.ptp(slopes) > 1e-6 * slopes.max():
        return False
    out.facts["learning rate"] = f"{eta[0]:.4g} / (1 + {slopes[0] * eta[0]:.4g} t)"
    return True


def cyclical(sequence: Sequence, out: TrainingVerdict) -> bool:
    """Whether the rates rise and fall in equal steps; single exceptions are reported."""
    eta = sequence.values
    low, high = float(eta.min()), float(eta.max())
    difference = np.diff(eta)
    step = float(np.median(np.abs(difference)))
    if step <= 0:
        return False
    n_s = round((high - low) / step)
    if n_s < SHORTEST:
        return False
    straight = np.abs(np.abs(difference) - step) <= 1e-3 * step
    if straight.mean() > 0.8 and broken(sequence, step, out):
        return True
    if straight.mean() < 0.9:
        return False
    if (difference > 0).all():
        rise = f"rising by {step:.4g} an update from {low:.4g} to {high:.4g}"
        out.facts["learning rate"] = f"{rise}; the end of a half cycle was not seen"
        return True
    expected, first, n_s, low = best_cycle(eta, n_s)
    out.facts["learning rate"] = f"cyclical, n_s {n_s}, {low:.4g} to {high:.4g}"
    off = np.flatnonzero(np.abs(expected - eta) > 0.02 * step)
    for at in off[:1]:
        if len(off) <= max(1, 0.02 * len(eta)):
            t = int(at) + first
            said = (
                f"The learning rate at t = {t} is {eta[at]:.6g}; "
                f"the cycle has {expected[at]:.6g} there."
            )
            out.add("learning_rate", sequence.events[at], said)
    return True


def broken(sequence: Sequence, step: float, out: TrainingVerdict) -> bool:
    """Whether the rates jump between rising and falling, so that the two halves do not meet."""
    difference = np.diff(sequence.values)
    for at in np.flatnonzero(np.abs(difference) > JUMP * step):
        rises = at > 0 and difference[at - 1] > 0
        falls = at + 1 < len(difference) and difference[at + 1] < 0
        if rises and falls:
            was, then = sequence.values[at], sequence.values[at + 1]
            said = (
                f"The learning rate rises to {was:.4g}, jumps to {then:.4g} and falls from there: "
                f"the two halves of the cycle do not meet."
            )
            out.add("learning_rate", sequence.events[at + 1], said)
            out.facts["learning rate"] = (
                f"varies between {sequence.values.min():.4g} and {sequence.values.max():.4g}"
            )
            return True
    return False


def best_cycle(eta: np.ndarray, n_s: int) -> tuple[np.ndarray, int, int, float]:
    """The triangular wave closest to the rates: its first t, n_s and its minimum."""
    high = float(eta.max())
    options = []
    for length in (n_s, n_s + 1):
        for first in (0, 1):
            at = np.abs((np.arange(len(eta)) + first) % (2 * length) - length)
            part = 1 - at / length
            lows = [float(eta.min())]
            away = part < 0.5
            if away.any():
                estimate = (eta[away] - part[away] * high) / (1 - part[away])
                lows.append(float(np.median(estimate)))
            for low in lows:
                wave = low + part * (high - low)
                off = float(np.median(np.abs(wave - eta)) + 1e-3 * np.abs(wave - eta).mean())
                options.append((off, wave, first, length, low))
    _, wave, first, length, low = min(options, key=lambda option: option[0])
    return wave, first, length, low


def flat_half(recording: Recording, sequence: Sequence) -> str | None:
    """A rising half cycle that stays at the minimum: the fraction was divided as an integer.

    Returns:
        the sentence; None where it is not so.
    """
    eta, events = sequence.values, sequence.events
    low, high = float(eta.min()), float(eta.max())
    at_low = int(np.argmax(eta != eta[0])) if (eta != eta[0]).any() else len(eta)
    divides = "//" in recording.text(divided_line(recording, events[0]).site)
    jump = eta[0] == low and at_low >= SHORTEST and at_low < len(eta) and eta[at_low] == high
    falls = jump and bool((np.diff(eta[at_low : at_low + at_low // 2 + 1]) < 0).all())
    if not (jump and (falls or divides)):
        return None
    return (
        f"The learning rate stays at {low:.4g} for {at_low} updates and then jumps to {high:.4g}"
        f"{' and falls from there' if falls else ''}: the rising half of the cycle is divided as "
        f"an integer."
    )


def divided_line(recording: Recording, event: Event) -> Event:
    """The line of an integer division shortly before a number became the learning rate."""
    near = recording.events[max(0, event.index - NEARBY) : event.index]
    for before in [e for e in near if e.value == event.value]:
        if "//" in recording.text(before.site):
            return before
    return event
