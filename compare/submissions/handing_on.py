"""Which result of the forward function each argument of the backward function takes."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import permutations

from compare.submissions.names import plain
from compare.submissions.source import Source, own_statements

Order = dict[str, int]
"""The place in the tuple that the forward function returns, by argument."""

BY_NAME, AS_CALLED = "by their names", "as the file calls it"
AS_RETURNED, BY_TRYING = "in the order in which they are returned", "by their values"

MAX_PERMUTED = 3
"""Number of arguments up to which every order is tried."""

MAX_NAMED = 6
"""Number of results up to which their names are compared."""

MIN_SHARED = 3
"""Number of letters that two names must share to be alike."""


def orders(
    arguments: Sequence[str], left: Mapping[int, str | None], written: Sequence[Order]
) -> list[tuple[Order, str]]:
    """The plausible orders, the likeliest first, with what speaks for each.

    Arguments:
        arguments: names of those whose meaning is open.
        left: the results that no other argument takes, place to name.
        written: the orders in calls of the file.

    Returns:
        Every order of as many results as arguments; of more results only those that the names or
        the file's calls tell.
    """
    found: list[tuple[Order, str]] = []
    named = by_name(arguments, left)
    if named is not None:
        found.append((named, BY_NAME))
    found += [
        ({name: order[name] for name in arguments}, AS_CALLED)
        for order in written
        if all(order.get(name) in left for name in arguments)
    ]
    if len(left) == len(arguments):
        tried = permutations(left) if len(arguments) <= MAX_PERMUTED else [tuple(left)]
        for number, places in enumerate(tried):
            reason = BY_TRYING if number else AS_RETURNED
            found.append((dict(zip(arguments, places, strict=True)), reason))
    return [entry for i, entry in enumerate(found) if entry[0] not in [o for o, _ in found[:i]]]


def by_name(arguments: Sequence[str], left: Mapping[int, str | None]) -> Order | None:
    """The order in which the names are most alike; None if they leave it open.

    With as many results as arguments one without a likely name takes what remains.
    """
    if len(left) > MAX_NAMED:
        return None
    rated: list[tuple[int, Order]] = []
    for places in permutations(left, len(arguments)):
        alike = [likeness(a, left[place]) for a, place in zip(arguments, places, strict=True)]
        if alike.count(0) <= (len(left) == len(arguments) > 1):
            rated.append((sum(alike), dict(zip(arguments, places, strict=True))))
    most = max((rating for rating, _ in rated), default=0)
    likeliest = [order for rating, order in rated if rating == most]
    return likeliest[0] if len(likeliest) == 1 else None


def likeness(argument: str, result: str | None) -> int:
    """The number of letters in the longest passage that two names share; 0 if it is short."""
    one, other = plain(argument), plain(result or "")
    size = SequenceMatcher(None, one, other).find_longest_match().size
    return size if size >= MIN_SHARED else 0


def written_orders(
    source: Source, forward: str, backward: str, arguments: Sequence[str]
) -> list[Order]:
    """The orders in which the file itself hands the forward function's results on.

    Arguments:
        forward, backward: names of the functions.
        arguments: of the backward function, in their order.
    """
    found: list[Order] = []
    scopes = [source.tree(), *(n for n in source.nodes() if isinstance(n, ast.FunctionDef))]
    for scope in scopes:
        places: Order = {}
        for node in own_statements(scope):
            if isinstance(node, ast.Assign) and called(node.value) == forward:
                places = {name: i for i, name in unpacked(node)}
            if places and isinstance(node, ast.Call) and called(node) == backward:
                given = [*zip(arguments, node.args, strict=False)]
                given += [(word.arg, word.value) for word in node.keywords if word.arg]
                order = {a: places[v.id] for a, v in given if getattr(v, "id", None) in places}  # type: ignore[attr-defined]
                if order not in found:
                    found.append(order)
    return found


def order_words(
    orders: Sequence[tuple[Order, str]],
    chosen: Order | None,
    written: Sequence[Order],
    names: Sequence[str | None],
) -> str:
    """The order in which results are handed on, and what speaks for it.

    Arguments:
        orders: the plausible ones, with what speaks for each.
        chosen: one of them; None for the first.
        written: the orders in calls of the file.
        names: of the results; those without are numbered.
    """
    order = chosen or orders[0][0]
    reason = next((why for known, why in orders if known == order), BY_TRYING)
    called_otherwise = any(
        order.keys() <= other.keys() and any(other[name] != order[name] for name in order)
        for other in written
    )
    if called_otherwise:
        reason += "; a call in the file hands them on otherwise"
    named = dict(enumerate(names))
    pairs = (f"{name} = {named.get(at) or f'result {at + 1}'}" for name, at in order.items())
    return f"{', '.join(pairs)} ({reason})"


def called(node: ast.AST) -> str | None:
    """The name of the function or method that an expression calls."""
    if not isinstance(node, ast.Call):
        return None
    return getattr(node.func, "id", None) or getattr(node.func, "attr", None)


def unpacked(node: ast.Assign) -> Iterator[tuple[int, str]]:
    """The names that a tuple is assigned to, with their places."""
    target = node.targets[0]
    for i, entry in enumerate(getattr(target, "elts", ())):
        if isinstance(entry, ast.Name):
            yield i, entry.id
