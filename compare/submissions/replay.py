"""Many evaluations of the user's code that differ in one array, in a few requests.

A numerical derivative calls the code hundreds of times in the same way. The messages of one call
are recorded; the user's process answers them again and again, each time with other arrays, and
returns all the answers together. The judge then goes through its own steps as always, and takes
an answer from there only if its message is the one that was answered.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from compare.submissions.messages import Foreseen, Unforeseen
from compare.submissions.session import Session

MAX_SENT = 16 * 2**20
"""Maximum number of bytes of arrays in one request."""

SECONDS = 1.0
"""Time after which the user's process starts no further evaluation of a request."""

Change = tuple[np.ndarray, np.ndarray]
"""An array that was sent, and the array to send instead."""


def evaluated(
    session: Session,
    evaluate: Callable[[int | None], float],
    change: Callable[[int], Change],
    count: int,
    seconds: float,
) -> Iterator[float]:
    """The value of each variation, in order; fewer if time runs out.

    Arguments:
        evaluate: one call of the code: of a variation by its number, None for none of them.
        change: what a variation changes, by its number.
        count: how many there are.
        seconds: for all of them.

    Raises:
        CodeFailure, Unsupported, AgentGone: as `evaluate` does.
    """
    until = time.monotonic() + seconds

    def value(number: int | None) -> float:
        with session.temporary():
            return evaluate(number)

    value(None)  # what is asked only once is not recorded
    with session.recorded() as script:
        value(None)
    try:
        for number in range(count):
            if time.monotonic() > until:
                return
            if not session.foreseen:
                session.foreseen = ask_ahead(session, script, map(change, range(number, count)))
            try:
                found = value(number)
            except Unforeseen:
                found = value(number)
            yield found
    finally:
        session.foreseen.clear()


def ask_ahead(
    session: Session, script: Sequence[Foreseen], changes: Iterable[Change]
) -> list[Foreseen]:
    """Messages of the next evaluations, with their answers.

    Returns:
        Of as many variations as fit into a request, the last message first; none where the
        array that changes is not among those that are sent.
    """
    blobs = [blob for step in script for blob in step.blobs]
    base = len(blobs)
    variations: list[list[list[int]]] = []
    sent = sum(map(len, blobs))
    for before, after in changes:
        old, new = (np.ascontiguousarray(array).tobytes() for array in (before, after))
        places = [place for place in range(base) if blobs[place] == old]
        sent += len(new)
        if not places or (variations and sent > MAX_SENT):
            break
        variations.append([[place, len(blobs)] for place in places])
        blobs.append(new)
    if not variations:
        return []
    steps = [[step.message, len(step.blobs)] for step in script]
    answers = session.replay(steps, variations, SECONDS, blobs)
    found: list[Foreseen] = []
    for number, (reply, arrays) in enumerate(answers):
        variation, step = divmod(number, len(script))
        here = list(blobs[:base])
        for place, other in variations[variation]:
            here[place] = blobs[other]
        start = sum(len(earlier.blobs) for earlier in script[:step])
        mine = here[start : start + len(script[step].blobs)]
        found.append(Foreseen(script[step].message, mine, reply, arrays))
    return found[::-1]
